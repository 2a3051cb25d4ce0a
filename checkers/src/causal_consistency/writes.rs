//! All writes of a history by key and session, and the last of them at a moment.

use super::history::{History, Kind};

/// All writes, by key and session, in the order of the session.
pub(super) struct WritesByKey {
    pub(super) ops: Vec<u32>,
    pub(super) writers: Vec<Writer>,
    /// By key: where its writers begin; one more at the end.
    starts: Vec<u32>,
}

/// The writes of one session to one key: from `start` to `end`. Looked for last at `hint`.
#[derive(Clone, Copy)]
pub(super) struct Writer {
    pub(super) session: u32,
    pub(super) start: u32,
    end: u32,
    hint: u32,
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
            writers.push(Writer { session: *place as u32, start: at, end: at + 1, hint: at });
            starts[(*place >> 32) as usize + 1] += 1;
        }
        for key in 0..history.key_count() {
            starts[key + 1] += starts[key];
        }
        Self { ops: places.into_iter().map(|(_, at)| at).collect(), writers, starts }
    }

    pub(super) fn range(&self, key: u32) -> std::ops::Range<usize> {
        self.starts[key as usize] as usize..self.starts[key as usize + 1] as usize
    }

    pub(super) fn of(&self, key: u32) -> &[Writer] {
        &self.writers[self.range(key)]
    }

    /// The place of the last write of a writer that stands at `limit` in its session, or before. Found in steps that
    /// double, from where one was found last.
    pub(super) fn last_up_to(&mut self, writer: usize, limit: u32, at: impl Fn(u32) -> u32) -> Option<u32> {
        let Writer { start, end, hint, .. } = self.writers[writer];
        let within = |place: u32| at(self.ops[place as usize]) <= limit;
        let (mut low, mut high) = (hint, hint + 1);
        let mut step = 1;
        if within(hint) {
            while high < end && within(high) {
                low = high;
                high = high.saturating_add(step).min(end);
                step *= 2;
            }
        } else {
            high = hint;
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
        self.writers[writer].hint = low;
        Some(low)
    }
}
