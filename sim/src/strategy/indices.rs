//! Choices given as numbers: what proptest shrinks and fuzzers mutate.
//!
//! Every list is a run: an index wraps around the number of possible actions, and where the list has ended the
//! choice is 0. So all zeros, and the empty list, are the default order, and smaller lists are simpler runs.

use raddle_core::Beyond;

use super::Strategy;
use crate::actions::Actions;

/// Takes the n-th index, modulo what is possible, at the n-th step.
#[derive(Clone, Debug, Default)]
pub struct Indices {
    indices: Vec<u32>,
    next: usize,
}

impl Indices {
    /// These choices, then the default order.
    #[must_use]
    pub const fn new(indices: Vec<u32>) -> Self {
        Self { indices, next: 0 }
    }

    /// A choice a byte.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::new(bytes.iter().map(|byte| u32::from(*byte)).collect())
    }
}

impl Strategy for Indices {
    fn begin(&mut self, _: u64) {
        self.next = 0;
    }

    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        let index = self.indices.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        index as usize % actions.len()
    }

    fn beyond(&self) -> Beyond {
        if self.indices.is_empty() { Beyond::First } else { Beyond::Sampled }
    }
}
