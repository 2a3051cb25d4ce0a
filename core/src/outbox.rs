//! The outbox: the only way in which a state machine speaks, and all that it may know of its surroundings.
//!
//! A handler fills it; when the handler has returned, the worker turns each command into messages and events. A
//! handler that panics has said nothing.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::header::Header;
use crate::ids::{Party, Time, WorkerId};
use crate::machine::TimerTag;
use crate::names::Names;
use crate::random;
use crate::subscriptions::Subscriptions;

/// What a handler has to say, and what it may ask.
#[derive(Debug)]
pub struct Outbox<U> {
    /// What is to be sent, in order.
    pub(crate) sends: Vec<(WorkerId, U)>,
    /// All else, each with the number of sends before it.
    pub(crate) commands: Vec<(usize, Command<U>)>,
    pub(crate) choices: Choices,
    pub(crate) names: Arc<Names>,
    pub(crate) subscriptions: Arc<Subscriptions>,
    pub(crate) seed: u64,
    me: WorkerId,
    from: Party,
    /// The hash of the id of what is handled.
    input: u64,
    now: Time,
    rng: Option<ChaCha8Rng>,
    asked: bool,
}

/// One thing a handler said that is no send. Names are `'static` but where they come from another process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Command<U> {
    NotifyUnknown(Box<str>, U),
    SetTimer(TimerTag, Duration),
    CancelTimer(TimerTag),
    Mark(Cow<'static, str>),
    Wait(WorkerId, Cow<'static, str>),
    Waited(Cow<'static, str>),
    Reply(U),
    Read(Box<str>),
    Wrote(Box<str>),
    Cut(Box<str>),
}

/// Where the values of `choose` come from, and which were taken.
#[derive(Debug, Default)]
pub struct Choices {
    /// Values for the next choices of this handling, first come first served; each is taken modulo the options.
    pub script: Vec<u32>,
    /// What is taken when the script has ended.
    pub beyond: Beyond,
    /// What this handling chose: (options, value).
    pub made: Vec<(u32, u32)>,
}

/// How `choose` goes on when its script has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Beyond {
    /// Always the first option.
    First,
    /// Sampled from the substream of (seed, input).
    #[default]
    Sampled,
}

impl<U> Outbox<U> {
    /// An empty outbox for the workers of one driver.
    #[must_use]
    pub fn new(names: Arc<Names>, subscriptions: Arc<Subscriptions>, seed: u64) -> Self {
        Self {
            sends: Vec::new(),
            commands: Vec::new(),
            choices: Choices::default(),
            names,
            subscriptions,
            seed,
            me: WorkerId::default(),
            from: Party::Worker(WorkerId::default()),
            input: 0,
            now: Time::default(),
            rng: None,
            asked: false,
        }
    }

    /// Sends an update to one worker or several: one copy, id and number for each.
    ///
    /// A target is a [`WorkerId`], a name, or a list of either. An unknown name is a drop with a reason, not a
    /// panic.
    pub fn notify(&mut self, targets: impl Targets, update: U)
    where
        U: Clone,
    {
        targets.each(self, update);
    }

    /// Sends an update to all workers that the system's subscription table lists under `topic`.
    pub fn publish(&mut self, topic: &str, update: U)
    where
        U: Clone,
    {
        let table = Arc::clone(&self.subscriptions);
        table.targets(topic).notify_all(self, update);
    }

    /// Asks for [`on_timer`](crate::StateMachine::on_timer) with this tag, `after` from now.
    ///
    /// A timer begins a new chain, so a loop of timers is not ended by the depth limit.
    pub fn set_timer(&mut self, tag: TimerTag, after: Duration) {
        self.command(Command::SetTimer(tag, after));
    }

    /// Takes back all timers of this worker with this tag.
    pub fn cancel_timer(&mut self, tag: TimerTag) {
        self.command(Command::CancelTimer(tag));
    }

    /// Says that something worth reaching was reached; reports count it.
    pub fn mark(&mut self, name: &'static str) {
        self.command(Command::Mark(name.into()));
    }

    /// Says that this worker cannot do its work until `on` has sent something, under a name. Still waiting when
    /// the run is over is a deadlock. A name that no worker has is waited for in vain.
    pub fn wait(&mut self, on: impl Targets, what: &'static str) {
        on.each_id(self, &mut |out, worker| out.command(Command::Wait(worker, what.into())));
    }

    /// Says that what was waited for under this name has come.
    pub fn waited(&mut self, what: &'static str) {
        self.command(Command::Waited(what.into()));
    }

    /// Answers the session whose query or message is handled.
    pub fn reply(&mut self, answer: U) {
        self.command(Command::Reply(answer));
    }

    /// Says that a key was seen to have this value, or none that anybody wrote: part of the history that the law
    /// `causal-consistency` judges. A key has no `=` in it.
    pub fn read(&mut self, key: impl Display, value: Option<impl Display>) {
        let text = value.map_or_else(|| key.to_string(), |value| format!("{key}={value}"));
        self.command(Command::Read(text.into()));
    }

    /// Says that a key was given this value, which it had never before.
    pub fn wrote(&mut self, key: impl Display, value: impl Display) {
        self.command(Command::Wrote(format!("{key}={value}").into()));
    }

    /// Says that this moment is the worker's part of the cut of this name: with all that it has handled, what it handles now
    /// included, and with all that it has sent, what this handler has said so far included. The law `consistent-cut`
    /// judges the parts together.
    pub fn cut(&mut self, name: impl Display) {
        self.command(Command::Cut(name.to_string().into()));
    }

    /// A choice among `options`, as a value below it: sampled from the seed, recorded, and enumerated by exhaustive
    /// search. One option or none is no choice: 0.
    pub fn choose(&mut self, options: u32) -> u32 {
        if options <= 1 {
            return 0;
        }
        let taken = self.choices.made.len();
        let value = match self.choices.script.get(taken) {
            Some(value) => value % options,
            None if self.choices.beyond == Beyond::First => 0,
            None => random::choice(self.seed, self.input, taken as u64, options),
        };
        self.choices.made.push((options, value));
        value
    }

    /// A generator of this input's own: keyed by (seed, input), so that reordering and edits do not shift draws.
    pub fn rng(&mut self) -> &mut ChaCha8Rng {
        self.asked = true;
        let (seed, input) = (self.seed, self.input);
        self.rng.get_or_insert_with(|| random::substream(seed, "handler", input))
    }

    /// Whether the handler drew from [`Outbox::rng`], for drivers.
    #[must_use]
    pub const fn has_drawn(&self) -> bool {
        self.rng.is_some()
    }

    /// The time of this handling; it does not pass while a handler runs.
    pub fn now(&mut self) -> Time {
        self.asked = true;
        self.now
    }

    /// The worker that handles.
    #[must_use]
    pub const fn me(&self) -> WorkerId {
        self.me
    }

    /// The name of the worker that handles.
    #[must_use]
    pub fn my_name(&self) -> &str {
        self.names.worker(self.me)
    }

    /// Who sent what is handled.
    #[must_use]
    pub const fn sender(&self) -> Party {
        self.from
    }

    /// The worker that sent what is handled; none for a message from outside.
    #[must_use]
    pub const fn sender_worker(&self) -> Option<WorkerId> {
        self.from.worker()
    }

    /// The worker of this name.
    #[must_use]
    pub fn worker(&self, name: &str) -> Option<WorkerId> {
        self.names.worker_id(name)
    }

    /// Where the values of `choose` come from, for drivers.
    pub fn choices(&mut self) -> &mut Choices {
        &mut self.choices
    }

    /// Takes another seed, for drivers that run many.
    pub fn reseed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// Makes ready for one input.
    #[inline(always)]
    pub(crate) fn begin(&mut self, header: &Header, now: Time) {
        self.begin_as(header.to, header.from, header.id.hash64(), now);
    }

    /// [`Outbox::begin`] where there is no header.
    #[inline(always)]
    pub(crate) fn begin_as(&mut self, me: WorkerId, from: Party, input: u64, now: Time) {
        debug_assert!(self.sends.is_empty() && self.commands.is_empty(), "what the last handler said was taken out");
        self.choices.made.clear();
        self.me = me;
        self.from = from;
        self.now = now;
        self.rng = None;
        self.asked = false;
        self.input = input;
    }

    fn command(&mut self, command: Command<U>) {
        self.commands.push((self.sends.len(), command));
    }

    /// Forgets what was said.
    pub(crate) fn clear(&mut self) {
        self.sends.clear();
        self.commands.clear();
    }

    /// Whether the handler did nothing that anybody else could notice.
    pub(crate) fn is_silent(&self) -> bool {
        self.sends.is_empty() && self.commands.is_empty() && self.choices.made.is_empty() && !self.asked
    }
}

/// Whom an update is for: a worker, a name, or a list of either.
pub trait Targets: Sized {
    /// Calls `found` for each known target, in order; unknown names are skipped.
    #[doc(hidden)]
    fn each_id<U>(self, out: &mut Outbox<U>, found: &mut dyn FnMut(&mut Outbox<U>, WorkerId));

    /// Sends `update` to each target.
    #[doc(hidden)]
    fn each<U: Clone>(self, out: &mut Outbox<U>, update: U);
}

impl Targets for WorkerId {
    fn each_id<U>(self, out: &mut Outbox<U>, found: &mut dyn FnMut(&mut Outbox<U>, WorkerId)) {
        found(out, self);
    }

    #[inline]
    fn each<U: Clone>(self, out: &mut Outbox<U>, update: U) {
        out.sends.push((self, update));
    }
}

impl Targets for &str {
    fn each_id<U>(self, out: &mut Outbox<U>, found: &mut dyn FnMut(&mut Outbox<U>, WorkerId)) {
        let worker = out.names.worker_id(self).unwrap_or(WorkerId::UNKNOWN);
        found(out, worker);
    }

    fn each<U: Clone>(self, out: &mut Outbox<U>, update: U) {
        match out.names.worker_id(self) {
            Some(worker) => out.sends.push((worker, update)),
            None => out.command(Command::NotifyUnknown(self.into(), update)),
        }
    }
}

macro_rules! target_by_ref {
    ($($type:ty => |$it:ident| $target:expr),*) => {$(
        impl Targets for $type {
            fn each_id<U>(self, out: &mut Outbox<U>, found: &mut dyn FnMut(&mut Outbox<U>, WorkerId)) {
                let $it = self;
                Targets::each_id($target, out, found);
            }

            fn each<U: Clone>(self, out: &mut Outbox<U>, update: U) {
                let $it = self;
                Targets::each($target, out, update);
            }
        }
    )*};
}

target_by_ref!(&WorkerId => |it| *it, String => |it| it.as_str(), &String => |it| it.as_str(), &&str => |it| *it);

macro_rules! target_lists {
    ($(<$($lt:lifetime,)? T $(, const $n:ident: usize)?> $type:ty, $item:ty);* $(;)?) => {$(
        impl<$($lt,)? T $(, const $n: usize)?> Targets for $type
        where
            $item: Targets,
        {
            fn each_id<U>(self, out: &mut Outbox<U>, found: &mut dyn FnMut(&mut Outbox<U>, WorkerId)) {
                for target in self {
                    target.each_id(out, found);
                }
            }

            fn each<U: Clone>(self, out: &mut Outbox<U>, update: U) {
                self.notify_all(out, update);
            }
        }
    )*};
}

target_lists! {
    <'a, T> &'a [T], &'a T;
    <'a, T> &'a Vec<T>, &'a T;
    <T> Vec<T>, T;
    <'a, T, const N: usize> &'a [T; N], &'a T;
    <T, const N: usize> [T; N], T;
}

/// A list of targets gets one copy each.
trait NotifyAll {
    fn notify_all<U: Clone>(self, out: &mut Outbox<U>, update: U);
}

impl<I> NotifyAll for I
where
    I: IntoIterator,
    I::Item: Targets,
{
    fn notify_all<U: Clone>(self, out: &mut Outbox<U>, update: U) {
        let mut targets = self.into_iter().peekable();
        while let Some(target) = targets.next() {
            if targets.peek().is_none() {
                return target.each(out, update);
            }
            target.each(out, update.clone());
        }
    }
}
