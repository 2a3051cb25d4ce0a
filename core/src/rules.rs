//! What every worker of a system goes by: who there is, the policies, the declared edges, and what updates carry.
//!
//! They stand when a run begins, and nothing in it changes them.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::ids::WorkerId;
use crate::names::Names;
use crate::policy::Policies;

/// What every worker of a system goes by.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Who there is.
    pub names: Arc<Names>,
    /// The policies.
    pub policies: Policies,
    /// The declared edges, if edges are declared.
    pub edges: Option<Edges>,
    /// Whether updates carry barriers.
    pub barriers: bool,
    /// Whether each also carries what else its handling sends: where there are sessions.
    pub commits: bool,
    /// Whether these also say on which lives they rely.
    pub lives: bool,
}

impl Rules {
    /// Whether it is time to publish what is resolved and to prune barriers, after so many inputs that were handled by
    /// whoever asks: one thread of a real run, or the whole simulator.
    #[must_use]
    #[inline(always)]
    pub const fn is_watermark_due(&self, handled: u64) -> bool {
        self.barriers && handled.is_multiple_of(self.policies.watermark)
    }
}

/// Declared edges: who may notify whom.
pub type Edges = BTreeSet<(WorkerId, WorkerId)>;
