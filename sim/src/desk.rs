//! The simulator's desk: what the core is lent while it works on one inbox.

use raddle_core::{Desk, EventRef, Header, Lane, Moment, Sink, StateMachine, What, WorkerId, fnv};

use crate::slab::{Slab, Slot};

/// What the core told the desk, to be seen to when the borrowed inbox is free again.
#[derive(Default)]
pub(crate) struct Aside {
    pub(crate) discarded: Vec<Slot>,
    pub(crate) nacks: Vec<WorkerId>,
    /// Workers at which a tombstone may have let others go.
    pub(crate) releases: Vec<WorkerId>,
    /// The sum of the hashes of all dropped ids.
    pub(crate) dropped: u64,
}

/// The simulator's desk: headers from the slab, events to the sink, the rest aside.
pub(crate) struct Counter<'a, M: StateMachine, S> {
    pub(crate) slab: &'a Slab<M>,
    pub(crate) sink: &'a mut S,
    pub(crate) moment: Moment,
    pub(crate) lane: Lane,
    pub(crate) aside: &'a mut Aside,
}

impl<M: StateMachine, S: Sink<M>> Desk<Slot> for Counter<'_, M, S> {
    #[inline]
    fn header(&self, item: &Slot) -> &Header {
        self.slab.header(*item)
    }

    #[inline(always)]
    fn report<'b>(&'b mut self, what: What, item: &'b Slot) -> &'b Header {
        let header = self.slab.header(*item);
        if let What::Drop(_) = what {
            self.aside.dropped = self.aside.dropped.wrapping_add(fnv::spread(header.id.hash64()));
        }
        let input = match what {
            What::Arrive if header.id.is_root() => self.slab.inputs[*item as usize].as_ref(),
            _ => None,
        };
        let event = EventRef { moment: self.moment, lane: self.lane, life: header.to_life, what, header, text: "" };
        self.sink.event(event, input);
        header
    }

    fn discard(&mut self, item: Slot) {
        self.aside.discarded.push(item);
    }

    fn nack(&mut self, sender: WorkerId) {
        self.aside.nacks.push(sender);
    }
}
