//! Faults do what they say, leave in a trace what they did, and harm nothing that the core promises.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{All, Obedient, all_schedules, logs, told};
use raddle_core::{
    EndReason, FaultKind, Input, OnFull, Order, Outbox, Placement, Restart, StateMachine, System, TimerTag, Trace,
};
use raddle_sim::exhaustive::Exhaustive;
use raddle_sim::strategy::{Indices, Replay};
use raddle_sim::{
    Decision, Explore, Fault, FaultPlan, Finding, GivenFault, GivenFaults, Granularity, Network, Recording, Runner,
    Settings, SettingsError, StrategyKind, replay,
};

/// `a` is told to send three updates to `b`, who answers the second.
fn pair() -> System<Obedient> {
    let go = told("go", [("b", told("1", [])), ("b", told("2", [("a", told("yes", []))])), ("b", told("3", []))]);
    System::new("pair").workers(["a", "b"], |_| Obedient::default()).messages("s", [("a", go)])
}

fn settings(faults: &str) -> Settings {
    Settings { faults: faults.parse().expect("a plan"), ..Settings::default() }
}

/// Runs by this schedule, all of which must fit, and gives the logs with what was recorded.
#[track_caller]
fn play<M: StateMachine>(system: &System<M>, settings: Settings, schedule: &[&str]) -> (Runner<M>, Recording) {
    let plan = system.plan().expect("a good system");
    let decisions = schedule.iter().map(|text| Decision::parse(text, plan.names()).expect(text)).collect();
    let mut runner = Runner::new(plan, settings, None).expect("good settings");
    let mut strategy = Replay::new(decisions);
    let recording = runner.record(0, &mut strategy);
    assert_eq!(strategy.misfit(), None, "{schedule:?}");
    (runner, recording)
}

/// What happened, as `word id`, but for arrivals and sends.
fn words(trace: &Trace) -> Vec<String> {
    let dull = ["arrive", "emit", "read", "wrote"];
    let told = trace.events.iter().filter(|event| !dull.contains(&event.what.word()));
    told.map(|event| format!("{} {}", event.what.word(), event.header.id.display(&trace.conditions.names))).collect()
}

#[track_caller]
fn check(faults: &str, schedule: &[&str], expected: &[&str]) {
    let (_, recording) = play(&pair(), settings(faults), schedule);
    assert_eq!(recording.run.violation, None);
    assert_eq!(recording.run.end, EndReason::Quiescent);
    assert_eq!(words(&recording.trace), expected);
}

#[test]
fn a_lost_update_leaves_a_tombstone_and_its_successor_does_not_wait() {
    check(
        "loss",
        &["s#0", "lose s#0.0"],
        &["handle s#0", "drop(loss) s#0.0", "handle s#0.1", "handle s#0.2", "handle s#0.1.0"],
    );
}

#[test]
fn a_copy_has_a_name_of_its_own_and_ordered_links_discard_it() {
    check(
        "duplication",
        &["s#0", "duplicate s#0.0", "s#0.0", "s#0.1", "s#0.2"],
        &[
            "handle s#0",
            "fault(duplication) s#0.0~1",
            "handle s#0.0",
            "handle s#0.1",
            "handle s#0.2",
            "drop(duplicate) s#0.0~1",
            "handle s#0.1.0",
        ],
    );
}

#[test]
fn where_nothing_is_promised_a_copy_is_handled_and_so_is_what_it_causes() {
    let system = pair().with(|policies| policies.order = Order::Arrival);
    let schedule = ["s#0", "s#0.0", "duplicate s#0.1", "s#0.1", "s#0.2", "s#0.1~1"];
    let (runner, recording) = play(&system, settings("duplication"), &schedule);
    assert_eq!(recording.run.violation, None);
    assert_eq!(logs(&runner), [vec!["go", "yes", "yes"], vec!["1", "2", "3", "2"]]);
    assert!(words(&recording.trace).contains(&"handle s#0.1~1.0".to_owned()));
}

