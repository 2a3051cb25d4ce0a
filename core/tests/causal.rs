//! Causal order over a transport that keeps no order and loses updates: the core alone, without any driver.
//!
//! Random traffic between workers and inboxes of the core; a judge of its own counts what came too late and what is held
//! for ever. The correct rules come to 0 and 0. Each broken rule does what theory says of it: see
//! [`raddle_core::Barriers`] and the module docs of readiness.

use raddle_core::{
    Desk, Envelope, Header, Inbox, Input, Moment, Order, Outbox, Outputs, Plan, Policies, Rules, Sabotage,
    StateMachine, System, Watermark, What, Worker, WorkerId, random,
};
use rand_chacha::ChaCha8Rng;

/// Sends to whom it is told.
#[derive(Clone, Debug, Default)]
struct Obedient;

impl StateMachine for Obedient {
    type Message = WorkerId;
    type Update = ();
    fn on_message(&mut self, to: WorkerId, out: &mut Outbox<()>) {
        out.notify(to, ());
    }
    fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
}

/// What is asked of a run.
#[derive(Clone)]
struct Traffic {
    workers: u32,
    /// How many others each sends to.
    degree: u32,
    sends: usize,
    in_flight: usize,
    /// In percent.
    loss: u32,
    policies: Policies,
}

impl Traffic {
    fn small(loss: u32, sabotage: Option<Sabotage>) -> Self {
        let policies = Policies { watermark: 20, sabotage, ..Policies::default() };
        Self { workers: 6, degree: 5, sends: 193, in_flight: 40, loss, policies }
    }
}

/// What came of a run, or of several.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    sends: usize,
    handled: usize,
    violations: usize,
    /// Never handled, and not lost.
    held: usize,
    /// Barriers carried, in all and by the update with the most.
    barriers: usize,
    most_barriers: usize,
}

impl std::ops::Add for Tally {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            sends: self.sends + other.sends,
            handled: self.handled + other.handled,
            violations: self.violations + other.violations,
            held: self.held + other.held,
            barriers: self.barriers + other.barriers,
            most_barriers: self.most_barriers.max(other.most_barriers),
        }
    }
}

/// Lends the core the headers.
struct Clerk<'a>(&'a [Envelope<Obedient>]);

impl Desk<usize> for Clerk<'_> {
    fn header<'b>(&'b self, item: &'b usize) -> &'b Header {
        &self.0[*item].header
    }
    fn report<'b>(&'b mut self, _: What, item: &'b usize) -> &'b Header {
        self.header(item)
    }
    fn discard(&mut self, _: usize) {}
    fn nack(&mut self, _: WorkerId) {}
}

struct Net {
    traffic: Traffic,
    rules: Rules,
    workers: Vec<Worker<Obedient>>,
    inboxes: Vec<Inbox<usize>>,
    watermark: Watermark,
    out: Outbox<()>,
    plan: std::sync::Arc<Plan<Obedient>>,
    /// All that was ever sent.
    sent: Vec<Envelope<Obedient>>,
    flying: Vec<usize>,
    rng: ChaCha8Rng,
    tally: Tally,
    lost: usize,
}

impl Net {
    fn new(traffic: &Traffic, seed: u64) -> Self {
        let names = (0..traffic.workers).map(|i| format!("w{i}"));
        let system = System::new("traffic").workers(names, |_| Obedient).policies(traffic.policies.clone());
        let plan = system.messages("nobody", [("w0", WorkerId::new(1))]).plan().expect("a good system");
        let n = traffic.workers as usize;
        Self {
            rules: plan.rules(Order::Arrival),
            workers: plan.workers(),
            inboxes: (0..n).map(|_| Inbox::new(plan.policies(), Order::Arrival)).collect(),
            watermark: Watermark::new(plan.policies()),
            out: plan.outbox(seed),
            plan,
            sent: Vec::new(),
            flying: Vec::new(),
            rng: random::substream(seed, "traffic", 0),
            tally: Tally::default(),
            lost: 0,
            traffic: traffic.clone(),
        }
    }

    fn below(&mut self, bound: u32) -> u32 {
        random::below(&mut self.rng, bound)
    }

    fn run(mut self) -> Tally {
        while self.tally.sends < self.traffic.sends || !self.flying.is_empty() {
            let may_send = self.tally.sends < self.traffic.sends && self.flying.len() < self.traffic.in_flight;
            if may_send && (self.flying.is_empty() || self.below(2) == 0) {
                self.send();
            } else {
                self.arrive();
            }
        }
        self.tally.held = self.tally.sends - self.tally.handled - self.lost;
        self.tally
    }

    /// Some worker is told to send to some other.
    fn send(&mut self) {
        let from = self.below(self.traffic.workers);
        let to = (from + 1 + self.below(self.traffic.degree)) % self.traffic.workers;
        let mut envelope = Envelope {
            header: self.plan.external_header(&self.plan.externals()[0]),
            input: Input::Message(WorkerId::new(to)),
        };
        envelope.header.to = WorkerId::new(from);
        self.handle(envelope);
    }

