//! A recording as a finding: the lifted run up to the law that it breaks, with everything it depends on.

use std::sync::Arc;

use raddle_core::recording::Recording as Lanes;
use raddle_core::{StateMachine, System};

use super::{Keep, LiftError, Lifted, lift, plan};
use crate::campaign;
use crate::explore::Found;
use crate::finding::Finding;
use crate::strategy::Replay;

/// What stands in a finding for the strategy where nobody chose: the schedule is that of a real run.
pub const RECORDED: &str = "recorded";

/// Does a real run again and makes a finding of what it breaks, without parameters and planted bug; none if it breaks nothing
/// or is not the recorded one.
///
/// Times stand in it only if the run is another one without.
///
/// # Errors
/// As [`lift`].
pub fn found_in<M: StateMachine>(
    system: &System<M>,
    lanes: &Arc<Lanes>,
) -> Result<(Lifted, Option<Finding>), LiftError> {
    let lifted = lift(system, lanes, None, Keep::All)?;
    let (None, Some(broken)) = (&lifted.difference, &lifted.recording.run.violation) else { return Ok((lifted, None)) };
    let (plan, messages) = plan(system, lanes)?;
    let (seed, schedule) = (lanes.head.seed, lifted.recording.schedule.clone());
    let done = campaign::replay_watched(Arc::clone(&plan), lifted.settings.clone(), None, move |runner| {
        runner.world.forget_histories();
        let timed = runner.record(seed, &mut Replay::new(schedule.clone()));
        let untimed = runner.record(seed, &mut Replay::without_times(schedule));
        let same = untimed.trace.digest() == timed.trace.digest();
        (if same { untimed } else { timed }, runner.laws().to_vec())
    });
    let (recording, laws) = done?.map_err(|(_, step)| LiftError::Stuck { step, limit: plan.step_limit() })?;
    let names = plan.names();
    let out_of_reach = || LiftError::OutOfReach { was: broken.signature(names) };
    let found = Found::of_recording(recording, seed).ok_or_else(out_of_reach)?;
    let mut finding = Finding::new(&found, system, &lifted.settings, RECORDED, &laws, names);
    finding.policies.clone_from(&lanes.head.policies);
    finding.messages = Some(messages).filter(|messages| *messages != system_messages(system));
    Ok((lifted, Some(finding)))
}

/// How many messages the workload has by itself.
fn system_messages<M: StateMachine>(system: &System<M>) -> u64 {
    system.plan().map_or(0, |plan| plan.externals().len() as u64)
}
