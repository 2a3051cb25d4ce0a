//! What an exhaustive search has counted and found so far.

use indexmap::IndexMap;
use raddle_checkers::{Losses, Violation, determinism};
use raddle_core::{EndReason, FaultKind, StateMachine};
use rustc_hash::FxHashSet;

use super::stage::{Again, Stage};
use crate::campaign::{TWICE_EVERY, as_found, difference};
use crate::coverage::Coverage;
use crate::explore::Found;

/// A run by the places and values that it chose.
pub(crate) type Steps = Vec<(u32, Vec<u32>)>;

/// Counts of complete runs, and the first run of each signature.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) executions: u64,
    pub(crate) blocked: u64,
    /// Runs that were made to look further, and are none.
    pub(crate) discarded: u64,
    pub(crate) steps: u64,
    pub(crate) deliveries: u64,
    pub(crate) unfinished: u64,
    pub(crate) at_horizon: u64,
    /// How many faults of each kind there were.
    pub(crate) faults: [u64; FaultKind::ALL.len()],
    pub(crate) losses: Losses,
    /// Executions that broke a law.
    pub(crate) violating: u64,
    /// Runs made to look at what is near, not counted otherwise.
    pub(crate) scouts: u64,
    /// How many runs there had been, scouts included, when the first broke a law.
    pub(crate) first: Option<u64>,
    /// The fingerprints seen; none where every execution is a trace of its own.
    pub(crate) traces: Option<FxHashSet<u64>>,
    pub(crate) reached: IndexMap<String, u64>,
    /// What handled what in which kind of state.
    pub(crate) coverage: Coverage,
    /// Whether the search went on from a checkpoint, which knows nothing of coverage.
    pub(crate) resumed: bool,
    /// Whether handlers said anything that laws over histories judge.
    pub(crate) has_history: bool,
    /// By signature, with the steps that do it again.
    pub(crate) found: IndexMap<String, (Found, Steps)>,
    /// A run that differs from itself: there is no sense in going on.
    pub(crate) astray: Option<Box<Found>>,
}

impl Tally {
    pub(crate) fn new(counts_traces: bool) -> Self {
        Self { traces: counts_traces.then(FxHashSet::default), ..Self::default() }
    }

    /// Counts a run that has ended on this stage; `steps` does it again.
    pub(crate) fn count<M: StateMachine>(
        &mut self,
        stage: &mut Stage<M>,
        reason: EndReason,
        steps: impl FnOnce(&mut Stage<M>) -> Steps,
    ) {
        let violation = stage.end(reason);
        self.has_history |= stage.runner.bank.has_history();
        let world = &stage.runner.world;
        self.executions += 1;
        self.steps += world.moment().step;
        self.deliveries += world.deliveries();
        self.unfinished += u64::from(reason == EndReason::Steps);
        self.at_horizon += u64::from(reason == EndReason::Horizon);
        let fired = world.faults.fired.map(u64::from);
        self.add_faults(fired);
        self.losses.join(stage.runner.losses());
        if let Some(traces) = &mut self.traces {
            traces.insert(world.fingerprint());
        }
        self.reach(stage);
        self.cover(stage);
        let again = (self.executions - 1).is_multiple_of(TWICE_EVERY);
        self.violating += u64::from(violation.is_some());
        match violation {
            Some(violation) => self.note(&violation, stage, steps, again),
            None if again => {
                let steps = steps(stage);
                self.twice(stage, steps);
            }
            None => {}
        }
    }

    /// Judges a run that is not counted.
    pub(crate) fn scouted<M: StateMachine>(
        &mut self,
        stage: &mut Stage<M>,
        reason: EndReason,
        steps: impl FnOnce(&mut Stage<M>) -> Steps,
    ) {
        self.scouts += 1;
        if let Some(violation) = stage.end(reason) {
            self.note(&violation, stage, steps, false);
        }
    }

    /// Counts nothing of what was counted: the search begins anew, and several executions may be one trace. What was found
    /// stays found.
    pub(crate) fn begin_anew(&mut self) {
        let Self { executions, scouts, first, found, astray, has_history, .. } = std::mem::take(self);
        *self = Self { scouts: scouts + executions, first, found, astray, has_history, ..Self::new(true) };
    }

