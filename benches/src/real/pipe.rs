//! The floor for processes: two processes and a parent that carries 112 bytes from one pipe to the next, and nothing else.
//!
//! Each process is this program once more, with a hidden subcommand ([`end`]). The parent knows how many trips there are,
//! so no byte says what it is; when the last one is made, A says how long each took.

use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::load::{BYTES, Load};
use super::part::{all_trips, nanos, trip};

/// The hidden subcommand that is one end.
pub const CHILD: &str = "pipe-end";

/// Which end a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum End {
    /// Asks, and times the answer.
    Asks,
    /// Sends back what it hears.
    Echoes,
}

/// The median and the 99th percentile of so many trips, in nanoseconds.
///
/// # Errors
/// When a process cannot be started, or ends too early.
pub fn trips(trips: u64) -> Result<Vec<f64>> {
    let (mut asks, mut echoes) = (Process::start(End::Asks, trips)?, Process::start(End::Echoes, trips)?);
    let mut load = [0; BYTES];
    for _ in 0..all_trips(trips) {
        for (from, to) in [(&mut asks.says, &mut echoes.hears), (&mut echoes.says, &mut asks.hears)] {
            from.read_exact(&mut load).context("failed to hear the process at one end of a pipe")?;
            to.write_all(&load).context("failed to tell the process at the other end of a pipe")?;
        }
    }
    let mut times = Vec::new();
    asks.says.read_to_end(&mut times).context("failed to hear how long the trips took")?;
    let times = times.chunks_exact(8).map(|time| u64::from_le_bytes(time.try_into().expect("eight bytes")));
    trip(times.collect())
}

/// What the process at one end does.
///
/// # Errors
/// When its parent is gone.
pub fn end(end: End, trips: u64) -> Result<()> {
    let mut hears = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut says = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut bytes = [0; BYTES];
    let mut times = Vec::new();
    for number in 0..all_trips(trips) {
        let asked = std::time::Instant::now();
        if end == End::Asks {
            says.write_all(&Load::new(0, 1, number).to_bytes())?;
        }
        hears.read_exact(&mut bytes)?;
        match end {
            End::Asks => times.extend(nanos(asked.elapsed()).to_le_bytes()),
            End::Echoes => says.write_all(&Load::from_bytes(&bytes).back().to_bytes())?,
        }
    }
    says.write_all(&times)?;
    Ok(())
}

/// A process at one end, and the pipes to it and from it.
struct Process {
    child: Child,
    hears: ChildStdin,
    says: ChildStdout,
}

impl Process {
    fn start(end: End, trips: u64) -> Result<Process> {
        let program = env::current_exe().context("failed to find this program")?;
        let name = end.to_possible_value().expect("none is skipped");
        let mut command = Command::new(program);
        command.arg(CHILD).arg(name.get_name()).arg(trips.to_string());
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.context("failed to start a process at the end of a pipe")?;
        let (hears, says) = (child.stdin.take(), child.stdout.take());
        let (hears, says) = (hears.expect("it is piped"), says.expect("it is piped"));
        Ok(Process { child, hears, says })
    }
}

/// No process outlives its parent's interest.
impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
