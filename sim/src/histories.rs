//! What each worker handled, up to the order of neighbours that commute: for fingerprints, where the system declares
//! that some inputs commute.
//!
//! The traces of Mazurkiewicz ("Concurrent Program Schemes and their Interpretations", 1977): a sequence stands for
//! all that swapping commuting neighbours makes of it. They agree on which earlier inputs each input depends on, so an
//! input hashes to itself and the sum of those, and a history to the sum of all. With the end of a life nothing commutes.

use raddle_core::{Commuting, Input, StateMachine, fnv};

pub(crate) struct Histories<M: StateMachine> {
    commuting: Commuting<M>,
    /// By worker: each input, or the end of a life, and its hash.
    handled: Vec<Vec<(Option<Input<M>>, u64)>>,
}

impl<M: StateMachine> Histories<M> {
    pub(crate) fn new(commuting: Commuting<M>, workers: usize) -> Self {
        Self { commuting, handled: (0..workers).map(|_| Vec::new()).collect() }
    }

    pub(crate) fn reset(&mut self) {
        self.handled.iter_mut().for_each(Vec::clear);
    }

    /// Becomes equal to `other`, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { commuting: _, handled } = self;
        handled.iter_mut().zip(&other.handled).for_each(|(mine, theirs)| mine.clone_from(theirs));
    }

    /// A worker handles an input with an id of this hash.
    pub(crate) fn begin(&mut self, worker: usize, id: u64, input: &Input<M>) {
        let handled = &mut self.handled[worker];
        let commutes = |other: &Input<M>| (self.commuting)(other, input) && (self.commuting)(input, other);
        let depends = handled.iter().filter(|(other, _)| !other.as_ref().is_some_and(commutes));
        let hash = fnv::spread(id ^ fnv::spread(sum(depends)));
        handled.push((Some(input.clone()), hash));
    }

    /// Its handler chose.
    pub(crate) fn choose(&mut self, worker: usize, value: u32) {
        if let Some((_, hash)) = self.handled[worker].last_mut() {
            *hash = fnv::spread(hash.wrapping_add(u64::from(value) + 1));
        }
    }

    /// Its life ends.
    pub(crate) fn end_life(&mut self, worker: usize) {
        let before = self.past(worker);
        self.handled[worker].push((None, fnv::spread(!before)));
    }

    /// The hash of all that a worker handled; 0 if it handled nothing.
    pub(crate) fn past(&self, worker: usize) -> u64 {
        sum(&self.handled[worker])
    }
}

fn sum<'a, T: 'a>(handled: impl IntoIterator<Item = &'a (T, u64)>) -> u64 {
    handled.into_iter().fold(0, |sum, (_, hash)| sum.wrapping_add(*hash))
}
