//! Lifting: a real run, done again in the simulator.
//!
//! A recording says what happened at each place, and not in which order between places. Lifting looks for an order, act by
//! act: among the lanes whose next act is possible in the world as it stands, the first goes on. The real run had such an
//! order, and acts of different lanes that are possible at once do not disturb each other; so none is ever taken back, and
//! what comes of it is the same run: the same events in every lane, and the same states. Only code that is not a function of
//! its inputs can make it another one; what each handler said is compared as it comes, and the first that says something
//! else is named.
//!
//! The result is a schedule like any other, at granularity `threads`: it can be saved, shrunk and explained.
//!
//! - `lanes.rs`: the acts of a recording, by lane; `follow.rs`: doing them; `difference.rs`: what may come out instead;
//!   `finding.rs`: a recording as a finding.

mod difference;
mod finding;
mod follow;
mod lanes;

use std::sync::Arc;
use std::time::Duration;

use raddle_checkers::Verdict;
use raddle_core::recording::Recording as Lanes;
use raddle_core::{
    Digest, Digester, EndReason, FaultKind, Names, Plan, Recorder, StateMachine, System, SystemError, Trace,
};

use crate::actions::Decision;
use crate::campaign;
use crate::faults::FaultPlan;
use crate::run::{Recording, Run, RunError, Runner};
use crate::settings::{Granularity, Network, Settings};

pub use difference::Difference;
pub use finding::{RECORDED, found_in};

use follow::{Ears, Follow};

/// What became of a real run when it was done again.
#[derive(Clone, Debug)]
pub struct Lifted {
    /// The run as it went now, to its end, whatever law was broken on the way; without events and schedule if these were not
    /// asked for.
    pub recording: Recording,
    /// Its digest.
    pub digest: Digest,
    /// How many events it has.
    pub events: u64,
    /// The settings under which it is a simulated run.
    pub settings: Settings,
    /// What it was to be and is not.
    pub difference: Option<Difference>,
    /// The laws by which it was judged.
    pub laws: Vec<String>,
    /// What each of them could say while it went on, in the order of [`raddle_checkers::LAWS`], but `determinism`; nothing
    /// where none was asked.
    pub verdicts: Vec<(String, Verdict)>,
    /// What each property of the system says of it.
    pub properties: Vec<(String, Verdict)>,
    /// Why it is only the beginning of the real run, if it is.
    pub cut: Option<String>,
    /// How many messages came from outside: the workload, round and round.
    pub messages: u64,
}

/// What is wanted of a lifted run beside its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Only whether it is the same, and its digest; no law is asked.
    Digest,
    /// What laws say of it.
    Verdict,
    /// All its choices too.
    Choices,
    /// All its events too.
    All,
    /// The same of its beginning, up to so many events or steps, whichever is first; no more is done.
    Beginning {
        /// How many events.
        events: u64,
        /// How many steps.
        steps: u64,
    },
}

impl Keep {
    const fn keeps_events(self) -> bool {
        matches!(self, Self::All | Self::Beginning { .. })
    }

    fn keeps_choices(self) -> bool {
        self == Self::Choices || self.keeps_events()
    }
}

/// A recording that cannot be lifted.
#[derive(Debug, thiserror::Error)]
pub enum LiftError {
    /// It is of something else.
    #[error(
        "the recording is not of `{system}` as it is here: {why}; use the program and the version that it was recorded with"
    )]
    Misfit {
        /// The system that is here.
        system: String,
        /// What does not fit.
        why: String,
    },
    /// The system.
    #[error(transparent)]
    Run(#[from] RunError),
    /// What it breaks is broken by no run that a search can come to.
    #[error(
        "the run breaks {was}, and no search comes to it: a process died when nothing else was left to do; `replay` and `view` \
         show it, and nothing simpler can be looked for"
    )]
    OutOfReach {
        /// What it breaks, as a signature.
        was: String,
    },
    /// What it breaks comes so late that its events would take all memory.
    #[error(
        "{events} events lead to what it breaks, and no more than {events_max} are kept: record a run that is shorter"
    )]
    TooLong {
        /// So many.
        events: u64,
        /// As many as were asked for.
        events_max: u64,
    },
    /// A handler did not return.
    #[error("step {step} of the recording did not return within {limit:?}: a handler never returns")]
    Stuck {
        /// The step.
        step: u64,
        /// How long it was waited for.
        limit: Duration,
    },
}

impl From<SystemError> for LiftError {
    fn from(error: SystemError) -> Self {
        Self::Run(error.into())
    }
}

/// Does a real run again. `system` is built with the recording's own parameters and bug; its policies and its workload are
/// taken from the recording.
///
/// # Errors
/// When the recording is not of this system, or a handler does not return.
pub fn lift<M: StateMachine>(
    system: &System<M>,
    lanes: &Arc<Lanes>,
    laws: Option<&[String]>,
    keep: Keep,
) -> Result<Lifted, LiftError> {
    let (plan, messages) = plan(system, lanes)?;
    let (settings, limit) = (settings(u64::MAX), plan.step_limit());
    let of_it = Arc::clone(lanes);
    let laws = laws.map(<[String]>::to_vec);
    let done = campaign::replay_watched(plan, settings, laws, move |runner| follow(runner, &of_it, keep));
    let done = done?.map_err(|(_, step)| LiftError::Stuck { step, limit })?;
    let Followed { recording, digest, events, laws, verdicts, properties, difference, cut } = done;
    let settings = settings_of(&recording.run);
    Ok(Lifted { recording, digest, events, settings, difference, laws, verdicts, properties, cut, messages })
}

