//! Bounded queues: no queue holds more than its capacity.
//!
//! The lengths are worked out from the events alone, in one of two ways, as the conditions say what is counted:
//!
//! - *queued*: what is in the queues of an inbox, see [`Lengths`];
//! - *in flight*: what was sent to a worker and has not arrived. An update counts from its Emit, a copy from the fault that
//!   made it; a Hold, a Stall or a Drop takes it out again, an Admit or a Resume puts it back, its Arrive ends it.
//!
//! An update is offered to a full queue before the queue says what becomes of it, and by then it has been counted. So
//! a length above the capacity is a breach only if it is still there when the next message leaves that queue, or at
//! the end: by then the queue has had its say. Until then the message is a suspect.
//!
//! Lengths depend on the order between workers, which `dpor` explores only at queues that can be full: there, all that is
//! sent and all that arrives depend on each other. It is sound under it because no other queue can become too long.

use raddle_core::{
    Conditions, Counting, Depth, DropReason, EventRef, Header, MessageId, Moment, Names, OnFull, What, WorkerId,
    copy_list,
};

use crate::aside::{Aside, Beside};
use crate::lengths::{Lengths, Pickable, is_pick};
use crate::per_worker::PerWorker;
use crate::violation::Violation;
use crate::words;

pub(crate) const NAME: &str = "bounded-queues";

#[derive(Clone, Debug)]
pub(crate) struct BoundedQueues {
    lengths: PerWorker<Lengths>,
    counting: Counting,
    capacity: i64,
    external_capacity: i64,
    /// Only where updates are held by policy; a stalling queue holds what it releases itself, without bound.
    overflow: Option<i64>,
    /// What made a queue too long, as far as that queue has not had its say.
    suspects: Vec<Suspect>,
    stalls: Option<Stalls>,
    aside: Aside,
    /// What came last, or waits no longer since: it is in flight no more, whatever becomes of it.
    arrived: u64,
}

#[derive(Clone, Debug)]
struct Suspect {
    at: WorkerId,
    id: MessageId,
    depth: Depth,
    moment: Moment,
}

/// Which bound was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breach {
    Updates,
    Externals,
    Overflow,
}

