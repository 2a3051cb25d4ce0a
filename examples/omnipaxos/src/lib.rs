//! Replicas of the published [`omnipaxos`] crate as raddle workers.
//!
//! The crate is a replicated log without input or output of its own: messages and ticks go in, messages come out. So
//! it runs under raddle's scheduler as it is: its messages are updates, its ticks are timers, its clients are
//! sources. What is judged is what such a log promises: [`AGREE`], [`KEPT`] and [`SERVED`].
//!
//! Where to start: [`Replica`] is the adapter, a page of code; [`system()`] puts replicas, clients and laws together;
//! [`Bug`] lists what can be broken on purpose in the way messages are handled; [`entry()`] is what the command takes.
#![forbid(unsafe_code)]

mod bug;
mod entry;
mod laws;
mod log;
mod params;
mod pending;
mod replica;
mod system;
mod wire;

pub use bug::Bug;
pub use entry::entry;
pub use laws::{AGREE, KEPT, SERVED};
pub use log::MemoryLog;
pub use params::Params;
pub use replica::Replica;
pub use system::system;
pub use wire::{Proposal, Wire};
