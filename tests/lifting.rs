//! Real runs done again in the simulator: every built-in system, correct and with each planted bug, inline and sharded.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use raddle::catalog::Entry;
use raddle::checkers::{LAWS, Verdict, check as check_trace};
use raddle::systems;
use raddle_core::recording::{Act, Reader, Recording};
use raddle_core::{Outbox, StateMachine, System};
use raddle_runtime::{RecordTo, Threads, read_recording, read_stream};
use raddle_sim::{Budget, Keep, Lifted, Recording as Run};

/// A thread for each worker, one for all, two for all.
const SEEDS: u64 = 3;

/// Runs a system on threads, and the recording in the simulator.
fn check(entry: &Entry, bug: Option<&str>, policies: &[(&str, &str)], seed: u64, folder: &Path) {
    let what = format!("{} {bug:?} {policies:?} {seed}", entry.name());
    let mut args = entry.args([]).expect("its own");
    if let Some(bug) = bug {
        args = entry.plant(args, bug).expect("its own");
    }
    let mut system = entry.build(&args).expect("builds");
    policies.iter().for_each(|(key, value)| system.set(key, value).expect("a policy"));
    let file = folder.join(format!("{}.rec", std::fs::read_dir(folder).expect("a folder").count()));
    let threads = Threads::new()
        .seed(seed)
        .worker_threads(NonZeroUsize::new(seed as usize % 3))
        .record_to(RecordTo::new(&file))
        .time_limit(Some(Duration::from_millis(300)))
        .drain_limit(Duration::from_millis(100));
    let run = system.run_on_threads(&threads, None).unwrap_or_else(|error| panic!("{what}: {error}"));
    run.recorded.expect("asked for").unwrap_or_else(|error| panic!("{what}: {error}"));
    let recording = Arc::new(read_recording(&file).unwrap_or_else(|error| panic!("{what}: {error}")));
    assert_eq!(recording.cut, None, "{what}");
    let lifted = system.lift(&recording, None, Keep::All).unwrap_or_else(|error| panic!("{what}: {error}"));
    let law = bug.and_then(|bug| entry.bugs().iter().find(|planted| planted.name == bug)).map(|bug| bug.law.as_str());
    if law == Some("determinism") {
        return;
    }
    if let Some(difference) = &lifted.difference {
        let of = |trace: &raddle_core::Trace| raddle_view::snapshot(trace);
        panic!("{what}: {difference}\n{}\n{}", of(&run.trace), of(&lifted.recording.trace));
    }
    assert_eq!(lifted.digest, run.trace.digest(), "{what}");
    judged_alike(&lifted, &what);
}

/// What a law says while a run is done again, it says of all its events too; and of what it cannot tell, those tell more.
fn judged_alike(lifted: &Lifted, what: &str) {
    let Lifted { recording: Run { trace, .. }, laws, verdicts, .. } = lifted;
    let laws: Vec<&str> = laws.iter().map(String::as_str).collect();
    let of_trace = check_trace(trace, &laws).expect("they are laws");
    assert!(!laws.is_empty() && verdicts.len() == of_trace.len(), "{what}: {verdicts:?}");
    let names = &trace.conditions.names;
    for ((law, here), (same, there)) in verdicts.iter().zip(of_trace) {
        assert_eq!(law, same, "{what}");
        match here {
            Verdict::Ok => assert_eq!(there, Verdict::Ok, "{what}: {law}"),
            Verdict::Violation(here) => {
                let there = there.violation().map(|there| there.signature(names));
                assert_eq!(there, Some(here.signature(names)), "{what}: {law}");
            }
            Verdict::Unknown(_) => {}
        }
    }
}

fn check_all(policies: &[(&str, &str)]) {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in systems::all() {
        let bugs = entry.bugs().iter().map(|bug| Some(bug.name.as_str()));
        for bug in std::iter::once(None).chain(bugs) {
            for seed in 0..SEEDS {
                check(&entry, bug, policies, seed, folder.path());
            }
        }
    }
}

