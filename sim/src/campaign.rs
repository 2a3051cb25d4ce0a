//! The campaign: many runs on several jobs, with elapsed time and a watchdog.
//!
//! The one file of the simulator that may know threads and the clock: a search must be parallel, must end in time and
//! must notice a handler that never returns. Nothing that a run can observe comes from here, and what is reported
//! does not depend on the number of jobs: chunks of seeds are counted in the order of seeds, up to the first that
//! failed.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "see above")]

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use raddle_checkers::{Violation, determinism};
use raddle_core::{Digest, Plan, StateMachine, When};

use crate::actions::Decision;
use crate::coverage::Coverage;
use crate::distinct::Distinct;
use crate::exhaustive::search::{self, Searched, Task};
use crate::exhaustive::stage::Stage;
use crate::exhaustive::tally::Control;
use crate::exhaustive::{Exhausted, Exhaustive, Refusal, scope};
use crate::explore::{Cut, Explore, Found, Progress, Report};
use crate::pilot::Pilot;
use crate::run::{Pulse, Recording, Run, RunError, Runner};
use crate::settings::Settings;
use crate::shrink::{self, Budget};
use crate::strategy::{Strategy, StrategyKind};
use raddle_core::EndReason;

/// How long one step may take.
pub const STEP_LIMIT: Duration = Duration::from_secs(10);
/// How many seeds a job takes at once.
const CHUNK: u64 = 64;
/// Every how many seeds a run is done twice and compared.
const TWICE_EVERY: u64 = 1_000;
/// How often the watchdog looks, at the least.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Searches as [`Explore::run`] says.
pub(crate) fn explore<M: StateMachine>(explore: &Explore<M>) -> Result<Report, RunError> {
    let began = Instant::now();
    let plan = explore.system.plan()?;
    let mut runner = Runner::new(Arc::clone(&plan), explore.settings.clone(), explore.laws.as_deref())?;
    if let StrategyKind::Exhaustive(kind) = explore.strategy {
        let mut report = blank(explore, &plan, &runner);
        exhaust(explore, kind, plan, &mut report, began)?;
        report.elapsed = began.elapsed();
        return Ok(report);
    }
    let seeds = match explore.strategy.ignores_seed() {
        true => explore.seeds.start..explore.seeds.end.min(explore.seeds.start + 1),
        false => explore.seeds.clone(),
    };
    let pilot = pilot(explore.strategy, &plan, &explore.settings, explore.step_limit);
    let mut report = blank(explore, &plan, &runner);
    report.pilot = explore.strategy.needs_pilot().then(|| *pilot.figures());
    let jobs = Jobs::start(explore, &plan, &pilot, &seeds, began)?;
    let mut coverage = Coverage::default();
    let failed = jobs.collect(explore, &mut report, &mut coverage, &seeds, began);
    report.elapsed = began.elapsed();
    report.seeds.end = seeds.start + report.runs;
    report.coverage = coverage.list(plan.names());
    let strategy = || explore.strategy.make(&pilot);
    report.found = failed.map(|failed| match failed {
        Failed::Law(seed) => {
            let found = write_down(&mut runner, strategy().as_mut(), seed);
            make_smaller(explore, &plan, found)
        }
        Failed::Determinism(seed, violation, one) => as_found(&runner, seed, *violation, Some(*one)),
        Failed::Stuck(seed, step) => stuck(&mut runner, strategy().as_mut(), seed, step, explore.step_limit),
    });
    if let Some(found) = &mut report.found {
        found.pilot = report.pilot;
    }
    Ok(report)
}

