//! No silent loss: every message sent is handled, dropped with a reason, or still on its way when the run is over.
//!
//! While a run goes on, only sums are kept: how many are out, and the sum of their hashes, spread over 64 bits so that
//! it is not zero by chance (odds of 2^-64). That tells whether something was lost; which, a trace tells.
//!
//! A copy that the network makes of an update is sent by the fault that makes it.
//!
//! More handled or dropped than sent is no loss by itself, but it could hide one: then the law cannot tell from sums,
//! and says so.
//!
//! Sound under `dpor`: it reads how a run ends.

use std::collections::BTreeMap;

use raddle_core::{
    Counting, End, EndReason, Event, FaultKind, Header, InputKind, Lane, MessageId, Moment, Names, Party, Trace, What,
    fnv,
};

use crate::dead::Dead;
use crate::violation::{Verdict, Violation};
use crate::words;

pub(crate) const NAME: &str = "no-silent-loss";
const LOST: &str = "lost";
const LOST_EXTERNAL: &str = "lost-external";

#[derive(Clone, Debug)]
pub(crate) struct NoSilentLoss {
    counting: Counting,
    updates: Out,
    externals: Out,
}

/// What is out: sent, and neither handled nor dropped.
#[derive(Clone, Copy, Debug, Default)]
struct Out {
    count: i64,
    sum: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Balance {
    Even,
    Lost,
    /// More came back than went out.
    Excess,
}

impl Out {
    #[inline(always)]
    fn goes(&mut self, id: &MessageId) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(fnv::fold(id.hash64()));
    }

    #[inline(always)]
    fn comes(&mut self, id: &MessageId) {
        self.count -= 1;
        self.sum = self.sum.wrapping_sub(fnv::fold(id.hash64()));
    }

    fn balance(self) -> Balance {
        match (self.count, self.sum) {
            (0, 0) => Balance::Even,
            (0.., _) => Balance::Lost,
            (..0, _) => Balance::Excess,
        }
    }
}

impl NoSilentLoss {
    pub(crate) fn new(counting: Counting) -> Self {
        Self { counting, updates: Out::default(), externals: Out::default() }
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.counting);
    }

    #[inline(always)]
    pub(crate) fn emit(&mut self, header: &Header) {
        self.updates.goes(&header.id);
    }

    /// The network made a copy. One of a message from outside counts when it arrives, as all of those do.
    pub(crate) fn copy(&mut self, header: &Header) {
        if !header.id.is_root() {
            self.emit(header);
        }
    }

    #[inline(always)]
    pub(crate) fn arrive(&mut self, header: &Header) {
        if let Party::Source(_) = header.from {
            self.externals.goes(&header.id);
        }
    }

    /// Handled, or dropped after it was sent.
    #[inline(always)]
    pub(crate) fn done(&mut self, header: &Header) {
        if !header.id.is_root() {
            self.updates.comes(&header.id);
        } else if let Party::Source(_) = header.from {
            self.externals.comes(&header.id);
        }
    }

    pub(crate) fn finish(&mut self, end: &End, dead: &Dead, moment: Moment) -> Verdict {
        for id in &end.in_flight {
            let out = if id.is_root() { &mut self.externals } else { &mut self.updates };
            out.comes(id);
        }
        if end.reason == EndReason::Violation {
            return Verdict::Unknown("the run was cut short where another law was broken".to_owned());
        }
        let externals =
            if knows_externals(self.counting, end, dead) { self.externals.balance() } else { Balance::Even };
        match (self.updates.balance(), externals) {
            (Balance::Lost, _) => Verdict::Violation(lost(LOST, "an update", moment)),
            (_, Balance::Lost) => Verdict::Violation(lost(LOST_EXTERNAL, "an external message", moment)),
            (Balance::Even, Balance::Even) => Verdict::Ok,
            _ => Verdict::Unknown("more was handled or dropped than was sent, which could hide a loss".to_owned()),
        }
    }
}

