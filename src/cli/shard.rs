//! A shard: one part of the seeds of a search, for one machine of a fleet.
//!
//! Parts are contiguous, and together they are the seeds of the whole. So the shards before the first that failed did
//! what one search for all seeds would have done, and what later ones did does not count: `merge` comes to the same
//! report.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use indexmap::IndexMap;
use raddle_sim::{Cut, Report};
use serde::{Deserialize, Serialize};

/// The most shards of one search.
const SHARDS_MAX: u64 = 100_000;

/// Part `index` of `of`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) index: u64,
    pub(crate) of: u64,
}

impl Shard {
    /// Its part of these seeds.
    pub(crate) fn part(self, seeds: &Range<u64>) -> Range<u64> {
        let len = u128::from(seeds.end.saturating_sub(seeds.start));
        let end_of = |index: u64| {
            let before = len * u128::from(index) / u128::from(self.of);
            seeds.start + u64::try_from(before).expect("a part is no longer than the whole")
        };
        end_of(self.index - 1)..end_of(self.index)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (index, of) = text.split_once('/')?;
            Some(Self { index: index.parse().ok()?, of: of.parse().ok()? })
        };
        let fits = |shard: &Self| shard.of <= SHARDS_MAX && (1..=shard.of).contains(&shard.index);
        read()
            .filter(fits)
            .ok_or_else(|| format!("expected a part and their number, from 1/4 to 4/4, and at most {SHARDS_MAX} parts"))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// What the report of a shard says beyond other reports, so that shards can be joined.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShardLine {
    /// Which part, from 1.
    pub(crate) index: u64,
    /// Of how many.
    pub(crate) of: u64,
    /// The seeds of all shards together.
    pub(crate) seeds: Range<u64>,
    /// Whether those seeds were asked for, so that an end before the last of them is none.
    pub(crate) asked: bool,
    /// Why it ended early, if it did.
    pub(crate) cut: Option<Ended>,
    /// The traces it saw, as [`raddle_sim::Distinct`] writes them.
    pub(crate) traces: String,
}

/// Why a shard ended before its last seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ended {
    Time,
    Stopped,
}

impl ShardLine {
    pub(crate) fn of(shard: Shard, seeds: Range<u64>, asked: bool, report: &Report) -> Self {
        let cut = report.cut.as_ref().map(|cut| match cut {
            Cut::Time => Ended::Time,
            Cut::Stopped => Ended::Stopped,
        });
        let Shard { index, of } = shard;
        Self { index, of, seeds, asked, cut, traces: report.distinct.to_string() }
    }
}

/// Everything that a search depends on but its seeds and strategy, by name: what shards of one search agree on.
pub(crate) type Resolved = IndexMap<String, String>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_whole() {
        for (seeds, of) in [(0..10, 3), (5..6, 4), (7..7, 2), (0..u64::MAX, 100_000), (3..1_000, 1)] {
            let mut next = seeds.start;
            for index in 1..=of {
                let part = Shard { index, of }.part(&seeds);
                assert_eq!(part.start, next, "{index}/{of} of {seeds:?}");
                next = part.end;
            }
            assert_eq!(next, seeds.end);
        }
        assert_eq!([1, 2, 3].map(|index| Shard { index, of: 3 }.part(&(0..10))), [0..3, 3..6, 6..10]);
    }

    #[test]
    fn shards_count_from_1() {
        assert_eq!("2/4".parse(), Ok(Shard { index: 2, of: 4 }));
        for nonsense in ["0/4", "5/4", "4", "/4", "1/", "1/0", "a/b", "1/100001", "-1/4"] {
            assert!(nonsense.parse::<Shard>().is_err(), "{nonsense}");
        }
    }
}
