//! `ring`: A tells B, B tells C, C tells A, for ever, if nothing ends it.
//!
//! Handlers know no end; the depth limit does. Each message from outside puts a token on the ring, which goes round
//! until its next update would be too deep.

use raddle_core::{Outbox, StateMachine, System, WorkerId};
use serde::{Deserialize, Serialize};

use super::{messages, sabotage};
use crate::catalog::Entry;

/// Each tells the next, and the last the first.
const WORKERS: [&str; 3] = ["A", "B", "C"];
/// Updates that a chain may have.
const DEPTH: u32 = 10;

/// Goes round.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
struct Token {
    /// The message that put it on the ring.
    number: u32,
    /// Which of its updates this is, from 1.
    hop: u32,
}

/// Passes every token on.
#[derive(Clone, Hash, Serialize, Deserialize)]
struct Node {
    next: WorkerId,
    /// The first token that began here.
    first: Option<u32>,
    /// The most hops a token had when it came here.
    most_hops: u32,
    expects_own_first: bool,
}

impl StateMachine for Node {
    type Message = u32;
    type Update = Token;

    fn on_message(&mut self, number: u32, out: &mut Outbox<Token>) {
        self.first.get_or_insert(number);
        out.notify(self.next, Token { number, hop: 1 });
    }

    fn on_update(&mut self, token: Token, out: &mut Outbox<Token>) {
        if self.expects_own_first {
            self.first.expect("the first token on this node is its own");
        }
        self.most_hops = self.most_hops.max(token.hop);
        out.notify(self.next, Token { number: token.number, hop: token.hop + 1 });
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("ring", "A tells B, B tells C, C tells A: only the depth limit ends it", |args| {
        let (messages, expects_own_first) = (messages(args)?, args.has_bug("early-token"));
        Ok(System::new("ring")
            .workers(WORKERS, move |seat| {
                let next = WorkerId::at((seat.id().index() + 1) % WORKERS.len());
                Node { next, first: None, most_hops: 0, expects_own_first }
            })
            .messages("client", WORKERS.into_iter().cycle().zip(0..messages))
            .with(|policies| {
                policies.max_depth = DEPTH;
                policies.sabotage = sabotage(args);
            })
            .sometimes("limit-reached", |run| run.machines().any(|node| node.most_hops == DEPTH))
            .hashed()
            .on_processes())
    })
    .param("messages", "4", "tokens, put on the ring at A, B and C in turn")
    .bug("freeze-depth", "bounded-depth", "updates keep the depth of their parent, so that the limit never bites")
    .bug("early-token", "no-panic", "a node panics if a token of another comes before its own first")
}
