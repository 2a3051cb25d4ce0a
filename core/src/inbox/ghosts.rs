//! Tombstones that stand behind what was queued before them.
//!
//! A tombstone has its turn when all that it waits for has had its own, and what has had its turn may still be in the queue. A
//! session that knows of an update which was dropped knows through it of all that came before: barriers name the last of a
//! past, not all of it. So the number of a tombstone counts as settled only when all that was queued when its turn came has
//! left the queue; else the session would be served by a worker that has not handled what the session has seen.

use crate::ids::{LinkNumber, WorkerId};

/// The tombstones at one inbox that do not count yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Ghosts(Vec<Ghost>);

#[derive(Clone, Debug)]
struct Ghost {
    from: WorkerId,
    number: LinkNumber,
    /// How many have to leave the queue before it counts; none before its turn has come.
    behind: Option<usize>,
}

impl Ghosts {
    /// Takes the tombstone of an update that was dropped and never was in the queue.
    #[cold]
    pub(super) fn add(&mut self, from: WorkerId, number: LinkNumber) {
        self.0.push(Ghost { from, number, behind: None });
    }

    #[inline(always)]
    pub(super) const fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Those whose turn has come stand behind all that is queued now.
    #[cold]
    pub(super) fn take_their_turn(&mut self, queued: usize, resolved: impl Fn(WorkerId) -> LinkNumber) {
        for ghost in &mut self.0 {
            if ghost.behind.is_none() && ghost.number <= resolved(ghost.from) {
                ghost.behind = Some(queued);
            }
        }
        self.0.retain(|ghost| ghost.behind != Some(0));
    }

    /// The oldest has left the queue.
    #[cold]
    pub(super) fn move_up(&mut self) {
        self.0.iter_mut().filter_map(|ghost| ghost.behind.as_mut()).for_each(|behind| *behind -= 1);
        self.0.retain(|ghost| ghost.behind != Some(0));
    }

    /// The queue is empty: those whose turn has come count.
    pub(super) fn settle(&mut self) {
        self.0.retain(|ghost| ghost.behind.is_none());
    }

    /// Up to which number of a sender, of which so many are settled otherwise, none is here.
    pub(super) fn settled_of(&self, from: WorkerId, settled: LinkNumber) -> LinkNumber {
        let of_it = self.0.iter().filter(|ghost| ghost.from == from);
        of_it.map(|ghost| LinkNumber(ghost.number.0.saturating_sub(1))).fold(settled, LinkNumber::min)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
