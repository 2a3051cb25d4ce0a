//! The inbox of one worker: both bounded queues, what waits for an earlier update, and the pick policy, as one value
//! with one owner.
//!
//! Threads lock it; the parent process holds it; the simulator owns it. A driver moves items in and out and never
//! decides: order, full queues, depth and picks are decided here and reported to the driver's [`Desk`].
//!
//! There are two ways through, and they share every rule:
//! - *queues* (real runs, and the simulator at granularity `queues`): [`Inbox::receive`], then [`Inbox::pick`]. An
//!   update is put in order first and queued when it is its turn.
//! - *deliveries* (the simulator's default): [`Inbox::launch`] when it is sent, [`Inbox::land`] when it arrives. The
//!   queue then stands for what is in flight to the worker, so that capacity bounds that.
//!
//! What a session sends has a call of its own in each: [`Inbox::receive_op`] and [`Inbox::land_op`], in `ops.rs`.

mod ghosts;
mod ops;

use std::collections::VecDeque;

use crate::bounded::{Bounded, Offered};
use crate::event::{DropReason, What};
use crate::header::Header;
use crate::ids::{Incarnation, LinkNumber, Time, WorkerId};
use crate::lives::Lives;
use crate::lobby::Lobby;
use crate::pick::{Picker, Queue};
use crate::policy::{Order, Policies};
use crate::readiness::{Readiness, Turn};
use crate::sabotage::Sabotage;
use ghosts::Ghosts;

/// What a driver lends the core: the headers of the items it holds, and an ear.
pub trait Desk<T> {
    /// The header of an item, which the driver keeps or the item carries.
    fn header<'a>(&'a self, item: &'a T) -> &'a Header;
    /// Something happened to an item, at the inbox it is for; gives its header.
    fn report<'a>(&'a mut self, what: What, item: &'a T) -> &'a Header;
    /// An item is gone; it has been reported.
    fn discard(&mut self, item: T);
    /// The sender of a dropped update is to be told: the driver calls [`Inbox::nacked`] at the sender's inbox.
    fn nack(&mut self, sender: WorkerId);
}

/// One worker's inbox, over whatever a driver uses to hold messages.
///
/// Its updates stand first in memory: see [`Bounded`].
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Inbox<T> {
    updates: Bounded<T>,
    externals: VecDeque<T>,
    external_capacity: usize,
    external_high_water: usize,
    readiness: Readiness<T>,
    lobby: Lobby<T>,
    ghosts: Ghosts,
    /// Whether what has its turn is queued, and not handled at once.
    queues: bool,
    picker: Picker,
    lives: Lives,
    max_depth: u32,
    fences: bool,
    tombstones: bool,
    loses: bool,
}

impl<T: Clone> Inbox<T> {
    /// Becomes equal to `other`, keeping its own memory.
    pub fn copy_from(&mut self, other: &Self) {
        let Self {
            externals,
            external_capacity,
            external_high_water,
            updates,
            readiness,
            lobby,
            ghosts,
            queues,
            picker,
            lives,
            max_depth,
            fences,
            tombstones,
            loses,
        } = self;
        if !(externals.is_empty() && other.externals.is_empty()) {
            externals.clone_from(&other.externals);
        }
        (*external_capacity, *external_high_water) = (other.external_capacity, other.external_high_water);
        updates.copy_from(&other.updates);
        readiness.copy_from(&other.readiness);
        lobby.copy_from(&other.lobby);
        if !(ghosts.are_none() && other.ghosts.are_none()) {
            ghosts.clone_from(&other.ghosts);
        }
        *queues = other.queues;
        *picker = other.picker;
        lives.copy_from(&other.lives);
        (*max_depth, *fences, *tombstones, *loses) = (other.max_depth, other.fences, other.tombstones, other.loses);
    }
}

impl<T> Inbox<T> {
    /// An empty inbox behind a transport that keeps the order `promised` by itself.
    #[must_use]
    pub fn new(policies: &Policies, promised: Order) -> Self {
        Self {
            externals: VecDeque::new(),
            external_capacity: policies.external_capacity,
            external_high_water: 0,
            updates: Bounded::new(policies.capacity, policies),
            readiness: Readiness::new(policies, promised),
            lobby: Lobby::new(policies),
            ghosts: Ghosts::default(),
            queues: false,
            picker: Picker::new(policies),
            lives: Lives::new(policies.restart),
            max_depth: policies.max_depth,
            fences: policies.sabotage != Some(Sabotage::AcceptOldLives),
            tombstones: policies.sabotage != Some(Sabotage::ForgetTombstones),
            loses: policies.sabotage == Some(Sabotage::LoseSilently),
        }
    }

