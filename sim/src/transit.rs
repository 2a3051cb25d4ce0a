//! Everything that messages pass through on their way: slab, network, and what stands beside each worker.

use std::collections::VecDeque;

use raddle_core::{Header, Inbox, Incarnation, Input, Outlet, StateMachine, WorkerId};

use crate::network::InFlight;
use crate::slab::{Card, Slab, Slot};

/// All messages of a world and everything that they pass through. It is also the outlet of handlers: all that a send
/// needs stands here together.
pub(crate) struct Transit<M: StateMachine> {
    pub(crate) slab: Slab<M>,
    pub(crate) flight: InFlight,
    pub(crate) places: Vec<Place>,
    /// The places that this run has used.
    pub(crate) touched: Vec<WorkerId>,
    /// How many times any place was used; never goes back, not even with the run.
    pub(crate) uses: u64,
    /// What is sent next.
    pub(crate) draft: Box<Card>,
    pub(crate) next_age: u32,
    /// The age of what is handled now.
    pub(crate) creator: u32,
    /// Whether an update is in flight as soon as it is sent, where that needs no decision and makes no event.
    pub(crate) launches: bool,
    /// What a handler sent and what is not on its way yet.
    pub(crate) outputs: Vec<Slot>,
}

impl<M: StateMachine> Transit<M> {
    /// The short way of an update.
    #[inline(always)]
    fn launch_at_once(&mut self, slot: Slot, to: WorkerId) -> bool {
        // Behind one that takes the long way, all do: they keep their order.
        if !self.launches || !self.outputs.is_empty() {
            return false;
        }
        let place = &mut self.places[to.index()];
        place.touch(to, &mut self.touched, &mut self.uses);
        let launched = place.inbox.launch_at_once();
        if launched {
            self.flight.send(slot, to.index(), &mut self.slab);
        }
        launched
    }
}

impl<M: StateMachine> Outlet<M> for Transit<M> {
    #[inline(always)]
    fn draft(&mut self) -> &mut Header {
        &mut self.draft.header
    }

    #[inline(always)]
    fn life_of(&self, worker: WorkerId) -> Incarnation {
        self.places.get(worker.index()).map_or(Incarnation(0), |place| place.inbox.life())
    }

    /// The card that was written changes places with one of the slab.
    #[inline(always)]
    fn send(&mut self, input: Input<M>) -> (&Header, &Input<M>) {
        let to = self.draft.header.to;
        let slot = self.slab.put(&mut self.draft, input, self.next_age, self.creator);
        self.next_age += 1;
        if !self.launch_at_once(slot, to) {
            self.outputs.push(slot);
        }
        (self.slab.header(slot), self.slab.inputs[slot as usize].as_ref().expect("put there just now"))
    }
}

/// What a world keeps beside each worker.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) inbox: Inbox<Slot>,
    /// What its handlers said and what is not sent yet, in program order.
    pub(crate) outbound: VecDeque<Slot>,
    /// How many inputs it has taken at once: 0 from when it does anything else until it takes one.
    pub(crate) in_hand: u32,
    /// What it must do before it may be scheduled.
    pub(crate) gate: Gate,
    /// The hash of all it has handled, in order.
    pub(crate) past: u64,
    /// Which use of all was the last of this one, or of its worker, counted from 1; 0 if this run has not used it.
    pub(crate) used: u64,
}

impl Place {
    #[inline(always)]
    pub(crate) fn touch(&mut self, worker: WorkerId, touched: &mut Vec<WorkerId>, uses: &mut u64) {
        if self.used == 0 {
            touched.push(worker);
        }
        *uses += 1;
        self.used = *uses;
    }
}

/// Why a worker may not be scheduled now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// It may.
    Open,
    /// Its start is not handled yet.
    Start,
    /// It waits for room at another (policy `stall`).
    Stall,
}
