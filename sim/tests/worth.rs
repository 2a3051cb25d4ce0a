//! What clean searches are said to be worth, against how often searches find a planted bug.
//!
//! All seeds are fixed, so a test that passes once always does.

#![allow(clippy::single_range_in_vec_init, reason = "seeds are ranges, and often one")]

mod common;

use common::{Obedient, told};
use raddle_core::{Order, System};
use raddle_sim::{Depth, Excludes, Explore, Network, Runner, Settings, StrategyKind, Worth, pilot, worth};

/// Seven messages at `z`, each sent by the handler of the one before, and `m` from another source.
fn chain_and_one() -> System<Obedient> {
    let chain = (1..7).fold(told("c", []), |rest, _| told("c", [("z", rest)]));
    System::new("chain-and-one")
        .workers(["z"], |_| Obedient::default())
        .messages("s", [("z", chain)])
        .messages("t", [("z", told("m", []))])
        .with(|policies| policies.order = Order::Arrival)
}

/// The same, and wrong where `m` comes just before the last: after the sixth message and before the seventh, depth 2.
fn planted() -> System<Obedient> {
    chain_and_one().never("m-is-seventh", |run| run.machine("z").is_some_and(|z| z.log.get(6) == Some(&"m")))
}

fn of_depth(worth: &Worth, depth: u32) -> Depth {
    match &worth.excludes {
        Excludes::Depths(depths) => depths[depth as usize - 1],
        excludes => panic!("{excludes:?}"),
    }
}

/// How many searches are made.
const SEARCHES: u64 = 1_000;

/// Searches find the bug at least as often as is said, less four standard deviations: had the seeds been drawn, a search
/// that keeps its word would fail here in one of 30,000 cases.
#[test]
fn searches_find_a_planted_bug_at_least_as_often_as_they_say() {
    for network in [Network::Fifo, Network::Bag] {
        for (strategy, runs) in
            [("pct(2)", 8), ("pct(2)", 24), ("pctcp(2)", 8), ("pctcp(2)", 24), ("pct(3)", 60), ("portfolio", 32)]
        {
            let (plan, settings) = (planted().plan().expect("good"), Settings { network, ..Settings::default() });
            let kind: StrategyKind = strategy.parse().expect("a strategy");
            let pilot = pilot(kind, &plan, &settings);
            let says = of_depth(&worth(kind, &[0..runs], Some(pilot.figures())), 2).probability;
            assert!((0.1..0.95).contains(&says), "{strategy}, {runs} runs: {says} is no test");
            let mut strategy_of_all = kind.make(&pilot);
            let mut runner = Runner::new(plan, settings, Some(&[])).expect("good settings");
            let mut finds = |search: u64| {
                let mut seeds = search * runs..(search + 1) * runs;
                seeds.any(|seed| runner.run(seed, strategy_of_all.as_mut()).violation.is_some())
            };
            let found = (0..SEARCHES).filter(|search| finds(*search)).count() as f64 / SEARCHES as f64;
            let deviation = (says * (1.0 - says) / SEARCHES as f64).sqrt();
            assert!(found > says - 4.0 * deviation, "{strategy}, {runs} runs over {network}: {found}, not {says}");
        }
    }
}

#[test]
fn a_clean_report_says_what_its_seeds_are_worth_and_others_say_nothing() {
    let explore = |system, seeds: std::ops::Range<u64>| Explore::new(system).seeds(seeds).run().expect("runs");
    let report = explore(chain_and_one(), 5..100);
    assert_eq!((report.seeds.clone(), report.runs), (5..100, 95));
    let figures = report.pilot.expect("the portfolio takes one");
    assert_eq!((figures.events, figures.lineages, figures.chains), (8, 2, 2));
    assert_eq!(report.worth(), Some(worth(StrategyKind::Portfolio, &[5..100], Some(&figures))));
    let found = explore(planted(), 0..10_000);
    assert_eq!(found.seeds, 0..found.found.as_ref().expect("found").seed + 1);
    assert_eq!(found.worth(), None);
    assert_eq!(explore(chain_and_one(), 7..7).worth(), None);
    assert_eq!(Explore::new(chain_and_one()).steps_max(2).run().expect("runs").worth(), None, "cut runs");
}

/// The portfolio's runs for bugs of depth 2 are those of its members that aim at 2 or more, and none else.
#[test]
fn greater_depths_have_fewer_runs_and_lower_probabilities() {
    let report = Explore::new(chain_and_one()).seeds(160).run().expect("runs").worth().expect("clean");
    let Excludes::Depths(depths) = &report.excludes else { panic!("{report:?}") };
    assert_eq!(depths.len(), 5);
    for pair in depths.windows(2) {
        assert!(pair[0].runs > pair[1].runs && pair[0].probability >= pair[1].probability, "{pair:?}");
    }
    let of = |depth: u32| {
        let aims = |kind| match kind {
            StrategyKind::Pct(d) | StrategyKind::Pctcp(d) => u32::from(d.get()) >= depth,
            _ => false,
        };
        (0..160).filter(|seed| aims(raddle_sim::strategy::Portfolio::member(*seed))).count() as u64
    };
    depths.iter().for_each(|depth| assert_eq!(depth.runs, of(depth.depth)));
}
