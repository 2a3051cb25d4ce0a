//! All writes of a history by key and session, and the last of them that an operation knows of.
//!
//! Where the last one of a session stands moves little from one read to the next, so each place remembers the last answer
//! and what the next write would be: mostly one look says that the answer is the same.

use super::history::{History, Kind};

pub(super) struct WritesByKey {
    /// By key, session and place in it: the operation, and its place.
    writes: Vec<(u32, u32)>,
    writers: Vec<Writer>,
    /// By key: where its writers begin; one more at the end.
    starts: Vec<u32>,
}

/// The writes of one session to one key.
#[derive(Clone, Copy)]
pub(super) struct Writer {
    pub(super) session: u32,
    start: u32,
    end: u32,
    /// The answer given last, as a place in `writes`.
    found: u32,
    /// The operation that this is.
    op: u32,
    /// Its place in its session, and that of the next.
    at: u32,
    next_at: u32,
}

impl WritesByKey {
    pub(super) fn new(history: &History) -> Self {
        let mut places: Vec<(u64, u32)> = (0..)
            .zip(&history.ops)
            .filter(|(_, op)| op.kind == Kind::Write)
            .map(|(at, op)| (u64::from(op.key) << 32 | u64::from(op.session), at))
            .collect();
        places.sort_unstable();
        let mut writers: Vec<Writer> = Vec::new();
        let mut starts = vec![0; history.key_count() + 1];
        let mut last = None;
        for ((place, _), at) in places.iter().zip(0..) {
            if last == Some(*place) {
                writers.last_mut().expect("one was there").end = at + 1;
                continue;
            }
            last = Some(*place);
            let session = *place as u32;
            writers.push(Writer { session, start: at, end: at + 1, found: at, op: 0, at: 0, next_at: 0 });
            starts[(*place >> 32) as usize + 1] += 1;
        }
        for key in 0..history.key_count() {
            starts[key + 1] += starts[key];
        }
        let writes = places.into_iter().map(|(_, op)| (op, history.ops[op as usize].at)).collect();
        let mut all = Self { writes, writers, starts };
        (0..all.writers.len()).for_each(|writer| all.remember(writer, all.writers[writer].start));
        all
    }

    /// The writers of a key.
    pub(super) fn of(&self, key: u32) -> std::ops::Range<usize> {
        self.starts[key as usize] as usize..self.starts[key as usize + 1] as usize
    }

    /// The session of a writer.
    pub(super) fn session(&self, writer: usize) -> u32 {
        self.writers[writer].session
    }

    /// The first write of a writer, and its place in its session.
    pub(super) fn first(&self, writer: usize) -> (u32, u32) {
        self.writes[self.writers[writer].start as usize]
    }

    /// The last write of a writer that stands at `limit` in its session or before, and its place there.
    #[inline]
    pub(super) fn last_up_to(&mut self, writer: usize, limit: u32) -> Option<(u32, u32)> {
        let Writer { op, at, next_at, .. } = self.writers[writer];
        if at <= limit && limit < next_at {
            return Some((op, at));
        }
        let place = self.look_for(writer, limit)?;
        self.remember(writer, place);
        Some(self.writes[place as usize])
    }

    /// In steps that double, from where one was found last.
    fn look_for(&self, writer: usize, limit: u32) -> Option<u32> {
        let Writer { start, end, found, .. } = self.writers[writer];
        let within = |place: u32| self.writes[place as usize].1 <= limit;
        let (mut low, mut high) = (found, found + 1);
        let mut step = 1;
        if within(found) {
            while high < end && within(high) {
                low = high;
                high = high.saturating_add(step).min(end);
                step *= 2;
            }
        } else {
            high = found;
            loop {
                if high == start {
                    return None;
                }
                low = high.saturating_sub(step).max(start);
                if within(low) {
                    break;
                }
                high = low;
                step *= 2;
            }
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if within(middle) { low = middle } else { high = middle }
        }
        Some(low)
    }

    fn remember(&mut self, writer: usize, place: u32) {
        let it = &mut self.writers[writer];
        it.found = place;
        (it.op, it.at) = self.writes[place as usize];
        it.next_at = if place + 1 < it.end { self.writes[place as usize + 1].1 } else { u32::MAX };
    }
}
