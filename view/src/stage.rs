//! A stage for tests: real workers of the core, moved by hand, so that traces are what drivers make.
//!
//! Handlers are plain functions of (who, what was heard); the test says what arrives when. What happens at an inbox
//! is said by the test too: it shows how things look, not which things happen.

use raddle_core::{
    Cause, Conditions, Counting, DropReason, End, Envelope, EventRef, FaultKind, Header, Incarnation, Lane, LinkNumber,
    MessageId, Moment, Order, Outbox, Outputs, Party, Plan, Policies, Recorder, Sink, StateMachine, System, TimerTag,
    Trace, What, Worker, WorkerId, panics,
};
use std::sync::Arc;

/// A message that prints as it reads.
#[derive(Clone)]
pub(crate) struct Said(pub(crate) &'static str);

impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// What all workers do: who, what was heard (`timer` for timers), and where to answer.
pub(crate) type Play = fn(&str, &str, &mut Outbox<Said>);

#[derive(Clone)]
pub(crate) struct Actor(Play);

impl StateMachine for Actor {
    type Message = Said;
    type Update = Said;

    fn on_message(&mut self, message: Said, out: &mut Outbox<Said>) {
        self.on_update(message, out);
    }

    fn on_update(&mut self, update: Said, out: &mut Outbox<Said>) {
        let me = out.my_name().to_owned();
        (self.0)(&me, update.0, out);
    }

    fn on_timer(&mut self, _: TimerTag, out: &mut Outbox<Said>) {
        self.on_update(Said("timer"), out);
    }
}

/// A system in the middle of a run.
pub(crate) struct Stage {
    plan: Arc<Plan<Actor>>,
    workers: Vec<Worker<Actor>>,
    out: Outbox<Said>,
    flying: Vec<Envelope<Actor>>,
    recorder: Recorder<Actor>,
    moment: Moment,
}

/// What stages promise.
fn in_order(policies: &mut Policies) {
    policies.order = Order::Fifo;
}

impl Stage {
    /// Workers that all play the same play, and who tells them what from outside.
    pub(crate) fn new<const N: usize, const K: usize>(
        system: &str,
        workers: [&str; N],
        messages: [(&'static str, &'static str, &'static str); K],
        play: Play,
    ) -> Self {
        let mut system = System::new(system).workers(workers, move |_| Actor(play)).with(in_order);
        for (source, to, text) in messages {
            system = system.messages(source, [(to, Said(text))]);
        }
        Self::of(&system)
    }

    /// The begin of a run of a system.
    pub(crate) fn of(system: &System<Actor>) -> Self {
        panics::install();
        let plan = system.plan().expect("a good system");
        let (workers, out) = (plan.workers(), plan.outbox(0));
        Self { plan, workers, out, flying: Vec::new(), recorder: Recorder::default(), moment: Moment::default() }
    }

    /// The n-th message of the workload arrives and is handled.
    pub(crate) fn external(&mut self, n: usize) {
        let external = &self.plan.externals()[n];
        let header = self.plan.external_header(external);
        let envelope = Envelope { header, input: external.input() };
        self.moment.step += 1;
        self.report(&envelope, What::Arrive);
        self.handle(envelope);
    }

    /// An update arrives and is handled.
    pub(crate) fn deliver(&mut self, id: &str) {
        let envelope = self.take(id);
        self.moment.step += 1;
        self.report(&envelope, What::Arrive);
        self.handle(envelope);
    }

    /// An update arrives and waits for an earlier one of its link.
    pub(crate) fn park(&mut self, id: &str, needs: u32) {
        let envelope = self.take(id);
        self.moment.step += 1;
        self.report(&envelope, What::Arrive);
        let of = envelope.header.from.worker().expect("only updates are parked");
        self.report(&envelope, What::Park { of, needs: LinkNumber(needs) });
        self.flying.push(envelope);
    }

    /// A parked update is released and handled, in the step of what released it.
    pub(crate) fn release(&mut self, id: &str) {
        let envelope = self.take(id);
        self.report(&envelope, What::Release);
        self.handle(envelope);
    }

    /// An update is dropped at the inbox, in the step of its send.
    pub(crate) fn lose(&mut self, id: &str, reason: DropReason) {
        let envelope = self.take(id);
        self.report(&envelope, What::Drop(reason));
    }

    /// Something is said of an update at the inbox, in the step of its send.
    pub(crate) fn say(&mut self, id: &str, what: What) {
        let envelope = self.take(id);
        self.report(&envelope, what);
        self.flying.push(envelope);
    }

    /// An update arrives, and nothing else happens in this step.
    pub(crate) fn arrive(&mut self, id: &str) {
        self.moment.step += 1;
        self.say(id, What::Arrive);
    }

    /// An update that has arrived is picked and handled.
    pub(crate) fn pick(&mut self, id: &str) {
        self.moment.step += 1;
        self.handle_now(id);
    }

    /// An update is handled, and nothing is said of how it came.
    pub(crate) fn handle_now(&mut self, id: &str) {
        let envelope = self.take(id);
        self.handle(envelope);
    }

    /// Something happens to an update at a shard, in a step of its own.
    pub(crate) fn at_shard(&mut self, id: &str, what: What) {
        self.moment.step += 1;
        let envelope = self.take(id);
        self.report_at(Lane::Shard(0), &envelope, what);
        self.flying.push(envelope);
    }

    /// A fault befalls an update, or leaves it, in a step of its own.
    pub(crate) fn befall(&mut self, id: &str, what: What) {
        self.moment.step += 1;
        let envelope = self.take(id);
        self.say_of_fault(&envelope.header, what, "");
        self.flying.push(envelope);
    }

    /// The network makes a copy of an update.
    pub(crate) fn copy(&mut self, id: &str) {
        self.moment.step += 1;
        let envelope = self.take(id);
        let header = Header { id: envelope.header.id.copy(1).expect("the first"), ..envelope.header.clone() };
        self.say_of_fault(&header, What::Fault(FaultKind::Duplication), "");
        self.flying.push(Envelope { header, input: envelope.input.clone() });
        self.flying.push(envelope);
    }

    /// A fault befalls a worker, or what another sends it, or is over, in a step of its own.
    pub(crate) fn befall_worker(&mut self, name: &str, from: Option<&str>, what: What, text: &str) {
        self.moment.step += 1;
        let mut header = self.plan.start(self.worker(name), Incarnation(0)).header;
        if let Some(from) = from {
            header.from = Party::Worker(self.worker(from));
        }
        self.say_of_fault(&header, what, text);
    }

    /// A worker dies, and what is on its way to it is lost; then perhaps it lives again.
    pub(crate) fn crash(&mut self, name: &str, lost: &str, next: Option<Incarnation>) {
        self.moment.step += 1;
        let (id, rules) = (self.worker(name), self.plan.rules(Order::Causal));
        self.workers[id.index()].crash(Cause::Fault, &rules, self.moment, &mut self.recorder);
        self.lose(lost, DropReason::Crash);
        if let Some(life) = next {
            let make = || self.plan.machine(id);
            self.workers[id.index()].restart(life, make, &rules, self.moment, &mut self.recorder);
        }
    }

    /// A timer fires.
    pub(crate) fn fire(&mut self, id: &str) {
        let id = self.id(id);
        let envelope = self.workers.iter_mut().find_map(|worker| worker.fire(&id)).expect("the timer was set");
        self.moment = Moment { step: self.moment.step + 1, time: envelope.header.sent_at };
        self.handle(envelope);
    }

    /// The trace, with what is still on its way.
    pub(crate) fn finish(mut self) -> Trace {
        let conditions = Conditions {
            names: Arc::clone(self.plan.names()),
            policies: self.plan.policies().clone(),
            counting: Counting::InFlight,
            promised: Order::Fifo,
            barriers: false,
        };
        let in_flight = self.flying.iter().map(|envelope| envelope.header.id.clone()).collect();
        Trace { conditions, events: self.recorder.take_events(), end: End { in_flight, ..End::default() } }
    }

    fn handle(&mut self, envelope: Envelope<Actor>) {
        let rules = &self.plan.rules(Order::Causal);
        let worker = &mut self.workers[envelope.header.to.index()];
        let mut outputs = Outputs::default();
        let _ = worker.handle(envelope, rules, self.moment, &mut self.out, &mut outputs, &mut self.recorder);
        self.flying.extend(outputs.drain().map(|sent| *sent));
    }

    fn say_of_fault(&mut self, header: &Header, what: What, text: &str) {
        let (moment, life) = (self.moment, header.to_life);
        self.recorder.event(EventRef { moment, lane: Lane::Network, life, what, header, text }, None);
    }

    fn worker(&self, name: &str) -> WorkerId {
        self.plan.names().worker_id(name).expect("a worker")
    }

    fn report(&mut self, envelope: &Envelope<Actor>, what: What) {
        self.report_at(Lane::Inbox(envelope.header.to), envelope, what);
    }

    fn report_at(&mut self, lane: Lane, envelope: &Envelope<Actor>, what: What) {
        let header = &envelope.header;
        let event = EventRef { moment: self.moment, lane, life: Incarnation(0), what, header, text: "" };
        let from_outside = what == What::Arrive && header.from.worker().is_none();
        self.recorder.event(event, from_outside.then_some(&envelope.input));
    }

    fn id(&self, text: &str) -> MessageId {
        MessageId::parse(text, self.plan.names()).expect("an id")
    }

    fn take(&mut self, id: &str) -> Envelope<Actor> {
        let id = self.id(id);
        let at = self.flying.iter().position(|envelope| envelope.header.id == id).expect("it is on its way");
        self.flying.remove(at)
    }
}

/// A sends m1 to C and m2 to B; B, on m2, sends m3 to C; C handles m3 first.
pub(crate) fn triangle() -> Trace {
    let mut stage = Stage::new("triangle", ["A", "B", "C"], [("bank", "A", "Go")], |me, _, out| match me {
        "A" => {
            out.notify("C", Said("First"));
            out.notify("B", Said("Second"));
        }
        "B" => out.notify("C", Said("Third")),
        _ => {}
    });
    stage.external(0);
    stage.deliver("bank#0.1");
    stage.deliver("bank#0.1.0");
    stage.deliver("bank#0.0");
    stage.finish()
}

/// The same run, stopped when C has handled m3, as a law would.
pub(crate) fn broken_triangle() -> Trace {
    let mut trace = triangle();
    let steps = trace.events.iter().take_while(|event| event.moment.step < 4).count();
    let late = trace.events[steps].header.id.clone();
    trace.events.truncate(steps);
    trace.end.in_flight.push(late);
    trace.end.reason = raddle_core::EndReason::Violation;
    trace
}

/// An update on its way through a shard and a queue, each hop a step.
pub(crate) fn queued() -> Trace {
    let mut stage = Stage::new("queued", ["ann", "bob"], [("bank", "ann", "Go")], |me, _, out| {
        if me == "ann" {
            out.notify(["bob", "bob"], Said("Ping"));
        }
    });
    stage.external(0);
    stage.at_shard("bank#0.0", What::Arrive);
    stage.at_shard("bank#0.0", What::Route);
    stage.say("bank#0.0", What::Arrive);
    stage.arrive("bank#0.1");
    stage.say("bank#0.1", What::Nack);
    stage.lose("bank#0.1", DropReason::Nack);
    stage.pick("bank#0.0");
    stage.finish()
}

/// Three workers pass a token around until the depth limit ends it.
pub(crate) fn ring() -> Trace {
    let play: Play = |me, _, out| {
        let next = match me {
            "ann" => "bob",
            "bob" => "eve",
            _ => "ann",
        };
        out.notify(next, Said("Token"));
    };
    let system = System::new("ring").workers(["ann", "bob", "eve"], move |_| Actor(play)).with(in_order);
    let system = system.messages("bank", [("ann", Said("Token"))]).with(|policies| policies.max_depth = 4);
    let mut stage = Stage::of(&system);
    stage.external(0);
    let mut id = "bank#0".to_owned();
    for _ in 0..4 {
        id += ".0";
        stage.deliver(&id);
    }
    stage.finish()
}

/// One worker tells five others and itself; one queue is full, and one handler panics.
pub(crate) fn fan_out() -> Trace {
    let mut stage =
        Stage::new("fan", ["hub", "n1", "n2", "n3", "n4", "n5"], [("bank", "hub", "Go")], |me, _, out| match me {
            "hub" if out.sender().worker().is_none() => out.notify(["n1", "n2", "n3", "n4", "n5", "hub"], Said("Ping")),
            "n4" => {
                out.mark("doomed");
                panic!("no more ink");
            }
            "n2" => out.notify("hub", Said("Pong")),
            _ => {}
        });
    stage.external(0);
    stage.lose("bank#0.2", DropReason::Full);
    stage.deliver("bank#0.1");
    stage.deliver("bank#0.3");
    stage.deliver("bank#0.1.0");
    stage.deliver("bank#0.5");
    let mut trace = stage.finish();
    let crash = trace.events.iter_mut().find(|event| matches!(event.what, What::Crash(_))).expect("n4 panics");
    crash.text = "'no more ink'".into();
    trace
}

/// An update overtakes another of its link, waits for it, and is released by it; a timer begins a chain of its own.
pub(crate) fn parked() -> Trace {
    let mut stage = Stage::new("parked", ["ann", "bob"], [("bank", "ann", "Go")], |me, heard, out| match (me, heard) {
        ("ann", "Go") => {
            out.notify(["bob", "bob"], Said("Credit { amount: 5 }"));
            out.set_timer(TimerTag(7), std::time::Duration::from_millis(5));
            out.wait("bob", "answer");
        }
        ("ann", "timer") => {
            let at = out.choose(3);
            out.notify("bob", Said(["Retry(0)", "Retry(1)", "Retry(2)"][at as usize]));
            out.mark("retried");
        }
        ("bob", "Credit { amount: 5 }") => out.notify("ann", Said("Done")),
        _ => out.waited("answer"),
    });
    stage.external(0);
    stage.park("bank#0.1", 1);
    stage.fire("ann/0@timer#0");
    stage.deliver("bank#0.0");
    stage.release("bank#0.1");
    stage.deliver("bank#0.0.0");
    stage.finish()
}

/// Everything that can go wrong does: a copy, a delay, a cut link, a crash, and a worker that is not itself.
pub(crate) fn faulted() -> Trace {
    let mut stage =
        Stage::new("faulted", ["ann", "bob"], [("bank", "ann", "Go")], |me, heard, out| match (me, heard) {
            ("ann", "Go") => out.notify(["bob", "bob", "bob"], Said("Ping")),
            ("bob", _) => out.notify("ann", Said("Pong")),
            _ => {}
        });
    stage.external(0);
    stage.copy("bank#0.0");
    stage.befall("bank#0.1", What::Fault(FaultKind::Delay));
    stage.deliver("bank#0.0");
    stage.befall_worker("ann", Some("bob"), What::Fault(FaultKind::Partition), "");
    stage.crash("bob", "bank#0.2", Some(Incarnation(1)));
    stage.befall_worker("bob", None, What::Fault(FaultKind::Skew), "+10ms");
    stage.befall_worker("bob", None, What::Fault(FaultKind::Stall), "");
    stage.befall_worker("ann", None, What::Fault(FaultKind::Full), "");
    stage.befall_worker("ann", Some("bob"), What::FaultOver(FaultKind::Partition), "");
    stage.befall("bank#0.1", What::FaultOver(FaultKind::Delay));
    stage.befall_worker("bob", None, What::FaultOver(FaultKind::Stall), "");
    stage.befall_worker("bob", None, What::FaultOver(FaultKind::Skew), "");
    stage.befall_worker("ann", None, What::FaultOver(FaultKind::Full), "");
    stage.deliver("bank#0.0~1");
    stage.crash("ann", "bank#0.0~1.0", None);
    stage.finish()
}
