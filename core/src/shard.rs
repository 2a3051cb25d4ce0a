//! A shard of the coordinator: takes updates into its ingress and routes them one after the other, and tells the targets
//! of those that it drops.
//!
//! What a driver adds is who runs it and when: a thread under a lock, or a step of a simulated run.

use crate::bounded::{Bounded, Offered};
use crate::event::{DropReason, What};
use crate::inbox::Desk;
use crate::policy::Policies;
use crate::tombstones::Tombstones;

/// One shard, over whatever a driver uses to hold messages.
#[derive(Clone, Debug)]
pub struct Shard<T> {
    ingress: Bounded<T>,
    /// A tombstone goes the way of the updates, in its place, so that it waits nowhere.
    lost: Tombstones<T>,
}

/// What a shard does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardTask<T> {
    /// To push it into the inbox of its target.
    Deliver(T),
    /// To tell the inbox of its target that it will not come: [`Inbox::lose`](crate::Inbox::lose).
    Lose(T),
}

/// Most tombstones that wait at a shard; then senders wait until it has carried some away, which it always can.
const LOST_MAX: usize = 1 << 14;

impl<T> Shard<T> {
    /// An idle shard.
    #[must_use]
    pub fn new(policies: &Policies) -> Self {
        Self { ingress: Bounded::new(policies.ingress, policies), lost: Tombstones::default() }
    }

    /// Whether a sender must wait before it may send here (only under `stall`).
    #[must_use]
    pub fn must_wait(&self) -> bool {
        self.ingress.must_wait()
    }

    /// Whether so many tombstones wait that senders must wait too, whatever the policy.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.lost.len() >= LOST_MAX
    }

    /// Takes an update that has arrived. Shows the one that is dropped for want of room, if one is, which is reported, and of
    /// which only the header matters from now on: it is this one, whose turn would come after all that are in, or the
    /// oldest, whose turn is now.
    pub fn ingest(&mut self, item: T, desk: &mut impl Desk<T>) -> Option<&T> {
        let (lost, reason) = match self.ingress.offer(item) {
            Offered::Queued | Offered::Held => {
                self.lost.take_in();
                return None;
            }
            Offered::Evicted(oldest) => {
                desk.report(What::Drop(DropReason::Full), &oldest);
                return self.lost.lose_oldest(oldest);
            }
            Offered::Full(newest) => (newest, DropReason::Full),
            Offered::Overflow(newest) => (newest, DropReason::Overflow),
            Offered::Nacked(newest) => {
                let sender = desk.header(&newest).from.worker();
                desk.report(What::Nack, &newest);
                sender.into_iter().for_each(|sender| desk.nack(sender));
                (newest, DropReason::Nack)
            }
        };
        desk.report(What::Drop(reason), &lost);
        self.lost.lose_newest(lost)
    }

    /// What it does next, if there is anything.
    #[must_use]
    pub fn peek(&self) -> Option<ShardTask<&T>> {
        self.lost.due().map(ShardTask::Lose).or_else(|| self.ingress.iter().next().map(ShardTask::Deliver))
    }

    /// Takes that out.
    pub fn take_next(&mut self) -> Option<ShardTask<T>> {
        if let Some(lost) = self.lost.pop_due() {
            return Some(ShardTask::Lose(lost));
        }
        let item = self.ingress.pop()?;
        let _ = self.ingress.admit();
        self.lost.go_out();
        Some(ShardTask::Deliver(item))
    }

    /// The updates that are to be told lost before any other is delivered.
    pub fn due(&self) -> impl Iterator<Item = &T> {
        self.lost.all_due()
    }

    /// Takes out the first tombstone, whether or not it is its turn.
    pub fn take_lost(&mut self) -> Option<T> {
        self.lost.pop()
    }

    /// Every update that it has not routed.
    pub fn queued(&self) -> impl Iterator<Item = &T> {
        self.ingress.iter()
    }

    /// Idle again, keeping its memory.
    pub fn reset(&mut self) {
        self.ingress.clear();
        self.lost.clear();
    }
}

