//! How many different traces were seen, and how likely the next run is to show a new one.
//!
//! Good and Turing (Good, "The Population Frequencies of Species", 1953): of N runs, if f1 traces were seen exactly
//! once, the chance that the next run shows an unseen one is about f1 / N.
//!
//! The counts of several searches can be joined: their text form, `1f3a 77b0*12`, is each fingerprint in hex, in
//! ascending order, with how often it was seen if more than once.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use rustc_hash::FxHashMap;

/// Counts traces by fingerprint.
#[derive(Clone, Debug, Default)]
pub struct Distinct {
    seen: FxHashMap<u64, u32>,
    runs: u64,
    once: u64,
}

impl Distinct {
    /// Counts one more run.
    pub fn add(&mut self, fingerprint: u64) {
        let times = self.seen.entry(fingerprint).or_insert(0);
        *times = times.saturating_add(1);
        self.runs += 1;
        match times {
            1 => self.once += 1,
            2 => self.once -= 1,
            _ => {}
        }
    }

    /// Counts all runs that another has counted.
    pub fn merge(&mut self, other: &Self) {
        for (fingerprint, more) in &other.seen {
            let times = self.seen.entry(*fingerprint).or_insert(0);
            let before = *times;
            *times = times.saturating_add(*more);
            self.once = self.once + u64::from(*times == 1) - u64::from(before == 1);
        }
        self.runs += other.runs;
    }

    /// How many different traces were seen.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.seen.len() as u64
    }

    /// The chance that the next run shows a trace not seen before; 1 before the first run.
    #[must_use]
    pub fn chance_of_new(&self) -> f64 {
        if self.runs == 0 { 1.0 } else { self.once as f64 / self.runs as f64 }
    }
}

impl fmt::Display for Distinct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut seen: Vec<_> = self.seen.iter().collect();
        seen.sort_unstable();
        for (at, (fingerprint, times)) in seen.into_iter().enumerate() {
            if at > 0 {
                f.write_char(' ')?;
            }
            write!(f, "{fingerprint:x}")?;
            if *times > 1 {
                write!(f, "*{times}")?;
            }
        }
        Ok(())
    }
}

/// A text that is no count of traces.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no trace and its count: expected hex digits, such as `1f3a`, or `1f3a*12`, in ascending order")]
pub struct DistinctError(String);

impl FromStr for Distinct {
    type Err = DistinctError;

    fn from_str(text: &str) -> Result<Self, DistinctError> {
        let mut distinct = Self::default();
        let mut last = None;
        for word in text.split_ascii_whitespace() {
            let wrong = || DistinctError(word.to_owned());
            let (fingerprint, times) = word.split_once('*').unwrap_or((word, "1"));
            let fingerprint = u64::from_str_radix(fingerprint, 16).map_err(|_| wrong())?;
            let times: u32 = times.parse().ok().filter(|times| *times > 0).ok_or_else(wrong)?;
            if last >= Some(fingerprint) {
                return Err(wrong());
            }
            last = Some(fingerprint);
            distinct.seen.insert(fingerprint, times);
            distinct.runs += u64::from(times);
            distinct.once += u64::from(times == 1);
        }
        Ok(distinct)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_species_and_singletons() {
        let mut distinct = Distinct::default();
        assert!((distinct.chance_of_new() - 1.0).abs() < f64::EPSILON);
        [1, 2, 2, 3, 3, 3, 4, 5].into_iter().for_each(|trace| distinct.add(trace));
        assert_eq!(distinct.count(), 5);
        assert!((distinct.chance_of_new() - 3.0 / 8.0).abs() < f64::EPSILON);
    }

    #[test]
    fn joined_counts_are_the_counts_of_all_runs() {
        let of = |runs: &[u64]| {
            let mut distinct = Distinct::default();
            runs.iter().for_each(|run| distinct.add(*run));
            distinct
        };
        let (one, two) = ([9, 9, 1, u64::MAX, 3], [1, 4, 9, 4]);
        let read = |distinct: &Distinct| distinct.to_string().parse::<Distinct>().expect("its own text");
        let mut joined = read(&of(&one));
        joined.merge(&read(&of(&two)));
        let all = of(&[one.as_slice(), &two].concat());
        assert_eq!(joined.to_string(), "1*2 3 4*2 9*3 ffffffffffffffff");
        assert_eq!((joined.to_string(), joined.count()), (all.to_string(), all.count()));
        assert!((joined.chance_of_new() - all.chance_of_new()).abs() < f64::EPSILON);
        for nonsense in ["x", "1*0", "1*", "2 1", "1 1", "-1", "11111111111111111"] {
            assert!(nonsense.parse::<Distinct>().is_err(), "{nonsense}");
        }
    }
}
