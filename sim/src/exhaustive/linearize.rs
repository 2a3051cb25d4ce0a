//! Orders of a run in which every crash comes while something else can happen.
//!
//! That is the rule of the simulator, and it is one of orders, not of traces: of two orders of one trace, the one may end with
//! a crash, and the other crash earlier and end with what does not depend on it. The search runs one of them, as it comes.
//! The trace is one if any order keeps the rule, and such an order is what is written down.
//!
//! Something else can happen as long as a message is on its way. So a crash does best to come as soon as all is done that it
//! depends on; nothing else is in a hurry; and only which crash comes first is to be tried.

use raddle_core::StateMachine;

use super::past::Past;
use super::trunk::Taken;

/// More crashes than this are not put in order: so many are never tried.
pub(crate) const CRASHES_MAX: u32 = 4;

/// Such an order of these events, as their places; none if there is none.
pub(crate) fn linearize<M: StateMachine>(events: &[Taken<M>], past: &Past) -> Option<Vec<usize>> {
    let crashes: Vec<usize> = (0..events.len()).filter(|at| events[*at].event.is_crash()).collect();
    let mut order = Order { events, past, taken: Vec::new(), is_taken: vec![false; events.len()] };
    order.put(&crashes).then(|| {
        let rest = (0..events.len()).filter(|at| !order.is_taken[*at]);
        order.taken.iter().copied().chain(rest).collect()
    })
}

struct Order<'a, M: StateMachine> {
    events: &'a [Taken<M>],
    past: &'a Past,
    taken: Vec<usize>,
    is_taken: Vec<bool>,
}

impl<M: StateMachine> Order<'_, M> {
    /// Puts these crashes behind what is taken, in some order; whether that is possible.
    fn put(&mut self, crashes: &[usize]) -> bool {
        let left: Vec<usize> = crashes.iter().copied().filter(|crash| !self.is_taken[*crash]).collect();
        if left.is_empty() {
            return true;
        }
        let len = self.taken.len();
        for crash in &left {
            let comes_later = |other: &usize| self.past.has(*crash, *other);
            if left.iter().any(comes_later) {
                continue;
            }
            for before in (0..self.events.len()).filter(|before| self.past.has(*crash, *before)) {
                self.take(before);
            }
            if self.is_anything_on_its_way() {
                self.take(*crash);
                if self.put(crashes) {
                    return true;
                }
            }
            while self.taken.len() > len {
                let last = self.taken.pop().expect("there is one");
                self.is_taken[last] = false;
            }
        }
        false
    }

    fn take(&mut self, at: usize) {
        if !self.is_taken[at] {
            self.is_taken[at] = true;
            self.taken.push(at);
        }
    }

    fn is_anything_on_its_way(&self) -> bool {
        let is_on_its_way = |(at, taken): (usize, &Taken<M>)| {
            let is_made = taken.maker().is_none_or(|maker| self.is_taken[maker]);
            is_made && !self.is_taken[at] && !taken.event.is_crash()
        };
        self.events.iter().enumerate().any(is_on_its_way)
    }
}
