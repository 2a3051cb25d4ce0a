//! The fan-in under TraceForge: optimal partial-order reduction of programs whose threads send each other messages.
//!
//! One thread per sender; the main thread is the receiver, which saves TraceForge one. In its favour: unordered
//! channels, as nothing is sent twice on one; no progress on the terminal, no graphs, coverage kept for the current
//! execution alone, one job. (Without its feature `print_vals`, whose texts are made only when printed, it does not
//! build.)

use std::time::Duration;

use traceforge::thread::{current_id, spawn};
use traceforge::{Config, ConsType, recv_msg_block, send_msg, verify};

use crate::fanin::{Heard, exhaust};
use crate::measure::Rate;

/// All orders of `N` senders.
pub fn orders<const N: u64>(budget: Duration) -> Rate {
    exhaust(N, budget, || search(N, |_| {}))
}

/// Searches once, showing what was heard in each execution; gives the number of executions.
fn search(n: u64, see: impl Fn(Heard) + Send + Sync + 'static) -> u64 {
    let config = Config::builder().with_cons_type(ConsType::Bag).with_progress_report(usize::MAX).build();
    let stats = verify(config, move || see(fanin(n)));
    assert_eq!(stats.block, 0, "no execution is in vain");
    stats.execs as u64
}

/// One execution.
fn fanin(n: u64) -> Heard {
    let receiver = current_id();
    for sender in 0..n {
        spawn(move || send_msg(receiver, sender));
    }
    let mut heard = Heard::default();
    for _ in 0..n {
        heard.hear(recv_msg_block());
    }
    heard
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::fanin;

    #[test]
    fn each_order_is_run_once() {
        let seen: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let all = Arc::clone(&seen);
        let executions = search(5, move |heard| all.lock().expect("nobody panics").push(heard));
        let seen = seen.lock().expect("nobody panics");
        assert_eq!((executions, seen.len() as u64), (fanin::orders(5), fanin::orders(5)));
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), seen.len());
    }
}
