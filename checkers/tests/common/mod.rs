//! A small hand-driven world: the core's own workers and inboxes, and a test that says what happens next.
//!
//! Both ways through an inbox, `delivery` (what is in flight is counted) and `queues` (what is queued is). Every event
//! goes to a bank of laws and to a recorder, so that each test judges a run twice: while it goes on, and from its
//! trace.

#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]

pub mod script;

use std::collections::VecDeque;
use std::sync::Arc;

use raddle_checkers::{Bank, Verdict, Violation, check, default_laws, explain};
use raddle_core::{
    Conditions, Counting, Desk, End, EndReason, Envelope, EventRef, Header, Inbox, Incarnation, Input, Lane, MessageId,
    Moment, OnFull, Order, Outbox, Outputs, Parked, Plan, Policies, Recorder, Sink, StateMachine, System, Time, Trace,
    What, Worker, WorkerId,
};

/// What a message tells its handler to do.
#[derive(Clone, Debug)]
pub enum Do {
    /// Send an update that tells this.
    Send(&'static str, Vec<Do>),
    /// Say that this worker needs something of another.
    Wait(&'static str, &'static str),
    /// Say that it has come.
    Waited(&'static str),
    /// Panic with this text.
    Panic(&'static str),
}

pub fn send<const N: usize>(to: &'static str, then: [Do; N]) -> Do {
    Do::Send(to, then.into())
}

/// Does as it is told.
pub struct Obedient;

impl StateMachine for Obedient {
    type Message = Vec<Do>;
    type Update = Vec<Do>;

    fn on_message(&mut self, told: Vec<Do>, out: &mut Outbox<Vec<Do>>) {
        for act in told {
            match act {
                Do::Send(to, then) => out.notify(to, then),
                Do::Wait(on, what) => out.wait(on, what),
                Do::Waited(what) => out.waited(what),
                Do::Panic(text) => panic!("{text}"),
            }
        }
    }

    fn on_update(&mut self, told: Vec<Do>, out: &mut Outbox<Vec<Do>>) {
        self.on_message(told, out);
    }
}

/// A message to a worker.
pub type Told = (&'static str, Vec<Do>);

/// One run. Messages are named by the text of their ids.
pub struct World {
    plan: Arc<Plan<Obedient>>,
    conditions: Conditions,
    workers: Vec<Worker<Obedient>>,
    inboxes: Vec<Inbox<usize>>,
    items: Vec<Option<Envelope<Obedient>>>,
    /// Updates on their way.
    flying: Vec<usize>,
    /// By worker: what is not sent yet, because the first of it finds no room.
    outbound: Vec<VecDeque<usize>>,
    sent_externals: usize,
    out: Outbox<Vec<Do>>,
    step: u64,
    ears: Ears,
}

struct Ears {
    bank: Bank,
    recorder: Recorder<Obedient>,
}

impl Sink<Obedient> for Ears {
    fn event(&mut self, event: EventRef<'_>, input: Option<&Input<Obedient>>) {
        self.bank.event(event, input);
        self.recorder.event(event, input);
    }
}

/// The desk of the test: headers from the items, events to the ears.
struct Clerk<'a> {
    items: &'a [Option<Envelope<Obedient>>],
    ears: &'a mut Ears,
    moment: Moment,
    lane: Lane,
    gone: Vec<usize>,
    nacked: Vec<WorkerId>,
}

impl Desk<usize> for Clerk<'_> {
    fn header<'a>(&'a self, item: &'a usize) -> &'a Header {
        &self.items[*item].as_ref().expect("it is there until it is handled").header
    }

    fn report<'a>(&'a mut self, what: What, item: &'a usize) -> &'a Header {
        let header = &self.items[*item].as_ref().expect("it is there until it is handled").header;
        let event = EventRef { moment: self.moment, lane: self.lane, life: Incarnation(0), what, header, text: "" };
        self.ears.event(event, None);
        header
    }

    fn discard(&mut self, item: usize) {
        self.gone.push(item);
    }

    fn nack(&mut self, sender: WorkerId) {
        self.nacked.push(sender);
    }
}

/// Workers `A` to `D`, under these conditions; source `bank` sends the messages.
pub fn world(policies: Policies, counting: Counting, promised: Order, messages: Vec<Told>) -> World {
    World::new(["A", "B", "C", "D"], policies, counting, promised, messages)
}

/// The defaults: counted in flight, nothing reordered by the core, causal order promised.
pub fn causal(messages: Vec<Told>) -> World {
    world(Policies { order: Order::Arrival, ..Policies::default() }, Counting::InFlight, Order::Causal, messages)
}

impl World {
    pub fn new<const N: usize>(
        workers: [&'static str; N],
        policies: Policies,
        counting: Counting,
        promised: Order,
        messages: Vec<Told>,
    ) -> Self {
        raddle_core::panics::install();
        let system =
            System::new("test").workers(workers, |_| Obedient).messages("bank", messages).policies(policies.clone());
        let plan = system.plan().expect("a good system");
        let conditions = Conditions { names: Arc::clone(plan.names()), policies, counting, promised, barriers: false };
        let bank = Bank::new(conditions.clone(), &default_laws(&conditions)).expect("laws of our own");
        Self {
            workers: plan.workers(),
            inboxes: (0..N).map(|_| Inbox::new(&conditions.policies, Order::Causal)).collect(),
            items: Vec::new(),
            flying: Vec::new(),
            outbound: vec![VecDeque::new(); N],
            sent_externals: 0,
            out: plan.outbox(0),
            step: 0,
            ears: Ears { bank, recorder: Recorder::default() },
            conditions,
            plan,
        }
    }

    /// The next messages of the source arrive, one after the other.
    pub fn externals(mut self, count: usize) -> Self {
        (0..count).for_each(|_| self.external());
        self
    }

    /// Updates arrive, in this order; where what is in flight is counted, they are handled at once.
    pub fn deliver<const N: usize>(mut self, ids: [&str; N]) -> Self {
        for id in ids {
            let id = MessageId::parse(id, self.plan.names()).expect("an id");
            let is_it = |item: &&usize| self.items[**item].as_ref().is_some_and(|e| e.header.id == id);
            let item = *self.flying.iter().find(is_it).expect("it is on its way");
            self.arrive(item);
        }
        self
    }

    /// A worker picks so many inputs.
    pub fn picks(mut self, worker: &str, count: usize) -> Self {
        let worker = self.worker(worker);
        (0..count).for_each(|_| self.pick(worker));
        self
    }

    /// Everything happens, the oldest first, until nothing is left to do.
    pub fn run(mut self) -> Self {
        while self.act(&mut |_| 0) {}
        self
    }

    /// Everything happens in the order that `choose` chooses: it is asked for one of so many.
    pub fn run_by(mut self, mut choose: impl FnMut(usize) -> usize) -> Self {
        while self.act(&mut choose) {}
        self
    }

    /// As [`World::run_by`], but so many things at most.
    pub fn acts(mut self, count: usize, mut choose: impl FnMut(usize) -> usize) -> Self {
        let _ = (0..count).all(|_| self.act(&mut choose));
        self
    }

    /// The run has come to rest.
    pub fn rest(self) -> Outcome {
        self.end(EndReason::Quiescent)
    }

    pub fn end(mut self, reason: EndReason) -> Outcome {
        let end = self.describe_end(reason);
        self.ears.bank.finish(&end);
        Outcome {
            trace: Trace { conditions: self.conditions, events: self.ears.recorder.take_events(), end },
            online: self.ears.bank.violations().to_vec(),
        }
    }

    fn describe_end(&self, reason: EndReason) -> End {
        let id = |item: &usize| self.items[*item].as_ref().expect("it is held").header.id.clone();
        let mut end = End { reason, ..End::default() };
        let left = self.items.iter().flatten().map(|e| &e.header.id).filter(|id| !id.is_root());
        end.in_flight.extend(left.cloned());
        for (at, inbox) in self.inboxes.iter().enumerate() {
            let worker = WorkerId::at(at);
            let parked = inbox.parked().map(|(item, of, needs)| Parked { id: id(item), at: worker, of, needs });
            end.parked.extend(parked);
            if let Some(item) = self.outbound[at].front() {
                end.stalled.push((worker, self.header(*item).to));
            }
            let waits = self.workers[at].waits().iter().map(|(on, what)| (worker, *on, (*what).to_string()));
            end.waiting.extend(waits);
        }
        end
    }

    /// Does one of the things that may happen next; false if nothing may.
    fn act(&mut self, choose: &mut impl FnMut(usize) -> usize) -> bool {
        let arrivals: Vec<usize> = self.flying.iter().copied().filter(|item| self.may_arrive(*item)).collect();
        let queued = self.conditions.counting == Counting::Queued;
        let may_pick = |at: &usize| queued && self.outbound[*at].is_empty() && self.inboxes[*at].has_work();
        let picks: Vec<usize> = (0..self.workers.len()).filter(may_pick).collect();
        let next = self.plan.externals().get(self.sent_externals);
        let external = next.is_some_and(|external| match queued {
            true => self.inboxes[external.to.index()].has_external_room(),
            false => self.outbound[external.to.index()].is_empty(),
        });
        let options = arrivals.len() + picks.len() + usize::from(external);
        if options == 0 {
            return false;
        }
        let choice = choose(options);
        if let Some(item) = arrivals.get(choice) {
            self.arrive(*item);
        } else if let Some(at) = picks.get(choice - arrivals.len()) {
            self.pick(WorkerId::at(*at));
        } else {
            self.external();
        }
        true
    }

    fn may_arrive(&self, item: usize) -> bool {
        let to = self.header(item).to.index();
        self.conditions.counting == Counting::Queued || self.outbound[to].is_empty()
    }

    fn external(&mut self) {
        let external = &self.plan.externals()[self.sent_externals];
        self.sent_externals += 1;
        let to = external.to;
        let header = self.plan.external_header(external);
        let item = self.keep(Envelope { header, input: Input::Message(external.message.clone()) });
        self.step += 1;
        match self.conditions.counting {
            Counting::InFlight => {
                self.at_inbox(to, |inbox, clerk| inbox.land_external(&item, clerk));
                self.handle(item);
            }
            Counting::Queued => {
                self.at_inbox(to, |inbox, clerk| inbox.receive_external(item, clerk).expect("there is room"));
            }
        }
        self.resume();
    }

    fn arrive(&mut self, item: usize) {
        self.step += 1;
        self.flying.retain(|flying| *flying != item);
        let to = self.header(item).to;
        match self.conditions.counting {
            Counting::InFlight => {
                let turn = self.at_inbox(to, |inbox, clerk| inbox.land(item, clerk));
                while let Some(admitted) = self.at_inbox(to, |inbox, clerk| inbox.admit(clerk)) {
                    self.flying.push(admitted);
                }
                if let Some(item) = turn {
                    self.handle(item);
                }
                self.release(to);
            }
            Counting::Queued => self.at_inbox(to, |inbox, clerk| inbox.receive(item, clerk)),
        }
        self.resume();
    }

    fn pick(&mut self, worker: WorkerId) {
        self.step += 1;
        if let Some(item) = self.at_inbox(worker, |inbox, clerk| inbox.pick(clerk)) {
            self.handle(item);
        }
        self.resume();
    }

    fn handle(&mut self, item: usize) {
        let envelope = self.items[item].take().expect("it is handled once");
        let at = envelope.header.to.index();
        let mut outputs = Outputs::default();
        let moment = self.moment();
        let rules = &self.plan.rules(Order::Causal);
        let _ = self.workers[at].handle(envelope, rules, moment, &mut self.out, &mut outputs, &mut self.ears);
        for output in outputs.drain() {
            let item = self.keep(*output);
            self.outbound[at].push_back(item);
        }
        self.push(at, false);
    }

    /// Sends what a worker has to send, as far as there is room.
    fn push(&mut self, at: usize, stalled: bool) {
        let mut waits = stalled;
        while let Some(item) = self.outbound[at].front().copied() {
            let to = self.header(item).to;
            let in_flight = self.conditions.counting == Counting::InFlight;
            if self.conditions.policies.on_full == OnFull::Stall && self.inboxes[to.index()].must_wait() {
                if !waits {
                    self.at_inbox(to, |_, clerk| _ = clerk.report(What::Stall, &item));
                }
                return;
            }
            if stalled && (in_flight || waits) {
                self.at_inbox(to, |_, clerk| _ = clerk.report(What::Resume, &item));
            }
            waits = stalled && in_flight;
            self.outbound[at].pop_front();
            if !in_flight {
                if self.conditions.policies.on_full == OnFull::Stall {
                    self.at_inbox(to, |inbox, clerk| inbox.receive(item, clerk));
                } else {
                    self.flying.push(item);
                }
            } else if self.at_inbox(to, |inbox, clerk| inbox.launch(item, clerk)) {
                self.flying.push(item);
                self.flying.retain(|item| self.items[*item].is_some());
            }
        }
    }

    /// Senders that waited for room go on; tombstones let others go.
    fn resume(&mut self) {
        for at in 0..self.workers.len() {
            if !self.outbound[at].is_empty() {
                self.push(at, true);
            } else if self.conditions.counting == Counting::InFlight {
                self.release(WorkerId::at(at));
            }
        }
    }

    fn release(&mut self, worker: WorkerId) {
        while self.outbound[worker.index()].is_empty() {
            let Some(item) = self.at_inbox(worker, |inbox, clerk| inbox.release(clerk)) else { return };
            self.handle(item);
        }
    }

    fn at_inbox<T>(&mut self, worker: WorkerId, act: impl FnOnce(&mut Inbox<usize>, &mut Clerk<'_>) -> T) -> T {
        let moment = self.moment();
        let lane = Lane::Inbox(worker);
        let (gone, nacked) = (Vec::new(), Vec::new());
        let mut clerk = Clerk { items: &self.items, ears: &mut self.ears, moment, lane, gone, nacked };
        let result = act(&mut self.inboxes[worker.index()], &mut clerk);
        let Clerk { gone, nacked, .. } = clerk;
        for item in gone {
            self.items[item] = None;
            self.flying.retain(|flying| *flying != item);
        }
        nacked.into_iter().for_each(|sender| self.inboxes[sender.index()].nacked());
        result
    }

    fn keep(&mut self, envelope: Envelope<Obedient>) -> usize {
        self.items.push(Some(envelope));
        self.items.len() - 1
    }

    fn header(&self, item: usize) -> &Header {
        &self.items[item].as_ref().expect("it is there until it is handled").header
    }

    fn worker(&self, name: &str) -> WorkerId {
        self.plan.names().worker_id(name).expect("a worker")
    }

    const fn moment(&self) -> Moment {
        Moment { step: self.step, time: Time(0) }
    }
}

/// A run that is over.
pub struct Outcome {
    pub trace: Trace,
    pub online: Vec<Violation>,
}

impl Outcome {
    /// The same events, judged under other policies: as if the core had broken those.
    pub fn under(mut self, change: impl FnOnce(&mut Policies)) -> Self {
        change(&mut self.trace.conditions.policies);
        self.feed_again()
    }

    /// The same run with other events.
    pub fn edited(mut self, edit: impl FnOnce(&mut Trace)) -> Self {
        edit(&mut self.trace);
        self.feed_again()
    }

    fn feed_again(mut self) -> Self {
        let conditions = &self.trace.conditions;
        let mut bank = Bank::new(conditions.clone(), &default_laws(conditions)).expect("laws of our own");
        self.trace.events.iter().for_each(|event| bank.observe(event.as_ref()));
        bank.finish(&self.trace.end);
        self.online = bank.violations().to_vec();
        self
    }

    fn judge(&self) -> Vec<(&'static str, Verdict)> {
        let laws = default_laws(&self.trace.conditions);
        check(&self.trace, &laws).expect("laws of our own")
    }

    /// All laws that apply hold.
    #[track_caller]
    pub fn breaks_none(self) {
        assert_eq!(self.online, [], "while it goes on");
        for (law, verdict) in self.judge() {
            assert_eq!(verdict, Verdict::Ok, "{law}, from the trace");
        }
    }

    /// Exactly one law of all that apply is broken, with this signature and for this reason, and it is the same one
    /// while the run goes on and from its trace.
    #[track_caller]
    pub fn breaks_only(self, signature: &str, reason: &str) -> Violation {
        let names = &self.trace.conditions.names;
        let law = signature.split('/').next().expect("a law");
        let mut broken = None;
        for (judged, verdict) in self.judge() {
            match verdict {
                Verdict::Violation(violation) if judged == law => broken = Some(violation),
                verdict => assert_eq!(verdict, Verdict::Ok, "{judged}, from the trace"),
            }
        }
        let broken = broken.unwrap_or_else(|| panic!("{law} does not see it"));
        assert_eq!((broken.signature(names).as_str(), broken.reason.as_str()), (signature, reason));
        let [online] = &self.online[..] else { panic!("not one law, while it goes on: {:?}", self.online) };
        assert_eq!(online.signature(names), signature, "while it goes on");
        assert!(!online.reason.is_empty());
        let mut explained = online.clone();
        explain(&mut explained, &self.trace);
        assert_eq!(explained, broken, "explained afterwards");
        broken
    }
}
