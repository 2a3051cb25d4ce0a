//! Readiness: which update may be handled now, and which must wait for an earlier one.
//!
//! Under `order = fifo` an update waits for its predecessor on its link; under `order = causal`, where the transport does
//! not keep that order by itself, also for its barriers: the latest updates to this worker that its sender knew of.
//!
//! Links never lose headers: an update that is dropped on its way leaves a tombstone, which has its header, waits for all
//! that the update would have waited for, and then takes its place in the order and runs no handler. So a successor waits
//! for what is late, and never for what is gone. A bare notice "number q is gone" would not do: a later update trusts q
//! to have waited for what q covered. Nor are tombstones merged: two neighbours of one link may wait for each other by way
//! of a third (see [`Sabotage::MergeTombstones`]). A tombstone whose turn it is is resolved at once, so only those are
//! kept that wait, and there are never more than there are updates in flight.

use crate::header::Header;
use crate::ids::{LinkNumber, WorkerId};
use crate::policy::{Order, Policies};
use crate::sabotage::Sabotage;

/// The order state of one inbox.
#[derive(Clone, Debug)]
pub struct Readiness<T> {
    rule: Rule,
    parking: usize,
    /// By sender: the highest number up to which everything is handled or known to be gone.
    resolved: Vec<(WorkerId, LinkNumber)>,
    waiting: Vec<Waiting<T>>,
    /// Places to be written over.
    spare: Vec<Place>,
}

/// What an update waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Nothing.
    Arrival,
    /// Its predecessor on its link.
    Fifo,
    /// Its predecessor and its barriers.
    Causal,
    /// As `Causal`, but tombstones forget their barriers ([`Sabotage::BareGaps`]).
    BareGaps,
    /// As `Causal`, but neighbouring tombstones become one ([`Sabotage::MergeTombstones`]).
    Merging,
    /// All sends that its clock counts, as if all went to everybody ([`Sabotage::BroadcastClocks`]).
    Broadcast,
    /// Number 1 waits for number 2, and then there is no order at all ([`Sabotage::SwapPairs`]).
    Swapped,
}

impl Rule {
    fn new(policies: &Policies, promised: Order) -> Self {
        match policies.sabotage {
            Some(Sabotage::SwapPairs) => Self::Swapped,
            _ if policies.order == Order::Arrival => Self::Arrival,
            _ if !policies.needs_barriers(promised) => Self::Fifo,
            Some(Sabotage::BareGaps) => Self::BareGaps,
            Some(Sabotage::MergeTombstones) => Self::Merging,
            Some(Sabotage::BroadcastClocks) => Self::Broadcast,
            _ => Self::Causal,
        }
    }
}

/// Where an update stands in the order of its target: after what.
#[derive(Clone, Debug, Default)]
struct Place {
    from: WorkerId,
    /// The number it waits to be the turn of; its own, unless it stands for several.
    first: LinkNumber,
    number: LinkNumber,
    /// What else it waits for: of whom, and which number.
    barriers: Vec<(WorkerId, LinkNumber)>,
}

/// An update, or the tombstone of one, that must wait.
#[derive(Clone, Debug)]
struct Waiting<T> {
    place: Place,
    /// None: a tombstone.
    item: Option<T>,
}

/// What is to be done with an update that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is its turn.
    Now,
    /// It waits for this number of this sender: [`Readiness::park`] it.
    Later(WorkerId, LinkNumber),
    /// It would have to wait, and too many wait already. Its tombstone waits instead.
    NoRoom,
    /// It had its turn.
    Past,
}

