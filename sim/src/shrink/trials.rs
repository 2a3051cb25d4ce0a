//! Trials: runs of candidates, each compared with the run that is being shrunk, within a budget.

use raddle_checkers::Violation;
use raddle_core::{EventRef, Input, Sink, StateMachine, What};

use super::case::{Case, Deviation, Place, Script};
use super::keep::{Item, Keys};
use crate::actions::{Actions, Decision};
use crate::run::{Recording, Runner};
use crate::strategy::{DefaultOrder, Observed, Replay, Strategy};
use rustc_hash::FxHashMap;

/// How a run went, choice by choice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Course {
    pub(crate) taken: Vec<Taken>,
    pub(crate) draws: Vec<Draw>,
}

/// What was done at a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) choice: u32,
    pub(crate) options: u32,
    /// What it was, whatever its place.
    pub(crate) key: u64,
}

/// What a handler took in `choose`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    pub(crate) place: Place,
    pub(crate) value: u32,
    pub(crate) options: u32,
}

impl Course {
    /// All that is not as in the default order, by place.
    pub(crate) fn deviations(&self) -> Vec<Deviation> {
        let place = |at: usize| Place { step: at as u32 + 1, draw: 0 };
        let actions = self.taken.iter().enumerate().map(|(at, taken)| (place(at), taken.choice));
        let draws = self.draws.iter().map(|draw| (draw.place, draw.value));
        let all = actions.chain(draws).filter(|(_, value)| *value > 0);
        let mut all: Vec<Deviation> = all.map(|(place, value)| Deviation { place, value }).collect();
        all.sort_by_key(|deviation| deviation.place);
        all
    }

    /// All choices behind a place that could have been others: the place and among how many.
    pub(crate) fn choices_after(&self, last: Option<Place>) -> impl Iterator<Item = (Place, u32)> + '_ {
        let place = |at: usize| Place { step: at as u32 + 1, draw: 0 };
        let actions = self.taken.iter().enumerate().map(move |(at, taken)| (place(at), taken.options));
        let draws = self.draws.iter().map(|draw| (draw.place, draw.options));
        actions.chain(draws).filter(move |(place, options)| *options > 1 && Some(*place) > last)
    }

    /// What handlers took at a step, from 1.
    pub(crate) fn draws_at(&self, step: usize) -> impl Iterator<Item = &Draw> + Clone {
        let from = self.draws.partition_point(|draw| (draw.place.step as usize) < step);
        self.draws[from..].iter().take_while(move |draw| draw.place.step as usize == step)
    }

    /// Everything about it that can be kept.
    pub(crate) fn items(&self) -> Vec<Item> {
        let mut items = Vec::with_capacity(self.taken.len());
        let mut draws = self.draws.iter().peekable();
        for (at, taken) in self.taken.iter().enumerate() {
            items.push(Item::Turn(taken.key));
            while let Some(draw) = draws.next_if(|draw| draw.place.step as usize <= at + 1) {
                if draw.value > 0 {
                    items.push(Item::Draw(taken.key, draw.place.draw, draw.value));
                }
            }
        }
        items
    }
}

/// With which parts of the workload a failure counts.
enum Parts {
    All,
    Known {
        known: FxHashMap<Vec<bool>, bool>,
        /// Whether those not known may count: where the default order keeps the law.
        others: bool,
    },
}

/// Whether something was not reached, rather than something wrong done: that may be for want of a message.
fn is_goal(violation: &Violation) -> bool {
    ["at-end", "eventually", "starved"].contains(&violation.code.as_str())
}

/// Runs candidates.
pub(crate) struct Trials<'a, M: StateMachine> {
    runner: &'a mut Runner<M>,
    seed: u64,
    wanted: &'a Violation,
    /// Whether it may be broken at another worker.
    anywhere: bool,
    parts: Parts,
    go_on: &'a dyn Fn() -> bool,
    /// How many steps are left; none where there is no budget, and then no clock is asked either.
    steps_left: Option<u64>,
    /// Whether a candidate was not tried, since the budget was last said.
    is_cut: bool,
    keys: Keys,
    course: Course,
}

impl<'a, M: StateMachine> Trials<'a, M> {
    /// Candidates for runs with this seed that break what was broken.
    pub(crate) fn new(
        runner: &'a mut Runner<M>,
        seed: u64,
        wanted: &'a Violation,
        go_on: &'a dyn Fn() -> bool,
    ) -> Self {
        let (keys, course) = (Keys::default(), Course::default());
        Self {
            runner,
            seed,
            wanted,
            anywhere: false,
            parts: Parts::All,
            go_on,
            steps_left: None,
            is_cut: false,
            keys,
            course,
        }
    }

    /// From now on, it may be broken at any worker.
    pub(crate) const fn anywhere(&mut self) {
        self.anywhere = true;
    }

    /// From now on, so many steps.
    pub(crate) const fn allow(&mut self, steps: u64) {
        (self.steps_left, self.is_cut) = (Some(steps), false);
    }

    /// From now on, as many as there are, and no clock is asked.
    pub(crate) const fn allow_all(&mut self) {
        (self.steps_left, self.is_cut) = (None, false);
    }

    /// Whether a candidate was not tried, since the budget was last said.
    pub(crate) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// How many steps are left.
    pub(crate) const fn left(&self) -> u64 {
        match self.steps_left {
            Some(steps) => steps,
            None => u64::MAX,
        }
    }

