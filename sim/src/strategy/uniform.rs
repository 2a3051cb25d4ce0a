//! Uniform sampling: each possible action with probability proportional to what is still to come because of it.
//!
//! Where the messages of a run form a forest (the parent of a message is the one whose handling sent it, and nothing
//! else orders them), it has n! / (product of all subtree sizes) schedules, by the hook length formula (Knuth, "The Art
//! of Computer Programming", volume 3, section 5.1.4, exercise 20), and choosing a message in proportion to the size of
//! its subtree makes all of them equally likely. The idea is that of URW in Zhao, Wolff, Mathur and Roychoudhury,
//! "Selectively Uniform Concurrency Testing" (ASPLOS'25), for messages instead of threads.
//!
//! - Sizes come from the [`Pilot`], by the stable name of a message: exact if what a handler sends depends on no
//!   schedule, otherwise a mean; by depth for messages that the pilot did not see.
//! - A message that others must wait for has their subtrees in its own: the rest of its link under `fifo`. As long as
//!   that is still a forest it is exact, otherwise (a link with messages of several handlers on their way) it is not.
//! - What a worker does again and again (timers; at granularity `queues` its pushes and picks, the routing of a shard) is
//!   weighted, as URW weights threads, by how many turns it still has, as far as the pilot knows, and at least one.

use std::sync::Arc;

use raddle_core::random;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng as _;

use super::Strategy;
use super::priorities::lane;
use crate::actions::{Act, Actions};
use crate::network::Ready;
use crate::pilot::Pilot;
use crate::slab::{NONE, Slot};

/// Chooses in proportion to weights.
#[derive(Debug)]
pub struct Uniform {
    rng: ChaCha8Rng,
    pilot: Arc<Pilot>,
    /// By age.
    messages: Vec<Weight>,
    /// The turns that each lane has had.
    lanes: Vec<u32>,
}

/// The weight of a message that can be chosen.
#[derive(Clone, Copy, Debug)]
struct Weight {
    /// That of its own subtree; 0 if it was not seen yet.
    own: u32,
    /// Its own, and those of all that wait for it.
    total: u64,
    /// The last of these that was counted.
    last: Slot,
    last_age: u32,
}

const UNSEEN: Weight = Weight { own: 0, total: 0, last: NONE, last_age: 0 };

impl Uniform {
    /// With sizes from this pilot.
    #[must_use]
    pub fn new(pilot: &Arc<Pilot>) -> Self {
        Self {
            rng: random::substream(0, "schedule", 0),
            pilot: Arc::clone(pilot),
            messages: Vec::new(),
            lanes: Vec::new(),
        }
    }

    /// The weight of an action, brought up to date.
    #[inline(always)]
    fn update(&mut self, actions: &Actions<'_>, act: Act) -> u64 {
        match act {
            Act::Deliver(at) => self.update_message(actions, actions.ready[at]),
            act => self.of_lane(lane(actions, act)),
        }
    }

    #[inline(always)]
    fn update_message(&mut self, actions: &Actions<'_>, ready: Ready) -> u64 {
        let weight = &mut self.messages[ready.age() as usize];
        if weight.own == 0 {
            let own = self.pilot.size(actions.card(ready.slot()));
            *weight = Weight { own, last: ready.slot(), last_age: ready.age(), total: u64::from(own) };
        }
        let mut last = &actions.card(weight.last).link;
        let is_there = last.age == weight.last_age && last.in_flight;
        if is_there && last.next == NONE {
            return weight.total;
        }
        if !is_there {
            // The last one was dropped: count anew.
            (weight.last, weight.total) = (ready.slot(), u64::from(weight.own));
            last = &actions.card(weight.last).link;
        }
        while last.next != NONE {
            weight.last = last.next;
            let card = actions.card(weight.last);
            weight.total += u64::from(self.pilot.size(card));
            last = &card.link;
        }
        weight.last_age = last.age;
        weight.total
    }

    fn of_lane(&mut self, lane: usize) -> u64 {
        if lane >= self.lanes.len() {
            self.lanes.resize(lane + 1, 0);
        }
        let had = self.lanes[lane].saturating_mul(Pilot::TURN);
        u64::from(self.pilot.turns(lane).saturating_sub(had).max(Pilot::TURN))
    }

    /// The weight of an action that [`Uniform::update`] has seen.
    #[inline(always)]
    fn get(&mut self, actions: &Actions<'_>, act: Act) -> u64 {
        match act {
            Act::Deliver(at) => self.messages[actions.ready[at].age() as usize].total,
            act => self.of_lane(lane(actions, act)),
        }
    }

    /// The one that waits next takes over what was counted.
    #[inline(always)]
    fn hand_over(&mut self, actions: &Actions<'_>, ready: Ready) {
        let next = actions.card(ready.slot()).link.next;
        if next == NONE {
            return;
        }
        let (age, card) = (ready.age() as usize, actions.card(next));
        let next_age = card.link.age as usize;
        if next_age >= self.messages.len() {
            self.messages.resize(next_age + 1, UNSEEN);
        }
        let weight = self.messages[age];
        let total = weight.total - u64::from(weight.own);
        self.messages[next_age] = Weight { own: self.pilot.size(card), total, ..weight };
    }
}

impl Strategy for Uniform {
    fn begin(&mut self, seed: u64) {
        self.rng = random::substream(seed, "schedule", 0);
        self.messages.clear();
        self.lanes.clear();
    }

    #[inline]
    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        let known = actions.ready.last().map_or(0, |newest| newest.age() as usize + 1);
        if known > self.messages.len() {
            self.messages.resize(known, UNSEEN);
        }
        let len = actions.len();
        let total: u64 = (0..len).map(|at| self.update(actions, actions.act(at))).sum();
        // The bias of one product is below 2^-20 even for a sum of 2^44.
        let mut drawn = ((u128::from(self.rng.next_u64()) * u128::from(total)) >> 64) as u64;
        let mut place = 0;
        while place + 1 < len {
            let weight = self.get(actions, actions.act(place));
            if drawn < weight {
                break;
            }
            drawn -= weight;
            place += 1;
        }
        match actions.act(place) {
            Act::Deliver(at) => self.hand_over(actions, actions.ready[at]),
            act => self.lanes[lane(actions, act)] += 1,
        }
        place
    }
}
