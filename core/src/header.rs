//! Messages on their way: an untyped header, which the core, the strategies and the checkers read, and a typed
//! input, which only the state machine reads.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::barrier::Barriers;
use crate::clock::VectorClock;
use crate::ids::{Depth, Incarnation, LinkNumber, MessageId, Party, Root, Time, WorkerId};
use crate::machine::{StateMachine, TimerTag};

/// What is known of a message without looking into it.
///
/// Two headers are equal if all but their barriers are: those are how an order is kept, and no part of what happened.
#[derive(Debug)]
pub struct Header {
    /// Its stable id.
    pub id: MessageId,
    /// Who sent it; for a start or a timer, the worker itself.
    pub from: Party,
    /// Whose inbox it is for.
    pub to: WorkerId,
    /// Which life of the sender sent it; 0 for sources.
    pub life: Incarnation,
    /// Which life of the target it was sent to, as far as the coordinator knew then; 0 for what goes to whichever life
    /// there is (externals), and for what a worker sends itself outside its handlers (starts, timers) its own.
    pub to_life: Incarnation,
    /// Its number on the link from sender to target; 0 where there is no link (externals, starts, timers, refused).
    pub number: LinkNumber,
    /// How deep in its chain it stands.
    pub depth: Depth,
    /// When it was sent.
    pub sent_at: Time,
    /// The sender's clock at the send, its own entry counting this one; empty for all but updates.
    pub clock: VectorClock,
    /// What its sender knew to be on its way to whom, or, where there are sessions, was about to send; kept only where
    /// barriers are needed. Of what a session sends, what
    /// it must see ([`Token`](crate::Token)).
    pub barriers: Barriers,
    /// The workers that handled an input of this chain, in order; kept only where cycles are broken.
    pub visited: Vec<WorkerId>,
}

/// The kinds of input a worker handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InputKind {
    /// The first input of a life.
    Start,
    /// From outside.
    External,
    /// From a worker.
    Update,
    /// A timer that fired.
    Timer,
}

impl InputKind {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::External => "external",
            Self::Update => "update",
            Self::Timer => "timer",
        }
    }
}

impl Header {
    /// The header of a message from outside, or of a worker's own start or timer.
    #[must_use]
    pub fn of_root(id: MessageId, from: Party, to: WorkerId, life: Incarnation, at: Time) -> Self {
        Self {
            id,
            from,
            to,
            life,
            to_life: life,
            number: LinkNumber::default(),
            depth: Depth::default(),
            sent_at: at,
            clock: VectorClock::new(),
            barriers: Barriers::default(),
            visited: Vec::new(),
        }
    }

    /// A header to be written over.
    #[must_use]
    pub fn blank() -> Self {
        Self {
            id: MessageId::blank(),
            from: Party::Worker(WorkerId::default()),
            to: WorkerId::default(),
            life: Incarnation::default(),
            to_life: Incarnation::default(),
            number: LinkNumber::default(),
            depth: Depth::default(),
            sent_at: Time::default(),
            clock: VectorClock::new(),
            barriers: Barriers::default(),
            visited: Vec::new(),
        }
    }

    /// Becomes the header of an update that is not sent: no number, no clock, no barriers.
    #[cold]
    pub(crate) fn refuse(&mut self) {
        self.number = LinkNumber::default();
        self.clock.clear();
        self.barriers.clear();
    }

    /// What kind of input it is.
    #[must_use]
    #[inline]
    pub const fn kind(&self) -> InputKind {
        match self.id.chain() {
            _ if !self.id.is_root() => InputKind::Update,
            Root::External(..) => InputKind::External,
            Root::Start(..) => InputKind::Start,
            Root::Timer(..) => InputKind::Timer,
        }
    }

    /// The worker that sent this update, unless a worker sent it to itself or it is no update.
    #[must_use]
    #[inline]
    pub fn link(&self) -> Option<WorkerId> {
        self.from.worker().filter(|from| *from != self.to && !self.id.is_root())
    }

    /// Whether the send of this update lies in the causal past of the send of `other` (strictly).
    #[must_use]
    pub fn sent_before(&self, other: &Self) -> bool {
        match self.from.worker() {
            Some(from) if !self.id.is_root() => self.id != other.id && self.clock.get(from) <= other.clock.get(from),
            _ => false,
        }
    }
}

impl PartialEq for Header {
    fn eq(&self, other: &Self) -> bool {
        let Self { id, from, to, life, to_life, number, depth, sent_at, clock, barriers: _, visited } = self;
        (id, from, to, life, number, depth, sent_at)
            == (&other.id, &other.from, &other.to, &other.life, &other.number, &other.depth, &other.sent_at)
            && (to_life, clock, visited) == (&other.to_life, &other.clock, &other.visited)
    }
}

impl Eq for Header {}

impl Clone for Header {
    fn clone(&self) -> Self {
        let mut copy = Self::blank();
        copy.clone_from(self);
        copy
    }

    /// Keeps its own memory.
    #[inline]
    fn clone_from(&mut self, other: &Self) {
        self.id.clone_from(&other.id);
        self.from = other.from;
        self.to = other.to;
        self.life = other.life;
        self.to_life = other.to_life;
        self.number = other.number;
        self.depth = other.depth;
        self.sent_at = other.sent_at;
        self.clock.copy_from(&other.clock);
        self.barriers.copy_from(&other.barriers);
        if !(self.visited.is_empty() && other.visited.is_empty()) {
            self.visited.clone_from(&other.visited);
        }
    }
}

