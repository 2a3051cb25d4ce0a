//! One worker: a state machine, a clock, link numbers and timers; it handles one input at a time, atomically.
//!
//! [`Worker::handle`] is the only way in which user code runs, in every driver. What becomes of what the handler said
//! stands in `sending.rs`.

use std::borrow::Cow;

use crate::barrier::{Barriers, Watermark};
use crate::clock::VectorClock;
use crate::commit::{Commit, Sent};
use crate::event::{Cause, DropReason, Lane, Moment, Sink, What};
use crate::header::{Envelope, Header, Input, Outlet};
use crate::hooks::{Assign, Fork};
use crate::ids::{Incarnation, LinkNumber, MessageId, Party, Root, Time, WorkerId};
use crate::lists::copy_list;
use crate::machine::{StateMachine, TimerTag};
use crate::names::Names;
use crate::outbox::Outbox;
use crate::panics;
use crate::rules::Rules;
use crate::sabotage::Sabotage;
use crate::voice::Voice;

/// A timer that was set and has not fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// When it is due.
    pub deadline: Time,
    /// The id of the input that its firing will be.
    pub id: MessageId,
    /// What the worker calls it.
    pub tag: TimerTag,
}

/// One worker in one of its lives.
#[derive(Clone)]
pub struct Worker<M> {
    pub(crate) id: WorkerId,
    pub(crate) life: Incarnation,
    machine: M,
    /// Under `recovery = durable`: how to write the state down, and the state after the last input that was handled.
    durable: Option<Fork<M>>,
    snapshot: Option<M>,
    pub(crate) clock: VectorClock,
    pub(crate) barriers: Barriers,
    pub(crate) sent: Sent,
    /// What is being sent, where that is kept together.
    pub(crate) commit: Commit,
    pub(crate) timers: Vec<Timer>,
    pub(crate) timers_set: u32,
    pub(crate) waits: Vec<(WorkerId, Cow<'static, str>)>,
    crashed: bool,
}

impl<M: std::fmt::Debug> std::fmt::Debug for Worker<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, life, machine, clock, timers, waits, crashed, .. } = self;
        f.debug_struct("Worker")
            .field("id", id)
            .field("life", life)
            .field("machine", machine)
            .field("clock", clock)
            .field("timers", timers)
            .field("waits", waits)
            .field("crashed", crashed)
            .finish_non_exhaustive()
    }
}

/// Whether a worker is well after handling an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Handled {
    /// It is.
    Done,
    /// The handler panicked, or its process died; the worker is dead, and has said nothing.
    Crashed,
    /// The worker was dead already; the input is dropped.
    Dead,
    /// No honest worker sends that; it is dropped.
    Refused,
}

impl<M: StateMachine> Worker<M> {
    /// A worker in its first life, whose state is written down by `durable`, if at all.
    #[must_use]
    pub fn new(id: WorkerId, machine: M, durable: Option<Fork<M>>) -> Self {
        Self {
            id,
            life: Incarnation(0),
            machine,
            durable,
            snapshot: None,
            clock: VectorClock::new(),
            barriers: Barriers::default(),
            sent: Sent::default(),
            commit: Commit::default(),
            timers: Vec::new(),
            timers_set: 0,
            waits: Vec::new(),
            crashed: false,
        }
    }

    /// As new, with this machine, keeping its memory.
    pub fn reset(&mut self, machine: M) {
        self.life = Incarnation(0);
        self.machine = machine;
        self.snapshot = None;
        self.forget_sends();
        self.forget_waiting();
        self.crashed = false;
    }

