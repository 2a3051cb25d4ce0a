//! `fanin`: n senders, each told once from outside, tell `z` once.
//!
//! ```text
//!   s1 ─▷ z      z hears n messages that know nothing of each other,
//!   s2 ─▷ z      so all n! orders are there, whatever the network
//!   sn ─▷ z
//! ```
//!
//! The first litmus test of every explorer of message passing, as in the benchmarks of TraceForge. Figure: n! traces in
//! every network.

use raddle_core::{Outbox, StateMachine, System, WorkerId};
use serde::{Deserialize, Serialize};

use super::{litmus, numbered};
use crate::catalog::Entry;

/// Most senders.
const SENDERS_MAX: u32 = 64;

/// A sender, or `z`, which writes down who told it.
#[derive(Clone, Default, Hash, Serialize, Deserialize)]
struct Member {
    log: Vec<WorkerId>,
}

impl StateMachine for Member {
    type Message = ();
    type Update = ();

    fn on_message(&mut self, (): (), out: &mut Outbox<()>) {
        out.notify("z", ());
    }

    fn on_update(&mut self, (): (), out: &mut Outbox<()>) {
        let sender = out.sender_worker().expect("updates come from workers");
        if self.log.last().is_some_and(|last| *last > sender) {
            out.mark("overtaken");
        }
        self.log.push(sender);
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("fanin", "n senders tell one worker: n! orders in every network", |args| {
        Ok(system(args.number("n", 1, SENDERS_MAX)?))
    })
    .param("n", "4", "senders, at most 64")
}

fn system(n: u32) -> System<Member> {
    let system = litmus("fanin").workers(numbered("s", n).chain(["z".to_owned()]), |_| Member::default());
    numbered("s", n)
        .zip(numbered("u", n))
        .fold(system, |system, (sender, user)| system.messages(user, [(sender, ())]))
        .marks(["overtaken"])
        .hashed()
        .on_processes()
}
