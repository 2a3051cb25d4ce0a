//! Samplers against closed forms: how often each schedule comes out, and what PCT and PCTCP promise.
//!
//! All seeds are fixed, so a test that passes once always does. The stated bounds are those within which a sampler that
//! is right stays with all but the stated probability, had the seeds been drawn.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use common::{Obedient, Told, all_schedules, told};
use raddle_core::{Order, Outbox, Plan, StateMachine, System, TimerTag};
use raddle_sim::{Explore, Granularity, Network, Runner, Settings, StrategyKind};

/// A chain of so many messages at `z`, in the order of one source, and one message `m` from another source.
fn chain_and_one(k: usize) -> System<Obedient> {
    arrival("chain")
        .workers(["z"], |_| Obedient::default())
        .messages("s", std::iter::repeat_n(("z", told("c", [])), k))
        .messages("t", [("z", told("m", []))])
}

/// The same, but each message of the chain is sent by the handler of the one before.
fn causal_chain_and_one(k: usize) -> System<Obedient> {
    let chain = (1..k).fold(told("c", []), |rest, _| told("c", [("z", rest)]));
    arrival("causal-chain")
        .workers(["z"], |_| Obedient::default())
        .messages("s", [("z", chain)])
        .messages("t", [("z", told("m", []))])
}

fn arrival(name: &str) -> System<Obedient> {
    System::new(name).with(|policies| policies.order = Order::Arrival)
}

/// A tree of messages, each to a worker of its own name.
fn tree(name: &'static str, workers: &[&'static str], root: (&'static str, Told)) -> System<Obedient> {
    arrival(name).workers(workers.iter().copied(), |_| Obedient::default()).messages("s", [root])
}

fn leaf(name: &'static str) -> Told {
    told(name, [])
}

fn scatter_gather() -> System<Obedient> {
    let ask = |name| (name, told("ask", [("hub", leaf(name))]));
    tree("scatter-gather", &["hub", "a", "b", "c"], ("hub", told("go", ["a", "b", "c"].map(ask))))
}

fn binary_tree() -> System<Obedient> {
    let (left, right) = (
        ("l", told("l", [("ll", leaf("ll")), ("lr", leaf("lr"))])),
        ("r", told("r", [("rl", leaf("rl")), ("rr", leaf("rr"))])),
    );
    tree("tree", &["t", "l", "r", "ll", "lr", "rl", "rr"], ("t", told("t", [left, right])))
}

fn bag() -> Settings {
    Settings { network: Network::Bag, ..Settings::default() }
}

/// How often each schedule comes out.
fn schedules(system: &System<Obedient>, settings: &Settings, strategy: &str, seeds: u64) -> BTreeMap<Vec<String>, u64> {
    let plan = system.plan().expect("a good system");
    let (mut runner, mut strategy) = prepared(&plan, settings, strategy);
    let mut counts = BTreeMap::new();
    for seed in 0..seeds {
        let schedule = runner.record(seed, strategy.as_mut()).schedule;
        let text = schedule.iter().map(|decision| decision.display(plan.names()).to_string()).collect();
        *counts.entry(text).or_insert(0) += 1;
    }
    counts
}

fn prepared(
    plan: &Arc<Plan<Obedient>>,
    settings: &Settings,
    strategy: &str,
) -> (Runner<Obedient>, Box<dyn raddle_sim::Strategy>) {
    let kind: StrategyKind = strategy.parse().expect("a strategy");
    let pilot = raddle_sim::pilot(kind, plan, settings);
    (Runner::new(Arc::clone(plan), settings.clone(), Some(&[])).expect("good settings"), kind.make(&pilot))
}

/// The shares of runs in which `m` is handled at each place of those at `z`.
fn shares(system: &System<Obedient>, strategy: &str) -> Vec<f64> {
    let plan = system.plan().expect("a good system");
    let (mut runner, mut strategy) = prepared(&plan, &Settings::default(), strategy);
    let mut counts = Vec::new();
    for seed in 0..SEEDS {
        runner.run(seed, strategy.as_mut());
        let log = &runner.world().snapshot().machine("z").expect("there is z").log;
        counts.resize(log.len(), 0_u64);
        counts[log.iter().position(|name| *name == "m").expect("it is handled")] += 1;
    }
    counts.iter().map(|count| *count as f64 / SEEDS as f64).collect()
}

