//! Experiments: what updates between workers cost, whether they keep causal order, whether cycles end, and what a slow worker
//! does to others. Each runs a few systems on one driver, makes a table of what their traces say, and answers its question
//! from that table.
//!
//! On threads and processes time is measured; the simulator has none, and counts steps.
//!
//! One file is one experiment: its cases, and how their traces become a table. `table.rs` is what comes out, `seen.rs` how
//! a case is run.

mod backpressure;
mod causality;
mod deadlock;
mod latency;
mod seen;
mod table;
mod throughput;

pub(crate) use self::seen::{Case, Driver, ExperimentError, Seen};
pub(crate) use self::table::Table;

/// An experiment.
pub(crate) struct Experiment {
    pub(crate) name: &'static str,
    /// What it asks.
    pub(crate) question: &'static str,
    /// The systems that are run.
    pub(crate) cases: fn(Driver) -> Vec<Case>,
    /// What they come to: the rows of a table, and the answer.
    pub(crate) table: fn(Driver, &[Seen]) -> Table,
}

/// All of them.
pub(crate) const ALL: [Experiment; 5] = [
    latency::EXPERIMENT,
    causality::EXPERIMENT,
    deadlock::EXPERIMENT,
    throughput::EXPERIMENT,
    backpressure::EXPERIMENT,
];
