//! Why a run could not be started.

use std::io;
use std::path::PathBuf;

use crate::record::RecordError;

/// A run that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The operating system refused a thread.
    #[error("the thread of {who} could not be started (this system needs {threads}): {error}")]
    Spawn {
        /// Whose thread.
        who: String,
        /// How many the system needs.
        threads: usize,
        /// What the operating system said.
        #[source]
        error: io::Error,
    },
    /// The recording.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The system's types are not known to be serializable.
    #[error(
        "the system `{system}` cannot run on processes: derive `Serialize` and `Deserialize` for its machines, messages \
         and updates, and add `.on_processes()`"
    )]
    NotOnProcesses {
        /// Which system.
        system: String,
    },
    /// This program does not know where it is.
    #[error("a worker's process is this program once more, and where that is cannot be found out: {0}")]
    Program(#[source] io::Error),
    /// The operating system refused a process.
    #[error("the process of worker {worker} could not be started (`{}`): {error}", program.display())]
    Process {
        /// Whose process.
        worker: String,
        /// Which program it was to run.
        program: PathBuf,
        /// What the operating system said.
        #[source]
        error: io::Error,
    },
    /// A process was started and did not become a worker.
    #[error("the process of worker {worker} did not become that worker: {why}{}", quote(said))]
    NotReady {
        /// Whose process.
        worker: String,
        /// What happened.
        why: String,
        /// What it printed.
        said: String,
    },
}

fn quote(said: &str) -> String {
    if said.trim().is_empty() { String::new() } else { format!("; it printed:\n{}", said.trim_end()) }
}
