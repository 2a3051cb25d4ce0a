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
use crate::header::{Envelope, Input, InputKind, Outlet};
use crate::ids::{LinkNumber, Party, Time, WorkerId};
use crate::machine::StateMachine;
use crate::outbox::{Command, Outbox};
use crate::panics;
use crate::plan::Plan;
use crate::sabotage::Sabotage;
use crate::worker::{Handled, Rules, Voice, Worker, react};

/// An input on its way to a handler: all that this may know of it.
#[derive(Serialize, Deserialize)]
#[serde(bound(
    serialize = "M::Message: Serialize, M::Update: Serialize",
    deserialize = "M::Message: DeserializeOwned, M::Update: DeserializeOwned"
))]
pub struct Errand<M: StateMachine> {
    from: Party,
    /// The hash of the id of the input, by which draws are keyed.
    key: u64,
    now: Time,
    input: Input<M>,
}

impl<M: StateMachine> Clone for Errand<M> {
    fn clone(&self) -> Self {
        Self { from: self.from, key: self.key, now: self.now, input: self.input.clone() }
    }
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
    pub fn handle(&mut self, errand: Errand<M>) -> Said<M::Update> {
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
    /// [`Worker::handle`] where the handler runs elsewhere: `send` sends an errand there and waits for the answer; none if
    /// there will be none, because whoever was to give it is gone. Then the worker is dead, and the input is dropped.
    #[expect(clippy::too_many_arguments, reason = "what `handle` takes, and the way there")]
    pub fn handle_away<S: Sink<M>>(
        &mut self,
        envelope: Envelope<M>,
        rules: &Rules,
        moment: Moment,
        out: &mut Outbox<M::Update>,
        outputs: &mut impl Outlet<M>,
        sink: &mut S,
        mut send: impl FnMut(Errand<M>) -> Option<Answer<M>>,
    ) -> Handled {
        if rules.policies.sabotage == Some(Sabotage::HandleTwice) && envelope.header.number == LinkNumber(1) {
            let twin = Envelope { header: envelope.header.clone(), input: envelope.input.clone() };
            // Both are handled or neither: a death is between two inputs, or in the place of one.
            let mut second = None;
            let mut send_twice = |errand: Errand<M>| {
                let (first, again) = (send(errand.clone())?, send(errand)?);
                second = Some(again);
                Some(first)
            };
            let _ = self.handle_away_once(twin, rules, moment, out, outputs, sink, &mut send_twice);
            return self.handle_away_once(envelope, rules, moment, out, outputs, sink, &mut |_| second.take());
        }
        self.handle_away_once(envelope, rules, moment, out, outputs, sink, &mut send)
    }

    #[expect(clippy::too_many_arguments, reason = "what `handle_away` takes")]
    fn handle_away_once<S: Sink<M>>(
        &mut self,
        envelope: Envelope<M>,
        rules: &Rules,
        moment: Moment,
        out: &mut Outbox<M::Update>,
        outputs: &mut impl Outlet<M>,
        sink: &mut S,
        send: &mut impl FnMut(Errand<M>) -> Option<Answer<M>>,
    ) -> Handled {
        let Envelope { header, input } = envelope;
        let mut voice = Voice::new(self, moment, sink);
        if let Some((why, handled)) = self.turns_away(&header, rules) {
            voice.say_at(Lane::Inbox(self.id()), What::Drop(why), &header);
            return handled;
        }
        let errand = Errand { from: header.from, key: header.id.hash64(), now: moment.time, input };
        let Some(Answer { said, state }) = send(errand) else {
            // What comes from others is gone with a reason; a start or a timer goes with its life.
            if matches!(header.kind(), InputKind::External | InputKind::Update) {
                voice.say_at(Lane::Inbox(self.id()), What::Drop(DropReason::Crash), &header);
            }
            self.crash(Cause::Killed, rules, moment, sink);
            return Handled::Crashed;
        };
        self.learn(&header, rules);
        voice.say(What::Handle, &header, "");
        out.begin(&header, moment.time);
        let Said { sends, commands, choices, panic } = said;
        (out.sends, out.commands, out.choices.made) = (sends, commands, choices);
        if let Some(state) = state {
            self.come_home(state);
        }
        self.conclude(&header, rules, panic.map_or(Ok(()), Err), out, outputs, voice)
    }
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
