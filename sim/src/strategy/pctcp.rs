//! PCT over an online chain partition.
//!
//! Ozkan, Majumdar, Niksic, Tabaei Befrouei and Weissenbacher, "Randomized Testing of Distributed Systems with
//! Probabilistic Guarantees" (OOPSLA'18): with n events of width w a run hits any bug of depth d with probability at
//! least 1/(w^2 n^(d-1)). Each chain has a random priority; d - 1 events are drawn, and when such a one is to come, its
//! chain is lowered first.
//!
//! - One message precedes another if it *must* arrive before it: it is its ancestor, or the network keeps their order
//!   (of updates on one link under `fifo` and to one worker under `mailbox`; of messages from one source to one worker
//!   always), and so on transitively. What merely happened earlier at a worker is no reason. Over a `bag` this is the tree of messages.
//! - We number and place a message when it first can be chosen, not when it is sent. All that precedes it has then
//!   arrived, so a chain has one message to choose, its last. Under `causal` the ancestors count and nothing else.
//! - What a worker does again and again (timers; at granularity `queues` pushes and picks, the routing of a shard) is
//!   a chain by itself, whose turns are numbered too.
//! - Chains are extended up to 256 of them; what would begin another one in a very wide system is a chain by itself.
//! - Beyond the n events of the longest run of the [`Pilot`] it is a random walk, so that a chain without end starves
//!   nobody.
//! - taPCTCP (Ozkan, Majumdar and Oraee, OOPSLA'19) draws among racy events only. We do not: whether a delivery races is
//!   known only when the run is over, and a message that is alone at its worker in the pilot need not be so again.

use std::sync::Arc;

use raddle_core::random;
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashMap;

use super::Strategy;
use super::chains::{Chains, Element, LENGTH_MAX};
use super::change_points::{BugDepth, ChangePoints};
use super::priorities::{Key, Newcomer, Priorities, among_timers, draw};
use crate::actions::Actions;
use crate::pilot::Pilot;
use crate::slab::{Card, NONE};

/// PCTCP for bugs of one depth.
#[derive(Debug)]
pub struct Pctcp {
    rng: ChaCha8Rng,
    priorities: Priorities,
    changes: ChangePoints,
    order: Order,
    /// The priority of each chain; 0 before it is drawn.
    chains: Vec<u32>,
    lanes: Vec<u32>,
    /// The events drawn among those that can be chosen now, with what they are lowered to.
    marked: Vec<(Key, u32)>,
    numbered: u64,
    /// n.
    events: u64,
    step: u64,
}

/// The order in which messages must arrive, and its chains.
#[derive(Debug, Default)]
pub(crate) struct Order {
    chains: Chains,
    /// By age: the element of each message and its chain.
    placed: Vec<(Element, u32)>,
    last: Last,
}

/// By chain of the network: the last of the messages whose order it keeps.
#[derive(Debug, Default)]
struct Last {
    table: Vec<Element>,
    /// For chains beyond the table.
    hashed: FxHashMap<u32, Element>,
}

/// Above this many chains of the network they are hashed.
const TABLE_MAX: u32 = 1 << 12;

impl Last {
    fn clear(&mut self) {
        self.table.fill(NONE);
        self.hashed.clear();
    }

    #[inline(always)]
    fn of(&mut self, chain: u32) -> &mut Element {
        if chain >= TABLE_MAX {
            return self.hashed.entry(chain).or_insert(NONE);
        }
        let at = chain as usize;
        if at >= self.table.len() {
            self.table.resize(at + 1, NONE);
        }
        &mut self.table[at]
    }
}

impl Order {
    pub(crate) fn clear(&mut self) {
        self.chains.clear();
        self.placed.clear();
        self.last.clear();
    }

    /// The chain of a message that can be chosen from now on.
    pub(crate) fn place(&mut self, card: &Card) -> u32 {
        let link = &card.link;
        let creator = self.placed.get(link.creator as usize).map(|placed| placed.0).filter(|element| *element != NONE);
        let mut none = NONE;
        let last = if link.chain == NONE { &mut none } else { self.last.of(link.chain) };
        let before = Some(*last).filter(|before| *before != NONE && creator != Some(*before));
        let (element, chain) = self.chains.add([creator, before]);
        *last = element;
        let age = link.age as usize;
        if age >= self.placed.len() {
            self.placed.resize(age + 1, (NONE, NONE));
        }
        self.placed[age] = (element, chain);
        chain
    }
}

impl Pctcp {
    /// For bugs of this depth.
    #[must_use]
    pub fn new(depth: BugDepth, pilot: &Arc<Pilot>) -> Self {
        Self {
            rng: random::substream(0, "schedule", 0),
            priorities: Priorities::default(),
            changes: ChangePoints::new(depth),
            order: Order::default(),
            chains: Vec::new(),
            lanes: Vec::new(),
            marked: Vec::new(),
            numbered: 0,
            events: pilot.figures().events.min(LENGTH_MAX - 1),
            step: 0,
        }
    }

    #[inline(always)]
    fn highest(&mut self, actions: &Actions<'_>) -> usize {
        let Self { rng, order, chains, lanes, marked, numbered, changes, .. } = self;
        self.priorities.highest(actions, |_, newcomer| {
            let (key, group, at) = match newcomer {
                Newcomer::Message(card) => {
                    (Key::Message(card.link.age as usize), &mut *chains, order.place(card) as usize)
                }
                Newcomer::Lane(lane) => (Key::Lane(lane), &mut *lanes, lane),
            };
            *numbered += 1;
            if let Some(low) = changes.lowered(*numbered) {
                marked.push((key, low));
            }
            if at >= group.len() {
                group.resize(at + 1, 0);
            }
            if group[at] == 0 {
                group[at] = draw(rng);
            }
            group[at]
        })
    }

    /// If this is one of the events drawn: lowers its chain.
    #[inline(always)]
    fn lower(&mut self, key: Key) -> bool {
        let Some(at) = self.marked.iter().position(|marked| marked.0 == key) else { return false };
        let (_, low) = self.marked.swap_remove(at);
        match key {
            Key::Message(age) => self.chains[self.order.placed[age].1 as usize] = low,
            Key::Lane(lane) => self.lanes[lane] = low,
        }
        *self.priorities.get_mut(key) = low;
        true
    }
}

impl Strategy for Pctcp {
    fn begin(&mut self, seed: u64) {
        self.rng = random::substream(seed, "schedule", 0);
        self.priorities.clear();
        self.order.clear();
        self.chains.clear();
        self.lanes.clear();
        self.marked.clear();
        self.changes.draw(self.events, &mut self.rng);
        (self.numbered, self.step) = (0, 0);
    }

    #[inline]
    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        self.step += 1;
        if self.step > self.events {
            return random::below(&mut self.rng, actions.len() as u32) as usize;
        }
        let mut place = self.highest(actions);
        while !self.marked.is_empty() && self.lower(Key::at(actions, place)) {
            place = self.highest(actions);
        }
        if let Key::Lane(lane) = Key::at(actions, place) {
            // Its next turn is another event.
            self.priorities.lanes[lane] = 0;
            return among_timers(actions, place, &mut self.rng);
        }
        place
    }
}
