//! Exhaustive search: the published figures, what is refused and what is unknown, checkpoints, any number of jobs.

mod common;
mod model;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{Obedient, Told, all_schedules, logs, programs, told};
use model::Program;
use proptest::prelude::*;
use raddle_core::{FaultKind, Input, OnFull, Order, Outbox, Policies, Restart, StateMachine, System, TimerTag, When};
use raddle_sim::exhaustive::{Exhausted, Exhaustive, visit};
use raddle_sim::strategy::Replay;
use raddle_sim::{Explore, FaultPlan, Granularity, Network, Report, Runner, Settings, StrategyKind};

const NETWORKS: [Network; 4] = [Network::Bag, Network::Fifo, Network::Causal, Network::Mailbox];
const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
const SENDERS: [&str; 8] = ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"];

/// `arrival` order; messages of one source keep their order.
fn litmus<'a>(
    workers: impl IntoIterator<Item = &'a str>,
    messages: impl IntoIterator<Item = (&'a str, &'a str, Told)>,
) -> System<Obedient> {
    let system = System::new("litmus").workers(workers, |_| Obedient::default());
    let system = system.laws(["no-silent-loss"]).with(|policies| policies.order = Order::Arrival);
    messages.into_iter().fold(system, |system, (source, to, message)| system.messages(source, [(to, message)]))
}

fn leaf(name: &'static str) -> Told {
    told(name, [])
}

fn fanin(n: usize) -> System<Obedient> {
    let send = |i: usize| (SENDERS[i], SENDERS[i], told("go", [("z", leaf(NAMES[i]))]));
    litmus(SENDERS[..n].iter().copied().chain(["z"]), (0..n).map(send))
}

fn triangle() -> System<Obedient> {
    let m2 = told("m2", [("C", leaf("m3"))]);
    litmus(["A", "B", "C"], [("s", "A", told("go", [("C", leaf("m1")), ("B", m2)]))])
}

fn explore<M: StateMachine>(system: System<M>, kind: Exhaustive, network: Network) -> Report {
    let explore = Explore::new(system).strategy(StrategyKind::Exhaustive(kind)).network(network).jobs(1);
    explore.run().expect("it can be searched")
}

fn exhausted(report: &Report) -> &Exhausted {
    report.exhausted.as_ref().expect("it was exhaustive")
}

/// `dpor` runs so many executions, each a trace of its own.
#[track_caller]
fn check<M: StateMachine>(system: &System<M>, figures: impl IntoIterator<Item = (Network, u64)>) {
    for (network, figure) in figures {
        let report = explore(system.clone(), Exhaustive::Dpor, network);
        let exhausted = exhausted(&report);
        let found = (exhausted.executions, exhausted.traces, exhausted.blocked, report.runs);
        assert_eq!(found, (figure, figure, 0, figure), "{network}");
        assert!(exhausted.complete && exhausted.unknown.is_empty() && report.found.is_none());
    }
}

fn everywhere(figure: u64) -> [(Network, u64); 4] {
    NETWORKS.map(|network| (network, figure))
}

fn figures(bag: u64, fifo: u64, causal: u64, mailbox: u64) -> [(Network, u64); 4] {
    [(Network::Bag, bag), (Network::Fifo, fifo), (Network::Causal, causal), (Network::Mailbox, mailbox)]
}

#[test]
fn fanin_has_n_factorial() {
    check(&fanin(3), everywhere(6));
    check(&fanin(4), everywhere(24));
    check(&fanin(5), everywhere(120));
    check(&fanin(6), everywhere(720));
}

#[test]
fn pairs_have_one() {
    let pair = |i: usize| (NAMES[i], SENDERS[i], told("go", [(SENDERS[i + 4], leaf("m"))]));
    check(&litmus(SENDERS, (0..4).map(pair)), everywhere(1));
}

#[test]
fn senders_keep_their_own_order() {
    let senders = |k: usize| {
        let send = |i: usize| told("go", (0..k).map(|j| ("z", leaf(NAMES[i * k + j]))));
        litmus(["a", "b", "z"], [("s", "a", send(0)), ("t", "b", send(1))])
    };
    check(&senders(2), [(Network::Fifo, 6), (Network::Bag, 24)]);
    check(&senders(3), [(Network::Fifo, 20)]);
}

#[test]
fn onelink_has_one_order_but_in_a_bag() {
    let go = told("go", [("z", leaf("1")), ("z", leaf("2")), ("z", leaf("3"))]);
    check(&litmus(["a", "z"], [("s", "a", go)]), figures(6, 1, 1, 1));
}

#[test]
fn triangle_and_semantics_are_told_apart_by_causality() {
    check(&triangle(), figures(2, 2, 1, 1));
    let b = told("5", [("M", leaf("4"))]);
    let messages = [
        ("user", "main", told("go1", [("M", leaf("1"))])),
        ("user", "main", told("go2", [("M", leaf("2"))])),
        ("other", "A", told("go3", [("M", leaf("3")), ("B", b)])),
    ];
    check(&litmus(["main", "A", "B", "M"], messages), figures(24, 12, 6, 6));
}

/// Fails at what it is told to fail at, and chooses when it is told to.
#[derive(Clone, Debug, Default)]
struct Brittle;

impl StateMachine for Brittle {
    type Message = &'static str;
    type Update = ();

    fn on_message(&mut self, word: &'static str, out: &mut Outbox<()>) {
        assert_ne!(word, "break", "broken");
        if word == "choose" {
            out.choose(2);
        }
    }

