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

use std::convert::Infallible;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::VectorClock;
use crate::event::{EventRef, Lane, Sink, What};
use crate::fnv;
use crate::header::Input;
use crate::ids::{LinkNumber, MessageId, Party, Piece, WorkerId};
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
    /// Each worker's place in the order of names.
    ranks: Vec<u32>,
    lanes: Vec<Hashed>,
    /// Where payloads become text.
    scratch: String,
    /// Where the entries of a clock are sorted.
    entries: Vec<(u32, WorkerId, u32)>,
}

impl Digester {
    /// Of no events yet.
    #[must_use]
    pub fn new(names: Arc<Names>) -> Self {
        let lanes = vec![Hashed(fnv::OFFSET); names.worker_count() * 2];
        let mut ranks = vec![0; names.worker_count()];
        (0..).zip(by_name(&names)).for_each(|(rank, (worker, _))| ranks[worker.index()] = rank);
        Self { names, ranks, lanes, scratch: String::new(), entries: Vec::new() }
    }

    /// Takes one event, with its payload as text.
    pub fn take(&mut self, event: EventRef<'_>, payload: &str) {
        let lane = match event.lane {
            Lane::Worker(worker) => worker.index() * 2,
            Lane::Inbox(worker) => worker.index() * 2 + 1,
            Lane::Shard(_) | Lane::Network => return,
        };
        if let Some(line) = self.lanes.get(lane) {
            let mut line = *line;
            let header = event.header;
            line.text(event.what.word());
            line.text(" ");
            line.id(&header.id, &self.names);
            line.text(" ");
            line.detail(event, &self.names);
            line.text(" ");
            line.number(header.depth.0);
            line.text(" ");
            self.clock(&mut line, &header.clock);
            let text = if matches!(event.what, What::Crash(_)) { panics::split(event.text).0 } else { event.text };
            for counted in [text, payload] {
                line.text(" ");
                line.number(counted.len() as u64);
                line.text(":");
                line.text(counted);
            }
            line.text("\n");
            self.lanes[lane] = line;
        }
    }

    fn clock(&mut self, line: &mut Hashed, clock: &VectorClock) {
        let rank = |worker: WorkerId| self.ranks.get(worker.index()).copied().unwrap_or(u32::MAX);
        self.entries.clear();
        self.entries.extend(clock.iter().map(|(worker, count)| (rank(worker), worker, count)));
        self.entries.sort_unstable();
        if self.entries.is_empty() {
            line.text("-");
        }
        for (at, (_, worker, count)) in self.entries.iter().enumerate() {
            line.text(if at == 0 { "" } else { "," });
            line.text(self.names.worker(*worker));
            line.text("=");
            line.number(*count);
        }
    }

    /// The digest of the events so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut all = Hashed(fnv::OFFSET);
        for (worker, name) in by_name(&self.names) {
            for (kind, offset) in [("worker", 0), ("inbox", 1)] {
                let lane = self.lanes[worker.index() * 2 + offset].0;
                all.text(&format!("{kind} {name} {lane:016x}\n"));
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

fn by_name(names: &Names) -> Vec<(WorkerId, &str)> {
    let mut order: Vec<_> = names.workers().collect();
    order.sort_by_key(|(_, name)| *name);
    order
}

/// Text that is hashed instead of kept.
#[derive(Clone, Copy, Debug)]
struct Hashed(u64);

impl Hashed {
    #[inline]
    fn text(&mut self, text: &str) {
        self.0 = fnv::extend(self.0, text.as_bytes());
    }

    #[inline]
    fn number(&mut self, number: impl Into<u64>) {
        self.0 = fnv::extend_decimal(self.0, number.into());
    }

    fn id(&mut self, id: &MessageId, names: &Names) {
        let Ok(()) = id.spell(names, |piece| {
            match piece {
                Piece::Text(text) => self.text(text),
                Piece::Number(number) => self.number(number),
            }
            Ok::<_, Infallible>(())
        });
    }

    fn detail(&mut self, event: EventRef<'_>, names: &Names) {
        let header = event.header;
        let mut update = |key: &str, worker: WorkerId, number: LinkNumber| {
            self.text(key);
            self.text(names.worker(worker));
            self.text("#");
            self.number(number.0);
        };
        match event.what {
            What::Arrive => match header.from {
                Party::Worker(from) => update("from=", from, header.number),
                Party::Source(from) => {
                    self.text("from=");
                    self.text(names.source(from));
                }
            },
            What::Emit => update("to=", header.to, header.number),
            What::Park { of, needs } => update("for=", of, needs),
            What::SetTimer { tag, deadline } => {
                self.text("tag=");
                self.number(tag.0);
                self.text(" at=");
                self.number(deadline.0);
            }
            What::CancelTimer { tag } => {
                self.text("tag=");
                self.number(tag.0);
            }
            What::Choose { options, value } => {
                self.number(value);
                self.text("/");
                self.number(options);
            }
            What::Wait { on } => {
                self.text("on=");
                self.text(names.worker(on));
            }
            _ => self.text("-"),
        }
    }
}
