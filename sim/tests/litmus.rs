//! The litmus systems, by brute force: the number of distinct traces under each network must come out exactly.
//!
//! Figures and set-ups are those of the literature on delivery models; what is counted are the distinct tuples of
//! receive sequences, and the fingerprint must tell exactly these apart.

mod common;

use common::{Obedient, Told, all_schedules, logs, told};
use raddle_core::{OnFull, Order, System};
use raddle_sim::{Network, Settings};

/// `arrival` order, one source for each message unless they share one.
fn litmus(workers: &[&'static str], messages: Vec<(&'static str, &'static str, Told)>) -> System<Obedient> {
    let system = System::new("litmus").workers(workers.iter().copied(), |_| Obedient::default());
    let system = system.with(|policies| policies.order = Order::Arrival);
    messages.into_iter().fold(system, |system, (source, to, message)| system.messages(source, [(to, message)]))
}

fn leaf(name: &'static str) -> Told {
    told(name, [])
}

#[track_caller]
fn check(system: &System<Obedient>, expected: [(Network, usize); 4]) {
    for (network, count) in expected {
        let all = all_schedules(system, Settings { network, ..Settings::default() }, logs);
        assert_eq!(all.outcomes.len(), count, "receive sequences under {network}");
        assert_eq!(all.traces, count, "fingerprints under {network}");
    }
}

fn everywhere(count: usize) -> [(Network, usize); 4] {
    [Network::Bag, Network::Fifo, Network::Causal, Network::Mailbox].map(|network| (network, count))
}

fn figures(bag: usize, fifo: usize, causal: usize, mailbox: usize) -> [(Network, usize); 4] {
    [(Network::Bag, bag), (Network::Fifo, fifo), (Network::Causal, causal), (Network::Mailbox, mailbox)]
}

const SENDERS: [&str; 4] = ["s1", "s2", "s3", "s4"];
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn fanin(n: usize) -> System<Obedient> {
    let mut workers = SENDERS[..n].to_vec();
    workers.push("z");
    let send = |i: usize| (SENDERS[i], SENDERS[i], told("go", [("z", leaf(NAMES[i]))]));
    litmus(&workers, (0..n).map(send).collect())
}

#[test]
fn fanin_has_n_factorial() {
    check(&fanin(3), everywhere(6));
    check(&fanin(4), everywhere(24));
}

#[test]
fn pairs_have_one() {
    let system = litmus(
        &["a", "b", "y", "z"],
        vec![("s", "a", told("go", [("y", leaf("m"))])), ("t", "b", told("go", [("z", leaf("n"))]))],
    );
    check(&system, everywhere(1));
}

#[test]
fn senders_keep_their_own_order() {
    let twice = |a, b| told("go", [("z", leaf(a)), ("z", leaf(b))]);
    let system = litmus(&["a", "b", "z"], vec![("s", "a", twice("a1", "a2")), ("t", "b", twice("b1", "b2"))]);
    let all = all_schedules(&system, Settings { network: Network::Fifo, ..Settings::default() }, logs);
    assert_eq!(all.outcomes.len(), 6);
    let all = all_schedules(&system, Settings { network: Network::Bag, ..Settings::default() }, logs);
    assert_eq!(all.outcomes.len(), 24);
}

#[test]
fn onelink_has_one_order_but_in_a_bag() {
    let go = told("go", [("z", leaf("1")), ("z", leaf("2")), ("z", leaf("3"))]);
    check(&litmus(&["a", "z"], vec![("s", "a", go)]), figures(6, 1, 1, 1));
}

fn triangle() -> System<Obedient> {
    let m2 = told("m2", [("C", leaf("m3"))]);
    litmus(&["A", "B", "C"], vec![("s", "A", told("go", [("C", leaf("m1")), ("B", m2)]))])
}

#[test]
fn triangle_is_told_apart_by_causality() {
    check(&triangle(), figures(2, 2, 1, 1));
}

#[test]
fn semantics1_tells_all_but_causal_and_mailbox_apart() {
    let b = told("5", [("M", leaf("4"))]);
    let system = litmus(
        &["main", "A", "B", "M"],
        vec![
            ("user", "main", told("go1", [("M", leaf("1"))])),
            ("user", "main", told("go2", [("M", leaf("2"))])),
            ("other", "A", told("go3", [("M", leaf("3")), ("B", b)])),
        ],
    );
    check(&system, figures(24, 12, 6, 6));
}

#[test]
fn pubsub_two_by_two_has_four_outcomes_causally_and_two_by_mailbox() {
    let publish = |name| told(name, [("y", leaf(name)), ("z", leaf(name))]);
    let system = litmus(&["a", "b", "y", "z"], vec![("s", "a", publish("1")), ("t", "b", publish("2"))]);
    check(&system, figures(4, 4, 4, 2));
}

#[test]
fn a_bounded_queue_has_twelve_outcomes() {
    let system = fanin(3).with(|policies| {
        policies.capacity = 2;
        policies.on_full = OnFull::DropNewest;
    });
    let all = all_schedules(&system, Settings { network: Network::Mailbox, ..Settings::default() }, logs);
    assert_eq!(all.outcomes.len(), 12);
}

#[test]
fn order_fifo_over_a_bag_handles_what_a_fifo_network_delivers() {
    let go = told("go", [("z", leaf("1")), ("z", leaf("2")), ("z", leaf("3"))]);
    let system = litmus(&["a", "z"], vec![("s", "a", go)]).with(|policies| policies.order = Order::Fifo);
    let all = all_schedules(&system, Settings { network: Network::Bag, ..Settings::default() }, logs);
    assert_eq!((all.schedules, all.outcomes.len()), (6, 1));
}
