//! Session guarantees: what a session has seen and done, it finds again wherever it goes on (Terry et al. 1994).
//!
//! Their servers exchange writes; ours exchange updates. So what a session knows is a clock: what each worker that handled
//! one of its messages knew when that was done, all that it sent then counted. When a worker handles the next message of
//! the session, each update to this worker that the session knows of must have been handled there, or dropped. If not:
//!
//! - `read-your-writes`, `monotonic-writes`: the update came of one of the session's own messages. The first if what is
//!   handled is a query, the second if it is a write;
//! - `monotonic-reads`, `writes-follow-reads`: it came of anything else that the session has seen the effects of;
//! - `monotonic-reads` also if a query is answered by a later life than one that has answered a query of this session, and
//!   that life has lost its state.
//!
//! A message is a query if its handler read or replied, and sent and wrote nothing: that is known when the handling is
//! over, so until then a breach is a suspect. What a worker sends itself is exempt, as in `causal-order`.
//!
//! Sound under `dpor`: it reads what each worker handled in its order, and clocks.

use raddle_core::{
    Conditions, Event, EventRef, Header, Incarnation, MessageId, Moment, Names, Party, Policies, Recovery, Root,
    SourceId, Trace, VectorClock, What, WorkerId,
};

use crate::dead::worker_of;
use crate::knowledge::Knowledge;
use crate::no_silent_loss::ends_a_way;
use crate::per_worker::{Forget, PerWorker};
use crate::violation::Violation;
use crate::words;

pub(crate) const NAME: &str = "session-guarantees";

#[derive(Clone, Debug)]
pub(crate) struct SessionGuarantees {
    /// By source; none where it is no session.
    sessions: Vec<Option<Session>>,
    seats: PerWorker<Seat>,
    suspects: Vec<Suspect>,
    keeps_state: bool,
}

#[derive(Clone, Debug, Default)]
struct Session {
    knows: VectorClock,
    /// Who answered its queries, in which life.
    answered: Vec<(WorkerId, Incarnation)>,
}

#[derive(Clone, Debug, Default)]
struct Seat {
    /// Updates to this worker that were neither handled nor dropped, in the order in which they were sent.
    due: Vec<Due>,
    handles: Option<Handling>,
}

impl Forget for Seat {
    #[inline]
    fn forget(&mut self) {
        self.due.clear();
        self.handles = None;
    }

    #[inline]
    fn copy_from(&mut self, other: &Self) {
        let Self { due, handles } = self;
        due.clone_from(&other.due);
        *handles = other.handles;
    }
}

/// An update under way: the `count`th of its sender, in the chain of `root`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Due {
    from: WorkerId,
    count: u32,
    root: Root,
}

/// A message of a session that a worker handles, and what its handler has said so far.
#[derive(Clone, Copy, Debug)]
struct Handling {
    session: SourceId,
    life: Incarnation,
    saw: bool,
    did: bool,
}

/// A breach, or not, as the handling will show.
#[derive(Clone, Debug)]
struct Suspect {
    at: WorkerId,
    session: SourceId,
    message: MessageId,
    moment: Moment,
    missed: Missed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missed {
    Update(Due),
    /// All that the session saw in an earlier life.
    Life(Incarnation),
}

impl SessionGuarantees {
    pub(crate) fn new(conditions: &Conditions) -> Self {
        let names = &conditions.names;
        Self {
            sessions: names.sources().map(|(id, _)| names.is_session(id).then(Session::default)).collect(),
            seats: PerWorker::new(names.worker_count()),
            suspects: Vec::new(),
            keeps_state: keeps_state(&conditions.policies),
        }
    }

    pub(crate) fn reset(&mut self) {
        for session in self.sessions.iter_mut().flatten() {
            session.knows.clear();
            session.answered.clear();
        }
        self.seats.reset();
        self.suspects.clear();
    }

    /// Becomes equal to `other`, the same law over another run, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { sessions, seats, suspects, keeps_state: _ } = self;
        for (mine, theirs) in sessions.iter_mut().flatten().zip(other.sessions.iter().flatten()) {
            let Session { knows, answered } = mine;
            knows.copy_from(&theirs.knows);
            answered.clone_from(&theirs.answered);
        }
        seats.copy_from(&other.seats);
        suspects.clone_from(&other.suspects);
    }