/// A report of nothing yet.
fn blank<M: StateMachine>(explore: &Explore<M>, plan: &Plan<M>, runner: &Runner<M>) -> Report {
    let mut report = Report {
        system: plan.names().system().to_owned(),
        strategy: explore.strategy,
        settings: explore.settings.clone(),
        laws: runner.laws().to_vec(),
        seeds: explore.seeds.start..explore.seeds.start,
        runs: 0,
        steps: 0,
        deliveries: 0,
        unfinished: 0,
        at_horizon: 0,
        pilot: None,
        elapsed: Duration::ZERO,
        distinct: Distinct::default(),
        reached: IndexMap::new(),
        coverage: Vec::new(),
        found: None,
        exhausted: None,
        cut: None,
    };
    let wished = plan.properties().iter().filter(|p| p.when == When::Sometimes).map(|p| p.name.as_str());
    report.reached.extend(wished.chain(plan.marks().iter().copied()).map(|name| (name.to_owned(), 0)));
    report
}

/// The pilot of a strategy, the same for every seed; an empty one for strategies that need none.
///
/// It is empty also where a handler did not return within `limit`, or where code that is no handler panicked: the seeds
/// will show it. The work is bounded, so that neither time nor a stop flag need end it.
#[must_use]
pub fn pilot<M: StateMachine>(
    kind: StrategyKind,
    plan: &Arc<Plan<M>>,
    settings: &Settings,
    limit: Duration,
) -> Arc<Pilot> {
    if !kind.needs_pilot() {
        return Arc::default();
    }
    let pulse = Arc::new(Pulse::default());
    let (plan, settings, of_it) = (Arc::clone(plan), settings.clone(), Arc::clone(&pulse));
    let runs = move || panic::catch_unwind(AssertUnwindSafe(|| Pilot::of(&plan, &settings, &of_it)));
    let done = watched(&pulse, limit, runs).ok().and_then(Result::ok);
    Arc::new(done.unwrap_or_default())
}

/// Runs `task` on a thread of its own; gives up when one step of the run behind `pulse` takes longer than `limit`.
///
/// # Errors
/// The seed and step that did not end. The thread is left behind: a handler cannot be interrupted.
pub fn watched<T: Send + 'static>(
    pulse: &Arc<Pulse>,
    limit: Duration,
    task: impl FnOnce() -> T + Send + 'static,
) -> Result<T, (u64, u64)> {
    let (sender, receiver) = channel();
    thread::spawn(move || sender.send(task()));
    let mut watch = Watch::new(Arc::clone(pulse), limit);
    loop {
        match receiver.recv_timeout(watch.interval()) {
            Ok(value) => return Ok(value),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(stuck) = watch.look() {
                    return Err(stuck);
                }
            }
            Err(RecvTimeoutError::Disconnected) => panic!("a job of the simulator panicked"),
        }
    }
}

/// Watches one job.
struct Watch {
    pulse: Arc<Pulse>,
    limit: Duration,
    last: (u64, u64),
    since: Instant,
}

impl Watch {
    fn new(pulse: Arc<Pulse>, limit: Duration) -> Self {
        Self { last: pulse.read(), pulse, limit, since: Instant::now() }
    }

    fn interval(&self) -> Duration {
        LOOK_EVERY.min(self.limit / 4)
    }

