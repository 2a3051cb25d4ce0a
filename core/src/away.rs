//! A handling away from its worker: what goes to where the machine is, and what comes back.
//!
//! Where machines run in processes of their own, a worker's clock, numbers, barriers and timers stay with whoever holds
//! its inbox. Only the handler runs elsewhere: it is sent an [`Errand`], and all that it said comes back at once as an
//! [`Answer`]. What becomes of that is decided by the same code as everywhere ([`Worker::handle_away`]).
//!
//! A handling exists exactly if its answer came back. If it did not, nobody knows whether the handler ran, and nobody
//! need: it has told no one. The worker is dead then, and the input is dropped.
//!
//! What comes back may come from a broken or hostile peer: it is believed no more than a handler is
//! ([`Said::is_sound`]), and a handler can say nothing that the core does not check.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::event::{Cause, DropReason, Lane, Moment, Sink, What};
use crate::header::{Envelope, Header, Input, InputKind, Outlet};
use crate::ids::{LinkNumber, Party, Time, WorkerId};
use crate::machine::StateMachine;
use crate::outbox::{Command, Outbox};
use crate::panics;
use crate::plan::Plan;
use crate::rules::Rules;
use crate::sabotage::Sabotage;
use crate::voice::Voice;
use crate::worker::{Handled, Worker, react};

/// An input on its way to a handler: all that this may know of it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Errand<I> {
    from: Party,
    /// The hash of the id of the input, by which draws are keyed.
    key: u64,
    now: Time,
    input: I,
}

/// What a handler said, and whether it panicked.
#[derive(Debug, Serialize, Deserialize)]
pub struct Said<U> {
    sends: Vec<(WorkerId, U)>,
    commands: Vec<(usize, Command<U>)>,
    choices: Vec<(u32, u32)>,
    panic: Option<String>,
}

/// What comes back.
#[derive(Serialize, Deserialize)]
pub struct Answer<M: StateMachine> {
    /// What the handler said.
    #[serde(bound(serialize = "M::Update: Serialize", deserialize = "M::Update: DeserializeOwned"))]
    pub said: Said<M::Update>,
    /// The state of the machine after it, if it was asked for.
    pub state: Option<M>,
}

impl<U> Said<U> {
    /// Whether the handler panicked, after which this machine handles nothing.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.panic.is_some()
    }

    /// Whether a handler can have said this at all.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let places = self.commands.iter().map(|(before, _)| *before).chain([self.sends.len()]);
        places.is_sorted() && self.choices.iter().all(|(options, value)| *options > 1 && value < options)
    }
}

/// A machine away from its worker.
pub struct Away<M: StateMachine> {
    me: WorkerId,
    machine: M,
    out: Outbox<M::Update>,
}

impl<M: StateMachine> Away<M> {
    /// The machine of a worker in a new life, with this state, or as it is made.
    #[must_use]
    pub fn new(plan: &Plan<M>, worker: WorkerId, seed: u64, state: Option<M>) -> Self {
        panics::install();
        Self { me: worker, machine: state.unwrap_or_else(|| plan.machine(worker)), out: plan.outbox(seed) }
    }

    /// The state of the machine.
    #[must_use]
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    /// Runs `on_start` of a machine that is known to say nothing then.
    pub fn start_silently(&mut self, plan: &Plan<M>, life: crate::Incarnation) {
        self.out.begin(&plan.start(self.me, life).header, Time::default());
        let _ = panics::catch(|| self.machine.on_start(&mut self.out));
        self.out.clear();
    }

    /// Runs the handler of an input.
    pub fn handle(&mut self, errand: Errand<Input<M>>) -> Said<M::Update> {
        let Self { me, machine, out } = self;
        let Errand { from, key, now, input } = errand;
        out.begin_as(*me, from, key, now);
        let panic = panics::catch(|| react(machine, Some(input), out)).err();
        if panic.is_some() {
            out.clear();
        }
        Said {
            sends: std::mem::take(&mut out.sends),
            commands: std::mem::take(&mut out.commands),
            choices: std::mem::take(&mut out.choices.made),
            panic,
        }
    }
}

impl<M: StateMachine> Worker<M> {
    /// Sends an input to where the handler runs, unless it will not be handled at all. Several may be sent before the first
    /// is handled ([`Worker::handle_away`]), at the same moment and in the same order. Whether it was sent.
    pub fn send_away(
        &self,
        envelope: &Envelope<M>,
        rules: &Rules,
        moment: Moment,
        mut send: impl FnMut(Errand<&Input<M>>),
    ) -> bool {
        let Envelope { header, input } = envelope;
        let is_welcome = self.turns_away(header, rules).is_none();
        if is_welcome {
            let errand = Errand { from: header.from, key: header.id.hash64(), now: moment.time, input };
            (0..times(header, rules)).for_each(|_| send(errand));
        }
        is_welcome
    }

