//! The digest of a trace: what two runs must share to be the same execution, in 64 bits, specified for ever.
//!
//! Each lane (worker or inbox) is hashed by itself, event by event, then the lanes in the order of their names; so
//! the digest does not depend on how lanes were interleaved, on steps, on time, or on the coordinator's own events.
//! A simulated and a real run of the same execution agree.
//!
//! The hash is FNV-1a 64 over text. An event is the line
//! `WORD ID DETAIL DEPTH CLOCK LENGTH:TEXT LENGTH:PAYLOAD\n`, where DETAIL is what the event adds (`-` if nothing),
//! CLOCK is `name=count` pairs sorted by name and joined by `,`, and lengths count bytes. The text of a panic is hashed
//! without its place, which moves when code is edited. A lane is
//! `worker NAME HASH\n` or `inbox NAME HASH\n` with HASH as 16 hex digits, workers before inboxes of the same name.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::VectorClock;
use crate::event::{EventRef, Lane, Sink, What};
use crate::fnv;
use crate::header::Input;
use crate::ids::{Party, WorkerId};
use crate::machine::StateMachine;
use crate::names::Names;
use crate::panics;
use crate::trace::Trace;

/// The digest of a trace; prints as 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub u64);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = u64::from_str_radix(&text, 16).ok().filter(|_| text.len() == 16);
        number.map(Self).ok_or_else(|| format!("`{text}` is not a digest: 16 hex digits expected"))
    }
}

impl Trace {
    /// The digest of this trace.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut digester = Digester::new(Arc::clone(&self.conditions.names));
        self.events.iter().for_each(|event| digester.take(event.as_ref(), &event.payload));
        digester.digest()
    }
}

/// Makes the digest of a run as it goes on, without keeping its events.
#[derive(Clone, Debug)]
pub struct Digester {
    names: Arc<Names>,
    lanes: Vec<Hashed>,
    /// Where payloads become text.
    scratch: String,
}

impl Digester {
    /// Of no events yet.
    #[must_use]
    pub fn new(names: Arc<Names>) -> Self {
        let lanes = vec![Hashed(fnv::OFFSET); names.worker_count() * 2];
        Self { names, lanes, scratch: String::new() }
    }

    /// Takes one event, with its payload as text.
    pub fn take(&mut self, event: EventRef<'_>, payload: &str) {
        let lane = match event.lane {
            Lane::Worker(worker) => worker.index() * 2,
            Lane::Inbox(worker) => worker.index() * 2 + 1,
            Lane::Shard(_) | Lane::Network => return,
        };
        if let Some(lane) = self.lanes.get_mut(lane) {
            line(lane, event, payload, &self.names).expect("hashing cannot fail");
        }
    }

    /// The digest of the events so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut order: Vec<(WorkerId, &str)> = self.names.workers().collect();
        order.sort_by_key(|(_, name)| *name);
        let mut all = Hashed(fnv::OFFSET);
        for (worker, name) in order {
            for (kind, offset) in [("worker", 0), ("inbox", 1)] {
                let lane = self.lanes[worker.index() * 2 + offset].0;
                writeln!(all, "{kind} {name} {lane:016x}").expect("hashing cannot fail");
            }
        }
        Digest(all.0)
    }
}

impl<M: StateMachine> Sink<M> for Digester {
    fn event(&mut self, event: EventRef<'_>, input: Option<&Input<M>>) {
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        if let Some(input) = input {
            // A `Debug` that fails has written what it has.
            let _ = write!(payload, "{input:?}");
        }
        self.take(event, &payload);
        self.scratch = payload;
    }
}

fn line(lane: &mut Hashed, event: EventRef<'_>, payload: &str, names: &Names) -> fmt::Result {
    let header = event.header;
    write!(lane, "{} {} ", event.what.word(), header.id.display(names))?;
    detail(lane, event, names)?;
    write!(lane, " {} ", header.depth.0)?;
    clock(lane, &header.clock, names)?;
    let text = if matches!(event.what, What::Crash(_)) { panics::split(event.text).0 } else { event.text };
    writeln!(lane, " {}:{text} {}:{payload}", text.len(), payload.len())
}

fn detail(lane: &mut Hashed, event: EventRef<'_>, names: &Names) -> fmt::Result {
    let header = event.header;
    match event.what {
        What::Arrive => match header.from {
            Party::Worker(from) => write!(lane, "from={}#{}", names.worker(from), header.number.0),
            Party::Source(from) => write!(lane, "from={}", names.source(from)),
        },
        What::Emit => write!(lane, "to={}#{}", names.worker(header.to), header.number.0),
        What::Park { of, needs } => write!(lane, "for={}#{}", names.worker(of), needs.0),
        What::SetTimer { tag, deadline } => write!(lane, "tag={} at={}", tag.0, deadline.0),
        What::CancelTimer { tag } => write!(lane, "tag={}", tag.0),
        What::Choose { options, value } => write!(lane, "{value}/{options}"),
        What::Wait { on } => write!(lane, "on={}", names.worker(on)),
        _ => lane.write_str("-"),
    }
}

fn clock(lane: &mut Hashed, clock: &VectorClock, names: &Names) -> fmt::Result {
    let mut entries: Vec<(&str, u32)> = clock.iter().map(|(worker, n)| (names.worker(worker), n)).collect();
    entries.sort_unstable();
    if entries.is_empty() {
        lane.write_str("-")?;
    }
    for (at, (name, count)) in entries.iter().enumerate() {
        write!(lane, "{}{name}={count}", if at == 0 { "" } else { "," })?;
    }
    Ok(())
}

/// Text that is hashed instead of kept.
#[derive(Clone, Copy, Debug)]
struct Hashed(u64);

impl fmt::Write for Hashed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = fnv::extend(self.0, text.as_bytes());
        Ok(())
    }
}
