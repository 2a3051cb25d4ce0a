//! Every planted bug is caught by the law that its entry names, within the default search, and by no other law; every
//! system without its bugs is clean, on whatever network and threads it may run.
//!
//! A checker that has never been seen to fail proves nothing: this is where each of them is seen.
#![cfg(feature = "sim")]

use std::path::Path;

use raddle::any::{AnySystem, Search};
use raddle::catalog::{Bug, Entry};
use raddle::checkers::LAWS;
use raddle::corpus::findings_below;
use raddle::sim::{Finding, Granularity, Network, Report, Settings, StrategyKind};

/// Seeds on which a system without bugs must be clean, in each of many settings.
const CLEAN_SEEDS: u64 = 500;
/// Seeds on which no other law may speak up.
const OTHER_SEEDS: u64 = 100;
/// A clock that starts again breaks the law of lives, and says too little as well.
const SEEN_BY_TWO: [(&str, &str); 1] = [("reset-clocks", "causal-order")];
/// Enough for any run of a built-in system; one whose depth limit does not bite goes on much longer.
const STEPS_MAX: u64 = 500;

/// A system with a planted bug or without, under some policies.
fn build(entry: &Entry, bug: Option<&str>, policies: &[(&str, &str)]) -> Box<dyn AnySystem> {
    let args = entry.args([]).expect("defaults fit");
    let args = bug.map_or(Ok(args.clone()), |bug| entry.plant(args, bug)).expect("the bug is declared");
    let mut system = entry.build(&args).expect("defaults fit");
    for (key, value) in policies {
        system.set(key, value).expect("the policy fits");
    }
    system
}

fn search(settings: Settings) -> Search {
    Search { settings, ..Search::default() }
}

fn entry(name: &str) -> Entry {
    raddle::systems::all().into_iter().find(|entry| entry.name() == name).expect("a built-in system")
}

fn bugs() -> Vec<(Entry, Bug)> {
    let of = |entry: Entry| entry.bugs().to_vec().into_iter().map(move |bug| (entry.clone(), bug));
    raddle::systems::all().into_iter().flat_map(of).collect()
}

/// One run of `indexer`, with 140 workers and 100 steps, is worth many of the others.
fn expense(entry: &Entry) -> u64 {
    if entry.name() == "indexer" { 20 } else { 1 }
}

#[track_caller]
fn check_clean(entry: &Entry, settings: Settings, policies: &[(&str, &str)]) -> Report {
    let system = build(entry, None, policies);
    let what = format!("{} under {settings:?} and {policies:?}", entry.name());
    let seeds = 0..CLEAN_SEEDS / expense(entry);
    let report = system.explore(&Search { seeds, ..search(settings) }).expect("it can be run");
    assert!(report.found.is_none(), "{what}: {:?}", report.found);
    assert_eq!(report.unfinished, 0, "{what}");
    report
}

#[test]
fn the_triangle_breaks_where_neither_network_nor_core_keep_causal_order() {
    for (network, broken) in [
        (Network::Mailbox, None),
        (Network::Causal, None),
        (Network::Fifo, Some("causal-order")),
        (Network::Bag, Some("causal-order")),
    ] {
        let settings = Settings { network, ..Settings::default() };
        for (order, broken) in [("arrival", broken), ("fifo", broken), ("causal", None)] {
            let system = build(&entry("triangle"), None, &[("order", order)]);
            let report = system.explore(&search(settings.clone())).expect("it can be run");
            let law = report.found.as_ref().map(|found| found.violation.law.as_str());
            assert_eq!(law, broken, "{network}, order {order}");
        }
    }
}

#[test]
fn each_law_has_a_planted_bug() {
    for law in LAWS {
        assert!(bugs().iter().any(|(_, bug)| bug.law == law.name), "no planted bug for `{}`", law.name);
    }
}

#[test]
fn each_planted_bug_is_found_by_its_law() {
    for (entry, bug) in bugs() {
        let system = build(&entry, Some(&bug.name), &[]);
        let search = Search { shrink: None, ..search(entry.default_settings().clone()) };
        let report = system.explore(&search).expect("it can be run");
        let law = report.found.as_ref().map(|found| found.violation.law.as_str());
        assert_eq!(law, Some(bug.law.as_str()), "{} --bug {}: {:?}", entry.name(), bug.name, report.found);
    }
}

/// What differs from itself cannot be committed: it would be no test.
#[test]
fn each_planted_bug_has_a_committed_finding() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let findings: Vec<Finding> =
        findings_below(&folder).iter().map(|path| Finding::read(path).expect("it is whole")).collect();
    for (entry, bug) in bugs().into_iter().filter(|(_, bug)| bug.law != "determinism") {
        let is_of = |finding: &Finding| finding.system == entry.name() && finding.bug.as_deref() == Some(&*bug.name);
        assert!(findings.iter().any(is_of), "none of {} --bug {}", entry.name(), bug.name);
    }
}

