//! A trace as data for serde: names instead of indices, words instead of variants, text instead of ids.
//!
//! JSON lines and RON are written from the same structs and differ in one thing. JSON lines are for programs, so
//! every field of an event is there; RON is for people, so what is zero or empty is left out ([`Detail`]).

use raddle_core::{
    Conditions, Counting, End, Event, MessageId, Names, Parked, Policies, Time, Trace, VectorClock, What, WorkerId,
};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::who;

/// How much is said of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Every field.
    Full,
    /// Only fields that say something.
    Lean,
}

/// A whole trace, lean.
#[derive(Serialize)]
#[serde(rename = "Trace")]
pub(crate) struct TraceData<'a> {
    conditions: ConditionsData<'a>,
    events: Vec<EventData<'a>>,
    end: EndData<'a>,
}

impl<'a> TraceData<'a> {
    pub(crate) fn new(trace: &'a Trace) -> Self {
        let names = &trace.conditions.names;
        Self {
            conditions: ConditionsData::new(&trace.conditions),
            events: trace.events.iter().map(|event| EventData::new(event, names, Detail::Lean)).collect(),
            end: EndData::new(&trace.end, names),
        }
    }
}

/// What a judge must know.
#[derive(Serialize)]
#[serde(rename = "Conditions")]
pub(crate) struct ConditionsData<'a> {
    system: &'a str,
    workers: Vec<&'a str>,
    sources: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sessions: Vec<&'a str>,
    #[serde(serialize_with = "all_policies")]
    policies: &'a Policies,
    counting: &'static str,
    promised: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    barriers: bool,
}

impl<'a> ConditionsData<'a> {
    pub(crate) fn new(conditions: &'a Conditions) -> Self {
        let names = &conditions.names;
        Self {
            system: names.system(),
            workers: names.workers().map(|(_, name)| name).collect(),
            sources: names.sources().map(|(_, name)| name).collect(),
            sessions: names.sources().filter(|(id, _)| names.is_session(*id)).map(|(_, name)| name).collect(),
            policies: &conditions.policies,
            counting: counting_word(conditions.counting),
            promised: conditions.promised.to_string(),
            barriers: conditions.barriers,
        }
    }
}

/// What the capacity of a queue bounds, as a word.
pub(crate) const fn counting_word(counting: Counting) -> &'static str {
    match counting {
        Counting::InFlight => "in-flight",
        Counting::Queued => "queued",
    }
}

/// One event. A field that is `None` is not written.
#[derive(Default, Serialize)]
#[serde(rename = "Event")]
pub(crate) struct EventData<'a> {
    step: u64,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    time_ns: Option<u64>,
    lane: String,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    life: Option<u32>,
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    needs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    tag: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    deadline_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    options: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    value: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    on: Option<String>,
    id: String,
    from: String,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    from_life: Option<u32>,
    to: String,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    to_life: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    number: Option<u32>,
    depth: u32,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    sent_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    clock: Option<ClockData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    visited: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    payload: Option<&'a str>,
}

impl<'a> EventData<'a> {
    pub(crate) fn new(event: &'a Event, names: &'a Names, detail: Detail) -> Self {
        let header = &event.header;
        let full = detail == Detail::Full;
        let number = |n: u32| Some(n).filter(|n| full || *n != 0);
        let time = |time: Time| Some(time.0).filter(|time| full || *time != 0);
        let text = |text: &'a str| Some(text).filter(|text| full || !text.is_empty());
        let visited = || header.visited.iter().map(|worker| who::worker(*worker, names)).collect();
        Self {
            step: event.moment.step,
            time_ns: time(event.moment.time),
            lane: who::lane(event.lane, names),
            life: number(event.life.0),
            id: who::id(&header.id, names),
            from: who::party(header.from, names),
            from_life: number(header.life.0),
            to: who::worker(header.to, names),
            to_life: Some(header.to_life.0).filter(|life| *life != 0),
            number: number(header.number.0),
            depth: header.depth.0,
            sent_ns: time(header.sent_at),
            clock: (full || !header.clock.is_empty()).then_some(ClockData { clock: &header.clock, names }),
            visited: (full || !header.visited.is_empty()).then(visited),
            text: text(&event.text),
            payload: text(&event.payload),
            ..Self::of_what(event.what, names)
        }
    }

