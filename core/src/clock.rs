//! Vector clocks: which sends of which worker lie in one's causal past.
//!
//! A worker's own entry counts the updates it has sent; sources have no entry. An absent entry is zero, so clocks
//! are compared over the union of their keys, and a clock is as long as the number of workers it has heard of,
//! not as the system is wide. (Mattern 1989, Fidge 1988; we count sends, not all local events.)

use std::cmp::Ordering;

use crate::ids::WorkerId;

/// Workers up to this index have a place of their own in every clock.
const DENSE: usize = 8;

/// A vector clock over as many workers as it has heard of.
///
/// ```
/// use raddle_core::{Causality, VectorClock, WorkerId};
/// let (ann, bob) = (WorkerId::new(0), WorkerId::new(1));
/// let mut sent_by_ann = VectorClock::new();
/// sent_by_ann.tick(ann);
/// let mut sent_by_bob = VectorClock::new();
/// sent_by_bob.tick(bob);
/// assert_eq!(sent_by_ann.compare(&sent_by_bob), Causality::Concurrent);
/// sent_by_bob.merge(&sent_by_ann);
/// assert_eq!(sent_by_ann.compare(&sent_by_bob), Causality::Before);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VectorClock {
    /// The counts of the first workers: merged and copied as one block, without a branch.
    dense: Dense,
    /// The counts of all others that are not zero, by worker.
    sparse: Vec<(WorkerId, u32)>,
}

/// Aligned, so that no copy of it lies across two cache lines: those cannot be read again before they are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(16))]
struct Dense([u32; DENSE]);

/// For each of the first workers, the clock of one send of its.
static ONE_EACH: [Dense; DENSE] = {
    let mut rows = [Dense([0; DENSE]); DENSE];
    let mut at = 0;
    while at < DENSE {
        rows[at].0[at] = 1;
        at += 1;
    }
    rows
};

/// How two clocks stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Causality {
    /// The same past.
    Equal,
    /// The left is in the past of the right.
    Before,
    /// The right is in the past of the left.
    After,
    /// Neither knew of the other.
    Concurrent,
}

impl VectorClock {
    /// The clock of one who has heard nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of sends of `worker` in this past.
    #[must_use]
    #[inline(always)]
    pub fn get(&self, worker: WorkerId) -> u32 {
        match self.dense.0.get(worker.index()) {
            Some(count) => *count,
            None => self.find(worker).map_or(0, |at| self.sparse[at].1),
        }
    }

    /// Counts one more send of `worker`; gives the new count.
    #[inline(always)]
    pub fn tick(&mut self, worker: WorkerId) -> u32 {
        if worker.index() < DENSE {
            // All at once: a lone word written here would stall the copy of the block that follows.
            for (count, one) in self.dense.0.iter_mut().zip(ONE_EACH[worker.index()].0) {
                *count += one;
            }
            return self.dense.0[worker.index()];
        }
        let count = self.get(worker) + 1;
        self.set(worker, count);
        count
    }

    /// Sets one entry.
    pub fn set(&mut self, worker: WorkerId, count: u32) {
        if let Some(slot) = self.dense.0.get_mut(worker.index()) {
            *slot = count;
            return;
        }
        match (self.find(worker), count) {
            (Ok(at), 0) => _ = self.sparse.remove(at),
            (Ok(at), _) => self.sparse[at].1 = count,
            (Err(_), 0) => {}
            (Err(at), _) => self.sparse.insert(at, (worker, count)),
        }
    }

    /// Learns all that `other` knows: the pointwise maximum.
    #[inline(always)]
    pub fn merge(&mut self, other: &Self) {
        // By way of a value, so that the whole block is in registers: it is read again at once as a whole.
        let mut dense = self.dense;
        for (mine, theirs) in dense.0.iter_mut().zip(other.dense.0) {
            *mine = later(*mine, theirs);
        }
        self.dense = dense;
        if !other.sparse.is_empty() {
            self.merge_sparse(&other.sparse);
        }
    }

    fn merge_sparse(&mut self, theirs: &[(WorkerId, u32)]) {
        let same_keys = self.sparse.len() == theirs.len() && self.sparse.iter().zip(theirs).all(|(a, b)| a.0 == b.0);
        if same_keys {
            for (mine, theirs) in self.sparse.iter_mut().zip(theirs) {
                mine.1 = mine.1.max(theirs.1);
            }
            return;
        }
        // From the back and in place, after making room for the keys that only they have.
        let known = &mut self.sparse;
        let (mut fresh, mut at) = (0, 0);
        for (worker, _) in theirs {
            while at < known.len() && known[at].0 < *worker {
                at += 1;
            }
            fresh += usize::from(at == known.len() || known[at].0 != *worker);
        }
        let mut from = known.len();
        let mut to = from + fresh;
        known.resize(to, (WorkerId::default(), 0));
        for (worker, count) in theirs.iter().rev() {
            while from > 0 && known[from - 1].0 > *worker {
                from -= 1;
                to -= 1;
                known[to] = known[from];
            }
            let both = from > 0 && known[from - 1].0 == *worker;
            let count = if both { known[from - 1].1.max(*count) } else { *count };
            from -= usize::from(both);
            to -= 1;
            known[to] = (*worker, count);
        }
        debug_assert_eq!(from, to, "what stands before the smallest new key stays where it is");
    }

