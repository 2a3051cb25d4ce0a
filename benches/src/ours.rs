//! The workload under raddle: at `delivery`, `network = fifo`, `order = arrival`, capacity 1,024, judged online by
//! the laws of causal order, bounded depth and no silent loss.
//!
//! Causal order does not hold in this workload over a fifo network. Runs are judged all the same and go on to their end,
//! so that every contender handles the same messages.

use std::sync::Arc;
use std::time::Duration;

use raddle_core::{Order, Outbox, StateMachine, System};
use raddle_sim::strategy::Random;
use raddle_sim::{Network, Runner, Settings};

use crate::measure::{Rate, measure};
use crate::workload::{DELIVERIES, Message, Tally, WORKERS, WorkerId, expected, externals, react};

/// One worker of the workload.
#[derive(Clone, Debug, Default)]
pub struct Worker {
    me: u8,
    workers: u8,
    handled: Tally,
}

impl StateMachine for Worker {
    type Message = Message;
    type Update = Message;

    #[inline]
    fn on_message(&mut self, message: Message, out: &mut Outbox<Message>) {
        self.handled.count(message);
        for (target, message) in react(message, WorkerId(self.me), self.workers) {
            out.notify(raddle_core::WorkerId::new(u32::from(target.0)), message);
        }
    }

    #[inline]
    fn on_update(&mut self, message: Message, out: &mut Outbox<Message>) {
        self.on_message(message, out);
    }
}

/// The workload as a system.
pub fn system() -> System<Worker> {
    let names = (0..WORKERS).map(|i| format!("w{i}"));
    let make = |seat: raddle_core::Seat<'_>| Worker {
        me: seat.id().index() as u8,
        workers: WORKERS as u8,
        handled: Tally::default(),
    };
    System::new("workload")
        .workers(names, make)
        .messages("client", externals().map(|(to, message)| (format!("w{}", to.0), message)))
        .with(|policies| policies.order = Order::Arrival)
}

/// Searching: recording off.
pub fn random(budget: Duration) -> Rate {
    sample(budget, false)
}

/// Recording every run.
pub fn random_recorded(budget: Duration) -> Rate {
    sample(budget, true)
}

fn sample(budget: Duration, record: bool) -> Rate {
    let plan = system().plan().expect("a good system");
    let laws = ["causal-order", "bounded-depth", "no-silent-loss"].map(str::to_owned);
    let settings = Settings { network: Network::Fifo, ..Settings::default() };
    let mut runner = Runner::new(Arc::clone(&plan), settings, Some(&laws)).expect("good settings").to_the_end();
    let mut strategy = Random::default();
    let expected: Tally = expected().into_iter().sum();
    measure(budget, 500, |seeds| {
        for seed in seeds.clone() {
            let run = if record { runner.record(seed, &mut strategy).run } else { runner.run(seed, &mut strategy) };
            assert_eq!(run.deliveries, DELIVERIES);
            let handled: Tally = runner.world().snapshot().machines().map(|worker| worker.handled).sum();
            assert_eq!(handled, expected, "every schedule handles the same messages");
        }
        (seeds.end - seeds.start) * DELIVERIES
    })
}
