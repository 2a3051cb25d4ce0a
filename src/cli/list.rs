//! `raddle list`: which systems there are, and everything that can be set on one.

use raddle_core::{FaultKind, Policies, When};
use raddle_sim::{FaultPlan, SEEDS_DEFAULT, Settings, StrategyKind};
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Trouble};
use crate::any::{AnySystem, Sketch};
use crate::catalog::{Args, Entry};
use crate::look::{FAINT, Look, STRONG};
use crate::words;

/// List the systems; of one, its parameters, policies, laws and planted bugs
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Show everything of this one
    system: Option<String>,
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

impl List {
    pub(crate) fn perform(&self, context: &Context) -> Result<Exit, Trouble> {
        let one = self.system.as_deref().map(|name| context.entry(name)).transpose()?;
        let entries: Vec<&Entry> = one.map_or_else(|| context.entries.iter().collect(), |entry| vec![entry]);
        let text = match (self.format, one) {
            (Format::Json, _) => entries.into_iter().map(json).collect::<Result<String, Trouble>>()?,
            (Format::Text, Some(entry)) => page(entry, context.look)?,
            (Format::Text, None) => overview(&entries, context),
        };
        context.print(&text)?;
        Ok(Exit::Clean)
    }
}

/// A system as it stands, without bug.
fn default_of(entry: &Entry) -> Result<(Args, Box<dyn AnySystem>, Sketch), Trouble> {
    let args = entry.args([])?;
    let system = entry.build(&args)?;
    let sketch = system.sketch(entry.default_settings())?;
    Ok((args, system, sketch))
}

fn json(entry: &Entry) -> Result<String, Trouble> {
    #[derive(Serialize)]
    struct Listed<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        v: u32,
        name: &'a str,
        about: &'a str,
        params: &'a indexmap::IndexMap<String, String>,
        laws: Vec<&'static str>,
        properties: Vec<String>,
        bugs: Vec<&'a str>,
        tolerates: String,
    }
    let (args, _, sketch) = default_of(entry)?;
    let listed = Listed {
        kind: "system",
        v: 1,
        name: entry.name(),
        about: entry.about(),
        params: args.values(),
        laws: sketch.laws,
        properties: sketch.properties.into_iter().map(|(name, _)| name).collect(),
        bugs: entry.bugs().iter().map(|bug| bug.name.as_str()).collect(),
        tolerates: entry.tolerated().to_string(),
    };
    Ok(serde_json::to_string(&listed)? + "\n")
}

fn overview(entries: &[&Entry], context: &Context) -> String {
    let look = context.look;
    let width = entries.iter().map(|entry| entry.name().len()).max().unwrap_or(0) + 3;
    let mut out = String::new();
    for entry in entries {
        let gap = if entry.about().is_empty() { 0 } else { width - entry.name().len() };
        out += &format!("{}{:gap$}{}\n", look.paint(STRONG, entry.name()), "", entry.about());
        let params: Vec<String> =
            entry.params().iter().map(|param| format!("{}={}", param.name, param.default)).collect();
        let bugs: Vec<&str> = entry.bugs().iter().map(|bug| bug.name.as_str()).collect();
        let facts = [("set: ", params.join(" ")), ("bugs: ", bugs.join(", "))];
        let facts =
            facts.into_iter().filter(|(_, names)| !names.is_empty()).map(|(word, names)| word.to_owned() + &names);
        let facts: Vec<String> = facts.collect();
        let (one, room) = (facts.join("    "), look.width - width);
        let lines =
            if one.len() <= room { vec![one] } else { facts.iter().flat_map(|f| words::wrap(f, room)).collect() };
        for line in lines.iter().filter(|line| !line.is_empty()) {
            out += &look.paint(FAINT, &format!("{:width$}{line}", ""));
            out.push('\n');
        }
    }
    let first = entries.first().map_or("SYSTEM", |entry| entry.name());
    let hint = format!("{0} list {first}: all about it    {0} explore {first}: search it", context.program);
    out + "\n" + &look.paint(FAINT, &hint) + "\n"
}

