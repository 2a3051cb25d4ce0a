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
//! Exhaustive search is measured on a workload of its own, [`fanin`]: `raddle-bench exhaustive`.
//!
//! What causal order costs over a network that keeps none is measured by [`ordered`]: `raddle-bench order`.
//!
//! Real runs, on threads and processes, are measured by [`real`]: `raddle-bench real`.
//!
//! `raddle-bench readme` measures all of it and puts the tables into the README ([`form::fill`]).
//!
//! madsim takes part only with `RUSTFLAGS="--cfg madsim"`, which is for the whole build: without it, madsim is plain
//! tokio and simulates nothing. With it, it puts functions of its own in the place of the C library's clock and random
//! numbers, for the whole process; outside its runs they call the originals.

pub mod bare;
pub mod bugs;
pub mod exhaustive;
pub mod fanin;
pub mod fanin_report;
pub mod form;
pub mod hunt;
pub mod measure;
pub mod memory;
pub mod ordered;
pub mod ours;
pub mod peers;
pub mod real;
pub mod replay;
pub mod report;
pub mod workload;
