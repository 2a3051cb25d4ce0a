//! `onelink`: one sender, told once from outside, tells one receiver n things in one step.
//!
//! What tells a network that keeps the order of a link from one that does not. Figure: n! traces in `bag`, 1 in
//! `fifo`, `causal` and `mailbox`.

use raddle_core::{Outbox, StateMachine};
use serde::{Deserialize, Serialize};

use super::litmus;
use crate::catalog::Entry;

/// Most updates.
const UPDATES_MAX: u32 = 64;

/// The sender or the receiver.
#[derive(Clone, Hash, Serialize, Deserialize)]
struct End {
    n: u32,
    log: Vec<u32>,
}

impl StateMachine for End {
    type Message = ();
    type Update = u32;

    fn on_message(&mut self, (): (), out: &mut Outbox<u32>) {
        for number in 1..=self.n {
            out.notify("b", number);
        }
    }

    fn on_update(&mut self, number: u32, out: &mut Outbox<u32>) {
        self.log.push(number);
        if self.log.len() == self.n as usize {
            out.mark("heard-all");
        }
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("onelink", "one sender tells one receiver n things: n! orders in a bag, one over a fifo link", |args| {
        let n = args.number("n", 1, UPDATES_MAX)?;
        Ok(litmus("onelink")
            .workers(["a", "b"], move |_| End { n, log: Vec::new() })
            .messages("u", [("a", ())])
            .marks(["heard-all"])
            .hashed()
            .on_processes())
    })
    .param("n", "3", "updates, at most 64")
}
