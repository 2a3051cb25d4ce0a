//! The pilot: the same whenever it is made, small where there is little to see, and broken by nothing.

#![allow(clippy::disallowed_methods, reason = "a handler that misbehaves is what is tested")]

use std::time::Duration;

use raddle_core::{Outbox, StateMachine, System};
use raddle_sim::{Explore, Figures, Settings, StrategyKind, pilot};

/// Does what `handle` says with the number it is told.
struct Odd(fn(u64, &mut Outbox<u64>));

impl StateMachine for Odd {
    type Message = u64;
    type Update = u64;

    fn on_message(&mut self, n: u64, out: &mut Outbox<u64>) {
        (self.0)(n, out);
    }

    fn on_update(&mut self, n: u64, out: &mut Outbox<u64>) {
        (self.0)(n, out);
    }
}

fn odd(messages: u64, handle: fn(u64, &mut Outbox<u64>)) -> System<Odd> {
    let sources = (0..messages).map(|n| (format!("s{n}"), n));
    let system = System::new("odd").workers(["w", "x"], move |_| Odd(handle));
    let system = system.with(|policies| policies.max_depth = u32::MAX);
    sources.fold(system, |system, (name, n)| system.messages(&name, [("w", n)]))
}

fn figures(system: &System<Odd>) -> Figures {
    let plan = system.plan().expect("a good system");
    let of = || *pilot(StrategyKind::Portfolio, &plan, &Settings::default()).figures();
    let figures = of();
    assert_eq!(figures, of(), "the same again");
    figures
}

#[test]
fn one_schedule_takes_one_run() {
    let chain = |n, out: &mut Outbox<u64>| {
        if n < 4 {
            out.notify("x", n + 1);
        }
    };
    let expected = Figures { runs: 1, events: 5, choices: 1, messages: 5, lineages: 1, chains: 1 };
    assert_eq!(figures(&odd(1, chain)), expected);
}

#[test]
fn several_schedules_take_sixteen() {
    let figures = figures(&odd(4, |_, _| {}));
    assert_eq!(figures, Figures { runs: 16, events: 4, choices: 4, messages: 4, lineages: 4, chains: 4 });
}

#[test]
fn runs_without_end_are_cut() {
    let system = odd(2, |n, out| out.notify("w", n));
    let figures = figures(&system);
    assert_eq!((figures.runs, figures.events), (2, 10_000), "20,000 steps are enough");
    let report = Explore::new(system).seeds(16).steps_max(200).run().expect("runs");
    assert_eq!((report.unfinished, report.found.is_none()), (16, true));
}

#[test]
fn crashes_are_found_by_seeds_and_not_by_the_pilot() {
    let system = odd(3, |n, _| assert!(n != 1, "one too many"));
    assert_eq!(figures(&system).runs, 16);
    let found = Explore::new(system).run().expect("runs").found.expect("found");
    assert_eq!((found.violation.law.as_str(), found.seed), ("no-panic", 0));
    assert!(found.pilot.is_some());
}

#[test]
fn a_pilot_that_gets_stuck_is_empty() {
    let system = odd(2, |n, _| {
        if n == 1 {
            std::thread::sleep(Duration::from_secs(3600));
        }
    });
    let system = system.step_limit(Duration::from_millis(200));
    assert_eq!(figures(&system), Figures::default());
    let found = Explore::new(system).run().expect("runs").found;
    assert_eq!(found.expect("stuck").violation.law, "watchdog");
}

#[test]
fn strategies_without_estimates_have_none() {
    let plan = odd(2, |_, _| {}).plan().expect("a good system");
    for kind in StrategyKind::ALL.into_iter().filter(|kind| !kind.needs_pilot()) {
        assert_eq!(*pilot(kind, &plan, &Settings::default()).figures(), Figures::default(), "{kind}");
    }
}
