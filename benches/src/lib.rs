//! raddle measured beside its peers and a bare hand-written loop, on one workload, in one process.
//!
//! Start with [`workload`]: everything that is measured handles those messages and no others. Each
//! side offers a plain function from a CPU budget to a [`measure::Rate`]; the table of contenders
//! is in `main.rs`. Nothing here is shipped: the package stands outside the default members because
//! it pulls in the peers.
//!
//! Beside speed there is the bug bench, `raddle-bench bugs`: how many runs each strategy needs to the first bug of the
//! systems in [`bugs`], as [`hunt`] counts them.
//!
//! madsim is not among the peers: without `--cfg madsim` in `RUSTFLAGS`, for the whole build, it
//! compiles to plain tokio and simulates nothing.

pub mod bare;
pub mod bugs;
pub mod hunt;
pub mod measure;
pub mod ours;
pub mod peers;
pub mod report;
pub mod workload;