#[test]
fn no_other_law_sees_a_planted_bug() {
    for (entry, bug) in bugs() {
        let system = build(&entry, Some(&bug.name), &[]);
        let settings = Settings { steps_max: STEPS_MAX, ..entry.default_settings().clone() };
        let laws = system.sketch(&settings).expect("it can be run").laws.into_iter();
        let others = laws.filter(|law| *law != bug.law).map(str::to_owned).collect();
        let search = Search { laws: Some(others), ..search(settings) };
        for seed in 0..OTHER_SEEDS {
            let run = system.record(&search, seed).expect("it can be run").run;
            // A property cannot be left out; that it is the one that speaks up is right.
            let other = run.violation.filter(|violation| violation.law != bug.law);
            let other = other.filter(|violation| !SEEN_BY_TWO.contains(&(&*bug.name, &*violation.law)));
            assert_eq!(other, None, "{} --bug {}, seed {seed}", entry.name(), bug.name);
        }
    }
}

#[test]
fn without_bugs_all_is_clean_and_nothing_is_in_vain() {
    for entry in raddle::systems::all() {
        let report = check_clean(&entry, entry.default_settings().clone(), &[]);
        assert!(!report.reached.is_empty(), "{} says what it wants to reach", entry.name());
        assert!(report.reached.values().all(|times| *times > 0), "{}: {:?}", entry.name(), report.reached);
    }
}

#[test]
fn without_bugs_all_is_clean_on_every_network() {
    let networks = [Network::Fifo, Network::Causal, Network::Mailbox, Network::Bag];
    for entry in raddle::systems::all() {
        for network in networks {
            check_clean(&entry, Settings { network, ..Settings::default() }, &[]);
            let settings = Settings { granularity: Granularity::Queues, network, ..Settings::default() };
            check_clean(&entry, settings, &[("placement", "sharded(2)")]);
        }
        check_clean(&entry, Settings { granularity: Granularity::Queues, ..Settings::default() }, &[]);
        for placement in ["inline", "sharded(2)"] {
            let settings = Settings { granularity: Granularity::Threads, ..Settings::default() };
            check_clean(&entry, settings, &[("placement", placement)]);
        }
    }
}

/// Bugs that come with a policy: the policy alone is none.
#[test]
fn short_queues_and_stalling_are_no_bugs_by_themselves() {
    check_clean(&entry("chain"), Settings::default(), &[("capacity", "1")]);
    for on_full in ["drop-newest", "drop-oldest", "hold", "nack", "stall"] {
        check_clean(&entry("slow"), entry("slow").default_settings().clone(), &[("on_full", on_full)]);
    }
}

#[test]
fn without_bugs_all_is_clean_by_every_strategy() {
    for entry in raddle::systems::all() {
        for granularity in [Granularity::Delivery, Granularity::Queues] {
            let sampled = |kind: &StrategyKind| !matches!(kind, StrategyKind::Exhaustive(_));
            for strategy in StrategyKind::ALL.into_iter().filter(sampled) {
                let settings = Settings { granularity, network: Network::Causal, ..Settings::default() };
                let system = build(&entry, None, &[("placement", "sharded(2)")]);
                let report = system.explore(&Search { seeds: 0..100, strategy, ..search(settings) });
                let report = report.expect("it can be run");
                let what = format!("{} by {strategy} at {granularity}", entry.name());
                assert!(report.found.is_none(), "{what}: {:?}", report.found);
                assert_eq!(report.unfinished, 0, "{what}");
            }
        }
    }
}

#[test]
fn some_bugs_do_not_show_in_the_default_order() {
    for (system, bug) in [("ledger", "narrow-amount"), ("ring", "early-token"), ("slow", "ignore-starvation")] {
        let entry = entry(system);
        let search = Search { strategy: StrategyKind::DefaultOrder, ..search(entry.default_settings().clone()) };
        let report = build(&entry, Some(bug), &[]).explore(&search).expect("it can be run");
        assert!(report.found.is_none(), "{system} --bug {bug}: {:?}", report.found);
    }
}

#[cfg(feature = "threads")]
#[test]
fn without_bugs_all_is_clean_on_threads() {
    use raddle::checkers::Verdict;
    use raddle::threads::Threads;

    for entry in raddle::systems::all() {
        for placement in ["inline", "sharded(2)"] {
            let system = build(&entry, None, &[("placement", placement)]);
            for _ in 0..20 / expense(&entry) {
                let run = system.run_on_threads(&Threads::new(), None).expect("it can be run");
                let broken: Vec<_> = run.verdicts.iter().filter(|(_, verdict)| *verdict != Verdict::Ok).collect();
                assert!(broken.is_empty(), "{} {placement}: {broken:?}", entry.name());
            }
        }
    }
}
