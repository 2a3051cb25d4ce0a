//! `pairs`: n senders, each told once from outside, tell n receivers, each its own.
//!
//! ```text
//!   a1 ─▷ b1      nobody hears two messages,
//!   an ─▷ bn      so every schedule is the same run
//! ```
//!
//! What partial order reduction is for: (2n)! / 2^n schedules. Figure: 1 trace in every network.

use raddle_core::{Outbox, StateMachine, System, WorkerId};
use serde::{Deserialize, Serialize};

use super::{litmus, numbered};
use crate::catalog::Entry;

/// Most pairs.
const PAIRS_MAX: u32 = 64;

/// A sender, which knows its receiver, or a receiver.
#[derive(Clone, Hash, Serialize, Deserialize)]
struct Half {
    other: WorkerId,
    heard: u32,
}

impl StateMachine for Half {
    type Message = ();
    type Update = ();

    fn on_message(&mut self, (): (), out: &mut Outbox<()>) {
        out.notify(self.other, ());
    }

    fn on_update(&mut self, (): (), out: &mut Outbox<()>) {
        self.heard += 1;
        out.mark("met");
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("pairs", "n senders tell a receiver each: one trace in every network", |args| {
        Ok(system(args.number("n", 1, PAIRS_MAX)?))
    })
    .param("n", "3", "pairs, at most 64")
}

fn system(n: u32) -> System<Half> {
    let system = litmus("pairs").workers(numbered("a", n).chain(numbered("b", n)), move |seat| Half {
        other: WorkerId::at((seat.id().index() + n as usize) % (2 * n as usize)),
        heard: 0,
    });
    numbered("a", n)
        .zip(numbered("u", n))
        .fold(system, |system, (sender, user)| system.messages(user, [(sender, ())]))
        .marks(["met"])
        .hashed()
        .on_processes()
}