    fn on_update(&mut self, (): (), _out: &mut Outbox<()>) {}
}

fn brittle(laws: &[&str], restart: Restart) -> System<Brittle> {
    let system = System::new("brittle").forkable().workers(["z"], |_| Brittle);
    let system = ["a", "b", "break"].into_iter().fold(system, |system, word| system.messages(word, [("z", word)]));
    system.laws(laws.iter().copied()).with(|policies| policies.restart = restart)
}

#[test]
fn dpor_goes_on_where_a_worker_lives_again() {
    let dpor = |laws, restart| {
        let explore = Explore::new(brittle(laws, restart)).strategy(StrategyKind::Exhaustive(Exhaustive::Dpor));
        explore.network(Network::Bag).jobs(1).run().expect("it can be searched")
    };
    for restart in [Restart::Always, Restart::Never] {
        let report = dpor(&["no-silent-loss"], restart);
        assert!(exhausted(&report).complete && report.found.is_none());
        let Exhausted { executions, blocked, traces, .. } = exhausted(&report);
        assert_eq!((*executions, *blocked, *traces), (6, 0, 6));
    }
    let report = dpor(&["no-panic"], Restart::Always);
    assert_eq!(report.found.as_ref().map(|found| found.violation.law.as_str()), Some("no-panic"));
    assert_eq!((exhausted(&report).complete, exhausted(&report).violating), (true, 6));
}

/// In three places among the two messages to the dead, either of two values: what is turned away chooses nothing.
#[test]
fn the_dead_choose_nothing() {
    let system = System::new("dead").workers(["x", "z"], |_| Brittle).messages("s", [("z", "break"), ("z", "late")]);
    let system = system.messages("t", [("x", "choose")]).with(|policies| policies.restart = Restart::Never);
    let report = explore(system.laws(["no-silent-loss"]), Exhaustive::Dfs, Network::Fifo);
    assert_eq!((exhausted(&report).executions, exhausted(&report).traces), (6, 2));
}

/// Crashes are distributed among parts of a search, and a sample that has seen nearly all is compared with all of them.
#[test]
fn crashes_are_counted_the_same_by_any_number_of_jobs_and_by_a_sample() {
    let faults = FaultPlan::default().with(FaultKind::Crash, 1);
    let crashing = |strategy| Explore::new(fanin(2)).faults(faults).network(Network::Fifo).strategy(strategy);
    let search = |kind, jobs| {
        let report = crashing(StrategyKind::Exhaustive(kind)).jobs(jobs).run().expect("it can be searched");
        let Exhausted { complete, executions, blocked, discarded, traces, .. } = *exhausted(&report);
        assert!(complete && blocked == 0 && report.found.is_none());
        (executions, discarded, traces)
    };
    let (executions, discarded, traces) = search(Exhaustive::Dpor, 1);
    assert_eq!(search(Exhaustive::Dpor, 3), (executions, discarded, traces));
    let (schedules, _, all) = search(Exhaustive::Dfs, 1);
    assert_eq!(traces, all);
    assert!(discarded > 0 && executions < schedules, "{executions} of {schedules}, {discarded} discarded");
    let sampled = crashing(StrategyKind::Random).seeds(0..5_000).run().expect("it runs");
    assert_eq!((sampled.distinct.count(), sampled.traces_in_all), (traces, Some(traces)));
}

/// Two-phase commit: `c` asks, each participant says yes or no, and when all have, all are told.
#[derive(Clone, Debug, Default)]
struct Party {
    votes: Vec<bool>,
    participants: usize,
}

#[derive(Clone, Copy, Debug)]
enum Say {
    Prepare,
    Vote(bool),
    Decide,
}

impl StateMachine for Party {
    type Message = ();
    type Update = Say;

    fn on_message(&mut self, (): (), out: &mut Outbox<Say>) {
        out.notify(&SENDERS[..self.participants], Say::Prepare);
    }

    fn on_update(&mut self, say: Say, out: &mut Outbox<Say>) {
        match say {
            Say::Prepare => {
                let vote = out.choose(2) == 0;
                out.notify("c", Say::Vote(vote));
            }
            Say::Vote(vote) => {
                self.votes.push(vote);
                if self.votes.len() == self.participants {
                    out.notify(&SENDERS[..self.participants], Say::Decide);
                }
            }
            Say::Decide => {}
        }
    }
}

fn twopc(participants: usize) -> System<Party> {
    let workers = SENDERS[..participants].iter().copied().chain(["c"]);
    let system = System::new("twopc").workers(workers, move |_| Party { votes: Vec::new(), participants });
    system.messages("user", [("c", ())]).laws(["no-silent-loss"])
}

#[test]
fn twopc_has_each_vote_in_each_order() {
    check(&twopc(2), everywhere(8));
    check(&twopc(3), everywhere(48));
    check(&twopc(4), everywhere(384));
}

fn readers(n: usize) -> System<Obedient> {
    let send = |i: usize| {
        let name = if i == n { "write" } else { NAMES[i] };
        (SENDERS[i], SENDERS[i], told("go", [("x", told(name, [(SENDERS[i], leaf("done"))]))]))
    };
    let system = litmus(SENDERS[..=n].iter().copied().chain(["x"]), (0..=n).map(send));
    let read = |input: &Input<Obedient>| matches!(input, Input::Update(told) if NAMES.contains(&told.name));
    system.commuting(move |a, b| read(a) && read(b))
}

