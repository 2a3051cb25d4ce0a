//! Random walk: each possible action with equal probability.
//!
//! The baseline, and often the fastest finder of shallow bugs. It has no polynomial bound: of a chain of k messages
//! and one message beside it, the latter comes last with probability 2^-k.

use raddle_core::random;
use rand_chacha::ChaCha8Rng;

use super::Strategy;
use crate::actions::Actions;

/// Draws from the substream `schedule` of the seed.
#[derive(Debug)]
pub struct Random {
    rng: ChaCha8Rng,
}

impl Default for Random {
    fn default() -> Self {
        Self { rng: random::substream(0, "schedule", 0) }
    }
}

impl Strategy for Random {
    fn begin(&mut self, seed: u64) {
        self.rng = random::substream(seed, "schedule", 0);
    }

    #[inline]
    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        random::below(&mut self.rng, actions.len() as u32) as usize
    }
}
