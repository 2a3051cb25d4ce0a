//! Faults: what a simulated run may suffer, how much of it, and when.
//!
//! A fault is an action like any other: it has a place in the canonical order (behind all that happens by itself, so that
//! the empty schedule has none), a name in schedules, and a step of its own. So runs with faults are replayed, shrunk,
//! explained and searched exhaustively by the code that does so without. What a fault does to workers and inboxes is
//! the core's business; here it is only done.
//!
//! - [`FaultPlan`] says which kinds there may be and how many of each: a setting of a search (`--faults`).
//! - `fault.rs`: one fault, by its name; `state.rs`: what befell a run so far; `inflict.rs`: what may befall it next,
//!   and how it is done.
//! - `inject.rs`: how sampling strategies choose among them: swarm testing (Groce, Zhang, Eide, Chen, Regehr, ISSTA'12),
//!   a random subset of the kinds for each seed. `given.rs`: faults that somebody else chose, one by one.
//!
//! A run has two phases. In the first, faults may come. When nothing can happen by itself, or the first phase has
//! lasted for its share of the steps, everything is healed in one step, and from then on nothing goes wrong and messages
//! are faster than timers: whoever does not come to rest then, is stuck for good (law `liveness`). At granularity `threads`,
//! where nothing but crashes befalls a run, there is one phase, as in a real run whose processes die.

mod fault;
mod given;
mod inflict;
mod inject;
mod plan;
mod state;

pub use fault::{Fault, Skew};
pub use given::{GivenFault, GivenFaults};
pub(crate) use inject::Inject;
pub use plan::{FaultPlan, ParseFaultsError};
pub(crate) use state::Faults;