#[test]
fn readers_commute() {
    check(&readers(3), [(Network::Bag, 8), (Network::Fifo, 8)]);
    check(&readers(6), [(Network::Bag, 64), (Network::Fifo, 64)]);
}

#[test]
fn depth_first_is_every_schedule_for_any_number_of_jobs() {
    for (system, network) in [(fanin(3), Network::Fifo), (triangle(), Network::Bag)] {
        let all = all_schedules(&system, Settings { network, ..Settings::default() }, logs);
        for jobs in [1, 3] {
            let explore = Explore::new(system.clone()).strategy(StrategyKind::Exhaustive(Exhaustive::Dfs));
            let report = explore.network(network).jobs(jobs).run().expect("it can be searched");
            let exhausted = exhausted(&report);
            assert_eq!((exhausted.executions, exhausted.traces), (all.schedules as u64, all.traces as u64));
            assert!(exhausted.complete);
        }
    }
}

#[test]
fn depth_first_tries_all_that_handlers_choose() {
    let report = explore(twopc(2), Exhaustive::Dfs, Network::Fifo);
    assert_eq!((exhausted(&report).traces, exhausted(&report).complete), (8, true));
}

#[test]
fn a_bounded_queue_has_twelve_outcomes() {
    let system = fanin(3).with(|policies| (policies.capacity, policies.on_full) = (2, OnFull::DropNewest));
    assert_eq!(exhausted(&explore(system.clone(), Exhaustive::Dfs, Network::Mailbox)).traces, 12);
    let report = explore(system, Exhaustive::Dpor, Network::Mailbox);
    let Exhausted { complete, executions, blocked, traces, .. } = exhausted(&report);
    assert_eq!((*complete, *executions, *blocked, *traces), (true, 30, 0, 12));
}

/// n messages from as many sources to one worker.
fn direct(n: usize) -> System<Obedient> {
    litmus(["z"], (0..n).map(|i| (SENDERS[i], "z", leaf(NAMES[i]))))
}

#[test]
fn delays_are_counted_as_inversions() {
    // The cumulative Mahonian numbers of 4.
    for (delays, schedules) in [1, 4, 9, 15, 20, 23, 24, 24].into_iter().enumerate() {
        let report = explore(direct(4), Exhaustive::Delay(delays as u32), Network::Fifo);
        assert_eq!(exhausted(&report).executions, schedules, "{delays} delays");
        assert!(exhausted(&report).complete);
    }
}

/// Writes down what it is told.
#[derive(Clone, Debug, Default, Hash)]
struct Log(Vec<u32>);

impl StateMachine for Log {
    type Message = u32;
    type Update = u32;

    fn on_message(&mut self, n: u32, _: &mut Outbox<u32>) {
        self.0.push(n);
    }

    fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
}

/// n messages from as many sources to one who writes them down.
fn statefan(n: u32) -> System<Log> {
    let system = System::new("fan").workers(["z"], |_| Log::default()).hashed().laws(["no-panic"]);
    let system = system.with(|policies| policies.order = Order::Arrival);
    (0..n).fold(system, |system, i| system.messages(format!("s{i}"), [("z", i)]))
}

#[test]
fn states_are_visited_once() {
    for (n, states, ends) in [(5, 326, 120), (6, 1_957, 720), (7, 13_700, 5_040)] {
        let report = explore(statefan(n), Exhaustive::States, Network::Fifo);
        assert_eq!((exhausted(&report).states, exhausted(&report).executions), (Some(states), ends));
        assert!(exhausted(&report).complete && exhausted(&report).unknown.is_empty());
    }
}

/// With what is broken at a state in the middle and at the end, and what is reached where no run ends.
#[test]
fn states_are_found_in_one_order_by_any_number_of_jobs() {
    let at =
        |log: &'static [u32]| move |run: &raddle_core::Snapshot<'_, Log>| run.machine("z").is_some_and(|z| z.0 == log);
    let not =
        |log: &'static [u32]| move |run: &raddle_core::Snapshot<'_, Log>| run.machine("z").is_some_and(|z| z.0 != log);
    let system = statefan(7)
        .always("never-3-1-2", not(&[3, 1, 2]))
        .at_end("not-down", not(&[6, 5, 4, 3, 2, 1, 0]))
        .sometimes("2-6", at(&[2, 6]));
    let search = |jobs| {
        let explore = Explore::new(system.clone()).strategy(StrategyKind::Exhaustive(Exhaustive::States)).jobs(jobs);
        let report = explore.run().expect("it can be searched");
        let exhausted = exhausted(&report);
        let found = report.found.iter().chain(&exhausted.also);
        let found: Vec<_> = found.map(|found| (found.signature.clone(), found.steps, found.schedule.clone())).collect();
        let counts =
            (exhausted.states, exhausted.executions, exhausted.violating, exhausted.one_job, exhausted.complete);
        (counts, exhausted.first_violation, report.reached.clone(), report.steps, found)
    };
    let one = search(1);
    // Behind what is broken there are 1 + 4 + 12 + 24 + 24 states and 24 ends, to which nothing else comes.
    assert_eq!(one.0, (Some(13_700 - 65), 5_040 - 24 + 1, 1 + 1, false, true));
    assert!(one.2["2-6"] > 0, "{:?}", one.2);
    assert_eq!(one.4.iter().map(|found| found.1).collect::<Vec<_>>(), [3, 7], "the nearest first");
    assert_eq!(search(2), one);
    assert_eq!(search(5), one);
}