    /// Becomes equal to `other`, the same worker at another time, keeping its own memory. `assign` does so for machines.
    pub fn copy_from(&mut self, other: &Self, assign: &Assign<M>) {
        let Self {
            id: _,
            life,
            machine,
            durable: _,
            snapshot,
            clock,
            barriers,
            sent,
            // Between two inputs nothing is foreseen.
            commit: _,
            timers,
            timers_set,
            waits,
            crashed,
        } = self;
        (*life, *timers_set, *crashed) = (other.life, other.timers_set, other.crashed);
        assign(machine, &other.machine);
        match (snapshot, &other.snapshot) {
            (Some(mine), Some(theirs)) => assign(mine, theirs),
            (mine, Some(_)) => *mine = other.durable.as_ref().zip(other.snapshot.as_ref()).map(|(fork, it)| fork(it)),
            (mine, None) => *mine = None,
        }
        clock.copy_from(&other.clock);
        barriers.copy_from(&other.barriers);
        sent.copy_from(&other.sent);
        copy_list(timers, &other.timers);
        copy_list(waits, &other.waits);
    }

    fn forget_sends(&mut self) {
        self.clock.clear();
        self.barriers.clear();
        self.sent.clear();
    }

    fn forget_waiting(&mut self) {
        self.timers.clear();
        self.timers_set = 0;
        self.waits.clear();
    }

    /// Ends this life, between two inputs.
    pub fn crash<S: Sink<M>>(&mut self, cause: Cause, rules: &Rules, moment: Moment, sink: &mut S) {
        let header = start_header(self.id, self.life, &rules.names);
        self.crashed = true;
        Voice::new(self, moment, sink).say(What::Crash(cause), &header, "");
    }

    /// Begins the next life, which has handled nothing yet: not even its start. `make` makes a new machine, for one who
    /// has no other. What a life has of the one before, see `lives.rs`.
    pub fn restart<S: Sink<M>>(
        &mut self,
        life: Incarnation,
        make: impl FnOnce() -> M,
        rules: &Rules,
        moment: Moment,
        sink: &mut S,
    ) {
        debug_assert!(
            self.crashed && life.0 == self.life.0 + 1,
            "one life after the other, numbered by the coordinator"
        );
        self.life = life;
        self.machine = self.after_death(make);
        self.barriers.rely_on_nobody();
        self.forget_waiting();
        if rules.policies.sabotage == Some(Sabotage::ResetClocks) {
            self.forget_sends();
        }
        self.crashed = false;
        let header = start_header(self.id, life, &rules.names);
        Voice::new(self, moment, sink).say(What::Restart, &header, "");
    }

    /// Its process has died, and the state in it is gone: what is left of that is what a next life would begin with.
    pub fn lose_state(&mut self, make: impl FnOnce() -> M) {
        self.machine = self.after_death(make);
    }

    /// What there is of the machine after a death. What is written down stays so until an input is handled: a life may end
    /// before it has handled any.
    fn after_death(&self, make: impl FnOnce() -> M) -> M {
        match (&self.durable, &self.snapshot) {
            (Some(copy), Some(written)) => copy(written),
            _ => make(),
        }
    }

    /// Runs `on_start` of a machine that is known to say nothing then; it is no event.
    pub fn start_silently(&mut self, header: &Header, out: &mut Outbox<M::Update>) {
        out.begin(header, Time::default());
        if panics::catch(|| self.machine.on_start(out)).is_err() {
            self.crashed = true;
        }
        debug_assert!(out.is_silent(), "a start that was silent once is always silent");
        out.clear();
    }

    /// Handles one input: runs the handler, and puts what it sent into `outputs`, in program order.
    #[inline]
    pub fn handle<S: Sink<M>>(
        &mut self,
        envelope: Envelope<M>,
        rules: &Rules,
        moment: Moment,
        out: &mut Outbox<M::Update>,
        outputs: &mut impl Outlet<M>,
        sink: &mut S,
    ) -> Handled {
        self.handle_parts(&envelope.header, &mut Some(envelope.input), rules, moment, out, outputs, sink)
    }

