//! Who is dead: whose life is over and no other has begun.
//!
//! A worker that was restarted is as alive as any other: it handles what waits for it, and may itself wait for others.

use raddle_core::{EventRef, Lane, Trace, What, WorkerId, copy_list};

#[derive(Clone, Debug, Default)]
pub(crate) struct Dead(Vec<WorkerId>);

impl Dead {
    pub(crate) fn reset(&mut self) {
        self.0.clear();
    }

    pub(crate) fn copy_from(&mut self, other: &Self) {
        copy_list(&mut self.0, &other.0);
    }

    /// Follows what happens to lives; anything else is nothing.
    pub(crate) fn follow(&mut self, event: EventRef<'_>) {
        let worker = worker_of(event);
        match event.what {
            What::Crash(_) if !self.has(worker) => self.0.push(worker),
            What::Restart => self.0.retain(|dead| *dead != worker),
            _ => {}
        }
    }

    pub(crate) fn has(&self, worker: WorkerId) -> bool {
        self.0.contains(&worker)
    }

    pub(crate) const fn is_nobody(&self) -> bool {
        self.0.is_empty()
    }

    /// Who is dead when a run is over.
    pub(crate) fn at_end(trace: &Trace) -> Self {
        let mut dead = Self::default();
        trace.events.iter().for_each(|event| dead.follow(event.as_ref()));
        dead
    }
}

/// The worker at which something happened. Of an end or a beginning of a life the lane says it: a fault may befall a worker
/// that handles nothing.
pub(crate) const fn worker_of(event: EventRef<'_>) -> WorkerId {
    match event.lane {
        Lane::Worker(worker) | Lane::Inbox(worker) => worker,
        Lane::Shard(_) | Lane::Network => event.header.to,
    }
}