    /// An update is sent by one who knows this, the send counted.
    #[inline]
    pub(crate) fn emit(&mut self, header: &Header, from: WorkerId, known: &VectorClock) {
        if let Some(handling) = &mut self.seats.at(from).handles {
            handling.did = true;
            if let Some(session) = self.sessions.get_mut(handling.session.index()).and_then(Option::as_mut) {
                session.knows.merge(known);
            }
        }
        if header.link().is_some() {
            let due = Due { from, count: known.get(from), root: header.id.chain() };
            self.seats.at(header.to).due.push(due);
        }
    }

    /// A handler says what it saw, wrote or answered.
    pub(crate) fn said(&mut self, event: EventRef<'_>) {
        if let Some(handling) = &mut self.seats.at(worker_of(event)).handles {
            handling.did |= event.what == What::Wrote;
            handling.saw |= event.what != What::Wrote;
        }
    }

    /// An update is gone. A copy of it is not that update: it is due by one or the other.
    #[inline]
    pub(crate) fn dropped(&mut self, header: &Header) {
        if header.id.nth_copy() == 0 {
            self.arrived(header);
        }
    }

    /// A worker handles an input, and knows this now. What it handled before is over; gives what that broke.
    #[inline]
    pub(crate) fn handle(&mut self, event: EventRef<'_>, known: &VectorClock, names: &Names) -> Option<Violation> {
        let header = event.header;
        let broken = self.over(header.to, names);
        self.arrived(header);
        if let Party::Source(source) = header.from
            && let Some(session) = self.sessions.get_mut(source.index()).and_then(Option::as_mut)
        {
            let seat = self.seats.at(header.to);
            if let Some(missed) = session.misses(seat, event, self.keeps_state) {
                let (message, moment) = (header.id.clone(), event.moment);
                self.suspects.push(Suspect { at: header.to, session: source, message, moment, missed });
            }
            seat.handles = Some(Handling { session: source, life: event.life, saw: false, did: false });
            session.knows.merge(known);
        }
        broken
    }

    /// What a worker handles is over.
    #[inline]
    pub(crate) fn over(&mut self, worker: WorkerId, names: &Names) -> Option<Violation> {
        let handling = self.seats.at(worker).handles.take()?;
        let is_query = handling.saw && !handling.did;
        let session = self.sessions.get_mut(handling.session.index())?.as_mut()?;
        if is_query && !session.answered.contains(&(worker, handling.life)) {
            session.answered.push((worker, handling.life));
        }
        let at = self.suspects.iter().position(|suspect| suspect.at == worker)?;
        self.suspects.swap_remove(at).judge(is_query, names)
    }

    pub(crate) fn finish(&mut self, names: &Names) -> Option<Violation> {
        while let Some(at) = self.suspects.first().map(|suspect| suspect.at) {
            let broken = self.over(at, names);
            self.suspects.retain(|suspect| suspect.at != at);
            if broken.is_some() {
                return broken;
            }
        }
        None
    }

    #[inline]
    fn arrived(&mut self, header: &Header) {
        let Some(from) = header.link() else { return };
        let due = &mut self.seats.at(header.to).due;
        let count = header.clock.get(from);
        if let Some(at) = due.iter().position(|due| due.from == from && due.count == count) {
            due.remove(at);
        }
    }
}

/// Whether a new life of a worker begins with the state of the one before.
pub(crate) fn keeps_state(policies: &Policies) -> bool {
    policies.recovery == Recovery::Durable
}

impl Session {
    /// What this session knows of and the worker that handles its message does not; its own first.
    fn misses(&self, seat: &Seat, event: EventRef<'_>, keeps_state: bool) -> Option<Missed> {
        let known = || seat.due.iter().filter(|due| self.knows.get(due.from) >= due.count);
        let is_own = |due: &&Due| is_of(due.root, event.header.from);
        let due = known().find(is_own).or_else(|| known().next());
        let lost = || {
            let earlier = |seen: &&(WorkerId, Incarnation)| seen.0 == event.header.to && seen.1 < event.life;
            self.answered.iter().find(earlier).filter(|_| !keeps_state).map(|seen| Missed::Life(seen.1))
        };
        due.map(|due| Missed::Update(*due)).or_else(lost)
    }
}

fn is_of(root: Root, party: Party) -> bool {
    matches!(root, Root::External(source, _) if Party::Source(source) == party)
}

