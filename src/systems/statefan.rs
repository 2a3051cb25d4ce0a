//! `statefan`: n sources tell one worker, which writes down what it hears.
//!
//! The fan-in of stateright's actor examples, to compare searches that know a state again: a state is the log and
//! what is still on its way, so there are as many as there are ordered selections of the n messages. Figure: 326,
//! 1,957, 13,700 and 109,601 states for n = 5, 6, 7, 8, and n! traces.

use raddle_core::{Outbox, StateMachine, System};
use serde::{Deserialize, Serialize};

use super::{litmus, numbered};
use crate::catalog::Entry;

/// Most sources.
const SOURCES_MAX: u32 = 64;

/// Writes down what it hears.
#[derive(Clone, Default, Hash, Serialize, Deserialize)]
struct Log {
    heard: Vec<u32>,
}

impl StateMachine for Log {
    type Message = u32;
    type Update = u32;

    fn on_message(&mut self, number: u32, out: &mut Outbox<u32>) {
        if self.heard.last().is_some_and(|last| *last > number) {
            out.mark("overtaken");
        }
        self.heard.push(number);
    }

    fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
}

pub(super) fn entry() -> Entry {
    Entry::new("statefan", "n sources tell one worker: one state for each ordered selection of the messages", |args| {
        Ok(system(args.number("n", 1, SOURCES_MAX)?))
    })
    .param("n", "5", "sources, at most 64")
}

fn system(n: u32) -> System<Log> {
    let system = litmus("statefan").workers(["z"], |_| Log::default());
    numbered("u", n)
        .zip(1..)
        .fold(system, |system, (user, number)| system.messages(user, [("z", number)]))
        .marks(["overtaken"])
        .hashed()
        .on_processes()
}