const SEEDS: u64 = 20_000;

/// A share of [`SEEDS`] runs lies within four standard deviations of its probability but for one in 15,000.
#[track_caller]
fn check_share(found: f64, probability: f64, what: &str) {
    let deviation = (probability * (1.0 - probability) / SEEDS as f64).sqrt();
    assert!((found - probability).abs() < 4.0 * deviation, "{what}: {found} instead of {probability} +- {deviation}");
}

#[test]
fn a_message_beside_a_chain_comes_last_as_often_as_the_closed_forms_say() {
    for k in [1, 3, 6] {
        let halves = 0.5_f64.powi(k);
        let even = 1.0 / f64::from(k + 1);
        let expected = [
            ("random", [halves, halves]),
            ("pos", [halves, halves]),
            ("uniform", [even, even]),
            ("basic-pos", [even, even]),
            ("pctcp(1)", [0.5, 0.5]),
            ("pctcp(2)", [even, even]),
            // Of messages that one source sends, each is a lineage of its own.
            ("pct(1)", [even, 0.5]),
        ];
        for (strategy, of) in expected {
            let k = k as usize;
            for (system, probability) in [chain_and_one(k), causal_chain_and_one(k)].into_iter().zip(of) {
                let what = format!("{strategy}, {} of {k}", system.name());
                check_share(shares(&system, strategy)[k], probability, &what);
            }
        }
        let k = k as usize;
        check_share(shares(&causal_chain_and_one(k), "pct(2)")[k], even, "pct(2), causal chain");
    }
}

/// Chi-squared over the degrees of freedom, against all `of` schedules being equally likely.
fn unevenness(counts: &BTreeMap<Vec<String>, u64>, of: usize) -> f64 {
    assert!(counts.len() <= of, "{} schedules of {of}", counts.len());
    let total: u64 = counts.values().sum();
    let expected = total as f64 / of as f64;
    let unseen = (of - counts.len()) as f64 * expected;
    let seen: f64 = counts.values().map(|count| (*count as f64 - expected).powi(2) / expected).sum();
    (seen + unseen) / (of - 1) as f64
}

/// Chi-squared over its degrees of freedom is greater in one of 30,000 cases (Wilson and Hilferty, 1931).
fn bound(of: usize) -> f64 {
    let ninth = 2.0 / (9.0 * (of - 1) as f64);
    (1.0 - ninth + 4.0 * ninth.sqrt()).powi(3)
}

#[test]
fn uniform_sampling_is_uniform_over_forests_and_random_walk_is_not() {
    for (system, of) in
        [(scatter_gather(), 90), (binary_tree(), 80), (chain_and_one(6), 7), (causal_chain_and_one(6), 7)]
    {
        assert_eq!(all_schedules(&system, bag(), |_| ()).schedules, of, "{}", system.name());
        let check = |strategy| unevenness(&schedules(&system, &bag(), strategy, SEEDS), of);
        let (uniform, random) = (check("uniform"), check("random"));
        assert!(uniform < bound(of), "{}: {uniform}, not below {}", system.name(), bound(of));
        assert!(random > 10.0 * bound(of), "{}: {random} shows nothing", system.name());
    }
}

/// Over `fifo` the links are chains too: two senders whose k updates to `z` keep their order.
#[test]
fn uniform_sampling_counts_what_waits_on_a_link() {
    let send = |name| told("go", [("z", leaf(name)), ("z", leaf(name)), ("z", leaf(name))]);
    let system = arrival("senders")
        .workers(["a", "b", "z"], |_| Obedient::default())
        .messages("s", [("a", send("a"))])
        .messages("t", [("b", send("b"))]);
    let settings = Settings::default();
    // Each chain is go and three updates: 8 over 4 schedules.
    let of = all_schedules(&system, settings.clone(), |_| ()).schedules;
    assert_eq!(of, 70);
    let uniform = unevenness(&schedules(&system, &settings, "uniform", SEEDS), of);
    assert!(uniform < bound(of), "{uniform}, not below {}", bound(of));
}

