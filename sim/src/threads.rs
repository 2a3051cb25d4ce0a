//! The steps of granularity `threads`: those of `queues`, and what follows of a step elsewhere as steps of their own.
//!
//! On threads a worker finds a queue full when it comes to push, not when the queue becomes full; it hears of a nack, or
//! sees to what a crash has left, when it gets to it; a shard takes an update in hand and pushes it later. Each of these is
//! an action here, so that every run on threads is a run of this granularity. A push arrives at once, as it does there.
//!
//! With the fault `crash` every run on processes is one too: a process dies between two inputs, or of one (`doom`).
//!
//! The canonical order finishes what is begun: what follows of earlier steps comes first, then all as at `queues`.

use raddle_core::{
    Cause, Desk, Handled, Hop, InputKind, Lane, Moment, ShardTask, Sink, StateMachine, Time, What, WorkerId,
};

use crate::actions::Act;
use crate::desk::Counter;
use crate::slab::Slot;
use crate::transit::Gate;
use crate::world::World;

impl<M: StateMachine> World<M> {
    /// Lists what may happen next.
    pub(crate) fn list_threads(&mut self) {
        let mut acts = std::mem::take(&mut self.acts);
        acts.clear();
        let workers = (0..self.workers.len()).map(WorkerId::at);
        let shards = 0..self.coordinator.shards();
        acts.extend(workers.clone().filter(|w| self.may_end_life(*w)).map(Act::EndLife));
        acts.extend(workers.clone().filter(|w| self.may_tell(*w)).map(Act::Tell));
        acts.extend(workers.clone().filter(|w| self.may_stall(*w)).map(Act::Stall));
        acts.extend(workers.clone().filter(|w| self.may_push_now(*w)).map(Act::Push));
        acts.extend(shards.clone().filter(|s| self.may_bury(*s)).map(Act::Bury));
        acts.extend(shards.clone().filter(|s| self.may_hand(*s)).map(Act::Hand));
        acts.extend(shards.filter(|s| self.may_take_in_hand(*s)).map(Act::Route));
        acts.extend(self.arrivals(InputKind::Start));
        acts.extend(workers.filter(|w| self.may_pick(*w)).map(Act::Pick));
        acts.extend(self.arrivals(InputKind::External));
        let timers = self.timers.candidates().iter().enumerate();
        acts.extend(timers.filter(|(_, timer)| self.is_idle(timer.0)).map(|(at, _)| Act::Fire(at)));
        self.acts = acts;
    }

    /// Performs one of them.
    pub(crate) fn step_threads<S: Sink<M>>(&mut self, act: Act, sink: &mut S) {
        match act {
            Act::Push(worker) => self.push_now(worker, sink),
            Act::Stall(worker) => {
                self.close(worker.index(), Gate::Stall);
                self.say_of_push(What::Stall, worker, sink);
            }
            Act::Tell(worker) => {
                self.later.nacks[worker.index()] -= 1;
                self.desk(worker, sink).0.nacked();
            }
            Act::EndLife(worker) => self.end_life_now(worker, sink),
            Act::Deliver(at) => self.arrive(at, sink),
            Act::Route(shard) => self.take_in_hand(shard, sink),
            Act::Hand(shard) => {
                let slot = self.later.in_hand[shard as usize].take().expect("it has one in hand");
                let to = self.transit.slab.header(slot).to;
                self.receive(slot, to, sink);
            }
            Act::Bury(shard) => {
                let Some(ShardTask::Lose(lost)) = self.shards[shard as usize].take_next() else {
                    unreachable!("one is due")
                };
                let to = self.transit.slab.header(lost).to;
                let (inbox, mut desk) = self.desk(to, sink);
                inbox.lose(lost, &mut desk);
                inbox.settle(&mut desk);
            }
            Act::Pick(worker) => self.pick(worker, sink),
            Act::Fire(_) | Act::Fault(_) => unreachable!("these are the same at all granularities"),
        }
        self.see_to_aside();
    }

