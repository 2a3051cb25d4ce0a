//! The sampling workload: which messages there are, and what handling one of them sends.
//!
//! Four workers; twenty external messages dealt to them round robin. Handling a message at a depth
//! below [`DEPTH_MAX`] sends one or two messages to other workers, one deeper; how many, to whom
//! and with what payload follows from the payload and the handler alone. So every schedule delivers
//! the same messages, [`DELIVERIES`] of them, and two contenders differ only in what a delivery
//! costs them.
//!
//! [`react`] is the one function that every contender calls. It must stay pure: state here would
//! make the number of deliveries depend on the schedule, and rates would no longer compare.

use std::iter::Sum;
use std::ops::Add;

/// How many workers there are.
pub const WORKERS: usize = 4;

/// How many messages come from outside.
pub const EXTERNALS: u64 = 20;

/// The depth at which a message sends nothing any more. An external message has depth 0; raddle
/// itself counts from the first update, so its depths are one less.
pub const DEPTH_MAX: u8 = 4;

/// How many messages are handled in a run, whatever the schedule.
pub const DELIVERIES: u64 = 274;

/// One of the [`WORKERS`], counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerId(pub u16);

impl WorkerId {
    /// All workers, in order.
    pub fn all() -> impl Iterator<Item = WorkerId> + Clone {
        (0..WORKERS as u16).map(WorkerId)
    }

    /// The worker's place in an array of [`WORKERS`].
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What one worker, or the outside world, sends to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Decides what handling the message sends.
    pub payload: u64,
    /// 0 from outside, else one more than the message whose handling sent it.
    pub depth: u8,
}

/// What was handled: the workers' state, and the proof that a contender did the whole work.
///
/// Both fields are sums, so that they do not depend on the order of handling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many messages were handled.
    pub deliveries: u64,
    /// The wrapping sum of their payloads.
    pub checksum: u64,
}

impl Tally {
    /// Counts one handled message.
    #[inline]
    pub fn count(&mut self, message: Message) {
        self.deliveries += 1;
        self.checksum = self.checksum.wrapping_add(message.payload);
    }
}

impl Add for Tally {
    type Output = Tally;

    fn add(self, other: Tally) -> Tally {
        Tally { deliveries: self.deliveries + other.deliveries, checksum: self.checksum.wrapping_add(other.checksum) }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Tally>>(tallies: I) -> Tally {
        tallies.fold(Tally::default(), Tally::add)
    }
}

/// The messages from outside with their targets, in the order in which the one source sends them.
pub fn externals() -> impl Iterator<Item = (WorkerId, Message)> {
    externals_among(WORKERS as u16)
}

/// [`externals`] dealt to the given number of workers. Payloads do not depend on who handles them, so that the workload
/// on more workers has the same [`DELIVERIES`].
pub fn externals_among(workers: u16) -> impl Iterator<Item = (WorkerId, Message)> {
    (0..workers).map(WorkerId).cycle().zip(0..EXTERNALS).map(|(target, number)| {
        let payload = mix(STEP.wrapping_mul(FIRST_EXTERNAL + number));
        (target, Message { payload, depth: 0 })
    })
}

/// What worker `me` of `workers` sends when it handles `message`: up to two messages with their
/// targets, never to itself.
///
/// `workers` must be at least 2.
#[inline]
pub fn react(message: Message, me: WorkerId, workers: u16) -> impl Iterator<Item = (WorkerId, Message)> {
    let hash = mix(message.payload);
    let copies = if message.depth < DEPTH_MAX { 1 + (hash & 1) } else { 0 };
    (1..=copies).map(move |copy| {
        let payload = mix(hash.wrapping_add(STEP.wrapping_mul(copy)));
        let depth = message.depth + 1;
        (another_than(me, workers, payload), Message { payload, depth })
    })
}

/// What each worker has handled at the end of any run: the reference against which contenders are
/// checked, and how a worker knows that nothing more will come.
pub fn expected() -> [Tally; WORKERS] {
    let mut tallies = [Tally::default(); WORKERS];
    let mut pending: Vec<_> = externals().collect();
    while let Some((me, message)) = pending.pop() {
        tallies[me.index()].count(message);
        pending.extend(react(message, me, WORKERS as u16));
    }
    tallies
}

/// Picks one of the workers other than `me` by the high half of `hash`.
#[inline]
fn another_than(me: WorkerId, workers: u16, hash: u64) -> WorkerId {
    let offset = ((hash >> 32) * u64::from(workers - 1)) >> 32;
    let target = me.0 + 1 + offset as u16;
    WorkerId(if target < workers { target } else { target - workers })
}

/// A bijection that scatters neighbouring inputs: the finalizer of SplitMix64 (Steele, Lea, Flood,
/// OOPSLA 2014).
#[inline]
fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The distance between inputs of [`mix`]: 2^64 over the golden ratio, made odd, as SplitMix64 has
/// it.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Where the payloads from outside start: the first place from which a run has [`DELIVERIES`]
/// deliveries.
const FIRST_EXTERNAL: u64 = 14;

const _: () = assert!(2 <= WORKERS && WORKERS <= 1 << 15, "a worker's number plus an offset fits a u16");

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Delivers everything, taking the next message as `pick` says from the number that are on
    /// their way.
    #[track_caller]
    fn check(mut pick: impl FnMut(usize) -> usize) {
        let mut tallies = [Tally::default(); WORKERS];
        let mut pending: VecDeque<_> = externals().collect();
        while !pending.is_empty() {
            let (me, message) = pending.remove(pick(pending.len())).expect("pick is below the length");
            tallies[me.index()].count(message);
            pending.extend(react(message, me, WORKERS as u16));
        }
        assert_eq!(tallies, expected());
    }

    #[test]
    fn every_schedule_delivers_the_same() {
        check(|_| 0);
        check(|len| len - 1);
        check(|len| len / 2);
        for seed in 0..100 {
            let mut state: u64 = seed;
            check(|len| {
                state = mix(state.wrapping_add(STEP));
                (state % len as u64) as usize
            });
        }
    }

    #[test]
    fn a_run_has_the_declared_number_of_deliveries() {
        let tallies = expected();
        assert_eq!(tallies.map(|tally| tally.deliveries), [66, 71, 69, 68]);
        assert_eq!(tallies.into_iter().sum::<Tally>().deliveries, DELIVERIES);
    }

    #[test]
    fn more_workers_handle_the_same() {
        for workers in [2, 16, 1_024] {
            let mut tally = Tally::default();
            let mut pending: Vec<_> = externals_among(workers).collect();
            while let Some((me, message)) = pending.pop() {
                tally.count(message);
                pending.extend(react(message, me, workers));
            }
            assert_eq!(tally, expected().into_iter().sum());
        }
    }

    #[test]
    fn nobody_sends_to_itself_and_everybody_else_is_reached() {
        for workers in 2..=8 {
            for me in (0..workers).map(WorkerId) {
                let mut reached = vec![false; usize::from(workers)];
                for payload in 0..1_000 {
                    for (target, _) in react(Message { payload, depth: 0 }, me, workers) {
                        reached[target.index()] = true;
                    }
                }
                let others: Vec<_> = (0..workers).map(|worker| worker != me.0).collect();
                assert_eq!(reached, others);
            }
        }
    }

    #[test]
    fn the_deepest_messages_send_nothing() {
        let sent = |depth| react(Message { payload: 7, depth }, WorkerId(0), 4).count();
        assert!((1..=2).contains(&sent(DEPTH_MAX - 1)));
        assert_eq!(sent(DEPTH_MAX), 0);
    }
}
