//! `semantics1`: five messages that tell the delivery models apart.
//!
//! ```text
//!   main ─ 1 ─▷ M,  main ─ 2 ─▷ M        in two steps: two messages of one source
//!   A ─ 3 ─▷ M,  A ─ 5 ─▷ B              in one step, in this order
//!   B ─ 4 ─▷ M                           when it hears 5
//! ```
//!
//! Program 1 of `semantics_comparison` in TraceForge (Must, OOPSLA'24). M takes all four. Figure: 24 traces in `bag`,
//! 12 in `fifo` (1 before 2), 6 in `causal` and `mailbox` (and 3 before 4).

use raddle_core::{Outbox, StateMachine};
use serde::{Deserialize, Serialize};

use super::litmus;
use crate::catalog::Entry;

/// Any of the four. It writes down what it hears.
#[derive(Clone, Default, Hash, Serialize, Deserialize)]
struct Thread {
    log: Vec<u32>,
}

impl StateMachine for Thread {
    type Message = u32;
    type Update = u32;

    fn on_message(&mut self, number: u32, out: &mut Outbox<u32>) {
        out.notify("M", number);
        if number == 3 {
            out.notify("B", 5);
        }
    }

    fn on_update(&mut self, number: u32, out: &mut Outbox<u32>) {
        if number == 5 {
            out.notify("M", 4);
        }
        if number == 3 && self.log.contains(&4) {
            out.mark("4-before-3");
        }
        self.log.push(number);
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("semantics1", "five messages that tell the networks apart: 24, 12, 6 and 6 orders", |_| {
        Ok(litmus("semantics1")
            .workers(["main", "A", "B", "M"], |_| Thread::default())
            .messages("u1", [("main", 1), ("main", 2)])
            .messages("u2", [("A", 3)])
            .marks(["4-before-3"])
            .hashed()
            .on_processes())
    })
}
