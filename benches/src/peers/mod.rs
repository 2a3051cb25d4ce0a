//! The same workload under others, each written as its own documentation teaches: simulators, and, for real runs, actor
//! frameworks and the design that raddle replaces.
//!
//! Where a peer leaves a choice, it is made in the peer's favour and said in its file. No peer
//! keeps vector clocks here, save TraceForge for itself and the design in Python.

pub mod actix;
pub mod design;
mod frame;
pub mod kameo;
#[cfg(madsim)]
pub mod madsim;
pub mod shuttle;
pub mod traceforge;
pub mod turmoil;
