//! The laws of raddle: what must hold of every run, simulated or real.
//!
//! A law is a function of the events of a run, never of a world: the same code judges the simulator's millions of runs
//! while they go on, a recorded real run, and a trace read from a file. One law stands in one file; its first lines
//! say what it asks for, and what it cannot see.
//!
//! Where to start: [`Bank`] is what a driver feeds while a run goes on; [`check`] judges a whole trace, with
//! witnesses; [`LAWS`] lists the laws and [`default_laws`] says which apply; [`Properties`] judges what users state
//! about the states of their machines; [`determinism::compare`] takes two traces, and
//! [`causal_consistency::judge`] asks a trace for more than the law does.
#![forbid(unsafe_code)]

mod aside;
mod bank;
mod bounded_depth;
mod bounded_headers;
mod bounded_queues;
pub mod causal_consistency;
mod causal_order;
mod consistent_cut;
mod dead;
pub mod determinism;
mod fairness;
mod fifo;
mod id_map;
mod incarnation;
mod knowledge;
mod laws;
mod lengths;
mod liveness;
mod losses;
mod no_deadlock;
mod no_duplicates;
mod no_panic;
mod no_silent_loss;
mod offline;
mod per_worker;
mod properties;
mod session_guarantees;
mod violation;
mod words;

pub use bank::{Bank, needs_end};
pub use laws::{LAWS, LawInfo, UnknownLaw, default_laws, find, resolve};
pub use losses::Losses;
pub use offline::{check, explain};
pub use properties::Properties;
pub use violation::{Verdict, Violation};
