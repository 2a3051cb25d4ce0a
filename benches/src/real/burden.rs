//! What updates cost those who send messages: a front that makes none, one or five of each message, for two others in turn,
//! on raddle's threads and over bare inboxes.
//!
//! Whoever finds a queue of raddle's full waits (`on_full = stall`), so that nothing is lost and each case does all of its
//! work. The work is what is handled: a message, and its updates. What each of them costs where there is nothing but a lock
//! and a queue, the bare inboxes say: there a message is one put and one take, as an update is.

use std::sync::Arc;

use anyhow::{Result, ensure};
use raddle_core::{EndReason, OnFull, Outbox, Plan, StateMachine, System, WorkerId};
use raddle_runtime::Threads;
use serde::Serialize;

use super::contest::{Contender, Measured, Question};
use super::load::Load;
use crate::form::Form;
use crate::report::Spread;

/// Those that the front tells.
const BACKS: [&str; 2] = ["left", "right"];
/// How many messages there are, which are sent round and round.
const WORKLOAD: u64 = 1_000;

/// Messages from outside a second, and all that is handled a second, where each message makes so many updates.
///
/// # Errors
/// When the run cannot be started, or does not come to its end.
pub fn of_each(messages: u64, updates: u64) -> Result<Vec<f64>> {
    let outcome = Threads::new().messages(Some(messages)).run(&plan(updates)?)?;
    let handled = outcome.metrics.handled;
    ensure!(outcome.end.reason == EndReason::Quiescent, "failed to come to the end of the messages");
    ensure!(handled == messages * (1 + updates), "failed to handle all: {handled} of {messages} with {updates} each");
    let seconds = outcome.elapsed.as_secs_f64();
    Ok(vec![messages as f64 / seconds, handled as f64 / seconds])
}

fn plan(updates: u64) -> Result<Arc<Plan<Desk>>> {
    let loads = (0..WORKLOAD).map(|number| ("front", Load::new(0, 0, number)));
    let system = System::new("burden")
        .workers(["front"].into_iter().chain(BACKS), move |_| Desk { updates, heard: 0 })
        .messages("client", loads)
        .with(|policies| policies.on_full = OnFull::Stall);
    Ok(system.plan()?)
}

/// The front, or one of those that it tells.
#[derive(Clone, Debug)]
struct Desk {
    updates: u64,
    heard: u64,
}

impl StateMachine for Desk {
    type Message = Load;
    type Update = Load;

    fn on_message(&mut self, load: Load, out: &mut Outbox<Load>) {
        for number in self.heard * self.updates..(self.heard + 1) * self.updates {
            out.notify(WorkerId::at(1 + number as usize % BACKS.len()), load);
        }
        self.heard += 1;
    }

    fn on_update(&mut self, _: Load, _: &mut Outbox<Load>) {
        self.heard += 1;
    }
}

/// What it comes to, in the form in which it is written as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    question: &'static str,
    lines: Vec<Line>,
}

/// One number of updates. What it is compared with is the first line.
#[derive(Clone, Debug, Serialize)]
struct Line {
    updates: &'static str,
    /// How many times as much is handled for a message.
    work: f64,
    ours: Side,
    bare: Side,
}

/// How one of both does.
#[derive(Clone, Debug, Serialize)]
struct Side {
    messages_per_second: Spread,
    deliveries_per_second: Spread,
    /// How many times as long a message takes, within a round.
    slowdown: Spread,
}

impl Side {
    fn new(without: &[[f64; 2]], with: &[[f64; 2]]) -> Side {
        Side {
            messages_per_second: Spread::of(with.iter().map(|rates| rates[0])),
            deliveries_per_second: Spread::of(with.iter().map(|rates| rates[1])),
            slowdown: Spread::of(without.iter().zip(with).map(|(without, with)| without[0] / with[0])),
        }
    }

    fn cells(&self) -> [String; 3] {
        let (messages, deliveries) = (self.messages_per_second.median, self.deliveries_per_second.median);
        [format!("{:.1}", messages / 1e3), format!("{:.1}", deliveries / 1e3), format!("{:.2}", self.slowdown.median)]
    }
}

impl Answer {
    /// Sums up what [`Question::ask`] measured: raddle's cases, then those of the bare inboxes.
    pub fn new(question: &Question, all: &[Vec<Measured>]) -> Answer {
        let all: Vec<_> = all.iter().map(|rounds| rounds.iter().map(pair).collect::<Vec<_>>()).collect();
        let (ours, bare) = all.split_at(all.len() / 2);
        let line = |(at, contender): (usize, &Contender)| Line {
            updates: contender.name,
            work: ours[at][0][1] / ours[at][0][0] / (ours[0][0][1] / ours[0][0][0]),
            ours: Side::new(&ours[0], &ours[at]),
            bare: Side::new(&bare[0], &bare[at]),
        };
        let lines = question.contenders[..ours.len()].iter().enumerate().map(line).collect();
        Answer { question: question.title, lines }
    }

    /// The table and its title, without a newline at its end.
    pub fn table(&self, form: Form) -> String {
        let sides = ["1,000 messages/s", "1,000 deliveries/s", "slowdown"];
        let bare = ["bare inbox: messages", "deliveries", "slowdown"];
        let mut table = form.table([["updates", "work"].as_slice(), &sides, &bare].concat());
        for line in &self.lines {
            let head = [line.updates.to_owned(), format!("{:.2}", line.work)];
            table.add_row(head.into_iter().chain(line.ours.cells()).chain(line.bare.cells()));
        }
        format!("{}{}{}", self.question, form.gap(), form.print(&mut table, 1))
    }
}

fn pair(measured: &Measured) -> [f64; 2] {
    match measured {
        Measured::Figures(figures) => [figures[0], figures[1]],
        Measured::Not(why) => unreachable!("raddle can be measured everywhere: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::real::inbox;

    #[test]
    fn all_is_handled() {
        for updates in [0, 1, 5] {
            for rates in [of_each(50, updates), inbox::fan(50, updates)] {
                let rates = rates.expect("it comes to its end");
                assert!((rates[1] / rates[0] - (1 + updates) as f64).abs() < 1e-6);
            }
        }
    }
}
