//! Readiness: which update may be handled now, and which must wait for an earlier one.
//!
//! Links never lose headers: an update that is dropped on its way leaves a tombstone, which takes its place in the
//! order and runs no handler. So a successor waits for what is late, and never for what is gone.

use crate::ids::{LinkNumber, WorkerId};
use crate::policy::{Order, Policies};
use crate::sabotage::Sabotage;

/// The order state of one inbox.
#[derive(Clone, Debug)]
pub struct Readiness<T> {
    order: Order,
    parking: usize,
    swap_pairs: bool,
    /// By sender: the highest number up to which everything is handled or known to be gone.
    resolved: Vec<(WorkerId, LinkNumber)>,
    waiting: Vec<Waiting<T>>,
}

/// An update, or the tombstone of one, that must wait.
#[derive(Clone, Debug)]
struct Waiting<T> {
    from: WorkerId,
    number: LinkNumber,
    item: Option<T>,
}

/// What is to be done with an update that has arrived.
#[derive(Debug, PartialEq, Eq)]
pub enum Ready<T> {
    /// It is its turn.
    Now(T),
    /// It waits for this number of its sender.
    Parked(LinkNumber),
    /// It would have to wait, and too many wait already. Its tombstone waits instead.
    NoRoom(T),
    /// It had its turn.
    Duplicate(T),
}

