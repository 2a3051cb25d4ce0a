//! Properties of a user's own: when each kind is judged, and what is said of it.

use raddle_checkers::{Properties, Verdict};
use raddle_core::{
    EndReason, Envelope, Input, Moment, Order, Outbox, Outputs, Plan, Snapshot, StateMachine, System, Time, Worker,
};

struct Counter(i64);

impl StateMachine for Counter {
    type Message = i64;
    type Update = i64;

    fn on_message(&mut self, amount: i64, _: &mut Outbox<i64>) {
        self.0 = self.0.checked_add(amount).expect("no more than there is");
    }

    fn on_update(&mut self, amount: i64, _: &mut Outbox<i64>) {
        self.0 += amount;
    }
}

fn system() -> System<Counter> {
    System::new("counter").workers(["A"], |_| Counter(0))
}

/// The count after each step, then the end.
struct Run<'a>(&'a [i64], EndReason);

#[track_caller]
fn check(system: System<Counter>, run: Run<'_>, expected: &[(&str, &str)]) {
    let plan = system.plan().expect("a good system");
    let mut properties = Properties::new(plan.properties());
    for _ in 0..2 {
        properties.reset();
        let worker = |count: i64| [with(&plan, count)];
        for (at, count) in run.0.iter().enumerate() {
            let moment = Moment { step: at as u64 + 1, time: Time(0) };
            properties.after_step(&Snapshot::new(&worker(*count), plan.names()), moment);
        }
        let moment = Moment { step: run.0.len() as u64, time: Time(0) };
        let last = run.0.last().copied().unwrap_or(0);
        properties.at_end(&Snapshot::new(&worker(last), plan.names()), run.1, moment);
        let told: Vec<(&str, String)> = properties
            .verdicts()
            .into_iter()
            .map(|(name, verdict)| match verdict {
                Verdict::Ok => (name, "ok".to_owned()),
                Verdict::Violation(v) => (name, format!("{}, step {}", v.signature(plan.names()), v.moment.step)),
                Verdict::Unknown(why) => (name, why),
            })
            .collect();
        let told: Vec<(&str, &str)> = told.iter().map(|(name, verdict)| (*name, verdict.as_str())).collect();
        assert_eq!(told, expected);
        let broken = expected.iter().any(|(_, verdict)| verdict.contains('/'));
        assert_eq!(properties.violation().is_some(), broken);
    }
}

fn with(plan: &Plan<Counter>, count: i64) -> Worker<Counter> {
    let mut worker = plan.workers().remove(0);
    worker.reset(Counter(count));
    worker
}

fn count(run: &Snapshot<'_, Counter>) -> i64 {
    run.machine("A").expect("there is an A").0
}

#[test]
fn always_and_never_are_judged_after_each_step() {
    let small = || system().always("small", |run| count(run) < 3);
    check(small(), Run(&[1, 2], EndReason::Quiescent), &[("small", "ok")]);
    check(small(), Run(&[1, 3, 4], EndReason::Quiescent), &[("small", "small/always, step 2")]);
    let seven = || system().never("seven", |run| count(run) == 7);
    check(seven(), Run(&[1, 7, 1], EndReason::Steps), &[("seven", "seven/never, step 2")]);
    check(seven(), Run(&[1, 8, 1], EndReason::Steps), &[("seven", "ok")]);
    check(seven(), Run(&[], EndReason::Steps), &[("seven", "ok")]);
}

#[test]
fn eventually_needs_one_step_of_a_run_at_rest() {
    let two = || system().eventually("two", |run| count(run) == 2);
    check(two(), Run(&[1, 2, 3], EndReason::Quiescent), &[("two", "ok")]);
    check(two(), Run(&[1, 3], EndReason::Quiescent), &[("two", "two/eventually, step 2")]);
    check(two(), Run(&[1, 3], EndReason::Horizon), &[("two", "two/eventually, step 2")]);
    check(two(), Run(&[1, 3], EndReason::Steps), &[("two", "the run has not come to rest (steps-max)")]);
    check(two(), Run(&[], EndReason::Quiescent), &[("two", "the states between the steps were not seen")]);
}

