//! The real drivers of raddle: the core of `raddle-core` on operating system threads.
//!
//! A driver moves values, holds inboxes and tells the time; it decides nothing. Queue choice, full queues, depth,
//! cycles, order and picks are the core's, the same code that the simulator runs.
//!
//! Where to start: [`Threads`] runs a system, [`Outcome`] is what a run leaves. `transport.rs` is where messages move,
//! `shard.rs` what a shard keeps,
//! `crew.rs` what each thread does, `station.rs` how threads sleep and wake, `activity.rs` how a run knows that it is
//! over, `merge.rs` how the lanes of a recorded run become one trace. `wire.rs` has the frames of connections and
//! recordings.
#![forbid(unsafe_code)]

mod activity;
mod crew;
mod log;
mod merge;
mod metrics;
mod outcome;
mod shard;
mod station;
mod talk;
mod threads;
mod transport;
pub mod wire;

pub use metrics::Metrics;
pub use outcome::Outcome;
pub use threads::{RunError, Threads};
