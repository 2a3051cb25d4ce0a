//! Which events depend on each other: their order is seen by somebody.
//!
//! Two events at one worker depend on each other, unless they are arrivals of inputs that are declared to commute. Under
//! `mailbox` two events also do when their handlers sent to a common worker, as sending is queueing there. Where inputs
//! commute under `fifo`, they must not have sent to a common worker: the order on that link would show which came first. The
//! same holds where the queue of that worker can be full. Nothing commutes with what its worker dies of, nor where the queue
//! of the worker itself can be full, as what waits beside that queue can arrive only when something has left it.
//!
//! Where the queue of a worker can be full, all that sends there and all that arrives there depend on each other. Where a
//! worker lives again, what is sent there depends on that, as it is sent to one life or the next. Which workers these are
//! is learned on the way ([`Learned`]).

use std::sync::Arc;

use raddle_core::{Commuting, FaultKind, Header, InputKind, OnFull, Plan, StateMachine};

use super::event::Event;
use super::learned::Learned;
use crate::settings::{Network, Settings};

/// The dependence of events in one search.
pub(crate) struct Relation<M: StateMachine> {
    network: Network,
    commuting: Option<Commuting<M>>,
    /// How many messages may be lost in a run.
    pub(crate) losses_max: u32,
    /// Whether a full queue throws out what is on its way there.
    pub(crate) evicts: bool,
    pub(crate) learned: Learned,
}

/// Whether an event may come first among others (Abdulla et al., POPL'14: weak initials).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Initial {
    /// No: one of them that it depends on comes before it.
    No,
    /// Yes, and it is the one at this place.
    Among(usize),
    /// Yes: it is none of them and depends on none.
    Beside,
}

/// What must be known of an arrival to say which later ones must come after it in any run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) kind: InputKind,
    from: raddle_core::Party,
    /// The sender's own entry in its clock at the send.
    sent: u64,
}

impl Origin {
    pub(crate) fn of(header: &Header) -> Self {
        let sent = header.from.worker().map_or(0, |from| u64::from(header.clock.get(from)));
        Self { kind: header.kind(), from: header.from, sent }
    }

    pub(crate) fn is_start(self) -> bool {
        self.kind == InputKind::Start
    }
}

impl<M: StateMachine> Relation<M> {
    pub(crate) fn new(settings: &Settings, plan: &Plan<M>) -> Self {
        Self {
            network: settings.network,
            commuting: plan.commuting().map(Arc::clone),
            losses_max: settings.faults.most(FaultKind::Loss),
            evicts: plan.policies().on_full == OnFull::DropOldest,
            learned: Learned::new(settings),
        }
    }

    /// Whether messages may be lost.
    #[inline]
    pub(crate) const fn knows_loss(&self) -> bool {
        self.losses_max > 0
    }

    /// Whether events must know what their handlers did beyond their worker.
    #[inline]
    pub(crate) fn needs_targets(&self) -> bool {
        self.network == Network::Mailbox
            || (self.needs_inputs() && self.network == Network::Fifo)
            || self.learned.is_anything()
    }

    /// Whether events must know what their messages say.
    pub(crate) const fn needs_inputs(&self) -> bool {
        self.commuting.is_some()
    }

    /// Whether events at different workers may depend on each other, or events at one may not.
    #[inline]
    pub(crate) fn is_general(&self) -> bool {
        self.needs_inputs() || self.needs_targets()
    }

    /// Whether two different events depend on each other.
    #[inline]
    pub(crate) fn depend(&self, a: &Event<M>, b: &Event<M>) -> bool {
        if a.at == b.at {
            return self.commuting.is_none() || !self.commute(a, b);
        }
        (self.network == Network::Mailbox && a.shares_target(b))
            || (self.learned.is_anything() && self.learned.depend(a, b))
    }

    /// Whether two events at one worker are independent.
    fn commute(&self, a: &Event<M>, b: &Event<M>) -> bool {
        let shows = (self.network == Network::Fifo && a.shares_target(b)) || self.learned.separate(a, b);
        !shows && self.is_indifferent(a, b)
    }

    /// Whether the handlers of two events at one worker do the same in either order, which others may see all the same.
    pub(crate) fn is_indifferent(&self, a: &Event<M>, b: &Event<M>) -> bool {
        let (Some(commuting), Some(x), Some(y)) = (&self.commuting, a.input(), b.input()) else { return false };
        a.key != b.key && commuting(x, y) && commuting(y, x)
    }

    /// Whether the network lets no run deliver these two, which one worker got in this order, in the other order.
    #[inline]
    pub(crate) fn is_forced(&self, first: Origin, second: &Header) -> bool {
        match (first.kind, second.kind()) {
            (InputKind::Start, _) => true,
            (InputKind::External, InputKind::External) => first.from == second.from,
            (InputKind::Update, InputKind::Update) => match self.network {
                Network::Bag => false,
                Network::Fifo => first.from == second.from,
                Network::Causal => {
                    first.from.worker().is_some_and(|from| first.sent <= u64::from(second.clock.get(from)))
                }
                Network::Mailbox => true,
            },
            _ => false,
        }
    }

    /// Whether `event`, which may happen now, may come first in some order of `others` that is as good as theirs.
    #[inline]
    pub(crate) fn initial(&self, event: &Event<M>, others: &[Event<M>]) -> Initial {
        for (at, other) in others.iter().enumerate() {
            if event.matches(other) {
                return Initial::Among(at);
            }
            if self.depend(event, other) {
                return Initial::No;
            }
        }
        Initial::Beside
    }
}
