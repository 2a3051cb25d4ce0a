//! How large a run is, and what is broken in it.

use crate::bug::Bug;

/// What [`system`](crate::system()) is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// How many replicas, from 3 to 9.
    pub replicas: u32,
    /// How many clients, at least 1.
    pub clients: u32,
    /// How many proposals they make together.
    pub proposals: u32,
    /// How many ticks each replica lives through. Ticks are what makes leaders change, and a run comes to rest when
    /// they have run out and the network is quiet.
    pub ticks: u32,
    /// Every how many ticks a replica asks who is alive, and elects.
    pub election_ticks: u32,
    /// Every how many ticks a replica resends what it takes for lost.
    pub resend_ticks: u32,
    /// What is broken on purpose.
    pub bug: Option<Bug>,
}

impl Default for Params {
    fn default() -> Self {
        Self { replicas: 3, clients: 2, proposals: 4, ticks: 4, election_ticks: 1, resend_ticks: 3, bug: None }
    }
}
