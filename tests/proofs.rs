//! Proofs: small systems of which every run is done, without faults and with all that a budget of faults allows.
//!
//! The counts are part of what is held: a search that leaves something out, or does more than it must, changes them. Those
//! that take longer stand in the README with what they came to.
#![cfg(feature = "sim")]

use raddle::any::Search;
use raddle::sim::exhaustive::Exhaustive;
use raddle::sim::{Network, Settings, StrategyKind};

/// All runs of a system without bugs, in causal order: how many there are, none of which breaks a law.
#[track_caller]
fn check(system: &str, messages: &str, strategy: Exhaustive, network: Network, faults: &str, executions: u64) {
    let entry = raddle::systems::all().into_iter().find(|entry| entry.name() == system).expect("a built-in system");
    let mut built = entry.build(&entry.args([("messages", messages)]).expect("it has these")).expect("they fit");
    for (key, value) in [("order", "causal"), ("max_depth", "4")] {
        built.set(key, value).expect("the policy fits");
    }
    let faults = faults.parse().expect("a plan of faults");
    let settings = Settings { network, faults, ..Settings::default() };
    let search = Search { settings, strategy: StrategyKind::Exhaustive(strategy), ..Search::default() };
    let report = built.explore(&search).expect("it can be searched");
    assert!(report.found.is_none(), "{system}: {:?}", report.found);
    let exhausted = report.exhausted.expect("it is exhaustive");
    assert_eq!(
        (exhausted.complete, exhausted.executions),
        (true, executions),
        "{system} {messages} {network} {faults}"
    );
}