#[test]
fn inline() {
    check_all(&[]);
}

#[test]
fn sharded() {
    check_all(&[("placement", "sharded(2)")]);
}

/// Workers take several inputs at once.
#[test]
fn windows() {
    check_all(&[("window", "4")]);
    check_all(&[("window", "3"), ("placement", "sharded(2)"), ("pick", "updates-first")]);
}

/// Where queues are full, everything that can happen to an update does.
#[test]
fn full_queues() {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in systems::all() {
        for on_full in ["drop-newest", "drop-oldest", "hold", "nack", "stall"] {
            for (placement, window, capacity) in
                [("inline", "1", "1"), ("inline", "3", "2"), ("sharded(1)", "1", "2"), ("sharded(2)", "2", "1")]
            {
                let sizes = [("capacity", capacity), ("ingress", capacity), ("overflow", "1"), ("window", window)];
                let policies = [&[("on_full", on_full), ("placement", placement)][..], &sizes].concat();
                check(&entry, None, &policies, 0, folder.path());
            }
        }
    }
}

/// Lives end and begin: whoever sends must have asked which at the moment at which it does here.
#[test]
fn lives() {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in systems::all() {
        for bug in entry.bugs().iter().filter(|bug| bug.law == "no-panic") {
            for (placement, window) in [("inline", "1"), ("inline", "4"), ("sharded(2)", "1"), ("sharded(2)", "2")] {
                for seed in 0..SEEDS {
                    let policies = [("placement", placement), ("restart", "always"), ("window", window)];
                    check(&entry, Some(&bug.name), &policies, seed, folder.path());
                }
            }
        }
    }
}

/// Runs a system on processes, some of which are killed, and the recording in the simulator: how many processes died between
/// two inputs, and how many of one.
#[cfg(unix)]
fn check_deaths(entry: &Entry, bug: Option<&str>, policies: &[(&str, &str)], folder: &Path) -> (usize, usize) {
    use raddle_runtime::Processes;

    let what = format!("{} {bug:?} {policies:?}", entry.name());
    let mut args = entry.args([]).expect("its own");
    let mut words = vec!["run".to_owned(), entry.name().to_owned(), "--on".into(), "processes".into()];
    if let Some(bug) = bug {
        args = entry.plant(args, bug).expect("its own");
        words.extend(["--bug".to_owned(), bug.to_owned()]);
    }
    let mut system = entry.build(&args).expect("builds");
    for (key, value) in policies {
        system.set(key, value).expect("a policy");
        words.extend(["--set".to_owned(), format!("{key}={value}")]);
    }
    let file = folder.join(format!("{}.rec", std::fs::read_dir(folder).expect("a folder").count()));
    let threads = Threads::new()
        .seed(3)
        .messages(Some(2_000))
        .record_to(RecordTo::new(&file))
        .time_limit(Some(Duration::from_millis(80)))
        .drain_limit(Duration::from_millis(500));
    let processes = Processes::new(threads)
        .command(env!("CARGO_BIN_EXE_raddle"), words)
        .kill_every(Some(Duration::from_millis(7)))
        .stop_every(Some(Duration::from_millis(30)));
    let run = match system.run_on_processes(&processes, None) {
        Err(error) if error.to_string().contains("forkable") => return (0, 0),
        run => run.unwrap_or_else(|error| panic!("{what}: {error}")),
    };
    let recorded = run.recorded.expect("asked for").unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(recorded.extent, raddle_runtime::Extent::Whole, "{what}");
    let recording = Arc::new(read_recording(&file).unwrap_or_else(|error| panic!("{what}: {error}")));
    assert_eq!(recording.cut, None, "{what}");
    let lifted = system.lift(&recording, None, Keep::All).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(lifted.cut, None, "{what}");
    if let Some(difference) = &lifted.difference {
        panic!("{what}: {difference}; {:?}", run.deaths);
    }
    assert_eq!(lifted.digest, run.trace.digest(), "{what}");
    // What a system promises beside the laws may need that nobody forgets, and that no update is lost to a death.
    let deadlocks = |name: &str| name == "no-deadlock" && policies.contains(&("on_full", "stall"));
    let needs_more = |name: &str| NEED_MORE.contains(&name) || deadlocks(name);
    let is_law = |name: &str| LAWS.iter().any(|law| law.name == name) && !needs_more(name);
    let broken = lifted.recording.run.violation.filter(|broken| bug.is_none() && is_law(&broken.law));
    assert_eq!(broken, None, "{what}");
    died(&recording)
}

