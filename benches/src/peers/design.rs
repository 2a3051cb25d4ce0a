//! Real runs of the design that raddle replaces: worker processes in Python, with pickled updates in queues of
//! `multiprocessing`, by way of a coordinator process. See `design.py`.

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::real::part::{MEMBERS, all_trips, crowd_words, loads_of, trip};

const SCRIPT: &str = include_str!("design.py");
const PYTHON: &str = "python3";

/// The median and the 99th percentile of so many trips, in nanoseconds; none if there is no Python here.
///
/// # Errors
/// When the script fails.
pub fn pair(trips: u64) -> Result<Option<Vec<f64>>> {
    let times = run(&["pair".to_owned(), all_trips(trips).to_string()])?;
    times.map(trip).transpose()
}

/// Loads a second of a crowd; none if there is no Python here.
///
/// # Errors
/// When the script fails.
pub fn crowd(rounds: u64) -> Result<Option<Vec<f64>>> {
    let args: Vec<String> = ["crowd".to_owned()].into_iter().chain(crowd_words(rounds)).collect();
    let Some(said) = run(&args)? else { return Ok(None) };
    ensure!(said.len() == 1, "failed to hear of {MEMBERS} workers in Python how long they took");
    Ok(Some(vec![loads_of(rounds) as f64 * 1e9 / said[0] as f64]))
}

/// The numbers that the script prints.
fn run(args: &[String]) -> Result<Option<Vec<u64>>> {
    let child = Command::new(PYTHON).arg("-").args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = match child {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        child => child.with_context(|| format!("failed to start {PYTHON}"))?,
    };
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(SCRIPT.as_bytes()).with_context(|| format!("failed to hand the script to {PYTHON}"))?;
    drop(stdin);
    let output = child.wait_with_output().with_context(|| format!("failed to hear {PYTHON}"))?;
    ensure!(output.status.success(), "failed to play in Python: {PYTHON} ended with {}", output.status);
    let said = String::from_utf8(output.stdout).context("failed to read what Python says")?;
    let numbers = said.split_whitespace().map(str::parse).collect::<Result<_, _>>();
    Ok(Some(numbers.context("failed to read a number that Python says")?))
}
