//! The coordinator: by which hop an update travels to its target.
//!
//! Inline, the sender's own step pushes into the target's inbox. Sharded, one of n shards stands between
//! ([`crate::shard`]), chosen by jump hash of the target's name, so that all that goes to one target goes by one shard.

use crate::header::Header;
use crate::ids::WorkerId;
use crate::names::Names;
use crate::policy::Policies;

/// Where an update goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// Straight into the inbox of its target.
    Inbox(WorkerId),
    /// Into the ingress of a shard.
    Shard(u32),
}

/// The routing table of one system.
#[derive(Clone, Debug)]
pub struct Coordinator {
    shards: u32,
    /// By worker; empty if there are none.
    shard_of: Vec<u32>,
}

impl Coordinator {
    /// The coordinator of a system.
    #[must_use]
    pub fn new(names: &Names, policies: &Policies) -> Self {
        let shards = policies.placement.shards();
        let shard_of = match shards {
            0 => Vec::new(),
            n => names.workers().map(|(id, _)| jump_hash(names.worker_hash(id), n)).collect(),
        };
        Self { shards, shard_of }
    }

    /// The next hop of an update.
    #[must_use]
    #[inline]
    pub fn route(&self, header: &Header) -> Hop {
        self.shard_of(header.to).map_or(Hop::Inbox(header.to), Hop::Shard)
    }

    /// The shard that stands before a worker, if one does.
    #[must_use]
    #[inline]
    pub fn shard_of(&self, worker: WorkerId) -> Option<u32> {
        self.shard_of.get(worker.index()).copied()
    }

    /// How many shards there are.
    #[must_use]
    pub const fn shards(&self) -> u32 {
        self.shards
    }
}

/// Jump consistent hash (Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014).
#[must_use]
pub fn jump_hash(mut key: u64, buckets: u32) -> u32 {
    let (mut bucket, mut next) = (0_i64, 0_i64);
    while next < i64::from(buckets) {
        bucket = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        next = ((bucket + 1) as f64 * ((1_u64 << 31) as f64 / ((key >> 33) + 1) as f64)) as i64;
    }
    bucket as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jump_hash_gives_the_published_vectors() {
        for (key, buckets, bucket) in
            [(1, 1, 0), (42, 57, 43), (0xDEAD_10CC, 1, 0), (0xDEAD_10CC, 666, 361), (256, 1024, 520)]
        {
            assert_eq!(jump_hash(key, buckets), bucket, "{key} {buckets}");
        }
    }

    #[test]
    fn a_new_shard_moves_workers_only_to_itself() {
        for key in 0..1000 {
            let (four, five) = (jump_hash(key, 4), jump_hash(key, 5));
            assert!(four == five || five == 4, "{key}: {four} -> {five}");
        }
    }
}
