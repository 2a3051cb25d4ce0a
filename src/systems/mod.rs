//! The built-in systems: each a page to read, with parameters, and with planted bugs to see the laws at work.
//!
//! A system without its bugs is clean; `triangle` alone is not, wherever the network is weaker than causal: that is
//! what it shows. A planted bug is caught by the law that its entry names, and by no other.
//!
//! Where to start: [`all`] lists them; `ledger` is the one that looks most like a program.

mod chain;
mod fanout;
mod half;
mod ledger;
mod mesh;
mod ring;
mod slow;
mod triangle;

use raddle_core::Sabotage;

use crate::catalog::{ArgError, Args, Entry};

/// Every built-in system.
#[must_use]
pub fn all() -> Vec<Entry> {
    vec![
        chain::entry(),
        triangle::entry(),
        ring::entry(),
        fanout::entry(),
        half::entry(),
        slow::entry(),
        ledger::entry(),
        mesh::entry(),
    ]
}

/// Most messages from outside: a workload is a list in memory.
const MESSAGES_MAX: u32 = 10_000_000;

/// The parameter that every system has.
fn messages(args: &Args) -> Result<u32, ArgError> {
    args.number("messages", 1, MESSAGES_MAX)
}

/// The rule of the core that the planted bug breaks, if it bears the name of one.
fn sabotage(args: &Args) -> Option<Sabotage> {
    args.bug().and_then(Sabotage::from_name)
}
