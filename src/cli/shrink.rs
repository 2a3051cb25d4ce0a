//! `raddle shrink`: make a saved failing run simpler.

use std::path::PathBuf;
use std::time::Duration;

use raddle_sim::{Budget, Finding};

use super::context::Context;
use super::exit::{Exit, Trouble, refuse};
use super::load::{self, Loaded};
use super::options::duration;
use crate::corpus;
use crate::failure::Failure;

/// Make a saved failing run simpler: fewer deviations from the default order, then fewer messages, then fewer steps
#[derive(Debug, clap::Args)]
pub(crate) struct Shrink {
    /// A finding
    #[arg(value_name = "FINDING")]
    file: PathBuf,
    /// Write to this file [default: over the finding]
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
    /// Stop after this long; what is told of the result then says so
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
    time: Duration,
}

/// Who asks for it has more time than who explores.
const MORE: u64 = 20;

impl Shrink {
    pub(crate) fn perform(&self, context: &Context) -> Result<Exit, Trouble> {
        let Loaded::Finding(finding) = load::load(&self.file)? else {
            refuse!(
                "`{}` is a trace: only findings can be shrunk, they say which choices were made",
                self.file.display()
            );
        };
        context.stop_on_ctrl_c();
        let Budget { steps, proof, .. } = Budget::default();
        let budget = Budget { steps: steps * MORE, proof: proof * MORE, time: Some(self.time) };
        let system = corpus::rebuild(&context.entries, &finding, &self.file).map_err(Trouble)?;
        let done = system.shrink(&finding, &budget, &context.stop);
        let (finding, found) =
            done.map_err(|error| Trouble(format!("cannot shrink `{}`: {error}", self.file.display())))?;
        let path = self.output.as_ref().unwrap_or(&self.file);
        Finding::save_as(&finding, path)?;
        let failure = Failure::of_found(&found, &finding.strategy)
            .note("replay", format!("{} replay {}", context.program, path.display()))
            .saved(path);
        context.print(&failure.render(context.look))?;
        Ok(Exit::Clean)
    }
}