    /// Counts what the run has reached so far.
    pub(crate) fn reach<M: StateMachine>(&mut self, stage: &Stage<M>) {
        for name in stage.runner.reached() {
            match self.reached.get_mut(name) {
                Some(times) => *times += 1,
                None => _ = self.reached.insert(name.to_owned(), 1),
            }
        }
    }

    /// Counts what the run has covered so far.
    pub(crate) fn cover<M: StateMachine>(&mut self, stage: &Stage<M>) {
        if let Some(coverage) = &stage.runner.world.coverage {
            self.coverage.add(coverage);
        }
    }

    #[cold]
    fn note<M: StateMachine>(
        &mut self,
        violation: &Violation,
        stage: &mut Stage<M>,
        steps: impl FnOnce(&mut Stage<M>) -> Steps,
        again: bool,
    ) {
        self.first.get_or_insert(self.executions + self.scouts);
        let signature = violation.signature(stage.names());
        if again || !self.found.contains_key(&signature) {
            let steps = steps(stage);
            self.twice(stage, steps);
        }
    }

    /// Does a run twice more: to have it written down if it breaks a law, and to be sure that it is always the same.
    pub(crate) fn twice<M: StateMachine>(&mut self, stage: &mut Stage<M>, steps: Steps) {
        let (seed, mut strategy) = (stage.seed(), Again::new(steps.clone()));
        let one = stage.runner.record(seed, &mut strategy);
        let two = stage.runner.record(seed, &mut strategy);
        if let Some(violation) = difference(&one, &two) {
            self.astray = Some(Box::new(as_found(&stage.runner, seed, violation, Some(one))));
        } else if let Some(violation) = one.run.violation.clone() {
            let found = as_found(&stage.runner, seed, violation, Some(one));
            self.found.entry(found.signature.clone()).or_insert((found, steps));
        }
    }

    /// A run that could not be begun as it had begun before.
    pub(crate) fn stray<M: StateMachine>(&mut self, stage: &mut Stage<M>, steps: Steps) {
        self.twice(stage, steps.clone());
        if self.astray.is_none() {
            let recording = stage.runner.record(stage.seed(), &mut Again::new(steps));
            let violation = determinism::of_state(&recording.trace);
            self.astray = Some(Box::new(as_found(&stage.runner, stage.seed(), violation, Some(recording))));
        }
    }

    /// Joins what another part of the same search has counted; parts are joined in their order.
    pub(crate) fn join(&mut self, other: Self) {
        let before = self.executions + self.scouts;
        self.executions += other.executions;
        self.scouts += other.scouts;
        self.blocked += other.blocked;
        self.discarded += other.discarded;
        self.steps += other.steps;
        self.deliveries += other.deliveries;
        self.unfinished += other.unfinished;
        self.at_horizon += other.at_horizon;
        self.add_faults(other.faults);
        self.losses.join(&other.losses);
        self.first = self.first.or(other.first.map(|first| before + first));
        self.violating += other.violating;
        self.has_history |= other.has_history;
        match (&mut self.traces, other.traces) {
            (Some(traces), Some(others)) => traces.extend(others),
            (traces, others) => *traces = traces.take().or(others),
        }
        for (name, times) in other.reached {
            *self.reached.entry(name).or_insert(0) += times;
        }
        self.coverage.add(&other.coverage);
        self.resumed |= other.resumed;
        for (signature, found) in other.found {
            self.found.entry(signature).or_insert(found);
        }
        self.astray = self.astray.take().or(other.astray);
    }

    /// Whether there is no sense in going on.
    pub(crate) fn is_at_odds(&self) -> bool {
        self.astray.is_some()
    }

    fn add_faults(&mut self, fired: [u64; FaultKind::ALL.len()]) {
        self.faults.iter_mut().zip(fired).for_each(|(all, more)| *all += more);
    }

    /// How many traces the executions were.
    pub(crate) fn trace_count(&self) -> u64 {
        self.traces.as_ref().map_or(self.executions, |traces| traces.len() as u64)
    }
}
