//! Runs written by hand: what happens, line by line, with the headers that a correct core would give.
//!
//! For what the small world cannot do: lives, copies, sessions, histories and cuts. Messages are named by the text of their
//! ids; an id of a source is a message from outside, `A/1!start` a start, any other an update.

use std::collections::BTreeMap;
use std::sync::Arc;

use raddle_checkers::Bank;
use raddle_core::{
    Cause, Conditions, Counting, DropReason, End, EndReason, Event, FaultKind, Header, Incarnation, Lane, LinkNumber,
    MessageId, Moment, Names, Order, Party, Policies, Root, Time, Trace, VectorClock, What, WorkerId,
};

use super::Outcome;

pub struct Script {
    conditions: Conditions,
    events: Vec<Event>,
    workers: Vec<Seat>,
    sent: BTreeMap<String, Header>,
    done: Vec<MessageId>,
}

#[derive(Clone, Default)]
struct Seat {
    life: u32,
    clock: VectorClock,
    numbers: BTreeMap<WorkerId, u32>,
    handles: Option<Header>,
}

/// Workers `A` to `D`; sessions `s` and `t`, and `bank`, which is none. Counted in flight, and causal order is promised.
pub fn script() -> Script {
    script_under(Counting::InFlight, |_| {})
}

pub fn script_under(counting: Counting, change: impl FnOnce(&mut Policies)) -> Script {
    let names = Names::new("script", ["A", "B", "C", "D"], ["s", "t", "bank"]).expect("good names");
    let sessions = ["s", "t"].map(|name| names.source_id(name).expect("a source"));
    let mut policies = Policies::default();
    change(&mut policies);
    let names = Arc::new(names.with_sessions(sessions));
    Script {
        conditions: Conditions { names, policies, counting, promised: Order::Causal, barriers: false },
        events: Vec::new(),
        workers: vec![Seat::default(); 4],
        sent: BTreeMap::new(),
        done: Vec::new(),
    }
}

impl Script {
    /// A message from outside arrives at a worker, which handles it.
    pub fn message(self, id: &str, at: &str) -> Self {
        self.arrive(id, at).handle(id)
    }

    /// A message from outside arrives.
    pub fn arrive(mut self, id: &str, at: &str) -> Self {
        let (parsed, to) = (self.id(id), self.worker(at));
        let Root::External(source, _) = parsed.chain() else { panic!("no message from outside: {id}") };
        let header = Header::of_root(parsed, Party::Source(source), to, Incarnation(0), Time(0));
        self.sent.insert(id.to_owned(), header.clone());
        self.say(Lane::Inbox(to), What::Arrive, header, "");
        self
    }

    /// An update arrives and is handled.
    pub fn update(self, id: &str) -> Self {
        self.at_inbox(id, What::Arrive).handle(id)
    }

    /// An update arrives, waits, or is dropped.
    pub fn at_inbox(mut self, id: &str, what: What) -> Self {
        let header = self.sent[id].clone();
        if let What::Drop(_) = what {
            self.done.push(header.id.clone());
        }
        self.say(Lane::Inbox(header.to), what, header, "");
        self
    }

    pub fn drop(self, id: &str, reason: DropReason) -> Self {
        self.at_inbox(id, What::Drop(reason))
    }

    pub fn handle(mut self, id: &str) -> Self {
        let header = self.sent[id].clone();
        self.done.push(header.id.clone());
        let seat = &mut self.workers[header.to.index()];
        seat.clock.merge(&header.clock);
        seat.handles = Some(header.clone());
        self.say(Lane::Worker(header.to), What::Handle, header, "");
        self
    }

    /// Who handles the parent of this update sends it.
    pub fn emit(mut self, id: &str, from: &str, to: &str) -> Self {
        let (parsed, from, to) = (self.id(id), self.worker(from), self.worker(to));
        let to_life = Incarnation(self.workers[to.index()].life);
        let seat = &mut self.workers[from.index()];
        let mut header = Header::of_root(parsed, Party::Worker(from), to, Incarnation(seat.life), Time(0));
        let number = seat.numbers.entry(to).or_default();
        *number += 1;
        header.number = LinkNumber(*number);
        header.to_life = to_life;
        header.depth = header.id.depth();
        seat.clock.tick(from);
        header.clock.copy_from(&seat.clock);
        self.sent.insert(id.to_owned(), header.clone());
        self.say(Lane::Worker(from), What::Emit, header, "");
        self
    }

