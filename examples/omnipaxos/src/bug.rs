//! Twins: the same replicas with one thing broken in the way messages are handled.
//!
//! Each is a mistake that an implementation of such a log could make. The crate itself is never changed: a meddler
//! stands between it and the network, at one replica only. None of them shows in the default order, since none
//! matters until the leader changes at the wrong moment.

use omnipaxos::OmniPaxosConfig;
use omnipaxos::ballot_leader_election::Ballot;
use omnipaxos::messages::Message;
use omnipaxos::messages::sequence_paxos::{Accepted, PaxosMessage, PaxosMsg};
use raddle::prelude::Seat;

use crate::laws::{AGREE, KEPT, SERVED};
use crate::replica::{Node, node};
use crate::wire::Proposal;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A promise to a new leader says that the log is empty.
    HollowPromise,
    /// Entries are acknowledged first and stored with the next message; a prepare does not wait for that.
    EarlyAck,
    /// A leader that learns of a higher ballot starts over with an empty log.
    FreshStart,
    /// A replica that follows a leader ignores the prepare of any other.
    DeafToPrepare,
    /// Clients never ask again, though the leader that took their proposal was replaced.
    AskOnce,
}

impl Bug {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::HollowPromise, Self::EarlyAck, Self::FreshStart, Self::DeafToPrepare, Self::AskOnce];

    /// Its name, for `--bug NAME`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HollowPromise => "hollow-promise",
            Self::EarlyAck => "early-ack",
            Self::FreshStart => "fresh-start",
            Self::DeafToPrepare => "deaf-to-prepare",
            Self::AskOnce => "ask-once",
        }
    }

    /// What is wrong, in a line.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::HollowPromise => "r1 promises as if its log were empty",
            Self::EarlyAck => "r1 acknowledges entries before it stores them",
            Self::FreshStart => "the last replica empties its log when it learns that its leadership is over",
            Self::DeafToPrepare => "r1 ignores every new leader once it follows one",
            Self::AskOnce => "clients do not ask again when the leader has changed",
        }
    }

    /// The law that it breaks.
    #[must_use]
    pub const fn law(self) -> &'static str {
        match self {
            Self::HollowPromise | Self::EarlyAck => AGREE,
            Self::FreshStart => KEPT,
            Self::DeafToPrepare | Self::AskOnce => SERVED,
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| bug.name() == name)
    }
}

/// Stands between a replica and the network, and breaks what it is told to.
pub(crate) struct Meddler {
    bug: Bug,
    config: OmniPaxosConfig,
    /// An accept that was acknowledged and is not stored yet.
    unstored: Option<PaxosMessage<Proposal>>,
}

impl Meddler {
    /// The meddler of a replica, if this bug needs one there. The last replica wins the first election more often
    /// than not, so a bug of leaders sits there, and one of followers at the first.
    pub(crate) fn at(seat: Seat<'_>, bug: Bug, config: &OmniPaxosConfig) -> Option<Self> {
        let place = match bug {
            Bug::AskOnce => return None,
            Bug::FreshStart => seat.workers().len() - 1,
            Bug::HollowPromise | Bug::EarlyAck | Bug::DeafToPrepare => 0,
        };
        (seat.id().index() == place).then(|| Self { bug, config: config.clone(), unstored: None })
    }

    /// Hands a message to the node, or does not.
    pub(crate) fn receive(
        &mut self,
        node: &mut Node,
        message: Message<Proposal>,
        outgoing: &mut Vec<Message<Proposal>>,
    ) {
        let Message::SequencePaxos(message) = message else { return node.handle_incoming(message) };
        match (self.bug, &message.msg) {
            (Bug::DeafToPrepare, PaxosMsg::Prepare(prepare)) if follows_other(node, prepare.n) => {}
            (Bug::FreshStart, PaxosMsg::NotAccepted(_)) => *node = self::node(self.config.clone()),
            (Bug::EarlyAck, PaxosMsg::Prepare(_)) => node.handle_incoming(Message::SequencePaxos(message)),
            (Bug::EarlyAck, PaxosMsg::AcceptDecide(_)) => self.acknowledge(node, message, outgoing),
            _ => {
                self.store(node);
                node.handle_incoming(Message::SequencePaxos(message));
            }
        }
    }

    /// Answers an accept that the node would take, and keeps it for later.
    fn acknowledge(&mut self, node: &mut Node, message: PaxosMessage<Proposal>, outgoing: &mut Vec<Message<Proposal>>) {
        self.store(node);
        match &message.msg {
            PaxosMsg::AcceptDecide(accept) if follows(node, accept.n) => {
                let accepted_idx = node.get_accepted_idx() + accept.entries.len();
                let msg = PaxosMsg::Accepted(Accepted { n: accept.n, accepted_idx });
                outgoing.push(Message::SequencePaxos(PaxosMessage { from: message.to, to: message.from, msg }));
                self.unstored = Some(message);
            }
            _ => node.handle_incoming(Message::SequencePaxos(message)),
        }
    }

    /// Stores what was acknowledged before.
    fn store(&mut self, node: &mut Node) {
        if let Some(message) = self.unstored.take() {
            node.handle_incoming(Message::SequencePaxos(message));
        }
    }

    /// Has a last look at a message that the node sends.
    pub(crate) fn send(&self, message: &mut Message<Proposal>) {
        if let (Bug::HollowPromise, Message::SequencePaxos(message)) = (self.bug, message)
            && let PaxosMsg::Promise(promise) = &mut message.msg
        {
            (promise.n_accepted, promise.accepted_idx, promise.decided_idx) = (Ballot::default(), 0, 0);
            promise.log_sync = None;
        }
    }
}

fn follows(node: &Node, ballot: Ballot) -> bool {
    node.get_promise() == ballot && node.get_current_leader().is_some_and(|(_, accepts)| accepts)
}

fn follows_other(node: &Node, ballot: Ballot) -> bool {
    node.get_promise() != ballot && node.get_current_leader().is_some_and(|(_, accepts)| accepts)
}
