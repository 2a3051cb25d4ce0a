//! Coverage: which worker handled which kind of input in which kind of state, and how often.
//!
//! Only what happened is counted: which combinations could happen nobody knows, so none is called missed. Kinds are
//! words that the system gives ([`System::state_kind`](raddle_core::System::state_kind)); where it gives none, nothing is
//! counted and nothing is spent on it.

use raddle_core::{Names, WorkerId};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Counts handled inputs by worker, kind of state and kind of input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    times: FxHashMap<(WorkerId, &'static str, &'static str), u64>,
}

/// One combination that was seen, by names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Covered {
    /// Who handled.
    pub worker: String,
    /// In which kind of state it was before.
    pub state: String,
    /// Which kind of input it was.
    pub input: String,
    /// How often.
    pub times: u64,
}

impl Coverage {
    /// Counts one handled input.
    pub fn count(&mut self, worker: WorkerId, state: &'static str, input: &'static str) {
        *self.times.entry((worker, state, input)).or_insert(0) += 1;
    }

    /// Forgets all, and keeps its memory.
    pub fn clear(&mut self) {
        self.times.clear();
    }

    /// Adds what another has counted.
    pub fn add(&mut self, other: &Self) {
        for (key, times) in &other.times {
            *self.times.entry(*key).or_insert(0) += times;
        }
    }

    /// What was seen, in the order of names.
    #[must_use]
    pub fn list(&self, names: &Names) -> Vec<Covered> {
        let covered = |((worker, state, input), times): (&(WorkerId, &str, &str), &u64)| Covered {
            worker: names.worker(*worker).to_owned(),
            state: (*state).to_owned(),
            input: (*input).to_owned(),
            times: *times,
        };
        Self::join(self.times.iter().map(covered).collect())
    }

    /// Several lists as one: what is in more than one of them is added up.
    #[must_use]
    pub fn join(mut lists: Vec<Covered>) -> Vec<Covered> {
        lists.sort_unstable();
        lists.dedup_by(|again, first| {
            let same = (&again.worker, &again.state, &again.input) == (&first.worker, &first.state, &first.input);
            first.times = first.times.saturating_add(if same { again.times } else { 0 });
            same
        });
        lists
    }
}
