//! The sessions of a world: which operation of each comes next, and what it must see.
//!
//! This file counts; what a session must see and whether it is served, the core decides ([`Token`], and the lobby of each
//! inbox). An operation is on its way when the one before was handled or dropped, and that is all that a session waits
//! for: it is no step. Operations that are left out are skipped.

use raddle_core::{Header, InputKind, MessageId, Party, Plan, Root, Sink, SourceId, StateMachine, Token, WorkerId};

use crate::slab::Slot;
use crate::world::World;

/// All sessions of a world.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// In the order of sources.
    list: Vec<Session>,
    /// Whether an operation waited at some worker after the last step.
    pub(crate) wait: bool,
}

#[derive(Debug)]
struct Session {
    source: SourceId,
    /// The places of its operations in the workload.
    ops: Vec<usize>,
    /// How many of them were sent or skipped.
    passed: usize,
    token: Token,
}

impl Sessions {
    pub(crate) fn new<M: StateMachine>(plan: &Plan<M>) -> Self {
        let sessions = plan.names().sources().filter(|(source, _)| plan.names().is_session(*source));
        let places = |source| {
            let all = plan.externals().iter().enumerate();
            all.filter(move |(_, external)| external.source == source).map(|(place, _)| place).collect()
        };
        let session = |(source, _)| Session { source, ops: places(source), passed: 0, token: Token::default() };
        Self { list: sessions.map(session).collect(), wait: false }
    }

    /// Whether there are any.
    #[inline(always)]
    pub(crate) fn are_any(&self) -> bool {
        !self.list.is_empty()
    }

    pub(crate) fn reset(&mut self) {
        self.wait = false;
        for session in &mut self.list {
            session.passed = 0;
            session.token.clear();
        }
    }

    /// The session that sent this, if one did.
    fn of(&self, header: &Header) -> Option<usize> {
        match (header.from, header.kind()) {
            (Party::Source(source), InputKind::External) => {
                self.list.binary_search_by_key(&source, |session| session.source).ok()
            }
            _ => None,
        }
    }

    /// Whether a session sent this.
    pub(crate) fn sent(&self, header: &Header) -> bool {
        self.are_any() && self.of(header).is_some()
    }

    /// Whether the message at a place of the workload is a session's and not its first.
    pub(crate) fn holds_back(&mut self, source: SourceId, place: usize, left_out: &[bool]) -> bool {
        let Ok(at) = self.list.binary_search_by_key(&source, |session| session.source) else { return false };
        let session = &mut self.list[at];
        session.passed > 0 || session.next(left_out) != Some(place)
    }
}

impl Session {
    /// The place of the next operation.
    fn next(&mut self, left_out: &[bool]) -> Option<usize> {
        let rest = self.ops.get(self.passed..).unwrap_or_default();
        let skipped = rest.iter().take_while(|place| left_out.get(**place) == Some(&true)).count();
        self.passed += skipped + 1;
        rest.get(skipped).copied()
    }
}

/// Whether this names what a session sent: of the ids that wait for a time, only such are no timers.
pub(crate) const fn is_op(id: &MessageId) -> bool {
    matches!(id.chain(), Root::External(..))
}

impl<M: StateMachine> World<M> {
    /// The operation that was handled last is over, and its session has seen what the worker knows, unless that died of it.
    #[inline(never)]
    pub(crate) fn note_op(&mut self, at: usize, is_done: bool) {
        let Some(session) = self.sessions.of(&self.current.header) else { return };
        if is_done {
            self.sessions.list[session].token.learn(&self.workers[at], &self.rules);
        }
        self.go_on(session);
    }

    /// What was dropped was an operation, perhaps: then its session goes on.
    pub(crate) fn note_dropped_op(&mut self, slot: Slot) {
        if let Some(session) = self.sessions.of(self.transit.slab.header(slot)) {
            self.go_on(session);
        }
    }

    /// A session sends its next operation, if it has one.
    fn go_on(&mut self, session: usize) {
        let Some(place) = self.sessions.list[session].next(&self.left_out) else { return };
        let slot = self.send_external(place);
        let header = &mut self.transit.slab.cards[slot as usize].header;
        self.sessions.list[session].token.stamp(header, self.moment.time);
    }

    /// What a session sent comes to its worker too late.
    pub(crate) fn expire<S: Sink<M>>(&mut self, worker: WorkerId, id: &MessageId, sink: &mut S) {
        let due = self.timers.due().expect("it is due");
        self.moment.time = self.moment.time.max(due);
        let (inbox, mut desk) = self.desk(worker, sink);
        let waited = inbox.expire(id, &mut desk);
        debug_assert!(waited, "only what waits is a candidate");
        self.see_to_aside();
    }

    /// Takes over until when operations wait, after a step that may have changed it.
    #[inline(never)]
    pub(crate) fn note_deadlines(&mut self) {
        let places = &self.transit.places;
        let inboxes = self.transit.touched.iter().map(|worker| (*worker, &places[worker.index()].inbox));
        let deadlines = inboxes.flat_map(|(worker, inbox)| inbox.op_deadlines().map(move |op| (op.1, worker, op.0)));
        let slab = &self.transit.slab;
        let ops = deadlines.map(|(deadline, worker, slot)| (deadline, worker, slab.header(*slot).id.clone()));
        let waited = std::mem::replace(&mut self.sessions.wait, false);
        let mut ops = ops.peekable();
        if waited || ops.peek().is_some() {
            self.sessions.wait = ops.peek().is_some();
            self.timers.update_ops(ops, self.settings.last_moment());
        }
    }
}
