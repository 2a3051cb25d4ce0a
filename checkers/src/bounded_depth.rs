//! Bounded depth: every update knows how deep in its chain it stands, and none reaches the limit.
//!
//! The depth is worked out anew from the parent links, which are in the id: no header is believed. Judged when an
//! update is sent and again when it is handled, since what arrives may come from a broken peer.
//!
//! Sound under `dpor`: it reads one update at a time.

use std::collections::BTreeMap;

use raddle_core::{EventRef, Header, MessageId, Names, Trace, What, WorkerId};

use crate::violation::Violation;
use crate::words;

pub(crate) const NAME: &str = "bounded-depth";

#[derive(Clone, Debug)]
pub(crate) struct BoundedDepth {
    limit: u32,
}

impl BoundedDepth {
    pub(crate) const fn new(limit: u32) -> Self {
        Self { limit }
    }

    /// Whether the depth of a message is what its parent links say, and below the limit.
    #[inline(always)]
    pub(crate) fn allows(&self, header: &Header) -> bool {
        let counted = header.id.depth();
        counted == header.depth && (counted.0 < self.limit || header.id.is_root())
    }

    #[cold]
    pub(crate) fn broken(&self, event: EventRef<'_>, names: &Names) -> Violation {
        let header = event.header;
        let counted = header.id.depth();
        let (worker, did) = match event.what {
            What::Emit => (header.from.worker().unwrap_or_default(), "sent"),
            _ => (header.to, "handled"),
        };
        let (code, wrong) = if counted == header.depth {
            ("too-deep", format!("at depth {}, though depth {} must be refused", counted.0, self.limit))
        } else {
            let links = format!("depth {} of its chain", counted.0);
            (
                "miscounted",
                format!("as if at depth {}, though by its parent links it stands at {links}", header.depth.0),
            )
        };
        let reason = format!("{} {did} {} {wrong}", names.worker(worker), words::id(&header.id, names));
        Violation { depth: counted, ..Violation::at(NAME, code, Some(worker), event, reason) }
    }
}

/// Shows the chain, and the cycle in it if a worker stands in it twice.
pub(crate) fn explain(violation: &mut Violation, trace: &Trace) {
    let names = &trace.conditions.names;
    let Some(message) = &violation.message else { return };
    let mut chain: Vec<MessageId> = std::iter::successors(message.parent(names), |id| id.parent(names)).collect();
    chain.reverse();
    let mut handled_by: BTreeMap<&MessageId, WorkerId> = BTreeMap::new();
    for event in &trace.events {
        if matches!(event.what, What::Handle | What::Emit) {
            handled_by.insert(&event.header.id, event.header.to);
        }
    }
    let hops: Vec<WorkerId> = chain.iter().chain([message]).filter_map(|id| handled_by.get(id).copied()).collect();
    if !hops.is_empty() {
        violation.reason += &format!("; its chain went {}", words::path(&hops, names));
        if let Some(cycle) = cycle(&hops) {
            violation.reason += &format!(", round the cycle {}", words::path(cycle, names));
        }
    }
    violation.witness = chain;
}

/// The first way back to a worker that was there before.
fn cycle(hops: &[WorkerId]) -> Option<&[WorkerId]> {
    (1..hops.len()).find_map(|end| {
        let start = hops[..end].iter().rposition(|worker| *worker == hops[end])?;
        Some(&hops[start..=end])
    })
}
