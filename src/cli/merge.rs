//! `raddle merge`: join the reports of the shards of one search.
//!
//! What comes out is the report of the same search in one piece: shards are taken in the order of their seeds, up to
//! and including the first that failed. A violation is certain whatever is missing; a clean end is not.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use raddle_core::DropReason;
use raddle_sim::{Covered, Distinct, Figures, StrategyKind, Worth};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::context::Context;
use super::exit::{Exit, Trouble, refuse};
use super::facts::{self, WorthLine};
use super::shard::{Ended, Resolved, Shard, ShardLine};
use crate::failure::notes;
use crate::look::{BAD, DOUBTFUL, GOOD, Look, STRONG};
use crate::words;

/// Join the reports of the shards of one search
#[derive(Debug, clap::Args)]
pub(crate) struct Merge {
    /// What `explore --shard I/N --format json` printed, a file each
    #[arg(required = true, value_name = "REPORT")]
    reports: Vec<PathBuf>,
    /// Count the search as unknown if no shard reached what some run should reach
    #[arg(long)]
    strict: bool,
    /// How to print: for people, or one JSON object a line
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

impl Merge {
    pub(crate) fn perform(&self, context: &Context) -> Result<Exit, Trouble> {
        let mut parts = self.reports.iter().map(|path| Part::read(path)).collect::<Result<Vec<_>, Trouble>>()?;
        parts.sort_by_key(|part| part.shard.index);
        parts.windows(2).try_for_each(|pair| pair[1].must_fit(&pair[0]))?;
        let whole = Whole::join(&parts)?;
        let exit = whole.verdict(self.strict);
        context.print(&match self.format {
            Format::Text => whole.text(exit, context.look),
            Format::Json => whole.json(exit)?,
        })?;
        Ok(exit)
    }
}

/// The report of one search or shard, as `explore` prints it. What others add to it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    v: u32,
    system: String,
    strategy: String,
    settings: Resolved,
    runs: u64,
    steps: u64,
    deliveries: u64,
    elapsed_ms: u64,
    distinct: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traces_in_all: Option<u64>,
    chance_of_new: f64,
    worth: Vec<WorthLine>,
    #[serde(default)]
    pilot: Option<Figures>,
    violations: Vec<Value>,
    sometimes: IndexMap<String, u64>,
    coverage: Vec<Covered>,
    #[serde(default)]
    faults: IndexMap<String, u64>,
    #[serde(default)]
    losses: IndexMap<String, u64>,
    unfinished: u64,
    #[serde(skip_serializing)]
    shard: Option<ShardLine>,
    exit: u8,
    #[serde(flatten)]
    more: IndexMap<String, Value>,
}

/// One file: the report of a shard, and the violation that it found.
struct Part {
    path: PathBuf,
    line: Line,
    shard: ShardLine,
    strategy: StrategyKind,
    violation: Option<Value>,
    traces: Distinct,
}

impl Part {
    fn read(path: &Path) -> Result<Self, Trouble> {
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| Trouble(format!("cannot read `{name}`: {error}")))?;
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let Some((last, before)) = lines.split_last() else {
            refuse!("`{name}` is empty: it should hold what `explore --shard I/N --format json` prints");
        };
        let unusable = |error: serde_json::Error| {
            Trouble(format!("`{name}` does not end with the report of a search, or was cut off: {error}"))
        };
        let mut line: Line = serde_json::from_str(last).map_err(unusable)?;
        if (line.kind.as_str(), line.v) != ("report", 1) {
            refuse!("`{name}` holds a {} of version {}: expected a report of version 1", line.kind, line.v);
        }
        let Some(shard) = line.shard.take() else {
            refuse!("`{name}` is the report of a whole search: `explore --shard I/N` makes one that can be joined");
        };
        if let Err(expected) = format!("{}/{}", shard.index, shard.of).parse::<Shard>() {
            refuse!("`{name}` says that it is shard {}/{}: {expected}", shard.index, shard.of);
        }
        let strategy = line.strategy.parse().map_err(|error| Trouble(format!("`{name}` cannot be joined: {error}")))?;
        let traces: Distinct =
            shard.traces.parse().map_err(|error| Trouble(format!("`{name}` cannot be joined: {error}")))?;
        let asked = shard.seeds.end.saturating_sub(shard.seeds.start);
        if line.runs > asked {
            refuse!("`{name}` says that it made {} runs of {asked} seeds: it is not as it was written", line.runs);
        }
        let mut told = before.iter().filter_map(|line| serde_json::from_str(line).ok());
        let violation = told.rfind(|told: &Value| told["type"] == "violation");
        if line.violations.is_empty() != violation.is_none() {
            refuse!("`{name}` is not whole: its report and its `violation` line belong together");
        }
        Ok(Self { path: path.to_owned(), line, shard, strategy, violation, traces })
    }

    /// The seeds it tried.
    fn seeds(&self) -> Range<u64> {
        let ShardLine { index, of, ref seeds, .. } = self.shard;
        let start = Shard { index, of }.part(seeds).start;
        start..start.saturating_add(self.line.runs)
    }

    /// Refuses what is not another shard of the same search.
    fn must_fit(&self, other: &Self) -> Result<(), Trouble> {
        let (one, two) = (other.path.display(), self.path.display());
        let differs = |what: &str, a: &str, b: &str| {
            Err(Trouble(format!("`{one}` and `{two}` are no shards of one search: {what} is {a} and {b}")))
        };
        let (a, b) = (&other.line, &self.line);
        if a.system != b.system {
            return differs("the system", &a.system, &b.system);
        }
        if a.strategy != b.strategy {
            return differs("the strategy", &a.strategy, &b.strategy);
        }
        for key in a.settings.keys().chain(b.settings.keys()) {
            let value = |line: &Line| line.settings.get(key).cloned().unwrap_or_else(|| "not set".to_owned());
            if value(a) != value(b) {
                return differs(&format!("`{key}`"), &value(a), &value(b));
            }
        }
        if a.pilot != b.pilot {
            return differs("the pilot", &format!("{:?}", a.pilot), &format!("{:?}", b.pilot));
        }
        let (a, b) = (&other.shard, &self.shard);
        if a.of != b.of {
            return differs("the number of shards", &a.of.to_string(), &b.of.to_string());
        }
        if a.seeds != b.seeds {
            return differs("the range of seeds", &format!("{:?}", a.seeds), &format!("{:?}", b.seeds));
        }
        if a.index == b.index {
            refuse!("`{one}` and `{two}` are both shard {}/{}: give each once", a.index, a.of);
        }
        Ok(())
    }
}