/// Two chains of so many messages each, one of each at a time on its way; for a bag, as they share a link.
fn two_chains(k: usize) -> System<Obedient> {
    let chain = |name| (1..k).fold(told(name, []), |rest, _| told(name, [("z", rest)]));
    arrival("two-chains")
        .workers(["z"], |_| Obedient::default())
        .messages("s", [("z", chain("a"))])
        .messages("t", [("z", chain("b"))])
}

/// A bug of depth d planted at each place where it can be, and the promise held at each.
#[test]
fn pct_and_pctcp_keep_their_promises() {
    for system in [chain_and_one(7), causal_chain_and_one(7)] {
        let n = 8.0_f64;
        // The lineages of messages that one source sends are as many as the messages.
        let lineages = if system.name() == "chain" { n } else { 2.0 };
        for d in 1..=3 {
            // One ordering makes it the first or the last; to be between two it takes two.
            let places = if d == 1 { vec![0, 7] } else { (0..8).collect() };
            for (strategy, chains) in [("pct", lineages), ("pctcp", 4.0)] {
                let shares = shares(&system, &format!("{strategy}({d})"));
                for place in &places {
                    check_promise(shares[*place], 1.0 / (chains * n.powi(d - 1)), &system, d);
                }
            }
        }
    }
    // Depth 3: a up to i, then b up to j, then a again, and b's next not before that.
    let (system, k) = (two_chains(4), 4_usize);
    let plan = system.plan().expect("a good system");
    let n = 2.0 * k as f64;
    for strategy in ["pct(3)", "pctcp(3)"] {
        let (mut runner, mut strategy) = prepared(&plan, &bag(), strategy);
        let mut counts: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        for seed in 0..SEEDS {
            runner.run(seed, strategy.as_mut());
            let log = runner.world().snapshot().machine("z").map(|z| z.log.clone()).expect("there is z");
            let i = log.iter().take_while(|name| **name == "a").count();
            let j = log[i..].iter().take_while(|name| **name == "b").count();
            *counts.entry((i, j)).or_default() += 1;
        }
        for i in 1..k {
            for j in 1..k {
                let found = counts.get(&(i, j)).copied().unwrap_or(0) as f64 / SEEDS as f64;
                check_promise(found, 1.0 / (4.0 * n * n), &system, 3);
            }
        }
    }
}

/// At least what is promised, less four standard deviations.
#[track_caller]
fn check_promise(found: f64, promised: f64, system: &System<Obedient>, d: i32) {
    let deviation = (promised * (1.0 - promised) / SEEDS as f64).sqrt();
    assert!(found > promised - 4.0 * deviation, "{}, d = {d}: {found} instead of {promised}", system.name());
}

/// Sends hither and thither: enough for any two seeds to differ.
fn busy() -> System<Obedient> {
    let deep = |name, to| told(name, [(to, told(name, [("z", leaf(name)), ("a", leaf(name))])), ("z", leaf(name))]);
    arrival("busy")
        .workers(["a", "b", "c", "z"], |_| Obedient::default())
        .messages("s", [("a", deep("1", "b")), ("b", deep("2", "c")), ("c", deep("3", "a"))])
        .messages("t", [("b", deep("4", "a")), ("z", deep("5", "c"))])
}

#[test]
fn the_same_seed_is_the_same_schedule_whatever_ran_before() {
    let queues = Settings { granularity: Granularity::Queues, ..Settings::default() };
    let plan = busy().plan().expect("a good system");
    for settings in [Settings::default(), bag(), queues] {
        for kind in StrategyKind::ALL {
            let (mut runner, mut strategy) = prepared(&plan, &settings, &kind.to_string());
            let all: Vec<_> = (0..32).map(|seed| runner.record(seed, strategy.as_mut()).schedule).collect();
            let (mut runner, mut strategy) = prepared(&plan, &settings, &kind.to_string());
            for seed in (0..32).rev() {
                let again = runner.record(seed, strategy.as_mut()).schedule;
                assert_eq!(again, all[seed as usize], "{kind}, seed {seed}, {settings:?}");
            }
            let differ = all.iter().any(|schedule| *schedule != all[0]);
            assert_eq!(differ, !kind.ignores_seed(), "{kind}, {settings:?}");
        }
    }
}

