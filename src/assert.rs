//! The door of `#[test]`: explore a system and panic with the whole story if it breaks a law.
//!
//! [`ExploreExt::explore`] begins a search, [`AssertClean::assert_clean`] ends it; [`explore_test!`](crate::explore_test!)
//! is both in a line, after the findings that were committed.

use std::env;
use std::path::{Path, PathBuf};
use std::thread;

#[cfg(feature = "threads")]
use raddle_checkers::Verdict;
use raddle_core::{StateMachine, System, Trace};
use raddle_sim::strategy::DefaultOrder;
use raddle_sim::{Cut, Explore, Finding, Found, Outcome, Recording, Replayed, Report, RunError, Runner, Settings};

use crate::corpus::findings_in;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::look::Look;
use crate::saved;
use crate::words;

/// What a test does with a system: search it, or run it once.
pub trait ExploreExt<M: StateMachine> {
    /// The default search of this system: [`Explore`] says what can be set,
    /// [`assert_clean`](AssertClean::assert_clean) runs it.
    #[must_use]
    fn explore(&self) -> Explore<M>;

    /// One run in the default order, for [`assert_trace_snapshot!`](crate::assert_trace_snapshot!): the oldest message
    /// first, no fault. For other runs see [`sim::Runner`](raddle_sim::Runner).
    ///
    /// # Panics
    /// When the system cannot be run.
    #[must_use]
    #[track_caller]
    fn default_run(&self) -> Trace;
}

impl<M: StateMachine> ExploreExt<M> for System<M> {
    fn explore(&self) -> Explore<M> {
        Explore::new(self.clone())
    }

    #[track_caller]
    fn default_run(&self) -> Trace {
        match record_default(self) {
            Ok(recording) => recording.trace,
            Err(error) => panic!("cannot run `{}`: {error}", self.name()),
        }
    }
}

fn record_default<M: StateMachine>(system: &System<M>) -> Result<Recording, RunError> {
    let mut runner = Runner::new(system.plan()?, Settings::default(), None)?;
    Ok(runner.record(0, &mut DefaultOrder))
}

/// Ends a search in a test.
pub trait AssertClean {
    /// Runs the search; what breaks a law is saved as a finding.
    ///
    /// The [environment](crate::environment) goes before what the code says: `RADDLE_SEED=42 cargo test` runs one seed,
    /// `RADDLE_TIME=10m cargo test` searches for ten minutes. Findings go to `seeds/` of the crate under test, unless
    /// `CI` is set.
    ///
    /// # Panics
    /// When a law is broken, and then with all that is known of it; when nothing ran; when runs were cut off by the
    /// step limit, because nothing is known of how they would have ended; when a kind of fault that was asked for never
    /// came; when an exhaustive search was ended early or cannot judge a law; when the system cannot be run as asked.
    #[track_caller]
    fn assert_clean(self);
}

impl<M: StateMachine> AssertClean for Explore<M> {
    #[track_caller]
    fn assert_clean(self) {
        let folder = crate_folder();
        if let Err(text) = explore(self, &folder) {
            panic!("{text}");
        }
    }
}

/// A real run in a test: what `AnySystem::run_on_threads(&system, &Threads::new(), None)?` gives.
#[cfg(feature = "threads")]
impl AssertClean for crate::any::RealRun {
    #[track_caller]
    fn assert_clean(self) {
        if let Some(violation) = self.verdicts.iter().find_map(|(_, verdict)| verdict.violation()) {
            let utf8 = Environment::read().is_ok_and(|environment| environment.utf8);
            let failure = Failure::of_trace(violation, &self.trace);
            panic!("a real run breaks a law\n\n{}", failure.render(Look::plain(utf8)));
        }
        let unknown = self.verdicts.iter().find_map(|(law, verdict)| match verdict {
            Verdict::Unknown(why) => Some(format!("unknown: `{law}` cannot be judged: {why}")),
            _ => None,
        });
        if let Some(unknown) = unknown {
            panic!("{unknown}");
        }
    }
}

/// What [`explore_test!`](crate::explore_test!) takes.
pub trait IntoExplore<M: StateMachine> {
    /// The search.
    fn into_explore(self) -> Explore<M>;
}

impl<M: StateMachine> IntoExplore<M> for System<M> {
    fn into_explore(self) -> Explore<M> {
        Explore::new(self)
    }
}

impl<M: StateMachine> IntoExplore<M> for Explore<M> {
    fn into_explore(self) -> Explore<M> {
        self
    }
}

/// Replays the committed findings of a system, then explores it: what [`explore_test!`](crate::explore_test!) does.
///
/// # Panics
/// As [`AssertClean::assert_clean`], and when a committed finding still fails or cannot be read.
#[track_caller]
pub fn explore_test<M: StateMachine>(what: impl IntoExplore<M>, crate_folder: &str) {
    let (explore, folder) = (what.into_explore(), Path::new(crate_folder));
    let done = replay_committed(explore.system(), folder).and_then(|()| self::explore(explore, folder));
    if let Err(text) = done {
        panic!("{text}");
    }
}

