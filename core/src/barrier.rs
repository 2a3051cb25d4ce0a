//! Barriers: what must be handled, or known to be gone, before an update may be, where `order = causal` is asked for and
//! the transport does not keep it by itself.
//!
//! A plain vector clock cannot order unicast traffic: it does not say *to whom* the sends that it counts went. So each
//! worker keeps, for each other, the latest updates to it that lie in its own causal past and that no later one
//! covers: `(to, from, number)`. An update carries them all. Those toward its own target it must wait for there; the
//! others its target learns when it handles it. When it is sent, it covers all that was known toward its target, so
//! one entry takes their place. (Prakash, Raynal and Singhal, "An Adaptive Causal Ordering Algorithm Suited to Mobile
//! Computing Environments", JPDC 1997. We number by link instead of by sender, keep the headers of dropped updates as
//! tombstones, see [`crate::readiness`], and forget what a [`Watermark`] says is resolved.)
//!
//! No entry is needed for what is resolved at its target already: the wait for it is over. Without a watermark the lists
//! grow without bound.
//!
//! Where sessions need it, a causal past also says on which lives it relies: see [`crate::session`].

use crate::ids::{Incarnation, LinkNumber, WorkerId};
use crate::lists::copy_list;
use crate::policy::Policies;
use crate::sabotage::Sabotage;

/// An update that may not have been handled yet where it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Barrier {
    /// Whom it is for.
    pub to: WorkerId,
    /// Who sent it.
    pub from: WorkerId,
    /// Its number on that link.
    pub number: LinkNumber,
}

impl Barrier {
    fn link(&self) -> (WorkerId, WorkerId) {
        (self.to, self.from)
    }
}

/// The latest updates in a causal past that no later one covers, at most one a link.
///
/// ```
/// use raddle_core::{Barriers, LinkNumber, WorkerId};
/// let [ann, bob, eve] = [0, 1, 2].map(WorkerId::new);
/// let mut anns = Barriers::default();
/// anns.sent(ann, eve, LinkNumber(1)); // ann to eve, still on its way
/// let to_bob = anns.clone(); // what the next update of ann carries, to bob
/// let mut bobs = Barriers::default();
/// bobs.learn(&to_bob, bob); // bob handles it
/// assert_eq!(bobs.toward(eve)[0].number, LinkNumber(1)); // and what he sends to eve must wait there for ann's
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Barriers {
    list: Vec<Barrier>,
    /// Of each worker the earliest life that this past relies on, if on any.
    lives: Vec<(WorkerId, Incarnation)>,
}

impl Barriers {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Those toward one worker.
    #[must_use]
    pub fn toward(&self, to: WorkerId) -> &[Barrier] {
        let from = self.list.partition_point(|barrier| barrier.to < to);
        let len = self.list[from..].iter().take_while(|barrier| barrier.to == to).count();
        &self.list[from..from + len]
    }

    /// An update was sent, which covers all that was known toward its target.
    pub fn sent(&mut self, from: WorkerId, to: WorkerId, number: LinkNumber) {
        let barrier = Barrier { to, from, number };
        let at = self.list.partition_point(|barrier| barrier.to < to);
        match self.list.get_mut(at).filter(|barrier| barrier.to == to) {
            None => self.list.insert(at, barrier),
            Some(first) => {
                *first = barrier;
                let more = self.list[at + 1..].iter().take_while(|barrier| barrier.to == to).count();
                self.list.drain(at + 1..at + 1 + more);
            }
        }
    }

    /// Knows of one worker what `other` knows.
    pub(crate) fn replace_toward(&mut self, to: WorkerId, other: &Self) {
        let from = self.list.partition_point(|barrier| barrier.to < to);
        let len = self.toward(to).len();
        self.list.splice(from..from + len, other.toward(to).iter().copied());
    }

    /// Learns from an update that `me` handles what else its sender knew of: of each link the later one.
    pub fn learn(&mut self, theirs: &Self, me: WorkerId) {
        let mut at = 0;
        for barrier in theirs.list.iter().filter(|barrier| barrier.to != me) {
            while self.list.get(at).is_some_and(|mine| mine.link() < barrier.link()) {
                at += 1;
            }
            match self.list.get_mut(at).filter(|mine| mine.link() == barrier.link()) {
                Some(mine) => mine.number = mine.number.max(barrier.number),
                None => self.list.insert(at, *barrier),
            }
        }
        theirs.lives.iter().for_each(|(worker, life)| self.rely(*worker, *life));
    }

    /// This past relies on what this life of a worker knows.
    pub fn rely(&mut self, worker: WorkerId, life: Incarnation) {
        match self.lives.binary_search_by_key(&worker, |row| row.0) {
            Ok(at) => self.lives[at].1 = self.lives[at].1.min(life),
            Err(at) => self.lives.insert(at, (worker, life)),
        }
    }

    /// The earliest life of a worker that this past relies on, if it relies on any.
    #[must_use]
    pub fn relies_on(&self, worker: WorkerId) -> Option<Incarnation> {
        let at = self.lives.binary_search_by_key(&worker, |row| row.0).ok()?;
        Some(self.lives[at].1)
    }

    /// A life begins that knows nothing: it relies on nobody.
    pub(crate) fn rely_on_nobody(&mut self) {
        self.lives.clear();
    }

    /// Forgets all that is resolved.
    pub fn prune(&mut self, watermark: &Watermark) {
        self.list.retain(|barrier| !watermark.covers(barrier));
    }

