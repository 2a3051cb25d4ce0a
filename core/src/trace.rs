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
    /// Whether updates carried barriers, which are not written into files.
    pub barriers: bool,
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
    /// What the handler said (the name of a mark, wait, cut or unknown worker, a key and its value), the text of a panic;
    /// otherwise empty.
    pub text: Box<str>,
    /// The message as `Debug` prints it, where it comes into being, is refused by its sender, is the answer of a reply, or
    /// arrives from outside; otherwise empty.
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
    /// Whether the run has come to rest: by itself, or at the horizon, where nothing is left but timers that no longer
    /// fire.
    #[must_use]
    pub const fn is_rest(self) -> bool {
        matches!(self, Self::Quiescent | Self::Horizon)
    }

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
    /// The step at which all faults were over, if there were any and the run did not end before.
    pub healed: Option<u64>,
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
        self.healed = None;
    }
}

/// A sink that keeps every event.
///
/// Built to be used again: it keeps its memory from run to run, and the header of a message once for all that happens to
/// the message in a row.
pub struct Recorder<M: StateMachine> {
    raw: Vec<Raw>,
    /// The first [`Recorder::kept`] are in use, the others are memory for those to come.
    headers: Vec<Header>,
    kept: usize,
    texts: Vec<Box<str>>,
    inputs: Vec<Input<M>>,
}

/// An event, with the places of what is kept apart.
struct Raw {
    moment: Moment,
    lane: Lane,
    life: Incarnation,
    what: What,
    header: usize,
    text: Option<usize>,
    input: Option<usize>,
}

impl<M: StateMachine> Default for Recorder<M> {
    fn default() -> Self {
        Self { raw: Vec::new(), headers: Vec::new(), kept: 0, texts: Vec::new(), inputs: Vec::new() }
    }
}

impl<M: StateMachine> Recorder<M> {
    /// Forgets everything, keeping its memory.
    pub fn clear(&mut self) {
        self.raw.clear();
        self.kept = 0;
        self.texts.clear();
        self.inputs.clear();
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
        let owned = |raw: &Raw| Event {
            moment: raw.moment,
            lane: raw.lane,
            life: raw.life,
            what: raw.what,
            header: self.headers[raw.header].clone(),
            text: raw.text.map_or_else(Box::default, |at| self.texts[at].clone()),
            payload: raw.input.map_or_else(Box::default, |at| format!("{:?}", self.inputs[at]).into()),
        };
        let events = self.raw.iter().map(owned).collect();
        self.clear();
        events
    }

    /// Where a header equal to this one is kept.
    #[inline]
    fn keep(&mut self, header: &Header) -> usize {
        if self.kept == 0 || self.headers[self.kept - 1] != *header {
            match self.headers.get_mut(self.kept) {
                Some(old) => old.clone_from(header),
                None => self.headers.push(header.clone()),
            }
            self.kept += 1;
        }
        self.kept - 1
    }
}

impl<M: StateMachine> Sink<M> for Recorder<M> {
    fn event(&mut self, event: EventRef<'_>, input: Option<&Input<M>>) {
        let header = self.keep(event.header);
        let text = (!event.text.is_empty()).then(|| {
            self.texts.push(event.text.into());
            self.texts.len() - 1
        });
        let input = input.map(|input| {
            self.inputs.push(input.clone());
            self.inputs.len() - 1
        });
        let EventRef { moment, lane, life, what, .. } = event;
        self.raw.push(Raw { moment, lane, life, what, header, text, input });
    }
}
