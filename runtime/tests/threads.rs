//! Small systems on real threads, many times over: whatever the schedule, the run ends, accounts for everything, and
//! leaves a trace that holds water.

mod audit;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use audit::audit;
use raddle_core::{
    Cause, DropReason, EndReason, Incarnation, Input, OnFull, Order, Outbox, Placement, Plan, Restart, Sabotage, Seat,
    StateMachine, System, TimerTag, What, WorkerId,
};
use raddle_runtime::{Latency, Metrics, Outcome, Threads};

const PLACEMENTS: [Placement; 3] = [Placement::Inline, Placement::Sharded(1), Placement::Sharded(2)];

/// Adds up what it hears and passes it on to all of `next`.
#[derive(Clone, Debug, Default)]
struct Pass {
    next: Vec<String>,
    /// How often each is told.
    copies: u32,
    /// How often it gives up its turn while it handles.
    slow: u32,
    heard: u64,
    sum: u64,
}

impl Pass {
    fn to<const N: usize>(next: [&str; N]) -> Self {
        Self { next: next.map(str::to_owned).to_vec(), copies: 1, ..Self::default() }
    }

    fn handle(&mut self, value: u64, out: &mut Outbox<u64>) {
        self.heard += 1;
        self.sum += value;
        (0..self.slow).for_each(|_| std::thread::yield_now());
        for _ in 0..self.copies {
            out.notify(&self.next, value);
        }
    }
}

impl StateMachine for Pass {
    type Message = u64;
    type Update = u64;

    fn on_message(&mut self, value: u64, out: &mut Outbox<u64>) {
        self.handle(value, out);
    }

    fn on_update(&mut self, value: u64, out: &mut Outbox<u64>) {
        self.handle(value, out);
    }
}

fn chain() -> System<Pass> {
    System::new("chain")
        .workers(["a"], |_| Pass::to(["b"]))
        .workers(["b"], |_| Pass::to(["c"]))
        .workers(["c"], |_| Pass::default())
        .messages("source", (1..=20).map(|n| ("a", n)))
}

fn placed<M: StateMachine>(system: System<M>, placement: Placement) -> Arc<Plan<M>> {
    system.with(|policies| policies.placement = placement).plan().expect("a sound system")
}

/// Runs a plan several times, recorded, and checks each run: with a thread for each worker, one for all, two for all.
#[track_caller]
fn run_often<M: StateMachine>(times: u64, plan: &Arc<Plan<M>>) -> Vec<Outcome<M>> {
    run_shared(times, 3, plan)
}

/// [`run_often`] where each worker always has a thread of its own, as its handlers wait for each other.
#[track_caller]
fn run_apart<M: StateMachine>(times: u64, plan: &Arc<Plan<M>>) -> Vec<Outcome<M>> {
    run_shared(times, 1, plan)
}

#[track_caller]
fn run_shared<M: StateMachine>(times: u64, ways: usize, plan: &Arc<Plan<M>>) -> Vec<Outcome<M>> {
    let run = |seed| {
        // With and without yields, so that threads sleep at other places.
        let yields = [0, 3, 50][seed as usize % 3];
        let threads = NonZeroUsize::new(seed as usize / 3 % ways);
        let run = Threads::new().seed(seed).record(true).yield_budget(yields).worker_threads(threads);
        let outcome = run.run(plan).expect("runs");
        audit(&outcome);
        outcome
    };
    (0..times).map(run).collect()
}

fn sums(outcome: &Outcome<Pass>) -> Vec<(u64, u64)> {
    outcome.workers.iter().map(|worker| (worker.machine().heard, worker.machine().sum)).collect()
}

#[test]
fn a_chain_passes_everything_on() {
    for placement in PLACEMENTS {
        let plan = placed(chain(), placement);
        for outcome in run_often(40, &plan) {
            assert_eq!(sums(&outcome), [(20, 210); 3]);
            assert_eq!(outcome.end.reason, EndReason::Quiescent);
            assert!(outcome.end.in_flight.is_empty());
            assert_eq!((outcome.metrics.sent, outcome.metrics.handled, outcome.metrics.fed), (40, 60, 20));
        }
    }
}

