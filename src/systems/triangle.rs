//! `triangle`: A tells C and then B; B tells C.
//!
//! ```text
//!   A ── m1 ──▷ C        m1 was sent before m2, and m2 led to m3:
//!   └─ m2 ─▷ B ─ m3 ─▷ C      so C should hear m1 before m3
//! ```
//!
//! The litmus test of causal order. Links that each keep their own order (`fifo`) do not keep it; a causal network
//! does, and so does the core over any network. With `order = arrival` handlers are promised nothing, and what the network
//! lets happen can be seen.

use raddle_core::{Outbox, StateMachine, System};
use serde::{Deserialize, Serialize};

use super::messages;
use crate::catalog::Entry;

/// Causal order is judged also where nobody promises it.
const LAWS: [&str; 6] = ["causal-order", "no-deadlock", "bounded-depth", "no-silent-loss", "no-duplicates", "no-panic"];

/// What is said, by its name in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Say {
    M1,
    M2,
    M3,
}

/// Any of the three; it counts what it hears.
#[derive(Clone, Default, Hash, Serialize, Deserialize)]
struct Corner {
    heard: u32,
}

impl StateMachine for Corner {
    type Message = ();
    type Update = Say;

    fn on_message(&mut self, (): (), out: &mut Outbox<Say>) {
        out.notify("C", Say::M1);
        out.notify("B", Say::M2);
    }

    fn on_update(&mut self, said: Say, out: &mut Outbox<Say>) {
        self.heard += 1;
        if said == Say::M2 {
            out.notify("C", Say::M3);
        }
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("triangle", "A tells C, then B, which tells C: in order if order is causal", |args| {
        let messages = messages(args)?;
        Ok(System::new("triangle")
            .workers(["A", "B", "C"], |_| Corner::default())
            .messages("client", (0..messages).map(|_| ("A", ())))
            .laws(LAWS)
            .sometimes("told-twice", |run| run.machine("C").is_some_and(|c| c.heard >= 2))
            .hashed()
            .on_processes())
    })
    .param("messages", "1", "how often A is triggered")
}
