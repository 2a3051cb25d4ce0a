//! Shrinking against brute force: on small random programs, what is called minimal is the simplest of all failing runs,
//! over all schedules, all places of faults and all parts of the workload; what is called 1-minimal has nothing single to
//! spare.

mod common;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use common::programs::{NAMES, Shape, faulted, picks, shapes, system, wrongs};
use common::{DepthFirst, Obedient, told};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use raddle_core::{Beyond, MessageId, Order, Outbox, Recovery, Restart, StateMachine, System};
use raddle_sim::strategy::{DefaultOrder, Replay};
use raddle_sim::{
    Actions, Budget, Decision, Explore, Fault, FaultPlan, Finding, Found, Granularity, Network, Outcome, Runner,
    Settings, Size, Strategy, StrategyKind, replay, shrink_finding,
};

/// How far a run is from the default order, in the order in which simplicity is compared; the last is the list of
/// choices itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cost {
    deviations: usize,
    messages: usize,
    steps: u64,
    delays: u64,
    left_out: Vec<bool>,
    choices: Vec<u32>,
}

impl Cost {
    /// Trailing zeros are what the default order does anyway.
    fn new(steps: u64, left_out: &[bool], mut choices: Vec<u32>) -> Self {
        while choices.last() == Some(&0) {
            choices.pop();
        }
        Self {
            deviations: choices.iter().filter(|choice| **choice > 0).count(),
            messages: left_out.iter().filter(|out| !**out).count(),
            steps,
            delays: choices.iter().map(|choice| u64::from(*choice)).sum(),
            left_out: left_out.to_vec(),
            choices,
        }
    }
}

/// Follows a schedule by names and writes its choices down by numbers.
struct Counted(Replay, Vec<u32>, usize);

impl Strategy for Counted {
    fn begin(&mut self, seed: u64) {
        self.1.clear();
        self.0.begin(seed);
    }

    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        let at = self.0.choose(actions);
        self.1.push(at as u32);
        at
    }

    fn is_scripted(&self) -> bool {
        true
    }

    fn script(&mut self, values: &mut Vec<u32>) {
        values.clear();
        self.0.script(values);
        if self.2 > 0 {
            self.1.extend(values.iter());
        }
    }

    fn beyond(&self) -> Beyond {
        Beyond::First
    }
}

fn runner<M: StateMachine>(system: &System<M>, settings: &Settings) -> Runner<M> {
    Runner::new(system.plan().expect("a good system"), settings.clone(), None).expect("good settings")
}

/// The simplest of all runs that break what was broken: of all of them, or of those with no more deviations than this.
fn simplest<M: StateMachine>(
    system: &System<M>,
    settings: &Settings,
    found: &Found,
    draws: usize,
    most: Option<usize>,
) -> Cost {
    let (mut runner, seed) = (runner(system, settings), found.seed);
    let names = Arc::clone(&runner.conditions().names);
    let externals = runner.externals().len();
    let mut best = None;
    // What misses a goal by default is no failure, for want of a message; where all of the workload does, no part counts.
    let mut misses = |left_out: &[bool]| {
        runner.leave_out(left_out);
        runner.run(seed, &mut DefaultOrder).violation.is_some_and(|violation| violation.code == "at-end")
    };
    let is_goal = found.violation.code == "at-end";
    let whole = vec![false; externals];
    let whole_misses = is_goal && misses(&whole);
    let parts = (0..1_u32 << externals).map(|mask| (0..externals).map(|at| mask >> at & 1 == 0).collect());
    let counts = |part: &Vec<bool>| !is_goal || *part == whole || !whole_misses && !misses(part);
    let parts: Vec<Vec<bool>> = parts.filter(counts).collect();
    for left_out in parts {
        runner.leave_out(&left_out);
        let mut all = DepthFirst::with_draws(draws);
        if let Some(most) = most {
            all = all.within(most);
        }
        loop {
            let run = runner.run(seed, &mut all);
            if run.violation.as_ref().is_some_and(|violation| violation.signature(&names) == found.signature) {
                let choices = all.prefix.iter().map(|(choice, _)| *choice).collect();
                let cost = Cost::new(run.steps, &left_out, choices);
                best = Some(best.map_or(cost.clone(), |best: Cost| best.min(cost)));
            }
            if !all.advance() {
                break;
            }
        }
    }
    best.expect("the run that was found is one of them")
}

