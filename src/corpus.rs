//! The corpus: committed findings, replayed for ever.
//!
//! A finding says all itself: its system by name, parameters, planted bug, policies, settings, schedule, and what is
//! expected of it. [`judge`] does it again with the systems that there are; the command and the tests only count.

use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use raddle_core::recording::Head;
use raddle_sim::{Expectation, Finding, FindingError, Outcome, ReplayError, Replayed};

use crate::any::AnySystem;
use crate::catalog::{ArgError, Entry};
use crate::words;

/// What became of a committed finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// What is expected of it.
    Holds,
    /// Something else.
    Fails,
    /// It cannot be replayed.
    Broken,
    /// It is of a system that is not here.
    Foreign,
}

/// Does a committed finding again: what became of it, in a word and in a sentence.
#[must_use]
pub fn judge(entries: &[Entry], path: &Path) -> (Fate, String) {
    let finding = match Finding::read(path) {
        Ok(finding) => finding,
        Err(error) => return (Fate::Broken, error.to_string()),
    };
    if !entries.iter().any(|entry| entry.name() == finding.system) {
        return (Fate::Foreign, format!("no system `{}` here", finding.system));
    }
    match replay(entries, &finding, path) {
        Err(text) => (Fate::Broken, text),
        Ok(Err(error)) if finding.expectation == Expectation::Pass => (Fate::Fails, error.to_string()),
        Ok(Err(_)) => (Fate::Holds, "still never returns".to_owned()),
        Ok(Ok(replayed)) => compare(&finding, &replayed),
    }
}

/// Does a finding again. Of the errors of a replay, only that a handler never returned is left inside.
///
/// # Errors
/// A sentence that names the file and the next step, when the finding does not fit the systems there are.
pub fn replay(entries: &[Entry], finding: &Finding, path: &Path) -> Result<Result<Replayed, ReplayError>, String> {
    match rebuild(entries, finding, path)?.replay(finding) {
        Err(error @ (ReplayError::Finding(_) | ReplayError::Run(_))) => Err(misfit(finding, path, &error)),
        done => Ok(done),
    }
}

/// The system of a finding, with the finding's parameters and planted bug.
pub(crate) fn rebuild(entries: &[Entry], finding: &Finding, path: &Path) -> Result<Box<dyn AnySystem>, String> {
    let entry = entry(entries, &finding.system, path)?;
    build(entry, &finding.params, finding.bug.as_deref()).map_err(|error| misfit(finding, path, &error))
}

/// The system of a recording, with its parameters and planted bug.
pub(crate) fn rebuild_recorded(entries: &[Entry], head: &Head, path: &Path) -> Result<Box<dyn AnySystem>, String> {
    let entry = entry(entries, &head.system, path)?;
    build(entry, &head.params, head.bug.as_deref()).map_err(|error| {
        format!(
            "`{}` does not fit the system `{}` as it is now: {error}; use the command that it was recorded with",
            path.display(),
            head.system,
        )
    })
}

fn entry<'a>(entries: &'a [Entry], system: &str, path: &Path) -> Result<&'a Entry, String> {
    entries.iter().find(|entry| entry.name() == system).ok_or_else(|| {
        let unknown = words::unknown("system", system, entries.iter().map(Entry::name));
        let path = path.display();
        format!("`{path}` cannot be replayed here: {unknown}; use the command that it was made with")
    })
}

fn build(entry: &Entry, params: &IndexMap<String, String>, bug: Option<&str>) -> Result<Box<dyn AnySystem>, ArgError> {
    let params = params.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let mut args = entry.args(params)?;
    if let Some(bug) = bug {
        args = entry.plant(args, bug)?;
    }
    entry.build(&args)
}

fn misfit(finding: &Finding, path: &Path, error: &dyn std::error::Error) -> String {
    format!(
        "`{}` does not fit the system `{}` as it is now: {error}; restore the file, or delete it and explore again",
        path.display(),
        finding.system,
    )
}

