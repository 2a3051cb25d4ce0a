//! The acts of a lane: what happened at once.

use crate::ids::{SourceId, Time, WorkerId};

/// Something that happened at once. All acts come after the one before in their lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act<'a> {
    /// The inbox took in the next message of a source that is no session.
    Take {
        /// Which source.
        source: SourceId,
    },
    /// The inbox took in the next operation of a session.
    Ask {
        /// Which session.
        session: SourceId,
        /// When: from then on it waits.
        now: Time,
    },
    /// A worker pushed the next update that it had sent. (At an inbox or a shard.)
    Push {
        /// Which worker.
        by: WorkerId,
    },
    /// A worker wanted to push the next update that it had sent, and must wait.
    Stall {
        /// Which worker.
        by: WorkerId,
    },
    /// The shard of this inbox pushed the update that it has in hand.
    Deliver,
    /// The shard of this inbox told it of updates that it had dropped.
    Lose {
        /// How many.
        many: u32,
    },
    /// What a session had sent had waited too long.
    Expire {
        /// Which session.
        session: SourceId,
        /// When that was.
        now: Time,
    },
    /// The owner took an input out, and handled it in that moment: [`Act::Handle`] says how.
    Pick,
    /// The owner took this one along with the one before, and handled it next.
    PickAlong,
    /// The owner wanted an input, and took none out, or none that was good. (At the inbox, and at the worker: so what the
    /// worker does is in its place among that.)
    Idle,
    /// The owner was told that an update of its own was dropped.
    Nacked,
    /// The life of the owner was over, and what was left of it was seen to.
    EndLife {
        /// The how manieth of all lives of the run, from 1, where that counts
        /// ([`counts_deaths`](super::counts_deaths)); 0 otherwise.
        nth: u32,
    },
    /// The shard took an update in hand. (At a shard.)
    Route,
    /// What came of a pick. (At a worker.)
    Handle(Handling<'a>),
    /// The worker handled its own start.
    Start(Handling<'a>),
    /// The worker handled a timer of its own.
    Fire {
        /// Which: the how manieth that this life has set, from 0.
        nth: u32,
        /// How.
        handling: Handling<'a>,
    },
    /// The process of the worker died between two inputs.
    Kill {
        /// When that was noticed.
        now: Time,
    },
}

/// How an input was handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handling<'a> {
    /// What the handler was told that the time is.
    pub now: Time,
    /// How many lives had ended in the whole run, where that counts ([`counts_deaths`](super::counts_deaths)); 0 otherwise.
    pub deaths: u32,
    /// What it said, as [`Said`](super::Said) writes it; none if the process died of it, and there was no handling.
    pub said: Option<&'a [u8]>,
}
