//! A thread as those see it who may wake it: a list of who is called, and a bell.
//!
//! A thread runs one party (a source, a session, a shard, a worker) or several workers. A party that cannot go on leaves its
//! [`Waker`] where it waits; whoever lets it go on calls it, once. A thread of which nobody is called gives up its
//! processor until somebody is.
//!
//! This file knows threads and no rule. Nobody who holds the lock of a seat takes another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Where one thread of a run sits.
#[derive(Debug, Default)]
pub(crate) struct Seat {
    state: Mutex<State>,
    /// Whether anybody is called: so that one who is busy need not take the lock to know.
    has_calls: AtomicBool,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<usize>,
    is_asleep: bool,
}

/// How one party is called.
#[derive(Clone, Debug)]
pub(crate) struct Waker {
    seat: Arc<Seat>,
    /// Which of those who sit there.
    party: usize,
}

impl Waker {
    /// Of the only party of a thread of its own.
    pub(crate) fn alone() -> Self {
        Self::new(&Arc::default(), 0)
    }

    pub(crate) fn new(seat: &Arc<Seat>, party: usize) -> Self {
        Self { seat: Arc::clone(seat), party }
    }

    pub(crate) const fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }

    /// Calls it.
    pub(crate) fn call(&self) {
        let mut state = self.seat.lock();
        state.calls.push(self.party);
        self.seat.has_calls.store(true, Ordering::Release);
        let is_asleep = std::mem::take(&mut state.is_asleep);
        drop(state);
        if is_asleep {
            self.seat.bell.notify_one();
        }
    }
}

impl Seat {
    /// Takes over who is called, behind those who are known to be.
    pub(crate) fn take_calls(&self, called: &mut impl Extend<usize>) {
        if self.has_calls.load(Ordering::Acquire) {
            let mut state = self.lock();
            self.has_calls.store(false, Ordering::Relaxed);
            called.extend(state.calls.drain(..));
        }
    }

    /// Sleeps until somebody is called, but not longer than `until`; whether somebody is.
    pub(crate) fn sleep(&self, until: Option<Instant>) -> bool {
        let mut state = self.lock();
        while state.calls.is_empty() {
            state.is_asleep = true;
            state = match until {
                None => self.bell.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                        state.is_asleep = false;
                        return false;
                    };
                    self.bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state.is_asleep = false;
        true
    }

    /// Sleeps until the only party here is called.
    pub(crate) fn wait(&self) {
        self.sleep(None);
        self.take_calls(&mut Vec::new());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn each_call_is_heard_once_whoever_sleeps() {
        const CALLS: usize = 2_000;
        let seat = Arc::new(Seat::default());
        let (mut heard, wakers) = (Vec::new(), [0, 1].map(|party| Waker::new(&seat, party)));
        thread::scope(|scope| {
            for waker in &wakers {
                scope.spawn(|| (0..CALLS).for_each(|_| waker.call()));
            }
            while heard.len() < 2 * CALLS {
                assert!(seat.sleep(None));
                seat.take_calls(&mut heard);
            }
        });
        assert_eq!(heard.iter().filter(|party| **party == 0).count(), CALLS);
        assert!(!seat.sleep(Some(Instant::now())), "all were heard");
    }
}
