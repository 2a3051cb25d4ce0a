//! The doors for users, from both sides: what a test says that fails, and what it leaves behind.
//!
//! A failing test is made by asking this file to be one, in a folder of its own.

mod common;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use common::{Done, Place};
use libtest_mimic::{Arguments, Failed, Trial};
use proptest::prelude::{ProptestConfig, Strategy as _};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use raddle::corpus::findings_in;
use raddle::prelude::*;
use raddle::proptest::{Run, fault_plans, runs, runs_with_faults};
use raddle::sim::{Budget, Finding, GivenFault, Outcome, Settings, replay, shrink_finding};
use serde::{Deserialize, Serialize};

const BE_A_TEST: &str = "DOORS_TEST";

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(BE_A_TEST) {
        be_a_test(&name);
        return ExitCode::SUCCESS;
    }
    let trial = |(name, test): (&str, fn())| {
        Trial::test(name, move || std::panic::catch_unwind(test).map_err(|_| Failed::without_message()))
    };
    let tests: [(&str, fn()); 13] = [
        ("a_failing_test_tells_the_whole_story", story),
        ("the_environment_goes_before_the_code", environment),
        ("what_was_committed_is_replayed_first", committed),
        ("what_nobody_can_tell_is_no_pass", doubt),
        ("proptest_shrinks_whole_runs", shrinking),
        ("proptest_finds_what_takes_a_fault_and_nothing_else", faults),
        ("a_failing_property_leaves_its_smallest_run", smallest),
        ("a_failing_run_is_saved_with_its_faults", faulty),
        ("a_property_removes_nothing_that_was_there", kept),
        ("each_property_leaves_a_run_of_its_own", each),
        ("where_nothing_is_to_be_saved_nothing_is", unsaved),
        ("bytes_are_runs", bytes),
        ("snapshots_of_traces", snapshots),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests.into_iter().map(trial).collect()).exit_code()
}

/// The last to speak is remembered.
#[derive(Clone, Default)]
struct Last(u32);

impl StateMachine for Last {
    type Message = u32;
    type Update = u32;

    fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) {
        out.notify("sink", n);
    }

    fn on_update(&mut self, n: u32, _: &mut Outbox<u32>) {
        self.0 = n;
    }
}

fn last(system: System<Last>) -> System<Last> {
    system.workers(["left", "right", "sink"], |_| Last::default()).messages("client", [("left", 1), ("right", 2)])
}

fn sink(run: &Snapshot<'_, Last>) -> u32 {
    run.machine("sink").map_or(0, |sink| sink.0)
}

fn wrong() -> System<Last> {
    last(System::new("race")).at_end("right-wins", |run| sink(run) == 2)
}

fn right() -> System<Last> {
    last(System::new("race")).at_end("somebody-wins", |run| sink(run) > 0)
}

fn small() -> System<Last> {
    last(System::new("race")).at_end("small-wins", |run| sink(run) < 5)
}

/// A test by proptest, which always begins at the same case.
fn property<const N: usize>(
    workers: [&str; N],
    max_shrink_iters: u32,
    check: impl Fn(Run<u32>) -> Result<(), TestCaseError>,
) {
    let config = ProptestConfig { failure_persistence: None, max_shrink_iters, ..ProptestConfig::with_cases(64) };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    if let Err(error) = runner.run(&runs(workers, 1..9_u32, 1..12), check) {
        panic!("{error}");
    }
}

/// A number of which nothing is written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lost {
    #[serde(skip)]
    n: u32,
}

impl StateMachine for Lost {
    type Message = Self;
    type Update = u32;

    fn on_message(&mut self, Self { n }: Self, _: &mut Outbox<u32>) {
        self.n = n;
    }

    fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
}

fn misread() {
    let system = System::new("race").workers(["sink"], |_| Lost { n: 0 }).savable();
    let system = system.at_end("small-wins", |run| run.machines().all(|sink| sink.n < 5));
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() });
    let lost = (0..9_u32).prop_map(|n| Lost { n });
    runner.run(&runs(["sink"], lost, 1..9), |run| run.check(&system)).expect("5 may win");
}

