//! A trace: the events of one run as data, with what is needed to judge it.
//!
//! The recorder keeps typed messages while the run goes on and turns them into text only when a trace is made of it,
//! so that recording costs little and payloads need nothing but `Debug`.

use std::sync::Arc;

use crate::event::{EventRef, Lane, Moment, Sink, What};
use crate::header::{Header, Input};
use crate::ids::{Incarnation, LinkNumber, MessageId, WorkerId};
use crate::machine::StateMachine;
use crate::names::Names;
use crate::policy::{Order, Policies};

/// The events of one run, under which conditions they came about, and how it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// What a judge must know.
    pub conditions: Conditions,
    /// In an order that agrees with causality.
    pub events: Vec<Event>,
    /// How it ended.
    pub end: End,
}

/// What a judge must know about a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// Who took part.
    pub names: Arc<Names>,
    /// The rules.
    pub policies: Policies,
    /// What the capacity of an update queue bounds.
    pub counting: Counting,
    /// The strongest order of updates that core, placement and network together promise.
    pub promised: Order,
}

/// What the capacity of an update queue bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// Updates sent and not yet arrived (granularity `delivery`).
    InFlight,
    /// Updates arrived and not yet handled (granularity `queues`, and every real run).
    Queued,
}

/// One event of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub moment: Moment,
    /// Where.
    pub lane: Lane,
    /// Which life of the worker.
    pub life: Incarnation,
    /// What.
    pub what: What,
    /// Of which message; for choices, marks, timers and crashes, the input that was handled.
    pub header: Header,
    /// The name of a mark or wait, the text of a panic; otherwise empty.
    pub text: Box<str>,
    /// The message as `Debug` prints it, where it comes into being or arrives from outside; otherwise empty.
    pub payload: Box<str>,
}

impl Event {
    /// The event as checkers take it.
    #[must_use]
    pub fn as_ref(&self) -> EventRef<'_> {
        EventRef {
            moment: self.moment,
            lane: self.lane,
            life: self.life,
            what: self.what,
            header: &self.header,
            text: &self.text,
        }
    }
}

/// Why a run is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndReason {
    /// Nothing is left to do.
    #[default]
    Quiescent,
    /// A law was broken.
    Violation,
    /// The step limit.
    Steps,
    /// The horizon of virtual time.
    Horizon,
    /// It was told to stop.
    Stopped,
}

impl EndReason {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Quiescent => "quiescent",
            Self::Violation => "violation",
            Self::Steps => "steps-max",
            Self::Horizon => "horizon",
            Self::Stopped => "stopped",
        }
    }
}

/// How a run ended, and what it left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Why it is over.
    pub reason: EndReason,
    /// Updates sent and neither handled nor dropped: on their way, queued, held or parked.
    pub in_flight: Vec<MessageId>,
    /// Updates that wait for an earlier one.
    pub parked: Vec<Parked>,
    /// Senders that wait for room: the worker, and at whose inbox.
    pub stalled: Vec<(WorkerId, WorkerId)>,
    /// Workers that need something of another: the worker, of whom, and its name.
    pub waiting: Vec<(WorkerId, WorkerId, String)>,
}

/// An update that waits for an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The update.
    pub id: MessageId,
    /// Where it waits.
    pub at: WorkerId,
    /// Whose update it waits for.
    pub of: WorkerId,
    /// The number of that update on its link.
    pub needs: LinkNumber,
}

impl End {
    /// Nothing left, keeping its memory.
    pub fn clear(&mut self) {
        self.reason = EndReason::Quiescent;
        self.in_flight.clear();
        self.parked.clear();
        self.stalled.clear();
        self.waiting.clear();
    }
}

/// A sink that keeps every event.
pub struct Recorder<M: StateMachine> {
    raw: Vec<Raw<M>>,
}

struct Raw<M: StateMachine> {
    moment: Moment,
    lane: Lane,
    life: Incarnation,
    what: What,
    header: Header,
    text: Box<str>,
    input: Option<Input<M>>,
}

impl<M: StateMachine> Default for Recorder<M> {
    fn default() -> Self {
        Self { raw: Vec::new() }
    }
}

impl<M: StateMachine> Recorder<M> {
    /// Forgets everything, keeping its memory.
    pub fn clear(&mut self) {
        self.raw.clear();
    }

    /// How many events were kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// Whether no event was kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// The events with payloads as text; the recorder is empty afterwards.
    pub fn take_events(&mut self) -> Vec<Event> {
        let payload = |input: Option<Input<M>>| input.map_or_else(Box::default, |i| format!("{i:?}").into());
        let owned = |raw: Raw<M>| Event {
            moment: raw.moment,
            lane: raw.lane,
            life: raw.life,
            what: raw.what,
            header: raw.header,
            text: raw.text,
            payload: payload(raw.input),
        };
        self.raw.drain(..).map(owned).collect()
    }
}

impl<M: StateMachine> Sink<M> for Recorder<M> {
    fn event(&mut self, event: EventRef<'_>, input: Option<&Input<M>>) {
        self.raw.push(Raw {
            moment: event.moment,
            lane: event.lane,
            life: event.life,
            what: event.what,
            header: event.header.clone(),
            text: event.text.into(),
            input: input.cloned(),
        });
    }
}
