//! Causal consistency: what everybody read can be explained by an order of cause and effect.
//!
//! Handlers say what they read and wrote ([`Outbox::read`](raddle_core::Outbox::read),
//! [`Outbox::wrote`](raddle_core::Outbox::wrote)). The operations of a handler are those of the session whose message it
//! handles, otherwise of the worker itself, in each life anew if its lives do not keep their state. A history is
//! causally consistent if none of the bad patterns of Bouajjani, Enea, Guerraoui and Hamza (POPL'17) is in it:
//!
//! - `thin-air-read`: a value was read that nobody wrote;
//! - `cyclic-co`: an operation is its own cause;
//! - `write-co-init-read`: nothing was read, though a write of the key is among the causes of the read;
//! - `write-co-read`: what was read had been overwritten by another write among the causes of the read.
//!
//! [`judge`] can ask for more, that all agree on one order of all writes ([`Level::Convergent`]): code `cyclic-cf`.
//!
//! Values must be unique for each key, or nobody could say who wrote what was read: then it is unknown. Judged when a run is
//! over, in time near linear. What is wrong with `session-guarantees` is told there first, and better.
//!
//! Sound under `dpor`: it reads the order of each session, and who read from whom.

mod graph;
mod history;
mod judge;
mod writes;

use raddle_core::{Conditions, Event, EventRef, Incarnation, Moment, Names, Party, Trace, What, WorkerId};

use self::graph::path;
use self::history::History;
use self::judge::{Pattern, Unknown, Wrong};
use crate::dead::worker_of;
use crate::session_guarantees::keeps_state;
use crate::violation::{Verdict, Violation};
use crate::words;

pub(crate) const NAME: &str = "causal-consistency";

/// How much a history is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Everybody sees causes before effects; what has no order may be seen in different orders. The law asks for this.
    #[default]
    Causal,
    /// And all agree on the order of all writes, so that copies that have seen the same are the same.
    Convergent,
}

#[derive(Clone, Debug)]
pub(crate) struct CausalConsistency {
    history: History,
    /// By operation: where it was done.
    workers: Vec<WorkerId>,
    /// By source.
    is_session: Vec<bool>,
    keeps_state: bool,
}

impl CausalConsistency {
    pub(crate) fn new(conditions: &Conditions) -> Self {
        let names = &conditions.names;
        Self {
            history: History::new(),
            workers: Vec::new(),
            is_session: names.sources().map(|(id, _)| names.is_session(id)).collect(),
            keeps_state: keeps_state(&conditions.policies),
        }
    }

    pub(crate) fn reset(&mut self) {
        if !self.workers.is_empty() {
            self.history.reset();
            self.workers.clear();
        }
    }

    /// Becomes equal to `other`, the same law over another run, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { history, workers, is_session: _, keeps_state: _ } = self;
        if !(workers.is_empty() && other.workers.is_empty()) {
            history.copy_from(&other.history);
            workers.clone_from(&other.workers);
        }
    }

    /// Takes what a handler says that it read or wrote; other events are nothing.
    pub(crate) fn said(&mut self, event: EventRef<'_>) {
        if !is_operation(event.what) {
            return;
        }
        let worker = worker_of(event);
        let life = if self.keeps_state { Incarnation::default() } else { event.life };
        let session = match event.header.from {
            Party::Source(source) if self.is_session.get(source.index()) == Some(&true) => !(source.index() as u64),
            _ => (worker.index() as u64) << 32 | u64::from(life.0),
        };
        self.history.add(session, event.what == What::Wrote, event.text);
        self.workers.push(worker);
    }

    pub(crate) fn finish(&self, moment: Moment) -> Verdict {
        if self.workers.is_empty() {
            return Verdict::Ok;
        }
        match judge::judge(&self.history, Level::Causal) {
            Ok(None) => Verdict::Ok,
            Ok(Some(wrong)) => Verdict::Violation(self.violation(&wrong, moment)),
            Err(Unknown::WrittenTwice(_)) => {
                Verdict::Unknown("a key was given one value twice, so that nobody can say which was read".to_owned())
            }
            Err(Unknown::TooLarge { sessions }) => Verdict::Unknown(too_large(sessions)),
        }
    }

    fn violation(&self, wrong: &Wrong, moment: Moment) -> Violation {
        let mut violation = Violation::at_end(NAME, wrong.pattern.code(), moment, wrong.pattern.about().to_owned());
        violation.worker = wrong.ops.last().map(|op| self.workers[*op as usize]);
        violation
    }
}

const fn is_operation(what: What) -> bool {
    matches!(what, What::Read | What::Wrote)
}

fn too_large(sessions: usize) -> String {
    format!("the history is too large for the clocks of {}", words::count(sessions as u64, "session"))
}

