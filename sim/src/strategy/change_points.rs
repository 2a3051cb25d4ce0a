//! Where PCT and PCTCP lower a priority: d - 1 places in a run of k events, drawn before it begins.

use std::fmt;

use raddle_core::random;
use rand_chacha::ChaCha8Rng;

/// The depth of the bugs that PCT and PCTCP aim at: how many orderings between events such a bug needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BugDepth(u8);

impl BugDepth {
    /// The greatest: bugs that need more orderings than this are found by chance, if at all.
    pub const MAX: u8 = 16;

    /// From 1 to [`BugDepth::MAX`].
    #[must_use]
    pub const fn new(depth: u8) -> Option<Self> {
        match depth {
            1..=Self::MAX => Some(Self(depth)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for BugDepth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The change points of one run.
#[derive(Debug)]
pub(super) struct ChangePoints {
    depth: BugDepth,
    /// Distinct numbers of events, in the order in which they were drawn.
    points: Vec<u64>,
}

impl ChangePoints {
    pub(super) const fn new(depth: BugDepth) -> Self {
        Self { depth, points: Vec::new() }
    }

    /// Draws one less than the depth among the events 1 to `events`; all of them if there are not so many.
    pub(super) fn draw(&mut self, events: u64, rng: &mut ChaCha8Rng) {
        self.points.clear();
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        let wanted = (u32::from(self.depth.0) - 1).min(events) as usize;
        while self.points.len() < wanted {
            let point = 1 + u64::from(random::below(rng, events));
            if !self.points.contains(&point) {
                self.points.push(point);
            }
        }
    }

    /// The priority to which this event is lowered, if it is a change point: d - i for the i-th that was drawn, below
    /// all that are drawn for chains.
    #[inline(always)]
    pub(super) fn lowered(&self, event: u64) -> Option<u32> {
        let at = self.points.iter().position(|point| *point == event)?;
        Some(u32::from(self.depth.0) - 1 - at as u32)
    }
}
