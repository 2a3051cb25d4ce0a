//! Every system without its bugs is clean under all faults that it tolerates, on every network, at both granularities;
//! and what it does not tolerate does it harm, so that nothing is left out in vain.
#![cfg(feature = "sim")]

use std::collections::BTreeMap;

use raddle::FaultKind;
use raddle::any::Search;
use raddle::catalog::Entry;
use raddle::environment::Environment;
use raddle::sim::{FaultPlan, Granularity, Network, Report, Settings};

/// Seeds of each system, network and way to run it, where `RADDLE_SEEDS` does not ask for more.
const SEEDS: u64 = 200;
/// Seeds within which a fault that is not tolerated must have done harm.
const HARM_SEEDS: u64 = 2_000;
const NETWORKS: [Network; 4] = [Network::Mailbox, Network::Causal, Network::Fifo, Network::Bag];

/// A system without bugs, under some faults.
fn explore(entry: &Entry, placement: &str, settings: Settings, seeds: u64) -> Report {
    let mut system = entry.build(&entry.args([]).expect("defaults fit")).expect("defaults fit");
    system.set("placement", placement).expect("there is such a placement");
    // One run of `indexer`, with 140 workers and 100 steps, is worth many of the others.
    let seeds = if entry.name() == "indexer" { seeds / 20 } else { seeds };
    let search = Search { settings, seeds: 0..seeds, shrink: None, ..Search::default() };
    system.explore(&search).expect("it can be run")
}

/// Without those that befall what is on its way: at granularity `queues` an inline push is synchronous.
fn of_workers(faults: FaultPlan) -> FaultPlan {
    let on_its_way = |kind: &FaultKind| kind.is_of_messages() || *kind == FaultKind::Partition;
    FaultKind::ALL.into_iter().filter(on_its_way).fold(faults, |plan, kind| plan.with(kind, 0))
}

#[test]
fn without_bugs_all_is_clean_under_the_faults_that_it_tolerates() {
    let asked = Environment::read().expect("it says what it may").seeds();
    let seeds = asked.map_or(SEEDS, |seeds| seeds.end - seeds.start);
    let (mut broken, mut runs, mut deliveries) = (Vec::new(), 0, 0);
    for entry in raddle::systems::all() {
        let mut check = |granularity, network, placement, faults| {
            let settings = Settings { granularity, network, faults, ..Settings::default() };
            let report = explore(&entry, placement, settings, seeds);
            (runs, deliveries) = (runs + report.runs, deliveries + report.deliveries);
            let what = format!("{} over {network} at {granularity}, {placement}", entry.name());
            if let Some(found) = report.found {
                broken.push(format!("{what}: seed {}: {}", found.seed, found.violation.reason));
            } else if report.unfinished > 0 {
                broken.push(format!("{what}: {} runs did not end", report.unfinished));
            }
        };
        for network in NETWORKS {
            check(Granularity::Delivery, network, "inline", *entry.tolerated());
            check(Granularity::Queues, network, "sharded(2)", *entry.tolerated());
        }
        check(Granularity::Queues, Network::Fifo, "inline", of_workers(*entry.tolerated()));
    }
    println!("{runs} runs, {deliveries} deliveries");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A copy that goes to a shard may come before what its sender had said earlier and pushes later: this run once ended in
/// the sampler, which looked for the younger of the two where the older one stood.
#[test]
fn a_copy_may_come_before_what_is_older() {
    let system = || raddle::systems::all().into_iter().find(|entry| entry.name() == "semantics1").expect("built in");
    let faults = "loss,duplication,partition".parse().expect("faults");
    let settings = Settings { granularity: Granularity::Queues, faults, ..Settings::default() };
    let mut sharded = system().build(&system().args([]).expect("defaults fit")).expect("defaults fit");
    sharded.set("placement", "sharded(2)").expect("there is such a placement");
    let search = Search { settings, seeds: 24_986..24_987, shrink: None, ..Search::default() };
    let report = sharded.explore(&search).expect("it can be run");
    assert!(report.found.is_none() && report.runs == 1, "{:?}", report.found);
}

#[test]
fn every_kind_of_fault_befalls_many_runs() {
    let mut befell = BTreeMap::<FaultKind, u64>::new();
    for entry in raddle::systems::all() {
        let settings = Settings { faults: *entry.tolerated(), ..Settings::default() };
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
        let fatal = |kind: &FaultKind| entry.tolerated().most(*kind) < FaultPlan::DEFAULT_MOST;
        for kind in FaultKind::ALL.into_iter().filter(fatal) {
            let faults = FaultPlan::default().with(kind, FaultPlan::DEFAULT_MOST);
            let settings = Settings { network: Network::Bag, faults, ..Settings::default() };
            let report = explore(&entry, "inline", settings, HARM_SEEDS);
            assert!(report.found.is_some(), "{} survives {}", entry.name(), kind.name());
        }
    }
}