fn be_a_test(name: &str) {
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("the tests say so");
    match name {
        "wrong" => wrong().explore().assert_clean(),
        "right" => right().explore().seeds(100).assert_clean(),
        "short" => right().explore().steps_max(2).assert_clean(),
        "explore-test" => raddle::explore_test(wrong(), &folder),
        "property" => property(["left", "right"], 1024, |run| run.check(&small().savable())),
        "property-unshrunk" => property(["left", "right"], 0, |run| run.check(&small().savable())),
        "property-unsavable" => property(["left", "right"], 1024, |run| run.check(&small())),
        "property-misread" => misread(),
        "property-with-faults" => {
            let copies = FaultPlan::default().with(FaultKind::Duplication, 2);
            let settings = Settings { network: Network::Bag, ..Settings::default() };
            let check = |run: Run<u32>| run.check_under(&adder(false).savable(), settings.clone());
            let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() });
            runner.run(&runs_with_faults(copies, ["in"], 1..9_u32, 1..8), check).expect("nothing is told twice");
        }
        "adder" => raddle::explore_test(adder(true).savable().explore().seeds(1), &folder),
        "two-properties" => {
            let one = || property(["left"], 1024, |run| run.check(&small().savable()));
            std::panic::catch_unwind(one).expect_err("it fails");
            property(["right"], 1024, |run| run.check(&small().savable()));
        }
        "savable" => raddle::explore_test(small().savable().explore().seeds(1), &folder),
        "savable-no-more" => raddle::explore_test(small().explore().seeds(1), &folder),
        "fuzz" => raddle::fuzz::check(&wrong(), &[1, 1, 0, 0]),
        _ => raddle::explore_test(right().explore().seeds(50), &folder),
    }
}

fn here() -> Place {
    Place::new(std::env::current_exe().expect("this file"))
}

fn test(place: &Place, name: &str, variables: &[(&str, &str)]) -> Done {
    let folder = place.path().display().to_string();
    let own = [(BE_A_TEST, name), ("CARGO_MANIFEST_DIR", folder.as_str())];
    place.run_with("", &own.into_iter().chain(variables.iter().copied()).collect::<Vec<_>>())
}

fn story() {
    let place = here();
    let done = test(&place, "wrong", &[])
        .ends(101)
        .complains("doors.rs:")
        .complains("`race` breaks a law\n\nviolation: right-wins\n")
        .complains("must hold when the run has come to rest")
        .complains("✗ right-wins")
        .complains("saved:   seeds/race/right-wins-");
    let line = done.err.lines().find_map(|line| line.trim().strip_prefix("replay:")).expect("a replay line");
    assert!(line.trim().starts_with("RADDLE_SEED=") && line.ends_with(" cargo test"), "{line}");
    assert_eq!(std::fs::read_dir(place.path().join("seeds/race")).expect("a folder").count(), 1);
    test(&place, "wrong", &[("LC_ALL", "C")]).ends(101).complains("+- m1 ---");
    test(&here(), "right", &[]).ends(0);
}

fn environment() {
    let place = here();
    test(&place, "wrong", &[("CI", "1")]).ends(101).complains("violation: right-wins");
    assert!(!place.path().join("seeds").exists());
    test(&place, "wrong", &[("RADDLE_STRATEGY", "default-order")]).ends(0);
    test(&place, "wrong", &[("RADDLE_SEEDS", "0")]).ends(101).complains("nothing ran");
    test(&place, "right", &[("RADDLE_TIME", "20ms")]).ends(0);
    test(&place, "right", &[("RADDLE_STEPS_MAX", "1")]).ends(101).complains("did not end within 1 step");
    test(&place, "right", &[("RADDLE_JOBS", "all")])
        .ends(101)
        .complains("RADDLE_JOBS cannot be `all`: expected a number");
}

fn committed() {
    let place = here();
    test(&place, "explore-test", &[]).ends(101).complains("violation: right-wins");
    let first = [("RADDLE_STRATEGY", "default-order")];
    test(&place, "explore-test", &first)
        .ends(101)
        .complains("it broke before")
        .complains("replayed:  seeds/race/right-wins-");
    test(&place, "fixed", &first).ends(0);
    place.write("seeds/race/broken.ron", "nonsense");
    test(&place, "fixed", &first).ends(101).complains("is not a whole finding");
}

fn doubt() {
    test(&here(), "short", &[])
        .ends(101)
        .complains("unknown: 10,000 of 10,000 runs of `race` did not end within 2 steps");
}

fn shrinking() {
    let check = |system: System<Last>| {
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        runner.run(&runs(["left", "right"], 1..9_u32, 1..12), |run| run.check(&system))
    };
    check(right()).expect("somebody wins");
    let small = right().at_end("small-wins", |run| sink(run) < 5);
    let error = check(small).expect_err("5 may win");
    let TestError::Fail(reason, run) = error else { panic!("{error}") };
    assert!(reason.message().contains("violation: small-wins"), "{reason}");
    let [(number, _, 5)] = run.workload.messages() else { panic!("one message is enough: {run:?}") };
    assert!(run.schedule.is_empty() && run.seed == 0, "{run:?}");
    let shown = format!("{run:?}");
    assert!(shown.contains(&format!("{{client#{number} to ")), "{shown}");
    assert!(reason.message().contains(&format!("client#{number}")), "a cut workload keeps its numbers: {reason}");
}