/// Laws that hold only if the system does something for them.
#[cfg(unix)]
const NEED_MORE: [&str; 2] = ["consistent-cut", "causal-consistency"];

/// How many processes died between two inputs, and how many of one.
#[cfg(unix)]
fn died(recording: &Recording) -> (usize, usize) {
    let (mut between, mut of) = (0, 0);
    for lane in &recording.lanes {
        let mut reader = Reader::new(lane);
        while let Some(act) = reader.next().expect("sound") {
            match act {
                Act::Kill { .. } => between += 1,
                Act::Handle(handling) | Act::Start(handling) | Act::Fire { handling, .. } => {
                    of += usize::from(handling.said.is_none());
                }
                _ => {}
            }
        }
    }
    (between, of)
}

/// Processes die between two inputs and of one, and what the run did before, then and after is done again all the same.
#[test]
#[cfg(unix)]
fn deaths() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut all = [(0, 0); 3];
    let is_enough = |all: &[(usize, usize)]| all.iter().all(|(between, of)| *between > 0 && *of > 0);
    // The clock says what a process dies of: all go once, and again until each kind of death was among them.
    for round in 0..20 {
        let entries = systems::all().into_iter().filter(|entry| entry.name() != "indexer");
        let placements = ["inline", "sharded(2)", "sharded(1)"].into_iter().cycle();
        for (entry, placement) in entries.zip(placements) {
            if round > 0 && is_enough(&all) {
                return;
            }
            for (restart, died) in ["never", "always", "at-most(3,50)"].into_iter().zip(&mut all) {
                let window = if restart == "never" { "1" } else { "4" };
                let policies = [("restart", restart), ("placement", placement), ("window", window)];
                let (between, of) = check_deaths(&entry, None, &policies, folder.path());
                *died = (died.0 + between, died.1 + of);
            }
            check_deaths(&entry, None, &[("recovery", "durable"), ("restart", "always")], folder.path());
        }
    }
    panic!("too few have died: {all:?}");
}

/// Where queues are full, and where inputs are handled twice: of a pair both are, or neither.
#[test]
#[cfg(unix)]
fn deaths_at_full_queues_and_with_bugs() {
    let folder = tempfile::tempdir().expect("a folder");
    let entry = |name: &str| systems::all().into_iter().find(|entry| entry.name() == name).expect("built in");
    for on_full in ["drop-newest", "drop-oldest", "hold", "nack", "stall"] {
        for placement in ["inline", "sharded(2)"] {
            let sizes = [("capacity", "2"), ("ingress", "2"), ("overflow", "1"), ("restart", "always")];
            let policies = [&[("on_full", on_full), ("placement", placement)][..], &sizes].concat();
            check_deaths(&entry("mesh"), None, &policies, folder.path());
        }
    }
    for (name, bug) in [("fanout", "handle-twice"), ("half", "lose-silently"), ("diamond", "forget-clocks")] {
        check_deaths(&entry(name), Some(bug), &[("restart", "always")], folder.path());
    }
}

