//! Searches: the same answer for any number of jobs, and an answer for everything that can go wrong in a handler.

#![allow(clippy::disallowed_methods, reason = "a handler that misbehaves is what is tested")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use common::{Obedient, told};
use raddle_core::{Order, Outbox, StateMachine, System};
use raddle_sim::{Cut, Expectation, Explore, Finding, Network, Outcome, Settings, StrategyKind, replay};

/// Ten senders race; the last of them must not win.
fn race() -> System<Obedient> {
    const SENDERS: [&str; 5] = ["s1", "s2", "s3", "s4", "s5"];
    let system = System::new("race").workers(SENDERS.into_iter().chain(["z"]), |_| Obedient::default());
    SENDERS
        .into_iter()
        .fold(system, |system, name| system.messages(name, [(name, told("go", [("z", told(name, []))]))]))
        .with(|policies| policies.order = Order::Arrival)
        .sometimes("first-is-first", |run| run.machine("z").is_some_and(|z| z.log.first() == Some(&"s1")))
        .always("never-backwards", |run| run.machine("z").is_some_and(|z| z.log != ["s5", "s4", "s3", "s2", "s1"]))
}

#[test]
fn the_answer_does_not_depend_on_the_number_of_jobs() {
    let report = |jobs| Explore::new(race()).jobs(jobs).run().expect("runs");
    let one = report(1);
    let found = one.found.as_ref().expect("one in 120 runs backwards");
    assert_eq!((found.violation.law.as_ref(), found.seed + 1), ("never-backwards", one.runs));
    assert!(one.reached["first-is-first"] > 0);
    for jobs in [2, 5] {
        let many = report(jobs);
        let same = many.found.as_ref().expect("found too");
        assert_eq!((same.seed, same.digest, &same.schedule), (found.seed, found.digest, &found.schedule));
        assert_eq!((many.runs, many.steps, many.deliveries), (one.runs, one.steps, one.deliveries));
        assert_eq!(many.distinct.count(), one.distinct.count());
        assert_eq!(many.reached, one.reached);
    }
}

#[test]
fn coverage_counts_every_handled_input_of_the_counted_runs() {
    let state = |machine: &Obedient| if machine.log.is_empty() { "fresh" } else { "told" };
    let report = |system, jobs| Explore::new(system).jobs(jobs).run().expect("runs");
    let one = report(race().state_kind(state), 1);
    assert!(one.found.is_some());
    assert_eq!(one.coverage.iter().map(|covered| covered.times).sum::<u64>(), one.deliveries);
    let of = |worker: &str| {
        let rows = one.coverage.iter().filter(|covered| covered.worker == worker);
        rows.map(|covered| (covered.state.as_str(), covered.input.as_str(), covered.times)).collect::<Vec<_>>()
    };
    assert_eq!(of("s1"), [("fresh", "external", one.runs)]);
    // The last run ended with the last update to z, which broke the law.
    assert_eq!(of("z"), [("fresh", "update", one.runs), ("told", "update", 4 * one.runs)]);
    assert_eq!(report(race().state_kind(state), 3).coverage, one.coverage);

    let named = report(race().message_kind(|_| "told"), 1);
    assert_eq!((named.coverage[0].state.as_str(), named.coverage[0].input.as_str()), ("any", "told"));
    assert_eq!(report(race(), 1).coverage, []);
}

/// What a seed does is part of what is promised: see CHANGELOG before changing these.
#[test]
fn golden_digests() {
    for (strategy, seed, digest) in GOLDEN {
        let kind: StrategyKind = strategy.parse().expect("a strategy");
        let found = Explore::new(race()).strategy(kind).shrink(None).run().expect("runs").found.expect("found");
        assert_eq!((found.seed, found.digest.to_string().as_str()), (seed, digest), "{strategy}");
    }
}

const GOLDEN: [(&str, u64, &str); 7] = [
    ("random", 93, "3ac7a3b70f70b604"),
    ("uniform", 32, "3ac7a3b70f70b604"),
    ("pos", 53, "3ac7a3b70f70b604"),
    ("basic-pos", 23, "3ac7a3b70f70b604"),
    ("pct(3)", 166, "3ac7a3b70f70b604"),
    ("pctcp(3)", 58, "3ac7a3b70f70b604"),
    ("portfolio", 434, "3ac7a3b70f70b604"),
];

#[test]
fn a_finding_replays_from_its_file_and_survives_edits() {
    let report = Explore::new(race()).run().expect("runs");
    let found = report.found.expect("found");
    let plan = race().plan().expect("a good system");
    let finding = Finding::new(&found, &race(), &report.settings, "portfolio", &report.laws, plan.names());
    assert_eq!(finding.expectation, Expectation::Violation);
    let again = replay(&race(), &finding).expect("replays");
    assert_eq!((again.outcome, again.digest, again.misfit), (Outcome::Same, found.digest, None));

    // One more worker that takes part: the run differs, the violation stays.
    let edited = race().workers(["new"], |_| Obedient::default()).messages("s1", [("new", told("more", []))]);
    let again = replay(&edited, &finding).expect("replays");
    assert_eq!((again.outcome, again.misfit), (Outcome::SameViolation, None));

    // A sender falls silent: the first choice that is no longer possible is named.
    let mut cut = finding.clone();
    cut.schedule.insert(0, "s1#7".to_owned());
    let again = replay(&race(), &cut).expect("replays");
    let misfit = again.misfit.expect("there is no such message");
    assert_eq!((misfit.step, misfit.decision.display(plan.names()).to_string().as_str()), (1, "s1#7"));
    assert_eq!(again.outcome, Outcome::Same);

    cut.schedule[0] = "nobody#0".to_owned();
    assert!(replay(&race(), &cut).expect_err("no such source").to_string().contains("entry 1 of the schedule"));
}