#[test]
fn a_ring_is_ended_by_the_depth_limit() {
    let ring = System::new("ring")
        .workers(["a"], |_| Pass::to(["b"]))
        .workers(["b"], |_| Pass::to(["c"]))
        .workers(["c"], |_| Pass::to(["a"]))
        .messages("source", (1..=5).map(|n| ("a", n)));
    for placement in PLACEMENTS {
        let plan = placed(ring.clone(), placement);
        for outcome in run_often(30, &plan) {
            assert_eq!(outcome.metrics.sent, 5 * 10);
            assert_eq!(outcome.metrics.count(What::DepthRefused), 5);
            assert_eq!(outcome.metrics.handled, 5 * 11);
        }
    }
}

#[test]
fn a_fan_out_reaches_everybody_and_fans_in_again() {
    let system = System::new("fan")
        .workers(["hub"], |_| Pass::to(["a", "b", "c", "d"]))
        .workers(["a", "b", "c", "d"], |_| Pass::to(["sink"]))
        .workers(["sink"], |_| Pass::default())
        .messages("left", (1..=10).map(|n| ("hub", n)))
        .messages("right", (1..=10).map(|n| ("hub", n)));
    for placement in PLACEMENTS {
        for outcome in run_often(30, &placed(system.clone(), placement)) {
            assert_eq!(sums(&outcome), [(20, 110), (20, 110), (20, 110), (20, 110), (20, 110), (80, 440)]);
        }
    }
}

/// Four workers that each tell a slow one forty things, through a queue of two.
fn crowd(on_full: OnFull, order: Order, placement: Placement) -> Arc<Plan<Pass>> {
    let system = System::new("crowd")
        .workers(["a", "b", "c", "d"], |_| Pass { copies: 4, ..Pass::to(["slow"]) })
        .workers(["slow"], |_| Pass { slow: 3, ..Pass::default() })
        .messages("source", (0..40).map(|n| (["a", "b", "c", "d"][n as usize % 4], n)))
        .with(|policies| {
            (policies.on_full, policies.order) = (on_full, order);
            (policies.capacity, policies.ingress, policies.external_capacity) = (2, 2, 2);
        });
    placed(system, placement)
}

#[test]
fn every_policy_accounts_for_what_a_full_queue_refuses() {
    for placement in PLACEMENTS {
        for (on_full, word) in [
            (OnFull::DropNewest, What::Drop(DropReason::Full)),
            (OnFull::DropOldest, What::Drop(DropReason::Full)),
            (OnFull::Nack, What::Nack),
            (OnFull::Hold, What::Hold),
            (OnFull::Stall, What::Stall),
        ] {
            let mut refused = 0;
            for order in [Order::Fifo, Order::Arrival] {
                for outcome in run_often(6, &crowd(on_full, order, placement)) {
                    let metrics = &outcome.metrics;
                    assert_eq!(metrics.sent, 160);
                    assert_eq!(outcome.workers[4].machine().heard + metrics.dropped, 160, "{on_full:?}");
                    assert!(outcome.end.in_flight.is_empty());
                    refused += metrics.count(word);
                    let keeps_all = matches!(on_full, OnFull::Hold | OnFull::Stall);
                    assert!(!keeps_all || metrics.dropped == 0);
                }
            }
            assert!(refused > 0 || placement != Placement::Inline, "{on_full:?} never had to refuse anything");
        }
    }
}

/// Sets the next timer when one fires, until it has fired three times.
#[derive(Default)]
struct Ticker {
    fired: Vec<u64>,
    endless: bool,
}

impl StateMachine for Ticker {
    type Message = ();
    type Update = u64;

    fn on_start(&mut self, out: &mut Outbox<u64>) {
        out.set_timer(TimerTag(0), Duration::from_micros(200));
        out.set_timer(TimerTag(9), Duration::from_secs(3600));
        out.cancel_timer(TimerTag(9));
    }

    fn on_message(&mut self, (): (), _: &mut Outbox<u64>) {}

