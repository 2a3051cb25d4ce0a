//! The names of a system's workers and sources.
//!
//! Inside a run a party is an index; wherever something must outlast the run (ids, digests, substreams, files) it
//! goes by name. So declaring one more worker changes nothing about the others.

use std::collections::BTreeSet;

use indexmap::IndexSet;

use crate::fnv;
use crate::ids::{SourceId, WorkerId};

/// Most workers of one system.
pub const WORKERS_MAX: usize = 1 << 16;

/// The parties of one system, in the order of declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    system: String,
    workers: IndexSet<String>,
    sources: IndexSet<String>,
    worker_hashes: Vec<u64>,
    source_hashes: Vec<u64>,
    sessions: BTreeSet<SourceId>,
}

/// A name that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Names are part of ids, and ids must be readable back.
    #[error("the name `{0}` is not usable: a name has 1 to 64 letters, digits, `-` or `_`")]
    Form(String),
    /// Two parties of one kind with one name.
    #[error("the name `{0}` is declared twice")]
    Twice(String),
    /// A party that must exist does not.
    #[error("there is no worker `{0}`")]
    Unknown(String),
    /// The ids of a run are 16 bits wide where it matters for speed.
    #[error("{0} workers are too many: at most 65536")]
    TooMany(usize),
}

impl Names {
    /// Checks and indexes the names of a system.
    ///
    /// # Errors
    /// When a name has a character that ids use, or stands twice.
    pub fn new<W, S>(
        system: &str,
        workers: impl IntoIterator<Item = W>,
        sources: impl IntoIterator<Item = S>,
    ) -> Result<Self, NameError>
    where
        W: Into<String>,
        S: Into<String>,
    {
        let workers = collect(workers)?;
        let sources = collect(sources)?;
        if !is_name(system) {
            return Err(NameError::Form(system.to_owned()));
        }
        if workers.len() > WORKERS_MAX {
            return Err(NameError::TooMany(workers.len()));
        }
        let hashes = |set: &IndexSet<String>| set.iter().map(|name| fnv::hash(name.as_bytes())).collect();
        Ok(Self {
            system: system.to_owned(),
            worker_hashes: hashes(&workers),
            source_hashes: hashes(&sources),
            workers,
            sources,
            sessions: BTreeSet::new(),
        })
    }

    /// The same, with these sources as sessions.
    #[must_use]
    pub fn with_sessions(mut self, sessions: impl IntoIterator<Item = SourceId>) -> Self {
        self.sessions.extend(sessions);
        self
    }

    /// Whether a source is a session: it sends one message, and the next when that is answered, dropped or given up.
    #[must_use]
    pub fn is_session(&self, source: SourceId) -> bool {
        self.sessions.contains(&source)
    }

    /// Whether any source is.
    #[must_use]
    pub fn has_sessions(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// The name of the system.
    #[must_use]
    pub fn system(&self) -> &str {
        &self.system
    }

    /// How many workers there are.
    #[must_use]
    pub fn worker_count(&self) -> usize {
        self.workers.len()
    }

    /// How many sources there are.
    #[must_use]
    pub fn source_count(&self) -> usize {
        self.sources.len()
    }

    /// The name of a worker; `?` for one that does not exist (a hostile peer may say so).
    #[must_use]
    pub fn worker(&self, id: WorkerId) -> &str {
        self.workers.get_index(id.index()).map_or("?", String::as_str)
    }

    /// The name of a source; `?` for one that does not exist.
    #[must_use]
    pub fn source(&self, id: SourceId) -> &str {
        self.sources.get_index(id.index()).map_or("?", String::as_str)
    }

    /// The worker of this name.
    #[must_use]
    pub fn worker_id(&self, name: &str) -> Option<WorkerId> {
        self.workers.get_index_of(name).map(WorkerId::at)
    }

    /// The source of this name.
    #[must_use]
    pub fn source_id(&self, name: &str) -> Option<SourceId> {
        self.sources.get_index_of(name).map(SourceId::at)
    }

    /// All workers, in the order of declaration.
    pub fn workers(&self) -> impl ExactSizeIterator<Item = (WorkerId, &str)> {
        self.workers.iter().enumerate().map(|(i, name)| (WorkerId::at(i), name.as_str()))
    }

    /// All sources, in the order of declaration.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = (SourceId, &str)> {
        self.sources.iter().enumerate().map(|(i, name)| (SourceId::at(i), name.as_str()))
    }

    /// FNV-1a of the worker's name.
    #[must_use]
    pub fn worker_hash(&self, id: WorkerId) -> u64 {
        self.worker_hashes.get(id.index()).copied().unwrap_or(fnv::OFFSET)
    }

    /// FNV-1a of the source's name.
    #[must_use]
    pub fn source_hash(&self, id: SourceId) -> u64 {
        self.source_hashes.get(id.index()).copied().unwrap_or(fnv::OFFSET)
    }
}

/// Whether `text` can name a system, worker, source, law or property.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(letter)
}

fn collect<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Result<IndexSet<String>, NameError> {
    let mut set = IndexSet::new();
    for name in names {
        let name = name.into();
        if !is_name(&name) {
            return Err(NameError::Form(name));
        }
        if let (_, false) = set.insert_full(name.clone()) {
            return Err(NameError::Twice(name));
        }
    }
    Ok(set)
}
