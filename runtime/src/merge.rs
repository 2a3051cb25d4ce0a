//! Puts the lanes of a run together into one order that agrees with causality and does not depend on timing.
//!
//! Every act happened at one moment: a push under the lock of the queue; the handling of an input, with all it sent,
//! at the moment in which the input was picked (between that and the handler's end nobody else could tell). What an
//! act must come after ([`Act`]) was true of those moments, so an order exists, and the merge never gets stuck:
//!
//! 1. the act before it in its lane;
//! 2. a handling stands where its input was picked among the arrivals at its inbox, so that whoever counts arrivals
//!    and handlings sees the queue as long as it really was, never longer;
//! 3. a push comes after the handling that sent the update, and after the sender's pushes before it;
//! 4. the next handling of a worker comes after its pushes of the last, unless both inputs were picked at once; after these
//!    come too the death of its process between two inputs, and a new life;
//! 5. a shard has one update in hand: it routes one, delivers it, routes the next;
//! 6. a session asks after what it sent before was handled or dropped.
//!
//! Among the acts that may come next the one of the smallest lane does. So equal lanes give equal traces, whatever
//! the clock said. An act is a step; all its events have its number.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::vec;

use raddle_core::{Event, Party, SourceId, What, WorkerId};

use crate::log::Act;

/// The acts of one lane, each with the number of its events, and the events.
pub(crate) struct Strand {
    acts: Peekable<vec::IntoIter<(Act, usize)>>,
    events: vec::IntoIter<Event>,
}

impl Strand {
    pub(crate) fn new(acts: Vec<(Act, usize)>, events: Vec<Event>) -> Self {
        let counted: usize = acts.iter().map(|(_, events)| events).sum();
        assert_eq!(counted, events.len(), "every event belongs to an act");
        Self { acts: acts.into_iter().peekable(), events: events.into_iter() }
    }

    fn head(&mut self) -> Option<Act> {
        self.acts.peek().map(|(act, _)| *act)
    }
}

/// The events of all lanes, in order and numbered by step.
pub(crate) fn merge(workers: Vec<Strand>, inboxes: Vec<Strand>, shards: Vec<Strand>) -> Vec<Event> {
    assert_eq!(workers.len(), inboxes.len(), "every worker has an inbox");
    let (workers_len, shards_len) = (workers.len(), shards.len());
    let pairs = workers.into_iter().zip(inboxes).flat_map(|(worker, inbox)| [worker, inbox]);
    let strands: Vec<Strand> = pairs.chain(shards).collect();
    let mut merge = Merge {
        workers: (0..workers_len).map(|_| Sender::default()).collect(),
        in_hand: vec![None; shards_len],
        asked: BTreeMap::new(),
        candidates: (0..strands.len()).collect(),
        events: Vec::with_capacity(strands.iter().map(|strand| strand.events.len()).sum()),
        strands,
        step: 0,
    };
    merge.run();
    merge.events
}

/// How far a worker has come in sending and pushing.
#[derive(Clone, Debug, Default)]
struct Sender {
    sent: u32,
    pushed: u32,
    /// Lanes whose next act is a push of this worker that cannot come yet, by its serial.
    awaited: BTreeMap<u32, usize>,
}

/// How many messages of a source were handled or dropped.
#[derive(Clone, Debug, Default)]
struct Asked {
    over: u64,
    /// Lanes whose next act is one of this session that cannot come yet, by how many must be over before.
    awaited: BTreeMap<u64, usize>,
}

/// Lanes stand as worker, inbox, worker, inbox, …, then the shards.
struct Merge {
    strands: Vec<Strand>,
    workers: Vec<Sender>,
    /// What each shard has in hand, by whom it is for.
    in_hand: Vec<Option<WorkerId>>,
    /// How far each source has come.
    asked: BTreeMap<SourceId, Asked>,
    /// Lanes that may be able to go on. Every other lane becomes one when that changes for which it waits.
    candidates: BTreeSet<usize>,
    events: Vec<Event>,
    step: u64,
}

