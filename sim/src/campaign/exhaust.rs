//! An exhaustive search on several jobs, where it can be cut into parts.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use raddle_checkers::Violation;
use raddle_core::{Names, Plan, StateMachine};

use super::found::as_found;
use super::keep::Keeper;
use super::processors;
use super::watch::{Watch, start, watched};
use crate::exhaustive::checkpoint::CheckpointFile;
use crate::exhaustive::control::Control;
use crate::exhaustive::estimate::estimate;
use crate::exhaustive::scout::scouts_for;
use crate::exhaustive::search::{self, Searched, Task};
use crate::exhaustive::stage::Stage;
use crate::exhaustive::{Exhausted, Exhaustive, Refusal, Unknown, scope};
use crate::explore::{Cut, Explore, Found, Progress, Report};
use crate::run::{RunError, Runner};

/// What one job says of one part of an exhaustive search.
type Part = (usize, Result<Searched, Refusal>);

/// What all jobs of an exhaustive search share.
struct Exhausting<M: StateMachine> {
    task: Task<M>,
    control: Vec<Control>,
    next: AtomicU64,
    panicked: Mutex<Option<Box<dyn Any + Send>>>,
}

impl<M: StateMachine> Exhausting<M> {
    /// All jobs are to end soon.
    fn stop(&self) {
        self.control.iter().for_each(|control| control.stop.store(true, Ordering::Relaxed));
    }
}

/// A search that can be begun.
struct Begun<M: StateMachine> {
    task: Task<M>,
    stage: Stage<M>,
    parts: Vec<search::Part>,
    file: Option<CheckpointFile>,
    /// About how many executions there are.
    about: Option<f64>,
}

/// The watches over the stages of all jobs, and whether their job is at work.
type Watches = Vec<(Watch, Arc<AtomicBool>)>;

/// Searches all runs; parts of the search are counted in their order, whoever has done them.
pub(super) fn exhaust<M: StateMachine>(
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
        scouts: 0,
        variant: explore.variant.clone(),
    };
    task.check()?;
    let stage = task.stage()?;
    let unknown = scope::unknown(kind, &plan, &explore.settings, stage.runner.laws());
    let Begun { task, stage, parts, file, about } = match begin(explore, task, stage)? {
        Ok(begun) => begun,
        Err(step) => {
            report.found = Some(stuck_searching(&plan, explore, 0, step)?);
            return Ok(());
        }
    };
    if let (Some(progress), Some(about)) = (&explore.progress, about) {
        let (runs, deliveries, elapsed) = (0, 0, began.elapsed());
        progress(Progress { runs, of: about as u64, deliveries, elapsed, part: Some(0.0) });
    }
    let (count, asked) = (parts.len(), if explore.jobs == 0 { processors() } else { explore.jobs });
    let shared = Arc::new(Exhausting {
        control: (0..count).map(|_| Control::under(&explore.stop)).collect(),
        task,
        next: AtomicU64::new(0),
        panicked: Mutex::new(None),
    });
    let parts = Arc::new(parts.into_iter().map(|part| Mutex::new(Some(part))).collect::<Vec<_>>());
    let (receiver, mut watches) = start_jobs(asked, stage, &shared, &parts)?;
    let mut keeper = Keeper::new(explore.checkpoint_every, Instant::now());
    let pause = if file.is_some() { keeper.pause() } else { Duration::MAX };
    let mut done: BTreeMap<usize, Searched> = BTreeMap::new();
    while done.len() < count {
        match receiver.recv_timeout(watches[0].0.interval().min(pause)) {
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
            shared.stop();
            report.cut = Some(cut);
        }
        if let (Some(file), None, true) = (&file, &report.cut, done.len() < count) {
            keep(file, &mut keeper, &shared, &parts, &done).inspect_err(|_| shared.stop())?;
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
            let part = at_most(about, runs, (part / count as f64).clamp(0.0, 1.0));
            // How many states there are, those that are known do not tell.
            let can_tell = part > 0.0 && kind != Exhaustive::States;
            let of = if can_tell { (runs as f64 / part) as u64 } else { 0 };
            progress(Progress { runs, of, deliveries, elapsed: began.elapsed(), part: Some(part) });
        }
    }
    let searched: Vec<Searched> = done.into_values().collect();
    if searched.iter().all(|searched| searched.is_over) {
        report.cut = None;
    } else if explore.stop.load(Ordering::Relaxed) {
        report.cut = Some(Cut::Stopped);
    }
    if let (Some(file), false) = (&file, is_at_odds(&searched)) {
        file.write(searched.iter().map(Searched::saved).collect()).map_err(Refusal::from)?;
    }
    let mut exhausted = sum_up(kind, searched, unknown, about, plan.names(), report);
    exhausted.checkpoint = explore.checkpoint.clone().filter(|file| file.exists());
    exhausted.one_job = count == 1 && asked > 1 && shared.task.stages(asked) == 1;
    report.exhausted = Some(exhausted);
    Ok(())
}

