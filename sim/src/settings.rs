//! What a simulated run is: granularity, network and limits. With the policies of the system and a seed, this is all
//! that a run depends on.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use raddle_core::{Counting, FaultKind, Order, Placement, Policies, Time};

use crate::faults::FaultPlan;

/// Which moments the scheduler may interleave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Granularity {
    /// A step is the arrival of one message, with all that its handling does. If unsure, this.
    #[default]
    Delivery,
    /// Arriving, routing, picking and each push of a handler are steps of their own: for backpressure, priorities,
    /// starvation and backlog.
    Queues,
    /// As `queues`, and what follows of a step elsewhere (a stall, the news of a nack, the end of a life, a tombstone, the
    /// second half of a routing) is a step of its own, as on threads: every real run is such a run. A push arrives at once.
    Threads,
}

impl Granularity {
    /// Whether inputs go through queues, from which workers pick.
    #[must_use]
    pub const fn is_queued(self) -> bool {
        !matches!(self, Self::Delivery)
    }
}

/// Which updates the simulated transport may deliver next. Each allows all that the ones before it allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Network {
    /// To each worker in the order in which they were sent.
    Mailbox,
    /// To each worker never before one that its sender knew of.
    Causal,
    /// From each worker to each worker in the order in which they were sent. If unsure, this.
    #[default]
    Fifo,
    /// In any order.
    Bag,
}

impl Network {
    /// The strongest order of updates that this network keeps by itself.
    #[must_use]
    pub const fn promises(self) -> Order {
        match self {
            Self::Mailbox | Self::Causal => Order::Causal,
            Self::Fifo => Order::Fifo,
            Self::Bag => Order::Arrival,
        }
    }
}

/// Everything about a run but the system and the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which moments are interleaved.
    pub granularity: Granularity,
    /// What the transport may do.
    pub network: Network,
    /// A run is cut off after this many steps, and then counts as unfinished.
    pub steps_max: u64,
    /// No timer fires later than this: the run comes to rest there. `None`: no limit.
    pub horizon: Option<Duration>,
    /// Which faults a run may suffer.
    pub faults: FaultPlan,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            granularity: Granularity::default(),
            network: Network::default(),
            steps_max: 10_000,
            horizon: None,
            faults: FaultPlan::default(),
        }
    }
}

/// A combination of settings and policies that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// There is no hop that the network could govern.
    #[error(
        "at granularity `queues` an inline push is synchronous, so `network = {0}` would change nothing: \
         use `placement = sharded(N)`, or `network = fifo`"
    )]
    NoHop(Network),
    /// The same, whatever the placement.
    #[error(
        "at granularity `threads` a push is synchronous, so `network = {0}` would change nothing: use `network = fifo`"
    )]
    NoHopOnThreads(Network),
    /// There is no network that could do that.
    #[error(
        "at granularity `queues` an inline push is synchronous, so there can be no `{0}`: \
         use `placement = sharded(N)`, or `granularity = delivery`"
    )]
    NoNetwork(&'static str),
    /// The same, whatever the placement.
    #[error("at granularity `threads` a push is synchronous, so there can be no `{0}`: use `granularity = delivery`")]
    NoNetworkOnThreads(&'static str),
    /// A run of no steps proves nothing.
    #[error("`steps_max` must be at least 1")]
    NoSteps,
}

impl Settings {
    /// Checks that these settings and policies can be run together.
    ///
    /// # Errors
    /// When they cannot, with the reason.
    pub fn check(&self, policies: &Policies) -> Result<(), SettingsError> {
        let threads = self.granularity == Granularity::Threads;
        let inline = self.granularity == Granularity::Queues && policies.placement == Placement::Inline;
        if (inline || threads) && matches!(self.network, Network::Bag | Network::Mailbox) {
            let error = if threads { SettingsError::NoHopOnThreads } else { SettingsError::NoHop };
            return Err(error(self.network));
        }
        let network = |kind: &FaultKind| kind.is_of_messages() || *kind == FaultKind::Partition;
        if let (true, Some(kind)) = (inline || threads, self.faults.kinds().find(network)) {
            let error = if threads { SettingsError::NoNetworkOnThreads } else { SettingsError::NoNetwork };
            return Err(error(kind.name()));
        }
        if self.steps_max == 0 {
            return Err(SettingsError::NoSteps);
        }
        Ok(())
    }

    /// What the capacity of a queue bounds at this granularity.
    #[must_use]
    pub const fn counting(&self) -> Counting {
        match self.granularity {
            Granularity::Delivery => Counting::InFlight,
            Granularity::Queues | Granularity::Threads => Counting::Queued,
        }
    }

    /// The strongest order that placement and network keep by themselves.
    #[must_use]
    pub fn transport(&self, policies: &Policies) -> Order {
        match (self.granularity, policies.placement) {
            (Granularity::Queues, Placement::Inline) | (Granularity::Threads, _) => Order::Causal,
            _ => self.network.promises(),
        }
    }

    /// The strongest order that core, placement and network together promise.
    #[must_use]
    pub fn promised(&self, policies: &Policies) -> Order {
        self.transport(policies).max(policies.order)
    }

    /// The last moment at which a timer may fire.
    pub(crate) fn last_moment(&self) -> Time {
        self.horizon.map_or(Time(u64::MAX), |horizon| Time(0).after(horizon))
    }
}

macro_rules! words {
    ($type:ty, $what:literal { $($word:literal => $value:path),* $(,)? }) => {
        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok($value),)*
                    _ => Err(format!("`{text}` is no {}: expected {}", $what, [$($word),*].join(", "))),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($value => $word),* })
            }
        }
    };
}

words!(Granularity, "granularity" {
    "delivery" => Self::Delivery, "queues" => Self::Queues, "threads" => Self::Threads,
});
words!(Network, "network" {
    "mailbox" => Self::Mailbox, "causal" => Self::Causal, "fifo" => Self::Fifo, "bag" => Self::Bag,
});