#[test]
fn a_crash_takes_the_state_and_all_that_is_on_its_way_and_a_new_life_goes_on() {
    check(
        "crash",
        &["s#0", "s#0.0", "crash b"],
        &[
            "handle s#0",
            "handle s#0.0",
            "crash(fault) b/0!start",
            "restart b/1!start",
            "drop(incarnation) s#0.1",
            "drop(incarnation) s#0.2",
        ],
    );
    let (runner, _) = play(&pair(), settings("crash"), &["s#0", "s#0.0", "crash b"]);
    assert_eq!(logs(&runner), [vec!["go"], vec![]]);
    let durable = pair().forkable().with(|policies| policies.recovery = raddle_core::Recovery::Durable);
    let (runner, recording) = play(&durable, settings("crash"), &["s#0", "s#0.0", "crash b"]);
    assert_eq!((recording.run.violation, logs(&runner)), (None, vec![vec!["go"], vec!["1"]]));
}

/// As a process dies: between two inputs, even before its start, or of one; what that leaves is seen to later.
#[test]
fn a_process_dies_between_two_inputs_or_of_one() {
    let threads = || Settings { granularity: Granularity::Threads, network: Network::Causal, ..settings("crash(3)") };
    let begin = ["s#0", "pick a", "push a", "pick b", "push a"];
    let play = |system: &System<Obedient>, rest: &[&str]| play(system, threads(), &[&begin[..], rest].concat());
    let (runner, recording) = play(&pair(), &["crash b", "push a", "end b"]);
    assert_eq!((recording.run.violation, logs(&runner)), (None, vec![vec!["go"], vec![]]));
    assert_eq!(
        words(&recording.trace)[2..],
        ["crash(killed) b/0!start", "drop(crash) s#0.1", "drop(crash) s#0.2", "restart b/1!start"]
    );
    let (_, recording) = play(&pair(), &["doom b", "pick b", "push a", "end b"]);
    assert_eq!(recording.run.violation, None);
    assert_eq!(
        words(&recording.trace)[2..],
        ["drop(crash) s#0.1", "crash(killed) b/0!start", "drop(crash) s#0.2", "restart b/1!start"]
    );
    // What is written down outlives lives that have not handled their start.
    let durable = pair().forkable().with(|policies| policies.recovery = raddle_core::Recovery::Durable);
    let (runner, recording) = play(&durable, &["crash b", "end b", "crash b", "end b", "doom b", "b/2!start", "end b"]);
    assert_eq!((recording.run.violation, logs(&runner)), (None, vec![vec!["go"], vec!["1"]]));
    let never = durable.with(|policies| policies.restart = Restart::Never);
    assert_eq!(logs(&play(&never, &["crash b"]).0), [vec!["go"], vec!["1"]], "what there is of the dead");
    let never = pair().with(|policies| policies.restart = Restart::Never);
    assert_eq!(logs(&play(&never, &["crash b"]).0), [vec!["go"], vec![]], "nothing, of others");
}

#[test]
fn a_worker_that_is_not_to_live_again_stays_dead() {
    let system = pair().with(|policies| policies.restart = Restart::Never);
    let (_, recording) = play(&system, settings("crash"), &["s#0", "s#0.0", "crash b"]);
    assert_eq!(recording.run.violation, None);
    let told = words(&recording.trace);
    assert_eq!(told[2..], ["crash(fault) b/0!start", "drop(crash) s#0.1", "drop(crash) s#0.2"]);
}

#[test]
fn a_cut_link_a_delay_and_a_stall_hold_up_until_they_are_over() {
    let rest = |begin: &str, end: &str| {
        let schedule = ["s#0", begin, end];
        let (_, recording) = play(&pair(), settings("partition,delay,stall"), &schedule);
        (recording.run.violation, words(&recording.trace))
    };
    for (begin, end, kind) in
        [("cut a b", "mend a b", "partition"), ("delay s#0.0", "hurry s#0.0", "delay"), ("stall b", "wake b", "stall")]
    {
        let (violation, told) = rest(begin, end);
        assert_eq!(violation, None);
        assert!(
            told[1].starts_with(&format!("fault({kind})")) && told[2].starts_with(&format!("over({kind})")),
            "{told:?}"
        );
        // Without the end, it comes by healing, when nothing else can.
        let (_, recording) = play(&pair(), settings("partition,delay,stall"), &["s#0", begin]);
        assert_eq!((recording.run.violation, recording.run.end), (None, EndReason::Quiescent));
        assert_eq!(recording.schedule[2], Decision::Fault(Fault::Heal));
        assert_eq!(words(&recording.trace)[2..], told[2..]);
        assert_eq!(recording.trace.end.healed, Some(3));
    }
}

