//! The tombstones of a shard: what it dropped for want of room, each in its place among what it did not drop.
//!
//! The inbox of a target must know what will not come. This file keeps one promise: whatever concerns one target leaves a
//! shard in the order in which it came, tombstones too. Carried ahead of their turn they would pile up at the inbox;
//! carried behind it they would make their successors wait. It knows no queue: whoever has one counts here.

use std::collections::VecDeque;

/// What a shard dropped and has not told its targets.
#[derive(Clone, Debug)]
pub(crate) struct Tombstones<T> {
    /// How many updates were taken in, and how many of these are out again.
    taken_in: u64,
    out: u64,
    /// Each with how many must be out before it is its turn.
    lost: VecDeque<(u64, T)>,
}

impl<T> Default for Tombstones<T> {
    fn default() -> Self {
        Self { taken_in: 0, out: 0, lost: VecDeque::new() }
    }
}

impl<T> Tombstones<T> {
    /// An update was taken in, and nothing dropped for it.
    pub(crate) fn take_in(&mut self) {
        self.taken_in += 1;
    }

    /// The update that came was dropped: its turn would come after all that are in.
    pub(crate) fn lose_newest(&mut self, lost: T) -> Option<&T> {
        self.lost.push_back((self.taken_in, lost));
        self.newest()
    }

    /// An update was taken in, and the oldest dropped for it, whose turn is now.
    pub(crate) fn lose_oldest(&mut self, lost: T) -> Option<&T> {
        self.lost.push_back((self.out, lost));
        self.out += 1;
        self.taken_in += 1;
        self.newest()
    }

    fn newest(&self) -> Option<&T> {
        self.lost.back().map(|(_, lost)| lost)
    }

    /// An update went out.
    pub(crate) fn go_out(&mut self) {
        self.out += 1;
    }

    /// The one whose turn it is.
    pub(crate) fn due(&self) -> Option<&T> {
        self.all_due().next()
    }

    /// All whose turn it is, one after the other.
    pub(crate) fn all_due(&self) -> impl Iterator<Item = &T> {
        self.lost.iter().take_while(|(after, _)| *after <= self.out).map(|(_, lost)| lost)
    }

    /// Takes out the one whose turn it is.
    pub(crate) fn pop_due(&mut self) -> Option<T> {
        self.due()?;
        self.pop()
    }

    /// Takes out the first, whether it is its turn or not.
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.lost.pop_front().map(|(_, lost)| lost)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.lost.len()
    }

    /// None, and nothing taken in, keeping the memory.
    pub(crate) fn clear(&mut self) {
        (self.taken_in, self.out) = (0, 0);
        self.lost.clear();
    }
}

impl<T: Clone> Tombstones<T> {
    /// Becomes equal to `other`, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { taken_in, out, lost } = self;
        (*taken_in, *out) = (other.taken_in, other.out);
        lost.clone_from(&other.lost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_leaves_in_its_turn() {
        let mut shard = Tombstones::default();
        (0..2).for_each(|_| shard.take_in());
        shard.lose_newest("third");
        assert_eq!(shard.due(), None, "two are before it");
        shard.lose_oldest("first");
        assert_eq!(shard.pop_due(), None, "what was dropped later is behind it");
        shard.go_out();
        assert_eq!((shard.pop_due(), shard.pop_due(), shard.len()), (Some("third"), Some("first"), 0));
    }
}
