//! What may befall a run next, and what comes of it.

use raddle_core::{Cause, EventRef, FaultKind, Header, InputKind, Lane, Sink, StateMachine, What, WorkerId, fnv};

use super::fault::{Fault, Skew};
use crate::actions::Act;
use crate::settings::Granularity;
use crate::slab::Slot;
use crate::transit::Gate;
use crate::world::World;

impl<M: StateMachine> World<M> {
    /// Whether a message is held up by a fault.
    pub(crate) fn is_held_up(&self, age: u32, header: &Header) -> bool {
        let faults = &self.faults;
        faults.delayed.contains(&age)
            || faults.stalled.contains(&header.to)
            || header.link().is_some_and(|from| faults.cut.contains(&(from, header.to)))
    }

    /// Adds to what may happen by itself what may befall the run: behind it, in the order of [`FaultKind::ALL`], and for
    /// each kind messages oldest first, then workers in their order. Where nothing happens by itself any more, or it is
    /// time, everything is healed.
    pub(crate) fn list_faults(&mut self) {
        if self.faults.healed.is_some() {
            return;
        }
        let over_time = !self.is_as_real() && self.faults.are_to_end(self.moment.step, self.settings.steps_max);
        if over_time {
            self.acts.clear();
        }
        if over_time || (self.acts.is_empty() && self.faults.hold_something()) {
            self.acts.push(Act::Fault(Fault::Heal));
            self.usual = 1;
        }
        if over_time || self.acts.is_empty() {
            return;
        }
        let mut acts = std::mem::take(&mut self.acts);
        for kind in FaultKind::ALL {
            match kind {
                FaultKind::Loss => self.list_of_messages(kind, &mut acts, |_, at, _| Some(Fault::Lose(at))),
                FaultKind::Duplication => self.list_of_messages(kind, &mut acts, |world, at, slot| {
                    let card = &world.transit.slab.cards[slot as usize];
                    card.header.id.copy(u32::from(card.link.copies) + 1).map(|_| Fault::Duplicate(at))
                }),
                FaultKind::Delay => {
                    self.list_of_messages(kind, &mut acts, |world, at, slot| {
                        let age = world.transit.slab.cards[slot as usize].link.age;
                        (!world.faults.delayed.contains(&age)).then_some(Fault::Delay(at))
                    });
                    self.list_ends_of_delays(&mut acts);
                }
                FaultKind::Partition => self.list_links(&mut acts),
                FaultKind::Crash => {
                    self.list_of_workers(kind, &mut acts, Self::may_crash, Fault::Crash);
                    if self.settings.granularity == Granularity::Threads {
                        self.list_of_workers(kind, &mut acts, Self::may_be_doomed, Fault::Doom);
                    }
                }
                FaultKind::Stall => {
                    let may = |world: &Self, worker: WorkerId| !world.faults.stalled.contains(&worker);
                    self.list_of_workers(kind, &mut acts, may, Fault::Stall);
                    acts.extend(self.faults.stalled.iter().map(|worker| Act::Fault(Fault::Wake(*worker))));
                }
                FaultKind::Full => {
                    let may = |world: &Self, worker: WorkerId| !world.faults.filled.contains(&worker);
                    self.list_of_workers(kind, &mut acts, may, Fault::Fill);
                    acts.extend(self.faults.filled.iter().map(|worker| Act::Fault(Fault::Drain(*worker))));
                }
                FaultKind::Skew => {
                    for by in Skew::ALL {
                        self.list_of_workers(kind, &mut acts, |_, _| true, |worker| Fault::Skew(worker, by));
                    }
                }
            }
        }
        self.acts = acts;
    }

    /// Whether all that may befall the run is what befalls real ones: processes die at any time, and nothing lasts that could
    /// be healed.
    fn is_as_real(&self) -> bool {
        self.settings.granularity == Granularity::Threads && self.settings.faults.kinds().eq([FaultKind::Crash])
    }

    /// Of this kind, what may befall the updates that may arrive now.
    fn list_of_messages(
        &self,
        kind: FaultKind,
        acts: &mut Vec<Act>,
        fault: impl Fn(&Self, usize, Slot) -> Option<Fault<usize>>,
    ) {
        if !self.faults.may_fire(kind) {
            return;
        }
        for (at, ready) in self.transit.flight.ready().iter().enumerate() {
            let slot = ready.slot();
            if self.transit.slab.header(slot).link().is_some() && self.may_befall(kind, slot) {
                acts.extend(fault(self, at, slot).map(Act::Fault));
            }
        }
    }

