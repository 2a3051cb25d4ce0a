//! Sessions on threads: each sees what it has seen, whoever serves it, and no run hangs.

use std::time::{Duration, Instant};

use raddle_core::{Ask, EndReason, OnFull, Outbox, Placement, Sabotage, StateMachine, System, Trace, What};
use raddle_runtime::Threads;

/// A number on every replica: the greatest that was written anywhere.
#[derive(Debug, Default)]
struct Replica {
    value: u32,
    fragile: bool,
}

const REPLICAS: [&str; 3] = ["a", "b", "c"];

impl StateMachine for Replica {
    type Message = u32;
    type Update = u32;

    fn on_message(&mut self, value: u32, out: &mut Outbox<u32>) {
        assert!(!self.fragile, "it broke");
        self.value = self.value.max(value);
        for other in REPLICAS {
            if other != out.my_name() {
                out.notify(other, self.value);
            }
        }
    }

    fn on_update(&mut self, value: u32, _: &mut Outbox<u32>) {
        self.value = self.value.max(value);
    }

    fn on_query(&self, _: u32, out: &mut Outbox<u32>) {
        out.reply(self.value);
    }
}

/// Each write is of a number of its own, and read at the two other replicas.
fn replicas(rounds: u32) -> System<Replica> {
    let round = |n: u32| {
        let at = |k: u32| REPLICAS[((n + k) % 3) as usize];
        [Ask::tell(at(0), n + 1), Ask::query(at(1), 0), Ask::query(at(2), 0)]
    };
    System::new("replicas")
        .workers(REPLICAS, |_| Replica::default())
        .session("ann", (0..rounds).flat_map(round))
        .session("bob", (0..rounds).map(move |n| Ask::query(REPLICAS[n as usize % 3], 0)))
}

/// What a session was answered, in order.
fn answers(trace: &Trace, session: &str) -> Vec<u32> {
    let session = trace.conditions.names.source_id(session).expect("a session");
    let mine = |event: &&raddle_core::Event| {
        event.what == What::Reply && event.header.from == raddle_core::Party::Source(session)
    };
    trace.events.iter().filter(mine).map(|event| event.payload.parse().expect("a number")).collect()
}

#[test]
fn a_session_sees_what_it_has_seen() {
    for placement in [Placement::Inline, Placement::Sharded(2)] {
        let system = replicas(50).with(|policies| (policies.placement, policies.watermark) = (placement, 7));
        let plan = system.plan().expect("a good system");
        for seed in 0..20 {
            let outcome = Threads::new().seed(seed).record(true).run(&plan).expect("threads");
            assert_eq!(outcome.end.reason, EndReason::Quiescent);
            let trace = outcome.trace.expect("recorded");
            let expected: Vec<u32> = (1..=50).flat_map(|n| [n, n]).collect();
            assert_eq!(answers(&trace, "ann"), expected, "{placement}");
            let bobs = answers(&trace, "bob");
            assert!(bobs.len() == 50 && bobs.is_sorted(), "{placement}: {bobs:?}");
            // Each asks when the last was answered: in the trace, too.
            let ann = trace.conditions.names.source_id("ann").expect("a session");
            let ops = trace.events.iter().filter(|event| event.header.from == raddle_core::Party::Source(ann));
            let steps: Vec<_> = ops.filter(|e| matches!(e.what, What::Arrive | What::Handle)).collect();
            assert!(steps.chunks(2).all(|op| op[0].what == What::Arrive && op[0].header.id == op[1].header.id));
        }
    }
}

#[test]
fn what_is_stale_is_dropped_and_the_session_goes_on() {
    // By the broken rule for broadcasts, which on this traffic leaves some waiting.
    let system = System::new("pair")
        .workers(REPLICAS, |_| Replica::default())
        .session("ann", [Ask::tell("a", 7), Ask::query("b", 0), Ask::query("c", 0), Ask::query("a", 0)])
        .with(|policies| {
            policies.sabotage = Some(Sabotage::ClockToken);
            policies.stale_after = Duration::from_millis(20);
        });
    let outcome = Threads::new().record(true).run(&system.plan().expect("a good system")).expect("threads");
    let trace = outcome.trace.expect("recorded");
    let stale = trace.events.iter().filter(|event| event.what.word() == "drop(stale)").count();
    assert_eq!(answers(&trace, "ann").len() + stale, 3);
    // Of a's two sends b is sent the first, and never counts the second.
    assert!(stale > 0 && outcome.elapsed >= Duration::from_millis(20), "{stale} {:?}", outcome.elapsed);
}

#[test]
fn a_run_that_is_told_to_stop_does_not_wait_for_its_sessions() {
    let plan = replicas(10).plan().expect("a good system");
    let began = Instant::now();
    let limit = Some(Duration::from_millis(50));
    let outcome = Threads::new().messages(Some(100_000_000)).time_limit(limit).run(&plan).expect("threads");
    assert_eq!(outcome.end.reason, EndReason::Stopped);
    assert!(began.elapsed() < Duration::from_secs(5) && outcome.metrics.fed > 0);
}

#[test]
fn dead_workers_and_full_queues_hold_no_session_up() {
    let dying = System::new("dying")
        .workers(REPLICAS, |seat| Replica { fragile: seat.name() == "a", value: 0 })
        .session("ann", [Ask::tell("a", 7), Ask::query("a", 0), Ask::tell("a", 8), Ask::query("b", 0)]);
    for restart in ["never", "always"] {
        let mut system = dying.clone();
        system.set("restart", restart).expect("fits");
        let outcome = Threads::new().record(true).run(&system.plan().expect("a good system")).expect("threads");
        assert_eq!((outcome.end.reason, outcome.metrics.fed), (EndReason::Quiescent, 4), "{restart}");
        let answered = answers(&outcome.trace.expect("recorded"), "ann").len();
        assert_eq!(answered, if restart == "never" { 1 } else { 2 }, "{restart}");
    }
    for on_full in [OnFull::DropNewest, OnFull::DropOldest, OnFull::Nack, OnFull::Hold] {
        let system = replicas(30).with(|policies| {
            (policies.on_full, policies.capacity, policies.external_capacity) = (on_full, 1, 1);
        });
        let outcome = Threads::new().run(&system.plan().expect("a good system")).expect("threads");
        assert_eq!((outcome.end.reason, outcome.metrics.fed), (EndReason::Quiescent, 120), "{on_full}");
    }
}