impl<T: Clone> Shard<T> {
    /// Becomes equal to `other`, keeping its own memory.
    pub fn copy_from(&mut self, other: &Self) {
        let Self { ingress, lost } = self;
        ingress.copy_from(&other.ingress);
        lost.copy_from(&other.lost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Header;
    use crate::ids::{Party, WorkerId};
    use crate::policy::OnFull;

    /// Items are numbers, all of one sender.
    #[derive(Default)]
    struct Ear {
        header: Option<Header>,
        said: Vec<(&'static str, u32)>,
        nacked: Vec<WorkerId>,
    }

    impl Desk<u32> for Ear {
        fn header<'a>(&'a self, _: &'a u32) -> &'a Header {
            self.header.as_ref().expect("it was made with one")
        }

        fn report<'a>(&'a mut self, what: What, item: &'a u32) -> &'a Header {
            self.said.push((what.word(), *item));
            self.header(item)
        }

        fn discard(&mut self, _: u32) {}

        fn nack(&mut self, sender: WorkerId) {
            self.nacked.push(sender);
        }
    }

    /// Offers 1, 2 and 3 to a shard with room for two; what it says, whom it nacks, and what it does then.
    fn three(on_full: OnFull) -> (Ear, Vec<ShardTask<u32>>) {
        let ann = WorkerId::new(0);
        let mut ear = Ear { header: Some(Header { from: Party::Worker(ann), ..Header::blank() }), ..Ear::default() };
        let mut shard = Shard::new(&Policies { on_full, ingress: 2, ..Policies::default() });
        for item in 1..=3 {
            let lost = shard.ingest(item, &mut ear).copied();
            assert_eq!(lost.is_some(), item == 3 && on_full != OnFull::Hold);
        }
        let tasks = std::iter::from_fn(|| {
            let next = shard.peek().map(|task| match task {
                ShardTask::Deliver(item) => ShardTask::Deliver(*item),
                ShardTask::Lose(item) => ShardTask::Lose(*item),
            });
            assert_eq!(next, shard.peek().is_some().then(|| shard.take_next()).flatten());
            next
        });
        let tasks = tasks.collect();
        (ear, tasks)
    }

    #[test]
    fn whatever_is_dropped_has_its_tombstone_in_its_turn() {
        use ShardTask::{Deliver, Lose};
        let newest = vec![Deliver(1), Deliver(2), Lose(3)];
        let (ear, tasks) = three(OnFull::DropNewest);
        assert_eq!((ear.said, tasks), (vec![("drop(full)", 3)], newest.clone()));
        let (ear, tasks) = three(OnFull::DropOldest);
        assert_eq!((ear.said, tasks), (vec![("drop(full)", 1)], vec![Lose(1), Deliver(2), Deliver(3)]));
        let (ear, tasks) = three(OnFull::Nack);
        assert_eq!((ear.said, tasks), (vec![("nack", 3), ("drop(nack)", 3)], newest));
        assert_eq!(ear.nacked, [WorkerId::new(0)]);
        let (ear, tasks) = three(OnFull::Hold);
        assert_eq!((ear.said, tasks), (Vec::new(), vec![Deliver(1), Deliver(2), Deliver(3)]));
    }

    #[test]
    fn tombstones_are_taken_ahead_of_their_turn_where_inboxes_are_told_at_once() {
        let mut ear = Ear { header: Some(Header::blank()), ..Ear::default() };
        let mut shard = Shard::new(&Policies { on_full: OnFull::DropNewest, ingress: 1, ..Policies::default() });
        (1..=2).for_each(|item| _ = shard.ingest(item, &mut ear));
        assert_eq!((shard.due().count(), shard.take_lost()), (0, Some(2)));
        assert_eq!((shard.take_next(), shard.peek()), (Some(ShardTask::Deliver(1)), None));
    }
}
