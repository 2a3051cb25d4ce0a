//! Small systems with a process for each worker: what they come to is what they come to on threads, whatever dies.
//!
//! The processes are this test harness, entered again at the test that runs them.
#![cfg(unix)]

mod audit;

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use audit::audit;
use raddle_core::{
    Cause, DropReason, EndReason, Incarnation, OnFull, Outbox, Placement, Plan, Recovery, Restart, StateMachine,
    System, TimerTag, What,
};
use raddle_runtime::{Outcome, Processes, RunError, Threads, Why};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const PLACEMENTS: [Placement; 2] = [Placement::Inline, Placement::Sharded(2)];

/// Adds up what it hears and passes it on; some numbers are too much for it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Pass {
    next: Vec<String>,
    bad: Option<Bad>,
    heard: u64,
    sum: u64,
}

/// What the handler of 3 does.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Bad {
    Panics,
    Exits,
    Aborts,
    NeverReturns,
    ClosesItsOutput,
}

impl Pass {
    fn to<const N: usize>(next: [&str; N]) -> Self {
        Self { next: next.map(str::to_owned).to_vec(), ..Self::default() }
    }

    fn bad(bad: Bad) -> Self {
        Self { bad: Some(bad), ..Self::default() }
    }

    fn handle(&mut self, value: u64, out: &mut Outbox<u64>) {
        match self.bad.filter(|_| value == 3) {
            None => {}
            Some(Bad::Panics) => panic!("three is too much"),
            Some(Bad::Exits) => std::process::exit(7),
            Some(Bad::Aborts) => std::process::abort(),
            Some(Bad::NeverReturns) => loop {
                std::thread::park();
            },
            Some(Bad::ClosesItsOutput) => close_output(),
        }
        self.heard += 1;
        self.sum += value;
        out.notify(&self.next, value);
    }
}

/// Leaves the standard output and error of this process to nobody.
fn close_output() {
    let nowhere = std::fs::File::options().write(true).open("/dev/null").expect("it is there");
    nix::unistd::dup2_stdout(&nowhere).expect("it can be opened");
    nix::unistd::dup2_stderr(&nowhere).expect("it can be opened");
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

fn placed<M>(system: System<M>, placement: Placement) -> Arc<Plan<M>>
where
    M: StateMachine + Serialize + DeserializeOwned,
    M::Message: Serialize + DeserializeOwned,
    M::Update: Serialize + DeserializeOwned,
{
    system.with(|policies| policies.placement = placement).on_processes().plan().expect("a sound system")
}

/// Runs that enter this test again.
fn processes(test: &str) -> Processes {
    Processes::new(Threads::new().record(true)).in_test(test)
}

fn sums(outcome: &Outcome<Pass>) -> Vec<(u64, u64)> {
    outcome.workers.iter().map(|worker| (worker.machine().heard, worker.machine().sum)).collect()
}

fn chain() -> System<Pass> {
    System::new("chain")
        .workers(["a"], |_| Pass::to(["b"]))
        .workers(["b"], |_| Pass::to(["c"]))
        .workers(["c"], |_| Pass::default())
        .messages("source", (1..=20).map(|n| ("a", n)))
}

#[test]
fn a_chain_passes_everything_on() {
    let plans = PLACEMENTS.map(|placement| placed(chain(), placement));
    plans.iter().for_each(|plan| Processes::serve(plan));
    for plan in plans {
        let outcome = processes("a_chain_passes_everything_on").run(&plan).expect("runs");
        audit(&outcome);
        assert_eq!(sums(&outcome), [(20, 210); 3]);
        assert_eq!(outcome.end.reason, EndReason::Quiescent);
        assert_eq!((outcome.metrics.sent, outcome.metrics.handled, outcome.metrics.fed), (40, 60, 20));
        assert!(outcome.end.in_flight.is_empty() && outcome.deaths.is_empty());
    }
}

/// Says all that a machine can say.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Talker {
    chosen: Vec<u32>,
    fired: u32,
}

impl StateMachine for Talker {
    type Message = u64;
    type Update = String;

    fn on_start(&mut self, out: &mut Outbox<String>) {
        out.wait("b", "a word");
        out.set_timer(TimerTag(1), Duration::from_millis(1));
        out.set_timer(TimerTag(2), Duration::from_secs(3600));
    }

