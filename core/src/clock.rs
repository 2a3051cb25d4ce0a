//! Vector clocks: which sends of which worker lie in one's causal past.
//!
//! A worker's own entry counts the updates it has sent; sources have no entry. An absent entry is zero, so clocks
//! are compared over the union of their keys, and a clock is as long as the number of workers it has heard of,
//! not as the system is wide. (Mattern 1989, Fidge 1988; we count sends, not all local events.)

use std::cmp::Ordering;

use smallvec::SmallVec;

use crate::ids::WorkerId;

/// Entries kept without allocation.
const INLINE: usize = 8;

/// A sparse vector clock, entries sorted by worker, none of them zero.
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
#[derive(Debug, Default, PartialEq, Eq)]
pub struct VectorClock {
    entries: SmallVec<[(WorkerId, u32); INLINE]>,
}

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
    #[inline]
    pub fn get(&self, worker: WorkerId) -> u32 {
        match self.find(worker) {
            Ok(at) => self.entries[at].1,
            Err(_) => 0,
        }
    }

    /// Counts one more send of `worker`; gives the new count.
    #[inline]
    pub fn tick(&mut self, worker: WorkerId) -> u32 {
        match self.find(worker) {
            Ok(at) => {
                self.entries[at].1 += 1;
                self.entries[at].1
            }
            Err(at) => {
                self.entries.insert(at, (worker, 1));
                1
            }
        }
    }

    /// Sets one entry. Zero removes it.
    pub fn set(&mut self, worker: WorkerId, count: u32) {
        match (self.find(worker), count) {
            (Ok(at), 0) => {
                self.entries.remove(at);
            }
            (Ok(at), _) => self.entries[at].1 = count,
            (Err(_), 0) => {}
            (Err(at), _) => self.entries.insert(at, (worker, count)),
        }
    }

    /// Learns all that `other` knows: the pointwise maximum.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        let same_keys = self.entries.len() == other.entries.len()
            && self.entries.iter().zip(&other.entries).all(|(mine, theirs)| mine.0 == theirs.0);
        if same_keys {
            for (mine, theirs) in self.entries.iter_mut().zip(&other.entries) {
                mine.1 = mine.1.max(theirs.1);
            }
        } else {
            self.merge_unlike(other);
        }
    }

    /// Merges in place from the back, after making room for the keys that only `other` has.
    fn merge_unlike(&mut self, other: &Self) {
        let mut fresh = 0;
        let mut mine = 0;
        for theirs in &other.entries {
            while mine < self.entries.len() && self.entries[mine].0 < theirs.0 {
                mine += 1;
            }
            if mine == self.entries.len() || self.entries[mine].0 != theirs.0 {
                fresh += 1;
            }
        }
        let mut from = self.entries.len();
        let mut to = from + fresh;
        self.entries.resize(to, (WorkerId::default(), 0));
        for theirs in other.entries.iter().rev() {
            while from > 0 && self.entries[from - 1].0 > theirs.0 {
                from -= 1;
                to -= 1;
                self.entries[to] = self.entries[from];
            }
            let known = from > 0 && self.entries[from - 1].0 == theirs.0;
            let count = if known { self.entries[from - 1].1.max(theirs.1) } else { theirs.1 };
            from -= usize::from(known);
            to -= 1;
            self.entries[to] = (theirs.0, count);
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
        let mut theirs = other.entries.iter();
        self.entries.iter().all(|mine| theirs.find(|t| t.0 >= mine.0).is_some_and(|t| t.0 == mine.0 && t.1 >= mine.1))
    }

    /// A total order that agrees with causality: by the number of sends known, then entry by entry.
    ///
    /// A smaller past has a smaller sum, so this is a linear extension; concurrent clocks get an arbitrary but
    /// fixed order. Equal only for equal clocks.
    #[must_use]
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        self.sum().cmp(&other.sum()).then_with(|| self.entries.cmp(&other.entries))
    }

    /// Becomes equal to `other`, keeping its own memory.
    #[inline]
    pub fn copy_from(&mut self, other: &Self) {
        self.entries.clear();
        self.entries.extend_from_slice(&other.entries);
    }

    /// Forgets everything, keeping its memory.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries that are not zero, by worker.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (WorkerId, u32)> + '_ {
        self.entries.iter().copied()
    }

    /// Whether it has outgrown the memory that every clock has, so that its own is worth keeping.
    #[inline]
    pub(crate) fn is_long(&self) -> bool {
        self.entries.spilled()
    }

    fn sum(&self) -> u64 {
        self.entries.iter().map(|entry| u64::from(entry.1)).sum()
    }

    /// Short clocks are searched from the front, long ones by halves.
    #[inline]
    fn find(&self, worker: WorkerId) -> Result<usize, usize> {
        if self.entries.len() > INLINE {
            return self.entries.binary_search_by_key(&worker, |entry| entry.0);
        }
        for (at, entry) in self.entries.iter().enumerate() {
            if entry.0 >= worker {
                return if entry.0 == worker { Ok(at) } else { Err(at) };
            }
        }
        Err(self.entries.len())
    }
}

impl Clone for VectorClock {
    #[inline]
    fn clone(&self) -> Self {
        Self { entries: SmallVec::from_slice(&self.entries) }
    }

    #[inline]
    fn clone_from(&mut self, source: &Self) {
        self.copy_from(source);
    }
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
