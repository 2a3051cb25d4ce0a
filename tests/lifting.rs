//! Real runs done again in the simulator: every built-in system, correct and with each planted bug, inline and sharded.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use raddle::systems;
use raddle_runtime::{RecordTo, Threads, read_recording};
use raddle_sim::Keep;

const SEEDS: u64 = 4;

/// Runs a system on threads, and the recording in the simulator.
fn check(entry: &raddle::catalog::Entry, bug: Option<&str>, placement: &str, seed: u64, folder: &Path) {
    let what = format!("{} {bug:?} {placement} {seed}", entry.name());
    let mut args = entry.args([]).expect("its own");
    if let Some(bug) = bug {
        args = entry.plant(args, bug).expect("its own");
    }
    let mut system = entry.build(&args).expect("builds");
    system.set("placement", placement).expect("a placement");
    let file = folder.join(format!("{}-{}-{placement}-{seed}.rec", entry.name(), bug.unwrap_or("none")));
    let threads = Threads::new()
        .seed(seed)
        .record_to(RecordTo::new(&file))
        .time_limit(Some(Duration::from_millis(if bug == Some("freeze-depth") { 5 } else { 300 })))
        .drain_limit(Duration::from_millis(100));
    let run = system.run_on_threads(&threads, None).unwrap_or_else(|error| panic!("{what}: {error}"));
    run.recorded.expect("asked for").unwrap_or_else(|error| panic!("{what}: {error}"));
    let recording = Arc::new(read_recording(&file).unwrap_or_else(|error| panic!("{what}: {error}")));
    assert_eq!(recording.cut, None, "{what}");
    let lifted = system.lift(&recording, None, Keep::All).unwrap_or_else(|error| panic!("{what}: {error}"));
    let law = bug.and_then(|bug| entry.bugs().iter().find(|planted| planted.name == bug)).map(|bug| bug.law.as_str());
    if law == Some("determinism") {
        return;
    }
    if let Some(difference) = &lifted.difference {
        let of = |trace: &raddle_core::Trace| raddle_view::snapshot(trace);
        panic!("{what}: {difference}\n{}\n{}", of(&run.trace), of(&lifted.recording.trace));
    }
    assert_eq!(lifted.digest, run.trace.digest(), "{what}");
}

fn check_all(placement: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in systems::all() {
        let bugs = entry.bugs().iter().map(|bug| Some(bug.name.as_str()));
        for bug in std::iter::once(None).chain(bugs) {
            for seed in 0..SEEDS {
                check(&entry, bug, placement, seed, folder.path());
            }
        }
    }
}

#[test]
fn inline() {
    check_all("inline");
}

#[test]
fn sharded() {
    check_all("sharded(2)");
}
