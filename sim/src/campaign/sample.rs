//! A search by seeds on several jobs: chunks of seeds are taken by whoever is free, and counted in their order.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use raddle_checkers::{Losses, Violation};
use raddle_core::{EndReason, Plan, StateMachine};

use super::found::difference;
use super::processors;
use super::watch::{LOOK_EVERY, Watch, start};
use crate::coverage::Coverage;
use crate::explore::{Cut, Explore, Progress, Report};
use crate::pilot::Pilot;
use crate::run::{Recording, Run, RunError, Runner};
use crate::strategy::Strategy;

/// How many seeds a job takes at once.
const CHUNK: u64 = 64;
/// Every how many seeds a run is done twice and compared.
pub(crate) const TWICE_EVERY: u64 = 1_000;

/// Why the search is over.
pub(super) enum Failed {
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
    losses: Losses,
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

pub(super) struct Jobs {
    shared: Arc<Shared>,
    receiver: Receiver<(u64, Chunk)>,
    watches: Vec<(Watch, Arc<AtomicBool>)>,
}

impl Jobs {
    pub(super) fn start<M: StateMachine>(
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
            watches.push((Watch::of(&runner), Arc::clone(&busy)));
            let (shared, sender, mut strategy) = (Arc::clone(&shared), sender.clone(), explore.strategy.make(pilot));
            start(Box::new(move || {
                let work = AssertUnwindSafe(|| work(&mut runner, strategy.as_mut(), &shared, &sender));
                if let (Err(panic), Ok(mut first)) = (panic::catch_unwind(work), shared.panicked.lock()) {
                    first.get_or_insert(panic);
                    shared.end_chunk.store(0, Ordering::Release);
                }
                busy.store(false, Ordering::Relaxed);
            }));
        }
        Ok(Self { shared, receiver, watches })
    }

    /// Takes the chunks in the order of seeds and counts them, up to the first that failed.
    pub(super) fn collect<M: StateMachine>(
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
        report.faults.iter_mut().for_each(|(kind, times)| *times += u64::from(run.faults[*kind as usize]));
    }
    report.losses.join(&chunk.losses);
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
    for seed in first..first.saturating_add(CHUNK).min(shared.seeds.end) {
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
        chunk.losses.join(runner.losses());
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
