//! The doors for users, from both sides: what a test says that fails, and what it leaves behind.
//!
//! A failing test is made by asking this file to be one, in a folder of its own.

mod common;

use std::process::ExitCode;

use common::{Done, Place};
use libtest_mimic::{Arguments, Failed, Trial};
use proptest::prelude::ProptestConfig;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};
use raddle::proptest::runs;
use raddle::{Snapshot, prelude::*};

const BE_A_TEST: &str = "DOORS_TEST";

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(BE_A_TEST) {
        be_a_test(&name);
        return ExitCode::SUCCESS;
    }
    let trial = |(name, test): (&str, fn())| {
        Trial::test(name, move || std::panic::catch_unwind(test).map_err(|_| Failed::without_message()))
    };
    let tests: [(&str, fn()); 7] = [
        ("a_failing_test_tells_the_whole_story", story),
        ("the_environment_goes_before_the_code", environment),
        ("what_was_committed_is_replayed_first", committed),
        ("what_nobody_can_tell_is_no_pass", doubt),
        ("proptest_shrinks_whole_runs", shrinking),
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

fn be_a_test(name: &str) {
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("the tests say so");
    match name {
        "wrong" => wrong().explore().assert_clean(),
        "right" => right().explore().seeds(100).assert_clean(),
        "short" => right().explore().steps_max(2).assert_clean(),
        "explore-test" => raddle::explore_test(wrong(), &folder),
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
