//! How likely a run is to fail after its first steps, if the rest is left to chance.
//!
//! For each number of steps, so many runs that begin with them and go on by random walk. Where the share of those that
//! fail rises most, the failure was decided; where it is all of them, it was inevitable. The idea is that of statistical
//! debugging (Liblit et al., "Scalable Statistical Bug Isolation", PLDI 2005: a predicate matters as far as it *raises*
//! the chance to fail), with the prefix of the run as the predicate and no instrumentation.

use raddle_core::StateMachine;

use super::after::{After, Chance};
use super::handling;
use super::pair::Passing;
use crate::shrink::{Course, Deed, Keep, Trials};

/// Of runs that begin like the one that is explained, how many fail as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odds {
    /// How many of its steps they begin with.
    pub after: u64,
    /// How many break the same law in the same way, at whatever worker.
    pub failed: u32,
    /// How many there are.
    pub of: u32,
}

/// Where a failure is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// Before the first step: the odds rise nowhere.
    Before(Odds),
    /// At the step with which they rise most.
    At {
        /// The step, from 1.
        step: u64,
        /// What is done at it.
        by: Deed,
        /// The odds before it.
        from: Odds,
        /// The odds after it.
        to: Odds,
    },
}

/// Most runs from one place.
const SAMPLES: u64 = 1_000;
/// Fewest runs from one place, however long they are.
const SAMPLES_MIN: u64 = 20;
/// Most places to begin from at once.
const POINTS_MAX: usize = 200;
/// Most steps of all runs, but for the fewest that say anything.
const STEPS: u64 = 1_000_000;

pub(crate) struct All {
    pub(super) points: Vec<Odds>,
    pub(super) jump: Option<u64>,
    /// One that passes and shares as much as any.
    pub(crate) passing: Passing,
}

/// How many places there are to begin from, and how many runs from each.
fn effort(steps: usize) -> (u64, u64) {
    let points = steps.min(POINTS_MAX) as u64 + 1;
    (points, (STEPS / (points * (steps as u64 + 1))).clamp(SAMPLES_MIN, SAMPLES))
}

/// The same as [`of`], if it takes no more than so many steps of all runs. No clock is asked whether that is so; if time is
/// over for all that is done to the run, nothing is said, and never other numbers.
pub(crate) fn within<M: StateMachine>(
    trials: &mut Trials<'_, M>,
    (seed, steps): (u64, u64),
    course: &Course,
    left_out: &[bool],
) -> Option<All> {
    let (points, samples) = effort(course.taken.len());
    if points * samples * (course.taken.len() as u64 + 1) > steps {
        return None;
    }
    trials.allow(steps);
    of(trials, seed, POINTS_MAX, course, left_out)
}

/// The same as [`of`], from as many places as so many steps are enough for; none if they are enough for none, or spent.
pub(super) fn of_some<M: StateMachine>(
    trials: &mut Trials<'_, M>,
    (seed, steps): (u64, u64),
    course: &Course,
    left_out: &[bool],
) -> Option<All> {
    trials.allow(steps);
    of(trials, seed, places(course.taken.len(), steps)?, course, left_out)
}

/// From how many places at once one may begin, if all runs of all rounds are to take so many steps; none if not from two,
/// which is a bisection. What goes on by chance may be longer than the run itself: it is taken for twice as long.
fn places(steps: usize, budget: u64) -> Option<usize> {
    let (_, samples) = effort(steps);
    let each = samples.saturating_mul(2 * (steps as u64 + 1));
    (2..=POINTS_MAX).rev().find(|at_once| {
        let (mut places, mut left) = (2, steps);
        while left > 1 {
            places += (*at_once).min(left) as u64 - 1;
            left = left.div_ceil(*at_once);
        }
        places.saturating_mul(each) <= budget
    })
}

