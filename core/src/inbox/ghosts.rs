//! Tombstones that stand behind what was queued before them.
//!
//! A tombstone has its turn when all that it waits for has had its own, and what has had its turn may still be in the queue. A
//! session that knows of an update which was dropped knows through it of all that came before: barriers name the last of a
//! past, not all of it. So the number of a tombstone counts as settled only when all that was queued when its turn came has
//! left the queue; else the session would be served by a worker that has not handled what the session has seen.

use std::collections::VecDeque;

use crate::ids::{LinkNumber, WorkerId};

/// The tombstones at one inbox that do not count yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Ghosts {
    /// Those whose turn has not come.
    waiting: Vec<Ghost>,
    /// Those that stand behind what is queued, each with how many will have left the queue when it counts. Whoever comes
    /// later stands behind no fewer.
    standing: VecDeque<(Ghost, u64)>,
    /// How many have left the queue.
    left: u64,
}

#[derive(Clone, Copy, Debug)]
struct Ghost {
    from: WorkerId,
    number: LinkNumber,
}

impl Ghosts {
    /// Takes the tombstone of an update that was dropped and never was in the queue.
    #[cold]
    pub(super) fn add(&mut self, from: WorkerId, number: LinkNumber) {
        self.waiting.push(Ghost { from, number });
    }

    #[inline(always)]
    pub(super) fn are_none(&self) -> bool {
        self.waiting.is_empty() && self.standing.is_empty()
    }

    /// Those whose turn has come stand behind all that is queued now.
    #[cold]
    pub(super) fn take_their_turn(&mut self, queued: usize, resolved: impl Fn(WorkerId) -> LinkNumber) {
        let Self { waiting, standing, left } = self;
        let until = *left + queued as u64;
        debug_assert!(
            standing.back().is_none_or(|(_, before)| *before <= until),
            "only what has left the queue is gone"
        );
        waiting.retain(|ghost| {
            let waits = ghost.number > resolved(ghost.from);
            if !waits && queued > 0 {
                standing.push_back((*ghost, until));
            }
            waits
        });
    }

    /// The oldest has left the queue.
    #[cold]
    pub(super) fn move_up(&mut self) {
        self.left += 1;
        while self.standing.front().is_some_and(|(_, until)| *until <= self.left) {
            self.standing.pop_front();
        }
    }

    /// The queue is empty: those whose turn has come count.
    pub(super) fn settle(&mut self) {
        self.standing.clear();
    }

    /// Up to which number of a sender, of which so many are settled otherwise, none is here.
    pub(super) fn settled_of(&self, from: WorkerId, settled: LinkNumber) -> LinkNumber {
        let all = self.waiting.iter().chain(self.standing.iter().map(|(ghost, _)| ghost));
        let of_it = all.filter(|ghost| ghost.from == from);
        of_it.map(|ghost| LinkNumber(ghost.number.0.saturating_sub(1))).fold(settled, LinkNumber::min)
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.standing.clear();
        self.left = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each counts when all that was queued at its turn has left, and that is more for who comes later.
    #[test]
    fn each_counts_when_what_stood_before_it_has_left() {
        let ann = WorkerId::new(0);
        let mut ghosts = Ghosts::default();
        ghosts.add(ann, LinkNumber(1));
        ghosts.take_their_turn(2, |_| LinkNumber(0));
        ghosts.move_up();
        assert_eq!(ghosts.settled_of(ann, LinkNumber(2)), LinkNumber(0), "its turn has not come");
        ghosts.take_their_turn(2, |_| LinkNumber(1));
        ghosts.move_up();
        ghosts.add(ann, LinkNumber(2));
        ghosts.take_their_turn(2, |_| LinkNumber(2));
        assert_eq!(ghosts.settled_of(ann, LinkNumber(2)), LinkNumber(0));
        ghosts.move_up();
        assert_eq!(ghosts.settled_of(ann, LinkNumber(2)), LinkNumber(1), "the first counts");
        assert!(!ghosts.are_none());
        ghosts.move_up();
        assert_eq!(ghosts.settled_of(ann, LinkNumber(2)), LinkNumber(2));
        assert!(ghosts.are_none());
        ghosts.add(ann, LinkNumber(3));
        ghosts.take_their_turn(0, |_| LinkNumber(3));
        assert!(ghosts.are_none(), "nothing is queued before it");
    }
}
