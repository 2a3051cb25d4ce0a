//! The run that a search is at: its events, their happens-before order, and which of them race.
//!
//! Two events race if they depend on each other, nothing stands between them in the happens-before order, and the
//! second could have come first: its message was not made by the first, nor does the network keep the two in order.
//!
//! Nothing but the start of a life comes between its beginning and what its worker does next. So where the next event could
//! have come before the start, it could have come before the end of the life before: these two race.

use raddle_core::{Input, StateMachine, WorkerId};

use super::event::{Event, Outcome};
use super::heard::Heard;
use super::linearize::linearize;
use super::past::Past;
use super::relation::{Origin, Relation};
use super::stage::{Pick, Stage};
use super::toll::Toll;
use crate::actions::Act;
use crate::faults::Fault;
use crate::slab::Card;

/// No event.
const NONE: u32 = u32::MAX;

/// The events of the current run.
pub(crate) struct Trunk<M: StateMachine> {
    pub(crate) events: Vec<Taken<M>>,
    past: Past,
    /// By worker: its last event.
    last: Vec<u32>,
    /// By age of a message: the event that made it.
    makers: Vec<u32>,
    /// By worker: how many times it has crashed.
    pub(crate) crashes: Vec<u32>,
    /// In the order of their second events.
    pub(crate) races: Vec<Race<M>>,
    heard: Heard,
    /// What had to come before the next event at its worker, where neighbours there may be independent.
    forced: Vec<u32>,
}

/// Two events that could have come in the other order, or one that could have chosen something else.
pub(crate) struct Race<M: StateMachine> {
    pub(crate) first: u32,
    pub(crate) second: u32,
    /// What would come first instead.
    pub(crate) event: Event<M>,
    /// Whether its worker would be in another state then, so that nobody has seen what it does.
    pub(crate) is_open: bool,
    /// Whether it has been found out.
    pub(crate) is_known: bool,
    /// Whether nothing more can come of it in any run that goes on from its second event.
    pub(crate) is_settled: bool,
}

/// An event that was taken.
pub(crate) struct Taken<M: StateMachine> {
    pub(crate) event: Event<M>,
    pub(crate) pick: Pick,
    /// None of a crash.
    origin: Option<Origin>,
    maker: u32,
    /// The event before it at its worker.
    before: u32,
    /// How many messages were made before it.
    age: u32,
    /// The age of the message that is copied in it.
    copied: u32,
    /// What befell messages before it.
    pub(crate) toll: Toll,
    pub(crate) takes_room: bool,
}

/// An event about to be taken: what must be known of its message while there is its header.
struct Next<M: StateMachine> {
    key: u64,
    at: u32,
    pick: Pick,
    origin: Option<Origin>,
    maker: u32,
    before: u32,
    /// Whether the event before it at its worker had to come before it.
    is_forced: bool,
    takes_room: bool,
    outcome: Outcome,
    /// The age of the message that is copied in it.
    copied: u32,
    /// Whether its message may be lost instead.
    may_be_lost: bool,
    /// Whether its message may be copied before.
    may_be_copied: bool,
    input: Option<Input<M>>,
}

impl<M: StateMachine> Taken<M> {
    /// The event in which its message was made.
    pub(crate) fn maker(&self) -> Option<usize> {
        (self.maker != NONE).then_some(self.maker as usize)
    }
}

impl<M: StateMachine> Trunk<M> {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            events: Vec::new(),
            past: Past::new(),
            last: vec![NONE; workers],
            makers: Vec::new(),
            crashes: vec![0; workers],
            races: Vec::new(),
            heard: Heard::default(),
            forced: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// What befell messages so far.
    fn toll(&self) -> Toll {
        self.events.last().map_or_else(Toll::default, |taken| taken.toll.and(&taken.event))
    }

    /// How many updates this worker took that had been sent to it.
    pub(crate) fn took(&self, worker: u32) -> usize {
        self.events.iter().filter(|taken| taken.takes_room && taken.event.at == worker).count()
    }

