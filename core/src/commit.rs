//! The numbers of what a worker sends, and what one handling sends as one.
//!
//! A handling and all that it sends are one commit. Updates alone need not know: of two that a handler sends, the first is
//! not after the second, and whoever hears of the first may well be heard before the second comes. But a session that has
//! seen the first has seen the handling, and finds it wherever the second went: if a write is told to two replicas, who
//! reads it at the one and then asks the other must not read what was there before. So where there are sessions, each
//! update carries, besides what was known before it, all that its handling sends to others ([`Commit::foresee`]); only
//! toward its own target it names no more than came before it.
//!
//! That is causal order with handlings as its events, which is as acyclic as they are. Without this file sessions that
//! only read would see values come and go.

use crate::barrier::Barriers;
use crate::header::Header;
use crate::ids::{Incarnation, LinkNumber, WorkerId};

/// What a handling is going to send, foreseen before it sends the first. Kept for its memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Commit {
    sent: Sent,
    barriers: Barriers,
}

impl Commit {
    /// A handling begins to send, after so much was sent and with this past.
    pub(crate) fn begin(&mut self, sent: &Sent, past: &Barriers) {
        self.sent.copy_from(sent);
        self.barriers.copy_from(past);
    }

    /// It is going to send another, to this life of a worker.
    pub(crate) fn foresee(&mut self, from: WorkerId, to: WorkerId, life: Option<Incarnation>) {
        let number = self.sent.next(to);
        self.barriers.sent(from, to, number);
        if let Some(life) = life {
            self.barriers.rely(to, life);
        }
    }

    /// Writes all of it into the header of one of them, before which so much was known.
    pub(crate) fn stamp(&self, header: &mut Header, known: &Barriers) {
        header.barriers.copy_from(&self.barriers);
        header.barriers.replace_toward(header.to, known);
    }
}

/// The number of the last update on each link from one worker. Like a clock, it has places for the first workers and
/// a list for all others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    dense: [LinkNumber; 8],
    sparse: Vec<(WorkerId, LinkNumber)>,
}

impl Sent {
    /// The number of the next update to this worker.
    #[inline(always)]
    pub(crate) fn next(&mut self, to: WorkerId) -> LinkNumber {
        let last = match self.dense.get_mut(to.index()) {
            Some(last) => last,
            None => self.find(to),
        };
        last.0 += 1;
        *last
    }

    fn find(&mut self, to: WorkerId) -> &mut LinkNumber {
        let at = self.sparse.binary_search_by_key(&to, |link| link.0).unwrap_or_else(|at| {
            self.sparse.insert(at, (to, LinkNumber(0)));
            at
        });
        &mut self.sparse[at].1
    }

    /// Becomes equal to `other`, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.dense = other.dense;
        if !(self.sparse.is_empty() && other.sparse.is_empty()) {
            self.sparse.clone_from(&other.sparse);
        }
    }

    /// Counts from the beginning again, keeping its memory.
    pub(crate) fn clear(&mut self) {
        self.dense = [LinkNumber(0); 8];
        self.sparse.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_names_what_goes_to_others_and_of_its_own_target_what_came_before() {
        let [ann, bob, eve] = [0, 1, 2].map(WorkerId::new);
        let mut sent = Sent::default();
        let mut known = Barriers::default();
        let first = sent.next(eve);
        known.sent(ann, eve, first);
        let mut commit = Commit::default();
        commit.begin(&sent, &known);
        [bob, eve, eve].into_iter().for_each(|to| commit.foresee(ann, to, None));
        let toward = |header: &Header, to| header.barriers.toward(to).iter().map(|b| b.number.0).collect::<Vec<_>>();
        let mut header = Header { to: eve, ..Header::blank() };
        commit.stamp(&mut header, &known);
        assert_eq!((toward(&header, bob), toward(&header, eve)), (vec![1], vec![1]));
        header.to = bob;
        commit.stamp(&mut header, &known);
        assert_eq!((toward(&header, bob), toward(&header, eve)), (vec![], vec![3]));
    }
}
