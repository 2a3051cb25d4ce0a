//! Coverage: which worker handled which kind of input in which kind of state, and how often.
//!
//! Only what happened is counted: which combinations could happen nobody knows, so none is called missed. Kinds are
//! words that the system gives ([`System::state_kind`](raddle_core::System::state_kind)); where it gives none, nothing is
//! counted and nothing is spent on it.
//!
//! Of an exhaustive search, its executions are counted: `dpor` does one run of each trace. What a worker knows when it handles
//! an input is the same in all runs of a trace, unless inputs are declared to commute, so it covers what all runs do, and
//! counts less often.
//!
//! A run of `n` inputs is counted in `n` short looks and added to a total in one pass over what it covers: combinations
//! keep their places from run to run, so that the same ones mostly stand at the same places of both.

use raddle_core::{Names, WorkerId};
use serde::{Deserialize, Serialize};

/// Counts handled inputs by worker, kind of state and kind of input.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// In the order in which they were first seen. Those that are not counted now keep their places.
    rows: Vec<Row>,
    /// By worker: the last of its rows.
    last: Vec<u32>,
}

/// One combination.
#[derive(Clone, Copy, Debug)]
struct Row {
    worker: WorkerId,
    state: &'static str,
    input: &'static str,
    times: u64,
    /// The row of the same worker before this one.
    before: u32,
}

/// No row.
const NONE: u32 = u32::MAX;

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

impl Row {
    /// Whether it is this combination. Mostly the very same words are asked for.
    #[inline]
    fn is(&self, state: &'static str, input: &'static str) -> bool {
        let same = |a: &'static str, b: &'static str| std::ptr::eq(a, b) || a == b;
        same(self.state, state) && same(self.input, input)
    }
}

impl Coverage {
    /// Counts one handled input.
    pub fn count(&mut self, worker: WorkerId, state: &'static str, input: &'static str) {
        self.row(worker, state, input).times += 1;
    }

    /// Forgets all, and keeps its memory.
    pub fn clear(&mut self) {
        self.rows.iter_mut().for_each(|row| row.times = 0);
    }

    /// Adds what another has counted.
    pub fn add(&mut self, other: &Self) {
        for (at, theirs) in other.rows.iter().enumerate() {
            match self.rows.get_mut(at) {
                Some(mine) if mine.worker == theirs.worker && mine.is(theirs.state, theirs.input) => {
                    mine.times += theirs.times;
                }
                _ if theirs.times == 0 => {}
                _ => self.row(theirs.worker, theirs.state, theirs.input).times += theirs.times,
            }
        }
    }

    /// Counts what `other` counts and nothing else, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.clear();
        self.add(other);
    }

    /// What was seen, in the order of names.
    #[must_use]
    pub fn list(&self, names: &Names) -> Vec<Covered> {
        let covered = |row: &Row| Covered {
            worker: names.worker(row.worker).to_owned(),
            state: row.state.to_owned(),
            input: row.input.to_owned(),
            times: row.times,
        };
        Self::join(self.rows.iter().filter(|row| row.times > 0).map(covered).collect())
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

    #[inline]
    fn row(&mut self, worker: WorkerId, state: &'static str, input: &'static str) -> &mut Row {
        let mut at = self.last.get(worker.index()).copied().unwrap_or(NONE);
        while let Some(row) = self.rows.get(at as usize) {
            if row.is(state, input) {
                return &mut self.rows[at as usize];
            }
            at = row.before;
        }
        self.new_row(worker, state, input)
    }

    #[cold]
    fn new_row(&mut self, worker: WorkerId, state: &'static str, input: &'static str) -> &mut Row {
        if self.last.len() <= worker.index() {
            self.last.resize(worker.index() + 1, NONE);
        }
        let at = self.rows.len();
        let before = std::mem::replace(&mut self.last[worker.index()], at as u32);
        self.rows.push(Row { worker, state, input, times: 0, before });
        &mut self.rows[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 3] = ["fresh", "busy", "done"];

    /// Counts these (worker, state, input), by number.
    fn counted(what: &[(u32, usize, usize)]) -> Coverage {
        let mut coverage = Coverage::default();
        what.iter().for_each(|(worker, state, input)| {
            coverage.count(WorkerId::new(*worker), WORDS[*state], WORDS[*input]);
        });
        coverage
    }

    fn list(coverage: &Coverage) -> Vec<(String, String, String, u64)> {
        let names = Names::new("test", ["a", "b", "c"], [""; 0]).expect("good names");
        let all = coverage.list(&names).into_iter();
        all.map(|covered| (covered.worker, covered.state, covered.input, covered.times)).collect()
    }

    #[test]
    fn what_is_added_may_stand_at_other_places() {
        let (one, two) = (&[(0, 0, 0), (1, 1, 1), (0, 0, 0)], &[(1, 1, 1), (2, 0, 2), (0, 0, 0)]);
        for (first, second) in [(&one[..], &two[..]), (&two[..], &one[..]), (&one[..], &one[..]), (&[], &two[..])] {
            let mut sum = counted(first);
            sum.add(&counted(second));
            assert_eq!(list(&sum), list(&counted(&[first, second].concat())));
        }
    }

    #[test]
    fn what_is_cleared_is_not_listed_and_a_copy_counts_the_same() {
        let mut coverage = counted(&[(0, 0, 0), (1, 1, 1)]);
        coverage.clear();
        assert_eq!(list(&coverage), []);
        let other = counted(&[(2, 2, 2), (1, 1, 1), (1, 1, 1)]);
        coverage.count(WorkerId::new(0), WORDS[0], WORDS[0]);
        coverage.copy_from(&other);
        assert_eq!(list(&coverage), list(&other));
    }

    #[test]
    fn the_same_words_are_one_whoever_wrote_them() {
        let mut coverage = counted(&[(0, 0, 1)]);
        coverage.count(WorkerId::new(0), String::leak("fresh".to_owned()), String::leak("busy".to_owned()));
        assert_eq!(list(&coverage), [("a".to_owned(), "fresh".to_owned(), "busy".to_owned(), 2)]);
        assert_eq!(coverage.rows.len(), 1);
    }
}