/// What a shrunk run costs, which also shows that it replays.
fn cost<M: StateMachine>(system: &System<M>, settings: &Settings, found: &Found, draws: usize) -> Cost {
    let mut runner = runner(system, settings);
    let left_out: Vec<bool> = runner.externals().iter().map(|id| found.without.contains(id)).collect();
    runner.leave_out(&left_out);
    let mut counted = Counted(Replay::new(found.schedule.clone()), Vec::new(), draws);
    let run = runner.run(found.seed, &mut counted);
    let signature = run.violation.expect("it fails").signature(&runner.conditions().names);
    assert_eq!((signature, run.steps), (found.signature.clone(), found.steps));
    let length = if draws > 0 { usize::MAX } else { run.steps as usize };
    counted.1.truncate(length);
    Cost::new(run.steps, &left_out, counted.1)
}

fn explore<M: StateMachine>(
    system: &System<M>,
    settings: &Settings,
    budget: impl Into<Option<Budget>>,
) -> Option<Found> {
    let explore = Explore::new(system.clone()).settings(settings.clone()).strategy(StrategyKind::Random);
    explore.seeds(200).jobs(1).shrink(budget).run().expect("runs").found
}

fn saved<M: StateMachine>(system: &System<M>, settings: &Settings, found: &Found) -> Finding {
    let runner = runner(system, settings);
    Finding::new(found, system, settings, "random", runner.laws(), &runner.conditions().names)
}

fn networks() -> impl proptest::strategy::Strategy<Value = Network> {
    prop::sample::select(vec![Network::Mailbox, Network::Causal, Network::Fifo, Network::Bag])
}

fn check<M: StateMachine>(system: &System<M>, settings: &Settings, draws: usize) -> Option<Cost> {
    let found = explore(system, settings, Budget::default())?;
    let shrunk = found.shrunk.as_ref().expect("it was shrunk");
    assert_eq!(shrunk.size, Size::Minimal);
    let cost = cost(system, settings, &found, draws);
    assert_eq!(cost, simplest(system, settings, &found, draws, None), "{}", shrunk.needs);
    Some(cost)
}

#[test]
fn minimal_is_the_simplest_of_all() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let costs = RefCell::new(Vec::new());
    let all = (shapes(), picks(), networks());
    let done = runner.run(&all, |(shape, picks, network)| {
        costs.borrow_mut().extend(check(&system(&shape, &picks), &Settings { network, ..Settings::default() }, 0));
        Ok(())
    });
    done.expect("as simple as can be");
    let with = |n| costs.borrow().iter().filter(|cost| cost.deviations >= n).count();
    assert!([with(1), with(2), with(3)] >= [40, 20, 5], "too few of them show anything: {:?}", [1, 2, 3].map(with));
}

/// Under what a program runs: its order, its network, what becomes of workers that have crashed, the granularity if the
/// faults let one choose, and the faults.
type Odds = (Order, Network, Restart, Recovery, Granularity, FaultPlan);

fn odds() -> impl proptest::strategy::Strategy<Value = Odds> {
    use Order::{Arrival, Causal, Fifo};
    use Recovery::{Amnesia, Durable};
    let plans = FAULTS.map(|text| text.parse().expect("a plan"));
    (
        // Copies are known for what they are where there is an order, and who has written all down forgets nothing.
        prop::sample::select(vec![Arrival, Arrival, Arrival, Arrival, Fifo, Causal]),
        networks(),
        prop::sample::select(vec![Restart::Always, Restart::Never]),
        prop::sample::select(vec![Amnesia, Amnesia, Amnesia, Amnesia, Durable]),
        prop::sample::select(vec![Granularity::Delivery, Granularity::Queues]),
        prop::sample::select(plans.to_vec()),
    )
}

/// Those that leave something for good, alone and together, and some that hold up what comes until they are over.
const FAULTS: [&str; 14] = [
    "loss(1)",
    "loss(2)",
    "duplication(1)",
    "duplication(2)",
    "crash(1)",
    "crash(2)",
    "loss(1),duplication(1)",
    "loss(1),crash(1)",
    "duplication(1),crash(1)",
    "loss(1),duplication(1),crash(1)",
    "loss(1),delay(1)",
    "crash(1),stall(1)",
    "duplication(1),partition(1)",
    "loss(1),full(1)",
];

