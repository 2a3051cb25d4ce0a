//! `cargo run --profile measure -p raddle-bench`: every contender in turn, for several rounds, and a table
//! of medians.
//!
//! `cargo run --profile measure -p raddle-bench -- bugs`: the runs that each strategy needs to the first bug. It fails if the
//! portfolio does not keep its bounds.
//!
//! `cargo run --profile measure -p raddle-bench -- exhaustive`: how fast all orders of a fan-in are searched.
//!
//! `cargo run --profile measure -p raddle-bench -- order`: what causal order costs over a network that keeps none.
//!
//! `cargo run --profile measure -p raddle-bench -- real`: real runs, on threads and processes, beside their rivals.
//!
//! `RUSTFLAGS="--cfg madsim" cargo run --profile measure -p raddle-bench -- readme`: all of these, and their tables into
//! the README.
//!
//! To add a contender, write a `fn(Duration) -> Rate` in a file of its own and add its line to
//! [`CONTENDERS`] or, if it searches exhaustively, to [`SEARCHES`]. Those of real runs stand in `real/mod.rs`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use raddle_bench::fanin_report::{self, Search};
use raddle_bench::form::{Form, fill};
use raddle_bench::hunt::{self, BLOCK, Bounds, Effort, FULL, hunt, samplers};
use raddle_bench::measure::{Contender, in_turn};
use raddle_bench::real::contest::Sizes;
use raddle_bench::real::{self, pipe};
use raddle_bench::report::Report;
use raddle_bench::{bare, exhaustive, memory, ordered, ours, peers, replay};
use raddle_sim::StrategyKind;
use serde::Serialize;

/// All that can be measured, in the order of the table. The first is the baseline.
const CONTENDERS: &[Contender] = &[
    Contender::new("bare loop, clocks", bare::clocks),
    Contender::new("bare loop, clocks, trace", bare::clocks_and_trace),
    Contender::new("raddle, random", ours::random),
    Contender::new("raddle, random, no laws", ours::random_unjudged),
    Contender::new("raddle, basic-pos", ours::basic_pos),
    Contender::new("raddle, pos", ours::pos),
    Contender::new("raddle, uniform", ours::uniform),
    Contender::new("raddle, PCT d=2", ours::pct2),
    Contender::new("raddle, PCTCP d=2", ours::pctcp2),
    Contender::new("raddle, portfolio", ours::portfolio),
    Contender::new("raddle, random, recorded", ours::random_recorded),
    Contender::new("raddle, random, 1,024 workers", ours::random_wide),
    Contender::new("shuttle, random", peers::shuttle::random),
    Contender::new("shuttle, URW", peers::shuttle::urw),
    Contender::new("shuttle, PCT d=3", peers::shuttle::pct3),
    #[cfg(madsim)]
    Contender::new("madsim, channels", peers::madsim::channels),
    #[cfg(madsim)]
    Contender::new("madsim, network", peers::madsim::network),
    Contender::new("turmoil, 10 ms ticks", peers::turmoil::ticks_10ms),
    Contender::new("turmoil", peers::turmoil::default_ticks),
];

/// All that searches exhaustively, in the order of the table.
const SEARCHES: &[Search] = &[
    Search { n: 7, contender: Contender::new("bare replay loop", replay::orders::<7>) },
    Search { n: 7, contender: Contender::new(TRACEFORGE, peers::traceforge::orders::<7>) },
    Search { n: 7, contender: Contender::new("raddle, dpor", exhaustive::orders::<7>) },
    Search { n: 7, contender: Contender::new("raddle, dpor, no laws", exhaustive::orders_unjudged::<7>) },
    Search { n: 8, contender: Contender::new("bare replay loop", replay::orders::<8>) },
    Search { n: 8, contender: Contender::new(TRACEFORGE, peers::traceforge::orders::<8>) },
    Search { n: 8, contender: Contender::new("raddle, dpor", exhaustive::orders::<8>) },
    Search { n: 8, contender: Contender::new("raddle, dpor, no laws", exhaustive::orders_unjudged::<8>) },
];

/// The same traffic without order and with it, on few workers and on many.
const ORDERED: [[Contender; 2]; 2] = [
    [
        Contender::new("arrival, 4 workers", ordered::arrival::<4>),
        Contender::new("causal, 4 workers", ordered::causal::<4>),
    ],
    [
        Contender::new("arrival, 64 workers", ordered::arrival::<64>),
        Contender::new("causal, 64 workers", ordered::causal::<64>),
    ],
];

/// What the others are compared with.
const TRACEFORGE: &str = "TraceForge";