/// All shards as one search.
struct Whole<'a> {
    line: Line,
    violation: Option<&'a Value>,
    /// The last shard that counts: the first that failed, or the last of all.
    last: u64,
    traces: Distinct,
    /// The shards that are not there.
    missing: Vec<u64>,
    of: u64,
    cut: Option<Ended>,
    asked: bool,
    worth: Option<Worth>,
}

impl<'a> Whole<'a> {
    /// Joins parts that fit each other and stand in order.
    fn join(parts: &'a [Part]) -> Result<Self, Trouble> {
        let Some(first) = parts.first() else { refuse!("there is no report to join") };
        let counted = parts.iter().position(|part| part.violation.is_some()).map_or(parts.len(), |failed| failed + 1);
        let mut line = first.line.clone();
        let (mut traces, mut cut) = (first.traces.clone(), first.shard.cut);
        for Part { line: more, shard, traces: seen, .. } in &parts[1..counted] {
            let counts = [
                (&mut line.runs, more.runs),
                (&mut line.steps, more.steps),
                (&mut line.deliveries, more.deliveries),
                (&mut line.elapsed_ms, more.elapsed_ms),
                (&mut line.unfinished, more.unfinished),
            ];
            counts.into_iter().for_each(|(all, more)| *all = all.saturating_add(more));
            for (all, more) in [
                (&mut line.sometimes, &more.sometimes),
                (&mut line.faults, &more.faults),
                (&mut line.losses, &more.losses),
            ] {
                for (name, times) in more {
                    let all = all.entry(name.clone()).or_insert(0);
                    *all = all.saturating_add(*times);
                }
            }
            line.violations.clone_from(&more.violations);
            line.coverage.extend(more.coverage.iter().cloned());
            traces.merge(seen);
            cut = cut.max(shard.cut);
        }
        line.coverage = raddle_sim::Coverage::join(line.coverage);
        (line.distinct, line.chance_of_new) = (traces.count(), traces.chance_of_new());
        let last = &parts[counted - 1];
        // Who has counted them has counted those of the whole search.
        let in_all = parts.iter().find_map(|part| part.line.traces_in_all);
        line.traces_in_all = in_all.filter(|_| last.violation.is_none() && line.unfinished == 0);
        let violation = last.violation.as_ref();
        let clean = violation.is_none() && line.runs > 0 && line.unfinished == 0 && line.faults.is_empty();
        let seeds: Vec<Range<u64>> = parts[..counted].iter().map(Part::seeds).collect();
        let worth = clean.then(|| raddle_sim::worth(first.strategy, &seeds, line.pilot.as_ref()));
        line.worth = WorthLine::list(worth.as_ref());
        let of = first.shard.of;
        let there: BTreeSet<u64> = parts.iter().map(|part| part.shard.index).collect();
        let missing = (1..=of).filter(|index| !there.contains(index)).collect();
        let last = last.shard.index;
        Ok(Self { line, violation, last, traces, missing, of, cut, asked: first.shard.asked, worth })
    }

    fn verdict(&self, strict: bool) -> Exit {
        let missed = strict && self.line.sometimes.values().chain(self.line.faults.values()).any(|times| *times == 0);
        match (self.law(), self.cut) {
            (Some("determinism"), _) => Exit::Diverged,
            (Some(_), _) => Exit::Violation,
            (None, Some(Ended::Stopped)) => Exit::Unknown,
            (None, Some(Ended::Time)) if self.asked => Exit::Unknown,
            _ if self.line.runs == 0 && self.missing.is_empty() => Exit::NothingRan,
            _ if self.line.unfinished > 0 || missed || self.strays() || !self.missing.is_empty() => Exit::Unknown,
            _ => Exit::Clean,
        }
    }

