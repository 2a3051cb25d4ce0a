//! Readiness: which update may be handled now, and which must wait for an earlier one.
//!
//! Under `order = fifo` an update waits for its predecessor on its link; under `order = causal`, where the transport does
//! not keep that order by itself, also for its barriers: the latest updates to this worker that its sender knew of.
//!
//! Links never lose headers: an update that is dropped on its way leaves a tombstone, which has its header, waits for all
//! that the update would have waited for, and then takes its place in the order and runs no handler. So a successor waits
//! for what is late, and never for what is gone. A bare notice "number q is gone" would not do: a later update trusts q
//! to have waited for what q covered. Nor are tombstones merged: two neighbours of one link may wait for each other by way
//! of a third (see [`Sabotage::MergeTombstones`](crate::Sabotage::MergeTombstones)). A tombstone whose turn it is is resolved
//! at once, so only those are kept that wait, and there are never more than there are updates in flight.
//!
//! Rules that are broken on purpose, so that laws can be seen to find them out, stand in `broken.rs`.

mod broken;

use std::collections::VecDeque;

use self::broken::Broken;
use crate::header::Header;
use crate::ids::{LinkNumber, WorkerId};
use crate::policy::{Order, Policies};

/// The order state of one inbox.
#[derive(Clone, Debug)]
pub struct Readiness<T> {
    rule: Rule,
    parking: usize,
    /// By sender: the highest number up to which everything is handled or known to be gone.
    resolved: Vec<(WorkerId, LinkNumber)>,
    /// In the same order: what waits of each link.
    queues: Vec<Queue>,
    /// In the same order: of whom the next of each link needs something more; [`NOBODY`] if it needs nothing, or is not
    /// here.
    hindrances: Vec<WorkerId>,
    /// The links whose next need wait no longer, each with when it came.
    ripe: Vec<(u64, WorkerId, Slot)>,
    /// All that waits, and room for what will.
    slots: Vec<Waiting<T>>,
    free: Vec<Slot>,
    /// What came to wait last.
    last: Slot,
    /// How many updates wait.
    parked: usize,
    /// How many came to wait so far.
    came: u64,
}

/// No worker.
const NOBODY: WorkerId = WorkerId::new(u32::MAX);

/// Where something waits.
type Slot = u32;

/// What waits of one link, by number.
type Queue = VecDeque<(LinkNumber, Slot)>;

/// What an update waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Nothing.
    Arrival,
    /// Its predecessor on its link.
    Fifo,
    /// Its predecessor and its barriers.
    Causal,
    /// What a sabotage says.
    Broken(Broken),
}

impl Rule {
    fn new(policies: &Policies, promised: Order) -> Self {
        let rule = if policies.order == Order::Arrival {
            Self::Arrival
        } else if !policies.needs_barriers(promised) {
            Self::Fifo
        } else {
            Self::Causal
        };
        policies.sabotage.and_then(|sabotage| Broken::instead_of(rule, sabotage)).map_or(rule, Self::Broken)
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

impl Place {
    /// It waits for the barriers of this update too.
    fn wait_for_barriers(&mut self, header: &Header) {
        let toward = header.barriers.toward(header.to).iter();
        self.barriers.extend(toward.map(|barrier| (barrier.from, barrier.number)));
    }
}

/// An update, or the tombstone of one, that must wait.
#[derive(Clone, Debug)]
struct Waiting<T> {
    /// When it came.
    came: u64,
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
    /// No honest sender gives such a number.
    Forged,
}

/// No honest update is so far ahead of what is resolved: more would be in flight than any policy lets be.
const AHEAD_MAX: u32 = 1 << 24;

impl<T: Clone> Readiness<T> {
    /// Becomes equal to `other`, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { rule, parking, resolved, queues, hindrances, ripe, slots, free, last, parked, came } = self;
        (*rule, *parking, *last, *parked, *came) = (other.rule, other.parking, other.last, other.parked, other.came);
        if !(resolved.is_empty() && other.resolved.is_empty()) {
            resolved.clone_from(&other.resolved);
            queues.clone_from(&other.queues);
            hindrances.clone_from(&other.hindrances);
        }
        if !(slots.is_empty() && other.slots.is_empty()) {
            ripe.clone_from(&other.ripe);
            slots.clone_from(&other.slots);
            free.clone_from(&other.free);
        }
    }
}

impl<T> Readiness<T> {
    /// Nothing has arrived. `promised` is the order that the transport keeps by itself.
    #[must_use]
    pub fn new(policies: &Policies, promised: Order) -> Self {
        Self {
            rule: Rule::new(policies, promised),
            parking: policies.parking,
            resolved: Vec::new(),
            queues: Vec::new(),
            hindrances: Vec::new(),
            ripe: Vec::new(),
            slots: Vec::new(),
            free: Vec::new(),
            last: 0,
            parked: 0,
            came: 0,
        }
    }