/// Shrinks what such a program does wrong, and says how small it is and which faults it takes. What is called minimal must be
/// the simplest of all its failing runs; those with more deviations are less simple, whatever else they are.
fn check_faulted(
    shape: &Shape,
    picks: &[Vec<(usize, usize)>],
    in_the_end: bool,
    (order, network, restart, recovery, granularity, faults): Odds,
) -> Option<(Size, Vec<Fault<MessageId>>)> {
    let wrongs = picks.iter().map(|picks| wrongs(shape, faults, picks)).collect();
    let system = faulted(shape, wrongs, in_the_end).with(|policies| {
        (policies.order, policies.restart, policies.recovery) = (order, restart, recovery);
    });
    let mut settings = Settings { network, granularity, faults, ..Settings::default() };
    if settings.check(system.current_policies()).is_err() {
        settings.granularity = Granularity::Delivery;
    }
    let found = explore(&system, &settings, Budget { proof: PROOF, explain: 0, ..Budget::default() })?;
    assert_eq!(found.violation.law, "wrong");
    let (shrunk, cost) = (found.shrunk.as_ref().expect("it was shrunk"), cost(&system, &settings, &found, 0));
    if shrunk.size == Size::Minimal {
        assert_eq!(cost, simplest(&system, &settings, &found, 0, Some(cost.deviations)), "{}", shrunk.needs);
    }
    let faults = found.schedule.into_iter().filter_map(|decision| match decision {
        Decision::Fault(fault) => Some(fault),
        _ => None,
    });
    Some((shrunk.size, faults.collect()))
}

/// Enough steps to prove what takes two deviations, and more of short programs.
const PROOF: u64 = 50_000;

#[test]
fn minimal_is_the_simplest_of_all_with_faults() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let all = RefCell::new(Vec::new());
    let shapes = prop::collection::vec((0..4_usize, 0..3_usize), 3..7);
    // What takes more steps may take fewer messages: both ways of going wrong are there to be compared.
    let picks = prop::collection::vec(prop::collection::vec((0..12_usize, 0..100_usize), 1..4), 1..4);
    let done = runner.run(&(shapes, picks, any::<bool>(), odds()), |(shape, picks, in_the_end, odds)| {
        all.borrow_mut().extend(check_faulted(&shape, &picks, in_the_end, odds));
        Ok(())
    });
    done.expect("as simple as can be");
    let all = all.into_inner();
    let minimal = || all.iter().filter(|(size, _)| *size == Size::Minimal).map(|(_, faults)| faults);
    let with = |is: fn(&Fault<MessageId>) -> bool| minimal().filter(|faults| faults.iter().any(is)).count();
    let kinds = [
        with(|fault| matches!(fault, Fault::Lose(_))),
        with(|fault| matches!(fault, Fault::Duplicate(_))),
        with(|fault| matches!(fault, Fault::Crash(_))),
        minimal().filter(|faults| faults.len() > 1).count(),
    ];
    assert!(kinds.iter().zip([40, 20, 15, 3]).all(|(kind, least)| *kind >= least), "too few take any: {kinds:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn without_a_proof_nothing_single_can_be_spared(
        shape in shapes(),
        picks in picks(),
        network in networks(),
    ) {
        let (system, settings) = (system(&shape, &picks), Settings { network, ..Settings::default() });
        let Some(found) = explore(&system, &settings, Budget { proof: 0, ..Budget::default() }) else { return Ok(()) };
        prop_assert_eq!(found.shrunk.as_ref().expect("it was shrunk").size, Size::OneMinimal);
        nothing_to_spare(&system, &settings, &found)?;
    }

    #[test]
    fn shrinking_twice_is_shrinking_once(
        shape in shapes(),
        picks in picks(),
        proof in prop::sample::select(vec![0, 100, 1_000_000]),
    ) {
        let (system, settings) = (system(&shape, &picks), Settings::default());
        let budget = Budget { proof, ..Budget::default() };
        let Some(original) = explore(&system, &settings, None) else { return Ok(()) };
        let found = explore(&system, &settings, budget).expect("the same");
        let finding = saved(&system, &settings, &found);
        prop_assert_eq!(replay(&system, &finding).expect("replays").outcome, Outcome::Same);
        let again = |finding: &Finding| {
            shrink_finding(&system, finding, &budget, &Arc::new(AtomicBool::new(false))).expect("shrinks").0
        };
        prop_assert_eq!(again(&finding), finding.clone());
        prop_assert_eq!(again(&saved(&system, &settings, &original)), finding);
        prop_assert_eq!(original.signature, found.signature);
    }
}

