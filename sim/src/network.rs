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

/// A message that may be delivered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    age: u32,
    pub(crate) slot: Slot,
}

impl InFlight {
    /// `hops` is how many destinations there are: workers, or shards where updates go to shards first.
    pub(crate) fn new(network: Network, workers: usize, sources: usize, hops: usize) -> Self {
        let pending = if network == Network::Causal { vec![Vec::new(); hops] } else { Vec::new() };
        Self { network, ready: Vec::new(), tails: Tails::new(workers, sources, hops), pending }
    }

    pub(crate) fn reset(&mut self) {
        self.ready.clear();
        self.tails.clear();
        self.pending.iter_mut().for_each(Vec::clear);
    }

    /// What may be delivered next, oldest first.
    pub(crate) fn ready(&self) -> &[Ready] {
        &self.ready
    }

    /// Adds a message on its way to `hop`.
    #[inline]
    pub(crate) fn send<M: StateMachine>(&mut self, slot: Slot, hop: usize, slab: &mut Slab<M>) {
        let chain = self.chain(slab.header(slot), hop);
        let link = slab.link(slot);
        link.in_flight = true;
        match chain {
            Some(chain) => {
                link.chain = chain as u32;
                let before = self.tails.replace(chain, slot);
                if before != NONE {
                    slab.link(before).next = slot;
                    return;
                }
            }
            None if self.network == Network::Causal && !slab.header(slot).id.is_root() => {
                let header = slab.header(slot);
                let before = |other: &&Slot| slab.header(**other).sent_before(header);
                let blockers = self.pending[hop].iter().filter(before).count() as u32;
                self.pending[hop].push(slot);
                slab.link(slot).blockers = blockers;
                if blockers > 0 {
                    return;
                }
            }
            None => {}
        }
        self.make_ready(slot, slab);
    }

    /// Takes the `at`-th ready message out, to deliver it.
    #[inline]
    pub(crate) fn take<M: StateMachine>(&mut self, at: usize, hop: usize, slab: &mut Slab<M>) -> Slot {
        let slot = self.ready[at].slot;
        self.follow(at, slot, hop, slab);
        slot
    }

    /// Takes a message out that will not be delivered.
    pub(crate) fn cancel<M: StateMachine>(&mut self, slot: Slot, hop: usize, slab: &mut Slab<M>) {
        if !slab.link(slot).ready {
            slab.link(slot).in_flight = false;
            return self.unlink(slot, hop, slab);
        }
        let age = slab.link(slot).age;
        let at = self.ready.binary_search_by_key(&age, |r| r.age).expect("a ready message is in the list");
        self.follow(at, slot, hop, slab);
    }

    /// Removes the `at`-th and lets what waited for it take its place in the order.
    #[inline]
    fn follow<M: StateMachine>(&mut self, at: usize, slot: Slot, hop: usize, slab: &mut Slab<M>) {
        let link = slab.link(slot);
        (link.ready, link.in_flight) = (false, false);
        let (chain, next) = (link.chain, link.next);
        if chain != NONE {
            if next == NONE {
                self.tails.remove(chain as usize);
                self.ready.remove(at);
                return;
            }
            // The next is younger: those between move down by one, and it stands behind them.
            let link = slab.link(next);
            link.ready = true;
            let age = link.age;
            let mut end = at;
            while let Some(behind) = self.ready.get(end + 1).copied().filter(|r| r.age < age) {
                self.ready[end] = behind;
                end += 1;
            }
            self.ready[end] = Ready { age, slot: next };
            return;
        }
        self.ready.remove(at);
        if self.network == Network::Causal {
            self.unblock(slot, hop, slab);
        }
    }

    /// Takes out one that was not ready yet.
    fn unlink<M: StateMachine>(&mut self, slot: Slot, hop: usize, slab: &mut Slab<M>) {
        let chain = slab.link(slot).chain as usize;
        if chain == NONE as usize {
            return self.unblock(slot, hop, slab);
        }
        let before = slab.links.iter().position(|link| link.next == slot);
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
            if slab.header(slot).sent_before(slab.header(other)) {
                let link = slab.link(other);
                link.blockers -= 1;
                if link.blockers == 0 {
                    self.make_ready(other, slab);
                }
            }
        }
    }

    #[inline]
    fn make_ready<M: StateMachine>(&mut self, slot: Slot, slab: &mut Slab<M>) {
        let link = slab.link(slot);
        link.ready = true;
        let ready = Ready { age: link.age, slot };
        match self.ready.last() {
            Some(last) if last.age > ready.age => {
                let at = self.ready.partition_point(|r| r.age < ready.age);
                self.ready.insert(at, ready);
            }
            _ => self.ready.push(ready),
        }
    }

    /// The chain a message belongs to, if its order is kept by one.
    #[inline]
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

/// The last message of each chain that has one. A row for each worker, one for all of them, one for each source.
struct Tails {
    workers: usize,
    hops: usize,
    table: Vec<Slot>,
    hashed: FxHashMap<usize, Slot>,
    used: Vec<usize>,
}

impl Tails {
    fn new(workers: usize, sources: usize, hops: usize) -> Self {
        let size = (workers + 1 + sources) * hops;
        let table = if size <= TABLE_MAX { vec![NONE; size] } else { Vec::new() };
        Self { workers, hops, table, hashed: FxHashMap::default(), used: Vec::new() }
    }

    /// Puts a message at the end of a chain; gives the one that was there, or `NONE`.
    #[inline(always)]
    fn replace(&mut self, chain: usize, slot: Slot) -> Slot {
        if let Some(tail) = self.table.get_mut(chain) {
            let before = std::mem::replace(tail, slot);
            if before == NONE {
                self.used.push(chain);
            }
            return before;
        }
        self.hashed.insert(chain, slot).unwrap_or(NONE)
    }

    #[inline]
    fn remove(&mut self, chain: usize) {
        match self.table.get_mut(chain) {
            Some(tail) => *tail = NONE,
            None => _ = self.hashed.remove(&chain),
        }
    }

    fn clear(&mut self) {
        for chain in self.used.drain(..) {
            self.table[chain] = NONE;
        }
        self.hashed.clear();
    }
}