    /// [`Worker::handle`] where the handler runs elsewhere: `receive` waits for the answer; none if there will be none,
    /// because whoever was to give it is gone. Then the worker is dead, and the input is dropped. So is one that was not sent.
    #[expect(clippy::too_many_arguments, reason = "what `handle` takes, and the way back")]
    pub fn handle_away<S: Sink<M>>(
        &mut self,
        header: &Header,
        rules: &Rules,
        moment: Moment,
        out: &mut Outbox<M::Update>,
        outputs: &mut impl Outlet<M>,
        sink: &mut S,
        is_sent: bool,
        mut receive: impl FnMut() -> Option<Answer<M>>,
    ) -> Handled {
        if let Some((why, handled)) = self.turns_away(header, rules).or((!is_sent).then_some(FORGED)) {
            Voice::new(self, moment, sink).say_at(Lane::Inbox(self.id()), What::Drop(why), header);
            return handled;
        }
        let first = receive();
        // Behind a panic nothing is handled.
        let goes_on = first.as_ref().is_some_and(|first| !first.said.is_last());
        let second = (goes_on && times(header, rules) > 1).then(receive);
        match (first, second) {
            (Some(first), Some(Some(second))) => {
                let _ = self.handle_answer(header, Some(first), rules, moment, out, outputs, sink);
                self.handle_answer(header, Some(second), rules, moment, out, outputs, sink)
            }
            (answer, None) => self.handle_answer(header, answer, rules, moment, out, outputs, sink),
            // Both are handled or neither: a death is between two inputs, or in the place of one.
            (_, Some(_)) => self.handle_answer(header, None, rules, moment, out, outputs, sink),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what `handle_away` takes")]
    fn handle_answer<S: Sink<M>>(
        &mut self,
        header: &Header,
        answer: Option<Answer<M>>,
        rules: &Rules,
        moment: Moment,
        out: &mut Outbox<M::Update>,
        outputs: &mut impl Outlet<M>,
        sink: &mut S,
    ) -> Handled {
        let mut voice = Voice::new(self, moment, sink);
        if let Some((why, handled)) = self.turns_away(header, rules) {
            voice.say_at(Lane::Inbox(self.id()), What::Drop(why), header);
            return handled;
        }
        let Some(Answer { said, state }) = answer else {
            // What comes from others is gone with a reason; a start or a timer goes with its life.
            if matches!(header.kind(), InputKind::External | InputKind::Update) {
                voice.say_at(Lane::Inbox(self.id()), What::Drop(DropReason::Crash), header);
            }
            self.crash(Cause::Killed, rules, moment, sink);
            return Handled::Crashed;
        };
        self.learn(header, rules);
        voice.say(What::Handle, header, "");
        out.begin(header, moment.time);
        let Said { sends, commands, choices, panic } = said;
        (out.sends, out.commands, out.choices.made) = (sends, commands, choices);
        if let Some(state) = state {
            self.come_home(state);
        }
        self.conclude(header, rules, panic.map_or(Ok(()), Err), out, outputs, voice)
    }
}

/// What knew of sends that its target had not made when it came.
const FORGED: (DropReason, Handled) = (DropReason::Forged, Handled::Refused);

/// How often an input is handled: once, unless a rule is broken on purpose.
fn times(header: &Header, rules: &Rules) -> u32 {
    let twice = rules.policies.sabotage == Some(Sabotage::HandleTwice) && header.number == LinkNumber(1);
    if twice { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(sends: usize, befores: &[usize], choices: &[(u32, u32)]) -> Said<u8> {
        Said {
            sends: (0..sends).map(|_| (WorkerId::new(0), 0)).collect(),
            commands: befores.iter().map(|before| (*before, Command::Mark("here".into()))).collect(),
            choices: choices.to_vec(),
            panic: None,
        }
    }

    #[test]
    fn what_no_handler_can_say_is_told_from_what_it_can() {
        assert!(said(2, &[0, 1, 1, 2], &[(2, 1), (7, 0)]).is_sound());
        assert!(!said(2, &[1, 0], &[]).is_sound(), "places do not go back");
        assert!(!said(2, &[3], &[]).is_sound(), "there is no third");
        assert!(!said(0, &[], &[(2, 2)]).is_sound(), "that was no option");
        assert!(!said(0, &[], &[(1, 0)]).is_sound(), "that was no choice");
    }
}
