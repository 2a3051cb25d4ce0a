//! Partial-order sampling: each pending event has a priority of its own; the highest is next, and then every pending
//! event that races with it draws again.
//!
//! Yuan, Yang and Gu, "Partial Order Aware Concurrency Sampling" (CAV'18, section 4): every partial order is sampled
//! at least as often as a random walk would, mostly exponentially more often. Two arrivals race if they are at the same
//! worker; at granularity `queues`, where the paper says nothing, what one worker or one shard does races, and what
//! arrives there. Where all messages go to one worker this is a random walk, and [`BasicPos`](super::BasicPos) is not.

use raddle_core::random;
use rand_chacha::ChaCha8Rng;

use super::Strategy;
use super::priorities::{Key, Priorities, among_timers, draw};
use crate::actions::{Act, Actions};

/// Draws once for each message, and again for those that have lost a race.
#[derive(Debug)]
pub struct Pos {
    rng: ChaCha8Rng,
    priorities: Priorities,
}

impl Default for Pos {
    fn default() -> Self {
        Self { rng: random::substream(0, "schedule", 0), priorities: Priorities::default() }
    }
}

impl Strategy for Pos {
    fn begin(&mut self, seed: u64) {
        self.rng = random::substream(seed, "schedule", 0);
        self.priorities.clear();
    }

    #[inline]
    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        let rng = &mut self.rng;
        let place = self.priorities.highest(actions, |_, _| draw(rng));
        self.forget_racing(actions, place);
        match Key::at(actions, place) {
            Key::Message(_) => place,
            Key::Lane(_) => among_timers(actions, place, &mut self.rng),
        }
    }
}

impl Pos {
    /// What races with the chosen one draws again when it is next looked at; so does the chosen lane.
    #[inline(always)]
    fn forget_racing(&mut self, actions: &Actions<'_>, place: usize) {
        let worker = match actions.act(place) {
            Act::Deliver(at) => actions.card(actions.ready[at].slot()).header.to,
            Act::Push(worker) | Act::Pick(worker) | Act::Stall(worker) | Act::Tell(worker) | Act::EndLife(worker) => {
                worker
            }
            Act::Fire(at) => actions.timers[at].0,
            Act::Route(shard) | Act::Hand(shard) | Act::Bury(shard) => {
                self.priorities.lanes[4 * shard as usize + 3] = 0;
                return;
            }
            Act::Fault(_) => return,
        };
        for ready in actions.ready {
            if actions.card(ready.slot()).header.to == worker {
                self.priorities.messages[ready.age() as usize] = 0;
            }
        }
        let lanes = &mut self.priorities.lanes;
        if lanes.is_empty() {
            return;
        }
        let first = (4 * worker.index()).min(lanes.len());
        let end = (first + 3).min(lanes.len());
        lanes[first..end].fill(0);
    }
}
