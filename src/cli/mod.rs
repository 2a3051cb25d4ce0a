//! The command: `raddle` for the built-in systems, and [`main!`](crate::main!) for anybody's own.
//!
//! One subcommand, one file. Each takes what it was asked for and a `Context`, and gives back how it ended; nothing below
//! ends the process or decides on its own what an exit code means.

mod check;
mod completions;
mod context;
mod corpus;
mod exhausted;
mod exit;
mod experiment;
mod explain;
mod explore;
mod facts;
mod list;
mod load;
mod merge;
mod metrics;
mod options;
mod progress;
mod ran;
mod recorded;
mod replay;
mod report;
mod run;
mod shard;
mod shrink;
mod view;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::context::{Context, complain};
use self::exit::{Exit, Trouble};
use self::options::Words;
use crate::catalog::Entry;
use crate::environment::TABLE;
use crate::look::Look;

/// Explore message interleavings of a system, and see again what was found
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, subcommand_required = true, max_term_width = 100)]
struct Line {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    List(list::List),
    Explore(explore::Explore),
    Replay(replay::Replay),
    Shrink(shrink::Shrink),
    Explain(explain::Explain),
    Run(run::Run),
    Check(check::Check),
    View(view::View),
    Experiment(experiment::Perform),
    Corpus(corpus::Corpus),
    Merge(merge::Merge),
    Completions(completions::Completions),
}

/// The whole command for these systems: reads the arguments of the process, prints, and says how it ended.
#[must_use]
pub fn main(entries: impl IntoIterator<Item = Entry>) -> ExitCode {
    let entries: Vec<Entry> = entries.into_iter().collect();
    let exit = catch_unwind(AssertUnwindSafe(|| perform(entries))).unwrap_or_else(|_| {
        let text = "raddle itself panicked, see above; if that was not in code of your own (a property, `Debug`, \
                    `Clone`), it is a bug in raddle: please report it";
        complain(Look::plain(false).coloured(), text);
        Exit::Bug
    });
    exit.into()
}

fn perform(entries: Vec<Entry>) -> Exit {
    let called = std::env::args_os().next().unwrap_or_default();
    let program = Path::new(&called).file_stem().map_or("raddle".into(), |name| name.to_string_lossy().into_owned());
    let line = command(&program, &entries);
    let task = match line.clone().try_get_matches().and_then(|mut found| Line::from_arg_matches_mut(&mut found)) {
        Ok(line) => line.task,
        Err(error) => {
            let _ = error.print();
            return if error.exit_code() == 0 { Exit::Clean } else { Exit::Usage };
        }
    };
    let done = Context::new(entries, program).and_then(|context| match task {
        Task::List(list) => list.perform(&context),
        Task::Explore(explore) => explore.perform(&context),
        Task::Replay(replay) => replay.perform(&context),
        Task::Shrink(shrink) => shrink.perform(&context),
        Task::Explain(explain) => explain.perform(&context),
        Task::Run(run) => run.perform(&context),
        Task::Check(check) => check.perform(&context),
        Task::View(view) => view.perform(&context),
        Task::Experiment(experiment) => experiment.perform(&context),
        Task::Corpus(corpus) => corpus.perform(&context),
        Task::Merge(merge) => merge.perform(&context),
        Task::Completions(completions) => completions.perform(&context, line),
    });
    done.unwrap_or_else(|Trouble(text)| {
        complain(Look::plain(false).coloured(), &text);
        Exit::Usage
    })
}

/// The command line, which knows the names of the systems.
fn command(program: &str, entries: &[Entry]) -> clap::Command {
    let mut line = Line::command().name(program.to_owned()).after_help(exit::HELP);
    let systems = Words::new("system", entries.iter().map(|entry| entry.name().to_owned()));
    for name in ["list", "explore", "run"] {
        let systems = systems.clone();
        line = line.mut_subcommand(name, |sub| sub.mut_arg("system", |arg| arg.value_parser(systems)));
    }
    line.mut_subcommand("explore", |sub| sub.after_help(environment_help()))
}

fn environment_help() -> String {
    let row = |variable: &crate::environment::Variable| {
        format!("  {:<18}{} ({})\n", variable.name, variable.about, variable.takes)
    };
    let rows: String = TABLE.iter().map(row).collect();
    format!("Environment, where no flag says otherwise:\n{}", rows.trim_end())
}