    fn on_update(&mut self, tag: u64, _: &mut Outbox<u64>) {
        self.fired.push(tag);
    }

    fn on_timer(&mut self, tag: TimerTag, out: &mut Outbox<u64>) {
        out.notify(out.me(), tag.0);
        if tag.0 < 2 || self.endless {
            out.set_timer(TimerTag(tag.0 + 1), Duration::from_micros(200));
        }
    }
}

#[test]
fn timers_fire_in_time_and_keep_the_run_alive() {
    let system = System::new("tickers")
        .workers(["tick", "tock"], |_| Ticker::default())
        .messages("source", [("tick", ()), ("tock", ())]);
    for placement in PLACEMENTS {
        for outcome in run_often(10, &placed(system.clone(), placement)) {
            assert!(outcome.workers.iter().all(|worker| worker.machine().fired == [0, 1, 2]));
            assert!(outcome.elapsed >= Duration::from_micros(600));
            for event in outcome.trace.iter().flat_map(|trace| &trace.events) {
                let late = event.what != What::Handle || event.header.sent_at <= event.moment.time;
                assert!(late, "a timer fires when it is due or later");
            }
        }
    }
}

/// A source that is to last sends its last message when all but one part of its time is over, and none is left out; told to
/// stop, it does not sleep on.
#[test]
fn messages_last_as_long_as_they_are_to() {
    let plan = placed(chain(), Placement::Inline);
    let lasting = |time| Threads::new().lasting(Some(time));
    let outcome = lasting(Duration::from_millis(200)).run(&plan).expect("it runs");
    assert!(outcome.elapsed >= Duration::from_millis(190), "{:?}", outcome.elapsed);
    assert_eq!((outcome.end.reason, outcome.metrics.fed), (EndReason::Quiescent, 20));
    let hour = lasting(Duration::from_secs(3_600)).time_limit(Some(Duration::from_millis(10)));
    let outcome = hour.run(&plan).expect("it runs");
    assert_eq!((outcome.end.reason, outcome.metrics.fed), (EndReason::Stopped, 1));
}

#[test]
fn a_time_limit_ends_endless_timers_and_sources() {
    let tickers = System::new("endless")
        .workers(["tick"], |_| Ticker { endless: true, ..Ticker::default() })
        .plan()
        .expect("a sound system");
    let threads = Threads::new().record(true).time_limit(Some(Duration::from_millis(5)));
    let outcome = threads.run(&tickers).expect("runs");
    audit(&outcome);
    assert_eq!(outcome.end.reason, EndReason::Stopped);
    assert!(outcome.end.in_flight.is_empty());

    let plan = placed(chain(), Placement::Inline);
    let outcome = threads.messages(Some(u64::MAX)).run(&plan).expect("runs");
    audit(&outcome);
    assert_eq!(outcome.end.reason, EndReason::Stopped);
    assert!(outcome.end.in_flight.is_empty(), "what was queued has been handled");
    assert_eq!(sums(&outcome)[0].0, outcome.metrics.fed);
}

#[test]
fn a_raised_flag_ends_the_run() {
    struct Raise(Arc<AtomicBool>);
    impl StateMachine for Raise {
        type Message = ();
        type Update = ();
        fn on_message(&mut self, (): (), out: &mut Outbox<()>) {
            self.0.store(true, Ordering::Relaxed);
            out.set_timer(TimerTag(0), Duration::from_secs(3600));
        }
        fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
    }
    let flag = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&flag);
    let plan = System::new("flag")
        .workers(["a"], move |_| Raise(Arc::clone(&raised)))
        .messages("source", [("a", ())])
        .plan()
        .expect("a sound system");
    let outcome = Threads::new().stop_flag(flag).run(&plan).expect("runs");
    assert_eq!(outcome.end.reason, EndReason::Stopped);
    assert_eq!(outcome.metrics.handled, 1);
    assert!(outcome.trace.is_none());
}

