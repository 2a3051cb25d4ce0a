//! Depth-first search of all schedules, without any reduction; with a bound on delays it is delay-bounded scheduling
//! (Emmi, Qadeer, Rakamarić, "Delay-Bounded Scheduling", POPL'11).
//! Faults delay nothing; they have budgets of their own.
//!
//! The default schedule takes the oldest message each time; taking the n-th possible action delays n others. With a
//! bound, all schedules are searched whose delays are no more in all. What handlers choose delays nothing: all values are
//! tried.

use raddle_core::{Sink, StateMachine};

use serde::{Deserialize, Serialize};

use super::checkpoint::Left;
use super::dpor::Went;
use super::stage::Stage;

/// One step of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Level {
    pub(crate) choice: u32,
    /// How many actions were possible.
    pub(crate) width: u32,
    /// How many of them happen by themselves: the others are faults, which delay nothing.
    pub(crate) usual: u32,
    pub(crate) values: Vec<u32>,
    /// Among how many options each value was chosen.
    pub(crate) options: Vec<u32>,
}

/// The state of the search between two runs.
pub(crate) struct Dfs {
    pub(crate) levels: Vec<Level>,
    /// So many levels are another's to change.
    base: usize,
    /// How many delays there may be in all.
    delays_max: Option<u32>,
    delays: u32,
    spare: Vec<Level>,
}

impl Dfs {
    /// All schedules that begin with these levels.
    pub(crate) fn new(base: Vec<Level>, delays_max: Option<u32>) -> Self {
        let delays = base.iter().map(Level::delays).sum();
        Self { base: base.len(), levels: base, delays_max, delays, spare: Vec::new() }
    }

    /// What is left of the search.
    pub(crate) fn left(&self) -> Left {
        Left::Schedules { base: self.base, levels: self.levels.clone() }
    }

    /// The search of which this is left.
    pub(crate) fn resume(base: usize, levels: Vec<Level>, delays_max: Option<u32>) -> Self {
        Self { base: base.min(levels.len()), ..Self::new(levels, delays_max) }
    }

    /// Runs along the levels, then takes the default order to the end.
    pub(crate) fn run<M: StateMachine>(&mut self, stage: &mut Stage<M>) -> Went {
        self.run_to(stage, u64::MAX)
    }

    fn run_to<M: StateMachine>(&mut self, stage: &mut Stage<M>, steps: u64) -> Went {
        stage.begin();
        let steps_max = stage.steps_max();
        for at in 0.. {
            if stage.actions().is_empty() {
                return Went::Through(stage.rest());
            }
            if at as u64 >= steps.min(steps_max) {
                return Went::Through(raddle_core::EndReason::Steps);
            }
            if !self.step(at, stage, None) {
                return Went::Astray;
            }
        }
        unreachable!("the loop has no end of its own")
    }

    /// Takes a step of the schedule, or beyond its end the first possible; false if it is not possible now.
    pub(crate) fn step<M: StateMachine>(
        &mut self,
        at: usize,
        stage: &mut Stage<M>,
        ear: Option<&mut dyn Sink<M>>,
    ) -> bool {
        let actions = stage.actions();
        let (width, usual) = (actions.len(), actions.usual());
        if at == self.levels.len() {
            let mut level = self.spare.pop().unwrap_or_else(Level::blank);
            level.choice = 0;
            level.values.clear();
            self.levels.push(level);
        }
        let level = &mut self.levels[at];
        if level.choice as usize >= width {
            return false;
        }
        stage.step(level.choice as usize, &level.values, ear);
        (level.width, level.usual) = (width as u32, usual as u32);
        level.values.clear();
        level.values.extend_from_slice(stage.world().chosen());
        level.options.clear();
        level.options.extend_from_slice(stage.world().options());
        true
    }

    /// Goes on to the next schedule; false when all are done.
    pub(crate) fn advance(&mut self) -> bool {
        while self.levels.len() > self.base {
            let last = self.levels.len() - 1;
            let level = &mut self.levels[last];
            if next_values(&mut level.values, &mut level.options) {
                return true;
            }
            self.delays -= level.delays();
            let may_delay = |delays: u32| self.delays_max.is_none_or(|max| self.delays + delays <= max);
            let next = level.choice + 1;
            let next = if next < level.usual && !may_delay(next) { level.usual } else { next };
            if next < level.width {
                level.choice = next;
                self.delays += level.delays();
                return true;
            }
            self.spare.extend(self.levels.pop());
        }
        false
    }

    /// How much of the search is done (Knuth 1975): each action of a step weighs the same.
    pub(crate) fn part_done(&self) -> f64 {
        let (mut part, mut weight) = (0.0, 1.0);
        let mut delays = self.delays - self.levels[self.base..].iter().map(Level::delays).sum::<u32>();
        for level in &self.levels[self.base..] {
            let faults = level.width - level.usual;
            let width = self.delays_max.map_or(level.usual, |max| level.usual.min(max - delays + 1)) + faults;
            let width = width.max(1);
            delays += level.delays();
            weight /= f64::from(width);
            part += weight * f64::from(level.choice);
        }
        part
    }

    /// Cuts the search into parts of about the same depth, in their order: at least `count`, if there are so many.
    pub(crate) fn split<M: StateMachine>(
        delays_max: Option<u32>,
        count: usize,
        stage: &mut Stage<M>,
    ) -> Vec<Vec<Level>> {
        let mut parts = vec![Vec::new()];
        for depth in 1..SPLIT_DEPTH_MAX {
            if parts.len() >= count {
                break;
            }
            let mut longer = Vec::new();
            for part in &parts {
                let mut dfs = Self::new(part.clone(), delays_max);
                loop {
                    dfs.run_to(stage, depth);
                    longer.push(dfs.levels.clone());
                    if !dfs.advance() {
                        break;
                    }
                }
            }
            parts = longer;
        }
        parts
    }
}

/// The values that handlers choose next, if there are any: as the digits of a number, each below its options.
pub(crate) fn next_values(values: &mut Vec<u32>, options: &mut Vec<u32>) -> bool {
    while let (Some(value), Some(options)) = (values.pop(), options.pop()) {
        if value + 1 < options {
            values.push(value + 1);
            return true;
        }
    }
    false
}

/// Deeper a search is not cut into parts.
const SPLIT_DEPTH_MAX: u64 = 8;

impl Level {
    const fn blank() -> Self {
        Self { choice: 0, width: 0, usual: 0, values: Vec::new(), options: Vec::new() }
    }

    /// How many others its action delays.
    const fn delays(&self) -> u32 {
        if self.choice < self.usual { self.choice } else { 0 }
    }
}
