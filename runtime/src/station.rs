//! One lock over one queue: who owns it, whether that one sleeps, and who waits for room in it.
//!
//! This file knows threads and no rule: what is in the queue, and when there is room, its users ask the core. Nobody
//! holds two stations open at once, so there is no order of locks to keep. Calls go out after the lock is free, so that a
//! woken thread does not run into it.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::activity::Activity;
use crate::seat::Waker;

/// How far a run has come; told to every station, so that nobody misses it in their sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Sources feed and timers fire.
    Running,
    /// No more of either; what is queued is handled.
    Draining,
    /// Every thread ends after what it is doing.
    Halted,
}

/// What one may wait for at a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Room for an update (only under `stall`).
    Updates,
    /// Room for a message from a source.
    Externals,
}

const ROOMS: usize = 2;

/// A queue that one party owns and others push into.
pub(crate) struct Station<Q> {
    held: Mutex<Held<Q>>,
    owner: Waker,
}

/// In memory as it stands here: what of a queue changes with every message then shares the cache line of the lock, and comes
/// with it from the processor that had it last.
#[repr(C)]
struct Held<Q> {
    queue: Q,
    phase: Phase,
    owner: Owner,
    /// Who waits for room, by which. Each looks for itself again when it is called.
    benches: [VecDeque<Waker>; ROOMS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// At work, or called.
    Awake,
    /// Until a timer is due; counts as at work.
    Napping,
    /// Until it is woken.
    Asleep,
}

impl<Q> Station<Q> {
    pub(crate) fn new(queue: Q, owner: Waker) -> Self {
        let held = Held { queue, phase: Phase::Running, owner: Owner::Awake, benches: Default::default() };
        Self { held: Mutex::new(held), owner }
    }

    /// Takes the lock.
    pub(crate) fn open(&self) -> Open<'_, Q> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        Open { held, calls: Calls { owner: None, others: Vec::new() }, station: self }
    }

    /// How its owner is called.
    pub(crate) const fn owner(&self) -> &Waker {
        &self.owner
    }

    /// Tells the phase, and wakes everybody to look at it.
    pub(crate) fn announce(&self, phase: Phase, activity: &Activity) {
        let mut post = self.open();
        post.held.phase = phase;
        post.wake_owner(activity);
        let waiting: Vec<Waker> = post.held.benches.iter_mut().flat_map(|bench| bench.drain(..)).collect();
        waiting.iter().for_each(|_| activity.enter());
        drop(post);
        waiting.iter().for_each(Waker::call);
    }

    /// The nap of its owner is over: whether it has to wake by itself. If not, it has been called.
    pub(crate) fn end_nap(&self) -> bool {
        let mut post = self.open();
        let alone = post.held.owner == Owner::Napping;
        post.held.owner = Owner::Awake;
        alone
    }

    /// Its owner, the only party of its thread, naps until then.
    pub(crate) fn nap(&self, post: Open<'_, Q>, until: Instant) {
        post.nap();
        let seat = self.owner.seat();
        if seat.sleep(Some(until)) || !self.end_nap() {
            seat.wait();
        }
    }

    /// Its owner, the only party of its thread, sleeps until it is woken.
    pub(crate) fn sleep(&self, post: Open<'_, Q>, activity: &Activity) {
        post.sleep(activity);
        self.owner.seat().wait();
    }

    /// The queue, when all threads have ended.
    pub(crate) fn into_queue(self) -> Q {
        self.held.into_inner().unwrap_or_else(PoisonError::into_inner).queue
    }
}

/// A station whose lock is held.
pub(crate) struct Open<'a, Q> {
    // Dropped in this order: first the lock is free, then the calls go out.
    held: MutexGuard<'a, Held<Q>>,
    calls: Calls<'a>,
    station: &'a Station<Q>,
}

impl<Q> Open<'_, Q> {
    pub(crate) fn phase(&self) -> Phase {
        self.held.phase
    }

    /// Wakes the owner if it sleeps: there is work.
    pub(crate) fn wake_owner(&mut self, activity: &Activity) {
        match self.held.owner {
            Owner::Awake => return,
            Owner::Napping => {}
            Owner::Asleep => activity.enter(),
        }
        self.call_owner();
    }

    /// [`Open::wake_owner`] by one who is not at work himself: unless the run is over.
    pub(crate) fn rouse_owner(&mut self, activity: &Activity) {
        let may = match self.held.owner {
            Owner::Awake => false,
            Owner::Napping => true,
            Owner::Asleep => activity.try_enter(),
        };
        if may {
            self.call_owner();
        }
    }

    fn call_owner(&mut self) {
        self.held.owner = Owner::Awake;
        self.calls.owner = Some(&self.station.owner);
    }

    /// Calls one who waits for room: there is some.
    pub(crate) fn call(&mut self, room: Room, activity: &Activity) {
        if let Some(waiting) = self.held.benches[room as usize].pop_front() {
            activity.enter();
            self.calls.others.push(waiting);
        }
    }

    /// The owner sleeps until it is called.
    pub(crate) fn sleep(mut self, activity: &Activity) {
        self.held.owner = Owner::Asleep;
        activity.leave();
    }

    /// The owner naps until it is called, or until its nap is over ([`Station::end_nap`]).
    pub(crate) fn nap(mut self) {
        self.held.owner = Owner::Napping;
    }

    /// Somebody else sleeps until called: there may be room then.
    pub(crate) fn wait_for(mut self, room: Room, waiting: &Waker, activity: &Activity) {
        self.held.benches[room as usize].push_back(waiting.clone());
        activity.leave();
    }
}

impl<Q> Deref for Open<'_, Q> {
    type Target = Q;

    fn deref(&self) -> &Q {
        &self.held.queue
    }
}

impl<Q> DerefMut for Open<'_, Q> {
    fn deref_mut(&mut self) -> &mut Q {
        &mut self.held.queue
    }
}

/// Whom to call once the lock is free.
struct Calls<'a> {
    owner: Option<&'a Waker>,
    others: Vec<Waker>,
}

impl Drop for Calls<'_> {
    fn drop(&mut self) {
        self.owner.into_iter().chain(&self.others).for_each(Waker::call);
    }
}
