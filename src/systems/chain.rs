//! `chain`: A tells B, B tells C, C tells D.
//!
//! The simplest flow there is: for latency by hops, and for order. A chain of links that keep their own order keeps
//! causal order, so `chain` is judged by that as well.

use raddle_core::{FaultKind, Outbox, Sabotage, StateMachine, System, Worker, WorkerId};
use raddle_sim::FaultPlan;
use serde::{Deserialize, Serialize};

use super::{messages, sabotage};
use crate::catalog::Entry;

/// Most workers: one a letter.
const WORKERS_MAX: u32 = 26;

/// All but `fairness`, which needs queues to pick from.
const LAWS: [&str; 8] = [
    "causal-order",
    "fifo",
    "no-deadlock",
    "bounded-depth",
    "bounded-queues",
    "no-silent-loss",
    "no-duplicates",
    "no-panic",
];

/// Passes on what it hears, and sees to the order. The first link numbers what comes from outside.
#[derive(Clone, Hash, Serialize, Deserialize)]
struct Link {
    next: Option<WorkerId>,
    heard: u32,
    last: Option<u32>,
    in_order: bool,
}

impl Link {
    fn hear(&mut self, number: u32, out: &mut Outbox<u32>) {
        self.heard += 1;
        self.in_order &= self.last < Some(number);
        self.last = Some(number);
        if let Some(next) = self.next {
            out.notify(next, number);
        }
    }
}

impl StateMachine for Link {
    type Message = ();
    type Update = u32;

    fn on_message(&mut self, (): (), out: &mut Outbox<u32>) {
        self.hear(self.heard, out);
    }

    fn on_update(&mut self, number: u32, out: &mut Outbox<u32>) {
        self.hear(number, out);
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("chain", "A tells B, B tells C, C tells D", |args| {
        let (messages, workers) = (messages(args)?, args.number("workers", 2, WORKERS_MAX)?);
        Ok(System::new("chain")
            .workers(('A'..='Z').take(workers as usize), |seat| {
                let next = seat.workers().nth(seat.id().index() + 1).map(|(id, _)| id);
                Link { next, heard: 0, last: None, in_order: true }
            })
            .messages("north", (0..messages.div_ceil(2)).map(|_| ("A", ())))
            .messages("south", (0..messages / 2).map(|_| ("A", ())))
            .with(|policies| {
                policies.max_depth = policies.max_depth.max(workers);
                policies.sabotage = sabotage(args);
                if policies.sabotage == Some(Sabotage::ForgetTombstones) {
                    policies.capacity = 1;
                }
            })
            .laws(LAWS)
            .always("in-order", |run| run.machines().all(|link| link.in_order))
            .sometimes("two-under-way", |run| {
                let heard = |link: Option<&Worker<Link>>| link.map_or(0, |link| link.machine().heard);
                heard(run.workers().first()) >= heard(run.workers().last()) + 2
            })
            .hashed()
            .on_processes())
    })
    .param("messages", "4", "messages to A, from two sources")
    .param("workers", "4", "links of the chain, from 2 to 26")
    // A worker that forgets counts from the beginning again.
    .tolerates(FaultPlan::all().with(FaultKind::Crash, 0))
    .bug("forget-clocks", "causal-order", "workers do not learn from the clocks of what they handle")
    .bug(
        "forget-tombstones",
        "no-deadlock",
        "queues are short, and the successors of what is dropped wait for it",
    )
}
