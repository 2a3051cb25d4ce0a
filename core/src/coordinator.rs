//! The coordinator: by which hop an update travels to its target.
//!
//! Inline, the sender's own step pushes into the target's inbox. Sharded, one of n shards stands between, chosen by
//! jump hash of the target's name, with a bounded ingress under the same full-queue policies.

use crate::barrier::Watermark;
use crate::bounded::{Bounded, Offered};
use crate::event::{DropReason, What};
use crate::header::Header;
use crate::ids::{LinkNumber, WorkerId};
use crate::inbox::Desk;
use crate::names::Names;
use crate::policy::Policies;
use crate::sabotage::Sabotage;

/// Where an update goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// Straight into the inbox of its target.
    Inbox(WorkerId),
    /// Into the ingress of a shard.
    Shard(u32),
}

/// The routing table of one system, with the ingress queues of its shards.
#[derive(Clone, Debug)]
pub struct Coordinator<T> {
    shard_of: Vec<u32>,
    ingress: Vec<Bounded<T>>,
    watermark: Watermark,
    sabotage: Option<Sabotage>,
}

impl<T: Clone> Coordinator<T> {
    /// Becomes equal to `other`, a coordinator of the same system, keeping its own memory.
    pub fn copy_from(&mut self, other: &Self) {
        let Self { shard_of: _, ingress, watermark, sabotage: _ } = self;
        ingress.iter_mut().zip(&other.ingress).for_each(|(mine, theirs)| mine.copy_from(theirs));
        watermark.copy_from(&other.watermark);
    }
}

impl<T> Coordinator<T> {
    /// The coordinator of a system.
    #[must_use]
    pub fn new(names: &Names, policies: &Policies) -> Self {
        let shards = policies.placement.shards();
        let shard_of = match shards {
            0 => Vec::new(),
            n => names.workers().map(|(id, _)| jump_hash(names.worker_hash(id), n)).collect(),
        };
        Self {
            shard_of,
            ingress: (0..shards).map(|_| Bounded::new(policies.ingress, policies)).collect(),
            watermark: Watermark::default(),
            sabotage: policies.sabotage,
        }
    }

    /// The next hop of an update.
    #[must_use]
    pub fn route(&self, header: &Header) -> Hop {
        match self.shard_of.get(header.to.index()) {
            Some(shard) => Hop::Shard(*shard),
            None => Hop::Inbox(header.to),
        }
    }

    /// The shard that stands before a worker, if one does.
    #[must_use]
    pub fn shard_of(&self, worker: WorkerId) -> Option<u32> {
        self.shard_of.get(worker.index()).copied()
    }

    /// How many shards there are.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.ingress.len()
    }

    /// Whether a sender must wait before it may send to this shard (only under `stall`).
    #[must_use]
    pub fn must_wait(&self, shard: u32) -> bool {
        self.ingress[shard as usize].must_wait()
    }

    /// Takes an update that has arrived at a shard. Gives back one that is dropped for want of room, reported: it is
    /// lost for the inbox of its target ([`Inbox::lose`](crate::inbox::Inbox::lose)).
    pub fn ingest(&mut self, shard: u32, item: T, desk: &mut impl Desk<T>) -> Option<T> {
        let ingress = &mut self.ingress[shard as usize];
        let (lost, reason) = match ingress.offer(item) {
            Offered::Queued | Offered::Held => return None,
            Offered::Evicted(item) | Offered::Full(item) => (item, DropReason::Full),
            Offered::Overflow(item) => (item, DropReason::Overflow),
            Offered::Nacked(item) => {
                let sender = desk.header(&item).from.worker();
                desk.report(What::Nack, &item);
                sender.into_iter().for_each(|sender| desk.nack(sender));
                (item, DropReason::Nack)
            }
        };
        desk.report(What::Drop(reason), &lost);
        Some(lost)
    }

    /// The update that a shard routes next.
    pub fn next(&mut self, shard: u32) -> Option<T> {
        let ingress = &mut self.ingress[shard as usize];
        let item = ingress.pop();
        let _ = ingress.admit();
        item
    }

    /// The update that a shard would route next.
    #[must_use]
    pub fn peek(&self, shard: u32) -> Option<&T> {
        self.ingress[shard as usize].iter().next()
    }

    /// Publishes what is resolved at one worker: [`Inbox::resolved`](crate::Inbox::resolved).
    pub fn publish(&mut self, to: WorkerId, resolved: &[(WorkerId, LinkNumber)]) {
        match self.sabotage {
            Some(Sabotage::ForgetWatermark) => {}
            Some(Sabotage::RunAhead) => {
                self.watermark.publish(to, resolved);
                self.watermark.run_ahead(to);
            }
            _ => self.watermark.publish(to, resolved),
        }
    }

    /// What was published.
    #[must_use]
    pub const fn watermark(&self) -> &Watermark {
        &self.watermark
    }

    /// Everything at any shard.
    pub fn queued(&self) -> impl Iterator<Item = &T> {
        self.ingress.iter().flat_map(Bounded::iter)
    }

    /// Empty again, keeping its memory.
    pub fn reset(&mut self) {
        self.ingress.iter_mut().for_each(Bounded::clear);
        self.watermark.clear();
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