    fn look(&mut self) -> Option<(u64, u64)> {
        let now = self.pulse.read();
        if now != self.last {
            (self.last, self.since) = (now, Instant::now());
        }
        (self.since.elapsed() > self.limit).then_some(now)
    }
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Why the search is over.
enum Failed {
    Law(u64),
    Determinism(u64, Box<Violation>, Box<Recording>),
    Stuck(u64, u64),
}

/// What one job did with one chunk of seeds.
#[derive(Default)]
struct Chunk {
    runs: Vec<Run>,
    reached: BTreeMap<String, u64>,
    coverage: Coverage,
    failed: Option<Failed>,
}

/// What all jobs share.
struct Shared {
    seeds: Range<u64>,
    next_chunk: AtomicU64,
    /// No chunk from this one on is needed: a lower one failed, or time is over.
    end_chunk: AtomicU64,
    stop: Arc<AtomicBool>,
    deadline: Option<Instant>,
    cut: Mutex<Option<Cut>>,
    deliveries: AtomicU64,
    done: AtomicU64,
    /// What a job panicked with: code of the user's that is no handler (a property, `Debug`), or a bug of ours.
    panicked: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Shared {
    /// A panic of a job goes on in the thread that asked for the search.
    fn hand_on_panic(&self) {
        if let Some(panic) = self.panicked.lock().ok().and_then(|mut panicked| panicked.take()) {
            panic::resume_unwind(panic);
        }
    }
}

struct Jobs {
    shared: Arc<Shared>,
    receiver: Receiver<(u64, Chunk)>,
    watches: Vec<(Watch, Arc<AtomicBool>)>,
}

impl Jobs {
    fn start<M: StateMachine>(
        explore: &Explore<M>,
        plan: &Arc<Plan<M>>,
        pilot: &Arc<Pilot>,
        seeds: &Range<u64>,
        began: Instant,
    ) -> Result<Self, RunError> {
        let chunks = (seeds.end.saturating_sub(seeds.start)).div_ceil(CHUNK);
        let shared = Arc::new(Shared {
            seeds: seeds.clone(),
            next_chunk: AtomicU64::new(0),
            end_chunk: AtomicU64::new(chunks),
            stop: Arc::clone(&explore.stop),
            deadline: explore.time.map(|time| began + time),
            cut: Mutex::new(None),
            deliveries: AtomicU64::new(0),
            done: AtomicU64::new(0),
            panicked: Mutex::new(None),
        });
        let jobs = if explore.jobs == 0 { processors() } else { explore.jobs };
        let (sender, receiver) = channel();
        let mut watches = Vec::new();
        for _ in 0..jobs.min(usize::try_from(chunks).unwrap_or(usize::MAX)).max(1) {
            let mut runner = Runner::new(Arc::clone(plan), explore.settings.clone(), explore.laws.as_deref())?;
            let busy = Arc::new(AtomicBool::new(true));
            watches.push((Watch::new(runner.pulse(), explore.step_limit), Arc::clone(&busy)));
            let (shared, sender, mut strategy) = (Arc::clone(&shared), sender.clone(), explore.strategy.make(pilot));
            thread::spawn(move || {
                let work = AssertUnwindSafe(|| work(&mut runner, strategy.as_mut(), &shared, &sender));
                if let (Err(panic), Ok(mut first)) = (panic::catch_unwind(work), shared.panicked.lock()) {
                    first.get_or_insert(panic);
                    shared.end_chunk.store(0, Ordering::Release);
                }
                busy.store(false, Ordering::Relaxed);
            });
        }
        Ok(Self { shared, receiver, watches })
    }

    /// Takes the chunks in the order of seeds and counts them, up to the first that failed.
    fn collect<M: StateMachine>(
        mut self,
        explore: &Explore<M>,
        report: &mut Report,
        coverage: &mut Coverage,
        seeds: &Range<u64>,
        began: Instant,
    ) -> Option<Failed> {
        let interval = self.watches.first().map_or(LOOK_EVERY, |(watch, _)| watch.interval());
        let (mut waiting, mut next) = (BTreeMap::new(), 0);
        let mut stuck: Option<(u64, u64)> = None;
        let failed = 'search: loop {
            while let Some(chunk) = waiting.remove(&next) {
                next += 1;
                let chunk: Chunk = chunk;
                count(report, &chunk);
                coverage.add(&chunk.coverage);
                if chunk.failed.is_some() {
                    break 'search chunk.failed;
                }
            }
            if next >= self.shared.end_chunk.load(Ordering::Acquire) {
                self.shared.hand_on_panic();
                break stuck.map(|(seed, step)| Failed::Stuck(seed, step));
            }
            match self.receiver.recv_timeout(interval) {
                Ok((at, chunk)) => _ = waiting.insert(at, chunk),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.shared.hand_on_panic();
                    break None;
                }
            }
            for (watch, busy) in &mut self.watches {
                if let (true, Some(here)) = (busy.load(Ordering::Relaxed), watch.look()) {
                    // Lower seeds are still to be heard of: one of them may fail, or be stuck too.
                    stuck = Some(stuck.map_or(here, |other| other.min(here)));
                    self.shared.end_chunk.fetch_min((here.0 - seeds.start) / CHUNK, Ordering::AcqRel);
                }
            }
            if let Some(progress) = &explore.progress {
                progress(Progress {
                    runs: self.shared.done.load(Ordering::Relaxed),
                    of: seeds.end - seeds.start,
                    deliveries: self.shared.deliveries.load(Ordering::Relaxed),
                    elapsed: began.elapsed(),
                    part: None,
                });
            }
        };
        self.shared.end_chunk.store(0, Ordering::Release);
        if let Some(Failed::Stuck(seed, _)) = &failed {
            report.runs = seed - seeds.start + 1;
        }
        if failed.is_none() {
            report.cut = self.shared.cut.lock().ok().and_then(|cut| cut.clone());
        }
        failed
    }
}

