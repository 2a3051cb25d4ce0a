//! Whatever a broken or hostile peer sends: it is refused with a reason or harmless, nothing panics, and honest traffic
//! goes on.

use std::collections::BTreeMap;

use proptest::prelude::*;
use raddle_core::{
    Barriers, Depth, Desk, DropReason, Envelope, EventRef, Header, Inbox, Incarnation, Input, LinkNumber, MessageId,
    Moment, Names, Order, Outbox, Outputs, Party, Plan, Policies, Root, Sink, SourceId, StateMachine, System, Time,
    VectorClock, What, Worker, WorkerId,
};

/// Counts what it hears from whom.
#[derive(Default)]
struct Counts(BTreeMap<WorkerId, u32>);

impl StateMachine for Counts {
    type Message = WorkerId;
    type Update = ();
    fn on_message(&mut self, to: WorkerId, out: &mut Outbox<()>) {
        out.notify(to, ());
    }
    fn on_update(&mut self, (): (), out: &mut Outbox<()>) {
        *self.0.entry(out.sender_worker().expect("from a worker")).or_default() += 1;
    }
}

/// Keeps the words of what happened, and whom the core wants told of drops.
#[derive(Default)]
struct Clerk {
    told: Vec<What>,
    nacks: usize,
}

impl Desk<Envelope<Counts>> for Clerk {
    fn header<'a>(&'a self, item: &'a Envelope<Counts>) -> &'a Header {
        &item.header
    }
    fn report<'a>(&'a mut self, what: What, item: &'a Envelope<Counts>) -> &'a Header {
        self.told.push(what);
        &item.header
    }
    fn discard(&mut self, _: Envelope<Counts>) {}
    fn nack(&mut self, _: WorkerId) {
        self.nacks += 1;
    }
}

impl Sink<Counts> for Clerk {
    fn event(&mut self, event: EventRef<'_>, _: Option<&Input<Counts>>) {
        self.told.push(event.what);
    }
}

const ME: WorkerId = WorkerId::new(0);
const PEER: WorkerId = WorkerId::new(1);

/// The target of an attack: one worker with its inbox, and an honest peer.
struct Target {
    plan: std::sync::Arc<Plan<Counts>>,
    inbox: Inbox<Envelope<Counts>>,
    workers: Vec<Worker<Counts>>,
    out: Outbox<()>,
    clerk: Clerk,
}

impl Target {
    fn new(order: Order, promised: Order) -> Self {
        let policies = Policies { order, parking: 4, capacity: 8, ..Policies::default() };
        let system = System::new("target").workers(["me", "peer", "third"], |_| Counts::default()).policies(policies);
        let plan = system.messages("source", [("peer", ME)]).plan().expect("a good system");
        let inbox = Inbox::new(plan.policies(), promised);
        Self { inbox, workers: plan.workers(), out: plan.outbox(0), plan, clerk: Clerk::default() }
    }

    /// The peer sends its next, honestly.
    fn honest(&mut self, n: u32) {
        let mut outputs = Outputs::default();
        let id = MessageId::root(Root::External(SourceId::new(0), n), self.plan.names());
        let header = Header::of_root(id, Party::Source(SourceId::new(0)), PEER, Incarnation(0), Time(0));
        let rules = self.plan.rules(Order::Arrival);
        let envelope = Envelope { header, input: Input::Message(ME) };
        let sender = &mut self.workers[PEER.index()];
        let _ = sender.handle(envelope, &rules, Moment::default(), &mut self.out, &mut outputs, &mut ());
        outputs.drain().for_each(|update| self.inbox.receive(*update, &mut self.clerk));
    }

    /// The worker handles all that is queued.
    fn work(&mut self) {
        let rules = self.plan.rules(Order::Arrival);
        while let Some(update) = self.inbox.pick(&mut self.clerk) {
            let mut outputs = Outputs::default();
            let worker = &mut self.workers[ME.index()];
            let _ = worker.handle(update, &rules, Moment::default(), &mut self.out, &mut outputs, &mut self.clerk);
        }
    }

    fn heard_of_peer(&self) -> u32 {
        self.workers[ME.index()].machine().0.get(&PEER).copied().unwrap_or(0)
    }
}

fn names() -> Names {
    Names::new("target", ["me", "peer", "third"], ["source"]).expect("good names")
}