#[test]
fn what_cannot_be_drained_is_accounted_for() {
    let ring = System::new("endless-ring")
        .workers(["a"], |_| Pass::to(["b"]))
        .workers(["b"], |_| Pass::to(["a"]))
        .messages("source", [("a", 1), ("b", 1), ("a", 1)])
        .with(|policies| policies.max_depth = u32::MAX);
    let limits = Threads::new().time_limit(Some(Duration::ZERO)).drain_limit(Duration::from_millis(3));
    for placement in PLACEMENTS {
        let outcome = limits.clone().record(true).run(&placed(ring.clone(), placement)).expect("runs");
        audit(&outcome);
        assert_eq!(outcome.end.reason, EndReason::Stopped);
        assert_eq!(
            outcome.end.in_flight.len() as u64,
            outcome.metrics.sent + outcome.metrics.fed - outcome.metrics.handled
        );
    }
}

#[test]
fn a_chain_whose_depth_does_not_grow_ends_too() {
    const DEPTH: u32 = 3;
    for sabotage in [None, Some(Sabotage::FreezeDepth)] {
        let ring = System::new("ring")
            .workers(["a"], |_| Pass::to(["b"]))
            .workers(["b"], |_| Pass::to(["a"]))
            .messages("source", [("a", 1), ("b", 1)])
            .with(|policies| (policies.max_depth, policies.sabotage) = (DEPTH, sabotage));
        for placement in PLACEMENTS {
            let outcome = Threads::new().record(true).run(&placed(ring.clone(), placement)).expect("runs");
            assert_eq!(outcome.end.reason, EndReason::Quiescent);
            assert_eq!(outcome.metrics.count(What::DepthRefused), 2, "both chains say why they end");
            let events = outcome.trace.expect("it was recorded").events;
            let deepest = events.iter().filter(|e| e.what == What::Handle).map(|e| e.header.id.depth().0).max();
            let beyond = deepest.expect("they are handled") + 1 - DEPTH;
            assert_eq!(beyond, if sabotage.is_some() { 1_000 } else { 0 });
        }
    }
}

#[test]
fn a_panic_is_an_event_the_others_go_on_and_there_may_be_another_life() {
    #[derive(Default)]
    struct Fragile(u64);
    impl StateMachine for Fragile {
        type Message = u64;
        type Update = u64;
        fn on_message(&mut self, n: u64, out: &mut Outbox<u64>) {
            out.notify(["weak", "strong"], n);
        }
        fn on_update(&mut self, n: u64, out: &mut Outbox<u64>) {
            assert!(n != 3 || out.my_name() == "strong", "three is too much");
            self.0 += 1;
        }
    }
    let system = System::new("fragile")
        .workers(["hub", "weak", "strong"], |_| Fragile::default())
        .messages("source", (0..10).map(|n| ("hub", n)));
    for placement in PLACEMENTS {
        for outcome in run_often(15, &placed(system.clone(), placement)) {
            let [hub, weak, strong] = outcome.workers.as_slice() else { panic!("three workers") };
            assert_eq!((hub.machine().0, strong.machine().0), (0, 10));
            assert_eq!((weak.life(), outcome.metrics.count(What::Restart)), (Incarnation(1), 1));
            let dropped =
                [DropReason::Crash, DropReason::Incarnation].map(|why| outcome.metrics.count(What::Drop(why)));
            assert_eq!(weak.machine().0 + dropped[0] + dropped[1], 6, "what is not handled anew was for the old life");
        }
    }
    let system = system.with(|policies| policies.restart = Restart::Never);
    for placement in PLACEMENTS {
        for outcome in run_often(15, &placed(system.clone(), placement)) {
            let heard: Vec<u64> = outcome.workers.iter().map(|worker| worker.machine().0).collect();
            assert_eq!(heard, [0, 3, 10]);
            assert_eq!(outcome.metrics.count(What::Crash(Cause::Panic)), 1);
            assert_eq!(outcome.metrics.count(What::Drop(DropReason::Crash)), 6);
            let trace = outcome.trace.expect("recorded");
            let crash = trace.events.iter().find(|event| event.what == What::Crash(Cause::Panic)).expect("crashed");
            assert!(crash.text.starts_with("'three is too much', "), "{}", crash.text);
        }
    }
}

