//! What each worker handled, up to the order of neighbours that commute: for fingerprints, where the system declares
//! that some inputs commute.
//!
//! The traces of Mazurkiewicz ("Concurrent Program Schemes and their Interpretations", 1977): a sequence stands for
//! all that swapping commuting neighbours makes of it. They agree on which earlier inputs each input depends on, so an
//! input hashes to itself and the sum of those, and a history to the sum of all. With the end of a life nothing commutes.
//!
//! Whether two inputs commute is a function of the user's, of which nothing is known: so each input is compared with all before
//! it, and a long run takes a time that grows with its square. Where nobody asks for its fingerprint, it keeps no histories
//! ([`World::forget_histories`](crate::world::World::forget_histories)).

use raddle_core::{Commuting, Input, StateMachine, fnv};

pub(crate) struct Histories<M: StateMachine> {
    commuting: Commuting<M>,
    handled: Vec<Handled<M>>,
}

/// What one worker handled.
struct Handled<M: StateMachine> {
    /// Each input, or the end of a life, and its hash.
    inputs: Vec<(Option<Input<M>>, u64)>,
    /// The sum of all hashes.
    sum: u64,
}

impl<M: StateMachine> Histories<M> {
    pub(crate) fn new(commuting: Commuting<M>, workers: usize) -> Self {
        Self { commuting, handled: (0..workers).map(|_| Handled { inputs: Vec::new(), sum: 0 }).collect() }
    }

    pub(crate) fn reset(&mut self) {
        for handled in &mut self.handled {
            handled.inputs.clear();
            handled.sum = 0;
        }
    }

    /// Becomes equal to `other`, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { commuting: _, handled } = self;
        for (mine, theirs) in handled.iter_mut().zip(&other.handled) {
            let Handled { inputs, sum } = mine;
            inputs.clone_from(&theirs.inputs);
            *sum = theirs.sum;
        }
    }

    /// A worker handles an input with an id of this hash.
    pub(crate) fn begin(&mut self, worker: usize, id: u64, input: &Input<M>) {
        let handled = &mut self.handled[worker];
        let commutes = |other: &Input<M>| (self.commuting)(other, input) && (self.commuting)(input, other);
        let depends = handled.inputs.iter().filter(|(other, _)| !other.as_ref().is_some_and(commutes));
        let sum = depends.fold(0, |sum: u64, (_, hash)| sum.wrapping_add(*hash));
        handled.push(Some(input.clone()), fnv::spread(id ^ fnv::spread(sum)));
    }

    /// Its handler chose.
    pub(crate) fn choose(&mut self, worker: usize, value: u32) {
        let handled = &mut self.handled[worker];
        if let Some((input, hash)) = handled.inputs.pop() {
            handled.sum = handled.sum.wrapping_sub(hash);
            handled.push(input, fnv::spread(hash.wrapping_add(u64::from(value) + 1)));
        }
    }

    /// Its life ends.
    pub(crate) fn end_life(&mut self, worker: usize) {
        let before = self.past(worker);
        self.handled[worker].push(None, fnv::spread(!before));
    }

    /// The hash of all that a worker handled; 0 if it handled nothing.
    pub(crate) fn past(&self, worker: usize) -> u64 {
        self.handled[worker].sum
    }
}

impl<M: StateMachine> Handled<M> {
    fn push(&mut self, input: Option<Input<M>>, hash: u64) {
        self.inputs.push((input, hash));
        self.sum = self.sum.wrapping_add(hash);
    }
}