/// What only a death can break becomes a finding, and shrinks to that death.
#[test]
#[cfg(unix)]
fn a_finding_that_needs_a_death() {
    use raddle::prelude::*;
    use raddle_runtime::Processes;

    /// Counts what it has sent, or what has come, and sees when one of the two has lost count.
    #[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
    struct Counts {
        many: u32,
        has_missed: bool,
    }

    impl StateMachine for Counts {
        type Message = u8;
        type Update = u32;

        fn on_message(&mut self, _: u8, out: &mut Outbox<u32>) {
            self.many += 1;
            out.notify("b", self.many);
        }

        fn on_update(&mut self, many: u32, _: &mut Outbox<u32>) {
            self.many += 1;
            self.has_missed |= self.many != many;
        }
    }

    let system = System::new("counts")
        .workers(["a", "b"], |_| Counts::default())
        .messages("s", [("a", 1), ("a", 2)])
        .with(|policies| policies.restart = raddle_core::Restart::Always)
        .never("missed", |run| run.machines().any(|counts| counts.has_missed))
        .on_processes();
    let plan = system.plan().expect("sound");
    Processes::serve(&plan);
    let folder = tempfile::tempdir().expect("a folder");
    // When somebody is killed, the clock says: perhaps before anything was counted.
    let find = |nth: u32| {
        let file = folder.path().join(format!("{nth}.rec"));
        let threads = Threads::new().messages(Some(200)).record_to(RecordTo::new(&file));
        let processes = Processes::new(threads).in_test("a_finding_that_needs_a_death");
        let run = processes.kill_every(Some(Duration::from_millis(5))).run(&plan).expect("runs");
        run.recorded.expect("asked for").expect("written");
        let recording = Arc::new(read_recording(&file).expect("sound"));
        let (lifted, finding) = raddle_sim::found_in(&system, &recording, u64::MAX).expect("it can be done again");
        assert_eq!((lifted.difference, lifted.cut), (None, None));
        finding
    };
    let finding = (0..50).find_map(find).expect("whoever lives again has lost count");
    let system: Box<dyn raddle::any::AnySystem> = Box::new(system);
    let (shrunk, found) = system.shrink(&finding, &Budget::default(), &Arc::default()).expect("it fails as it did");
    let size = found.shrunk.expect("it was shrunk");
    assert!(size.needs.contains("1 fault, a crash"), "{size:?}");
    assert_eq!(shrunk.law, "missed");
}

/// Adds up what it hears, in whatever order.
#[derive(Default)]
struct Adds(u32);

impl StateMachine for Adds {
    type Message = u32;
    type Update = u32;

    fn on_message(&mut self, n: u32, _: &mut Outbox<u32>) {
        self.0 += n;
    }

    fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
}

/// To compare each input with all before it takes too long where there are millions.
#[test]
fn nobody_asks_of_a_real_run_what_commutes() {
    let asked = Arc::new(AtomicU32::new(0));
    let counts = Arc::clone(&asked);
    let system = System::new("adds")
        .workers(["a"], |_| Adds::default())
        .messages("s", [("a", 1)])
        .commuting(move |_, _| counts.fetch_add(1, Ordering::Relaxed) < u32::MAX)
        .never("many", |run| run.machines().any(|adds| adds.0 > 150));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("adds.rec");
    let threads = Threads::new().messages(Some(200)).record_to(RecordTo::new(&file));
    let run = threads.run(&system.plan().expect("sound")).expect("runs");
    run.recorded.expect("asked for").expect("written");
    let recording = Arc::new(read_recording(&file).expect("sound"));
    let (lifted, finding) = raddle_sim::found_in(&system, &recording, u64::MAX).expect("it can be done again");
    assert_eq!(lifted.difference, None);
    let replayed = raddle_sim::replay(&system, &finding.expect("many")).expect("it fits");
    assert_eq!(replayed.outcome, raddle_sim::Outcome::Same);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    // What led to it may be more than anybody keeps.
    let refused = raddle_sim::found_in(&system, &recording, 150).expect_err("151 were handled");
    let said = refused.to_string();
    assert!(said.ends_with("and no more than 150 are kept: record a run that is shorter"), "{said}");
    let raddle_sim::LiftError::TooLong { events, .. } = refused else { panic!("{said}") };
    assert!(raddle_sim::found_in(&system, &recording, events).is_ok_and(|(_, finding)| finding.is_some()));
}