    /// How the last run went.
    pub(crate) const fn course(&self) -> &Course {
        &self.course
    }

    pub(crate) const fn runner(&self) -> &Runner<M> {
        self.runner
    }

    /// The run that is to be shrunk; none if it does not fail as it did.
    pub(crate) fn first(&mut self, schedule: &[Decision], left_out: Vec<bool>) -> Option<Case> {
        if is_goal(self.wanted) || self.runner.properties().have_goals() {
            let whole = vec![false; left_out.len()];
            let whole_misses = self.default_misses(&whole)?;
            let mut known = FxHashMap::from_iter([(left_out.clone(), true)]);
            if whole_misses {
                known.insert(whole, true);
            }
            if is_goal(self.wanted) || !whole_misses {
                self.parts = Parts::Known { known, others: !whole_misses };
            }
        }
        // Candidates are runs by the simulator's own clock.
        let mut replay = Replay::without_times(schedule.to_vec());
        self.fails(&mut replay, &left_out)?.then(|| Case::new(&self.course, &left_out))
    }

    /// Does one run and says whether it breaks the same in the same way; none if the budget is spent.
    pub(crate) fn fails(&mut self, strategy: &mut dyn Strategy, left_out: &[bool]) -> Option<bool> {
        Some(self.counts(left_out)? && self.breaks(strategy, left_out)?)
    }

    /// Whether a failure with this part of the workload is one. A goal that is missed because a message never came is
    /// none, and nobody but the user knows what the goal is; but then the default order misses it as well. Nor may another
    /// goal be missed for that: when what was broken is mended, the run must pass.
    pub(crate) fn counts(&mut self, left_out: &[bool]) -> Option<bool> {
        let Parts::Known { known, others } = &self.parts else { return Some(true) };
        match known.get(left_out) {
            Some(counts) => Some(*counts),
            None if !others => Some(false),
            None => {
                let counts = !self.default_misses(left_out)?;
                if let Parts::Known { known, .. } = &mut self.parts {
                    known.insert(left_out.to_vec(), counts);
                }
                Some(counts)
            }
        }
    }

    /// Whether the default order misses a goal, at whatever worker.
    fn default_misses(&mut self, left_out: &[bool]) -> Option<bool> {
        Some(self.first_breach(&mut DefaultOrder, left_out)?.is_some_and(|violation| is_goal(&violation)))
    }

    fn breaks(&mut self, strategy: &mut dyn Strategy, left_out: &[bool]) -> Option<bool> {
        let Some(violation) = self.first_breach(strategy, left_out)? else { return Some(false) };
        let is_same = violation.law == self.wanted.law && violation.code == self.wanted.code;
        Some(is_same && (self.anywhere || violation.worker == self.wanted.worker))
    }

    /// What a run breaks first, if anything; none of both if the budget is spent.
    fn first_breach(&mut self, strategy: &mut dyn Strategy, left_out: &[bool]) -> Option<Option<Violation>> {
        if self.steps_left.is_some_and(|steps| steps == 0 || !(self.go_on)()) {
            self.is_cut = true;
            return None;
        }
        self.runner.leave_out(left_out);
        let (keys, Course { taken, draws }) = (&mut self.keys, &mut self.course);
        keys.clear();
        taken.clear();
        draws.clear();
        let look = |actions: &Actions<'_>, at: usize| {
            let key = keys.take(actions.get(at));
            taken.push(Taken { choice: at as u32, options: actions.len() as u32, key });
        };
        let run = self.runner.run_into(self.seed, &mut Observed { inner: strategy, look }, &mut Draws(draws));
        self.course.taken.truncate(run.steps as usize);
        self.steps_left = self.steps_left.map(|steps| steps.saturating_sub(run.steps + 1));
        Some(run.violation)
    }

    /// Does one run, and if it fails and is simpler than the best, it is the best from then on.
    pub(crate) fn attempt(&mut self, strategy: &mut dyn Strategy, left_out: &[bool], best: &mut Case) -> Option<bool> {
        let fails = self.fails(strategy, left_out)?;
        if fails {
            let case = Case::new(&self.course, left_out);
            if case.is_simpler_than(best) {
                *best = case;
            }
        }
        Some(fails)
    }

    /// Writes a case down, outside the budget.
    pub(crate) fn record(&mut self, case: &Case) -> Recording {
        self.runner.leave_out(&case.left_out);
        self.runner.record(self.seed, &mut Script::new(&case.deviations))
    }

    /// Does a run for one who looks at it and hears of it, outside the budget; gives its steps.
    pub(crate) fn show(&mut self, left_out: &[bool], strategy: &mut dyn Strategy, sink: &mut dyn Sink<M>) -> u64 {
        self.runner.leave_out(left_out);
        self.runner.run_into(self.seed, strategy, sink).steps
    }
}

/// Writes down what handlers choose.
struct Draws<'a>(&'a mut Vec<Draw>);

impl<M: StateMachine> Sink<M> for Draws<'_> {
    #[inline(always)]
    fn event(&mut self, event: EventRef<'_>, _: Option<&Input<M>>) {
        if let What::Choose { options, value } = event.what {
            let step = event.moment.step as u32;
            let draw = match self.0.last() {
                Some(last) if last.place.step == step => last.place.draw + 1,
                _ => 1,
            };
            self.0.push(Draw { place: Place { step, draw }, value, options });
        }
    }
}
