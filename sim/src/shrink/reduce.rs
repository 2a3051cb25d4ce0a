//! Reducing: taking away what the failure does not need, from large to small, until nothing single can be taken away.

use raddle_core::StateMachine;

use super::case::{Case, Deviation, Script};
use super::ddmin::ddmin;
use super::keep::{Item, Keep};
use super::trials::Trials;

/// Makes `best` simpler until a whole round finds nothing; none if the budget ends before.
pub(crate) fn reduce<M: StateMachine>(trials: &mut Trials<'_, M>, best: &mut Case) -> Option<()> {
    loop {
        let before = best.clone();
        in_blocks(trials, best)?;
        one_by_one(trials, best)?;
        if *best == before {
            return Some(());
        }
    }
}

/// Delta debugging: messages from outside, then the order with the faults in it, then messages again, as fewer are needed
/// now.
fn in_blocks<M: StateMachine>(trials: &mut Trials<'_, M>, best: &mut Case) -> Option<()> {
    trials.fails(&mut Script::new(&best.deviations), &best.left_out)?;
    let (items, all) = (trials.course().items(), best.left_out.clone());
    let left_out = workload(trials, best, &items, &all)?;
    let items = order(trials, best, items, &left_out)?;
    workload(trials, best, &items, &left_out)?;
    Some(())
}

/// Leaves messages out that are not needed, while this is kept.
fn workload<M: StateMachine>(
    trials: &mut Trials<'_, M>,
    best: &mut Case,
    items: &[Item],
    left_out: &[bool],
) -> Option<Vec<bool>> {
    let mut keep = Keep::new(items);
    let there = (0..left_out.len()).filter(|at| !left_out[*at]).collect();
    let without = |there: &[usize]| {
        let mut left_out = vec![true; left_out.len()];
        there.iter().for_each(|at| left_out[*at] = false);
        left_out
    };
    let needed = ddmin(there, |there| trials.attempt(&mut keep, &without(there), best))?;
    Some(without(&needed))
}

/// Keeps no more of the order than is needed.
fn order<M: StateMachine>(
    trials: &mut Trials<'_, M>,
    best: &mut Case,
    items: Vec<Item>,
    left_out: &[bool],
) -> Option<Vec<Item>> {
    ddmin(items, |items| trials.attempt(&mut Keep::new(items), left_out, best))
}

/// Undoes and lowers single choices and leaves single messages out, until none of it can be done.
fn one_by_one<M: StateMachine>(trials: &mut Trials<'_, M>, best: &mut Case) -> Option<()> {
    loop {
        let before = best.clone();
        for at in (0..best.deviations.len()).rev() {
            undo(trials, best, at)?;
        }
        for at in (0..best.deviations.len()).rev() {
            lower(trials, best, at)?;
        }
        for at in (0..best.left_out.len()).rev() {
            leave_out(trials, best, at)?;
        }
        if *best == before {
            return Some(());
        }
    }
}

fn undo<M: StateMachine>(trials: &mut Trials<'_, M>, best: &mut Case, at: usize) -> Option<()> {
    let mut deviations = best.deviations.clone();
    if at < deviations.len() {
        deviations.remove(at);
        let left_out = best.left_out.clone();
        trials.attempt(&mut Script::new(&deviations), &left_out, best)?;
    }
    Some(())
}

fn lower<M: StateMachine>(trials: &mut Trials<'_, M>, best: &mut Case, at: usize) -> Option<()> {
    let Some(Deviation { value, .. }) = best.deviations.get(at).copied() else { return Some(()) };
    let mut lower = [1, value / 2, value - 1];
    lower.sort_unstable();
    for value in lower.into_iter().filter(|lower| (1..value).contains(lower)) {
        let mut deviations = best.deviations.clone();
        let Some(deviation) = deviations.get_mut(at).filter(|deviation| deviation.value > value) else { break };
        deviation.value = value;
        let left_out = best.left_out.clone();
        trials.attempt(&mut Script::new(&deviations), &left_out, best)?;
    }
    Some(())
}

/// Leaves a message out, once with the same choices and once with the same order of what is left.
fn leave_out<M: StateMachine>(trials: &mut Trials<'_, M>, best: &mut Case, at: usize) -> Option<()> {
    if best.left_out[at] {
        return Some(());
    }
    let mut left_out = best.left_out.clone();
    left_out[at] = true;
    let deviations = best.deviations.clone();
    trials.attempt(&mut Script::new(&deviations), &left_out, best)?;
    if !best.left_out[at] {
        let turns: Vec<Item> = best.keys.iter().map(|key| Item::Turn(*key)).collect();
        trials.attempt(&mut Keep::new(&turns), &left_out, best)?;
    }
    Some(())
}
