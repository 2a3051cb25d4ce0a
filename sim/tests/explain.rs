//! Explanations against brute force: the odds are those of a random walk, and the critical pair is one.

mod common;

use std::cell::Cell;
use std::time::Duration;

use common::programs::{pairs, picks, shapes, system};
use common::{DepthFirst, Obedient};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use raddle_core::{Outbox, StateMachine, System, Trace};
use raddle_sim::strategy::Replay;
use raddle_sim::{
    Actions, Budget, Contrast, Decided, Decision, Deed, Explanation, Explore, Finding, Runner, Settings, Strategy,
    StrategyKind, TooLong, explain,
};

fn explained<M: StateMachine>(system: &System<M>) -> Option<(Finding, Explanation)> {
    let explore = Explore::new(system.clone()).strategy(StrategyKind::Random).seeds(200).jobs(1);
    explained_as_found(system, explore.shrink(Budget::default()))
}

const fn budget(explain: u64) -> Budget {
    Budget { steps: 0, proof: 0, explain, time: None }
}

/// What is told of a failure along with it is what explaining it says.
#[track_caller]
fn check_decided(decided: &Decided, Explanation { odds, jump, deeds, .. }: &Explanation) {
    let same = match jump {
        None => Decided::Before(odds[0]),
        Some(jump) => {
            let at = *jump as usize;
            Decided::At { step: *jump, by: deeds[at - 1].clone(), from: odds[at - 1], to: odds[at] }
        }
    };
    assert_eq!(*decided, same);
}

fn explained_as_found<M: StateMachine>(system: &System<M>, explore: Explore<M>) -> Option<(Finding, Explanation)> {
    let report = explore.run().expect("runs");
    let found = report.found.as_ref()?;
    let names = system.plan().expect("a good system");
    let finding = Finding::new(found, system, &report.settings, "random", &report.laws, names.names());
    let explanation = explain(system, &finding, &budget(200_000_000)).expect("it fails");
    assert_eq!(found.decided.is_some(), found.shrunk.is_some());
    if let Some(decided) = &found.decided {
        check_decided(decided, &explanation);
        assert_eq!(found.pair, explanation.pair);
    }
    Some((finding, explanation))
}

/// How likely a random walk fails that begins with none, one, and so on, of these steps.
fn chances(system: &System<Obedient>, left_out: &[bool], schedule: &[Decision]) -> Vec<f64> {
    let plan = system.plan().expect("a good system");
    let mut runner = Runner::new(plan, Settings::default(), None).expect("good settings");
    runner.leave_out(left_out);
    let mut begin = Vec::new();
    let mut replay = Replay::new(schedule.to_vec());
    runner.run(0, &mut Watched(&mut replay, &mut begin));
    let mut chances = vec![0.0; schedule.len() + 1];
    let mut all = DepthFirst::default();
    loop {
        let failed = runner.run(0, &mut all).violation.is_some();
        let same = all.prefix.iter().zip(&begin).take_while(|((choice, _), wanted)| choice == *wanted).count();
        for (steps, chance) in chances.iter_mut().enumerate().take(same + 1).filter(|_| failed) {
            *chance += all.prefix[steps..].iter().map(|(_, options)| 1.0 / f64::from(*options)).product::<f64>();
        }
        if !all.advance() {
            return chances;
        }
    }
}

/// A strategy whose choices are written down.
struct Watched<'a>(&'a mut Replay, &'a mut Vec<u32>);

impl Strategy for Watched<'_> {
    fn begin(&mut self, seed: u64) {
        self.0.begin(seed);
    }

    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        let at = self.0.choose(actions);
        self.1.push(at as u32);
        at
    }
}

/// What a message is called in the program.
fn name(trace: &Trace, deed: &Deed) -> String {
    let Decision::Deliver(id) = &deed.decision else { panic!("everything is a delivery") };
    let said = trace.events.iter().find(|event| event.header.id == *id && !event.payload.is_empty());
    let payload = &said.expect("it comes into being").payload;
    payload.split('"').nth(1).expect("it begins with its name").to_owned()
}