/// Tells the others six things each, but only when all are in the middle of handling; then a bystander.
struct Deadlocks {
    all_there: Arc<Barrier>,
    others: Vec<WorkerId>,
}

impl StateMachine for Deadlocks {
    type Message = ();
    type Update = ();

    fn on_message(&mut self, (): (), out: &mut Outbox<()>) {
        self.all_there.wait();
        (0..6).for_each(|_| out.notify(&self.others, ()));
        out.notify("bystander", ());
    }

    fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
}

fn deadlocks(names: &'static [&'static str], placement: Placement) -> Arc<Plan<Deadlocks>> {
    let all_there = Arc::new(Barrier::new(names.len()));
    let make = move |seat: Seat<'_>| Deadlocks {
        all_there: Arc::clone(&all_there),
        others: match names.len() {
            1 => vec![seat.id()],
            n => (0..n).map(WorkerId::at).filter(|id| *id != seat.id()).collect(),
        },
    };
    let system = System::new("deadlocks")
        .workers(names.iter().copied().chain(["bystander"]), make)
        .messages("source", names.iter().map(|name| (*name, ())))
        .with(|policies| {
            policies.on_full = OnFull::Stall;
            (policies.capacity, policies.ingress, policies.external_capacity) = (1, 1, 1);
        });
    placed(system, placement)
}

/// Sources are not woken for each message that is taken out; still none waits while there is room for what it has.
#[test]
fn sources_fill_the_room_of_a_worker_that_waits() {
    let alone = Arc::new(Barrier::new(1));
    let make = move |seat: Seat<'_>| Deadlocks { all_there: Arc::clone(&alone), others: vec![seat.id()] };
    let system = System::new("deadlocks")
        .workers(["a", "bystander"], make)
        .messages("first", [("a", ()); 4])
        .messages("second", [("a", ()); 8])
        .with(|policies| (policies.on_full, policies.capacity, policies.external_capacity) = (OnFull::Stall, 1, 6));
    for outcome in run_apart(20, &system.plan().expect("a plan")) {
        assert_eq!(outcome.end.reason, EndReason::Quiescent);
        assert_eq!(
            outcome.metrics.fed,
            1 + 6,
            "one that is handled and makes it wait, and as many as there is room for"
        );
    }
}

/// Two begin to send at once, more than there is room for: the first to one who then answers every second time, the other
/// to the first, so that there is no room for answers.
#[derive(Default)]
struct Crossing {
    both: Option<Arc<Barrier>>,
    sends: usize,
    to: WorkerId,
    answers: bool,
    heard: u64,
}

impl StateMachine for Crossing {
    type Message = ();
    type Update = ();

    fn on_message(&mut self, (): (), out: &mut Outbox<()>) {
        self.both.iter().for_each(|both| _ = both.wait());
        (0..self.sends).for_each(|_| out.notify(self.to, ()));
    }

    fn on_update(&mut self, (): (), out: &mut Outbox<()>) {
        self.heard += 1;
        if self.answers && self.heard.is_multiple_of(2) {
            out.notify(self.to, ());
        }
    }
}

/// Nor are senders woken for each update that is taken out; still none waits for room that there is while whoever could make
/// more waits for him.
#[test]
fn senders_fill_the_room_of_a_worker_that_waits() {
    const ROOM: usize = 16;
    let both = Arc::new(Barrier::new(2));
    let make = move |seat: Seat<'_>| {
        let [first, answers] = [0, 1].map(WorkerId::new);
        match seat.name() {
            "first" => Crossing { both: Some(Arc::clone(&both)), sends: ROOM + 2, to: answers, ..Crossing::default() },
            "answers" => Crossing { to: first, answers: true, ..Crossing::default() },
            _ => Crossing { both: Some(Arc::clone(&both)), sends: ROOM + 1, to: first, ..Crossing::default() },
        }
    };
    let system = System::new("crossing")
        .workers(["first", "answers", "other"], make)
        .messages("source", [("first", ()), ("other", ())])
        .with(|policies| (policies.on_full, policies.capacity) = (OnFull::Stall, ROOM));
    for outcome in run_apart(60, &system.plan().expect("a plan")) {
        let heard: Vec<u64> = outcome.workers.iter().map(|worker| worker.machine().heard).collect();
        assert_eq!((heard, outcome.end.stalled), (vec![17 + 9, 18, 0], Vec::new()));
    }
}

