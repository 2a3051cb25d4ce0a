//! The bare loop: what a careful engineer would write by hand for this one workload, and the
//! yardstick for all others.
//!
//! It explores the same schedules as raddle with `network = fifo` and granularity `delivery`: each
//! step picks, uniformly and by ChaCha8, one link among those that hold messages and handles the
//! oldest message on it. Links are (source, target) pairs, the outside world being one source.
//! Workers keep vector clocks: merged on receipt, ticked per message sent, stamped on the message.
//! It knows its state machine, its message and its sizes at compile time, and keeps every
//! allocation from run to run; it has no faults, timers, drops, ids or replay. Keep it like that:
//! neither slower than honest nor tuned past what one would write.

use std::array;
use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::measure::{Rate, measure};
use crate::workload::{DELIVERIES, Message, Tally, WORKERS, WorkerId, expected, externals, react};

/// The loop with clocks and no trace: the baseline.
pub fn clocks(budget: Duration) -> Rate {
    sample(Bare::new(NoTrace), budget)
}

/// The same loop, also writing a trace of every run.
pub fn clocks_and_trace(budget: Duration) -> Rate {
    sample(Bare::new(Vec::new()), budget)
}

fn sample<T: Trace>(mut bare: Bare<T>, budget: Duration) -> Rate {
    let expected = expected().into_iter().sum();
    measure(budget, 1_000, |seeds| {
        seeds
            .map(|seed| {
                let tally = bare.run(seed);
                assert_eq!(tally, expected, "every schedule handles the same messages");
                tally.deliveries
            })
            .sum()
    })
}

/// The world: workers, links and nothing else. Reused from run to run.
struct Bare<T> {
    workers: [Worker; WORKERS],
    /// By [`link`]. Messages on a link are handled in the order in which they were sent.
    links: [VecDeque<InFlight>; LINKS],
    /// The links that hold messages, in no particular order.
    ready: Vec<u8>,
    trace: T,
}

#[derive(Clone, Copy, Default)]
struct Worker {
    clock: Clock,
    handled: Tally,
}

/// How many messages of each worker its owner knows of.
#[derive(Clone, Copy, Default)]
struct Clock([u32; CLOCK_ENTRIES]);

#[derive(Clone, Copy)]
struct InFlight {
    message: Message,
    clock: Clock,
}

/// What a trace is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Handled { link: u8, message: Message },
    Sent { link: u8, message: Message },
}

/// Where events go, if anywhere; decided at compile time.
trait Trace {
    fn clear(&mut self);
    fn push(&mut self, event: Event);
}

struct NoTrace;

impl Trace for NoTrace {
    fn clear(&mut self) {}
    fn push(&mut self, _: Event) {}
}

impl Trace for Vec<Event> {
    fn clear(&mut self) {
        Vec::clear(self);
    }
    fn push(&mut self, event: Event) {
        Vec::push(self, event);
    }
}

impl<T: Trace> Bare<T> {
    fn new(trace: T) -> Self {
        Bare {
            workers: Default::default(),
            links: array::from_fn(|_| VecDeque::new()),
            ready: Vec::with_capacity(LINKS),
            trace,
        }
    }

    /// One run from start to end, as the seed says.
    fn run(&mut self, seed: u64) -> Tally {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        self.reset();
        while !self.ready.is_empty() {
            let choice = below(&mut rng, self.ready.len());
            self.deliver(choice);
        }
        black_box((&self.workers, &self.trace));
        self.workers.iter().map(|worker| worker.handled).sum()
    }

    fn reset(&mut self) {
        assert!(self.links.iter().all(VecDeque::is_empty), "a run ends when all messages are handled");
        self.workers = Default::default();
        self.trace.clear();
        for (target, message) in externals() {
            self.send(link(SOURCE, target), InFlight { message, clock: Clock::default() });
        }
    }