    /// The word and what the event adds to it.
    fn of_what(what: What, names: &Names) -> Self {
        let data = Self { what: what.word(), ..Self::default() };
        match what {
            What::Park { of, needs } => Self { of: Some(who::worker(of, names)), needs: Some(needs.0), ..data },
            What::SetTimer { tag, deadline } => Self { tag: Some(tag.0), deadline_ns: Some(deadline.0), ..data },
            What::CancelTimer { tag } => Self { tag: Some(tag.0), ..data },
            What::Choose { options, value } => Self { options: Some(options), value: Some(value), ..data },
            What::Wait { on } => Self { on: Some(who::worker(on, names)), ..data },
            What::Arrive
            | What::Release
            | What::Hold
            | What::Admit
            | What::Stall
            | What::Resume
            | What::Drop(_)
            | What::Nack
            | What::Handle
            | What::Emit
            | What::DepthRefused
            | What::CycleBroken
            | What::Waited
            | What::Mark
            | What::Reply
            | What::Read
            | What::Wrote
            | What::Cut
            | What::Crash(_)
            | What::Restart
            | What::Fault(_)
            | What::FaultOver(_)
            | What::Route => data,
        }
    }
}

/// A clock as a map from names to counts.
pub(crate) struct ClockData<'a> {
    clock: &'a VectorClock,
    names: &'a Names,
}

impl Serialize for ClockData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.clock.iter().count()))?;
        for (worker, count) in self.clock.iter() {
            map.serialize_entry(&who::worker(worker, self.names), &count)?;
        }
        map.end()
    }
}

/// How a run ended.
#[derive(Serialize)]
#[serde(rename = "End")]
pub(crate) struct EndData<'a> {
    reason: &'static str,
    in_flight: Vec<String>,
    parked: Vec<ParkedData>,
    stalled: Vec<StalledData>,
    waiting: Vec<WaitingData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "bare")]
    healed: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename = "Parked")]
struct ParkedData {
    id: String,
    at: String,
    of: String,
    needs: u32,
}

#[derive(Serialize)]
#[serde(rename = "Stalled")]
struct StalledData {
    worker: String,
    at: String,
}

#[derive(Serialize)]
#[serde(rename = "Waiting")]
struct WaitingData<'a> {
    worker: String,
    on: String,
    text: &'a str,
}

impl<'a> EndData<'a> {
    pub(crate) fn new(end: &'a End, names: &Names) -> Self {
        let name = |worker: &WorkerId| who::worker(*worker, names);
        let id = |id: &MessageId| who::id(id, names);
        let parked = |parked: &Parked| ParkedData {
            id: id(&parked.id),
            at: name(&parked.at),
            of: name(&parked.of),
            needs: parked.needs.0,
        };
        Self {
            reason: end.reason.word(),
            in_flight: end.in_flight.iter().map(id).collect(),
            parked: end.parked.iter().map(parked).collect(),
            stalled: end.stalled.iter().map(|(w, at)| StalledData { worker: name(w), at: name(at) }).collect(),
            waiting: end
                .waiting
                .iter()
                .map(|(w, on, text)| WaitingData { worker: name(w), on: name(on), text })
                .collect(),
            healed: end.healed,
        }
    }
}

fn all_policies<S: Serializer>(policies: &&Policies, serializer: S) -> Result<S::Ok, S::Error> {
    let value = |key: &'static str| (key, policies.get(key).expect("every key of the table has a value"));
    serializer.collect_map(Policies::KEYS.iter().map(|(key, _, _)| value(key)))
}

/// The value of an option that is there, without saying that it is one.
fn bare<T: Serialize, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_ref().expect("what is not there is skipped").serialize(serializer)
}
