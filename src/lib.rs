//! Deterministic simulation testing for systems made of workers that send each other messages.
//!
//! You write the workers once. The same core runs them on real threads, and under a seeded, single-threaded scheduler
//! that explores in which order messages may arrive; the same laws judge both. A run that breaks a law is saved as a
//! small file that replays it, today and after the code has changed.
//!
//! ```
//! use raddle::prelude::*;
//!
//! #[derive(Clone, Default)]
//! struct Account { balance: i64 }
//!
//! #[derive(Clone, Debug)]
//! struct Transfer { to: &'static str, amount: i64 }
//!
//! #[derive(Clone, Debug)]
//! struct Credit { amount: i64 }
//!
//! impl StateMachine for Account {
//!     type Message = Transfer;                                  // from outside
//!     type Update = Credit;                                     // from another worker
//!     fn on_message(&mut self, t: Transfer, out: &mut Outbox<Credit>) {
//!         self.balance -= t.amount;
//!         out.notify(t.to, Credit { amount: t.amount });
//!     }
//!     fn on_update(&mut self, c: Credit, _: &mut Outbox<Credit>) { self.balance += c.amount; }
//! }
//!
//! fn transfers() -> [(&'static str, Transfer); 2] {
//!     [("ann", Transfer { to: "bob", amount: 30 }), ("bob", Transfer { to: "eve", amount: 110 })]
//! }
//!
//! # /*
//! #[test]
//! # */
//! fn money_is_conserved() {
//!     System::new("ledger")
//!         .workers(["ann", "bob", "eve"], |_| Account { balance: 100 })
//!         .messages("bank", transfers())
//!         .at_end("conserved", |run| run.machines().map(|a| a.balance).sum::<i64>() == 300)
//!         .explore().seeds(10_000).assert_clean();
//! }
//! # money_is_conserved();
//! ```
//!
//! # Where to start
//!
//! - write machines: [`StateMachine`], [`Outbox`]; put them together: [`System`], [`Policies`];
//! - test: [`explore`](ExploreExt::explore) and [`assert_clean`](AssertClean::assert_clean), or [`explore_test!`] in a line;
//!   [`assert_trace_snapshot!`] for insta, [`mod@proptest`] for proptest, [`fuzz`] for fuzzers;
//! - run for real: [`threads`];
//! - have a command for systems of your own: [`main!`];
//! - go deeper: [`sim`] (the simulator), [`checkers`] (the laws), [`view`] (pictures of traces);
//! - what the environment may say: [`environment`].
//!
//! # Features
//!
//! `sim` explores, `threads` runs for real, `view` draws, `cli` is the command, `proptest` and `insta` are the doors of
//! these names; all are on unless switched off. With `default-features = false, features = ["threads"]` a service gets
//! the core and the driver, and none of what only tests need.
#![forbid(unsafe_code)]

#[cfg(feature = "sim")]
pub mod any;
#[cfg(feature = "sim")]
mod assert;
#[cfg(feature = "sim")]
pub mod catalog;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "sim")]
pub mod corpus;
#[cfg(feature = "sim")]
pub mod environment;
#[cfg(feature = "cli")]
mod experiments;
#[cfg(feature = "sim")]
pub mod explain;
#[cfg(feature = "sim")]
pub mod failure;
#[cfg(feature = "sim")]
pub mod fuzz;
#[cfg(feature = "sim")]
mod given;
#[cfg(feature = "sim")]
pub mod look;
mod macros;
#[cfg(feature = "proptest")]
pub mod proptest;
#[cfg(feature = "sim")]
mod saved;
#[cfg(feature = "sim")]
pub mod systems;
#[cfg(feature = "sim")]
mod words;

#[cfg(feature = "sim")]
pub use assert::{AssertClean, ExploreExt, IntoExplore, explore_test};
#[cfg(feature = "sim")]
pub use raddle_checkers as checkers;
pub use raddle_core::*;
#[cfg(feature = "threads")]
pub use raddle_runtime as threads;
#[cfg(feature = "sim")]
pub use raddle_sim as sim;
#[cfg(feature = "view")]
pub use raddle_view as view;

#[cfg(feature = "insta")]
#[doc(hidden)]
pub use insta as __insta;

/// What most programs and tests need.
pub mod prelude {
    #[cfg(feature = "sim")]
    pub use crate::{
        assert::{AssertClean, ExploreExt},
        catalog::{ArgError, Args, Entry},
    };
    #[cfg(feature = "sim")]
    pub use raddle_core::FaultKind;
    pub use raddle_core::{
        Ask, ByKey, Cycles, Input, Keyed, OnFull, Order, Outbox, Party, Pick, Placement, Policies, Seat, Snapshot,
        StateMachine, System, TimerTag, When, WorkerId,
    };
    #[cfg(all(feature = "threads", unix))]
    pub use raddle_runtime::Processes;
    #[cfg(feature = "threads")]
    pub use raddle_runtime::Threads;
    #[cfg(feature = "sim")]
    pub use raddle_sim::{Explore, FaultPlan, Granularity, Network, StrategyKind, exhaustive::Exhaustive};
}

/// The programs of the README, as tests.
#[cfg(all(doctest, feature = "sim"))]
#[doc = include_str!("../README.md")]
struct Readme;
