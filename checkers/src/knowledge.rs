//! What each worker knows of everybody's sends: a vector clock each, kept from what is sent and handled.
//!
//! Kept once for all laws that ask. What a worker claims to know is in its headers; what it knows is here. A worker keeps
//! its clock over its lives, so neither its end nor its restart changes anything.

use raddle_core::{Event, Header, VectorClock, What, WorkerId};

use crate::per_worker::PerWorker;

#[derive(Clone, Debug)]
pub(crate) struct Knowledge {
    clocks: PerWorker<VectorClock>,
}

impl Knowledge {
    pub(crate) fn new(workers: usize) -> Self {
        Self { clocks: PerWorker::new(workers) }
    }

    pub(crate) fn reset(&mut self) {
        self.clocks.reset();
    }

    /// Becomes equal to `other`, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { clocks } = self;
        clocks.copy_from(&other.clocks);
    }

    /// Counts a send; gives what its sender knows then, this send counted.
    #[inline(always)]
    pub(crate) fn sends(&mut self, from: WorkerId) -> &VectorClock {
        let known = self.clocks.at(from);
        known.tick(from);
        known
    }

    /// What a worker knows now.
    #[inline(always)]
    pub(crate) fn of(&mut self, worker: WorkerId) -> &mut VectorClock {
        self.clocks.at(worker)
    }

    /// One who is known to know this handles an update, and learns. What a worker sent itself it knows already.
    #[inline(always)]
    pub(crate) fn learn(known: &mut VectorClock, header: &Header) {
        if header.link().is_some() {
            known.merge(&header.clock);
        }
    }

    /// Follows an event of a trace.
    pub(crate) fn follow(&mut self, event: &Event) {
        let header = &event.header;
        match (event.what, header.from.worker()) {
            (What::Emit, Some(from)) => _ = self.sends(from),
            (What::Handle, _) => Self::learn(self.of(header.to), header),
            _ => {}
        }
    }
}
