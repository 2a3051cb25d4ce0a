//! The steps of granularity `queues`: arriving, routing, picking and each push of a handler by themselves.
//!
//! The canonical order finishes what is begun: pushes by worker, then arrivals of updates oldest first, routes by
//! shard, starts, picks by worker, then arrivals from outside, then timers.

use raddle_core::{Desk, Hop, InputKind, Lane, ShardTask, Sink, StateMachine, What, WorkerId};

use crate::actions::Act;
use crate::desk::Counter;
use crate::network::Ready;
use crate::slab::Slot;
use crate::transit::Gate;
use crate::world::World;

impl<M: StateMachine> World<M> {
    /// Lists what may happen next.
    pub(crate) fn list_queues(&mut self) {
        let mut acts = std::mem::take(&mut self.acts);
        acts.clear();
        let workers = (0..self.workers.len()).map(WorkerId::at);
        acts.extend(workers.clone().filter(|w| self.may_push(*w)).map(Act::Push));
        acts.extend(self.arrivals(InputKind::Update));
        acts.extend((0..self.coordinator.shards()).filter(|s| self.may_route(*s)).map(Act::Route));
        acts.extend(self.arrivals(InputKind::Start));
        acts.extend(workers.filter(|w| self.may_pick(*w)).map(Act::Pick));
        acts.extend(self.arrivals(InputKind::External));
        let timers = self.timers.candidates().iter().enumerate();
        acts.extend(timers.filter(|(_, timer)| self.is_idle(timer.0)).map(|(at, _)| Act::Fire(at)));
        self.acts = acts;
    }

