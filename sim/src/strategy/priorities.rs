//! Priorities of all that may happen next: what POS, PCT and PCTCP have in common.
//!
//! A message is found by its age. What else may happen goes on in lanes, one for each thing that a worker or a shard
//! does again and again: pushing, picking, firing timers, routing. A newcomer is asked for its priority once, when it
//! can first be chosen; the highest wins, and among equals the first of the canonical order.

use raddle_core::random;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng as _;

use crate::actions::{Act, Actions};
use crate::network::Ready;
use crate::slab::Card;

/// Drawn priorities are above this, reserved ones below; 0 is none yet.
const DRAWN: u32 = 1 << 31;

/// A priority of its own.
#[inline(always)]
pub(super) fn draw(rng: &mut ChaCha8Rng) -> u32 {
    rng.next_u32() | DRAWN
}

/// The priorities of one run.
#[derive(Debug, Default)]
pub(crate) struct Priorities {
    /// By age.
    pub(super) messages: Vec<u32>,
    pub(super) lanes: Vec<u32>,
}

/// What may be chosen now and could not before.
pub(super) enum Newcomer<'a> {
    Message(&'a Card),
    /// The next turn of this lane.
    Lane(usize),
}

/// What is chosen, by the name it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A message, by its age.
    Message(usize),
    Lane(usize),
}

impl Key {
    /// What stands at a place of the canonical order.
    #[inline(always)]
    pub(super) fn at(actions: &Actions<'_>, place: usize) -> Self {
        match actions.act(place) {
            Act::Deliver(at) => Self::Message(actions.ready[at].age() as usize),
            act => Self::Lane(lane(actions, act)),
        }
    }
}

/// The lane of an action that is no arrival.
pub(crate) fn lane(actions: &Actions<'_>, act: Act) -> usize {
    match act {
        Act::Push(worker) | Act::Stall(worker) | Act::Tell(worker) => 4 * worker.index(),
        Act::Pick(worker) | Act::EndLife(worker) => 4 * worker.index() + 1,
        Act::Fire(at) => 4 * actions.timers[at].0.index() + 2,
        Act::Route(shard) | Act::Hand(shard) | Act::Bury(shard) => 4 * shard as usize + 3,
        Act::Deliver(_) => unreachable!("messages have ages"),
        // Only the end of all faults is put to a sampler, and alone.
        Act::Fault(_) => 0,
    }
}

/// Timers of one worker that may fire now share its lane: one of them, all with equal probability.
pub(super) fn among_timers(actions: &Actions<'_>, place: usize, rng: &mut ChaCha8Rng) -> usize {
    let Act::Fire(at) = actions.act(place) else { return place };
    let worker = actions.timers[at].0;
    let same = |other: &usize| matches!(actions.act(*other), Act::Fire(at) if actions.timers[at].0 == worker);
    let others = (place..actions.len()).take_while(same).count();
    place + random::below(rng, others as u32) as usize
}

impl Priorities {
    pub(crate) fn clear(&mut self) {
        self.messages.clear();
        self.lanes.clear();
    }

    /// The place of what has the highest priority. `fresh` gives that of a newcomer, and may look at and change those
    /// of messages, of which there is none for what was not yet seen.
    #[inline(always)]
    pub(super) fn highest(
        &mut self,
        actions: &Actions<'_>,
        mut fresh: impl FnMut(&mut [u32], Newcomer<'_>) -> u32,
    ) -> usize {
        let known = actions.ready.last().map_or(0, |newest| newest.age() as usize + 1);
        while known > self.messages.len() {
            self.messages.push(0);
        }
        let (mut best, mut place) = (0, 0);
        // Mostly there is nothing but messages: these are looked at where they stand.
        let plain = if actions.listed.is_none() { actions.ready } else { &[] };
        for at in 0..actions.len() {
            let priority = match plain.get(at) {
                Some(ready) => self.of_message(actions, *ready, &mut fresh),
                None => self.of(actions, actions.act(at), &mut fresh),
            };
            if priority > best {
                (best, place) = (priority, at);
            }
        }
        place
    }

    /// Shows each message once, when it can first be chosen, with the priorities of those before it, all equal.
    pub(crate) fn look(&mut self, actions: &Actions<'_>, mut see: impl FnMut(&mut [u32], &Card)) {
        self.highest(actions, |known, newcomer| {
            if let Newcomer::Message(card) = newcomer {
                see(known, card);
            }
            DRAWN
        });
    }

    /// How many lanes were seen.
    pub(crate) fn lanes(&self) -> usize {
        self.lanes.iter().filter(|priority| **priority != 0).count()
    }

    #[inline(always)]
    fn of(&mut self, actions: &Actions<'_>, act: Act, fresh: &mut impl FnMut(&mut [u32], Newcomer<'_>) -> u32) -> u32 {
        let Act::Deliver(at) = act else {
            let lane = lane(actions, act);
            if lane >= self.lanes.len() {
                self.lanes.resize(lane + 1, 0);
            }
            if self.lanes[lane] == 0 {
                self.lanes[lane] = fresh(&mut self.messages, Newcomer::Lane(lane));
            }
            return self.lanes[lane];
        };
        self.of_message(actions, actions.ready[at], fresh)
    }

    #[inline(always)]
    fn of_message(
        &mut self,
        actions: &Actions<'_>,
        ready: Ready,
        fresh: &mut impl FnMut(&mut [u32], Newcomer<'_>) -> u32,
    ) -> u32 {
        let age = ready.age() as usize;
        if self.messages[age] == 0 {
            let priority = fresh(&mut self.messages, Newcomer::Message(actions.card(ready.slot())));
            self.messages[age] = priority;
        }
        self.messages[age]
    }

    /// The priority of what was seen.
    pub(super) fn get_mut(&mut self, key: Key) -> &mut u32 {
        match key {
            Key::Message(age) => &mut self.messages[age],
            Key::Lane(lane) => &mut self.lanes[lane],
        }
    }
}
