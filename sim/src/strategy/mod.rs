//! Strategies: how the next action is chosen. One algorithm, one file.
//!
//! A strategy sees the possible actions in their canonical order and gives the place of one. All its randomness comes
//! from the seed it is begun with, so a run depends on no other run.

mod default_order;
mod indices;
mod random;
mod replay;

pub use default_order::DefaultOrder;
pub use indices::Indices;
pub use random::Random;
pub use replay::{Misfit, Replay};

use std::fmt;
use std::str::FromStr;

use raddle_core::Beyond;

use crate::actions::Actions;

/// Chooses the next action, again and again.
pub trait Strategy: Send {
    /// A run begins.
    fn begin(&mut self, seed: u64);

    /// The place of the next action; there is at least one.
    fn choose(&mut self, actions: &Actions<'_>) -> usize;

    /// Whether [`Strategy::script`] is to be asked at all.
    fn is_scripted(&self) -> bool {
        false
    }

    /// Adds the values that handlers of the action just chosen are to take in `choose`, if the strategy knows any.
    fn script(&mut self, values: &mut Vec<u32>) {
        let _ = values;
    }

    /// What handlers take in `choose` when the script has ended.
    fn beyond(&self) -> Beyond {
        Beyond::Sampled
    }
}

/// The strategies that can be asked for by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StrategyKind {
    /// The one fault-free FIFO run: every choice is 0.
    DefaultOrder,
    /// Each possible action with equal probability.
    #[default]
    Random,
}

impl StrategyKind {
    /// Every strategy that can be asked for by name.
    pub const ALL: [Self; 2] = [Self::DefaultOrder, Self::Random];

    /// A strategy of this kind.
    #[must_use]
    pub fn make(self) -> Box<dyn Strategy> {
        match self {
            Self::DefaultOrder => Box::new(DefaultOrder),
            Self::Random => Box::new(Random::default()),
        }
    }

    /// Whether every seed gives the same run, so that one run is all there is.
    #[must_use]
    pub const fn ignores_seed(self) -> bool {
        matches!(self, Self::DefaultOrder)
    }
}

impl fmt::Display for StrategyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DefaultOrder => "default-order",
            Self::Random => "random",
        })
    }
}

impl FromStr for StrategyKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.to_string() == text).ok_or_else(|| {
            let all: Vec<String> = Self::ALL.iter().map(ToString::to_string).collect();
            format!("`{text}` is no strategy: expected {}", all.join(", "))
        })
    }
}