#[test]
fn violations_are_counted_and_each_signature_is_kept() {
    let first = |name: &'static str| {
        move |run: &raddle_core::Snapshot<'_, Obedient>| run.machine("z").is_some_and(|z| z.log[0] != name)
    };
    let system = fanin(3).at_end("not-a", first("a")).at_end("not-b", first("b"));
    let report = explore(system.clone(), Exhaustive::Dpor, Network::Fifo);
    let exhausted = exhausted(&report);
    assert_eq!((exhausted.executions, exhausted.violating, exhausted.complete), (6, 4, true));
    let found: Vec<_> = report.found.iter().chain(&exhausted.also).collect();
    assert_eq!(
        found.iter().map(|found| found.signature.as_str()).collect::<Vec<_>>(),
        ["not-a/at-end", "not-b/at-end"]
    );
    for found in found {
        let mut runner = Runner::new(system.plan().expect("good"), report.settings.clone(), None).expect("good");
        let again = runner.record(found.seed, &mut Replay::new(found.schedule.clone()));
        assert_eq!(again.trace.digest(), found.digest);
    }
}

#[test]
fn laws_that_one_order_cannot_judge_are_unknown() {
    let unknown = |system: System<Obedient>, kind| {
        let report = explore(system, kind, Network::Fifo);
        exhausted(&report).unknown.iter().map(|unknown| unknown.law.clone()).collect::<Vec<_>>()
    };
    let (always, local, end) = ("several", "one", "end");
    let system = fanin(2)
        .always(always, |_| true)
        .local("z", When::Always, local, |z| z.log.len() < 3)
        .at_end(end, |_| true)
        .laws(["no-silent-loss", "causal-order", "fifo", "bounded-queues", "no-panic", "fairness"]);
    assert_eq!(unknown(system.clone(), Exhaustive::Dpor), ["fairness", always]);
    assert_eq!(unknown(system.clone(), Exhaustive::Dfs), ["fairness"]);
    let system = system.commuting(|_, _| false);
    assert_eq!(unknown(system, Exhaustive::Dpor), ["causal-order", "fairness", always, local]);
}

/// Says what it reads.
struct Reader;

impl StateMachine for Reader {
    type Message = u64;
    type Update = ();

    fn on_message(&mut self, _: u64, out: &mut Outbox<()>) {
        out.read("x", None::<u64>);
    }

    fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
}

/// In which order a worker reads may break causal consistency, and commuting leaves it open.
#[test]
fn what_is_read_in_an_order_that_is_left_open_is_unknown() {
    let unknown = |commuting: bool| {
        let system = System::new("reads").workers(["a"], |_| Reader).messages("s", [("a", 0), ("a", 0)]);
        let system =
            system.laws(["causal-consistency", "consistent-cut"]).with(|policies| policies.order = Order::Arrival);
        let system = if commuting { system.commuting(|_, _| true) } else { system };
        let report = explore(system, Exhaustive::Dpor, Network::Fifo);
        exhausted(&report).unknown.iter().map(|unknown| unknown.law.clone()).collect::<Vec<_>>()
    };
    assert_eq!(unknown(false), Vec::<String>::new());
    assert_eq!(unknown(true), ["causal-consistency", "consistent-cut"]);
    // Of who says nothing there is nothing to be judged.
    let silent = fanin(2).laws(["causal-consistency", "consistent-cut"]).commuting(|_, _| false);
    assert_eq!(exhausted(&explore(silent, Exhaustive::Dpor, Network::Fifo)).unknown, []);
}

#[test]
fn a_broken_law_of_several_workers_is_a_violation_all_the_same() {
    let system = fanin(2).always("short", |run| run.machine("z").is_some_and(|z| z.log.len() < 2));
    let report = explore(system, Exhaustive::Dpor, Network::Fifo);
    assert_eq!(report.found.as_ref().map(|found| found.signature.as_str()), Some("short/always"));
    assert!(exhausted(&report).unknown.is_empty());
}

/// Sets a timer for each message.
#[derive(Clone, Debug, Default)]
struct Clockwork(u32);

impl StateMachine for Clockwork {
    type Message = u64;
    type Update = ();

    fn on_message(&mut self, tag: u64, out: &mut Outbox<()>) {
        out.set_timer(TimerTag(tag), Duration::from_secs(1));
    }

    fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}

    fn on_timer(&mut self, _: TimerTag, _: &mut Outbox<()>) {
        self.0 += 1;
    }
}

/// Tells itself two things when it starts, and one at each message.
struct Speaker;

impl StateMachine for Speaker {
    type Message = ();
    type Update = ();

    fn on_start(&mut self, out: &mut Outbox<()>) {
        out.notify("a", ());
        out.notify("a", ());
    }

    fn on_message(&mut self, (): (), out: &mut Outbox<()>) {
        out.notify("a", ());
    }

    fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
}