#[test]
fn at_end_is_judged_at_rest() {
    let three = || system().at_end("three", |run| count(run) == 3);
    check(three(), Run(&[1, 3], EndReason::Quiescent), &[("three", "ok")]);
    check(three(), Run(&[3, 1], EndReason::Quiescent), &[("three", "three/at-end, step 2")]);
    check(three(), Run(&[3, 1], EndReason::Horizon), &[("three", "three/at-end, step 2")]);
    check(three(), Run(&[3, 1], EndReason::Steps), &[("three", "the run has not come to rest (steps-max)")]);
    assert!(!Properties::new(three().plan().expect("a good system").properties()).watch_steps());
}

#[test]
fn sometimes_is_reached_or_not_and_never_broken() {
    let plan = system()
        .sometimes("two", |run| count(run) == 2)
        .sometimes("nine", |run| count(run) == 9)
        .eventually("one", |run| count(run) == 1)
        .plan()
        .expect("a good system");
    let mut properties = Properties::new(plan.properties());
    assert!(properties.watch_steps());
    for step in 1..4 {
        let worker = [with(&plan, step)];
        let moment = Moment { step: step as u64, time: Time(0) };
        properties.after_step(&Snapshot::new(&worker, plan.names()), moment);
    }
    assert_eq!(properties.reached().collect::<Vec<_>>(), ["two", "one"]);
    assert_eq!(properties.violation(), None);
    properties.reset();
    assert_eq!(properties.reached().count(), 0);
}

#[test]
fn the_first_breach_is_kept() {
    let both = system().always("small", |run| count(run) < 3).at_end("zero", |run| count(run) == 0);
    let why = "`small` was broken first";
    check(both, Run(&[1, 3], EndReason::Quiescent), &[("small", "small/always, step 2"), ("zero", why)]);
}

/// The counts of A, B and C when the run has come to rest, and what is said of it.
#[track_caller]
fn check_convergence(counts: [i64; 3], reason: Option<&str>) {
    let system = System::new("copies").workers(["A", "B", "C"], |_| Counter(0)).converging(["A", "B"], |copy| copy.0);
    let plan = system.plan().expect("a good system");
    let mut workers = plan.workers();
    workers.iter_mut().zip(counts).for_each(|(worker, count)| worker.reset(Counter(count)));
    let mut properties = Properties::new(plan.properties());
    assert!(!properties.watch_steps());
    let moment = Moment { step: 3, time: Time(0) };
    properties.at_end(&Snapshot::new(&workers, plan.names()), EndReason::Quiescent, moment);
    let told = properties.violation().map(|violation| (violation.signature(plan.names()), violation.reason.clone()));
    assert_eq!(told, reason.map(|reason| ("convergence/at-end".to_owned(), reason.to_owned())));
}

#[test]
fn copies_converge() {
    check_convergence([7, 7, 8], None);
    let reason = "`convergence` must hold when the run has come to rest, and does not: A has 7, B has 9";
    check_convergence([7, 9, 7], Some(reason));
}

#[test]
fn whoever_is_to_converge_must_exist() {
    let error = system().converging(["A", "Z"], |copy| copy.0).plan().map(drop).expect_err("there is no Z");
    assert_eq!(error.to_string(), "there is no worker `Z`");
}

#[test]
fn the_dead_need_not_converge() {
    raddle_core::panics::install();
    let system = System::new("copies").workers(["A", "B"], |_| Counter(0)).converging(["A", "B"], |copy| copy.0);
    let plan = system.messages("bank", [("A", i64::MAX), ("A", 1)]).plan().expect("a good system");
    let (mut workers, mut out) = (plan.workers(), plan.outbox(0));
    let mut differ = Vec::new();
    for external in plan.externals() {
        let input = Input::Message(external.message);
        let envelope = Envelope { header: plan.external_header(external), input };
        let (rules, mut outputs) = (plan.rules(Order::Causal), Outputs::default());
        let _ = workers[0].handle(envelope, &rules, Moment::default(), &mut out, &mut outputs, &mut ());
        let mut properties = Properties::new(plan.properties());
        properties.at_end(&Snapshot::new(&workers, plan.names()), EndReason::Quiescent, Moment::default());
        differ.push(properties.violation().is_some());
    }
    assert_eq!(differ, [true, false], "the second was too much for A");
}