#[test]
fn a_full_queue_does_what_the_policy_says() {
    for (on_full, word) in [(OnFull::DropNewest, "drop(full)"), (OnFull::Hold, "hold"), (OnFull::Nack, "nack")] {
        for granularity in [Granularity::Delivery, Granularity::Queues] {
            let system = pair().with(|policies| policies.on_full = on_full);
            let settings = Settings { granularity, ..settings("full") };
            // Only workers that have done anything are filled: `b` is sent to twice.
            let again = System::new("pair").workers(["a", "b"], |_| Obedient::default());
            let again = again.with(|policies| *policies = system.current_policies().clone());
            let again = again.messages("s", [("b", told("first", [])), ("a", told("go", [("b", told("1", []))]))]);
            let mut runner = Runner::new(again.plan().expect("good"), settings, None).expect("good settings");
            let fill = Decision::parse("fill b", &runner.conditions().names.clone()).expect("parses");
            let firsts: &[&str] = if granularity == Granularity::Delivery { &["s#0"] } else { &["s#0", "pick b"] };
            let names = Arc::clone(&runner.conditions().names);
            let mut schedule: Vec<_> = firsts.iter().map(|text| Decision::parse(text, &names).expect(text)).collect();
            schedule.push(fill);
            let recording = runner.record(0, &mut Replay::new(schedule));
            let told = words(&recording.trace);
            assert_eq!(recording.run.violation, None, "{told:?}");
            assert!(told.iter().any(|told| told.starts_with(word)), "{on_full:?} {granularity}: {told:?}");
            let handled = told.iter().any(|told| told == "handle s#1.0");
            assert_eq!(handled, on_full == OnFull::Hold, "what is held comes when all is healed: {told:?}");
        }
    }
}

/// Sets a timer, and says when it fires.
#[derive(Default)]
struct Clock {
    fired: Vec<u64>,
}

impl StateMachine for Clock {
    type Message = ();
    type Update = ();
    fn on_message(&mut self, (): (), out: &mut Outbox<()>) {
        out.set_timer(TimerTag(0), Duration::from_millis(500));
        self.fired.push(out.now().0 / 1_000_000);
    }
    fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
    fn on_timer(&mut self, _: TimerTag, out: &mut Outbox<()>) {
        self.fired.push(out.now().0 / 1_000_000);
    }
}

#[test]
fn a_clock_that_is_wrong_lets_timers_fire_early_or_late() {
    let system = System::new("clocks").workers(["a", "b"], |_| Clock::default()).messages("s", [("a", ()), ("b", ())]);
    let run = |schedule: &[&str]| {
        let (runner, recording) = play(&system, settings("skew"), schedule);
        let [a, b] = [0, 1].map(|at| runner.world().snapshot().machines().nth(at).map(|clock| clock.fired.clone()));
        (a.unwrap_or_default(), b.unwrap_or_default(), recording.schedule.len())
    };
    assert_eq!(run(&["s#0", "s#1"]), (vec![0, 500], vec![0, 500], 4));
    // After it set its timer for 500, the clock of `a` jumps to 100: 400 ms later it fires, before that of `b`.
    assert_eq!(run(&["s#0", "s#1", "skew a +100ms", "a/0@timer#0", "b/0@timer#0"]), (vec![0, 500], vec![0, 500], 5));
    // Its clock runs behind: it says 0 for a second.
    assert_eq!(run(&["s#0", "s#1", "skew a -1000ms", "b/0@timer#0", "a/0@timer#0"]), (vec![0, 500], vec![0, 500], 5));
}

#[test]
fn a_fault_befalls_only_what_the_system_says() {
    let is_two = |_: &_, input: &Input<Obedient>| matches!(input, Input::Update(told) if told.name == "2");
    let plan: FaultPlan = "loss(1),crash(1)".parse().expect("a plan");
    let system = pair().fault_when(FaultKind::Loss, is_two).fault_when(FaultKind::Crash, is_two);
    let report = Explore::new(system).faults(plan).seeds(300).run().expect("runs");
    assert!(report.found.is_none(), "{:?}", report.found);
    assert!(report.faults.iter().all(|(_, times)| *times > 20), "{:?}", report.faults);
    let mut runner = Runner::new(system_with(is_two).plan().expect("good"), settings("loss(1)"), None).expect("good");
    for seed in 0..100 {
        let recording = runner.record(seed, StrategyKind::Random.make(&pilot_with(plan)).as_mut());
        let lost =
            words(&recording.trace).into_iter().filter(|told| told.starts_with("drop(loss)")).collect::<Vec<_>>();
        assert!(lost.iter().all(|told| told == "drop(loss) s#0.1"), "{lost:?}");
    }
}

