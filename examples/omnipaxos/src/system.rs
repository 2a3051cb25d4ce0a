//! The system: replicas, clients and laws together.

use raddle::prelude::System;

use crate::laws;
use crate::params::Params;
use crate::replica::Replica;
use crate::wire::Proposal;

/// A chain of the protocol is long: a tick elects, the election prepares, promises, synchronises, accepts and
/// decides; a follower that has fallen behind goes through all of it again; and a proposal may be passed on from
/// leader to former leader while they change.
const DEPTH_MAX: u32 = 64;

/// A cluster of replicas with clients that propose, and the laws of a replicated log.
///
/// ```
/// use raddle::prelude::*;
/// use raddle_omnipaxos::{Params, system};
///
/// system(&Params::default()).explore().seeds(0..100).assert_clean();
/// ```
#[must_use]
pub fn system(params: &Params) -> System<Replica> {
    let name = |n: u32| format!("r{}", n + 1);
    let (for_seat, replicas) = (params.clone(), params.replicas);
    let mut system = System::new("omnipaxos")
        .with(|policies| policies.max_depth = DEPTH_MAX)
        .workers((0..replicas).map(name), move |seat| Replica::new(seat, &for_seat));
    for client in 0..params.clients {
        let own = (client..params.proposals).step_by(params.clients as usize);
        let dealt = own.map(|proposal| (name(proposal % replicas), Proposal(proposal)));
        system = system.messages(format!("c{}", client + 1), dealt);
    }
    system
        .always(laws::AGREE, laws::agree)
        .always(laws::KEPT, laws::kept)
        .at_end(laws::SERVED, laws::served)
        .sometimes("something-was-decided", laws::decided)
        .sometimes("the-leader-changed", laws::leader_changed)
        .marks(["asked-again"])
}
