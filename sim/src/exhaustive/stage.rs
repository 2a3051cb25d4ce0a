//! A run taken step by step, judged as it goes, and taken to its end whatever it breaks.

use raddle_checkers::Violation;
use raddle_core::{EndReason, FaultKind, Input, InputKind, Names, Sink, StateMachine, WorkerId};

use super::event::{Event, Outcome};
use super::refusal::Refusal;
use super::saved::Saves;
use crate::actions::{Act, Actions};
use crate::faults::Fault;
use crate::run::Runner;
use crate::slab::Card;
use crate::strategy::{DefaultOrder, Strategy};
use crate::world::World;

/// One run at a time.
pub(crate) struct Stage<M: StateMachine> {
    pub(crate) runner: Runner<M>,
    seed: u64,
    /// What the run broke first.
    violation: Option<Violation>,
    runs: u64,
    saves: Saves<M>,
}

/// Which step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// The action at this place of the canonical order.
    Place(usize),
    /// The crash of this worker, though nothing else is possible any more: it may have been possible before something that
    /// does not depend on it ([`super::linearize`]).
    Late(WorkerId),
}

impl<M: StateMachine> Stage<M> {
    /// Runs draw from this seed where handlers draw at all.
    pub(crate) fn new(runner: Runner<M>, seed: u64) -> Self {
        let saves = Saves::new(&runner);
        Self { runner, seed, violation: None, runs: 0, saves }
    }

    pub(crate) const fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn world(&mut self) -> &mut World<M> {
        &mut self.runner.world
    }

    pub(crate) fn names(&self) -> &Names {
        &self.runner.conditions().names
    }

    pub(crate) fn steps_max(&self) -> u64 {
        self.runner.world.steps_max(self.runner.steps_max)
    }

    /// Begins a run. What was saved is of another.
    pub(crate) fn begin(&mut self) {
        self.violation = None;
        self.runner.begin(self.seed, &mut DefaultOrder);
        self.saves.forget(&self.runner);
        // A watchdog must tell two runs apart.
        self.runs += 1;
        self.runner.pulse.begin(self.runs);
    }

    /// Begins a run of another seed, in which handlers choose as this strategy has it.
    pub(crate) fn begin_with(&mut self, seed: u64, strategy: &mut dyn Strategy) {
        self.begin();
        self.runner.begin(seed, strategy);
        self.runner.pulse.begin(self.runs);
    }

    /// Takes a step whose handlers choose as they like.
    pub(crate) fn step_freely(&mut self, choice: usize) {
        let runner = &mut self.runner;
        runner.pulse.step(runner.world.moment().step + 1);
        runner.step_alone(choice);
    }

    /// No run goes on here for a while.
    pub(crate) fn rests(&self) {
        self.runner.pulse.rest();
    }

    /// Begins a run that shares so many first steps with the one before: where it was saved last among those, or from the
    /// beginning. Gives how many of them are done.
    pub(crate) fn begin_at(&mut self, shared: usize) -> usize {
        let Some(depth) = self.saves.go_back(shared, &mut self.runner, &mut self.violation) else {
            self.begin();
            return 0;
        };
        self.runs += 1;
        self.runner.pulse.begin(self.runs);
        depth
    }

    /// Before a step of which this many come before, and which is the last that is shared with the run before: saves the
    /// run here if that will pay.
    #[inline]
    pub(crate) fn save_at(&mut self, depth: usize, shared: usize) {
        self.saves.save_at(depth, shared, &self.runner, self.violation.as_ref());
    }

    /// Saves the run, of which so many steps are done, whether or not that will pay.
    pub(crate) fn save_here(&mut self, depth: usize) {
        self.saves.save_here(depth, &self.runner, self.violation.as_ref());
    }

    /// Counts what is covered from here on.
    pub(crate) fn forget_coverage(&mut self) {
        self.runner.world.coverage.iter_mut().for_each(|coverage| coverage.clear());
    }

