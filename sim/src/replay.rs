//! Replay: doing a saved run again, by its schedule.

use std::sync::Arc;
use std::time::Duration;

use raddle_core::{Digest, MessageId, Names, Plan, StateMachine, System};

use crate::actions::Decision;
use crate::campaign;
use crate::finding::{Finding, FindingError};
use crate::lift::RECORDED;
use crate::run::{Recording, RunError};
use crate::settings::Settings;
use crate::strategy::{Misfit, Replay};

/// What became of a saved run.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The run as it went now.
    pub recording: Recording,
    /// Its digest.
    pub digest: Digest,
    /// The signature of what it broke, if anything.
    pub signature: Option<String>,
    /// The first choice of the schedule that was not possible.
    pub misfit: Option<Misfit>,
    /// How it compares with what was saved.
    pub outcome: Outcome,
}

/// How a replay compares with what was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The same violation, event for event.
    Same,
    /// The same violation, though the run is not the same event for event: the code has changed.
    SameViolation,
    /// Another violation.
    OtherViolation,
    /// No violation.
    Clean,
}

/// A replay that could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The finding.
    #[error(transparent)]
    Finding(#[from] FindingError),
    /// The system.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A handler did not return.
    #[error("step {step} of the replay did not return within {limit:?}: the handler of {input} never returns")]
    Stuck {
        /// The step.
        step: u64,
        /// The last choice of the schedule at that step.
        input: String,
        /// How long it was waited for.
        limit: Duration,
    },
}

/// Does a saved run again. `system` is built with the finding's own parameters and bug; its policies and settings
/// are taken from the finding.
///
/// # Errors
/// When the finding does not fit the system, or a handler does not return.
pub fn replay<M: StateMachine>(system: &System<M>, finding: &Finding) -> Result<Replayed, ReplayError> {
    let Saved { plan, names, settings, schedule, without } = Saved::of(system, finding)?;
    let (seed, was) = (finding.seed, (finding.signature.clone(), finding.digest));
    let (is_recorded, limit) = (finding.strategy == RECORDED, plan.step_limit());
    let done = campaign::replay_watched(plan, settings, Some(finding.laws.clone()), move |runner| {
        runner.leave_out(&runner.left_out(&without));
        if is_recorded {
            runner.world.forget_histories();
        }
        let mut strategy = Replay::new(schedule);
        let recording = runner.record(seed, &mut strategy);
        compare(recording, strategy.misfit().cloned(), &names, was)
    })?;
    done.map_err(|(_, step)| {
        let input = finding.schedule.get(step as usize - 1).cloned().unwrap_or_else(|| "an input".to_owned());
        ReplayError::Stuck { step, input, limit }
    })
}

/// A finding with the system that it is of.
pub(crate) struct Saved<M: StateMachine> {
    pub(crate) plan: Arc<Plan<M>>,
    pub(crate) names: Arc<Names>,
    pub(crate) settings: Settings,
    pub(crate) schedule: Vec<Decision>,
    pub(crate) without: Vec<MessageId>,
}

impl<M: StateMachine> Saved<M> {
    /// Puts them together.
    pub(crate) fn of(system: &System<M>, finding: &Finding) -> Result<Self, ReplayError> {
        let mut system = finding.apply_workload(finding.apply_policies(system.clone())?)?;
        if let Some(messages) = finding.messages {
            system = system.messages_in_all(messages);
        }
        let plan = system.plan().map_err(RunError::from)?;
        let names = Arc::clone(plan.names());
        if names.system() != finding.system {
            let why = format!("it is a finding of `{}`", finding.system);
            return Err(FindingError::Misfit { system: names.system().to_owned(), why }.into());
        }
        let (schedule, without) = (finding.decisions(&names)?, finding.left_out(&names)?);
        Ok(Self { settings: finding.to_settings()?, plan, names, schedule, without })
    }
}

/// How a run compares with what was saved: a signature and a digest.
fn compare(recording: Recording, misfit: Option<Misfit>, names: &Names, was: (String, Digest)) -> Replayed {
    let digest = recording.trace.digest();
    let signature = recording.run.violation.as_ref().map(|violation| violation.signature(names));
    let outcome = match &signature {
        None => Outcome::Clean,
        Some(signature) if *signature != was.0 => Outcome::OtherViolation,
        Some(_) if digest != was.1 => Outcome::SameViolation,
        Some(_) => Outcome::Same,
    };
    Replayed { recording, digest, signature, misfit, outcome }
}
