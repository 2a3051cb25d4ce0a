//! Proofs: small systems of which every run is done, without faults and with all that a budget of faults allows.
//!
//! The counts are part of what is held: a search that leaves something out, or does more than it must, changes them. Those
//! that take longer stand in the README with what they came to. In causal order a network that reorders makes more
//! executions, and not one trace more; and where messages may be lost, `dpor` and `dfs` come to the same traces.
#![cfg(feature = "sim")]

use raddle::any::Search;
use raddle::sim::exhaustive::Exhaustive;
use raddle::sim::{Network, Settings, StrategyKind};

/// All runs of a system without bugs, in causal order: how many there are, none of which breaks a law.
fn check((system, strategy, network, faults, executions, traces): &Row) {
    let entry = raddle::systems::all().into_iter().find(|entry| entry.name() == *system).expect("a built-in system");
    let mut built = entry.build(&entry.args([("messages", "2")]).expect("it has these")).expect("they fit");
    for (key, value) in [("order", "causal"), ("max_depth", "4")] {
        built.set(key, value).expect("the policy fits");
    }
    let plan = faults.parse().expect("a plan of faults");
    let settings = Settings { network: *network, faults: plan, ..Settings::default() };
    let search = Search { settings, strategy: StrategyKind::Exhaustive(*strategy), ..Search::default() };
    let report = built.explore(&search).expect("it can be searched");
    assert!(report.found.is_none(), "{system}: {:?}", report.found);
    let exhausted = report.exhausted.expect("it is exhaustive");
    assert_eq!(
        (exhausted.complete, exhausted.executions, exhausted.traces),
        (true, *executions, *traces),
        "{system}, {strategy} over {network}, faults {faults}"
    );
}

/// A system, the strategy, the network, the faults, and how many executions and traces that makes, with two messages from
/// outside.
type Row = (&'static str, Exhaustive, Network, &'static str, u64, u64);

const TABLE: &[Row] = &[
    ("triangle", Exhaustive::Dpor, Network::Fifo, "none", 6, 2),
    ("triangle", Exhaustive::Dpor, Network::Bag, "none", 48, 2),
    ("triangle", Exhaustive::Dpor, Network::Fifo, "loss(2)", 91, 26),
    ("triangle", Exhaustive::Dpor, Network::Bag, "loss(2)", 628, 26),
    ("triangle", Exhaustive::Dfs, Network::Bag, "loss(2)", 3_864, 26),
    ("triangle", Exhaustive::Dfs, Network::Bag, "crash(1)", 5_479, 36),
    ("ring", Exhaustive::Dpor, Network::Fifo, "none", 4, 4),
    ("ring", Exhaustive::Dpor, Network::Bag, "none", 24, 4),
    ("ring", Exhaustive::Dpor, Network::Fifo, "loss(2)", 80, 65),
    ("ring", Exhaustive::Dpor, Network::Bag, "loss(2)", 278, 65),
    ("ring", Exhaustive::Dfs, Network::Bag, "loss(2)", 1_625, 65),
    ("ring", Exhaustive::Dfs, Network::Bag, "crash(1)", 3_851, 79),
    ("diamond", Exhaustive::Dpor, Network::Fifo, "none", 6, 6),
    ("diamond", Exhaustive::Dpor, Network::Bag, "none", 96, 6),
    ("diamond", Exhaustive::Dpor, Network::Fifo, "loss(2)", 124, 70),
    ("diamond", Exhaustive::Dpor, Network::Bag, "loss(2)", 1_488, 70),
    ("diamond", Exhaustive::Dfs, Network::Fifo, "loss(2)", 16_444, 70),
];

#[test]
fn all_runs_of_small_systems_are_clean() {
    TABLE.iter().for_each(check);
}
