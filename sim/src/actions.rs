//! The actions that are possible next, in the canonical order, as strategies see them.
//!
//! Choice 0 always is the oldest, so the empty schedule is the fault-free FIFO run.

use std::fmt;

use raddle_core::{Header, MessageId, Names, ParseIdError, WorkerId};

use crate::faults::Fault;
use crate::network::Ready;
use crate::sessions::is_op;
use crate::slab::{Card, NONE, Slot};

/// One possible action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// A message arrives: at its worker, or (granularity `queues`) at its shard or queue.
    Deliver(&'a Header),
    /// A timer fires, or what a session has sent has waited too long.
    Fire(WorkerId, &'a MessageId),
    /// A worker sends the next of what its handler said (granularity `queues`).
    Push(WorkerId),
    /// A shard passes its oldest update on (granularity `queues`).
    Route(u32),
    /// A worker picks its next input (granularity `queues`).
    Pick(WorkerId),
    /// A fault befalls the run, or is over.
    Fault(Fault<&'a Header>),
}

/// An action inside a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// The message at this place among the ready ones.
    Deliver(usize),
    /// The timer at this place among the candidates.
    Fire(usize),
    Push(WorkerId),
    Route(u32),
    Pick(WorkerId),
    /// Of the message at this place among the ready ones.
    Fault(Fault<usize>),
}

/// All possible actions.
#[derive(Clone, Copy)]
pub struct Actions<'a> {
    /// If none: all ready messages, then all candidate timers.
    pub(crate) listed: Option<&'a [Act]>,
    /// How many of those listed happen by themselves; behind them stand faults.
    pub(crate) usual: usize,
    pub(crate) ready: &'a [Ready],
    pub(crate) timers: &'a [(WorkerId, MessageId)],
    pub(crate) cards: &'a [Box<Card>],
}

impl<'a> Actions<'a> {
    /// How many there are; at least one when a strategy is asked.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        match self.listed {
            Some(acts) => acts.len(),
            None => self.ready.len() + self.timers.len(),
        }
    }

    /// How many of them happen by themselves; what stands behind those are faults.
    #[must_use]
    #[inline]
    pub fn usual(&self) -> usize {
        if self.listed.is_some() { self.usual } else { self.len() }
    }

    /// Those that happen by themselves.
    #[must_use]
    pub fn without_faults(&self) -> Self {
        Self { listed: self.listed.map(|acts| &acts[..self.usual]), ..*self }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The action at a place of the canonical order.
    #[must_use]
    pub fn get(&self, at: usize) -> Action<'a> {
        match self.act(at) {
            Act::Deliver(at) => Action::Deliver(&self.card(self.ready[at].slot()).header),
            Act::Fire(at) => Action::Fire(self.timers[at].0, &self.timers[at].1),
            Act::Push(worker) => Action::Push(worker),
            Act::Route(shard) => Action::Route(shard),
            Act::Pick(worker) => Action::Pick(worker),
            Act::Fault(fault) => Action::Fault(fault.map(|at| &self.card(self.ready[at].slot()).header)),
        }
    }

    /// The age of the message that arrives: its place in the order of sending, from 0. None for other actions.
    #[must_use]
    pub fn age(&self, at: usize) -> Option<u32> {
        self.message(at).map(|card| card.link.age)
    }

    /// The age of the input whose handling sent the message that arrives. None if nobody's did, and for other actions.
    #[must_use]
    pub fn creator(&self, at: usize) -> Option<u32> {
        self.message(at).map(|card| card.link.creator).filter(|age| *age != NONE)
    }

    /// What is known of the message that this action delivers; none if it is another action.
    #[inline]
    pub(crate) fn message(&self, at: usize) -> Option<&'a Card> {
        match self.act(at) {
            Act::Deliver(at) => Some(self.card(self.ready[at].slot())),
            _ => None,
        }
    }

    /// What is known of a message in flight.
    #[inline(always)]
    pub(crate) fn card(&self, slot: Slot) -> &'a Card {
        &self.cards[slot as usize]
    }

    /// All of them, in the canonical order.
    pub fn iter(&self) -> impl Iterator<Item = Action<'a>> + '_ {
        (0..self.len()).map(|at| self.get(at))
    }

    #[inline]
    pub(crate) fn act(&self, at: usize) -> Act {
        match self.listed {
            Some(acts) => acts[at],
            None if at < self.ready.len() => Act::Deliver(at),
            None => Act::Fire(at - self.ready.len()),
        }
    }
}

