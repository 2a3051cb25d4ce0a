//! The counts of a run: cheap enough to be kept always, recorded or not.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use raddle_core::{DropReason, What};
use serde::Serialize;

use crate::log::Counts;

/// How often what happened in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Metrics {
    /// Events by their word; drops stand by reason, as in `drop(full)`.
    pub events: BTreeMap<&'static str, u64>,
    /// Inputs handled: messages from sources, updates, starts and timers.
    pub handled: u64,
    /// Updates sent; those that the sender's own core refused do not count.
    pub sent: u64,
    /// Messages from sources that were taken into a queue.
    pub fed: u64,
    /// Messages dropped, for whatever reason.
    pub dropped: u64,
    /// By worker, in the order of declaration: the most updates that ever stood in its queue.
    pub high_water: IndexMap<String, usize>,
}

impl Metrics {
    pub(crate) fn add(&mut self, counts: Counts) {
        for (word, count) in counts {
            *self.events.entry(word).or_default() += count;
        }
    }

    /// Makes the sums, when all lanes are added.
    pub(crate) fn sum_up(&mut self) {
        self.handled = self.count(What::Handle);
        self.sent = self.count(What::Emit);
        self.dropped = DropReason::ALL.into_iter().map(|reason| self.count(What::Drop(reason))).sum();
    }

    /// How often this happened; only the word counts.
    #[must_use]
    pub fn count(&self, what: What) -> u64 {
        self.events.get(what.word()).copied().unwrap_or_default()
    }
}
