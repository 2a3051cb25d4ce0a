//! The adapter: one node of the crate as a raddle worker.
//!
//! After every input the messages that the node wants to send are drained and notified to the replica they name, so
//! that nothing is left behind and nothing depends on when somebody polls. The crate keeps no clock, no thread and
//! no map: what it sends, and in which order, follows from its inputs alone.

use std::time::Duration;

use omnipaxos::ballot_leader_election::Ballot;
use omnipaxos::messages::Message;
use omnipaxos::util::LogEntry;
use omnipaxos::{ClusterConfig, OmniPaxos, OmniPaxosConfig, ServerConfig};
use raddle::prelude::{Outbox, Party, Seat, StateMachine, TimerTag};

use crate::bug::{Bug, Meddler};
use crate::log::MemoryLog;
use crate::params::Params;
use crate::pending::Pending;
use crate::wire::{Proposal, Wire, node_of, worker_of};

/// A node of the crate.
pub(crate) type Node = OmniPaxos<Proposal, MemoryLog>;

const TICK: TimerTag = TimerTag(0);
const TICK_EVERY: Duration = Duration::from_millis(10);
/// Room for the messages of one input; more only costs an allocation. The crate's own default is 100,000.
const OUTGOING: usize = 16;

/// A node with an empty log.
pub(crate) fn node(config: OmniPaxosConfig) -> Node {
    config.build(MemoryLog::default()).expect("the parameters are such as the crate takes")
}

/// A replica of the log, with what its clients were told.
pub struct Replica {
    node: Node,
    outgoing: Vec<Message<Proposal>>,
    ticks_left: u32,
    asks_again: bool,
    pending: Pending,
    asked: Vec<Proposal>,
    told: Vec<Proposal>,
    kept: bool,
    /// The leader whose log this replica last took over, and how many there were.
    followed: (Ballot, u32),
    meddler: Option<Meddler>,
}

impl Replica {
    /// A replica for a seat, one of the system's workers; they all are replicas.
    ///
    /// # Panics
    /// When the crate refuses the parameters; [`system`](crate::system()) only passes such as it takes.
    #[must_use]
    pub fn new(seat: Seat<'_>, params: &Params) -> Self {
        let config = OmniPaxosConfig {
            cluster_config: ClusterConfig {
                configuration_id: 1,
                nodes: seat.workers().map(|(worker, _)| node_of(worker)).collect(),
                flexible_quorum: None,
            },
            server_config: ServerConfig {
                pid: node_of(seat.id()),
                election_tick_timeout: params.election_ticks.into(),
                resend_message_tick_timeout: params.resend_ticks.into(),
                buffer_size: OUTGOING,
                ..ServerConfig::default()
            },
        };
        Self {
            meddler: params.bug.and_then(|bug| Meddler::at(seat, bug, &config)),
            node: node(config),
            outgoing: Vec::with_capacity(OUTGOING),
            ticks_left: params.ticks,
            asks_again: params.bug != Some(Bug::AskOnce),
            pending: Pending::default(),
            asked: Vec::new(),
            told: Vec::new(),
            kept: true,
            followed: (Ballot::default(), 0),
        }
    }

    /// What its clients have asked for.
    #[must_use]
    pub fn asked(&self) -> &[Proposal] {
        &self.asked
    }

    /// What it has told its clients to be decided, in the order of the log. Nothing is ever taken back.
    #[must_use]
    pub fn told(&self) -> &[Proposal] {
        &self.told
    }

    /// Whether its log has always had, as decided, all that it had told.
    #[must_use]
    pub const fn kept(&self) -> bool {
        self.kept
    }

    /// How many leaders' logs it has taken over, its own leaderships included.
    #[must_use]
    pub const fn leaders(&self) -> u32 {
        self.followed.1
    }

    fn propose(&mut self, proposal: Proposal) {
        let promise = self.node.get_promise();
        self.pending.ask(proposal, promise);
        self.node.append(proposal).expect("only a reconfigured node refuses entries");
    }

    /// Looks at what an input has done to the log, acts on it, and sends what the node has to say.
    fn settle(&mut self, out: &mut Outbox<Wire>) {
        self.read_decided();
        if let Some((_, true)) = self.node.get_current_leader() {
            let ballot = self.node.get_promise();
            if ballot != self.followed.0 {
                self.followed = (ballot, self.followed.1 + 1);
                self.ask_again(ballot, out);
            }
        }
        self.flush(out);
    }

    fn ask_again(&mut self, ballot: Ballot, out: &mut Outbox<Wire>) {
        while let Some(proposal) = self.pending.next_for(ballot).filter(|_| self.asks_again) {
            out.mark("asked-again");
            self.node.append(proposal).expect("only a reconfigured node refuses entries");
        }
    }

    /// Reads all that is decided: what was told must still be there, what is new is told.
    fn read_decided(&mut self) {
        if self.node.get_decided_idx() == 0 && self.told.is_empty() {
            return;
        }
        let decided = self.node.read_decided_suffix(0).unwrap_or_default();
        self.kept &= decided.len() >= self.told.len();
        for (at, entry) in decided.into_iter().enumerate() {
            let LogEntry::Decided(proposal) = entry else { unreachable!("nothing is compacted or reconfigured") };
            match self.told.get(at) {
                Some(told) => self.kept &= *told == proposal,
                None => {
                    self.told.push(proposal);
                    self.pending.decided(proposal);
                }
            }
        }
    }

    fn flush(&mut self, out: &mut Outbox<Wire>) {
        self.node.take_outgoing_messages(&mut self.outgoing);
        for mut message in self.outgoing.drain(..) {
            if let Some(meddler) = &self.meddler {
                meddler.send(&mut message);
            }
            out.notify(worker_of(message.get_receiver()), Wire(message));
        }
    }
}

impl StateMachine for Replica {
    type Message = Proposal;
    type Update = Wire;

    fn on_start(&mut self, out: &mut Outbox<Wire>) {
        if self.ticks_left > 0 {
            out.set_timer(TICK, TICK_EVERY);
        }
        self.flush(out);
    }

    fn on_message(&mut self, proposal: Proposal, out: &mut Outbox<Wire>) {
        self.asked.push(proposal);
        self.propose(proposal);
        self.settle(out);
    }

    fn on_update(&mut self, Wire(message): Wire, out: &mut Outbox<Wire>) {
        assert_eq!(Party::Worker(worker_of(message.get_sender())), out.sender(), "a message names its sender");
        assert_eq!(worker_of(message.get_receiver()), out.me(), "a message comes to the replica that it names");
        let is_heartbeat = matches!(message, Message::BLE(_));
        match &mut self.meddler {
            Some(meddler) => meddler.receive(&mut self.node, message, &mut self.outgoing),
            None => self.node.handle_incoming(message),
        }
        // The election component has no access to the log: only a tick makes it act on what it heard.
        if is_heartbeat { self.flush(out) } else { self.settle(out) }
    }

    fn on_timer(&mut self, _: TimerTag, out: &mut Outbox<Wire>) {
        self.node.tick();
        self.ticks_left -= 1;
        if self.ticks_left > 0 {
            out.set_timer(TICK, TICK_EVERY);
        }
        self.settle(out);
    }
}