    /// How this past stands to `other`, over the union of keys.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Causality {
        match (self.within(other), other.within(self)) {
            (true, true) => Causality::Equal,
            (true, false) => Causality::Before,
            (false, true) => Causality::After,
            (false, false) => Causality::Concurrent,
        }
    }

    /// Whether everything in this past is also in `other`.
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        let mut theirs = other.sparse.iter();
        let mut found =
            |mine: &(WorkerId, u32)| theirs.find(|t| t.0 >= mine.0).is_some_and(|t| t.0 == mine.0 && t.1 >= mine.1);
        self.dense.0.iter().zip(&other.dense.0).all(|(mine, theirs)| mine <= theirs)
            && self.sparse.iter().all(&mut found)
    }

    /// A total order that agrees with causality: by the number of sends known, then entry by entry.
    ///
    /// A smaller past has a smaller sum, so this is a linear extension; concurrent clocks get an arbitrary but
    /// fixed order. Equal only for equal clocks.
    #[must_use]
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        let sum = |clock: &Self| clock.iter().map(|entry| u64::from(entry.1)).sum::<u64>();
        sum(self).cmp(&sum(other)).then_with(|| self.iter().cmp(other.iter()))
    }

    /// Whether it counts sends of workers beyond the first `count`. (In the first places, which are kept as one block, what
    /// does not belong there does no harm.)
    #[inline(always)]
    pub(crate) fn reaches_beyond(&self, count: usize) -> bool {
        self.sparse.last().is_some_and(|entry| entry.0.index() >= count)
    }

    /// Becomes equal to `other`, keeping its own memory.
    #[inline(always)]
    pub fn copy_from(&mut self, other: &Self) {
        self.dense = other.dense;
        if self.sparse.len() + other.sparse.len() > 0 {
            self.sparse.clone_from(&other.sparse);
        }
    }

    /// Forgets everything, keeping its memory.
    #[inline]
    pub fn clear(&mut self) {
        self.dense = Dense::default();
        self.sparse.clear();
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dense == Dense::default() && self.sparse.is_empty()
    }

    /// The entries that are not zero, by worker.
    pub fn iter(&self) -> impl Iterator<Item = (WorkerId, u32)> + '_ {
        let dense = self.dense.0.iter().enumerate().map(|(index, count)| (WorkerId::at(index), *count));
        dense.filter(|entry| entry.1 > 0).chain(self.sparse.iter().copied())
    }

    fn find(&self, worker: WorkerId) -> Result<usize, usize> {
        self.sparse.binary_search_by_key(&worker, |entry| entry.0)
    }
}

/// The greater of two counts. They stay below 2^31, and signed numbers are compared four at a time everywhere.
#[inline(always)]
const fn later(a: u32, b: u32) -> u32 {
    if (a as i32) < (b as i32) { b } else { a }
}

impl FromIterator<(WorkerId, u32)> for VectorClock {
    fn from_iter<I: IntoIterator<Item = (WorkerId, u32)>>(entries: I) -> Self {
        let mut clock = Self::new();
        entries.into_iter().for_each(|(worker, count)| clock.set(worker, count));
        clock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(counts: &[u32]) -> VectorClock {
        counts.iter().enumerate().map(|(i, n)| (WorkerId::at(i), *n)).collect()
    }

    /// All clocks of three workers with counts up to two, against the dense definition.
    #[test]
    fn agrees_with_dense_clocks() {
        let all: Vec<[u32; 3]> = (0..27).map(|code: u32| [code % 3, code / 3 % 3, code / 9]).collect();
        for a in &all {
            for b in &all {
                let (left, right) = (clock(a), clock(b));
                let (le, ge) = (a.iter().zip(b).all(|(x, y)| x <= y), a.iter().zip(b).all(|(x, y)| x >= y));
                let expected = match (le, ge) {
                    (true, true) => Causality::Equal,
                    (true, false) => Causality::Before,
                    (false, true) => Causality::After,
                    (false, false) => Causality::Concurrent,
                };
                assert_eq!(left.compare(&right), expected, "{a:?} {b:?}");
                let mut merged = left.clone();
                merged.merge(&right);
                let pointwise: Vec<u32> = a.iter().zip(b).map(|(x, y)| *x.max(y)).collect();
                assert_eq!(merged, clock(&pointwise), "{a:?} {b:?}");
                if expected == Causality::Before {
                    assert_eq!(left.total_cmp(&right), Ordering::Less, "{a:?} {b:?}");
                }
                assert_eq!(left.total_cmp(&right) == Ordering::Equal, a == b);
            }
        }
    }

    #[test]
    fn long_clocks_work_like_short_ones() {
        let mut even: VectorClock = (0..64).step_by(2).map(|i| (WorkerId::new(i), i + 1)).collect();
        let odd: VectorClock = (1..64).step_by(2).map(|i| (WorkerId::new(i), i + 1)).collect();
        assert_eq!(even.compare(&odd), Causality::Concurrent);
        even.merge(&odd);
        assert_eq!(even, (0..64).map(|i| (WorkerId::new(i), i + 1)).collect());
        assert_eq!((even.get(WorkerId::new(63)), even.tick(WorkerId::new(63))), (64, 65));
    }
}
