//! Strategies: how the next action is chosen. One algorithm, one file.
//!
//! A strategy sees the possible actions in their canonical order and gives the place of one. All its randomness comes
//! from the seed it is begun with, and its estimates, if it needs any, from the [`Pilot`](crate::Pilot), which is the
//! same for every seed. So a run depends on no other run.

mod basic_pos;
mod chains;
mod change_points;
mod default_order;
mod indices;
mod kind;
mod observed;
mod pct;
mod pctcp;
mod portfolio;
mod pos;
mod priorities;
mod random;
mod replay;
mod uniform;

pub use basic_pos::BasicPos;
pub use change_points::BugDepth;
pub use default_order::DefaultOrder;
pub use indices::Indices;
pub use kind::{ParseStrategyError, StrategyKind};
pub(crate) use observed::Observed;
pub use pct::Pct;
pub(crate) use pct::inherited;
pub(crate) use pctcp::Order;
pub use pctcp::Pctcp;
pub use portfolio::Portfolio;
pub use pos::Pos;
pub(crate) use priorities::{Priorities, lane};
pub use random::Random;
pub use replay::{Misfit, Replay};
pub use uniform::Uniform;

use raddle_core::{Beyond, Time};

use crate::actions::Actions;

/// Chooses the next action, again and again.
pub trait Strategy: Send {
    /// A run begins.
    fn begin(&mut self, seed: u64);

    /// The place of the next action; there is at least one.
    fn choose(&mut self, actions: &Actions<'_>) -> usize;

    /// Whether [`Strategy::script`] and [`Strategy::now`] are to be asked at all.
    fn is_scripted(&self) -> bool {
        false
    }

    /// Adds the values that handlers of the action just chosen are to take in `choose`, if the strategy knows any.
    fn script(&mut self, values: &mut Vec<u32>) {
        let _ = values;
    }

    /// What the clock says from the next action on, where the strategy knows that from a real run.
    fn now(&mut self) -> Option<Time> {
        None
    }

    /// What handlers take in `choose` when the script has ended.
    fn beyond(&self) -> Beyond {
        Beyond::Sampled
    }
}
