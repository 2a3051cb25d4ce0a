//! Fairness: a queue that has something is passed over at most K of its worker's own picks in a row.
//!
//! The picks are seen as handlings, the lengths of both queues are worked out from the events of the inbox. A pick
//! that took nothing, for want of credit after a nack, leaves no event; so what is counted here is never more than
//! the worker's own count. A dead worker is unfair to nobody, and one that is restarted has passed over nothing yet.
//!
//! Judged at granularity `queues` only, so never under `dpor`.

use raddle_core::{Conditions, Counting, EventRef, Names, What, WorkerId};

use crate::aside::Aside;
use crate::lengths::{Lengths, Pickable};
use crate::per_worker::{Forget, PerWorker};
use crate::violation::{Verdict, Violation};
use crate::words;

pub(crate) const NAME: &str = "fairness";

#[derive(Clone, Debug)]
pub(crate) struct Fairness {
    seats: PerWorker<Seat>,
    aside: Aside,
    bound: u32,
    counting: Counting,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seat {
    lengths: Lengths,
    /// Picks in a row that passed over external messages that waited, and updates that did.
    externals_passed: u32,
    updates_passed: u32,
}

impl Forget for Seat {
    #[inline]
    fn forget(&mut self) {
        *self = Self::default();
    }

    #[inline]
    fn copy_from(&mut self, other: &Self) {
        *self = *other;
    }
}

impl Fairness {
    pub(crate) fn new(conditions: &Conditions) -> Self {
        Self {
            seats: PerWorker::new(conditions.names.worker_count()),
            aside: Aside::default(),
            bound: conditions.policies.starvation_bound,
            counting: conditions.counting,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.seats.reset();
        self.aside.reset();
    }

    /// Becomes equal to `other`, the same law over another run, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { seats, aside, bound: _, counting: _ } = self;
        seats.copy_from(&other.seats);
        aside.copy_from(&other.aside);
    }

    /// A life of a worker is over.
    pub(crate) fn crash(&mut self, worker: WorkerId) {
        let seat = self.seats.at(worker);
        seat.externals_passed = 0;
        seat.updates_passed = 0;
    }

    /// Follows an event of an inbox or a handling; whether the pick it shows, if any, was fair.
    #[inline(always)]
    pub(crate) fn follow(&mut self, event: EventRef<'_>) -> bool {
        if self.counting == Counting::InFlight {
            return true;
        }
        let Some(queue) = Pickable::of(event.header) else { return true };
        let seat = self.seats.at(event.header.to);
        let fair = event.what != What::Handle || seat.pick(queue, self.bound);
        seat.lengths.follow(event.what, queue, self.aside.follow(event.what, event.header));
        fair
    }

    #[cold]
    pub(crate) fn passed_over(&mut self, event: EventRef<'_>, names: &Names) -> Violation {
        let worker = event.header.to;
        let seat = *self.seats.at(worker);
        let (code, passed, waited, what) = match Pickable::of(event.header) {
            Some(Pickable::Updates) => {
                ("externals-passed-over", seat.externals_passed, seat.lengths.externals, "external message")
            }
            _ => ("updates-passed-over", seat.updates_passed, seat.lengths.updates, "update"),
        };
        let reason = format!(
            "{} passed over its {what}s {passed} times in a row, the last time to handle {}, though {} waited and {} \
             is the bound",
            names.worker(worker),
            words::message(event.header, names),
            words::count(waited, what),
            self.bound,
        );
        Violation::at(NAME, code, Some(worker), event, reason)
    }

    pub(crate) fn verdict(&self) -> Verdict {
        match self.counting {
            Counting::Queued => Verdict::Ok,
            Counting::InFlight => Verdict::Unknown(
                "at granularity `delivery` there are no queues to pick from; use granularity `queues`".to_owned(),
            ),
        }
    }
}

impl Seat {
    /// Counts a pick from `queue`; whether the other queue was not passed over too often.
    #[inline]
    fn pick(&mut self, queue: Pickable, bound: u32) -> bool {
        let (taken, passed, waits) = match queue {
            Pickable::Externals => (&mut self.externals_passed, &mut self.updates_passed, self.lengths.updates > 0),
            Pickable::Updates => (&mut self.updates_passed, &mut self.externals_passed, self.lengths.externals > 0),
        };
        *taken = 0;
        *passed = if waits { passed.saturating_add(1) } else { 0 };
        *passed <= bound
    }
}
