//! What is said of searches, of one and of several joined alike.

use std::fmt::Write as _;

use indexmap::IndexMap;
use raddle_core::Policies;
use raddle_sim::{Covered, Depth, Distinct, Excludes, Worth};
use serde::{Deserialize, Serialize};

use super::shard::Resolved;
use crate::look::{FAINT, Look};
use crate::words;

/// A word and what it says.
pub(crate) type Fact = (&'static str, String);

/// Most lines of the table of coverage.
const COVERAGE_LINES: usize = 24;

/// How many traces were seen, of how many if that is known, and how likely the next run is to show a new one.
pub(crate) fn traces(seen: &Distinct, in_all: Option<u64>) -> Fact {
    let (distinct, chance) = (words::count(seen.count()), 100.0 * seen.chance_of_new());
    let says = match in_all {
        Some(all) if all == seen.count() => format!("{distinct} distinct, which is all there are (counted by dpor)"),
        Some(all) => format!("{distinct} distinct of {} in all (counted by dpor)", words::count(all)),
        None => format!("{distinct} distinct; the chance that the next run shows a new one is {chance:.1} %"),
    };
    ("traces", says)
}

/// What clean runs are worth.
pub(crate) fn worth(worth: Option<&Worth>) -> Option<Fact> {
    worth.map(|worth| ("worth", worth.to_string()))
}

/// Of what was searched: how runs were made, in which order they handled updates, and which other policies are not raddle's
/// own defaults.
pub(crate) fn settings(settings: &Resolved) -> Vec<Fact> {
    let said = |keys: &[&str]| {
        let each = keys.iter().filter_map(|key| Some(format!("{key} {}", settings.get(*key)?)));
        each.collect::<Vec<_>>().join(", ")
    };
    let defaults = Policies::default();
    let others = Policies::KEYS.iter().map(|row| row.0).filter(|key| *key != "order").filter_map(|key| {
        let value = settings.get(key).filter(|value| defaults.get(key).as_ref() != Some(*value))?;
        Some(format!("{key} {value}"))
    });
    let others = others.collect::<Vec<_>>().join(", ");
    let facts = [("settings", said(&["granularity", "network", "order"])), ("policies", others)];
    facts.into_iter().filter(|(_, says)| !says.is_empty()).collect()
}

/// Which goals were reached, in how many runs (or `behind` how many steps), and which were not.
pub(crate) fn reached(reached: &IndexMap<String, u64>, behind: bool) -> Vec<Fact> {
    let (never, reached): (Vec<_>, Vec<_>) = reached.iter().partition(|(_, times)| **times == 0);
    let mut facts = Vec::new();
    if !reached.is_empty() {
        let (at, unit) = if behind { ("behind", "step") } else { ("in", "run") };
        let each = reached.into_iter().map(|(name, times)| format!("{name} {at} {}", words::counted(*times, unit)));
        facts.push(("reached", each.collect::<Vec<_>>().join(", ")));
    }
    if !never.is_empty() {
        let names: Vec<&str> = never.into_iter().map(|(name, _)| name.as_str()).collect();
        facts.push(("never reached", names.join(", ")));
    }
    facts
}

/// Which faults befell the runs, and which never came though they were asked for.
pub(crate) fn faults<'a>(faults: impl Iterator<Item = (&'a str, u64)>) -> Vec<Fact> {
    let (never, fired): (Vec<_>, Vec<_>) = faults.partition(|(_, times)| *times == 0);
    let mut facts = Vec::new();
    if !fired.is_empty() {
        let each = fired.into_iter().map(|(name, times)| format!("{name} {}", words::count(times)));
        facts.push(("faults", each.collect::<Vec<_>>().join(", ")));
    }
    if !never.is_empty() {
        facts.push(("never came", never.into_iter().map(|fault| fault.0).collect::<Vec<_>>().join(", ")));
    }
    facts
}

/// What was dropped, by reason.
pub(crate) fn losses<'a>(losses: impl Iterator<Item = (&'a str, u64)>) -> Option<Fact> {
    let each: Vec<String> = losses.map(|(word, times)| format!("{word} {}", words::count(times))).collect();
    (!each.is_empty()).then(|| ("losses", each.join(", ")))
}

/// The table of coverage: a line for each worker and kind of state, with what it handled there.
pub(crate) fn coverage(covered: &[Covered], look: Look) -> String {
    if covered.is_empty() {
        return String::new();
    }
    let rows: Vec<&[Covered]> = covered.chunk_by(|a, b| (&a.worker, &a.state) == (&b.worker, &b.state)).collect();
    let width = |column: fn(&Covered) -> &str| rows.iter().map(|row| column(&row[0]).len()).max().unwrap_or(0);
    let (workers, states) = (width(|row| &row.worker).max(6), width(|row| &row.state).max(5));
    let head = format!("{:<workers$}  {:<states$}  handled", "worker", "state");
    let mut out = format!("\n  {}\n", look.paint(FAINT, &head));
    for row in rows.iter().take(COVERAGE_LINES) {
        let handled: Vec<String> =
            row.iter().map(|covered| format!("{} {}", covered.input, words::count(covered.times))).collect();
        let lines = words::wrap(&handled.join(", "), look.width.saturating_sub(workers + states + 6).max(20));
        let gap = format!("\n{:left$}", "", left = workers + states + 6);
        let _ = writeln!(out, "  {:<workers$}  {:<states$}  {}", row[0].worker, row[0].state, lines.join(&gap));
    }
    if let Some(more @ 1..) = rows.len().checked_sub(COVERAGE_LINES) {
        let _ = writeln!(out, "  and {} more: `--format json` says all", words::counted(more as u64, "line"));
    }
    out
}

/// What [`Worth`] says of one depth, as JSON has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WorthLine {
    strategy: String,
    /// Of the clean runs, those that aim at bugs of this depth.
    runs: u64,
    /// None: no bug of any depth is excluded.
    depth: Option<u32>,
    probability: Option<f64>,
    says: String,
}

impl WorthLine {
    /// A line for each depth, and at least one unless nothing is said.
    pub(crate) fn list(worth: Option<&Worth>) -> Vec<Self> {
        let Some(worth) = worth else { return Vec::new() };
        let line = |runs, depth, probability| {
            let (strategy, says) = (worth.strategy.to_string(), worth.to_string());
            Self { strategy, runs, depth, probability, says }
        };
        match &worth.excludes {
            Excludes::Depths(depths) => {
                let of = |depth: &Depth| line(depth.runs, Some(depth.depth), Some(depth.probability));
                depths.iter().map(of).collect()
            }
            Excludes::NoBound | Excludes::OneRun | Excludes::NotMeasured => vec![line(worth.runs, None, None)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_come_with_the_chance_of_a_new_one() {
        let seen: Distinct = "1 2 3*2".parse().expect("a count of traces");
        assert_eq!(traces(&seen, None).1, "3 distinct; the chance that the next run shows a new one is 50.0 %");
        assert_eq!(traces(&seen, Some(4)).1, "3 distinct of 4 in all (counted by dpor)");
        assert_eq!(traces(&seen, Some(3)).1, "3 distinct, which is all there are (counted by dpor)");
    }
}