/// A typed input.
#[derive(Serialize, Deserialize)]
#[serde(bound(
    serialize = "M::Message: Serialize, M::Update: Serialize",
    deserialize = "M::Message: DeserializeOwned, M::Update: DeserializeOwned"
))]
pub enum Input<M: StateMachine> {
    /// The first input of a life.
    Start,
    /// From a source.
    Message(M::Message),
    /// From a session, which asks something.
    Query(M::Message),
    /// From a worker.
    Update(M::Update),
    /// A timer that fired.
    Timer(TimerTag),
}

impl<M: StateMachine> Input<M> {
    /// What kind of input it is. A query is a message from outside like any other: it differs in how it is handled, not
    /// in how it travels.
    #[must_use]
    pub const fn kind(&self) -> InputKind {
        match self {
            Self::Start => InputKind::Start,
            Self::Message(_) | Self::Query(_) => InputKind::External,
            Self::Update(_) => InputKind::Update,
            Self::Timer(_) => InputKind::Timer,
        }
    }
}

impl<M: StateMachine> Clone for Input<M> {
    fn clone(&self) -> Self {
        match self {
            Self::Start => Self::Start,
            Self::Message(message) => Self::Message(message.clone()),
            Self::Query(query) => Self::Query(query.clone()),
            Self::Update(update) => Self::Update(update.clone()),
            Self::Timer(tag) => Self::Timer(*tag),
        }
    }
}

impl<M: StateMachine> std::fmt::Debug for Input<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::Message(message) | Self::Query(message) => message.fmt(f),
            Self::Update(update) => update.fmt(f),
            Self::Timer(tag) => write!(f, "timer {}", tag.0),
        }
    }
}

/// A message as it travels.
pub struct Envelope<M: StateMachine> {
    /// What everybody may read.
    pub header: Header,
    /// What the state machine reads.
    pub input: Input<M>,
}

/// Where the messages of a handler go. Headers are written in place, so that a driver which keeps their memory makes
/// none.
pub trait Outlet<M: StateMachine> {
    /// The header of the next message, to be written over; the same one until it is sent.
    fn draft(&mut self) -> &mut Header;

    /// Which life a worker is in, as far as the coordinator has told: [`Inbox::life`](crate::Inbox::life).
    fn life_of(&self, worker: WorkerId) -> Incarnation;

    /// Sends the draft with this input, and shows both where they are now.
    fn send(&mut self, input: Input<M>) -> (&Header, &Input<M>);
}

/// An outlet that collects messages in the order in which they were sent, each in a box that goes its way with it.
pub struct Outputs<'a, M: StateMachine> {
    draft: Box<Envelope<M>>,
    sent: Vec<Box<Envelope<M>>>,
    /// To be written over.
    spare: Vec<Box<Envelope<M>>>,
    lives: Lives<'a>,
}

/// Most boxes that are kept to be written over.
const SPARE_MAX: usize = 256;

/// Tells which life a worker is in.
type Lives<'a> = Box<dyn Fn(WorkerId) -> Incarnation + Send + 'a>;

impl<'a, M: StateMachine> Outputs<'a, M> {
    /// Nothing sent yet, where `life_of` tells which life a worker is in.
    #[must_use]
    pub fn new(life_of: impl Fn(WorkerId) -> Incarnation + Send + 'a) -> Self {
        Self { draft: blank(), sent: Vec::new(), spare: Vec::new(), lives: Box::new(life_of) }
    }

    /// Takes out what was sent.
    pub fn drain(&mut self) -> impl ExactSizeIterator<Item = Box<Envelope<M>>> + '_ {
        self.sent.drain(..)
    }

    /// The boxes that the next messages are written into.
    pub const fn spare(&mut self) -> &mut Vec<Box<Envelope<M>>> {
        &mut self.spare
    }

    /// Takes back the box of a message that nobody needs any more: the next is written into it.
    pub fn take_back(&mut self, mut done: Box<Envelope<M>>) {
        if self.spare.len() < SPARE_MAX {
            done.input = Input::Start;
            self.spare.push(done);
        }
    }
}

fn blank<M: StateMachine>() -> Box<Envelope<M>> {
    Box::new(Envelope { header: Header::blank(), input: Input::Start })
}

/// Where every worker is in its first life.
impl<M: StateMachine> Default for Outputs<'_, M> {
    fn default() -> Self {
        Self::new(|_| Incarnation(0))
    }
}

impl<M: StateMachine> Outlet<M> for Outputs<'_, M> {
    fn draft(&mut self) -> &mut Header {
        &mut self.draft.header
    }

    fn life_of(&self, worker: WorkerId) -> Incarnation {
        (self.lives)(worker)
    }

    fn send(&mut self, input: Input<M>) -> (&Header, &Input<M>) {
        self.draft.input = input;
        let next = self.spare.pop().unwrap_or_else(blank);
        self.sent.push(std::mem::replace(&mut self.draft, next));
        let sent = &self.sent[self.sent.len() - 1];
        (&sent.header, &sent.input)
    }
}