/// The odds after none, some and all of the steps of a run, beginning from so many places at once; none if the budget is spent.
fn of<M: StateMachine>(
    trials: &mut Trials<'_, M>,
    seed: u64,
    at_once: usize,
    course: &Course,
    left_out: &[bool],
) -> Option<All> {
    let steps = course.taken.len();
    let (_, samples) = effort(steps);
    let mut all = All { points: Vec::new(), jump: None, passing: None };
    let (mut from, mut to) = (0, steps);
    loop {
        let stride = (to - from).div_ceil(at_once).max(1);
        for after in (from..to).step_by(stride).chain([to]) {
            if all.points.iter().all(|odds| odds.after != after as u64) {
                all.sample(trials, (seed, samples), course, after, left_out)?;
            }
        }
        all.points.sort_by_key(|odds| odds.after);
        let Some((before, here)) = all.largest_rise() else { return Some(all) };
        if here - before == 1 {
            all.jump = Some(here as u64);
            return Some(all);
        }
        (from, to) = (before, here);
    }
}

impl All {
    fn sample<M: StateMachine>(
        &mut self,
        trials: &mut Trials<'_, M>,
        (seed, samples): (u64, u64),
        course: &Course,
        after: usize,
        left_out: &[bool],
    ) -> Option<()> {
        if let Some(before) = self.same_as_before(course, after) {
            self.points.push(Odds { after: after as u64, ..before });
            return Some(());
        }
        let mut failed = 0;
        for nth in 0..samples {
            let number = number(after, nth);
            let fails = trials.fails(&mut one(seed, number, course, after), left_out)?;
            failed += u32::from(fails);
            if !fails && self.passing.is_none_or(|(longest, _)| longest < after) {
                self.passing = Some((after, number));
            }
        }
        self.points.push(Odds { after: after as u64, failed, of: samples as u32 });
        Some(())
    }

    /// Where the run is decided.
    pub(crate) fn decided<M: StateMachine>(
        &self,
        trials: &mut Trials<'_, M>,
        course: &Course,
        left_out: &[bool],
    ) -> Option<Decided> {
        let Some(step) = self.jump else { return self.points.first().copied().map(Decided::Before) };
        let odds = |after: u64| self.points.iter().find(|odds| odds.after == after).copied();
        let mut run = After::new(course, course.taken.len(), Keep::default());
        let done = handling::of(trials, &mut run, left_out).into_iter().nth(step as usize - 1)?;
        Some(Decided::At { step, by: done.deed, from: odds(step - 1)?, to: odds(step)? })
    }

    /// The odds one step before, if nothing else could be done at that step.
    fn same_as_before(&self, course: &Course, after: usize) -> Option<Odds> {
        let before = after.checked_sub(1)?;
        let draws = course.draws.iter().any(|draw| draw.place.step as usize == after);
        let forced = course.taken[before].options == 1 && !draws;
        self.points.iter().find(|odds| forced && odds.after == before as u64).copied()
    }

    /// The two places next to each other between which the odds rise most, the first of such.
    fn largest_rise(&self) -> Option<(usize, usize)> {
        let rise = |pair: &&[Odds]| i64::from(pair[1].failed) - i64::from(pair[0].failed);
        let pairs = self.points.windows(2).filter(|pair| rise(pair) > 0);
        let largest = pairs.rev().max_by_key(rise)?;
        Some((largest[0].after as usize, largest[1].after as usize))
    }
}

/// The number of a run among all of an explanation.
const fn number(after: usize, nth: u64) -> u64 {
    (after as u64) << 32 | nth
}

/// A run that begins with some steps of another.
pub(super) fn one(seed: u64, number: u64, course: &Course, after: usize) -> After<'_, Chance> {
    After::new(course, after, Chance::new(seed, number, !course.draws.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_a_run_the_fewer_places_are_tried() {
        let places = |steps| places(steps, 200_000_000);
        assert_eq!([0, 1, 200, 2_000, 12_000].map(places), [Some(POINTS_MAX); 5]);
        let fewer = [50_000, 100_000, 200_000].map(|steps| places(steps).expect("there are some"));
        assert!(fewer.is_sorted_by(|a, b| a > b) && fewer[2] >= 2, "{fewer:?}");
        assert_eq!([300_000, 10_000_000].map(places), [None; 2]);
    }
}