fn count(report: &mut Report, chunk: &Chunk) {
    for run in &chunk.runs {
        report.runs += 1;
        report.steps += run.steps;
        report.deliveries += run.deliveries;
        report.unfinished += u64::from(run.end == EndReason::Steps);
        report.at_horizon += u64::from(run.end == EndReason::Horizon);
        report.distinct.add(run.fingerprint);
    }
    for (name, times) in &chunk.reached {
        *report.reached.entry(name.clone()).or_insert(0) += times;
    }
}

/// One job: takes chunks until there are no more.
fn work<M: StateMachine>(
    runner: &mut Runner<M>,
    strategy: &mut dyn Strategy,
    shared: &Shared,
    sender: &Sender<(u64, Chunk)>,
) {
    loop {
        let at = shared.next_chunk.fetch_add(1, Ordering::AcqRel);
        if at >= shared.end_chunk.load(Ordering::Acquire) {
            return;
        }
        let cut = if shared.stop.load(Ordering::Relaxed) {
            Some(Cut::Stopped)
        } else {
            shared.deadline.filter(|deadline| Instant::now() >= *deadline).map(|_| Cut::Time)
        };
        if let (Some(cut), Ok(mut first)) = (cut, shared.cut.lock()) {
            shared.end_chunk.fetch_min(at, Ordering::AcqRel);
            first.get_or_insert(cut);
            return;
        }
        let Some(chunk) = run_chunk(runner, strategy, shared, at) else { return };
        if chunk.failed.is_some() {
            shared.end_chunk.fetch_min(at + 1, Ordering::AcqRel);
        }
        if sender.send((at, chunk)).is_err() {
            return;
        }
    }
}

/// Runs the seeds of one chunk up to the first that fails; none if a lower chunk has failed meanwhile.
fn run_chunk<M: StateMachine>(
    runner: &mut Runner<M>,
    strategy: &mut dyn Strategy,
    shared: &Shared,
    at: u64,
) -> Option<Chunk> {
    let mut chunk = Chunk::default();
    let first = shared.seeds.start + at * CHUNK;
    for seed in first..(first + CHUNK).min(shared.seeds.end) {
        if at >= shared.end_chunk.load(Ordering::Relaxed) {
            return None;
        }
        if (seed - shared.seeds.start).is_multiple_of(TWICE_EVERY) {
            let (one, two) = (runner.record(seed, strategy), runner.record(seed, strategy));
            if let Some(violation) = difference(&one, &two) {
                chunk.runs.push(one.run.clone());
                chunk.failed = Some(Failed::Determinism(seed, Box::new(violation), Box::new(one)));
                return Some(chunk);
            }
        }
        let run = runner.run(seed, strategy);
        for name in runner.reached() {
            *chunk.reached.entry(name.to_owned()).or_insert(0) += 1;
        }
        runner.world().coverage().into_iter().for_each(|seen| chunk.coverage.add(seen));
        shared.done.fetch_add(1, Ordering::Relaxed);
        shared.deliveries.fetch_add(run.deliveries, Ordering::Relaxed);
        let failed = run.violation.is_some();
        chunk.runs.push(run);
        if failed {
            chunk.failed = Some(Failed::Law(seed));
            return Some(chunk);
        }
    }
    Some(chunk)
}

