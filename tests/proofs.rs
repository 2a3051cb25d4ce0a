//! Proofs: small systems of which every run is done, without faults and with all that a budget of faults allows.
//!
//! The README's table says which, and what they come to. The counts are part of what is held: a search that leaves
//! something out, or does more than it must, changes them.
#![cfg(feature = "sim")]

use raddle::any::Search;
use raddle::sim::Settings;

/// All runs of a system without bugs, in causal order: how many there are, none of which breaks a law.
fn check(row: &[String]) {
    let [system, strategy, network, faults, executions, traces] = row else { panic!("not a row: {row:?}") };
    let count = |cell: &str| cell.replace(',', "").parse::<u64>().expect("a count");
    let entry = raddle::systems::all().into_iter().find(|entry| entry.name() == system).expect("a built-in system");
    let mut built = entry.build(&entry.args([("messages", "2")]).expect("it has these")).expect("they fit");
    for (key, value) in [("order", "causal"), ("max_depth", "4")] {
        built.set(key, value).expect("the policy fits");
    }
    let (faults, network) = (faults.parse().expect("faults"), network.parse().expect("a network"));
    let strategy = strategy.parse().expect("a strategy");
    let search =
        Search { settings: Settings { network, faults, ..Settings::default() }, strategy, ..Search::default() };
    let report = built.explore(&search).expect("it can be searched");
    assert!(report.found.is_none(), "{system}: {:?}", report.found);
    let exhausted = report.exhausted.expect("it is exhaustive");
    assert_eq!(
        (exhausted.complete, exhausted.executions, exhausted.traces),
        (true, count(executions), count(traces)),
        "{row:?}"
    );
}

/// The rows of the README's table of proofs, cell by cell.
fn table(readme: &str) -> Vec<Vec<String>> {
    let proofs = readme.split("### Proofs").nth(1).expect("a section of proofs");
    let lines = proofs.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows = lines.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect()).collect()
}

#[test]
fn all_runs_of_small_systems_are_clean() {
    let table = table(include_str!("../README.md"));
    assert_eq!(table.len(), 38);
    table.iter().for_each(|row| check(row));
}
