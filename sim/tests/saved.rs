//! A search that goes on from copies of a run comes to the same as one that does every beginning again: the same runs in the
//! same order, judged in the same way.

mod model;

use std::ops::ControlFlow;

use model::{Log, Program};
use raddle_core::{FaultKind, Order, Outbox, StateMachine, System};
use raddle_sim::exhaustive::{Exhaustive, visit};
use raddle_sim::{Explore, FaultPlan, Network, Report, Settings, StrategyKind};

const NETWORKS: [Network; 4] = [Network::Bag, Network::Fifo, Network::Causal, Network::Mailbox];

/// Of each run: fingerprint, deliveries, and what each worker handled.
fn runs(program: &Program, network: Network, order: Order) -> Vec<(u64, u64, Vec<Log>)> {
    let mut runs = Vec::new();
    let settings = Settings { network, ..Settings::default() };
    let exhausted = visit(&program.system(order), settings, Exhaustive::Dpor, |runner| {
        let world = runner.world();
        let logs = world.snapshot().machines().map(|player| player.log.clone()).collect();
        runs.push((world.fingerprint(), world.deliveries(), logs));
        if runs.len() < 300 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert_eq!(exhausted.expect("it can be searched").executions, runs.len() as u64);
    runs
}

/// The whole report of a search with laws and properties, most of which are broken in some runs.
fn report(program: &Program, network: Network, order: Order) -> String {
    let system = program
        .system(order)
        .never("odd", |run| run.machines().any(|player| player.log.len() > 2 && player.log[0].0 % 2 == 1))
        .sometimes("long", |run| run.machines().any(|player| player.log.len() > 3));
    let explore = Explore::new(system).strategy(StrategyKind::Exhaustive(Exhaustive::Dpor)).network(network).jobs(1);
    let report = explore.run().expect("it can be searched");
    let found = report.found.as_ref().map(|found| found.signature.clone());
    format!("{:?} {found:?} {:?} {} {}", report.exhausted, report.reached, report.steps, report.deliveries)
}

fn check(seeds: std::ops::Range<u64>, change: impl Fn(&mut Program)) {
    for seed in seeds {
        let mut program = Program::random(seed);
        change(&mut program);
        for network in NETWORKS {
            if program.reads && !matches!(network, Network::Bag | Network::Fifo) {
                continue;
            }
            for order in [Order::Arrival, Order::Fifo, Order::Causal] {
                if program.reads && order != Order::Arrival {
                    continue;
                }
                let [with, without] = [true, false].map(|forks| Program { forks, ..program.clone() });
                let what = format!("seed {seed}, {network}, {order}");
                assert!(runs(&with, network, order) == runs(&without, network, order), "{what}");
                if seed.is_multiple_of(8) && with.externals.len() < 4 {
                    assert_eq!(report(&with, network, order), report(&without, network, order), "{what}");
                }
            }
        }
    }
}

#[test]
fn runs_are_the_same() {
    check(0..80, |_| {});
}

#[test]
fn runs_are_the_same_where_handlers_choose() {
    check(0..40, |program| program.chooses = true);
}

#[test]
fn runs_are_the_same_where_workers_speak_when_they_start() {
    check(0..40, |program| program.starts = true);
}

#[test]
fn runs_are_the_same_where_reads_commute() {
    check(0..40, |program| (program.reads, program.chooses) = (true, true));
}

/// One who writes, one who says nothing of worth, and one who reads what is written as it comes, and says so.
#[derive(Clone, Default)]
struct Register {
    written: u32,
}

impl StateMachine for Register {
    type Message = bool;
    type Update = u32;

    fn on_message(&mut self, writes: bool, out: &mut Outbox<u32>) {
        if writes {
            self.written += 1;
            out.wrote("x", self.written);
        }
        out.notify("reader", self.written);
    }

    fn on_update(&mut self, value: u32, out: &mut Outbox<u32>) {
        if value > 0 {
            out.read("x", Some(value));
            out.notify("idler", 0);
        }
    }
}

/// The laws keep a history, which over a bag is broken in some runs, and see workers die.
#[test]
fn histories_are_judged_the_same_though_workers_crash() {
    let report = |forks: bool, crashes: u32| {
        let system = System::new("register")
            .workers(["writer", "idler", "reader"], |_| Register::default())
            .messages("client", [("writer", true), ("idler", false), ("writer", true), ("idler", false)])
            .with(|policies| policies.order = Order::Arrival);
        let system = if forks { system.forkable() } else { system };
        let faults = FaultPlan::default().with(FaultKind::Crash, crashes);
        let settings = Settings { network: Network::Bag, faults, ..Settings::default() };
        let explore = Explore::new(system).settings(settings).strategy(StrategyKind::Exhaustive(Exhaustive::Dpor));
        explore.laws(["causal-consistency", "no-duplicates", "incarnation"]).jobs(1).run().expect("it can be searched")
    };
    for crashes in [0, 1] {
        let [with, without] = [true, false].map(|forks| report(forks, crashes));
        let counts = |report: &Report| format!("{:?} {} {}", report.exhausted, report.steps, report.deliveries);
        assert_eq!(counts(&with), counts(&without), "{crashes} crashes");
        let exhausted = with.exhausted.expect("the strategy is exhaustive");
        assert!((1..exhausted.executions).contains(&exhausted.violating), "{crashes} crashes: {exhausted:?}");
    }
}
