//! Which events depend on each other: their order is seen by somebody.
//!
//! Two events at one worker depend on each other, unless they are arrivals of inputs that are declared to commute. Under
//! `mailbox` two events also do when their handlers sent to a common worker, as sending is queueing there. Where inputs
//! commute under `fifo`, they must not have sent to a common worker: the order on that link would show which came first. The
//! same holds where the queue of that worker can be full. Nothing commutes with what its worker dies of, nor where the queue
//! of the worker itself can be full, as what waits beside that queue can arrive only when something has left it.
//!
//! That a message is copied depends on what else becomes of that message. Where the network keeps an order, it depends on all
//! that is sent to the same worker, as the copy stands behind what was sent before it was made; and where workers live again
//! or queues are full, on all that happens there.
//!
//! Where the queue of a worker can be full, all that sends there and all that arrives there depend on each other. Where a
//! worker lives again, what is sent there depends on that, as it is sent to one life or the next. Which workers these are
//! is learned on the way ([`Learned`]).

use std::sync::Arc;

use raddle_core::{Commuting, FaultKind, InputKind, OnFull, Plan, StateMachine};

use super::event::{Event, Outcome};
use super::learned::Learned;
use super::toll::Toll;
use crate::settings::{Network, Settings};
use crate::slab::Card;

/// The dependence of events in one search.
pub(crate) struct Relation<M: StateMachine> {
    network: Network,
    commuting: Option<Commuting<M>>,
    /// How many messages may be lost and copied in a run.
    pub(crate) most: Toll,
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
    /// Its place in the order of sending, where copies are sent when they are made.
    age: u32,
}

impl Origin {
    pub(crate) fn of(card: &Card) -> Self {
        let header = &card.header;
        let sent = header.from.worker().map_or(0, |from| u64::from(header.clock.get(from)));
        Self { kind: header.kind(), from: header.from, sent, age: card.link.age }
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
            most: Toll {
                lost: settings.faults.most(FaultKind::Loss),
                copied: settings.faults.most(FaultKind::Duplication),
            },
            evicts: plan.policies().on_full == OnFull::DropOldest,
            learned: Learned::new(settings),
        }
    }

    /// Whether messages may be lost.
    #[inline]
    pub(crate) const fn knows_loss(&self) -> bool {
        self.most.lost > 0
    }

    /// Whether messages may be copied.
    #[inline]
    pub(crate) const fn knows_copies(&self) -> bool {
        self.most.copied > 0
    }

    /// Whether that a message is copied is seen by nobody at its worker.
    fn frees_copies(&self) -> bool {
        self.knows_copies() && !self.learned.is_anything()
    }

    /// Whether neighbours at one worker may be independent.
    pub(crate) fn has_free_neighbours(&self) -> bool {
        self.needs_inputs() || self.frees_copies()
    }

    /// Whether anything befalls messages.
    #[inline]
    pub(crate) const fn knows_mishaps(&self) -> bool {
        self.knows_loss() || self.knows_copies()
    }

    /// Whether the network keeps an order in which a copy has its place.
    fn orders_copies(&self) -> bool {
        self.knows_copies() && self.network != Network::Bag
    }

    /// Whether events must know what their handlers did beyond their worker.
    #[inline]
    pub(crate) fn needs_targets(&self) -> bool {
        self.network == Network::Mailbox
            || (self.needs_inputs() && self.network == Network::Fifo)
            || self.orders_copies()
            || self.learned.is_anything()
    }

    /// Whether events must know what their messages say.
    pub(crate) const fn needs_inputs(&self) -> bool {
        self.commuting.is_some()
    }

    /// Whether events at different workers may depend on each other, or events at one may not.
    #[inline]
    pub(crate) fn is_general(&self) -> bool {
        self.has_free_neighbours() || self.needs_targets()
    }

    /// Whether two different events depend on each other.
    #[inline]
    pub(crate) fn depend(&self, a: &Event<M>, b: &Event<M>) -> bool {
        let is_copied = self.knows_copies() && (a.is_copied() || b.is_copied());
        if is_copied && self.frees_copies() {
            return a.key == b.key || (self.orders_copies() && a.shares_target(b));
        }
        if a.at == b.at {
            return self.commuting.is_none() || !self.commute(a, b);
        }
        (self.network == Network::Mailbox && a.shares_target(b))
            || (is_copied && self.orders_copies() && a.shares_target(b))
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
    pub(crate) fn is_forced(&self, first: Origin, outcome: Outcome, card: &Card) -> bool {
        let second = &card.header;
        match (first.kind, second.kind()) {
            // A copy may stand before what a worker sends itself when it starts.
            (InputKind::Start, _) if outcome == Outcome::Copied => {
                !self.frees_copies() && self.network != Network::Mailbox
            }
            (InputKind::Start, _) => true,
            (InputKind::External, InputKind::External) => first.from == second.from,
            (InputKind::Update, InputKind::Update) => match self.network {
                Network::Bag => false,
                Network::Fifo => first.from == second.from,
                // A copy is younger than what was sent before it was made, and does not keep that from coming.
                Network::Causal => {
                    let is_known = |from| first.sent <= u64::from(second.clock.get(from));
                    first.age < card.link.age && first.from.worker().is_some_and(is_known)
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
