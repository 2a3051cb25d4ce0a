//! What a run leaves, put together from what its threads and queues leave.

use std::time::Duration;

use raddle_core::recording::Tail;
use raddle_core::{
    Conditions, Coordinator, Counting, End, EndReason, Hop, Inbox, InputKind, Parked, Plan, StateMachine, Trace,
    Worker, WorkerId, fnv,
};

use crate::crew::{ShardLeft, WorkerLeft};
use crate::desktop::{InboxDesk, ShardDesk};
use crate::hands::Death;
use crate::log::{Log, Parcel};
use crate::merge::{Strand, merge};
use crate::metrics::Metrics;
use crate::record::{RecordError, Recorded};
use crate::transport::{PROMISED, Transport};

/// What a run leaves.
pub struct Outcome<M: StateMachine> {
    /// Its events, if it was recorded.
    pub trace: Option<Trace>,
    /// All workers with their machines, in the order of declaration.
    pub workers: Vec<Worker<M>>,
    /// How it ended, and what it left undone.
    pub end: End,
    /// Its counts.
    pub metrics: Metrics,
    /// What became of its recording, if it was to be recorded to a file.
    pub recorded: Option<Result<Recorded, RecordError>>,
    /// From the first thread's start until nothing was left to do, or the run was halted.
    pub elapsed: Duration,
    /// The processes that died before the run was over, worker by worker.
    pub deaths: Vec<Death>,
    /// Whether all machines are in the states in which the run left them: a process may die when its run is over.
    pub are_states_known: bool,
}

/// What the threads of a run leave.
pub(crate) struct Left<M: StateMachine> {
    pub(crate) reason: EndReason,
    pub(crate) elapsed: Duration,
    pub(crate) workers: Vec<WorkerLeft<M>>,
    pub(crate) shards: Vec<ShardLeft<M>>,
}

impl<M: StateMachine> Outcome<M> {
    pub(crate) fn new(plan: &Plan<M>, transport: Transport<'_, M>, left: Left<M>) -> Self {
        let recording = transport.recording;
        let fed = transport.fed();
        let (inboxes, shards, gauges) = transport.into_queues();
        let mut gauges = gauges.into_iter();
        let mut end = End { reason: left.reason, ..End::default() };
        let mut metrics = Metrics { elapsed: left.elapsed, fed, ..Metrics::default() };

        let routes = Coordinator::new(plan.names(), plan.policies());
        // Whoever waits for a shard waits for the inbox at which that shard waits.
        let blocked_at: Vec<Option<WorkerId>> = left.shards.iter().map(|l| l.as_ref().map(|e| e.header.to)).collect();
        end.in_flight.extend(left.shards.iter().flatten().map(|envelope| envelope.header.id.clone()));
        let (mut deaths, mut are_states_known) = (Vec::new(), true);
        let mut strands = (Vec::new(), Vec::new(), Vec::new());
        for desk in shards {
            metrics.add(desk.counts());
            let ShardDesk { queue: shard, log, .. } = desk;
            end.in_flight.extend(shard.queued().map(|envelope| envelope.header.id.clone()));
            strands.2.push(strand(*log));
        }
        let mut workers = Vec::with_capacity(left.workers.len());
        for ((left, desk), (_, name)) in left.workers.into_iter().zip(inboxes).zip(plan.names().workers()) {
            let WorkerLeft { worker, log: own_log, unsent, deaths: died, is_state_known } = left;
            are_states_known &= is_state_known;
            deaths.extend(died);
            metrics.add(own_log.counts());
            metrics.add(desk.counts());
            let InboxDesk { queue: inbox, log, .. } = desk;
            let waits = worker.waits().iter().map(|(on, what)| (worker.id(), *on, (*what).to_string()));
            end.waiting.extend(waits);
            if let Some(first) = unsent.front() {
                let at = match routes.route(&first.header) {
                    Hop::Inbox(to) => to,
                    Hop::Shard(shard) => blocked_at[shard as usize].unwrap_or(first.header.to),
                };
                end.stalled.push((worker.id(), at));
            }
            end.in_flight.extend(unsent.into_iter().map(|envelope| envelope.header.id));
            take_inbox(worker.id(), &inbox, &mut end);
            metrics.note_queues(name, &inbox);
            metrics.latency.insert(name.to_owned(), gauges.next().expect("one for each worker").latency);
            strands.0.push(strand(own_log));
            strands.1.push(strand(*log));
            workers.push(worker);
        }
        metrics.sum_up();
        end.in_flight.sort_unstable();

        let trace = recording.then(|| Trace {
            conditions: Conditions {
                names: plan.names().clone(),
                policies: plan.policies().clone(),
                counting: Counting::Queued,
                promised: PROMISED,
                barriers: plan.rules(PROMISED).barriers,
            },
            events: merge(strands.0, strands.1, strands.2),
            end: end.clone(),
        });
        Self { trace, workers, end, metrics, recorded: None, elapsed: left.elapsed, deaths, are_states_known }
    }

    /// The hash of all final states, if the system is hashed and all are known; that of a simulated run which ends in the same
    /// states.
    #[must_use]
    pub fn state_hash(&self, plan: &Plan<M>) -> Option<u64> {
        let mut machines = self.workers.iter().map(Worker::machine);
        let hash = machines.try_fold(fnv::OFFSET, |hash, machine| Some(fnv::spread(hash ^ plan.state_hash(machine)?)));
        hash.filter(|_| self.are_states_known)
    }

    /// How the run ended, for its recording.
    pub(crate) fn tail(&self, plan: &Plan<M>) -> Tail {
        Tail {
            is_quiescent: self.end.reason == EndReason::Quiescent,
            digest: self.trace.as_ref().map(Trace::digest),
            state: self.state_hash(plan),
        }
    }
}

/// What is left at one inbox.
fn take_inbox<M: StateMachine>(at: WorkerId, inbox: &Inbox<Parcel<M>>, end: &mut End) {
    let updates = inbox.queued().filter(|envelope| envelope.header.kind() == InputKind::Update);
    end.in_flight.extend(updates.map(|envelope| envelope.header.id.clone()));
    let left = |(envelope, of, needs): (&Parcel<M>, _, _)| Parked { id: envelope.header.id.clone(), at, of, needs };
    let mut parked: Vec<Parked> = inbox.parked().map(left).collect();
    parked.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    end.in_flight.extend(parked.iter().map(|parked| parked.id.clone()));
    end.parked.extend(parked);
    end.parked.extend(inbox.parked_ops().map(left));
}

fn strand<M: StateMachine>(log: Log<M>) -> Strand {
    let (acts, events) = log.into_acts();
    Strand::new(acts, events)
}