struct Followed {
    recording: Recording,
    digest: Digest,
    events: u64,
    laws: Vec<String>,
    verdicts: Vec<(String, Verdict)>,
    properties: Vec<(String, Verdict)>,
    difference: Option<Difference>,
    cut: Option<String>,
}

fn follow<M: StateMachine>(runner: &mut Runner<M>, lanes: &Lanes, keep: Keep) -> Followed {
    let names = Arc::clone(&runner.conditions().names);
    // It may be long, and its digest tells it from others.
    runner.world.forget_histories();
    let (mut digester, mut recorder) = (Digester::new(Arc::clone(&names)), Recorder::default());
    let mut schedule: Option<Vec<Decision>> = keep.keeps_choices().then(Vec::new);
    let mut events = 0;
    let ears = Ears::new(
        runner.world.plan.codec().copied(),
        &mut digester,
        keep.keeps_events().then_some(&mut recorder),
        &mut events,
    );
    let mut follow = Follow::new(runner, lanes, keep != Keep::Digest, ears);
    let mut difference = follow.run(&mut schedule, keep);
    let cut = follow.cut();
    let digest = digester.digest();
    let end = match (&difference, &cut, &lanes.tail) {
        (None, None, Some(tail)) => tail.reason(),
        _ => EndReason::Stopped,
    };
    let run = runner.finish(end);
    if let (None, None, Some(tail)) = (&difference, &cut, &lanes.tail) {
        difference = Difference::at_the_end(tail, digest, run.state);
    }
    let mut recording = Recording {
        run,
        trace: Trace {
            conditions: runner.conditions().clone(),
            events: recorder.take_events(),
            end: runner.end.clone(),
        },
        schedule: schedule.unwrap_or_default(),
    };
    if let (Some(violation), true) = (&mut recording.run.violation, keep.keeps_events()) {
        raddle_checkers::explain(violation, &recording.trace);
    }
    let owned = |verdicts: Vec<(&str, Verdict)>| {
        verdicts.into_iter().map(|(name, verdict)| (name.to_owned(), verdict)).collect::<Vec<_>>()
    };
    let properties = owned(runner.properties().verdicts());
    let verdicts = if keep == Keep::Digest { Vec::new() } else { owned(runner.verdicts()) };
    let laws = runner.laws().iter().map(|law| (*law).to_owned()).collect();
    Followed { recording, digest, events, laws, verdicts, properties, difference, cut }
}

/// The settings at which every real run is a simulated one.
fn settings(steps_max: u64) -> Settings {
    Settings { granularity: Granularity::Threads, network: Network::Causal, steps_max, ..Settings::default() }
}

/// The settings at which this run is one: with as many crashes as there were deaths of processes.
fn settings_of(run: &Run) -> Settings {
    let faults = FaultPlan::default().with(FaultKind::Crash, run.faults[FaultKind::Crash as usize]);
    Settings { faults, ..settings(run.steps.max(1)) }
}

/// The plan of what was run, and how many messages it takes.
fn plan<M: StateMachine>(system: &System<M>, lanes: &Lanes) -> Result<(Arc<Plan<M>>, u64), LiftError> {
    let misfit = |why: String| LiftError::Misfit { system: system.name().to_owned(), why };
    let head = &lanes.head;
    if head.system != system.name() {
        return Err(misfit(format!("it is of `{}`", head.system)));
    }
    let mut system = system.clone();
    system.set_written(&head.policies).map_err(|error| misfit(error.to_string()))?;
    let plan = system.plan()?;
    let names = plan.names();
    differ("worker", names.workers().map(|(_, name)| name), &head.workers).map_err(&misfit)?;
    differ("source", names.sources().map(|(_, name)| name), &head.sources).map_err(&misfit)?;
    let most = 2 * names.worker_count() + plan.policies().placement.shards() as usize;
    if lanes.lanes.len() > most {
        return Err(misfit(format!("it has {} lanes, and the system {most}", lanes.lanes.len())));
    }
    // A file may promise what it will: only what was taken in is needed.
    let messages = plan.messages_for(&lanes::taken(lanes, names)).min(head.messages);
    Ok((system.messages_in_all(messages).plan()?, messages))
}

/// The first name that is another.
fn differ<'a>(what: &str, here: impl Iterator<Item = &'a str>, there: &[String]) -> Result<(), String> {
    let (mut here, mut there) = (here, there.iter());
    loop {
        match (here.next(), there.next()) {
            (None, None) => return Ok(()),
            (Some(here), Some(there)) if here == there => {}
            (Some(here), Some(there)) => return Err(format!("its {what} `{there}` is `{here}` here")),
            (Some(here), None) => return Err(format!("it has no {what} `{here}`")),
            (None, Some(there)) => return Err(format!("there is no {what} `{there}` here")),
        }
    }
}

/// A place of a recording in words: whose lane it is.
fn place(lane: usize, names: &Names) -> String {
    let workers = names.worker_count();
    let worker = names.workers().nth(lane / 2).map(|(_, name)| name);
    match worker {
        Some(name) if lane.is_multiple_of(2) => name.to_owned(),
        Some(name) => format!("the inbox of {name}"),
        None => format!("shard {}", lane.saturating_sub(2 * workers)),
    }
}
