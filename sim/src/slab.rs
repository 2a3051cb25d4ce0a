//! The messages of a world: headers and typed inputs side by side, addressed by slot, reused from run to run.
//!
//! Headers stand apart from inputs so that networks, strategies and queues need not know the user's types.

use raddle_core::{Header, Input, StateMachine};

/// Where a message is kept. Meaningless once the message is freed.
pub(crate) type Slot = u32;

/// No slot.
pub(crate) const NONE: Slot = Slot::MAX;

pub(crate) struct Slab<M: StateMachine> {
    pub(crate) headers: Vec<Header>,
    pub(crate) inputs: Vec<Option<Input<M>>>,
    pub(crate) links: Vec<Link>,
    free: Vec<Slot>,
}

/// Where a message stands in its network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// Its place in the order of sending, over all messages of the run.
    pub(crate) age: u32,
    /// The chain it belongs to; `NONE` if its order is not kept by one.
    pub(crate) chain: u32,
    /// The one behind it that must wait for it.
    pub(crate) next: Slot,
    /// How many before it it must wait for (network `causal`).
    pub(crate) blockers: u32,
    /// Whether the network holds it.
    pub(crate) in_flight: bool,
    /// Whether the network may deliver it now.
    pub(crate) ready: bool,
}

impl Link {
    const fn new(age: u32) -> Self {
        Self { age, chain: NONE, next: NONE, blockers: 0, in_flight: false, ready: false }
    }
}

impl<M: StateMachine> Slab<M> {
    pub(crate) const fn new() -> Self {
        Self { headers: Vec::new(), inputs: Vec::new(), links: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn reset(&mut self) {
        self.free.clear();
        self.free.extend((0..self.headers.len() as Slot).rev());
    }

    /// A slot that is free from now on until it is filled or freed; its header may be written over.
    #[inline(always)]
    pub(crate) fn reserve(&mut self) -> Slot {
        match self.free.pop() {
            Some(slot) => slot,
            None => self.grow(),
        }
    }

    #[cold]
    fn grow(&mut self) -> Slot {
        self.headers.push(Header::blank());
        self.inputs.push(None);
        self.links.push(Link::new(0));
        (self.headers.len() - 1) as Slot
    }

    /// Fills a reserved slot, whose header has been written.
    #[inline(always)]
    pub(crate) fn fill(&mut self, slot: Slot, input: Input<M>, age: u32) {
        self.inputs[slot as usize] = Some(input);
        self.links[slot as usize] = Link::new(age);
    }

    /// Keeps a message with a copy of this header.
    #[inline(always)]
    pub(crate) fn insert(&mut self, header: &Header, input: Input<M>, age: u32) -> Slot {
        let slot = self.reserve();
        self.headers[slot as usize].copy_from(header);
        self.fill(slot, input, age);
        slot
    }

    #[inline(always)]
    pub(crate) fn header(&self, slot: Slot) -> &Header {
        &self.headers[slot as usize]
    }

    #[inline(always)]
    pub(crate) fn link(&mut self, slot: Slot) -> &mut Link {
        &mut self.links[slot as usize]
    }

    /// Takes a message out to handle it; its header takes the place of `header`.
    #[inline(always)]
    pub(crate) fn take(&mut self, slot: Slot, header: &mut Header) -> Input<M> {
        std::mem::swap(&mut self.headers[slot as usize], header);
        self.free.push(slot);
        self.inputs[slot as usize].take().expect("a message is handled once")
    }

    /// Gives the slot back; its header stays readable until it is used again.
    #[inline(always)]
    pub(crate) fn free(&mut self, slot: Slot) {
        self.inputs[slot as usize] = None;
        self.free.push(slot);
    }
}
