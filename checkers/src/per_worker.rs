//! One value for each worker, forgotten all at once for the price of a counter.
//!
//! A search resets its laws a million times a second, and most runs touch few workers of a wide system. So a reset
//! touches no slot: each slot knows when it was last used, and one of an older run is cleared when it is next used. One
//! that was used last at the same time in a run and in a copy of it is the same in both, and need not be copied.

use raddle_core::{VectorClock, WorkerId};

/// Something that can become as new, or equal to another, and keep its memory.
pub(crate) trait Forget: Default {
    fn forget(&mut self);
    fn copy_from(&mut self, other: &Self);
}

impl Forget for VectorClock {
    #[inline]
    fn forget(&mut self) {
        self.clear();
    }

    #[inline]
    fn copy_from(&mut self, other: &Self) {
        VectorClock::copy_from(self, other);
    }
}

#[derive(Clone, Debug)]
pub(crate) struct PerWorker<T> {
    /// The last is that of all unknown workers together: a peer may name one that does not exist.
    slots: Vec<Slot<T>>,
    /// How many times any slot was used, if only to be looked at; never goes back, not even with the run.
    uses: u64,
    /// How many there had been when this run began.
    began: u64,
}

#[derive(Clone, Debug, Default)]
struct Slot<T> {
    /// Which use was the last of this slot, counted from 1.
    used: u64,
    value: T,
}

impl<T: Forget> PerWorker<T> {
    pub(crate) fn new(workers: usize) -> Self {
        Self { slots: (0..=workers).map(|_| Slot::default()).collect(), uses: 0, began: 0 }
    }

    pub(crate) fn reset(&mut self) {
        self.began = self.uses;
    }

    /// Becomes equal to `other`. One of the two follows a run, and the other was made as its copy and is used only to be
    /// copied: so what was used last at the same time is the same.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { slots, uses, began } = self;
        (*uses, *began) = ((*uses).max(other.uses), other.began);
        for (mine, theirs) in slots.iter_mut().zip(&other.slots) {
            if mine.used == theirs.used {
                continue;
            }
            mine.used = theirs.used;
            if theirs.used > other.began {
                mine.value.copy_from(&theirs.value);
            }
        }
    }

    #[inline(always)]
    pub(crate) fn at(&mut self, worker: WorkerId) -> &mut T {
        let unknown = self.slots.len() - 1;
        let slot = &mut self.slots[worker.index().min(unknown)];
        if slot.used <= self.began {
            slot.value.forget();
        }
        self.uses += 1;
        slot.used = self.uses;
        &mut slot.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_forgets_and_unknown_workers_have_a_place() {
        let mut clocks: PerWorker<VectorClock> = PerWorker::new(2);
        let (known, unknown) = (WorkerId::new(1), WorkerId::new(u32::MAX));
        clocks.at(known).tick(known);
        clocks.at(unknown).tick(known);
        assert_eq!((clocks.at(known).get(known), clocks.at(unknown).get(known)), (1, 1));
        clocks.reset();
        assert!(clocks.at(known).is_empty() && clocks.at(unknown).is_empty());
    }

    /// Runs are saved in the middle, one behind the other, and taken back to any of those points, as a search does it.
    #[test]
    fn what_is_taken_back_is_as_it_was() {
        let all = |clocks: &PerWorker<VectorClock>| {
            let mut clocks = clocks.clone();
            (0..5).map(|worker| clocks.at(WorkerId::new(worker)).clone()).collect::<Vec<_>>()
        };
        let mut run: PerWorker<VectorClock> = PerWorker::new(4);
        let mut saves = vec![run.clone(); 6];
        // What each of those in use held when it was saved.
        let mut held: Vec<Vec<VectorClock>> = Vec::new();
        for step in 0..20_000_u64 {
            let draw = raddle_core::fnv::spread(step) as usize;
            match draw % 20 {
                0 if draw.is_multiple_of(7) => {
                    run.reset();
                    held.clear();
                }
                1..4 if held.len() < saves.len() => {
                    saves[held.len()].copy_from(&run);
                    held.push(all(&run));
                }
                4..8 if !held.is_empty() => {
                    held.truncate(1 + draw / 20 % held.len());
                    run.copy_from(&saves[held.len() - 1]);
                    assert_eq!(Some(&all(&run)), held.last(), "step {step}");
                }
                _ => _ = run.at(WorkerId::new(draw as u32 / 20 % 5)).tick(WorkerId::new(draw as u32 / 100 % 3)),
            }
        }
    }
}