fn system_with(
    may: impl Fn(&raddle_core::Header, &Input<Obedient>) -> bool + Send + Sync + 'static,
) -> System<Obedient> {
    pair().fault_when(FaultKind::Loss, may)
}

fn pilot_with(faults: FaultPlan) -> Arc<raddle_sim::Pilot> {
    let plan = pair().plan().expect("good");
    raddle_sim::pilot(StrategyKind::Random, &plan, &Settings { faults, ..Settings::default() })
}

/// Sends on what it hears, by a hash of it, to everybody, for some hops; every handling depends on all before it.
#[derive(Clone, Default, Hash)]
struct Gossip {
    heard: u64,
}

impl Gossip {
    fn pass(&mut self, n: u64, out: &mut Outbox<u64>) {
        self.heard = self.heard.rotate_left(7) ^ n;
        if n % 8 < 5 {
            let next = n.wrapping_mul(6_364_136_223_846_793_005).rotate_left(11) | 3;
            let peers = ["a", "b", "c", "d"];
            out.notify(peers[(n >> 13) as usize % 4], next & !7 | (n % 8 + 1));
            if n & 64 != 0 {
                out.notify(peers[(n >> 17) as usize % 4], next & !7 | (n % 8 + 2));
            }
        }
    }
}

impl StateMachine for Gossip {
    type Message = u64;
    type Update = u64;
    fn on_start(&mut self, out: &mut Outbox<u64>) {
        if out.my_name() == "c" {
            out.notify("d", 2);
        }
    }
    fn on_message(&mut self, n: u64, out: &mut Outbox<u64>) {
        out.set_timer(TimerTag(n), Duration::from_millis(n >> 8 & 31));
        self.pass(n, out);
    }
    fn on_update(&mut self, n: u64, out: &mut Outbox<u64>) {
        self.pass(n, out);
    }
    fn on_timer(&mut self, tag: TimerTag, out: &mut Outbox<u64>) {
        out.notify(["a", "b", "c", "d"][tag.0 as usize % 4], tag.0 | 6);
    }
}

fn gossip() -> System<Gossip> {
    let words = (1..=6_u64).map(|n| (["a", "b", "c", "d"][n as usize % 4], n.wrapping_mul(0x9e37_79b9_7f4a_7c15) & !7));
    System::new("gossip").workers(["a", "b", "c", "d"], |_| Gossip::default()).messages("s", words).hashed()
}

/// All laws that apply hold under all faults, wherever the core promises them.
#[test]
fn nothing_that_the_core_promises_is_harmed() {
    let all = FaultPlan::all();
    for network in [Network::Mailbox, Network::Causal, Network::Fifo, Network::Bag] {
        for (order, recovery, capacity, on_full) in [
            ("causal", "amnesia", "1024", "drop-newest"),
            ("causal", "durable", "2", "drop-newest"),
            ("causal", "amnesia", "2", "drop-oldest"),
            ("fifo", "durable", "2", "hold"),
            ("causal", "amnesia", "2", "nack"),
            ("arrival", "amnesia", "3", "hold"),
        ] {
            let mut system = gossip();
            for (key, value) in [("order", order), ("recovery", recovery), ("capacity", capacity), ("on_full", on_full)]
            {
                system.set(key, value).expect("fits");
            }
            let report = Explore::new(system).network(network).faults(all).seeds(400).shrink(None).run().expect("runs");
            let what = format!("{network} {order} {recovery} {capacity} {on_full}");
            assert!(report.found.is_none(), "{what}: {:?}", report.found);
            assert_eq!(report.unfinished, 0, "{what}");
            assert!(report.faults.values().all(|times| *times > 0), "{what}: {:?}", report.faults);
        }
    }
}

