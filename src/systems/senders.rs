//! `senders`: each of n senders, told once from outside, tells `z` k things in one step.
//!
//! ```text
//!   s1 ─ 1, 2 … k ─▷ z      a network that keeps the order of each link lets z hear the shuffles of n sequences;
//!   sn ─ 1, 2 … k ─▷ z      a bag lets it hear all orders
//! ```
//!
//! Figure: (nk)! / (k!)^n traces in `fifo` and `causal`, thus 6 for (2, 2) and 20 for (2, 3); (nk)! in `bag`, thus 24
//! for (2, 2); n! in `mailbox`, where what one step sends to `z` stands together.

use raddle_core::{Outbox, StateMachine, System, WorkerId};
use serde::{Deserialize, Serialize};

use super::{litmus, numbered};
use crate::catalog::Entry;

/// Most senders, and most updates of each.
const EACH_MAX: u32 = 32;

/// A sender of k updates, or `z`, which writes down what it hears of whom.
#[derive(Clone, Hash, Serialize, Deserialize)]
struct Member {
    k: u32,
    log: Vec<(WorkerId, u32)>,
}

impl StateMachine for Member {
    type Message = ();
    type Update = u32;

    fn on_message(&mut self, (): (), out: &mut Outbox<u32>) {
        for number in 1..=self.k {
            out.notify("z", number);
        }
    }

    fn on_update(&mut self, number: u32, out: &mut Outbox<u32>) {
        let sender = out.sender_worker().expect("updates come from workers");
        if number > 1 && self.log.last().is_some_and(|last| last.0 != sender) {
            out.mark("interleaved");
        }
        self.log.push((sender, number));
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("senders", "n senders tell one worker k things each: (nk)! / (k!)^n orders over fifo links", |args| {
        Ok(system(args.number("n", 1, EACH_MAX)?, args.number("k", 1, EACH_MAX)?))
    })
    .param("n", "2", "senders, at most 32")
    .param("k", "2", "updates of each, at most 32")
}

fn system(n: u32, k: u32) -> System<Member> {
    let workers = numbered("s", n).chain(["z".to_owned()]);
    let system = litmus("senders").workers(workers, move |_| Member { k, log: Vec::new() });
    numbered("s", n)
        .zip(numbered("u", n))
        .fold(system, |system, (sender, user)| system.messages(user, [(sender, ())]))
        .marks(["interleaved"])
        .hashed()
        .on_processes()
}
