//! First in, first out: the updates of one sender to one target are handled in the order in which they were sent.
//!
//! The number of an update on its link must not be below the number handled last. An equal number is the same update
//! again, which is another law's business; so is a copy that the network made of it, where the core keeps no order. What a
//! worker sends itself counts only where the core itself promises the order: a network orders what goes between workers.
//!
//! Sound under `dpor`: it reads what each worker handled in its order.

use raddle_core::{Conditions, Event, EventRef, Header, Names, Order, Trace, VectorClock, What};

use crate::per_worker::PerWorker;
use crate::violation::Violation;
use crate::words;

pub(crate) const NAME: &str = "fifo";

#[derive(Clone, Debug)]
pub(crate) struct Fifo {
    /// At each worker, the highest number handled of each sender: a table of the same kind as a clock.
    links: PerWorker<VectorClock>,
    core_orders: bool,
}

impl Fifo {
    pub(crate) fn new(conditions: &Conditions) -> Self {
        let links = PerWorker::new(conditions.names.worker_count());
        Self { links, core_orders: conditions.policies.order != Order::Arrival }
    }

    pub(crate) fn reset(&mut self) {
        self.links.reset();
    }

    /// Becomes equal to `other`, the same law over another run, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { links, core_orders: _ } = self;
        links.copy_from(&other.links);
    }

    /// Whether an update that is handled is in order.
    #[inline(always)]
    pub(crate) fn handle(&mut self, header: &Header) -> bool {
        let from = match header.link() {
            Some(from) => from,
            None if self.core_orders && !header.id.is_root() => header.to,
            None => return true,
        };
        let links = self.links.at(header.to);
        let last = links.get(from);
        links.set(from, header.number.0.max(last));
        header.number.0 >= last || (!self.core_orders && header.id.nth_copy() != 0)
    }

    #[cold]
    pub(crate) fn overtaken(&mut self, event: EventRef<'_>, names: &Names) -> Violation {
        let header = event.header;
        let from = header.from.worker().unwrap_or_default();
        let last = self.links.at(header.to).get(from);
        let reason = format!(
            "{} handled {}, number {} of {}, after it had handled number {}",
            names.worker(header.to),
            words::message(header, names),
            header.number.0,
            names.worker(from),
            last,
        );
        Violation::at(NAME, "overtaken", Some(header.to), event, reason)
    }
}

/// Names the update that overtook.
pub(crate) fn explain(violation: &mut Violation, trace: &Trace) {
    let handled = |e: &&Event| e.what == What::Handle;
    let broke = |e: &Event| e.moment == violation.moment && Some(&e.header.id) == violation.message.as_ref();
    let Some(late) = trace.events.iter().position(|e| handled(&e) && broke(e)) else { return };
    let header = &trace.events[late].header;
    let overtook = trace.events[..late].iter().filter(handled).map(|e| &e.header).find(|first| {
        first.from == header.from && first.to == header.to && !first.id.is_root() && first.number > header.number
    });
    let Some(first) = overtook else { return };
    let names = &trace.conditions.names;
    violation.reason = format!(
        "{} handled {}, number {} of {}, before {}, number {}",
        names.worker(header.to),
        words::message(first, names),
        first.number.0,
        header.from.worker().map_or("?", |from| names.worker(from)),
        words::id(&header.id, names),
        header.number.0,
    );
    violation.witness = vec![first.id.clone()];
}
