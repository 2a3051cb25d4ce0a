//! The counts of a run, and how long inputs took to be handled: cheap enough to be kept always, recorded or not, and to be
//! looked at while it runs.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram as Buckets;
use indexmap::IndexMap;
use raddle_core::{DropReason, Inbox, InputKind, Time, What};
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::log::Counts;

/// How often what happened in a run, and how long it took.
///
/// As JSON all of this stands in one object; times are in nanoseconds, as their names say.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Metrics {
    /// For how long the run had been going on.
    #[serde(rename = "elapsed_ns", serialize_with = "nanoseconds")]
    pub elapsed: Duration,
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
    /// By worker, in the order of declaration: the most messages of sources and sessions that ever stood in its queue for those.
    pub external_high_water: IndexMap<String, usize>,
    /// By worker, in the order of declaration: how long inputs took to be handled there.
    pub latency: IndexMap<String, Latency>,
}

/// How long inputs took to be handled at one worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Messages from outside, from when their source had them ready.
    pub externals: Histogram,
    /// Updates, from when the input was taken whose handling sent them.
    pub updates: Histogram,
}

impl Latency {
    /// Notes an input that was ready at one time and taken at another.
    pub(crate) fn note(&mut self, kind: InputKind, ready: Time, taken: Time) {
        let took = taken.0.saturating_sub(ready.0);
        match kind {
            InputKind::External => self.externals.note(took),
            InputKind::Update => self.updates.note(took),
            InputKind::Start | InputKind::Timer => {}
        }
    }
}

/// How often something took how long; each time to a hundredth of itself.
///
/// As JSON: `count`, `mean_ns`, `p50_ns`, `p90_ns`, `p99_ns`, `p999_ns`, `max_ns`.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram(Buckets<u64>);

impl Default for Histogram {
    fn default() -> Self {
        Self(Buckets::new(2).expect("two digits can be kept"))
    }
}

impl Histogram {
    fn note(&mut self, nanoseconds: u64) {
        self.0.record(nanoseconds).expect("it grows by itself");
    }

    /// How many times it holds.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The mean; zero of none.
    #[must_use]
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.0.mean() as u64)
    }

    /// The time that so many of a hundred did not exceed; zero of none. 100 is the longest.
    ///
    /// ```
    /// use raddle_runtime::Histogram;
    /// assert_eq!(Histogram::default().percentile(99.0), std::time::Duration::ZERO);
    /// ```
    #[must_use]
    pub fn percentile(&self, of_hundred: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_percentile(of_hundred))
    }

    /// Adds what another holds.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("one that grows by itself takes all that another of its kind holds");
    }
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Histogram", 7)?;
        fields.serialize_field("count", &self.count())?;
        fields.serialize_field("mean_ns", &(self.0.mean() as u64))?;
        for (name, percent) in
            [("p50_ns", 50.0), ("p90_ns", 90.0), ("p99_ns", 99.0), ("p999_ns", 99.9), ("max_ns", 100.0)]
        {
            fields.serialize_field(name, &self.0.value_at_percentile(percent))?;
        }
        fields.end()
    }
}

/// What one worker shows of itself while it runs.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    pub(crate) counts: Counts,
    pub(crate) latency: Latency,
}

impl Metrics {
    pub(crate) fn add(&mut self, counts: impl IntoIterator<Item = (&'static str, u64)>) {
        for (word, count) in counts {
            *self.events.entry(word).or_default() += count;
        }
    }

    /// Notes how long the queues of a worker were.
    pub(crate) fn note_queues<T>(&mut self, worker: &str, inbox: &Inbox<T>) {
        self.high_water.insert(worker.to_owned(), inbox.high_water());
        self.external_high_water.insert(worker.to_owned(), inbox.external_high_water());
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

    /// The times of all workers together.
    #[must_use]
    pub fn latency_of_all(&self) -> Latency {
        let mut all = Latency::default();
        for Latency { externals, updates } in self.latency.values() {
            all.externals.add(externals);
            all.updates.add(updates);
        }
        all
    }
}

fn nanoseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_kept_to_a_hundredth_and_added() {
        let mut one = Histogram::default();
        (1..=1_000_u64).for_each(|us| one.note(us * 1_000));
        let mut two = Histogram::default();
        two.note(7_000_000_000);
        two.add(&one);
        let close = |time: Duration, us: u128| time.as_micros().abs_diff(us) <= us / 100;
        assert_eq!((one.count(), two.count()), (1_000, 1_001));
        assert!(close(one.percentile(50.0), 500) && close(one.percentile(99.0), 990) && close(one.mean(), 500));
        assert!(close(two.percentile(100.0), 7_000_000));
    }
}
