//! `mesh`: workers that pass everything on to two others, over a network that keeps no order, with little room.
//!
//! Whoever hears something by two ways hears it in causal order all the same, though updates overtake each other and some
//! are dropped for want of room: that is what barriers and tombstones are for. The planted bugs are the rules that look
//! as if they did it, too: see the core's module on readiness.

use raddle_core::{OnFull, Order, Outbox, Seat, StateMachine, System, WorkerId};
use raddle_sim::Network;
use serde::{Deserialize, Serialize};

use super::{messages, sabotage};
use crate::catalog::Entry;

/// All that apply, and that headers stay small.
const LAWS: [&str; 9] = [
    "causal-order",
    "fifo",
    "no-deadlock",
    "bounded-depth",
    "bounded-headers",
    "bounded-queues",
    "no-silent-loss",
    "no-duplicates",
    "no-panic",
];

/// How often a message is passed on.
const HOPS: u32 = 3;

/// One way of a message.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
struct Walk {
    number: u32,
    hops: u32,
}

#[derive(Clone, Hash, Serialize, Deserialize)]
struct Node {
    me: u32,
    nodes: u32,
    heard: u32,
}

impl Node {
    fn new(seat: Seat<'_>, nodes: u32) -> Self {
        Self { me: seat.id().index() as u32, nodes, heard: 0 }
    }

    fn pass_on(&self, walk: &Walk, out: &mut Outbox<Walk>) {
        if walk.hops < HOPS {
            let next = 1 + (walk.number + walk.hops) % 2;
            for step in [next, next + 1] {
                let to = WorkerId::new((self.me + step) % self.nodes);
                out.notify(to, Walk { number: walk.number, hops: walk.hops + 1 });
            }
        }
    }
}

impl StateMachine for Node {
    type Message = u32;
    type Update = Walk;

    fn on_message(&mut self, number: u32, out: &mut Outbox<Walk>) {
        self.pass_on(&Walk { number, hops: 0 }, out);
    }

    fn on_update(&mut self, walk: Walk, out: &mut Outbox<Walk>) {
        self.heard += 1;
        self.pass_on(&walk, out);
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("mesh", "workers that pass everything on to two others, in causal order over any network", |args| {
        let (messages, nodes) = (messages(args)?, args.number("nodes", 4, 1_000)?);
        let bug = sabotage(args);
        Ok(System::new("mesh")
            .workers((0..nodes).map(|i| format!("n{i}")), move |seat| Node::new(seat, nodes))
            .messages("crowd", (0..messages).map(|number| (format!("n{}", number % nodes), number)))
            .with(|policies| {
                policies.order = Order::Causal;
                policies.on_full = OnFull::DropNewest;
                policies.capacity = 3;
                policies.watermark = 1;
                policies.barriers_max = 18;
                policies.sabotage = bug;
            })
            .laws(LAWS)
            .sometimes("far-apart", |run| {
                let heard = || run.machines().map(|node| node.heard);
                heard().max() >= heard().min().map(|least| least + 4)
            })
            .hashed()
            .on_processes())
    })
    .settings(|settings| settings.network = Network::Bag)
    .param("messages", "8", "messages, one for each node in turn")
    .param("nodes", "8", "workers, each passing on to two of the three after it")
    .bug("broadcast-clocks", "no-deadlock", "an update waits for all that its clock counts, to whomever that went")
    .bug("bare-gaps", "causal-order", "of a dropped update only the number is kept, not what it waited for")
    .bug("merge-tombstones", "no-deadlock", "neighbouring tombstones become one that waits for what both wait for")
    .bug("run-ahead", "causal-order", "the watermark says that one more of each link is resolved than is")
    .bug(
        "forget-watermark",
        "bounded-headers",
        "nothing is ever said to be resolved, so that headers grow and grow",
    )
}