/// Measures raddle beside its peers and a bare hand-written loop.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    other: Option<Other>,

    /// A smoke run: 3 rounds of 20 ms, whose numbers mean little
    #[arg(long, conflicts_with_all = ["rounds", "millis"])]
    quick: bool,

    /// How many times each contender is measured
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,

    /// CPU time of one measurement, in milliseconds
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    millis: u64,

    /// Measure only the baseline and the contenders whose name contains this; may be repeated
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,

    /// Also write what was measured as one line of JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Other {
    /// Measures how fast all orders in which one receiver can hear 7 and 8 senders are searched
    Exhaustive {
        /// How many times each contender is measured
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
        rounds: u16,

        /// CPU time of one measurement, in milliseconds; a search is always brought to its end
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
        millis: u64,

        /// Also write what was measured as one line of JSON
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },

    /// Measures what causal order costs over a network that keeps none
    Order {
        /// How many times each contender is measured
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
        rounds: u16,

        /// CPU time of one measurement, in milliseconds
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
        millis: u64,

        /// Also write what was measured as one line of JSON
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },

    /// Measures real runs on threads and processes beside their rivals, by the clock on the wall
    Real {
        /// A smoke run: 2 rounds of next to nothing, whose numbers mean little
        #[arg(long, conflicts_with = "rounds")]
        quick: bool,

        /// How many times each contender is measured
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
        rounds: u16,

        /// Also write what was measured as one line of JSON
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },

    /// Is the process of a worker in a real run
    #[command(hide = true, name = real::ours::CHILD)]
    Worker {
        /// Which play
        play: String,
        /// How long
        size: u64,
        /// Most inputs that it takes at once
        window: u32,
    },

    /// Is the process at one end of a pipe in a real run
    #[command(hide = true, name = pipe::CHILD)]
    PipeEnd {
        /// Which end
        end: pipe::End,
        /// How many trips
        trips: u64,
    },

    /// Searches once and says the peak of this process: for a process of its own
    #[command(hide = true, name = memory::CHILD)]
    Peak {
        /// How many senders
        n: u64,
    },

    /// Measures all of this, and puts the tables into a file between their marks
    Readme {
        /// A smoke run, whose numbers mean little
        #[arg(long)]
        quick: bool,

        /// The file
        #[arg(value_name = "FILE", default_value = "README.md")]
        file: PathBuf,
    },

    /// Counts the runs that each strategy needs to the first bug of systems with known bugs
    Bugs {
        /// Compare only these strategies; may be repeated [default: all samplers, and depth 3]
        #[arg(long, value_name = "S")]
        strategy: Vec<StrategyKind>,

        /// How many blocks of seeds each strategy is given for each bug
        #[arg(long, default_value_t = FULL.blocks, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        blocks: u64,

        /// How many runs a block takes at most
        #[arg(long, default_value_t = FULL.cap, value_parser = clap::value_parser!(u64).range(1..BLOCK))]
        cap: u64,

        /// Also write what was counted as one line of JSON
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
}

fn main() -> Result<()> {
    let args = Args::parse();
    match args.other {
        None => speed(&args),
        Some(Other::Bugs { strategy, blocks, cap, json }) => {
            for kind in &strategy {
                ensure!(!kind.ignores_seed(), "`{kind}` is no sampler: it does the same whatever the seed");
            }
            let kinds = if strategy.is_empty() { samplers() } else { strategy };
            let report = bugs(&kinds, Effort { blocks, cap })?;
            let bounds = match report.bounds() {
                Some(bounds) => bounds.to_string(),
                None => {
                    let Effort { blocks, cap } = FULL;
                    format!(
                        "bounds of the portfolio: not judged, as that takes all samplers, {blocks} blocks and a cap of {cap}"
                    )
                }
            };
            tell(&format!("{}\n\n{bounds}", report.table(Form::Text)), &report, json.as_deref())?;
            ensure!(report.bounds().is_none_or(Bounds::are_kept), "the portfolio does not keep its bounds");
            Ok(())
        }
        Some(Other::Exhaustive { rounds, millis, json }) => {
            let report = search(rounds, millis)?;
            tell(&search_table(&report, Form::Text), &report, json.as_deref())
        }
        Some(Other::Order { rounds, millis, json }) => {
            let report = order(rounds, millis);
            tell(&order_table(&report, Form::Text), &report, json.as_deref())
        }
        Some(Other::Real { quick, rounds, json }) => {
            let report = real(quick, rounds)?;
            tell(&report.table(Form::Text), &report, json.as_deref())
        }
        Some(Other::Readme { quick, file }) => fill_in(quick, &file),
        Some(Other::Worker { play, size, window }) => real::ours::work(&play, size, window),
        Some(Other::PipeEnd { end, trips }) => pipe::end(end, trips),
        Some(Other::Peak { n }) => Ok(writeln!(io::stdout(), "{}", memory::child(n)?)?),
    }
}