#[test]
fn senders_that_wait_for_each_other_end_the_run() {
    let (a, b) = (WorkerId::new(0), WorkerId::new(1));
    for outcome in run_apart(20, &deadlocks(&["a", "b"], Placement::Inline)) {
        assert_eq!(outcome.end.stalled, [(a, b), (b, a)]);
        assert_eq!(outcome.end.reason, EndReason::Quiescent);
        assert_eq!(outcome.end.in_flight.len(), 14);
    }
    for placement in [Placement::Inline, Placement::Sharded(1)] {
        for outcome in run_apart(20, &deadlocks(&["a"], placement)) {
            assert_eq!(outcome.end.stalled, [(a, a)], "a worker can wait for itself");
            assert_eq!(outcome.end.in_flight.len(), 7, "what comes behind waits too");
        }
    }
    for outcome in run_apart(20, &deadlocks(&["a", "b"], Placement::Sharded(1))) {
        let full = outcome.end.stalled[0].1;
        assert_eq!(outcome.end.stalled, [(a, full), (b, full)], "both wait for where the shard waits");
        assert_eq!(outcome.end.in_flight.len(), 14);
    }
}

#[test]
fn sixty_four_workers_come_to_the_same_end_every_time() {
    const WORKERS: usize = 64;
    let name = |at: usize| format!("w{}", at % WORKERS);
    let pass = move |seat: Seat<'_>| {
        let me = seat.id().index();
        Pass { next: [1, 7, 20].map(|step| name(me + step)).to_vec(), copies: 1, ..Pass::default() }
    };
    let system = System::new("many")
        .workers((0..WORKERS).map(name), pass)
        .messages("source", (0..WORKERS as u64).map(|n| (name(n as usize), n)))
        .with(|policies| policies.max_depth = 3);
    for placement in [Placement::Inline, Placement::Sharded(2)] {
        let outcomes = run_often(4, &placed(system.clone(), placement));
        let expected = sums(&outcomes[0]);
        for outcome in &outcomes {
            assert_eq!(outcome.metrics.sent, 64 * (3 + 9 + 27));
            assert_eq!(sums(outcome), expected);
        }
    }
}

/// Chooses, and says so at its start.
#[derive(Default)]
struct Chooser {
    chosen: Vec<u32>,
}

impl StateMachine for Chooser {
    type Message = ();
    type Update = u32;

    fn on_start(&mut self, out: &mut Outbox<u32>) {
        if out.my_name() == "first" {
            let value = out.choose(1000);
            out.notify("second", value);
        }
    }

    fn on_message(&mut self, (): (), _: &mut Outbox<u32>) {}

    fn on_update(&mut self, value: u32, out: &mut Outbox<u32>) {
        self.chosen.push(value);
        let value = out.choose(1000);
        if out.my_name() == "second" {
            out.mark("answered");
            out.notify("first", value);
        }
    }
}

#[test]
fn one_chain_has_one_digest() {
    let plan = System::new("chooser").workers(["first", "second"], |_| Chooser::default()).plan().expect("sound");
    let digests = |seed: u64| {
        let run = |_| {
            let outcome = Threads::new().seed(seed).record(true).run(&plan).expect("runs");
            audit(&outcome);
            assert_eq!(outcome.metrics.count(What::Mark), 1);
            outcome.trace.expect("recorded").digest()
        };
        (0..20).map(run).collect::<Vec<_>>()
    };
    let [of_one, of_two] = [1, 2].map(digests);
    assert!(of_one.iter().all(|digest| *digest == of_one[0]));
    assert!(of_two.iter().all(|digest| *digest == of_two[0]));
    assert_ne!(of_one[0], of_two[0], "the seed decides what is chosen");
}