    /// Becomes equal to `other`, keeping its own memory.
    #[inline(always)]
    pub(crate) fn copy_from(&mut self, other: &Self) {
        if self.list.len() + self.lives.len() + other.list.len() + other.lives.len() > 0 {
            self.list.clone_from(&other.list);
            self.lives.clone_from(&other.lives);
        }
    }

    /// Forgets everything, keeping its memory.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.lives.clear();
    }
}

/// Up to which number each link is resolved at its target, as far as that was published. It may lag behind the truth, and
/// must never be ahead of it.
#[derive(Clone, Debug)]
pub struct Watermark {
    /// By target, by sender.
    rows: Vec<Vec<(WorkerId, LinkNumber)>>,
    sabotage: Option<Sabotage>,
}

impl Watermark {
    /// Nothing is published.
    #[must_use]
    pub fn new(policies: &Policies) -> Self {
        Self { rows: Vec::new(), sabotage: policies.sabotage }
    }

    /// Becomes equal to `other`, of the same system, keeping its own memory.
    pub fn copy_from(&mut self, other: &Self) {
        let Self { rows, sabotage: _ } = self;
        copy_list(rows, &other.rows);
    }

    /// Takes over what is resolved at one worker: [`Inbox::resolved`](crate::Inbox::resolved).
    pub fn publish(&mut self, to: WorkerId, resolved: &[(WorkerId, LinkNumber)]) {
        if self.sabotage == Some(Sabotage::ForgetWatermark) {
            return;
        }
        if self.rows.len() <= to.index() {
            self.rows.resize(to.index() + 1, Vec::new());
        }
        let row = &mut self.rows[to.index()];
        row.clear();
        row.extend_from_slice(resolved);
        if self.sabotage == Some(Sabotage::RunAhead) {
            // An inbox that is used again remembers links of earlier runs, on which nothing is resolved yet.
            row.iter_mut().filter(|link| link.1.0 > 0).for_each(|link| link.1.0 += 1);
        }
    }

    /// Whether nobody need wait for this update any more.
    #[must_use]
    pub fn covers(&self, barrier: &Barrier) -> bool {
        let Some(row) = self.rows.get(barrier.to.index()) else { return false };
        let at = row.binary_search_by_key(&barrier.from, |link| link.0);
        at.is_ok_and(|at| row[at].1 >= barrier.number)
    }

    /// Forgets everything, keeping its memory.
    pub fn clear(&mut self) {
        self.rows.iter_mut().for_each(Vec::clear);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: WorkerId = WorkerId::new(0);
    const BOB: WorkerId = WorkerId::new(1);
    const EVE: WorkerId = WorkerId::new(2);

    fn barriers(links: &[(WorkerId, WorkerId, u32)]) -> Barriers {
        let barrier = |&(to, from, number): &(_, _, u32)| Barrier { to, from, number: LinkNumber(number) };
        Barriers { list: links.iter().map(barrier).collect(), lives: Vec::new() }
    }

    #[test]
    fn a_send_covers_all_that_went_to_its_target_before() {
        let mut known = barriers(&[(ANN, BOB, 4), (BOB, ANN, 1), (BOB, EVE, 2), (EVE, ANN, 3)]);
        assert_eq!(known.toward(BOB).len(), 2);
        known.sent(EVE, BOB, LinkNumber(7));
        assert_eq!(known, barriers(&[(ANN, BOB, 4), (BOB, EVE, 7), (EVE, ANN, 3)]));
        known.sent(ANN, ANN, LinkNumber(1));
        assert_eq!(known, barriers(&[(ANN, ANN, 1), (BOB, EVE, 7), (EVE, ANN, 3)]));
        assert!(barriers(&[]).toward(ANN).is_empty());
    }

    #[test]
    fn what_is_learnt_is_the_later_of_each_link_and_nothing_toward_oneself() {
        let mut known = barriers(&[(ANN, BOB, 4), (EVE, BOB, 3)]);
        known.learn(&barriers(&[(ANN, BOB, 2), (BOB, ANN, 9), (EVE, ANN, 1), (EVE, BOB, 5)]), BOB);
        assert_eq!(known, barriers(&[(ANN, BOB, 4), (EVE, ANN, 1), (EVE, BOB, 5)]));
    }

    #[test]
    fn the_earliest_life_is_relied_on_whatever_is_resolved() {
        let mut known = barriers(&[(EVE, ANN, 1)]);
        known.rely(EVE, Incarnation(1));
        let mut theirs = barriers(&[]);
        theirs.rely(EVE, Incarnation(0));
        theirs.rely(BOB, Incarnation(2));
        known.learn(&theirs, BOB);
        let mut watermark = Watermark::new(&Policies::default());
        watermark.publish(EVE, &[(ANN, LinkNumber(1))]);
        known.prune(&watermark);
        let relies: Vec<_> = [ANN, BOB, EVE].map(|worker| known.relies_on(worker)).into();
        assert_eq!((known.len(), relies), (0, vec![None, Some(Incarnation(2)), Some(Incarnation(0))]));
    }

    #[test]
    fn only_what_is_resolved_is_forgotten() {
        let mut watermark = Watermark::new(&Policies::default());
        watermark.publish(EVE, &[(ANN, LinkNumber(2)), (BOB, LinkNumber(1))]);
        let mut known = barriers(&[(ANN, BOB, 1), (EVE, ANN, 2), (EVE, BOB, 2)]);
        known.prune(&watermark);
        assert_eq!(known, barriers(&[(ANN, BOB, 1), (EVE, BOB, 2)]));
    }
}
