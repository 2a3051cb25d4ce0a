//! The causal law against the definition: an update is late if its send lies in the past of the send of an update that
//! its worker has handled before. The law takes one comparison; the definition, here, keeps whole pasts as sets.

use std::collections::BTreeSet;
use std::sync::Arc;

use raddle_checkers::{Verdict, check};
use raddle_core::random::{below, substream};
use raddle_core::{
    Conditions, Counting, End, Event, Header, Incarnation, Lane, LinkNumber, MessageId, Moment, Names, Order, Party,
    Policies, Root, SourceId, Time, Trace, VectorClock, What, WorkerId,
};

const RUNS: u64 = 2_000;

/// An update on its way, and what its sender knew: the ids of all sends in its past, its own among them.
struct Sent {
    header: Header,
    past: BTreeSet<usize>,
    serial: usize,
}

/// What a worker knows: by clock, as the core keeps it, and by sets, as the definition has it.
#[derive(Default)]
struct Knows {
    clock: VectorClock,
    past: BTreeSet<usize>,
    handled: Vec<(usize, BTreeSet<usize>)>,
}

/// Random unicast traffic, and the first update that is late by the definition.
struct Traffic {
    names: Arc<Names>,
    knows: Vec<Knows>,
    flying: Vec<Sent>,
    numbers: Vec<u32>,
    events: Vec<Event>,
    sends: usize,
    first_late: Option<MessageId>,
    late: usize,
}

impl Traffic {
    fn new(workers: usize) -> Self {
        let names = (0..workers).map(|n| format!("w{n}"));
        Self {
            names: Arc::new(Names::new("traffic", names, ["bank"]).expect("good names")),
            knows: (0..workers).map(|_| Knows::default()).collect(),
            flying: Vec::new(),
            numbers: vec![0; workers * workers],
            events: Vec::new(),
            sends: 0,
            first_late: None,
            late: 0,
        }
    }

    fn event(&mut self, worker: WorkerId, what: What, header: &Header) {
        self.events.push(Event {
            moment: Moment { step: self.events.len() as u64 + 1, time: Time(0) },
            lane: Lane::Worker(worker),
            life: Incarnation(0),
            what,
            header: header.clone(),
            text: Box::default(),
            payload: Box::default(),
        });
    }

    fn send(&mut self, from: usize, to: usize) {
        let root = MessageId::root(Root::External(SourceId::new(0), self.sends as u32), &self.names);
        let (sender, target) = (WorkerId::at(from), WorkerId::at(to));
        let mut header = Header::of_root(root.output(0), Party::Worker(sender), target, Incarnation(0), Time(0));
        let number = &mut self.numbers[from * self.knows.len() + to];
        *number += 1;
        header.number = LinkNumber(*number);
        let knows = &mut self.knows[from];
        knows.clock.tick(sender);
        knows.past.insert(self.sends);
        header.clock.copy_from(&knows.clock);
        let sent = Sent { past: knows.past.clone(), serial: self.sends, header };
        self.sends += 1;
        self.event(sender, What::Emit, &sent.header);
        self.flying.push(sent);
    }

    fn handle(&mut self, at: usize) {
        let Sent { header, past, serial } = self.flying.remove(at);
        let knows = &mut self.knows[header.to.index()];
        let late = knows.handled.iter().any(|(_, earlier)| earlier.contains(&serial));
        let with_itself = header.link().is_none();
        if late && !with_itself {
            self.late += 1;
            self.first_late.get_or_insert(header.id.clone());
        }
        knows.past.extend(&past);
        knows.clock.merge(&header.clock);
        knows.handled.push((serial, past));
        self.event(header.to, What::Handle, &header);
    }

    fn trace(self) -> Trace {
        let conditions = Conditions {
            names: self.names,
            policies: Policies::default(),
            counting: Counting::InFlight,
            promised: Order::Causal,
            barriers: false,
        };
        let in_flight = self.flying.into_iter().map(|sent| sent.header.id).collect();
        Trace { conditions, events: self.events, end: End { in_flight, ..End::default() } }
    }
}

/// `reorder` in 8 deliveries takes any update, the others take the oldest.
fn random_traffic(seed: u64) -> Traffic {
    let mut rng = substream(seed, "traffic", 0);
    let workers = if seed.is_multiple_of(8) { 18 } else { 2 + below(&mut rng, 5) };
    let reorder = below(&mut rng, 9);
    let moves = 10 + below(&mut rng, 60);
    let mut traffic = Traffic::new(workers as usize);
    for _ in 0..moves {
        if traffic.flying.is_empty() || below(&mut rng, 2) == 0 {
            let (from, to) = (below(&mut rng, workers), below(&mut rng, workers));
            traffic.send(from as usize, to as usize);
        } else {
            let any = below(&mut rng, 8) < reorder;
            let at = if any { below(&mut rng, traffic.flying.len() as u32) } else { 0 };
            traffic.handle(at as usize);
        }
    }
    traffic
}

#[test]
fn the_law_is_the_definition() {
    let (mut runs_broken, mut late) = (0, 0);
    for seed in 0..RUNS {
        let traffic = random_traffic(seed);
        let expected = traffic.first_late.clone();
        runs_broken += u64::from(expected.is_some());
        late += traffic.late;
        let trace = traffic.trace();
        let verdicts = check(&trace, &["causal-order", "no-silent-loss"]).expect("laws of our own");
        let [(_, order), (_, loss)] = &verdicts[..] else { panic!("two laws, two verdicts") };
        assert_eq!(*loss, Verdict::Ok, "seed {seed}");
        let found = order.violation().map(|violation| {
            assert_eq!(violation.code, "overtaken", "seed {seed}");
            assert!(is_proved(violation, &trace), "seed {seed}: {violation:?}");
            violation.message.clone().expect("the late update")
        });
        assert_eq!(found, expected, "seed {seed}");
    }
    assert!(runs_broken > RUNS / 4 && runs_broken < RUNS * 3 / 4, "{runs_broken} of {RUNS} runs are broken");
    assert!(late as u64 > runs_broken, "{late} late updates in all");
}

/// Whether each update of the witness was handled by the sender of the next before that sent it, the first was sent by
/// the sender of the late one after it, and the last was handled before it.
fn is_proved(violation: &raddle_checkers::Violation, trace: &Trace) -> bool {
    let place = |what: What, id: &MessageId| {
        let is_it = |e: &Event| e.what == what && e.header.id == *id;
        trace.events.iter().position(is_it).expect("it is in the trace")
    };
    let header = |id: &MessageId| &trace.events[place(What::Emit, id)].header;
    let late = violation.message.as_ref().expect("the late update");
    let (first, last) = (&violation.witness[0], &violation.witness[violation.witness.len() - 1]);
    let taught = |pair: &[MessageId]| {
        header(&pair[1]).from == Party::Worker(header(&pair[0]).to)
            && place(What::Handle, &pair[0]) < place(What::Emit, &pair[1])
    };
    header(first).from == header(late).from
        && place(What::Emit, late) < place(What::Emit, first)
        && violation.witness.windows(2).all(taught)
        && header(last).to == header(late).to
        && place(What::Handle, last) < place(What::Handle, late)
}
