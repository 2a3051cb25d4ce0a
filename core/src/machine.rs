//! What a user writes: a state machine, the pure reaction to one input at a time.
//!
//! A machine never blocks, never looks at a clock and never sends by itself: it changes its state and speaks
//! through the [`Outbox`]. Everything else (queues, order, loss, restarts) is the core's.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::ids::WorkerId;
use crate::names::Names;
use crate::outbox::Outbox;

/// The user's code at one worker.
///
/// A handler runs atomically: what it puts into the outbox leaves the worker after it has returned, in that order.
///
/// ```
/// use raddle_core::{Outbox, StateMachine};
///
/// /// Counts what it is told and passes every tenth on.
/// #[derive(Default)]
/// struct Sampler { seen: u64 }
///
/// impl StateMachine for Sampler {
///     type Message = u64;
///     type Update = u64;
///     fn on_message(&mut self, value: u64, out: &mut Outbox<u64>) {
///         self.seen += 1;
///         if self.seen % 10 == 0 {
///             out.notify("archive", value);
///         }
///     }
///     fn on_update(&mut self, _: u64, _: &mut Outbox<u64>) { self.seen += 1; }
/// }
/// ```
pub trait StateMachine: Send + 'static {
    /// What sources send.
    type Message: Clone + Debug + Send + Sync + 'static;
    /// What workers send each other.
    type Update: Clone + Debug + Send + Sync + 'static;

    /// The first input of every life. A start that says nothing (the default) happens when the worker is made and
    /// is no step of a run.
    fn on_start(&mut self, out: &mut Outbox<Self::Update>) {
        let _ = out;
    }

    /// A message from a source.
    fn on_message(&mut self, message: Self::Message, out: &mut Outbox<Self::Update>);

    /// An update from a worker; [`Outbox::sender`] says which.
    fn on_update(&mut self, update: Self::Update, out: &mut Outbox<Self::Update>);

    /// A timer that this worker set with this tag.
    fn on_timer(&mut self, tag: TimerTag, out: &mut Outbox<Self::Update>) {
        let _ = (tag, out);
    }

    /// A question of a session, which changes nothing here; [`Outbox::reply`] answers it. When it comes, this worker has
    /// seen all that the session has: see [`System::session`](crate::System::session).
    fn on_query(&self, query: Self::Message, out: &mut Outbox<Self::Update>) {
        let _ = (query, out);
    }
}

/// Workers of different types in one system: box them. (An enum of the types does the same, statically, and lets
/// properties look into each.)
///
/// ```
/// use raddle_core::{Outbox, StateMachine, System};
///
/// struct Client;
/// impl StateMachine for Client {
///     type Message = u32;
///     type Update = u32;
///     fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) { out.notify("server", n); }
///     fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
/// }
/// struct Server { sum: u32 }
/// impl StateMachine for Server {
///     type Message = u32;
///     type Update = u32;
///     fn on_message(&mut self, _: u32, _: &mut Outbox<u32>) {}
///     fn on_update(&mut self, n: u32, out: &mut Outbox<u32>) {
///         self.sum += n;
///         out.notify(out.sender_worker().expect("updates come from workers"), self.sum);
///     }
/// }
///
/// type Machine = Box<dyn StateMachine<Message = u32, Update = u32>>;
/// let system = System::<Machine>::new("shop")
///     .workers(["ann", "bob"], |_| Box::new(Client) as Machine)
///     .workers(["server"], |_| Box::new(Server { sum: 0 }) as Machine)
///     .messages("street", [("ann", 1), ("bob", 2)]);
/// assert_eq!(system.plan()?.names().worker_count(), 3);
/// # Ok::<(), raddle_core::SystemError>(())
/// ```
impl<M: StateMachine + ?Sized> StateMachine for Box<M> {
    type Message = M::Message;
    type Update = M::Update;

    fn on_start(&mut self, out: &mut Outbox<M::Update>) {
        (**self).on_start(out);
    }

    fn on_message(&mut self, message: M::Message, out: &mut Outbox<M::Update>) {
        (**self).on_message(message, out);
    }

    fn on_update(&mut self, update: M::Update, out: &mut Outbox<M::Update>) {
        (**self).on_update(update, out);
    }

    fn on_timer(&mut self, tag: TimerTag, out: &mut Outbox<M::Update>) {
        (**self).on_timer(tag, out);
    }

    fn on_query(&self, query: M::Message, out: &mut Outbox<M::Update>) {
        (**self).on_query(query, out);
    }
}

/// What a worker calls one of its timers. Several may wait under the same tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimerTag(pub u64);

/// The place a machine is made for.
#[derive(Clone, Copy, Debug)]
pub struct Seat<'a> {
    id: WorkerId,
    names: &'a Names,
}

impl<'a> Seat<'a> {
    /// The seat of a worker.
    #[must_use]
    pub const fn new(id: WorkerId, names: &'a Names) -> Self {
        Self { id, names }
    }

    /// Which worker.
    #[must_use]
    pub const fn id(&self) -> WorkerId {
        self.id
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.names.worker(self.id)
    }

    /// The names of all workers, in the order of declaration.
    pub fn workers(&self) -> impl ExactSizeIterator<Item = (WorkerId, &'a str)> {
        self.names.workers()
    }
}
