//! The simulated transport: which messages may be delivered next.
//!
//! Messages that must keep their order form chains (one per source and worker; per link under `fifo`, per target
//! under `mailbox`): only the first of a chain is ready. Under `causal` a message counts what it must wait for.
//! The ready ones stand in the canonical order, oldest first.

use raddle_core::{Header, Party, StateMachine};
use rustc_hash::FxHashMap;

use crate::settings::Network;
use crate::slab::{NONE, Slab, Slot};

/// The messages in flight of one world.
pub(crate) struct InFlight {
    network: Network,
    ready: Vec<Ready>,
    /// The last message of each chain.
    tails: Tails,
    /// Under `causal`: by hop, the updates in flight.
    pending: Vec<Vec<Slot>>,
}

/// A message that may be delivered: its age, then its slot, in one word, so that they are compared and moved at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ready(u64);

impl Ready {
    #[inline(always)]
    const fn new(age: u32, slot: Slot) -> Self {
        Self((age as u64) << 32 | slot as u64)
    }

    #[inline(always)]
    pub(crate) const fn age(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[inline(always)]
    pub(crate) const fn slot(self) -> Slot {
        self.0 as Slot
    }
}

impl InFlight {
    /// `hops` is how many destinations there are: workers, or shards where updates go to shards first.
    pub(crate) fn new(network: Network, workers: usize, sources: usize, hops: usize) -> Self {
        let pending = if network == Network::Causal { vec![Vec::new(); hops] } else { Vec::new() };
        Self { network, ready: Vec::new(), tails: Tails::new(workers, sources, hops), pending }
    }

    /// Empty again; comes before the slab's own reset.
    pub(crate) fn reset<M: StateMachine>(&mut self, slab: &mut Slab<M>) {
        // Each chain that has messages has one that is ready: the first.
        for ready in self.ready.drain(..) {
            let chain = slab.link(ready.slot()).chain;
            if chain != NONE {
                self.tails.remove(chain as usize);
            }
            let mut slot = ready.slot();
            while slot != NONE {
                slot = std::mem::replace(&mut slab.link(slot).next, NONE);
            }
        }
        self.pending.iter_mut().for_each(Vec::clear);
    }

    /// Becomes equal to `other`, where messages have the same slots. Comes before the slabs are made equal: the first of
    /// each chain is ready, here and there, and the others are found from it.
    pub(crate) fn copy_from<M: StateMachine>(&mut self, other: &Self, slab: &Slab<M>, slab_of_other: &Slab<M>) {
        let Self { network: _, ready, tails, pending } = self;
        for chain in ready.iter().map(|ready| slab.cards[ready.slot() as usize].link.chain) {
            if chain != NONE {
                tails.remove(chain as usize);
            }
        }
        for ready in &other.ready {
            let mut last = ready.slot();
            let link = |slot: Slot| slab_of_other.cards[slot as usize].link;
            if link(last).chain == NONE {
                continue;
            }
            while link(last).next != NONE {
                last = link(last).next;
            }
            tails.replace(link(last).chain as usize, last);
        }
        ready.clone_from(&other.ready);
        pending.iter_mut().zip(&other.pending).for_each(|(mine, theirs)| mine.clone_from(theirs));
    }

    /// What may be delivered next, oldest first.
    #[inline(always)]
    pub(crate) fn ready(&self) -> &[Ready] {
        &self.ready
    }

    /// Adds a message on its way to `hop`.
    #[inline(always)]
    pub(crate) fn send<M: StateMachine>(&mut self, slot: Slot, hop: usize, slab: &mut Slab<M>) {
        let card = &mut *slab.cards[slot as usize];
        let Some(chain) = self.chain(&card.header, hop) else { return self.send_unchained(slot, hop, slab) };
        let before = self.tails.replace(chain, slot);
        let link = &mut card.link;
        (link.in_flight, link.chain, link.ready) = (true, chain as u32, before == NONE);
        let age = link.age;
        if before == NONE {
            self.add_ready(Ready::new(age, slot));
        } else {
            slab.link(before).next = slot;
        }
    }

    fn send_unchained<M: StateMachine>(&mut self, slot: Slot, hop: usize, slab: &mut Slab<M>) {
        slab.link(slot).in_flight = true;
        if self.network == Network::Causal && !slab.header(slot).id.is_root() {
            let blockers = self.pending[hop].iter().filter(|other| blocks(**other, slot, slab)).count() as u32;
            self.pending[hop].push(slot);
            slab.link(slot).blockers = blockers;
            if blockers > 0 {
                return;
            }
        }
        self.make_ready(slot, slab);
    }

    /// Takes the `at`-th ready message out, to deliver it.
    #[inline(always)]
    pub(crate) fn take<M: StateMachine>(&mut self, at: usize, hop: usize, slab: &mut Slab<M>) {
        let slot = self.ready[at].slot();
        self.follow(at, slot, hop, slab);
    }

    /// Takes a message out that will not be delivered.
    pub(crate) fn cancel<M: StateMachine>(&mut self, slot: Slot, hop: usize, slab: &mut Slab<M>) {
        if !slab.link(slot).ready {
            slab.link(slot).in_flight = false;
            return self.unlink(slot, hop, slab);
        }
        let age = slab.link(slot).age;
        let at = self.ready.binary_search_by_key(&age, |r| r.age()).expect("a ready message is in the list");
        self.follow(at, slot, hop, slab);
    }

