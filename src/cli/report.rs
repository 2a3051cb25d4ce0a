//! What a search came to, for people, for programs and for GitHub.

use std::fmt::Write as _;

use indexmap::IndexMap;
use raddle_core::{MessageId, Names, Policies};
use raddle_sim::{
    Contrast, Covered, Cut, Decided, Figures, Found, Handling, Odds, Pair, Part, Report, Settings, Shrunk, StrategyKind,
};
use serde::Serialize;

use super::context::{Built, Context};
use super::exhausted::{self, ExhaustiveLine};
use super::exit::Exit;
use super::facts::{self, WorthLine};
use super::shard::{Resolved, ShardLine};
use crate::failure::{Failure, notes};
use crate::look::{DOUBTFUL, GOOD, Look, STRONG};
use crate::words;

/// How a report is judged: `strict` asks that every goal was reached and every kind of fault came, `seeds_asked` that
/// no seed was left.
pub(crate) fn verdict(report: &Report, seeds_asked: bool, strict: bool) -> Exit {
    match &report.found {
        Some(found) if found.violation.law == "determinism" => return Exit::Diverged,
        Some(_) => return Exit::Violation,
        None => {}
    }
    let missed = strict && report.reached.values().chain(report.faults.values()).any(|times| *times == 0);
    match report.cut {
        Some(Cut::Stopped) => Exit::Interrupted,
        _ if report.is_empty() => Exit::NothingRan,
        Some(Cut::Time) if seeds_asked => Exit::Unknown,
        _ if report.unfinished > 0 || missed || report.losses.astray().is_some() => Exit::Unknown,
        _ => report.exhausted.as_ref().map_or(Exit::Clean, exhausted::verdict),
    }
}

/// A search that broke no law, for people.
pub(crate) fn text(report: &Report, settings: &Resolved, exit: Exit, look: Look) -> String {
    let (style, word) = match exit {
        Exit::Clean => (GOOD, "clean:"),
        Exit::Interrupted => (DOUBTFUL, "interrupted:"),
        Exit::NothingRan => (DOUBTFUL, "nothing ran:"),
        _ => (DOUBTFUL, "unknown:"),
    };
    let mut out = format!("{} {}\n", look.paint(style, word), look.paint(STRONG, &report.system));
    if let Some(why) = doubt(report, exit) {
        for line in words::wrap(&why, look.width - 2) {
            let _ = writeln!(out, "  {line}");
        }
    }
    if !report.is_empty() {
        out += &notes(&facts(report, settings), look);
        out += &facts::coverage(&report.coverage, look);
    }
    out
}

/// Why a search without a violation is not clean.
fn doubt(report: &Report, exit: Exit) -> Option<String> {
    let runs = words::counted(report.runs, "run");
    let why = report.exhausted.as_ref().and_then(|exhausted| exhausted::doubt(report, exhausted));
    match exit {
        Exit::Clean => None,
        Exit::Interrupted => Some(format!("stopped after {runs}; none of them broke a law")),
        Exit::NothingRan if report.cut.is_none() => {
            Some("this shard has no seed: there are more shards than seeds".to_owned())
        }
        Exit::NothingRan => Some("time was over before the first run had ended".to_owned()),
        _ if why.is_some() => why,
        _ if report.unfinished > 0 => Some(format!(
            "{} of {runs} did not end within {}, and nobody knows how they would have ended: allow more with \
             `--steps-max N`, or end timers with `--horizon TIME`",
            words::count(report.unfinished),
            words::counted(report.settings.steps_max, "step"),
        )),
        _ if report.losses.astray().is_some() => {
            report.losses.astray().map(|astray| format!("no law is broken, but {astray}"))
        }
        _ if report.cut == Some(Cut::Time) => Some(format!("time was over after {runs}, before the last seed")),
        _ => Some("what some run should reach was never reached, so that a clean search shows little".to_owned()),
    }
}

fn facts(report: &Report, settings: &Resolved) -> Vec<facts::Fact> {
    let mut facts = vec![
        ("runs", format!("{} in {}", words::count(report.runs), words::took(report.elapsed))),
        (
            "speed",
            format!(
                "{} runs/s, {} deliveries/s",
                words::rate(report.runs, report.elapsed),
                words::rate(report.deliveries, report.elapsed)
            ),
        ),
    ];
    match &report.exhausted {
        Some(exhausted) => facts.extend(exhausted::facts(report.strategy, exhausted)),
        None => facts.push(facts::traces(&report.distinct, report.traces_in_all)),
    }
    facts.extend(facts::worth(report.worth().as_ref()));
    if report.at_horizon > 0 {
        facts.push(("horizon", format!("{} ended there", words::counted(report.at_horizon, "run"))));
    }
    facts.extend(facts::faults(report.faults.iter().map(|(kind, times)| (kind.name(), *times))));
    facts.extend(facts::losses(report.losses.iter()));
    facts.extend(facts::settings(settings));
    facts.push(("laws", report.laws.join(", ")));
    if !report.properties.is_empty() {
        facts.push(("properties", report.properties.join(", ")));
    }
    if !report.coverage.is_empty() && report.exhausted.as_ref().is_some_and(|exhausted| exhausted.resumed) {
        facts.push(("coverage", "of what was explored since it went on from the checkpoint".to_owned()));
    }
    let by_states = report.exhausted.as_ref().is_some_and(|exhausted| exhausted.states.is_some());
    facts.extend(facts::reached(&report.reached, by_states));
    facts
}