/// Does what `handle` says.
struct Odd(fn(&mut Outbox<u64>));

impl StateMachine for Odd {
    type Message = ();
    type Update = u64;

    fn on_message(&mut self, (): (), out: &mut Outbox<u64>) {
        (self.0)(out);
    }

    fn on_update(&mut self, _: u64, _: &mut Outbox<u64>) {}
}

fn odd(handle: fn(&mut Outbox<u64>)) -> Explore<Odd> {
    Explore::new(system(handle)).seeds(0..50)
}

/// The same, if nobody waits for it longer than that.
fn stuck(handle: fn(&mut Outbox<u64>)) -> Explore<Odd> {
    Explore::new(system(handle).step_limit(Duration::from_millis(300))).seeds(0..50)
}

fn system(handle: fn(&mut Outbox<u64>)) -> System<Odd> {
    System::new("odd").workers(["w", "x"], move |_| Odd(handle)).messages("client", [("w", ())])
}

#[test]
fn a_panic_is_a_violation_with_text_and_place() {
    let found = odd(|_| panic!("out of money")).run().expect("runs").found.expect("found");
    assert_eq!((found.violation.law.as_ref(), found.seed, found.steps), ("no-panic", 0, 1));
    assert!(found.violation.reason.contains("out of money"), "{}", found.violation.reason);
    assert!(found.violation.reason.contains("campaign.rs:"), "{}", found.violation.reason);
}

#[test]
fn a_handler_that_reads_outside_state_is_not_deterministic() {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let found = odd(|out| out.notify("x", CALLS.fetch_add(1, Ordering::Relaxed))).run().expect("runs");
    let found = found.found.expect("found");
    assert_eq!((found.violation.law.as_ref(), found.seed), ("determinism", 0));
    assert!(found.violation.reason.contains("client#0.0"), "{}", found.violation.reason);
}

#[test]
fn a_handler_that_never_returns_is_named() {
    let explore = stuck(|out| {
        if out.choose(16) == 0 {
            std::thread::sleep(Duration::from_secs(3600));
        }
    });
    let found = explore.jobs(1).run().expect("runs").found.expect("stuck");
    assert_eq!(found.violation.law, "watchdog");
    assert!(found.violation.reason.contains("client#0"), "{}", found.violation.reason);
    assert!(found.trace.is_none());
}

#[test]
fn of_handlers_that_never_return_the_lowest_seed_is_named() {
    let explore = stuck(|_| std::thread::sleep(Duration::from_secs(3600))).seeds(7..500);
    let found = explore.jobs(3).run().expect("runs").found.expect("stuck");
    assert_eq!((found.violation.law.as_str(), found.seed), ("watchdog", 7));
}

/// A message that takes its time to become text.
#[derive(Clone)]
struct Wordy;

impl std::fmt::Debug for Wordy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::thread::sleep(Duration::from_millis(600));
        f.write_str("at last")
    }
}

struct Ill;

impl StateMachine for Ill {
    type Message = Wordy;
    type Update = ();

    fn on_message(&mut self, _: Wordy, _: &mut Outbox<()>) {
        panic!("ill");
    }

    fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
}

#[test]
fn to_write_down_a_run_is_no_part_of_its_last_step() {
    let system = System::new("wordy").workers(["w"], |_| Ill).messages("client", [("w", Wordy)]);
    let system = system.step_limit(Duration::from_millis(200));
    let found = Explore::new(system.clone()).seeds(1).jobs(1).run().expect("runs").found.expect("it panics");
    assert_eq!(found.violation.law, "no-panic");
    let plan = system.plan().expect("a good system");
    let finding = Finding::new(&found, &system, &Settings::default(), "random", &["no-panic"], plan.names());
    assert_eq!(replay(&system, &finding).expect("no handler is stuck").outcome, Outcome::Same);
}

#[test]
fn a_search_can_be_stopped_and_timed() {
    let stop = Arc::new(AtomicBool::new(true));
    let report = odd(|_| {}).stop_flag(stop).run().expect("runs");
    assert_eq!((report.cut, report.runs), (Some(Cut::Stopped), 0));
    let report = odd(|_| {}).seeds(0..u64::MAX).time(Some(Duration::from_millis(200))).run().expect("runs");
    assert_eq!(report.cut, Some(Cut::Time));
    assert!(report.runs > 0);
}

#[test]
fn the_default_order_is_one_run() {
    let report = Explore::new(race()).strategy(StrategyKind::DefaultOrder).run().expect("runs");
    assert_eq!((report.runs, report.distinct.count(), report.found.is_none()), (1, 1, true));
}

#[test]
fn what_cannot_run_is_refused() {
    let settings =
        Settings { network: Network::Bag, granularity: raddle_sim::Granularity::Queues, ..Settings::default() };
    assert!(Explore::new(race()).settings(settings).run().expect_err("no hop").to_string().contains("sharded(N)"));
    assert!(
        Explore::new(race())
            .laws(["casual-order"])
            .run()
            .expect_err("no such law")
            .to_string()
            .contains("causal-order")
    );
    assert!(Explore::new(race()).steps_max(0).run().is_err());
}