/// The stable name of an action, or of the value of a `choose`: what schedules in findings are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A message arrives, starts or fires: its id. Text: `bank#0.1`.
    Deliver(MessageId),
    /// What a session has sent has waited too long. Text: `expire ann#1`.
    Expire(MessageId),
    /// Text: `push ann`.
    Push(WorkerId),
    /// Text: `route 0`.
    Route(u32),
    /// Text: `pick ann`.
    Pick(WorkerId),
    /// A handler chose this value. Text: `choose 1`.
    Choose(u32),
    /// A fault befell the run, or was over. Text: see [`Fault`].
    Fault(Fault<MessageId>),
}

impl Action<'_> {
    /// Its stable name.
    #[must_use]
    pub fn decision(&self) -> Decision {
        match *self {
            Self::Deliver(header) => Decision::Deliver(header.id.clone()),
            Self::Fire(_, id) if is_op(id) => Decision::Expire(id.clone()),
            Self::Fire(_, id) => Decision::Deliver(id.clone()),
            Self::Push(worker) => Decision::Push(worker),
            Self::Route(shard) => Decision::Route(shard),
            Self::Pick(worker) => Decision::Pick(worker),
            Self::Fault(fault) => Decision::Fault(fault.map(|header| header.id.clone())),
        }
    }

    /// Whether this is the action of that name.
    #[must_use]
    pub fn is(&self, decision: &Decision) -> bool {
        match (self, decision) {
            (Self::Deliver(header), Decision::Deliver(id)) => header.id == *id,
            (Self::Fire(_, op), Decision::Expire(id)) => *op == id,
            (Self::Fire(_, timer), Decision::Deliver(id)) => !is_op(timer) && *timer == id,
            (Self::Push(a), Decision::Push(b)) | (Self::Pick(a), Decision::Pick(b)) => a == b,
            (Self::Route(a), Decision::Route(b)) => a == b,
            (Self::Fault(a), Decision::Fault(b)) => a.is_like(b, |header, id| header.id == *id),
            _ => false,
        }
    }
}

impl Decision {
    /// The text form, which needs the names.
    #[must_use]
    pub fn display<'a>(&'a self, names: &'a Names) -> impl fmt::Display + 'a {
        Shown { decision: self, names }
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// When it names nothing of this system.
    pub fn parse(text: &str, names: &Names) -> Result<Self, ParseIdError> {
        let known = match text.split_once(' ') {
            Some(("push", worker)) => names.worker_id(worker).map(Self::Push),
            Some(("pick", worker)) => names.worker_id(worker).map(Self::Pick),
            Some(("route", shard)) => shard.parse().ok().map(Self::Route),
            Some(("expire", id)) => MessageId::parse(id, names).ok().filter(is_op).map(Self::Expire),
            Some(("choose", value)) => value.parse().ok().map(Self::Choose),
            _ => Fault::read(text, names).map(Self::Fault),
        };
        known.map_or_else(|| MessageId::parse(text, names).map(Self::Deliver), Ok)
    }
}

struct Shown<'a> {
    decision: &'a Decision,
    names: &'a Names,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decision {
            Decision::Deliver(id) => id.display(self.names).fmt(f),
            Decision::Expire(id) => write!(f, "expire {}", id.display(self.names)),
            Decision::Push(worker) => write!(f, "push {}", self.names.worker(*worker)),
            Decision::Route(shard) => write!(f, "route {shard}"),
            Decision::Pick(worker) => write!(f, "pick {}", self.names.worker(*worker)),
            Decision::Choose(value) => write!(f, "choose {value}"),
            Decision::Fault(fault) => fault.write(f, self.names),
        }
    }
}
