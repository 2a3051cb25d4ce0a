//! The actions that are possible next, in the canonical order, as strategies see them.
//!
//! Choice 0 always is the oldest, so the empty schedule is the fault-free FIFO run.

use std::fmt;

use raddle_core::{FaultKind, Header, MessageId, Names, ParseIdError, Time, WorkerId};

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
    /// A worker sees that there is no room for what it pushes next (granularity `threads`, as all below).
    Stall(WorkerId),
    /// A worker hears that an update of its own was dropped.
    Tell(WorkerId),
    /// What a crashed life of a worker has left is seen to, and the next life begins, if there is to be one.
    EndLife(WorkerId),
    /// A shard pushes the update that it has taken in hand.
    Hand(u32),
    /// A shard tells the target of an update that it had dropped it.
    Bury(u32),
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
    Stall(WorkerId),
    Tell(WorkerId),
    EndLife(WorkerId),
    Hand(u32),
    Bury(u32),
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

    /// Those of them that come first once everything is healed: anything but timers, if there is anything. Timers are the
    /// last in the canonical order.
    pub(crate) fn in_good_time(&self) -> Self {
        let Some(acts) = self.without_faults().listed else {
            return if self.ready.is_empty() { *self } else { Self { timers: &[], ..*self } };
        };
        let timers = acts.iter().rev().take_while(|act| matches!(act, Act::Fire(_))).count();
        let among = if timers < acts.len() { acts.len() - timers } else { timers };
        Self { listed: Some(&acts[..among]), usual: among, ..*self }
    }

    /// The places of the faults of this kind, and of the ends of such faults.
    pub(crate) fn faults_of(&self, kind: FaultKind) -> impl Iterator<Item = usize> + '_ {
        let is_of_kind = move |at: &usize| matches!(self.act(*at), Act::Fault(fault) if fault.kind() == Some(kind));
        (self.usual()..self.len()).filter(is_of_kind)
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
            Act::Stall(worker) => Action::Stall(worker),
            Act::Tell(worker) => Action::Tell(worker),
            Act::EndLife(worker) => Action::EndLife(worker),
            Act::Hand(shard) => Action::Hand(shard),
            Act::Bury(shard) => Action::Bury(shard),
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
    /// Text: `stalled ann`. (`stall ann` is the fault.)
    Stall(WorkerId),
    /// Text: `tell ann`.
    Tell(WorkerId),
    /// Text: `end ann`.
    EndLife(WorkerId),
    /// Text: `hand 0`.
    Hand(u32),
    /// Text: `bury 0`.
    Bury(u32),
    /// The clock says this from the next action on: it is not chosen, but was read in a real run. Text: `at 1500ns`.
    At(Time),
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
            Self::Stall(worker) => Decision::Stall(worker),
            Self::Tell(worker) => Decision::Tell(worker),
            Self::EndLife(worker) => Decision::EndLife(worker),
            Self::Hand(shard) => Decision::Hand(shard),
            Self::Bury(shard) => Decision::Bury(shard),
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
            (Self::Stall(a), Decision::Stall(b)) | (Self::Tell(a), Decision::Tell(b)) => a == b,
            (Self::EndLife(a), Decision::EndLife(b)) => a == b,
            (Self::Route(a), Decision::Route(b)) => a == b,
            (Self::Hand(a), Decision::Hand(b)) | (Self::Bury(a), Decision::Bury(b)) => a == b,
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
            Some(("stalled", worker)) => names.worker_id(worker).map(Self::Stall),
            Some(("tell", worker)) => names.worker_id(worker).map(Self::Tell),
            Some(("end", worker)) => names.worker_id(worker).map(Self::EndLife),
            Some(("route", shard)) => shard.parse().ok().map(Self::Route),
            Some(("hand", shard)) => shard.parse().ok().map(Self::Hand),
            Some(("bury", shard)) => shard.parse().ok().map(Self::Bury),
            Some(("at", time)) => time.strip_suffix("ns").and_then(|ns| ns.parse().ok()).map(|ns| Self::At(Time(ns))),
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
            Decision::Stall(worker) => write!(f, "stalled {}", self.names.worker(*worker)),
            Decision::Tell(worker) => write!(f, "tell {}", self.names.worker(*worker)),
            Decision::EndLife(worker) => write!(f, "end {}", self.names.worker(*worker)),
            Decision::Hand(shard) => write!(f, "hand {shard}"),
            Decision::Bury(shard) => write!(f, "bury {shard}"),
            Decision::At(time) => write!(f, "at {}ns", time.0),
            Decision::Choose(value) => write!(f, "choose {value}"),
            Decision::Fault(fault) => fault.write(f, self.names),
        }
    }
}