/// An update of the third worker, whose header has these lies in it.
fn update(lie: impl FnOnce(&mut Header)) -> Envelope<Counts> {
    let id = MessageId::root(Root::External(SourceId::new(0), 7), &names()).output(0);
    let mut header = Header::blank();
    header.id = id;
    header.from = Party::Worker(WorkerId::new(2));
    header.to = ME;
    header.number = LinkNumber(1);
    header.clock = [(WorkerId::new(2), 1)].into_iter().collect();
    lie(&mut header);
    Envelope { header, input: Input::Update(()) }
}

#[track_caller]
fn refused(reason: DropReason, lie: impl FnOnce(&mut Header)) {
    let mut target = Target::new(Order::Causal, Order::Arrival);
    target.honest(0);
    target.inbox.receive(update(lie), &mut target.clerk);
    target.work();
    target.honest(1);
    target.work();
    assert!(target.clerk.told.contains(&What::Drop(reason)), "{:?}", target.clerk.told);
    assert_eq!(target.heard_of_peer(), 2, "honest traffic goes on");
    assert_eq!(target.workers[ME.index()].machine().0.get(&WorkerId::new(2)), None);
}

#[test]
fn each_lie_is_refused_with_its_reason() {
    refused(DropReason::Forged, |header| header.clock.set(ME, 1_000));
    refused(DropReason::Forged, |header| header.clock.set(WorkerId::new(99), 1));
    refused(DropReason::Forged, |header| header.number = LinkNumber(0));
    refused(DropReason::Forged, |header| header.number = LinkNumber(u32::MAX));
    refused(DropReason::Forged, |header| header.from = Party::Worker(WorkerId::new(17)));
    refused(DropReason::Incarnation, |header| header.to_life = Incarnation(3));
    refused(DropReason::Depth, |header| header.depth = Depth(10));
}

fn any_header() -> impl Strategy<Value = Header> {
    let worker = || prop_oneof![4 => 0..3_u32, 1 => Just(9_u32), 1 => any::<u32>()].prop_map(WorkerId::new);
    let small = || prop_oneof![3 => 0..4_u32, 1 => any::<u32>()];
    let clock = prop::collection::vec((worker(), 1..50_u32), 0..4);
    let barriers = prop::collection::vec((worker(), worker(), small()), 0..4);
    (worker(), small(), small(), small(), small(), clock, barriers, prop::collection::vec(0..3_u16, 1..4)).prop_map(
        |(from, number, depth, life, to_life, clock, barriers, path)| {
            let root = MessageId::root(Root::External(SourceId::new(0), number % 3), &names());
            let mut known = Barriers::default();
            for (to, from, number) in barriers {
                known.sent(from, to, LinkNumber(number));
            }
            let mut header = Header::blank();
            header.id = path.iter().fold(root, |id, index| id.output(*index));
            header.from = Party::Worker(from);
            header.to = ME;
            header.number = LinkNumber(number);
            header.depth = Depth(depth);
            header.life = Incarnation(life);
            header.to_life = Incarnation(to_life);
            header.clock = clock.into_iter().collect::<VectorClock>();
            header.barriers = known;
            header
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing panics, every lie is accounted for, and what a peer sends that is not impersonated is handled, all of it.
    #[test]
    fn honest_traffic_goes_on_among_any_lies(
        lies in prop::collection::vec(any_header(), 0..40),
        promised in prop::sample::select(vec![Order::Arrival, Order::Causal]),
        order in prop::sample::select(vec![Order::Arrival, Order::Fifo, Order::Causal]),
    ) {
        let mut target = Target::new(order, promised);
        let mut sent = 0;
        for (at, header) in lies.into_iter().enumerate() {
            if at % 3 == 0 {
                target.honest(sent);
                sent += 1;
            }
            let impersonates = header.from == Party::Worker(PEER);
            if !impersonates {
                target.inbox.receive(Envelope { header, input: Input::Update(()) }, &mut target.clerk);
            }
            target.work();
        }
        prop_assert_eq!(target.heard_of_peer(), sent);
        let told = |wanted: fn(&What) -> bool| target.clerk.told.iter().filter(|what| wanted(what)).count();
        let arrived = told(|what| matches!(what, What::Arrive));
        let ended = told(|what| matches!(what, What::Handle | What::Drop(_)));
        prop_assert_eq!(arrived, ended + target.inbox.parked().count(), "{:?}", target.clerk.told);
        prop_assert!(target.inbox.parked().count() <= 4);
    }
}
