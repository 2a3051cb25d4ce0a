//! The exhaustive workload: `n` senders send one message each to one receiver, which can hear them in n! orders.
//!
//! A search is complete if it comes to each order, and without waste if it comes to no order twice: so every contender
//! must count [`orders`] executions, and two contenders differ only in what an execution costs them.

use std::time::Duration;

use crate::measure::{Rate, measure};

/// In how many orders the messages of `n` senders can be heard: n!.
pub const fn orders(n: u64) -> u64 {
    if n == 0 { 1 } else { n * orders(n - 1) }
}

/// What the receiver has heard, in order: the senders, counted from 0, as the digits of a number. Orders differ if and
/// only if these numbers do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Heard(pub u64);

impl Heard {
    /// Hears a sender.
    #[inline]
    pub fn hear(&mut self, sender: u64) {
        self.0 = self.0 * SENDERS_MAX + sender;
    }
}

/// Searches all orders of `n` senders, again and again until the budget is spent. `search` gives its executions.
pub fn exhaust(n: u64, budget: Duration, mut search: impl FnMut() -> u64) -> Rate {
    assert!(n <= SENDERS_MAX, "an order fits in a number");
    measure(budget, orders(n), |_| {
        let executions = search();
        assert_eq!(executions, orders(n), "each order is one execution");
        executions * n
    })
}

/// The most senders there can be.
pub const SENDERS_MAX: u64 = 16;

const _: () = assert!(SENDERS_MAX.checked_pow(SENDERS_MAX as u32 - 1).is_some(), "an order fits in a number");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factorials() {
        assert_eq!([0, 1, 2, 3, 7, 8].map(orders), [1, 1, 2, 6, 5_040, 40_320]);
    }

    #[test]
    fn a_search_is_counted_in_executions() {
        let rate = exhaust(4, Duration::ZERO, || 24);
        assert_eq!((rate.runs, rate.deliveries), (24, 96));
    }

    #[test]
    #[should_panic(expected = "each order is one execution")]
    fn a_search_that_misses_orders_does_not_count() {
        exhaust(4, Duration::ZERO, || 23);
    }
}