    /// Whether the system lets a fault of this kind befall this message, or its worker when it is about to handle it.
    fn may_befall(&self, kind: FaultKind, slot: Slot) -> bool {
        let input = self.transit.slab.inputs[slot as usize].as_ref();
        input.is_some_and(|input| self.plan.may_befall(kind, self.transit.slab.header(slot), input))
    }

    fn list_ends_of_delays(&self, acts: &mut Vec<Act>) {
        if self.faults.delayed.is_empty() {
            return;
        }
        let ready = self.transit.flight.ready().iter().enumerate();
        let delayed = ready.filter(|(_, ready)| self.faults.delayed.contains(&ready.age()));
        acts.extend(delayed.map(|(at, _)| Act::Fault(Fault::Hurry(at))));
    }

    /// Links on which something may arrive now can be cut; those that are cut can be mended.
    fn list_links(&self, acts: &mut Vec<Act>) {
        let begin = acts.len();
        if self.faults.may_fire(FaultKind::Partition) {
            for ready in self.transit.flight.ready() {
                let header = self.transit.slab.header(ready.slot());
                let Some(from) = header.link() else { continue };
                let cut = Act::Fault(Fault::Cut(from, header.to));
                if !self.faults.cut.contains(&(from, header.to))
                    && !acts[begin..].contains(&cut)
                    && self.may_befall(FaultKind::Partition, ready.slot())
                {
                    acts.push(cut);
                }
            }
        }
        acts.extend(self.faults.cut.iter().map(|(from, to)| Act::Fault(Fault::Mend(*from, *to))));
    }

    /// Of this kind, what may befall workers.
    fn list_of_workers(
        &self,
        kind: FaultKind,
        acts: &mut Vec<Act>,
        may: impl Fn(&Self, WorkerId) -> bool,
        fault: impl Fn(WorkerId) -> Fault<usize>,
    ) {
        if self.faults.may_fire(kind) {
            let workers = (0..self.workers.len()).map(WorkerId::at);
            let struck = workers.filter(|worker| self.may_befall_worker(kind, *worker) && may(self, *worker));
            acts.extend(struck.map(|worker| Act::Fault(fault(worker))));
        }
    }

    /// Whether a fault of this kind may befall this worker: if the system says of which messages, one that such a one is about
    /// to reach, and otherwise one that has done anything; a process may die before.
    pub(crate) fn may_befall_worker(&self, kind: FaultKind, worker: WorkerId) -> bool {
        let before = kind == FaultKind::Crash && self.settings.granularity == Granularity::Threads;
        let is_about_to_reach = |slot: Slot| self.transit.slab.header(slot).to == worker && self.may_befall(kind, slot);
        self.faults.may_fire(kind)
            && match self.plan.chooses(kind) {
                false => before || self.transit.places[worker.index()].used != 0,
                true => self.transit.flight.ready().iter().any(|ready| is_about_to_reach(ready.slot())),
            }
    }

    pub(crate) fn may_crash(&self, worker: WorkerId) -> bool {
        let (at, place) = (worker.index(), &self.transit.places[worker.index()]);
        let is_open = match self.settings.granularity {
            // When all that it said is pushed, and perhaps before its start.
            Granularity::Threads => matches!(place.gate, Gate::Open | Gate::Start) && place.outbound.is_empty(),
            Granularity::Delivery | Granularity::Queues => place.gate == Gate::Open,
        };
        is_open && !self.workers[at].is_crashed()
    }

    /// Whether the next input that a worker takes may be its last: by itself, or along with others in hand.
    fn may_be_doomed(&self, worker: WorkerId) -> bool {
        let is_doomed = self.faults.doomed.contains(&worker);
        let may_take = self.may_crash(worker) || self.may_pick(worker);
        may_take && !is_doomed && !self.workers[worker.index()].is_crashed()
    }