    /// Empty again, keeping its memory.
    pub fn reset(&mut self, policies: &Policies) {
        self.externals.clear();
        self.external_high_water = 0;
        self.updates.clear();
        self.readiness.clear();
        self.lobby.clear();
        self.ghosts.clear();
        self.queues = false;
        self.picker = Picker::new(policies);
        self.lives.reset();
    }

    /// Which life its worker is in, or was in last: an update that is sent now is sent to that one.
    #[must_use]
    #[inline(always)]
    pub fn life(&self) -> Incarnation {
        self.lives.current()
    }

    /// The life of its worker has ended. What waits here for an earlier update is dropped, and what is on its way will be
    /// when it arrives. The next life, which is to begin at once, if there is to be one.
    pub fn end_life(&mut self, now: Time, desk: &mut impl Desk<T>) -> Option<Incarnation> {
        for item in self.readiness.bury_parked() {
            let header = desk.report(What::Drop(DropReason::Crash), &item);
            if let (true, Some(from)) = (self.queues, header.from.worker()) {
                self.ghosts.add(from, header.number);
            }
            desk.discard(item);
        }
        let next = self.lives.next(now);
        if !self.lobby.is_empty() {
            self.drop_stale(desk);
        }
        next
    }

    /// [`Inbox::end_life`] where inputs go through queues: the updates in the queue are dropped too. Messages from
    /// sources wait for the next life.
    pub fn end_life_queued(&mut self, now: Time, desk: &mut impl Desk<T>) -> Option<Incarnation> {
        for item in self.updates.drain() {
            // Each had its turn before it was queued: no tombstone is needed.
            desk.report(What::Drop(DropReason::Crash), &item);
            desk.discard(item);
        }
        self.ghosts.settle();
        let next = self.end_life(now, desk);
        self.settle_ops(desk);
        next
    }

    /// Makes the update queue take nothing, as if it were full, or ends that: a fault.
    pub fn shut(&mut self, shut: bool) {
        self.updates.shut(shut);
    }

    /// Whether a sender must wait before it may send here (only under `stall`).
    #[must_use]
    pub fn must_wait(&self) -> bool {
        self.updates.must_wait()
    }

    /// Whether it is worth while to wake a sender that waits for room.
    #[must_use]
    pub fn has_ample_room(&self) -> bool {
        self.updates.has_ample_room()
    }

    /// Takes a message from a source into the external queue.
    ///
    /// # Errors
    /// Gives it back while the queue is full: the source waits.
    pub fn receive_external(&mut self, item: T, desk: &mut impl Desk<T>) -> Result<(), T> {
        if !self.has_external_room() {
            return Err(item);
        }
        desk.report(What::Arrive, &item);
        self.push_external(item);
        Ok(())
    }

    /// Whether the external queue has room.
    #[must_use]
    pub fn has_external_room(&self) -> bool {
        self.externals.len() < self.external_capacity
    }

    /// Whether half of the external queue is free: then it is worth while to wake a source that waits for room.
    #[must_use]
    pub fn has_ample_external_room(&self) -> bool {
        self.externals.len() <= self.external_capacity / 2
    }

    /// Takes an update that has arrived: puts it in order, and queues it and all that it releases.
    pub fn receive(&mut self, item: T, desk: &mut impl Desk<T>) {
        self.queues = true;
        if self.loses_silently(desk.header(&item)) {
            return desk.discard(item);
        }
        if let Some(item) = self.order(item, desk) {
            self.enqueue(item, desk);
        }
        self.settle(desk);
    }

    /// One pick of the worker: the next input, if there is one and it may be taken in now.
    pub fn pick(&mut self, desk: &mut impl Desk<T>) -> Option<T> {
        let queue = self.picker.pick(!self.externals.is_empty(), !self.updates.is_empty())?;
        let item = match queue {
            Queue::External => self.externals.pop_front(),
            Queue::Updates => self.updates.pop(),
        }?;
        if queue == Queue::Updates && !self.ghosts.are_none() {
            self.ghosts.move_up();
        }
        while let Some(admitted) = self.updates.admit() {
            desk.report(What::Admit, admitted);
        }
        let header = desk.header(&item);
        // Only what sessions sent can be: an update may well rely on a life before this one.
        let is_stale = queue == Queue::External && self.lobby.is_stale(header, self.lives.current());
        self.lobby.see(header);
        // What this pick was waited for is handled before the next.
        self.settle_ops(desk);
        if is_stale { self.drop(item, DropReason::Stale, desk) } else { Some(item) }
    }

