//! Consistent cuts: the parts of one cut are of one moment that may have been.
//!
//! A cut is what workers say under one name, each at a moment of its own. It is consistent if no part knows of an update that
//! another part says was not sent yet: for all workers i and j that take part, i's clock at its part counts no more sends
//! of j than j had sent at its own (Mattern 1989). Then what the parts say together is a state that the system may have
//! been in.
//!
//! - `inconsistent`: a part knows of what was sent after another;
//! - `twice`: a worker says its part twice.
//!
//! A cut in which not everybody takes part is judged as far as it goes.
//!
//! Sound under `dpor`: it reads clocks at moments of one worker each.

use raddle_core::{Event, EventRef, MessageId, Names, Trace, VectorClock, What, WorkerId};

use crate::causal_order::how_known;
use crate::dead::worker_of;
use crate::knowledge::Knowledge;
use crate::violation::Violation;
use crate::words;

pub(crate) const NAME: &str = "consistent-cut";

/// The cuts of one run. Those of earlier runs are kept for their memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConsistentCut {
    cuts: Vec<Cut>,
    used: usize,
}

#[derive(Clone, Debug, Default)]
struct Cut {
    name: String,
    parts: Vec<Part>,
    used: usize,
}

#[derive(Clone, Debug, Default)]
struct Part {
    worker: WorkerId,
    /// What the worker knew, its own sends counted.
    clock: VectorClock,
}

/// What is wrong with a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Twice,
    /// The part of one worker knows of more sends of another than that had sent at its own.
    Knows {
        knower: WorkerId,
        known: u32,
        of: WorkerId,
        sent: u32,
    },
}

impl ConsistentCut {
    pub(crate) const fn reset(&mut self) {
        self.used = 0;
    }

    /// Becomes equal to `other`, the same law over another run, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { cuts, used } = self;
        *used = other.used;
        cuts.resize_with(cuts.len().max(other.used), Cut::default);
        for (mine, theirs) in cuts.iter_mut().zip(&other.cuts[..other.used]) {
            mine.name.clone_from(&theirs.name);
            mine.used = theirs.used;
            mine.parts.clone_from(&theirs.parts);
        }
    }

    /// Takes the part of a worker that knows this.
    pub(crate) fn part(&mut self, event: EventRef<'_>, clock: &VectorClock) -> Option<Wrong> {
        let worker = worker_of(event);
        let cut = self.cut(event.text);
        let parts = &cut.parts[..cut.used];
        if parts.iter().any(|part| part.worker == worker) {
            return Some(Wrong::Twice);
        }
        let between = |part: &Part| {
            exceeds(worker, clock, part.worker, &part.clock).or(exceeds(part.worker, &part.clock, worker, clock))
        };
        let wrong = parts.iter().find_map(between);
        cut.add(worker, clock);
        wrong
    }

    fn cut(&mut self, name: &str) -> &mut Cut {
        let at = self.cuts[..self.used].iter().position(|cut| cut.name == name).unwrap_or_else(|| {
            if self.used == self.cuts.len() {
                self.cuts.push(Cut::default());
            }
            let cut = &mut self.cuts[self.used];
            cut.name.clear();
            cut.name.push_str(name);
            cut.used = 0;
            self.used += 1;
            self.used - 1
        });
        &mut self.cuts[at]
    }

    #[cold]
    pub(crate) fn broken(wrong: Wrong, event: EventRef<'_>, names: &Names) -> Violation {
        let name = |worker: WorkerId| names.worker(worker);
        let (code, worker, reason) = match wrong {
            Wrong::Twice => {
                let worker = worker_of(event);
                ("twice", worker, format!("{} says its part of the cut \"{}\" a second time", name(worker), event.text))
            }
            Wrong::Knows { knower, known, of, sent } => {
                let reason = format!(
                    "in the cut \"{}\", {} knows of number {known} of what {} sent, though {} had sent {} at its own part",
                    event.text,
                    name(knower),
                    name(of),
                    name(of),
                    words::count(sent, "update"),
                );
                ("inconsistent", knower, reason)
            }
        };
        Violation::at(NAME, code, Some(worker), event, reason)
    }
}

impl Cut {
    fn add(&mut self, worker: WorkerId, clock: &VectorClock) {
        if self.used == self.parts.len() {
            self.parts.push(Part::default());
        }
        let part = &mut self.parts[self.used];
        part.worker = worker;
        part.clock.copy_from(clock);
        self.used += 1;
    }
}

/// Whether the part of `knower` knows of more than `of` had sent.
fn exceeds(knower: WorkerId, knows: &VectorClock, of: WorkerId, had: &VectorClock) -> Option<Wrong> {
    let (known, sent) = (knows.get(of), had.get(of));
    (known > sent).then_some(Wrong::Knows { knower, known, of, sent })
}

/// Names the first update that was sent after one part and known at another, and how it came to be known.
pub(crate) fn explain(violation: &mut Violation, trace: &Trace) {
    let Some((at, Wrong::Knows { knower, of, sent, .. })) = first_wrong(trace) else { return };
    let cut = &trace.events[at].text;
    let is_part = |e: &Event| e.what == What::Cut && e.text == *cut && worker_of(e.as_ref()) == knower;
    let Some(part) = trace.events[..=at].iter().position(is_part) else { return };
    let is_send =
        |e: &&Event| e.what == What::Emit && e.header.from.worker() == Some(of) && e.header.clock.get(of) == sent + 1;
    let before = &trace.events[..part];
    let Some(first) = before.iter().find(is_send).map(|e| &e.header) else { return };
    let teaches = |e: &&Event| e.what == What::Handle && e.header.to == knower && e.header.clock.get(of) > sent;
    let Some(taught) = before.iter().position(|e| teaches(&e)) else { return };
    let last = &before[taught].header;
    let mut path: Vec<MessageId> =
        how_known(&before[..taught], last, of, sent + 1).iter().map(|header| header.id.clone()).collect();
    path.push(last.id.clone());
    let names = &trace.conditions.names;
    let told: Vec<String> = path.iter().filter(|id| **id != first.id).map(|id| words::id(id, names)).collect();
    violation.reason = format!(
        "in the cut \"{cut}\", {} knows of {}, which {} sent after its own part",
        names.worker(knower),
        words::id(&first.id, names),
        names.worker(of),
    );
    if !told.is_empty() {
        violation.reason += &format!(" (through {})", words::list(&told));
    }
    path.retain(|id| *id != first.id);
    path.insert(0, first.id.clone());
    violation.witness = path;
}

/// The event of a trace at which a cut is wrong first, and what is wrong.
fn first_wrong(trace: &Trace) -> Option<(usize, Wrong)> {
    let mut knowledge = Knowledge::new(trace.conditions.names.worker_count());
    let mut law = ConsistentCut::default();
    trace.events.iter().enumerate().find_map(|(at, event)| {
        knowledge.follow(event);
        if event.what == What::Cut {
            let clock = knowledge.of(worker_of(event.as_ref()));
            return Some((at, law.part(event.as_ref(), clock)?));
        }
        None
    })
}