/// Adds up what it is told twice: here, and there. There it knows what it has heard, or it does not.
#[derive(Default)]
struct Adder {
    knows: bool,
    here: u32,
    there: u32,
    heard: BTreeSet<u32>,
}

impl StateMachine for Adder {
    type Message = u32;
    type Update = (u32, u32);

    fn on_message(&mut self, n: u32, out: &mut Outbox<(u32, u32)>) {
        self.here += n;
        self.heard.insert(self.heard.len() as u32);
        out.notify("sum", (self.heard.len() as u32, n));
    }

    fn on_update(&mut self, (number, n): (u32, u32), _: &mut Outbox<(u32, u32)>) {
        if self.heard.insert(number) || !self.knows {
            self.there += n;
        }
    }
}

/// Over a transport that discards no copies by itself.
fn adder(knows: bool) -> System<Adder> {
    let sums = |run: &Snapshot<'_, Adder>| {
        run.machines().map(|it| it.here).sum::<u32>() == run.machines().map(|it| it.there).sum::<u32>()
    };
    System::new("adder")
        .workers(["in", "sum"], move |_| Adder { knows, ..Adder::default() })
        .with(|policies| policies.order = Order::Arrival)
        .at_end("sums-agree", sums)
}

fn faults() {
    let settings = || Settings { network: Network::Bag, ..Settings::default() };
    let check = |knows: bool, faults: FaultPlan| {
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let runs = runs_with_faults(faults, ["in"], 1..9_u32, 1..8);
        runner.run(&runs, |run| run.check_under(&adder(knows), settings()))
    };
    let copies = FaultPlan::default().with(FaultKind::Duplication, 2).with(FaultKind::Delay, 1);
    check(false, FaultPlan::default()).expect("without faults nothing shows");
    check(true, copies).expect("whoever knows what was heard adds no copy");
    let error = check(false, copies).expect_err("a copy is added");
    let TestError::Fail(reason, run) = error else { panic!("{error}") };
    assert!(reason.message().contains("violation: sums-agree"), "{reason}");
    assert_eq!(run.faults, [GivenFault { kind: FaultKind::Duplication, after: 0, nth: 0 }]);
    let [(_, _, 1)] = run.workload.messages() else { panic!("one message is enough: {run:?}") };
    assert!(run.schedule.is_empty() && run.seed == 0, "{run:?}");
    let mut plans = fault_plans(FaultPlan::all()).new_tree(&mut TestRunner::deterministic()).expect("makes any");
    while plans.simplify() {}
    assert!(plans.current().is_empty());
    // What needs no fault is shrunk to a run without.
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let runs = runs_with_faults(FaultPlan::all(), ["left", "right"], 1..9_u32, 1..12);
    let found = runner.run(&runs, |run| run.check(&small()));
    let Err(TestError::Fail(_, run)) = found else { panic!("5 may win") };
    assert!(run.faults.is_empty() && run.schedule.is_empty(), "{run:?}");
    // Settings do not say which faults a whole run has.
    let refused = run.check_under(&small(), Settings { faults: copies, ..settings() }).expect_err("ambiguous");
    assert!(refused.to_string().contains("take `runs_with_faults` for `duplication(2),delay(1)`"), "{refused}");
}

/// The findings there are.
fn findings(place: &Place) -> Vec<PathBuf> {
    findings_in(&place.path().join("seeds/race"))
}

fn smallest() {
    let place = here();
    let done = test(&place, "property", &[]).ends(101).complains("`race` breaks a law");
    let found = findings(&place);
    let [path] = found.as_slice() else { panic!("one is left: {found:?}") };
    let file = path.strip_prefix(place.path()).expect("in it").display().to_string();
    let done = done.complains(&format!("saved:  {file}"));
    let finding = Finding::read(path).expect("a whole finding");
    let [message] = finding.workload.as_deref().expect("one of its own") else { panic!("{finding:?}") };
    assert_eq!((message.source.as_str(), message.message()), ("client", "5"));
    assert!(done.err.contains(&format!("client#{} to {}: 5", message.number, message.to)), "{}", done.err);
    // Nobody draws from the seed, so the same run was found under several: the file has the one that is told.
    assert_eq!(finding.seed, 0);
    assert!(done.err.contains("seed 0, given choices"), "{}", done.err);
    let text = std::fs::read_to_string(path).expect("a file");
    assert!(text.contains("workload: Some([\n") && text.contains("message: 5,\n"), "{text}");
    // It is replayed against a system with another workload, until that system cannot read it.
    test(&place, "savable", &[]).ends(101).complains("it broke before").complains(&format!("replayed:  {file}"));
    test(&place, "savable-no-more", &[]).ends(101).complains(&file).complains("add `.savable()` to it");
    // Shrunk by its file, its messages stay what they are.
    let (smaller, _) =
        shrink_finding(&small().savable(), &finding, &Budget::default(), &Arc::default()).expect("fails");
    assert_eq!((&smaller.workload, &smaller.signature), (&finding.workload, &finding.signature));
}