/// The bytes of a recording of `mesh`, and its digest.
fn recorded() -> (Vec<u8>, raddle_core::Digest) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mesh.rec");
    let threads = Threads::new().record_to(RecordTo::new(&file));
    let run = mesh().run_on_threads(&threads, None).expect("runs");
    run.recorded.expect("asked for").expect("written");
    (std::fs::read(&file).expect("reads"), run.trace.digest())
}

fn mesh() -> Box<dyn raddle::any::AnySystem> {
    let entry = systems::all().into_iter().find(|entry| entry.name() == "mesh").expect("built in");
    entry.build(&entry.args([]).expect("its own")).expect("builds")
}

/// Whatever these bytes are, they are refused with a reason, or done again as far as they are sound.
fn survives(bytes: &[u8], whole: raddle_core::Digest) {
    let Ok(recording) = read_stream(bytes) else { return };
    let is_whole = recording.cut.is_none();
    let Ok(lifted) = mesh().lift(&Arc::new(recording), None, Keep::Digest) else { return };
    if is_whole && lifted.difference.is_none() && lifted.cut.is_none() {
        assert_eq!(lifted.digest, whole, "it says that it is the same run");
    }
}

#[test]
fn damaged_recordings_are_refused_or_done_as_far_as_they_are_sound() {
    let (bytes, digest) = recorded();
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) };
    let change = (any::<prop::sample::Index>(), 1..=255_u8, any::<prop::sample::Index>());
    proptest!(config, |((at, flip, end) in change)| {
        survives(&bytes[..end.index(bytes.len())], digest);
        let mut flipped = bytes.clone();
        let at = at.index(bytes.len());
        flipped[at] ^= flip;
        survives(&flipped, digest);
        flipped.truncate(end.index(bytes.len()));
        survives(&flipped, digest);
    });
}

/// Behind the checksums, where only whoever made them could have put it.
#[test]
fn lanes_of_rubbish_are_no_run() {
    let (bytes, digest) = recorded();
    spoil(mesh().as_ref(), &read_stream(&bytes[..]).expect("sound"), digest);
}

#[test]
#[cfg(unix)]
fn lanes_of_rubbish_with_deaths_are_no_run() {
    let (folder, policies) = (tempfile::tempdir().expect("a folder"), [("restart", "always")]);
    let entry = systems::all().into_iter().find(|entry| entry.name() == "mesh").expect("built in");
    check_deaths(&entry, None, &policies, folder.path());
    let recording = read_recording(&folder.path().join("0.rec")).expect("sound");
    let digest = recording.tail.as_ref().and_then(|tail| tail.digest).expect("it was kept");
    spoil(mesh().as_ref(), &recording, digest);
}

/// Changes single bytes of lanes.
fn spoil(system: &dyn raddle::any::AnySystem, sound: &raddle_core::recording::Recording, digest: raddle_core::Digest) {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) };
    // Half of them are the tag of an act.
    let byte = prop_oneof![any::<u8>(), 1..=17_u8];
    let change = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), byte, any::<bool>());
    proptest!(config, |((lane, at, byte, cuts) in change)| {
        let mut recording = sound.clone();
        let lane = lane.get_mut(&mut recording.lanes);
        if !lane.is_empty() {
            let at = at.index(lane.len());
            lane[at] = byte;
            if cuts {
                lane.truncate(at);
            }
        }
        let lifted = system.lift(&Arc::new(recording), None, Keep::Digest);
        if let Ok(lifted) = lifted
            && lifted.difference.is_none() && lifted.cut.is_none()
        {
            prop_assert_eq!(lifted.digest, digest);
        }
    });
}
