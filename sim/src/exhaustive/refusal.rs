//! What an exhaustive search cannot do, with the reason: it never counts wrong instead.

use super::checkpoint::CheckpointError;
use crate::settings::Network;

/// A search that cannot be done as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The search knows deliveries only.
    #[error(
        "`{search}` searches granularity `delivery` only: pushes, routes and picks are no deliveries; \
         use `--granularity delivery`, or `--strategy dfs`"
    )]
    Queues {
        /// The strategy.
        search: &'static str,
    },
    /// The search knows no such fault.
    #[error(
        "`{search}` cannot search with the fault `{fault}`: it knows {known} only; use `--strategy dfs`, or sample"
    )]
    Fault {
        /// The strategy.
        search: &'static str,
        /// The kind of fault.
        fault: &'static str,
        /// What it knows.
        known: &'static str,
    },
    /// More crashes than can be searched.
    #[error(
        "`dpor` searches at most {max} {what}, and these are {count}: use fewer, as in `--faults 'crash(1)'`, or sample"
    )]
    Crashes {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: u64,
        /// How many there may be.
        max: u64,
    },
    /// When a worker may crash depends on what it is about to handle.
    #[error(
        "`dpor` searches crashes at any time only, and this system says when: use `--strategy dfs`, or search without \
         `.fault_when(FaultKind::Crash, ..)`"
    )]
    CrashWhen,
    /// A worker has set a timer.
    #[error(
        "`{search}` cannot search systems with timers, and `{worker}` has set the timer {tag}: \
         use `--strategy dfs` or `delay(2)` with a `--horizon`"
    )]
    Timer {
        /// The strategy.
        search: &'static str,
        /// Who has set it.
        worker: String,
        /// Its tag.
        tag: u64,
    },
    /// The search does not know what sessions wait for.
    #[error("`{search}` cannot search systems with sessions: use `--strategy dfs` or `delay(2)`, or sample")]
    Sessions {
        /// The strategy.
        search: &'static str,
    },
    /// A queue can become full.
    #[error(
        "`{search}` cannot search systems in which a queue can become full{why}, and `{worker}` was sent {updates} \
         updates in one run while its capacity is {capacity}: use `--set capacity={updates}`, or `--strategy dfs`"
    )]
    FullQueue {
        /// The strategy.
        search: &'static str,
        /// Why not, where it can search full queues otherwise: what follows on "full".
        why: &'static str,
        /// Whose queue.
        worker: String,
        /// How many it was sent.
        updates: u32,
        /// For how many there is room.
        capacity: usize,
    },
    /// A worker died of a panic for good.
    #[error(
        "`dpor` is not proved where a worker that may crash dies of a panic for good, as `{worker}` did: use `--set \
         restart=always`, search without crashes, or use `--strategy dfs`"
    )]
    Dead {
        /// Who died.
        worker: String,
    },
    /// Commuting is not proved there.
    #[error(
        "`dpor` with declared commuting inputs is proved for the networks `bag` and `fifo` only, and this is \
         `{network}`: an order that commuting leaves open shows there in the order of other messages"
    )]
    CommutingNetwork {
        /// The network.
        network: Network,
    },
    /// Commuting is not proved there.
    #[error(
        "`dpor` with declared commuting inputs is proved only where no update waits for another at its worker: use \
         `--set order=arrival`, or `--network fifo`"
    )]
    CommutingOrder,
    /// The states of the search are not known.
    #[error("`states` must tell states apart: add `.hashed()` to the system")]
    NotHashed,
    /// The state would not be all that the future depends on.
    #[error("`states` cannot search this system: {why}")]
    States {
        /// What else the future depends on.
        why: &'static str,
    },
    /// A checkpoint that cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}