impl BoundedQueues {
    pub(crate) fn new(conditions: &Conditions) -> Self {
        let policies = &conditions.policies;
        let bound = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let stalls = policies.on_full == OnFull::Stall && conditions.counting == Counting::InFlight;
        Self {
            lengths: PerWorker::new(conditions.names.worker_count()),
            counting: conditions.counting,
            capacity: bound(policies.capacity),
            external_capacity: bound(policies.external_capacity),
            overflow: (policies.on_full == OnFull::Hold).then(|| bound(policies.overflow)),
            suspects: Vec::new(),
            stalls: stalls.then(Stalls::default),
            aside: Aside::default(),
            arrived: 0,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.lengths.reset();
        self.suspects.clear();
        self.aside.reset();
        self.arrived = 0;
        if let Some(stalls) = &mut self.stalls {
            stalls.clear();
        }
    }

    /// Becomes equal to `other`, the same law over another run, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self {
            lengths,
            counting: _,
            capacity: _,
            external_capacity: _,
            overflow: _,
            suspects,
            stalls,
            aside,
            arrived,
        } = self;
        lengths.copy_from(&other.lengths);
        copy_list(suspects, &other.suspects);
        if let (Some(mine), Some(theirs)) = (stalls, &other.stalls) {
            mine.copy_from(theirs);
        }
        aside.copy_from(&other.aside);
        *arrived = other.arrived;
    }

    /// An update is sent: in flight from now on.
    #[inline(always)]
    pub(crate) fn emit(&mut self, event: EventRef<'_>) {
        if self.counting == Counting::Queued {
            return;
        }
        if let Some(stalls) = &mut self.stalls {
            stalls.emit(event.header, event.moment.step);
        }
        self.enters(event.header, event.moment);
    }

    /// The network makes a copy of an update: in flight from now on, and sent by nobody who could wait.
    pub(crate) fn copy(&mut self, event: EventRef<'_>) {
        if self.counting == Counting::InFlight && !event.header.id.is_root() {
            self.enters(event.header, event.moment);
        }
    }

    /// Anything that happens at an inbox, and handlings.
    #[inline(always)]
    pub(crate) fn follow(&mut self, event: EventRef<'_>) -> Option<Breach> {
        match self.counting {
            Counting::InFlight => self.follow_in_flight(event),
            Counting::Queued => self.follow_queued(event, Pickable::of(event.header)?),
        }
    }

    #[inline(always)]
    fn follow_in_flight(&mut self, event: EventRef<'_>) -> Option<Breach> {
        let to = event.header.to;
        match event.what {
            What::Handle => {
                if let Some(stalls) = &mut self.stalls {
                    stalls.handle(to, event.moment.step);
                }
            }
            _ if event.header.id.is_root() => {}
            What::Arrive => {
                self.arrived = event.header.id.hash64();
                let breach = self.settle(to);
                self.lengths.at(to).updates -= 1;
                return breach;
            }
            What::Release => {
                self.arrived = event.header.id.hash64();
                self.aside.follow(event.what, event.header);
            }
            What::Park { .. } => _ = self.aside.follow(event.what, event.header),
            What::Drop(DropReason::Full | DropReason::Overflow | DropReason::Nack) => self.leaves(event.header),
            What::Drop(_) => return self.drop_in_flight(event),
            What::Hold => {
                self.aside.follow(event.what, event.header);
                self.leaves(event.header);
                return self.hold(to);
            }
            What::Admit => {
                self.aside.follow(event.what, event.header);
                self.lengths.at(to).held -= 1;
                self.enters(event.header, event.moment);
            }
            _ => {}
        }
        None
    }

    /// What is dropped for another reason than want of room may be in flight, at its inbox, or waiting for room.
    #[inline(never)]
    fn drop_in_flight(&mut self, event: EventRef<'_>) -> Option<Breach> {
        let header = event.header;
        let waits = self.stalls.as_mut().is_some_and(|stalls| stalls.forget(header));
        match self.aside.follow(event.what, header) {
            Some(Beside::Held) => self.lengths.at(header.to).held -= 1,
            Some(Beside::Parked) => {}
            None if waits || self.arrived == header.id.hash64() => {}
            None => {
                let breach = self.settle(header.to);
                self.lengths.at(header.to).updates -= 1;
                return breach;
            }
        }
        None
    }

    #[inline(always)]
    fn follow_queued(&mut self, event: EventRef<'_>, queue: Pickable) -> Option<Breach> {
        let to = event.header.to;
        let breach = match event.what {
            what if is_pick(what) || what == What::Arrive => self.settle(to),
            _ => None,
        };
        let beside = self.aside.follow(event.what, event.header);
        let lengths = self.lengths.at(to);
        lengths.follow(event.what, queue, beside);
        let (updates, externals) = (lengths.updates, lengths.externals);
        match event.what {
            What::Hold => {
                self.acquit(event.header);
                return self.hold(to);
            }
            What::Arrive if queue == Pickable::Externals && externals > self.external_capacity => {
                return Some(Breach::Externals);
            }
            What::Arrive | What::Release if updates > self.capacity => self.suspect(event.header, event.moment),
            What::Drop(_) | What::Park { .. } if queue == Pickable::Updates => self.acquit(event.header),
            _ => {}
        }
        breach
    }

    /// A sender waits for room, or goes on.
    pub(crate) fn stall(&mut self, event: EventRef<'_>) {
        let Some(stalls) = &mut self.stalls else { return };
        let change = match event.what {
            What::Stall => {
                stalls.stall(event.header);
                -1
            }
            _ => {
                stalls.resume(event.header);
                1
            }
        };
        for to in stalls.moved.drain(..) {
            self.lengths.at(to).updates += change;
        }
        if change > 0 && self.lengths.at(event.header.to).updates > self.capacity {
            self.suspect(event.header, event.moment);
        }
    }

    /// When the run is over, every queue has had its say.
    pub(crate) fn finish(&mut self, names: &Names) -> Option<Violation> {
        let mut at_fault = None;
        for suspect in std::mem::take(&mut self.suspects) {
            if self.lengths.at(suspect.at).updates > self.capacity {
                at_fault.get_or_insert(suspect);
            }
        }
        Some(self.too_many_updates(&at_fault?, names))
    }

    #[cold]
    pub(crate) fn broken(&mut self, breach: Breach, event: EventRef<'_>, names: &Names) -> Violation {
        let to = event.header.to;
        let lengths = *self.lengths.at(to);
        let (code, length, bound, what) = match breach {
            Breach::Updates => {
                let at = self.suspects.iter().position(|suspect| suspect.at == to);
                let suspect =
                    at.map_or_else(|| Suspect::new(event.header, event.moment), |at| self.suspects.remove(at));
                return self.too_many_updates(&suspect, names);
            }
            Breach::Externals => ("external-queue", lengths.externals, self.external_capacity, "in its external queue"),
            Breach::Overflow => ("overflow", lengths.held, self.overflow.unwrap_or(0), "held beside its full queue"),
        };
        let reason = format!(
            "{} has {} {what} with {}, though at most {bound} may be there",
            names.worker(to),
            words::count(length, "message"),
            words::message(event.header, names),
        );
        Violation::at(NAME, code, Some(to), event, reason)
    }

    fn too_many_updates(&self, suspect: &Suspect, names: &Names) -> Violation {
        let place = match self.counting {
            Counting::InFlight => "in flight to",
            Counting::Queued => "in the queue of",
        };
        let reason = format!(
            "{} was one update too many {place} {}, whose capacity is {}",
            words::id(&suspect.id, names),
            names.worker(suspect.at),
            self.capacity,
        );
        Violation {
            worker: Some(suspect.at),
            message: Some(suspect.id.clone()),
            depth: suspect.depth,
            ..Violation::at_end(NAME, "update-queue", suspect.moment, reason)
        }
    }

    #[inline(always)]
    fn enters(&mut self, header: &Header, moment: Moment) {
        let updates = &mut self.lengths.at(header.to).updates;
        *updates += 1;
        if *updates > self.capacity {
            self.suspect(header, moment);
        }
    }

    fn leaves(&mut self, header: &Header) {
        self.lengths.at(header.to).updates -= 1;
        self.acquit(header);
    }

    fn hold(&mut self, at: WorkerId) -> Option<Breach> {
        let lengths = self.lengths.at(at);
        if self.counting == Counting::InFlight {
            lengths.held += 1;
        }
        let bound = self.overflow?;
        (lengths.held > bound).then_some(Breach::Overflow)
    }

    /// The queue has had its say about all that was offered to it.
    #[inline(always)]
    fn settle(&mut self, at: WorkerId) -> Option<Breach> {
        if self.suspects.is_empty() {
            return None;
        }
        self.settle_suspects(at)
    }

    #[cold]
    fn settle_suspects(&mut self, at: WorkerId) -> Option<Breach> {
        if self.lengths.at(at).updates > self.capacity {
            return Some(Breach::Updates);
        }
        self.suspects.retain(|suspect| suspect.at != at);
        None
    }

    #[cold]
    fn suspect(&mut self, header: &Header, moment: Moment) {
        self.suspects.push(Suspect::new(header, moment));
    }

    /// The message is out of its queue; if it is no suspect itself, it made room for the first that is.
    #[inline]
    fn acquit(&mut self, header: &Header) {
        if !self.suspects.is_empty() {
            self.acquit_one(header);
        }
    }

    #[cold]
    fn acquit_one(&mut self, header: &Header) {
        let at = header.to;
        let itself = self.suspects.iter().position(|suspect| suspect.id == header.id);
        let freed = itself.or_else(|| self.suspects.iter().position(|suspect| suspect.at == at));
        if let Some(freed) = freed {
            self.suspects.remove(freed);
        }
    }
}

