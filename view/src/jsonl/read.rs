//! Reading traces, a line at a time, from files that anybody may have written.

use std::io::{BufRead, Read};
use std::sync::Arc;

use raddle_core::{
    Barriers, Cause, Conditions, Counting, Depth, DropReason, End, EndReason, Event, FaultKind, Header, Incarnation,
    LinkNumber, MessageId, Moment, Names, Parked, Policies, Time, TimerTag, Trace, VectorClock, What, WorkerId,
};
use serde_json::Value;

use super::fields::Fields;
use super::{LINE_MAX, ReadError, VERSION};
use crate::data::counting_word;
use crate::who;

/// Ids are at most this long. Nobody's are; but reading one takes time in the square of its length.
const ID_MAX: usize = 1 << 16;

/// Reads a trace that was written as JSON lines.
///
/// ```
/// use raddle_view::jsonl;
///
/// let file = std::fs::File::open("tests/triangle.jsonl")?;
/// let trace = jsonl::read(std::io::BufReader::new(file))?;
/// assert_eq!((trace.conditions.names.system(), trace.events.len()), ("triangle", 11));
///
/// let error = jsonl::read("{\"type\":\"trace\",\"v\":7}".as_bytes()).expect_err("from the future");
/// assert_eq!(
///     error.to_string(),
///     "line 1: the trace has version 7, and this program reads versions up to 1: use a newer one"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the input is not one whole trace, or not what [`write()`](super::write()) wrote: the digest is compared.
pub fn read(input: impl BufRead) -> Result<Trace, ReadError> {
    let mut lines = Lines { input, line: 0, buffer: Vec::new() };
    let Some((kind, mut head)) = lines.next()? else { return Err(ReadError::Empty) };
    if kind != "trace" {
        return Err(lines.wrong_kind(&kind, "`trace`"));
    }
    let conditions = conditions(lines.line, &mut head)?;
    head.finish()?;
    let names = &conditions.names;
    let mut events = Vec::new();
    let (end, said) = loop {
        let Some((kind, mut fields)) = lines.next()? else { return Err(ReadError::CutOff { line: lines.line }) };
        match kind.as_str() {
            "event" => {
                events.push(event(&mut fields, names)?);
                fields.finish()?;
            }
            "end" => {
                let end = end(&mut fields, names)?;
                let said = (fields.u64("events")?, fields.text("digest")?);
                fields.finish()?;
                break (end, said);
            }
            _ => return Err(lines.wrong_kind(&kind, "`event` or `end`")),
        }
    };
    let line = lines.line;
    if said.0 != events.len() as u64 {
        return Err(ReadError::Count { line, said: said.0, found: events.len() });
    }
    let trace = Trace { conditions, events, end };
    let digest = trace.digest().to_string();
    if said.1 != digest {
        return Err(ReadError::Digest { line, said: said.1.chars().take(16).collect(), found: digest });
    }
    match lines.next()? {
        None => Ok(trace),
        Some(_) => Err(ReadError::AfterEnd { line: lines.line }),
    }
}

/// The lines of a file that have something on them.
struct Lines<R> {
    input: R,
    line: usize,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The next object: its type, and its other fields.
    fn next(&mut self) -> Result<Option<(String, Fields)>, ReadError> {
        loop {
            self.buffer.clear();
            let mut part = self.input.by_ref().take(LINE_MAX as u64 + 1);
            let read = part.read_until(b'\n', &mut self.buffer);
            let read = read.map_err(|source| ReadError::Io { line: self.line + 1, source })?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            if read > LINE_MAX {
                return Err(ReadError::TooLong { line: self.line });
            }
            if !self.buffer.trim_ascii().is_empty() {
                return self.object().map(Some);
            }
        }
    }

