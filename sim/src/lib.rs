//! The simulated driver of raddle: one thread, one seed, every interleaving.
//!
//! A [`World`] holds the values of a run and performs actions; a [`Strategy`] chooses among the possible ones;
//! [`Runner`] runs them against the laws; [`Explore`] searches many seeds and makes a failing run simpler; a [`Finding`]
//! keeps it as a file, [`replay`] does it again, [`shrink_finding`] makes it simpler and [`explain()`] says why it fails. What a message does when it arrives is decided by `raddle-core`, which real
//! threads run too: nothing here knows a rule.
#![forbid(unsafe_code)]

mod actions;
mod campaign;
mod coverage;
mod delivery;
mod desk;
mod distinct;
pub mod exhaustive;
mod explain;
mod explore;
mod failing;
mod faults;
mod finding;
mod fork;
mod histories;
mod later;
mod lift;
mod network;
mod pilot;
mod queues;
mod replay;
mod run;
mod seen;
mod sessions;
mod settings;
mod shrink;
mod slab;
pub mod strategy;
mod threads;
mod timers;
mod transit;
mod workload;
mod world;
mod worth;

pub use actions::{Action, Actions, Decision};
pub use campaign::{CHECKPOINT_EVERY, pilot};
pub use coverage::{Coverage, Covered};
pub use distinct::{Distinct, DistinctError};
pub use explain::{Contrast, Decided, Explanation, Handling, Odds, Pair, Part, TooLong, explain};
pub use explore::{Cut, Explore, Found, Progress, Report, SEEDS_DEFAULT, Seeds};
pub use failing::FailingError;
pub use faults::{Fault, FaultPlan, GivenFault, GivenFaults, ParseFaultsError, Skew};
pub use finding::{Expectation, Finding, FindingError, VERSION};
pub use lift::{Difference, Keep, LiftError, Lifted, RECORDED, found_in, lift};
pub use pilot::{Figures, Pilot};
pub use replay::{Outcome, ReplayError, Replayed, replay};
pub use run::{Pulse, Recording, Run, RunError, Runner};
pub use settings::{Granularity, Network, Settings, SettingsError};
pub use shrink::{Budget, Deed, Shrunk, Size, shrink_finding};
pub use strategy::{Strategy, StrategyKind};
pub use workload::SavedMessage;
pub use world::World;
pub use worth::{Depth, Excludes, Worth, worth};
