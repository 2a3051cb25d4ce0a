//! The bare loop of exhaustive search: what one would write by hand to try all orders of one fan-in.
//!
//! It is stateless as dynamic partial-order reduction is: each order is a run of its own from the beginning, `n`
//! deliveries, each of which takes one of the messages that are left. The next order is the next choice where there is
//! one left, counted from the end. It knows its state machine and its message at compile time and keeps every
//! allocation; it knows that all messages are for one receiver, so that nothing is left to be reduced, and has neither
//! clocks nor trace.

use std::hint::black_box;
use std::time::Duration;

use crate::fanin::{Heard, exhaust};
use crate::measure::Rate;

/// All orders of `N` senders.
pub fn orders<const N: u64>(budget: Duration) -> Rate {
    let mut replay = Replay::new(N);
    exhaust(N, budget, || replay.search(|heard| _ = black_box(heard)))
}

/// The world: what is on its way to the receiver, and what it has heard. Reused from run to run.
struct Replay {
    senders: u64,
    /// The senders of the messages on their way.
    pending: Vec<u64>,
    receiver: Heard,
    /// The run as the places that were taken.
    choices: Vec<u32>,
}

impl Replay {
    fn new(senders: u64) -> Self {
        Replay { senders, pending: Vec::new(), receiver: Heard::default(), choices: vec![0; senders as usize] }
    }

    /// Runs each order once and shows what was heard; gives the number of runs.
    fn search(&mut self, mut see: impl FnMut(Heard)) -> u64 {
        self.choices.fill(0);
        let mut runs = 0;
        loop {
            see(self.run());
            runs += 1;
            if !self.advance() {
                return runs;
            }
        }
    }

    /// One run from start to end, as the choices say.
    fn run(&mut self) -> Heard {
        self.receiver = Heard::default();
        self.pending.clear();
        self.pending.extend(0..self.senders);
        for choice in &self.choices {
            let sender = self.pending.swap_remove(*choice as usize);
            self.receiver.hear(sender);
        }
        self.receiver
    }

    /// Turns to the next order; false if that was the last.
    fn advance(&mut self) -> bool {
        for (at, choice) in self.choices.iter_mut().enumerate().rev() {
            if u64::from(*choice) + 1 < self.senders - at as u64 {
                *choice += 1;
                return true;
            }
            *choice = 0;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::fanin;

    #[test]
    fn each_order_is_run_once() {
        for n in 1..=6 {
            let mut seen = HashSet::new();
            let runs = Replay::new(n).search(|heard| assert!(seen.insert(heard)));
            assert_eq!((runs, seen.len() as u64), (fanin::orders(n), fanin::orders(n)));
        }
    }
}
