//! Runs with a process for each worker: the built-in systems come to what they come to on threads, under the same laws; and
//! the command, its processes and signals.
//!
//! A worker's process is the `raddle` command, told to run the same system.
#![cfg(unix)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{Done, Place};
use raddle::any::{AnySystem, RealRun, Search};
use raddle::catalog::Entry;
use raddle::checkers::{LAWS, Verdict};
use raddle::sim::{Network, Settings};
use raddle::threads::{Processes, Threads, Why};

const RADDLE: &str = env!("CARGO_BIN_EXE_raddle");
const PLACEMENTS: [[&str; 2]; 3] =
    [["placement=inline", "window=1"], ["placement=inline", "window=8"], ["placement=sharded(2)", "window=2"]];
/// A clock that starts again breaks the law of lives, and says too little as well.
const SEEN_BY_TWO: [(&str, &str); 1] = [("reset-clocks", "causal-order")];
/// Planted bugs that show whatever the clock says.
const SURE: [(&str, &str); 5] = [
    ("diamond", "forget-clocks"),
    ("fanout", "swap-pairs"),
    ("fanout", "handle-twice"),
    ("half", "lose-silently"),
    ("half", "unanswered"),
];

/// A variant of a built-in system, to be run on either.
#[derive(Clone, Copy)]
struct Variant<'a> {
    entry: &'a Entry,
    bug: Option<&'a str>,
    policies: &'a [&'a str],
}

impl Variant<'_> {
    fn build(&self) -> Box<dyn AnySystem> {
        let args = self.entry.args([]).expect("defaults fit");
        let args = self.bug.map_or(Ok(args.clone()), |bug| self.entry.plant(args, bug)).expect("the bug is declared");
        let mut system = self.entry.build(&args).expect("defaults fit");
        for (key, value) in self.policies.iter().map(|policy| policy.split_once('=').expect("a policy")) {
            system.set(key, value).expect("the policy fits");
        }
        system
    }

    /// The command that runs it.
    fn command(&self) -> Vec<String> {
        let mut words = vec!["run", self.entry.name(), "--on", "processes"];
        words.extend(self.bug.iter().flat_map(|bug| ["--bug", bug]));
        words.extend(self.policies.iter().flat_map(|policy| ["--set", policy]));
        words.into_iter().map(str::to_owned).collect()
    }

    fn on_threads(&self) -> RealRun {
        self.build().run_on_threads(&Threads::new(), None).expect("it can be run")
    }

    fn on_processes(&self, change: impl FnOnce(Processes) -> Processes) -> RealRun {
        let processes = change(Processes::new(Threads::new()).command(RADDLE, self.command()));
        self.build().run_on_processes(&processes, None).expect("it can be run")
    }
}

/// The laws and properties that a run breaks; if it breaks none, nobody must be in doubt.
#[track_caller]
fn broken(run: &RealRun) -> BTreeSet<String> {
    let of = |is: fn(&Verdict) -> bool| run.verdicts.iter().filter(move |(_, verdict)| is(verdict));
    let broken: BTreeSet<String> = of(|verdict| verdict.violation().is_some()).map(|(law, _)| law.clone()).collect();
    let doubtful: Vec<_> = of(|verdict| matches!(verdict, Verdict::Unknown(_))).collect();
    assert!(doubtful.is_empty() || !broken.is_empty(), "{doubtful:?}");
    broken
}

#[test]
fn without_bugs_all_is_clean_and_judged_as_on_threads() {
    for entry in raddle::systems::all() {
        for policies in PLACEMENTS {
            let variant = Variant { entry: &entry, bug: None, policies: &policies };
            let (here, there) = (variant.on_threads(), variant.on_processes(|processes| processes));
            let what = format!("{} {policies:?}", entry.name());
            assert_eq!((broken(&here), broken(&there)), Default::default(), "{what}: {:?}", there.verdicts);
            assert_eq!(here.verdicts, there.verdicts, "{what}: judged by the same");
            assert_eq!(here.trace.conditions, there.trace.conditions, "{what}");
            assert!(there.deaths.is_empty(), "{what}: {:?}", there.deaths);
        }
    }
}

/// Systems that come to the same end in whatever order it happens.
const CONFLUENT: [&str; 9] = ["chain", "triangle", "ring", "diamond", "fanout", "half", "retry", "pairs", "onelink"];

#[test]
fn whatever_comes_to_one_end_in_the_simulator_comes_to_it_on_threads_and_processes() {
    let mut confluent = Vec::new();
    for entry in raddle::systems::all() {
        let variant = Variant { entry: &entry, bug: None, policies: &[] };
        let settings = Settings { network: Network::Causal, ..Settings::default() };
        let search = Search { settings, ..Search::default() };
        let system = variant.build();
        let end = |seed| system.record(&search, seed).expect("it runs").run.state.expect("built-in systems are hashed");
        let first = end(0);
        if (1..100).any(|seed| end(seed) != first) {
            continue;
        }
        confluent.push(entry.name().to_owned());
        for policies in [&["window=1"][..], &["window=4"], &["placement=sharded(2)"]] {
            let variant = Variant { policies, ..variant };
            for run in [variant.on_threads(), variant.on_processes(|processes| processes)] {
                assert_eq!(run.state, Some(first), "{} {policies:?}", entry.name());
            }
        }
    }
    assert_eq!(confluent, CONFLUENT);
}

