//! A world: one system in one run of the simulator. It holds the values, performs the action it is told to, and
//! decides nothing: what may happen next is up to the network ([`InFlight`]), what happens then is up to the core.
//!
//! This file is what the three granularities share; their steps are in [`crate::delivery`], [`crate::queues`] and
//! [`crate::threads`]. All memory is kept from run to run: a step allocates nothing once a world is warm.

use std::collections::VecDeque;
use std::sync::Arc;

use raddle_core::{
    Coordinator, Handled, Header, Inbox, Incarnation, Input, Lane, LinkNumber, Moment, OnFull, Outbox, Plan, Rules,
    Shard, Sink, StateMachine, Time, Watermark, Worker, WorkerId, fnv,
};

use crate::actions::{Act, Actions, Decision};
use crate::coverage::Coverage;
use crate::desk::{Aside, Counter};
use crate::faults::Faults;
use crate::histories::Histories;
use crate::later::Later;
use crate::network::InFlight;
use crate::sessions::{Sessions, is_op};
use crate::settings::{Granularity, Settings};
use crate::slab::{Card, NONE, Slab, Slot};
use crate::timers::Timers;
use crate::transit::{Gate, Place, Transit};

/// One system in one run.
pub struct World<M: StateMachine> {
    pub(crate) plan: Arc<Plan<M>>,
    pub(crate) settings: Settings,
    pub(crate) rules: Rules,
    pub(crate) workers: Vec<Worker<M>>,
    pub(crate) coordinator: Coordinator,
    pub(crate) shards: Vec<Shard<Slot>>,
    pub(crate) watermark: Watermark,
    pub(crate) transit: Transit<M>,
    pub(crate) timers: Timers,
    pub(crate) sessions: Sessions,
    /// How many workers are not [`Gate::Open`].
    pub(crate) gated: usize,
    /// Whether all that is ready may happen, and nothing else: granularity `delivery`, and every worker open.
    pub(crate) plain: bool,
    pub(crate) acts: Vec<Act>,
    /// How many of these happen by themselves.
    pub(crate) usual: usize,
    pub(crate) faults: Faults,
    pub(crate) out: Outbox<M::Update>,
    /// What handlers chose in the last step, and among how many.
    pub(crate) chosen: Vec<u32>,
    pub(crate) options: Vec<u32>,
    /// What each worker handled, where inputs are declared to commute.
    pub(crate) histories: Option<Histories<M>>,
    /// What is handled, or was handled last.
    pub(crate) current: Box<Card>,
    pub(crate) input: Option<Input<M>>,
    pub(crate) aside: Aside,
    pub(crate) later: Later,
    pub(crate) moment: Moment,
    pub(crate) deliveries: u64,
    /// What was handled in which state; none if the system says nothing of kinds.
    pub(crate) coverage: Option<Box<Coverage>>,
    /// Whether either of these is kept.
    pub(crate) keeps_inputs: bool,
    pub(crate) external_headers: Vec<Header>,
    /// Scratch: what is published of a worker where there are sessions.
    pub(crate) settled: Vec<(WorkerId, LinkNumber)>,
    /// By message from outside: whether it never comes. May be shorter.
    pub(crate) left_out: Vec<bool>,
    pub(crate) start_headers: Vec<Header>,
}

