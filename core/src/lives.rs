//! The lives of a worker: which one it is in, and whether there is to be another.
//!
//! A life ends when a handler panics, when its process dies, or by a simulated fault. Its inbox, which the coordinator
//! holds, outlives it, and says here which life comes next; no life ever numbers itself. What a crash takes and leaves:
//!
//! | taken | kept, because the coordinator has it |
//! |---|---|
//! | state, unless `recovery = durable` | the clock and the link numbers: they go on where they were |
//! | timers, and what it waited for | barriers: what is known to be on its way to whom |
//! | on which lives of others its state relies | |
//! | every update that waits for it or is on its way to it | messages from sources, and tombstones |
//!
//! So a crash needs no rule of its own for order, and none is added for it. The argument, for any of the orders:
//!
//! 1. A handling and all that it sends are one commit: it happened with all its sends, or not at all. So nobody ever
//!    depends on a send that a crash took back.
//! 2. Numbers, clock and barriers of a worker are functions of its commits, so the coordinator has them without asking,
//!    and a later life goes on with them. Were a life to count from 1 again, its first updates would pass for
//!    duplicates of the old ones, or for known already ([`Sabotage::ResetClocks`](crate::Sabotage::ResetClocks)).
//! 3. An update is sent to one life of its target. If another finds it, it is dropped and resolved like any other dropped
//!    update: its tombstone has its header and waits for the same. So a restart is, for everybody else, the loss of some
//!    updates, and causal order survives loss (see [`crate::readiness`]). Were it handled all the same, a life would
//!    learn from what its predecessor was told ([`Sabotage::AcceptOldLives`](crate::Sabotage::AcceptOldLives)).
//! 4. That a worker is down for a while needs no state of its own: in an asynchronous system it is the schedule in which
//!    nothing that is for it arrives for a while. So a crash and the restart after it are one step.
//!
//! (Compare the incarnations of Strom and Yemini, "Optimistic Recovery in Distributed Systems", TOCS 1985, where
//! clocks live with the processes and orphans must be found and rolled back; and of Erlang's supervisors, whose restart
//! intensity [`Restart::AtMost`] is.)

use std::collections::VecDeque;

use crate::ids::{Incarnation, Time};
use crate::policy::Restart;

/// The lives of one worker, as the coordinator counts them.
#[derive(Clone, Debug)]
pub(crate) struct Lives {
    policy: Restart,
    current: Incarnation,
    /// When the last restarts were; no more than the policy looks at.
    restarts: VecDeque<Time>,
    over: bool,
}

impl Lives {
    /// Before the first restart.
    pub(crate) const fn new(policy: Restart) -> Self {
        Self { policy, current: Incarnation(0), restarts: VecDeque::new(), over: false }
    }

    /// Becomes equal to `other`, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { policy, current, restarts, over } = self;
        (*policy, *current, *over) = (other.policy, other.current, other.over);
        if !(restarts.is_empty() && other.restarts.is_empty()) {
            restarts.clone_from(&other.restarts);
        }
    }

    /// As new.
    pub(crate) fn reset(&mut self) {
        self.current = Incarnation(0);
        self.restarts.clear();
        self.over = false;
    }

    /// The life that is, or was the last.
    #[inline(always)]
    pub(crate) const fn current(&self) -> Incarnation {
        self.current
    }

    /// Whether there will be no other.
    #[inline(always)]
    pub(crate) const fn are_over(&self) -> bool {
        self.over
    }

    /// The current life has ended. The next, which begins at once, if there is to be one.
    pub(crate) fn next(&mut self, now: Time) -> Option<Incarnation> {
        if !self.may_restart(now) {
            self.over = true;
            return None;
        }
        self.current.0 += 1;
        Some(self.current)
    }

    fn may_restart(&mut self, now: Time) -> bool {
        match self.policy {
            Restart::Never => false,
            Restart::Always => true,
            Restart::AtMost { times, within } => {
                while self.restarts.front().is_some_and(|at| at.after(within) < now) {
                    self.restarts.pop_front();
                }
                let may = self.restarts.len() < times as usize;
                if may {
                    self.restarts.push_back(now);
                }
                may
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    #[test]
    fn the_policy_says_whether_there_is_another() {
        let life = |n| Some(Incarnation(n));
        let mut never = Lives::new(Restart::Never);
        assert_eq!((never.next(at(0)), never.are_over(), never.current()), (None, true, Incarnation(0)));
        let mut always = Lives::new(Restart::Always);
        assert_eq!((always.next(at(0)), always.next(at(0)), always.are_over()), (life(1), life(2), false));
        let mut some = Lives::new(Restart::AtMost { times: 2, within: Duration::from_secs(10) });
        assert_eq!((some.next(at(0)), some.next(at(9)), some.next(at(11))), (life(1), life(2), life(3)));
        assert_eq!((some.next(at(12)), some.are_over()), (None, true));
        some.reset();
        assert_eq!((some.current(), some.next(at(0))), (Incarnation(0), life(1)));
    }
}
