//! The hidden triangle: a bug of depth 1 behind relays, fillers and background traffic, and how many runs it takes.
//!
//! Runs are counted, not timed, and the seeds are fixed.

mod common;

use std::ops::RangeInclusive;

use common::{Obedient, Told, told};
use raddle_core::{Order, System};
use raddle_sim::{Network, Runner, Settings, StrategyKind};

/// A sends m1 to C by way of R1; then four fillers to R2, and by way of R2 m2 to B, which sends m3 to C. R2 passes the
/// fillers on to four background workers, which exchange 16 more messages.
fn hidden_triangle() -> System<Obedient> {
    const BACKGROUND: [&str; 4] = ["g0", "g1", "g2", "g3"];
    // Each filler sets off a chain of five among them.
    let chain = |first: usize| {
        (1..=4).rev().fold(None, |rest: Option<(&'static str, Told)>, hop| {
            Some((BACKGROUND[(first + hop) % 4], told("chatter", rest)))
        })
    };
    let filler = |first: usize| ("R2", told("filler", [(BACKGROUND[first], told("filler", chain(first)))]));
    let m1 = ("R1", told("m1", [("C", told("m1", []))]));
    let m2 = ("R2", told("m2", [("B", told("m2", [("C", told("m3", []))]))]));
    let go = told("go", [m1].into_iter().chain((0..4).map(filler)).chain([m2]));
    System::new("hidden-triangle")
        .workers(["A", "R1", "R2", "B", "C"].into_iter().chain(BACKGROUND), |_| Obedient::default())
        .with(|policies| policies.order = Order::Arrival)
        .messages("s", [("A", go)])
        .never("m3-before-m1", |run| run.machine("C").is_some_and(|c| c.log.first() == Some(&"m3")))
}

/// The median, over 100 blocks of seeds, of the runs up to the first that shows the bug.
fn median(network: Network, strategy: &str) -> u64 {
    let plan = hidden_triangle().plan().expect("a good system");
    let settings = Settings { network, ..Settings::default() };
    let kind: StrategyKind = strategy.parse().expect("a strategy");
    let pilot = raddle_sim::pilot(kind, &plan, &settings);
    let mut strategy = kind.make(&pilot);
    let mut runner = Runner::new(plan, settings, Some(&[])).expect("good settings");
    let mut runs: Vec<u64> = (0..100)
        .map(|block| {
            // Blocks begin at every member of the portfolio.
            let first = block * 10_001;
            let shows = |seed: &u64| runner.run(*seed, strategy.as_mut()).violation.is_some();
            (first..first + 10_000).find(shows).map_or(10_000, |seed| seed - first + 1)
        })
        .collect();
    runs.sort_unstable();
    runs[50]
}

#[test]
fn the_portfolio_finds_the_hidden_triangle_soon() {
    let check = |network, strategy, expected: RangeInclusive<u64>| {
        let median = median(network, strategy);
        assert!(expected.contains(&median), "{strategy}: {median} runs over {network}, not {expected:?}");
    };
    check(Network::Fifo, "portfolio", 1..=5);
    check(Network::Bag, "portfolio", 1..=5);
    // The fillers on the link to R2 go before m2, which a random walk seldom hurries by; without that it is easy.
    check(Network::Fifo, "random", 8..=100);
    check(Network::Bag, "random", 2..=8);
    // A chain of PCTCP is a link with its fillers, a lineage of PCT is one of them.
    check(Network::Fifo, "pctcp(2)", 1..=2);
    check(Network::Fifo, "pct(2)", 1..=5);
    check(Network::Bag, "pct(2)", 1..=2);
    check(Network::Bag, "pctcp(2)", 1..=2);
    check(Network::Bag, "uniform", 1..=4);
    for other in ["uniform", "pos", "basic-pos", "pct(3)", "pctcp(3)"] {
        check(Network::Fifo, other, 1..=8);
    }
}
