//! The warden: wakes the thread of a worker whose process has died, and, if the run was asked to, kills and stops
//! processes to see what becomes of that.
//!
//! Whom it kills and stops is drawn from the seed of the run. When, the clock says; so two runs of one seed differ.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use raddle_core::{WorkerId, random};

use super::body::Body;
use crate::hands::Overseen;

/// What the warden is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The process of this worker has stopped printing: mostly because it is dead.
    Quiet(WorkerId),
    /// The run is over.
    Over,
}

/// Who sees to the processes of a run.
pub(crate) struct Warden {
    pub(crate) notices: Receiver<Notice>,
    pub(crate) bodies: Vec<Arc<Body>>,
    pub(crate) seed: u64,
    pub(crate) kill: Tick,
    pub(crate) stop: Tick,
    /// No process is stopped for longer.
    pub(crate) stop_max: Duration,
}

/// Something that is done again and again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    every: Option<Duration>,
    next: Option<Instant>,
}

impl Tick {
    /// So often, if at all.
    pub(crate) fn new(every: Option<Duration>) -> Self {
        Self { every, next: every.and_then(|every| Instant::now().checked_add(every)) }
    }

    /// Whether it is time; if so, not again until so much later.
    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.next.is_some_and(|next| next <= now);
        if due {
            self.next = self.every.and_then(|every| now.checked_add(every));
        }
        due
    }
}

impl Warden {
    /// Does this until the run is over.
    pub(crate) fn watch(mut self, run: &dyn Overseen) {
        let mut rng = random::substream(self.seed, "torture", 0);
        let mut stopped: Option<(usize, Instant)> = None;
        loop {
            let next = [self.kill.next, self.stop.next, stopped.map(|(_, until)| until)].into_iter().flatten().min();
            let notice = match next {
                None => self.notices.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(next) => self.notices.recv_timeout(next.saturating_duration_since(Instant::now())),
            };
            match notice {
                Ok(Notice::Quiet(worker)) => run.rouse(worker),
                Ok(Notice::Over) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = Instant::now();
            if let Some((at, _)) = stopped.filter(|(_, until)| *until <= now || !run.is_running()) {
                self.bodies[at].stop(false);
                stopped = None;
            }
            let mut draw = || random::below(&mut rng, self.bodies.len() as u32) as usize;
            if self.kill.is_due(now) && run.is_running() {
                self.bodies[draw()].kill();
            }
            if self.stop.is_due(now) && run.is_running() && stopped.is_none() {
                let at = draw();
                let pause = self.stop.every.unwrap_or_default().min(self.stop_max);
                stopped = self.bodies[at].stop(true).then_some((at, now + pause));
            }
        }
        if let Some((at, _)) = stopped {
            self.bodies[at].stop(false);
        }
    }
}