/// The first difference between two runs that should be the same, verdict and final state included.
pub(crate) fn difference(one: &Recording, two: &Recording) -> Option<Violation> {
    determinism::compare(&one.trace, &two.trace).or_else(|| {
        let same = one.run == two.run;
        (!same).then(|| determinism::of_state(&one.trace))
    })
}

/// Runs a failing seed twice more, to have its events and to be sure that it fails every time.
fn write_down<M: StateMachine>(runner: &mut Runner<M>, strategy: &mut dyn Strategy, seed: u64) -> Found {
    let one = runner.record(seed, strategy);
    let two = runner.record(seed, strategy);
    if let Some(violation) = difference(&one, &two) {
        return as_found(runner, seed, violation, Some(one));
    }
    match one.run.violation.clone() {
        Some(violation) => as_found(runner, seed, violation, Some(one)),
        None => as_found(runner, seed, determinism::of_state(&one.trace), Some(one)),
    }
}

pub(crate) fn as_found<M: StateMachine>(
    runner: &Runner<M>,
    seed: u64,
    violation: Violation,
    recording: Option<Recording>,
) -> Found {
    let signature = violation.signature(&runner.conditions().names);
    let (steps, schedule, trace) = match recording {
        Some(recording) => (recording.run.steps, recording.schedule, Some(recording.trace)),
        None => (0, Vec::new(), None),
    };
    let digest = trace.as_ref().map_or(Digest(0), raddle_core::Trace::digest);
    let (shrunk, pair, without, saved) = (None, None, Vec::new(), None);
    Found { violation, signature, seed, steps, schedule, without, shrunk, pair, trace, digest, pilot: None, saved }
}

/// Goes to the step that never ended, without taking it.
fn stuck<M: StateMachine>(
    runner: &mut Runner<M>,
    strategy: &mut dyn Strategy,
    seed: u64,
    step: u64,
    limit: Duration,
) -> Found {
    let names = Arc::clone(&runner.conditions().names);
    let schedule = runner.schedule_until(seed, strategy, step);
    let input = schedule.last().map(|last| last.display(&names).to_string()).unwrap_or_default();
    let message = schedule.iter().rev().find_map(|decision| match decision {
        Decision::Deliver(id) => Some(id.clone()),
        _ => None,
    });
    let violation = Violation::stuck(message, format!("the handler of {input} did not return within {limit:?}"));
    let signature = violation.signature(&names);
    let (shrunk, pair, without, saved) = (None, None, Vec::new(), None);
    let (steps, trace, digest) = (step, None, Digest(0));
    Found { violation, signature, seed, steps, schedule, without, shrunk, pair, trace, digest, pilot: None, saved }
}

/// Shrinks what a search found. What cannot be shrunk stays as it was found: where a handler of another run never returns
/// or a property panics, the run that was found is still one to be told.
fn make_smaller<M: StateMachine>(explore: &Explore<M>, plan: &Arc<Plan<M>>, found: Found) -> Found {
    let Some(budget) = explore.shrink.filter(|_| found.trace.is_some() && found.violation.law != "determinism") else {
        return found;
    };
    let (laws, settings) = (explore.laws.clone(), explore.settings.clone());
    let (stop, original) = (Arc::clone(&explore.stop), found.clone());
    let work = move |runner: &mut Runner<M>| shrink_within(runner, &original, &budget, &stop);
    match replay_watched(Arc::clone(plan), settings, laws, explore.step_limit, work) {
        Ok(Ok(Some(smaller))) => smaller,
        _ => found,
    }
}

