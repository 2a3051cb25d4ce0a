//! The steps of granularity `delivery`: an update is in flight from its send, and arriving and handling are one.

use raddle_core::{Desk, InputKind, Sink, StateMachine, What, WorkerId};

use crate::actions::Act;
use crate::slab::Slot;
use crate::transit::Gate;
use crate::world::World;

impl<M: StateMachine> World<M> {
    /// At `delivery`, when some worker may not be scheduled: the actions of the others.
    pub(crate) fn list_open(&mut self) {
        self.acts.clear();
        for (at, ready) in self.transit.flight.ready().iter().enumerate() {
            let header = self.transit.slab.header(ready.slot());
            if self.is_held_up(ready.age(), header) {
                continue;
            }
            let open = match self.transit.places[header.to.index()].gate {
                Gate::Open => true,
                Gate::Start => header.kind() == InputKind::Start,
                Gate::Stall => false,
            };
            if open {
                self.acts.push(Act::Deliver(at));
            }
        }
        for (at, (worker, _)) in self.timers.candidates().iter().enumerate() {
            if self.transit.places[worker.index()].gate == Gate::Open && !self.faults.stalled.contains(worker) {
                self.acts.push(Act::Fire(at));
            }
        }
    }

    /// A message arrives at its worker, which handles it and all that it releases.
    #[inline(always)]
    pub(crate) fn deliver<S: Sink<M>>(&mut self, at: usize, sink: &mut S) {
        let slot = self.transit.flight.ready()[at].slot();
        let header = self.transit.slab.header(slot);
        let (worker, kind, is_op) = (header.to, header.kind(), self.sessions.sent(header));
        self.transit.flight.take(at, worker.index(), &mut self.transit.slab);
        let (inbox, mut desk) = self.desk(worker, sink);
        match kind {
            InputKind::Start => self.open(worker),
            InputKind::External if is_op => {
                let turn = inbox.land_op(slot, desk.moment.time, &mut desk);
                self.see_to_aside();
                if turn.is_none() {
                    return;
                }
            }
            InputKind::External => inbox.land_external(&slot, &mut desk),
            InputKind::Update | InputKind::Timer => {
                let turn = inbox.land(slot, &mut desk);
                if inbox.may_admit() {
                    self.admit(worker, sink);
                }
                self.see_to_aside();
                if turn.is_none() {
                    return;
                }
            }
        }
        self.handle_inline(slot, sink);
        if (kind == InputKind::Update || is_op)
            && (self.gated > 0 || self.transit.places[worker.index()].inbox.may_release())
        {
            self.release(worker, sink);
        }
    }

    /// An update leaves its worker, now or when it may.
    pub(crate) fn send<S: Sink<M>>(&mut self, slot: Slot, from: usize, sink: &mut S) {
        let to = self.transit.slab.header(slot).to;
        let gate = self.transit.places[from].gate;
        if gate == Gate::Stall || self.transit.places[to.index()].inbox.must_wait() {
            if gate == Gate::Open {
                self.close(from, Gate::Stall);
                let (_, mut desk) = self.desk(to, sink);
                desk.report(What::Stall, &slot);
            }
            return self.transit.places[from].outbound.push_back(slot);
        }
        self.launch(slot, to, sink);
    }

    /// An update is on its way, as far as the core lets it.
    pub(crate) fn launch<S: Sink<M>>(&mut self, slot: Slot, to: WorkerId, sink: &mut S) {
        let (inbox, mut desk) = self.desk(to, sink);
        if inbox.launch(slot, &mut desk) {
            self.transit.flight.send(slot, to.index(), &mut self.transit.slab);
        }
        self.see_to_aside();
    }

    /// Updates that were held are on their way now that there is room.
    pub(crate) fn admit<S: Sink<M>>(&mut self, worker: WorkerId, sink: &mut S) {
        loop {
            let (inbox, mut desk) = self.desk(worker, sink);
            let Some(slot) = inbox.admit(&mut desk) else { return };
            self.transit.flight.send(slot, worker.index(), &mut self.transit.slab);
        }
    }

    /// A worker handles all that waits no longer.
    pub(crate) fn release<S: Sink<M>>(&mut self, worker: WorkerId, sink: &mut S) {
        loop {
            if self.transit.places[worker.index()].gate != Gate::Open {
                self.aside.releases.push(worker);
                return;
            }
            let (inbox, mut desk) = self.desk(worker, sink);
            let Some(slot) = inbox.release(&mut desk) else { return };
            self.handle(slot, sink);
        }
    }

    /// Senders that waited for room go on, those with the lowest index first.
    pub(crate) fn resume<S: Sink<M>>(&mut self, sink: &mut S) {
        for from in 0..self.transit.places.len() {
            if self.transit.places[from].gate != Gate::Stall {
                continue;
            }
            self.touch(WorkerId::at(from));
            while let Some(slot) = self.transit.places[from].outbound.front().copied() {
                let to = self.transit.slab.header(slot).to;
                if self.transit.places[to.index()].inbox.must_wait() {
                    break;
                }
                self.transit.places[from].outbound.pop_front();
                let (_, mut desk) = self.desk(to, sink);
                desk.report(What::Resume, &slot);
                self.launch(slot, to, sink);
            }
            if self.transit.places[from].outbound.is_empty() {
                self.open(WorkerId::at(from));
            }
        }
    }
}