    /// Whether there is anything to pick.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.externals.is_empty() || !self.updates.is_empty()
    }

    /// Takes account of an update that is sent to this worker. Whether it is in flight from now on: if not, it will be when
    /// another has arrived ([`Inbox::admit`]), or it is dropped.
    #[must_use]
    pub fn launch(&mut self, item: T, desk: &mut impl Desk<T>) -> bool
    where
        T: Copy,
    {
        if self.loses && self.loses_silently(desk.header(&item)) {
            desk.discard(item);
            return false;
        }
        self.enqueue(item, desk)
    }

    /// [`Inbox::launch`] where there is nothing to decide and nothing to report, or nothing and `false`: ask that then.
    #[inline(always)]
    pub fn launch_at_once(&mut self) -> bool {
        !self.loses && self.updates.count()
    }

    /// Takes an update in flight that has arrived; gives it back if it is to be handled now.
    #[inline(always)]
    pub fn land(&mut self, item: T, desk: &mut impl Desk<T>) -> Option<T>
    where
        T: PartialEq,
    {
        self.updates.leave(&item);
        let item = self.order(item, desk)?;
        self.lobby.see(desk.header(&item));
        Some(item)
    }

    /// Reports the arrival of a message from a source that is handled at once.
    #[inline(always)]
    pub fn land_external(&mut self, item: &T, desk: &mut impl Desk<T>) {
        desk.report(What::Arrive, item);
    }

    /// Whether anything is held that may be in flight now: whether to ask [`Inbox::admit`].
    #[must_use]
    #[inline(always)]
    pub fn may_admit(&self) -> bool {
        self.updates.may_admit()
    }

    /// The next update that was held and is in flight now; ask until there is none.
    #[inline(always)]
    pub fn admit(&mut self, desk: &mut impl Desk<T>) -> Option<T>
    where
        T: Copy,
    {
        let item = *self.updates.admit()?;
        desk.report(What::Admit, &item);
        Some(item)
    }

    /// The next update that waits no longer and is to be handled now; ask until there is none.
    #[inline(always)]
    pub fn release(&mut self, desk: &mut impl Desk<T>) -> Option<T> {
        match self.readiness.release() {
            None if self.lobby.is_empty() => None,
            None => self.release_op(desk),
            Some(item) => {
                desk.report(What::Release, &item);
                self.lobby.see(desk.header(&item));
                Some(item)
            }
        }
    }

    /// Whether a worker that has handled an update has to ask [`Inbox::release`].
    #[must_use]
    #[inline(always)]
    pub fn may_release(&self) -> bool {
        self.readiness.may_release() || !self.lobby.is_empty()
    }

    /// Takes an update in flight that the network has lost.
    pub fn lose_in_flight(&mut self, item: T, desk: &mut impl Desk<T>)
    where
        T: PartialEq,
    {
        self.updates.leave(&item);
        self.lose_on_its_way(item, desk);
    }

    /// [`Inbox::lose_in_flight`] where inputs go through queues.
    pub fn lose_on_its_way(&mut self, item: T, desk: &mut impl Desk<T>) {
        self.drop_and_bury(item, DropReason::Loss, desk);
    }

    /// Takes an update that was dropped on its way here and reported: its place in the order is resolved.
    pub fn lose(&mut self, item: T, desk: &mut impl Desk<T>) {
        let header = desk.header(&item);
        self.bury(header);
        self.haunt(header);
        desk.discard(item);
    }

    /// Queues all that waits no longer: after [`Inbox::lose`], where inputs go through queues.
    pub fn settle(&mut self, desk: &mut impl Desk<T>) {
        while let Some(item) = self.readiness.release() {
            desk.report(What::Release, &item);
            self.enqueue(item, desk);
        }
        if !self.ghosts.are_none() {
            let Self { ghosts, updates, readiness, .. } = self;
            ghosts.take_their_turn(updates.iter().count(), |from| readiness.resolved_of(from));
        }
        self.settle_ops(desk);
    }

    /// This worker was told that an update of its own was dropped.
    pub fn nacked(&mut self) {
        self.picker.nacked();
    }

    /// Whether anything is parked: see [`Self::parked`] and [`Self::parked_ops`].
    #[must_use]
    #[inline]
    pub const fn has_parked(&self) -> bool {
        self.readiness.parked_len() > 0 || !self.lobby.is_empty()
    }

    /// What waits for an earlier update: the item, whose update, and its number.
    pub fn parked(&self) -> impl Iterator<Item = (&T, WorkerId, LinkNumber)> {
        self.readiness.parked()
    }

    /// By sender: the number up to which everything is handled, queued or known to be gone, for a
    /// [`Watermark`](crate::Watermark).
    #[must_use]
    pub fn resolved(&self) -> &[(WorkerId, LinkNumber)] {
        self.readiness.resolved()
    }

    /// Everything in the queues and beside them, where inputs go through queues.
    pub fn queued(&self) -> impl Iterator<Item = &T> {
        self.externals.iter().chain(self.updates.iter())
    }

    /// The most updates that were ever in the update queue.
    #[must_use]
    pub const fn high_water(&self) -> usize {
        self.updates.high_water()
    }

    /// The most messages of sources and sessions that were ever in the external queue. What a session has sent too early waits
    /// beside it.
    #[must_use]
    pub const fn external_high_water(&self) -> usize {
        self.external_high_water
    }

    #[inline(always)]
    fn push_external(&mut self, item: T) {
        self.externals.push_back(item);
        self.external_high_water = self.external_high_water.max(self.externals.len());
    }

    /// Reports the arrival and decides whether it is this update's turn.
    #[inline(always)]
    fn order(&mut self, item: T, desk: &mut impl Desk<T>) -> Option<T> {
        let header = desk.report(What::Arrive, &item);
        if header.depth.0 >= self.max_depth {
            desk.report(What::Drop(DropReason::Depth), &item);
            self.lose(item, desk);
            return None;
        }
        if header.to_life != self.lives.current() || self.lives.are_over() {
            return self.fence(item, desk);
        }
        self.order_among_updates(item, desk)
    }

    /// What was sent to another life, or to a worker that has no more of them.
    #[cold]
    fn fence(&mut self, item: T, desk: &mut impl Desk<T>) -> Option<T> {
        let is_old = desk.header(&item).to_life != self.lives.current();
        if is_old && !self.fences {
            return self.order_among_updates(item, desk);
        }
        let reason = if is_old { DropReason::Incarnation } else { DropReason::Crash };
        self.drop_and_bury(item, reason, desk);
        None
    }

    #[inline(always)]
    fn order_among_updates(&mut self, item: T, desk: &mut impl Desk<T>) -> Option<T> {
        let header = desk.header(&item);
        let Some(from) = header.from.worker() else { return Some(item) };
        match self.readiness.arrive(from, header) {
            Turn::Now => Some(item),
            Turn::Later(of, needs) => {
                desk.report(What::Park { of, needs }, &item);
                self.readiness.park(item);
                None
            }
            Turn::NoRoom => {
                self.haunt(desk.header(&item));
                self.drop(item, DropReason::Parking, desk)
            }
            Turn::Past => self.drop(item, DropReason::Duplicate, desk),
            Turn::Forged => self.drop(item, DropReason::Forged, desk),
        }
    }

    /// Offers to the bounded queue and sees to what the policy throws out. Whether the item is in the queue now.
    #[inline(always)]
    fn enqueue(&mut self, item: T, desk: &mut impl Desk<T>) -> bool {
        match self.updates.offer(item) {
            Offered::Queued => return true,
            Offered::Held => {
                let held = self.updates.iter().last().expect("it was held just now");
                desk.report(What::Hold, held);
                return false;
            }
            Offered::Evicted(oldest) => {
                desk.report(What::Drop(DropReason::Full), &oldest);
                self.bury(desk.header(&oldest));
                desk.discard(oldest);
                if !self.ghosts.are_none() {
                    self.ghosts.move_up();
                }
                return true;
            }
            Offered::Full(item) => self.drop_and_bury(item, DropReason::Full, desk),
            Offered::Overflow(item) => self.drop_and_bury(item, DropReason::Overflow, desk),
            Offered::Nacked(item) => {
                let sender = desk.header(&item).from.worker();
                desk.report(What::Nack, &item);
                self.drop_and_bury(item, DropReason::Nack, desk);
                sender.into_iter().for_each(|sender| desk.nack(sender));
            }
        }
        false
    }

    fn drop_and_bury(&mut self, item: T, reason: DropReason, desk: &mut impl Desk<T>) {
        desk.report(What::Drop(reason), &item);
        self.lose(item, desk);
    }

    fn drop(&mut self, item: T, reason: DropReason, desk: &mut impl Desk<T>) -> Option<T> {
        desk.report(What::Drop(reason), &item);
        desk.discard(item);
        None
    }

    /// The tombstone of a copy would stand where the original is to stand.
    fn bury(&mut self, header: &Header) {
        if let (true, Some(from), 0) = (self.tombstones, header.from.worker(), header.id.nth_copy()) {
            self.readiness.bury(from, header);
        }
    }

    /// The tombstone of what never was in the queue stands behind what is there.
    #[inline(always)]
    fn haunt(&mut self, header: &Header) {
        let counts = self.queues && self.tombstones && self.readiness.keeps_order();
        if let (true, Some(from), 0) = (counts, header.from.worker(), header.id.nth_copy()) {
            self.ghosts.add(from, header.number);
        }
    }

    /// The broken rule of [`Sabotage::LoseSilently`].
    fn loses_silently(&self, header: &Header) -> bool {
        self.loses && header.number.0 == 2
    }
}
