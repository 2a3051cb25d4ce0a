//! The run that a search is at: its events, their happens-before order, and which of them race.
//!
//! Two events race if they depend on each other, nothing stands between them in the happens-before order, and the
//! second could have come first: its message was not made by the first, nor does the network keep the two in order.

use std::sync::Arc;

use raddle_core::{Input, StateMachine};

use super::event::{Event, Extra, Outcome};
use super::past::Past;
use super::relation::{Origin, Relation};
use super::stage::{Stage, Targets};
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
    /// By worker: the last event that sent to it; only where sends depend on each other.
    last_sender: Vec<u32>,
    /// By age of a message: the event that made it.
    makers: Vec<u32>,
    /// In the order of their second events.
    pub(crate) races: Vec<Race<M>>,
    /// What one event may race with.
    candidates: Vec<u32>,
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
    /// Its place in the canonical order of what was possible.
    pub(crate) choice: u32,
    origin: Origin,
    /// The event before it at its worker.
    before: u32,
    /// How many messages were made before it.
    age: u32,
    /// How many messages were lost before it.
    pub(crate) losses: u32,
    pub(crate) takes_room: bool,
}

/// An event about to be taken: what must be known of its message while there is its header.
struct Next<M: StateMachine> {
    key: u64,
    at: u32,
    choice: u32,
    origin: Origin,
    maker: u32,
    before: u32,
    /// Whether the event before it at its worker had to come before it.
    is_forced: bool,
    /// Which others had to, where neighbours at a worker may be independent.
    forced: Vec<u32>,
    takes_room: bool,
    outcome: Outcome,
    /// Whether its message may be lost instead.
    may_be_lost: bool,
    input: Option<Input<M>>,
}

impl<M: StateMachine> Trunk<M> {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            events: Vec::new(),
            past: Past::new(),
            last: vec![NONE; workers],
            last_sender: vec![NONE; workers],
            makers: Vec::new(),
            races: Vec::new(),
            candidates: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// How many messages were lost.
    pub(crate) fn losses(&self) -> u32 {
        self.events.last().map_or(0, |taken| taken.losses + u32::from(taken.event.is_lost()))
    }

    /// Cuts the run back to its first events, from which it goes on in another way.
    pub(crate) fn cut(&mut self, len: usize, relation: &Relation<M>) {
        for taken in self.events.drain(len..).rev() {
            self.last[taken.event.at as usize] = taken.before;
            self.makers.truncate(taken.age as usize);
        }
        while self.races.last().is_some_and(|race| race.second as usize >= len) {
            self.races.pop();
        }
        if relation.orders_sends() {
            self.last_sender.fill(NONE);
            for (at, taken) in self.events.iter().enumerate() {
                taken.event.targets().iter().for_each(|target| self.last_sender[*target as usize] = at as u32);
            }
        }
    }

    /// Takes the possible action at this place, with these values, and adds it to the run; false if it is no arrival.
    #[inline]
    pub(crate) fn take(
        &mut self,
        stage: &mut Stage<M>,
        choice: usize,
        values: &[u32],
        targets: &mut Vec<u32>,
        relation: &Relation<M>,
    ) -> bool {
        let actions = stage.actions();
        let (at, outcome) = match actions.act(choice) {
            Act::Deliver(at) => (at, Outcome::Arrived),
            Act::Fault(Fault::Lose(at)) => (at, Outcome::Lost),
            _ => return false,
        };
        let may_be_lost = relation.knows_loss() && actions.may_be_lost(choice);
        let slot = actions.ready[at].slot() as usize;
        let slab = &stage.world().transit.slab;
        let mut next = self.look(choice, &slab.cards[slot], slab.inputs[slot].as_ref(), relation);
        (next.outcome, next.may_be_lost) = (outcome, may_be_lost);
        targets.clear();
        if relation.needs_targets() {
            stage.step(choice, values, Some(&mut Targets(targets)));
        } else {
            stage.step(choice, values, None);
        }
        let world = &stage.runner.world;
        self.push(next, (world.chosen(), world.options()), targets, world.transit.next_age, relation);
        true
    }

    /// Looks at the message that arrives next.
    #[inline]
    fn look(&self, choice: usize, card: &Card, input: Option<&Input<M>>, relation: &Relation<M>) -> Next<M> {
        let header = &card.header;
        let at = header.to.index() as u32;
        let before = self.last[at as usize];
        let is_forced = |event: u32| relation.is_forced(self.events[event as usize].origin, header);
        let commutes = relation.needs_inputs();
        Next {
            key: header.id.hash64(),
            at,
            choice: choice as u32,
            origin: Origin::of(header),
            maker: self.makers.get(card.link.age as usize).copied().unwrap_or(NONE),
            before,
            is_forced: !commutes && before != NONE && is_forced(before),
            forced: if commutes { self.chain(before).filter(|event| is_forced(*event)).collect() } else { Vec::new() },
            takes_room: super::stage::takes_room(card),
            outcome: Outcome::Arrived,
            may_be_lost: false,
            input: if commutes { input.cloned() } else { None },
        }
    }