#[track_caller]
fn refused<M: StateMachine>(system: System<M>, kind: Exhaustive, settings: Settings, expected: &str) {
    let explore = Explore::new(system).strategy(StrategyKind::Exhaustive(kind)).settings(settings).jobs(1);
    let error = explore.run().expect_err("it cannot be searched").to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_is_not_proved_is_refused() {
    let settings = Settings::default;
    let timers = System::new("timers").workers(["a"], |_| Clockwork::default()).messages("s", [("a", 7)]);
    let timers = timers.with(|policies| policies.order = Order::Arrival);
    refused(timers.clone(), Exhaustive::Dpor, settings(), "`a` has set the timer 7");
    refused(timers.clone(), Exhaustive::States, settings(), "add `.hashed()`");
    assert!(exhausted(&explore(timers, Exhaustive::Dfs, Network::Fifo)).complete);
    let suffers = |kind| Settings { faults: FaultPlan::default().with(kind, 1), ..Settings::default() };
    refused(
        fanin(2),
        Exhaustive::Dpor,
        suffers(FaultKind::Delay),
        "the fault `delay`: it knows `loss`, `duplication` and `crash` only",
    );
    let crashes = |most| Settings { faults: FaultPlan::default().with(FaultKind::Crash, most), ..Settings::default() };
    let when = fanin(2).fault_when(FaultKind::Crash, |_, _| true);
    refused(when, Exhaustive::Dpor, crashes(1), "this system says when");
    refused(fanin(2), Exhaustive::Dpor, crashes(5), "at most 4 crashes in a run, and these are 5");
    let wide = System::new("wide").workers((0..60).map(|i| format!("w{i}")), |_| Obedient::default());
    let wide = wide.messages("s", [("w0", leaf("x"))]);
    refused(wide, Exhaustive::Dpor, crashes(3), "10000 ways to distribute the crashes, and these are 39711");
    refused(fanin(2), Exhaustive::Dpor, crashes(u32::MAX), "at most 4 crashes in a run");
    let queues = Settings { granularity: Granularity::Queues, ..Settings::default() };
    refused(fanin(2), Exhaustive::Dpor, queues, "granularity `delivery` only");
    let full = |on_full| move |policies: &mut Policies| (policies.capacity, policies.on_full) = (2, on_full);
    let waits = "a queue can become full and make its senders wait, and `z` was sent 3 updates in one run";
    refused(fanin(3).with(full(OnFull::Stall)), Exhaustive::Dpor, settings(), waits);
    let dies = brittle(&["no-panic"], Restart::Never);
    refused(dies, Exhaustive::Dpor, crashes(1), "dies of a panic for good, as `z` did");
    let speaks = System::new("speaks").workers(["a"], |_| Speaker).messages("s", [("a", ())]);
    let speaks = speaks.with(full(OnFull::DropNewest));
    refused(
        speaks,
        Exhaustive::Dpor,
        suffers(FaultKind::Loss),
        "if its worker speaks when it starts, and `a` was sent",
    );
    let causal = Settings { network: Network::Causal, ..Settings::default() };
    refused(readers(2), Exhaustive::Dpor, causal.clone(), "`bag` and `fifo` only");
    let waits = readers(2).with(|policies| policies.order = Order::Fifo);
    refused(
        waits,
        Exhaustive::Dpor,
        Settings { network: Network::Bag, ..Settings::default() },
        "`--set order=arrival`",
    );
    let log = System::new("log").workers(["a"], |_| Log::default()).messages("s", [("a", 1)]).hashed();
    refused(log.clone(), Exhaustive::States, suffers(FaultKind::Loss), "the fault `loss`");
    refused(log, Exhaustive::States, causal, "network `causal` goes by clocks");
}

#[test]
fn a_run_cut_short_leaves_the_search_incomplete() {
    let explore = Explore::new(fanin(2)).strategy(StrategyKind::Exhaustive(Exhaustive::Dpor)).steps_max(3);
    let report = explore.run().expect("it can be searched");
    assert!(!exhausted(&report).complete && report.unfinished > 0);
}

/// m1 goes from A by R1 to C; four fillers and then m2 by R2 to B, who sends m3 to C; the fillers make four others talk.
fn hidden(reversed: bool) -> System<Obedient> {
    let chat = |i: usize| {
        let others = (1..4).map(|j| (NAMES[(i + j) % 4], leaf("idle")));
        told("chat", others.chain([(NAMES[i], leaf("idle"))]))
    };
    let filler = |i: usize| ("R2", told("filler", [(NAMES[i], chat(i))]));
    let m1 = told("m1", [("C", leaf("m1"))]);
    let m2 = told("m2", [("B", told("m2", [("C", leaf("m3"))]))]);
    let go = told("go", [("R1", m1)].into_iter().chain((0..4).map(filler)).chain([("R2", m2)]));
    let mut workers = vec!["A", "R1", "R2", "B", "C", "a", "b", "c", "d"];
    if reversed {
        workers.reverse();
    }
    let system = litmus(workers, [("s", "A", go)]);
    system.local("C", When::Always, "m1-first", |c| c.log.first() != Some(&"m3"))
}

#[test]
fn a_hidden_bug_is_found_soon_whatever_is_declared_first() {
    let first = |reversed| {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
        let flag = Arc::clone(&stop);
        // The search itself would take for ever.
        let system = hidden(reversed).at_end("long-enough", move |_| {
            flag.fetch_or(seen.fetch_add(1, Ordering::Relaxed) > 3_000, Ordering::Relaxed);
            true
        });
        let explore = Explore::new(system).strategy(StrategyKind::Exhaustive(Exhaustive::Dpor)).stop_flag(stop);
        let report = explore.run().expect("it can be searched");
        assert_eq!(report.found.as_ref().map(|found| found.violation.law.as_str()), Some("m1-first"));
        assert!(!exhausted(&report).complete);
        exhausted(&report).first_violation.expect("one was found")
    };
    let (forward, reverse) = (first(false), first(true));
    assert!(reverse <= 2 * forward && forward <= 2 * reverse && forward < 200, "{forward} and {reverse}");
}

/// A search that is interrupted again and again comes to the same in the end.
#[track_caller]
fn interrupted<M: StateMachine>(system: &System<M>, kind: Exhaustive, network: Network, every: usize) {
    interrupted_under(&Settings { network, ..Settings::default() }, system, kind, every);
}

#[track_caller]
fn interrupted_under<M: StateMachine>(settings: &Settings, system: &System<M>, kind: Exhaustive, every: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("search.ron");
    let explore = |system: System<M>| {
        Explore::new(system).strategy(StrategyKind::Exhaustive(kind)).settings(settings.clone()).jobs(1)
    };
    let whole = explore(system.clone()).run().expect("it can be searched");
    let mut rounds = 0;
    let report = loop {
        rounds += 1;
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
        let flag = Arc::clone(&stop);
        let system = system.clone().at_end("interrupt", move |_| {
            flag.fetch_or(seen.fetch_add(1, Ordering::Relaxed) > every, Ordering::Relaxed);
            true
        });
        let report = explore(system).stop_flag(stop).checkpoint(&file).run().expect("it can be searched");
        assert_eq!(file.exists(), report.cut.is_some(), "a checkpoint is there as long as it is needed");
        if report.cut.is_none() {
            break report;
        }
        assert!(rounds < 10_000, "it goes on");
    };
    assert!(rounds > 3, "{rounds} rounds, {kind}, {settings:?}, {:?}", exhausted(&whole));
    let counts = |report: &Report| {
        let e = exhausted(report);
        let found = report.found.iter().chain(&e.also).map(|found| found.signature.clone()).collect::<Vec<_>>();
        (e.executions, e.traces, e.blocked, e.violating, e.complete, report.steps, report.deliveries, found)
    };
    assert_eq!(counts(&report), counts(&whole));
}

#[test]
fn an_interrupted_search_comes_to_the_same() {
    let late = |run: &raddle_core::Snapshot<'_, Obedient>| run.machine("z").is_some_and(|z| z.log[0] != "d");
    interrupted(&fanin(5).at_end("not-d", late), Exhaustive::Dpor, Network::Fifo, 15);
    interrupted(&twopc(3), Exhaustive::Dpor, Network::Bag, 8);
    interrupted(&twopc(3), Exhaustive::Dpor, Network::Mailbox, 8);
    interrupted(&fanin(3), Exhaustive::Dfs, Network::Fifo, 10);
    interrupted(&statefan(6), Exhaustive::States, Network::Fifo, 100);
    let faults = FaultPlan::default().with(FaultKind::Loss, 2);
    let settings = |network| Settings { network, faults, ..Settings::default() };
    interrupted_under(&settings(Network::Bag), &fanin(3), Exhaustive::Dpor, 10);
    interrupted_under(&settings(Network::Mailbox), &twopc(3).forkable(), Exhaustive::Dpor, 20);
    let faults = FaultPlan::default().with(FaultKind::Crash, 1).with(FaultKind::Loss, 1);
    let settings = Settings { faults, ..settings(Network::Bag) };
    let small = twopc(2).forkable().with(|policies| policies.capacity = 1);
    interrupted_under(&settings, &small, Exhaustive::Dpor, 20);
    let random = |seed| Program { chooses: true, starts: true, ..Program::random(seed) }.system(Order::Arrival);
    let count = |seed| exhausted(&explore(random(seed), Exhaustive::Dpor, Network::Bag)).executions;
    let seed = (0..).find(|seed| (100..1_000).contains(&count(*seed))).expect("some have as many");
    interrupted(&random(seed), Exhaustive::Dpor, Network::Bag, 20);
}

#[test]
fn a_checkpoint_of_another_search_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("search.ron");
    let search = |system: System<Obedient>, network| {
        let explore = Explore::new(system).strategy(StrategyKind::Exhaustive(Exhaustive::Dpor)).network(network);
        explore.stop_flag(Arc::new(AtomicBool::new(true))).checkpoint(&file).run()
    };
    assert!(search(fanin(4), Network::Fifo).expect("it can be searched").cut.is_some());
    let error = |system, network| search(system, network).expect_err("it is of another").to_string();
    assert!(error(fanin(4), Network::Bag).contains("`network` is `fifo` there, and `bag` here"));
    assert!(error(fanin(3), Network::Fifo).contains("`workers` is `s1,s2,s3,s4,z` there"));
    let changed = fanin(4).messages("late", [("s1", leaf("more"))]);
    assert!(error(changed, Network::Fifo).contains("`digest of the first run` is"));
    let text = std::fs::read_to_string(&file).expect("it is there");
    std::fs::write(&file, text.replacen("executions:1", "executions:2", 1)).expect("writes");
    assert!(error(fanin(4), Network::Fifo).contains("it is not as it was written"));
    std::fs::write(&file, text).expect("writes");
    let variant = |system| {
        let explore = Explore::new(system).strategy(StrategyKind::Exhaustive(Exhaustive::Dpor)).checkpoint(&file);
        explore.variant([("bug".to_owned(), "rare".to_owned())].into_iter().collect()).run()
    };
    let refusal = variant(fanin(4)).expect_err("of another variant").to_string();
    assert!(refusal.contains("`set bug` is `nothing` there, and `rare` here"), "{refusal}");
    std::fs::write(&file, "(version: 1, of: {}, parts: [], colour: 7)").expect("writes");
    assert!(error(fanin(4), Network::Fifo).contains("colour"));
}

