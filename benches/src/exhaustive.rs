//! The fan-in under raddle: `dpor` at `delivery`, `network = bag`, `order = arrival`, one job.
//!
//! Each sender gets one message of a source of its own and then sends its update: an execution is 2n deliveries.

use std::time::Duration;

use raddle_core::{Order, Outbox, StateMachine, System};
use raddle_sim::{Explore, Network};

use crate::fanin::{Heard, exhaust};
use crate::measure::Rate;

/// All orders of `N` senders, judged as a search is by default.
pub fn orders<const N: u64>(budget: Duration) -> Rate {
    let explore = explore(N);
    exhaust(N, budget, || search(&explore))
}

/// All orders of `N` senders, judged by no law: only a handler that panics is noticed.
pub fn orders_unjudged<const N: u64>(budget: Duration) -> Rate {
    let explore = explore(N).laws(["no-panic"]);
    exhaust(N, budget, || search(&explore))
}

/// Searches all orders of `n` senders once, as [`orders`] does; gives the number of executions.
pub fn search_once(n: u64) -> u64 {
    search(&explore(n))
}

fn search(explore: &Explore<Worker>) -> u64 {
    let report = explore.run().expect("this can be searched");
    let exhausted = report.exhausted.expect("the strategy is exhaustive");
    assert!(exhausted.complete && exhausted.blocked == 0 && report.found.is_none(), "every execution is a good trace");
    exhausted.executions
}

fn explore(n: u64) -> Explore<Worker> {
    let dpor = "dpor".parse().expect("a strategy");
    Explore::new(system(n)).strategy(dpor).network(Network::Bag).jobs(1)
}

/// `n` senders and the receiver `z`.
fn system(n: u64) -> System<Worker> {
    let names = (0..n).map(|sender| format!("s{sender}")).chain(["z".to_owned()]);
    let make = move |seat: raddle_core::Seat<'_>| match seat.id().index() as u64 {
        sender if sender < n => Worker::Sender { sender, receiver: raddle_core::WorkerId::new(n as u32) },
        _ => Worker::Receiver(Heard::default()),
    };
    let system = System::new("fan-in").workers(names, make).with(|policies| policies.order = Order::Arrival).forkable();
    (0..n).fold(system, |system, sender| system.messages(format!("u{sender}"), [(format!("s{sender}"), ())]))
}

/// One of the `n` senders, or the receiver.
#[derive(Clone, Debug)]
enum Worker {
    Sender { sender: u64, receiver: raddle_core::WorkerId },
    Receiver(Heard),
}

impl StateMachine for Worker {
    type Message = ();
    type Update = u64;

    #[inline]
    fn on_message(&mut self, (): (), out: &mut Outbox<u64>) {
        if let Worker::Sender { sender, receiver } = *self {
            out.notify(receiver, sender);
        }
    }

    #[inline]
    fn on_update(&mut self, sender: u64, _: &mut Outbox<u64>) {
        if let Worker::Receiver(heard) = self {
            heard.hear(sender);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::ops::ControlFlow;

    use raddle_sim::Settings;
    use raddle_sim::exhaustive::{Exhaustive, visit};

    use super::*;
    use crate::fanin;

    #[test]
    fn each_order_is_run_once() {
        let mut seen = HashSet::new();
        let settings = Settings { network: Network::Bag, ..Settings::default() };
        let exhausted = visit(&system(5), settings, Exhaustive::Dpor, |runner| {
            let heard = runner.world().snapshot().machines().find_map(|worker| match worker {
                Worker::Receiver(heard) => Some(*heard),
                Worker::Sender { .. } => None,
            });
            assert!(seen.insert(heard.expect("there is a receiver")));
            ControlFlow::Continue(())
        });
        assert_eq!(exhausted.expect("this can be searched").executions, fanin::orders(5));
        assert_eq!(seen.len() as u64, fanin::orders(5));
    }

    #[test]
    fn a_search_is_whole_with_laws_and_without() {
        for run in [orders::<4>, orders_unjudged::<4>] {
            assert_eq!(run(Duration::ZERO).runs, fanin::orders(4));
        }
        assert_eq!(search_once(4), fanin::orders(4));
    }
}
