//! Copies of a run in the middle: a world becomes equal to another of the same plan and settings, and so does all that
//! judges it.
//!
//! It is for searches that go on from one point in many ways. A copy reuses memory and costs about as much as the world is
//! wide, so whoever copies should have many steps to save. Every field stands here by name: whoever adds one is made to
//! say what becomes of it.

use raddle_core::{Assign, StateMachine, copy_list};

use crate::desk::Aside;
use crate::run::Runner;
use crate::settings::Granularity;
use crate::slab::{Card, NONE, Slab};
use crate::transit::{Place, Transit};
use crate::world::World;

impl<M: StateMachine> World<M> {
    /// Becomes equal to `other`, between two steps of both. One of the two goes through runs, and the other was made for its copies
    /// and is used only for them. `assign` copies machines.
    fn copy_from(&mut self, other: &Self, assign: &Assign<M>) {
        let Self {
            plan: _,
            settings,
            rules,
            workers,
            // The routes are those of the system.
            coordinator: _,
            shards,
            watermark,
            transit,
            timers,
            gated,
            plain,
            // What may happen next is listed anew before each step.
            acts: _,
            usual: _,
            // Systems with sessions are not taken up in the middle.
            sessions: _,
            settled: _,
            faults,
            // Between two steps an outbox is empty, and says to whom it listens: the same in all runs of a search.
            out: _,
            // Of the last step.
            chosen: _,
            options: _,
            histories,
            current: _,
            input: _,
            aside,
            later,
            moment,
            deliveries,
            coverage,
            keeps_inputs: _,
            external_headers: _,
            left_out: _,
            start_headers: _,
        } = self;
        // At `delivery` whoever does anything at a place uses it. What was used last at the same time is the same.
        let tells_uses = settings.granularity == Granularity::Delivery;
        let places = transit.places.iter_mut().zip(&other.transit.places);
        for ((mine, theirs), (place, their_place)) in workers.iter_mut().zip(&other.workers).zip(places) {
            let has_changed = !tells_uses || place.used != their_place.used;
            if has_changed {
                place.copy_from(their_place);
            }
            // A watermark changes workers to which nothing comes.
            if has_changed || rules.barriers {
                mine.copy_from(theirs, assign);
            }
        }
        shards.iter_mut().zip(&other.shards).for_each(|(mine, theirs)| mine.copy_from(theirs));
        watermark.copy_from(&other.watermark);
        transit.copy_from(&other.transit);
        timers.copy_from(&other.timers);
        faults.copy_from(&other.faults);
        if let (Some(mine), Some(theirs)) = (histories, &other.histories) {
            mine.copy_from(theirs);
        }
        aside.copy_from(&other.aside);
        later.copy_from(&other.later);
        if let (Some(mine), Some(theirs)) = (coverage, &other.coverage) {
            mine.copy_from(theirs);
        }
        (*gated, *plain, *moment, *deliveries) = (other.gated, other.plain, other.moment, other.deliveries);
    }
}

impl<M: StateMachine> Transit<M> {
    /// All but its places.
    fn copy_from(&mut self, other: &Self) {
        let Self {
            slab,
            flight,
            places: _,
            touched,
            uses: _,
            draft: _,
            next_age,
            creator: _,
            launches: _,
            // Between two steps there are none.
            outputs: _,
        } = self;
        flight.copy_from(&other.flight, slab, &other.slab);
        slab.copy_from(&other.slab);
        touched.clone_from(&other.touched);
        *next_age = other.next_age;
    }
}

impl Place {
    fn copy_from(&mut self, other: &Self) {
        let Self { inbox, outbound, in_hand, gate, past, used } = self;
        inbox.copy_from(&other.inbox);
        if !(outbound.is_empty() && other.outbound.is_empty()) {
            outbound.clone_from(&other.outbound);
        }
        (*in_hand, *gate, *past, *used) = (other.in_hand, other.gate, other.past, other.used);
    }
}

impl<M: StateMachine> Slab<M> {
    /// Only what is kept is copied; slots are the same in both.
    fn copy_from(&mut self, other: &Self) {
        while self.cards.len() < other.cards.len() {
            self.cards.push(Card::blank());
            self.inputs.push(None);
        }
        let more = other.cards.len() as u32..self.cards.len() as u32;
        let Self { cards, inputs, free } = self;
        for (at, (mine, input)) in cards.iter_mut().zip(&mut *inputs).enumerate() {
            match other.inputs.get(at) {
                Some(Some(theirs)) => {
                    let card = &*other.cards[at];
                    mine.header.clone_from(&card.header);
                    mine.link = card.link;
                    *input = Some(theirs.clone());
                }
                // No free slot stands before another in a chain.
                _ => (mine.link.next, *input) = (NONE, None),
            }
        }
        free.clear();
        free.extend(more);
        free.extend_from_slice(&other.free);
    }
}

impl Aside {
    fn copy_from(&mut self, other: &Self) {
        let Self { discarded, nacks, releases, dropped } = self;
        copy_list(discarded, &other.discarded);
        copy_list(nacks, &other.nacks);
        copy_list(releases, &other.releases);
        *dropped = other.dropped;
    }
}

/// A run in the middle: its world, and what its judges know.
pub(crate) struct Saved<M: StateMachine> {
    world: World<M>,
    bank: raddle_checkers::Bank,
    properties: raddle_checkers::Properties<M>,
    marks: crate::run::Marks,
}

impl<M: StateMachine> Saved<M> {
    /// A place for runs of this runner.
    pub(crate) fn new(runner: &Runner<M>) -> Self {
        Self {
            world: World::new(std::sync::Arc::clone(&runner.world.plan), runner.world.settings.clone()),
            bank: runner.bank.clone(),
            properties: raddle_checkers::Properties::new(runner.world.plan.properties()),
            marks: runner.marks.clone(),
        }
    }

    /// Takes over where the run of this runner is.
    pub(crate) fn save(&mut self, runner: &Runner<M>, assign: &Assign<M>) {
        let Self { world, bank, properties, marks } = self;
        world.copy_from(&runner.world, assign);
        bank.copy_from(&runner.bank);
        properties.copy_from(&runner.properties);
        marks.copy_from(&runner.marks);
    }

    /// Takes the runner back to where its run was; it went on from there.
    pub(crate) fn go_back(&self, runner: &mut Runner<M>, assign: &Assign<M>) {
        let Self { world, bank, properties, marks } = self;
        runner.world.copy_from(world, assign);
        runner.bank.copy_from(bank);
        runner.properties.copy_from(properties);
        runner.marks.copy_from(marks);
    }
}