/// Shrinks for as long as the budget says and nobody stops it; none if there is nothing to show for it.
pub(crate) fn shrink_within<M: StateMachine>(
    runner: &mut Runner<M>,
    found: &Found,
    budget: &Budget,
    stop: &AtomicBool,
) -> Option<Found> {
    let deadline = budget.time.map(|time| Instant::now() + time);
    let go_on = || !stop.load(Ordering::Relaxed) && deadline.is_none_or(|deadline| Instant::now() < deadline);
    let work = AssertUnwindSafe(|| shrink::shrink(runner, found, budget, &go_on));
    panic::catch_unwind(work).ok().flatten()
}

/// What one job says of one part of an exhaustive search.
type Part = (usize, Result<Searched, Refusal>);

/// What all jobs of an exhaustive search share.
struct Exhausting<M: StateMachine> {
    task: Task<M>,
    control: Vec<Control>,
    next: AtomicU64,
    panicked: Mutex<Option<Box<dyn Any + Send>>>,
}

/// Searches all runs; parts of the search are counted in their order, whoever has done them.
fn exhaust<M: StateMachine>(
    explore: &Explore<M>,
    kind: Exhaustive,
    plan: Arc<Plan<M>>,
    report: &mut Report,
    began: Instant,
) -> Result<(), RunError> {
    let task = Task {
        plan: Arc::clone(&plan),
        settings: explore.settings.clone(),
        laws: explore.laws.clone(),
        kind,
        seed: explore.seeds.start,
        scouts: true,
    };
    task.check()?;
    let mut stage = task.stage()?;
    let unknown = scope::unknown(kind, &plan, &explore.settings, stage.runner.laws());
    let pulse = stage.runner.pulse();
    let (file, limit) = (explore.checkpoint.clone(), explore.step_limit);
    let begun = watched(&pulse, limit, move || -> Result<_, RunError> {
        let parts = task.begin(&mut stage, file.as_deref())?;
        Ok((task, stage, parts))
    });
    let (task, stage, parts) = match begun {
        Ok(begun) => begun?,
        Err((_, step)) => {
            report.found = Some(stuck_searching(&plan, explore, 0, step)?);
            return Ok(());
        }
    };
    let (count, asked) = (parts.len(), if explore.jobs == 0 { processors() } else { explore.jobs });
    let shared = Arc::new(Exhausting {
        control: (0..count).map(|_| Control::under(&explore.stop)).collect(),
        task,
        next: AtomicU64::new(0),
        panicked: Mutex::new(None),
    });
    let parts = Arc::new(parts.into_iter().map(|part| Mutex::new(Some(part))).collect::<Vec<_>>());
    let (sender, receiver) = channel();
    let mut watches = Vec::new();
    let mut stages = vec![stage];
    while stages.len() < asked.min(count) {
        stages.push(shared.task.stage()?);
    }
    for mut stage in stages {
        let busy = Arc::new(AtomicBool::new(true));
        watches.push((Watch::new(stage.runner.pulse(), limit), Arc::clone(&busy)));
        let (shared, parts, sender) = (Arc::clone(&shared), Arc::clone(&parts), sender.clone());
        thread::spawn(move || {
            let work = AssertUnwindSafe(|| search_parts(&mut stage, &shared, &parts, &sender));
            if let (Err(panic), Ok(mut first)) = (panic::catch_unwind(work), shared.panicked.lock()) {
                first.get_or_insert(panic);
            }
            busy.store(false, Ordering::Relaxed);
        });
    }
    drop(sender);
    let mut done: BTreeMap<usize, Searched> = BTreeMap::new();
    while done.len() < count {
        match receiver.recv_timeout(watches[0].0.interval()) {
            Ok((at, searched)) => _ = done.insert(at, searched?),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                if let Some(panic) = shared.panicked.lock().ok().and_then(|mut panicked| panicked.take()) {
                    panic::resume_unwind(panic);
                }
            }
        }
        let cut = match explore.stop.load(Ordering::Relaxed) {
            true => Some(Cut::Stopped),
            false => explore.time.filter(|time| began.elapsed() >= *time).map(|_| Cut::Time),
        };
        if let (Some(cut), None) = (cut, &report.cut) {
            shared.control.iter().for_each(|control| control.stop.store(true, Ordering::Relaxed));
            report.cut = Some(cut);
        }
        for (watch, busy) in &mut watches {
            if let (true, Some((run, step))) = (busy.load(Ordering::Relaxed), watch.look()) {
                report.found = Some(stuck_searching(&plan, explore, run, step)?);
                return Ok(());
            }
        }
        if let Some(progress) = &explore.progress {
            let so_far = shared.control.iter().map(Control::so_far);
            let (runs, deliveries, part) = so_far.fold((0, 0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2));
            let part = (part / count as f64).clamp(0.0, 1.0);
            let of = if part > 0.0 { (runs as f64 / part) as u64 } else { 0 };
            progress(Progress { runs, of, deliveries, elapsed: began.elapsed(), part: Some(part) });
        }
    }
    let searched: Vec<Searched> = done.into_values().collect();
    if searched.iter().all(|searched| searched.is_over) {
        report.cut = None;
    } else if explore.stop.load(Ordering::Relaxed) {
        report.cut = Some(Cut::Stopped);
    }
    if let Some(file) = &explore.checkpoint {
        shared.task.end(file, &searched)?;
    }
    let mut exhausted = Exhausted::join(searched, report);
    exhausted.unknown = unknown;
    let broken = report.found.iter().chain(&exhausted.also).map(|found| found.violation.law.clone());
    let broken: Vec<String> = broken.collect();
    exhausted.unknown.retain(|unknown| !broken.contains(&unknown.law));
    exhausted.one_job = count == 1 && explore.jobs > 1;
    report.exhausted = Some(exhausted);
    Ok(())
}

