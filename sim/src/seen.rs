//! What can be seen of a world between two steps: where it stands, what its last step was, and how its run ended.

use raddle_core::{End, EndReason, Moment, Parked, Snapshot, StateMachine, Time, WorkerId, fnv};

use crate::coverage::Coverage;
use crate::transit::Gate;
use crate::world::World;

impl<M: StateMachine> World<M> {
    /// The step and time of the last action.
    #[must_use]
    pub const fn moment(&self) -> Moment {
        self.moment
    }

    /// How many inputs have been handled.
    #[must_use]
    pub const fn deliveries(&self) -> u64 {
        self.deliveries
    }

    /// What was handled in which kind of state, if the system says of kinds.
    #[must_use]
    pub fn coverage(&self) -> Option<&Coverage> {
        self.coverage.as_deref()
    }

    /// The states of all machines.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<'_, M> {
        Snapshot::new(&self.workers, self.plan.names())
    }

    /// The virtual time.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.moment.time
    }

    /// What handlers chose in the last step, in order.
    #[must_use]
    pub fn chosen(&self) -> &[u32] {
        &self.chosen
    }

    /// Among how many options each of [`World::chosen`] was chosen.
    pub(crate) fn options(&self) -> &[u32] {
        &self.options
    }

    /// Whether a timer waits beyond the horizon.
    #[must_use]
    pub fn is_cut_by_horizon(&self) -> bool {
        self.timers.due().is_some_and(|due| due > self.settings.last_moment())
    }

    /// What tells this run's trace from another's: the receive sequences of all workers with what they chose, the
    /// dropped ids and the crash points. Order between workers does not count, nor of inputs declared to commute.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let past = |worker: &WorkerId| match &self.histories {
            None => self.transit.places[worker.index()].past,
            Some(histories) => histories.past(worker.index()),
        };
        let keyed = |worker: &WorkerId| fnv::spread(past(worker) ^ self.plan.names().worker_hash(*worker));
        let pasts = self.transit.touched.iter().filter(|worker| past(worker) != 0).map(keyed);
        fnv::spread(pasts.fold(self.aside.dropped, u64::wrapping_add))
    }

    /// The hash of all states, if the system is hashed.
    #[must_use]
    pub fn state_hash(&self) -> Option<u64> {
        self.workers
            .iter()
            .try_fold(fnv::OFFSET, |hash, worker| Some(fnv::spread(hash ^ self.plan.state_hash(worker.machine())?)))
    }

    /// Writes down how the run ended.
    pub fn end(&self, reason: EndReason, end: &mut End) {
        end.clear();
        end.reason = reason;
        end.healed = self.faults.healed;
        if !self.transit.slab.is_empty() {
            let kept =
                self.transit.slab.cards.iter().zip(&self.transit.slab.inputs).filter(|(_, input)| input.is_some());
            let updates = kept.filter(|(card, _)| !card.header.id.is_root());
            end.in_flight.extend(updates.map(|(card, _)| card.header.id.clone()));
            end.in_flight.sort_unstable();
        }
        for worker in &self.transit.touched {
            let at = worker.index();
            let inbox = &self.transit.places[at].inbox;
            if inbox.has_parked() {
                end.parked.extend(inbox.parked().chain(inbox.parked_ops()).map(|(slot, of, needs)| Parked {
                    id: self.transit.slab.header(*slot).id.clone(),
                    at: *worker,
                    of,
                    needs,
                }));
            }
            if let (Gate::Stall, Some(slot)) = (self.transit.places[at].gate, self.transit.places[at].outbound.front())
            {
                end.stalled.push((*worker, self.stalled_at(*slot)));
            }
            for (on, what) in self.workers[at].waits() {
                end.waiting.push((*worker, *on, (*what).to_string()));
            }
        }
        end.parked.sort_by_key(|parked| parked.at);
        end.stalled.sort_unstable();
        end.waiting.sort_by_key(|wait| wait.0);
    }
}
