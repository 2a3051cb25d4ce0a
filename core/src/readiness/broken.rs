//! Rules of order that are broken on purpose, each in the way that a sabotage names: the laws must find them out.
//!
//! No run goes by one of them unless the policy `sabotage` says so.

use super::{Place, Readiness, Rule, Slot, Turn, Waiting};
use crate::header::Header;
use crate::ids::{LinkNumber, WorkerId};
use crate::sabotage::Sabotage;

/// What an update waits for, wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// As under the causal rule, but tombstones forget their barriers ([`Sabotage::BareGaps`]).
    BareGaps,
    /// As under the causal rule, but neighbouring tombstones become one ([`Sabotage::MergeTombstones`]).
    Merging,
    /// All sends that its clock counts, as if all went to everybody ([`Sabotage::BroadcastClocks`]).
    Broadcast,
    /// Number 1 waits for number 2, and then there is no order at all ([`Sabotage::SwapPairs`]).
    Swapped,
}

impl Broken {
    /// What a sabotage makes of this rule, if anything.
    pub(super) fn instead_of(rule: Rule, sabotage: Sabotage) -> Option<Self> {
        match sabotage {
            Sabotage::SwapPairs => Some(Self::Swapped),
            _ if rule != Rule::Causal => None,
            Sabotage::BareGaps => Some(Self::BareGaps),
            Sabotage::MergeTombstones => Some(Self::Merging),
            Sabotage::BroadcastClocks => Some(Self::Broadcast),
            _ => None,
        }
    }

    /// Writes down what this update waits for besides its predecessor.
    pub(super) fn write_down(self, place: &mut Place, from: WorkerId, header: &Header) {
        match self {
            Self::BareGaps | Self::Merging => place.wait_for_barriers(header),
            Self::Broadcast => {
                place.number = LinkNumber(header.clock.get(from));
                let others = header.clock.iter().filter(|(worker, _)| ![from, header.to].contains(worker));
                place.barriers.extend(others.map(|(worker, count)| (worker, LinkNumber(count))));
            }
            Self::Swapped => {}
        }
    }
}

impl<T> Readiness<T> {
    /// Takes an update that has arrived, under [`Broken::Broadcast`] or [`Broken::Swapped`].
    pub(super) fn arrive_in_broken_order(&mut self, how: Broken, from: WorkerId, header: &Header) -> Turn {
        let slot = self.write_down(from, header);
        let turn = match how {
            Broken::Swapped => self.swapped_turn_of(from, header.number),
            _ => self.turn_of(slot),
        };
        match turn {
            Turn::Now if how != Broken::Swapped => self.resolve(slot),
            Turn::Later(..) | Turn::NoRoom => {
                self.wait(slot);
                return turn;
            }
            Turn::Now | Turn::Past | Turn::Forged => {}
        }
        self.free.push(slot);
        turn
    }

    fn turn_of(&mut self, slot: Slot) -> Turn {
        let Place { from, number, .. } = self.slots[slot as usize].place;
        if number <= self.resolved_of(from) || self.waits(slot) {
            return Turn::Past;
        }
        match self.missing(slot) {
            None => Turn::Now,
            Some(_) if self.parked >= self.parking => Turn::NoRoom,
            Some((of, needs)) => Turn::Later(of, needs),
        }
    }

    fn swapped_turn_of(&mut self, from: WorkerId, number: LinkNumber) -> Turn {
        match number.0 {
            1 => {
                self.set_resolved(from, LinkNumber(u32::MAX));
                return Turn::Later(from, LinkNumber(2));
            }
            2 => self.set_resolved(from, LinkNumber(0)),
            _ => {}
        }
        Turn::Now
    }

    /// Under [`Broken::BareGaps`] a tombstone forgets its barriers.
    pub(super) fn lay_bare(&mut self, slot: Slot) {
        if self.rule == Rule::Broken(Broken::BareGaps) {
            self.slots[slot as usize].place.barriers.clear();
        }
    }

    /// Under [`Broken::Merging`] what waits may stand for several: whether for this number, which is behind its first.
    pub(super) fn is_merged_into(&self, slot: Slot, number: LinkNumber) -> bool {
        self.rule == Rule::Broken(Broken::Merging) && self.slots[slot as usize].place.number >= number
    }

    /// Under [`Broken::Merging`] a tombstone next to another of its link becomes one with it, which waits for all that the
    /// two wait for. Whether it did.
    pub(super) fn merges(&mut self, slot: Slot) -> bool {
        self.rule == Rule::Broken(Broken::Merging) && self.merge(slot)
    }

    fn merge(&mut self, slot: Slot) -> bool {
        let place = self.slots[slot as usize].place.clone();
        let Ok(at) = self.link(place.from) else { return false };
        let next_to = |other: &Place| other.number.0 + 1 == place.first.0 || place.number.0 + 1 == other.first.0;
        let is_next = |waiting: &Waiting<T>| waiting.item.is_none() && next_to(&waiting.place);
        let found = self.queues[at].iter().position(|waiting| is_next(&self.slots[waiting.1 as usize]));
        let Some(found) = found else { return false };
        let other = &mut self.slots[self.queues[at][found].1 as usize].place;
        other.first = other.first.min(place.first);
        other.number = other.number.max(place.number);
        other.barriers.extend(&place.barriers);
        self.queues[at][found].0 = other.first;
        self.ripe.retain(|ripe| ripe.1 != place.from);
        self.look_at(at);
        true
    }
}
