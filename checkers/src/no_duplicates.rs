//! No duplicates: no life of a worker handles a message twice.
//!
//! A set of what was handled, by 64-bit hash, forgotten all at once for the price of a counter and never shrunk, so
//! that a search allocates nothing once it is warm.
//!
//! Sound under `dpor`: it reads what each worker handled.

use raddle_core::{Event, EventRef, Header, Incarnation, MessageId, Names, Trace, What, fnv};

use crate::violation::Violation;
use crate::words;

pub(crate) const NAME: &str = "no-duplicates";

#[derive(Clone, Debug)]
pub(crate) struct NoDuplicates {
    handled: IdSet,
}

impl NoDuplicates {
    pub(crate) fn new() -> Self {
        Self { handled: IdSet::new() }
    }

    pub(crate) fn reset(&mut self) {
        self.handled.reset();
    }

    /// Whether this life handles this message for the first time.
    #[inline(always)]
    pub(crate) fn handle(&mut self, header: &Header, life: Incarnation) -> bool {
        self.handled.insert(fnv::spread(header.id.hash64()).wrapping_add(u64::from(life.0)))
    }

    #[cold]
    pub(crate) fn handled_twice(event: EventRef<'_>, names: &Names) -> Violation {
        let to = event.header.to;
        let reason = format!("{} handled {} twice", names.worker(to), words::message(event.header, names));
        Violation::at(NAME, "handled-twice", Some(to), event, reason)
    }
}

/// Says when it was handled first.
pub(crate) fn explain(violation: &mut Violation, trace: &Trace) {
    let same = |e: &&Event| e.what == What::Handle && Some(&e.header.id) == violation.message.as_ref();
    let mut handlings = trace.events.iter().filter(same).map(|e| e.moment.step);
    if let (Some(first), Some(second)) = (handlings.next(), handlings.next()) {
        violation.reason += &if first == second {
            format!(", both times at step {first}")
        } else {
            format!(", at step {first} and again at step {second}")
        };
    }
    let parent: Option<MessageId> = violation.message.as_ref().and_then(|id| id.parent(&trace.conditions.names));
    violation.witness = parent.into_iter().collect();
}

/// A set of hashes: open addressing with linear probing, each slot marked with the run it belongs to.
#[derive(Clone, Debug)]
struct IdSet {
    slots: Vec<Slot>,
    len: usize,
    run: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    key: u64,
    run: u32,
}

impl IdSet {
    /// Slots at first; always a power of two.
    const SLOTS: usize = 256;

    fn new() -> Self {
        Self { slots: vec![Slot::default(); Self::SLOTS], len: 0, run: 1 }
    }

    fn reset(&mut self) {
        self.len = 0;
        self.run = self.run.wrapping_add(1);
        if self.run == 0 {
            self.slots.fill(Slot::default());
            self.run = 1;
        }
    }

    /// Puts a hash in; whether it was not there.
    #[inline(always)]
    fn insert(&mut self, key: u64) -> bool {
        if self.len * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = key as usize & mask;
        loop {
            let slot = &mut self.slots[at & mask];
            if slot.run != self.run {
                *slot = Slot { key, run: self.run };
                self.len += 1;
                return true;
            }
            if slot.key == key {
                return false;
            }
            at += 1;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let wider = vec![Slot::default(); self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, wider);
        self.len = 0;
        let run = self.run;
        for slot in old.into_iter().filter(|slot| slot.run == run) {
            self.insert(slot.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_that_grows_and_forgets() {
        let mut set = IdSet::new();
        for round in 0..3 {
            let keys = || (0..5_000_u64).map(|n| fnv::spread(n + round));
            assert!(keys().all(|key| set.insert(key)), "round {round}: all are new");
            assert!(keys().all(|key| !set.insert(key)), "round {round}: none is new");
            assert_eq!(set.len, 5_000);
            set.reset();
        }
    }

    #[test]
    fn keys_that_collide_are_told_apart() {
        let mut set = IdSet::new();
        assert!((0..100).all(|n| set.insert(n << 32)));
        assert!((0..100).all(|n| !set.insert(n << 32)));
    }

    #[test]
    fn old_runs_never_come_back() {
        let mut set = IdSet::new();
        set.insert(7);
        set.run = u32::MAX;
        set.reset();
        assert!(set.insert(7), "the run counter has gone round");
    }
}
