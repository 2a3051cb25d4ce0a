//! What travels: proposals from clients, and the crate's own messages between replicas.
//!
//! [`Wire`] only adds a short `Debug`: traces and lanes print a message as one line, and the derived text of an
//! accept with its ballots and log would fill five.

use std::fmt;

use omnipaxos::ballot_leader_election::Ballot;
use omnipaxos::messages::Message;
use omnipaxos::messages::ballot_leader_election::HeartbeatMsg;
use omnipaxos::messages::sequence_paxos::PaxosMsg;
use omnipaxos::storage::{Entry, NoSnapshot};
use omnipaxos::util::{LogSync, NodeId};
use raddle::prelude::WorkerId;

/// What a client asks for: an entry of the log. No two that are asked for are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal(pub u32);

impl Entry for Proposal {
    type Snapshot = NoSnapshot;
}

/// A message of the crate, from replica to replica.
#[derive(Clone)]
pub struct Wire(pub Message<Proposal>);

/// The crate's name for a worker; it counts from 1.
pub(crate) fn node_of(worker: WorkerId) -> NodeId {
    worker.index() as NodeId + 1
}

/// The worker that the crate calls so.
pub(crate) fn worker_of(node: NodeId) -> WorkerId {
    assert!(node > 0, "the crate addresses nobody as 0");
    WorkerId::at(node as usize - 1)
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Message::BLE(message) => heartbeat(&message.msg, f),
            Message::SequencePaxos(message) => paxos(&message.msg, f),
        }
    }
}

fn heartbeat(message: &HeartbeatMsg, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match message {
        HeartbeatMsg::Request(ask) => write!(f, "alive? {}", ask.round),
        HeartbeatMsg::Reply(reply) => {
            let mood = if reply.happy { "" } else { " unhappy" };
            write!(f, "alive! {} {} under {}{mood}", reply.round, Shown(reply.ballot), Shown(reply.leader))
        }
    }
}

fn paxos(message: &PaxosMsg<Proposal>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match message {
        PaxosMsg::PrepareReq(it) => write!(f, "prepare? {}", Shown(it.n)),
        PaxosMsg::Prepare(it) => {
            write!(f, "prepare {} log {}/{} of {}", Shown(it.n), it.decided_idx, it.accepted_idx, Shown(it.n_accepted))
        }
        PaxosMsg::Promise(it) => {
            let (n, of) = (Shown(it.n), Shown(it.n_accepted));
            write!(f, "promise {n} log {}/{} of {of}", it.decided_idx, it.accepted_idx)?;
            it.log_sync.as_ref().map_or(Ok(()), |sync| suffix(sync, f))
        }
        PaxosMsg::AcceptSync(it) => {
            write!(f, "accept-sync {} decided {}", Shown(it.n), it.decided_idx)?;
            suffix(&it.log_sync, f)
        }
        PaxosMsg::AcceptDecide(it) => {
            write!(f, "accept {} decided {} add {}", Shown(it.n), it.decided_idx, List(&it.entries))
        }
        PaxosMsg::Accepted(it) => write!(f, "accepted {} log {}", Shown(it.n), it.accepted_idx),
        PaxosMsg::NotAccepted(it) => write!(f, "not-accepted {}", Shown(it.n)),
        PaxosMsg::Decide(it) => write!(f, "decide {} decided {}", Shown(it.n), it.decided_idx),
        PaxosMsg::ProposalForward(entries) => write!(f, "forward {}", List(entries)),
        other => write!(f, "{other:?}"),
    }
}

fn suffix(sync: &LogSync<Proposal>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, " from {} {}", sync.sync_idx, List(&sync.suffix))
}

/// A ballot as `round.node`.
struct Shown(Ballot);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.n, self.0.pid)
    }
}

/// Proposals as `[1 2]`.
struct List<'a>(&'a [Proposal]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (at, proposal) in self.0.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { " " }, proposal.0)?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omnipaxos::messages::ballot_leader_election::{BLEMessage, HeartbeatReply};
    use omnipaxos::messages::sequence_paxos::{AcceptDecide, PaxosMessage};

    #[test]
    fn nodes_count_from_one() {
        let second = WorkerId::new(1);
        assert_eq!(node_of(second), 2);
        assert_eq!(worker_of(2), second);
    }

    #[test]
    fn a_message_prints_as_one_line() {
        let ballot = Ballot::with(1, 2, 0, 3);
        let reply = HeartbeatReply { round: 4, ballot, leader: ballot, happy: false };
        let alive = Message::BLE(BLEMessage { from: 3, to: 1, msg: HeartbeatMsg::Reply(reply) });
        assert_eq!(format!("{:?}", Wire(alive)), "alive! 4 2.3 under 2.3 unhappy");
        let entries = vec![Proposal(7), Proposal(8)];
        let accept = AcceptDecide { n: ballot, seq_num: Default::default(), decided_idx: 1, entries };
        let accept = PaxosMessage { from: 3, to: 1, msg: PaxosMsg::AcceptDecide(accept) };
        assert_eq!(format!("{:?}", Wire(Message::SequencePaxos(accept))), "accept 2.3 decided 1 add [7 8]");
    }
}
