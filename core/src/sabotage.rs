//! Rules of the core broken on purpose.
//!
//! A checker that has never been seen to fail proves nothing. Each variant breaks one rule in the one place where
//! the core keeps it, in every driver, so that the law which guards the rule can be shown to catch it
//! (`--set sabotage=NAME`, and the planted bugs of the built-in systems). Never on unless asked for by name.

/// A rule of the core to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// The second update of each link vanishes without an event.
    LoseSilently,
    /// The first update of each link is handled twice.
    HandleTwice,
    /// Updates keep the depth of their parent, so that the limit never bites.
    FreezeDepth,
    /// A full queue takes one more, and one more.
    IgnoreCapacity,
    /// The pick policy alone decides, without the starvation bound.
    IgnoreStarvation,
    /// The second update of each link overtakes the first.
    SwapPairs,
    /// A dropped update leaves no tombstone, so that its successors wait for ever.
    ForgetTombstones,
    /// Causal order by the rule for broadcasts: an update waits for all sends that its clock counts, to whomever.
    BroadcastClocks,
    /// A dropped update leaves a bare notice that its number is gone, without what it would have waited for.
    BareGaps,
    /// Neighbouring tombstones of one link become one that waits for all that the two wait for.
    MergeTombstones,
    /// The watermark says that one more of each link is resolved than is.
    RunAhead,
    /// Nothing is ever said to be resolved, so that updates carry more and more barriers.
    ForgetWatermark,
    /// A worker does not learn from the clocks of what it handles.
    ForgetClocks,
    /// A new life of a worker handles what was sent to an earlier one.
    AcceptOldLives,
    /// A new life of a worker counts its sends from the beginning.
    ResetClocks,
    /// A worker serves a session whatever that must see.
    IgnoreToken,
    /// A worker serves a session when its clock dominates the session's: the rule for broadcasts.
    ClockToken,
}

impl Sabotage {
    /// Every rule that can be broken.
    pub const ALL: [Self; 17] = [
        Self::LoseSilently,
        Self::HandleTwice,
        Self::FreezeDepth,
        Self::IgnoreCapacity,
        Self::IgnoreStarvation,
        Self::SwapPairs,
        Self::ForgetTombstones,
        Self::BroadcastClocks,
        Self::BareGaps,
        Self::MergeTombstones,
        Self::RunAhead,
        Self::ForgetWatermark,
        Self::ForgetClocks,
        Self::AcceptOldLives,
        Self::ResetClocks,
        Self::IgnoreToken,
        Self::ClockToken,
    ];

    /// Its name for `--set sabotage=NAME`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoseSilently => "lose-silently",
            Self::HandleTwice => "handle-twice",
            Self::FreezeDepth => "freeze-depth",
            Self::IgnoreCapacity => "ignore-capacity",
            Self::IgnoreStarvation => "ignore-starvation",
            Self::SwapPairs => "swap-pairs",
            Self::ForgetTombstones => "forget-tombstones",
            Self::BroadcastClocks => "broadcast-clocks",
            Self::BareGaps => "bare-gaps",
            Self::MergeTombstones => "merge-tombstones",
            Self::RunAhead => "run-ahead",
            Self::ForgetWatermark => "forget-watermark",
            Self::ForgetClocks => "forget-clocks",
            Self::AcceptOldLives => "accept-old-lives",
            Self::ResetClocks => "reset-clocks",
            Self::IgnoreToken => "ignore-token",
            Self::ClockToken => "clock-token",
        }
    }

    /// The rule of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}