    /// Does it.
    #[inline(never)]
    pub(crate) fn inflict<S: Sink<M>>(&mut self, fault: Fault<usize>, sink: &mut S) {
        if let (Some(kind), false) = (fault.kind(), fault.is_end()) {
            self.faults.fired[kind as usize] += 1;
        }
        match fault {
            Fault::Lose(at) => self.lose(at, sink),
            Fault::Duplicate(at) => self.duplicate(at, sink),
            Fault::Delay(at) => {
                let ready = self.transit.flight.ready()[at];
                self.faults.delayed.push(ready.age());
                self.say_of_message(What::Fault(FaultKind::Delay), ready.slot(), sink);
            }
            Fault::Hurry(at) => {
                let ready = self.transit.flight.ready()[at];
                self.faults.delayed.retain(|age| *age != ready.age());
                self.say_of_message(What::FaultOver(FaultKind::Delay), ready.slot(), sink);
            }
            Fault::Cut(from, to) => {
                self.faults.cut.push((from, to));
                self.say_of_link(What::Fault(FaultKind::Partition), from, to, sink);
            }
            Fault::Mend(from, to) => {
                self.faults.cut.retain(|link| *link != (from, to));
                self.say_of_link(What::FaultOver(FaultKind::Partition), from, to, sink);
            }
            Fault::Crash(worker) => self.crash(worker, sink),
            Fault::Doom(worker) => self.faults.doomed.push(worker),
            Fault::Stall(worker) => {
                self.faults.stalled.push(worker);
                self.say_of_worker(What::Fault(FaultKind::Stall), worker, "", sink);
            }
            Fault::Wake(worker) => {
                self.faults.stalled.retain(|stalled| *stalled != worker);
                self.say_of_worker(What::FaultOver(FaultKind::Stall), worker, "", sink);
            }
            Fault::Fill(worker) => {
                self.faults.filled.push(worker);
                let (inbox, _) = self.desk(worker, sink);
                inbox.shut(true);
                self.say_of_worker(What::Fault(FaultKind::Full), worker, "", sink);
            }
            Fault::Drain(worker) => {
                self.faults.filled.retain(|filled| *filled != worker);
                self.drain(worker, sink);
            }
            Fault::Skew(worker, by) => self.skew(worker, by.nanos(), &by.to_string(), sink),
            Fault::Heal => self.heal(sink),
        }
        self.see_to_aside();
    }

    fn lose<S: Sink<M>>(&mut self, at: usize, sink: &mut S) {
        let slot = self.transit.flight.ready()[at].slot();
        let to = self.transit.slab.header(slot).to;
        let hop = self.hop_of(slot);
        self.transit.flight.take(at, hop, &mut self.transit.slab);
        let granularity = self.settings.granularity;
        let (inbox, mut desk) = self.desk(to, sink);
        match granularity {
            Granularity::Delivery => inbox.lose_in_flight(slot, &mut desk),
            Granularity::Queues | Granularity::Threads => inbox.lose_on_its_way(slot, &mut desk),
        }
        self.admit_held(to, sink);
    }

    /// Where the network delivers a message: at its worker, or at a shard.
    fn hop_of(&self, slot: Slot) -> usize {
        use raddle_core::Hop;
        let header = self.transit.slab.header(slot);
        match self.coordinator.route(header) {
            Hop::Shard(shard) if self.settings.granularity == Granularity::Queues => shard as usize,
            _ => header.to.index(),
        }
    }

    fn duplicate<S: Sink<M>>(&mut self, at: usize, sink: &mut S) {
        let slot = self.transit.flight.ready()[at].slot();
        let (hop, age) = (self.hop_of(slot), self.take_age());
        let slab = &mut self.transit.slab;
        let link = slab.link(slot);
        link.copies += 1;
        let (nth, creator) = (u32::from(link.copies), link.creator);
        let Some(id) = slab.header(slot).id.copy(nth) else { return };
        let Some(input) = slab.inputs[slot as usize].clone() else { return };
        let header = Header { id, ..slab.header(slot).clone() };
        let to = header.to;
        let copy = slab.insert(&header, input, age);
        slab.link(copy).creator = creator;
        self.say_of_message(What::Fault(FaultKind::Duplication), copy, sink);
        match self.settings.granularity {
            Granularity::Delivery => self.launch(copy, to, sink),
            Granularity::Queues | Granularity::Threads => self.transit.flight.send(copy, hop, &mut self.transit.slab),
        }
    }

