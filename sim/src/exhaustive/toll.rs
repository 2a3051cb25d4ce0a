//! What befell the messages of a run.

use raddle_core::StateMachine;

use super::event::{Event, Outcome};

/// How many messages were lost, and how many copies were made, or may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Toll {
    pub(crate) lost: u32,
    pub(crate) copied: u32,
}

impl Toll {
    /// One event more.
    #[must_use]
    pub(crate) fn and<M: StateMachine>(self, event: &Event<M>) -> Self {
        let is = |outcome| u32::from(event.outcome == outcome);
        Self { lost: self.lost + is(Outcome::Lost), copied: self.copied + is(Outcome::Copied) }
    }

    /// Whether there are no more of any kind than in the other.
    pub(crate) const fn is_within(self, most: Self) -> bool {
        self.lost <= most.lost && self.copied <= most.copied
    }
}
