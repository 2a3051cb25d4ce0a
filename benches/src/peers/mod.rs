//! The same workload under other simulators, each written as its own documentation teaches.
//!
//! Where a peer leaves a choice, it is made in the peer's favour and said in its file. No peer
//! keeps vector clocks here, save TraceForge for itself.

mod frame;
#[cfg(madsim)]
pub mod madsim;
pub mod shuttle;
pub mod traceforge;
pub mod turmoil;