    fn on_message(&mut self, n: u64, out: &mut Outbox<String>) {
        self.chosen.push(out.choose(7));
        out.mark("told");
        out.notify(["a", "b", "nobody"], format!("{n} from {}", out.my_name()));
        out.cancel_timer(TimerTag(2));
        out.wrote("key", n);
        out.cut("here");
    }

    fn on_update(&mut self, _: String, out: &mut Outbox<String>) {
        out.waited("a word");
        out.read("key", None::<u64>);
    }

    fn on_timer(&mut self, _: TimerTag, out: &mut Outbox<String>) {
        self.fired += 1;
        out.notify(out.me(), "time".to_owned());
    }

    fn on_query(&self, _: u64, out: &mut Outbox<String>) {
        out.reply(format!("{:?}", self.chosen));
    }
}

#[test]
fn all_that_can_be_said_is_said_as_on_threads() {
    use raddle_core::Ask;
    let system = System::new("talkers").workers(["a", "b"], |_| Talker::default()).session(
        "ann",
        [Ask::tell("a", 1), Ask::tell("b", 2), Ask::query("a", 0), Ask::tell("a", 3), Ask::query("b", 0)],
    );
    let plan = placed(system, Placement::Inline);
    let here = processes("all_that_can_be_said_is_said_as_on_threads").run(&plan).expect("runs");
    let there = Threads::new().record(true).run(&plan).expect("runs");
    assert_eq!(here.workers[0].machine().fired + here.workers[1].machine().fired, 2);
    assert_eq!(
        here.workers.iter().map(|w| w.machine().chosen.clone()).collect::<Vec<_>>(),
        there.workers.iter().map(|w| w.machine().chosen.clone()).collect::<Vec<_>>(),
        "draws are keyed by input"
    );
    let said = |outcome: &Outcome<Talker>| {
        let events = &outcome.trace.as_ref().expect("recorded").events;
        let names = plan.names();
        let line = |event: &raddle_core::Event| {
            format!("{} {} {} {}", event.what.word(), event.header.id.display(names), event.text, event.payload)
        };
        // What waits for what, the clock decides.
        let timed = |event: &&raddle_core::Event| matches!(event.what, What::Park { .. } | What::Release);
        let mut lines: Vec<String> = events.iter().filter(|event| !timed(event)).map(line).collect();
        lines.sort();
        lines
    };
    assert_eq!(said(&here), said(&there));
    assert!(here.end.waiting.is_empty() && here.end.in_flight.is_empty());
}

fn fragile(bad: Bad, restart: Restart) -> System<Pass> {
    System::new("fragile")
        .workers(["hub"], |_| Pass::to(["weak", "strong"]))
        .workers(["weak"], move |_| Pass::bad(bad))
        .workers(["strong"], |_| Pass::default())
        .messages("source", (0..10).map(|n| ("hub", n)))
        .with(|policies| policies.restart = restart)
}

#[test]
fn a_panic_is_an_event_and_another_process_begins() {
    let plans = [Restart::default(), Restart::Never].map(|r| placed(fragile(Bad::Panics, r), Placement::Inline));
    plans.iter().for_each(|plan| Processes::serve(plan));
    let runs = processes("a_panic_is_an_event_and_another_process_begins");
    let outcome = runs.run(&plans[0]).expect("runs");
    audit(&outcome);
    assert_eq!((outcome.workers[1].life(), outcome.metrics.count(What::Restart)), (Incarnation(1), 1));
    assert_eq!(outcome.workers[2].machine().heard, 10);
    assert!(outcome.deaths.is_empty(), "that process was not needed any more: {:?}", outcome.deaths);
    let crash = outcome.trace.expect("recorded").events;
    let crash = crash.into_iter().find(|event| event.what == What::Crash(Cause::Panic)).expect("crashed");
    assert!(crash.text.starts_with("'three is too much', "), "{}", crash.text);
    let outcome = runs.run(&plans[1]).expect("runs");
    audit(&outcome);
    assert_eq!(sums(&outcome).iter().map(|sum| sum.0).collect::<Vec<_>>(), [10, 3, 10]);
    assert_eq!(outcome.metrics.count(What::Drop(DropReason::Crash)), 6);
}

