//! Events: everything observable about a run, as one closed enum of plain data.
//!
//! Checkers, views, snapshots and recordings read only this. The core reports each event to a [`Sink`] at the place
//! where it decides; a driver adds when it happened, nothing else.

use crate::fault::FaultKind;
use crate::header::{Header, Input};
use crate::ids::{Incarnation, LinkNumber, Time, WorkerId};
use crate::machine::{StateMachine, TimerTag};

/// When something happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// The step of the driver, from 1; in a real run the place in the merged trace.
    pub step: u64,
    /// Virtual or real time.
    pub time: Time,
}

/// Where something happened. Each lane is a sequence; between lanes only messages order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// At a worker: handling and what comes of it.
    Worker(WorkerId),
    /// At a worker's inbox: arriving, waiting, dropping.
    Inbox(WorkerId),
    /// At a shard of the coordinator: on the way, so not part of the digest.
    Shard(u32),
    /// Beyond everybody's sight: what was done to a run, so not part of the digest.
    Network,
}

/// Why a message was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// The queue was full.
    Full,
    /// The overflow beside the full queue was full too.
    Overflow,
    /// The queue was full, and the sender was told.
    Nack,
    /// Too many updates already waited for an earlier one.
    Parking,
    /// It had already been handled.
    Duplicate,
    /// No such worker.
    UnknownWorker,
    /// The edge is not declared.
    Undeclared,
    /// The handler had said too much.
    Outputs,
    /// Its worker is dead, or died before it could handle it.
    Crash,
    /// It was sent to an earlier life of its worker.
    Incarnation,
    /// The network lost it.
    Loss,
    /// Its header says what cannot be: nobody honest sent it.
    Forged,
    /// It is a session's, and what the session must see did not come in time, or never can: it was known to an earlier
    /// life of this worker.
    Stale,
    /// Its depth is beyond the limit, and its sender let it pass.
    Depth,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The message reached the inbox.
    Arrive,
    /// It waits for an earlier update to this worker.
    Park {
        /// Whose update is missing.
        of: WorkerId,
        /// Its number on the link to here.
        needs: LinkNumber,
    },
    /// What it waited for is there, or known never to come.
    Release,
    /// It waits beside the full queue.
    Hold,
    /// It moves from beside the queue into it.
    Admit,
    /// There is no room for it: its sender waits, with it and all that it said after it.
    Stall,
    /// There is room for it again.
    Resume,
    /// It is gone, and this is why.
    Drop(DropReason),
    /// The sender was told that it is gone.
    Nack,
    /// The worker handles it.
    Handle,
    /// The worker sent it.
    Emit,
    /// The worker would have sent it, but it would be too deep.
    DepthRefused,
    /// The worker would have sent it, but to one already in its chain.
    CycleBroken,
    /// A timer was set.
    SetTimer {
        /// What the worker calls it.
        tag: TimerTag,
        /// When it is due.
        deadline: Time,
    },
    /// All timers of this tag were taken back.
    CancelTimer {
        /// What the worker calls them.
        tag: TimerTag,
    },
    /// A handler chose.
    Choose {
        /// Among how many.
        options: u32,
        /// Which.
        value: u32,
    },
    /// The worker needs something of another, under the name in the text.
    Wait {
        /// Of whom.
        on: WorkerId,
    },
    /// What was needed under the name in the text has come.
    Waited,
    /// The name in the text was reached.
    Mark,
    /// The worker answered its session with the payload.
    Reply,
    /// The worker saw that a key has a value, the text `KEY=VALUE`, or none that anybody wrote, the text `KEY`.
    Read,
    /// The worker gave a key a new value: the text `KEY=VALUE`.
    Wrote,
    /// This moment is the worker's part of the cut that the text names.
    Cut,
    /// This life of the worker is over; of a panic, the text.
    Crash(Cause),
    /// A new life of the worker begins, in which nothing has been handled yet.
    Restart,
    /// A fault befell the message, the link from its sender to its target, or its worker.
    Fault(FaultKind),
    /// Such a fault is over.
    FaultOver(FaultKind),
    /// The coordinator passed it on.
    Route,
}

/// Why a life of a worker is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A handler panicked.
    Panic,
    /// A simulated fault.
    Fault,
    /// Its process died.
    Killed,
}