    /// The process of a worker dies between two inputs.
    pub(crate) fn kill<S: Sink<M>>(&mut self, worker: WorkerId, sink: &mut S) {
        let moment = self.moment_at(worker);
        self.faults.doomed.retain(|doomed| *doomed != worker);
        if self.transit.places[worker.index()].gate == Gate::Start {
            let ready = self.transit.flight.ready().iter().map(|ready| ready.slot());
            let is_start = |slot: &Slot| {
                let header = self.transit.slab.header(*slot);
                header.kind() == InputKind::Start && header.to == worker
            };
            // It goes with the life that it was to begin, and is no event.
            self.aside.discarded.extend(ready.filter(is_start));
        }
        self.workers[worker.index()].crash(Cause::Killed, &self.rules, moment, sink);
        self.bury(worker);
        self.transit.places[worker.index()].in_hand = 0;
        self.end_life_later(worker.index());
    }

    /// Handles the current input where somebody is doomed: nobody answers the one who is.
    #[cold]
    pub(crate) fn handle_or_die<S: Sink<M>>(&mut self, moment: Moment, sink: &mut S) -> Handled {
        let (header, rules) = (&self.current.header, &self.rules);
        let worker = &mut self.workers[header.to.index()];
        let (out, outputs) = (&mut self.out, &mut self.transit);
        let Some(doom) = self.faults.doomed.iter().position(|doomed| *doomed == header.to) else {
            return worker.handle_parts(header, &mut self.input, rules, moment, out, outputs, sink);
        };
        self.faults.doomed.swap_remove(doom);
        self.input = None;
        let handled = worker.handle_away(header, rules, moment, out, outputs, sink, true, || None);
        if handled == Handled::Crashed {
            self.bury(self.current.header.to);
        }
        handled
    }

    /// The state of a process that died is gone.
    fn bury(&mut self, worker: WorkerId) {
        self.workers[worker.index()].lose_state(|| self.plan.machine(worker));
    }

    /// What a crash has left is not seen to yet.
    pub(crate) fn end_life_later(&mut self, at: usize) {
        self.later.ended[at] = Some(self.moment.time);
    }

    fn end_life_now<S: Sink<M>>(&mut self, worker: WorkerId, sink: &mut S) {
        let ended = self.later.ended[worker.index()].take().expect("its life has ended");
        let now: Time = std::mem::replace(&mut self.moment.time, ended);
        // It may have died before its start.
        self.open(worker);
        self.end_life(worker.index(), sink);
        self.note_timers(worker.index());
        self.moment.time = now;
    }

    /// Pushes the next update of a worker into the inbox or the ingress to which it goes.
    fn push_now<S: Sink<M>>(&mut self, worker: WorkerId, sink: &mut S) {
        if self.transit.places[worker.index()].gate == Gate::Stall {
            self.say_of_push(What::Resume, worker, sink);
            self.open(worker);
        }
        let place = &mut self.transit.places[worker.index()];
        place.in_hand = 0;
        let slot = place.outbound.pop_front().expect("only one with outputs may push");
        match self.coordinator.route(self.transit.slab.header(slot)) {
            Hop::Inbox(to) => self.receive(slot, to, sink),
            Hop::Shard(shard) => self.ingest_for_later(slot, shard, sink),
        }
    }

    /// Takes an update into the ingress of a shard; whoever is dropped for it has its tombstone in its turn.
    fn ingest_for_later<S: Sink<M>>(&mut self, slot: Slot, shard: u32, sink: &mut S) {
        let lane = Lane::Shard(shard);
        let mut desk = Counter { slab: &self.transit.slab, sink, moment: self.moment, lane, aside: &mut self.aside };
        let lost = self.shards[shard as usize].ingest(slot, &mut desk).copied();
        // It is gone, though its header is still needed.
        lost.into_iter().for_each(|lost| self.transit.slab.inputs[lost as usize] = None);
    }

    fn take_in_hand<S: Sink<M>>(&mut self, shard: u32, sink: &mut S) {
        let Some(ShardTask::Deliver(slot)) = self.shards[shard as usize].take_next() else {
            unreachable!("only a shard with updates may route")
        };
        self.later.in_hand[shard as usize] = Some(slot);
        let lane = Lane::Shard(shard);
        let mut desk = Counter { slab: &self.transit.slab, sink, moment: self.moment, lane, aside: &mut self.aside };
        desk.report(What::Route, &slot);
    }

