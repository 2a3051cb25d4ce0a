//! The critical pair: two things that make the difference by their order alone, or one value that makes it.
//!
//! Choi and Zeller ("Isolating Failure-Inducing Thread Schedules", ISSTA 2002) narrow the difference between a passing
//! and a failing schedule down by delta debugging until one thread switch is left. A schedule here is an order of
//! deliveries, which can be moved one by one, so a bisection in two turns does it:
//!
//! 1. between the passing run and the failing one, over how many first steps are those of the failing run. It ends with
//!    one step that makes the difference: the runs agree before it, one does it next and the other later;
//! 2. between doing it next and doing it later, over how much later. It ends with the one thing that it must not follow.
//!
//! The passing run is the default order, or where that fails too, a random one that shares the longest beginning.
//! Where both runs do the same at the one step, what makes the difference is a value that a handler chooses there. Of
//! several a bisection finds the one, over how many of them are those of the failing run.
//!
//! None of these questions has a monotone answer, and bisection needs none: it keeps one end that fails and one that
//! passes.

use raddle_core::StateMachine;

use super::after::After;
use super::handling::{self, Done, Handling};
use super::odds;
use crate::shrink::{Course, Deed, Item, Keep, Trials};

/// What makes the difference between two runs of which one fails: the order of two things, or one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The step of the failing run at which it is done.
    pub step: u64,
    /// What is done otherwise in the run that passes.
    pub contrast: Contrast,
    /// Whether there are two runs that differ in this alone, of which one fails and one passes. Otherwise there
    /// are two that are the same up to this step, do the one or the other next, and then go on as usual.
    pub alone: bool,
}

/// How a run that fails and one that passes differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contrast {
    /// In an order.
    Order {
        /// What must be done first to fail.
        first: Part,
        /// What must be done later.
        then: Part,
    },
    /// In a value that a handler takes in `choose`.
    Value {
        /// The handler, and what it handles.
        by: Handling,
        /// Which of the values that it takes at this step, from 1.
        nth: u32,
        /// The value with which it fails.
        value: u32,
        /// The value with which it passes.
        not: u32,
    },
}

/// One of two things whose order makes the difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What is done.
    pub deed: Deed,
    /// The handling to which it belongs; none if it belongs to none, or not to the same in both runs.
    pub handling: Option<Box<Handling>>,
}

/// A run by chance that passes: how many first steps it shares with the one that fails, and its number.
pub(crate) type Passing = Option<(usize, u64)>;

/// What makes the difference; none if no run passes that could be compared. `passing` is one that does, if the default
/// order does not.
pub(crate) fn of<M: StateMachine>(
    trials: &mut Trials<'_, M>,
    seed: u64,
    failing: &Course,
    left_out: &[bool],
    passing: Passing,
) -> Option<Pair> {
    let (shared, order) = known_to_pass(trials, seed, failing, left_out, passing)?;
    let run = |first: usize| After::new(failing, first, Keep::new(&order));
    let last = bisect(shared, failing.taken.len(), |first| trials.fails(&mut run(first), left_out) == Some(true))?;
    trials.fails(&mut run(last), left_out)?;
    let (passing, moved) = (trials.course().clone(), failing.taken[last].key);
    if passing.taken.get(last).is_some_and(|taken| taken.key == moved) {
        return value(trials, failing, last, &order, left_out);
    }
    let later = passing.taken.iter().position(|taken| taken.key == moved);
    // The passing run, but what is moved is done before another thing, or where it was.
    let at = |place: usize| {
        let mut items = passing.items();
        if Some(place) != later {
            items.retain(|item| *item != Item::Turn(moved));
            let next = Item::Turn(passing.taken[place].key);
            let turn = items.iter().position(|item| *item == next).expect("it is done in this run");
            items.insert(turn, Item::Turn(moved));
        }
        Keep::new(&items)
    };
    let moves = later
        .filter(|later| *later > last)
        .and_then(|later| bisect_down(last, later, |place| trials.fails(&mut at(place), left_out) == Some(true)));
    let mut look = |mut keep: Keep| handling::of(trials, &mut keep, left_out);
    let moved_runs = moves.map(|moves| [look(at(moves)), look(at(moves + 1))]);
    let then = passing.taken.get(moves.unwrap_or(last))?.key;
    let parting = [last + 1, last].map(|first| handling::of(trials, &mut run(first), left_out));
    let (alone, runs) = (moved_runs.is_some(), moved_runs.as_ref().unwrap_or(&parting));
    let part = |key: u64| part(key, runs).or_else(|| part(key, &parting));
    let contrast = Contrast::Order { first: part(moved)?, then: part(then)? };
    Some(Pair { step: last as u64 + 1, contrast, alone })
}