/// Whoever takes several inputs at once is told what came of those before the panic, and that it came, without delay.
#[test]
fn a_panic_among_inputs_in_hand_is_one_like_any_other() {
    let weak = System::new("weak").workers(["weak"], |_| Pass::bad(Bad::Panics));
    let weak = weak.messages("source", (1..=10).map(|n| ("weak", n)));
    let weak = weak.with(|policies| (policies.window, policies.restart) = (8, Restart::Never));
    let plan = placed(weak, Placement::Inline);
    Processes::serve(&plan);
    for _ in 0..5 {
        let outcome = processes("a_panic_among_inputs_in_hand_is_one_like_any_other").run(&plan).expect("runs");
        audit(&outcome);
        assert!(outcome.elapsed < Duration::from_secs(5), "nobody's patience ran out: {:?}", outcome.elapsed);
        assert!(outcome.deaths.is_empty(), "{:?}", outcome.deaths);
        assert_eq!(sums(&outcome), [(2, 3)]);
        assert_eq!(outcome.metrics.count(What::Crash(Cause::Panic)), 1);
        assert_eq!(outcome.metrics.count(What::Drop(DropReason::Crash)), 7);
    }
}

#[test]
fn what_a_dead_process_was_handling_is_dropped_and_accounted_for() {
    let cases = [(Bad::Exits, Restart::default(), "exit status: 7"), (Bad::Aborts, Restart::Never, "signal: 6")];
    let plans = cases.map(|(bad, restart, _)| placed(fragile(bad, restart), Placement::Sharded(2)));
    plans.iter().for_each(|plan| Processes::serve(plan));
    for (plan, (_, restart, status)) in plans.iter().zip(cases) {
        let runs = processes("what_a_dead_process_was_handling_is_dropped_and_accounted_for");
        let outcome = runs.run(plan).expect("runs");
        audit(&outcome);
        let [death] = outcome.deaths.as_slice() else { panic!("one dies: {:?}", outcome.deaths) };
        assert!(matches!(&death.why, Why::Ended(how) if how.starts_with(status)), "{}", death.why);
        assert_eq!((death.worker, death.life), (plan.names().worker_id("weak").expect("is there"), Incarnation(0)));
        assert_eq!(outcome.metrics.count(What::Crash(Cause::Killed)), 1);
        assert_eq!(outcome.metrics.count(What::Restart), u64::from(restart != Restart::Never));
        assert_eq!(outcome.workers[2].machine().heard, 10, "the others go on");
        let dropped = [DropReason::Crash, DropReason::Incarnation].map(|why| outcome.metrics.count(What::Drop(why)));
        assert!(dropped[0] >= 1, "that which was in hand, at least");
        assert!(outcome.end.in_flight.is_empty());
    }
}

#[test]
fn one_that_does_not_answer_is_killed_and_told_from_one_that_died() {
    let plan = placed(fragile(Bad::NeverReturns, Restart::default()), Placement::Inline);
    let patience = Duration::from_millis(1500);
    let runs = processes("one_that_does_not_answer_is_killed_and_told_from_one_that_died").patience(patience);
    let outcome = runs.run(&plan).expect("runs");
    audit(&outcome);
    assert_eq!(outcome.deaths.iter().map(|death| &death.why).collect::<Vec<_>>(), [&Why::Silent(patience)]);
    assert!(outcome.deaths[0].why.to_string().contains("did not answer for 1.5s"));
    assert_eq!(outcome.metrics.count(What::Restart), 1);
}

#[test]
fn one_that_closes_its_output_is_not_taken_for_dead() {
    let plan = placed(fragile(Bad::ClosesItsOutput, Restart::default()), Placement::Inline);
    let outcome = processes("one_that_closes_its_output_is_not_taken_for_dead").run(&plan).expect("runs");
    audit(&outcome);
    assert!(outcome.deaths.is_empty(), "{:?}", outcome.deaths);
    assert_eq!(sums(&outcome), [(10, 45); 3]);
}

#[test]
fn a_durable_worker_lives_again_with_what_it_had() {
    let system = fragile(Bad::Exits, Restart::Always).forkable().with(|policies| policies.recovery = Recovery::Durable);
    let plan = placed(system, Placement::Inline);
    let outcome = processes("a_durable_worker_lives_again_with_what_it_had").run(&plan).expect("runs");
    audit(&outcome);
    let weak = &outcome.workers[1];
    let dropped = [DropReason::Crash, DropReason::Incarnation].map(|why| outcome.metrics.count(What::Drop(why)));
    assert_eq!((weak.life(), weak.machine().heard), (Incarnation(1), 10 - dropped[0] - dropped[1]));
    assert!(weak.machine().heard >= 3, "what it had heard before is not forgotten");
}

