//! What an exhaustive search came to, for people and for programs.

use raddle_sim::Report;
use raddle_sim::StrategyKind;
use raddle_sim::exhaustive::{Exhausted, Exhaustive};
use serde::Serialize;

use super::exit::Exit;
use crate::words;

/// The field `exhaustive` of a report.
#[derive(Serialize)]
pub(crate) struct ExhaustiveLine<'a> {
    complete: bool,
    executions: u64,
    blocked: u64,
    discarded: u64,
    traces: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    states: Option<u64>,
    violating: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<f64>,
    one_job: bool,
    /// Then coverage is of what was explored from there on.
    resumed: bool,
    unknown: Vec<UnknownLine<'a>>,
}

#[derive(Serialize)]
struct UnknownLine<'a> {
    checker: &'a str,
    why: &'a str,
}

impl<'a> ExhaustiveLine<'a> {
    pub(crate) fn of(exhausted: &'a Exhausted) -> Self {
        let unknown = exhausted.unknown.iter().map(|unknown| UnknownLine { checker: &unknown.law, why: &unknown.why });
        Self {
            complete: exhausted.complete,
            executions: exhausted.executions,
            blocked: exhausted.blocked,
            discarded: exhausted.discarded,
            traces: exhausted.traces,
            states: exhausted.states,
            violating: exhausted.violating,
            estimate: exhausted.estimate,
            one_job: exhausted.one_job,
            resumed: exhausted.resumed,
            unknown: unknown.collect(),
        }
    }
}

/// How an exhaustive search without a violation is judged.
pub(crate) fn verdict(exhausted: &Exhausted) -> Exit {
    if exhausted.complete && exhausted.unknown.is_empty() { Exit::Clean } else { Exit::Unknown }
}

/// Why an exhaustive search without a violation is not clean, if it is for a reason of its own.
pub(crate) fn doubt(report: &Report, exhausted: &Exhausted) -> Option<String> {
    if report.unfinished > 0 {
        return None;
    }
    let executions = words::counted(exhausted.executions, "execution");
    if !exhausted.complete {
        let part = words::percent(exhausted.part);
        let of = match (exhausted.states, exhausted.estimate) {
            (Some(states), _) => format!(", {part} of the {} known so far", words::counted(states, "state")),
            (None, Some(estimate)) => format!(" of about {}, {part} of all as it seems", words::about(estimate)),
            (None, None) => format!(", {part} of all as it seems"),
        };
        let on = match &exhausted.checkpoint {
            Some(file) => format!("the same command goes on from there: `{}`", file.display()),
            None => "`--checkpoint FILE` lets it go on from there".to_owned(),
        };
        return Some(format!("ended after {executions}{of}; {on}"));
    }
    let each = exhausted.unknown.iter().map(|unknown| format!("`{}` cannot be judged: {}", unknown.law, unknown.why));
    (!exhausted.unknown.is_empty()).then(|| each.collect::<Vec<_>>().join("\n"))
}

/// What is to be said of it, a line each.
pub(crate) fn facts(strategy: StrategyKind, exhausted: &Exhausted) -> Vec<(&'static str, String)> {
    let blocked = match exhausted.blocked {
        0 => String::new(),
        n => format!(", {} in vain", words::counted(n, "run")),
    };
    let discarded = match exhausted.discarded {
        0 => String::new(),
        n => format!(", {} discarded", words::counted(n, "run")),
    };
    let all = match (exhausted.complete, strategy) {
        (false, _) => "so far".to_owned(),
        (true, StrategyKind::Exhaustive(Exhaustive::Delay(delays))) => {
            format!("all with at most {}, and no others", words::counted(delays.into(), "delay"))
        }
        (true, _) => "all".to_owned(),
    };
    let mut facts = vec![(
        "exhaustive",
        format!("{all}: {} of {}{blocked}{discarded}", words::counted(exhausted.executions, "execution"), {
            words::counted(exhausted.traces, "distinct trace")
        }),
    )];
    if let Some(states) = exhausted.states {
        facts.push(("states", words::count(states)));
    }
    if exhausted.violating > 0 {
        facts.push(("violating", words::counted(exhausted.violating, "execution")));
    }
    if exhausted.one_job {
        facts.push(("jobs", "one: the order of this search cannot be cut into parts".to_owned()));
    }
    facts
}
