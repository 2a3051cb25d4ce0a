//! Sessions: wherever one goes, it finds what it has seen, or is told that it cannot.

use std::ops::ControlFlow;

use raddle_core::{Ask, FaultKind, Order, Outbox, Pick, Recovery, Sabotage, StateMachine, System, What, WorkerId};
use raddle_sim::exhaustive::{Exhaustive, Refusal, visit};
use raddle_sim::{
    Action, Actions, Decision, FaultPlan, Granularity, Network, Recording, RunError, Runner, Settings, Strategy,
    strategy,
};

/// A number on every replica: the greatest that was written anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Replica {
    value: u32,
}

impl StateMachine for Replica {
    type Message = u32;
    type Update = u32;

    fn on_message(&mut self, value: u32, out: &mut Outbox<u32>) {
        self.value = self.value.max(value);
        let me = out.me();
        let others = (0..REPLICAS.len()).map(WorkerId::at).filter(|other| *other != me);
        out.notify(others.collect::<Vec<_>>(), self.value);
    }

    fn on_update(&mut self, value: u32, _: &mut Outbox<u32>) {
        self.value = self.value.max(value);
    }

    fn on_query(&self, _: u32, out: &mut Outbox<u32>) {
        out.reply(self.value);
    }
}

const REPLICAS: [&str; 3] = ["a", "b", "c"];

fn replicas() -> System<Replica> {
    System::new("replicas").workers(REPLICAS, |_| Replica::default()).forkable()
}

/// Writes at one, reads at the two others.
fn write_and_read() -> System<Replica> {
    replicas().session("ann", [Ask::tell("a", 7), Ask::query("b", 0), Ask::query("c", 0)])
}

fn settings(granularity: Granularity, network: Network) -> Settings {
    Settings { granularity, network, ..Settings::default() }
}

