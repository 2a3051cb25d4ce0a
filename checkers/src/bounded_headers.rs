//! Bounded headers: no update carries more barriers than the policy `barriers_max` allows.
//!
//! Barriers are how `order = causal` is kept where the transport does not keep it. They are forgotten when a watermark says
//! that they are resolved; without one, or with one that lags far behind, headers grow with the square of the workers.
//!
//! Barriers are not written into traces, so a trace from a file says nothing of them.

use raddle_core::{EventRef, Header, Names, Trace};

use crate::violation::{Verdict, Violation};
use crate::words;

pub(crate) const NAME: &str = "bounded-headers";

#[derive(Clone, Debug)]
pub(crate) struct BoundedHeaders {
    limit: usize,
}

impl BoundedHeaders {
    pub(crate) const fn new(limit: usize) -> Self {
        Self { limit }
    }

    #[inline(always)]
    pub(crate) fn allows(&self, header: &Header) -> bool {
        header.barriers.len() <= self.limit
    }

    #[cold]
    pub(crate) fn broken(&self, event: EventRef<'_>, names: &Names) -> Violation {
        let header = event.header;
        let from = header.from.worker();
        let reason = format!(
            "{} sent {} with {} barriers, and {} are allowed (`barriers_max`): is what is resolved published often enough \
             (`watermark`)?",
            from.map_or("?", |from| names.worker(from)),
            words::id(&header.id, names),
            header.barriers.len(),
            self.limit,
        );
        Violation::at(NAME, "too-many", from, event, reason)
    }
}

/// What a trace says where no update carries any: nothing, if there might have been some.
pub(crate) fn judge(trace: &Trace) -> Verdict {
    let none = trace.events.iter().all(|event| event.header.barriers.is_empty());
    if none && trace.conditions.barriers {
        return Verdict::Unknown("barriers are not written into traces: it is judged while a run goes on".to_owned());
    }
    Verdict::Ok
}
