//! An event of exhaustive search: the arrival of one message, with the values that its handlers chose, or its loss, or that
//! it is copied; or the crash of a worker.
//!
//! The message is known by the hash of its stable id, a crash by its worker and by how many came before it there. That a message
//! is copied once more is always the next time. Two events of one message are the same as far as they are known if the values of the one begin with those of the other: an event that
//! is still to happen may leave values open.

use std::sync::Arc;

use raddle_core::{Input, StateMachine, fnv};
use serde::{Deserialize, Serialize};

/// What becomes of a message, or of a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// It arrives at its worker.
    #[default]
    Arrived,
    /// The network loses it. Its worker sees nothing of it; what waits for it there does.
    Lost,
    /// The network makes a copy of it, which is on its way from then on.
    Copied,
    /// The worker crashes, between two messages.
    Crashed,
}

/// The arrival of one message, or its loss, or that it is copied, or the crash of a worker.
pub(crate) struct Event<M: StateMachine> {
    /// The hash of the message's stable id, or of which crash of its worker it is.
    pub(crate) key: u64,
    /// The worker it is for, or that crashes.
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
    /// Whether its worker dies in it.
    pub(crate) dies: bool,
    /// Whether its worker begins another life in it, or might: what is sent there later is sent to that one.
    pub(crate) begins_life: bool,
    /// What the message says; only where some inputs commute.
    pub(crate) input: Option<Input<M>>,
}

impl<M: StateMachine> Event<M> {
    /// The crash of this worker behind so many others.
    pub(crate) fn crash(at: u32, before: u32) -> Self {
        let extra = Extra { values: Vec::new(), targets: Vec::new(), dies: true, begins_life: true, input: None };
        let key = fnv::spread(u64::from(at) << 32 | u64::from(before));
        Self { key, at, outcome: Outcome::Crashed, extra: Some(Arc::new(extra)) }
    }

    /// What its handlers chose, as far as it is known.
    pub(crate) fn values(&self) -> &[u32] {
        self.extra.as_ref().map_or(&[], |extra| &extra.values)
    }

    /// The workers that its handlers sent to, as far as it is known.
    pub(crate) fn targets(&self) -> &[u32] {
        self.extra.as_ref().map_or(&[], |extra| &extra.targets)
    }

    /// Whether its worker dies in it, as far as that is known.
    pub(crate) fn dies(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.dies)
    }

    /// Whether its worker begins another life in it, as far as that is known.
    pub(crate) fn begins_life(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.begins_life)
    }

    /// What the message says, where that is known.
    pub(crate) fn input(&self) -> Option<&Input<M>> {
        self.extra.as_ref()?.input.as_ref()
    }

    /// The same arrival with other values, and whatever follows from them open.
    pub(crate) fn with_values(&self, values: Vec<u32>) -> Self {
        let input = self.input().cloned();
        let knows = input.is_some() || !values.is_empty();
        let extra =
            knows.then(|| Arc::new(Extra { values, targets: Vec::new(), dies: false, begins_life: false, input }));
        Self { key: self.key, at: self.at, outcome: self.outcome, extra }
    }

    /// The loss of the same message, and whatever follows from it open.
    pub(crate) fn lost(&self) -> Self {
        Self { outcome: Outcome::Lost, ..self.with_values(Vec::new()) }
    }

    /// That the same message is copied before.
    pub(crate) const fn copied(&self) -> Self {
        Self { key: self.key, at: self.at, outcome: Outcome::Copied, extra: None }
    }

    /// Whether it is the loss of its message.
    #[inline]
    pub(crate) fn is_lost(&self) -> bool {
        self.outcome == Outcome::Lost
    }

    /// Whether its message is copied.
    #[inline]
    pub(crate) fn is_copied(&self) -> bool {
        self.outcome == Outcome::Copied
    }

    /// Whether it befalls its message: no run need have it, and each may have so many.
    #[inline]
    pub(crate) fn is_mishap(&self) -> bool {
        self.is_lost() || self.is_copied()
    }

    /// Whether it is the crash of its worker.
    #[inline]
    pub(crate) fn is_crash(&self) -> bool {
        self.outcome == Outcome::Crashed
    }

    /// Whether its handlers sent to this worker.
    pub(crate) fn sent_to(&self, worker: u32) -> bool {
        self.targets().binary_search(&worker).is_ok()
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
        self.targets().iter().any(|target| other.sent_to(*target))
    }
}

impl<M: StateMachine> Clone for Event<M> {
    #[inline]
    fn clone(&self) -> Self {
        Self { key: self.key, at: self.at, outcome: self.outcome, extra: self.extra.clone() }
    }
}
