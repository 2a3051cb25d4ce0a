//! A bounded queue and what happens when it is full.
//!
//! The one place that knows the full-queue policies; the update queue of an inbox and the ingress of a shard are
//! both this.

use std::collections::VecDeque;

use crate::policy::{OnFull, Policies};
use crate::sabotage::Sabotage;

/// A queue of at most `capacity` items, with an overflow of at most `overflow` under [`OnFull::Hold`].
///
/// In memory as it stands here, so that a lock around it and what changes with each item can share a cache line.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Bounded<T> {
    queue: VecDeque<T>,
    /// How many more there are that nobody will ask for: they only take up room.
    counted: usize,
    held: VecDeque<T>,
    capacity: usize,
    overflow: usize,
    on_full: OnFull,
    /// Whether it takes nothing, whatever room there is.
    shut: bool,
    high_water: usize,
}

/// What became of an item that was offered.
#[derive(Debug, PartialEq, Eq)]
pub enum Offered<T> {
    /// It is in the queue.
    Queued,
    /// It waits beside the queue.
    Held,
    /// It is in the queue, and the oldest is out.
    Evicted(T),
    /// No room.
    Full(T),
    /// No room, not even beside the queue.
    Overflow(T),
    /// No room, and its sender is to be told.
    Nacked(T),
}

impl<T: Clone> Bounded<T> {
    /// Becomes equal to `other`, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { queue, counted, held, capacity, overflow, on_full, shut, high_water } = self;
        for (mine, theirs) in [(queue, &other.queue), (held, &other.held)] {
            if !(mine.is_empty() && theirs.is_empty()) {
                mine.clone_from(theirs);
            }
        }
        (*counted, *capacity, *overflow) = (other.counted, other.capacity, other.overflow);
        (*on_full, *shut, *high_water) = (other.on_full, other.shut, other.high_water);
    }
}

impl<T> Bounded<T> {
    /// An empty queue of this capacity under the policies of a system.
    #[must_use]
    pub fn new(capacity: usize, policies: &Policies) -> Self {
        let endless = policies.sabotage == Some(Sabotage::IgnoreCapacity);
        Self {
            queue: VecDeque::new(),
            counted: 0,
            held: VecDeque::new(),
            capacity: if endless { usize::MAX } else { capacity },
            overflow: policies.overflow,
            on_full: policies.on_full,
            shut: false,
            high_water: 0,
        }
    }

    /// Whether the policy makes a sender wait now.
    #[must_use]
    pub fn must_wait(&self) -> bool {
        self.on_full == OnFull::Stall && self.is_full()
    }

    /// Whether there is room for many, or a quarter is free: then it is worth while to wake a sender that waits for room.
    #[must_use]
    pub fn has_ample_room(&self) -> bool {
        !self.shut && self.capacity - self.len().min(self.capacity) >= (self.capacity / 4).clamp(1, AMPLE)
    }

    /// Takes one more, as the policy says. Under [`OnFull::Stall`] ask [`Bounded::must_wait`] first; what comes all
    /// the same (released by the inbox itself) waits beside the queue.
    #[inline(always)]
    pub fn offer(&mut self, item: T) -> Offered<T> {
        if !self.is_full() && self.held.is_empty() {
            self.queue.push_back(item);
            self.note_high_water();
            return Offered::Queued;
        }
        self.offer_when_full(item)
    }

    /// Takes one more that will [`Bounded::leave`], if there is room and it need not be known which it is.
    #[inline(always)]
    pub fn count(&mut self) -> bool {
        let simple = self.on_full != OnFull::DropOldest && !self.is_full() && self.held.is_empty();
        self.counted += usize::from(simple);
        self.note_high_water();
        simple
    }

    #[cold]
    fn offer_when_full(&mut self, item: T) -> Offered<T> {
        match self.on_full {
            OnFull::DropNewest => Offered::Full(item),
            OnFull::DropOldest => match self.queue.pop_front() {
                Some(oldest) => {
                    self.queue.push_back(item);
                    Offered::Evicted(oldest)
                }
                None => Offered::Full(item),
            },
            OnFull::Hold if self.held.len() >= self.overflow => Offered::Overflow(item),
            OnFull::Hold | OnFull::Stall => {
                self.held.push_back(item);
                Offered::Held
            }
            OnFull::Nack => Offered::Nacked(item),
        }
    }