fn page(entry: &Entry, look: Look) -> Result<String, Trouble> {
    let (_, system, sketch) = default_of(entry)?;
    let mut out =
        look.paint(STRONG, entry.name()) + &"   ".repeat(usize::from(!entry.about().is_empty())) + entry.about() + "\n";
    let workers = match sketch.workers.as_slice() {
        [first, second, .., last] if sketch.workers.len() > 12 => {
            format!("{first}, {second} … {last} ({})", sketch.workers.len())
        }
        all => all.join(", "),
    };
    let sources =
        sketch.sources.iter().map(|(name, sent)| format!("{name} ({})", words::counted(*sent as u64, "message")));
    let who = vec![
        row(["workers", &workers]),
        row(["sources", &sources.collect::<Vec<_>>().join(", ")]),
        row(["tolerates", &tolerated(entry)]),
    ];
    section("", &who, look, &mut out);
    let params = entry.params().iter().map(|param| row([&param.name, &param.default, &param.about]));
    section("parameters   --set KEY=VALUE", &params.collect::<Vec<_>>(), look, &mut out);
    let bugs = entry.bugs().iter().map(|bug| row([&bug.name, &bug.law, &bug.about]));
    section("planted bugs   --bug NAME, and the law that catches each", &bugs.collect::<Vec<_>>(), look, &mut out);
    section("laws   --laws A,B", &laws(&sketch), look, &mut out);
    section("policies   --set KEY=VALUE", &policies(system.policies()), look, &mut out);
    section("settings   each a flag of explore", &settings(entry.default_settings()), look, &mut out);
    Ok(out)
}

/// Which faults it survives, by what it does not survive, if that is shorter.
fn tolerated(entry: &Entry) -> String {
    let (plan, usual) = (entry.tolerated(), FaultPlan::DEFAULT_MOST);
    let fatal: Vec<&str> =
        FaultKind::ALL.into_iter().filter(|kind| plan.most(*kind) == 0).map(FaultKind::name).collect();
    let few =
        plan.kinds().filter(|kind| plan.most(*kind) < usual).map(|kind| format!("{} {}", plan.most(kind), kind.name()));
    let few: String = few.map(|few| format!(", no more than {few} in a run")).collect();
    match fatal.len() {
        0 => format!("all faults{few}"),
        FATAL_MAX.. => {
            if plan.is_empty() {
                "no faults".to_owned()
            } else {
                plan.to_string()
            }
        }
        _ => format!("all faults but {}{few}", fatal.join(", ")),
    }
}

/// If so many kinds of fault are not survived, those that are make the shorter list.
const FATAL_MAX: usize = FaultKind::ALL.len() / 2 + 1;

fn laws(sketch: &Sketch) -> Vec<Vec<String>> {
    let about = |name: &str| raddle_checkers::find(name).map_or("", |law| law.about);
    let laws = sketch.laws.iter().map(|law| row([law, about(law)]));
    let properties = sketch.properties.iter().map(|(name, when)| {
        let about = match when {
            When::Always => "a property of its own: holds after every step",
            When::Never => "a property of its own: holds after no step",
            When::Eventually => "a property of its own: holds after some step of every run",
            When::Sometimes => "a goal of its own: some run should reach it",
            When::AtEnd => "a property of its own: holds when a run has come to rest",
        };
        row([name, about])
    });
    let marks = sketch.marks.iter().map(|mark| row([mark, "a mark: some run should reach it"]));
    laws.chain(properties).chain(marks).collect()
}

fn policies(policies: &Policies) -> Vec<Vec<String>> {
    let value = |key: &str| policies.get(key).expect("all keys have values");
    Policies::KEYS.iter().map(|(key, takes, about)| row([key, &value(key), &format!("{about}: {takes}")])).collect()
}

fn settings(settings: &Settings) -> Vec<Vec<String>> {
    vec![
        row(["--seeds", &SEEDS_DEFAULT.to_string(), "a count, or a range A..B"]),
        row(["--strategy", &StrategyKind::default().to_string(), "how choices are made"]),
        row(["--granularity", &settings.granularity.to_string(), "which moments are interleaved"]),
        row(["--network", &settings.network.to_string(), "what the simulated transport may do"]),
        row(["--steps-max", &settings.steps_max.to_string(), "cuts a run off"]),
        row(["--horizon", "none", "no timer fires later"]),
        row(["--faults", &settings.faults.to_string(), "what runs may suffer, and how often"]),
    ]
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// A heading and rows in columns; the last column is broken into lines.
fn section(heading: &str, rows: &[Vec<String>], look: Look, out: &mut String) {
    if rows.is_empty() {
        return;
    }
    out.push('\n');
    if let Some((name, hint)) = heading.split_once("   ") {
        *out += &format!("{}   {}\n", look.paint(STRONG, name), look.paint(FAINT, hint));
    }
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> =
        (0..columns - 1).map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0)).collect();
    let left = 2 + widths.iter().map(|width| width + 3).sum::<usize>();
    for row in rows {
        let mut lines = words::wrap(&row[columns - 1], look.width.saturating_sub(left).max(20)).into_iter();
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}   "));
        let line = format!("  {}{}", cells.collect::<String>(), lines.next().unwrap_or_default());
        *out += line.trim_end();
        out.push('\n');
        for line in lines {
            *out += &format!("{:left$}{line}\n", "");
        }
    }
}
