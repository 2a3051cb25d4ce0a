//! One run: a world, a strategy that chooses, and laws that judge.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use raddle_checkers::{Bank, Losses, Properties, UnknownLaw, Verdict, Violation};
use raddle_core::{
    Conditions, End, EndReason, EventRef, FaultKind, Input, MessageId, Plan, Recorder, Sink, StateMachine, SystemError,
    Trace, What,
};

use crate::actions::{Act, Action, Decision};
use crate::exhaustive::Refusal;
use crate::settings::{Settings, SettingsError};
use crate::strategy::Strategy;
use crate::world::World;

/// Runs one system again and again under the same settings and laws, reusing its memory.
pub struct Runner<M: StateMachine> {
    pub(crate) world: World<M>,
    laws: Vec<&'static str>,
    conditions: Conditions,
    pub(crate) bank: Bank,
    pub(crate) properties: Properties<M>,
    pub(crate) marks: Marks,
    pub(crate) end: End,
    pub(crate) pulse: Arc<Pulse>,
    to_the_end: bool,
    /// How many runs have begun.
    pub(crate) begun: u64,
    pub(crate) steps_max: u64,
    recorder: Recorder<M>,
    schedule: Schedule,
}

/// What one run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Actions performed.
    pub steps: u64,
    /// Inputs handled.
    pub deliveries: u64,
    /// Why it was over.
    pub end: EndReason,
    /// The law it broke, if any.
    pub violation: Option<Violation>,
    /// What tells its trace from others: [`World::fingerprint`]. Of a real run that was done again, the order of all inputs counts
    /// there, also of those that are declared to commute.
    pub fingerprint: u64,
    /// The hash of all final states, if the system is hashed.
    pub state: Option<u64>,
    /// How many faults of each kind befell it, in the order of [`FaultKind::ALL`].
    pub faults: [u32; FaultKind::ALL.len()],
}

/// A run written down.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What it came to.
    pub run: Run,
    /// Its events.
    pub trace: Trace,
    /// Its choices by stable names.
    pub schedule: Vec<Decision>,
}

/// The choices of a run as they are taken, in memory that is kept from run to run: the first `len` are in use.
#[derive(Default)]
struct Schedule {
    decisions: Vec<Decision>,
    len: usize,
}

impl Schedule {
    fn push(&mut self, action: Action<'_>) {
        match (self.decisions.get_mut(self.len), action) {
            (Some(Decision::Deliver(old)), Action::Deliver(header)) => {
                old.clone_from(&header.id);
                self.len += 1;
            }
            (_, action) => self.put(action.decision()),
        }
    }

    fn put(&mut self, decision: Decision) {
        match self.decisions.get_mut(self.len) {
            Some(old) => *old = decision,
            None => self.decisions.push(decision),
        }
        self.len += 1;
    }
}

