//! What must be true of every recorded run, worked out from its trace alone.

use std::collections::{BTreeMap, BTreeSet};

use raddle_core::{
    DropReason, Event, InputKind, Lane, LinkNumber, MessageId, OnFull, Placement, StateMachine, Trace, VectorClock,
    What, WorkerId,
};
use raddle_runtime::{Metrics, Outcome};

/// Checks a run from end to end.
#[track_caller]
pub(crate) fn audit<M: StateMachine>(outcome: &Outcome<M>) {
    let trace = outcome.trace.as_ref().expect("the run was recorded");
    steps_and_lanes(trace);
    ways(trace);
    clocks(trace);
    high_water(outcome, &queues(trace));
    pushes(trace);
    starts(trace);
    assert!(
        trace.end.parked.is_empty() && outcome.metrics.count(PARK) == 0,
        "nothing overtakes here, so nothing waits"
    );
    metrics(outcome, trace);
    for (worker, clock) in outcome.workers.iter().zip(replayed_clocks(trace)) {
        assert_eq!(worker.clock(), &clock, "the trace explains what the worker knows");
    }
}

const PARK: What = What::Park { of: WorkerId::new(0), needs: LinkNumber(0) };

fn name(event: &Event, trace: &Trace) -> String {
    format!("step {} {} {}", event.moment.step, event.what.word(), event.header.id.display(&trace.conditions.names))
}

/// Steps count from 1 without a gap, and within a lane time does not run backwards.
#[track_caller]
fn steps_and_lanes(trace: &Trace) {
    let mut step = 0;
    let mut times = BTreeMap::new();
    for event in &trace.events {
        let next = event.moment.step;
        assert!(next == step || next == step + 1, "{}", name(event, trace));
        step = next;
        // What is picked for a dead worker is written down a little later than picked.
        if event.what != What::Drop(DropReason::Crash) {
            let before = times.insert(event.lane, event.moment.time).unwrap_or_default();
            assert!(before <= event.moment.time, "{}", name(event, trace));
        }
    }
    assert!(trace.events.is_empty() || step > 0);
}

/// Sent, then arrived, then handled or dropped, each once; the rest is still on its way.
#[track_caller]
fn ways(trace: &Trace) {
    #[derive(PartialEq, Eq, Debug)]
    enum At {
        Sent,
        Arrived,
        Done,
    }
    let mut ways: BTreeMap<&MessageId, At> = BTreeMap::new();
    for event in &trace.events {
        let id = &event.header.id;
        let kind = event.header.kind();
        let external = kind == InputKind::External;
        let at = ways.get(id);
        match event.what {
            What::Emit => {
                assert_eq!(at, None, "{}", name(event, trace));
                assert_eq!(event.header.depth, id.depth(), "{}", name(event, trace));
                ways.insert(id, At::Sent);
            }
            What::Arrive => {
                assert_eq!(at, if external { None } else { Some(&At::Sent) }, "{}", name(event, trace));
                ways.insert(id, At::Arrived);
            }
            What::Handle if matches!(kind, InputKind::Start | InputKind::Timer) => assert_eq!(at, None),
            What::Handle => {
                assert_eq!(at, Some(&At::Arrived), "{}", name(event, trace));
                ways.insert(id, At::Done);
            }
            What::Drop(_) if !matches!(event.lane, Lane::Worker(_)) => {
                let ingress = matches!(event.lane, Lane::Shard(_));
                let before = if ingress { At::Sent } else { At::Arrived };
                assert_eq!(at, Some(&before), "{}", name(event, trace));
                ways.insert(id, At::Done);
            }
            _ => {}
        }
    }
    let open = ways.iter().filter(|(id, at)| !id.is_root() && **at != At::Done).map(|(id, _)| (*id).clone());
    let left: BTreeSet<MessageId> = trace.end.in_flight.iter().cloned().collect();
    assert_eq!(left.len(), trace.end.in_flight.len(), "in flight once");
    assert_eq!(open.collect::<BTreeSet<_>>(), left, "sent = handled + dropped + in flight");
}

/// Every stamp is the sender's clock; no update is handled after one whose sender knew of it; links keep their order.
#[track_caller]
fn clocks(trace: &Trace) {
    let workers = trace.conditions.names.worker_count();
    let mut clocks = vec![VectorClock::new(); workers];
    let mut numbers: BTreeMap<(WorkerId, WorkerId), LinkNumber> = BTreeMap::new();
    for event in &trace.events {
        let Lane::Worker(worker) = event.lane else { continue };
        let header = &event.header;
        match event.what {
            What::Emit => {
                clocks[worker.index()].tick(worker);
                assert_eq!(header.clock, clocks[worker.index()], "{}", name(event, trace));
            }
            What::Handle => {
                if let Some(from) = header.link() {
                    let known = clocks[worker.index()].get(from);
                    assert!(header.clock.get(from) > known, "out of causal order: {}", name(event, trace));
                    let before = numbers.insert((from, worker), header.number).unwrap_or_default();
                    assert!(before < header.number, "out of link order: {}", name(event, trace));
                }
                clocks[worker.index()].merge(&header.clock);
            }
            _ => {}
        }
    }
}

fn replayed_clocks(trace: &Trace) -> Vec<VectorClock> {
    let mut clocks = vec![VectorClock::new(); trace.conditions.names.worker_count()];
    for event in &trace.events {
        match (event.what, event.lane) {
            (What::Emit, Lane::Worker(worker)) => drop(clocks[worker.index()].tick(worker)),
            (What::Handle, Lane::Worker(worker)) => clocks[worker.index()].merge(&event.header.clock),
            _ => {}
        }
    }
    clocks
}

