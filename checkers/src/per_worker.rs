//! One value for each worker, forgotten all at once for the price of a counter.
//!
//! A search resets its laws a million times a second, and most runs touch few workers of a wide system. So a reset
//! touches no slot: each slot knows of which run it is, and one of an older run is cleared when it is next used.

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
    slots: Vec<Slot<T>>,
    /// Of all unknown workers together: a peer may name one that does not exist.
    unknown: Slot<T>,
    run: u32,
}

#[derive(Clone, Debug, Default)]
struct Slot<T> {
    run: u32,
    value: T,
}

impl<T: Forget> PerWorker<T> {
    pub(crate) fn new(workers: usize) -> Self {
        Self { slots: (0..workers).map(|_| Slot::default()).collect(), unknown: Slot::default(), run: 0 }
    }

    pub(crate) fn reset(&mut self) {
        self.run = self.run.wrapping_add(1);
        if self.run == 0 {
            self.slots.iter_mut().chain([&mut self.unknown]).for_each(|slot| *slot = Slot::default());
        }
    }

    /// Becomes equal to `other`, which is for the same workers: what its run did not touch stays as it is.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { slots, unknown, run } = self;
        *run = other.run;
        let theirs = other.slots.iter().chain([&other.unknown]);
        for (mine, theirs) in slots.iter_mut().chain([unknown]).zip(theirs) {
            mine.run = theirs.run;
            if theirs.run == other.run {
                mine.value.copy_from(&theirs.value);
            }
        }
    }

    #[inline(always)]
    pub(crate) fn at(&mut self, worker: WorkerId) -> &mut T {
        let slot = self.slots.get_mut(worker.index()).unwrap_or(&mut self.unknown);
        if slot.run != self.run {
            slot.run = self.run;
            slot.value.forget();
        }
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

    #[test]
    fn old_runs_never_come_back() {
        let mut clocks: PerWorker<VectorClock> = PerWorker::new(1);
        let worker = WorkerId::new(0);
        clocks.at(worker).tick(worker);
        clocks.run = u32::MAX;
        clocks.reset();
        assert!(clocks.at(worker).is_empty(), "the run counter has gone round");
    }
}
