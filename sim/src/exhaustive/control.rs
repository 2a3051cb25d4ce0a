//! What a search and those who wait for it tell each other, from thread to thread, without any waiting.
//!
//! The search looks between two runs: whether it is to end, and whether somebody wants to know what is left of it. What it
//! hands over is of one moment between two runs, so a search that goes on from there comes to the same as one that was never
//! ended.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

use super::checkpoint::{Left, SavedPart, SavedTally};
use super::tally::Tally;

/// Of one part of a search.
#[derive(Debug, Default)]
pub(crate) struct Control {
    /// The search is to end soon.
    pub(crate) stop: AtomicBool,
    /// So is everything.
    stop_all: Arc<AtomicBool>,
    executions: AtomicU64,
    deliveries: AtomicU64,
    /// How much is done, as the bits of a number between 0 and 1.
    part: AtomicU64,
    /// Whether what is left is to be handed over.
    is_asked: AtomicBool,
    handed: Mutex<Option<SavedPart>>,
}

/// Every how many runs a search says how far it is.
const SAY_EVERY: u64 = 256;

impl Control {
    /// One of several that this ends all together.
    pub(crate) fn under(stop_all: &Arc<AtomicBool>) -> Self {
        Self { stop_all: Arc::clone(stop_all), ..Self::default() }
    }

    /// Says how far a search is, from time to time; whether it is to go on.
    #[inline]
    pub(crate) fn goes_on(&self, tally: &Tally, part: impl FnOnce() -> f64) -> bool {
        if tally.executions.is_multiple_of(SAY_EVERY) {
            return self.goes_on_from(tally, part());
        }
        !self.is_stopped() && !tally.is_at_odds()
    }

    /// Says how far a search is; whether it is to go on.
    pub(crate) fn goes_on_from(&self, tally: &Tally, part: f64) -> bool {
        self.executions.store(tally.executions, Relaxed);
        self.deliveries.store(tally.deliveries, Relaxed);
        self.part.store(part.to_bits(), Relaxed);
        !self.is_stopped() && !tally.is_at_odds()
    }

    /// Whether it is to end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Relaxed) || self.stop_all.load(Relaxed)
    }

    /// Executions, deliveries and the part that is done, as they were last said.
    pub(crate) fn so_far(&self) -> (u64, u64, f64) {
        let part = f64::from_bits(self.part.load(Relaxed));
        (self.executions.load(Relaxed), self.deliveries.load(Relaxed), part)
    }

    /// Asks the search to hand over what is left and what it has counted.
    pub(crate) fn ask(&self) {
        self.is_asked.store(true, Relaxed);
    }

    /// What the search has handed over since this was last taken.
    pub(crate) fn take_handed(&self) -> Option<SavedPart> {
        self.handed.lock().ok()?.take()
    }

    /// Hands over what is left, and this tally, if that was asked for. Called between two runs that are counted.
    #[inline]
    pub(crate) fn hand_over(&self, tally: &Tally, left: impl FnOnce() -> Left) {
        if self.is_asked.load(Relaxed) {
            self.hand(tally, left());
        }
    }

    #[cold]
    fn hand(&self, tally: &Tally, left: Left) {
        // Before it is there to be taken: who takes it may ask again at once.
        self.is_asked.store(false, Relaxed);
        let part = SavedPart { left, tally: SavedTally::of(tally) };
        if let Ok(mut handed) = self.handed.lock() {
            *handed = Some(part);
        }
    }
}
