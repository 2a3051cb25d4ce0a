//! How many different traces were seen, and how likely the next run is to show a new one.
//!
//! Good and Turing (Good, "The Population Frequencies of Species", 1953): of N runs, if f1 traces were seen exactly
//! once, the chance that the next run shows an unseen one is about f1 / N.

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
}
