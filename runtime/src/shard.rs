//! A shard: the ingress and the tombstones that the core keeps, put together for one thread.
//!
//! The core says what is dropped, and when its tombstone is to be carried to its target.

use raddle_core::{Coordinator, StateMachine, Tombstones, WorkerId};

use crate::log::{Clerk, Parcel};
use crate::transport::serial_of;

/// One shard. Each has a coordinator of its own, of which it uses one ingress, so that each has its own lock.
pub(crate) struct Shard<M: StateMachine> {
    coordinator: Coordinator<Parcel<M>>,
    number: u32,
    /// A tombstone goes the way of the updates, in its place, so that it waits nowhere.
    lost: Tombstones<Parcel<M>>,
}

/// What a shard does next.
pub(crate) enum Task<M: StateMachine> {
    /// Push it into the inbox of its target.
    Deliver(Parcel<M>),
    /// Their target must know that they will not come.
    Lose(WorkerId, Vec<Parcel<M>>),
}

impl<M: StateMachine> Shard<M> {
    pub(crate) fn new(coordinator: Coordinator<Parcel<M>>, number: u32) -> Self {
        Self { coordinator, number, lost: Tombstones::default() }
    }

    /// Whether a sender must wait before it may send here.
    pub(crate) fn must_wait(&self) -> bool {
        self.coordinator.must_wait(self.number)
    }

    /// Whether so many tombstones wait that senders must wait too.
    pub(crate) fn is_behind(&self) -> bool {
        self.lost.len() >= LOST_MAX
    }

    /// Takes an update in. If one is dropped for want of room, it is this one, whose turn would come after all that
    /// are in, or the oldest, whose turn is now.
    pub(crate) fn ingest(&mut self, envelope: Parcel<M>, clerk: &mut Clerk<'_, M>) {
        let newest = serial_of(&envelope);
        let lost = self.coordinator.ingest(self.number, envelope, clerk);
        match lost {
            Some(lost) if serial_of(&lost) == newest => self.lost.lose_newest(lost),
            Some(oldest) => self.lost.lose_oldest(oldest),
            None => self.lost.take_in(),
        }
    }

    /// Takes out what is next: the tombstones whose turn it is, as far as they are for the same target, or an update.
    pub(crate) fn next_task(&mut self) -> Option<Task<M>> {
        let target = |lost: &Tombstones<Parcel<M>>| lost.due().map(|envelope| envelope.header.to);
        if let Some(to) = target(&self.lost) {
            let mut run = Vec::new();
            while target(&self.lost) == Some(to) {
                run.extend(self.lost.pop_due());
            }
            return Some(Task::Lose(to, run));
        }
        let envelope = self.coordinator.next(self.number)?;
        self.lost.go_out();
        Some(Task::Deliver(envelope))
    }

    /// What has not been routed.
    pub(crate) fn queued(&self) -> impl Iterator<Item = &Parcel<M>> {
        self.coordinator.queued()
    }
}

/// Most tombstones that wait at a shard; then senders wait until it has carried some away, which it always can.
const LOST_MAX: usize = 1 << 14;