    /// Whether something waits and there is room for it.
    #[must_use]
    #[inline(always)]
    pub fn may_admit(&self) -> bool {
        !self.held.is_empty() && !self.is_full()
    }

    /// Moves one waiting item into the queue if there is room, and shows it.
    pub fn admit(&mut self) -> Option<&T> {
        if !self.may_admit() {
            return None;
        }
        self.queue.push_back(self.held.pop_front()?);
        self.note_high_water();
        self.queue.back()
    }

    /// Takes the oldest out.
    pub fn pop(&mut self) -> Option<T> {
        self.queue.pop_front()
    }

    /// Takes a certain one out of a queue that stands for what is in flight. Only [`OnFull::DropOldest`] ever asks
    /// which is the oldest; under all other policies one is as good as another, and none is searched for.
    #[inline(always)]
    pub fn leave(&mut self, item: &T)
    where
        T: PartialEq,
    {
        if self.counted > 0 {
            self.counted -= 1;
        } else if self.on_full != OnFull::DropOldest {
            self.queue.pop_back();
        } else if let Some(at) = self.queue.iter().position(|queued| queued == item) {
            self.queue.remove(at);
        }
    }

    /// Shuts it, as if it were full, or opens it again.
    pub fn shut(&mut self, shut: bool) {
        self.shut = shut;
    }

    /// Takes all out, from the queue and from beside it.
    pub fn drain(&mut self) -> impl Iterator<Item = T> {
        self.queue.drain(..).chain(self.held.drain(..))
    }

    /// Written only where it rises: between processors, what is only read costs nothing.
    #[inline(always)]
    fn note_high_water(&mut self) {
        let len = self.len();
        if len > self.high_water {
            self.high_water = len;
        }
    }

    #[inline(always)]
    fn is_full(&self) -> bool {
        self.len() >= self.capacity || self.shut
    }

    /// How many are in the queue.
    #[must_use]
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.queue.len() + self.counted
    }

    /// Whether nothing is in the queue.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most that were ever in the queue.
    #[must_use]
    pub const fn high_water(&self) -> usize {
        self.high_water
    }

    /// All items: the queue, then what waits beside it.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.queue.iter().chain(&self.held)
    }

    /// Forgets everything, keeping its memory.
    pub fn clear(&mut self) {
        self.queue.clear();
        self.counted = 0;
        self.held.clear();
        self.shut = false;
        self.high_water = 0;
    }
}

/// So much room is enough, however long the queue may be: a wake-up costs about as much as ten updates.
const AMPLE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn full(on_full: OnFull) -> Bounded<u32> {
        let mut queue = Bounded::new(2, &Policies { on_full, overflow: 1, ..Policies::default() });
        assert_eq!((queue.offer(1), queue.offer(2)), (Offered::Queued, Offered::Queued));
        queue
    }

    #[test]
    fn each_policy_on_a_full_queue() {
        assert_eq!(full(OnFull::DropNewest).offer(3), Offered::Full(3));
        assert_eq!(full(OnFull::DropOldest).offer(3), Offered::Evicted(1));
        assert_eq!(full(OnFull::Nack).offer(3), Offered::Nacked(3));
        assert!(full(OnFull::Stall).must_wait());
        let mut queue = full(OnFull::Hold);
        assert_eq!((queue.offer(3), queue.offer(4)), (Offered::Held, Offered::Overflow(4)));
        assert_eq!(queue.admit(), None);
        assert_eq!(queue.pop(), Some(1));
        assert_eq!(queue.admit(), Some(&3));
    }

    #[test]
    fn room_is_ample_where_it_pays_for_a_wake_up() {
        for (capacity, ample) in [(1, 1), (2, 1), (7, 1), (40, 10), (1024, 256), (4096, 256)] {
            let mut queue = Bounded::new(capacity, &Policies { on_full: OnFull::Stall, ..Policies::default() });
            (0..capacity).for_each(|item| _ = queue.offer(item));
            let freed = (0..=capacity).position(|_| queue.has_ample_room() || queue.pop().is_none());
            assert_eq!(freed, Some(ample), "of {capacity}");
            queue.shut(true);
            assert!(!queue.has_ample_room());
        }
    }

    #[test]
    fn nothing_overtakes_what_is_held() {
        let mut queue = full(OnFull::Hold);
        assert_eq!(queue.offer(3), Offered::Held);
        assert_eq!(queue.pop(), Some(1));
        assert_eq!(queue.offer(4), Offered::Overflow(4), "3 waits in front of it");
    }
}
