//! One lock over one queue, with a bell for its owner and benches for those who wait for room.
//!
//! This file knows threads and no rule: what is in the queue, and when there is room, its users ask the core. Nobody
//! holds two stations open at once, so there is no order of locks to keep. Notifications go out after the lock is
//! free, so that a woken thread does not run into it.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::activity::Activity;

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

/// A queue that one thread owns and others push into.
pub(crate) struct Station<Q> {
    held: Mutex<Held<Q>>,
    bell: Condvar,
    rooms: [Condvar; ROOMS],
}

struct Held<Q> {
    queue: Q,
    phase: Phase,
    owner: Owner,
    benches: [Bench; ROOMS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Awake,
    /// Until a timer is due; counts as at work.
    Napping,
    /// Until it is woken.
    Asleep,
}

/// Threads that wait for room. Which of them answers a call does not matter: each looks for itself again.
#[derive(Clone, Copy, Debug, Default)]
struct Bench {
    waiting: usize,
    called: usize,
}

impl<Q> Station<Q> {
    pub(crate) fn new(queue: Q) -> Self {
        let held = Held { queue, phase: Phase::Running, owner: Owner::Awake, benches: [Bench::default(); ROOMS] };
        Self { held: Mutex::new(held), bell: Condvar::new(), rooms: [Condvar::new(), Condvar::new()] }
    }

    /// Takes the lock.
    pub(crate) fn open(&self) -> Open<'_, Q> {
        self.reopen(self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells the phase, and wakes everybody to look at it.
    pub(crate) fn announce(&self, phase: Phase, activity: &Activity) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.phase = phase;
        if held.owner == Owner::Asleep {
            activity.enter();
        }
        held.owner = Owner::Awake;
        for bench in &mut held.benches {
            (0..bench.waiting).for_each(|_| activity.enter());
            bench.called += std::mem::take(&mut bench.waiting);
        }
        drop(held);
        self.bell.notify_all();
        self.rooms.iter().for_each(Condvar::notify_all);
    }

    /// The queue, when all threads have ended.
    pub(crate) fn into_queue(self) -> Q {
        self.held.into_inner().unwrap_or_else(PoisonError::into_inner).queue
    }

    fn reopen<'a>(&'a self, held: MutexGuard<'a, Held<Q>>) -> Open<'a, Q> {
        Open { held, station: self, calls: Calls { to_notify: [None; ROOMS + 1] } }
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
        self.held.owner = Owner::Awake;
        self.calls.to_notify[ROOMS] = Some(&self.station.bell);
    }

    /// [`Open::wake_owner`] by one who is not at work himself: unless the run is over.
    pub(crate) fn rouse_owner(&mut self, activity: &Activity) {
        let may = match self.held.owner {
            Owner::Awake => false,
            Owner::Napping => true,
            Owner::Asleep => activity.try_enter(),
        };
        if may {
            self.held.owner = Owner::Awake;
            self.calls.to_notify[ROOMS] = Some(&self.station.bell);
        }
    }

    /// Calls one who waits for room: there is some.
    pub(crate) fn call(&mut self, room: Room, activity: &Activity) {
        let bench = &mut self.held.benches[room as usize];
        if bench.waiting > 0 {
            activity.enter();
            bench.waiting -= 1;
            bench.called += 1;
            self.calls.to_notify[room as usize] = Some(&self.station.rooms[room as usize]);
        }
    }

    /// The owner sleeps until it is woken.
    pub(crate) fn sleep(self, activity: &Activity) -> Self {
        let Self { mut held, calls, station } = self;
        drop(calls);
        held.owner = Owner::Asleep;
        activity.leave();
        while held.owner != Owner::Awake {
            held = station.bell.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        station.reopen(held)
    }

    /// The owner sleeps until it is woken, but not longer than `until`.
    pub(crate) fn nap(self, until: Instant) -> Self {
        let Self { mut held, calls, station } = self;
        drop(calls);
        held.owner = Owner::Napping;
        while held.owner != Owner::Awake {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else { break };
            held = station.bell.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        held.owner = Owner::Awake;
        station.reopen(held)
    }

    /// Another thread waits until it is called: look again then.
    pub(crate) fn wait_for(self, room: Room, activity: &Activity) -> Self {
        let Self { mut held, calls, station } = self;
        drop(calls);
        held.benches[room as usize].waiting += 1;
        activity.leave();
        while held.benches[room as usize].called == 0 {
            held = station.rooms[room as usize].wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        held.benches[room as usize].called -= 1;
        station.reopen(held)
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

/// Whom to notify once the lock is free.
struct Calls<'a> {
    to_notify: [Option<&'a Condvar>; ROOMS + 1],
}

impl Drop for Calls<'_> {
    fn drop(&mut self) {
        self.to_notify.iter().flatten().for_each(|condvar| condvar.notify_one());
    }
}