    fn object(&self) -> Result<(String, Fields), ReadError> {
        let line = self.line;
        let json = |column, reason: &str| ReadError::Json { line, column, reason: reason.to_owned() };
        let value: Value = serde_json::from_slice(&self.buffer).map_err(|error| {
            let text = error.to_string();
            json(error.column(), text.split(" at line ").next().unwrap_or(&text))
        })?;
        let Value::Object(map) = value else { return Err(json(1, "this is JSON, but no object")) };
        let mut fields = Fields::new(line, "the line", map);
        let kind = fields.text("type")?;
        fields.name(match kind.as_str() {
            "trace" => "the trace",
            "event" => "the event",
            "end" => "the end",
            _ => "the line",
        });
        Ok((kind, fields))
    }

    fn wrong_kind(&self, found: &str, expected: &'static str) -> ReadError {
        let found = format!("`{}`", found.chars().take(20).collect::<String>());
        ReadError::Kind { line: self.line, found, expected }
    }
}

fn conditions(line: usize, head: &mut Fields) -> Result<Conditions, ReadError> {
    match head.u64("v")? {
        VERSION => {}
        0 => return Err(head.bad("v", &Value::from(0), "a version from 1")),
        found => return Err(ReadError::Version { found }),
    }
    let text = |text: &str| Some(text.to_owned());
    let (system, workers) = (head.text("system")?, head.list("workers", "a name", text)?);
    let names = Names::new(&system, workers, head.list("sources", "a name", text)?);
    let names = names.map_err(|why| ReadError::Names { line, why })?;
    let sessions = head.list_or_none("sessions", "a source of line 1", |name| names.source_id(name))?;
    // A policy that the file does not name was not there when it was written: its default is what held then.
    let mut policies = Policies::default();
    for (key, value) in head.map("policies")? {
        let Some(text) = value.as_str() else { return Err(head.bad(&key, &value, "a text")) };
        policies.set(&key, text).map_err(|why| ReadError::Policy { line, why })?;
    }
    let counting = |word: &str| [Counting::InFlight, Counting::Queued].into_iter().find(|c| counting_word(*c) == word);
    Ok(Conditions {
        names: Arc::new(names.with_sessions(sessions)),
        policies,
        counting: head.read("counting", "`in-flight` or `queued`", counting)?,
        promised: head.read("promised", "`arrival`, `fifo` or `causal`", |word| word.parse().ok())?,
        barriers: head.flag("barriers")?,
    })
}

fn event(fields: &mut Fields, names: &Names) -> Result<Event, ReadError> {
    let moment = Moment { step: fields.u64("step")?, time: Time(fields.u64("time_ns")?) };
    let lane = "`worker NAME`, `inbox NAME`, `shard N` or `network`";
    let lane = fields.read("lane", lane, |text| who::read_lane(text, names))?;
    Ok(Event {
        moment,
        lane,
        life: Incarnation(fields.u32("life")?),
        what: what(fields, names)?,
        header: header(fields, names)?,
        text: fields.text("text")?.into(),
        payload: fields.text("payload")?.into(),
    })
}

fn what(fields: &mut Fields, names: &Names) -> Result<What, ReadError> {
    let word = fields.text("what")?;
    Ok(match word.as_str() {
        "arrive" => What::Arrive,
        "park" => What::Park { of: worker(fields, "of", names)?, needs: LinkNumber(fields.u32("needs")?) },
        "release" => What::Release,
        "hold" => What::Hold,
        "admit" => What::Admit,
        "stall" => What::Stall,
        "resume" => What::Resume,
        "nack" => What::Nack,
        "handle" => What::Handle,
        "emit" => What::Emit,
        "depth-refused" => What::DepthRefused,
        "cycle-broken" => What::CycleBroken,
        "set-timer" => What::SetTimer { tag: TimerTag(fields.u64("tag")?), deadline: Time(fields.u64("deadline_ns")?) },
        "cancel-timer" => What::CancelTimer { tag: TimerTag(fields.u64("tag")?) },
        "choose" => What::Choose { options: fields.u32("options")?, value: fields.u32("value")? },
        "wait" => What::Wait { on: worker(fields, "on", names)? },
        "waited" => What::Waited,
        "mark" => What::Mark,
        "reply" => What::Reply,
        "read" => What::Read,
        "wrote" => What::Wrote,
        "cut" => What::Cut,
        "crash(panic)" => What::Crash(Cause::Panic),
        "crash(fault)" => What::Crash(Cause::Fault),
        "crash(killed)" => What::Crash(Cause::Killed),
        "restart" => What::Restart,
        "route" => What::Route,
        _ => match families().find(|what| what.word() == word) {
            Some(what) => what,
            None => return Err(fields.bad("what", &Value::String(word), "the word of an event, such as `handle`")),
        },
    })
}