impl Pattern {
    const fn code(self) -> &'static str {
        match self {
            Self::ThinAirRead => "thin-air-read",
            Self::CyclicCo => "cyclic-co",
            Self::WriteCoInitRead => "write-co-init-read",
            Self::WriteCoRead => "write-co-read",
            Self::CyclicCf => "cyclic-cf",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::ThinAirRead => "a value was read that nobody wrote",
            Self::CyclicCo => "what was read comes of the read itself",
            Self::WriteCoInitRead => "nothing was read of a key, though a write of it came before in causal order",
            Self::WriteCoRead => "what was read had been overwritten before, in causal order",
            Self::CyclicCf => "no order of the writes agrees with all that was read",
        }
    }
}

/// Judges the history in a trace at the level that is asked for.
///
/// ```
/// use std::sync::Arc;
/// use raddle_checkers::Verdict;
/// use raddle_checkers::causal_consistency::{Level, judge};
/// use raddle_core::{Conditions, Counting, End, Names, Order, Policies, Trace};
///
/// let conditions = Conditions {
///     names: Arc::new(Names::new("demo", ["ann"], ["bank"])?),
///     policies: Policies::default(),
///     counting: Counting::InFlight,
///     promised: Order::Fifo,
///     barriers: false,
/// };
/// let trace = Trace { conditions, events: Vec::new(), end: End::default() };
/// assert_eq!(judge(&trace, Level::Convergent), Verdict::Ok);
/// # Ok::<(), raddle_core::NameError>(())
/// ```
#[must_use]
pub fn judge(trace: &Trace, level: Level) -> Verdict {
    let mut law = CausalConsistency::new(&trace.conditions);
    trace.events.iter().for_each(|event| law.said(event.as_ref()));
    let told = || Told::new(trace);
    match judge::judge(&law.history, level) {
        Ok(None) => Verdict::Ok,
        Ok(Some(wrong)) => {
            let moment = trace.events.iter().rfind(|e| e.what == What::Handle).map(|e| e.moment).unwrap_or_default();
            let mut violation = law.violation(&wrong, moment);
            told().explain(&mut violation, &wrong, &law.history);
            Verdict::Violation(violation)
        }
        Err(Unknown::WrittenTwice(twice)) => {
            let told = told();
            let (first, second) = (told.operation(twice.0), told.operation(twice.1));
            Verdict::Unknown(format!("{second} after {first}: values must be unique, or nobody can say which was read"))
        }
        Err(Unknown::TooLarge { sessions }) => Verdict::Unknown(too_large(sessions)),
    }
}

/// Names the operations.
pub(crate) fn explain(violation: &mut Violation, trace: &Trace) {
    if let Verdict::Violation(exact) = judge(trace, Level::Causal)
        && exact.code == violation.code
    {
        *violation = Violation { moment: violation.moment, ..exact };
    }
}

/// What operations are told with.
struct Told<'t> {
    /// By operation.
    events: Vec<&'t Event>,
    names: &'t Names,
}

impl<'t> Told<'t> {
    fn new(trace: &'t Trace) -> Self {
        let events = trace.events.iter().filter(|event| is_operation(event.what)).collect();
        Self { events, names: &trace.conditions.names }
    }

    /// `A wrote x=1 (bank#0)`.
    fn operation(&self, op: u32) -> String {
        let event = self.events[op as usize];
        let text = &event.text;
        let did = match event.what {
            What::Wrote => format!("wrote {text}"),
            _ if text.contains('=') => format!("read {text}"),
            _ => format!("found no {text}"),
        };
        let worker = self.names.worker(worker_of(event.as_ref()));
        format!("{worker} {did} ({})", words::id(&event.header.id, self.names))
    }

    fn explain(&self, violation: &mut Violation, wrong: &Wrong, history: &History) {
        let chain = |ops: &[u32]| {
            let told: Vec<String> = ops.iter().map(|op| self.operation(*op)).collect();
            told.join(", then ")
        };
        let (last, ops) = match (wrong.pattern, &wrong.ops[..]) {
            (Pattern::ThinAirRead, [read]) => {
                violation.reason = format!("{}, which nobody wrote", self.operation(*read));
                (*read, vec![])
            }
            (Pattern::WriteCoInitRead, [write, read]) => {
                let ops = path(history, *write, *read);
                violation.reason =
                    format!("a write was not seen though it came before in causal order: {}", chain(&ops));
                (*read, ops)
            }
            (Pattern::WriteCoRead, [source, over, read]) => {
                let mut ops = path(history, *source, *over);
                ops.extend(path(history, *over, *read).into_iter().skip(1));
                violation.reason =
                    format!("what was read had been overwritten before, in causal order: {}", chain(&ops));
                (*read, ops)
            }
            (_, cycle) => {
                let last = cycle.last().copied().unwrap_or_default();
                violation.reason = format!("{}: the cycle {}", wrong.pattern.about(), chain(cycle));
                (last, cycle.to_vec())
            }
        };
        let header = &self.events[last as usize].header;
        violation.message = Some(header.id.clone());
        violation.depth = header.depth;
        violation.witness =
            ops.iter().filter(|op| **op != last).map(|op| self.events[*op as usize].header.id.clone()).collect();
    }
}
