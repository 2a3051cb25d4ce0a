//! The peak memory of one search: what its process held at most, as the system counts it.
//!
//! A peak never goes down again, so each search has a process of its own: this program once more, with a hidden
//! subcommand that searches and prints its peak. It is read from `/proc/self/status`; what `getrusage` says would
//! include what the parent held when the child began.

use std::env;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::exhaustive::search_once;
use crate::form::Form;

/// The hidden subcommand that searches and prints its peak.
pub const CHILD: &str = "peak";

/// The numbers of senders that are compared. The first is a search of nothing much: the process itself.
const SENDERS: [u64; 3] = [2, 7, 9];

/// The peak of each search.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    r#type: &'static str,
    v: u32,
    workload: &'static str,
    searches: Vec<Peak>,
    /// The peak of the largest search by that of the one before it.
    growth: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Peak {
    n: u64,
    executions: u64,
    peak_kib: u64,
}

impl Report {
    /// Lets each search be made by a process of its own.
    ///
    /// # Errors
    /// When such a process cannot be started, or does not say what it should.
    pub fn measure() -> Result<Report> {
        let searches = SENDERS.into_iter().map(peak_of_child).collect::<Result<Vec<_>>>()?;
        let [.., small, large] = searches[..] else { bail!("there is nothing to compare") };
        let growth = large.peak_kib as f64 / small.peak_kib as f64;
        Ok(Report { r#type: "bench", v: 1, workload: "fan-in, memory", searches, growth })
    }

    /// The table as text, without a newline at its end.
    pub fn table(&self, form: Form) -> String {
        let mut table = form.table(["raddle, dpor", "senders", "executions", "peak MiB"]);
        for peak in &self.searches {
            let mib = format!("{:.2}", peak.peak_kib as f64 / 1024.0);
            table.add_row([String::new(), peak.n.to_string(), peak.executions.to_string(), mib]);
        }
        table.add_row([format!("growth: {:.2}", self.growth)]);
        form.print(&mut table, 1)
    }
}

/// What the child does: searches, and gives its executions and its peak as it prints them.
///
/// # Errors
/// When the system does not say what the peak is.
pub fn child(n: u64) -> Result<String> {
    let executions = search_once(n);
    let status = fs::read_to_string("/proc/self/status").context("failed to read the peak of this process")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let peak = peak.context("failed to find the peak of this process in /proc/self/status: no VmHWM in kB")?;
    Ok(format!("{executions} {}", peak.trim()))
}

fn peak_of_child(n: u64) -> Result<Peak> {
    let program = env::current_exe().context("failed to find this program")?;
    let output = Command::new(program).arg(CHILD).arg(n.to_string()).output();
    let output = output.with_context(|| format!("failed to start a process that searches {n} senders"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u64> = said.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    match numbers[..] {
        [executions, peak_kib] if output.status.success() => Ok(Peak { n, executions, peak_kib }),
        _ => bail!("failed to search {n} senders: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_child_says_two_numbers() {
        let said = child(3).expect("Linux says the peak");
        let numbers: Vec<u64> = said.split(' ').map(|number| number.parse().expect("a number")).collect();
        assert_eq!((numbers.len(), numbers[0]), (2, 6));
        assert!(numbers[1] > 0);
    }
}