    fn crash<S: Sink<M>>(&mut self, worker: WorkerId, sink: &mut S) {
        let at = worker.index();
        self.touch(worker);
        let past = &mut self.transit.places[at].past;
        *past = fnv::spread(!*past);
        self.histories.iter_mut().for_each(|histories| histories.end_life(at));
        if self.settings.granularity == Granularity::Threads {
            self.kill(worker, sink);
        } else {
            let moment = self.moment_at(worker);
            self.workers[at].crash(Cause::Fault, &self.rules, moment, sink);
            self.end_life(at, sink);
        }
        self.note_timers(at);
    }

    fn drain<S: Sink<M>>(&mut self, worker: WorkerId, sink: &mut S) {
        self.say_of_worker(What::FaultOver(FaultKind::Full), worker, "", sink);
        let (inbox, _) = self.desk(worker, sink);
        inbox.shut(false);
        self.admit_held(worker, sink);
    }

    fn skew<S: Sink<M>>(&mut self, worker: WorkerId, nanos: i64, text: &str, sink: &mut S) {
        self.faults.skewed.retain(|skewed| skewed.0 != worker);
        if nanos != 0 {
            self.faults.skewed.push((worker, nanos));
        }
        let what = if nanos == 0 { What::FaultOver(FaultKind::Skew) } else { What::Fault(FaultKind::Skew) };
        self.say_of_worker(what, worker, text, sink);
        self.note_timers(worker.index());
    }

    /// Ends everything, in the order in which it began.
    fn heal<S: Sink<M>>(&mut self, sink: &mut S) {
        self.faults.healed = Some(self.moment.step);
        self.faults.doomed.clear();
        for (from, to) in std::mem::take(&mut self.faults.cut) {
            self.say_of_link(What::FaultOver(FaultKind::Partition), from, to, sink);
        }
        for at in 0..self.transit.flight.ready().len() {
            let ready = self.transit.flight.ready()[at];
            if self.faults.delayed.contains(&ready.age()) {
                self.say_of_message(What::FaultOver(FaultKind::Delay), ready.slot(), sink);
            }
        }
        self.faults.delayed.clear();
        for worker in std::mem::take(&mut self.faults.stalled) {
            self.say_of_worker(What::FaultOver(FaultKind::Stall), worker, "", sink);
        }
        for (worker, _) in std::mem::take(&mut self.faults.skewed) {
            self.skew(worker, 0, "", sink);
        }
        for worker in std::mem::take(&mut self.faults.filled) {
            self.drain(worker, sink);
        }
    }

    /// What waited beside a full queue goes on where there is room.
    fn admit_held<S: Sink<M>>(&mut self, worker: WorkerId, sink: &mut S) {
        match self.settings.granularity {
            Granularity::Delivery => self.admit(worker, sink),
            Granularity::Queues | Granularity::Threads => {
                let (inbox, mut desk) = self.desk(worker, sink);
                while inbox.admit(&mut desk).is_some() {}
            }
        }
    }

    fn say_of_message<S: Sink<M>>(&mut self, what: What, slot: Slot, sink: &mut S) {
        let header = self.transit.slab.header(slot);
        debug_assert_eq!(header.kind(), InputKind::Update, "nothing else is in the hands of the network");
        say(self.moment, what, header, "", sink);
    }

    fn say_of_link<S: Sink<M>>(&mut self, what: What, from: WorkerId, to: WorkerId, sink: &mut S) {
        let mut header = self.plan.start(to, self.workers[to.index()].life()).header;
        header.from = raddle_core::Party::Worker(from);
        say(self.moment, what, &header, "", sink);
    }

    fn say_of_worker<S: Sink<M>>(&mut self, what: What, worker: WorkerId, text: &str, sink: &mut S) {
        let header = self.plan.start(worker, self.workers[worker.index()].life()).header;
        say(self.moment, what, &header, text, sink);
    }
}

fn say<M: StateMachine, S: Sink<M>>(
    moment: raddle_core::Moment,
    what: What,
    header: &Header,
    text: &str,
    sink: &mut S,
) {
    sink.event(EventRef { moment, lane: Lane::Network, life: header.to_life, what, header, text }, None);
}