    /// Whether updates went to somebody who does not exist, or along edges that are not declared.
    fn strays(&self) -> bool {
        let of = |reason: DropReason| self.line.losses.contains_key(reason.word());
        of(DropReason::UnknownWorker) || of(DropReason::Undeclared)
    }

    fn law(&self) -> Option<&str> {
        Some(self.violation?.get("checker").and_then(Value::as_str).unwrap_or("a law"))
    }

    fn text(&self, exit: Exit, look: Look) -> String {
        let (style, word) = match exit {
            Exit::Clean => (GOOD, "clean:"),
            Exit::Violation => (BAD, "violation:"),
            Exit::Diverged => (BAD, "not deterministic:"),
            Exit::NothingRan => (DOUBTFUL, "nothing ran:"),
            _ => (DOUBTFUL, "unknown:"),
        };
        let what = self.law().unwrap_or(&self.line.system);
        let mut out = format!("{} {}\n", look.paint(style, word), look.paint(STRONG, what));
        for line in self.sentences(exit).iter().flat_map(|sentence| words::wrap(sentence, look.width - 2)) {
            let _ = writeln!(out, "  {line}");
        }
        out += &notes(&self.facts(), look);
        if self.violation.is_none() {
            out += &facts::coverage(&self.line.coverage, look);
        }
        out
    }

    /// What was broken, or why nobody can tell.
    fn sentences(&self, exit: Exit) -> Vec<String> {
        let mut says = Vec::new();
        if let Some(reason) = self.violation.and_then(|violation| violation["reason"].as_str()) {
            says.push(reason.to_owned());
        }
        if !self.missing.is_empty() {
            let missing: Vec<String> = self.missing.iter().map(|index| format!("{index}/{}", self.of)).collect();
            let but = match self.violation {
                None => "",
                Some(_) if self.missing.iter().any(|index| *index < self.last) => ": a lower seed may fail there",
                Some(_) => ", whose seeds are higher than the one that failed",
            };
            says.push(format!("missing: {}{but}", missing.join(", ")));
        }
        if self.line.unfinished > 0 && exit == Exit::Unknown {
            let runs = words::counted(self.line.runs, "run");
            says.push(format!("{} of {runs} did not end", words::count(self.line.unfinished)));
        }
        match self.cut {
            Some(Ended::Time) if exit == Exit::Unknown => says.push("time was over before the last seed".to_owned()),
            Some(Ended::Stopped) => says.push("a shard was stopped before its last seed".to_owned()),
            _ => {}
        }
        if exit == Exit::Unknown && self.strays() {
            says.push(
                "no law is broken, but updates went to workers that do not exist, or along undeclared edges".to_owned(),
            );
        }
        if exit == Exit::Unknown && says.is_empty() {
            says.push("what some run should reach was never reached".to_owned());
        }
        says
    }

    fn facts(&self) -> Vec<facts::Fact> {
        let line = &self.line;
        let there = self.of - self.missing.len() as u64;
        let elapsed = words::took(Duration::from_millis(line.elapsed_ms));
        let mut facts = vec![
            ("shards", format!("{} of {}", words::count(there), words::count(self.of))),
            ("system", format!("{}, {}", line.system, line.strategy)),
            ("runs", format!("{} in {elapsed} of all shards together", words::count(line.runs))),
        ];
        if let Some(violation) = self.violation {
            let says =
                |key: &str| violation.get(key).map(|value| value.as_str().map_or(value.to_string(), str::to_owned));
            facts.extend([("seed", says("seed").unwrap_or_default()), ("digest", says("digest").unwrap_or_default())]);
            facts.extend(says("replay").map(|replay| ("replay", replay)));
            return facts;
        }
        facts.push(facts::traces(&self.traces, line.traces_in_all));
        facts.extend(facts::worth(self.worth.as_ref()));
        facts.extend(facts::faults(line.faults.iter().map(|(name, times)| (name.as_str(), *times))));
        facts.extend(facts::losses(line.losses.iter().map(|(word, times)| (word.as_str(), *times))));
        facts.extend(facts::settings(&line.settings));
        facts.extend(line.settings.get("laws").map(|laws| ("laws", laws.replace(',', ", "))));
        facts.extend(facts::reached(&line.sometimes, false));
        facts
    }

    fn json(&self, exit: Exit) -> Result<String, Trouble> {
        #[derive(Serialize)]
        struct Joined<'a> {
            #[serde(flatten)]
            line: &'a Line,
            shards: u64,
            missing: &'a [u64],
        }
        let line = Line { exit: exit as u8, ..self.line.clone() };
        let mut out = String::new();
        if let Some(violation) = self.violation {
            let _ = writeln!(out, "{violation}");
        }
        let joined = Joined { line: &line, shards: self.of, missing: &self.missing };
        let _ = writeln!(out, "{}", serde_json::to_string(&joined)?);
        Ok(out)
    }
}