    fn handle(&mut self, envelope: Envelope<Obedient>) {
        let mut outputs = Outputs::default();
        let worker = &mut self.workers[envelope.header.to.index()];
        let _ = worker.handle(envelope, &self.rules, Moment::default(), &mut self.out, &mut outputs, &mut ());
        for envelope in outputs.drain() {
            let barriers = envelope.header.barriers.len();
            self.tally.sends += 1;
            self.tally.barriers += barriers;
            self.tally.most_barriers = self.tally.most_barriers.max(barriers);
            self.flying.push(self.sent.len());
            self.sent.push(*envelope);
        }
    }

    /// Some update in flight arrives, or is lost.
    fn arrive(&mut self) {
        let at = self.below(self.flying.len() as u32) as usize;
        let item = self.flying.swap_remove(at);
        let is_lost = self.below(100) < self.traffic.loss;
        let to = self.sent[item].header.to.index();
        let (inbox, mut clerk) = (&mut self.inboxes[to], Clerk(&self.sent));
        if is_lost {
            self.lost += 1;
            inbox.lose(item, &mut clerk);
            inbox.settle(&mut clerk);
        } else {
            inbox.receive(item, &mut clerk);
        }
        while let Some(item) = self.inboxes[to].pick(&mut Clerk(&self.sent)) {
            self.judge_and_handle(item);
        }
    }

    /// Too late is what the sender sent before something that is known here already.
    fn judge_and_handle(&mut self, item: usize) {
        let Envelope { header, input } = &self.sent[item];
        let from = header.from.worker().expect("updates come from workers");
        let known = self.workers[header.to.index()].clock().get(from);
        self.tally.violations += usize::from(header.clock.get(from) <= known);
        self.tally.handled += 1;
        let envelope = Envelope { header: header.clone(), input: input.clone() };
        self.handle(envelope);
        if self.rules.is_watermark_due(self.tally.handled as u64) {
            for (to, inbox) in self.inboxes.iter().enumerate() {
                self.watermark.publish(WorkerId::new(to as u32), inbox.resolved());
            }
            self.workers.iter_mut().for_each(|worker| worker.prune(&self.watermark));
        }
    }
}

fn total(traffic: &Traffic, seeds: u64) -> Tally {
    (0..seeds).map(|seed| Net::new(traffic, seed).run()).fold(Tally::default(), |sum, tally| sum + tally)
}

#[test]
fn barriers_hold_nothing_for_ever_and_let_nothing_through_too_early() {
    for loss in [0, 20, 50] {
        for sabotage in [None, Some(Sabotage::ForgetWatermark)] {
            let tally = total(&Traffic::small(loss, sabotage), 200);
            assert_eq!(tally.sends, 38_600);
            assert_eq!((tally.violations, tally.held), (0, 0), "{loss} % lost, {sabotage:?}");
        }
    }
}

#[test]
fn without_order_the_same_traffic_breaks_causal_order_often() {
    let mut traffic = Traffic::small(0, None);
    traffic.policies.order = Order::Arrival;
    let tally = total(&traffic, 200);
    assert!(tally.violations > 2_000 && tally.held == 0, "{tally:?}");
}

#[test]
fn the_rule_for_broadcasts_holds_nearly_all_unicasts_for_ever() {
    let tally = total(&Traffic::small(0, Some(Sabotage::BroadcastClocks)), 200);
    assert!(tally.held * 100 > tally.sends * 90, "{tally:?}");
}

#[test]
fn bare_notices_let_updates_through_too_early() {
    let tally = total(&Traffic::small(20, Some(Sabotage::BareGaps)), 200);
    assert!(tally.violations > 0, "{tally:?}");
    assert_eq!(total(&Traffic::small(0, Some(Sabotage::BareGaps)), 200).violations, 0, "nothing lost, no notice");
}

#[test]
fn merged_tombstones_wait_for_each_other() {
    let tally = total(&Traffic::small(20, Some(Sabotage::MergeTombstones)), 200);
    assert!(tally.held > 0 && tally.violations == 0, "{tally:?}");
}

#[test]
fn a_watermark_ahead_of_the_truth_lets_updates_through_too_early() {
    let tally = total(&Traffic::small(0, Some(Sabotage::RunAhead)), 200);
    assert!(tally.violations > 0, "{tally:?}");
}

#[test]
fn headers_stay_small_on_a_wide_system_if_and_only_if_there_is_a_watermark() {
    let wide = |sends, watermark, sabotage| {
        let policies = Policies { watermark, sabotage, ..Policies::default() };
        let traffic = Traffic { workers: 1_024, degree: 4, sends, in_flight: 256, loss: 5, policies };
        let tally = total(&traffic, 1);
        assert_eq!((tally.violations, tally.held), (0, 0));
        (tally.barriers as f64 / tally.sends as f64, tally.most_barriers)
    };
    let (mean, most) = wide(20_000, 1_000, None);
    assert!(mean < 1.0 && most <= 16, "{mean} {most}");
    let (often, _) = wide(20_000, 200, None);
    assert!(often < mean, "{often} {mean}");
    let (never, most) = wide(20_000, 1_000, Some(Sabotage::ForgetWatermark));
    assert!(never > 20.0 && most > 100, "{never} {most}");
}
