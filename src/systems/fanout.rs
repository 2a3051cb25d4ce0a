//! `fanout`: every message makes 5 updates.
//!
//! The hub publishes what it is told; who hears of it stands in a table, not in code.

use std::collections::HashMap;

use raddle_core::{Order, Outbox, StateMachine, System};
use serde::{Deserialize, Serialize};

use super::{messages, sabotage};
use crate::catalog::Entry;

const READERS: [&str; 5] = ["ann", "bob", "cat", "dan", "eve"];
/// The external subscription table, as it would stand in a file.
const SUBSCRIPTIONS: &str = r#"{"news": ["ann", "bob", "cat", "dan", "eve"]}"#;

/// The hub, or one of its readers.
#[derive(Clone, Hash, Serialize, Deserialize)]
struct Paper {
    read: u32,
    hashes: bool,
}

impl StateMachine for Paper {
    type Message = u32;
    type Update = u32;

    fn on_message(&mut self, number: u32, out: &mut Outbox<u32>) {
        if self.hashes {
            publish_in_hash_order(number, out);
        } else {
            out.publish("news", number);
        }
    }

    fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {
        self.read += 1;
    }
}

/// The planted bug `hash-order`.
#[allow(clippy::disallowed_types, reason = "the bug is that the order of a HashMap differs from run to run")]
fn publish_in_hash_order(number: u32, out: &mut Outbox<u32>) {
    let readers: HashMap<&str, u32> = READERS.into_iter().map(|reader| (reader, number)).collect();
    for (reader, number) in readers {
        out.notify(reader, number);
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("fanout", "a hub that makes 5 updates of every message", |args| {
        let (messages, hashes) = (messages(args)?, args.has_bug("hash-order"));
        let half = messages.div_ceil(2);
        Ok(System::new("fanout")
            .workers(["hub"].into_iter().chain(READERS), move |_| Paper { read: 0, hashes })
            .messages("wire", (0..half).map(|number| ("hub", number)))
            .messages("desk", (half..messages).map(|number| ("hub", number)))
            .subscriptions(SUBSCRIPTIONS)
            .with(|policies| {
                policies.order = Order::Fifo;
                policies.sabotage = sabotage(args);
            })
            .sometimes("far-apart", |run| {
                let read = || run.machines().skip(1).map(|reader| reader.read);
                read().max() >= read().min().map(|least| least + 2)
            })
            .hashed()
            .on_processes())
    })
    .param("messages", "4", "messages to the hub, from two sources")
    .bug("swap-pairs", "fifo", "the second update of each link overtakes the first")
    .bug("handle-twice", "no-duplicates", "the first update of each link is handled twice")
    .bug("hash-order", "determinism", "the hub goes through its readers in the order of a HashMap")
}
