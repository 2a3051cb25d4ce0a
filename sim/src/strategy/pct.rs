//! Probabilistic concurrency testing: chains with random priorities, lowered at d - 1 random steps.
//!
//! Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees of Finding
//! Bugs" (ASPLOS'10): with n chains and k steps a run hits any bug of depth d with probability at least 1/(n k^(d-1)).
//! We differ in three points.
//!
//! 1. Messages have no threads, and by receiver those waiting at one worker would never change places. Here a thread is
//!    a *lineage*: the first output of a handler that can be chosen goes on with the chain of its input, each further one
//!    begins a chain. So a chain has one pending message at a time, as a thread has one next step, and n is the number of
//!    leaves of the tree of messages. What a worker does again and again (its timers; at granularity `queues` its pushes
//!    and picks, the routing of a shard) is a chain by itself.
//! 2. Chains come one by one, so each draws its priority when it begins, which is the same random permutation.
//! 3. Beyond the k steps of the longest run of the [`Pilot`] it is a random walk, so that a chain without end starves
//!    nobody.

use std::sync::Arc;

use raddle_core::random;
use rand_chacha::ChaCha8Rng;

use super::Strategy;
use super::change_points::{BugDepth, ChangePoints};
use super::priorities::{Key, Newcomer, Priorities, among_timers, draw};
use crate::actions::Actions;
use crate::pilot::Pilot;
use crate::slab::Card;

/// PCT for bugs of one depth.
#[derive(Debug)]
pub struct Pct {
    rng: ChaCha8Rng,
    priorities: Priorities,
    changes: ChangePoints,
    /// k.
    events: u64,
    step: u64,
}

impl Pct {
    /// For bugs of this depth.
    #[must_use]
    pub fn new(depth: BugDepth, pilot: &Arc<Pilot>) -> Self {
        Self {
            rng: random::substream(0, "schedule", 0),
            priorities: Priorities::default(),
            changes: ChangePoints::new(depth),
            events: pilot.figures().events,
            step: 0,
        }
    }

    #[inline(always)]
    fn highest(&mut self, actions: &Actions<'_>) -> usize {
        let rng = &mut self.rng;
        self.priorities.highest(actions, |known, newcomer| {
            let inherited = if let Newcomer::Message(card) = newcomer { inherited(known, card) } else { None };
            inherited.unwrap_or_else(|| draw(rng))
        })
    }
}

/// The priority of the lineage that a message goes on with; none if it begins one.
#[inline(always)]
pub(crate) fn inherited(known: &mut [u32], card: &Card) -> Option<u32> {
    // The first output takes the place of its input; then there is none left to take.
    let creator = known.get_mut(card.link.creator as usize).map(std::mem::take);
    creator.filter(|priority| *priority != 0)
}

impl Strategy for Pct {
    fn begin(&mut self, seed: u64) {
        self.rng = random::substream(seed, "schedule", 0);
        self.priorities.clear();
        self.changes.draw(self.events, &mut self.rng);
        self.step = 0;
    }

    #[inline]
    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        self.step += 1;
        if self.step > self.events {
            return random::below(&mut self.rng, actions.len() as u32) as usize;
        }
        let mut place = self.highest(actions);
        if let Some(low) = self.changes.lowered(self.step) {
            *self.priorities.get_mut(Key::at(actions, place)) = low;
            place = self.highest(actions);
        }
        if actions.timers.is_empty() { place } else { among_timers(actions, place, &mut self.rng) }
    }
}
