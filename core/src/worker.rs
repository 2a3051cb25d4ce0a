//! One worker: a state machine, a clock, link numbers and timers; it handles one input at a time, atomically.
//!
//! [`Worker::handle`] is the only way in which user code runs, in every driver. It turns what the handler said into
//! messages with their ids, numbers, depths and clocks, and refuses what the policies refuse.

use std::borrow::Cow;
use std::sync::Arc;

use crate::barrier::{Barriers, Watermark};
use crate::clock::VectorClock;
use crate::commit::{Commit, Sent};
use crate::event::{Cause, DropReason, EventRef, Lane, Moment, Sink, What};
use crate::header::{Envelope, Header, Input, Outlet};
use crate::ids::{Depth, Incarnation, LinkNumber, MessageId, OUTPUTS_MAX, Party, Root, Time, WorkerId};
use crate::machine::{StateMachine, TimerTag};
use crate::names::Names;
use crate::outbox::{Command, Outbox};
use crate::panics;
use crate::plan::{Assign, Fork};
use crate::policy::{Cycles, Policies};
use crate::sabotage::Sabotage;

/// What every worker of a system goes by.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Who there is.
    pub names: Arc<Names>,
    /// The policies.
    pub policies: Policies,
    /// The declared edges, if edges are declared.
    pub edges: Option<Edges>,
    /// Whether updates carry barriers.
    pub barriers: bool,
    /// Whether each also carries what else its handling sends: where there are sessions.
    pub commits: bool,
    /// Whether these also say on which lives they rely.
    pub lives: bool,
}

impl Rules {
    /// Whether, after so many handled inputs in all, it is time to publish what is resolved and to prune barriers.
    #[must_use]
    #[inline(always)]
    pub const fn is_watermark_due(&self, handled: u64) -> bool {
        self.barriers && handled.is_multiple_of(self.policies.watermark)
    }
}

