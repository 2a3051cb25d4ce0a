//! Recordings: what a real run leaves, enough to execute it again in the simulator.
//!
//! A real run is a set of lanes: one for each worker, its inbox, and each shard. A lane is a sequence of acts, each of
//! which happened at once. Which of two acts of different lanes came first is not written down: nobody in the run could
//! tell, but where one needs the other (a push comes after the handling that sent it). So no lane waits for another to
//! be recorded, and any order that agrees with the needs is the same run.
//!
//! What follows from the acts by the rules of the core is not written down either: ids, clocks, numbers, depths, drops.
//! What user code said is, so that code which is not deterministic is caught ([`Said`]).
//!
//! - `act.rs`: the acts; `pen.rs`: how they are written and read; `said.rs`: what handlers said; `sketch.rs`: a value as a
//!   number.
//!
//! This folder knows no file: a driver writes the bytes of lanes, and gives them back ([`Recording`]). Of what it reads
//! it must never trust a byte, nor panic over one.

mod act;
mod pen;
mod said;
mod sketch;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ids::WorkerId;
use crate::machine::StateMachine;
use crate::plan::Plan;
use crate::policy::{Policies, Restart};
use crate::trace::EndReason;

pub use act::{Act, Handling};
pub use pen::{Malformed, Pen, Reader};
pub use said::{Said, Saying};
pub(crate) use sketch::Sketch;

/// What a real run leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// What was run.
    pub head: Head,
    /// The acts of each lane: the first worker's, its inbox's, the second worker's, …, then those of the shards.
    pub lanes: Vec<Vec<u8>>,
    /// How it ended; none if it was killed, or the recording was cut off.
    pub tail: Option<Tail>,
    /// Why not all of the run is there, if that is known.
    pub cut: Option<String>,
}

/// What was run, with everything that is not in the code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The name of the system.
    pub system: String,
    /// The planted bug that was switched on, if any.
    pub bug: Option<String>,
    /// The parameters the system was built with.
    pub params: IndexMap<String, String>,
    /// Every policy.
    pub policies: IndexMap<String, String>,
    /// What handlers choose and draw comes from it.
    pub seed: u64,
    /// How many messages the sources were to send in all.
    pub messages: u64,
    /// All workers, in the order of declaration.
    pub workers: Vec<String>,
    /// All sources, in the order of declaration.
    pub sources: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tail {
    /// Whether nothing was left to do; otherwise it was told to stop.
    pub is_quiescent: bool,
    /// The digest of its events, if its driver kept them.
    pub digest: Option<Digest>,
    /// The hash of all final states, if the system is hashed.
    pub state: Option<u64>,
}

/// Which part of the system a program is built from, beside its code: only the caller of a driver knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The planted bug that was switched on, if any.
    pub bug: Option<String>,
    /// The parameters the system was built with.
    pub params: IndexMap<String, String>,
}

impl Head {
    /// What is run when this plan is.
    #[must_use]
    pub fn new<M: StateMachine>(plan: &Plan<M>, origin: &Origin, seed: u64, messages: u64) -> Self {
        let (names, policies) = (plan.names(), plan.policies());
        let policy = |key: &str| (key.to_owned(), policies.get(key).expect("all keys have values"));
        Self {
            system: names.system().to_owned(),
            bug: origin.bug.clone(),
            params: origin.params.clone(),
            policies: Policies::KEYS.iter().map(|(key, _, _)| policy(key)).collect(),
            seed,
            messages,
            workers: names.workers().map(|(_, name)| name.to_owned()).collect(),
            sources: names.sources().map(|(_, name)| name.to_owned()).collect(),
        }
    }
}

impl Tail {
    /// How the run is over.
    #[must_use]
    pub const fn reason(&self) -> EndReason {
        if self.is_quiescent { EndReason::Quiescent } else { EndReason::Stopped }
    }
}

/// The lane of a worker's handlings.
#[must_use]
pub const fn worker_lane(worker: WorkerId) -> usize {
    2 * worker.index()
}

/// The lane of a worker's inbox.
#[must_use]
pub const fn inbox_lane(worker: WorkerId) -> usize {
    2 * worker.index() + 1
}

/// The lane of a shard, where there are so many workers.
#[must_use]
pub const fn shard_lane(workers: usize, shard: u32) -> usize {
    2 * workers + shard as usize
}

/// Whether it must be written down how many lives had ended when an input was handled: under these policies, those who
/// send ask which life their target is in.
#[must_use]
pub fn counts_deaths(policies: &Policies) -> bool {
    policies.restart != Restart::Never
}
