//! Writing traces, a line at a time.

use std::io::{self, Write};

use raddle_core::{MessageId, Names, Trace};
use serde::Serialize;

use super::VERSION;
use crate::data::{ConditionsData, Detail, EndData, EventData};
use crate::who;

/// Writes a trace as JSON lines.
///
/// ```
/// use raddle_view::jsonl;
///
/// let file = std::fs::File::open("tests/triangle.jsonl")?;
/// let trace = jsonl::read(std::io::BufReader::new(file))?;
/// let mut text = Vec::new();
/// jsonl::write(&trace, &mut text)?;
/// assert_eq!(jsonl::read(text.as_slice())?, trace);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// What `out` fails with; and [`io::ErrorKind::InvalidInput`] if a message of the trace comes from a party that the
/// trace has no name for, because such a line could not be read back. No driver makes such traces.
pub fn write(trace: &Trace, mut out: impl Write) -> io::Result<()> {
    let names = &trace.conditions.names;
    let ids = trace.events.iter().map(|event| &event.header.id);
    let ids = ids.chain(&trace.end.in_flight).chain(trace.end.parked.iter().map(|parked| &parked.id));
    for id in ids {
        check(id, names)?;
    }
    line(&mut out, &Head { r#type: "trace", v: VERSION, conditions: ConditionsData::new(&trace.conditions) })?;
    for event in &trace.events {
        line(&mut out, &Body { r#type: "event", event: EventData::new(event, names, Detail::Full) })?;
    }
    let (events, digest) = (trace.events.len(), trace.digest().to_string());
    line(&mut out, &Tail { r#type: "end", end: EndData::new(&trace.end, names), events, digest })?;
    out.flush()
}

fn check(id: &MessageId, names: &Names) -> io::Result<()> {
    if who::is_known(id, names) {
        return Ok(());
    }
    let text = format!("the message `{}` was begun by a party that the trace has no name for", who::id(id, names));
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Head<'a> {
    r#type: &'static str,
    v: u64,
    #[serde(flatten)]
    conditions: ConditionsData<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    event: EventData<'a>,
}

#[derive(Serialize)]
struct Tail<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    end: EndData<'a>,
    events: usize,
    digest: String,
}