/// A run with a fault is saved with it, and the twin that is right does it again without harm.
fn faulty() {
    let place = here();
    test(&place, "property-with-faults", &[]).ends(101).complains("saved:");
    let found = findings_in(&place.path().join("seeds/adder"));
    let [path] = found.as_slice() else { panic!("one is left: {found:?}") };
    let finding = Finding::read(path).expect("a whole finding");
    assert_eq!(finding.settings["faults"], "duplication(1)");
    let number = finding.workload.as_ref().expect("one of its own")[0].number;
    assert_eq!(finding.schedule[1], format!("duplicate client#{number}.0"), "{:?}", finding.schedule);
    assert_eq!(replay(&adder(false).savable(), &finding).expect("fits").outcome, Outcome::Same);
    assert_eq!(replay(&adder(true).savable(), &finding).expect("fits").outcome, Outcome::Clean);
    test(&place, "adder", &[]).ends(0);
}

fn kept() {
    let place = here();
    test(&place, "property-unshrunk", &[]).ends(101);
    let before = findings(&place);
    assert_eq!(before.len(), 1, "{before:?}");
    // It comes upon the same run first, and smaller ones behind it.
    test(&place, "property", &[]).ends(101);
    let after = findings(&place);
    assert!(after.len() == 2 && after.contains(&before[0]), "{before:?} {after:?}");
    test(&place, "property", &[]).ends(101);
    assert_eq!(findings(&place), after);
}

fn each() {
    let place = here();
    test(&place, "two-properties", &[]).ends(101);
    let workers = findings(&place).into_iter().map(|path| {
        let workload = Finding::read(&path).expect("whole").workload.expect("one of its own");
        workload.into_iter().map(|message| message.to).collect::<Vec<_>>()
    });
    assert_eq!(workers.collect::<BTreeSet<_>>(), [vec!["left".to_owned()], vec!["right".to_owned()]].into());
}

fn unsaved() {
    let place = here();
    let is_empty = |place: &Place| !place.path().join("seeds").exists();
    let done = test(&place, "property", &[("CI", "1")]).ends(101).complains("violation: small-wins");
    assert!(is_empty(&place) && !done.err.contains("saved:"), "{}", done.err);
    test(&place, "property-unsavable", &[]).ends(101).complains("not saved:").complains(".savable()");
    test(&place, "property-misread", &[]).ends(101).complains("not saved:").complains("not read as they were");
    test(&place, "property", &[("RADDLE_JOBS", "all")]).ends(101).complains("not saved:").complains("RADDLE_JOBS");
    // A fuzzer keeps its bytes, and says so if it wants a finding of them.
    test(&place, "fuzz", &[]).ends(101).complains("violation: right-wins");
    assert!(is_empty(&place));
    test(&place, "fuzz", &[("RADDLE_SAVE", "seeds")]).ends(101).complains("saved:  seeds/race/right-wins-");
    let found = findings(&place);
    let [path] = found.as_slice() else { panic!("one: {found:?}") };
    assert_eq!(Finding::read(path).expect("whole").workload, None, "the messages are the system's own");
    test(&place, "explore-test", &[("RADDLE_STRATEGY", "default-order")]).ends(101).complains("it broke before");
}

fn bytes() {
    raddle::fuzz::check(&wrong(), &[]);
    let panic = std::panic::catch_unwind(|| raddle::fuzz::check(&wrong(), &[1, 1, 0, 0])).expect_err("left is last");
    let text = panic.downcast_ref::<String>().expect("text");
    assert!(text.contains("violation: right-wins") && text.contains("given choices"), "{text}");
}

fn snapshots() {
    let trace = right().default_run();
    raddle::assert_trace_snapshot!(trace, @"
    left   right  sink
    ●      │      │   client#0  1
    ├──────┼─────▷│   client#0.0  1
    │      ●      │   client#1  2
    │      ├─────▷│   client#1.0  2
    │      │      ●   client#0.0
    │      │      ●   client#1.0
    end: quiescent
    ");
}
