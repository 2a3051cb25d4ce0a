//! What follows of steps and has not happened yet: only at granularity `threads`, where each of it is a step of its own.

use raddle_core::{Time, Tombstones};

use crate::slab::Slot;

/// What has not happened yet, at one moment of a run.
#[derive(Clone, Debug)]
pub(crate) struct Later {
    /// By worker: how many of its updates were nacked of which it has not heard.
    pub(crate) nacks: Vec<u32>,
    /// By worker: when its life ended, if what that left is not seen to.
    pub(crate) ended: Vec<Option<Time>>,
    pub(crate) shards: Vec<Hand>,
}

/// What a shard has beside its ingress.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hand {
    /// The update that it has taken in hand.
    pub(crate) update: Option<Slot>,
    pub(crate) lost: Tombstones<Slot>,
}

impl Later {
    pub(crate) fn new(workers: usize, shards: usize) -> Self {
        Self { nacks: vec![0; workers], ended: vec![None; workers], shards: vec![Hand::default(); shards] }
    }

    pub(crate) fn reset(&mut self) {
        self.nacks.fill(0);
        self.ended.fill(None);
        for hand in &mut self.shards {
            hand.update = None;
            hand.lost.clear();
        }
    }

    /// Becomes equal to `other`, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { nacks, ended, shards } = self;
        nacks.copy_from_slice(&other.nacks);
        ended.copy_from_slice(&other.ended);
        for (mine, theirs) in shards.iter_mut().zip(&other.shards) {
            mine.update = theirs.update;
            mine.lost.copy_from(&theirs.lost);
        }
    }
}