    /// An event of a worker, and those before it there.
    fn chain(&self, last: u32) -> impl Iterator<Item = u32> {
        let some = |event: u32| (event != NONE).then_some(event);
        std::iter::successors(some(last), move |event| some(self.events[*event as usize].before))
    }

    /// Takes an event: what its handlers chose and sent is known now, and how many messages there are.
    #[inline]
    fn push(
        &mut self,
        next: Next<M>,
        (values, options): (&[u32], &[u32]),
        targets: &mut Vec<u32>,
        age: u32,
        relation: &Relation<M>,
    ) {
        let me = self.events.len();
        let knows = !values.is_empty() || !targets.is_empty() || next.input.is_some();
        let extra = knows.then(|| {
            targets.sort_unstable();
            targets.dedup();
            let targets = std::mem::take(targets);
            Arc::new(Extra { values: values.to_vec(), targets, input: next.input })
        });
        let event = Event { key: next.key, at: next.at, outcome: next.outcome, extra };
        self.past.open(me);
        if next.maker != NONE {
            self.past.add(me, next.maker as usize);
        }
        if !relation.orders_sends() && !relation.needs_inputs() {
            if next.before != NONE {
                if !next.is_forced && !self.past.has(me, next.before as usize) {
                    self.race(next.before, me, &event);
                }
                self.past.add(me, next.before as usize);
            }
        } else {
            self.relate(me, &event, &next.forced, next.is_forced, next.before, relation);
        }
        for (place, options) in options.iter().enumerate() {
            for value in (0..*options).filter(|value| *value != values[place]) {
                let event = event.with_values(values[..place].iter().copied().chain([value]).collect());
                let second = me as u32;
                self.races.push(Race {
                    first: second,
                    second,
                    event,
                    is_open: true,
                    is_known: false,
                    is_settled: false,
                });
            }
        }
        if next.may_be_lost {
            let (second, event) = (me as u32, event.lost());
            self.races.push(Race { first: second, second, event, is_open: true, is_known: false, is_settled: false });
        }
        self.last[next.at as usize] = me as u32;
        if relation.orders_sends() {
            event.targets().iter().for_each(|target| self.last_sender[*target as usize] = me as u32);
        }
        let before = self.makers.len() as u32;
        let losses = self.losses();
        self.makers.resize(age as usize, me as u32);
        self.events.push(Taken {
            event,
            choice: next.choice,
            origin: next.origin,
            before: next.before,
            age: before,
            losses,
            takes_room: next.takes_room,
        });
    }

    /// The general rule: what had to come before goes first, then the others from the last on, of which those race
    /// that are not in the past of what went before.
    fn relate(
        &mut self,
        me: usize,
        event: &Event<M>,
        forced: &[u32],
        is_forced: bool,
        before: u32,
        relation: &Relation<M>,
    ) {
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.clear();
        if relation.needs_inputs() {
            forced.iter().for_each(|event| self.past.add(me, *event as usize));
            let depends = |other: &u32| relation.depend(&self.events[*other as usize].event, event);
            candidates.extend(self.chain(before).filter(|other| !forced.contains(other)).filter(depends));
        } else if before != NONE {
            if is_forced {
                self.past.add(me, before as usize);
            } else {
                candidates.push(before);
            }
        }
        if relation.orders_sends() {
            let senders = event.targets().iter().map(|target| self.last_sender[*target as usize]);
            candidates.extend(senders.filter(|sender| *sender != NONE));
        }
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        for other in candidates.drain(..) {
            if !self.past.has(me, other as usize) {
                self.race(other, me, event);
                self.past.add(me, other as usize);
            }
        }
        self.candidates = candidates;
    }

    fn race(&mut self, first: u32, second: usize, event: &Event<M>) {
        let is_open = self.events[first as usize].event.at == event.at;
        let event = if is_open { event.with_values(Vec::new()) } else { event.clone() };
        self.races.push(Race { first, second: second as u32, event, is_open, is_known: !is_open, is_settled: false });
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

    /// The steps of the run, for doing it again.
    pub(crate) fn steps(&self) -> Vec<(u32, Vec<u32>)> {
        self.events.iter().map(|taken| (taken.choice, taken.event.values().to_vec())).collect()
    }
}
