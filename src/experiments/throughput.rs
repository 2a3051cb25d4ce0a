//! What updates cost those who send messages: a front that makes none, one of every second message, one, or five of each.
//!
//! Whoever finds a queue full waits (`on_full = stall`), so that nothing is lost and each case does all of its work.

use raddle_core::{OnFull, Outbox, StateMachine, System, What, WorkerId};
use serde::{Deserialize, Serialize};

use super::table::{Cell, rate};
use super::{Case, Driver, Experiment, Seen, Table};

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "throughput",
    question: "How do updates affect the throughput of messages from outside?",
    cases,
    table,
};

const BACKS: [&str; 2] = ["left", "right"];
/// How many updates a front makes of two messages, and what that is called.
const LOADS: [(u32, &str); 4] = [(0, "none"), (1, "of 50 %"), (2, "one of each"), (10, "five of each")];

/// A front, or one of those that it tells.
#[derive(Clone, Serialize, Deserialize)]
struct Desk {
    /// Updates of two messages.
    of_two: u32,
    heard: u32,
}

impl StateMachine for Desk {
    type Message = ();
    type Update = u32;

    fn on_message(&mut self, (): (), out: &mut Outbox<u32>) {
        let before = self.heard * self.of_two / 2;
        self.heard += 1;
        for number in before..self.heard * self.of_two / 2 {
            out.notify(WorkerId::at(1 + number as usize % BACKS.len()), number);
        }
    }

    fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {
        self.heard += 1;
    }
}

fn cases(driver: Driver) -> Vec<Case> {
    let (messages, runs) = match driver {
        Driver::Sim => (100, 20),
        // A debug build is ten times as slow, and need not take longer.
        Driver::Threads => (if cfg!(debug_assertions) { 20_000 } else { 200_000 }, 5),
        Driver::Processes => (20_000, 3),
    };
    let case = |(at, (of_two, label)): (usize, &(u32, &'static str))| {
        let of_two = *of_two;
        // A system of its own each: a process must know which it belongs to.
        let name = ["load-none", "load-half", "load-one", "load-five"][at];
        let system = System::new(name)
            .workers(["front"].into_iter().chain(BACKS), move |_| Desk { of_two, heard: 0 })
            .messages("client", (0..messages).map(|_| ("front", ())))
            .with(|policies| policies.on_full = OnFull::Stall)
            .on_processes();
        Case::new(*label, Box::new(system), runs).untraced()
    };
    LOADS.iter().enumerate().map(case).collect()
}

/// Messages and updates that were handled, and how long that took.
fn handled(seen: &Seen) -> (u64, u64, u64) {
    let of =
        |is_update: bool| seen.count(|event| event.what == What::Handle && event.header.link().is_some() == is_update);
    let mut all = (of(false), of(true), seen.elapsed());
    for metrics in &seen.metrics {
        let messages = metrics.fed.min(metrics.handled);
        all.0 += messages;
        all.1 += metrics.handled - messages;
        all.2 += metrics.elapsed.as_nanos() as u64;
    }
    all
}

fn table(driver: Driver, seen: &[Seen]) -> Table {
    let per = if driver == Driver::Sim { "1,000 steps" } else { "s" };
    let (messages, updates, inputs) = (format!("messages/{per}"), format!("updates/{per}"), format!("inputs/{per}"));
    let columns =
        ["updates", &messages, &updates, &inputs, "updates a message", "of the throughput without", "extra work"];
    let mut table = Table::new(&columns);
    let mut parts = Vec::new();
    for seen in seen {
        let (messages, updates, elapsed) = handled(seen);
        let (message_rate, update_rate) = (rate(driver, messages, elapsed), rate(driver, updates, elapsed));
        let without: f64 = parts.first().map_or(message_rate, |first: &(f64, f64)| first.0);
        let extra = 1.0 + updates as f64 / messages.max(1) as f64;
        parts.push((message_rate, extra));
        table.rows.push(vec![
            Cell::word(&seen.label),
            Cell::Count(message_rate as u64),
            Cell::Count(update_rate as u64),
            Cell::Count((message_rate + update_rate) as u64),
            Cell::Number(updates as f64 / messages.max(1) as f64),
            Cell::Number(message_rate / without.max(f64::MIN_POSITIVE)),
            Cell::Number(extra),
        ]);
    }
    let (slower, (_, extra)) = (parts[0].0 / parts[LOADS.len() - 1].0.max(f64::MIN_POSITIVE), parts[LOADS.len() - 1]);
    let explains = match slower / extra {
        ..0.9 => "less than",
        0.9..=1.1 => "about what",
        _ => "more than",
    };
    table.answer = format!(
        "With five updates of each message the throughput of messages falls to 1/{slower:.1}, where the work has grown {extra:.1} \
         times: {explains} the extra work explains.",
    );
    table
}
