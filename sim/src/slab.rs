//! The messages of a world: cards (a header each) and typed inputs side by side, addressed by slot, reused from run to run.
//!
//! Cards stand apart from inputs so that networks, strategies and queues need not know the user's types. Each has a box
//! of its own: to take one out, or to put one in that was written elsewhere, moves a pointer and no header.

use raddle_core::{Header, Input, StateMachine};

/// Where a message is kept. Meaningless once the message is freed.
pub(crate) type Slot = u32;

/// No slot.
pub(crate) const NONE: Slot = Slot::MAX;

pub(crate) struct Slab<M: StateMachine> {
    #[expect(clippy::vec_box, reason = "they change places with boxes outside")]
    pub(crate) cards: Vec<Box<Card>>,
    pub(crate) inputs: Vec<Option<Input<M>>>,
    pub(crate) free: Vec<Slot>,
}

/// What is known of a message without looking into it.
pub(crate) struct Card {
    pub(crate) header: Header,
    pub(crate) link: Link,
}

impl Card {
    pub(crate) fn blank() -> Box<Self> {
        Box::new(Self { header: Header::blank(), link: Link::new(0, NONE) })
    }
}

/// Where a message stands in its network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// Its place in the order of sending, over all messages of the run.
    pub(crate) age: u32,
    /// The age of the input whose handling sent it; `NONE` if it began a chain.
    pub(crate) creator: u32,
    /// The chain it belongs to; `NONE` if its order is not kept by one.
    pub(crate) chain: u32,
    /// The one behind it that must wait for it.
    pub(crate) next: Slot,
    /// How many before it it must wait for (network `causal`).
    pub(crate) blockers: u32,
    /// How many copies the network made of it.
    pub(crate) copies: u8,
    /// Whether the network holds it.
    pub(crate) in_flight: bool,
    /// Whether the network may deliver it now.
    pub(crate) ready: bool,
}

impl Link {
    const fn new(age: u32, creator: u32) -> Self {
        Self { age, creator, chain: NONE, next: NONE, blockers: 0, copies: 0, in_flight: false, ready: false }
    }
}

impl<M: StateMachine> Slab<M> {
    pub(crate) const fn new() -> Self {
        Self { cards: Vec::new(), inputs: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn reset(&mut self) {
        if !self.is_empty() {
            // The last run was left in the middle.
            self.inputs.fill_with(|| None);
        }
        self.free.clear();
        self.free.extend((0..self.cards.len() as Slot).rev());
    }

    /// Whether no message is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.free.len() == self.cards.len()
    }

    /// A slot to be filled.
    #[inline(always)]
    fn reserve(&mut self) -> Slot {
        match self.free.pop() {
            Some(slot) => slot,
            None => self.grow(),
        }
    }

    #[cold]
    fn grow(&mut self) -> Slot {
        self.cards.push(Card::blank());
        self.inputs.push(None);
        (self.cards.len() - 1) as Slot
    }

    /// Keeps a message with the header that was written; a card to be written over takes its place.
    #[inline(always)]
    pub(crate) fn put(&mut self, written: &mut Box<Card>, input: Input<M>, age: u32, creator: u32) -> Slot {
        let slot = self.reserve();
        written.link = Link::new(age, creator);
        std::mem::swap(&mut self.cards[slot as usize], written);
        self.inputs[slot as usize] = Some(input);
        slot
    }

    /// Keeps a message that begins a chain, with a copy of this header.
    #[inline]
    pub(crate) fn insert(&mut self, header: &Header, input: Input<M>, age: u32) -> Slot {
        let slot = self.reserve();
        let card = &mut *self.cards[slot as usize];
        card.header.clone_from(header);
        card.link = Link::new(age, NONE);
        self.inputs[slot as usize] = Some(input);
        slot
    }

    #[inline(always)]
    pub(crate) fn header(&self, slot: Slot) -> &Header {
        &self.cards[slot as usize].header
    }

    #[inline(always)]
    pub(crate) fn link(&mut self, slot: Slot) -> &mut Link {
        &mut self.cards[slot as usize].link
    }

    /// Takes a message out to handle it; `card` takes the place of its own. There is nothing in `input` yet.
    #[inline(always)]
    pub(crate) fn take(&mut self, slot: Slot, card: &mut Box<Card>, input: &mut Option<Input<M>>) {
        std::mem::swap(&mut self.cards[slot as usize], card);
        *input = self.inputs[slot as usize].take();
        self.free.push(slot);
    }

    /// Gives the slot back; its header stays readable until it is used again.
    pub(crate) fn free(&mut self, slot: Slot) {
        self.inputs[slot as usize] = None;
        self.free.push(slot);
    }
}
