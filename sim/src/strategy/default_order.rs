//! The default order: oldest message first, no fault. The replay of the empty schedule.

use raddle_core::Beyond;

use super::Strategy;
use crate::actions::Actions;

/// Always the first action; handlers that choose take their first option.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultOrder;

impl Strategy for DefaultOrder {
    fn begin(&mut self, _: u64) {}

    fn choose(&mut self, _: &Actions<'_>) -> usize {
        0
    }

    fn beyond(&self) -> Beyond {
        Beyond::First
    }
}