/// One job: takes parts until there are no more.
fn search_parts<M: StateMachine>(
    stage: &mut Stage<M>,
    shared: &Exhausting<M>,
    parts: &[Mutex<Option<search::Part>>],
    sender: &Sender<Part>,
) {
    loop {
        let at = shared.next.fetch_add(1, Ordering::AcqRel) as usize;
        let Some(part) = parts.get(at).and_then(|part| part.lock().ok()?.take()) else { return };
        let searched = shared.task.search(part, stage, &shared.control[at], &mut |_| {});
        if sender.send((at, searched)).is_err() {
            return;
        }
    }
}

/// A handler that never returned to an exhaustive search. Its run is not known: the job that knows it never returns.
fn stuck_searching<M: StateMachine>(
    plan: &Arc<Plan<M>>,
    explore: &Explore<M>,
    run: u64,
    step: u64,
) -> Result<Found, RunError> {
    let runner = Runner::new(Arc::clone(plan), explore.settings.clone(), explore.laws.as_deref())?;
    let limit = explore.step_limit;
    let reason = format!("a handler did not return within {limit:?}, at step {step} of execution {run} of a job");
    Ok(Found { steps: step, ..as_found(&runner, explore.seeds.start, Violation::stuck(None, reason), None) })
}

/// Settings that replay something in a watched thread.
pub(crate) fn replay_watched<M: StateMachine, T: Send + 'static>(
    plan: Arc<Plan<M>>,
    settings: Settings,
    laws: Option<Vec<String>>,
    limit: Duration,
    task: impl FnOnce(&mut Runner<M>) -> T + Send + 'static,
) -> Result<Result<T, (u64, u64)>, RunError> {
    let mut runner = Runner::new(plan, settings, laws.as_deref())?;
    let pulse = runner.pulse();
    Ok(watched(&pulse, limit, move || task(&mut runner)))
}