/// Everywhere that sessions can be.
fn everywhere() -> [(Settings, &'static str); 7] {
    use Granularity::{Delivery, Queues};
    [
        (settings(Delivery, Network::Bag), "inline"),
        (settings(Delivery, Network::Fifo), "inline"),
        (settings(Delivery, Network::Causal), "inline"),
        (settings(Delivery, Network::Mailbox), "inline"),
        (settings(Queues, Network::Fifo), "inline"),
        (settings(Queues, Network::Bag), "sharded(2)"),
        (settings(Queues, Network::Causal), "sharded(2)"),
    ]
}

/// Runs these seeds, each at random, and shows each.
fn runs(system: &System<Replica>, settings: Settings, seeds: u64, mut see: impl FnMut(&Recording)) {
    let plan = system.plan().expect("a good system");
    // The law that would speak up is tested elsewhere.
    let laws = plan.policies().sabotage.map(|_| Vec::new());
    let mut runner = Runner::new(plan, settings, laws.as_deref()).expect("good settings");
    for seed in 0..seeds {
        let recording = runner.record(seed, &mut strategy::Random::default());
        assert_eq!(recording.run.violation, None, "seed {seed}");
        see(&recording);
    }
}

/// What was answered, in order.
fn answers(recording: &Recording) -> Vec<u32> {
    let replies = recording.trace.events.iter().filter(|event| event.what == What::Reply);
    replies.map(|event| event.payload.parse().expect("a number")).collect()
}

fn count(recording: &Recording, word: &str) -> usize {
    recording.trace.events.iter().filter(|event| event.what.word() == word).count()
}

#[test]
fn a_session_reads_its_own_writes_everywhere() {
    for (settings, placement) in everywhere() {
        let mut system = write_and_read();
        system.set("placement", placement).expect("fits");
        let (mut parked, mut stale) = (0, 0);
        runs(&system, settings.clone(), 300, |recording| {
            let lost = count(recording, "drop(stale)");
            assert_eq!(answers(recording), vec![7; 2 - lost], "{settings:?}");
            parked += count(recording, "park");
            stale += lost;
        });
        assert!(parked > 0, "{settings:?}: some must wait");
        assert!(stale > 0, "{settings:?}: a deadline may always pass first");
    }
}

#[test]
fn without_the_token_or_the_order_it_does_not() {
    for (order, sabotage) in [(Order::Causal, Some(Sabotage::IgnoreToken)), (Order::Arrival, None)] {
        for (settings, placement) in everywhere() {
            let mut system = write_and_read().with(|policies| (policies.order, policies.sabotage) = (order, sabotage));
            system.set("placement", placement).expect("fits");
            let mut wrong = 0;
            runs(&system, settings, 100, |recording| wrong += usize::from(answers(recording) != [7, 7]));
            assert!(wrong > 0, "{order} {placement}");
        }
    }
}

/// Of what one handler sends to two, who has seen the first finds the second, though that was sent later.
#[test]
fn reads_do_not_go_back() {
    for (settings, placement) in everywhere() {
        let mut system = replicas()
            .session("ann", [Ask::tell("c", 7)])
            .session("bob", [Ask::query("a", 0), Ask::query("b", 0)])
            .session("eve", [Ask::query("b", 0), Ask::query("a", 0)]);
        system.set("placement", placement).expect("fits");
        let mut risen = 0;
        runs(&system, settings.clone(), 500, |recording| {
            for session in ["bob", "eve"] {
                let source = recording.trace.conditions.names.source_id(session).expect("a session");
                let mine = |event: &&raddle_core::Event| {
                    event.what == What::Reply && event.header.from == raddle_core::Party::Source(source)
                };
                let seen: Vec<_> = recording.trace.events.iter().filter(mine).map(|event| &*event.payload).collect();
                assert!(seen != ["7", "0"], "{settings:?} {placement}");
                risen += usize::from(seen == ["7", "7"]);
            }
        });
        assert!(risen > 0, "{settings:?} {placement}");
    }
}

/// Whatever sessions do, none is ever answered less than it has written or been answered: also where workers die and
/// forget, unless what they would have been told was lost with them.
#[test]
fn no_session_ever_sees_less() {
    for (mut settings, placement) in everywhere() {
        for (crashes, workload) in (0..8).map(|nth| (nth % 2, u64::from(nth))) {
            settings.faults = FaultPlan::default().with(FaultKind::Crash, crashes);
            let ask = |session: u64, nth: u64| {
                let mix = raddle_core::fnv::spread(workload << 40 | session << 20 | nth);
                let to = REPLICAS[mix as usize % REPLICAS.len()];
                if mix >> 20 & 1 == 0 { Ask::tell(to, (nth * 3 + session + 1) as u32) } else { Ask::query(to, 0) }
            };
            let sessions = ["ann", "bob", "eve"].into_iter().zip(0..);
            let system = sessions.fold(replicas(), |system, (name, session)| {
                system.session(name, (0..6).map(move |nth| ask(session, nth)))
            });
            let mut system = system.with(|policies| policies.watermark = 3);
            system.set("placement", placement).expect("fits");
            let mut judged = 0;
            runs(&system, settings.clone(), 60, |recording| {
                let lost =
                    |event: &raddle_core::Event| matches!(event.what, What::Drop(_)) && event.header.link().is_some();
                if recording.trace.events.iter().any(lost) {
                    return;
                }
                judged += 1;
                let mut known = std::collections::BTreeMap::new();
                for event in &recording.trace.events {
                    let raddle_core::Party::Source(session) = event.header.from else { continue };
                    let known: &mut u32 = known.entry(session).or_default();
                    match event.what {
                        What::Reply => {
                            let answer = event.payload.parse().expect("a number");
                            assert!(answer >= *known, "{answer} after {known}: {settings:?} {placement} {workload}");
                            *known = answer;
                        }
                        What::Handle => {
                            let raddle_core::Root::External(session, nth) = event.header.id.chain() else { continue };
                            let mix = raddle_core::fnv::spread(
                                workload << 40 | (session.index() as u64) << 20 | u64::from(nth),
                            );
                            if mix >> 20 & 1 == 0 {
                                *known = (*known).max(nth * 3 + session.index() as u32 + 1);
                            }
                        }
                        _ => {}
                    }
                }
            });
            assert!(judged > 0, "{settings:?}");
        }
    }
}

/// Who reads what another has written, and then writes, writes after it: nobody sees the second without the first.
#[test]
fn what_a_session_writes_comes_after_what_it_has_read() {
    for (settings, placement) in everywhere() {
        let mut system =
            replicas().session("ann", [Ask::tell("a", 7)]).session("bob", [Ask::query("a", 0), Ask::tell("b", 9)]);
        system.set("placement", placement).expect("fits");
        let mut both = 0;
        runs(&system, settings, 300, |recording| {
            if answers(recording) != [7] || count(recording, "drop(stale)") > 0 {
                return;
            }
            both += 1;
            let at_c = recording.trace.events.iter().filter(|event| {
                event.what == What::Handle && event.header.to == WorkerId::new(2) && event.header.link().is_some()
            });
            let from: Vec<_> = at_c.filter_map(|event| event.header.link()).collect();
            assert_eq!(from, [WorkerId::new(0), WorkerId::new(1)]);
        });
        assert!(both > 0);
    }
}

#[test]
fn the_next_operation_comes_when_the_last_is_over_and_those_left_out_are_skipped() {
    let plan = replicas().session("ann", (1..=4).map(|n| Ask::tell("a", n))).plan().expect("a good system");
    let mut runner = Runner::new(plan, Settings::default(), None).expect("good settings");
    runner.leave_out(&[true, false, true, false]);
    let recording = runner.record(0, &mut strategy::DefaultOrder);
    let names = &recording.trace.conditions.names;
    let ops = recording.trace.events.iter().filter(|event| event.header.id.is_root());
    let told: Vec<_> = ops.map(|e| format!("{} {}", e.what.word(), e.header.id.display(names))).collect();
    assert_eq!(told, ["arrive ann#1", "handle ann#1", "arrive ann#3", "handle ann#3"]);
}

#[test]
fn what_waits_too_long_is_dropped_and_the_session_goes_on() {
    let system = write_and_read().with(|policies| policies.stale_after = std::time::Duration::from_millis(5));
    let plan = system.plan().expect("a good system");
    let mut runner = Runner::new(plan, settings(Granularity::Delivery, Network::Bag), None).expect("good settings");
    // The write; then the query overtakes the replication (two updates, then the query), and its time is over.
    let recording = runner.record(0, &mut strategy::Indices::new(vec![0, 2, 2]));
    let names = &recording.trace.conditions.names;
    let stale = recording.trace.events.iter().find(|event| event.what.word() == "drop(stale)").expect("it was dropped");
    assert_eq!((stale.header.id.display(names).to_string(), stale.moment.time.0), ("ann#1".to_owned(), 5_000_000));
    assert_eq!(answers(&recording), [7], "the other answer is there");
    let schedule: Vec<_> = recording.schedule.iter().map(|decision| decision.display(names).to_string()).collect();
    assert_eq!(schedule[2..4], ["expire ann#1", "ann#0.0"].map(str::to_owned));
    // And it can be done again by these names.
    let again = runner.record(0, &mut strategy::Replay::new(recording.schedule.clone()));
    assert_eq!(again.trace, recording.trace);
}

#[test]
fn without_room_to_wait_it_is_dropped_at_once() {
    let system = write_and_read().with(|policies| policies.parking = 0).laws(["no-duplicates"]);
    let mut dropped = 0;
    runs(&system, settings(Granularity::Delivery, Network::Fifo), 100, |recording| {
        dropped += count(recording, "drop(parking)");
        assert_eq!(count(recording, "park"), 0);
    });
    assert!(dropped > 0);
}

/// With crashes, an answer is what was written, or there is none. Where a life remembers, it is what was handled in it.
#[test]
fn a_life_that_has_forgotten_serves_nobody_who_knew_the_last() {
    for (settings, placement) in everywhere() {
        let settings = Settings { faults: FaultPlan::default().with(FaultKind::Crash, 2), ..settings };
        let (mut stale, mut answered) = (0, 0);
        let mut system = replicas().session("ann", [Ask::tell("a", 7), Ask::query("a", 0), Ask::query("b", 0)]);
        system.set("placement", placement).expect("fits");
        runs(&system, settings.clone(), 1_000, |recording| {
            let crashes = count(recording, "crash(fault)");
            stale += count(recording, "drop(stale)") * usize::from(crashes > 0);
            answered += answers(recording).len() * usize::from(crashes > 0);
            let lost_at_a = recording.trace.events.iter().position(|event| event.what.word() == "drop(crash)");
            let told =
                recording.trace.events.iter().any(|event| event.what == What::Handle && event.header.id.is_root());
            // What was lost on its way is gone for everybody; all else must be seen.
            let lossless = count(recording, "drop(incarnation)") == 0 && lost_at_a.is_none();
            assert!(!(told && lossless) || answers(recording).iter().all(|answer| *answer == 7), "{settings:?}");
        });
        assert!(stale > 0 && answered > 0, "{settings:?}: {stale} {answered}");
    }
}

/// Does what this schedule says; what it does not say comes in the default order.
fn scripted(system: &System<Replica>, granularity: Granularity, script: &[&str]) -> Recording {
    let plan = system.plan().expect("a good system");
    let decisions = script.iter().map(|text| Decision::parse(text, plan.names()).expect(text)).collect();
    let faults = FaultPlan::default().with(FaultKind::Crash, 1);
    let settings = Settings { faults, ..settings(granularity, Network::Fifo) };
    let mut replay = strategy::Replay::new(decisions);
    let recording = Runner::new(plan, settings, None).expect("good settings").record(0, &mut replay);
    assert_eq!((replay.misfit(), &recording.run.violation), (None, &None), "{script:?}");
    recording
}

#[track_caller]
fn check_scripted(recovery: Recovery, script: &[&str], asks: &[Ask<u32>], expected: &[u32], stale: usize) {
    let system = replicas().session("ann", asks.to_vec()).with(|policies| policies.recovery = recovery);
    // A life that remembers begins with a step of its own.
    let mut steps = Vec::new();
    for step in script {
        steps.push((*step).to_owned());
        if let (Some(worker), Recovery::Durable) = (step.strip_prefix("crash "), recovery) {
            steps.push(format!("{worker}/1!start"));
        }
    }
    let script: Vec<&str> = steps.iter().map(String::as_str).collect();
    let recording = scripted(&system, Granularity::Delivery, &script);
    assert_eq!((answers(&recording), count(&recording, "drop(stale)")), (expected.to_vec(), stale), "{recovery}");
}

#[test]
fn a_life_that_remembers_serves_who_knew_the_last_and_one_that_forgets_does_not() {
    // Answered by the first life; the second is asked.
    let asks = [Ask::tell("a", 7), Ask::query("a", 0), Ask::query("b", 0)];
    let script = ["ann#0", "crash a", "ann#1"];
    check_scripted(Recovery::Durable, &script, &asks, &[7, 7], 0);
    check_scripted(Recovery::Amnesia, &script, &asks, &[7], 1);
}

#[test]
fn what_was_sent_to_a_life_is_nothing_to_the_next_though_it_is_resolved() {
    let asks = [Ask::tell("a", 7), Ask::query("b", 0), Ask::query("c", 0)];
    // b has handled the replication, and then forgets it.
    let handled = ["ann#0", "ann#0.0", "crash b", "ann#1"];
    check_scripted(Recovery::Durable, &handled, &asks, &[7, 7], 0);
    check_scripted(Recovery::Amnesia, &handled, &asks, &[7], 1);
    // However often what is resolved is published, and forgotten by who sent it.
    for watermark in [1, 2] {
        let system = replicas()
            .session("ann", [Ask::tell("a", 7), Ask::query("a", 0), Ask::query("b", 0)])
            .with(|policies| policies.watermark = watermark);
        let recording = scripted(&system, Granularity::Delivery, &["ann#0", "ann#0.0", "ann#1", "crash b", "ann#2"]);
        assert_eq!((answers(&recording), count(&recording, "drop(stale)")), (vec![7], 1));
    }
    // The query has come and waits for the replication when b, which something has happened at, dies.
    let waits = ["ann#0", "ann#1", "crash b"];
    check_scripted(Recovery::Amnesia, &waits, &asks, &[7], 1);
}

#[test]
fn who_read_it_relies_on_it_too() {
    // Bob reads at a what ann wrote there; the life of c to which it was sent is over.
    let system =
        replicas().session("ann", [Ask::tell("a", 7)]).session("bob", [Ask::query("a", 0), Ask::query("c", 0)]);
    let script = ["ann#0", "ann#0.1", "bob#0", "crash c", "bob#1"];
    let recording = scripted(&system, Granularity::Delivery, &script);
    assert_eq!((answers(&recording), count(&recording, "drop(stale)")), (vec![7], 1));
}

#[test]
fn a_new_life_serves_who_has_no_past() {
    let system =
        replicas().session("ann", [Ask::query("c", 0)]).session("bob", [Ask::query("c", 0), Ask::query("c", 0)]);
    let recording = scripted(&system, Granularity::Delivery, &["ann#0", "crash c", "bob#0", "bob#1"]);
    assert_eq!((answers(&recording), count(&recording, "drop(stale)")), (vec![0, 0, 0], 0));
}

#[test]
fn at_queues_what_waits_in_the_queue_when_its_life_ends_is_dropped_at_the_pick() {
    let system = replicas().session("ann", [Ask::tell("a", 7), Ask::query("a", 0), Ask::query("b", 0)]);
    let script = ["ann#0", "pick a", "push a", "push a", "ann#1", "crash a", "pick a"];
    let recording = scripted(&system, Granularity::Queues, &script);
    assert_eq!((answers(&recording), count(&recording, "drop(stale)")), (vec![7], 1));
}

#[test]
fn at_queues_what_is_in_the_queue_is_not_seen_yet() {
    let system = replicas()
        .session("ann", [Ask::tell("a", 7), Ask::query("b", 0)])
        .with(|policies| (policies.pick, policies.watermark) = (Pick::ExternalFirst, 1));
    // The replication is in the queue of b, and the query would be picked before it.
    let recording = scripted(&system, Granularity::Queues, &["ann#0", "pick a", "push a", "ann#1", "pick b", "pick b"]);
    assert_eq!((answers(&recording), count(&recording, "park"), count(&recording, "release")), (vec![7], 1, 1));
}

#[test]
fn every_schedule_of_a_small_store() {
    let system =
        replicas().session("ann", [Ask::tell("a", 7), Ask::query("b", 0)]).session("bob", [Ask::query("c", 0)]);
    let mut seen = std::collections::BTreeSet::new();
    for network in [Network::Fifo, Network::Bag] {
        let settings = settings(Granularity::Delivery, network);
        let done = visit(&system, settings, Exhaustive::Dfs, |_| ControlFlow::Continue(())).expect("dfs does sessions");
        assert!(done.complete && done.executions > 10, "{}", done.executions);
        seen.insert(done.executions);
    }
    assert_eq!(seen.len(), 1, "each link has one update: the networks do not differ");
    for kind in [Exhaustive::Dpor, Exhaustive::States] {
        let refused = visit(&system, Settings::default(), kind, |_| ControlFlow::Continue(())).expect_err("refused");
        assert!(matches!(refused, RunError::Exhaustive(Refusal::Sessions { .. })), "{refused}");
    }
}

/// Unicast traffic: who hears something passes it on to one other, a few times.
struct Gossip;

impl StateMachine for Gossip {
    type Message = u64;
    type Update = u64;

    fn on_message(&mut self, mix: u64, out: &mut Outbox<u64>) {
        if !mix.is_multiple_of(4) {
            let (me, mix) = (out.me().index(), mix.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7);
            let to = (me + 1 + mix as usize % (GOSSIPS.len() - 1)) % GOSSIPS.len();
            out.notify(WorkerId::at(to), mix);
        }
    }

    fn on_update(&mut self, mix: u64, out: &mut Outbox<u64>) {
        self.on_message(mix, out);
    }
}

const GOSSIPS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// At random, but no wait ends while anything can still arrive.
struct Patient(u64);

impl Strategy for Patient {
    fn begin(&mut self, seed: u64) {
        self.0 = seed;
    }

    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        let arrivals = actions.iter().take_while(|action| matches!(action, Action::Deliver(_))).count();
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % arrivals.max(1)
    }
}

