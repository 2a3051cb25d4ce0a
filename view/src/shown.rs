//! Which events of a trace a view shows, and what it says about some of them.
//!
//! Every view of single events takes a [`Shown`]; without one, all events are shown and none stands out. It only
//! points into a trace: nothing here changes or judges it.

use std::collections::{BTreeSet, HashSet};

use raddle_core::{Lane, MessageId, Trace, What};

/// What to show of a trace, and what to say about it.
///
/// ```
/// use raddle_view::{Shown, Spot};
///
/// let shown = Shown::all().only([0, 1, 2]).mark(Spot::Event(2), "the second time");
/// assert_eq!(shown.marks.len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The places in the trace of the events to show; all if `None`. What is marked is always shown.
    pub only: Option<BTreeSet<usize>>,
    /// What is said about some events: where a law was broken, and how.
    pub marks: Vec<Mark>,
}

/// Something said about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// About which.
    pub spot: Spot,
    /// What. Message ids in it are shown as the view labels them.
    pub note: String,
}

/// A way to point at an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spot {
    /// By its place in the trace, from 0. If unsure, this.
    Event(usize),
    /// By its message and its word ([`What::word`](raddle_core::What::word)), such as `handle`: the first such event.
    Message(MessageId, &'static str),
}

impl Shown {
    /// All events, none of them marked.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Only what concerns these messages, and the messages that led to them: for long traces.
    #[must_use]
    pub fn chains<'a>(trace: &Trace, ids: impl IntoIterator<Item = &'a MessageId>) -> Self {
        let mut family = HashSet::new();
        for id in ids {
            let mut next = Some(id.clone());
            while let Some(id) = next {
                next = id.parent(&trace.conditions.names);
                if !family.insert(id) {
                    break;
                }
            }
        }
        let concerns = |index: &usize| family.contains(&trace.events[*index].header.id);
        Self::all().only((0..trace.events.len()).filter(concerns))
    }

    /// Only the causal past of an event: what happened before it at its worker, before the sends of the messages handled
    /// there, and so on (Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", CACM 1978). Nothing
    /// else can have had a part in it. Of a message on its way only the send is shown, if anything.
    #[must_use]
    pub fn causal_past(trace: &Trace, place: usize) -> Self {
        let (mut workers, mut messages) = (HashSet::new(), HashSet::new());
        let mut past = BTreeSet::new();
        let place = place.min(trace.events.len().saturating_sub(1));
        for (at, event) in trace.events.iter().enumerate().take(place + 1).rev() {
            let id = &event.header.id;
            let is_past = match event.lane {
                Lane::Worker(worker) if at == place || messages.contains(id) && event.what == What::Emit => {
                    workers.insert(worker);
                    true
                }
                Lane::Worker(worker) => workers.contains(&worker),
                Lane::Inbox(_) | Lane::Shard(_) | Lane::Network => at == place || messages.contains(id),
            };
            if is_past {
                past.insert(at);
                if event.what == What::Handle || at == place {
                    messages.insert(id.clone());
                }
            }
        }
        Self::all().only(past)
    }

    /// The same, showing only the events at these places of the trace.
    #[must_use]
    pub fn only(mut self, places: impl IntoIterator<Item = usize>) -> Self {
        self.only = Some(places.into_iter().collect());
        self
    }

    /// The same, with one more note.
    #[must_use]
    pub fn mark(mut self, spot: Spot, note: impl Into<String>) -> Self {
        self.marks.push(Mark { spot, note: note.into() });
        self
    }

    /// The places of all events to show, in the order of the trace.
    pub(crate) fn places(&self, trace: &Trace) -> Vec<usize> {
        let Some(only) = &self.only else { return (0..trace.events.len()).collect() };
        let marked = self.marks.iter().filter_map(|mark| mark.spot.place(trace));
        let places: BTreeSet<usize> = only.iter().copied().chain(marked).collect();
        places.into_iter().filter(|place| *place < trace.events.len()).collect()
    }
}

impl Spot {
    /// The place of the event in a trace; none if it is not there.
    #[must_use]
    pub fn place(&self, trace: &Trace) -> Option<usize> {
        match self {
            Self::Event(place) => Some(*place).filter(|place| *place < trace.events.len()),
            Self::Message(id, word) => {
                trace.events.iter().position(|event| event.what.word() == *word && event.header.id == *id)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage;

    #[test]
    fn what_is_marked_is_shown() {
        let trace = stage::triangle();
        let id = trace.events[1].header.id.clone();
        let shown = Shown::all().only([5, 1_000]).mark(Spot::Message(id, "handle"), "here");
        assert_eq!(shown.places(&trace), [1, 5]);
    }

    /// What is said of each event in the past of one, as word and id.
    fn past(trace: &Trace, word: &str, id: &str) -> Vec<String> {
        let shown = |event: &raddle_core::Event| {
            format!("{} {}", event.what.word(), event.header.id.display(&trace.conditions.names))
        };
        let wanted = format!("{word} {id}");
        let place = trace.events.iter().position(|event| shown(event) == wanted).expect("it happens");
        Shown::causal_past(trace, place).places(trace).into_iter().map(|at| shown(&trace.events[at])).collect()
    }

    #[test]
    fn a_causal_past_goes_from_handlings_to_sends() {
        let trace = stage::triangle();
        let before_m3 = ["arrive bank#0", "handle bank#0", "emit bank#0.0", "emit bank#0.1", "arrive bank#0.1"];
        let m3 = ["handle bank#0.1", "emit bank#0.1.0", "arrive bank#0.1.0", "handle bank#0.1.0"];
        assert_eq!(past(&trace, "handle", "bank#0.1.0"), [before_m3.as_slice(), &m3].concat());
        assert_eq!(past(&trace, "handle", "bank#0.1"), [before_m3.as_slice(), &m3[..1]].concat());
        // m1 is handled last: all of it is past.
        assert_eq!(past(&trace, "handle", "bank#0.0").len(), trace.events.len());

        let fan = stage::fan_out();
        let past = past(&fan, "handle", "bank#0.3");
        assert!(
            past.iter().all(|event| event.starts_with("emit") || event.ends_with("bank#0") || event.ends_with("#0.3"))
        );
    }

    #[test]
    fn a_causal_past_of_nothing_is_nothing() {
        let mut trace = stage::triangle();
        trace.events.clear();
        assert!(Shown::causal_past(&trace, 7).places(&trace).is_empty());
    }

    #[test]
    fn a_chain_is_a_message_and_what_led_to_it() {
        let trace = stage::triangle();
        let last = trace.events.iter().find(|event| event.header.id.path().len() == 2).expect("m3 is sent");
        let shown = Shown::chains(&trace, [&last.header.id]);
        let ids: BTreeSet<String> = shown
            .places(&trace)
            .iter()
            .map(|place| trace.events[*place].header.id.display(&trace.conditions.names).to_string())
            .collect();
        assert_eq!(ids.into_iter().collect::<Vec<_>>(), ["bank#0", "bank#0.1", "bank#0.1.0"]);
    }
}
