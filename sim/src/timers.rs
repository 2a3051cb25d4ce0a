//! The timers of a world: only those with the earliest deadline may fire, and firing one makes it that time. Where the
//! clock is told from outside, all that are due may. Until when what sessions have sent may wait stands among them.

use raddle_core::{MessageId, Time, Worker, WorkerId, copy_list};

use crate::sessions::is_op;

/// All timers that wait, and which may fire next.
#[derive(Default)]
pub(crate) struct Timers {
    /// (deadline, worker, id), in no order.
    waiting: Vec<(Time, WorkerId, MessageId)>,
    candidates: Vec<(WorkerId, MessageId)>,
    /// What the clock says, where it is told from outside: then whatever is due may fire.
    told: Option<Time>,
}

impl Timers {
    pub(crate) fn reset(&mut self) {
        self.waiting.clear();
        self.candidates.clear();
        self.told = None;
    }

    /// From now on the clock says this.
    pub(crate) fn tell(&mut self, now: Time, last: Time) {
        self.told = Some(now);
        self.find_candidates(last);
    }

    /// Becomes equal to `other`, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { waiting, candidates, told } = self;
        *told = other.told;
        copy_list(waiting, &other.waiting);
        copy_list(candidates, &other.candidates);
    }

    /// The timers that may fire next, in the order of workers.
    #[inline]
    pub(crate) fn candidates(&self) -> &[(WorkerId, MessageId)] {
        &self.candidates
    }

    /// When they are due.
    pub(crate) fn due(&self) -> Option<Time> {
        self.waiting.iter().map(|timer| timer.0).min()
    }

    /// Whether a worker that has handled something can have changed the timers.
    #[inline(always)]
    pub(crate) fn concern<M>(&self, worker: &Worker<M>) -> bool {
        !self.waiting.is_empty() || !worker.timers().is_empty()
    }

    /// Takes over the timers of a worker that may have changed them. `due` says when its clock will say what; none is due
    /// after `last`.
    pub(crate) fn update<M>(&mut self, worker: &Worker<M>, due: impl Fn(Time) -> Time, last: Time) {
        self.waiting.retain(|timer| timer.1 != worker.id() || is_op(&timer.2));
        self.waiting.extend(worker.timers().iter().map(|timer| (due(timer.deadline), worker.id(), timer.id.clone())));
        self.find_candidates(last);
    }

    /// Takes over until when what sessions have sent waits: at which worker, and its id.
    pub(crate) fn update_ops(&mut self, ops: impl Iterator<Item = (Time, WorkerId, MessageId)>, last: Time) {
        self.waiting.retain(|timer| !is_op(&timer.2));
        self.waiting.extend(ops);
        self.find_candidates(last);
    }

    fn find_candidates(&mut self, last: Time) {
        self.candidates.clear();
        let Some(due) = self.due().filter(|due| *due <= last) else { return };
        let due = self.told.map_or(due, |now| now.min(last).max(due));
        let now = self.waiting.iter().filter(|timer| timer.0 <= due);
        self.candidates.extend(now.map(|timer| (timer.1, timer.2.clone())));
        self.candidates.sort_by_key(|candidate| candidate.0);
    }
}