/// A system that cannot be simulated as asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RunError {
    /// The system itself.
    #[error(transparent)]
    System(#[from] SystemError),
    /// The settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A law that does not exist.
    #[error(transparent)]
    Law(#[from] UnknownLaw),
    /// The exhaustive search.
    #[error(transparent)]
    Exhaustive(#[from] Refusal),
}

/// What a pulse says where no handler runs.
pub(crate) const AT_REST: u64 = u64::MAX;

/// Where a run is, for a watchdog beside it.
#[derive(Debug, Default)]
pub struct Pulse {
    seed: AtomicU64,
    step: AtomicU64,
}

impl Pulse {
    /// The seed of the run and the step it has begun.
    #[must_use]
    pub fn read(&self) -> (u64, u64) {
        (self.seed.load(Ordering::Relaxed), self.step.load(Ordering::Relaxed))
    }

    pub(crate) fn begin(&self, seed: u64) {
        self.step.store(0, Ordering::Relaxed);
        self.seed.store(seed, Ordering::Relaxed);
    }

    /// No handler runs: nothing is to be watched.
    pub(crate) fn rest(&self) {
        self.step.store(AT_REST, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn step(&self, step: u64) {
        self.step.store(step, Ordering::Relaxed);
    }
}

/// The marks reached in one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    names: Vec<Box<str>>,
    reached: Vec<bool>,
}

impl Marks {
    fn reset(&mut self) {
        self.reached.fill(false);
    }

    /// Becomes equal to `other`, and keeps the names it knows.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { names, reached } = self;
        names.extend_from_slice(other.names.get(names.len()..).unwrap_or(&[]));
        reached.clone_from(&other.reached);
        reached.resize(names.len(), false);
    }

    fn reach(&mut self, name: &str) {
        let at = self.names.iter().position(|known| **known == *name).unwrap_or_else(|| {
            self.names.push(name.into());
            self.reached.push(false);
            self.names.len() - 1
        });
        self.reached[at] = true;
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().zip(&self.reached).filter(|(_, reached)| **reached).map(|(name, _)| &**name)
    }
}

impl<M: StateMachine> Sink<M> for Marks {
    #[inline(always)]
    fn event(&mut self, event: EventRef<'_>, _: Option<&Input<M>>) {
        if event.what == What::Mark {
            self.reach(event.text);
        }
    }
}

impl<M: StateMachine> Runner<M> {
    /// A runner for a plan. Without `laws` it judges by the system's own, and without those by all that apply.
    ///
    /// # Errors
    /// When the settings do not fit the system, or a law does not exist.
    pub fn new(plan: Arc<Plan<M>>, settings: Settings, laws: Option<&[String]>) -> Result<Self, RunError> {
        settings.check(plan.policies())?;
        let conditions = Conditions {
            names: Arc::clone(plan.names()),
            policies: plan.policies().clone(),
            counting: settings.counting(),
            promised: settings.promised(plan.policies()),
            barriers: plan.rules(settings.transport(plan.policies())).barriers,
        };
        let laws = match laws.or(plan.laws()) {
            Some(laws) => raddle_checkers::resolve(laws)?,
            None => raddle_checkers::default_laws(&conditions),
        };
        Ok(Self {
            bank: Bank::new(conditions.clone(), &laws)?,
            properties: Properties::new(plan.properties()),
            steps_max: settings.steps_max,
            world: World::new(plan, settings),
            laws,
            conditions,
            marks: Marks::default(),
            end: End::default(),
            pulse: Arc::default(),
            to_the_end: false,
            begun: 0,
            recorder: Recorder::default(),
            schedule: Schedule::default(),
        })
    }

    /// Lets runs go on to their end after a law is broken, instead of ending there.
    #[must_use]
    pub fn to_the_end(mut self) -> Self {
        self.to_the_end = true;
        self
    }

    /// The laws by which runs are judged, beside the system's properties.
    #[must_use]
    pub fn laws(&self) -> &[&'static str] {
        &self.laws
    }

    /// Under which conditions events come about.
    #[must_use]
    pub const fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Where the current run is.
    #[must_use]
    pub fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.pulse)
    }

    /// Runs once, judging as it goes.
    pub fn run(&mut self, seed: u64, strategy: &mut dyn Strategy) -> Run {
        self.drive::<false>(seed, strategy, None, None)
    }

    /// Runs once and keeps every typed event and choice, for [`Runner::write_down`]. It is the same run as without, and
    /// as it makes no text it costs little more.
    pub fn run_recorded(&mut self, seed: u64, strategy: &mut dyn Strategy) -> Run {
        let (mut recorder, mut schedule) = (std::mem::take(&mut self.recorder), std::mem::take(&mut self.schedule));
        recorder.clear();
        schedule.len = 0;
        let run = self.drive::<true>(seed, strategy, Some(&mut recorder), Some(&mut schedule));
        (self.recorder, self.schedule) = (recorder, schedule);
        run
    }

    /// Runs once, and tells this sink what happens.
    pub(crate) fn run_into(&mut self, seed: u64, strategy: &mut dyn Strategy, sink: &mut dyn Sink<M>) -> Run {
        self.drive::<true>(seed, strategy, Some(sink), None)
    }

    /// The ids of all messages from outside, in the order of declaration.
    #[must_use]
    pub fn externals(&self) -> Vec<MessageId> {
        self.world.externals().map(|header| header.id.clone()).collect()
    }

    /// From now on these messages from outside never come: by their place in [`Runner::externals`].
    pub fn leave_out(&mut self, left_out: &[bool]) {
        self.world.leave_out(left_out);
    }

    /// Which messages from outside have one of these ids, as [`Runner::leave_out`] takes it.
    pub(crate) fn left_out(&self, without: &[MessageId]) -> Vec<bool> {
        let without: BTreeSet<_> = without.iter().collect();
        self.world.externals().map(|header| without.contains(&header.id)).collect()
    }

    /// Writes down the last run, which was recorded: its events become text.
    pub fn write_down(&mut self, mut run: Run) -> Recording {
        let events = self.recorder.take_events();
        let trace = Trace { conditions: self.conditions.clone(), events, end: self.end.clone() };
        if let Some(violation) = &mut run.violation {
            raddle_checkers::explain(violation, &trace);
        }
        Recording { run, trace, schedule: self.schedule.decisions[..self.schedule.len].to_vec() }
    }

    /// Runs once and writes everything down.
    pub fn record(&mut self, seed: u64, strategy: &mut dyn Strategy) -> Recording {
        let run = self.run_recorded(seed, strategy);
        self.write_down(run)
    }

    /// The choices of a run up to the one taken at `step`, which is not performed.
    pub fn schedule_until(&mut self, seed: u64, strategy: &mut dyn Strategy, step: u64) -> Vec<Decision> {
        self.begin(seed, strategy);
        let mut schedule = Vec::new();
        loop {
            let actions = self.world.actions();
            if actions.is_empty() {
                return schedule;
            }
            let choice = strategy.choose(&actions);
            schedule.push(actions.get(choice).decision());
            if self.world.moment().step + 1 >= step {
                return schedule;
            }
            strategy.script(&mut self.world.outbox().choices().script);
            self.step_heard(choice, None);
            schedule.extend(self.world.chosen().iter().map(|value| Decision::Choose(*value)));
        }
    }

    /// The `sometimes` properties and marks that the last run reached.
    pub fn reached(&self) -> impl Iterator<Item = &str> {
        self.properties.reached().chain(self.marks.iter())
    }

    /// What the last run lost, by reason.
    #[must_use]
    pub const fn losses(&self) -> &Losses {
        self.bank.losses()
    }

    /// What each law says of the last run, as far as it could be told while that went on; `determinism` is left out.
    #[must_use]
    pub fn verdicts(&self) -> Vec<(&'static str, Verdict)> {
        self.bank.verdicts()
    }

    /// The properties as the last run left them.
    #[must_use]
    pub const fn properties(&self) -> &Properties<M> {
        &self.properties
    }

    /// The world as the last run left it.
    #[must_use]
    pub const fn world(&self) -> &World<M> {
        &self.world
    }

    pub(crate) fn begin(&mut self, seed: u64, strategy: &mut dyn Strategy) {
        self.begun += 1;
        self.pulse.begin(seed);
        self.world.reset(seed);
        self.bank.reset();
        self.marks.reset();
        self.properties.reset();
        strategy.begin(seed);
        let choices = self.world.outbox().choices();
        choices.script.clear();
        choices.beyond = strategy.beyond();
    }

    /// Takes a step of which somebody else may hear. A step is a great deal of code, made anew for each kind of machine and
    /// listener: so there is one for the search, and this one for all others.
    #[inline(never)]
    pub(crate) fn step_heard(&mut self, choice: usize, ear: Option<&mut dyn Sink<M>>) {
        self.world.step(choice, &mut (&mut self.bank, (&mut self.marks, ear)));
    }

    /// Takes a step that is known to be possible, with or without the laws.
    pub(crate) fn step_act(&mut self, act: Act, is_judged: bool, ear: &mut dyn Sink<M>) {
        self.pulse.step(self.world.moment().step + 1);
        if !is_judged {
            return self.world.step_act(act, &mut { ear });
        }
        self.world.step_act(act, &mut (&mut self.bank, (&mut self.marks, ear)));
        if self.properties.watch_steps() {
            self.properties.after_step(&self.world.snapshot(), self.world.moment());
        }
    }

    /// Takes a step that is not among those that are possible now.
    #[cold]
    pub(crate) fn step_late(&mut self, act: Act, ear: Option<&mut dyn Sink<M>>) {
        self.world.step_act(act, &mut (&mut self.bank, (&mut self.marks, ear)));
    }

    /// The same where nobody does.
    #[inline(never)]
    pub(crate) fn step_alone(&mut self, choice: usize) {
        self.world.step(choice, &mut (&mut self.bank, &mut self.marks));
    }

    /// Without `HEARD` there is neither ear nor schedule.
    #[inline]
    fn drive<const HEARD: bool>(
        &mut self,
        seed: u64,
        strategy: &mut dyn Strategy,
        mut ear: Option<&mut dyn Sink<M>>,
        mut schedule: Option<&mut Schedule>,
    ) -> Run {
        self.begin(seed, strategy);
        let scripted = strategy.is_scripted();
        let end = loop {
            let step = self.world.moment().step;
            let steps_max = self.world.steps_max(self.steps_max);
            if let Some(now) = if scripted { strategy.now() } else { None } {
                self.world.tell_time(now);
                schedule.iter_mut().for_each(|schedule| schedule.put(Decision::At(now)));
            }
            let actions = self.world.actions();
            if actions.is_empty() {
                let cut = self.world.is_cut_by_horizon();
                break if cut { EndReason::Horizon } else { EndReason::Quiescent };
            }
            let choice = strategy.choose(&actions);
            if step >= steps_max {
                break EndReason::Steps;
            }
            if let Some(schedule) = &mut schedule {
                schedule.push(actions.get(choice));
            }
            if scripted {
                strategy.script(&mut self.world.outbox().choices().script);
            }
            self.pulse.step(step + 1);
            if HEARD {
                self.step_heard(choice, ear.as_deref_mut().map(|ear| ear as &mut dyn Sink<M>));
            } else {
                self.world.step(choice, &mut (&mut self.bank, &mut self.marks));
            }
            if let Some(schedule) = &mut schedule {
                self.world.chosen().iter().for_each(|value| schedule.put(Decision::Choose(*value)));
            }
            if self.properties.watch_steps() {
                self.properties.after_step(&self.world.snapshot(), self.world.moment());
            }
            if !self.to_the_end && (self.bank.has_failed() || self.properties.violation().is_some()) {
                break EndReason::Violation;
            }
        };
        self.finish(end)
    }

    /// The run is over.
    pub(crate) fn finish(&mut self, end: EndReason) -> Run {
        self.world.end(end, &mut self.end);
        if end != EndReason::Violation {
            self.properties.at_end(&self.world.snapshot(), end, self.world.moment());
        }
        let state = self.world.state_hash();
        // From here on no code of the system's runs but `Debug`, however long it takes to judge and write down a long run.
        self.pulse.rest();
        if end != EndReason::Violation {
            self.bank.finish(&self.end);
        }
        let violation = self.bank.violations().first().or(self.properties.violation()).cloned();
        Run {
            steps: self.world.moment().step,
            deliveries: self.world.deliveries(),
            end,
            violation,
            fingerprint: self.world.fingerprint(),
            state,
            faults: self.world.faults.fired,
        }
    }
}
