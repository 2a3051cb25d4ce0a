//! A thread as those see it who may wake it: a list of who is called, and a bell.
//!
//! A thread runs one party (a source, a session, a shard, a worker) or several workers. A party that cannot go on leaves its
//! [`Waker`] where it waits; whoever lets it go on calls it, once. A thread of which nobody is called gives up its
//! processor until somebody is.
//!
//! This file knows threads and no rule. Nobody who holds the lock of a seat takes another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often a thread that waits gives up its turn before it sleeps.
///
/// Being woken costs more than most answers take, as long as nobody else needs the processor. Where others do, a turn that is
/// given up comes back late, and whoever sleeps is served sooner; so after such a turn the next waits go without.
#[derive(Debug)]
pub(crate) struct Yields {
    budget: u32,
    left: u32,
    /// How many more waits go without.
    without: u32,
}

impl Yields {
    pub(crate) const fn new(budget: u32) -> Self {
        Self { budget, left: budget, without: 0 }
    }

    /// There was work: the next wait is a new one.
    pub(crate) const fn renew(&mut self) {
        self.left = if self.without == 0 { self.budget } else { 0 };
    }

    /// It has slept: that wait is over.
    pub(crate) const fn has_slept(&mut self) {
        self.without = self.without.saturating_sub(1);
        self.renew();
    }

    pub(crate) const fn are_left(&self) -> bool {
        self.left > 0
    }

    /// Gives up the turn of this thread.
    pub(crate) fn give_way(&mut self) {
        self.left = self.left.saturating_sub(1);
        let before = Instant::now();
        thread::yield_now();
        if before.elapsed() > AT_ONCE {
            (self.left, self.without) = (0, WAITS_WITHOUT);
        }
    }
}

/// Longer than the threads of a run keep a processor from each other while they have work, and shorter than a stranger does, who
/// keeps it for a slice of the scheduler's: some milliseconds.
const AT_ONCE: Duration = Duration::from_millis(1);
/// How many waits go without, where others need the processor.
const WAITS_WITHOUT: u32 = 100;

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