/// No deviation can be undone and no message left out.
fn nothing_to_spare(system: &System<Obedient>, settings: &Settings, found: &Found) -> Result<(), TestCaseError> {
    let best = cost(system, settings, found, 0);
    let mut runner = runner(system, settings);
    let names = Arc::clone(&runner.conditions().names);
    let mut fails = |left_out: &[bool], choices: Vec<u32>| {
        runner.leave_out(left_out);
        let run = runner.run(found.seed, &mut raddle_sim::strategy::Indices::new(choices));
        run.violation.is_some_and(|violation| violation.signature(&names) == found.signature)
    };
    prop_assert!(fails(&best.left_out, best.choices.clone()));
    for at in (0..best.choices.len()).filter(|at| best.choices[*at] > 0) {
        let mut choices = best.choices.clone();
        choices[at] = 0;
        prop_assert!(!fails(&best.left_out, choices), "choice {at} of {best:?}");
    }
    for at in (0..best.left_out.len()).filter(|at| !best.left_out[*at]) {
        let mut left_out = best.left_out.clone();
        left_out[at] = true;
        // The same choices, where they are no more of them: otherwise the run would not be simpler.
        prop_assert!(!fails(&left_out, best.choices.clone()), "message {at} of {best:?}");
    }
    Ok(())
}

/// Tells one of two others, as it chooses, whatever it hears.
#[derive(Clone, Default)]
struct Fickle {
    heard: u32,
}

impl StateMachine for Fickle {
    type Message = ();
    type Update = ();

    fn on_message(&mut self, (): (), out: &mut Outbox<()>) {
        let to = ["x", "z"][out.choose(2) as usize];
        out.notify(to, ());
    }

    fn on_update(&mut self, (): (), out: &mut Outbox<()>) {
        self.heard = 2 * self.heard + 1 + out.choose(2);
    }
}

#[test]
fn choices_of_handlers_shrink_to_their_first() {
    let fickle = |wanted: u32| {
        System::new("fickle")
            .workers(["x", "y", "z"], |_| Fickle::default())
            .messages("s", [("y", ()), ("y", ()), ("x", ())])
            .never("heard", move |run| run.machine("z").is_some_and(|z| z.heard == wanted))
    };
    for (wanted, draws, messages) in [(1, 1, 1), (2, 2, 1), (4, 3, 2), (6, 4, 2)] {
        let settings = Settings::default();
        let cost = check(&fickle(wanted), &settings, 1).expect("found");
        assert_eq!((cost.deviations, cost.messages), (draws, messages), "{wanted}");
        let found = explore(&fickle(wanted), &settings, Budget::default()).expect("found");
        let needs = found.shrunk.expect("shrunk").needs;
        let plural = if draws == 1 { "1 choice of a handler that is" } else { "choices of a handler that are" };
        assert!(needs.contains(plural), "{needs}");
    }
}

/// m1 to C and m2 to B, which then tells C.
fn triangle() -> System<Obedient> {
    let go = || told("go", [("C", told("m1", [])), ("B", told("m2", [("C", told("m3", []))]))]);
    System::new("triangle")
        .workers(["A", "B", "C"], |_| Obedient::default())
        .messages("s", (0..6).map(|_| ("A", go())))
        .with(|policies| policies.order = Order::Arrival)
        .laws(["causal-order"])
}

#[test]
fn what_is_needed_is_said_in_words() {
    let original = explore(&triangle(), &Settings::default(), None).expect("found");
    let found = explore(&triangle(), &Settings::default(), Budget::default()).expect("found");
    let shrunk = found.shrunk.clone().expect("shrunk");
    assert_eq!((shrunk.from_steps, shrunk.from_messages), (original.steps, 6));
    assert_eq!((found.steps, shrunk.size), (4, Size::Minimal));
    assert_eq!(shrunk.needs, "1 out-of-order delivery, s#0.1.0 to C before s#0.0 to C");
    let names = Arc::clone(triangle().plan().expect("a good system").names());
    let without: Vec<String> = found.without.iter().map(|id| id.display(&names).to_string()).collect();
    assert_eq!(without, ["s#1", "s#2", "s#3", "s#4", "s#5"]);
    let schedule: Vec<String> = found.schedule.iter().map(|decision| decision.display(&names).to_string()).collect();
    assert_eq!(schedule, ["s#0", "s#0.1", "s#0.1.0", "s#0.0"]);
}

