//! What this process has saved as findings: nobody has committed it yet, so tests of the same process do not replay it,
//! and of what somebody saves again and again, as a property does that shrinks, only the last is kept.
//!
//! A file that was there before is never removed.

use std::collections::BTreeSet;
use std::fs;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

use raddle_sim::{Finding, FindingError};

use crate::corpus;

/// Who saves: of one writer the last finding is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Writer {
    /// libtest names the thread of a test after the test.
    test: String,
    /// Where in the test.
    line: &'static Location<'static>,
    system: String,
    signature: String,
}

impl Writer {
    /// A line of a test of this thread, which finds this of a system.
    pub(crate) fn new(line: &'static Location<'static>, finding: &Finding) -> Self {
        let test = thread::current().name().unwrap_or_default().to_owned();
        Self { test, line, system: finding.system.clone(), signature: finding.signature.clone() }
    }
}

/// All of it.
struct Saved {
    /// The files that were not there before, also those that are gone again.
    made: BTreeSet<PathBuf>,
    /// Who wants which file; nobody's are for good.
    wanted: Vec<(Option<Writer>, PathBuf)>,
}

static SAVED: Mutex<Saved> = Mutex::new(Saved { made: BTreeSet::new(), wanted: Vec::new() });

/// Whether this file was made by this process.
pub(crate) fn is_new(path: &Path) -> bool {
    SAVED.lock().unwrap_or_else(PoisonError::into_inner).made.contains(path)
}

/// Saves a finding below a folder, as [`corpus::save`] does. With a writer, it takes the place of what the same writer
/// has saved before.
pub(crate) fn save(finding: &Finding, folder: &Path, writer: Option<Writer>) -> Result<PathBuf, FindingError> {
    let mut saved = SAVED.lock().unwrap_or_else(PoisonError::into_inner);
    let Saved { made, wanted } = &mut *saved;
    let (path, is_there) = corpus::place(finding, &finding.path_in(folder));
    // The same run may be made simpler in what shows nowhere in it, such as a seed that nobody draws from.
    if !is_there || made.contains(&path) {
        let is_new = !path.exists();
        finding.save_as(&path)?;
        if is_new {
            made.insert(path.clone());
        }
    }
    let before = writer.as_ref().and_then(|_| wanted.iter().position(|(other, _)| *other == writer));
    let before = before.map(|at| wanted.swap_remove(at).1);
    wanted.push((writer, path.clone()));
    if let Some(before) = before
        && made.contains(&before)
        && !wanted.iter().any(|(_, path)| *path == before)
    {
        // Whoever has removed it by hand was faster.
        let _ = fs::remove_file(before);
    }
    Ok(path)
}