/// How many of so many queries are never answered though everything is delivered.
fn unanswered(sabotage: Option<Sabotage>) -> (usize, usize) {
    let ask = |session: u64, nth: u64| {
        let mix = raddle_core::fnv::spread(session << 32 | nth);
        let to = GOSSIPS[mix as usize % GOSSIPS.len()];
        if nth.is_multiple_of(2) { Ask::tell(to, mix >> 8) } else { Ask::query(to, mix >> 8) }
    };
    let sessions = ["ann", "bob", "eve"].into_iter().zip(0..);
    let system = sessions.fold(System::new("gossip").workers(GOSSIPS, |_| Gossip), |system, (name, session)| {
        system.session(name, (0..40).map(move |nth| ask(session, nth)))
    });
    let plan = system.with(|policies| policies.sabotage = sabotage).plan().expect("a good system");
    let laws = ["causal-order", "no-silent-loss", "no-deadlock"].map(str::to_owned);
    let mut runner =
        Runner::new(plan, settings(Granularity::Delivery, Network::Bag), Some(&laws)).expect("good settings");
    let (mut queries, mut never) = (0, 0);
    for seed in 0..50 {
        let recording = runner.record(seed, &mut Patient(0));
        assert_eq!(recording.run.violation, None);
        for event in recording.trace.events.iter().filter(|event| event.header.id.is_root()) {
            let is_query = matches!(event.header.id.chain(), raddle_core::Root::External(_, nth) if nth % 2 == 1);
            queries += usize::from(is_query && event.what == What::Arrive);
            never += usize::from(is_query && event.what.word() == "drop(stale)");
        }
    }
    (never, queries)
}

#[test]
fn a_token_of_barriers_leaves_nobody_waiting_and_a_clock_does() {
    assert_eq!(unanswered(None), (0, 3_000));
    let (never, queries) = unanswered(Some(Sabotage::ClockToken));
    let share = never as f64 / queries as f64;
    assert!((0.02..0.99).contains(&share), "{never} of {queries} queries wait for ever by the rule for broadcasts");
    println!("{never} of {queries}");
}