/// What is done under a key in the one run or the other, and to which handling it belongs in both.
fn part(key: u64, runs: &[Vec<Done>; 2]) -> Option<Part> {
    let mut found = runs.iter().filter_map(|run| run.iter().find(|done| done.key == key));
    let Done { deed, handling, .. } = found.next()?.clone();
    let handling = handling.filter(|handling| found.all(|other| other.handling.as_ref() == Some(handling)));
    Some(Part { deed, handling: handling.map(Box::new) })
}

/// The value that makes the difference, where one run takes some steps of the failing run and passes, and fails with the
/// values that handlers choose at the next.
fn value<M: StateMachine>(
    trials: &mut Trials<'_, M>,
    failing: &Course,
    last: usize,
    order: &[Item],
    left_out: &[bool],
) -> Option<Pair> {
    let run = |values: usize| After::new(failing, last, Keep::new(order)).with_values(values);
    let values = failing.draws_at(last + 1).count();
    let place = bisect(0, values, |values| trials.fails(&mut run(values), left_out) == Some(true))?;
    trials.fails(&mut run(place), left_out)?;
    let passes = trials.course().clone();
    trials.fails(&mut run(place + 1), left_out)?;
    let fails = trials.course().clone();
    let at = |course: &Course| course.draws_at(last + 1).nth(place).copied();
    let (value, not) = (at(&fails)?, at(&passes)?);
    let same_steps = fails.taken.iter().zip(&passes.taken).all(|(a, b)| a.key == b.key);
    let other_values = fails.draws.iter().zip(&passes.draws).filter(|(a, b)| (a.place, a.value) != (b.place, b.value));
    let alone = same_steps && other_values.count() == 1;
    let done = handling::of(trials, &mut run(place + 1), left_out);
    let choosers = &done.get(last)?.choices;
    let (worker, input) = choosers.get(place)?.clone();
    let nth = choosers[..=place].iter().filter(|chooser| **chooser == (worker, input.clone())).count() as u32;
    let by = Handling { at: worker, input, sent: None };
    let contrast = Contrast::Value { by, nth, value: value.value, not: not.value };
    Some(Pair { step: last as u64 + 1, contrast, alone })
}

/// A run that passes: how many first steps it shares with the failing one, and the order in which it goes on.
fn known_to_pass<M: StateMachine>(
    trials: &mut Trials<'_, M>,
    seed: u64,
    failing: &Course,
    left_out: &[bool],
    passing: Passing,
) -> Option<(usize, Vec<Item>)> {
    if !trials.fails(&mut Keep::default(), left_out)? {
        return Some((0, Vec::new()));
    }
    let (shared, number) = passing?;
    trials.fails(&mut odds::one(seed, number, failing, shared), left_out)?;
    let order = trials.course().items();
    let again = trials.fails(&mut After::new(failing, shared, Keep::new(&order)), left_out)?;
    (!again).then_some((shared, order))
}

/// The last of some numbers at which it passes, where it fails at the next; at `from` it passes, at `to` it should fail.
fn bisect(mut from: usize, mut to: usize, mut fails: impl FnMut(usize) -> bool) -> Option<usize> {
    if from >= to || !fails(to) {
        return None;
    }
    while to - from > 1 {
        let middle = from.midpoint(to);
        if fails(middle) { to = middle } else { from = middle }
    }
    Some(from)
}

/// The same the other way round: the last number at which it fails, where it passes at the next.
fn bisect_down(from: usize, to: usize, mut fails: impl FnMut(usize) -> bool) -> Option<usize> {
    if !fails(from) || fails(to) {
        return None;
    }
    let (mut from, mut to) = (from, to);
    while to - from > 1 {
        let middle = from.midpoint(to);
        if fails(middle) { from = middle } else { to = middle }
    }
    Some(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bisection_ends_between_a_pass_and_a_failure() {
        for answers in 0..1_u32 << 8 {
            let fails = |at: usize| answers >> at & 1 == 1;
            if let Some(at) = bisect(0, 7, fails) {
                assert!(fails(at + 1) && (at == 0 || !fails(at)), "{answers:b}");
            } else {
                assert!(!fails(7));
            }
            if let Some(at) = bisect_down(0, 7, fails) {
                assert!(fails(at) && !fails(at + 1), "{answers:b}");
            } else {
                assert!(!fails(0) || fails(7));
            }
        }
    }
}