#[test]
fn nor_where_inputs_go_through_queues() {
    let network: FaultPlan = "loss,duplication,delay,partition".parse().expect("a plan");
    let settings = |faults| Settings { granularity: Granularity::Queues, faults, ..Settings::default() };
    for (placement, faults) in [
        (Placement::Inline, "crash,stall,full,skew".parse().expect("a plan")),
        (Placement::Sharded(2), FaultPlan::all()),
    ] {
        for (capacity, on_full) in
            [(1024, OnFull::DropNewest), (2, OnFull::DropOldest), (2, OnFull::Hold), (2, OnFull::Nack)]
        {
            let system = gossip().with(|policies| {
                (policies.placement, policies.capacity, policies.on_full) = (placement, capacity, on_full);
            });
            let explore = Explore::new(system).settings(settings(faults)).seeds(300).shrink(None);
            let report = explore.run().expect("runs");
            assert!(report.found.is_none(), "{placement} {capacity} {on_full}: {:?}", report.found);
            assert_eq!(report.unfinished, 0);
            assert!(report.faults.values().all(|times| *times > 0), "{placement}: {:?}", report.faults);
        }
    }
    let refused = settings(network).check(gossip().current_policies());
    assert_eq!(refused, Err(SettingsError::NoNetwork("loss")));
}

/// What a run of every seed does is a function of the seed, and its schedule alone does it again.
#[test]
fn runs_with_faults_are_done_again_from_seed_and_from_schedule() {
    let plan = gossip().plan().expect("good");
    let settings = Settings { network: Network::Bag, ..settings("all") };
    let pilot = raddle_sim::pilot(StrategyKind::Portfolio, &plan, &settings);
    let mut runner = Runner::new(plan, settings, None).expect("good settings");
    let mut strategy = StrategyKind::Portfolio.make(&pilot);
    let mut faulty = 0;
    for seed in 0..200 {
        let (one, two) = (runner.record(seed, strategy.as_mut()), runner.record(seed, strategy.as_mut()));
        assert_eq!((&one.trace, &one.schedule), (&two.trace, &two.schedule));
        let again = runner.record(seed, &mut Replay::new(one.schedule.clone()));
        assert_eq!(one.trace, again.trace, "seed {seed}");
        faulty += u64::from(one.run.faults.iter().any(|times| *times > 0));
    }
    assert!(faulty > 150, "{faulty}");
}

#[test]
fn the_empty_schedule_has_no_faults() {
    let plan = gossip().plan().expect("good");
    let record = |settings| {
        let mut runner = Runner::new(Arc::clone(&plan), settings, None).expect("good settings");
        runner.record(0, &mut Replay::new(Vec::new())).trace
    };
    let (with, without) = (record(settings("all")), record(Settings::default()));
    assert!(with.events == without.events && with.events.len() > 50, "{}", with.events.len());
}

/// Runs with these faults, one by one, and otherwise by these indices.
fn given<M: StateMachine>(system: &System<M>, faults: &[GivenFault], indices: &[u32]) -> Recording {
    let settings = Settings { faults: faults.iter().map(|fault| fault.kind).collect(), ..Settings::default() };
    let mut runner = Runner::new(system.plan().expect("good"), settings, None).expect("good settings");
    let inner = Indices::new(indices.to_vec());
    runner.record(0, &mut GivenFaults::new(inner, faults.iter().copied()))
}

#[test]
fn given_faults_wait_for_their_time_and_until_they_are_possible() {
    let logs = |faults: &[GivenFault]| {
        let recording = given(&pair(), faults, &[]);
        assert_eq!(recording.run.violation, None);
        let names = &recording.trace.conditions.names;
        recording.schedule.iter().map(|decision| decision.display(names).to_string()).collect::<Vec<_>>()
    };
    let loss = |after, nth| GivenFault { kind: FaultKind::Loss, after, nth };
    let plain = ["s#0", "s#0.0", "s#0.1", "s#0.2", "s#0.1.0"];
    assert_eq!(logs(&[]), plain);
    assert_eq!(logs(&[loss(0, 0)]), ["s#0", "lose s#0.0", "s#0.1", "s#0.2", "s#0.1.0"]);
    assert_eq!(logs(&[loss(2, 0)]), ["s#0", "s#0.0", "lose s#0.1", "s#0.2"]);
    assert_eq!(logs(&[loss(2, 0), loss(2, 0)]), ["s#0", "s#0.0", "lose s#0.1", "lose s#0.2"]);
    // What is counted is what happens by itself, and `nth` goes round.
    assert_eq!(logs(&[loss(3, 9), loss(2, 0)]), ["s#0", "s#0.0", "lose s#0.1", "s#0.2"]);
    assert_eq!(logs(&[loss(9, 0)]), plain, "its time never comes");
    let stall = GivenFault { kind: FaultKind::Stall, after: 1, nth: 0 };
    assert_eq!(logs(&[stall]), ["s#0", "stall a", "s#0.0", "s#0.1", "s#0.2", "heal", "s#0.1.0"]);
}

