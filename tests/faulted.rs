//! Every system without its bugs is clean under all faults that it tolerates, on every network, at both granularities;
//! and what it does not tolerate does it harm, so that nothing is left out in vain.
#![cfg(feature = "sim")]

use std::collections::BTreeMap;

use raddle::FaultKind;
use raddle::any::Search;
use raddle::catalog::Entry;
use raddle::sim::{FaultPlan, Granularity, Network, Report, Settings};

/// Seeds of each system, granularity and network.
const SEEDS: u64 = 300;
/// Seeds within which a fault that is not tolerated must have done harm.
const HARM_SEEDS: u64 = 3_000;
const NETWORKS: [Network; 4] = [Network::Mailbox, Network::Causal, Network::Fifo, Network::Bag];

/// A system without bugs, under some faults.
fn explore(entry: &Entry, placement: &str, settings: Settings, seeds: u64) -> Report {
    let mut system = entry.build(&entry.args([]).expect("defaults fit")).expect("defaults fit");
    system.set("placement", placement).expect("there is such a placement");
    // One run of `indexer`, with 140 workers and 100 steps, is worth many of the others.
    let seeds = if entry.name() == "indexer" { seeds / 10 } else { seeds };
    system.explore(&Search { settings, seeds: 0..seeds, ..Search::default() }).expect("it can be run")
}

#[test]
fn without_bugs_all_is_clean_under_the_faults_that_it_tolerates() {
    for entry in raddle::systems::all() {
        let faults = entry.faults();
        for network in NETWORKS {
            for (granularity, placement) in [
                (Granularity::Delivery, "inline"),
                (Granularity::Queues, "inline"),
                (Granularity::Queues, "sharded(2)"),
            ] {
                let settings = Settings { granularity, network, faults, ..Settings::default() };
                let what = format!("{} over {network} at {granularity}, {placement}", entry.name());
                let report = explore(&entry, placement, settings, SEEDS);
                assert!(report.found.is_none(), "{what}: {:?}", report.found);
                assert_eq!(report.unfinished, 0, "{what}");
            }
        }
    }
}

#[test]
fn every_fault_that_is_tolerated_befalls_some_run() {
    let mut befell = BTreeMap::<FaultKind, u64>::new();
    for entry in raddle::systems::all() {
        let settings = Settings { faults: entry.faults(), ..entry.default_settings().clone() };
        let report = explore(&entry, "inline", settings, SEEDS);
        report.faults.into_iter().for_each(|(kind, times)| *befell.entry(kind).or_default() += times);
    }
    for kind in FaultKind::ALL {
        assert!(befell.get(&kind).is_some_and(|times| *times > SEEDS), "{}: {befell:?}", kind.name());
    }
}

#[test]
fn what_is_not_tolerated_does_harm() {
    for entry in raddle::systems::all() {
        for kind in FaultKind::ALL.into_iter().filter(|kind| !entry.tolerated().contains(kind)) {
            let harmed = NETWORKS.into_iter().any(|network| {
                let faults = FaultPlan::default().with(kind, FaultPlan::DEFAULT_MOST);
                let settings = Settings { network, faults, ..entry.default_settings().clone() };
                explore(&entry, "inline", settings, HARM_SEEDS).found.is_some()
            });
            assert!(harmed, "{} survives {}", entry.name(), kind.name());
        }
    }
}