    /// Takes an update of another worker, or of this one, that has arrived.
    #[inline(always)]
    pub fn arrive(&mut self, from: WorkerId, header: &Header) -> Turn {
        if self.rule == Rule::Arrival { Turn::Now } else { self.arrive_in_order(from, header) }
    }

    fn arrive_in_order(&mut self, from: WorkerId, header: &Header) -> Turn {
        if let Rule::Broken(how @ (Broken::Broadcast | Broken::Swapped)) = self.rule {
            return self.arrive_in_broken_order(how, from, header);
        }
        let number = header.number;
        let at = self.link(from).unwrap_or_else(|at| self.insert_link(at, from));
        let resolved = self.resolved[at].1;
        if number == LinkNumber(0) || number.0 > resolved.0.saturating_add(AHEAD_MAX) {
            return Turn::Forged;
        }
        if number <= resolved {
            return Turn::Past;
        }
        let turn = LinkNumber(resolved.0 + 1);
        let needed = if number == turn { self.missing_of(header) } else { Some((from, turn)) };
        let Some((of, needs)) = needed else {
            self.set_resolved_at(at, from, number);
            return Turn::Now;
        };
        let (behind, is_there) = self.find(at, number);
        if is_there {
            return Turn::Past;
        }
        let has_room = self.parked < self.parking;
        if !has_room && header.id.nth_copy() != 0 {
            // The tombstone of a copy would stand where the original is to stand.
            return Turn::NoRoom;
        }
        let slot = self.write_down(from, header);
        self.wait_at(at, behind, slot);
        if has_room { Turn::Later(of, needs) } else { Turn::NoRoom }
    }

    /// Of the barriers of an update whose predecessor is resolved, the first that is not.
    fn missing_of(&self, header: &Header) -> Option<(WorkerId, LinkNumber)> {
        if self.rule == Rule::Fifo {
            return None;
        }
        let toward = header.barriers.toward(header.to).iter();
        toward.map(|barrier| (barrier.from, barrier.number)).find(|(of, needs)| self.resolved_of(*of) < *needs)
    }

    /// Where a number belongs among those of its link that wait, and whether it is there already.
    fn find(&self, at: usize, number: LinkNumber) -> (usize, bool) {
        let queue = &self.queues[at];
        let behind = queue.partition_point(|waiting| waiting.0 <= number);
        let is_there = behind.checked_sub(1).is_some_and(|before| {
            let (first, slot) = queue[before];
            first == number || self.is_merged_into(slot, number)
        });
        (behind, is_there)
    }

    /// Takes the update that was the last to arrive and has to wait.
    pub fn park(&mut self, item: T) {
        let last = &mut self.slots[self.last as usize];
        debug_assert!(last.item.is_none(), "nothing stands there yet");
        last.item = Some(item);
        self.parked += 1;
    }

    /// Takes the tombstone of an update that was dropped before it arrived, or after.
    pub fn bury(&mut self, from: WorkerId, header: &Header) {
        if self.rule == Rule::Arrival {
            return;
        }
        let slot = self.write_down(from, header);
        self.lay_bare(slot);
        if self.missing(slot).is_none() {
            self.resolve(slot);
        }
        let is_past = header.number <= self.resolved_of(from);
        if is_past || self.waits(slot) || self.merges(slot) {
            self.free.push(slot);
        } else {
            self.wait(slot);
        }
    }

    /// The next that need wait no longer, in the order in which they came; ask until there is none.
    #[inline(always)]
    pub fn release(&mut self) -> Option<T> {
        if self.ripe.is_empty() { None } else { self.release_ripe() }
    }

    /// Whether anything, if only a tombstone, need wait no longer.
    #[inline(always)]
    pub(crate) fn may_release(&self) -> bool {
        !self.ripe.is_empty()
    }