impl<M: StateMachine> World<M> {
    /// A world for runs of one plan under the same settings, which have been checked.
    #[must_use]
    pub fn new(plan: Arc<Plan<M>>, settings: Settings) -> Self {
        raddle_core::panics::install();
        let (names, policies) = (plan.names(), plan.policies());
        let n = names.worker_count();
        let promised = plan.transport(settings.transport(policies));
        let coordinator = Coordinator::new(names, policies);
        let shards: Vec<_> = (0..coordinator.shards()).map(|_| Shard::new(policies)).collect();
        let hops = n.max(shards.len());
        let place = Place {
            inbox: Inbox::new(policies, promised),
            outbound: VecDeque::new(),
            in_hand: 0,
            gate: Gate::Open,
            past: 0,
            used: 1,
        };
        let mut world = Self {
            rules: plan.rules(promised),
            workers: plan.workers(),
            coordinator,
            watermark: Watermark::new(policies),
            transit: Transit {
                slab: Slab::new(),
                flight: InFlight::new(settings.network, n, names.source_count(), hops),
                places: vec![place; n],
                touched: names.workers().map(|(id, _)| id).collect(),
                uses: 1,
                draft: Card::blank(),
                next_age: 0,
                creator: NONE,
                launches: settings.granularity == Granularity::Delivery && policies.on_full != OnFull::Stall,
                outputs: Vec::new(),
            },
            timers: Timers::default(),
            sessions: Sessions::new(&plan),
            gated: 0,
            plain: false,
            acts: Vec::new(),
            usual: 0,
            faults: Faults::new(settings.faults),
            out: plan.outbox(0),
            chosen: Vec::new(),
            options: Vec::new(),
            histories: plan.commuting().map(|commuting| Histories::new(Arc::clone(commuting), n)),
            current: Card::blank(),
            input: None,
            aside: Aside::default(),
            later: Later::new(n, shards.len()),
            shards,
            moment: Moment::default(),
            deliveries: 0,
            coverage: plan.has_kinds().then(Box::default),
            keeps_inputs: plan.has_kinds() || plan.commuting().is_some(),
            external_headers: plan.externals().iter().map(|e| plan.external_header(e)).collect(),
            left_out: Vec::new(),
            settled: Vec::new(),
            start_headers: names.workers().map(|(id, _)| plan.start(id, Incarnation(0)).header).collect(),
            settings,
            plan,
        };
        world.reset(0);
        world
    }

    /// Back to the beginning, with another seed.
    pub fn reset(&mut self, seed: u64) {
        self.out.reseed(seed);
        self.transit.flight.reset(&mut self.transit.slab);
        self.transit.slab.reset();
        self.timers.reset();
        self.sessions.reset();
        self.faults.reset();
        self.shards.iter_mut().for_each(Shard::reset);
        self.watermark.clear();
        self.aside.discarded.clear();
        self.aside.nacks.clear();
        self.aside.releases.clear();
        self.aside.dropped = 0;
        self.later.reset();
        self.coverage.iter_mut().for_each(|coverage| coverage.clear());
        self.histories.iter_mut().for_each(Histories::reset);
        self.moment = Moment::default();
        (self.deliveries, self.transit.next_age, self.gated) = (0, 0, 0);
        let mut touched = std::mem::take(&mut self.transit.touched);
        for worker in touched.drain(..) {
            self.reset_worker(worker);
        }
        self.transit.touched = touched;
        for at in 0..self.start_headers.len() {
            let worker = WorkerId::at(at);
            if self.plan.starts(worker) {
                self.transit.places[at].gate = Gate::Start;
                self.gated += 1;
                let age = self.take_age();
                let slot = self.transit.slab.insert(&self.start_headers[at], Input::Start, age);
                self.transit.flight.send(slot, at, &mut self.transit.slab);
            }
        }
        self.see_whether_plain();
        for at in 0..self.external_headers.len() {
            let source = self.plan.externals()[at].source;
            let is_left_out = self.left_out.get(at) == Some(&true);
            if !is_left_out && !self.sessions.holds_back(source, at, &self.left_out) {
                self.send_external(at);
            }
        }
    }

    /// The message at this place of the workload is on its way.
    #[inline(always)]
    pub(crate) fn send_external(&mut self, place: usize) -> Slot {
        let age = self.take_age();
        let external = &self.plan.externals()[place];
        let slot = self.transit.slab.insert(&self.external_headers[place], external.input(), age);
        self.transit.flight.send(slot, external.to.index(), &mut self.transit.slab);
        slot
    }

