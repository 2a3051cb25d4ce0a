//! The real drivers of raddle: the core of `raddle-core` on operating system threads and processes.
//!
//! A driver moves values, holds inboxes and tells the time; it decides nothing. Queue choice, full queues, depth,
//! cycles, order and picks are the core's, the same code that the simulator runs.
//!
//! Where to start: [`Threads`] runs a system, `Processes` the same with a process for each worker, [`Outcome`] is what a run
//! leaves. `hands.rs` is where the two differ. `transport.rs` is where messages move, `shard.rs` what a shard keeps,
//! `crew.rs` what each thread does, `station.rs` how threads sleep and wake, `activity.rs` how a run knows that it is over,
//! `merge.rs` how the lanes of a recorded run become one trace. `wire.rs` has the frames of connections and recordings.
#![forbid(unsafe_code)]

mod activity;
mod apart;
mod census;
mod crew;
mod desktop;
mod empties;
mod error;
mod hands;
mod log;
mod merge;
mod metrics;
mod outcome;
mod pace;
#[cfg(unix)]
mod processes;
mod record;
mod seat;
mod source;
mod station;
mod talk;
mod tape;
mod threads;
mod transport;
pub mod wire;

pub use error::RunError;
pub use hands::{Death, Why};
pub use metrics::{Histogram, Latency, Metrics};
pub use outcome::Outcome;
#[cfg(unix)]
pub use processes::{Processes, WORKER_VARIABLE};
pub use record::{
    BYTES_MAX, Extent, ReadError, RecordError, RecordTo, Recorded, read_recording, read_stream, takes_what_comes,
};
pub use threads::Threads;