    /// Cuts the run back to its first events, from which it goes on in another way.
    pub(crate) fn cut(&mut self, len: usize) {
        for taken in self.events.drain(len..).rev() {
            self.last[taken.event.at as usize] = taken.before;
            self.makers.truncate(taken.age as usize);
            if let Some(maker) = self.makers.get_mut(taken.copied as usize) {
                *maker = taken.maker;
            }
            self.crashes[taken.event.at as usize] -= u32::from(taken.event.is_crash());
        }
        while self.races.last().is_some_and(|race| race.second as usize >= len) {
            self.races.pop();
        }
    }

    /// Takes what was picked, with these values, and adds it to the run; false if it is no event.
    #[inline]
    pub(crate) fn take(&mut self, stage: &mut Stage<M>, pick: Pick, values: &[u32], relation: &Relation<M>) -> bool {
        let next = match pick {
            Pick::Late(worker) => self.look_at_crash(pick, worker, relation),
            Pick::Place(choice) => {
                let actions = stage.actions();
                let (at, outcome) = match actions.act(choice) {
                    Act::Deliver(at) => (at, Outcome::Arrived),
                    Act::Fault(Fault::Lose(at)) => (at, Outcome::Lost),
                    Act::Fault(Fault::Duplicate(at)) => (at, Outcome::Copied),
                    Act::Fault(Fault::Crash(worker)) => (worker.index(), Outcome::Crashed),
                    _ => return false,
                };
                if outcome == Outcome::Crashed {
                    self.look_at_crash(pick, WorkerId::at(at), relation)
                } else {
                    let may_be_lost = relation.knows_loss() && actions.may_befall(choice, Fault::Lose);
                    let may_be_copied = relation.knows_copies() && actions.may_befall(choice, Fault::Duplicate);
                    let slot = actions.ready[at].slot() as usize;
                    let slab = &stage.world().transit.slab;
                    let card = &slab.cards[slot];
                    let next = self.look(pick, outcome, card, slab.inputs[slot].as_ref(), relation);
                    match outcome {
                        // Who copies a message does not handle it.
                        Outcome::Copied => Next { copied: card.link.age, takes_room: false, input: None, ..next },
                        _ => Next { may_be_lost, may_be_copied, ..next },
                    }
                }
            }
        };
        if relation.needs_targets() {
            self.heard.clear();
            stage.take(pick, values, Some(&mut self.heard));
        } else {
            stage.take(pick, values, None);
        }
        let world = &stage.runner.world;
        self.push(next, (world.chosen(), world.options()), world.transit.next_age, relation);
        true
    }

    /// Looks at the message that arrives next.
    #[inline]
    fn look(
        &mut self,
        pick: Pick,
        outcome: Outcome,
        card: &Card,
        input: Option<&Input<M>>,
        relation: &Relation<M>,
    ) -> Next<M> {
        let header = &card.header;
        let at = header.to.index() as u32;
        let before = self.last[at as usize];
        let is_forced = |taken: &Taken<M>| taken.origin.is_some_and(|origin| relation.is_forced(origin, outcome, card));
        let is_general = relation.is_general();
        if is_general {
            // Where neighbours are dependent, those further back are in the past of these.
            let reach = if relation.has_free_neighbours() { usize::MAX } else { 2 };
            self.note_forced(before, reach, is_forced);
        }
        Next {
            key: header.id.hash64(),
            at,
            pick,
            origin: Some(Origin::of(card)),
            maker: self.makers.get(card.link.age as usize).copied().unwrap_or(NONE),
            before,
            is_forced: !is_general && before != NONE && is_forced(&self.events[before as usize]),
            takes_room: super::stage::takes_room(card),
            outcome,
            copied: NONE,
            may_be_lost: false,
            may_be_copied: false,
            input: if relation.needs_inputs() { input.cloned() } else { None },
        }
    }

