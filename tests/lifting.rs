//! Real runs done again in the simulator: every built-in system, correct and with each planted bug, inline and sharded.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use raddle::catalog::Entry;
use raddle::systems;
use raddle_runtime::{RecordTo, Threads, read_recording};
use raddle_sim::Keep;

const SEEDS: u64 = 4;

/// Runs a system on threads, and the recording in the simulator.
fn check(entry: &Entry, bug: Option<&str>, policies: &[(&str, &str)], seed: u64, folder: &Path) {
    let what = format!("{} {bug:?} {policies:?} {seed}", entry.name());
    let mut args = entry.args([]).expect("its own");
    if let Some(bug) = bug {
        args = entry.plant(args, bug).expect("its own");
    }
    let mut system = entry.build(&args).expect("builds");
    policies.iter().for_each(|(key, value)| system.set(key, value).expect("a policy"));
    let file = folder.join(format!("{}.rec", std::fs::read_dir(folder).expect("a folder").count()));
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

fn check_all(policies: &[(&str, &str)]) {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in systems::all() {
        let bugs = entry.bugs().iter().map(|bug| Some(bug.name.as_str()));
        for bug in std::iter::once(None).chain(bugs) {
            for seed in 0..SEEDS {
                check(&entry, bug, policies, seed, folder.path());
            }
        }
    }
}

#[test]
fn inline() {
    check_all(&[]);
}

#[test]
fn sharded() {
    check_all(&[("placement", "sharded(2)")]);
}

/// Where queues are full, everything that can happen to an update does.
#[test]
fn full_queues() {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in systems::all() {
        for on_full in ["drop-newest", "drop-oldest", "hold", "nack", "stall"] {
            for placement in ["inline", "sharded(1)", "sharded(2)"] {
                for capacity in ["1", "2"] {
                    let sizes = [("capacity", capacity), ("ingress", capacity), ("overflow", "1")];
                    let policies = [&[("on_full", on_full), ("placement", placement)][..], &sizes].concat();
                    check(&entry, None, &policies, 0, folder.path());
                }
            }
        }
    }
}

/// Lives end and begin: whoever sends must have asked which at the moment at which it does here.
#[test]
fn lives() {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in systems::all() {
        for bug in entry.bugs().iter().filter(|bug| bug.law == "no-panic") {
            for placement in ["inline", "sharded(2)"] {
                for seed in 0..SEEDS {
                    let policies = [("placement", placement), ("restart", "always")];
                    check(&entry, Some(&bug.name), &policies, seed, folder.path());
                }
            }
        }
    }
}