    /// Removes the `at`-th and lets what waited for it take its place in the order.
    #[inline(always)]
    fn follow<M: StateMachine>(&mut self, at: usize, slot: Slot, hop: usize, slab: &mut Slab<M>) {
        let link = slab.link(slot);
        (link.ready, link.in_flight) = (false, false);
        let chain = link.chain;
        let next = std::mem::replace(&mut link.next, NONE);
        if next != NONE {
            let link = slab.link(next);
            link.ready = true;
            let (taken, next) = (self.ready[at], Ready::new(link.age, next));
            if next > taken {
                return self.replace_ready(at, next);
            }
            // A copy came before what was written earlier and sent later.
            self.remove_ready(at);
            self.add_ready(next);
            debug_assert!(self.ready.is_sorted(), "older first");
            return;
        }
        self.remove_ready(at);
        if chain != NONE {
            self.tails.remove(chain as usize);
        } else if self.network == Network::Causal {
            self.unblock(slot, hop, slab);
        }
    }

    /// Takes out one that was not ready yet.
    fn unlink<M: StateMachine>(&mut self, slot: Slot, hop: usize, slab: &mut Slab<M>) {
        let chain = slab.link(slot).chain as usize;
        if chain == NONE as usize {
            return self.unblock(slot, hop, slab);
        }
        let before = slab.cards.iter().position(|card| card.link.next == slot);
        let before = before.expect("a chained message that is not ready has one before it") as Slot;
        let next = std::mem::replace(&mut slab.link(slot).next, NONE);
        slab.link(before).next = next;
        if next == NONE {
            self.tails.replace(chain, before);
        }
    }

    /// Under `causal`: those that waited for this one wait no longer.
    fn unblock<M: StateMachine>(&mut self, slot: Slot, hop: usize, slab: &mut Slab<M>) {
        let Some(at) = self.pending[hop].iter().position(|other| *other == slot) else { return };
        self.pending[hop].remove(at);
        for at in 0..self.pending[hop].len() {
            let other = self.pending[hop][at];
            if blocks(slot, other, slab) {
                let link = slab.link(other);
                link.blockers -= 1;
                if link.blockers == 0 {
                    self.make_ready(other, slab);
                }
            }
        }
    }

    /// A younger one takes the place of the `at`-th: those between move down by one, and it stands behind them.
    #[inline(always)]
    fn replace_ready(&mut self, at: usize, younger: Ready) {
        let mut place = &mut self.ready[at..];
        // Mostly it moves by none to two places; nobody can guess by how many, so these are done without asking.
        for _ in 0..2 {
            if let [hole, behind, ..] = place {
                let moves = *behind < younger;
                *hole = younger.min(*behind);
                place = &mut place[usize::from(moves)..];
            }
        }
        while let [hole, behind, ..] = place
            && *behind < younger
        {
            *hole = *behind;
            place = &mut place[1..];
        }
        place[0] = younger;
    }

    /// Like `Vec::remove`, which is slow for the few that there mostly are.
    #[inline(always)]
    fn remove_ready(&mut self, at: usize) {
        let mut place = &mut self.ready[at..];
        while let [hole, behind, ..] = place {
            *hole = *behind;
            place = &mut place[1..];
        }
        self.ready.pop();
    }

    fn make_ready<M: StateMachine>(&mut self, slot: Slot, slab: &mut Slab<M>) {
        let link = slab.link(slot);
        link.ready = true;
        let ready = Ready::new(link.age, slot);
        self.add_ready(ready);
    }

    #[inline(always)]
    fn add_ready(&mut self, ready: Ready) {
        match self.ready.last() {
            Some(last) if *last > ready => {
                let at = self.ready.partition_point(|r| *r < ready);
                self.ready.insert(at, ready);
            }
            _ => self.ready.push(ready),
        }
    }

    /// The chain a message belongs to, if its order is kept by one.
    #[inline(always)]
    fn chain(&self, header: &Header, hop: usize) -> Option<usize> {
        let row = match (header.from, self.network) {
            (Party::Source(source), _) => self.tails.workers + 1 + source.index(),
            (Party::Worker(_), _) if header.id.is_root() => return None,
            (Party::Worker(_), Network::Mailbox) => self.tails.workers,
            (Party::Worker(from), Network::Fifo) => from.index(),
            _ => return None,
        };
        Some(row * self.tails.hops + hop)
    }
}

/// Above this many chains they are hashed, below they stand in a table.
const TABLE_MAX: usize = 1 << 16;

/// Under `causal`: whether the second message must wait for the first. A copy is younger than what was sent before it was
/// made, and blocks nothing of that, though at granularity `queues` it may be in flight before.
fn blocks<M: StateMachine>(first: Slot, second: Slot, slab: &Slab<M>) -> bool {
    let age = |slot: Slot| slab.cards[slot as usize].link.age;
    age(first) < age(second) && slab.header(first).sent_before(slab.header(second))
}

/// The last message of each chain that has one. A row for each worker, one for all of them, one for each source.
struct Tails {
    workers: usize,
    hops: usize,
    table: Vec<Slot>,
    hashed: FxHashMap<usize, Slot>,
}

impl Tails {
    fn new(workers: usize, sources: usize, hops: usize) -> Self {
        let size = (workers + 1 + sources) * hops;
        let table = if size <= TABLE_MAX { vec![NONE; size] } else { Vec::new() };
        Self { workers, hops, table, hashed: FxHashMap::default() }
    }

    /// Puts a message at the end of a chain; gives the one that was there, or `NONE`.
    #[inline(always)]
    fn replace(&mut self, chain: usize, slot: Slot) -> Slot {
        if let Some(tail) = self.table.get_mut(chain) {
            return std::mem::replace(tail, slot);
        }
        self.hashed.insert(chain, slot).unwrap_or(NONE)
    }

    #[inline(always)]
    fn remove(&mut self, chain: usize) {
        match self.table.get_mut(chain) {
            Some(tail) => *tail = NONE,
            None => _ = self.hashed.remove(&chain),
        }
    }
}
