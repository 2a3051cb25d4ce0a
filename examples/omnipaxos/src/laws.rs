//! What the replicas promise together, as properties of their states.
//!
//! [`AGREE`] and [`KEPT`] are safety: they hold after every step, whatever the network does. [`SERVED`] is what is
//! left of liveness when time is bounded: it holds when a run has come to rest, and is a fair claim because no
//! message is lost, every link keeps its order, and clients ask again when the leader they asked was replaced.

use raddle::prelude::Snapshot;

use crate::replica::Replica;
use crate::wire::Proposal;

/// Of any two decided logs, one is a prefix of the other.
pub const AGREE: &str = "decided-logs-agree";
/// What a replica has told to be decided stays in its log, at its place.
pub const KEPT: &str = "nothing-decided-is-lost";
/// Everything that was proposed is decided, at every replica.
pub const SERVED: &str = "everything-proposed-is-decided";

pub(crate) fn agree(run: &Snapshot<'_, Replica>) -> bool {
    let longest = run.machines().map(Replica::told).max_by_key(|told| told.len()).unwrap_or_default();
    run.machines().all(|replica| longest.starts_with(replica.told()))
}

pub(crate) fn kept(run: &Snapshot<'_, Replica>) -> bool {
    run.machines().all(Replica::kept)
}

pub(crate) fn served(run: &Snapshot<'_, Replica>) -> bool {
    let has_all = |told: &[Proposal]| run.machines().flat_map(Replica::asked).all(|asked| told.contains(asked));
    run.machines().all(|replica| has_all(replica.told()))
}

pub(crate) fn decided(run: &Snapshot<'_, Replica>) -> bool {
    run.machines().any(|replica| !replica.told().is_empty())
}

pub(crate) fn leader_changed(run: &Snapshot<'_, Replica>) -> bool {
    run.machines().any(|replica| replica.leaders() > 1)
}