impl Merge {
    fn run(&mut self) {
        while let Some(lane) = self.candidates.pop_first() {
            let Some(act) = self.strands[lane].head() else { continue };
            if self.may_come(lane, act) {
                self.take(lane, act);
                self.candidates.insert(lane);
            } else if let Act::Push { by, serial } | Act::Attempt { by, serial } = act {
                self.workers[by.index()].awaited.insert(serial, lane);
            } else if let Act::Ask { session, nth, .. } = act {
                self.asked.entry(session).or_default().awaited.insert(nth, lane);
            }
        }
        let stuck = self.strands.iter_mut().position(|strand| strand.head().is_some());
        assert_eq!(stuck, None, "the lanes of a run agree on an order");
    }

    fn may_come(&mut self, lane: usize, act: Act) -> bool {
        let rests = |worker: usize| self.workers[worker].pushed == self.workers[worker].sent;
        match act {
            Act::Free
            | Act::Take { .. }
            | Act::Idle
            | Act::EndLife { .. }
            | Act::Lose { .. }
            | Act::Expire { .. }
            | Act::Nacked => true,
            Act::Ask { session, nth, .. } => self.asked.get(&session).map_or(0, |asked| asked.over) == nth,
            Act::Push { by, serial } | Act::Attempt { by, serial } => {
                let Sender { sent, pushed, .. } = self.workers[by.index()];
                pushed + 1 == serial && serial <= sent
            }
            Act::Deliver { shard } => self.in_hand[shard as usize].is_some_and(|to| lane == inbox_lane(to)),
            Act::Route { .. } => self.in_hand[self.shard_of(lane)].is_none(),
            Act::Pick { .. } => rests(lane / 2) && matches!(self.strands[lane - 1].head(), Some(Act::Handle { .. })),
            Act::Handle { .. } => false,
            Act::Start { .. } | Act::Fire { .. } | Act::Kill { .. } | Act::Restart => rests(lane / 2),
        }
    }

    /// Takes an act, and all that happened at the same moment.
    fn take(&mut self, lane: usize, act: Act) {
        self.take_one(lane, act);
        while let Some(act @ Act::Pick { along: true }) = self.strands[lane].head() {
            self.take_one(lane, act);
        }
    }

    fn take_one(&mut self, lane: usize, act: Act) {
        let before = self.events.len();
        self.take_events(lane);
        match act {
            Act::Pick { .. } | Act::Start { .. } | Act::Fire { .. } | Act::Kill { .. } | Act::Restart => {
                if matches!(act, Act::Pick { .. }) {
                    self.take_events(lane - 1);
                }
                let emits = self.events[before..].iter().filter(|event| event.what == What::Emit).count();
                self.workers[lane / 2].sent += emits as u32;
                self.wake(lane / 2);
            }
            Act::Push { by, .. } => {
                self.workers[by.index()].pushed += 1;
                self.wake(by.index());
            }
            Act::Route { to } => {
                let shard = self.shard_of(lane);
                self.in_hand[shard] = Some(to);
                self.candidates.insert(inbox_lane(to));
            }
            Act::Deliver { shard } => {
                self.in_hand[shard as usize] = None;
                self.candidates.insert(2 * self.workers.len() + shard as usize);
            }
            _ => {}
        }
        self.count_messages(before);
        if self.events.len() > before {
            self.step += 1;
            self.events[before..].iter_mut().for_each(|event| event.moment.step = self.step);
        }
    }

    /// Among the events from this one on, messages of sources may have been handled or dropped.
    fn count_messages(&mut self, from: usize) {
        for event in &self.events[from..] {
            if let (Party::Source(source), What::Handle | What::Drop(_)) = (event.header.from, event.what) {
                let Asked { over, awaited } = self.asked.entry(source).or_default();
                *over += 1;
                self.candidates.extend(awaited.remove(over));
            }
        }
    }

    /// A worker has sent or pushed: its own lanes, and the lane of its next push, may be able to go on.
    fn wake(&mut self, worker: usize) {
        self.candidates.extend([2 * worker, 2 * worker + 1]);
        let Sender { sent, pushed, awaited } = &mut self.workers[worker];
        if pushed < sent {
            self.candidates.extend(awaited.remove(&(*pushed + 1)));
        }
    }