#[test]
fn odds_are_those_of_a_random_walk_and_the_pair_is_one_that_was_planted() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let explanations = Cell::new(0);
    let done = runner.run(&(shapes(), picks()), |(shape, picks)| {
        let system = system(&shape, &picks);
        let Some((finding, explanation)) = explained(&system) else { return Ok(()) };
        explanations.set(explanations.get() + 1);
        let trace = &explanation.replayed.recording.trace;
        let pair = explanation.pair.as_ref().expect("the default order passes");
        let Contrast::Order { first, then } = &pair.contrast else { panic!("nothing is chosen") };
        prop_assert!(pair.alone && first.deed.at == then.deed.at);
        for part in [first, then] {
            let handles = part.handling.as_ref().map(|h| (Some(h.at), Decision::Deliver(h.input.clone())));
            prop_assert_eq!(handles, Some((part.deed.at, part.deed.decision.clone())));
        }
        let names = (name(trace, &then.deed), name(trace, &first.deed));
        let planted = pairs(&shape, &picks);
        prop_assert!(planted.iter().any(|(a, b)| (*a, *b) == (&names.0, &names.1)), "{:?} of {:?}", names, planted);

        let plan = system.plan().expect("a good system");
        let without = finding.left_out(plan.names()).expect("ids");
        let ids = Runner::new(plan, Settings::default(), None).expect("good settings").externals();
        let left_out: Vec<bool> = ids.iter().map(|id| without.contains(id)).collect();
        let schedule = finding.decisions(&trace.conditions.names).expect("its own");
        let chances = chances(&system, &left_out, &schedule);
        prop_assert_eq!(explanation.odds.len(), chances.len());
        for (odds, chance) in explanation.odds.iter().zip(chances) {
            let share = f64::from(odds.failed) / f64::from(odds.of);
            prop_assert!((share - chance).abs() < 0.07, "after {}: {share} and {chance}", odds.after);
        }
        Ok(())
    });
    done.expect("as it should be");
    assert!(explanations.get() > 20, "too few of them show anything: {}", explanations.get());
}

/// Chooses three times, and is ill of the second.
#[derive(Clone, Default)]
struct Picky {
    is_ill: bool,
}

impl StateMachine for Picky {
    type Message = ();
    type Update = ();

    fn on_message(&mut self, (): (), out: &mut Outbox<()>) {
        let values = [out.choose(5), out.choose(3), out.choose(5)];
        self.is_ill |= values[1] == 2;
    }

    fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
}

#[test]
fn of_several_values_the_one_is_told_that_decides() {
    let system = System::new("picky")
        .workers(["a", "b"], |_| Picky::default())
        .messages("s", [("a", ()), ("b", ())])
        .never("ill", |run| run.machine("b").is_some_and(|b| b.is_ill));
    let explore = Explore::new(system.clone()).strategy(StrategyKind::Random).seeds(200).jobs(1);
    let (_, explanation) = explained_as_found(&system, explore).expect("found");
    let names = &explanation.replayed.recording.trace.conditions.names;
    let pair = explanation.pair.expect("the default order passes");
    let Contrast::Value { by, nth, value, not } = &pair.contrast else { panic!("no order decides: {pair:?}") };
    let by = (names.worker(by.at), by.input.display(names).to_string());
    assert_eq!((by, *nth, *value, *not, pair.alone), (("b", "s#1".to_owned()), 2, 2, 0, true));
}