impl What {
    /// The word for it, in traces and digests; fixed for ever.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Arrive => "arrive",
            Self::Park { .. } => "park",
            Self::Release => "release",
            Self::Hold => "hold",
            Self::Admit => "admit",
            Self::Stall => "stall",
            Self::Resume => "resume",
            Self::Drop(reason) => reason.word(),
            Self::Nack => "nack",
            Self::Handle => "handle",
            Self::Emit => "emit",
            Self::DepthRefused => "depth-refused",
            Self::CycleBroken => "cycle-broken",
            Self::SetTimer { .. } => "set-timer",
            Self::CancelTimer { .. } => "cancel-timer",
            Self::Choose { .. } => "choose",
            Self::Wait { .. } => "wait",
            Self::Waited => "waited",
            Self::Mark => "mark",
            Self::Reply => "reply",
            Self::Read => "read",
            Self::Wrote => "wrote",
            Self::Cut => "cut",
            Self::Crash(Cause::Panic) => "crash(panic)",
            Self::Crash(Cause::Fault) => "crash(fault)",
            Self::Crash(Cause::Killed) => "crash(killed)",
            Self::Restart => "restart",
            Self::Fault(kind) => kind.fault_word(),
            Self::FaultOver(kind) => kind.over_word(),
            Self::Route => "route",
        }
    }
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::Full,
        Self::Overflow,
        Self::Nack,
        Self::Parking,
        Self::Duplicate,
        Self::UnknownWorker,
        Self::Undeclared,
        Self::Outputs,
        Self::Crash,
        Self::Incarnation,
        Self::Loss,
        Self::Forged,
        Self::Stale,
        Self::Depth,
    ];

    /// The word for it, in traces and digests; fixed for ever.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "drop(full)",
            Self::Overflow => "drop(overflow)",
            Self::Nack => "drop(nack)",
            Self::Parking => "drop(parking)",
            Self::Duplicate => "drop(duplicate)",
            Self::UnknownWorker => "drop(unknown-worker)",
            Self::Undeclared => "drop(undeclared)",
            Self::Outputs => "drop(outputs)",
            Self::Crash => "drop(crash)",
            Self::Incarnation => "drop(incarnation)",
            Self::Loss => "drop(loss)",
            Self::Forged => "drop(forged)",
            Self::Stale => "drop(stale)",
            Self::Depth => "drop(depth)",
        }
    }
}

/// One event, as it is reported.
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'a> {
    /// When.
    pub moment: Moment,
    /// Where.
    pub lane: Lane,
    /// Which life of the worker.
    pub life: Incarnation,
    /// What.
    pub what: What,
    /// Of which message; for choices, marks, timers and crashes, the input that was handled.
    pub header: &'a Header,
    /// What the handler said (the name of a mark, wait, cut or unknown worker, a key and its value), the text of a panic;
    /// otherwise empty.
    pub text: &'a str,
}

/// Whoever wants to know what happens: checkers, a recorder, nobody.
pub trait Sink<M: StateMachine> {
    /// Takes one event. `input` is the typed message, where one comes into being (`Emit`), is refused by its sender, is the
    /// answer of a `Reply`, or arrives from outside.
    fn event(&mut self, event: EventRef<'_>, input: Option<&Input<M>>);
}

/// Nobody wants to know.
impl<M: StateMachine> Sink<M> for () {
    #[inline(always)]
    fn event(&mut self, _: EventRef<'_>, _: Option<&Input<M>>) {}
}

/// First the one, then the other.
impl<M: StateMachine, A: Sink<M>, B: Sink<M>> Sink<M> for (A, B) {
    #[inline(always)]
    fn event(&mut self, event: EventRef<'_>, input: Option<&Input<M>>) {
        self.0.event(event, input);
        self.1.event(event, input);
    }
}

impl<M: StateMachine, S: Sink<M> + ?Sized> Sink<M> for &mut S {
    #[inline(always)]
    fn event(&mut self, event: EventRef<'_>, input: Option<&Input<M>>) {
        (**self).event(event, input);
    }
}

impl<M: StateMachine, S: Sink<M>> Sink<M> for Option<S> {
    #[inline(always)]
    fn event(&mut self, event: EventRef<'_>, input: Option<&Input<M>>) {
        if let Some(sink) = self {
            sink.event(event, input);
        }
    }
}
