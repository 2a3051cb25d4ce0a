//! Which queue a worker picks from next.
//!
//! The policy proposes; the starvation bound overrules it; the credit that nacks have cost throttles external
//! messages, up to that same bound.

use crate::policy::{Pick, Policies};
use crate::sabotage::Sabotage;

/// The two queues of an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Queue {
    /// Messages from sources.
    External,
    /// Updates from workers.
    Updates,
}

/// Credit is counted in this many parts.
const WHOLE: u32 = 64;
/// What K picks without a nack give back.
const REGAIN: u32 = WHOLE / 16;

/// The pick state of one inbox.
#[derive(Clone, Copy, Debug)]
pub struct Picker {
    policy: Pick,
    bound: u32,
    /// Picks in a row that passed over [external messages, updates] that waited.
    passed_over: [u32; 2],
    /// Picks so far in this turn of a weighted or alternate policy, and of which queue.
    turn: (Queue, u32),
    /// In parts of [`WHOLE`]: how much of an external message one pick may take in.
    credit: u32,
    /// Credit saved up, in the same parts.
    saved: u32,
    /// Picks since the last nack or regain.
    quiet: u32,
}

impl Picker {
    /// The state before the first pick.
    #[must_use]
    pub fn new(policies: &Policies) -> Self {
        let bound = match policies.sabotage {
            Some(Sabotage::IgnoreStarvation) => u32::MAX,
            _ => policies.starvation_bound,
        };
        Self {
            policy: policies.pick,
            bound,
            passed_over: [0; 2],
            turn: (Queue::External, 0),
            credit: WHOLE,
            saved: WHOLE,
            quiet: 0,
        }
    }

    /// One pick: which queue to take from, given which have something. None when there is nothing, or when only an
    /// external message waits and there is no credit for it yet: then the next pick is nearer to it.
    pub fn pick(&mut self, external: bool, updates: bool) -> Option<Queue> {
        let picked = match (external, updates) {
            (false, false) => return None,
            (false, true) => Some(Queue::Updates),
            (true, false) => self.may_admit().then_some(Queue::External),
            (true, true) => Some(self.prefer()),
        };
        self.count(external, updates, picked);
        picked
    }

    /// The worker was told that an update of its own was dropped: its credit is halved, down to 1/64.
    pub fn nacked(&mut self) {
        self.credit = (self.credit / 2).max(1);
        self.saved = self.saved.min(self.credit);
        self.quiet = 0;
    }

    /// The share of picks that may take in an external message, in 64ths.
    #[must_use]
    pub const fn credit(&self) -> u32 {
        self.credit
    }

    fn may_admit(&self) -> bool {
        self.saved >= WHOLE || self.passed_over[Queue::External as usize] >= self.bound
    }

    fn prefer(&self) -> Queue {
        if self.passed_over[Queue::Updates as usize] >= self.bound {
            return Queue::Updates;
        }
        if self.passed_over[Queue::External as usize] >= self.bound {
            return Queue::External;
        }
        let proposed = match self.policy {
            Pick::ExternalFirst => Queue::External,
            Pick::UpdatesFirst => Queue::Updates,
            Pick::Alternate => self.turn_of(1, 1),
            Pick::Weighted { external, updates } => self.turn_of(external, updates),
        };
        if proposed == Queue::External && !self.may_admit() { Queue::Updates } else { proposed }
    }

    fn turn_of(&self, external: u32, updates: u32) -> Queue {
        match self.turn {
            (Queue::External, n) if n < external => Queue::External,
            (Queue::External, _) => Queue::Updates,
            (Queue::Updates, n) if n < updates => Queue::Updates,
            (Queue::Updates, _) => Queue::External,
        }
    }

    fn count(&mut self, external: bool, updates: bool, picked: Option<Queue>) {
        for (queue, waits) in [(Queue::External, external), (Queue::Updates, updates)] {
            let passed = &mut self.passed_over[queue as usize];
            *passed = if waits && picked != Some(queue) { passed.saturating_add(1) } else { 0 };
        }
        if let Some(queue) = picked {
            self.turn = if self.turn.0 == queue { (queue, self.turn.1.saturating_add(1)) } else { (queue, 1) };
        }
        self.saved = (self.saved + self.credit).min(WHOLE);
        if picked == Some(Queue::External) {
            self.saved = self.credit.min(WHOLE - 1) + u32::from(self.credit == WHOLE);
        }
        self.quiet += 1;
        if self.quiet >= self.bound {
            self.quiet = 0;
            self.credit = (self.credit + REGAIN).min(WHOLE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Queue::{External, Updates};

    #[track_caller]
    fn check(pick: Pick, bound: u32, expected: &[Queue]) {
        let mut picker = Picker::new(&Policies { pick, starvation_bound: bound, ..Policies::default() });
        let picked: Vec<Queue> = expected.iter().filter_map(|_| picker.pick(true, true)).collect();
        assert_eq!(picked, expected);
    }

    #[test]
    fn policies_with_both_queues_full() {
        check(Pick::Alternate, 16, &[External, Updates, External, Updates]);
        check(Pick::Weighted { external: 2, updates: 1 }, 16, &[External, External, Updates, External, External]);
        check(Pick::ExternalFirst, 3, &[External, External, External, Updates, External]);
        check(Pick::UpdatesFirst, 2, &[Updates, Updates, External, Updates, Updates, External]);
        check(Pick::Weighted { external: 9, updates: 1 }, 2, &[External, External, Updates, External, External]);
    }

    #[test]
    fn nacks_throttle_external_messages_and_wear_off() {
        let mut picker = Picker::new(&Policies { pick: Pick::ExternalFirst, ..Policies::default() });
        picker.nacked();
        picker.nacked();
        assert_eq!(picker.credit(), 16);
        let externals = (0..16).filter(|_| picker.pick(true, true) == Some(External)).count();
        assert_eq!(externals, 4, "a quarter of the picks");
        for _ in 0..12 * 16 {
            picker.pick(false, true);
        }
        assert_eq!(picker.credit(), WHOLE);
        for _ in 0..10 {
            picker.nacked();
        }
        assert_eq!(picker.credit(), 1, "the floor");
    }

    #[test]
    fn the_bound_also_bounds_the_throttle() {
        let mut picker = Picker::new(&Policies { starvation_bound: 5, ..Policies::default() });
        (0..10).for_each(|_| picker.nacked());
        let mut longest = 0;
        let mut waiting = 0;
        for _ in 0..100 {
            waiting = if picker.pick(true, false).is_some() { 0 } else { waiting + 1 };
            longest = longest.max(waiting);
        }
        assert!((1..=5).contains(&longest), "{longest}");
    }
}
