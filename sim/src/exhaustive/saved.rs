//! Runs saved in the middle, so that the next run need not begin at the beginning.
//!
//! A depth-first search comes back again and again to points late in its current run. Where machines can be copied
//! ([`System::forkable`](raddle_core::System::forkable)), the run is saved at some of these points and taken up there;
//! elsewhere, and where that would not pay, its beginning is done again. Both come to the same.
//!
//! The saved points are always points of the current run. They are few: of those that are not saved, each is a few steps
//! behind one that is, or the search seldom comes there.

use std::sync::Arc;

use raddle_checkers::Violation;
use raddle_core::{Assign, StateMachine};

use crate::fork::Saved;
use crate::run::Runner;

/// How many there are at most.
const SAVES_MAX: usize = 24;
/// Systems with more workers are not copied: that takes longer than to do the beginning again.
const WORKERS_MAX: usize = 64;
/// A point that is nearer to the end of the run than this is not saved.
const TAIL_MIN: usize = 3;
/// If so many steps must be done again, the run is also saved in their middle.
const LONG: usize = 16;

/// The saved points of the current run, in its order.
pub(crate) struct Saves<M: StateMachine> {
    /// None where machines cannot be copied.
    assign: Option<Assign<M>>,
    saves: Vec<Save<M>>,
    /// How many of these are in use; the others keep their memory.
    used: usize,
    /// How many steps the longest run had of those since the current point was last come to.
    len: usize,
    /// Where the current run was taken up.
    begun: usize,
    /// Which run of the runner it was that was saved: where another has begun since, all is forgotten.
    nth: u64,
}

struct Save<M: StateMachine> {
    /// How many steps come before.
    depth: usize,
    run: Box<Saved<M>>,
    /// What the run had broken.
    violation: Option<Violation>,
}

impl<M: StateMachine> Saves<M> {
    pub(crate) fn new(runner: &Runner<M>) -> Self {
        let plan = &runner.world.plan;
        let is_narrow = plan.names().worker_count() <= WORKERS_MAX;
        let may_save = is_narrow && !plan.names().has_sessions();
        let assign = plan.assign().filter(|_| may_save).map(Arc::clone);
        Self { assign, saves: Vec::new(), used: 0, len: 0, begun: 0, nth: 0 }
    }

    /// This runner has begun anew: nothing that is saved is of its run.
    pub(crate) fn forget(&mut self, runner: &Runner<M>) {
        (self.used, self.begun, self.nth) = (0, 0, runner.begun);
    }

    /// Takes a runner whose run has ended back to the last point saved among the first steps, if there is one.
    pub(crate) fn go_back(
        &mut self,
        shared: usize,
        runner: &mut Runner<M>,
        violation: &mut Option<Violation>,
    ) -> Option<usize> {
        let assign = self.assign.as_ref()?;
        if runner.begun != self.nth {
            return None;
        }
        self.len = runner.world.moment().step as usize;
        while self.used > 0 && self.saves[self.used - 1].depth > shared {
            self.used -= 1;
        }
        let save = &self.saves[self.used.checked_sub(1)?];
        save.run.go_back(runner, assign);
        violation.clone_from(&save.violation);
        self.begun = save.depth;
        Some(save.depth)
    }

    /// Saves the run, of which this many steps are done, if that will pay.
    #[inline]
    pub(crate) fn save_at(&mut self, depth: usize, shared: usize, runner: &Runner<M>, violation: Option<&Violation>) {
        if self.assign.is_none() || depth == self.begun || depth + TAIL_MIN > self.len {
            return;
        }
        let again = shared - self.begun;
        if depth == shared || (again >= LONG && depth == self.begun + again / 2) {
            self.save(depth, runner, violation);
        }
    }

    /// Saves the run, of which this many steps are done, unless it is saved there.
    pub(crate) fn save_here(&mut self, depth: usize, runner: &Runner<M>, violation: Option<&Violation>) {
        if self.used == 0 || self.saves[self.used - 1].depth < depth {
            self.save(depth, runner, violation);
        }
    }

    fn save(&mut self, depth: usize, runner: &Runner<M>, violation: Option<&Violation>) {
        let Some(assign) = &self.assign else { return };
        if self.used == SAVES_MAX {
            // The first are come to seldom.
            self.saves.rotate_left(1);
            self.used -= 1;
        }
        if self.used == self.saves.len() {
            self.saves.push(Save { depth, run: Box::new(Saved::new(runner)), violation: None });
        }
        let save = &mut self.saves[self.used];
        save.depth = depth;
        save.run.save(runner, assign);
        save.violation = violation.cloned();
        self.used += 1;
    }
}
