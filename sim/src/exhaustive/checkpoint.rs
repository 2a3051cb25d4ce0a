//! Checkpoints: where an exhaustive search that was ended early, or killed, goes on, as a file.
//!
//! A checkpoint holds what is left to do and what was counted, and all that the search depends on. One of another
//! program, system or setting is refused with the first difference; so a search that goes on ends with the counts of
//! one that was never ended. It is plain text (RON), written whole or not at all.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use raddle_checkers::Losses;
use raddle_core::{Digest, FaultKind, Input, Policies, StateMachine, fnv};
use serde::{Deserialize, Serialize};

use super::breadth::Node;
use super::dfs::Level;
use super::event::{Event, Extra, Outcome};
use super::learned::Learned;
use super::search::Task;
use super::stage::Stage;
use super::tally::Tally;
use crate::finding::write_over;
use crate::strategy::{DefaultOrder, Random, Strategy};

/// The version of the format that this program writes and reads.
const VERSION: u32 = 5;

/// Why the first steps that a checkpoint tells of cannot be done again.
pub(crate) const OTHERWISE: &str = "the system does not do what it did when it was written";

/// A checkpoint that cannot be read, used or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The file system says no.
    #[error("cannot {what} the checkpoint `{path}`: {why}", path = path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What it says.
        why: String,
    },
    /// Not a checkpoint, or not all of one.
    #[error("`{path}` is no checkpoint of this version: {why}; delete it to begin anew", path = path.display())]
    Syntax {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Of another search.
    #[error(
        "the checkpoint `{path}` is of another search: `{key}` is `{found}` there, and `{expected}` here; delete it to \
         begin anew", path = path.display()
    )]
    Other {
        /// Where.
        path: PathBuf,
        /// The first thing that differs.
        key: String,
        /// What it is in the file.
        found: String,
        /// What it is now.
        expected: String,
    },
    /// What it tells of cannot be done again.
    #[error("the checkpoint is of no use: {0}; delete it to begin anew")]
    Useless(&'static str),
}

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    version: u32,
    /// All that the search depends on.
    of: IndexMap<String, String>,
    parts: Vec<SavedPart>,
    /// The hash of the text of both: a file that was changed is none.
    sum: u64,
}

fn sum(of: &IndexMap<String, String>, parts: &[SavedPart]) -> u64 {
    fnv::hash(ron::to_string(&(of, parts)).expect("a checkpoint is plain data").as_bytes())
}

/// One part of a search.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedPart {
    pub(crate) left: Left,
    pub(crate) tally: SavedTally,
}

/// What is left of a part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) enum Left {
    /// Nothing.
    #[default]
    Nothing,
    /// The schedules from this one on; the first levels stay.
    Schedules { base: usize, levels: Vec<Level> },
    /// The wakeup trees along a run.
    Wakeup(SavedRun),
    /// The states in the order in which they were found, of which so many are looked at.
    States { done: usize, queue: Vec<Node> },
}

/// A run of `dpor` up to where it branches off next.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedRun {
    pub(crate) learned: Learned,
    pub(crate) crashes: Vec<u32>,
    pub(crate) events: Vec<SavedEvent>,
    pub(crate) points: Vec<SavedPoint>,
    /// Of each race of the run: what would come first, whether that is known, and whether the race is settled.
    pub(crate) races: Vec<(SavedEvent, bool, bool)>,
}

/// A point of that run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedPoint {
    pub(crate) sleep: Vec<SavedEvent>,
    /// Its tree: parents first, each with how deep it stands.
    pub(crate) wakeup: Vec<(usize, SavedEvent)>,
    pub(crate) explored: u32,
}

