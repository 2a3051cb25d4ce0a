//! Bugs of depths 1 to 5, planted in three kinds of systems: none is hopeless for the portfolio, though each of its
//! members alone would never find some of them.
//!
//! Runs are counted, not timed, and the seeds are fixed.

mod common;

use common::{Obedient, Told, told};
use raddle_core::{Order, System};
use raddle_sim::{Explore, Network, StrategyKind};

const A: [&str; 8] = ["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"];
const B: [&str; 8] = ["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7"];

fn system(name: &str, workers: &[&'static str]) -> System<Obedient> {
    System::new(name).workers(workers.iter().copied(), |_| Obedient::default()).with(|policies| {
        policies.order = Order::Arrival;
        policies.max_depth = 20;
    })
}

/// Six chains of five messages among workers of their own.
fn noisy(system: System<Obedient>) -> System<Obedient> {
    const SOURCES: [&str; 6] = ["n0", "n1", "n2", "n3", "n4", "n5"];
    const WORKERS: [&str; 4] = ["w0", "w1", "w2", "w3"];
    let chain = |first: usize| {
        let rest = (1..5).rev().fold(None, |rest: Option<(&'static str, Told)>, hop| {
            Some((WORKERS[(first + hop) % 4], told("noise", rest)))
        });
        (WORKERS[first % 4], told("noise", rest))
    };
    let system = system.workers(WORKERS, |_| Obedient::default());
    SOURCES.into_iter().enumerate().fold(system, |system, (first, name)| system.messages(name, [chain(first)]))
}

/// Whether these are in the log in this order.
fn in_order(log: &[&str], wanted: &[&str]) -> bool {
    let mut places = wanted.iter().map(|wanted| log.iter().position(|name| name == wanted));
    places.try_fold(None, |last, place| place.filter(|place| last < Some(*place)).map(Some)).is_some()
}

/// Two chains go to and fro between a worker each and `z`; in their middle they must alternate d times.
fn alternating(depth: usize) -> System<Obedient> {
    let chain = |names: &[&'static str; 8], by: &'static str| {
        let hop = |rest: Option<Told>, name: &&'static str| {
            let at_z = told(name, rest.map(|rest| (by, rest)));
            Some(told("hop", [("z", at_z)]))
        };
        (by, names[..6].iter().rev().fold(None, hop).expect("six hops"))
    };
    let wanted: Vec<&str> = (0..=depth).map(|at| if at % 2 == 0 { A[3 + at / 2] } else { B[3 + at / 2] }).collect();
    let system =
        system("alternating", &["x", "y", "z"]).messages("s", [chain(&A, "x")]).messages("t", [chain(&B, "y")]);
    noisy(system).never("bug", move |run| run.machine("z").is_some_and(|z| in_order(&z.log, &wanted)))
}

/// At each of d workers, a message that has a long way comes before one that has none.
fn overtaken(depth: usize) -> System<Obedient> {
    const Z: [&str; 5] = ["z0", "z1", "z2", "z3", "z4"];
    let long = |to| ("p", told("1", [("q", told("2", [("r", told("3", [(to, told("long", []))]))]))]));
    let system = (0..depth)
        .fold(system("overtaken", &["p", "q", "r"]).workers(Z, |_| Obedient::default()), |system, at| {
            system.messages(A[at], [(Z[at], told("short", []))]).messages(B[at], [long(Z[at])])
        });
    noisy(system).never("bug", move |run| {
        Z[..depth].iter().all(|z| run.machine(z).is_some_and(|z| z.log.first() == Some(&"long")))
    })
}

/// Eight senders, one message each; d + 1 of them arrive in a certain order.
fn fan_in(depth: usize) -> System<Obedient> {
    let wanted: Vec<&str> = A.iter().rev().take(depth + 1).copied().collect();
    let system = system("fan-in", &["z"]).workers(A, |_| Obedient::default());
    A.into_iter()
        .fold(system, |system, name| system.messages(name, [(name, told("go", [("z", told(name, []))]))]))
        .never("bug", move |run| run.machine("z").is_some_and(|z| in_order(&z.log, &wanted)))
}

const RUNS: u64 = 2_000;

fn runs_to_bug(system: System<Obedient>, network: Network, strategy: &str) -> Option<u64> {
    let kind: StrategyKind = strategy.parse().expect("a strategy");
    let explore = Explore::new(system).network(network).strategy(kind).seeds(RUNS).laws(["bounded-depth"]);
    let report = explore.run().expect("runs");
    report.found.map(|found| {
        assert_eq!(found.violation.law, "bug");
        report.runs
    })
}

#[test]
fn no_depth_is_hopeless_for_the_portfolio() {
    for network in [Network::Fifo, Network::Bag] {
        for depth in 1..=5 {
            for system in [alternating(depth), overtaken(depth), fan_in(depth)] {
                let what = format!("{}, depth {depth}, {network}", system.name());
                let runs = runs_to_bug(system, network, "portfolio");
                assert!(runs.is_some(), "{what}: not in {RUNS} runs");
            }
        }
    }
}

#[test]
fn each_family_alone_misses_something() {
    let missed = |system: System<Obedient>, strategy| {
        let what = format!("{strategy} finds {}", system.name());
        assert_eq!(runs_to_bug(system, Network::Fifo, strategy), None, "{what}");
    };
    missed(overtaken(5), "random");
    missed(overtaken(5), "basic-pos");
    for strategy in ["pct(2)", "pct(5)", "pctcp(2)", "pctcp(5)"] {
        missed(alternating(5), strategy);
    }
}