/// What happens in many ways, each with a word of its own.
fn families() -> impl Iterator<Item = What> {
    let faults = FaultKind::ALL.into_iter().flat_map(|kind| [What::Fault(kind), What::FaultOver(kind)]);
    DropReason::ALL.into_iter().map(What::Drop).chain(faults)
}

fn header(fields: &mut Fields, names: &Names) -> Result<Header, ReadError> {
    let from = fields.read("from", "`worker NAME` or `source NAME`", |text| who::read_party(text, names))?;
    Ok(Header {
        id: fields.read("id", ID, |text| id(text, names))?,
        from,
        to: worker(fields, "to", names)?,
        to_life: Incarnation(fields.u32_or_zero("to_life")?),
        life: Incarnation(fields.u32("from_life")?),
        number: LinkNumber(fields.u32("number")?),
        depth: Depth(fields.u32("depth")?),
        sent_at: Time(fields.u64("sent_ns")?),
        clock: clock(fields, names)?,
        barriers: Barriers::default(),
        visited: fields.list("visited", WORKER, |text| who::read_worker(text, names))?,
    })
}

fn clock(fields: &mut Fields, names: &Names) -> Result<VectorClock, ReadError> {
    let map = fields.map("clock")?;
    let entry = |(name, count): (String, Value)| {
        let worker = who::read_worker(&name, names);
        let worker = worker.ok_or_else(|| fields.bad("clock", &Value::from(name.as_str()), WORKER))?;
        let number = count.as_u64().and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0);
        Ok((worker, number.ok_or_else(|| fields.bad(&name, &count, "a count from 1"))?))
    };
    let mut entries = map.into_iter().map(entry).collect::<Result<Vec<_>, ReadError>>()?;
    // A clock takes entries in this order in no time, and in any other in the square of their number.
    entries.sort_unstable();
    Ok(entries.into_iter().collect())
}

fn end(fields: &mut Fields, names: &Names) -> Result<End, ReadError> {
    let reasons =
        [EndReason::Quiescent, EndReason::Violation, EndReason::Steps, EndReason::Horizon, EndReason::Stopped];
    let reason = |word: &str| reasons.into_iter().find(|reason| reason.word() == word);
    Ok(End {
        reason: fields.read("reason", "why a run ends, such as `quiescent`", reason)?,
        in_flight: fields.list("in_flight", ID, |text| id(text, names))?,
        parked: fields.objects("parked", "the parked update", |parked| {
            Ok(Parked {
                id: parked.read("id", ID, |text| id(text, names))?,
                at: worker(parked, "at", names)?,
                of: worker(parked, "of", names)?,
                needs: LinkNumber(parked.u32("needs")?),
            })
        })?,
        stalled: fields.objects("stalled", "the stalled worker", |stalled| {
            Ok((worker(stalled, "worker", names)?, worker(stalled, "at", names)?))
        })?,
        waiting: fields.objects("waiting", "the waiting worker", |waiting| {
            Ok((worker(waiting, "worker", names)?, worker(waiting, "on", names)?, waiting.text("text")?))
        })?,
        healed: fields.u64_or_none("healed")?,
    })
}

fn worker(fields: &mut Fields, field: &'static str, names: &Names) -> Result<WorkerId, ReadError> {
    fields.read(field, WORKER, |text| who::read_worker(text, names))
}

fn id(text: &str, names: &Names) -> Option<MessageId> {
    Some(text).filter(|text| text.len() <= ID_MAX).and_then(|text| MessageId::parse(text, names).ok())
}

const WORKER: &str = "a worker of line 1";
const ID: &str = "the id of a message of this system, such as `SOURCE#N.OUTPUT`";