/// What messages say, by which it is told whether they commute, cannot be written down.
#[test]
fn an_interrupted_search_where_reads_commute_comes_to_the_same() {
    interrupted(&readers(6), Exhaustive::Dpor, Network::Bag, 8);
    interrupted(&readers(5), Exhaustive::Dpor, Network::Fifo, 4);
    let random = |change: fn(&mut Program), settings: &Settings| {
        let mut searches = 0;
        for seed in 0..200_u64 {
            if searches == 6 {
                return;
            }
            let mut program = Program { reads: true, chooses: seed.is_multiple_of(2), ..Program::random(seed) };
            change(&mut program);
            // What breaks a law is not judged at its end, and so interrupts nothing.
            let system = program.system(Order::Arrival).laws(["bounded-depth"]);
            let restart = if seed.is_multiple_of(3) { Restart::Never } else { Restart::Always };
            let system = system.with(|policies| policies.restart = restart);
            let mut runs = 0;
            let count = visit(&system, settings.clone(), Exhaustive::Dpor, |_| {
                runs += 1;
                if runs < 400 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            if let (Ok(count), 40..400) = (count, runs) {
                searches += 1;
                interrupted_under(settings, &system, Exhaustive::Dpor, count.executions as usize / 6);
            }
        }
        panic!("{searches} searches, {settings:?}");
    };
    let under = |network, faults: &[(FaultKind, u32)]| {
        let faults = faults.iter().fold(FaultPlan::default(), |faults, (kind, most)| faults.with(*kind, *most));
        Settings { network, faults, ..Settings::default() }
    };
    random(|_| {}, &under(Network::Bag, &[]));
    random(|_| {}, &under(Network::Fifo, &[]));
    random(|program| program.panics = true, &under(Network::Bag, &[]));
    random(|_| {}, &under(Network::Fifo, &[(FaultKind::Crash, 1)]));
    random(|_| {}, &under(Network::Bag, &[(FaultKind::Loss, 1), (FaultKind::Duplication, 1)]));
}

#[test]
fn a_visit_ends_when_it_is_told_to() {
    let mut seen = 0;
    let exhausted = visit(&fanin(4), Settings::default(), Exhaustive::Dpor, |_| {
        seen += 1;
        if seen == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let exhausted = exhausted.expect("it can be searched");
    assert_eq!((seen, exhausted.executions, exhausted.complete), (5, 5, false));
}

/// Does whatever a test wants when it is told anything from outside.
struct Odd(fn(&mut Outbox<u64>));

impl StateMachine for Odd {
    type Message = ();
    type Update = u64;

    fn on_message(&mut self, (): (), out: &mut Outbox<u64>) {
        (self.0)(out);
    }

    fn on_update(&mut self, _: u64, _: &mut Outbox<u64>) {}
}

fn odd(odd: fn(&mut Outbox<u64>)) -> Explore<Odd> {
    odd_within(Duration::from_secs(10), odd)
}

fn odd_within(limit: Duration, odd: fn(&mut Outbox<u64>)) -> Explore<Odd> {
    let system = System::new("odd").workers(["x", "y"], move |_| Odd(odd)).messages("s", [("x", ())]);
    let system = system.messages("t", [("x", ()), ("y", ())]);
    Explore::new(system.step_limit(limit)).strategy(StrategyKind::Exhaustive(Exhaustive::Dpor)).jobs(1)
}

#[test]
fn what_differs_from_itself_is_not_deterministic() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let says_other = odd(|out| out.notify("y", CALLS.fetch_add(1, Ordering::Relaxed) as u64));
    let says_sometimes = odd(|out| {
        if CALLS.fetch_add(1, Ordering::Relaxed) % 7 < 3 {
            out.notify("y", 1);
        }
    });
    for explore in [says_other, says_sometimes] {
        let report = explore.run().expect("it can be searched");
        assert_eq!(report.found.as_ref().map(|found| found.violation.law.as_str()), Some("determinism"));
        assert!(!exhausted(&report).complete);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a handler that does what none may do")]
fn a_handler_that_never_returns_is_noticed() {
    let never = || {
        odd_within(Duration::from_millis(300), |out| {
            if out.choose(2) == 1 {
                std::thread::sleep(Duration::from_secs(3_600));
            }
        })
    };
    let folder = tempfile::tempdir().expect("a folder");
    // What a checkpoint depends on is found out by running, too.
    for explore in [never(), never().checkpoint(folder.path().join("search.ron"))] {
        let found = explore.run().expect("it can be searched").found;
        assert_eq!(found.map(|found| found.violation.law).as_deref(), Some("watchdog"));
    }
}

/// Whatever it is told is the last.
#[derive(Clone, Debug, Default, Hash)]
struct Sleeper(Vec<u32>);

impl StateMachine for Sleeper {
    type Message = u32;
    type Update = u32;

    #[expect(clippy::disallowed_methods, reason = "a handler that does what none may do")]
    fn on_message(&mut self, n: u32, _: &mut Outbox<u32>) {
        self.0.push(n);
        if self.0 == [4, 0, 3, 1] {
            std::thread::sleep(Duration::from_secs(3_600));
        }
    }

    fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
}

#[test]
fn a_handler_that_never_returns_to_one_of_several_threads_is_noticed() {
    let system = System::new("sleeper").workers(["z"], |_| Sleeper::default()).hashed().laws(["no-panic"]);
    let system = system.with(|policies| policies.order = Order::Arrival);
    let system = (0..6).fold(system, |system, i| system.messages(format!("s{i}"), [("z", i)]));
    let system = system.step_limit(Duration::from_millis(300));
    let explore = Explore::new(system).strategy(StrategyKind::Exhaustive(Exhaustive::States)).jobs(3);
    let found = explore.run().expect("it can be searched").found;
    let found = found.expect("it is noticed");
    assert_eq!((found.violation.law.as_str(), found.steps), ("watchdog", 4), "{}", found.violation.reason);
}

/// Takes its time.
#[derive(Clone, Debug, Default, Hash)]
struct Slow(u32);

impl StateMachine for Slow {
    type Message = ();
    type Update = ();

    #[expect(clippy::disallowed_methods, reason = "a handler that takes long, though not too long")]
    fn on_message(&mut self, (): (), _: &mut Outbox<()>) {
        self.0 += 1;
        std::thread::sleep(Duration::from_millis(40));
    }

    fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
}

/// One state follows on the other, so that all threads but one have nothing to do for longer than a step may take.
#[test]
fn a_thread_with_nothing_to_do_is_not_one_that_never_returns() {
    let system = System::new("slow").workers(["z"], |_| Slow::default()).hashed().laws(["no-panic"]);
    let system = system.with(|policies| policies.order = Order::Arrival).messages("s", [("z", ()); 20]);
    let system = system.step_limit(Duration::from_millis(500));
    let explore = Explore::new(system).strategy(StrategyKind::Exhaustive(Exhaustive::States)).jobs(3);
    let report = explore.run().expect("it can be searched");
    assert!(report.found.is_none(), "{:?}", report.found);
    assert_eq!(exhausted(&report).states, Some(21));
}

/// Two states come to one, and what is broken before the first does not hide what is broken at the end.
#[test]
fn what_is_broken_early_hides_nothing_from_other_ways_to_the_same_state() {
    let is = |log: &'static [u32]| {
        move |run: &raddle_core::Snapshot<'_, Set>| run.machine("z").is_some_and(|z| z.0.iter().eq(log))
    };
    let system = System::new("set").workers(["z"], |_| Set::default()).hashed().laws(["no-panic"]);
    let system = system.with(|policies| policies.order = Order::Arrival);
    let system = (0..2_u32).fold(system, |system, n| system.messages(format!("s{n}"), [("z", n)]));
    let system = system.never("zero-alone", is(&[0])).at_end("not-both", move |run| !is(&[0, 1])(run));
    let report = explore(system, Exhaustive::States, Network::Fifo);
    let found = report.found.iter().chain(&exhausted(&report).also).map(|found| found.violation.law.as_str());
    assert_eq!(found.collect::<Vec<_>>(), ["zero-alone", "not-both"]);
}

/// What was written down is part of a state: who has handled nothing has nothing written down, and begins anew.
#[test]
fn states_are_told_apart_by_what_is_written_down() {
    let system = System::new("counts").workers(["a", "w"], |_| Starts::default()).hashed().forkable();
    let system = system.with(|policies| {
        (policies.order, policies.restart, policies.recovery) =
            (Order::Arrival, Restart::Always, raddle_core::Recovery::Durable);
    });
    let system = system.messages("s", [("a", 0)]).messages("t", [("w", 1)]).laws(["no-duplicates"]);
    let system = system.at_end("never-again", |run| run.machine("w").is_some_and(|w| w.0 < 2));
    let report = explore(system, Exhaustive::States, Network::Fifo);
    assert_eq!(report.found.expect("it was written down before the panic").violation.law, "never-again");
}

/// How many starts it remembers.
#[derive(Clone, Debug, Default, Hash)]
struct Starts(u32);

impl StateMachine for Starts {
    type Message = u32;
    type Update = ();

    fn on_start(&mut self, _: &mut Outbox<()>) {
        self.0 += 1;
    }

    fn on_message(&mut self, n: u32, out: &mut Outbox<()>) {
        assert!(n == 0, "as it was told");
        if out.choose(2) == 1 {
            out.notify("w", ());
        }
    }

    fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
}

/// Keeps what it is told, in no order.
#[derive(Clone, Debug, Default, Hash)]
struct Set(std::collections::BTreeSet<u32>);

impl StateMachine for Set {
    type Message = u32;
    type Update = u32;

    fn on_message(&mut self, n: u32, _: &mut Outbox<u32>) {
        self.0.insert(n);
    }

    fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Where the core keeps an order that the network does not, arrivals are reordered and what waits is handled later: the
    /// traces are the same as those of all schedules, and no execution is in vain.
    #[test]
    fn traces_are_the_same_where_updates_wait_for_their_turn(shape in prop::collection::vec((0..7_usize, 0..3_usize), 3..7)) {
        for (order, network) in [
            (Order::Fifo, Network::Bag),
            (Order::Causal, Network::Bag),
            (Order::Causal, Network::Fifo),
        ] {
            let system = || programs::plain(&shape).with(|policies| policies.order = order).laws(["no-silent-loss", "causal-order"]);
            let all = explore(system(), Exhaustive::Dfs, network);
            let reduced = explore(system(), Exhaustive::Dpor, network);
            let (all_of_it, reduced_to) = (exhausted(&all), exhausted(&reduced));
            prop_assert!(all_of_it.complete && reduced_to.complete);
            prop_assert_eq!((reduced_to.traces, reduced_to.blocked), (all_of_it.traces, 0));
            prop_assert!(reduced_to.executions <= all_of_it.executions);
            if order == Order::Causal {
                prop_assert!(all.found.is_none() && reduced.found.is_none(), "causal order holds in every run");
            }
        }
    }
}
