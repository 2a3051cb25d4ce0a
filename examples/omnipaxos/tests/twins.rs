//! Each twin is caught by the law that it breaks, within a bounded number of seeds, and not in the default order.

use raddle::sim::strategy::{DefaultOrder, Random};
use raddle::sim::{Runner, Settings};
use raddle_omnipaxos::{Bug, Params, system};

/// Looks for a run that breaks the law of the bug first. Other laws may be broken first in other runs: where the
/// crate is built with debug assertions, its own catch some of it as panics.
#[track_caller]
fn caught(bug: Bug, seeds: u64) {
    let plan = system(&Params { bug: Some(bug), ..Params::default() }).plan().expect("a good system");
    let mut runner = Runner::new(plan, Settings::default(), None).expect("good settings");
    let calm = runner.run(0, &mut DefaultOrder);
    assert_eq!(calm.violation, None, "{bug:?} shows in the default order");
    let mut random = Random::default();
    let mut breaks = |seed: &u64| runner.run(*seed, &mut random).violation.is_some_and(|it| it.law == bug.law());
    assert!((0..seeds).any(|seed| breaks(&seed)), "no seed below {seeds} shows that {bug:?} breaks {}", bug.law());
}

#[test]
fn hollow_promise() {
    caught(Bug::HollowPromise, 1_000);
}

#[test]
fn early_ack() {
    caught(Bug::EarlyAck, 1_000);
}

#[test]
fn fresh_start() {
    caught(Bug::FreshStart, 100);
}

#[test]
fn deaf_to_prepare() {
    caught(Bug::DeafToPrepare, 100);
}

#[test]
fn ask_once() {
    caught(Bug::AskOnce, 100);
}

#[test]
fn every_twin_has_a_name() {
    for bug in Bug::ALL {
        assert_eq!(Bug::from_name(bug.name()), Some(bug));
    }
    assert_eq!(Bug::from_name("none"), None);
}

#[test]
fn the_command_knows_every_twin_and_its_law() {
    let entry = raddle_omnipaxos::entry();
    let known: Vec<(&str, &str)> = entry.bugs().iter().map(|bug| (bug.name.as_str(), bug.law.as_str())).collect();
    assert_eq!(known, Bug::ALL.map(|bug| (bug.name(), bug.law())));
}
