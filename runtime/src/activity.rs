//! Who is still at work: the count by which a run knows that nothing is left to do.
//!
//! A thread counts while it runs, and while it naps until a timer of its own is due. Before it sleeps for want of
//! work or of room it takes itself out ([`Activity::leave`]); whoever will wake it puts it back in first
//! ([`Activity::enter`]). So the count reaches zero exactly when nobody is left who could wake anybody: the workload
//! is fed, the inboxes are empty and no timer is pending, or all that is left waits for room that nobody will make.
//!
//! Without this file a run would not end, and a deadlock would hang the process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// How many threads of a run are at work, and whether it is over.
pub(crate) struct Activity {
    at_work: AtomicUsize,
    over: Mutex<bool>,
    bell: Condvar,
}

impl Activity {
    /// All threads begin at work.
    pub(crate) fn new(threads: usize) -> Self {
        Self { at_work: AtomicUsize::new(threads), over: Mutex::new(threads == 0), bell: Condvar::new() }
    }

    /// One more is at work: called by one who is at work, for one who sleeps and will be woken.
    pub(crate) fn enter(&self) {
        self.at_work.fetch_add(1, Ordering::AcqRel);
    }

    /// [`Activity::enter`] by one who is not at work himself: unless nobody is, for then the run is over.
    pub(crate) fn try_enter(&self) -> bool {
        let more = |at_work: usize| (at_work > 0).then_some(at_work + 1);
        self.at_work.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
    }

    /// The caller sleeps from now on, or has ended.
    pub(crate) fn leave(&self) {
        let before = self.at_work.fetch_sub(1, Ordering::AcqRel);
        assert!(before > 0, "a thread leaves only after it has entered");
        if before == 1 {
            self.end();
        }
    }

    /// The run is over, whoever is at work.
    pub(crate) fn end(&self) {
        *self.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
    }

    /// Waits until the run is over, but not longer than `until`; whether it is over.
    pub(crate) fn wait(&self, until: Option<Instant>) -> bool {
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        while !*over {
            over = match until {
                None => self.bell.wait(over).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                        return false;
                    };
                    self.bell.wait_timeout(over, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }
}

/// Ends the run if its thread panics, so that a bug of ours does not leave the others asleep for ever.
pub(crate) struct EndOnPanic<'a>(pub(crate) &'a Activity);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end();
        }
    }
}
