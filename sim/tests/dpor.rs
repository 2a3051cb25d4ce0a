//! Optimal DPOR against a model of its own: on thousands of random programs the sets of receive sequences are equal, one
//! execution each, none blocked.

mod model;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use model::{Log, Model, Player, Program};
use raddle_core::Order;
use raddle_sim::exhaustive::{Exhausted, Exhaustive, visit};
use raddle_sim::{Network, Runner, Settings};

const NETWORKS: [Network; 4] = [Network::Bag, Network::Fifo, Network::Causal, Network::Mailbox];

fn logs(runner: &Runner<Player>) -> Vec<Log> {
    runner.world().snapshot().machines().map(|player| player.log.clone()).collect()
}

/// What `dpor` comes to, with the set of receive sequences that it has seen.
fn dpor(program: &Program, network: Network, order: Order) -> (Exhausted, BTreeSet<Vec<Log>>) {
    let mut outcomes = BTreeSet::new();
    let settings = Settings { network, ..Settings::default() };
    let exhausted = visit(&program.system(order), settings, Exhaustive::Dpor, |runner| {
        outcomes.insert(program.canonical(logs(runner)));
        ControlFlow::Continue(())
    });
    (exhausted.expect("it can be searched"), outcomes)
}

/// Whether each trace has one execution.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Executions {
    OneEach,
    /// Some traces have several, as the network shows an order that receive sequences do not.
    Several,
}

/// Both agree on programs of these seeds.
#[track_caller]
fn check(seeds: std::ops::Range<u64>, networks: &[Network], executions: Executions, change: impl Fn(&mut Program)) {
    let (mut programs, mut traces) = (0, 0);
    for seed in seeds.clone() {
        let mut program = Program::random(seed);
        change(&mut program);
        for network in networks {
            let Some(model) = Model::run(&program, *network, SCHEDULES_MAX) else { continue };
            let (exhausted, outcomes) = dpor(&program, *network, Order::Arrival);
            let what = format!("seed {seed}, network {network}, {} of {}", outcomes.len(), model.outcomes.len());
            assert_eq!(outcomes.difference(&model.outcomes).next(), None, "impossible: {what}");
            assert_eq!(model.outcomes.difference(&outcomes).next(), None, "missing: {what}");
            assert!(exhausted.complete && exhausted.blocked == 0, "{what}: {exhausted:?}");
            let count = outcomes.len() as u64;
            assert_eq!(exhausted.traces, count, "{what}");
            match executions {
                Executions::OneEach => assert_eq!(exhausted.executions, count, "{what}"),
                Executions::Several => assert!(exhausted.executions >= count, "{what}"),
            }
            programs += 1;
            traces += outcomes.len();
        }
    }
    println!("{programs} programs, {traces} traces");
    assert!(programs * 2 > (seeds.end - seeds.start) as usize * networks.len(), "most are small enough");
}

/// Programs with more schedules than this are left out.
const SCHEDULES_MAX: usize = 2_000;

#[test]
fn agrees_with_the_model_in_every_network() {
    check(0..600, &NETWORKS, Executions::OneEach, |_| {});
}

#[test]
fn agrees_where_handlers_choose() {
    let networks = [Network::Bag, Network::Fifo, Network::Causal];
    check(0..250, &networks, Executions::OneEach, |program| program.chooses = true);
}

#[test]
fn agrees_where_handlers_choose_by_mailbox() {
    check(0..250, &[Network::Mailbox], Executions::OneEach, |program| program.chooses = true);
}

#[test]
fn agrees_where_workers_speak_when_they_start() {
    check(0..200, &NETWORKS, Executions::OneEach, |program| program.starts = true);
}

#[test]
fn agrees_where_reads_commute() {
    check(0..600, &[Network::Bag], Executions::OneEach, |program| program.reads = true);
}

#[test]
fn agrees_where_reads_commute_and_links_keep_their_order() {
    check(0..600, &[Network::Fifo], Executions::Several, |program| program.reads = true);
}

#[test]
fn agrees_where_reads_commute_and_choose() {
    check(0..250, &[Network::Bag], Executions::OneEach, |program| {
        (program.reads, program.chooses) = (true, true);
    });
}

#[test]
fn agrees_where_reads_commute_and_choose_and_links_keep_their_order() {
    check(0..400, &[Network::Fifo], Executions::Several, |program| {
        (program.reads, program.chooses) = (true, true);
    });
}

/// Arrivals are what is reordered; what is handled is what a network that keeps the order would have delivered.
#[test]
fn agrees_where_updates_wait_for_their_turn() {
    for seed in 0..300 {
        let program = Program::random(seed);
        let Some(model) = Model::run(&program, Network::Fifo, SCHEDULES_MAX) else { continue };
        let (exhausted, outcomes) = dpor(&program, Network::Bag, Order::Fifo);
        assert_eq!(outcomes, model.outcomes, "seed {seed}");
        assert_eq!((exhausted.blocked, exhausted.traces), (0, outcomes.len() as u64), "seed {seed}");
        assert!(exhausted.executions >= exhausted.traces);
    }
}