/// The last to speak should be b, which is as it is by default; c says nothing of it.
fn last(wanted: &'static str) -> System<Obedient> {
    let tell = |from, name| (from, told("go", [("z", told(name, []))]));
    System::new("last")
        .workers(["x", "y", "z"], |_| Obedient::default())
        .messages("s", [tell("x", "a"), tell("y", "b"), ("y", told("c", []))])
        .at_end("last", move |run| run.machine("z").is_some_and(|z| z.log.last() == Some(&wanted)))
}

#[test]
fn a_goal_is_not_missed_for_want_of_a_message() {
    let found = explore(&last("b"), &Settings::default(), Budget::default()).expect("found");
    let shrunk = found.shrunk.expect("shrunk");
    assert_eq!((shrunk.messages, shrunk.size), (2, Size::Minimal));
    assert_eq!(shrunk.needs, "1 out-of-order delivery, s#1.0 to z before s#0.0 to z");
    // The default order misses this one with any part of the workload, so none is left out.
    let found = explore(&last("a"), &Settings::default(), Budget::default()).expect("found");
    let shrunk = found.shrunk.expect("shrunk");
    assert_eq!((shrunk.messages, shrunk.needs.as_str()), (3, "nothing out of order"));
}

#[test]
fn a_budget_that_ends_is_said_so() {
    let found = explore(&triangle(), &Settings::default(), Budget { steps: 30, ..Budget::default() }).expect("found");
    assert_eq!(found.shrunk.expect("shrunk").size, Size::CutShort);
    let time = Some(Duration::ZERO);
    let found = explore(&triangle(), &Settings::default(), Budget { time, ..Budget::default() }).expect("found");
    assert_eq!(found.shrunk.expect("shrunk").size, Size::CutShort);
}

#[test]
fn a_queue_that_overflows_needs_what_fills_it() {
    let slow = System::new("slow")
        .workers(["a", "z"], |_| Obedient::default())
        .messages("s", (0..6).map(|at| ("a", told(NAMES[at], [("z", told("n", []))]))))
        .with(|policies| policies.capacity = 2)
        .never("lost", |run| {
            run.machine("z").is_some_and(|z| z.log.len() == 2) && { run.machine("a").is_some_and(|a| a.log.len() >= 5) }
        });
    let settings = Settings { granularity: Granularity::Queues, ..Settings::default() };
    let found = explore(&slow, &settings, Budget::default()).expect("found");
    let original = explore(&slow, &settings, None).expect("found");
    let shrunk = found.shrunk.as_ref().expect("shrunk");
    assert!(found.steps <= original.steps && shrunk.size != Size::CutShort, "{shrunk:?}");
    let finding = saved(&slow, &settings, &found);
    assert_eq!(replay(&slow, &finding).expect("replays").outcome, Outcome::Same);
}

#[test]
fn a_message_that_is_left_out_need_not_exist() {
    let found = explore(&triangle(), &Settings::default(), Budget::default()).expect("found");
    let finding = saved(&triangle(), &Settings::default(), &found);
    let one = triangle().without_messages().messages("s", [("A", told("go", [("C", told("m1", []))]))]);
    let replayed = replay(&one, &finding).expect("replays");
    assert_eq!(replayed.outcome, Outcome::Clean);
    let gone: Vec<MessageId> = finding.left_out(one.plan().expect("a good system").names()).expect("ids");
    assert_eq!(gone.len(), 5);
    let stop = Arc::new(AtomicBool::new(false));
    let error = shrink_finding(&one, &finding, &Budget::default(), &stop).expect_err("clean");
    assert!(error.to_string().contains("breaks nothing now"), "{error}");
    assert!(found.schedule.iter().all(|decision| matches!(decision, Decision::Deliver(_))));
}