    /// [`Worker::handle`] for a driver that keeps headers and inputs apart. It takes the input, which must be there,
    /// straight from where it is to where the handler wants it.
    #[expect(clippy::too_many_arguments, reason = "what `handle` takes, with the envelope in two")]
    #[inline(always)]
    pub fn handle_parts<S: Sink<M>>(
        &mut self,
        header: &Header,
        input: &mut Option<Input<M>>,
        rules: &Rules,
        moment: Moment,
        out: &mut Outbox<M::Update>,
        outputs: &mut impl Outlet<M>,
        sink: &mut S,
    ) -> Handled {
        if rules.policies.sabotage == Some(Sabotage::HandleTwice) && header.number == LinkNumber(1) {
            let first = self.handle_first(header, &mut input.clone(), rules, moment, out, outputs, sink);
            if first == Handled::Crashed {
                *input = None;
                return first;
            }
        }
        self.handle_once(header, input, rules, moment, out, outputs, sink)
    }

    /// The first time of two ([`Sabotage::HandleTwice`]): out of the way of the inlined second.
    #[expect(clippy::too_many_arguments, reason = "what `handle_parts` takes")]
    #[cold]
    fn handle_first<S: Sink<M>>(
        &mut self,
        header: &Header,
        input: &mut Option<Input<M>>,
        rules: &Rules,
        moment: Moment,
        out: &mut Outbox<M::Update>,
        outputs: &mut impl Outlet<M>,
        sink: &mut S,
    ) -> Handled {
        self.handle_once(header, input, rules, moment, out, outputs, sink)
    }

    #[expect(clippy::too_many_arguments, reason = "what `handle_parts` takes")]
    #[inline(always)]
    fn handle_once<S: Sink<M>>(
        &mut self,
        header: &Header,
        input: &mut Option<Input<M>>,
        rules: &Rules,
        moment: Moment,
        out: &mut Outbox<M::Update>,
        outputs: &mut impl Outlet<M>,
        sink: &mut S,
    ) -> Handled {
        let mut voice = Voice::new(self, moment, sink);
        if let Some((why, handled)) = self.turns_away(header, rules) {
            *input = None;
            voice.say_at(Lane::Inbox(self.id), What::Drop(why), header);
            return handled;
        }
        self.learn(header, rules);
        voice.say(What::Handle, header, "");
        out.begin(header, moment.time);
        let machine = &mut self.machine;
        let result = panics::catch(|| react(machine, input.take(), out));
        self.conclude(header, rules, result, out, outputs, voice)
    }

    /// Why an input is not to be handled at all, if it is not.
    #[inline(always)]
    pub(crate) fn turns_away(&self, header: &Header, rules: &Rules) -> Option<(DropReason, Handled)> {
        if self.crashed {
            Some((DropReason::Crash, Handled::Dead))
        } else if self.is_forged(header, rules) {
            Some((DropReason::Forged, Handled::Refused))
        } else {
            None
        }
    }

    /// Learns from the header of what is handled.
    #[inline(always)]
    pub(crate) fn learn(&mut self, header: &Header, rules: &Rules) {
        if rules.policies.sabotage != Some(Sabotage::ForgetClocks) {
            self.clock.merge(&header.clock);
        }
        if rules.barriers {
            self.barriers.learn(&header.barriers, self.id);
        }
        if rules.lives {
            self.barriers.rely(self.id, self.life);
        }
    }

    /// Makes messages and events of what the handler has said.
    #[inline(always)]
    pub(crate) fn conclude<S: Sink<M>>(
        &mut self,
        header: &Header,
        rules: &Rules,
        result: Result<(), String>,
        out: &mut Outbox<M::Update>,
        outputs: &mut impl Outlet<M>,
        mut voice: Voice<'_, S>,
    ) -> Handled {
        for &(options, value) in &out.choices.made {
            voice.say(What::Choose { options, value }, header, "");
        }
        if let Err(text) = result {
            out.clear();
            self.crashed = true;
            voice.say(What::Crash(Cause::Panic), header, &text);
            return Handled::Crashed;
        }
        if rules.commits && !out.sends.is_empty() {
            self.foresee(header, rules, out, outputs);
        }
        if out.commands.is_empty() {
            for (index, (to, update)) in out.sends.drain(..).enumerate() {
                self.send(header, index, to, update, rules, outputs, &mut voice);
            }
        } else {
            self.carry_out(header, rules, out, outputs, voice);
        }
        if let Some(write_down) = &self.durable {
            self.snapshot = Some(write_down(&self.machine));
        }
        Handled::Done
    }

