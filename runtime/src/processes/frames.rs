//! What a run and the process of a worker say to each other.
//!
//! ```text
//! run      HELLO                ERRAND         ERRAND        END
//! worker          READY                ANSWER         ANSWER     STATE, and it ends
//! ```
//!
//! Several errands may be under way; they are answered in their order, and an answer is the commit of its handling.
//! Either end sees that the other is gone by the end of its stream. A worker that cannot do what it is asked says why
//! (CANNOT) before it ends.

use serde::{Deserialize, Serialize};

/// The first frame: which worker the process is.
pub(crate) const HELLO: u8 = 1;
/// An input to handle.
pub(crate) const ERRAND: u8 = 2;
/// The run is over: say your state and end.
pub(crate) const END: u8 = 3;
/// The process is that worker now.
pub(crate) const READY: u8 = 17;
/// What came of an errand.
pub(crate) const ANSWER: u8 = 18;
/// The state of the machine.
pub(crate) const STATE: u8 = 19;
/// Why it cannot go on, as text.
pub(crate) const CANNOT: u8 = 20;

/// How many bytes either end reads or writes at once.
pub(crate) const BUFFER: usize = 64 << 10;

/// What a process must know to be a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// Of which system, as [`fingerprint`](super::door::fingerprint) tells systems apart.
    pub(crate) system: u64,
    /// Which worker.
    pub(crate) worker: u32,
    /// In which life.
    pub(crate) life: u32,
    /// What handlers draw from.
    pub(crate) seed: u64,
    /// How often it gives up its turn before it sleeps.
    pub(crate) yields: u32,
    /// Whether its start is silent, and happens at once.
    pub(crate) silently: bool,
    /// Whether each answer must hold the state.
    pub(crate) keeps_state: bool,
    /// The state that was kept of the life before.
    pub(crate) state: Option<Vec<u8>>,
}

/// Printed when a process has become its worker: what stands before it is what every start of the program prints.
pub(crate) const UP: &str = "\u{1e}raddle: here begins a worker\u{1e}";