/// Sets a timer again and again, so that its process is idle and the run goes on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Idle;

impl StateMachine for Idle {
    type Message = ();
    type Update = ();

    fn on_start(&mut self, out: &mut Outbox<()>) {
        out.set_timer(TimerTag(0), Duration::from_secs(3600));
    }

    fn on_message(&mut self, (): (), _: &mut Outbox<()>) {}

    fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
}

#[test]
fn the_death_of_an_idle_process_is_noticed_at_once() {
    let system = System::new("idle").workers(["a"], |_| Idle).with(|policies| policies.restart = Restart::Always);
    let plan = placed(system, Placement::Inline);
    let threads = Threads::new().record(true).time_limit(Some(Duration::from_millis(700)));
    let runs = Processes::new(threads).in_test("the_death_of_an_idle_process_is_noticed_at_once");
    let outcome = runs.kill_every(Some(Duration::from_millis(150))).run(&plan).expect("runs");
    audit(&outcome);
    // Nobody ever asked that process anything: each death was seen by itself, before the next kill.
    let crashes = outcome.metrics.count(What::Crash(Cause::Killed));
    assert!((2..=4).contains(&crashes), "{crashes} of 4");
    assert!(outcome.deaths.iter().all(|death| death.why == Why::Asked), "{:?}", outcome.deaths);
    assert_eq!(outcome.metrics.count(What::Restart), crashes);
}

#[test]
fn a_torture_leaves_nothing_without_a_reason() {
    let torture = |on_full| {
        let next = [["b", "c"], ["c", "d"], ["d", "a"], ["a", "b"]];
        let system = ["a", "b", "c", "d"]
            .into_iter()
            .zip(next)
            .fold(System::new("torture"), |system, (name, next)| system.workers([name], move |_| Pass::to(next)));
        let system = system.messages("left", (0..10).map(|n| (["a", "b"][n as usize % 2], n)));
        let system = system.messages("right", (0..10).map(|n| (["c", "d"][n as usize % 2], n)));
        let system = system.with(|policies| {
            (policies.restart, policies.on_full, policies.max_depth) = (Restart::Always, on_full, 4);
            (policies.capacity, policies.external_capacity) = (64, 16);
        });
        PLACEMENTS.map(|placement| placed(system.clone(), placement))
    };
    let plans = [OnFull::DropNewest, OnFull::Hold].map(torture);
    plans.iter().flatten().for_each(|plan| Processes::serve(plan));
    let [[inline, _], [_, sharded]] = plans;
    for plan in [inline, sharded] {
        let threads = Threads::new().record(true).seed(7).messages(Some(u64::MAX));
        let threads = threads.time_limit(Some(Duration::from_millis(500))).drain_limit(Duration::from_secs(20));
        let runs = Processes::new(threads).in_test("a_torture_leaves_nothing_without_a_reason");
        let often = Some(Duration::from_millis(25));
        let outcome = runs.kill_every(often).stop_every(Some(Duration::from_millis(40))).run(&plan).expect("runs");
        audit(&outcome);
        let killed = outcome.metrics.count(What::Crash(Cause::Killed));
        assert!(killed >= 5 && outcome.metrics.count(What::Restart) == killed, "{killed} killed");
        assert!(outcome.deaths.iter().all(|death| death.why == Why::Asked), "{:?}", outcome.deaths);
        assert!(outcome.end.in_flight.is_empty(), "all is drained");
        assert!(outcome.metrics.handled > 100);
    }
}