#[test]
fn a_core_broken_on_purpose_ends_its_runs_too() {
    for sabotage in Sabotage::ALL {
        for (placement, on_full) in [
            (Placement::Inline, OnFull::Stall),
            (Placement::Inline, OnFull::DropOldest),
            (Placement::Sharded(2), OnFull::DropOldest),
        ] {
            let plan = System::new("broken")
                .workers(["a", "b", "c", "d"], |_| Pass { copies: 3, ..Pass::to(["sink", "next"]) })
                .workers(["next"], |_| Pass::to(["sink"]))
                .workers(["sink"], |_| Pass::default())
                .messages("source", (0..8).map(|n| (["a", "b", "c", "d"][n as usize % 4], n)))
                .with(|policies| {
                    (policies.sabotage, policies.on_full) = (Some(sabotage), on_full);
                    (policies.capacity, policies.ingress) = (1, 1);
                });
            for _ in 0..3 {
                let outcome = Threads::new().record(true).run(&placed(plan.clone(), placement)).expect("runs");
                assert_eq!(outcome.end.reason, EndReason::Quiescent);
                assert_eq!(outcome.end.stalled, [], "{sabotage:?} {placement} {on_full}");
            }
        }
    }
}

/// Updates for the inbox that a stalled worker does not empty stand in front of those for the inbox that is free: with
/// `stall`, a shard makes a deadlock of edges that form no cycle.
#[test]
fn a_shard_that_stalls_can_deadlock_what_has_no_cycle() {
    let system = System::new("line")
        .workers(["a"], |_| Pass { copies: 40, ..Pass::to(["b"]) })
        .workers(["b"], |_| Pass { copies: 9, ..Pass::to(["c"]) })
        .workers(["c"], |_| Pass::default())
        .messages("source", [("a", 1)])
        .with(|policies| {
            policies.on_full = OnFull::Stall;
            (policies.capacity, policies.ingress) = (1, 1);
        });
    let (a, b) = (WorkerId::new(0), WorkerId::new(1));
    for outcome in run_often(10, &placed(system.clone(), Placement::Inline)) {
        assert_eq!(outcome.end.stalled, []);
        assert_eq!(outcome.workers[2].machine().heard, 360);
    }
    for outcome in run_often(10, &placed(system, Placement::Sharded(1))) {
        assert_eq!(outcome.end.stalled, [(a, b), (b, b)]);
    }
}

#[test]
fn the_workload_goes_round_and_round() {
    let system = System::new("rounds")
        .workers(["a", "b"], |_| Pass::default())
        .messages("one", [("a", 1), ("b", 10)])
        .messages("two", [("a", 100)]);
    let plan = system.plan().expect("sound");
    for (messages, expected) in [(None, [101, 10]), (Some(0), [0, 0]), (Some(2), [1, 10]), (Some(8), [203, 30])] {
        let outcome = Threads::new().record(true).messages(messages).run(&plan).expect("runs");
        audit(&outcome);
        assert_eq!(outcome.workers.iter().map(|w| w.machine().sum).collect::<Vec<_>>(), expected, "{messages:?}");
        assert_eq!(outcome.metrics.fed, messages.unwrap_or(3));
        let names = plan.names();
        let arrived = |source: &str| {
            let events = outcome.trace.iter().flat_map(|trace| &trace.events);
            let ids = events
                .filter(|event| event.what == What::Arrive)
                .map(|event| event.header.id.display(names).to_string());
            ids.filter(|id| id.starts_with(source)).collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!(arrived("one") + arrived("two"), outcome.metrics.fed as usize, "numbers go on");
    }
}

#[test]
fn a_run_can_be_watched_and_says_how_long_inputs_took() {
    let plan = chain().plan().expect("sound");
    let seen: Arc<Mutex<Vec<Metrics>>> = Arc::default();
    let shown = Arc::clone(&seen);
    let threads = Threads::new()
        .messages(Some(u64::MAX))
        .time_limit(Some(Duration::from_millis(200)))
        .monitor(Duration::from_millis(5), move |metrics| shown.lock().expect("nobody panics").push(metrics.clone()));
    let outcome = threads.run(&plan).expect("runs");
    let seen = seen.lock().expect("nobody panics");
    assert!(seen.len() > 2, "it was shown {} times", seen.len());
    let figures = |metrics: &Metrics| (metrics.elapsed, metrics.fed, metrics.handled, metrics.sent);
    assert!(seen.iter().map(figures).is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1 && a.2 <= b.2 && a.3 <= b.3));
    assert!(seen[0].handled > 0 || seen[1].handled > 0, "it is shown while it runs");
    assert_eq!(seen.last(), Some(&outcome.metrics));
    let metrics = &outcome.metrics;
    let Latency { externals, updates } = metrics.latency_of_all();
    assert_eq!(externals.count() + updates.count(), metrics.handled, "there are no starts and no timers");
    let b = &metrics.latency["b"].updates;
    assert!(b.count() > 0 && b.percentile(50.0) <= b.percentile(99.0) && b.percentile(99.0) <= metrics.elapsed);
}