/// Whether a planted bug shows in a real run is up to the clock, on threads as on processes. If it shows, it does so to the
/// same laws.
#[test]
fn a_planted_bug_is_seen_by_the_same_laws_as_on_threads() {
    for entry in raddle::systems::all() {
        for bug in entry.bugs() {
            let variant = Variant { entry: &entry, bug: Some(&bug.name), policies: &[] };
            let here = broken(&variant.on_threads());
            let there = broken(&variant.on_processes(|processes| processes));
            let what = format!("{} --bug {}: {here:?} on threads, {there:?} on processes", entry.name(), bug.name);
            // A real transport promises more than a simulated one, so there a bug may break more than its own law.
            let own = |law: &&String| {
                let seen_by_two = SEEN_BY_TWO.contains(&(&*bug.name, law.as_str()));
                **law == bug.law || seen_by_two || here.contains(*law)
            };
            assert_eq!(there.iter().find(|law| !own(law)), None, "{what}");
            let sure = SURE.contains(&(entry.name(), &*bug.name));
            assert!(!sure || (here.contains(&bug.law) && there.contains(&bug.law)), "{what}");
        }
    }
}

#[test]
fn whatever_is_killed_and_stopped_the_laws_hold() {
    let mut killed = 0;
    let entries = raddle::systems::all().into_iter().filter(|entry| entry.name() != "indexer");
    for (entry, [placement, window]) in entries.zip(PLACEMENTS.into_iter().cycle()) {
        let variant = Variant { entry: &entry, bug: None, policies: &[placement, window, "restart=always"] };
        let threads = Threads::new().messages(Some(2_000)).time_limit(Some(Duration::from_millis(150))).seed(3);
        let often = Some(Duration::from_millis(10));
        let run = variant.on_processes(|_| {
            Processes::new(threads).command(RADDLE, variant.command()).kill_every(often).stop_every(often)
        });
        // What a system promises beside the laws may need that nobody forgets; and this workload goes round and round,
        // though a cut is made once.
        let is_law = |name: &str| name != "consistent-cut" && LAWS.iter().any(|law| law.name == name);
        let broken: Vec<_> =
            run.verdicts.iter().filter(|(law, verdict)| is_law(law) && verdict.violation().is_some()).collect();
        assert!(broken.is_empty(), "{} {placement} {window}: {broken:?}", entry.name());
        assert!(run.trace.end.in_flight.is_empty(), "{} {placement} {window}: all is drained", entry.name());
        assert!(run.deaths.iter().all(|death| death.why == Why::Asked), "{}: {:?}", entry.name(), run.deaths);
        killed += run.deaths.len();
    }
    assert!(killed > 50, "only {killed} were killed");
}

fn here() -> Place {
    Place::new(RADDLE)
}

#[test]
fn the_command_runs_on_processes_and_kills_some() {
    let place = here();
    place.run("run ring --on processes").ends(0).prints("clean: ring on processes");
    place.run("run half --on processes --bug lose-silently").ends(1).prints("violation: no-silent-loss");
    let line = "run ring --on processes --set restart=always --for 200ms --kill-every 20ms --record trace.jsonl";
    let done = place.run(line).ends(0);
    let deaths = done.says("deaths");
    let killed: usize = deaths.strip_suffix(" killed as asked for").expect("no others").parse().expect("a number");
    assert!(killed > 3 && done.says("losses").contains(&format!("crash(killed) {killed}")), "{}", done.out);
    place.run("check trace.jsonl").ends(0);
    let place = here();
    for flag in ["--kill-every 5ms", "--stop-every 5ms", "--patience 1s"] {
        place.run(&format!("run ring --on threads {flag}")).ends(2).complains("has no place here");
    }
}

#[test]
fn what_cannot_be_started_is_told_and_ends_with_4() {
    let place = here();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "ulimit -n 64; exec \"$0\" run indexer --on processes", RADDLE]).current_dir(place.path());
    let done = Done::from(command.output().expect("it runs")).ends(4);
    done.complains("error: the process of worker c").complains("could not be started");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "ulimit -n 10; exec \"$0\" experiment latency --on processes", RADDLE]);
    Done::from(command.output().expect("it runs")).ends(4).complains("could not be started");
}

/// A run that goes on until somebody ends it.
fn long_run(place: &Place) -> Child {
    let line = "run ring --on processes --for 1h --messages 4000000 --laws no-silent-loss";
    let mut command = place.command(line.split(' '));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs")
}

/// The numbers of the processes that a process has started, and that are not dead.
fn children(of: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").expect("it is there").flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.filter(|pid| parent(*pid) == Some(of)).collect()
}

/// Who has started a process that is not dead.
fn parent(pid: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = text.rsplit_once(") ")?.1.split(' ');
    words.next().filter(|state| !["Z", "X"].contains(state))?;
    words.next()?.parse().ok()
}

/// Waits until it is so, but not for ever.
#[track_caller]
fn until(what: &str, so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what} takes too long");
        std::thread::yield_now();
    }
}

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status().expect("there is a kill");
    assert!(sent.success());
}

#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_drains_reports_and_ends_with_130() {
    let place = here();
    let run = long_run(&place);
    until("to start", || children(run.id()).len() == 3);
    let workers = children(run.id());
    signal(run.id(), "-INT");
    let output: Output = run.wait_with_output().expect("it ends");
    let done = Done::from(output).ends(130).prints("interrupted: ring on processes");
    assert!(!done.out.contains("deaths:") && !done.out.contains("crash(killed)"), "{}", done.out);
    until("to end", || workers.iter().all(|pid| parent(*pid).is_none()));
}

#[test]
#[cfg(target_os = "linux")]
fn no_worker_outlives_a_run_that_is_killed() {
    let place = here();
    let mut run = long_run(&place);
    until("to start", || children(run.id()).len() == 3);
    let workers = children(run.id());
    run.kill().expect("it lives");
    run.wait().expect("it is dead");
    let began = Instant::now();
    until("to end", || workers.iter().all(|pid| parent(*pid).is_none()));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}