    /// Whether an input claims what cannot be: that its sender knew of sends which this worker never made, or of workers
    /// that do not exist. What else a broken or hostile peer may claim is refused by the inbox: a depth beyond the limit, a
    /// number that is none or far ahead, a life that is not.
    #[inline(always)]
    fn is_forged(&self, header: &Header, rules: &Rules) -> bool {
        let workers = rules.names.worker_count();
        header.clock.get(self.id) > self.clock.get(self.id)
            || header.clock.reaches_beyond(workers)
            || header.from.worker().is_some_and(|from| from.index() >= workers)
    }
}

impl<M> Worker<M> {
    /// Which worker.
    #[must_use]
    pub const fn id(&self) -> WorkerId {
        self.id
    }

    /// Which of its lives.
    #[must_use]
    pub const fn life(&self) -> Incarnation {
        self.life
    }

    /// The state machine.
    #[must_use]
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    /// Its machine was elsewhere, and this is what it is there.
    pub fn come_home(&mut self, machine: M) {
        self.machine = machine;
    }

    /// What it knows of everybody's sends.
    #[must_use]
    pub const fn clock(&self) -> &VectorClock {
        &self.clock
    }

    /// Whether it is dead.
    #[must_use]
    pub const fn is_crashed(&self) -> bool {
        self.crashed
    }

    /// Whether its state is written down, for its next life (`recovery = durable`).
    #[must_use]
    pub const fn has_written(&self) -> bool {
        self.snapshot.is_some()
    }

    /// What it needs of others: of whom, and under which name.
    #[must_use]
    pub fn waits(&self) -> &[(WorkerId, Cow<'static, str>)] {
        &self.waits
    }

    /// The timers that have not fired, in the order in which they were set; none at a dead worker.
    #[must_use]
    pub fn timers(&self) -> &[Timer] {
        if self.crashed { &[] } else { &self.timers }
    }

    /// What it knows to be on its way to whom, where barriers are needed.
    #[must_use]
    pub const fn barriers(&self) -> &Barriers {
        &self.barriers
    }

    /// Forgets the barriers that are resolved.
    pub fn prune(&mut self, watermark: &Watermark) {
        self.barriers.prune(watermark);
    }

    /// Takes a timer out to fire it: the input to hand to [`Worker::handle`].
    pub fn fire(&mut self, id: &MessageId) -> Option<Envelope<M>>
    where
        M: StateMachine,
    {
        let at = self.timers.iter().position(|timer| timer.id == *id)?;
        let timer = self.timers.remove(at);
        let header = Header::of_root(timer.id, Party::Worker(self.id), self.id, self.life, timer.deadline);
        Some(Envelope { header, input: Input::Timer(timer.tag) })
    }
}

/// The header of the start of a life, which also stands for that life where no message does.
pub(crate) fn start_header(worker: WorkerId, life: Incarnation, names: &Names) -> Header {
    let id = MessageId::root(Root::Start(worker, life), names);
    Header::of_root(id, Party::Worker(worker), worker, life, Time::default())
}

/// Runs the handler of an input.
#[inline(always)]
pub(crate) fn react<M: StateMachine>(machine: &mut M, input: Option<Input<M>>, out: &mut Outbox<M::Update>) {
    match input {
        Some(Input::Start) => machine.on_start(out),
        Some(Input::Message(message)) => machine.on_message(message, out),
        Some(Input::Update(update)) => machine.on_update(update, out),
        Some(Input::Timer(tag)) => machine.on_timer(tag, out),
        Some(Input::Query(query)) => machine.on_query(query, out),
        None => {}
    }
}