    /// Handles the oldest message on the given one of the ready links.
    fn deliver(&mut self, choice: usize) {
        let link_from = self.ready[choice];
        let queue = &mut self.links[usize::from(link_from)];
        let InFlight { message, clock } = queue.pop_front().expect("a ready link holds a message");
        if queue.is_empty() {
            self.ready.swap_remove(choice);
        }

        let me = target(link_from);
        let worker = &mut self.workers[me.index()];
        worker.clock.merge(&clock);
        worker.handled.count(message);
        self.trace.push(Event::Handled { link: link_from, message });

        for (target, message) in react(message, me, WORKERS as u16) {
            let worker = &mut self.workers[me.index()];
            worker.clock.0[me.index()] += 1;
            let clock = worker.clock;
            let link_to = link(me.index(), target);
            self.trace.push(Event::Sent { link: link_to, message });
            self.send(link_to, InFlight { message, clock });
        }
    }

    fn send(&mut self, link: u8, sent: InFlight) {
        let queue = &mut self.links[usize::from(link)];
        if queue.is_empty() {
            self.ready.push(link);
        }
        queue.push_back(sent);
    }
}

impl Clock {
    fn merge(&mut self, other: &Clock) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = theirs.max(*mine);
        }
    }
}

/// A choice below `bound`, by multiplication instead of division; its bias is below `bound` in
/// 2^32.
fn below(rng: &mut ChaCha8Rng, bound: usize) -> usize {
    ((u64::from(rng.next_u32()) * bound as u64) >> 32) as usize
}

/// The number of the link between a sender, a worker's index or [`SOURCE`], and its target.
fn link(sender: usize, target: WorkerId) -> u8 {
    (sender * WORKERS + target.index()) as u8
}

/// The worker at the receiving end of a link.
fn target(link: u8) -> WorkerId {
    WorkerId(u16::from(link) % WORKERS as u16)
}

/// The outside world as a sender: one more than the workers.
const SOURCE: usize = WORKERS;

/// From each worker and from the outside world to each worker.
const LINKS: usize = (WORKERS + 1) * WORKERS;

/// Clocks are as wide as a clock without allocation would be made, not as narrow as this workload
/// allows.
const CLOCK_ENTRIES: usize = 8;

const _: () = assert!(WORKERS <= CLOCK_ENTRIES, "every worker has an entry");
const _: () = assert!(LINKS <= u8::MAX as usize, "a link's number fits a u8");
const _: () = assert!(DELIVERIES < u32::MAX as u64, "a clock entry does not overflow");

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn events(seed: u64) -> Vec<Event> {
        let mut bare = Bare::new(Vec::new());
        bare.run(seed);
        bare.trace
    }

    #[test]
    fn runs_are_complete_and_leave_nothing_behind() {
        let expected = expected();
        let mut bare = Bare::new(NoTrace);
        for seed in 0..100 {
            bare.run(seed);
            assert_eq!(bare.workers.map(|worker| worker.handled), expected);
        }
    }

    #[test]
    fn a_reused_world_repeats_a_seed_and_other_seeds_differ() {
        let mut bare = Bare::new(Vec::new());
        let mut traces = HashSet::new();
        for seed in 0..100 {
            bare.run(seed);
            assert_eq!(bare.trace, events(seed));
            traces.insert(format!("{:?}", bare.trace));
        }
        assert_eq!(traces.len(), 100);
    }

    #[test]
    fn links_are_fifo() {
        for seed in 0..100 {
            let mut sent: [VecDeque<Message>; LINKS] = array::from_fn(|_| VecDeque::new());
            for (target, message) in externals() {
                sent[usize::from(link(SOURCE, target))].push_back(message);
            }
            for event in events(seed) {
                match event {
                    Event::Sent { link, message } => sent[usize::from(link)].push_back(message),
                    Event::Handled { link, message } => {
                        assert_eq!(sent[usize::from(link)].pop_front(), Some(message));
                    }
                }
            }
            assert!(sent.iter().all(VecDeque::is_empty));
        }
    }

    #[test]
    fn clocks_end_at_what_was_sent() {
        let mut bare = Bare::new(Vec::new());
        bare.run(42);
        for me in WorkerId::all() {
            let links: Vec<_> = WorkerId::all().map(|other| link(me.index(), other)).collect();
            let sent =
                bare.trace.iter().filter(|event| matches!(event, Event::Sent { link, .. } if links.contains(link)));
            let known = bare.workers.map(|worker| worker.clock.0[me.index()] as usize);
            assert_eq!(known[me.index()], sent.count());
            assert_eq!(known.iter().max(), Some(&known[me.index()]));
        }
    }
}
