//! Files as input: findings, traces and recordings, told apart by what is in them.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;

use raddle_checkers::Verdict;
use raddle_core::Trace;
use raddle_core::recording::Recording as Lanes;
use raddle_runtime::read_recording;
use raddle_sim::{Finding, Keep};

use super::context::Context;
use super::exit::{Exit, Trouble, refuse};
use super::recorded;
use crate::corpus;

/// What a file holds.
pub(crate) enum Loaded {
    Finding(Box<Finding>),
    Trace(Box<Trace>),
    Recording(Arc<Lanes>),
}

/// Reads a finding, a trace or a recording.
pub(crate) fn load(path: &Path) -> Result<Loaded, Trouble> {
    let shown = path.display();
    let failed = |error: std::io::Error| Trouble(format!("cannot read `{shown}`: {error}"));
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let mut first = [0; 1];
    let read = file.read(&mut first).map_err(failed)?;
    if read == 0 {
        refuse!("`{shown}` is empty: expected a finding (RON), a recording, or a trace (JSON lines)");
    }
    match first[0] {
        // A trace begins with an object, a recording with our name, a finding with a comment or a struct.
        b'{' => {}
        b'r' => return Ok(Loaded::Recording(Arc::new(read_recording(path)?))),
        _ => return Ok(Loaded::Finding(Box::new(Finding::read(path)?))),
    }
    let file = BufReader::new(File::open(path).map_err(failed)?);
    let trace =
        raddle_view::jsonl::read(file).map_err(|error| Trouble(format!("`{shown}` is not a whole trace: {error}")))?;
    Ok(Loaded::Trace(Box::new(trace)))
}

/// A trace, and what comes with it.
pub(crate) struct Traced {
    pub(crate) trace: Trace,
    /// The laws by which its finding was judged, or those of its system.
    pub(crate) laws: Option<Vec<String>>,
    /// What the properties of its system say, if anybody could ask them.
    pub(crate) properties: Vec<(String, Verdict)>,
    /// Why it is only a beginning, if that is known.
    pub(crate) cut: Option<String>,
}

/// The trace in a file; for a finding, that of its replay; for a recording, that of its run done again, up to so many
/// events. Or how the command ends, where a recording diverges.
pub(crate) fn trace(context: &Context, path: &Path, events_max: u64) -> Result<Result<Traced, Exit>, Trouble> {
    trace_of(context, load(path)?, path, events_max)
}

/// The same of what was in the file.
pub(crate) fn trace_of(
    context: &Context,
    loaded: Loaded,
    path: &Path,
    events_max: u64,
) -> Result<Result<Traced, Exit>, Trouble> {
    let traced = |trace, laws| Traced { trace, laws, properties: Vec::new(), cut: None };
    Ok(match loaded {
        Loaded::Trace(trace) => Ok(traced(*trace, None)),
        Loaded::Finding(finding) => {
            let replayed = corpus::replay(&context.entries, &finding, path).map_err(Trouble)??;
            Ok(traced(replayed.recording.trace, Some(finding.laws)))
        }
        Loaded::Recording(lanes) => {
            let keep = Keep::Beginning { events: events_max, steps: u64::MAX };
            recorded::lift(context, &lanes, path, None, keep)?.map(|lifted| Traced {
                trace: lifted.recording.trace,
                laws: Some(lifted.laws),
                properties: lifted.properties,
                cut: lifted.cut,
            })
        }
    })
}
