//! The kinds of fault that a run may suffer, by name.
//!
//! What each does is said here once; the simulator injects them, the settings of a search ask for them, and a system
//! may say which of its messages they may befall ([`System::fault_when`](crate::System::fault_when)).

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// An update on its way is lost. Its header is not: it leaves a tombstone.
    Loss,
    /// An update on its way arrives once more: a copy of it is sent by the same link.
    Duplication,
    /// An update on its way, and all that must not overtake it, is held up until nothing else can happen or the delay
    /// is over.
    Delay,
    /// Nothing that one worker sends another arrives until the link is healed; nothing is lost.
    Partition,
    /// A worker dies between two inputs (of a process also: of one): state and timers are lost, and every update on its way
    /// to it.
    Crash,
    /// A worker handles nothing for a while.
    Stall,
    /// A worker's update queue has no room for a while, whatever is in it.
    Full,
    /// A worker's clock is set wrong.
    Skew,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 8] =
        [Self::Loss, Self::Duplication, Self::Delay, Self::Partition, Self::Crash, Self::Stall, Self::Full, Self::Skew];

    /// Its name, in settings, findings and reports; fixed for ever.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Duplication => "duplication",
            Self::Delay => "delay",
            Self::Partition => "partition",
            Self::Crash => "crash",
            Self::Stall => "stall",
            Self::Full => "full",
            Self::Skew => "skew",
        }
    }

    /// The word of its beginning, in traces; fixed for ever.
    pub(crate) const fn fault_word(self) -> &'static str {
        match self {
            Self::Loss => "fault(loss)",
            Self::Duplication => "fault(duplication)",
            Self::Delay => "fault(delay)",
            Self::Partition => "fault(partition)",
            Self::Crash => "fault(crash)",
            Self::Stall => "fault(stall)",
            Self::Full => "fault(full)",
            Self::Skew => "fault(skew)",
        }
    }

    /// The word of its end.
    pub(crate) const fn over_word(self) -> &'static str {
        match self {
            Self::Loss => "over(loss)",
            Self::Duplication => "over(duplication)",
            Self::Delay => "over(delay)",
            Self::Partition => "over(partition)",
            Self::Crash => "over(crash)",
            Self::Stall => "over(stall)",
            Self::Full => "over(full)",
            Self::Skew => "over(skew)",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it befalls one message, not a worker or a link.
    #[must_use]
    pub const fn is_of_messages(self) -> bool {
        matches!(self, Self::Loss | Self::Duplication | Self::Delay)
    }
}
