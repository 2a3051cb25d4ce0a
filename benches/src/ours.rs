//! The workload under raddle: at `delivery`, `network = fifo`, `order = arrival`, capacity 1,024, judged online by
//! the laws of causal order, bounded depth and no silent loss.
//!
//! Causal order does not hold in this workload over a fifo network. Runs are judged all the same and go on to their end,
//! so that every contender handles the same messages.

use std::sync::Arc;
use std::time::Duration;

use raddle_core::{Order, Outbox, StateMachine, System};
use raddle_sim::{Network, Runner, Settings, StrategyKind};

use crate::measure::{Rate, measure};
use crate::workload::{DELIVERIES, Message, Tally, WORKERS, WorkerId, expected, externals_among, react};

/// One worker of the workload.
#[derive(Clone, Debug, Default)]
pub struct Worker {
    me: u16,
    workers: u16,
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

/// The workload on so many workers as a system.
pub fn system(workers: u16) -> System<Worker> {
    let names = (0..workers).map(|i| format!("w{i}"));
    let make =
        move |seat: raddle_core::Seat<'_>| Worker { me: seat.id().index() as u16, workers, handled: Tally::default() };
    System::new("workload")
        .workers(names, make)
        .messages("client", externals_among(workers).map(|(to, message)| (format!("w{}", to.0), message)))
        .with(|policies| policies.order = Order::Arrival)
}

/// Searching by random walk, recording off.
pub fn random(budget: Duration) -> Rate {
    sample(WORKERS as u16, budget, false, "random")
}

/// The same, judged by nobody, as peers do it: what the laws cost is the difference.
pub fn random_unjudged(budget: Duration) -> Rate {
    sample_under(&[], WORKERS as u16, budget, false, "random")
}

/// Searching by PCT for bugs of depth 2.
pub fn pct2(budget: Duration) -> Rate {
    sample(WORKERS as u16, budget, false, "pct(2)")
}

/// Searching by PCTCP for bugs of depth 2.
pub fn pctcp2(budget: Duration) -> Rate {
    sample(WORKERS as u16, budget, false, "pctcp(2)")
}

/// Searching by partial-order sampling.
pub fn pos(budget: Duration) -> Rate {
    sample(WORKERS as u16, budget, false, "pos")
}

/// Searching by partial-order sampling without redrawing.
pub fn basic_pos(budget: Duration) -> Rate {
    sample(WORKERS as u16, budget, false, "basic-pos")
}

/// Searching by uniform sampling.
pub fn uniform(budget: Duration) -> Rate {
    sample(WORKERS as u16, budget, false, "uniform")
}

/// Searching as a default search does.
pub fn portfolio(budget: Duration) -> Rate {
    sample(WORKERS as u16, budget, false, "portfolio")
}

/// Searching the same workload spread over 1,024 workers.
pub fn random_wide(budget: Duration) -> Rate {
    sample(1_024, budget, false, "random")
}

/// Recording every run: each event is kept with its time, its place, its header and the typed message, and each choice
/// with its stable name, in memory that the next run uses again. Making a text of them is another matter, and is not in
/// here: it is done when a run is shown or saved.
pub fn random_recorded(budget: Duration) -> Rate {
    sample(WORKERS as u16, budget, true, "random")
}

fn sample(workers: u16, budget: Duration, record: bool, strategy: &str) -> Rate {
    sample_under(&["causal-order", "bounded-depth", "no-silent-loss"], workers, budget, record, strategy)
}

fn sample_under(laws: &[&str], workers: u16, budget: Duration, record: bool, strategy: &str) -> Rate {
    let plan = system(workers).plan().expect("a good system");
    let laws: Vec<_> = laws.iter().map(|law| (*law).to_owned()).collect();
    let settings = Settings { network: Network::Fifo, ..Settings::default() };
    let pilot = raddle_sim::pilot(StrategyKind::Portfolio, &plan, &settings);
    let mut runner = Runner::new(Arc::clone(&plan), settings, Some(&laws)).expect("good settings").to_the_end();
    let kind: StrategyKind = strategy.parse().expect("a strategy");
    let mut strategy = kind.make(&pilot);
    let expected: Tally = expected().into_iter().sum();
    measure(budget, 500, |seeds| {
        for seed in seeds.clone() {
            let run =
                if record { runner.run_recorded(seed, strategy.as_mut()) } else { runner.run(seed, strategy.as_mut()) };
            assert_eq!(run.deliveries, DELIVERIES);
            let handled: Tally = runner.world().snapshot().machines().map(|worker| worker.handled).sum();
            assert_eq!(handled, expected, "every schedule handles the same messages");
        }
        (seeds.end - seeds.start) * DELIVERIES
    })
}
