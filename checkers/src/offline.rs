//! The same laws over a whole trace.
//!
//! The trace is fed to the very checkers that judge while a run goes on, so both give the same signatures. Then each
//! law looks back into the trace for what it had no time to keep: which message overtook, what was lost, the chain.

use raddle_core::{EndReason, Trace};

use crate::bank::Bank;
use crate::laws::UnknownLaw;
use crate::violation::{Verdict, Violation};
use crate::{
    bounded_depth, bounded_headers, causal_consistency, causal_order, consistent_cut, determinism, fifo, liveness,
    no_deadlock, no_duplicates, no_silent_loss, session_guarantees,
};

/// Judges a trace by the laws of these names; gives what each says, in the order of [`LAWS`](crate::LAWS), with
/// witnesses.
///
/// `determinism` cannot be told from one trace; see [`determinism::compare`](crate::determinism::compare).
///
/// ```
/// use std::sync::Arc;
/// use raddle_checkers::{Verdict, check};
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
/// assert_eq!(check(&trace, &["no-silent-loss"])?, [("no-silent-loss", Verdict::Ok)]);
///
/// let error = check(&trace, &["no-loss"]).expect_err("there is no such law");
/// assert_eq!(error.name, "no-loss");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When a name is not the name of a law; the error says which look like it.
pub fn check(trace: &Trace, laws: &[&str]) -> Result<Vec<(&'static str, Verdict)>, UnknownLaw> {
    let mut bank = Bank::new(trace.conditions.clone(), laws)?;
    for event in &trace.events {
        bank.observe(event.as_ref());
    }
    bank.finish(&trace.end);
    let mut verdicts = bank.verdicts();
    for (law, verdict) in &mut verdicts {
        match verdict {
            Verdict::Violation(violation) => explain(violation, trace),
            Verdict::Unknown(_) if *law == no_silent_loss::NAME && trace.end.reason != EndReason::Violation => {
                let moment = trace.events.last().map(|e| e.moment).unwrap_or_default();
                *verdict = no_silent_loss::judge(trace, moment);
            }
            Verdict::Unknown(_) if *law == causal_consistency::NAME => {
                *verdict = causal_consistency::judge(trace, causal_consistency::Level::Causal);
            }
            Verdict::Ok if *law == bounded_headers::NAME => *verdict = bounded_headers::judge(trace),
            Verdict::Ok | Verdict::Unknown(_) => {}
        }
    }
    if laws.contains(&determinism::NAME) {
        verdicts.push((determinism::NAME, determinism::of_one_run()));
    }
    Ok(verdicts)
}

/// Makes a violation that showed while a run went on as precise as the trace of that run allows: which message
/// overtook, what was lost, the chain. Its signature stays the same.
///
/// [`check`] does this by itself.
pub fn explain(violation: &mut Violation, trace: &Trace) {
    match violation.law.as_str() {
        causal_order::NAME => causal_order::explain(violation, trace),
        fifo::NAME => fifo::explain(violation, trace),
        no_deadlock::NAME => no_deadlock::explain(violation, trace),
        liveness::NAME => liveness::explain(violation, trace),
        bounded_depth::NAME => bounded_depth::explain(violation, trace),
        no_silent_loss::NAME => no_silent_loss::explain(violation, trace),
        session_guarantees::NAME => session_guarantees::explain(violation, trace),
        causal_consistency::NAME => causal_consistency::explain(violation, trace),
        consistent_cut::NAME => consistent_cut::explain(violation, trace),
        no_duplicates::NAME => no_duplicates::explain(violation, trace),
        _ => {}
    }
}
