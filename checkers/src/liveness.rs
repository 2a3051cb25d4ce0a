//! Liveness: after all faults are healed, a run comes to rest within ten times the steps that it took before.
//!
//! "Eventually" cannot be refuted by a finite run; so the driver heals everything at some step, lets nothing go wrong from
//! then on, and ends the run where its patience does (`End::healed`, `EndReason::Steps`). Whoever is still busy then is
//! taken to be so for ever, and the law says what keeps it so. (TigerBeetle's simulator is run in these two phases.) A run
//! without faults has no such phase: the step limit ends it, and nobody knows.
//!
//! Sound under `dpor`: it reads how a run ends.

use std::collections::BTreeMap;

use raddle_core::{End, EndReason, InputKind, Moment, Names, Trace, What, WorkerId};

use crate::violation::Violation;
use crate::words;

pub(crate) const NAME: &str = "liveness";

pub(crate) fn finish(end: &End, moment: Moment, names: &Names) -> Option<Violation> {
    let healed = end.healed.filter(|_| end.reason == EndReason::Steps)?;
    let mut reason = since(healed, moment);
    let ids: Vec<String> = end.in_flight.iter().map(|id| words::id(id, names)).collect();
    if !ids.is_empty() {
        reason += &format!(": {} still on the way", words::list(&ids));
    }
    Some(Violation::at_end(NAME, "busy", moment, reason))
}

fn since(healed: u64, moment: Moment) -> String {
    let after = moment.step.saturating_sub(healed);
    format!(
        "all faults were over at step {healed}, and {} later the run has not come to rest",
        words::count(after, "step")
    )
}

/// Names who is busy, and with what.
pub(crate) fn explain(violation: &mut Violation, trace: &Trace) {
    let Some(healed) = trace.end.healed else { return };
    let mut handled: BTreeMap<(WorkerId, InputKind), u64> = BTreeMap::new();
    let late = trace.events.iter().filter(|event| event.moment.step > healed && event.what == What::Handle);
    late.for_each(|event| *handled.entry((event.header.to, event.header.kind())).or_default() += 1);
    let names = &trace.conditions.names;
    // The busiest; of several, the first.
    let Some(((worker, kind), times)) = handled.into_iter().rev().max_by_key(|busy| busy.1) else { return };
    let what = words::count(times, kind.word());
    violation.reason =
        format!("{}: meanwhile {} handled {what}", since(healed, violation.moment), names.worker(worker));
}
