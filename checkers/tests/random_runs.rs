//! Random runs of the correct core break no law, whatever the policies; random runs of a broken core are judged the
//! same while they go on and from their traces.

mod common;

use std::collections::BTreeMap;

use common::{Do, Outcome, Told, world};
use raddle_checkers::{Verdict, check, default_laws};
use raddle_core::random::{below, substream};
use raddle_core::{Counting, Cycles, EndReason, OnFull, Order, Pick, Policies, Sabotage};

const NAMES: [&str; 4] = ["A", "B", "C", "D"];
const ON_FULL: [OnFull; 5] = [OnFull::DropNewest, OnFull::DropOldest, OnFull::Hold, OnFull::Nack, OnFull::Stall];
const PICK: [Pick; 4] =
    [Pick::ExternalFirst, Pick::UpdatesFirst, Pick::Alternate, Pick::Weighted { external: 3, updates: 1 }];

/// A run of random messages in random order under random policies.
fn random_run(seed: u64, sabotage: Option<Sabotage>) -> Outcome {
    let mut rng = substream(seed, "runs", 0);
    let mut draw = move |bound: usize| below(&mut rng, bound as u32) as usize;
    let order = [Order::Arrival, Order::Fifo][draw(2)];
    let policies = Policies {
        order,
        sabotage,
        pick: PICK[draw(4)],
        on_full: ON_FULL[draw(5)],
        capacity: 1 + draw(3),
        external_capacity: 1 + draw(3),
        overflow: draw(3),
        parking: draw(4),
        starvation_bound: 1 + draw(3) as u32,
        max_depth: 1 + draw(4) as u32,
        cycles: [Cycles::Bound, Cycles::Break][draw(2)],
        ..Policies::default()
    };
    let counting = [Counting::InFlight, Counting::Queued][draw(2)];
    let messages: Vec<Told> = (0..1 + draw(8)).map(|_| (NAMES[draw(4)], random_acts(&mut draw, 3))).collect();
    let reorder = draw(3);
    let run = world(policies, counting, order, messages);
    let choose = |options: usize| if reorder > 0 { draw(options) } else { 0 };
    run.run_by(choose).rest()
}

fn random_acts(draw: &mut impl FnMut(usize) -> usize, depth: usize) -> Vec<Do> {
    let most = if depth == 0 { 1 } else { 4 };
    (0..draw(most)).map(|_| Do::Send(NAMES[draw(4)], random_acts(draw, depth - 1))).collect()
}

#[test]
fn a_correct_core_breaks_no_law() {
    let (mut events, mut deadlocks) = (0, 0);
    for seed in 0..4_000 {
        let outcome = random_run(seed, None);
        let policies = outcome.trace.conditions.policies.clone();
        events += outcome.trace.events.len();
        // To stall against full queues is to deadlock now and then; that law must then see nothing else.
        let stalled = !outcome.trace.end.stalled.is_empty();
        deadlocks += u64::from(stalled);
        let laws = default_laws(&outcome.trace.conditions);
        for (law, verdict) in check(&outcome.trace, &laws).expect("laws of our own") {
            match verdict {
                Verdict::Violation(violation) if law == "no-deadlock" && stalled => {
                    assert_eq!(violation.code, "full-queue-cycle", "seed {seed}: {}", violation.reason);
                }
                verdict => assert_eq!(verdict, Verdict::Ok, "seed {seed}, {law}, {policies:?}"),
            }
        }
        assert_eq!(outcome.online.len(), usize::from(stalled), "seed {seed}, while it goes on");
    }
    assert!(events > 100_000 && deadlocks > 50, "{events} events, {deadlocks} deadlocks");
}

#[test]
fn a_broken_core_is_judged_the_same_from_its_trace() {
    let mut found: BTreeMap<(&str, String), u32> = BTreeMap::new();
    for sabotage in Sabotage::ALL {
        for seed in 0..1_000 {
            let outcome = random_run(seed, Some(sabotage));
            let names = &outcome.trace.conditions.names;
            let laws = default_laws(&outcome.trace.conditions);
            let verdicts = check(&outcome.trace, &laws).expect("laws of our own");
            let offline = verdicts.iter().filter_map(|(_, verdict)| verdict.violation());
            let mut offline: Vec<String> = offline.map(|violation| violation.signature(names)).collect();
            let mut online: Vec<String> = outcome.online.iter().map(|violation| violation.signature(names)).collect();
            offline.sort_unstable();
            online.sort_unstable();
            assert_eq!(online, offline, "{sabotage:?}, seed {seed}");
            for violation in &outcome.online {
                *found.entry((sabotage.name(), violation.law.clone())).or_default() += 1;
            }
        }
    }
    let guards = [
        ("lose-silently", "no-silent-loss"),
        ("handle-twice", "no-duplicates"),
        ("freeze-depth", "bounded-depth"),
        ("ignore-capacity", "bounded-queues"),
        ("ignore-starvation", "fairness"),
        ("swap-pairs", "fifo"),
        ("forget-tombstones", "no-deadlock"),
    ];
    for (sabotage, law) in guards {
        assert!(found.contains_key(&(sabotage, law.to_owned())), "{sabotage}: {found:?}");
    }
}

#[test]
fn a_run_that_is_cut_short_breaks_no_law() {
    for seed in 0..2_000 {
        let mut rng = substream(seed, "cut", 0);
        let mut draw = move |bound: usize| below(&mut rng, bound as u32) as usize;
        let policies = Policies { capacity: 2, on_full: ON_FULL[draw(5)], overflow: 1, ..Policies::default() };
        let counting = [Counting::InFlight, Counting::Queued][draw(2)];
        let messages: Vec<Told> = (0..4).map(|_| (NAMES[draw(4)], random_acts(&mut draw, 3))).collect();
        let count = draw(12);
        world(policies, counting, Order::Fifo, messages).acts(count, draw).end(EndReason::Steps).breaks_none();
    }
}