/// Declared edges: who may notify whom.
pub type Edges = std::collections::BTreeSet<(WorkerId, WorkerId)>;

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
    id: WorkerId,
    life: Incarnation,
    machine: M,
    /// Under `recovery = durable`: how to write the state down, and the state after the last input that was handled.
    durable: Option<Fork<M>>,
    snapshot: Option<M>,
    clock: VectorClock,
    barriers: Barriers,
    sent: Sent,
    /// What is being sent, where that is kept together.
    commit: Commit,
    timers: Vec<Timer>,
    timers_set: u32,
    waits: Vec<(WorkerId, Cow<'static, str>)>,
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
        if !(timers.is_empty() && other.timers.is_empty()) {
            timers.clone_from(&other.timers);
        }
        waits.clone_from(&other.waits);
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
        Voice { worker: self.id, life: self.life, moment, sink }.say(What::Crash(cause), &header, "");
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
        Voice { worker: self.id, life, moment, sink }.say(What::Restart, &header, "");
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

    /// Foresees all that a handling sends.
    #[inline(never)]
    fn foresee(&mut self, cause: &Header, rules: &Rules, out: &Outbox<M::Update>, outputs: &impl Outlet<M>) {
        self.commit.begin(&self.sent, &self.barriers);
        let mut commands = out.commands.iter().peekable();
        let mut unknown = 0;
        for (place, (to, _)) in out.sends.iter().enumerate() {
            while let Some((_, command)) = commands.next_if(|(before, _)| *before <= place) {
                unknown += usize::from(matches!(command, Command::NotifyUnknown(..)));
            }
            if self.refusal(cause, place + unknown, *to, rules).is_none() {
                self.commit.foresee(self.id, *to, rules.lives.then(|| outputs.life_of(*to)));
            }
        }
    }

    /// Why the `index`-th output of handling this is not to be sent there, if it is not.
    #[inline(always)]
    fn refusal(&self, cause: &Header, index: usize, to: WorkerId, rules: &Rules) -> Option<What> {
        let policies = &rules.policies;
        if index >= OUTPUTS_MAX {
            Some(What::Drop(DropReason::Outputs))
        } else if to.index() >= rules.names.worker_count() {
            Some(What::Drop(DropReason::UnknownWorker))
        } else if depth_below(cause, policies).0 >= policies.max_depth {
            Some(What::DepthRefused)
        } else if policies.cycles == Cycles::Break && (to == self.id || cause.visited.contains(&to)) {
            Some(What::CycleBroken)
        } else if rules.edges.as_ref().is_some_and(|edges| !edges.contains(&(self.id, to))) {
            Some(What::Drop(DropReason::Undeclared))
        } else {
            None
        }
    }

    /// Turns all that a handler said into messages, timers and events, where it said more than sends.
    #[inline(never)]
    fn carry_out<S: Sink<M>>(
        &mut self,
        cause: &Header,
        rules: &Rules,
        out: &mut Outbox<M::Update>,
        outputs: &mut impl Outlet<M>,
        mut voice: Voice<'_, S>,
    ) {
        let mut sends = out.sends.drain(..);
        let (mut sent, mut index) = (0, 0);
        for (before, command) in out.commands.drain(..) {
            for (to, update) in sends.by_ref().take(before - sent) {
                self.send(cause, index, to, update, rules, outputs, &mut voice);
                index += 1;
            }
            sent = before;
            if let Command::NotifyUnknown(name, update) = command {
                self.refuse_unknown(cause, index, &name, update, outputs, &mut voice);
                index += 1;
            } else {
                self.command(cause, rules, command, &mut voice);
            }
        }
        for (to, update) in sends {
            self.send(cause, index, to, update, rules, outputs, &mut voice);
            index += 1;
        }
    }

    fn refuse_unknown<S: Sink<M>>(
        &mut self,
        cause: &Header,
        index: usize,
        name: &str,
        update: M::Update,
        outputs: &mut impl Outlet<M>,
        voice: &mut Voice<'_, S>,
    ) {
        let header = outputs.draft();
        self.address(header, cause, index, WorkerId::UNKNOWN, voice.moment.time);
        header.depth = Depth::default();
        header.to_life = Incarnation::default();
        header.refuse();
        voice.emit(What::Drop(DropReason::UnknownWorker), header, name, &Input::Update(update));
    }

    fn command<S: Sink<M>>(
        &mut self,
        cause: &Header,
        rules: &Rules,
        command: Command<M::Update>,
        voice: &mut Voice<'_, S>,
    ) {
        match command {
            Command::NotifyUnknown(..) => {}
            Command::SetTimer(tag, after) => {
                let deadline = voice.moment.time.after(after);
                let id = MessageId::root(Root::Timer(self.id, self.life, self.timers_set), &rules.names);
                self.timers_set += 1;
                self.timers.push(Timer { deadline, id, tag });
                voice.say(What::SetTimer { tag, deadline }, cause, "");
            }
            Command::CancelTimer(tag) => {
                self.timers.retain(|timer| timer.tag != tag);
                voice.say(What::CancelTimer { tag }, cause, "");
            }
            Command::Mark(name) => voice.say(What::Mark, cause, &name),
            Command::Wait(on, what) => {
                voice.say(What::Wait { on }, cause, &what);
                self.waits.push((on, what));
            }
            Command::Waited(what) => {
                self.waits.retain(|wait| wait.1 != what);
                voice.say(What::Waited, cause, &what);
            }
            Command::Reply(answer) => voice.emit(What::Reply, cause, "", &Input::Update(answer)),
            Command::Read(text) => voice.say(What::Read, cause, &text),
            Command::Wrote(text) => voice.say(What::Wrote, cause, &text),
            Command::Cut(name) => voice.say(What::Cut, cause, &name),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one call site, on the hot path")]
    #[inline(always)]
    fn send<S: Sink<M>>(
        &mut self,
        cause: &Header,
        index: usize,
        to: WorkerId,
        update: M::Update,
        rules: &Rules,
        outputs: &mut impl Outlet<M>,
        voice: &mut Voice<'_, S>,
    ) {
        let policies = &rules.policies;
        let life = outputs.life_of(to);
        let header = outputs.draft();
        self.address(header, cause, index, to, voice.moment.time);
        header.to_life = life;
        header.depth = depth_below(cause, policies);
        if policies.cycles == Cycles::Break {
            header.visited.extend(cause.visited.iter().copied().chain([self.id]));
        }
        if let Some(why) = self.refusal(cause, index, to, rules) {
            header.refuse();
            return voice.emit(why, header, "", &Input::Update(update));
        }
        self.clock.tick(self.id);
        header.clock.copy_from(&self.clock);
        header.number = self.sent.next(to);
        if rules.barriers {
            match rules.commits {
                true => self.commit.stamp(header, &self.barriers),
                false => header.barriers.copy_from(&self.barriers),
            }
            self.barriers.sent(self.id, to, header.number);
        }
        if rules.lives {
            self.barriers.rely(to, life);
        }
        let (header, input) = outputs.send(Input::Update(update));
        voice.emit(What::Emit, header, "", input);
    }

    /// Writes the header of an output as far as it is the same whether it is sent or refused.
    #[inline(always)]
    fn address(&self, header: &mut Header, cause: &Header, index: usize, to: WorkerId, now: Time) {
        header.id.become_output(&cause.id, u16::try_from(index).unwrap_or(u16::MAX));
        header.from = Party::Worker(self.id);
        header.to = to;
        header.life = self.life;
        header.sent_at = now;
        header.visited.clear();
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

/// How deep what is sent because of this stands.
#[inline(always)]
fn depth_below(cause: &Header, policies: &Policies) -> Depth {
    let deeper = cause.depth.0 + u32::from(policies.sabotage != Some(Sabotage::FreezeDepth));
    Depth(if cause.id.is_root() { 0 } else { deeper })
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

/// Reports what happens at one worker at one moment.
pub(crate) struct Voice<'a, S> {
    worker: WorkerId,
    life: Incarnation,
    moment: Moment,
    sink: &'a mut S,
}

impl<'a, S> Voice<'a, S> {
    #[inline(always)]
    pub(crate) fn new<M>(worker: &Worker<M>, moment: Moment, sink: &'a mut S) -> Self {
        Self { worker: worker.id, life: worker.life, moment, sink }
    }

    #[inline(always)]
    fn event<'e>(&self, lane: Lane, what: What, header: &'e Header, text: &'e str) -> EventRef<'e> {
        EventRef { moment: self.moment, lane, life: self.life, what, header, text }
    }

    #[inline(always)]
    pub(crate) fn say<M: StateMachine>(&mut self, what: What, header: &Header, text: &str)
    where
        S: Sink<M>,
    {
        let event = self.event(Lane::Worker(self.worker), what, header, text);
        self.sink.event(event, None);
    }

    pub(crate) fn say_at<M: StateMachine>(&mut self, lane: Lane, what: What, header: &Header)
    where
        S: Sink<M>,
    {
        self.sink.event(self.event(lane, what, header, ""), None);
    }

    #[inline(always)]
    fn emit<M: StateMachine>(&mut self, what: What, header: &Header, text: &str, input: &Input<M>)
    where
        S: Sink<M>,
    {
        let event = self.event(Lane::Worker(self.worker), what, header, text);
        self.sink.event(event, Some(input));
    }
}
