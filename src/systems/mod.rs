//! The built-in systems: each a page to read, with parameters, and with planted bugs to see the laws at work.
//!
//! A system without its bugs is clean, on every network and under every fault that its entry tolerates. A planted bug
//! is caught by the law that its entry names, and by no other.
//!
//! Some are litmus tests: published programs whose number of distinct traces is known, which every search must come to
//! (`tests/litmus.rs`). How they are set up decides the count; their handlers are promised nothing (`order = arrival`)
//! and they are judged by no more than `no-silent-loss`.
//!
//! Where to start: [`all`] lists them; `ledger` is the one that looks most like a program.

mod chain;
mod counter;
mod diamond;
mod fanin;
mod fanout;
mod half;
mod indexer;
mod ledger;
mod mesh;
mod onelink;
mod pairs;
mod readers;
mod retry;
mod ring;
mod semantics1;
mod senders;
mod slow;
mod snapshot;
mod statefan;
mod store;
mod triangle;
mod twopc;

use raddle_core::{Order, Sabotage, StateMachine, System};

use crate::catalog::{ArgError, Args, Entry};

/// Every built-in system.
#[must_use]
pub fn all() -> Vec<Entry> {
    vec![
        chain::entry(),
        triangle::entry(),
        ring::entry(),
        diamond::entry(),
        fanout::entry(),
        half::entry(),
        slow::entry(),
        ledger::entry(),
        mesh::entry(),
        retry::entry(),
        snapshot::entry(),
        store::entry(),
        counter::entry(),
        fanin::entry(),
        pairs::entry(),
        senders::entry(),
        onelink::entry(),
        semantics1::entry(),
        twopc::entry(),
        readers::entry(),
        indexer::entry(),
        statefan::entry(),
    ]
}

/// Most messages from outside: a workload is a list in memory.
const MESSAGES_MAX: u32 = 10_000_000;

/// The parameter that every system has whose figure it does not decide.
fn messages(args: &Args) -> Result<u32, ArgError> {
    args.number("messages", 1, MESSAGES_MAX)
}

/// The rule of the core that the planted bug breaks, if it bears the name of one.
fn sabotage(args: &Args) -> Option<Sabotage> {
    args.bug().and_then(Sabotage::from_name)
}

/// The beginning of a litmus system.
fn litmus<M: StateMachine>(name: &str) -> System<M> {
    System::new(name).with(|policies| policies.order = Order::Arrival).laws(["no-silent-loss"])
}

/// `s1` to `sn`.
fn numbered(letter: &'static str, n: u32) -> impl Iterator<Item = String> {
    numbered_from(letter, 1, n)
}

/// n names, from this number on.
fn numbered_from(letter: &'static str, first: u32, n: u32) -> impl Iterator<Item = String> {
    (first..first + n).map(move |number| format!("{letter}{number}"))
}