    pub(crate) fn arrivals(&self, wanted: InputKind) -> impl Iterator<Item = Act> + '_ {
        let ready = self.transit.flight.ready().iter().enumerate();
        let wanted =
            ready.filter(move |(_, r)| self.transit.slab.header(r.slot()).kind() == wanted && self.may_arrive(**r));
        wanted.map(|(at, _)| Act::Deliver(at))
    }

    /// Performs one of them.
    pub(crate) fn step_queues<S: Sink<M>>(&mut self, act: Act, sink: &mut S) {
        match act {
            Act::Push(worker) => self.push(worker, sink),
            Act::Deliver(at) => self.arrive(at, sink),
            Act::Route(shard) => self.route(shard, sink),
            Act::Pick(worker) => self.pick(worker, sink),
            _ => unreachable!("no other is listed at granularity `queues`"),
        }
        self.see_to_aside();
        self.note_stalls(sink);
    }

    /// A worker whose next push finds no room is stalled, and goes on when there is room.
    pub(crate) fn note_stalls<S: Sink<M>>(&mut self, sink: &mut S) {
        for at in 0..self.transit.places.len() {
            let Some(slot) = self.transit.places[at].outbound.front().copied() else { continue };
            let waits = self.must_wait(slot);
            let what = match (self.transit.places[at].gate, waits) {
                (Gate::Open, true) => {
                    self.close(at, Gate::Stall);
                    What::Stall
                }
                (Gate::Stall, false) => {
                    self.open(WorkerId::at(at));
                    What::Resume
                }
                _ => continue,
            };
            let to = self.transit.slab.header(slot).to;
            let (_, mut desk) = self.desk(to, sink);
            desk.report(what, &slot);
        }
    }

    fn push<S: Sink<M>>(&mut self, worker: WorkerId, sink: &mut S) {
        self.transit.places[worker.index()].in_hand = 0;
        let slot =
            self.transit.places[worker.index()].outbound.pop_front().expect("only a worker with outputs may push");
        match self.coordinator.route(self.transit.slab.header(slot)) {
            Hop::Inbox(to) => self.receive(slot, to, sink),
            Hop::Shard(shard) => self.transit.flight.send(slot, shard as usize, &mut self.transit.slab),
        }
    }

    pub(crate) fn arrive<S: Sink<M>>(&mut self, at: usize, sink: &mut S) {
        let slot = self.transit.flight.ready()[at].slot();
        let header = self.transit.slab.header(slot);
        let (to, kind, is_op) = (header.to, header.kind(), self.sessions.sent(header));
        let hop = self.coordinator.route(header);
        match (kind, hop) {
            (InputKind::Update, Hop::Shard(shard)) => {
                self.transit.flight.take(at, shard as usize, &mut self.transit.slab);
                self.ingest(slot, shard, sink);
            }
            (InputKind::Start, _) => {
                self.transit.flight.take(at, to.index(), &mut self.transit.slab);
                self.touch(to);
                self.open(to);
                self.transit.places[to.index()].in_hand = 0;
                self.handle(slot, sink);
            }
            _ => {
                self.transit.flight.take(at, to.index(), &mut self.transit.slab);
                let (inbox, mut desk) = self.desk(to, sink);
                let received = match is_op {
                    true => inbox.receive_op(slot, desk.moment.time, &mut desk),
                    false => inbox.receive_external(slot, &mut desk),
                };
                received.expect("an arrival is listed only when there is room");
            }
        }
    }

    fn ingest<S: Sink<M>>(&mut self, slot: Slot, shard: u32, sink: &mut S) {
        let lane = Lane::Shard(shard);
        let mut desk = Counter { slab: &self.transit.slab, sink, moment: self.moment, lane, aside: &mut self.aside };
        self.shards[shard as usize].ingest(slot, &mut desk);
        while let Some(lost) = self.shards[shard as usize].take_lost() {
            let to = self.transit.slab.header(lost).to;
            let (inbox, mut desk) = self.desk(to, sink);
            inbox.lose(lost, &mut desk);
        }
    }

    fn route<S: Sink<M>>(&mut self, shard: u32, sink: &mut S) {
        let Some(ShardTask::Deliver(slot)) = self.shards[shard as usize].take_next() else {
            unreachable!("only a shard with updates may route, and inboxes know of drops at once")
        };
        let lane = Lane::Shard(shard);
        let mut desk = Counter { slab: &self.transit.slab, sink, moment: self.moment, lane, aside: &mut self.aside };
        desk.report(What::Route, &slot);
        let to = self.transit.slab.header(slot).to;
        self.receive(slot, to, sink);
    }

    pub(crate) fn pick<S: Sink<M>>(&mut self, worker: WorkerId, sink: &mut S) {
        let is_first = !self.has_ended(worker) && self.transit.places[worker.index()].outbound.is_empty();
        let in_hand = &mut self.transit.places[worker.index()].in_hand;
        *in_hand = if is_first { 1 } else { *in_hand + 1 };
        let (inbox, mut desk) = self.desk(worker, sink);
        if let Some(slot) = inbox.pick(&mut desk) {
            self.handle(slot, sink);
        }
    }

    pub(crate) fn receive<S: Sink<M>>(&mut self, slot: Slot, to: WorkerId, sink: &mut S) {
        let (inbox, mut desk) = self.desk(to, sink);
        inbox.receive(slot, &mut desk);
    }

    /// Whether a worker is between two inputs: started, and all that it said is sent.
    pub(crate) fn is_idle(&self, worker: WorkerId) -> bool {
        let place = &self.transit.places[worker.index()];
        place.gate == Gate::Open
            && place.outbound.is_empty()
            && !self.has_ended(worker)
            && !self.faults.stalled.contains(&worker)
    }

    /// Whether a worker may take an input: between two, or along with those in hand. If one of these has ended its life, the
    /// next are dropped, and then that is seen to.
    pub(crate) fn may_pick(&self, worker: WorkerId) -> bool {
        let place = &self.transit.places[worker.index()];
        let may_take = match self.rules.policies.may_take_along(place.in_hand) {
            true => place.gate == Gate::Open && !self.faults.stalled.contains(&worker),
            false => self.is_idle(worker),
        };
        may_take && place.inbox.has_work()
    }

    pub(crate) fn may_push(&self, worker: WorkerId) -> bool {
        self.transit.places[worker.index()].outbound.front().is_some_and(|slot| !self.must_wait(*slot))
    }

    fn may_arrive(&self, ready: Ready) -> bool {
        let header = self.transit.slab.header(ready.slot());
        if header.kind() == InputKind::Update && self.is_held_up(ready.age(), header) {
            return false;
        }
        match header.kind() {
            InputKind::External => self.transit.places[header.to.index()].inbox.has_external_room(),
            InputKind::Update => match self.coordinator.route(header) {
                Hop::Shard(shard) => !self.shards[shard as usize].must_wait(),
                Hop::Inbox(_) => true,
            },
            _ => true,
        }
    }

    fn may_route(&self, shard: u32) -> bool {
        let Some(ShardTask::Deliver(slot)) = self.shards[shard as usize].peek() else { return false };
        !self.transit.places[self.transit.slab.header(*slot).to.index()].inbox.must_wait()
    }

    /// Whether a push must wait for room at its target: only where it goes there straight.
    fn must_wait(&self, slot: Slot) -> bool {
        match self.coordinator.route(self.transit.slab.header(slot)) {
            Hop::Inbox(to) => self.transit.places[to.index()].inbox.must_wait(),
            Hop::Shard(_) => false,
        }
    }
}
