//! A map from 64-bit hashes: open addressing with linear probing, each slot marked with the run it belongs to.
//!
//! Forgotten all at once for the price of a counter and never shrunk, so that a search allocates nothing once it is warm.
//! Two things with one hash are taken for one: the odds are 2^-64 for each pair.

#[derive(Clone, Debug)]
pub(crate) struct IdMap<V> {
    slots: Vec<Slot<V>>,
    /// The slots of this run, in the order in which they were filled. No slot is of a later run.
    filled: Vec<Filled>,
    /// How many were ever filled; never goes back, not even with the run.
    fills: u64,
    run: u32,
}

#[derive(Clone, Copy, Debug)]
struct Filled {
    slot: u32,
    /// The how many-th it was. Where two maps follow one run, or copies of it, they are equal up to what has the same number in
    /// both.
    nth: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot<V> {
    key: u64,
    run: u32,
    value: V,
}

impl<V: Copy + Default> IdMap<V> {
    /// Slots at first; always a power of two.
    const SLOTS: usize = 256;

    pub(crate) fn new() -> Self {
        Self { slots: vec![Slot::default(); Self::SLOTS], filled: Vec::new(), fills: 0, run: 1 }
    }

    pub(crate) fn reset(&mut self) {
        self.filled.clear();
        self.run = self.run.wrapping_add(1);
        if self.run == 0 {
            self.slots.fill(Slot::default());
            self.run = 1;
        }
    }

    /// Becomes equal to `other`, keeping its own memory. One of the two follows a run, and the other was made as its copy and is
    /// used only to be copied. A value never changes, so what was filled at the same time is the same, and so is all before it.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let mut same = self.filled.len().min(other.filled.len());
        while same > 0 && self.filled[same - 1].nth != other.filled[same - 1].nth {
            same -= 1;
        }
        for filled in self.filled.drain(same..) {
            self.slots[filled.slot as usize].run = 0;
        }
        for Filled { slot, nth } in &other.filled[same..] {
            let Slot { key, value, .. } = other.slots[*slot as usize];
            self.insert_as(key, value, *nth);
        }
        self.fills = self.fills.max(other.fills);
    }

    /// How many hashes are in it.
    pub(crate) const fn len(&self) -> usize {
        self.filled.len()
    }

    /// Puts a hash in with this value, unless it is there; gives the value that was there. The low bits of a hash say
    /// where it is looked for first.
    #[inline(always)]
    pub(crate) fn insert(&mut self, key: u64, value: V) -> Option<V> {
        self.fills += 1;
        self.insert_as(key, value, self.fills)
    }

    /// Puts it in as the how many-th.
    #[inline(always)]
    fn insert_as(&mut self, key: u64, value: V, nth: u64) -> Option<V> {
        if self.filled.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = key as usize & mask;
        loop {
            let slot = &mut self.slots[at & mask];
            if slot.run != self.run {
                *slot = Slot { key, run: self.run, value };
                self.filled.push(Filled { slot: (at & mask) as u32, nth });
                return None;
            }
            if slot.key == key {
                return Some(slot.value);
            }
            at += 1;
        }
    }

    /// The value of a hash.
    #[inline]
    pub(crate) fn get(&self, key: u64) -> Option<V> {
        let mask = self.slots.len() - 1;
        let mut at = key as usize & mask;
        loop {
            let slot = &self.slots[at & mask];
            if slot.run != self.run {
                return None;
            }
            if slot.key == key {
                return Some(slot.value);
            }
            at += 1;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let wider = vec![Slot::default(); self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, wider);
        for Filled { slot, nth } in std::mem::take(&mut self.filled) {
            let Slot { key, value, .. } = old[slot as usize];
            self.insert_as(key, value, nth);
        }
    }
}

#[cfg(test)]
mod tests {
    use raddle_core::fnv;

    use super::*;

    #[test]
    fn a_map_that_grows_and_forgets() {
        let mut map = IdMap::new();
        for round in 0..3 {
            let keys = || (0..5_000_u64).map(|n| (fnv::spread(n + round), n));
            assert!(keys().all(|(key, n)| map.insert(key, n).is_none()), "round {round}: all are new");
            assert!(keys().all(|(key, n)| map.insert(key, 0) == Some(n)), "round {round}: none is new");
            assert!(keys().all(|(key, n)| map.get(key) == Some(n)), "round {round}: all are found");
            assert_eq!((map.len(), map.get(fnv::spread(9_000))), (5_000, None));
            map.reset();
        }
    }

    #[test]
    fn keys_that_collide_are_told_apart() {
        let mut map = IdMap::new();
        assert!((0..100).all(|n| map.insert(n << 32, ()).is_none()));
        assert!((0..100).all(|n| map.insert(n << 32, ()).is_some()));
    }

    /// Runs are saved in the middle, one behind the other, and taken back to any of those points, as a search does it.
    #[test]
    fn what_is_taken_back_is_as_it_was() {
        let all = |map: &IdMap<u64>| (0..2_000).map(|key| map.get(key)).collect::<Vec<_>>();
        let mut run = IdMap::new();
        let mut saves = vec![IdMap::new(); 6];
        // What each of those in use held when it was saved.
        let mut held: Vec<Vec<Option<u64>>> = Vec::new();
        for step in 0..20_000_u64 {
            let [draw, key] = [1, 2].map(|n| fnv::spread(step * 4 + n) as usize);
            match draw % 400 {
                0 => {
                    run.reset();
                    held.clear();
                }
                1..20 if held.len() < saves.len() => {
                    saves[held.len()].copy_from(&run);
                    held.push(all(&run));
                    assert_eq!(Some(&all(&saves[held.len() - 1])), held.last(), "step {step}");
                }
                20..30 if !held.is_empty() => {
                    held.truncate(1 + draw / 400 % held.len());
                    run.copy_from(&saves[held.len() - 1]);
                    assert_eq!(Some(&all(&run)), held.last(), "step {step}");
                }
                _ => _ = run.insert(key as u64 % 2_000, step),
            }
        }
        assert!(run.slots.len() > IdMap::<u64>::SLOTS, "it has grown meanwhile");
    }

    #[test]
    fn old_runs_never_come_back() {
        let mut map = IdMap::new();
        map.insert(7, ());
        map.run = u32::MAX;
        map.reset();
        assert!(map.insert(7, ()).is_none(), "the run counter has gone round");
    }
}