/// What a search found, ready to be told.
pub(crate) fn failure<'a>(report: &Report, found: &'a Found) -> Failure<'a> {
    let strategy = report.strategy.of_seed(found.seed);
    let mut failure = Failure::of_found(found, &strategy);
    if found.violation.law == "determinism" {
        failure.title = "not deterministic";
    }
    let Some(exhausted) = &report.exhausted else {
        let runs = words::count(report.runs);
        return failure.note("found", format!("in run {runs}, after {}", words::took(report.elapsed)));
    };
    let facts = exhausted::facts(report.strategy, exhausted).into_iter();
    facts.fold(failure, |failure, (what, text)| failure.note(what, text))
}

/// The line that does a run again: all that it depends on and that is not the system's own, and what the environment has
/// a say in, which may be another where the line is pasted.
pub(crate) fn replay_line(context: &Context, built: &Built, report: &Report, seed: u64) -> String {
    let Settings { granularity, network, steps_max, horizon, faults } = &report.settings;
    let (strategy, own) = (report.strategy, &built.settings);
    // What an exhaustive search finds is not in a seed.
    let verb = if matches!(strategy, StrategyKind::Exhaustive(_)) { "explore" } else { "replay" };
    let mut line = format!("{} {verb} {}", context.program, report.system);
    let mut say = |flag: &str, value: &str| _ = write!(line, " --{flag} {}", quoted(value));
    if let Some(bug) = built.args.bug() {
        say("bug", bug);
    }
    if verb == "replay" {
        say("seed", &seed.to_string());
    }
    say("strategy", &strategy.to_string());
    say("steps-max", &steps_max.to_string());
    if *granularity != own.granularity {
        say("granularity", &granularity.to_string());
    }
    if *network != own.network {
        say("network", &network.to_string());
    }
    if let Some(horizon) = horizon.filter(|_| *horizon != own.horizon) {
        say("horizon", &format!("{}ns", horizon.as_nanos()));
    }
    if *faults != own.faults {
        say("faults", &faults.to_string());
    }
    if built.system.sketch(&report.settings).map_or(true, |sketch| sketch.laws != report.laws) {
        say("laws", &report.laws.join(","));
    }
    if report.found.as_ref().is_some_and(is_unshrunk) {
        line += " --no-shrink";
    }
    let set: Vec<String> = set(built).map(|(key, value)| quoted(&format!("{key}={value}"))).collect();
    if !set.is_empty() {
        let _ = write!(line, " --set {}", set.join(" "));
    }
    line
}

/// The parameters and policies that are not the system's own.
fn set(built: &Built) -> impl Iterator<Item = (&str, String)> {
    let (args, policies) = &built.own;
    let params = built.args.values().iter().filter(|(key, value)| args.values().get(*key) != Some(*value));
    let set = Policies::KEYS.iter().filter_map(|(key, _, _)| {
        let value = |policies: &Policies| policies.get(key).expect("all keys have values");
        let now = value(built.system.policies());
        (now != value(policies)).then_some((*key, now))
    });
    params.map(|(key, value)| (key.as_str(), value.clone())).chain(set)
}

/// Everything that the runs of a search depend on but its strategy and seeds.
pub(crate) fn resolved(built: &Built, report: &Report) -> Resolved {
    let Settings { granularity, network, steps_max, horizon, faults } = &report.settings;
    let mut resolved = Resolved::new();
    let mut say = |key: &str, value: String| _ = resolved.insert(key.to_owned(), value);
    say("bug", built.args.bug().unwrap_or("none").to_owned());
    say("granularity", granularity.to_string());
    say("network", network.to_string());
    say("steps-max", steps_max.to_string());
    say("horizon", horizon.map_or_else(|| "none".to_owned(), |horizon| format!("{}ns", horizon.as_nanos())));
    say("faults", faults.to_string());
    built.args.values().iter().for_each(|(key, value)| say(key, value.clone()));
    for (key, _, _) in Policies::KEYS {
        say(key, built.system.policies().get(key).expect("all keys have values"));
    }
    // Which laws there are by default follows from the rest: whoever compares finds the cause first.
    say("laws", report.laws.join(","));
    resolved
}