/// Reads where the search goes on, if anywhere, and estimates how long it will be. If a handler does not return meanwhile, at
/// which step.
fn begin<M: StateMachine>(
    explore: &Explore<M>,
    mut task: Task<M>,
    mut stage: Stage<M>,
) -> Result<Result<Begun<M>, u64>, RunError> {
    let (pulse, limit) = (stage.runner.pulse(), stage.runner.world.plan.step_limit());
    let path = explore.checkpoint.clone();
    let begin = move || -> Result<_, RunError> {
        let file = path.map(|path| CheckpointFile::new(&path, &task, &mut stage));
        // To read a long checkpoint is no handler that does not return.
        stage.rests();
        let parts = task.begin(&mut stage, file.as_ref())?;
        // A property of the user's may panic in a run that the search itself would come to later.
        let about = panic::catch_unwind(AssertUnwindSafe(|| estimate(&task, &mut stage))).ok().flatten();
        task.scouts = scouts_for(about);
        Ok(Begun { task, stage, parts, file, about })
    };
    match watched(&pulse, limit, move || panic::catch_unwind(AssertUnwindSafe(begin))) {
        Ok(Ok(begun)) => begun.map(Ok),
        Ok(Err(panic)) => panic::resume_unwind(panic),
        Err((_, step)) => Ok(Err(step)),
    }
}

/// Starts as many jobs as are asked for and find work.
fn start_jobs<M: StateMachine>(
    asked: usize,
    stage: Stage<M>,
    shared: &Arc<Exhausting<M>>,
    parts: &Arc<Vec<Mutex<Option<search::Part>>>>,
) -> Result<(Receiver<Part>, Watches), RunError> {
    let (sender, receiver) = channel();
    let mut watches = Vec::new();
    let mut stage = Some(stage);
    for _ in 0..asked.min(parts.len()) {
        let stages = (0..shared.task.stages(asked)).map(|_| stage.take().map_or_else(|| shared.task.stage(), Ok));
        let mut stages = stages.collect::<Result<Vec<_>, _>>()?;
        stages.iter().for_each(Stage::rests);
        let busy = Arc::new(AtomicBool::new(true));
        let watch = |stage: &Stage<M>| (Watch::of(&stage.runner), Arc::clone(&busy));
        watches.extend(stages.iter().map(watch));
        let (shared, parts, sender) = (Arc::clone(shared), Arc::clone(parts), sender.clone());
        start(Box::new(move || {
            let work = AssertUnwindSafe(|| search_parts(&mut stages, &shared, &parts, &sender));
            if let (Err(panic), Ok(mut first)) = (panic::catch_unwind(work), shared.panicked.lock()) {
                first.get_or_insert(panic);
                // Nobody is to wait for the others.
                shared.stop();
            }
            busy.store(false, Ordering::Relaxed);
        }));
    }
    Ok((receiver, watches))
}

/// What all parts came to, and what of that nobody can tell.
fn sum_up(
    kind: Exhaustive,
    searched: Vec<Searched>,
    unknown: Vec<Unknown>,
    about: Option<f64>,
    names: &Names,
    report: &mut Report,
) -> Exhausted {
    let has_history = searched.iter().any(|searched| searched.tally.has_history);
    let mut exhausted = Exhausted::join(searched, names, report);
    (exhausted.unknown, exhausted.estimate) = (unknown, about);
    if !exhausted.complete {
        exhausted.part = at_most(about, exhausted.executions, exhausted.part);
    }
    if kind == Exhaustive::Dpor && !has_history {
        exhausted.unknown.retain(|unknown| !scope::OF_HISTORIES.contains(&unknown.law.as_str()));
    }
    let broken = report.found.iter().chain(&exhausted.also).map(|found| found.violation.law.clone());
    let broken: Vec<String> = broken.collect();
    exhausted.unknown.retain(|unknown| !broken.contains(&unknown.law));
    exhausted
}

/// How much is done, as it seems from the path that the search is on, but no more than so many runs are of all that there
/// seemed to be before: what happens early is changed late, and nobody knows beforehand what that leads to.
fn at_most(about: Option<f64>, runs: u64, part: f64) -> f64 {
    about.map_or(part, |about| part.min(runs as f64 / about.max(1.0)))
}

/// Writes the checkpoint of a search that goes on, if it is time and all is known.
fn keep<M: StateMachine>(
    file: &CheckpointFile,
    keeper: &mut Keeper,
    shared: &Exhausting<M>,
    parts: &[Mutex<Option<search::Part>>],
    done: &BTreeMap<usize, Searched>,
) -> Result<(), Refusal> {
    if is_at_odds(done.values()) {
        return Ok(());
    }
    let not_begun = |at: usize| parts[at].lock().ok()?.as_ref().map(|part| shared.task.not_begun(part));
    let resting = |at: usize| done.get(&at).map(Searched::saved).or_else(|| not_begun(at));
    let began = Instant::now();
    if let Some(left) = keeper.gather(began, &shared.control, resting) {
        file.write(left)?;
        keeper.wrote(Instant::now(), began.elapsed());
    }
    Ok(())
}

/// Whether what was counted cannot be relied on: then there is nothing to go on from, and what is there stays.
fn is_at_odds<'a>(searched: impl IntoIterator<Item = &'a Searched>) -> bool {
    searched.into_iter().any(|searched| searched.tally.is_at_odds())
}

/// One job: takes parts until there are no more.
fn search_parts<M: StateMachine>(
    stages: &mut [Stage<M>],
    shared: &Exhausting<M>,
    parts: &[Mutex<Option<search::Part>>],
    sender: &Sender<Part>,
) {
    loop {
        let at = shared.next.fetch_add(1, Ordering::AcqRel) as usize;
        let Some(part) = parts.get(at).and_then(|part| part.lock().ok()?.take()) else { return };
        let searched = shared.task.search(part, stages, &shared.control[at], &mut |_| {});
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
    let limit = plan.step_limit();
    let reason = format!("a handler did not return within {limit:?}, at step {step} of execution {run} of a job");
    Ok(Found { steps: step, ..as_found(&runner, explore.seeds.start, Violation::stuck(None, reason), None) })
}