#[test]
fn given_faults_break_nothing_and_are_done_again_by_their_names() {
    let mut came = [0; FaultKind::ALL.len()];
    for n in 0..60_u32 {
        let fault = |at: u32| GivenFault { kind: FaultKind::ALL[(n + at) as usize % 8], after: n * at % 23, nth: n };
        let faults: Vec<GivenFault> = (0..4).map(fault).collect();
        let indices: Vec<u32> = (0..40).map(|at| at * n % 7).collect();
        let recording = given(&gossip(), &faults, &indices);
        assert_eq!((recording.run.violation, recording.run.end), (None, EndReason::Quiescent), "{n}");
        let settings = Settings { faults: faults.iter().map(|fault| fault.kind).collect(), ..Settings::default() };
        let mut runner = Runner::new(gossip().plan().expect("good"), settings, None).expect("good settings");
        assert_eq!(runner.record(0, &mut Replay::new(recording.schedule)).trace, recording.trace, "{n}");
        came.iter_mut().zip(recording.run.faults).for_each(|(all, times)| *all += times);
    }
    assert!(came.iter().all(|times| *times > 5), "{came:?}");
}

#[test]
fn without_faults_a_run_is_that_of_the_strategy_inside() {
    for n in 0..20_u32 {
        let indices: Vec<u32> = (0..40).map(|at| at * n % 11).collect();
        let mut runner = Runner::new(gossip().plan().expect("good"), Settings::default(), None).expect("good settings");
        let alone = runner.record(0, &mut Indices::new(indices.clone()));
        assert_eq!(given(&gossip(), &[], &indices).trace, alone.trace);
    }
}

/// Of two updates on a link that keeps no order, at most one is lost: which were handled, in which order.
#[test]
fn exhaustive_search_enumerates_faults_within_their_budget() {
    let go = told("go", [("b", told("1", [])), ("b", told("2", []))]);
    let system = System::new("link").workers(["a", "b"], |_| Obedient::default()).messages("s", [("a", go)]);
    let system = system.with(|policies| policies.order = Order::Arrival);
    let outcomes = |faults: &str| {
        let settings = Settings { network: Network::Bag, ..settings(faults) };
        let All { outcomes, traces, .. } = all_schedules(&system, settings, |runner| logs(runner)[1].clone());
        assert!(traces >= outcomes.len());
        outcomes.into_iter().map(|log| log.concat()).collect::<Vec<_>>()
    };
    assert_eq!(outcomes("none"), ["12", "21"]);
    assert_eq!(outcomes("loss(1)"), ["1", "12", "2", "21"]);
    assert_eq!(outcomes("loss(2)"), ["", "1", "12", "2", "21"]);
    assert_eq!(outcomes("duplication(1)"), ["112", "12", "121", "122", "21", "211", "212", "221"].map(str::to_owned));
    let report = Explore::new(system.clone())
        .settings(Settings { network: Network::Bag, ..settings("loss(1)") })
        .strategy(StrategyKind::Exhaustive(Exhaustive::Dfs))
        .run()
        .expect("runs");
    let exhausted = report.exhausted.expect("it was exhaustive");
    assert!(exhausted.complete && report.found.is_none());
    assert_eq!(exhausted.traces, 4);
}

#[test]
fn what_is_found_with_faults_is_shrunk_saved_and_found_again() {
    let system = || pair().forkable().at_end("all-heard", |run| run.machine("b").is_some_and(|b| b.log.len() == 3));
    let explore = Explore::new(system()).faults("all".parse().expect("a plan")).seeds(200);
    let report = explore.run().expect("runs");
    let found = report.found.expect("updates are lost");
    let shrunk = found.shrunk.clone().expect("it was shrunk");
    assert!(shrunk.needs.starts_with("1 fault, "), "{}", shrunk.needs);
    let plan = system().plan().expect("good");
    let laws: Vec<&str> = report.laws.clone();
    let finding = Finding::new(&found, &system(), &report.settings, "portfolio", &laws, plan.names());
    let text = finding.to_text();
    assert!(text.contains("\"faults\": \"loss(3),duplication(3)"), "{text}");
    let read = Finding::parse(&text, std::path::Path::new("x.ron")).expect("its own text");
    let again = replay(&system(), &read).expect("replays");
    assert_eq!((again.digest, again.misfit), (found.digest, None));
}
