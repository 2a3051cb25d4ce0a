//! The workload under shuttle: one thread and one channel per worker, the main thread being the
//! outside world.
//!
//! shuttle interleaves threads, not messages: a mailbox keeps the order in which threads sent to
//! it, and every send and every receive is a scheduling point. In shuttle's favour, a worker knows
//! beforehand how many messages it will get and ends by itself; a shared counter or a closing
//! message would cost further scheduling points.

use std::time::Duration;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler, UrwRandomScheduler};
use shuttle::sync::mpsc::{Receiver, Sender, channel};
use shuttle::{Config, Runner, thread};

use crate::measure::{Rate, measure};
use crate::workload::{DELIVERIES, Message, Tally, WORKERS, WorkerId, expected, externals, react};

/// Every runnable thread is equally likely at each scheduling point.
pub fn random(budget: Duration) -> Rate {
    sample(budget, RandomScheduler::new_from_seed)
}

/// Uniform random walk: all interleavings about equally likely.
pub fn urw(budget: Duration) -> Rate {
    sample(budget, UrwRandomScheduler::new_from_seed)
}

/// Probabilistic concurrency testing for bugs of depth 3.
pub fn pct3(budget: Duration) -> Rate {
    sample(budget, |seed, runs| PctScheduler::new_from_seed(seed, 3, runs))
}

/// One runner per batch, so that what a runner or a scheduler learns in its first run is shared by
/// the others.
fn sample<S: Scheduler + 'static>(budget: Duration, scheduler: impl Fn(u64, usize) -> S) -> Rate {
    let expected = expected();
    measure(budget, 500, |seeds| {
        let scheduler = scheduler(seeds.start, (seeds.end - seeds.start) as usize);
        let runs = Runner::new(scheduler, Config::new()).run(move || run(&expected));
        runs as u64 * DELIVERIES
    })
}

/// One run, under whatever scheduler is in charge.
fn run(expected: &[Tally; WORKERS]) {
    let (inboxes, receivers): (Vec<_>, Vec<_>) = WorkerId::all().map(|_| channel()).unzip();
    let workers: Vec<_> = WorkerId::all()
        .zip(receivers)
        .map(|(me, inbox)| {
            let (peers, deliveries) = (inboxes.clone(), expected[me.index()].deliveries);
            thread::spawn(move || work(me, &inbox, &peers, deliveries))
        })
        .collect();
    for (target, message) in externals() {
        inboxes[target.index()].send(message).expect("the worker still expects this message");
    }
    for (worker, expected) in workers.into_iter().zip(expected) {
        let handled = worker.join().expect("workers do not panic");
        assert_eq!(handled, *expected, "every schedule handles the same messages");
    }
}

/// A worker's whole life: `deliveries` messages.
fn work(me: WorkerId, inbox: &Receiver<Message>, peers: &[Sender<Message>], deliveries: u64) -> Tally {
    let mut handled = Tally::default();
    for _ in 0..deliveries {
        let message = inbox.recv().expect("all messages are sent before the last sender goes");
        handled.count(message);
        for (target, sent) in react(message, me, WORKERS as u16) {
            peers[target.index()].send(sent).expect("the target still expects this message");
        }
    }
    handled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheduler_handles_the_whole_workload() {
        for run in [random, urw, pct3] {
            let rate = run(Duration::ZERO);
            assert_eq!(rate.deliveries, rate.runs * DELIVERIES);
        }
    }
}