/// An event. What its message says cannot be written down; whoever needs it finds it where the message is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedEvent {
    /// The hash of the message's id.
    #[serde(rename = "k")]
    pub(crate) key: u64,
    /// The place of its worker.
    #[serde(rename = "w")]
    at: u32,
    #[serde(rename = "o", default, skip_serializing_if = "is_default")]
    outcome: Outcome,
    /// What was chosen.
    #[serde(rename = "v", default, skip_serializing_if = "is_default")]
    values: Vec<u32>,
    /// Whom it sent to.
    #[serde(rename = "t", default, skip_serializing_if = "is_default")]
    targets: Vec<u32>,
    /// Whether its worker dies in it.
    #[serde(rename = "d", default, skip_serializing_if = "is_default")]
    dies: bool,
    /// Whether it begins a life.
    #[serde(rename = "b", default, skip_serializing_if = "is_default")]
    begins_life: bool,
    /// Whether it was known what its message says.
    #[serde(rename = "i", default, skip_serializing_if = "is_default")]
    pub(crate) has_input: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl SavedEvent {
    pub(crate) fn of<M: StateMachine>(event: &Event<M>) -> Self {
        Self {
            key: event.key,
            at: event.at,
            outcome: event.outcome,
            values: event.values().to_vec(),
            targets: event.targets().to_vec(),
            dies: event.dies(),
            begins_life: event.begins_life(),
            has_input: event.input().is_some(),
        }
    }

    pub(crate) fn values(&self) -> &[u32] {
        &self.values
    }

    /// The event again, of a message that says this.
    pub(crate) fn event<M: StateMachine>(&self, input: Option<Input<M>>) -> Event<M> {
        let Self { dies, begins_life, .. } = *self;
        let knows = !self.values.is_empty() || !self.targets.is_empty() || dies || input.is_some();
        let (values, targets) = (self.values.clone(), self.targets.clone());
        let extra = || Arc::new(Extra { values, targets, dies, begins_life, input });
        Event { key: self.key, at: self.at, outcome: self.outcome, extra: knows.then(extra) }
    }
}

/// What was counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedTally {
    executions: u64,
    blocked: u64,
    discarded: u64,
    steps: u64,
    deliveries: u64,
    unfinished: u64,
    at_horizon: u64,
    #[serde(default)]
    faults: [u64; FaultKind::ALL.len()],
    losses: Losses,
    violating: u64,
    scouts: u64,
    first: Option<u64>,
    traces: Option<Vec<u64>>,
    reached: IndexMap<String, u64>,
    has_history: bool,
    /// The first run of each signature, by its places and values.
    found: Vec<Vec<(u32, Vec<u32>)>>,
}

impl SavedTally {
    pub(crate) fn of(tally: &Tally) -> Self {
        let sorted = |traces: &rustc_hash::FxHashSet<u64>| {
            let mut traces: Vec<u64> = traces.iter().copied().collect();
            traces.sort_unstable();
            traces
        };
        Self {
            executions: tally.executions,
            blocked: tally.blocked,
            discarded: tally.discarded,
            steps: tally.steps,
            deliveries: tally.deliveries,
            unfinished: tally.unfinished,
            at_horizon: tally.at_horizon,
            faults: tally.faults,
            losses: tally.losses.clone(),
            violating: tally.violating,
            scouts: tally.scouts,
            first: tally.first,
            traces: tally.traces.as_ref().map(sorted),
            reached: tally.reached.clone(),
            has_history: tally.has_history,
            found: tally.found.values().map(|(_, steps)| steps.clone()).collect(),
        }
    }

    /// The tally again; what was found is done once more.
    pub(crate) fn tally<M: StateMachine>(self, stage: &mut Stage<M>) -> Tally {
        let mut tally = Tally {
            executions: self.executions,
            blocked: self.blocked,
            discarded: self.discarded,
            steps: self.steps,
            deliveries: self.deliveries,
            unfinished: self.unfinished,
            at_horizon: self.at_horizon,
            faults: self.faults,
            losses: self.losses,
            violating: self.violating,
            scouts: self.scouts,
            first: self.first,
            traces: self.traces.map(|traces| traces.into_iter().collect()),
            reached: self.reached,
            has_history: self.has_history,
            ..Tally::default()
        };
        self.found.into_iter().for_each(|steps| tally.twice(stage, steps));
        tally
    }
}

