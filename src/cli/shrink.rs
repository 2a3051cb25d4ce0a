//! `raddle shrink`: make a saved failing run simpler.

use std::path::{Path, PathBuf};
use std::time::Duration;

use raddle_sim::Budget;

use super::context::Context;
use super::exit::{Exit, Trouble, refuse};
use super::load::{self, Loaded};
use super::options::duration;
use super::recorded::{self, Most};
use crate::corpus;
use crate::failure::Failure;

/// Make a saved failing run simpler: fewer deviations from the default order, then fewer messages, then fewer steps
#[derive(Debug, clap::Args)]
pub(crate) struct Shrink {
    /// A finding, or a recording of a run that fails
    #[arg(value_name = "FINDING|RECORDING")]
    file: PathBuf,
    /// Write to this file, which is replaced [default: in the place of the finding, whose file is renamed unless you named it
    /// yourself; of a recording, a new finding below `seeds`]
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
    /// Stop after this long; what is told of the result then says so
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
    time: Duration,
    #[command(flatten)]
    most: Most,
}

/// Where what is found in a recording is saved.
const SEEDS: &str = "seeds";
/// Who asks for it has more time than who explores.
const MORE: u64 = 20;

impl Shrink {
    pub(crate) fn perform(&self, context: &Context) -> Result<Exit, Trouble> {
        let (finding, is_recorded) = match load::load(&self.file)? {
            Loaded::Finding(finding) => (*finding, false),
            Loaded::Recording(lanes) => match recorded::finding(context, &lanes, &self.file, self.most.events)? {
                Ok(finding) => (finding, true),
                Err(exit) => return Ok(exit),
            },
            Loaded::Trace(_) => refuse!(
                "`{}` is a trace: only findings and recordings can be shrunk, they say which choices were made",
                self.file.display()
            ),
        };
        context.stop_on_ctrl_c();
        let Budget { steps, proof, explain, .. } = Budget::default();
        let budget = Budget { steps: steps * MORE, proof: proof * MORE, explain, time: Some(self.time) };
        let system = corpus::rebuild(&context.entries, &finding, &self.file).map_err(Trouble)?;
        let done = system.shrink(&finding, &budget, &context.stop);
        let (shrunk, found) =
            done.map_err(|error| Trouble(format!("cannot shrink `{}`: {error}", self.file.display())))?;
        let path = match &self.output {
            Some(path) => shrunk.save_as(path).map(|()| path.clone())?,
            None if is_recorded => corpus::save(&shrunk, Path::new(SEEDS))?,
            None => corpus::replace(&finding, &shrunk, &self.file)?,
        };
        let mut failure = Failure::of_found(&found, &shrunk.strategy)
            .note("replay", format!("{} replay {}", context.program, path.display()))
            .saved(&path);
        if self.output.is_none() && !is_recorded && path != self.file {
            failure = failure.note("removed", format!("{}, which it replaces", self.file.display()));
        }
        context.print(&failure.render(context.look))?;
        Ok(Exit::Clean)
    }
}
