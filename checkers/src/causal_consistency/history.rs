//! A history: who read and wrote what, in the order of each session, as numbers.
//!
//! Taken in while a run goes on. Keys and values are known by hash, and which write wrote what a read has read is found when
//! the history is judged: it may stand later.

use raddle_core::fnv;

use crate::id_map::IdMap;

/// No write: of a read of what nobody wrote.
pub(super) const NOBODY: u32 = u32::MAX;

/// A read or a write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Op {
    /// Of key and value.
    pair: u64,
    pub(super) session: u32,
    pub(super) key: u32,
    /// Which of its session's, from 1.
    pub(super) at: u32,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Write,
    Read,
    /// Of a key that has no value that anybody wrote.
    ReadInitial,
}

/// Why a history cannot be judged: two writes of one value to one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WrittenTwice(pub(super) u32, pub(super) u32);

#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) ops: Vec<Op>,
    /// By session: how many operations it has.
    pub(super) lengths: Vec<u32>,
    sessions: IdMap<u32>,
    keys: IdMap<u32>,
    /// By hash of key and value: the write.
    writes: IdMap<u32>,
    twice: Option<WrittenTwice>,
}

impl History {
    pub(super) fn new() -> Self {
        Self {
            ops: Vec::new(),
            lengths: Vec::new(),
            sessions: IdMap::new(),
            keys: IdMap::new(),
            writes: IdMap::new(),
            twice: None,
        }
    }

    pub(super) fn reset(&mut self) {
        self.ops.clear();
        self.lengths.clear();
        self.sessions.reset();
        self.keys.reset();
        self.writes.reset();
        self.twice = None;
    }

    pub(super) fn copy_from(&mut self, other: &Self) {
        let Self { ops, lengths, sessions, keys, writes, twice } = self;
        ops.clone_from(&other.ops);
        lengths.clone_from(&other.lengths);
        sessions.copy_from(&other.sessions);
        keys.copy_from(&other.keys);
        writes.copy_from(&other.writes);
        *twice = other.twice;
    }

    pub(super) fn key_count(&self) -> usize {
        self.keys.len()
    }

    pub(super) const fn twice(&self) -> Option<WrittenTwice> {
        self.twice
    }

    /// Adds what an event says: `KEY=VALUE`, or `KEY` of a read of what nobody wrote.
    pub(super) fn add(&mut self, session: u64, is_write: bool, text: &str) {
        let key_len = text.bytes().position(|b| b == b'=').unwrap_or(text.len());
        let (key, value) = text.as_bytes().split_at(key_len);
        let key_hash = fnv::hash(key);
        let pair = fnv::spread(fnv::extend(key_hash, value));
        let kind = match (is_write, value.is_empty()) {
            (true, _) => Kind::Write,
            (false, false) => Kind::Read,
            (false, true) => Kind::ReadInitial,
        };
        let at = u32::try_from(self.ops.len()).expect("a history has fewer than 2^32 operations");
        if is_write && let Some(first) = self.writes.insert(pair, at) {
            self.twice.get_or_insert(WrittenTwice(first, at));
        }
        let session = number(&mut self.sessions, fnv::spread(session));
        let key = number(&mut self.keys, fnv::spread(key_hash));
        if session as usize == self.lengths.len() {
            self.lengths.push(0);
        }
        let length = &mut self.lengths[session as usize];
        *length += 1;
        self.ops.push(Op { pair, session, key, at: *length, kind });
    }

    /// The write whose value an operation read; nobody's of what is no read of a value.
    ///
    /// # Errors
    /// When nobody wrote what it read.
    pub(super) fn source(&self, op: &Op) -> Result<u32, ()> {
        match op.kind {
            Kind::Read => self.writes.get(op.pair).ok_or(()),
            Kind::Write | Kind::ReadInitial => Ok(NOBODY),
        }
    }
}

/// The number of what has this hash, the next one if it is new.
fn number(numbers: &mut IdMap<u32>, hash: u64) -> u32 {
    let next = u32::try_from(numbers.len()).expect("fewer than 2^32 operations name fewer than 2^32 things");
    numbers.insert(hash, next).unwrap_or(next)
}
