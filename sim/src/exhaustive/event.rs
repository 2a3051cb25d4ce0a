//! An event of exhaustive search: the arrival of one message, with the values that its handlers chose, or its loss.
//!
//! The message is known by the hash of its stable id. Two events of one message are the same as far as they are known
//! if the values of the one begin with those of the other: an event that is still to happen may leave values open.

use std::sync::Arc;

use raddle_core::{Input, StateMachine};
use serde::{Deserialize, Serialize};

/// What becomes of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// It arrives at its worker.
    #[default]
    Arrived,
    /// The network loses it. Its worker sees nothing of it; what waits for it there does.
    Lost,
}

/// The arrival of one message, or its loss.
pub(crate) struct Event<M: StateMachine> {
    /// The hash of the message's stable id.
    pub(crate) key: u64,
    /// The worker it is for.
    pub(crate) at: u32,
    pub(crate) outcome: Outcome,
    /// What only some searches need to know; none if there is nothing to be known.
    pub(crate) extra: Option<Arc<Extra<M>>>,
}

/// What is known of an event beyond its message.
pub(crate) struct Extra<M: StateMachine> {
    /// What its handlers chose, in order.
    pub(crate) values: Vec<u32>,
    /// The workers that its handlers sent to, sorted; only where sends depend on each other.
    pub(crate) targets: Vec<u32>,
    /// What the message says; only where some inputs commute.
    pub(crate) input: Option<Input<M>>,
}

impl<M: StateMachine> Event<M> {
    /// What its handlers chose, as far as it is known.
    pub(crate) fn values(&self) -> &[u32] {
        self.extra.as_ref().map_or(&[], |extra| &extra.values)
    }

    /// The workers that its handlers sent to, as far as it is known.
    pub(crate) fn targets(&self) -> &[u32] {
        self.extra.as_ref().map_or(&[], |extra| &extra.targets)
    }

    /// What the message says, where that is known.
    pub(crate) fn input(&self) -> Option<&Input<M>> {
        self.extra.as_ref()?.input.as_ref()
    }

    /// The same arrival with other values, and whatever follows from them open.
    pub(crate) fn with_values(&self, values: Vec<u32>) -> Self {
        let input = self.input().cloned();
        let knows = input.is_some() || !values.is_empty();
        let extra = knows.then(|| Arc::new(Extra { values, targets: Vec::new(), input }));
        Self { key: self.key, at: self.at, outcome: self.outcome, extra }
    }

    /// The loss of the same message, and whatever follows from it open.
    pub(crate) fn lost(&self) -> Self {
        Self { outcome: Outcome::Lost, ..self.with_values(Vec::new()) }
    }

    /// Whether it is the loss of its message.
    #[inline]
    pub(crate) fn is_lost(&self) -> bool {
        self.outcome == Outcome::Lost
    }

    /// Whether both are the same event, as far as they are known.
    #[inline]
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.key == other.key && self.outcome == other.outcome && self.matches_values(other)
    }

    #[inline]
    fn matches_values(&self, other: &Self) -> bool {
        match (&self.extra, &other.extra) {
            (None, _) | (_, None) => true,
            (Some(a), Some(b)) => a.values.iter().zip(&b.values).all(|(a, b)| a == b),
        }
    }

    /// Whether the handlers of both sent to a common worker.
    pub(crate) fn shares_target(&self, other: &Self) -> bool {
        let (a, b) = (self.targets(), other.targets());
        a.iter().any(|target| b.binary_search(target).is_ok())
    }
}

impl<M: StateMachine> Clone for Event<M> {
    #[inline]
    fn clone(&self) -> Self {
        Self { key: self.key, at: self.at, outcome: self.outcome, extra: self.extra.clone() }
    }
}
