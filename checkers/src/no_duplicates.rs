//! No duplicates: no life of a worker handles a message twice.
//!
//! A set of what was handled, by 64-bit hash. A copy that the network made of an update is a message of its own, but where
//! the core keeps an order: there it is the update once more, and must not be handled beside it.
//!
//! Sound under `dpor`: it reads what each worker handled.

use raddle_core::{Conditions, Event, EventRef, Header, Incarnation, MessageId, Names, Order, Trace, What, fnv};

use crate::id_map::IdMap;
use crate::violation::Violation;
use crate::words;

pub(crate) const NAME: &str = "no-duplicates";

#[derive(Clone, Debug)]
pub(crate) struct NoDuplicates {
    handled: IdMap<()>,
    copies_count: bool,
}

impl NoDuplicates {
    pub(crate) fn new(conditions: &Conditions) -> Self {
        Self { handled: IdMap::new(), copies_count: conditions.policies.order != Order::Arrival }
    }

    pub(crate) fn reset(&mut self) {
        self.handled.reset();
    }

    /// Becomes equal to `other`, the same law over another run, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { handled, copies_count: _ } = self;
        handled.copy_from(&other.handled);
    }

    /// Whether this life handles this message for the first time.
    #[inline(always)]
    pub(crate) fn handle(&mut self, header: &Header, life: Incarnation, names: &Names) -> bool {
        let is_copy = self.copies_count && header.id.nth_copy() != 0;
        let hash = if is_copy { original_hash(&header.id, names) } else { header.id.hash64() };
        self.handled.insert(fnv::spread(hash).wrapping_add(u64::from(life.0)), ()).is_none()
    }

    #[cold]
    pub(crate) fn handled_twice(event: EventRef<'_>, names: &Names) -> Violation {
        let to = event.header.to;
        let reason = format!("{} handled {} twice", names.worker(to), words::message(event.header, names));
        Violation::at(NAME, "handled-twice", Some(to), event, reason)
    }
}

/// The hash of what a copy is a copy of.
#[cold]
fn original_hash(copy: &MessageId, names: &Names) -> u64 {
    original(copy, names).unwrap_or_else(|| copy.clone()).hash64()
}

/// What a copy of an update is a copy of; an id that is no copy is its own original.
fn original(id: &MessageId, names: &Names) -> Option<MessageId> {
    Some(id.parent(names)?.output(*id.path().last()?))
}

/// Says when it was handled first.
pub(crate) fn explain(violation: &mut Violation, trace: &Trace) {
    let names = &trace.conditions.names;
    let Some(message) = &violation.message else { return };
    let root = |id: &MessageId| original(id, names).unwrap_or_else(|| id.clone());
    let first = root(message);
    let same = |e: &&Event| {
        e.what == What::Handle
            && (e.header.id == *message
                || e.header.id.nth_copy() + message.nth_copy() > 0 && root(&e.header.id) == first)
    };
    let mut handlings = trace.events.iter().filter(same).map(|e| e.moment.step);
    if let (Some(first), Some(second)) = (handlings.next(), handlings.next()) {
        violation.reason += &if first == second {
            format!(", both times at step {first}")
        } else {
            format!(", at step {first} and again at step {second}")
        };
    }
    violation.witness = message.parent(names).into_iter().collect();
}
