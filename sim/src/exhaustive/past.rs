//! What happened before what: for each event of a run, the set of all events before it in the happens-before order.
//!
//! A bit for each event, a row for each event, all rows in one list. Rows get wider as runs get longer and never
//! narrower, so that a search allocates nothing once it is warm.

/// The events before each event.
pub(crate) struct Past {
    bits: Vec<u64>,
    /// Words in a row.
    width: usize,
}

impl Past {
    pub(crate) const fn new() -> Self {
        Self { bits: Vec::new(), width: 1 }
    }

    /// Empties the row of an event, which is the last of its run.
    #[inline]
    pub(crate) fn open(&mut self, event: usize) {
        if event >= self.width * 64 {
            self.widen();
        }
        let end = (event + 1) * self.width;
        if self.bits.len() < end {
            self.bits.resize(end, 0);
        }
        self.bits[end - self.width..end].fill(0);
    }

    /// Puts `before`, and all that is before it, before `event`.
    #[inline]
    pub(crate) fn add(&mut self, event: usize, before: usize) {
        let (rows, row) = self.bits.split_at_mut(event * self.width);
        let other = &rows[before * self.width..(before + 1) * self.width];
        for (word, other) in row.iter_mut().zip(other) {
            *word |= other;
        }
        row[before / 64] |= 1 << (before % 64);
    }

    /// Whether `before` is before `event`.
    #[inline]
    pub(crate) fn has(&self, event: usize, before: usize) -> bool {
        self.bits[event * self.width + before / 64] >> (before % 64) & 1 == 1
    }

    #[cold]
    fn widen(&mut self) {
        let wider = self.width * 2;
        let rows = self.bits.chunks(self.width);
        let mut bits = Vec::with_capacity(rows.len() * wider);
        for row in rows {
            bits.extend_from_slice(row);
            bits.resize(bits.len() + self.width, 0);
        }
        (self.bits, self.width) = (bits, wider);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_is_transitive_in_runs_of_any_length() {
        let mut past = Past::new();
        for event in 0..300 {
            past.open(event);
            if event >= 2 {
                past.add(event, event - 2);
            }
        }
        for event in 0..300 {
            for before in 0..event {
                assert_eq!(past.has(event, before), (event - before) % 2 == 0, "{before} before {event}");
            }
        }
    }
}