/// How fast runs are sampled.
fn speed(args: &Args) -> Result<()> {
    let contenders = select(&args.only)?;
    let (rounds, millis) = if args.quick { QUICK } else { (args.rounds, args.millis) };
    let report = sample(&contenders, rounds, millis);
    tell(&report.table(Form::Text), &report, args.json.as_deref())
}

/// Rounds and milliseconds of a smoke run.
const QUICK: (u16, u64) = (3, 20);

/// How fast these sample.
fn sample(contenders: &[Contender], rounds: u16, millis: u64) -> Report {
    let rates = in_turn(contenders, usize::from(rounds), Duration::from_millis(millis), |round| {
        eprintln!("round {round} of {rounds}");
    });
    Report::new(contenders, &rates)
}

/// How fast all runs are searched, and in how much memory.
fn search(rounds: u16, millis: u64) -> Result<(fanin_report::Report, memory::Report)> {
    let contenders: Vec<_> = SEARCHES.iter().map(|search| search.contender).collect();
    let rates = in_turn(&contenders, usize::from(rounds), Duration::from_millis(millis), |round| {
        eprintln!("round {round} of {rounds}");
    });
    Ok((fanin_report::Report::new(SEARCHES, &rates, TRACEFORGE), memory::Report::measure()?))
}

fn search_table((speed, memory): &(fanin_report::Report, memory::Report), form: Form) -> String {
    format!("{}\n\n{}", speed.table(form), memory.table(form))
}

/// What causal order costs.
fn order(rounds: u16, millis: u64) -> [Report; 2] {
    ORDERED.map(|contenders| sample(&contenders, rounds, millis))
}

fn order_table(reports: &[Report; 2], form: Form) -> String {
    reports.each_ref().map(|report| report.table(form)).join("\n\n")
}

/// Real runs.
fn real(quick: bool, rounds: u16) -> Result<real::Report> {
    let (rounds, sizes) = if quick { (2, Sizes::QUICK) } else { (rounds, Sizes::FULL) };
    real::Report::measure(usize::from(rounds), &sizes, |question| eprintln!("{question}"))
}

/// Runs to the first bug.
fn bugs(kinds: &[StrategyKind], effort: Effort) -> Result<hunt::Report> {
    Ok(hunt(kinds, effort, |bug| eprintln!("{}: {}", bug.name, bug.about))?)
}

/// Measures all, and puts the tables into a file.
fn fill_in(quick: bool, file: &Path) -> Result<()> {
    let read = || fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()));
    let form = Form::Markdown;
    // Before anything is measured for nothing.
    ["speed", "exhaustive", "order", "real", "bugs"].iter().try_fold(read()?, |text, name| fill(&text, name, ""))?;
    let (rounds, millis) = if quick { QUICK } else { (7, 500) };
    let effort = if quick { Effort { blocks: 1, cap: 20 } } else { FULL };
    let tables = [
        ("speed", sample(CONTENDERS, rounds, millis).table(form)),
        ("exhaustive", search_table(&search(rounds.min(5), millis)?, form)),
        ("order", order_table(&order(rounds, millis), form)),
        ("real", real(quick, 5)?.table(form)),
        ("bugs", bugs(&samplers(), effort)?.table(form)),
    ];
    let text = tables.iter().try_fold(read()?, |text, (name, table)| fill(&text, name, table))?;
    fs::write(file, text).with_context(|| format!("failed to write {}", file.display()))
}

/// Prints the table, and writes the line of JSON if there is a file for it.
fn tell(table: &str, report: &impl Serialize, json: Option<&Path>) -> Result<()> {
    writeln!(io::stdout(), "{table}").context("failed to write the table")?;
    if let Some(file) = json {
        let mut line = serde_json::to_string(report).context("failed to encode the report")?;
        line.push('\n');
        fs::write(file, line).with_context(|| format!("failed to write {}", file.display()))?;
    }
    Ok(())
}

/// The baseline and all contenders whose name contains one of the texts; all contenders if there
/// are none.
fn select(only: &[String]) -> Result<Vec<Contender>> {
    for text in only {
        ensure!(
            CONTENDERS.iter().any(|contender| contender.name.contains(text)),
            "no contender's name contains {text:?}; there are: {}",
            CONTENDERS.iter().map(|contender| contender.name).collect::<Vec<_>>().join("; "),
        );
    }
    let wanted = |contender: &Contender| only.is_empty() || only.iter().any(|text| contender.name.contains(text));
    let rest = CONTENDERS[1..].iter().filter(|contender| wanted(contender));
    Ok(CONTENDERS[..1].iter().chain(rest).copied().collect())
}