    /// Reports something of what a worker pushes next, where it is to go.
    fn say_of_push<S: Sink<M>>(&mut self, what: What, worker: WorkerId, sink: &mut S) {
        let slot = *self.transit.places[worker.index()].outbound.front().expect("it has something to push");
        let lane = match self.coordinator.route(self.transit.slab.header(slot)) {
            Hop::Inbox(to) => Lane::Inbox(to),
            Hop::Shard(shard) => Lane::Shard(shard),
        };
        let mut desk = Counter { slab: &self.transit.slab, sink, moment: self.moment, lane, aside: &mut self.aside };
        desk.report(what, &slot);
    }

    /// At whose inbox a stalled worker waits with this update: where a shard stands between, at the one for which the shard
    /// waits.
    pub(crate) fn stalled_at(&self, slot: Slot) -> WorkerId {
        let header = self.transit.slab.header(slot);
        let in_hand = match self.coordinator.route(header) {
            Hop::Inbox(_) => None,
            Hop::Shard(shard) => self.later.in_hand[shard as usize],
        };
        in_hand.map_or(header.to, |slot| self.transit.slab.header(slot).to)
    }

    /// What a worker pushes next: by which hop it goes.
    pub(crate) fn next_hop(&self, worker: WorkerId) -> Option<Hop> {
        let slot = self.transit.places[worker.index()].outbound.front()?;
        Some(self.coordinator.route(self.transit.slab.header(*slot)))
    }

    /// The shard that stands before a worker, if one does.
    pub(crate) fn shard_of(&self, worker: WorkerId) -> Option<u32> {
        self.coordinator.shard_of(worker)
    }

    /// Whom a shard turns to next: with the update in its hand, or with a tombstone that is due.
    pub(crate) fn next_of_shard(&self, shard: u32) -> Option<WorkerId> {
        let due = || self.shards[shard as usize].due().next().copied();
        let slot = self.later.in_hand[shard as usize].or_else(due)?;
        Some(self.transit.slab.header(slot).to)
    }

    fn has_room(&self, hop: Hop) -> bool {
        match hop {
            Hop::Inbox(to) => self.transit.places.get(to.index()).is_none_or(|place| !place.inbox.must_wait()),
            Hop::Shard(shard) => !self.shards[shard as usize].must_wait(),
        }
    }

    pub(crate) fn may_push_now(&self, worker: WorkerId) -> bool {
        self.next_hop(worker).is_some_and(|hop| self.has_room(hop))
    }

    pub(crate) fn may_stall(&self, worker: WorkerId) -> bool {
        self.transit.places[worker.index()].gate == Gate::Open
            && self.next_hop(worker).is_some_and(|hop| !self.has_room(hop))
    }

    pub(crate) fn may_tell(&self, worker: WorkerId) -> bool {
        self.later.nacks[worker.index()] > 0
    }

    /// Whether a life has ended, and what is left of that is not seen to yet.
    pub(crate) fn has_ended(&self, worker: WorkerId) -> bool {
        self.later.ended[worker.index()].is_some()
    }

    /// That may be seen to when all is pushed that it sent.
    pub(crate) fn may_end_life(&self, worker: WorkerId) -> bool {
        self.has_ended(worker) && self.transit.places[worker.index()].outbound.is_empty()
    }

    pub(crate) fn may_bury(&self, shard: u32) -> bool {
        self.later.in_hand[shard as usize].is_none()
            && matches!(self.shards[shard as usize].peek(), Some(ShardTask::Lose(_)))
    }

    pub(crate) fn may_hand(&self, shard: u32) -> bool {
        let slot = self.later.in_hand[shard as usize];
        slot.is_some_and(|slot| !self.transit.places[self.transit.slab.header(slot).to.index()].inbox.must_wait())
    }

    pub(crate) fn may_take_in_hand(&self, shard: u32) -> bool {
        self.later.in_hand[shard as usize].is_none()
            && matches!(self.shards[shard as usize].peek(), Some(ShardTask::Deliver(_)))
    }
}
