//! Traces of all shapes for property tests: also such as no driver makes.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use raddle_core::{
    Barriers, Cause, Conditions, Counting, Depth, DropReason, End, EndReason, Event, FaultKind, Header, Incarnation,
    Lane, LinkNumber, MessageId, Moment, Names, Order, Parked, Party, Policies, Root, SourceId, Time, TimerTag, Trace,
    VectorClock, What, WorkerId,
};

/// A trace of three workers and two sources, with up to 40 events.
pub(crate) fn trace() -> impl Strategy<Value = Trace> {
    let names = Arc::new(Names::new("any", ["ann", "bob", "7"], ["bank", "ann"]).expect("good names"));
    let names = Arc::new(Names::clone(&names).with_sessions([SourceId::new(1)]));
    let counting = prop_oneof![Just(Counting::InFlight), Just(Counting::Queued)];
    let order = prop_oneof![Just(Order::Arrival), Just(Order::Fifo), Just(Order::Causal)];
    (vec(event(Arc::clone(&names)), 0..40), end(Arc::clone(&names)), counting, order, 1..9_usize).prop_map(
        move |(events, end, counting, promised, capacity)| {
            let policies = Policies { capacity, ..Policies::default() };
            Trace {
                conditions: Conditions {
                    names: Arc::clone(&names),
                    policies,
                    counting,
                    promised,
                    barriers: promised == Order::Causal,
                },
                events,
                end,
            }
        },
    )
}

/// Also workers that do not exist.
fn worker() -> impl Strategy<Value = WorkerId> {
    prop_oneof![0..3_u32, 0..3_u32, Just(3), Just(u32::MAX)].prop_map(WorkerId::new)
}

fn id(names: Arc<Names>) -> impl Strategy<Value = MessageId> {
    let root = prop_oneof![
        (0..2_u32, 0..3_u32).prop_map(|(source, n)| Root::External(SourceId::new(source), n)),
        (0..3_u32, 0..2_u32).prop_map(|(at, life)| Root::Start(WorkerId::new(at), Incarnation(life))),
        (0..3_u32, 0..2_u32, 0..2_u32).prop_map(|(at, life, n)| Root::Timer(WorkerId::new(at), Incarnation(life), n)),
    ];
    (root, vec(0..3_u16, 0..4))
        .prop_map(move |(root, path)| path.iter().fold(MessageId::root(root, &names), |id, index| id.output(*index)))
}

fn what() -> impl Strategy<Value = What> {
    let plain = prop::sample::select(vec![
        What::Arrive,
        What::Release,
        What::Hold,
        What::Admit,
        What::Stall,
        What::Resume,
        What::Nack,
        What::Handle,
        What::Emit,
        What::DepthRefused,
        What::CycleBroken,
        What::Waited,
        What::Mark,
        What::Reply,
        What::Read,
        What::Wrote,
        What::Cut,
        What::Crash(Cause::Panic),
        What::Crash(Cause::Fault),
        What::Crash(Cause::Killed),
        What::Restart,
        What::Route,
    ]);
    prop_oneof![
        8 => plain,
        1 => prop::sample::select(FaultKind::ALL.to_vec()).prop_map(What::Fault),
        1 => prop::sample::select(FaultKind::ALL.to_vec()).prop_map(What::FaultOver),
        2 => prop::sample::select(DropReason::ALL.to_vec()).prop_map(What::Drop),
        1 => (worker(), any::<u32>()).prop_map(|(of, n)| What::Park { of, needs: LinkNumber(n) }),
        1 => any::<(u64, u64)>().prop_map(|(tag, at)| What::SetTimer { tag: TimerTag(tag), deadline: Time(at) }),
        1 => any::<u64>().prop_map(|tag| What::CancelTimer { tag: TimerTag(tag) }),
        1 => any::<(u32, u32)>().prop_map(|(options, value)| What::Choose { options, value }),
        1 => worker().prop_map(|on| What::Wait { on }),
    ]
}

fn lane() -> impl Strategy<Value = Lane> {
    prop_oneof![
        4 => worker().prop_map(Lane::Worker),
        4 => worker().prop_map(Lane::Inbox),
        1 => any::<u32>().prop_map(Lane::Shard),
        1 => Just(Lane::Network),
    ]
}

fn text() -> impl Strategy<Value = Box<str>> {
    prop_oneof![2 => Just(String::new()), 1 => ".{0,12}", 1 => "\\PC{0,40}", 1 => any::<String>()].prop_map(Into::into)
}

fn header(names: Arc<Names>) -> impl Strategy<Value = Header> {
    let from = prop_oneof![
        worker().prop_map(Party::Worker),
        prop_oneof![0..2_u32, Just(9)].prop_map(|source| Party::Source(SourceId::new(source))),
    ];
    let clock = vec((worker(), 1..u32::MAX), 0..4).prop_map(|entries| entries.into_iter().collect::<VectorClock>());
    let numbers = (0..3_u32, any::<u32>(), any::<u32>(), any::<u64>());
    (id(names), from, worker(), numbers, clock, vec(worker(), 0..3)).prop_map(
        |(id, from, to, (life, number, depth, sent), clock, visited)| Header {
            barriers: Barriers::default(),
            id,
            from,
            to,
            to_life: Incarnation(life / 2),
            life: Incarnation(life),
            number: LinkNumber(number),
            depth: Depth(depth),
            sent_at: Time(sent),
            clock,
            visited,
        },
    )
}

fn event(names: Arc<Names>) -> impl Strategy<Value = Event> {
    let moment = (0..6_u64, any::<u64>()).prop_map(|(step, time)| Moment { step, time: Time(time) });
    (moment, lane(), 0..2_u32, what(), header(names), text(), text()).prop_map(
        |(moment, lane, life, what, header, text, payload)| Event {
            moment,
            lane,
            life: Incarnation(life),
            what,
            header,
            text,
            payload,
        },
    )
}

fn end(names: Arc<Names>) -> impl Strategy<Value = End> {
    let reason = prop::sample::select(vec![
        EndReason::Quiescent,
        EndReason::Violation,
        EndReason::Steps,
        EndReason::Horizon,
        EndReason::Stopped,
    ]);
    let parked = (id(Arc::clone(&names)), worker(), worker(), any::<u32>()).prop_map(|(id, at, of, needs)| Parked {
        id,
        at,
        of,
        needs: LinkNumber(needs),
    });
    let waiting = (worker(), worker(), any::<String>());
    (reason, vec(id(names), 0..3), vec(parked, 0..3), vec((worker(), worker()), 0..3), vec(waiting, 0..3)).prop_map(
        |(reason, in_flight, parked, stalled, waiting)| End {
            healed: (stalled.len() == 2).then_some(7),
            reason,
            in_flight,
            parked,
            stalled,
            waiting,
        },
    )
}