    fn shard_of(&self, lane: usize) -> usize {
        lane - 2 * self.workers.len()
    }

    fn take_events(&mut self, lane: usize) {
        let strand = &mut self.strands[lane];
        let (_, count) = strand.acts.next().expect("it has a head");
        self.events.extend(strand.events.by_ref().take(count));
    }
}

const fn inbox_lane(worker: WorkerId) -> usize {
    2 * worker.index() + 1
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use raddle_core::{Header, Incarnation, Lane, MessageId, Moment, Names, Party, Time};

    use super::*;

    const ANN: WorkerId = WorkerId::new(0);
    const BOB: WorkerId = WorkerId::new(1);

    fn event(id: &str, what: What, lane: Lane) -> Event {
        let names = Names::new("test", ["ann", "bob", "eve"], ["bank"]).expect("good names");
        let id = MessageId::parse(id, &names).expect("an id");
        let header = Header::of_root(id, Party::Worker(ANN), BOB, Incarnation(0), Default::default());
        let moment = Moment::default();
        Event { moment, lane, life: Incarnation(0), what, header, text: "".into(), payload: "".into() }
    }

    type Acts<'a> = &'a [(Act, &'a [(What, &'a str)])];

    /// Lanes, smallest first: ann, her inbox, bob, his inbox, eve, her inbox.
    #[track_caller]
    fn check(lanes: [Acts<'_>; 6], expected: &str) {
        let strand = |at: usize| {
            let worker = WorkerId::at(at / 2);
            let lane = if at.is_multiple_of(2) { Lane::Worker(worker) } else { Lane::Inbox(worker) };
            let acts = lanes[at].iter().map(|(act, events)| (*act, events.len())).collect();
            let events = lanes[at].iter().flat_map(|(_, events)| *events);
            Strand::new(acts, events.map(|(what, id)| event(id, *what, lane)).collect())
        };
        let merged = merge([0, 2, 4].map(strand).into(), [1, 3, 5].map(strand).into(), Vec::new());
        let names = Names::new("test", ["ann", "bob", "eve"], ["bank"]).expect("good names");
        let mut text = String::new();
        for event in merged {
            let (step, word) = (event.moment.step, event.what.word());
            write!(text, "{step} {word} {}; ", event.header.id.display(&names)).expect("text");
        }
        assert_eq!(text.trim_end(), expected);
    }

    /// Ann tells Bob something twice, Eve once; Eve's came in between, and Bob had picked Ann's first before that.
    #[test]
    fn a_handling_stands_where_its_input_was_picked() {
        use What::{Arrive, Emit, Handle};
        const HANDLE: Act = Act::Handle { now: Time(0), deaths: 0 };
        const PICK: Act = Act::Pick { along: false };
        let push = |by, serial| Act::Push { by: WorkerId::new(by), serial };
        check(
            [
                &[(HANDLE, &[(Handle, "bank#0"), (Emit, "bank#0.0"), (Emit, "bank#0.1")])],
                &[(Act::Free, &[(Arrive, "bank#0")]), (PICK, &[])],
                &[(HANDLE, &[(Handle, "bank#0.0")])],
                &[
                    (push(0, 1), &[(Arrive, "bank#0.0")]),
                    (PICK, &[]),
                    (push(2, 1), &[(Arrive, "eve/0!start.0")]),
                    (push(0, 2), &[(Arrive, "bank#0.1")]),
                ],
                &[(Act::Start { now: Time(0), deaths: 0 }, &[(Handle, "eve/0!start"), (Emit, "eve/0!start.0")])],
                &[],
            ],
            "1 arrive bank#0; 2 handle bank#0; 2 emit bank#0.0; 2 emit bank#0.1; 3 arrive bank#0.0; \
             4 handle bank#0.0; 5 handle eve/0!start; 5 emit eve/0!start.0; 6 arrive eve/0!start.0; 7 arrive bank#0.1;",
        );
    }
}