/// Whether a run is told as it was found though it could have been shrunk.
fn is_unshrunk(found: &Found) -> bool {
    found.shrunk.is_none() && found.trace.is_some() && found.violation.law != "determinism"
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "=-_.,:/+@%".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// All that was found: by sampling one at most, by exhaustive search the first of each signature.
pub(crate) fn all_found(report: &Report) -> impl Iterator<Item = &Found> {
    report.found.iter().chain(report.exhausted.iter().flat_map(|exhausted| &exhausted.also))
}

/// The lines of `--format json`: what was found, then the report.
pub(crate) fn json(
    report: &Report,
    exit: Exit,
    settings: Resolved,
    shard: Option<ShardLine>,
    replay: Option<&str>,
) -> Result<String, serde_json::Error> {
    let mut out = String::new();
    for (at, found) in all_found(report).enumerate() {
        out += &serde_json::to_string(&ViolationLine::of(report, found, replay.filter(|_| at == 0)))?;
        out.push('\n');
    }
    let line = ReportLine {
        kind: "report",
        v: 1,
        system: &report.system,
        strategy: report.strategy.to_string(),
        settings,
        runs: report.runs,
        steps: report.steps,
        deliveries: report.deliveries,
        elapsed_ms: u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX),
        distinct: report.exhausted.as_ref().map_or(report.distinct.count(), |exhausted| exhausted.traces),
        traces_in_all: report.traces_in_all,
        chance_of_new: match &report.exhausted {
            Some(exhausted) => 1.0 - exhausted.part,
            None => report.distinct.chance_of_new(),
        },
        worth: WorthLine::list(report.worth().as_ref()),
        pilot: report.pilot.as_ref(),
        violations: all_found(report).map(Breach::of).collect(),
        sometimes: &report.reached,
        coverage: &report.coverage,
        faults: report.faults.iter().map(|(kind, times)| (kind.name(), *times)).collect(),
        losses: report.losses.iter().collect(),
        exhaustive: report.exhausted.as_ref().map(ExhaustiveLine::of),
        unfinished: report.unfinished,
        shard,
        exit: exit as u8,
    };
    out += &serde_json::to_string(&line)?;
    out.push('\n');
    Ok(out)
}

#[derive(Serialize)]
struct ReportLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    v: u32,
    system: &'a str,
    strategy: String,
    settings: Resolved,
    runs: u64,
    steps: u64,
    deliveries: u64,
    elapsed_ms: u64,
    distinct: u64,
    /// Where they could be counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    traces_in_all: Option<u64>,
    chance_of_new: f64,
    worth: Vec<WorthLine>,
    /// The estimates that the strategy went by, and that `worth` rests on.
    pilot: Option<&'a Figures>,
    violations: Vec<Breach<'a>>,
    sometimes: &'a IndexMap<String, u64>,
    coverage: &'a [Covered],
    faults: IndexMap<&'static str, u64>,
    losses: IndexMap<&'static str, u64>,
    /// Sampling exhausts nothing.
    exhaustive: Option<ExhaustiveLine<'a>>,
    unfinished: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<ShardLine>,
    exit: u8,
}

#[derive(Serialize)]
struct Breach<'a> {
    checker: &'a str,
    reason: &'a str,
    seed: u64,
    signature: &'a str,
    digest: String,
    steps: u64,
    shrunk: Option<&'a Shrunk>,
    saved: Option<String>,
}

impl<'a> Breach<'a> {
    fn of(found: &'a Found) -> Self {
        Self {
            checker: &found.violation.law,
            reason: &found.violation.reason,
            seed: found.seed,
            signature: &found.signature,
            digest: found.digest.to_string(),
            steps: found.steps,
            shrunk: found.shrunk.as_ref(),
            saved: found.saved.as_ref().map(|path| path.display().to_string()),
        }
    }
}

#[derive(Serialize)]
struct ViolationLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    v: u32,
    system: &'a str,
    strategy: String,
    #[serde(flatten)]
    breach: Breach<'a>,
    worker: Option<&'a str>,
    message: Option<String>,
    witness: Vec<String>,
    without: Vec<String>,
    decided: Option<DecidedLine>,
    critical: Option<Critical>,
    step: u64,
    depth: u32,
    lanes: Option<String>,
    replay: Option<&'a str>,
}