impl<T> Readiness<T> {
    /// Nothing has arrived. `promised` is the order that the transport keeps by itself.
    #[must_use]
    pub fn new(policies: &Policies, promised: Order) -> Self {
        Self {
            rule: Rule::new(policies, promised),
            parking: policies.parking,
            resolved: Vec::new(),
            waiting: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Takes an update of another worker, or of this one, that has arrived.
    #[inline(always)]
    pub fn arrive(&mut self, from: WorkerId, header: &Header) -> Turn {
        if self.rule == Rule::Arrival { Turn::Now } else { self.arrive_in_order(from, header) }
    }

    fn arrive_in_order(&mut self, from: WorkerId, header: &Header) -> Turn {
        let place = self.place(from, header);
        let turn = self.turn_of(&place);
        match turn {
            Turn::Now if self.rule != Rule::Swapped => self.resolve(&place),
            Turn::Later(..) | Turn::NoRoom => {
                self.waiting.push(Waiting { place, item: None });
                return turn;
            }
            Turn::Now | Turn::Past => {}
        }
        self.spare.push(place);
        turn
    }

    /// Takes the update that was the last to arrive and has to wait.
    pub fn park(&mut self, item: T) {
        let last = self.waiting.last_mut().expect("it has a place among those that wait");
        debug_assert!(last.item.is_none(), "nothing stands there yet");
        last.item = Some(item);
    }

    /// Takes the tombstone of an update that was dropped before it arrived, or after.
    pub fn bury(&mut self, from: WorkerId, header: &Header) {
        if self.rule == Rule::Arrival {
            return;
        }
        let mut place = self.place(from, header);
        if self.rule == Rule::BareGaps {
            place.barriers.clear();
        }
        if self.missing(&place).is_none() {
            self.resolve(&place);
        }
        if place.number > self.resolved_of(from) && !(self.rule == Rule::Merging && self.merge(&place)) {
            self.waiting.push(Waiting { place, item: None });
        } else {
            self.spare.push(place);
        }
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
        while let Some(turn) = self.waiting.iter().position(|w| self.missing(&w.place).is_none()) {
            let Waiting { place, item } = self.waiting.remove(turn);
            self.resolve(&place);
            self.spare.push(place);
            if item.is_some() {
                return item;
            }
        }
        None
    }

    /// What waits here for an earlier update: the item, whose, and which number.
    pub fn parked(&self) -> impl Iterator<Item = (&T, WorkerId, LinkNumber)> {
        self.waiting.iter().filter_map(|w| {
            let (of, needs) = self.missing(&w.place).unwrap_or((w.place.from, w.place.first));
            Some((w.item.as_ref()?, of, needs))
        })
    }

    /// Takes out all that waits; their tombstones wait on in their places.
    pub fn bury_parked(&mut self) -> impl Iterator<Item = T> {
        self.waiting.iter_mut().filter_map(|waiting| waiting.item.take())
    }

    /// By sender: the highest number up to which everything is handled or known to be gone.
    #[must_use]
    pub fn resolved(&self) -> &[(WorkerId, LinkNumber)] {
        &self.resolved
    }

    /// Forgets everything, keeping its memory.
    pub fn clear(&mut self) {
        self.resolved.clear();
        self.spare.extend(self.waiting.drain(..).map(|waiting| waiting.place));
    }

    /// Where an update stands, in memory that is used again.
    fn place(&mut self, from: WorkerId, header: &Header) -> Place {
        let mut place = self.spare.pop().unwrap_or_default();
        place.barriers.clear();
        place.from = from;
        place.number = header.number;
        match self.rule {
            Rule::Causal | Rule::BareGaps | Rule::Merging => {
                let toward = header.barriers.toward(header.to).iter();
                place.barriers.extend(toward.map(|barrier| (barrier.from, barrier.number)));
            }
            Rule::Broadcast => {
                place.number = LinkNumber(header.clock.get(from));
                let others = header.clock.iter().filter(|(worker, _)| ![from, header.to].contains(worker));
                place.barriers.extend(others.map(|(worker, count)| (worker, LinkNumber(count))));
            }
            Rule::Arrival | Rule::Fifo | Rule::Swapped => {}
        }
        place.first = place.number;
        place
    }

    fn turn_of(&mut self, place: &Place) -> Turn {
        if self.rule == Rule::Swapped {
            return self.swapped_turn_of(place);
        }
        if place.number <= self.resolved_of(place.from) || self.waits(place) {
            return Turn::Past;
        }
        match self.missing(place) {
            None => Turn::Now,
            Some(_) if self.parked().count() >= self.parking => Turn::NoRoom,
            Some((of, needs)) => Turn::Later(of, needs),
        }
    }

    /// What a place waits for, if for anything: of whom, and which number.
    fn missing(&self, place: &Place) -> Option<(WorkerId, LinkNumber)> {
        let turn = LinkNumber(self.resolved_of(place.from).0.wrapping_add(1));
        if place.first != turn {
            return Some((place.from, turn));
        }
        place.barriers.as_slice().iter().find(|(of, needs)| self.resolved_of(*of) < *needs).copied()
    }

    fn waits(&self, place: &Place) -> bool {
        self.waiting.iter().any(|w| w.place.from == place.from && w.place.number == place.number)
    }

    fn resolve(&mut self, place: &Place) {
        self.set_resolved(place.from, place.number);
    }

    /// Of one sender.
    pub(crate) fn resolved_of(&self, from: WorkerId) -> LinkNumber {
        let at = self.resolved.binary_search_by_key(&from, |link| link.0);
        at.map_or(LinkNumber(0), |at| self.resolved[at].1)
    }

    fn set_resolved(&mut self, from: WorkerId, number: LinkNumber) {
        match self.resolved.binary_search_by_key(&from, |link| link.0) {
            Ok(at) => self.resolved[at].1 = number,
            Err(at) => self.resolved.insert(at, (from, number)),
        }
    }

    /// The broken rule: number 1 waits for number 2, and then there is no order at all.
    fn swapped_turn_of(&mut self, place: &Place) -> Turn {
        match place.number.0 {
            1 => {
                self.set_resolved(place.from, LinkNumber(u32::MAX));
                return Turn::Later(place.from, LinkNumber(2));
            }
            2 => self.set_resolved(place.from, LinkNumber(0)),
            _ => {}
        }
        Turn::Now
    }

    /// The broken rule: a tombstone next to another of its link becomes one with it, which waits for all that the two
    /// wait for.
    fn merge(&mut self, place: &Place) -> bool {
        let stones = self.waiting.iter_mut().filter(|w| w.item.is_none() && w.place.from == place.from);
        let next_to = |other: &Place| other.number.0 + 1 == place.first.0 || place.number.0 + 1 == other.first.0;
        let Some(other) = stones.map(|w| &mut w.place).find(|other| next_to(other)) else { return false };
        other.first = other.first.min(place.first);
        other.number = other.number.max(place.number);
        place.barriers.as_slice().iter().for_each(|barrier| other.barriers.push(*barrier));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::barrier::Barriers;

    const ANN: WorkerId = WorkerId::new(0);
    const BOB: WorkerId = WorkerId::new(1);
    const EVE: WorkerId = WorkerId::new(2);
    const ME: WorkerId = WorkerId::new(9);

    /// An inbox over one number an update, for lack of anything else to hold.
    struct Post(Readiness<&'static str>);

    impl Post {
        fn new(order: Order, parking: usize, sabotage: Option<Sabotage>) -> Self {
            Self(Readiness::new(&Policies { order, parking, sabotage, ..Policies::default() }, Order::Arrival))
        }

        /// Number `number` of `from` arrives, which waits for these besides its predecessor.
        fn arrive(&mut self, item: &'static str, from: WorkerId, number: u32, after: &[(WorkerId, u32)]) -> Turn {
            let turn = self.0.arrive(from, &header(number, after));
            if let Turn::Later(..) = turn {
                self.0.park(item);
            }
            turn
        }

        fn bury(&mut self, from: WorkerId, number: u32, after: &[(WorkerId, u32)]) {
            self.0.bury(from, &header(number, after));
        }

        #[track_caller]
        fn releases(&mut self, items: &[&str]) {
            let released: Vec<_> = std::iter::from_fn(|| self.0.release()).collect();
            assert_eq!(released, items);
        }
    }

    fn header(number: u32, after: &[(WorkerId, u32)]) -> Header {
        let mut barriers = Barriers::default();
        for (of, needs) in after {
            let mut one = Barriers::default();
            one.sent(*of, ME, LinkNumber(*needs));
            barriers.learn(&one, ANN);
        }
        Header { to: ME, number: LinkNumber(number), barriers, ..Header::blank() }
    }

    fn later(of: WorkerId, needs: u32) -> Turn {
        Turn::Later(of, LinkNumber(needs))
    }

    #[test]
    fn later_ones_wait_for_earlier_ones() {
        let mut post = Post::new(Order::Fifo, 8, None);
        assert_eq!(post.arrive("c", ANN, 3, &[]), later(ANN, 1));
        assert_eq!(post.arrive("b", ANN, 2, &[]), later(ANN, 1));
        post.releases(&[]);
        assert_eq!(post.arrive("a", ANN, 1, &[]), Turn::Now);
        post.releases(&["b", "c"]);
        assert_eq!(post.arrive("b", ANN, 2, &[]), Turn::Past);
    }

    #[test]
    fn barriers_are_waited_for() {
        let mut post = Post::new(Order::Causal, 8, None);
        assert_eq!(post.arrive("bob's", BOB, 1, &[(ANN, 2)]), later(ANN, 2));
        assert_eq!(post.arrive("a", ANN, 1, &[]), Turn::Now);
        post.releases(&[]);
        assert_eq!(post.arrive("b", ANN, 2, &[]), Turn::Now);
        post.releases(&["bob's"]);
    }

    #[test]
    fn a_tombstone_takes_its_place() {
        let mut post = Post::new(Order::Fifo, 8, None);
        assert_eq!(post.arrive("c", ANN, 3, &[]), later(ANN, 1));
        post.bury(ANN, 2, &[]);
        post.releases(&[]);
        post.bury(ANN, 1, &[]);
        post.releases(&["c"]);
    }

    #[test]
    fn a_tombstone_waits_for_its_barriers_and_a_bare_notice_does_not() {
        // Bob's first covers ann's first; it is dropped, and his second trusts it.
        for (sabotage, turn) in [(None, later(BOB, 1)), (Some(Sabotage::BareGaps), Turn::Now)] {
            let mut post = Post::new(Order::Causal, 8, sabotage);
            post.bury(BOB, 1, &[(ANN, 1)]);
            assert_eq!(post.arrive("too early", BOB, 2, &[]), turn, "{sabotage:?}");
        }
    }

    #[test]
    fn merged_tombstones_wait_for_each_other() {
        // What bob's second waits for waits itself for his first: apart they fall one after the other.
        for (sabotage, released) in [(None, ["x"].as_slice()), (Some(Sabotage::MergeTombstones), &[])] {
            let mut post = Post::new(Order::Causal, 8, sabotage);
            post.bury(BOB, 2, &[(ANN, 1)]);
            assert_eq!(post.arrive("x", ANN, 1, &[(BOB, 1)]), later(BOB, 1));
            post.bury(BOB, 1, &[(EVE, 1)]);
            assert_eq!(post.arrive("eve's", EVE, 1, &[]), Turn::Now);
            post.releases(released);
            assert_eq!(post.0.is_waiting(), released.is_empty());
        }
    }

    #[test]
    fn a_tombstone_whose_turn_it_is_is_not_kept() {
        let mut post = Post::new(Order::Fifo, 0, None);
        post.bury(ANN, 1, &[]);
        assert_eq!(post.arrive("b", ANN, 2, &[]), Turn::Now, "it need not wait, and could not");
    }

    #[test]
    fn full_parking_leaves_a_tombstone() {
        let mut post = Post::new(Order::Fifo, 1, None);
        assert_eq!(post.arrive("b", ANN, 2, &[]), later(ANN, 1));
        assert_eq!(post.arrive("c", ANN, 3, &[]), Turn::NoRoom);
        assert_eq!(post.arrive("d", ANN, 4, &[]), Turn::NoRoom);
        assert_eq!(post.arrive("a", ANN, 1, &[]), Turn::Now);
        post.releases(&["b"]);
        assert_eq!(post.arrive("e", ANN, 5, &[]), Turn::Now);
    }
}