    /// Looks at a worker that crashes next: not before its start, and one crash after the other.
    fn look_at_crash(&mut self, pick: Pick, worker: WorkerId, relation: &Relation<M>) -> Next<M> {
        debug_assert!(relation.is_general(), "where workers crash, they live again");
        let at = worker.index() as u32;
        let before = self.last[at as usize];
        let is_forced = |taken: &Taken<M>| taken.origin.is_none_or(Origin::is_start);
        self.note_forced(before, 2, is_forced);
        Next {
            key: self.next_crash(worker).key,
            at,
            pick,
            origin: None,
            maker: NONE,
            before,
            is_forced: false,
            takes_room: false,
            outcome: Outcome::Crashed,
            copied: NONE,
            may_be_lost: false,
            may_be_copied: false,
            input: None,
        }
    }

    /// Notes which of the last so many events at a worker have to come before the next there.
    fn note_forced(&mut self, last: u32, reach: usize, is_forced: impl Fn(&Taken<M>) -> bool) {
        let mut forced = std::mem::take(&mut self.forced);
        forced.clear();
        forced.extend(self.chain(last).take(reach).filter(|event| is_forced(&self.events[*event as usize])));
        self.forced = forced;
    }

    /// The next crash of a worker.
    pub(crate) fn next_crash(&self, worker: WorkerId) -> Event<M> {
        Event::crash(worker.index() as u32, self.crashes[worker.index()])
    }

    /// An event of a worker, and those before it there.
    fn chain(&self, last: u32) -> impl Iterator<Item = u32> {
        let some = |event: u32| (event != NONE).then_some(event);
        std::iter::successors(some(last), move |event| some(self.events[*event as usize].before))
    }

    /// Takes an event: what its handlers chose and sent is known now, and how many messages there are.
    #[inline]
    fn push(&mut self, next: Next<M>, (values, options): (&[u32], &[u32]), age: u32, relation: &Relation<M>) {
        let me = self.events.len();
        let extra = self.heard.extra(next.outcome == Outcome::Crashed, values, next.input);
        let event = Event { key: next.key, at: next.at, outcome: next.outcome, extra };
        self.past.open(me);
        if next.maker != NONE {
            self.past.add(me, next.maker as usize);
        }
        if relation.is_general() {
            self.relate(me, &event, relation);
        } else if next.before != NONE {
            if !next.is_forced && !self.past.has(me, next.before as usize) {
                self.race(next.before, me, &event, relation);
            }
            self.past.add(me, next.before as usize);
        }
        for (place, options) in options.iter().enumerate() {
            for value in (0..*options).filter(|value| *value != values[place]) {
                let other = event.with_values(values[..place].iter().copied().chain([value]).collect());
                self.race_with_itself(me, other);
            }
        }
        if next.may_be_lost {
            self.race_with_itself(me, event.lost());
        }
        if next.may_be_copied {
            self.race_with_itself(me, event.copied());
        }
        if relation.evicts {
            // What had to make room could have arrived before. Where the start of its worker's life threw it out: before that
            // life began.
            let is_later_start = next.origin.is_some_and(Origin::is_start) && next.maker != NONE;
            for (key, at) in std::mem::take(&mut self.heard.evicted) {
                let first = if is_later_start && at == next.at { next.maker as usize } else { me };
                self.race_beside(first, me, Event { key, at, outcome: Outcome::Arrived, extra: None });
            }
        }
        self.last[next.at as usize] = me as u32;
        self.crashes[next.at as usize] += u32::from(event.is_crash());
        let before = self.makers.len() as u32;
        let toll = self.toll();
        self.makers.resize(age as usize, me as u32);
        // Whatever else becomes of a message that is copied comes behind that.
        if let Some(maker) = self.makers.get_mut(next.copied as usize) {
            *maker = me as u32;
        }
        self.events.push(Taken {
            event,
            pick: next.pick,
            origin: next.origin,
            maker: next.maker,
            before: next.before,
            age: before,
            copied: next.copied,
            toll,
            takes_room: next.takes_room,
        });
    }