    fn release_ripe(&mut self) -> Option<T> {
        while let Some(first) = (0..self.ripe.len()).min_by_key(|at| self.ripe[*at].0) {
            let (_, from, slot) = self.ripe.swap_remove(first);
            let at = self.link(from).expect("something of it waits");
            let queue = &mut self.queues[at];
            // It is the first, but where a broken rule left others behind.
            let turn = queue.iter().position(|waiting| waiting.1 == slot).expect("it waits");
            let _ = queue.remove(turn);
            self.resolve(slot);
            self.free.push(slot);
            if let Some(item) = self.slots[slot as usize].item.take() {
                self.parked -= 1;
                return Some(item);
            }
        }
        None
    }

    /// What waits here for an earlier update, in the order in which it came: the item, whose, and which number.
    pub fn parked(&self) -> impl Iterator<Item = (&T, WorkerId, LinkNumber)> {
        self.by_coming(|slot| self.slots[*slot as usize].item.is_some()).into_iter().filter_map(|slot| {
            let Waiting { place, item, .. } = &self.slots[slot as usize];
            let (of, needs) = self.missing(slot).unwrap_or((place.from, place.first));
            Some((item.as_ref()?, of, needs))
        })
    }

    /// All of these that wait, in the order in which they came.
    fn by_coming(&self, wanted: impl Fn(&Slot) -> bool) -> Vec<Slot> {
        let mut slots: Vec<Slot> = self.queues.iter().flatten().map(|waiting| waiting.1).filter(wanted).collect();
        slots.sort_unstable_by_key(|slot| self.slots[*slot as usize].came);
        slots
    }

    /// How many wait.
    #[must_use]
    pub const fn parked_len(&self) -> usize {
        self.parked
    }

    /// Takes out all that waits, in the order in which it came; their tombstones wait on in their places.
    pub fn bury_parked(&mut self) -> impl Iterator<Item = T> {
        self.parked = 0;
        let slots = self.by_coming(|_| true);
        slots.into_iter().filter_map(|slot| self.slots[slot as usize].item.take())
    }

    /// Whether it keeps an order at all: where it keeps none, nothing is ever resolved.
    #[must_use]
    #[inline(always)]
    pub fn keeps_order(&self) -> bool {
        self.rule != Rule::Arrival
    }

    /// By sender: the highest number up to which everything is handled or known to be gone.
    #[must_use]
    pub fn resolved(&self) -> &[(WorkerId, LinkNumber)] {
        &self.resolved
    }

    /// Forgets everything, keeping its memory.
    pub fn clear(&mut self) {
        self.resolved.iter_mut().for_each(|link| link.1 = LinkNumber(0));
        for (_, slot) in self.queues.iter_mut().flat_map(|queue| queue.drain(..)) {
            self.slots[slot as usize].item = None;
            self.free.push(slot);
        }
        self.hindrances.fill(NOBODY);
        self.ripe.clear();
        (self.parked, self.came) = (0, 0);
    }

    /// What is written down here is to wait, until what it waits for is resolved.
    fn wait(&mut self, slot: Slot) {
        let Place { from, first, .. } = self.slots[slot as usize].place;
        let at = self.link(from).unwrap_or_else(|at| self.insert_link(at, from));
        let (behind, _) = self.find(at, first);
        self.wait_at(at, behind, slot);
    }

    fn wait_at(&mut self, at: usize, behind: usize, slot: Slot) {
        self.came += 1;
        let waiting = &mut self.slots[slot as usize];
        waiting.came = self.came;
        let first = waiting.place.first;
        self.queues[at].insert(behind, (first, slot));
        self.last = slot;
        if first.0 == self.resolved[at].1.0.wrapping_add(1) {
            self.look_at(at);
        }
    }

    /// Looks whether the next of a link is here, and what it waits for.
    fn look_at(&mut self, at: usize) {
        let (from, resolved) = self.resolved[at];
        let turn = LinkNumber(resolved.0.wrapping_add(1));
        let queue = &self.queues[at];
        // Mostly the first is the next or behind it; a broken rule may leave others before.
        let next = match queue.front() {
            Some(first) if first.0 < turn => queue.get(queue.partition_point(|waiting| waiting.0 < turn)),
            first => first,
        };
        let Some((_, slot)) = next.copied().filter(|waiting| waiting.0 == turn) else {
            self.hindrances[at] = NOBODY;
            return;
        };
        let hindrance = self.missing_barrier(slot);
        self.hindrances[at] = hindrance.map_or(NOBODY, |barrier| barrier.0);
        let ripe = (self.slots[slot as usize].came, from, slot);
        if hindrance.is_none() && !self.ripe.contains(&ripe) {
            self.ripe.push(ripe);
        }
    }

