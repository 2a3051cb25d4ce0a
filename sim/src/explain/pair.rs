//! The critical pair: two things that make the difference by their order alone.
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
//! Neither question has a monotone answer, and bisection needs none: it keeps one end that fails and one that passes.

use raddle_core::StateMachine;

use super::after::After;
use super::{deeds, odds};
use crate::shrink::{Course, Deed, Item, Keep, Trials};

/// Two things whose order makes the difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The step of the failing run at which the first is done.
    pub step: u64,
    /// What must be done first to fail.
    pub first: Deed,
    /// What must be done later.
    pub then: Deed,
    /// Whether there are two runs that differ in this order alone, of which one fails and one passes. Otherwise there
    /// are two that are the same up to this step, do the one or the other next, and then go on as usual.
    pub alone: bool,
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
    let alone = moves.is_some();
    let then = passing.taken.get(moves.unwrap_or(last))?.key;
    let done = [deeds(trials, &mut run(last + 1), left_out), deeds(trials, &mut run(last), left_out)].concat();
    let find = |key: u64| done.iter().find(|(done, _)| *done == key).map(|(_, deed)| deed.clone());
    Some(Pair { step: last as u64 + 1, first: find(moved)?, then: find(then)?, alone })
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