#[test]
fn what_cannot_be_started_is_told() {
    let plan = placed(chain(), Placement::Inline);
    let run = |runs: &Processes| runs.run(&plan).err().expect("it cannot be started").to_string();
    let here = Processes::new(Threads::new());
    let gone = run(&here.clone().command("/no/such/program", [""; 0]));
    assert!(gone.starts_with("the process of worker a could not be started (`/no/such/program`): "), "{gone}");
    let other = run(&here.clone().command("/bin/sh", ["-c", "echo what is this; exit 3"]));
    assert_eq!(
        other,
        "the process of worker a did not become that worker: it ended (exit status: 3); it printed:\nwhat is this"
    );
    let garbage = run(&here.clone().command("/bin/sh", ["-c", "printf 'GET / HTTP/1.1' >&0; cat >/dev/null"]));
    let no_stream = "what it said cannot be and it was killed: this is no stream of raddle";
    assert!(garbage.contains(no_stream), "{garbage}");
    let mute = run(&here.clone().patience(Duration::from_millis(50)).command("/bin/sh", ["-c", "exec sleep 60"]));
    assert!(mute.contains("it did not answer for 50ms and was killed"), "{mute}");
    let plain = chain().plan().expect("a sound system");
    let error = here.run(&plain).err().expect("nobody said that it may");
    assert!(matches!(error, RunError::NotOnProcesses { ref system } if system == "chain"), "{error}");
    assert!(error.to_string().contains("add `.on_processes()`"));
}

#[test]
fn a_process_that_comes_to_another_run_first_says_so() {
    let [mine, other] = [chain(), fragile(Bad::Exits, Restart::Never)].map(|s| placed(s, Placement::Inline));
    if std::env::var_os(raddle_runtime::WORKER_VARIABLE).is_some() {
        // A worker's process takes another way than the run did.
        let _ = Processes::new(Threads::new()).run(&other);
    }
    let error = processes("a_process_that_comes_to_another_run_first_says_so").run(&mine).err().expect("none comes");
    let error = error.to_string();
    assert!(error.contains("it came to the run of another system (`fragile`) first"), "{error}");
}

/// Prints what it hears.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Printer;

impl StateMachine for Printer {
    type Message = u32;
    type Update = u32;

    fn on_message(&mut self, n: u32, _: &mut Outbox<u32>) {
        println!("heard {n}");
        eprintln!("and {n}");
    }

    fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
}

#[test]
fn printers() {
    println!("this every start prints");
    let system = System::new("printers").workers(["left", "right"], |_| Printer).messages("s", [("left", 1)]);
    let outcome = processes("printers").run(&placed(system, Placement::Inline)).expect("runs");
    assert_eq!(outcome.metrics.handled, 1);
}

#[test]
fn what_workers_print_stands_behind_their_names() {
    let mut again = Command::new(std::env::current_exe().expect("it runs"));
    let output = again.args(["printers", "--exact", "--nocapture"]).output().expect("it can be started");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    let lines: Vec<&str> = err.lines().filter(|line| line.contains(" | ")).collect();
    assert_eq!(lines, ["left | heard 1", "left | and 1"]);
    assert_eq!(out.matches("this every start prints").count(), 1, "only what the run itself prints: {out}");
}

#[test]
fn a_process_that_no_run_has_started_is_no_run_either() {
    let mut stray = Command::new(std::env::current_exe().expect("it runs"));
    let stray = stray.args(["printers", "--exact", "--nocapture"]).env(raddle_runtime::WORKER_VARIABLE, "2a-1");
    let began = Instant::now();
    let output = stray.output().expect("it can be started");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("RADDLE_WORKER is set, but no run has started this process"), "{err}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// The processes that a process has started, and that are not dead.
#[cfg(target_os = "linux")]
fn children(of: u32) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").expect("it is there").flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.filter(|pid| parent(*pid) == Some(of)).collect()
}

/// Who has started a process that is not dead.
#[cfg(target_os = "linux")]
fn parent(pid: u32) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = text.rsplit_once(") ")?.1.split(' ');
    words.next().filter(|state| !["Z", "X"].contains(state))?;
    words.next()?.parse().ok()
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_that_never_returns_does_not_outlive_its_run() {
    let mut again = Command::new(std::env::current_exe().expect("it runs"));
    let mut run = again.args(["one_that_does_not_answer", "--nocapture"]).spawn().expect("it can be started");
    let began = Instant::now();
    // Long before its run loses patience; one of them is in a handler that never returns.
    while children(run.id()).len() < 3 {
        assert!(began.elapsed() < Duration::from_secs(10), "no workers come up");
        std::thread::yield_now();
    }
    let workers = children(run.id());
    run.kill().expect("it lives");
    run.wait().expect("it is dead");
    let dead = Instant::now();
    while workers.iter().any(|pid| parent(*pid).is_some()) {
        assert!(dead.elapsed() < Duration::from_secs(2), "a worker outlives its run");
        std::thread::yield_now();
    }
}