impl<'a> ViolationLine<'a> {
    fn of(report: &'a Report, found: &'a Found, replay: Option<&'a str>) -> Self {
        let violation = &found.violation;
        let names = found.trace.as_ref().map(|trace| &trace.conditions.names);
        let shown = |id: &MessageId| names.map(|names| id.display(names).to_string());
        Self {
            kind: "violation",
            v: 1,
            system: &report.system,
            strategy: report.strategy.of_seed(found.seed),
            breach: Breach::of(found),
            worker: violation.worker.zip(names).map(|(worker, names)| names.worker(worker)),
            message: violation.message.as_ref().and_then(shown),
            witness: violation.witness.iter().filter_map(shown).collect(),
            without: found.without.iter().filter_map(shown).collect(),
            decided: found.decided.as_ref().zip(names).map(|(decided, names)| DecidedLine::of(decided, names)),
            critical: found.pair.as_ref().zip(names).map(|(pair, names)| Critical::of(pair, names)),
            step: violation.moment.step,
            depth: violation.depth.0,
            lanes: found.trace.as_ref().map(raddle_view::snapshot),
            replay,
        }
    }
}

/// Where it was decided: at which step, none if before the first, by what, and how many of how many runs failed before
/// and after it.
#[derive(Serialize)]
struct DecidedLine {
    step: Option<u64>,
    what: Option<String>,
    from: Share,
    to: Share,
}

#[derive(Serialize)]
struct Share {
    failed: u32,
    of: u32,
}

impl DecidedLine {
    fn of(decided: &Decided, names: &Names) -> Self {
        let share = |odds: &Odds| Share { failed: odds.failed, of: odds.of };
        match decided {
            Decided::Before(odds) => Self { step: None, what: None, from: share(odds), to: share(odds) },
            Decided::At { step, by, from, to } => Self {
                step: Some(*step),
                what: Some(by.decision.display(names).to_string()),
                from: share(from),
                to: share(to),
            },
        }
    }
}

/// Two things whose order decides, or the value that does: either `first` and `then`, or `by`, `value` and `not`.
#[derive(Serialize)]
pub(crate) struct Critical {
    step: u64,
    #[serde(flatten)]
    contrast: ContrastLine,
    alone: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ContrastLine {
    Order { first: Done, then: Done },
    Value { by: Call, nth: u32, value: u32, not: u32 },
}

#[derive(Serialize)]
struct Done {
    what: String,
    worker: Option<String>,
    /// The handler's call to which it belongs.
    of: Option<Call>,
}

#[derive(Serialize)]
struct Call {
    worker: String,
    input: String,
}

impl Call {
    fn of(handling: &Handling, names: &Names) -> Self {
        let (worker, input) = (names.worker(handling.at).to_owned(), handling.input.display(names).to_string());
        Self { worker, input }
    }
}

impl Critical {
    pub(crate) fn of(pair: &Pair, names: &Names) -> Self {
        let done = |Part { deed, handling }: &Part| {
            let worker = deed.at.map(|worker| names.worker(worker).to_owned());
            let of = handling.as_ref().map(|handling| Call::of(handling, names));
            Done { what: deed.decision.display(names).to_string(), worker, of }
        };
        let contrast = match &pair.contrast {
            Contrast::Order { first, then } => ContrastLine::Order { first: done(first), then: done(then) },
            Contrast::Value { by, nth, value, not } => {
                ContrastLine::Value { by: Call::of(by, names), nth: *nth, value: *value, not: *not }
            }
        };
        Self { step: pair.step, contrast, alone: pair.alone }
    }
}

/// What a found violation is for GitHub: an annotation, at the finding if it was saved.
pub(crate) fn github(report: &Report, found: &Found, replay: &str) -> String {
    let file = found.saved.as_ref().map(|path| format!("file={},", property(&path.display().to_string())));
    let title = property(&format!("{}: {}", report.system, found.violation.law));
    let message = escaped(&format!("{}\nseed {}\nreplay: {replay}", found.violation.reason, found.seed));
    format!("::error {}title={title}::{message}\n", file.unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use raddle_core::{Outbox, StateMachine, System};
    use raddle_sim::Explore;
    use raddle_sim::exhaustive::Exhaustive;

    use super::*;

    struct Lamp;

    impl StateMachine for Lamp {
        type Message = ();
        type Update = ();
        fn on_message(&mut self, (): (), _: &mut Outbox<()>) {}
        fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
    }

    #[test]
    fn a_search_that_went_on_says_of_what_its_coverage_is() {
        let said = |has_kinds: bool, resumed| {
            let system = System::new("lamp").workers(["z"], |_| Lamp).messages("s", [("z", ()), ("z", ())]);
            let system = if has_kinds { system.state_kind(|_| "on") } else { system };
            let explore = Explore::new(system).strategy(StrategyKind::Exhaustive(Exhaustive::Dpor)).jobs(1);
            let mut report = explore.run().expect("it can be searched");
            report.exhausted.iter_mut().for_each(|exhausted| exhausted.resumed = resumed);
            text(&report, &Resolved::new(), Exit::Clean, Look::plain(true))
        };
        let told = "coverage:";
        assert!(said(true, true).contains(told) && said(true, true).contains("z       on     external 2"));
        assert!(!said(true, false).contains(told) && !said(false, true).contains(told));
    }
}
