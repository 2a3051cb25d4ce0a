//! A strategy that somebody looks at while it chooses.

use raddle_core::{Beyond, Time};

use super::Strategy;
use crate::actions::Actions;

/// Chooses what another does, and shows each choice: among what, and which.
pub(crate) struct Observed<'a, F> {
    pub(crate) inner: &'a mut dyn Strategy,
    pub(crate) look: F,
}

impl<F: FnMut(&Actions<'_>, usize) + Send> Strategy for Observed<'_, F> {
    fn begin(&mut self, seed: u64) {
        self.inner.begin(seed);
    }

    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        let at = self.inner.choose(actions);
        (self.look)(actions, at);
        at
    }

    fn is_scripted(&self) -> bool {
        self.inner.is_scripted()
    }

    fn script(&mut self, values: &mut Vec<u32>) {
        self.inner.script(values);
    }

    fn now(&mut self) -> Option<Time> {
        self.inner.now()
    }

    fn beyond(&self) -> Beyond {
        self.inner.beyond()
    }
}
