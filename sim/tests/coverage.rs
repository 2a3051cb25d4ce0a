//! What exhaustive searches cover: what their runs covered, on any number of jobs, from copies and from checkpoints; and what
//! `dpor` and `states` cover is what all schedules do.

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::programs::{Shape, plain, shapes};
use common::{Obedient, told};
use proptest::prelude::*;
use raddle_core::{FaultKind, Input, Order, System};
use raddle_sim::exhaustive::{Exhausted, Exhaustive};
use raddle_sim::{Coverage, Covered, Explore, FaultPlan, Network, Report, Settings, StrategyKind};

/// How much a worker knows, and what it is told.
fn with_kinds(system: System<Obedient>) -> System<Obedient> {
    system
        .state_kind(|machine| {
            ["knows-nothing", "knows-one", "knows-two"].get(machine.log.len()).unwrap_or(&"knows-more")
        })
        .message_kind(|input| match input {
            Input::Message(told) | Input::Update(told) => told.name,
            other => other.kind().word(),
        })
}

fn report(system: &System<Obedient>, kind: Exhaustive, settings: &Settings, jobs: usize) -> Report {
    let explore = Explore::new(system.clone()).strategy(StrategyKind::Exhaustive(kind)).settings(settings.clone());
    explore.jobs(jobs).shrink(None).run().expect("it can be searched")
}

fn exhausted(report: &Report) -> &Exhausted {
    report.exhausted.as_ref().expect("it was exhaustive")
}

fn times(coverage: &[Covered]) -> u64 {
    coverage.iter().map(|covered| covered.times).sum()
}

/// Which combinations, whatever how often.
fn set(report: &Report) -> BTreeSet<(&str, &str, &str)> {
    assert!(exhausted(report).complete);
    report.coverage.iter().map(|covered| (&*covered.worker, &*covered.state, &*covered.input)).collect()
}

/// `n` messages, each from a source of its own, to one worker.
fn crowd(n: usize) -> System<Obedient> {
    let names = ["a", "b", "c", "d", "e", "f"];
    let system = System::new("crowd").workers(["z"], |_| Obedient::default()).forkable().hashed().laws(["no-panic"]);
    let system = system.with(|policies| policies.order = Order::Arrival);
    with_kinds((0..n).fold(system, |system, at| system.messages(names[at], [("z", told(names[at], []))])))
}

#[test]
fn every_handled_input_of_every_execution_is_counted() {
    let state = |report: &Report, state: &str| {
        let rows = report.coverage.iter().filter(|covered| covered.state == state);
        rows.map(|covered| covered.times).sum::<u64>()
    };
    for kind in [Exhaustive::Dpor, Exhaustive::Dfs, Exhaustive::Delay(9)] {
        let report = report(&crowd(3), kind, &Settings::default(), 1);
        assert_eq!((report.runs, times(&report.coverage)), (6, report.deliveries), "{kind}");
        assert_eq!(["knows-nothing", "knows-one", "knows-two"].map(|kind| state(&report, kind)), [6; 3], "{kind}");
    }
    // Three things to do at first, two in each of the three states that come of it, and one in each of the six.
    let report = report(&crowd(3), Exhaustive::States, &Settings::default(), 1);
    assert_eq!(["knows-nothing", "knows-one", "knows-two"].map(|kind| state(&report, kind)), [3, 6, 6]);
    let silent = System::new("silent").workers(["z"], |_| Obedient::default()).messages("a", [("z", told("a", []))]);
    assert_eq!(self::report(&silent, Exhaustive::Dpor, &Settings::default(), 1).coverage, []);
}

#[test]
fn coverage_does_not_depend_on_the_number_of_jobs() {
    let crash = FaultPlan::default().with(FaultKind::Crash, 1);
    for (kind, faults) in [
        (Exhaustive::Dfs, FaultPlan::default()),
        (Exhaustive::Delay(3), FaultPlan::default()),
        (Exhaustive::States, FaultPlan::default()),
        (Exhaustive::Dpor, crash),
    ] {
        let settings = Settings { faults, ..Settings::default() };
        let one = report(&crowd(4), kind, &settings, 1);
        assert!(!one.coverage.is_empty());
        for jobs in [2, 3] {
            assert_eq!(report(&crowd(4), kind, &settings, jobs).coverage, one.coverage, "{kind}, {jobs} jobs");
        }
    }
}

/// All that is covered before and after each interruption is what a search covers that is left alone; and one that goes on
/// from a checkpoint says so.
#[track_caller]
fn interrupted(system: &System<Obedient>, kind: Exhaustive, every: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("search.ron");
    let whole = report(system, kind, &Settings::default(), 1);
    assert!(!exhausted(&whole).resumed);
    let (mut rounds, mut covered) = (0, Vec::new());
    loop {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
        let flag = Arc::clone(&stop);
        let system = system.clone().at_end("interrupt", move |_| {
            flag.fetch_or(seen.fetch_add(1, Ordering::Relaxed) > every, Ordering::Relaxed);
            true
        });
        let explore = Explore::new(system).strategy(StrategyKind::Exhaustive(kind)).jobs(1);
        let report = explore.stop_flag(stop).checkpoint(&file).run().expect("it can be searched");
        assert_eq!(exhausted(&report).resumed, rounds > 0);
        rounds += 1;
        covered.extend(report.coverage);
        if report.cut.is_none() {
            break;
        }
    }
    assert!(rounds > 2, "{rounds} rounds of {kind}");
    assert_eq!(Coverage::join(covered), whole.coverage, "{kind}");
}

#[test]
fn a_search_that_goes_on_covers_what_it_explores_from_there_on() {
    interrupted(&crowd(4), Exhaustive::Dpor, 5);
    interrupted(&crowd(4), Exhaustive::Dfs, 5);
    interrupted(&crowd(6), Exhaustive::States, 100);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    /// What a worker knows when it is told something is the same in all runs of a trace, and of all that come to a state.
    #[test]
    fn one_run_of_each_trace_and_one_way_to_each_state_cover_what_all_schedules_do(
        shape in shapes().prop_map(|shape: Shape| shape[..shape.len().min(5)].to_vec()),
        network in prop::sample::select(vec![Network::Mailbox, Network::Causal, Network::Fifo, Network::Bag]),
        loses in any::<bool>(),
    ) {
        let faults = FaultPlan::default().with(FaultKind::Loss, u32::from(loses));
        let settings = Settings { network, faults, ..Settings::default() };
        let system = with_kinds(plain(&shape)).hashed();
        let all = report(&system, Exhaustive::Dfs, &settings, 1);
        let traces = report(&system, Exhaustive::Dpor, &settings, 1);
        prop_assert_eq!(set(&traces), set(&all));
        prop_assert_eq!(times(&traces.coverage), traces.deliveries);
        let copied = report(&system.clone().forkable(), Exhaustive::Dpor, &settings, 1);
        prop_assert_eq!(&copied.coverage, &traces.coverage);
        if !loses && network != Network::Causal {
            let states = report(&system, Exhaustive::States, &settings, 1);
            prop_assert_eq!(set(&states), set(&all));
            let copied = report(&system.forkable(), Exhaustive::States, &settings, 1);
            prop_assert_eq!(copied.coverage, states.coverage);
        }
    }
}
