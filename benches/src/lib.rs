//! raddle measured beside its peers and a bare hand-written loop, on one workload, in one process.
//!
//! Start with [`workload`]: everything that is measured handles those messages and no others. Each
//! side offers a plain function from a CPU budget to a [`measure::Rate`]; the table of contenders
//! is in `main.rs`. Nothing here is shipped: the package stands outside the default members because
//! it pulls in the peers.
//!
//! madsim is not among the peers: without `--cfg madsim` in `RUSTFLAGS`, for the whole build, it
//! compiles to plain tokio and simulates nothing.

pub mod bare;
pub mod measure;
pub mod ours;
pub mod peers;
pub mod report;
pub mod workload;
