//! What a law has to say about a run: that it holds, that it is broken and how, or that nobody can tell.

use raddle_core::{Depth, EventRef, MessageId, Moment, Names, WorkerId};

/// One breach of one law, with what proves it.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The law, or the user's property, that is broken.
    pub law: String,
    /// The kind of breach: a short word for machines, the same for the same bug.
    pub code: String,
    /// Where.
    pub worker: Option<WorkerId>,
    /// The message with which the law was broken.
    pub message: Option<MessageId>,
    /// Other messages that prove it, in the order in which they were sent; complete only when judged from a trace.
    pub witness: Vec<MessageId>,
    /// What happened, in one sentence with names; more precise when judged from a trace.
    pub reason: String,
    /// How deep in its chain the message stood.
    pub depth: Depth,
    /// When.
    pub moment: Moment,
}

impl Violation {
    /// What two breaches by the same bug share, whatever the seed: `LAW/CODE@WORKER`, or `LAW/CODE` where no worker
    /// is to blame.
    ///
    /// It is the same while a run goes on and from its trace, so shrinking can keep it.
    #[must_use]
    pub fn signature(&self, names: &Names) -> String {
        match self.worker {
            Some(worker) => format!("{}/{}@{}", self.law, self.code, names.worker(worker)),
            None => format!("{}/{}", self.law, self.code),
        }
    }

    /// A handler that does not return: no law can be judged any more. For drivers with a watchdog.
    #[must_use]
    pub fn stuck(message: Option<MessageId>, reason: String) -> Self {
        let depth = message.as_ref().map_or_else(Depth::default, MessageId::depth);
        Self { message, depth, ..Self::at_end("watchdog", "stuck", Moment::default(), reason) }
    }

    /// A breach by the message of an event, at a worker.
    pub(crate) fn at(
        law: &'static str,
        code: impl Into<String>,
        worker: Option<WorkerId>,
        event: EventRef<'_>,
        reason: String,
    ) -> Self {
        Self {
            law: law.to_owned(),
            code: code.into(),
            worker,
            message: Some(event.header.id.clone()),
            witness: Vec::new(),
            reason,
            depth: event.header.depth,
            moment: event.moment,
        }
    }

    /// A breach that shows when a run is over.
    pub(crate) fn at_end(law: &str, code: &'static str, moment: Moment, reason: String) -> Self {
        Self {
            law: law.to_owned(),
            code: code.to_owned(),
            worker: None,
            message: None,
            witness: Vec::new(),
            reason,
            depth: Depth::default(),
            moment,
        }
    }
}

/// What a law says about one run.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It holds.
    Ok,
    /// It is broken.
    Violation(Violation),
    /// It cannot be told, and why. Never to be taken for a clean run.
    Unknown(String),
}

impl Verdict {
    /// The breach, if there is one.
    #[must_use]
    pub const fn violation(&self) -> Option<&Violation> {
        match self {
            Self::Violation(violation) => Some(violation),
            Self::Ok | Self::Unknown(_) => None,
        }
    }
}