/// Searches as the environment wants it.
fn explore<M: StateMachine>(mut explore: Explore<M>, crate_folder: &Path) -> Result<(), String> {
    let environment = Environment::read().map_err(|error| error.to_string())?;
    if let Some(seeds) = environment.seeds() {
        explore = explore.seeds(seeds);
    } else if environment.time.is_some() {
        explore = explore.seeds(u64::MAX);
    }
    if let Some(strategy) = environment.strategy {
        explore = explore.strategy(strategy);
    }
    if let Some(jobs) = environment.jobs {
        explore = explore.jobs(jobs);
    }
    if environment.time.is_some() {
        explore = explore.time(environment.time);
    }
    if let Some(steps) = environment.steps_max {
        explore = explore.steps_max(steps);
    }
    let system = explore.system().clone();
    let report = explore.run().map_err(|error| format!("cannot explore `{}`: {error}", system.name()))?;
    if let Some(found) = &report.found {
        return Err(tell(&system, &report, found, &environment, crate_folder));
    }
    whole(&report)
}

/// Whether a search without a violation says anything.
fn whole(report: &Report) -> Result<(), String> {
    let system = &report.system;
    if report.is_empty() {
        let why =
            if report.cut == Some(Cut::Time) { "time was over before the first run" } else { "no seed was given" };
        return Err(format!("nothing ran: {why}, so nothing is known of `{system}`"));
    }
    if report.unfinished > 0 {
        return Err(format!(
            "unknown: {} of {} of `{system}` did not end within {}; allow more with `.steps_max(n)`, or end timers with \
             `.horizon(time)`",
            words::count(report.unfinished),
            words::counted(report.runs, "run"),
            words::counted(report.settings.steps_max, "step"),
        ));
    }
    if let Some((kind, _)) = report.faults.iter().find(|(_, times)| **times == 0) {
        return Err(format!(
            "unknown: the fault `{}` was asked for and never came in {} of `{system}`: try more seeds, or see what \
             `.fault_when(..)` says of it",
            kind.name(),
            words::counted(report.runs, "run"),
        ));
    }
    if let Some(astray) = report.losses.astray() {
        return Err(format!("unknown: no law of `{system}` is broken, but {astray}"));
    }
    let Some(exhausted) = &report.exhausted else { return Ok(()) };
    if !exhausted.complete {
        let executions = words::counted(exhausted.executions, "execution");
        return Err(format!("unknown: the search of all runs of `{system}` was ended after {executions}"));
    }
    match exhausted.unknown.first() {
        Some(unknown) => Err(format!("unknown: `{}` cannot be judged: {}", unknown.law, unknown.why)),
        None => Ok(()),
    }
}

/// The text of what a search found, which is saved on the way.
fn tell<M: StateMachine>(
    system: &System<M>,
    report: &Report,
    found: &Found,
    environment: &Environment,
    crate_folder: &Path,
) -> String {
    let strategy = report.strategy.of_seed(found.seed);
    let mut failure = Failure::of_found(found, &strategy).note("replay", replay_line(report, found.seed));
    // A run that differs from itself cannot be replayed.
    let keep = found.violation.law != "determinism";
    if let Some(folder) = environment.folder(crate_folder.join("seeds")).filter(|_| keep) {
        let plan = system.plan().expect("it has just been run");
        let finding = Finding::new(found, system, &report.settings, &strategy, &report.laws, plan.names());
        failure = match saved::save(&finding, &folder, None) {
            Ok(path) => failure.saved(path.strip_prefix(crate_folder).unwrap_or(&path)),
            Err(error) => failure.note("not saved", error.to_string()),
        };
    }
    format!("`{}` breaks a law\n\n{}", report.system, failure.render(Look::plain(environment.utf8)))
}

/// How to see a failing seed of this test again.
fn replay_line(report: &Report, seed: u64) -> String {
    // libtest names the thread of a test after the test.
    let name = thread::current().name().filter(|name| *name != "main").map(str::to_owned).unwrap_or_default();
    let (strategy, steps) = (report.strategy, report.settings.steps_max);
    // Brackets would mean something to a shell.
    format!("RADDLE_SEED={seed} RADDLE_STRATEGY='{strategy}' RADDLE_STEPS_MAX={steps} cargo test {name}")
        .trim_end()
        .to_owned()
}

/// Replays what was committed; a planted bug is another system.
fn replay_committed<M: StateMachine>(system: &System<M>, crate_folder: &Path) -> Result<(), String> {
    for path in findings_in(&crate_folder.join("seeds").join(system.name())) {
        if saved::is_new(&path) {
            continue;
        }
        let name = path.strip_prefix(crate_folder).unwrap_or(&path).display().to_string();
        let finding = Finding::read(&path).map_err(|error| error.to_string())?;
        if finding.bug.is_some() {
            continue;
        }
        let made_with: Vec<String> = finding.params.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let made = match made_with.is_empty() {
            true => String::new(),
            false => format!(" (it was made with `--set {}`, and may not fit this system)", made_with.join(" ")),
        };
        let misfit = |error: raddle_sim::ReplayError| format!("{name}: {error}{made}");
        let replayed = raddle_sim::replay(system, &finding).map_err(misfit)?;
        if replayed.outcome != Outcome::Clean {
            return Err(tell_again(&replayed, &finding, &name));
        }
    }
    Ok(())
}

fn tell_again(replayed: &Replayed, finding: &Finding, name: &str) -> String {
    let utf8 = Environment::read().is_ok_and(|environment| environment.utf8);
    let failure = Failure::of_recording(&replayed.recording, format!("seed {}, {}", finding.seed, finding.strategy))
        .expect("a run that is not clean broke something")
        .note("replayed", name);
    format!("`{}` breaks a law that it broke before\n\n{}", finding.system, failure.render(Look::plain(utf8)))
}

/// The folder of the crate under test; cargo says so when it runs tests.
pub(crate) fn crate_folder() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}