    /// Writes down where an update stands, in memory that is used again.
    fn write_down(&mut self, from: WorkerId, header: &Header) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Waiting { came: 0, place: Place::default(), item: None });
            (self.slots.len() - 1) as Slot
        });
        let place = &mut self.slots[slot as usize].place;
        place.barriers.clear();
        place.from = from;
        place.number = header.number;
        match self.rule {
            Rule::Causal => place.wait_for_barriers(header),
            Rule::Broken(how) => how.write_down(place, from, header),
            Rule::Arrival | Rule::Fifo => {}
        }
        place.first = place.number;
        slot
    }

    /// What an update waits for, if for anything: of whom, and which number.
    fn missing(&self, slot: Slot) -> Option<(WorkerId, LinkNumber)> {
        let Place { from, first, .. } = self.slots[slot as usize].place;
        let turn = LinkNumber(self.resolved_of(from).0.wrapping_add(1));
        if first == turn { self.missing_barrier(slot) } else { Some((from, turn)) }
    }

    /// The same, once its predecessor is resolved.
    fn missing_barrier(&self, slot: Slot) -> Option<(WorkerId, LinkNumber)> {
        let barriers = self.slots[slot as usize].place.barriers.iter();
        barriers.copied().find(|(of, needs)| self.resolved_of(*of) < *needs)
    }

    /// Whether another of the same number waits already.
    fn waits(&self, slot: Slot) -> bool {
        let Place { from, number, .. } = self.slots[slot as usize].place;
        self.link(from).is_ok_and(|at| self.find(at, number).1)
    }

    fn resolve(&mut self, slot: Slot) {
        let Place { from, number, .. } = self.slots[slot as usize].place;
        self.set_resolved(from, number);
    }

    /// Of one sender.
    pub(crate) fn resolved_of(&self, from: WorkerId) -> LinkNumber {
        self.link(from).map_or(LinkNumber(0), |at| self.resolved[at].1)
    }

    /// The place of a link, or where it would be.
    fn link(&self, from: WorkerId) -> Result<usize, usize> {
        self.resolved.binary_search_by_key(&from, |link| link.0)
    }

    #[cold]
    fn insert_link(&mut self, at: usize, from: WorkerId) -> usize {
        self.resolved.insert(at, (from, LinkNumber(0)));
        self.queues.insert(at, Queue::new());
        self.hindrances.insert(at, NOBODY);
        at
    }

    fn set_resolved(&mut self, from: WorkerId, number: LinkNumber) {
        let at = self.link(from).unwrap_or_else(|at| self.insert_link(at, from));
        self.set_resolved_at(at, from, number);
    }

    /// So much of a link is resolved now: its next may have come, and those that waited for it may go on.
    fn set_resolved_at(&mut self, at: usize, from: WorkerId, number: LinkNumber) {
        self.resolved[at].1 = number;
        if !self.queues[at].is_empty() {
            self.look_at(at);
        }
        for other in 0..self.hindrances.len() {
            if self.hindrances[other] == from {
                self.look_at(other);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::barrier::Barriers;
    use crate::sabotage::Sabotage;

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
            assert_eq!(post.0.queues.iter().any(|queue| !queue.is_empty()), released.is_empty());
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

    #[test]
    fn a_copy_that_finds_no_room_leaves_none() {
        let mut post = Post::new(Order::Fifo, 1, None);
        assert_eq!(post.arrive("b", ANN, 2, &[]), later(ANN, 1));
        let third = header(3, &[]);
        let copy = Header { id: third.id.copy(1).expect("the first copy"), ..third };
        assert_eq!(post.0.arrive(ANN, &copy), Turn::NoRoom);
        assert_eq!(post.arrive("a", ANN, 1, &[]), Turn::Now);
        post.releases(&["b"]);
        assert_eq!(post.arrive("c", ANN, 3, &[]), Turn::Now, "the original is none the worse for it");
    }
}
