//! A recording as a finding: the lifted run up to the law that it breaks, with everything it depends on.

use std::mem;
use std::sync::Arc;

use raddle_core::recording::Recording as Lanes;
use raddle_core::{Digest, Digester, EventRef, Input, Sink, StateMachine, System};

use super::{Keep, LiftError, Lifted, lift, plan};
use crate::campaign;
use crate::explore::Found;
use crate::finding::Finding;
use crate::run::Runner;
use crate::strategy::{Replay, Strategy};

/// What stands in a finding for the strategy where nobody chose: the schedule is that of a real run.
pub const RECORDED: &str = "recorded";

/// Does a real run again and makes a finding of what it breaks, without parameters and planted bug; none if it breaks nothing
/// or is not the recorded one. No event is kept but those that lead to what it breaks, `events_max` of them at the most.
///
/// Times stand in it only if the run is another one without.
///
/// # Errors
/// As [`lift`], and when more than `events_max` events lead to what it breaks.
pub fn found_in<M: StateMachine>(
    system: &System<M>,
    lanes: &Arc<Lanes>,
    events_max: u64,
) -> Result<(Lifted, Option<Finding>), LiftError> {
    let mut lifted = lift(system, lanes, None, Keep::Choices)?;
    let (None, Some(broken)) = (&lifted.difference, &lifted.recording.run.violation) else { return Ok((lifted, None)) };
    let (plan, messages) = plan(system, lanes)?;
    let (seed, schedule) = (lanes.head.seed, mem::take(&mut lifted.recording.schedule));
    let done = campaign::replay_watched(Arc::clone(&plan), lifted.settings.clone(), None, move |runner| {
        runner.world.forget_histories();
        let mut timed = Replay::new(schedule.clone());
        let (digest, events) = digested(runner, seed, &mut timed);
        if events > events_max {
            return Err(events);
        }
        let mut untimed = Replay::without_times(schedule);
        let same = digested(runner, seed, &mut untimed).0 == digest;
        let recording = runner.record(seed, if same { &mut untimed } else { &mut timed });
        Ok((recording, runner.laws().to_vec()))
    });
    let done = done?.map_err(|(_, step)| LiftError::Stuck { step, limit: plan.step_limit() })?;
    let (recording, laws) = done.map_err(|events| LiftError::TooLong { events, events_max })?;
    let names = plan.names();
    let out_of_reach = || LiftError::OutOfReach { was: broken.signature(names) };
    let found = Found::of_recording(recording, seed).ok_or_else(out_of_reach)?;
    let mut finding = Finding::new(&found, system, &lifted.settings, RECORDED, &laws, names);
    finding.policies.clone_from(&lanes.head.policies);
    finding.messages = Some(messages).filter(|messages| *messages != system_messages(system));
    Ok((lifted, Some(finding)))
}

/// The digest of a run, and how many events it has.
fn digested<M: StateMachine>(runner: &mut Runner<M>, seed: u64, strategy: &mut dyn Strategy) -> (Digest, u64) {
    let mut digester = Digester::new(Arc::clone(&runner.conditions().names));
    let mut events = Events(0);
    runner.run_into(seed, strategy, &mut (&mut digester, &mut events));
    (digester.digest(), events.0)
}

/// Counts events.
struct Events(u64);

impl<M: StateMachine> Sink<M> for Events {
    fn event(&mut self, _: EventRef<'_>, _: Option<&Input<M>>) {
        self.0 += 1;
    }
}

/// How many messages the workload has by itself.
fn system_messages<M: StateMachine>(system: &System<M>) -> u64 {
    system.plan().map_or(0, |plan| plan.externals().len() as u64)
}