fn compare(finding: &Finding, replayed: &Replayed) -> (Fate, String) {
    let (was, is) = (&finding.signature, replayed.signature.as_deref().unwrap_or_default());
    let (fate, says) = match (finding.expectation, replayed.outcome) {
        (Expectation::Pass, Outcome::Clean) => (Fate::Holds, "passes".to_owned()),
        (Expectation::Pass, _) => (Fate::Fails, format!("should pass, and breaks {is}")),
        (Expectation::Violation, Outcome::Same) => (Fate::Holds, format!("still breaks {is}")),
        (Expectation::Violation, Outcome::SameViolation) => {
            (Fate::Holds, format!("still breaks {is}, though the run is another"))
        }
        (Expectation::Violation, Outcome::OtherViolation) => {
            (Fate::Fails, format!("should break {was}, and breaks {is}"))
        }
        (Expectation::Violation, Outcome::Clean) => {
            (Fate::Fails, format!("should break {was}, and passes; once fixed, say `expectation: pass` in it"))
        }
    };
    match &replayed.misfit {
        Some(misfit) => (fate, format!("{says} (its schedule no longer fits at step {})", misfit.step)),
        None => (fate, says),
    }
}

/// Saves a finding below a folder. One that is there already is left as it is: somebody may have said in it that the
/// run should pass. The same run of another variant, such as one with a planted bug, is saved beside it.
///
/// # Errors
/// When the folder cannot be written to.
pub fn save(finding: &Finding, folder: &Path) -> Result<PathBuf, FindingError> {
    write(finding, &finding.path_in(folder))
}

/// Saves what became of a finding in the place of what it was. A file that is called what [`save`] called it takes its new
/// name, by which the next search knows that it is there; one that somebody gave a name keeps that.
///
/// # Errors
/// When a file cannot be written, or the old one not be removed.
pub fn replace(was: &Finding, finding: &Finding, path: &Path) -> Result<PathBuf, FindingError> {
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let (named, given) = (finding.path_in(Path::new("")), stem(&was.path_in(Path::new(""))));
    let is_given = stem(path).strip_prefix(&given).is_some_and(|rest| {
        let is_nth = rest.strip_prefix('-').is_some_and(|nth| nth.parse::<u32>().is_ok());
        rest.is_empty() || is_nth
    });
    let Some(name) = named.file_name().filter(|_| is_given && stem(&named) != given) else {
        return finding.save_as(path).map(|()| path.to_owned());
    };
    let saved = write(finding, &path.with_file_name(name))?;
    fs::remove_file(path).map_err(|source| FindingError::Io { what: "remove", path: path.to_owned(), source })?;
    Ok(saved)
}

fn write(finding: &Finding, path: &Path) -> Result<PathBuf, FindingError> {
    let (path, is_there) = place(finding, path);
    if !is_there {
        finding.save_as(&path)?;
    }
    Ok(path)
}

/// Where a finding belongs that is to be called this, or the same with a number, and whether it is there already.
pub(crate) fn place(finding: &Finding, path: &Path) -> (PathBuf, bool) {
    let variant = |it: &Finding| (it.bug.clone(), it.params.clone(), it.policies.clone());
    for nth in 1.. {
        let path = match nth {
            1 => path.to_owned(),
            nth => path.with_file_name(format!(
                "{}-{nth}.ron",
                path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default()
            )),
        };
        match Finding::read(&path) {
            Ok(there) if there.digest == finding.digest && there.signature == finding.signature => {
                if variant(&there) == variant(finding) {
                    return (path, true);
                }
            }
            _ => return (path, false),
        }
    }
    unreachable!("there are more names than files")
}

/// All findings in the folders of a folder, and in itself, by name.
#[must_use]
pub fn findings_below(folder: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = entries_of(folder).filter(|path| path.is_dir()).collect();
    folders.sort();
    std::iter::once(folder.to_owned()).chain(folders).flat_map(|folder| findings_in(&folder)).collect()
}

/// The findings in a folder, by name; none if there is no folder.
#[must_use]
pub fn findings_in(folder: &Path) -> Vec<PathBuf> {
    let is_finding = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "ron");
    let mut paths: Vec<PathBuf> = entries_of(folder).filter(is_finding).collect();
    paths.sort();
    paths
}

fn entries_of(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}
