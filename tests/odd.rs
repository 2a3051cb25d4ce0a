//! Systems that do what no system should: look at the clock, never return, panic. Each is told for what it is.
//!
//! This file is a command as users make them, and its own tests: asked to be the command, it is.

mod common;

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use common::Place;
use libtest_mimic::{Arguments, Failed, Trial};
use raddle::prelude::*;

const BE_THE_COMMAND: &str = "ODD_COMMAND";

fn main() -> ExitCode {
    if std::env::var_os(BE_THE_COMMAND).is_some() {
        return command::run();
    }
    let trial = |(name, test): (&str, fn())| {
        Trial::test(name, move || std::panic::catch_unwind(test).map_err(|_| Failed::without_message()))
    };
    let tests: [(&str, fn()); 6] = [
        ("a_clock_is_told_by_a_double_run", clock),
        ("a_random_order_is_told_by_a_double_run", order),
        ("a_handler_that_never_returns_is_told_with_its_input", hang),
        ("a_panic_of_a_handler_is_a_violation", panics),
        ("a_panic_of_a_property_is_nobodys_violation", property),
        ("a_plain_system_has_the_whole_command", plain),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests.into_iter().map(trial).collect()).exit_code()
}

mod command {
    use super::{ExitCode, Odd, odd};

    pub(super) fn run() -> ExitCode {
        main()
    }

    raddle::main!(odd(Odd::Clock), odd(Odd::Order), odd(Odd::Hang), odd(Odd::Panic), odd(Odd::Property));
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Odd {
    Clock,
    Order,
    Hang,
    Panic,
    Property,
}

struct Machine(Odd);

impl StateMachine for Machine {
    type Message = u32;
    type Update = u64;

    fn on_message(&mut self, n: u32, out: &mut Outbox<u64>) {
        match self.0 {
            Odd::Clock => {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
                out.notify("right", now.as_nanos() as u64);
            }
            Odd::Order => {
                let all: HashSet<u64> = (0..64).collect();
                all.into_iter().for_each(|n| out.notify("right", n));
            }
            Odd::Hang if n == 1 => loop {
                std::hint::spin_loop();
            },
            Odd::Panic if n == 1 => panic!("one is too many"),
            _ => out.notify("right", u64::from(n)),
        }
    }

    fn on_update(&mut self, _: u64, _: &mut Outbox<u64>) {}
}

fn odd(odd: Odd) -> System<Machine> {
    System::new(format!("{odd:?}").to_lowercase())
        .workers(["left", "right"], move |_| Machine(odd))
        .messages("client", [("left", 0), ("left", 1)])
        .step_limit(Duration::from_secs(2))
        .at_end("sane", move |_| {
            assert!(odd != Odd::Property, "properties should not panic");
            true
        })
}

fn here() -> Place {
    Place::new(std::env::current_exe().expect("this file"))
}

fn run(line: &str) -> common::Done {
    here().run_with(line, &[(BE_THE_COMMAND, "yes")])
}

fn clock() {
    let done = run("explore clock").ends(3).prints("not deterministic: determinism").prints("the runs differ in event");
    assert!(
        done.says("replay").ends_with("replay clock --seed 0 --strategy portfolio --steps-max 10000"),
        "{}",
        done.out
    );
    run("replay clock --seed 0").ends(3);
}

fn order() {
    run("explore order").ends(3).prints("not deterministic: determinism").prints("the runs differ in event");
}

fn hang() {
    let place = here();
    let done = place.run_with("explore hang", &[(BE_THE_COMMAND, "yes")]).ends(1).prints("violation: watchdog");
    assert!(done.out.contains("client#1") && done.out.contains("seed 0"), "{}", done.out);
    let path = done.says("saved").split_whitespace().next().expect("a path").to_owned();
    let again = place.run_with(&format!("replay {path}"), &[(BE_THE_COMMAND, "yes")]).ends(1);
    assert!(again.out.contains("client#1"), "{}", again.out);
}

fn panics() {
    run("explore panic").ends(1).prints("violation: no-panic").prints("one is too many").prints("odd.rs:");
}

fn property() {
    let done = run("explore property").ends(70);
    assert!(done.err.contains("properties should not panic") && done.err.contains("a property"), "{}", done.err);
}

fn plain() {
    run("list").ends(0).prints("clock\n").prints("panic\n");
    run("list panic").ends(0).prints("client (2 messages)").prints("sane");
    run("explore panics").ends(2).complains("did you mean `panic`?");
    run("run property --on threads").ends(70);
}
