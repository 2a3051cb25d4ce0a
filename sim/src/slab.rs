//! The messages of a world: headers and typed inputs side by side, addressed by slot, reused from run to run.
//!
//! Headers stand apart from inputs so that networks, strategies and queues need not know the user's types.

use raddle_core::{Envelope, Header, Input, Outbox, StateMachine};

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
        Self { age, next: NONE, blockers: 0, in_flight: false, ready: false }
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

    #[inline]
    pub(crate) fn insert(&mut self, envelope: Envelope<M>, age: u32, out: &mut Outbox<M::Update>) -> Slot {
        let link = Link::new(age);
        let Some(slot) = self.free.pop() else {
            self.headers.push(envelope.header);
            self.inputs.push(Some(envelope.input));
            self.links.push(link);
            return (self.headers.len() - 1) as Slot;
        };
        let at = slot as usize;
        out.recycle(std::mem::replace(&mut self.headers[at], envelope.header));
        self.inputs[at] = Some(envelope.input);
        self.links[at] = link;
        slot
    }

    /// Like `insert`, but copies a header that lives elsewhere into the memory of the slot.
    #[inline]
    pub(crate) fn insert_copy(&mut self, header: &Header, input: Input<M>, age: u32) -> Slot {
        let link = Link::new(age);
        let Some(slot) = self.free.pop() else {
            self.headers.push(header.clone());
            self.inputs.push(Some(input));
            self.links.push(link);
            return (self.headers.len() - 1) as Slot;
        };
        let at = slot as usize;
        self.headers[at].clone_from(header);
        self.inputs[at] = Some(input);
        self.links[at] = link;
        slot
    }

    #[inline]
    pub(crate) fn header(&self, slot: Slot) -> &Header {
        &self.headers[slot as usize]
    }

    #[inline]
    pub(crate) fn link(&mut self, slot: Slot) -> &mut Link {
        &mut self.links[slot as usize]
    }

    #[inline]
    pub(crate) fn take_input(&mut self, slot: Slot) -> Input<M> {
        self.inputs[slot as usize].take().expect("a message is handled once")
    }

    /// Gives the slot back; its header stays readable until it is used again.
    #[inline]
    pub(crate) fn free(&mut self, slot: Slot) {
        self.inputs[slot as usize] = None;
        self.free.push(slot);
    }
}
