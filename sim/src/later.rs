//! What follows of steps and has not happened yet: only at granularity `threads`, where each of it is a step of its own.

use raddle_core::Time;

use crate::slab::Slot;

/// What has not happened yet, at one moment of a run.
#[derive(Clone, Debug)]
pub(crate) struct Later {
    /// By worker: how many of its updates were nacked of which it has not heard.
    pub(crate) nacks: Vec<u32>,
    /// By worker: when its life ended, if what that left is not seen to.
    pub(crate) ended: Vec<Option<Time>>,
    /// By shard: the update that it has taken in hand.
    pub(crate) in_hand: Vec<Option<Slot>>,
}

impl Later {
    pub(crate) fn new(workers: usize, shards: usize) -> Self {
        Self { nacks: vec![0; workers], ended: vec![None; workers], in_hand: vec![None; shards] }
    }

    pub(crate) fn reset(&mut self) {
        self.nacks.fill(0);
        self.ended.fill(None);
        self.in_hand.fill(None);
    }

    /// Becomes equal to `other`, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { nacks, ended, in_hand } = self;
        nacks.copy_from_slice(&other.nacks);
        ended.copy_from_slice(&other.ended);
        in_hand.copy_from_slice(&other.in_hand);
    }
}
