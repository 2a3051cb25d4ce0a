//! Optimal DPOR where messages may be lost, against a search of all schedules: on hundreds of random programs in every
//! network, the sets of what comes of them are equal, and no run is blocked.

mod model;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use model::{Log, Player, Program};
use raddle_core::{FaultKind, Order, System};
use raddle_sim::exhaustive::{Exhausted, Exhaustive, visit};
use raddle_sim::{FaultPlan, Network, Settings};

const NETWORKS: [Network; 4] = [Network::Bag, Network::Fifo, Network::Causal, Network::Mailbox];
const ORDERS: [Order; 3] = [Order::Arrival, Order::Fifo, Order::Causal];
/// Programs with more schedules than this are left out.
const SCHEDULES_MAX: u64 = 400;

/// What can come of a run: its fingerprint, which tells what was lost, and what each worker handled.
type Outcomes = BTreeSet<(u64, Vec<Log>)>;

/// None if there are too many runs.
fn search(system: &System<Player>, settings: Settings, kind: Exhaustive) -> Option<(Exhausted, Outcomes)> {
    let (mut runs, mut outcomes) = (0, Outcomes::new());
    let exhausted = visit(system, settings, kind, |runner| {
        runs += 1;
        let logs = runner.world().snapshot().machines().map(|player| player.log.clone()).collect();
        outcomes.insert((runner.world().fingerprint(), logs));
        if runs > SCHEDULES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    (runs <= SCHEDULES_MAX).then(|| (exhausted.expect("it can be searched"), outcomes))
}

/// Both searches agree on programs of these seeds; gives how many executions and traces there were.
#[track_caller]
fn check(
    seeds: std::ops::Range<u64>,
    losses: u32,
    change: impl Fn(&mut Program),
    limit: impl Fn(System<Player>) -> System<Player>,
) -> (u64, u64) {
    let faults = FaultPlan::default().with(FaultKind::Loss, losses);
    let (mut programs, mut executions, mut traces) = (0, 0, 0);
    for seed in seeds {
        let mut program = Program::random(seed);
        change(&mut program);
        for network in NETWORKS {
            for order in ORDERS {
                let settings = Settings { network, faults, ..Settings::default() };
                let system = limit(program.system(order));
                let Some((_, all)) = search(&system, settings.clone(), Exhaustive::Dfs) else { continue };
                let what = format!("seed {seed}, {network}, {order}, {losses} losses");
                let Some((exhausted, outcomes)) = search(&system, settings, Exhaustive::Dpor) else {
                    panic!("more runs than there are schedules: {what}");
                };
                assert_eq!(outcomes.difference(&all).next(), None, "impossible: {what}");
                assert_eq!(all.difference(&outcomes).next(), None, "missing: {what}");
                assert!(exhausted.complete && exhausted.blocked == 0, "{what}: {exhausted:?}");
                let fingerprints: BTreeSet<u64> = all.iter().map(|outcome| outcome.0).collect();
                assert_eq!(exhausted.traces, fingerprints.len() as u64, "{what}");
                programs += 1;
                executions += exhausted.executions;
                traces += exhausted.traces;
            }
        }
    }
    println!("{programs} searches, {executions} executions, {traces} traces");
    (executions, traces)
}

#[test]
fn agrees_where_one_message_is_lost() {
    check(0..250, 1, |_| {}, |system| system);
}

#[test]
fn agrees_where_two_messages_are_lost() {
    check(250..500, 2, |_| {}, |system| system);
}

#[test]
fn agrees_where_three_messages_are_lost() {
    check(500..600, 3, |_| {}, |system| system);
}

#[test]
fn agrees_where_handlers_choose() {
    check(0..80, 1, |program| program.chooses = true, |system| system);
    check(0..40, 2, |program| program.chooses = true, |system| system);
}

#[test]
fn agrees_where_workers_speak_when_they_start() {
    check(0..80, 1, |program| program.starts = true, |system| system);
}

/// What the system says of where faults may come is kept to.
#[test]
fn agrees_where_only_some_messages_may_be_lost() {
    let some = |system: System<Player>| {
        system.fault_when(FaultKind::Loss, |header, _| header.id.hash64().is_multiple_of(2) && header.number.0 < 2)
    };
    check(0..100, 2, |_| {}, some);
}
