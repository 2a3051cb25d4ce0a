//! What becomes of what a handler said: messages with their ids, numbers, depths and clocks, timers, events, refusals.
//!
//! [`Worker::handle`] comes here when the handler has returned; nothing here runs user code.

use crate::event::{DropReason, Sink, What};
use crate::header::{Header, Input, Outlet};
use crate::ids::{Depth, Incarnation, MessageId, OUTPUTS_MAX, Party, Root, Time, WorkerId};
use crate::machine::StateMachine;
use crate::outbox::{Command, Outbox};
use crate::policy::{Cycles, Policies};
use crate::rules::Rules;
use crate::sabotage::Sabotage;
use crate::voice::Voice;
use crate::worker::{Timer, Worker};

/// So many hops beyond the depth limit a chain ends, whatever depth its updates claim. Where depths do not grow a run has no
/// other end, and as each id is longer than the one before, what it leaves takes the square of its length. That the depth is
/// wrong shows at the second hop, so no search that judges it comes as far as this.
const HOPS_BEYOND: u32 = 1_000;

impl<M: StateMachine> Worker<M> {
    /// Foresees all that a handling sends.
    #[inline(never)]
    pub(crate) fn foresee(&mut self, cause: &Header, rules: &Rules, out: &Outbox<M::Update>, outputs: &impl Outlet<M>) {
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
        } else if depth_below(cause, policies).0 >= policies.max_depth || is_endless(cause, policies) {
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
    pub(crate) fn carry_out<S: Sink<M>>(
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
    pub(crate) fn send<S: Sink<M>>(
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

/// Whether the chain of this goes on although the depth limit should have ended it long ago: that of no sound core does.
#[inline(always)]
fn is_endless(cause: &Header, policies: &Policies) -> bool {
    cause.id.hops() >= policies.max_depth.saturating_add(HOPS_BEYOND)
}

/// How deep what is sent because of this stands.
#[inline(always)]
fn depth_below(cause: &Header, policies: &Policies) -> Depth {
    let deeper = cause.depth.0 + u32::from(policies.sabotage != Some(Sabotage::FreezeDepth));
    Depth(if cause.id.is_root() { 0 } else { deeper })
}