impl<T> Readiness<T> {
    /// Nothing has arrived.
    #[must_use]
    pub fn new(policies: &Policies) -> Self {
        Self {
            order: policies.order,
            parking: policies.parking,
            swap_pairs: policies.sabotage == Some(Sabotage::SwapPairs),
            resolved: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Takes an update that has arrived.
    #[inline(always)]
    pub fn arrive(&mut self, from: WorkerId, number: LinkNumber, item: T) -> Ready<T> {
        if self.order == Order::Arrival && !self.swap_pairs {
            return Ready::Now(item);
        }
        self.arrive_in_order(from, number, item)
    }

    fn arrive_in_order(&mut self, from: WorkerId, number: LinkNumber, item: T) -> Ready<T> {
        if self.swap_pairs {
            return self.arrive_swapped(from, number, item);
        }
        let resolved = self.resolved_of(from);
        let next = LinkNumber(resolved.0 + 1);
        if number == next {
            *resolved = number;
            Ready::Now(item)
        } else if number < next || self.waits(from, number) {
            Ready::Duplicate(item)
        } else if self.parked().count() >= self.parking {
            self.waiting.push(Waiting { from, number, item: None });
            Ready::NoRoom(item)
        } else {
            self.waiting.push(Waiting { from, number, item: Some(item) });
            Ready::Parked(next)
        }
    }

    /// Takes the tombstone of an update that was dropped before it arrived.
    pub fn bury(&mut self, from: WorkerId, number: LinkNumber) {
        if self.order == Order::Arrival {
            return;
        }
        let resolved = self.resolved_of(from);
        if number.0 == resolved.0.wrapping_add(1) {
            *resolved = number;
        }
        if number <= *resolved {
            return;
        }
        self.waiting.push(Waiting { from, number, item: None });
    }

    /// The next that need wait no longer; ask until there is none.
    #[inline(always)]
    pub fn release(&mut self) -> Option<T> {
        if self.waiting.is_empty() { None } else { self.release_waiting() }
    }

    /// Whether anything waits, if only a tombstone.
    #[inline(always)]
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn release_waiting(&mut self) -> Option<T> {
        while !self.waiting.is_empty() {
            let turn = self.waiting.iter().position(|w| self.turn_of(w.from) == w.number)?;
            let waiting = self.waiting.remove(turn);
            *self.resolved_of(waiting.from) = waiting.number;
            if waiting.item.is_some() {
                return waiting.item;
            }
        }
        None
    }

    /// What waits here for an earlier update: the item, whose, and which number.
    pub fn parked(&self) -> impl Iterator<Item = (&T, WorkerId, LinkNumber)> {
        self.waiting.iter().filter_map(|w| Some((w.item.as_ref()?, w.from, self.turn_of(w.from))))
    }

    /// The item that was parked last.
    pub(crate) fn last_parked(&self) -> Option<&T> {
        self.waiting.last()?.item.as_ref()
    }

    /// Forgets everything, keeping its memory.
    pub fn clear(&mut self) {
        self.resolved.clear();
        self.waiting.clear();
    }

    /// The broken rule: number 1 waits for number 2, and then there is no order at all.
    fn arrive_swapped(&mut self, from: WorkerId, number: LinkNumber, item: T) -> Ready<T> {
        match number.0 {
            1 => {
                *self.resolved_of(from) = LinkNumber(u32::MAX);
                self.waiting.push(Waiting { from, number, item: Some(item) });
                Ready::Parked(LinkNumber(2))
            }
            2 => {
                *self.resolved_of(from) = LinkNumber(0);
                Ready::Now(item)
            }
            _ => Ready::Now(item),
        }
    }

    fn waits(&self, from: WorkerId, number: LinkNumber) -> bool {
        self.waiting.iter().any(|w| w.from == from && w.number == number)
    }

    fn turn_of(&self, from: WorkerId) -> LinkNumber {
        let at = self.resolved.binary_search_by_key(&from, |link| link.0);
        LinkNumber(at.map_or(0, |at| self.resolved[at].1.0).wrapping_add(1))
    }

    fn resolved_of(&mut self, from: WorkerId) -> &mut LinkNumber {
        let at = match self.resolved.binary_search_by_key(&from, |link| link.0) {
            Ok(at) => at,
            Err(at) => {
                self.resolved.insert(at, (from, LinkNumber(0)));
                at
            }
        };
        &mut self.resolved[at].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: WorkerId = WorkerId::new(0);

    fn fifo(parking: usize) -> Readiness<&'static str> {
        Readiness::new(&Policies { order: Order::Fifo, parking, ..Policies::default() })
    }

    #[test]
    fn later_ones_wait_for_earlier_ones() {
        let mut inbox = fifo(8);
        assert_eq!(inbox.arrive(ANN, LinkNumber(3), "c"), Ready::Parked(LinkNumber(1)));
        assert_eq!(inbox.arrive(ANN, LinkNumber(2), "b"), Ready::Parked(LinkNumber(1)));
        assert_eq!(inbox.release(), None);
        assert_eq!(inbox.arrive(ANN, LinkNumber(1), "a"), Ready::Now("a"));
        assert_eq!([inbox.release(), inbox.release(), inbox.release()], [Some("b"), Some("c"), None]);
        assert_eq!(inbox.arrive(ANN, LinkNumber(2), "b"), Ready::Duplicate("b"));
    }

    #[test]
    fn a_tombstone_takes_its_place() {
        let mut inbox = fifo(8);
        assert_eq!(inbox.arrive(ANN, LinkNumber(3), "c"), Ready::Parked(LinkNumber(1)));
        inbox.bury(ANN, LinkNumber(2));
        assert_eq!(inbox.release(), None, "the first is only late");
        inbox.bury(ANN, LinkNumber(1));
        assert_eq!([inbox.release(), inbox.release()], [Some("c"), None]);
    }

    #[test]
    fn a_tombstone_whose_turn_it_is_is_not_kept() {
        let mut inbox = fifo(0);
        inbox.bury(ANN, LinkNumber(1));
        assert_eq!(inbox.arrive(ANN, LinkNumber(2), "b"), Ready::Now("b"), "it need not wait, and could not");
    }

    #[test]
    fn full_parking_leaves_a_tombstone() {
        let mut inbox = fifo(1);
        assert_eq!(inbox.arrive(ANN, LinkNumber(2), "b"), Ready::Parked(LinkNumber(1)));
        assert_eq!(inbox.arrive(ANN, LinkNumber(3), "c"), Ready::NoRoom("c"));
        assert_eq!(inbox.arrive(ANN, LinkNumber(4), "d"), Ready::NoRoom("d"));
        assert_eq!(inbox.arrive(ANN, LinkNumber(1), "a"), Ready::Now("a"));
        assert_eq!([inbox.release(), inbox.release()], [Some("b"), None]);
        assert_eq!(inbox.arrive(ANN, LinkNumber(5), "e"), Ready::Now("e"));
    }
}
