//! The watchdog: a handler cannot be interrupted, but one that never returns can be noticed.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use raddle_core::{Plan, StateMachine};

use crate::run::{AT_REST, Pulse, RunError, Runner};
use crate::settings::Settings;

/// How often the watchdog looks, at the least.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs `task` on a thread of its own; gives up when one step of the run behind `pulse` takes longer than `limit`.
///
/// # Errors
/// The seed and step that did not end. The thread is left behind: a handler cannot be interrupted.
pub(super) fn watched<T: Send + 'static>(
    pulse: &Arc<Pulse>,
    limit: Duration,
    task: impl FnOnce() -> T + Send + 'static,
) -> Result<T, (u64, u64)> {
    let (sender, receiver) = channel();
    start(Box::new(move || _ = sender.send(task())));
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

/// Starts a thread. Boxed, the machinery of threads is made once, and not for each kind of machine and work.
pub(super) fn start(work: Box<dyn FnOnce() + Send>) {
    thread::spawn(work);
}

/// Watches one job.
pub(super) struct Watch {
    pulse: Arc<Pulse>,
    limit: Duration,
    last: (u64, u64),
    since: Instant,
}

impl Watch {
    pub(super) fn of<M: StateMachine>(runner: &Runner<M>) -> Self {
        Self::new(runner.pulse(), runner.world.plan.step_limit())
    }

    fn new(pulse: Arc<Pulse>, limit: Duration) -> Self {
        Self { last: pulse.read(), pulse, limit, since: Instant::now() }
    }

    pub(super) fn interval(&self) -> Duration {
        LOOK_EVERY.min(self.limit / 4)
    }

    pub(super) fn look(&mut self) -> Option<(u64, u64)> {
        let now = self.pulse.read();
        if now != self.last {
            (self.last, self.since) = (now, Instant::now());
        }
        (now.1 != AT_REST && self.since.elapsed() > self.limit).then_some(now)
    }
}

/// Settings that replay something in a watched thread.
pub(crate) fn replay_watched<M: StateMachine, T: Send + 'static>(
    plan: Arc<Plan<M>>,
    settings: Settings,
    laws: Option<Vec<String>>,
    task: impl FnOnce(&mut Runner<M>) -> T + Send + 'static,
) -> Result<Result<T, (u64, u64)>, RunError> {
    let limit = plan.step_limit();
    let mut runner = Runner::new(plan, settings, laws.as_deref())?;
    let pulse = runner.pulse();
    Ok(watched(&pulse, limit, move || task(&mut runner)))
}
