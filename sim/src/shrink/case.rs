//! A case: one failing run, as what shrinking compares.

use std::cmp::Ordering;

use super::trials::Course;
use crate::actions::Actions;
use crate::strategy::Strategy;
use raddle_core::Beyond;

/// A place in the list of choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The step, from 1.
    pub(crate) step: u32,
    /// 0 is which action; from 1, the values that its handlers take in `choose`.
    pub(crate) draw: u32,
}

/// A choice that is not what the default order does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deviation {
    pub(crate) place: Place,
    /// Never 0.
    pub(crate) value: u32,
}

/// A failing run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// All that it does beside the default order, by place.
    pub(crate) deviations: Vec<Deviation>,
    /// By message from outside: whether it is left out.
    pub(crate) left_out: Vec<bool>,
    pub(crate) steps: u64,
    /// What it does at each step, as [`Keep`](super::Keep) knows it.
    pub(crate) keys: Vec<u64>,
}

impl Case {
    /// How a run went that failed.
    pub(crate) fn new(course: &Course, left_out: &[bool]) -> Self {
        Self {
            deviations: course.deviations(),
            left_out: left_out.to_vec(),
            steps: course.taken.len() as u64,
            keys: course.taken.iter().map(|taken| taken.key).collect(),
        }
    }

    /// How many messages come from outside.
    pub(crate) fn messages(&self) -> usize {
        self.left_out.iter().filter(|out| !**out).count()
    }

    fn delays(&self) -> u64 {
        self.deviations.iter().map(|deviation| u64::from(deviation.value)).sum()
    }

    /// The order of simplicity, in which no two cases are alike.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let counts = |case: &Self| (case.deviations.len(), case.messages(), case.steps, case.delays());
        counts(self)
            .cmp(&counts(other))
            .then_with(|| self.left_out.cmp(&other.left_out))
            .then_with(|| by_choices(&self.deviations, &other.deviations))
    }

    pub(crate) fn is_simpler_than(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Less
    }
}

/// Compares two lists of choices number by number; what is not in them is 0.
fn by_choices(one: &[Deviation], other: &[Deviation]) -> Ordering {
    let differ = one.iter().zip(other).find(|(a, b)| a != b);
    let Some((a, b)) = differ else { return one.len().cmp(&other.len()) };
    // Where one deviates first, the other has a 0.
    b.place.cmp(&a.place).then(a.value.cmp(&b.value))
}

/// Takes the choices of a list, and otherwise what the default order does.
#[derive(Debug)]
pub(crate) struct Script<'a> {
    deviations: &'a [Deviation],
    next: usize,
    step: u32,
}

impl<'a> Script<'a> {
    pub(crate) const fn new(deviations: &'a [Deviation]) -> Self {
        Self { deviations, next: 0, step: 0 }
    }

    fn take(&mut self) -> Option<Deviation> {
        let deviation = *self.deviations.get(self.next).filter(|deviation| deviation.place.step == self.step)?;
        self.next += 1;
        Some(deviation)
    }
}

impl Strategy for Script<'_> {
    fn begin(&mut self, _: u64) {
        (self.next, self.step) = (0, 0);
    }

    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        self.step += 1;
        // What a handler did not ask for is not for the next one.
        while self.deviations.get(self.next).is_some_and(|deviation| deviation.place.step < self.step) {
            self.next += 1;
        }
        match self.deviations.get(self.next) {
            Some(deviation) if deviation.place == (Place { step: self.step, draw: 0 }) => {
                self.next += 1;
                deviation.value as usize % actions.len()
            }
            _ => 0,
        }
    }

    fn is_scripted(&self) -> bool {
        true
    }

    fn script(&mut self, values: &mut Vec<u32>) {
        values.clear();
        while let Some(Deviation { place, value }) = self.take() {
            values.resize(place.draw as usize - 1, 0);
            values.push(value);
        }
    }

    fn beyond(&self) -> Beyond {
        Beyond::First
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(choices: &[u32]) -> Vec<Deviation> {
        let places = (1..).map(|step| Place { step, draw: 0 });
        places.zip(choices).filter(|(_, v)| **v > 0).map(|(place, v)| Deviation { place, value: *v }).collect()
    }

    #[test]
    fn lists_of_choices_compare_number_by_number() {
        let lists = [[0, 0, 1], [0, 0, 2], [0, 1, 0], [0, 1, 1], [0, 2, 0], [1, 0, 0], [1, 0, 5], [3, 0, 0]];
        for (at, one) in lists.iter().enumerate() {
            for (other_at, other) in lists.iter().enumerate() {
                assert_eq!(by_choices(&list(one), &list(other)), at.cmp(&other_at), "{one:?} {other:?}");
            }
        }
    }
}