    /// The network makes the first copy of an update: it goes by the same id with `~1`.
    pub fn copy(mut self, id: &str) -> Self {
        let mut header = self.sent[id].clone();
        header.id = header.id.copy(1).expect("it can be copied");
        self.sent.insert(format!("{id}~1"), header.clone());
        self.say(Lane::Network, What::Fault(FaultKind::Duplication), header, "");
        self
    }

    pub fn read(self, at: &str, text: &str) -> Self {
        self.says(at, What::Read, text)
    }

    pub fn wrote(self, at: &str, text: &str) -> Self {
        self.says(at, What::Wrote, text)
    }

    pub fn reply(self, at: &str) -> Self {
        self.says(at, What::Reply, "")
    }

    pub fn cut(self, at: &str, name: &str) -> Self {
        self.says(at, What::Cut, name)
    }

    /// What a handler says about what it handles.
    pub fn says(mut self, at: &str, what: What, text: &str) -> Self {
        let worker = self.worker(at);
        let header = self.workers[worker.index()].handles.clone().expect("it handles something");
        self.say(Lane::Worker(worker), what, header, text);
        self
    }

    pub fn crash(mut self, at: &str) -> Self {
        let worker = self.worker(at);
        let header = self.start(worker);
        self.say(Lane::Worker(worker), What::Crash(Cause::Fault), header, "");
        self
    }

    pub fn restart(mut self, at: &str) -> Self {
        let worker = self.worker(at);
        self.workers[worker.index()].life += 1;
        let header = self.start(worker);
        self.say(Lane::Worker(worker), What::Restart, header, "");
        self
    }

    /// What happened last is not as a correct core would do it.
    pub fn but(mut self, edit: impl FnOnce(&mut Event)) -> Self {
        edit(self.events.last_mut().expect("something happened"));
        self
    }

    /// The run has come to rest, with all that is left on its way.
    pub fn rest(self) -> Outcome {
        self.end(EndReason::Quiescent)
    }

    pub fn end(self, reason: EndReason) -> Outcome {
        let left = self.sent.values().map(|header| &header.id).filter(|id| !self.done.contains(id) && !id.is_root());
        let end = End { reason, in_flight: left.cloned().collect(), ..End::default() };
        let trace = Trace { conditions: self.conditions, events: self.events, end };
        Outcome { trace, online: Vec::new() }.edited(|_| {})
    }

    fn start(&self, worker: WorkerId) -> Header {
        let life = Incarnation(self.workers[worker.index()].life);
        let id = MessageId::root(Root::Start(worker, life), &self.conditions.names);
        Header::of_root(id, Party::Worker(worker), worker, life, Time(0))
    }

    fn say(&mut self, lane: Lane, what: What, header: Header, text: &str) {
        let worker = match lane {
            Lane::Worker(worker) | Lane::Inbox(worker) => worker,
            Lane::Shard(_) | Lane::Network => header.to,
        };
        self.events.push(Event {
            moment: Moment { step: self.events.len() as u64 + 1, time: Time(0) },
            lane,
            life: Incarnation(self.workers[worker.index()].life),
            what,
            header,
            text: text.into(),
            payload: Box::default(),
        });
    }

    fn id(&self, text: &str) -> MessageId {
        MessageId::parse(text, &self.conditions.names).expect("an id")
    }

    fn worker(&self, name: &str) -> WorkerId {
        self.conditions.names.worker_id(name).expect("a worker")
    }

    /// The laws by these names, fed with what has happened so far.
    pub fn bank(&self, laws: &[&str]) -> Bank {
        let mut bank = Bank::new(self.conditions.clone(), laws).expect("laws of our own");
        self.events.iter().for_each(|event| bank.observe(event.as_ref()));
        bank
    }
}