impl Suspect {
    fn new(header: &Header, moment: Moment) -> Self {
        Self { at: header.to, id: header.id.clone(), depth: header.depth, moment }
    }
}

/// Who waits for room under the policy `stall`, while what is in flight is counted.
///
/// A Stall names the first update that finds no room, and with it waits all that its sender sent after it, in program
/// order: none of that is in flight until a Resume names it.
#[derive(Clone, Debug, Default)]
struct Stalls {
    /// What each sender has put in flight when it was last scheduled.
    sent: Vec<Push>,
    waiting: Vec<Push>,
    /// The targets of what the last event took out of flight or put into it.
    moved: Vec<WorkerId>,
}

#[derive(Clone, Copy, Debug)]
struct Push {
    hash: u64,
    from: WorkerId,
    to: WorkerId,
    step: u64,
}

impl Push {
    fn new(header: &Header, step: u64) -> Self {
        let from = header.from.worker().unwrap_or_default();
        Self { hash: header.id.hash64(), from, to: header.to, step }
    }
}

impl Stalls {
    fn copy_from(&mut self, other: &Self) {
        let Self { sent, waiting, moved } = self;
        sent.clone_from(&other.sent);
        waiting.clone_from(&other.waiting);
        moved.clone_from(&other.moved);
    }

    fn clear(&mut self) {
        self.sent.clear();
        self.waiting.clear();
        self.moved.clear();
    }

    fn emit(&mut self, header: &Header, step: u64) {
        self.sent.push(Push::new(header, step));
    }

    /// A worker that is scheduled again has nothing left to push.
    fn handle(&mut self, worker: WorkerId, step: u64) {
        self.sent.retain(|push| push.from != worker || push.step == step);
    }

    fn stall(&mut self, header: &Header) {
        let (hash, from) = (header.id.hash64(), header.from.worker().unwrap_or_default());
        let mut waits = false;
        let (waiting, moved) = (&mut self.waiting, &mut self.moved);
        self.sent.retain(|push| {
            waits |= push.hash == hash;
            let stays = !waits || push.from != from;
            if !stays {
                waiting.push(*push);
                moved.push(push.to);
            }
            stays
        });
    }

    /// What waited for room is dropped; whether it did.
    fn forget(&mut self, header: &Header) -> bool {
        let hash = header.id.hash64();
        let at = self.waiting.iter().position(|push| push.hash == hash);
        at.is_some_and(|at| {
            self.waiting.remove(at);
            true
        })
    }

    fn resume(&mut self, header: &Header) {
        let hash = header.id.hash64();
        if let Some(at) = self.waiting.iter().position(|push| push.hash == hash) {
            self.moved.push(self.waiting.remove(at).to);
        }
    }
}