#[test]
fn a_panic_of_whoever_watches_ends_the_run_and_goes_on() {
    let plan = chain().plan().expect("sound");
    let threads = Threads::new().messages(Some(u64::MAX)).monitor(Duration::from_millis(1), |_| panic!("seen enough"));
    let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| threads.run(&plan)));
    assert!(panicked.is_err(), "it goes on, and nobody waits for ever");
}

/// A message that cannot be copied any more once it is armed.
#[derive(Debug)]
struct Trap(Arc<AtomicBool>);

impl Clone for Trap {
    fn clone(&self) -> Self {
        assert!(!self.0.load(Ordering::Relaxed), "a copy of an armed trap");
        Self(Arc::clone(&self.0))
    }
}

#[test]
fn a_panic_outside_of_handlers_ends_the_run_and_goes_on() {
    struct Idle;
    impl StateMachine for Idle {
        type Message = Trap;
        type Update = ();
        fn on_message(&mut self, _: Trap, out: &mut Outbox<()>) {
            out.set_timer(TimerTag(0), Duration::from_secs(3600));
        }
        fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
    }
    let armed = Arc::new(AtomicBool::new(false));
    let system = System::new("trap").workers(["a"], |_| Idle).messages("source", [("a", Trap(Arc::clone(&armed)))]);
    let plan = system.plan().expect("sound");
    armed.store(true, Ordering::Relaxed);
    let run = std::panic::catch_unwind(AssertUnwindSafe(|| Threads::new().run(&plan).map(drop)));
    let panic = run.expect_err("the source's thread panicked");
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"a copy of an armed trap"));
}

#[test]
fn a_system_without_work_is_over_at_once() {
    let plan = System::new("idle").workers(["a"], |_| Pass::default()).plan().expect("sound");
    let outcome = Threads::new().record(true).run(&plan).expect("runs");
    audit(&outcome);
    assert_eq!(outcome.metrics.events, BTreeMap::new());
    assert_eq!(outcome.end.reason, EndReason::Quiescent);
}

#[test]
fn causal_order_needs_no_barriers_on_threads() {
    for placement in [Placement::Inline, Placement::Sharded(2)] {
        let plan = placed(chain().with(|policies| policies.order = Order::Causal), placement);
        let outcome = Threads::new().record(true).run(&plan).expect("runs");
        audit(&outcome);
        let events = outcome.trace.expect("recorded").events;
        assert!(events.iter().all(|event| event.header.barriers.is_empty()));
    }
}

#[test]
fn payloads_stand_where_messages_come_into_being() {
    let outcome = Threads::new().record(true).run(&placed(chain(), Placement::Inline)).expect("runs");
    let trace = outcome.trace.expect("recorded");
    let first = &trace.events[0];
    let expected = format!("{:?}", Input::<Pass>::Message(1));
    assert_eq!((first.what, &*first.payload), (What::Arrive, expected.as_str()));
    let emit = trace.events.iter().find(|event| event.what == What::Emit).expect("sent");
    assert_eq!(&*emit.payload, "1");
}