#[test]
fn where_it_is_decided_is_told_if_it_is_cheap() {
    let system = || {
        System::new("picky")
            .workers(["a", "b"], |_| Picky::default())
            .messages("s", [("a", ()), ("b", ())])
            .never("ill", |run| run.machine("b").is_some_and(|b| b.is_ill))
    };
    let found = |explain: u64| {
        let explore = Explore::new(system()).strategy(StrategyKind::Random).seeds(200).jobs(1);
        let budget = Budget { explain, ..Budget::default() };
        explore.shrink(budget).run().expect("runs").found.expect("found")
    };
    // One step: two places, a thousand runs from each, of one step and an end.
    let (cheap, dear) = (found(4_000), found(3_999));
    assert!(matches!(cheap.decided, Some(Decided::At { .. })) && cheap.pair.is_some(), "{:?}", cheap.decided);
    assert_eq!((dear.decided, dear.pair), (None, None));
    assert_eq!((cheap.digest, cheap.shrunk), (dear.digest, dear.shrunk));
}

/// Hears many messages, and is ill of two that come in the wrong order.
#[derive(Clone, Default)]
struct Long {
    last: u32,
    is_ill: bool,
}

impl StateMachine for Long {
    type Message = u32;
    type Update = ();

    fn on_message(&mut self, n: u32, _: &mut Outbox<()>) {
        self.is_ill |= self.last == 301 && n == 300;
        self.last = n;
    }

    fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
}

/// A failing run of 600 steps, not shrunk, and what a budget is enough for.
fn explained_within(budget: &Budget) -> (Finding, Explanation) {
    let sent = |parity: u32| (0..600).filter(move |n| n % 2 == parity).map(|n| ("worker", n));
    let system = System::new("long").workers(["worker"], |_| Long::default());
    let system = system.messages("even", sent(0)).messages("odd", sent(1));
    let system = system.at_end("well", |run| run.machines().all(|machine| !machine.is_ill));
    let explore = Explore::new(system.clone()).strategy(StrategyKind::Random).shrink(None).jobs(1);
    let report = explore.run().expect("runs");
    let plan = system.plan().expect("a good system");
    let found = report.found.as_ref().expect("it fails sooner or later");
    let finding = Finding::new(found, &system, &report.settings, "random", &report.laws, plan.names());
    let explanation = explain(&system, &finding, budget).expect("it fails");
    (finding, explanation)
}

#[test]
fn the_smaller_the_budget_the_less_is_said() {
    let odds = |steps| explained_within(&budget(steps)).1;
    let (whole, some) = (odds(200_000_000), odds(1_000_000));
    assert!(whole.undecided.is_none() && whole.pair.is_some() && whole.odds.len() > 200, "{}", whole.odds.len());
    assert!(some.undecided.is_none() && some.pair == whole.pair, "{:?}", some.undecided);
    assert!((10..60).contains(&some.odds.len()), "{}", some.odds.len());
    let again = odds(1_000_000);
    assert_eq!((&some.odds, some.jump), (&again.odds, again.jump), "the same every time");
    let jump = some.jump.expect("it is decided somewhere");
    assert!([jump - 1, jump].iter().all(|step| some.odds.iter().any(|odds| odds.after == *step)));

    let pair_only = odds(100_000);
    assert_eq!((pair_only.undecided, pair_only.unpaired), (Some(TooLong::Steps(100_000)), None));
    assert!(pair_only.odds.is_empty() && pair_only.jump.is_none() && pair_only.pair == whole.pair);
    let nothing = odds(1_000);
    assert_eq!((nothing.undecided, nothing.unpaired), (Some(TooLong::Steps(1_000)), Some(TooLong::Steps(1_000))));
    assert!(nothing.pair.is_none() && nothing.deeds == whole.deeds);
}

#[test]
fn where_time_is_over_nothing_is_guessed() {
    let budget = Budget { time: Some(Duration::ZERO), ..budget(200_000_000) };
    let (_, explanation) = explained_within(&budget);
    assert_eq!((explanation.undecided, explanation.unpaired), (Some(TooLong::Time), Some(TooLong::Time)));
    assert!(explanation.odds.is_empty() && explanation.pair.is_none() && explanation.deeds.len() == 600);
}
