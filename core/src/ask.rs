//! What a session does, one thing after the other: tell a worker something, or ask it.

/// One operation of a session; see [`System::session`](crate::System::session).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask<T> {
    pub(crate) to: String,
    pub(crate) manner: Manner,
    pub(crate) message: T,
}

/// How a message from outside meets its worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Manner {
    /// It may change the worker: [`on_message`](crate::StateMachine::on_message).
    #[default]
    Tell,
    /// It only looks: [`on_query`](crate::StateMachine::on_query).
    Query,
}

impl<T> Ask<T> {
    /// Tells a worker something: its `on_message` handles it.
    #[must_use]
    pub fn tell(to: impl Into<String>, message: T) -> Self {
        Self { to: to.into(), manner: Manner::Tell, message }
    }

    /// Asks a worker something: its `on_query` answers it.
    #[must_use]
    pub fn query(to: impl Into<String>, message: T) -> Self {
        Self { to: to.into(), manner: Manner::Query, message }
    }
}
