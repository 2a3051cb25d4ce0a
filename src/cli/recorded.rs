//! Recordings as input: done again first, so that whatever is said of them is said of the real run or not at all.

use std::path::Path;
use std::sync::Arc;

use raddle_core::recording::Recording as Lanes;
use raddle_sim::{Difference, Finding, Keep, LiftError, Lifted};

use super::context::Context;
use super::exit::{Exit, Trouble, refuse};
use crate::any::AnySystem;
use crate::corpus;
use crate::look::{BAD, STRONG};
use crate::words;

/// A real run done again; or how the command ends where it is another one now, which is told.
pub(crate) fn lift(
    context: &Context,
    lanes: &Arc<Lanes>,
    path: &Path,
    laws: Option<&[String]>,
    keep: Keep,
) -> Result<Result<Lifted, Exit>, Trouble> {
    let system = rebuild(context, lanes, path)?;
    let lifted = system.lift(lanes, laws, keep).map_err(|error| misfit(&error, path))?;
    match &lifted.difference {
        Some(difference) => tell(context, lanes, difference).map(Err),
        None => Ok(Ok(lifted)),
    }
}

/// How much of a long run is kept.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Most {
    /// Of a recording, keep no more events than this: a million take some 1.5 GB
    #[arg(long, value_name = "N", default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) events: u64,
}

/// What a real run breaks, as a finding, if no more events than this lead to it.
pub(crate) fn finding(
    context: &Context,
    lanes: &Arc<Lanes>,
    path: &Path,
    events_max: u64,
) -> Result<Result<Finding, Exit>, Trouble> {
    let system = rebuild(context, lanes, path)?;
    let (lifted, finding) = system.found_in(lanes, events_max).map_err(|error| misfit(&error, path))?;
    if let Some(difference) = &lifted.difference {
        return tell(context, lanes, difference).map(Err);
    }
    let Some(mut finding) = finding else {
        refuse!("the run in `{}` breaks no law: there is nothing to explain or to shrink", path.display())
    };
    finding.bug.clone_from(&lanes.head.bug);
    finding.params.clone_from(&lanes.head.params);
    Ok(Ok(finding))
}

fn rebuild(context: &Context, lanes: &Lanes, path: &Path) -> Result<Box<dyn AnySystem>, Trouble> {
    corpus::rebuild_recorded(&context.entries, &lanes.head, path).map_err(Trouble)
}

fn misfit(error: &LiftError, path: &Path) -> Trouble {
    let path = path.display();
    Trouble(match error {
        LiftError::TooLong { events, events_max } => format!(
            "`{path}` takes too much: {} lead to what it breaks, and no more than {} are kept: record a shorter run, or keep \
             more with `--events`",
            words::counted(*events, "event"),
            words::count(*events_max)
        ),
        error => format!("`{path}` cannot be done again: {error}"),
    })
}

/// Says where it is another run.
fn tell(context: &Context, lanes: &Lanes, difference: &Difference) -> Result<Exit, Trouble> {
    let (head, system) = (context.look.paint(BAD, "diverged:"), context.look.paint(STRONG, &lanes.head.system));
    context.print(&format!("{head} {system}\n  {difference}\n"))?;
    Ok(Exit::Diverged)
}
