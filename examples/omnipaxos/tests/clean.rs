//! The crate as it is keeps every law, as long as links keep their order; and what it asks of them.

use raddle::prelude::{Explore, Network, Order};
use raddle::sim::strategy::Random;
use raddle::sim::{Report, Runner, Settings};
use raddle_omnipaxos::{Params, system};

#[track_caller]
fn clean(params: &Params, network: Network, seeds: u64) -> Report {
    let report = Explore::new(system(params)).network(network).seeds(0..seeds).run().expect("runs");
    assert_eq!(report.found.as_ref().map(|found| (found.seed, &found.violation.reason)), None, "{params:?}");
    assert_eq!((report.runs, report.unfinished, report.at_horizon), (seeds, 0, 0), "{params:?}");
    for (name, runs) in &report.reached {
        assert!(*runs > 0, "no run reached `{name}`: the laws were kept for want of trouble");
    }
    report
}

#[test]
fn three_replicas_keep_their_promises() {
    let report = clean(&Params::default(), Network::Fifo, 2_000);
    assert_eq!(report.reached["something-was-decided"], 2_000);
    assert!(report.reached["the-leader-changed"] > 200, "leaders must change often, or nothing is tried");
}

#[test]
fn more_replicas_and_slower_elections_do_too() {
    clean(&Params { replicas: 5, proposals: 8, ..Params::default() }, Network::Fifo, 300);
    clean(&Params { replicas: 4, clients: 4, resend_ticks: 1, ..Params::default() }, Network::Fifo, 300);
    clean(&Params { ticks: 9, election_ticks: 3, ..Params::default() }, Network::Fifo, 300);
}

#[test]
fn any_network_will_do_where_the_core_keeps_links_in_order() {
    for network in [Network::Mailbox, Network::Causal, Network::Bag] {
        clean(&Params::default(), network, 300);
    }
}

/// The crate numbers its accepts by session, but does not tell an old session's synchronisation from a new one's.
#[test]
fn links_that_lose_their_order_break_the_log() {
    let unordered = system(&Params::default()).with(|policies| policies.order = Order::Arrival);
    let report = Explore::new(unordered).network(Network::Bag).seeds(0..200).run().expect("runs");
    assert!(report.found.is_some(), "the crate's need for ordered links did not show");
}

#[test]
fn a_seed_is_the_same_run_in_every_thread() {
    let digests = || {
        let plan = system(&Params::default()).plan().expect("a good system");
        let mut runner = Runner::new(plan, Settings::default(), None).expect("good settings");
        (0..20).map(|seed| runner.record(seed, &mut Random::default()).trace.digest()).collect::<Vec<_>>()
    };
    let here = digests();
    let there = std::thread::spawn(digests).join().expect("no panic");
    assert_eq!(here, there);
}