    /// What may happen next.
    #[inline]
    pub(crate) fn actions(&mut self) -> Actions<'_> {
        self.runner.world.actions()
    }

    /// How an event is picked, if it can happen now: a crash even where nothing else can.
    #[inline]
    pub(crate) fn pick_of(&mut self, event: &Event<M>) -> Option<Pick> {
        let actions = self.actions();
        if event.is_crash() && actions.is_empty() {
            let worker = WorkerId::at(event.at as usize);
            return self.may_crash(worker).then_some(Pick::Late(worker));
        }
        actions.place_of(event).map(Pick::Place)
    }

    /// What a message says that is on its way, by the hash of its id.
    pub(crate) fn input_of(&self, key: u64) -> Option<&Input<M>> {
        let slab = &self.runner.world.transit.slab;
        let mut kept = slab.cards.iter().zip(&slab.inputs);
        kept.find_map(|(card, input)| input.as_ref().filter(|_| card.header.id.hash64() == key))
    }

    /// Whether a worker can crash now, even if nothing else can happen.
    pub(crate) fn may_crash(&self, worker: WorkerId) -> bool {
        let world = &self.runner.world;
        world.may_befall_worker(FaultKind::Crash, worker) && world.may_crash(worker)
    }

    /// Takes a step. Its handlers choose these values, then always their first option.
    pub(crate) fn step(&mut self, choice: usize, values: &[u32], ear: Option<&mut dyn Sink<M>>) {
        self.take(Pick::Place(choice), values, ear);
    }

    /// The same of any pick.
    pub(crate) fn take(&mut self, pick: Pick, values: &[u32], ear: Option<&mut dyn Sink<M>>) {
        let runner = &mut self.runner;
        let script = &mut runner.world.outbox().choices().script;
        script.clear();
        script.extend_from_slice(values);
        runner.pulse.step(runner.world.moment().step + 1);
        match (pick, ear) {
            (Pick::Place(choice), None) => runner.step_alone(choice),
            (Pick::Place(choice), ear) => runner.step_heard(choice, ear),
            (Pick::Late(worker), ear) => runner.step_late(Act::Fault(Fault::Crash(worker)), ear),
        }
        if runner.properties.watch_steps() {
            runner.properties.after_step(&runner.world.snapshot(), runner.world.moment());
        }
        self.note_violation();
    }

    #[inline]
    fn note_violation(&mut self) {
        let runner = &self.runner;
        if self.violation.is_none() && (runner.bank.has_failed() || runner.properties.violation().is_some()) {
            self.violation = runner.bank.violations().first().or(runner.properties.violation()).cloned();
        }
    }

    /// Whether the run has broken anything so far.
    pub(crate) const fn is_broken(&self) -> bool {
        self.violation.is_some()
    }

    /// Why there is nothing more to be done.
    pub(crate) fn rest(&self) -> EndReason {
        if self.runner.world.is_cut_by_horizon() { EndReason::Horizon } else { EndReason::Quiescent }
    }

    /// Ends a run; gives what it broke first.
    pub(crate) fn end(&mut self, reason: EndReason) -> Option<Violation> {
        let runner = &mut self.runner;
        runner.world.end(reason, &mut runner.end);
        if self.violation.is_none() {
            runner.bank.finish(&runner.end);
            runner.properties.at_end(&runner.world.snapshot(), reason, runner.world.moment());
            self.note_violation();
        }
        self.violation.take()
    }

    /// The timer that waits, if any does, as an error of a search that knows no timers.
    #[inline]
    pub(crate) fn refuse_timers(&self, search: &'static str) -> Result<(), Refusal> {
        if self.runner.world.timers.due().is_none() { Ok(()) } else { Err(self.timer(search)) }
    }

    #[cold]
    fn timer(&self, search: &'static str) -> Refusal {
        let waits = self.runner.world.workers.iter().find_map(|worker| Some((worker.id(), worker.timers().first()?)));
        let (worker, timer) = waits.expect("a timer waits");
        let (worker, tag) = (self.names().worker(worker).to_owned(), timer.tag.0);
        Refusal::Timer { search, worker, tag }
    }

    /// Who died in the run, if anybody did.
    pub(crate) fn who_died(&self) -> Option<WorkerId> {
        let died = self.runner.world.workers.iter().find(|worker| worker.is_crashed() || worker.life().0 > 0);
        died.map(raddle_core::Worker::id)
    }
}

impl Actions<'_> {
    /// The place of an event, if it can happen.
    #[inline]
    fn place_of<M: StateMachine>(&self, event: &Event<M>) -> Option<usize> {
        (0..self.len()).find(|at| self.is_event(*at, event))
    }

    /// Whether this action is that event.
    #[inline]
    pub(crate) fn is_event<M: StateMachine>(&self, at: usize, event: &Event<M>) -> bool {
        let slot = match (self.act(at), event.outcome) {
            (Act::Deliver(at), Outcome::Arrived)
            | (Act::Fault(Fault::Lose(at)), Outcome::Lost)
            | (Act::Fault(Fault::Duplicate(at)), Outcome::Copied) => self.ready[at].slot(),
            (Act::Fault(Fault::Crash(worker)), Outcome::Crashed) => return worker.index() as u32 == event.at,
            _ => return false,
        };
        self.card(slot).header.id.hash64() == event.key
    }

    /// Whether this may befall the message that arrives by an action instead.
    pub(crate) fn may_befall(&self, at: usize, fault: impl Fn(usize) -> Fault<usize>) -> bool {
        let Act::Deliver(ready) = self.act(at) else { return false };
        (self.usual()..self.len()).any(|at| self.act(at) == Act::Fault(fault(ready)))
    }

    /// Whether the run has lasted so long that no fault may come any more, and all that can happen is that they are over.
    #[inline]
    pub(crate) fn are_to_heal(&self) -> bool {
        self.listed.is_some_and(|acts| acts.first() == Some(&Act::Fault(Fault::Heal)))
    }
}

/// Whether a message counts against the capacity of its worker.
pub(crate) fn takes_room(card: &Card) -> bool {
    card.header.kind() == InputKind::Update
}

/// A run whose every step is known: for doing it again.
pub(crate) struct Again {
    steps: Vec<(u32, Vec<u32>)>,
    next: usize,
}

impl Again {
    /// These places of the canonical order, and what handlers chose there.
    pub(crate) const fn new(steps: Vec<(u32, Vec<u32>)>) -> Self {
        Self { steps, next: 0 }
    }
}

impl Strategy for Again {
    fn begin(&mut self, _: u64) {
        self.next = 0;
    }

    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        let place = self.steps.get(self.next).map_or(0, |step| step.0 as usize);
        self.next += 1;
        place.min(actions.len() - 1)
    }

    fn is_scripted(&self) -> bool {
        true
    }

    fn script(&mut self, values: &mut Vec<u32>) {
        values.clear();
        if let Some((_, chosen)) = self.steps.get(self.next - 1) {
            values.extend_from_slice(chosen);
        }
    }

    fn beyond(&self) -> raddle_core::Beyond {
        raddle_core::Beyond::First
    }
}