    fn reset_worker(&mut self, worker: WorkerId) {
        let at = worker.index();
        let place = &mut self.transit.places[at];
        place.used = 0;
        place.past = 0;
        place.gate = Gate::Open;
        place.outbound.clear();
        place.in_hand = 0;
        place.inbox.reset(self.plan.policies());
        self.workers[at].reset(self.plan.machine(worker));
        if !self.plan.starts(worker) {
            self.workers[at].start_silently(&self.start_headers[at], &mut self.out);
        }
    }

    /// From the next reset on, these messages from outside never come: by their place in the workload.
    pub(crate) fn leave_out(&mut self, left_out: &[bool]) {
        self.left_out.clear();
        self.left_out.extend_from_slice(left_out);
    }

    /// The headers of all messages from outside.
    pub(crate) fn externals(&self) -> impl Iterator<Item = &Header> {
        self.external_headers.iter()
    }

    /// What may happen next.
    #[inline(always)]
    pub fn actions(&mut self) -> Actions<'_> {
        if !self.plain {
            match self.settings.granularity {
                Granularity::Delivery => self.list_open(),
                Granularity::Queues => self.list_queues(),
                Granularity::Threads => self.list_threads(),
            }
            self.usual = self.acts.len();
            if self.faults.are_possible() {
                self.list_faults();
            }
        }
        Actions {
            listed: if self.plain { None } else { Some(&self.acts) },
            usual: self.usual,
            ready: self.transit.flight.ready(),
            timers: self.timers.candidates(),
            cards: &self.transit.slab.cards,
        }
    }

    /// Performs the action at a place of the canonical order.
    #[inline(always)]
    pub fn step<S: Sink<M>>(&mut self, choice: usize, sink: &mut S) {
        self.moment.step += 1;
        self.chosen.clear();
        self.options.clear();
        if self.plain {
            let ready = self.transit.flight.ready().len();
            if choice < ready { self.deliver(choice, sink) } else { self.fire(choice - ready, sink) }
        } else {
            self.step_listed(self.acts[choice], sink);
        }
        self.see_to_rest(sink);
    }

    /// The same, where it is known to be possible which one it is.
    pub(crate) fn step_act<S: Sink<M>>(&mut self, act: Act, sink: &mut S) {
        self.moment.step += 1;
        self.chosen.clear();
        self.options.clear();
        self.step_listed(act, sink);
        self.see_to_rest(sink);
    }

    /// What follows of a step.
    #[inline(always)]
    fn see_to_rest<S: Sink<M>>(&mut self, sink: &mut S) {
        if !self.aside.releases.is_empty() {
            match self.settings.granularity {
                // There an inbox settles what it must in the same step, and else not before the next that concerns it.
                Granularity::Threads => self.aside.releases.clear(),
                _ => self.see_to_releases(sink),
            }
        }
        if self.gated > 0 {
            match self.settings.granularity {
                Granularity::Delivery => self.resume(sink),
                Granularity::Queues => self.note_stalls(sink),
                Granularity::Threads => {}
            }
        }
        if self.sessions.are_any() {
            self.note_deadlines();
        }
    }

    #[inline(never)]
    fn step_listed<S: Sink<M>>(&mut self, act: Act, sink: &mut S) {
        match (act, self.settings.granularity) {
            (Act::Fault(fault), _) => self.inflict(fault, sink),
            (Act::Fire(at), _) => self.fire(at, sink),
            (Act::Deliver(at), Granularity::Delivery) => self.deliver(at, sink),
            (act, Granularity::Threads) => self.step_threads(act, sink),
            _ => self.step_queues(act, sink),
        }
    }

    fn fire<S: Sink<M>>(&mut self, at: usize, sink: &mut S) {
        let (worker, id) = &self.timers.candidates()[at];
        let worker = *worker;
        if is_op(id) {
            let id = id.clone();
            return self.expire(worker, &id, sink);
        }
        let envelope = self.workers[worker.index()].fire(id).expect("a candidate waits at its worker");
        let due = self.faults.global(worker, envelope.header.sent_at);
        self.moment.time = self.moment.time.max(due);
        self.touch(worker);
        self.transit.places[worker.index()].in_hand = 0;
        let age = self.take_age();
        let slot = self.transit.slab.insert(&envelope.header, envelope.input, age);
        self.handle(slot, sink);
    }

    /// Lets a worker handle a message, and sends what it says.
    #[inline(never)]
    pub(crate) fn handle<S: Sink<M>>(&mut self, slot: Slot, sink: &mut S) {
        self.handle_inline(slot, sink);
    }

    /// [`World::handle`] for the one place where nearly all handling is done.
    #[inline(always)]
    pub(crate) fn handle_inline<S: Sink<M>>(&mut self, slot: Slot, sink: &mut S) {
        self.transit.slab.take(slot, &mut self.current, &mut self.input);
        debug_assert!(self.input.is_some(), "a message is handled once");
        let at = self.current.header.to.index();
        if self.keeps_inputs {
            self.keep_input(at);
        }
        let header = &self.current.header;
        self.transit.creator = self.current.link.age;
        let past = &mut self.transit.places[at].past;
        *past = (past.rotate_left(23) ^ header.id.hash64()).wrapping_mul(fnv::PRIME);
        let mut moment = self.moment;
        if !self.faults.skewed.is_empty() {
            moment.time = self.faults.local(header.to, moment.time);
        }
        let handled = if self.faults.doomed.is_empty() {
            let (worker, rules) = (&mut self.workers[at], &self.rules);
            worker.handle_parts(header, &mut self.input, rules, moment, &mut self.out, &mut self.transit, sink)
        } else {
            self.handle_or_die(moment, sink)
        };
        self.deliveries += 1;
        if self.rules.is_watermark_due(self.deliveries) {
            self.publish_watermark();
        }
        // Who turns an input away chooses nothing; what is there then is of another.
        if !self.out.choices().made.is_empty() && matches!(handled, Handled::Done | Handled::Crashed) {
            self.note_choices(at);
        }
        match handled {
            Handled::Done | Handled::Refused => {}
            Handled::Crashed => {
                let past = &mut self.transit.places[at].past;
                *past = fnv::spread(!*past);
                self.histories.iter_mut().for_each(|histories| histories.end_life(at));
                if self.settings.granularity == Granularity::Threads {
                    self.end_life_later(at);
                } else {
                    self.end_life(at, sink);
                }
            }
            Handled::Dead => {
                let id = self.current.header.id.hash64();
                self.aside.dropped = self.aside.dropped.wrapping_add(fnv::spread(id));
            }
        }
        if self.timers.concern(&self.workers[at]) {
            self.note_timers(at);
        }
        if !self.transit.outputs.is_empty() {
            self.send_outputs(at, sink);
        }
        if self.sessions.are_any() {
            self.note_op(at, handled == Handled::Done);
        }
    }

    /// What is left of a life that has ended is seen to, and the next begins, if there is to be one.
    #[cold]
    pub(crate) fn end_life<S: Sink<M>>(&mut self, at: usize, sink: &mut S) {
        let (worker, now) = (WorkerId::at(at), self.moment.time);
        let is_queued = self.settings.granularity.is_queued();
        let (inbox, mut desk) = self.desk(worker, sink);
        let next = if is_queued { inbox.end_life_queued(now, &mut desk) } else { inbox.end_life(now, &mut desk) };
        self.see_to_aside();
        let Some(life) = next else { return };
        let (make, moment) = (|| self.plan.machine(worker), self.moment_at(worker));
        self.workers[at].restart(life, make, &self.rules, moment, sink);
        let start = self.plan.start(worker, life);
        if self.plan.starts_again(worker) {
            self.close(at, Gate::Start);
            let age = self.take_age();
            let slot = self.transit.slab.insert(&start.header, start.input, age);
            self.transit.flight.send(slot, at, &mut self.transit.slab);
        } else {
            self.workers[at].start_silently(&start.header, &mut self.out);
        }
    }

    /// Takes over the timers of a worker, which may have changed.
    pub(crate) fn note_timers(&mut self, at: usize) {
        let worker = &self.workers[at];
        let due = |deadline| self.faults.global(worker.id(), deadline);
        self.timers.update(worker, due, self.settings.last_moment());
    }

    /// The step, and the time as the clock of a worker says it.
    pub(crate) fn moment_at(&self, worker: WorkerId) -> Moment {
        Moment { time: self.faults.local(worker, self.moment.time), ..self.moment }
    }

    /// The most steps that this run may have, of which `steps_max` is the most of any.
    pub(crate) fn steps_max(&self, steps_max: u64) -> u64 {
        self.faults.steps_max(steps_max)
    }

    #[inline(never)]
    fn keep_input(&mut self, at: usize) {
        if let (Some(histories), Some(input)) = (&mut self.histories, &self.input) {
            histories.begin(at, self.current.header.id.hash64(), input);
        }
        let worker = &self.workers[at];
        if let (Some(coverage), Some(input), false) = (&mut self.coverage, &self.input, worker.is_crashed()) {
            coverage.count(worker.id(), self.plan.state_kind(worker.machine()), self.plan.message_kind(input));
        }
    }

    #[inline(never)]
    fn send_outputs<S: Sink<M>>(&mut self, from: usize, sink: &mut S) {
        let mut outputs = std::mem::take(&mut self.transit.outputs);
        for slot in outputs.drain(..) {
            match self.settings.granularity {
                Granularity::Delivery => self.send(slot, from, sink),
                _ => self.transit.places[from].outbound.push_back(slot),
            }
        }
        self.transit.outputs = outputs;
    }

    /// Barriers that are resolved need not be carried on. Nobody can see this: it is no step and no event.
    #[inline(never)]
    fn publish_watermark(&mut self) {
        for worker in &self.transit.touched {
            let inbox = &self.transit.places[worker.index()].inbox;
            match self.settings.granularity.is_queued() && self.sessions.are_any() {
                // What is in a queue is no longer waited for by updates, but by sessions.
                true => {
                    let origin = |slot: &Slot| {
                        let header = self.transit.slab.header(*slot);
                        (header.from, header.number)
                    };
                    self.settled.clear();
                    self.settled.extend(inbox.settled(origin));
                    self.watermark.publish(*worker, &self.settled);
                }
                false => self.watermark.publish(*worker, inbox.resolved()),
            }
        }
        for worker in &self.transit.touched {
            self.workers[worker.index()].prune(&self.watermark);
        }
    }

    /// What the handler chose is part of its past, and the next handler's script goes on behind it.
    fn note_choices(&mut self, at: usize) {
        let choices = self.out.choices();
        for (options, value) in &choices.made {
            self.chosen.push(*value);
            self.options.push(*options);
            self.histories.iter_mut().for_each(|histories| histories.choose(at, *value));
            let past = &mut self.transit.places[at].past;
            *past = fnv::spread(past.wrapping_add(u64::from(*value) + 1));
        }
        let used = choices.made.len().min(choices.script.len());
        choices.script.drain(..used);
    }

    /// Sees to what the core put aside while an inbox was borrowed.
    #[inline(always)]
    pub(crate) fn see_to_aside(&mut self) {
        if !self.aside.discarded.is_empty() || !self.aside.nacks.is_empty() {
            self.put_away();
        }
    }

    fn put_away(&mut self) {
        while let Some(slot) = self.aside.discarded.pop() {
            let to = self.transit.slab.header(slot).to;
            if self.transit.slab.link(slot).in_flight {
                self.transit.flight.cancel(slot, to.index(), &mut self.transit.slab);
            }
            self.transit.slab.free(slot);
            self.aside.releases.push(to);
            if self.sessions.are_any() {
                self.note_dropped_op(slot);
            }
        }
        while let Some(sender) = self.aside.nacks.pop() {
            if self.settings.granularity == Granularity::Threads {
                self.later.nacks.get_mut(sender.index()).into_iter().for_each(|nacks| *nacks += 1);
            } else {
                self.touch(sender);
                self.transit.places[sender.index()].inbox.nacked();
            }
        }
    }

    /// Where a tombstone fell, others may go on.
    fn see_to_releases<S: Sink<M>>(&mut self, sink: &mut S) {
        let mut later = 0;
        while self.aside.releases.len() > later {
            let worker = self.aside.releases.swap_remove(later);
            if self.transit.places[worker.index()].gate != Gate::Open {
                self.aside.releases.push(worker);
                let last = self.aside.releases.len() - 1;
                self.aside.releases.swap(later, last);
                later += 1;
            } else if self.settings.granularity == Granularity::Delivery {
                self.release(worker, sink);
            } else {
                let (inbox, mut desk) = self.desk(worker, sink);
                inbox.settle(&mut desk);
                self.see_to_aside();
            }
        }
    }

    /// The inbox of a worker, which something is done to, and a desk for it.
    #[inline(always)]
    pub(crate) fn desk<'a, S: Sink<M>>(
        &'a mut self,
        worker: WorkerId,
        sink: &'a mut S,
    ) -> (&'a mut Inbox<Slot>, Counter<'a, M, S>) {
        let (moment, lane) = (self.moment, Lane::Inbox(worker));
        let desk = Counter { slab: &self.transit.slab, sink, moment, lane, aside: &mut self.aside };
        let place = &mut self.transit.places[worker.index()];
        place.touch(worker, &mut self.transit.touched, &mut self.transit.uses);
        (&mut place.inbox, desk)
    }

    pub(crate) fn touch(&mut self, worker: WorkerId) {
        let Transit { places, touched, uses, .. } = &mut self.transit;
        places[worker.index()].touch(worker, touched, uses);
    }

    pub(crate) fn close(&mut self, at: usize, gate: Gate) {
        let place = &mut self.transit.places[at];
        self.gated += usize::from(place.gate == Gate::Open);
        place.gate = gate;
        self.see_whether_plain();
    }

    pub(crate) fn open(&mut self, worker: WorkerId) {
        let gate = &mut self.transit.places[worker.index()].gate;
        self.gated -= usize::from(*gate != Gate::Open);
        *gate = Gate::Open;
        self.see_whether_plain();
    }

    fn see_whether_plain(&mut self) {
        self.plain =
            self.gated == 0 && self.settings.granularity == Granularity::Delivery && !self.faults.are_possible();
    }

    #[inline]
    pub(crate) fn take_age(&mut self) -> u32 {
        self.transit.next_age += 1;
        self.transit.next_age - 1
    }

    /// The outbox of the next handler, to tell it what to choose.
    pub fn outbox(&mut self) -> &mut Outbox<M::Update> {
        &mut self.out
    }

    /// From now on all order counts in its fingerprints, whatever inputs are declared to commute: for runs of which nobody asks
    /// whether they are traces of their own. They take less time the longer they are.
    pub(crate) fn forget_histories(&mut self) {
        self.histories = None;
    }

    /// From the next action on the clock says this, and whatever is due then may fire.
    pub(crate) fn tell_time(&mut self, now: Time) {
        self.moment.time = now;
        self.timers.tell(now, self.settings.last_moment());
    }

    /// The name of an action.
    pub(crate) fn decision(&self, act: Act) -> Decision {
        let (ready, timers, cards) =
            (self.transit.flight.ready(), self.timers.candidates(), self.transit.slab.cards.as_slice());
        Actions { listed: Some(&[act]), usual: 1, ready, timers, cards }.get(0).decision()
    }
}
