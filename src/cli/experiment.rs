//! `raddle experiment`: what updates cost and do, measured on one driver.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Trouble, refuse};
use crate::experiments::{ALL, Case, Driver, Experiment, ExperimentError, Table};
use crate::look::STRONG;
use crate::words;

/// Measure what updates between workers cost, and what becomes of them
#[derive(Debug, clap::Args)]
pub(crate) struct Perform {
    /// Which
    #[arg(value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(NAMES))]
    name: String,
    /// On what
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Driver::Threads)]
    on: Driver,
    /// Write each table as JSON into this folder, too
    #[arg(short = 'o', long = "output", value_name = "DIR")]
    output: Option<PathBuf>,
}

const NAMES: [&str; 6] = ["latency", "causality", "deadlock", "throughput", "backpressure", "all"];

/// What is written of an experiment.
#[derive(Serialize)]
struct Report<'a> {
    experiment: &'a str,
    on: &'a str,
    question: &'a str,
    #[serde(flatten)]
    table: &'a Table,
}

impl Perform {
    pub(crate) fn perform(&self, context: &Context) -> Result<Exit, Trouble> {
        let chosen: Vec<&Experiment> =
            ALL.iter().filter(|one| ["all", one.name].contains(&self.name.as_str())).collect();
        let cases: Vec<Vec<Case>> = chosen.iter().map(|one| (one.cases)(self.on)).collect();
        self.serve(&cases)?;
        if let Some(folder) = &self.output {
            fs::create_dir_all(folder)
                .map_err(|error| Trouble(format!("cannot make `{}`: {error}", folder.display())))?;
        }
        context.stop_on_ctrl_c();
        for (one, cases) in chosen.into_iter().zip(cases) {
            let seen: Result<Vec<_>, _> = cases.iter().map(|case| case.run(self.on, &context.stop)).collect();
            let seen = match seen {
                Err(ExperimentError::Stopped) => return Ok(Exit::Interrupted),
                Err(ExperimentError::Real(error)) => return context.not_begun(&error),
                seen => seen?,
            };
            if context.is_stopped() {
                return Ok(Exit::Interrupted);
            }
            let table = (one.table)(self.on, &seen);
            context.print(&self.text(one, &table, context))?;
            if let Some(folder) = &self.output {
                self.write(one, &table, folder)?;
            }
        }
        Ok(Exit::Clean)
    }

    /// A process of a run becomes the worker that it is to be.
    #[cfg(unix)]
    fn serve(&self, cases: &[Vec<Case>]) -> Result<(), Trouble> {
        if self.on == Driver::Processes {
            for case in cases.iter().flatten() {
                case.system.serve()?;
            }
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn serve(&self, _: &[Vec<Case>]) -> Result<(), Trouble> {
        if self.on == Driver::Processes {
            refuse!("processes are there on Unix only: use `--on threads`");
        }
        Ok(())
    }

    fn text(&self, one: &Experiment, table: &Table, context: &Context) -> String {
        let look = context.look;
        let wrap = |text: &str| words::wrap(text, look.width - 2).join("\n  ");
        format!(
            "{} on {}\n  {}\n\n{}\n  {}\n\n",
            look.paint(STRONG, one.name),
            self.on.word(),
            wrap(one.question),
            table.text(),
            wrap(&table.answer)
        )
    }

    fn write(&self, one: &Experiment, table: &Table, folder: &Path) -> Result<(), Trouble> {
        let report = Report { experiment: one.name, on: self.on.word(), question: one.question, table };
        let path = folder.join(format!("{}-{}.json", one.name, self.on.word()));
        let text = serde_json::to_string_pretty(&report)? + "\n";
        let Err(error) = fs::write(&path, text) else { return Ok(()) };
        refuse!("cannot write `{}`: {error}", path.display())
    }
}
