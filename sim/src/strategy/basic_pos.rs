//! Basic partial-order sampling: each pending event has a priority of its own, drawn once; the highest is next.
//!
//! "BasicPOS" of Yuan, Yang and Gu, "Partial Order Aware Concurrency Sampling" (CAV'18, section 4). We differ in what
//! an event is: here it is the arrival of a message, or the next turn of a lane at granularity `queues`. Of k + 1
//! messages each is last with probability 1/(k+1), also where k of them must keep their order.

use raddle_core::random;
use rand_chacha::ChaCha8Rng;

use super::Strategy;
use super::priorities::{Key, Priorities, among_timers, draw};
use crate::actions::Actions;

/// Draws once for each message.
#[derive(Debug)]
pub struct BasicPos {
    rng: ChaCha8Rng,
    priorities: Priorities,
}

impl Default for BasicPos {
    fn default() -> Self {
        Self { rng: random::substream(0, "schedule", 0), priorities: Priorities::default() }
    }
}

impl Strategy for BasicPos {
    fn begin(&mut self, seed: u64) {
        self.rng = random::substream(seed, "schedule", 0);
        self.priorities.clear();
    }

    #[inline]
    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        let rng = &mut self.rng;
        let place = self.priorities.highest(actions, |_, _| draw(rng));
        if let Key::Lane(lane) = Key::at(actions, place) {
            self.priorities.lanes[lane] = 0;
            return among_timers(actions, place, rng);
        }
        place
    }
}
