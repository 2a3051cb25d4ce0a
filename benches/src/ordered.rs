//! What causal order costs over a network that keeps none: the same traffic with `order = arrival` and with
//! `order = causal`.
//!
//! Each message from outside makes its worker send one update to one of four others. There are 256 sources, so that about
//! 256 updates are in flight most of the time; the next to arrive is drawn among all that can, and the watermark is
//! published every 200 deliveries. Nothing is judged but depth and loss, which hold in either order.

use std::sync::Arc;
use std::time::Duration;

use raddle_core::{Order, Outbox, Seat, StateMachine, System, WorkerId};
use raddle_sim::strategy::Random;
use raddle_sim::{Network, Runner, Settings};

use crate::measure::{Rate, measure};

/// Sources, each of which has its next message on the way.
const SOURCES: u32 = 256;
/// How many messages each sends.
const MESSAGES: u32 = 20;
/// Deliveries of a run: each message from outside, and the update that it leads to.
const DELIVERIES: u64 = (2 * SOURCES * MESSAGES) as u64;
/// To how many others each worker sends.
const DEGREE: u32 = 4;

/// Sends one update for each message from outside.
#[derive(Clone, Debug)]
struct Node {
    me: u32,
    workers: u32,
    heard: u64,
}

impl StateMachine for Node {
    type Message = u32;
    type Update = u32;

    fn on_message(&mut self, word: u32, out: &mut Outbox<u32>) {
        let step = 1 + word % DEGREE.min(self.workers - 1);
        out.notify(WorkerId::new((self.me + step) % self.workers), word);
    }

    fn on_update(&mut self, word: u32, _: &mut Outbox<u32>) {
        self.heard += u64::from(word);
    }
}

/// Nothing is promised: the cost of a delivery without.
pub fn arrival<const WORKERS: u32>(budget: Duration) -> Rate {
    sample(WORKERS, Order::Arrival, budget)
}

/// Causal order, by barriers.
pub fn causal<const WORKERS: u32>(budget: Duration) -> Rate {
    sample(WORKERS, Order::Causal, budget)
}

fn sample(workers: u32, order: Order, budget: Duration) -> Rate {
    let make = move |seat: Seat<'_>| Node { me: seat.id().index() as u32, workers, heard: 0 };
    let system = System::new("ordered").workers((0..workers).map(|i| format!("w{i}")), make);
    let word = |source: u32, n: u32| (source * MESSAGES + n).wrapping_mul(0x9e37_79b1) >> 7;
    let messages = |source| (0..MESSAGES).map(move |n| (format!("w{}", word(n, source) % workers), word(source, n)));
    let system = (0..SOURCES)
        .fold(system, |system, source| system.messages(format!("s{source}"), messages(source)))
        .with(|policies| (policies.order, policies.watermark, policies.parking) = (order, 200, 1 << 14));
    let laws = ["bounded-depth", "no-silent-loss"].map(str::to_owned);
    let settings = Settings { network: Network::Bag, steps_max: 2 * DELIVERIES, ..Settings::default() };
    let plan = system.plan().expect("a good system");
    let mut runner = Runner::new(Arc::clone(&plan), settings, Some(&laws)).expect("good settings");
    let mut strategy = Random::default();
    measure(budget, 1, |seeds| {
        let mut deliveries = 0;
        for seed in seeds {
            let run = runner.run(seed, &mut strategy);
            assert_eq!((run.deliveries, &run.violation), (DELIVERIES, &None), "everything is handled in either order");
            deliveries += run.deliveries;
        }
        deliveries
    })
}