/// All that a search depends on, each with its name.
fn description<M: StateMachine>(task: &Task<M>, stage: &mut Stage<M>) -> IndexMap<String, String> {
    let names = Arc::clone(task.plan.names());
    let workers: Vec<&str> = names.workers().map(|(_, name)| name).collect();
    let mut of = IndexMap::from([
        ("system".to_owned(), names.system().to_owned()),
        ("strategy".to_owned(), task.kind.to_string()),
        ("seed".to_owned(), task.seed.to_string()),
        ("workers".to_owned(), workers.join(",")),
        ("laws".to_owned(), stage.runner.laws().join(",")),
    ]);
    of.extend(task.settings.to_table());
    let policies = task.plan.policies();
    let policy = |key: &str| (key.to_owned(), policies.get(key).expect("all keys have values"));
    of.extend(Policies::KEYS.iter().map(|(key, _, _)| policy(key)));
    of.extend(task.variant.iter().map(|(key, value)| (format!("set {key}"), value.clone())));
    // Of the program, what its first run does, and some at random: most changes show there.
    let first = stage.runner.record(task.seed, &mut DefaultOrder).trace.digest();
    of.insert("digest of the first run".to_owned(), first.to_string());
    of.insert("digest of some runs".to_owned(), some_runs(task.seed, stage).to_string());
    of
}

/// What some random runs come to, which nobody judges.
fn some_runs<M: StateMachine>(seed: u64, stage: &mut Stage<M>) -> Digest {
    let (mut digest, mut runs, mut steps) = (0_u64, 0, 0);
    let mut strategy = Random::default();
    while runs < RUNS_MAX && steps < STEPS_MAX {
        stage.begin_with(seed.wrapping_add(runs), &mut strategy);
        for _ in 0..stage.steps_max() {
            let actions = stage.actions();
            if actions.is_empty() {
                break;
            }
            let choice = strategy.choose(&actions);
            stage.step_freely(choice);
            steps += 1;
        }
        let world = stage.world();
        let run = world.fingerprint() ^ world.state_hash().unwrap_or_default();
        digest = fnv::spread(digest.rotate_left(1) ^ run);
        runs += 1;
    }
    Digest(digest)
}

/// By so many random runs programs are told apart, or by fewer if they are long.
const RUNS_MAX: u64 = 64;
const STEPS_MAX: u64 = 20_000;

/// The file of a search.
pub(crate) struct CheckpointFile {
    path: PathBuf,
    /// All that the search depends on.
    of: IndexMap<String, String>,
}

impl CheckpointFile {
    pub(crate) fn new<M: StateMachine>(path: &Path, task: &Task<M>, stage: &mut Stage<M>) -> Self {
        Self { path: path.to_owned(), of: description(task, stage) }
    }

    /// Reads what is left of a search; none if there is no file.
    pub(crate) fn read(&self) -> Result<Option<Vec<SavedPart>>, CheckpointError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("read", &error)),
        };
        let syntax = |why: String| CheckpointError::Syntax { path: self.path.clone(), why };
        let text = std::str::from_utf8(&bytes).map_err(|_| syntax("it is not text".to_owned()))?;
        let checkpoint: Checkpoint = ron::from_str(text).map_err(|error| syntax(error.to_string()))?;
        if checkpoint.version != VERSION {
            return Err(syntax(format!("its version is {}, not {VERSION}", checkpoint.version)));
        }
        if checkpoint.sum != sum(&checkpoint.of, &checkpoint.parts) {
            return Err(syntax("it is not as it was written".to_owned()));
        }
        let nothing = || "nothing".to_owned();
        for key in self.of.keys().chain(checkpoint.of.keys()) {
            let of = |it: &IndexMap<String, String>| it.get(key).cloned().unwrap_or_else(nothing);
            let (found, expected) = (of(&checkpoint.of), of(&self.of));
            if found != expected {
                return Err(CheckpointError::Other { path: self.path.clone(), key: key.clone(), found, expected });
            }
        }
        Ok(Some(checkpoint.parts))
    }

    /// Writes what is left of a search, or removes the file if nothing is.
    pub(crate) fn write(&self, parts: Vec<SavedPart>) -> Result<(), CheckpointError> {
        if parts.iter().all(|part| matches!(part.left, Left::Nothing)) {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed("remove", &error)),
                _ => Ok(()),
            };
        }
        let (of, sum) = (self.of.clone(), sum(&self.of, &parts));
        let checkpoint = Checkpoint { version: VERSION, of, parts, sum };
        let text = ron::to_string(&checkpoint).expect("a checkpoint is plain data");
        write_over(&self.path, &text).map_err(|error| self.failed("write", &error))
    }

    fn failed(&self, what: &'static str, error: &io::Error) -> CheckpointError {
        CheckpointError::Io { what, path: self.path.clone(), why: error.to_string() }
    }
}
