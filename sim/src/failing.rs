//! A saved run that must fail as it did before anything more can be done with it: shrinking, explaining.

use raddle_core::{StateMachine, System};

use crate::actions::Decision;
use crate::campaign;
use crate::finding::Finding;
use crate::replay::{Outcome, ReplayError, Replayed, Saved, replay};
use crate::run::Runner;

/// A saved run that cannot be shrunk or explained.
#[derive(Debug, thiserror::Error)]
pub enum FailingError {
    /// It cannot even be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// It does not break anything any more.
    #[error(
        "the run broke {was} when it was found, and breaks nothing now: say `expectation: pass` in it if that is right"
    )]
    Clean {
        /// What it broke, as a signature.
        was: String,
    },
    /// It breaks something else.
    #[error("the run broke {was} when it was found, and breaks {is} now: explore again, and take what that finds")]
    Other {
        /// What it broke, as a signature.
        was: String,
        /// What it breaks.
        is: String,
    },
    /// It is a real run, and its times are part of it.
    #[error(
        "the run breaks {was} at the times at which it really ran, and not by the clock of the simulator: `replay` and `view` \
         show it, and nothing simpler can be looked for"
    )]
    Timed {
        /// What it broke, as a signature.
        was: String,
    },
    /// Other runs of the system do not end, or panic.
    #[error(
        "of `{system}`, a handler does not return or a property panics in a run beside this one: see what was printed, or \
         explore for it"
    )]
    Stuck {
        /// The system.
        system: String,
    },
}

/// A saved run that fails as it did.
pub(crate) struct Failing<M: StateMachine> {
    pub(crate) saved: Saved<M>,
    pub(crate) replayed: Replayed,
}

impl<M: StateMachine> Failing<M> {
    /// Does it again.
    pub(crate) fn of(system: &System<M>, finding: &Finding) -> Result<Self, FailingError> {
        let replayed = replay(system, finding)?;
        let was = || finding.signature.clone();
        match (replayed.outcome, &replayed.signature) {
            (Outcome::Same | Outcome::SameViolation, _) => Ok(Self { saved: Saved::of(system, finding)?, replayed }),
            (_, Some(is)) => Err(FailingError::Other { was: was(), is: is.clone() }),
            (_, None) => Err(FailingError::Clean { was: was() }),
        }
    }

    /// Does something with many runs beside it, in a thread that is watched; none is a run that panicked.
    pub(crate) fn study<T: Send + 'static>(
        &self,
        finding: &Finding,
        task: impl FnOnce(&mut Runner<M>) -> Option<T> + Send + 'static,
    ) -> Result<T, FailingError> {
        let (plan, settings) = (self.saved.plan.clone(), self.saved.settings.clone());
        let task = move |runner: &mut Runner<M>| {
            runner.world.forget_histories();
            task(runner)
        };
        let done = campaign::replay_watched(plan, settings, Some(finding.laws.clone()), task);
        let done = done.map_err(ReplayError::from)?.ok().flatten();
        done.ok_or_else(|| match self.saved.schedule.iter().any(|decision| matches!(decision, Decision::At(_))) {
            true => FailingError::Timed { was: finding.signature.clone() },
            false => FailingError::Stuck { system: self.saved.names.system().to_owned() },
        })
    }
}
