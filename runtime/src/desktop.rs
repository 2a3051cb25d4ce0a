//! What stands under the lock of a station: a queue of the core, and the log of its lane.

use raddle_core::{Desk, Inbox, Lane, Moment, Shard, StateMachine, Time, What};

use crate::log::{Act, Clerk, Log, News, Parcel};
use crate::transport::Transport;

/// Both. What every push writes stands first, as [`Station`](crate::station::Station) has it, and the log elsewhere, as it keeps to cache lines of its own.
#[repr(C)]
pub(crate) struct Desktop<M: StateMachine, Q> {
    /// How often something arrived.
    arrivals: u64,
    pub(crate) queue: Q,
    pub(crate) log: Box<Log<M>>,
    lane: Lane,
}

/// The inbox of a worker.
pub(crate) type InboxDesk<M> = Desktop<M, Inbox<Parcel<M>>>;

/// The ingress of a shard.
pub(crate) type ShardDesk<M> = Desktop<M, Shard<Parcel<M>>>;

impl<M: StateMachine, Q> Desktop<M, Q> {
    pub(crate) fn new(queue: Q, log: Log<M>, lane: Lane) -> Self {
        Self { arrivals: 0, queue, log: Box::new(log), lane }
    }

    /// Lends the core what it needs of the driver for one call.
    pub(crate) fn with<R>(
        &mut self,
        transport: &Transport<'_, M>,
        news: &mut News,
        call: impl FnOnce(&mut Q, &mut Clerk<'_, M>) -> R,
    ) -> R {
        // The time of queue events is read for nobody but a reader of the trace.
        let time = if self.log.is_recording() { transport.now() } else { Time::default() };
        let mut clerk = Clerk {
            arrivals: &mut self.arrivals,
            log: &mut self.log,
            lane: self.lane,
            moment: Moment { step: 0, time },
            news,
        };
        call(&mut self.queue, &mut clerk)
    }

    /// How often each event happened so far.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let arrivals = (self.arrivals > 0).then_some((What::Arrive.word(), self.arrivals));
        self.log.counts().chain(arrivals)
    }

    /// Reports what the driver itself did, as an act of its own.
    pub(crate) fn say(&mut self, transport: &Transport<'_, M>, what: What, envelope: &Parcel<M>, act: Act) {
        self.with(transport, &mut News::default(), |_, clerk| _ = clerk.report(what, envelope));
        self.log.close(act);
    }
}