/// Sets two timers that are due at once, and tells another.
#[derive(Clone, Debug, Default)]
struct Alarm {
    log: Vec<u64>,
}

impl StateMachine for Alarm {
    type Message = ();
    type Update = u64;

    fn on_message(&mut self, (): (), out: &mut Outbox<u64>) {
        self.log.push(0);
        out.set_timer(TimerTag(1), Duration::from_secs(1));
        out.set_timer(TimerTag(2), Duration::from_secs(1));
        out.notify("b", 3);
    }

    fn on_update(&mut self, n: u64, out: &mut Outbox<u64>) {
        self.log.push(n);
        if n < 5 {
            out.notify("a", n + 2);
        }
    }

    fn on_timer(&mut self, tag: TimerTag, out: &mut Outbox<u64>) {
        self.log.push(tag.0);
        out.notify("b", 10 + tag.0);
    }
}

/// Nothing is out of reach, timers of one worker included, at either granularity.
#[test]
fn every_outcome_is_reached_by_every_strategy() {
    let system = System::new("alarms")
        .workers(["a", "b"], |_| Alarm::default())
        .messages("s", [("a", ())])
        .with(|policies| policies.order = Order::Arrival);
    let plan = system.plan().expect("a good system");
    let queues = Settings { granularity: Granularity::Queues, ..Settings::default() };
    for settings in [Settings::default(), bag(), queues] {
        let logs = |runner: &Runner<Alarm>| -> Vec<Vec<u64>> {
            runner.world().snapshot().machines().map(|machine| machine.log.clone()).collect()
        };
        let all = all_schedules(&system, settings.clone(), logs).outcomes;
        assert!(all.len() > 5, "{} outcomes under {settings:?}", all.len());
        for strategy in ["random", "uniform", "pos", "basic-pos", "pct(4)", "pctcp(4)", "portfolio"] {
            let kind: StrategyKind = strategy.parse().expect("a strategy");
            let pilot = raddle_sim::pilot(kind, &plan, &settings);
            let mut strategy = kind.make(&pilot);
            let mut runner = Runner::new(Arc::clone(&plan), settings.clone(), Some(&[])).expect("good settings");
            let seen: BTreeSet<_> = (0..5_000)
                .map(|seed| {
                    runner.run(seed, strategy.as_mut());
                    logs(&runner)
                })
                .collect();

            assert!(seen.is_subset(&all), "{kind} under {settings:?}");
            assert_eq!(seen.len(), all.len(), "{kind} under {settings:?}");
        }
    }
}

#[test]
fn a_member_of_the_portfolio_runs_its_seeds_as_it_does_alone() {
    let plan = busy().plan().expect("a good system");
    let (mut runner, mut portfolio) = prepared(&plan, &Settings::default(), "portfolio");
    for seed in 0..64 {
        let told = StrategyKind::Portfolio.of_seed(seed);
        let member = told.strip_prefix("portfolio/").expect("a member");
        let (_, mut alone) = prepared(&plan, &Settings::default(), member);
        let one = runner.record(seed, portfolio.as_mut()).schedule;
        assert_eq!(one, runner.record(seed, alone.as_mut()).schedule, "seed {seed}, {member}");
    }
}

#[test]
fn a_seed_is_the_same_run_alone_and_in_a_search_with_any_number_of_jobs() {
    let system = || busy().never("late", |run| run.machine("z").is_some_and(|z| z.log.starts_with(&["3", "2", "4"])));
    for kind in StrategyKind::ALL.into_iter().filter(|kind| !kind.ignores_seed()) {
        let search = |jobs, seeds: std::ops::Range<u64>| {
            let report = Explore::new(system()).strategy(kind).jobs(jobs).seeds(seeds).run().expect("runs");
            report.found.expect("one of many starts so")
        };
        let one = search(1, 0..20_000);
        for found in [search(3, 0..20_000), search(1, one.seed..one.seed + 1)] {
            assert_eq!((found.seed, found.digest, &found.schedule), (one.seed, one.digest, &one.schedule), "{kind}");
            assert_eq!(found.pilot, one.pilot);
        }
        assert_eq!(one.pilot.is_some(), kind.needs_pilot());
    }
}