impl Suspect {
    /// What is broken, now that it is known whether it was a query.
    #[cold]
    fn judge(self, is_query: bool, names: &Names) -> Option<Violation> {
        let (worker, session) = (names.worker(self.at), names.source(self.session));
        let kind = if is_query { "query" } else { "message" };
        let id = words::id(&self.message, names);
        let (code, reason) = match self.missed {
            Missed::Update(due) => {
                let code = match (is_of(due.root, Party::Source(self.session)), is_query) {
                    (true, true) => "read-your-writes",
                    (true, false) => "monotonic-writes",
                    (false, true) => "monotonic-reads",
                    (false, false) => "writes-follow-reads",
                };
                let (from, count) = (names.worker(due.from), due.count);
                let missed = format!("number {count} of what {from} sent, which {session} knew of");
                (code, format!("{worker} handled the {kind} {id} before {missed}"))
            }
            Missed::Life(_) if !is_query => return None,
            Missed::Life(life) => {
                let lost = format!("in life {}, which {session} had seen, and has lost its state since", life.0);
                ("monotonic-reads", format!("{worker} answered the {kind} {id}; it had answered {lost}"))
            }
        };
        let mut violation = Violation::at_end(NAME, code, self.moment, reason);
        violation.worker = Some(self.at);
        violation.message = Some(self.message);
        Some(violation)
    }
}

/// Names the update that was missed, and the message of the session by which it knew of that.
pub(crate) fn explain(violation: &mut Violation, trace: &Trace) {
    let Some(Suspect { at, session, message, missed: Missed::Update(due), .. }) = of(trace, violation) else { return };
    let is_missed = |e: &&Event| {
        e.what == What::Emit && e.header.from == Party::Worker(due.from) && e.header.clock.get(due.from) == due.count
    };
    let Some(missed) = trace.events.iter().find(is_missed).map(|e| &e.header) else { return };
    let names = &trace.conditions.names;
    let is_query = ["read-your-writes", "monotonic-reads"].contains(&violation.code.as_str());
    let kind = if is_query { "query" } else { "message" };
    violation.reason = format!(
        "{} handled the {kind} {} before {}, which {} knew of",
        names.worker(at),
        words::id(&message, names),
        words::message(missed, names),
        names.source(session),
    );
    violation.witness = vec![missed.id.clone()];
    if let Some((through, worker)) = how_known(trace, session, due) {
        violation.reason += &format!(" (through {} at {})", words::id(through, names), names.worker(worker));
        violation.witness.push(through.clone());
    }
}

/// The suspect that became this breach.
fn of(trace: &Trace, violation: &Violation) -> Option<Suspect> {
    let mut knowledge = Knowledge::new(trace.conditions.names.worker_count());
    let mut law = SessionGuarantees::new(&trace.conditions);
    trace.events.iter().find_map(|event| {
        law.follow(event, &mut knowledge, &trace.conditions.names);
        let is_it = |suspect: &&Suspect| {
            Some(&suspect.message) == violation.message.as_ref() && suspect.moment == violation.moment
        };
        law.suspects.iter().find(is_it).cloned()
    })
}

/// The message of a session by which it came to know of an update, and who handled it.
fn how_known(trace: &Trace, session: SourceId, due: Due) -> Option<(&MessageId, WorkerId)> {
    let names = &trace.conditions.names;
    let mut knowledge = Knowledge::new(names.worker_count());
    let mut law = SessionGuarantees::new(&trace.conditions);
    let mut last = None;
    trace.events.iter().find_map(|event| {
        law.follow(event, &mut knowledge, names);
        if event.what == What::Handle && event.header.from == Party::Source(session) {
            last = Some((&event.header.id, event.header.to));
        }
        let knows = |session: &Session| session.knows.get(due.from) >= due.count;
        last.filter(|_| law.sessions[session.index()].as_ref().is_some_and(knows))
    })
}

impl SessionGuarantees {
    /// Follows an event of a trace.
    fn follow(&mut self, event: &Event, knowledge: &mut Knowledge, names: &Names) {
        knowledge.follow(event);
        let (event, header) = (event.as_ref(), &event.header);
        match (event.what, header.from.worker()) {
            (What::Emit, Some(from)) => self.emit(header, from, knowledge.of(from)),
            (What::Handle, _) => _ = self.handle(event, knowledge.of(header.to), names),
            (What::Drop(_), _) if ends_a_way(event.lane) => self.dropped(header),
            (What::Read | What::Wrote | What::Reply, _) => self.said(event),
            (What::Crash(_), _) => _ = self.over(worker_of(event), names),
            _ => {}
        }
    }
}