/// Whether what became of every external message that arrived is known: always if it is handled where it arrives.
/// Otherwise it may stay in its queue, if its worker is dead, or waits for room elsewhere, or the run was stopped.
fn knows_externals(counting: Counting, end: &End, dead: &Dead) -> bool {
    counting == Counting::InFlight || (end.reason == EndReason::Quiescent && end.stalled.is_empty() && dead.is_nobody())
}

fn lost(code: &'static str, what: &str, moment: Moment) -> Violation {
    let reason = format!("{what} was sent, and neither handled nor dropped nor is it still on its way");
    Violation::at_end(NAME, code, moment, reason)
}

/// Whether a drop ends the way of a message that was sent: at its sender's own core nothing has been sent yet.
pub(crate) fn ends_a_way(lane: Lane) -> bool {
    !matches!(lane, Lane::Worker(_))
}

/// Names what was lost.
pub(crate) fn explain(violation: &mut Violation, trace: &Trace) {
    if let Verdict::Violation(exact) = judge(trace, violation.moment)
        && exact.code == violation.code
    {
        *violation = exact;
    }
}

/// The verdict from a whole trace, id by id, with the names of what was lost.
pub(crate) fn judge(trace: &Trace, moment: Moment) -> Verdict {
    let externals = knows_externals(trace.conditions.counting, &trace.end, &Dead::at_end(trace));
    let lost_ids = lost_ids(trace, externals);
    let Some(first) = lost_ids.iter().find(|id| !id.is_root()).or(lost_ids.first()) else { return Verdict::Ok };
    let names = &trace.conditions.names;
    let (code, what) = if first.is_root() { (LOST_EXTERNAL, "message") } else { (LOST, "update") };
    let sent = trace.events.iter().find(|e| e.header.id == **first).expect("what is lost was sent");
    let mut reason = format!("{}; nothing more was heard of it", last_seen(sent, names));
    if lost_ids.len() > 1 {
        let others: Vec<String> = lost_ids.iter().filter(|id| *id != first).map(|id| words::id(id, names)).collect();
        reason += &format!(" (lost as well: {})", words::list(&others));
    }
    let mut violation = lost(code, what, moment);
    violation.reason = reason;
    violation.depth = first.depth();
    violation.witness = lost_ids.iter().filter(|id| *id != first).map(|id| (*id).clone()).collect();
    violation.message = Some((*first).clone());
    Verdict::Violation(violation)
}

/// The ids that were sent more often than they were handled, dropped or left on their way.
fn lost_ids(trace: &Trace, externals: bool) -> Vec<&MessageId> {
    let mut out: BTreeMap<&MessageId, i64> = BTreeMap::new();
    for event in &trace.events {
        let id = &event.header.id;
        let change = match (event.what, event.header.kind()) {
            (What::Emit | What::Fault(FaultKind::Duplication), InputKind::Update) => 1,
            (What::Arrive, InputKind::External) if externals => 1,
            (What::Handle, InputKind::Update | InputKind::External) => -1,
            (What::Drop(_), InputKind::Update | InputKind::External) if ends_a_way(event.lane) => -1,
            _ => continue,
        };
        *out.entry(id).or_default() += change;
    }
    for id in &trace.end.in_flight {
        *out.entry(id).or_default() -= 1;
    }
    out.into_iter().filter(|(_, n)| *n > 0).map(|(id, _)| id).collect()
}

fn last_seen(sent: &Event, names: &Names) -> String {
    let header = &sent.header;
    let (id, to, step) = (words::id(&header.id, names), names.worker(header.to), sent.moment.step);
    match header.from {
        Party::Worker(_) if header.id.nth_copy() > 0 => format!("the network made {id} for {to} at step {step}"),
        Party::Worker(from) => format!("{} sent {id} to {to} at step {step}", names.worker(from)),
        Party::Source(_) => format!("{id} arrived at {to} at step {step}"),
    }
}