    /// The general rule: from the last event on, those race that this one depends on, that did not have to come before it,
    /// and that are not in the past of what was met already.
    fn relate(&mut self, me: usize, event: &Event<M>, relation: &Relation<M>) {
        for other in (0..me).rev() {
            if self.past.has(me, other) {
                continue;
            }
            if self.forced.contains(&(other as u32)) {
                let began = self.beginning(other);
                if began != NONE && !self.forced.contains(&began) && !self.past.has(me, began as usize) {
                    self.race(began, me, event, relation);
                }
                self.past.add(me, other);
            } else if relation.depend(&self.events[other].event, event) {
                self.race(other as u32, me, event, relation);
                self.past.add(me, other);
            }
        }
    }

    /// The event that began the life of which this is the start, if it is one and the life is not the first.
    fn beginning(&self, start: usize) -> u32 {
        let taken = &self.events[start];
        if taken.origin.is_some_and(Origin::is_start) { taken.maker } else { NONE }
    }

    fn race(&mut self, first: u32, second: usize, event: &Event<M>, relation: &Relation<M>) {
        let before = &self.events[first as usize].event;
        let meet = before.at == event.at;
        let is_open = meet && (before.dies() || !relation.is_indifferent(before, event));
        // Whether a worker can crash earlier is known when it was tried, and so is whether a message can arrive before another
        // made way for it by being thrown out.
        let is_known = !meet && !event.is_crash() && !relation.evicts;
        let event = if is_open && !event.is_crash() { event.with_values(Vec::new()) } else { event.clone() };
        self.races.push(Race { first, second: second as u32, event, is_open, is_known, is_settled: false });
    }

    /// Something else could have come here.
    fn race_with_itself(&mut self, me: usize, event: Event<M>) {
        self.race_beside(me, me, event);
    }

    /// As this event shows, something else could have come in the place of the first.
    fn race_beside(&mut self, first: usize, me: usize, event: Event<M>) {
        let (first, second) = (first as u32, me as u32);
        self.races.push(Race { first, second, event, is_open: true, is_known: false, is_settled: false });
    }

    /// Whether the order of this run keeps the rule that no crash comes when nothing else can happen.
    fn is_in_order(&self) -> bool {
        !self.events.iter().any(|taken| matches!(taken.pick, Pick::Late(_)))
    }

    /// Whether some order of this run keeps it.
    pub(crate) fn has_order(&self) -> bool {
        self.is_in_order() || linearize(&self.events, &self.past).is_some()
    }

    /// The steps of the run, for doing it again: in another order, if this one does not keep the rule. If none does, those up
    /// to where it is broken.
    pub(crate) fn steps(&self, stage: &mut Stage<M>) -> Vec<(u32, Vec<u32>)> {
        let step = |choice: usize, event: &Event<M>| (choice as u32, event.values().to_vec());
        let order = if self.is_in_order() { None } else { linearize(&self.events, &self.past) };
        let Some(order) = order else {
            let as_it_is = self.events.iter().map_while(|taken| match taken.pick {
                Pick::Place(choice) => Some(step(choice, &taken.event)),
                Pick::Late(_) => None,
            });
            return as_it_is.collect();
        };
        stage.begin();
        let steps = order.into_iter().map_while(|at| {
            let event = &self.events[at].event;
            let Some(Pick::Place(choice)) = stage.pick_of(event) else { return None };
            stage.step(choice, event.values(), None);
            Some(step(choice, event))
        });
        steps.collect()
    }

    /// The messages that were there before anything was handled have no maker.
    pub(crate) fn begin(&mut self, age: u32) {
        if self.events.is_empty() {
            self.makers.clear();
            self.makers.resize(age as usize, NONE);
        }
    }

    /// The events after the first of a race that do not depend on it, in order; gives how many stand before the second.
    #[inline]
    pub(crate) fn beside(&self, first: u32, second: u32, sequence: &mut Vec<Event<M>>) -> usize {
        sequence.clear();
        let mut between = 0;
        for (at, taken) in self.events.iter().enumerate().skip(first as usize + 1) {
            if !self.past.has(at, first as usize) {
                sequence.push(taken.event.clone());
                between += usize::from(at < second as usize);
            }
        }
        between
    }
}
