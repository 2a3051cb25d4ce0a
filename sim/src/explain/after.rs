//! The first steps of a run, and then something else.

use raddle_core::{Beyond, random};
use rand_chacha::ChaCha8Rng;

use crate::actions::{Action, Actions};
use crate::shrink::{Course, Keep};
use crate::strategy::Strategy;

/// How a run goes on after its first steps, which it may look at.
pub(super) trait Suffix: Strategy {
    /// One of the first steps.
    fn note(&mut self, _: Action<'_>) {}
}

impl Suffix for Keep {
    fn note(&mut self, action: Action<'_>) {
        Self::note(self, action);
    }
}

/// Does the first steps of a run as they were done, and then what the suffix says.
pub(super) struct After<'a, S> {
    course: &'a Course,
    /// How many steps are first.
    first: usize,
    /// How many values that handlers choose at the step behind these.
    values: usize,
    then: S,
    step: usize,
    next_draw: usize,
}

impl<'a, S: Suffix> After<'a, S> {
    pub(super) const fn new(course: &'a Course, first: usize, then: S) -> Self {
        Self { course, first, values: 0, then, step: 0, next_draw: 0 }
    }

    /// The same, and so many of the values that handlers choose at the step behind these.
    pub(super) const fn with_values(mut self, values: usize) -> Self {
        self.values = values;
        self
    }
}

impl<S: Suffix> Strategy for After<'_, S> {
    fn begin(&mut self, seed: u64) {
        (self.step, self.next_draw) = (0, 0);
        self.then.begin(seed);
    }

    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        self.step += 1;
        if self.step > self.first {
            return self.then.choose(actions);
        }
        let at = self.course.taken[self.step - 1].choice as usize % actions.len();
        self.then.note(actions.get(at));
        at
    }

    fn is_scripted(&self) -> bool {
        true
    }

    fn script(&mut self, values: &mut Vec<u32>) {
        values.clear();
        if self.step > self.first {
            self.then.script(values);
            if self.step == self.first + 1 {
                let first = self.course.draws_at(self.step).take(self.values);
                values.resize(values.len().max(first.clone().count()), 0);
                values.iter_mut().zip(first).for_each(|(value, draw)| *value = draw.value);
            }
            return;
        }
        while let Some(draw) = self.course.draws.get(self.next_draw).filter(|d| d.place.step as usize == self.step) {
            values.push(draw.value);
            self.next_draw += 1;
        }
    }

    fn beyond(&self) -> Beyond {
        Beyond::First
    }
}

/// Leaves everything to chance, what handlers choose as well.
#[derive(Debug)]
pub(super) struct Chance {
    rng: ChaCha8Rng,
    draws: bool,
}

/// So many values that the handlers of one step choose are left to chance; those behind are the first.
const DRAWS: usize = 8;

impl Chance {
    /// One of many; `draws` says whether any handler chooses.
    pub(super) fn new(seed: u64, number: u64, draws: bool) -> Self {
        Self { rng: random::substream(seed, "explain", number), draws }
    }
}

impl Suffix for Chance {}

impl Strategy for Chance {
    fn begin(&mut self, _: u64) {}

    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        random::below(&mut self.rng, actions.len() as u32) as usize
    }

    fn script(&mut self, values: &mut Vec<u32>) {
        if self.draws {
            values.extend((0..DRAWS).map(|_| random::below(&mut self.rng, u32::MAX)));
        }
    }
}
