//! Causal order: no update is handled after one whose sender knew that it had been sent.
//!
//! Judged by what each worker [knows](crate::knowledge) from what it has sent and handled. It judges two things:
//!
//! - `clock`: an update must carry exactly what its sender knew, its own send counted;
//! - `overtaken`: an update of s that is handled where a later send of s is known already comes too late.
//!
//! The second test takes one comparison and is exact. Each send of s has a number of its own, and it reaches another
//! worker's clock by that very update or by what was sent after it. So at worker p, for an update to p numbered k by
//! its sender s: the entry of s is above k if and only if p has handled an update whose sender knew of number k
//! ("if": it knew by a later send of s, as number k itself went to p alone). The entry equals k if p has handled this
//! very update before: that is a duplicate, and another law's business. (Charron-Bost 1991 on the exactness of vector
//! clocks.)
//!
//! What a worker sends itself is exempt: it waits in no network. So is a copy that the network made of an update, where
//! the core keeps no order: only the core knows that it comes once more.
//!
//! Sound under `dpor`: it reads what each worker handled in its order, and clocks, which follow from that.

use raddle_core::{Conditions, Event, EventRef, Header, Names, Order, Trace, VectorClock, What, WorkerId};

use crate::violation::Violation;
use crate::words;

pub(crate) const NAME: &str = "causal-order";

#[derive(Clone, Debug)]
pub(crate) struct CausalOrder {
    copies_count: bool,
    is_broken: bool,
}

impl CausalOrder {
    pub(crate) fn new(conditions: &Conditions) -> Self {
        Self { copies_count: conditions.policies.order != Order::Arrival, is_broken: false }
    }

    pub(crate) const fn reset(&mut self) {
        self.is_broken = false;
    }

    /// Whether this is the first breach of the run, which alone is reported. A run may go on, and which message is late
    /// next nobody can guess: so this takes no branch.
    #[inline(always)]
    fn breaks(&mut self, wrong: bool) -> bool {
        let first = wrong & !self.is_broken;
        self.is_broken |= wrong;
        first
    }

    /// No at the first update that does not carry what its sender `knows`, this send counted.
    #[inline(always)]
    pub(crate) fn emit(&mut self, header: &Header, knows: &VectorClock) -> bool {
        !self.breaks(*knows != header.clock)
    }

    /// No at the first update that is late for one who `knows` this, what it handles now not counted.
    #[inline(always)]
    pub(crate) fn handle(&mut self, header: &Header, knows: &VectorClock) -> bool {
        let Some(from) = header.link() else { return true };
        let counts = self.copies_count | (header.id.nth_copy() == 0);
        let late = knows.get(from) > header.clock.get(from);
        !self.breaks(late & counts)
    }

    #[cold]
    pub(crate) fn wrong_clock(event: EventRef<'_>, knows: &VectorClock, names: &Names) -> Violation {
        let header = event.header;
        let from = header.from.worker().unwrap_or_default();
        let reason = format!(
            "{} sent {} with the clock {}, though by what it has sent and handled it knew {}",
            names.worker(from),
            words::id(&header.id, names),
            words::clock(&header.clock, names),
            words::clock(knows, names),
        );
        Violation::at(NAME, "clock", Some(from), event, reason)
    }

    #[cold]
    pub(crate) fn overtaken(event: EventRef<'_>, names: &Names) -> Violation {
        let to = event.header.to;
        let reason = format!(
            "{} handled {} too late: it had handled an update before whose sender knew of it",
            names.worker(to),
            words::message(event.header, names),
        );
        Violation::at(NAME, "overtaken", Some(to), event, reason)
    }
}

/// Names the update that overtook, and how its sender knew.
pub(crate) fn explain(violation: &mut Violation, trace: &Trace) {
    if violation.code != "overtaken" {
        return;
    }
    let broke = |e: &Event| {
        e.what == What::Handle && e.moment == violation.moment && Some(&e.header.id) == violation.message.as_ref()
    };
    let Some(late) = trace.events.iter().position(broke) else { return };
    let handled = &trace.events[late].header;
    let overtook = trace.events[..late]
        .iter()
        .position(|e| e.what == What::Handle && e.header.to == handled.to && handled.sent_before(&e.header));
    let Some(overtook) = overtook else { return };
    let first = &trace.events[overtook].header;
    let (Some(sender), Some(knower)) = (handled.from.worker(), first.from.worker()) else { return };
    let through = how_known(&trace.events[..overtook], first, sender, handled.clock.get(sender));
    let names = &trace.conditions.names;
    let late_id = words::id(&handled.id, names);
    let mut reason = format!(
        "{} handled {} before {}, though {} sent {late_id} first",
        names.worker(handled.to),
        words::message(first, names),
        words::message(handled, names),
        names.worker(sender),
    );
    if knower != sender {
        let path: Vec<String> = through.iter().map(|header| words::id(&header.id, names)).collect();
        let first_id = words::id(&first.id, names);
        reason += &format!(" and {} knew of it when it sent {first_id}", names.worker(knower));
        if !path.is_empty() {
            reason += &format!(" (through {})", words::list(&path));
        }
    }
    violation.reason = reason;
    violation.witness = through.iter().map(|header| header.id.clone()).chain([first.id.clone()]).collect();
}

/// The updates by which the sender of `last` came to know of number `count` of worker `of`, in order.
pub(crate) fn how_known<'t>(events: &'t [Event], last: &'t Header, of: WorkerId, count: u32) -> Vec<&'t Header> {
    let mut path = Vec::new();
    let (mut before, mut last) = (events.len(), last);
    while let Some(knower) = last.from.worker().filter(|knower| *knower != of) {
        let is_send = |e: &Event| e.what == What::Emit && e.header.id == last.id;
        before = events[..before].iter().rposition(is_send).unwrap_or(before);
        let teaches = |e: &&Event| e.what == What::Handle && e.header.to == knower && e.header.clock.get(of) >= count;
        let Some(teacher) = events[..before].iter().find(teaches) else { break };
        if path.len() >= events.len() {
            break; // no honest trace has such a path
        }
        last = &teacher.header;
        path.push(last);
    }
    path.reverse();
    path
}
