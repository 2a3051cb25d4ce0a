//! Who runs the handlers of a worker: its own thread, or somebody elsewhere.
//!
//! This is the only difference between a run on threads and one on processes. All else of a worker (its inbox, clock,
//! numbers, timers, pushes and log) is its thread's in both.

use std::fmt;
use std::time::Duration;

use raddle_core::{Answer, Errand, Incarnation, Input, StateMachine, WorkerId};

/// Somebody elsewhere who runs the handlers of one worker.
pub(crate) trait Hands<M: StateMachine>: Send {
    /// Begins a later life, with this state if any is kept; the first had begun before. Its start is silent, or comes
    /// as an errand. If it cannot begin, it is gone.
    fn begin(&mut self, life: Incarnation, silently: bool, state: Option<&M>);

    /// Sends an input there, to be handled after all that was sent before.
    fn send(&mut self, errand: Errand<&Input<M>>);

    /// What came of the next of those that were sent; none if nobody is there to do it any more.
    fn receive(&mut self) -> Option<Answer<M>>;

    /// Nothing will come of what was sent and not received.
    fn rest(&mut self);

    /// Whether it seems that nobody is there any more. Asked under a lock, so it must not wait.
    fn seem_gone(&self) -> bool;

    /// Whether nobody is there any more.
    fn are_gone(&mut self) -> bool;

    /// The run is over: the state of the machine, if it can still be had.
    fn end(&mut self) -> Option<M>;

    /// All deaths so far.
    fn deaths(&mut self) -> Vec<Death>;
}

/// What whoever sees to them may do with the run.
pub(crate) trait Overseen: Sync {
    /// Wakes the thread of a worker.
    fn rouse(&self, worker: WorkerId);
    /// Whether the run still takes messages from outside; what it has taken, it may then handle in peace.
    fn is_running(&self) -> bool;
}

/// A process that died before its run was over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// Whose process.
    pub worker: WorkerId,
    /// In which life.
    pub life: Incarnation,
    /// Why.
    pub why: Why,
}

/// Why a process died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The run was asked to kill some.
    Asked,
    /// It ended by itself, or somebody killed it; this is what the operating system says.
    Ended(String),
    /// It did not answer for so long, and was killed.
    Silent(Duration),
    /// It said what it cannot say, and was killed.
    Garbled(String),
    /// What it was to handle cannot be encoded.
    Unsent(String),
    /// It said itself that it cannot go on, and why.
    Cannot(String),
    /// It could not be started.
    NotStarted(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("it was killed, as asked for"),
            Self::Ended(status) => write!(f, "it ended ({status})"),
            Self::Silent(patience) => {
                write!(
                    f,
                    "it did not answer for {patience:?} and was killed (give it more patience if it needs longer)"
                )
            }
            Self::Unsent(why) => write!(f, "it was killed, as what it was to handle cannot be written down: {why}"),
            Self::Cannot(why) => write!(f, "it cannot go on: {why}"),
            Self::Garbled(what) => write!(f, "what it said cannot be and it was killed: {what}"),
            Self::NotStarted(why) => write!(f, "it could not be started: {why}"),
        }
    }
}