/// After each step no queue is longer than its capacity; queues are emptied in their own order. How long each ever was.
#[track_caller]
fn queues(trace: &Trace) -> Vec<[usize; 2]> {
    let policies = &trace.conditions.policies;
    let mut queues: Vec<[Vec<&MessageId>; 2]> = vec![Default::default(); trace.conditions.names.worker_count()];
    let mut most = vec![[0; 2]; queues.len()];
    let mut stalled: BTreeMap<WorkerId, &MessageId> = BTreeMap::new();
    let mut events = trace.events.iter().peekable();
    while let Some(event) = events.next() {
        let header = &event.header;
        let update = header.kind() == InputKind::Update;
        let queue = &mut queues[header.to.index()][usize::from(update)];
        let id = &header.id;
        match (event.what, event.lane) {
            (What::Arrive | What::Release | What::Admit, Lane::Inbox(_)) => queue.push(id),
            (What::Park { .. } | What::Hold | What::Drop(_), Lane::Inbox(_)) => queue.retain(|queued| *queued != id),
            (What::Handle, _) if matches!(header.kind(), InputKind::Update | InputKind::External) => {
                assert_eq!(queue.first(), Some(&id), "{}", name(event, trace));
                queue.remove(0);
            }
            (What::Stall, _) => {
                let sender = header.from.worker().expect("workers stall");
                assert_eq!(policies.on_full, OnFull::Stall);
                assert!(
                    matches!(event.lane, Lane::Shard(_)) || queue.len() == policies.capacity,
                    "{}",
                    name(event, trace)
                );
                assert_eq!(stalled.insert(sender, id), None, "{}", name(event, trace));
            }
            (What::Resume, _) => {
                let sender = header.from.worker().expect("workers stall");
                assert_eq!(stalled.remove(&sender), Some(id), "{}", name(event, trace));
            }
            _ => {}
        }
        if let (What::Handle, Lane::Worker(worker)) = (event.what, event.lane) {
            assert!(!stalled.contains_key(&worker), "handles though it waits: {}", name(event, trace));
        }
        if events.peek().is_none_or(|next| next.moment.step != event.moment.step) {
            let [externals, updates] = &queues[header.to.index()];
            assert!(externals.len() <= policies.external_capacity, "{}", name(event, trace));
            assert!(updates.len() <= policies.capacity, "{}: {updates:?}", name(event, trace));
            let most = &mut most[header.to.index()];
            *most = [most[0].max(externals.len()), most[1].max(updates.len())];
        }
    }
    let waiting: BTreeSet<WorkerId> = trace.end.stalled.iter().map(|(sender, _)| *sender).collect();
    assert_eq!(stalled.into_keys().collect::<BTreeSet<_>>(), waiting);
    most
}

/// A worker pushes what it sent in the order in which it sent it, and handles nothing before that is done.
#[track_caller]
fn pushes(trace: &Trace) {
    if trace.conditions.policies.placement != Placement::Inline {
        return;
    }
    let mut sent = vec![0; trace.conditions.names.worker_count()];
    let mut pushed = sent.clone();
    for event in &trace.events {
        match (event.what, event.lane, event.header.from.worker()) {
            (What::Emit, Lane::Worker(worker), _) => sent[worker.index()] += 1,
            (What::Handle, Lane::Worker(worker), _) => {
                assert_eq!(pushed[worker.index()], sent[worker.index()], "{}", name(event, trace));
            }
            (What::Arrive, _, Some(sender)) => {
                pushed[sender.index()] += 1;
                assert_eq!(pushed[sender.index()], event.header.clock.get(sender), "{}", name(event, trace));
            }
            _ => {}
        }
    }
}

/// A start is the first input of a life of its worker.
#[track_caller]
fn starts(trace: &Trace) {
    let mut begun = BTreeSet::new();
    for event in trace.events.iter().filter(|event| event.what == What::Handle) {
        let first = begun.insert((event.header.to, event.life));
        assert!(event.header.kind() != InputKind::Start || first, "{}", name(event, trace));
    }
}

/// The counts are those of the trace.
#[track_caller]
fn metrics<M: StateMachine>(outcome: &Outcome<M>, trace: &Trace) {
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    trace.events.iter().for_each(|event| *counted.entry(event.what.word()).or_default() += 1);
    assert_eq!(counted, outcome.metrics.events);
    let count = |wanted: fn(&Event) -> bool| trace.events.iter().filter(|event| wanted(event)).count() as u64;
    let metrics = &outcome.metrics;
    assert_eq!(metrics.handled, count(|event| event.what == What::Handle));
    assert_eq!(metrics.sent, count(|event| event.what == What::Emit));
    assert_eq!(metrics.dropped, count(|event| matches!(event.what, What::Drop(_))));
    let external = |event: &Event| event.what == What::Arrive && event.header.kind() == InputKind::External;
    assert_eq!(metrics.fed, count(external));
    assert_eq!(trace.end, outcome.end);
}

/// The marks of the queues of each worker are those of the trace.
#[track_caller]
fn high_water<M: StateMachine>(outcome: &Outcome<M>, most: &[[usize; 2]]) {
    let Metrics { high_water, external_high_water, .. } = &outcome.metrics;
    let marks: Vec<_> = external_high_water.values().zip(high_water.values()).map(|(a, b)| [*a, *b]).collect();
    assert_eq!(marks, most);
}
