//! Files as input: findings and traces, told apart by what is in them.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use raddle_core::Trace;
use raddle_sim::Finding;

use super::context::Context;
use super::exit::{Trouble, refuse};
use crate::corpus;

/// What a file holds.
pub(crate) enum Loaded {
    Finding(Box<Finding>),
    Trace(Box<Trace>),
}

/// Reads a finding or a trace.
pub(crate) fn load(path: &Path) -> Result<Loaded, Trouble> {
    let shown = path.display();
    let failed = |error: std::io::Error| Trouble(format!("cannot read `{shown}`: {error}"));
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let mut first = [0; 1];
    let read = file.read(&mut first).map_err(failed)?;
    if read == 0 {
        refuse!("`{shown}` is empty: expected a finding (RON) or a trace (JSON lines)");
    }
    // A trace begins with an object, a finding with a comment or a struct.
    if first[0] != b'{' {
        return Ok(Loaded::Finding(Box::new(Finding::read(path)?)));
    }
    let file = BufReader::new(File::open(path).map_err(failed)?);
    let trace =
        raddle_view::jsonl::read(file).map_err(|error| Trouble(format!("`{shown}` is not a whole trace: {error}")))?;
    Ok(Loaded::Trace(Box::new(trace)))
}

/// The trace in a file; for a finding, that of its replay, and the finding.
pub(crate) fn trace(context: &Context, path: &Path) -> Result<(Trace, Option<Finding>), Trouble> {
    match load(path)? {
        Loaded::Trace(trace) => Ok((*trace, None)),
        Loaded::Finding(finding) => {
            let replayed = corpus::replay(&context.entries, &finding, path).map_err(Trouble)??;
            Ok((replayed.recording.trace, Some(*finding)))
        }
    }
}
