//! The driver on threads: one per source and per shard, and one per worker, or so many for all workers.

use std::fmt;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use raddle_core::recording::{Head, shard_lane};
use raddle_core::{EndReason, Plan, StateMachine, Worker, panics};

use crate::activity::EndOnPanic;
use crate::crew::{ShardLeft, Work, WorkerLeft, carry, work};
use crate::error::RunError;
use crate::hands::{Hands, Overseen};
use crate::metrics::Metrics;
use crate::outcome::{Left, Outcome};
use crate::pace::Pace;
use crate::record::{RecordTo, Recorder};
use crate::seat::{Seat, Waker};
use crate::source::feed;
use crate::station::Phase;
use crate::talk::converse;
use crate::transport::{Transport, Watched};

/// How often the stop flag is looked at.
const STOP_FLAG_EVERY: Duration = Duration::from_millis(10);

/// Runs systems on real threads.
///
/// A run ends when its workload is fed, nothing is queued or on its way and no timer is pending; then
/// [`End::reason`](raddle_core::End::reason) is `quiescent`. A system whose timers never end needs a
/// [`time_limit`](Threads::time_limit) or a [`stop_flag`](Threads::stop_flag): told to stop, the run takes no more from
/// sources, fires no more timers, handles what is queued and ends as `stopped`.
///
/// Senders that wait for each other for ever (`on_full = stall`) end the run too, as soon as nothing else is left to
/// do: it is `quiescent`, and [`End::stalled`](raddle_core::End::stalled) says who waits at whose inbox.
///
/// ```
/// use raddle_core::{Outbox, StateMachine, System};
/// use raddle_runtime::Threads;
///
/// #[derive(Default)]
/// struct Relay { heard: u32 }
/// impl StateMachine for Relay {
///     type Message = u32;
///     type Update = u32;
///     fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) { out.notify("right", n); }
///     fn on_update(&mut self, n: u32, _: &mut Outbox<u32>) { self.heard += n; }
/// }
///
/// let system = System::new("pair")
///     .workers(["left", "right"], |_| Relay::default())
///     .messages("client", [("left", 1), ("left", 2)]);
/// let outcome = Threads::new().record(true).run(&system.plan()?)?;
/// assert_eq!(outcome.workers[1].machine().heard, 3);
/// assert_eq!((outcome.metrics.sent, outcome.metrics.handled), (2, 4));
/// assert!(outcome.end.in_flight.is_empty() && outcome.trace.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Threads {
    seed: u64,
    record: bool,
    record_to: Option<RecordTo>,
    time_limit: Option<Duration>,
    drain_limit: Duration,
    messages: Option<u64>,
    lasts: Option<Duration>,
    worker_threads: Option<NonZeroUsize>,
    yield_budget: u32,
    stop_flag: Option<Arc<AtomicBool>>,
    monitor: Option<Monitor>,
}

/// Somebody who looks at a run now and then.
#[derive(Clone)]
struct Monitor {
    every: Duration,
    show: Arc<dyn Fn(&Metrics) + Send + Sync>,
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("every", &self.every).finish_non_exhaustive()
    }
}

impl Default for Threads {
    fn default() -> Self {
        Self {
            seed: 0,
            record: false,
            record_to: None,
            time_limit: None,
            drain_limit: Duration::from_secs(10),
            messages: None,
            lasts: None,
            worker_threads: None,
            yield_budget: 50,
            stop_flag: None,
            monitor: None,
        }
    }
}

impl Threads {
    /// One pass through the workload, seed 0, no recording, no time limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The seed of what handlers choose and draw.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether the run leaves a trace. It is kept in memory, whole; see [`Threads::record_to`] for what is not.
    #[must_use]
    pub const fn record(mut self, record: bool) -> Self {
        self.record = record;
        self
    }

    /// Where the run is recorded to, to be executed again in the simulator. What cannot be written does not end the run:
    /// [`Outcome::recorded`] says so.
    #[must_use]
    pub fn record_to(mut self, to: impl Into<Option<RecordTo>>) -> Self {
        self.record_to = to.into();
        self
    }

    /// Tells the run to stop after this time.
    #[must_use]
    pub const fn time_limit(mut self, limit: Option<Duration>) -> Self {
        self.time_limit = limit;
        self
    }

    /// How long a run that was told to stop may take to handle what is queued, 10 s if not set; then it is halted, and
    /// what is left stands in [`End::in_flight`](raddle_core::End::in_flight).
    #[must_use]
    pub const fn drain_limit(mut self, limit: Duration) -> Self {
        self.drain_limit = limit;
        self
    }

    /// How many messages the sources send in all, taken from the workload in its order, round and round; `None`: the
    /// workload once. Numbers go on from round to round.
    #[must_use]
    pub const fn messages(mut self, messages: Option<u64>) -> Self {
        self.messages = messages;
        self
    }

    /// How long the messages of the sources are to last: each source sends its own evenly over this time, or later where they
    /// are not taken so fast; `None`: as fast as they are taken.
    #[must_use]
    pub const fn lasting(mut self, lasts: Option<Duration>) -> Self {
        self.lasts = lasts;
        self
    }

    /// How many threads the workers share; `None`: each has one of its own. One of its own answers fastest while there are
    /// processors for all; with many more workers than processors, some threads for all of them cost less. A worker stays on
    /// its thread, so a handler that takes long keeps those beside it waiting.
    #[must_use]
    pub const fn worker_threads(mut self, threads: Option<NonZeroUsize>) -> Self {
        self.worker_threads = threads;
        self
    }

    /// How often a thread without work gives up its turn before it sleeps, 50 if not set, and fewer where others need the
    /// processor. More answers faster while
    /// there are processors to spare, less costs others less.
    #[must_use]
    pub const fn yield_budget(mut self, yields: u32) -> Self {
        self.yield_budget = yields;
        self
    }

    /// Tells the run to stop when the flag is raised, for instance by Ctrl-C.
    #[must_use]
    pub fn stop_flag(mut self, flag: Arc<AtomicBool>) -> Self {
        self.stop_flag = Some(flag);
        self
    }

    /// Shows what a run has come to so often, and at its end. While it is shown, nobody tells the run to stop.
    ///
    /// ```
    /// # use raddle_core::{Outbox, StateMachine, System};
    /// # #[derive(Default)]
    /// # struct Deaf;
    /// # impl StateMachine for Deaf {
    /// #     type Message = u32;
    /// #     type Update = u32;
    /// #     fn on_message(&mut self, _: u32, _: &mut Outbox<u32>) {}
    /// #     fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
    /// # }
    /// use std::sync::{Arc, Mutex};
    /// use std::time::Duration;
    ///
    /// use raddle_runtime::Threads;
    ///
    /// let system = System::new("one").workers(["one"], |_| Deaf).messages("source", (0..9).map(|n| ("one", n)));
    /// let seen = Arc::new(Mutex::new(0));
    /// let last = Arc::clone(&seen);
    /// let threads = Threads::new().monitor(Duration::from_secs(1), move |metrics| *last.lock().unwrap() = metrics.handled);
    /// threads.run(&system.plan()?)?;
    /// assert_eq!(*seen.lock().unwrap(), 9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn monitor(mut self, every: Duration, show: impl Fn(&Metrics) + Send + Sync + 'static) -> Self {
        self.monitor = Some(Monitor { every, show: Arc::new(show) });
        self
    }

    /// Runs a system to its end. All threads have ended when this returns.
    ///
    /// # Errors
    /// When the run cannot be started: the operating system refuses a thread, or the file of its recording cannot be made.
    pub fn run<M: StateMachine>(&self, plan: &Arc<Plan<M>>) -> Result<Outcome<M>, RunError> {
        self.run_with(plan, None)
    }

    /// What handlers draw from.
    pub(crate) const fn current_seed(&self) -> u64 {
        self.seed
    }

    /// How often whoever waits gives up its turn before it sleeps.
    pub(crate) const fn current_yield_budget(&self) -> u32 {
        self.yield_budget
    }

    /// The same, where others run the handlers.
    pub(crate) fn run_with<M: StateMachine>(
        &self,
        plan: &Arc<Plan<M>>,
        abroad: Option<Abroad<M>>,
    ) -> Result<Outcome<M>, RunError> {
        panics::install();
        // Machines are made on this thread, in the order of declaration, before any other runs.
        let workers = plan.workers();
        let messages = self.messages.unwrap_or(plan.externals().len() as u64);
        let begin = |to: &RecordTo| {
            let lanes = shard_lane(plan.names().worker_count(), plan.policies().placement.shards());
            to.begin(Head::new(plan, to.of(), self.seed, messages), lanes)
        };
        let recorder = self.record_to.as_ref().map(begin).transpose()?;
        let started = Instant::now();
        let spool = recorder.as_ref().map(|recorder| Arc::clone(&recorder.spool));
        let seats = self.seats(workers.len());
        let watched = Watched { recording: self.record, is_watched: self.monitor.is_some() };
        let transport = Transport::new(plan, watched, spool, &owners(&seats, workers.len()));
        let (hands, watch, over) = match abroad {
            None => (Vec::new(), None, None),
            Some(Abroad { hands, watch, over }) => (hands, Some(watch), Some(over)),
        };
        let works = self.works(&transport, &seats, workers, hands);
        let left = thread::scope(|scope| {
            let guard = HaltOnPanic { transport: &transport, over };
            let crew = self.spawn(scope, &transport, &seats, works, messages);
            let crew = match watch {
                None => crew,
                Some(watch) => crew.and_then(|crew| {
                    start(scope, &transport, 1, "warden".to_owned(), || watch(&transport)).map(|_| crew)
                }),
            };
            let reason = if crew.is_ok() { self.watch(started, &transport) } else { EndReason::Stopped };
            let elapsed = started.elapsed();
            guard.end();
            let Crew { workers, sources, shards } = crew?;
            join(sources);
            let mut workers: Vec<_> = join(workers).into_iter().flatten().collect();
            workers.sort_by_key(|left| left.worker.id());
            Ok::<_, RunError>(Left { reason, elapsed, workers, shards: join(shards) })
        });
        let left = match left {
            Ok(left) => left,
            Err(error) => {
                recorder.into_iter().for_each(Recorder::discard);
                return Err(error);
            }
        };
        let mut outcome = Outcome::new(plan, transport, left);
        outcome.recorded = recorder.map(|recorder| recorder.end(outcome.tail(plan)));
        self.monitor.iter().for_each(|monitor| (monitor.show)(&outcome.metrics));
        Ok(outcome)
    }

    /// One for each thread that workers have.
    fn seats(&self, workers: usize) -> Vec<Arc<Seat>> {
        let threads = self.worker_threads.map_or(workers, |threads| threads.get().min(workers));
        (0..threads).map(|_| Arc::default()).collect()
    }

    /// The workers of each thread, ready to begin.
    fn works<'a, M: StateMachine>(
        &self,
        transport: &'a Transport<'a, M>,
        seats: &[Arc<Seat>],
        workers: Vec<Worker<M>>,
        hands: Vec<Box<dyn Hands<M>>>,
    ) -> Vec<Vec<Work<'a, M>>> {
        let mut works: Vec<Vec<Work<'_, M>>> = seats.iter().map(|_| Vec::new()).collect();
        let (mut hands, owners) = (hands.into_iter(), owners(seats, workers.len()));
        for ((at, worker), owner) in workers.into_iter().enumerate().zip(owners) {
            works[at % seats.len()].push(Work::new(transport, worker, hands.next(), self.seed, owner));
        }
        works
    }

    /// Waits until the run is over, and tells it to stop when it is time. How it ended.
    fn watch<M: StateMachine>(&self, started: Instant, transport: &Transport<'_, M>) -> EndReason {
        // A limit beyond what the clock can say is none.
        let limit = self.time_limit.and_then(|limit| started.checked_add(limit));
        let next = |monitor: &Monitor| Instant::now().checked_add(monitor.every);
        let mut show = self.monitor.as_ref().and_then(next);
        loop {
            let look = self.stop_flag.as_ref().map(|_| Instant::now() + STOP_FLAG_EVERY);
            let until = limit.into_iter().chain(look).chain(show).min();
            if transport.activity.wait(until) {
                return EndReason::Quiescent;
            }
            if let Some(monitor) = self.monitor.as_ref().filter(|_| show.is_some_and(|show| show <= Instant::now())) {
                (monitor.show)(&transport.metrics());
                show = next(monitor);
            }
            let told = self.stop_flag.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed));
            if told || limit.is_some_and(|limit| limit <= Instant::now()) {
                break;
            }
        }
        // This thread counts until everybody has been told; nobody ends the run meanwhile.
        transport.activity.enter();
        transport.announce(Phase::Draining);
        transport.activity.leave();
        transport.activity.wait(Instant::now().checked_add(self.drain_limit));
        EndReason::Stopped
    }

    fn spawn<'scope, 'env, M: StateMachine>(
        &self,
        scope: &'scope Scope<'scope, 'env>,
        transport: &'env Transport<'env, M>,
        seats: &'env [Arc<Seat>],
        works: Vec<Vec<Work<'env, M>>>,
        messages: u64,
    ) -> Result<Crew<'scope, M>, RunError> {
        let names = transport.plan.names();
        let yields = self.yield_budget;
        let threads = seats.len() + names.source_count() + transport.shards() as usize;
        let mut crew = Crew { workers: Vec::new(), sources: Vec::new(), shards: Vec::new() };
        for shard in 0..transport.shards() {
            let carry = move || carry(transport, shard, yields);
            crew.shards.push(start(scope, transport, threads, format!("shard {shard}"), carry)?);
        }
        for (seat, table) in seats.iter().zip(works) {
            let who = table.iter().map(|work| names.worker(work.worker())).collect::<Vec<_>>().join(", ");
            let work = move || work(transport, seat, table, yields);
            crew.workers.push(start(scope, transport, threads, format!("worker {who}"), work)?);
        }
        for (source, name) in names.sources() {
            let lasts = self.lasts;
            let feed = move || {
                let pace = Pace::new(transport, source, messages, lasts);
                match transport.plan.names().is_session(source) {
                    true => converse(transport, source, messages, pace),
                    false => feed(transport, source, messages, pace),
                }
            };
            crew.sources.push(start(scope, transport, threads, format!("source {name}"), feed)?);
        }
        Ok(crew)
    }
}

/// What a run has beside its threads, where its handlers run elsewhere.
pub(crate) struct Abroad<M: StateMachine> {
    /// Who runs the handlers, worker by worker.
    pub(crate) hands: Vec<Box<dyn Hands<M>>>,
    /// Sees to them, until told that the run is over.
    #[expect(clippy::type_complexity, reason = "said once")]
    pub(crate) watch: Box<dyn FnOnce(&dyn Overseen) + Send>,
    /// Tells that.
    pub(crate) over: Box<dyn FnOnce() + Send>,
}

/// Ends a run, also if the thread that watches it panics, as whoever is shown its metrics may: the others would sleep for ever.
struct HaltOnPanic<'a, M: StateMachine> {
    transport: &'a Transport<'a, M>,
    over: Option<Box<dyn FnOnce() + Send>>,
}

impl<M: StateMachine> HaltOnPanic<'_, M> {
    fn end(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        self.transport.announce(Phase::Halted);
        if let Some(over) = self.over.take() {
            over();
        }
    }
}

impl<M: StateMachine> Drop for HaltOnPanic<'_, M> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.halt();
        }
    }
}

/// How each worker is called: they are dealt out to the threads one by one.
fn owners(seats: &[Arc<Seat>], workers: usize) -> Vec<Waker> {
    (0..workers).map(|at| Waker::new(&seats[at % seats.len()], at / seats.len())).collect()
}

/// The threads of one run.
struct Crew<'scope, M: StateMachine> {
    workers: Vec<ScopedJoinHandle<'scope, Vec<WorkerLeft<M>>>>,
    sources: Vec<ScopedJoinHandle<'scope, ()>>,
    shards: Vec<ScopedJoinHandle<'scope, ShardLeft<M>>>,
}

/// Waits for threads to end. A panic in one is a bug of the driver or of a `Clone`, and goes on here.
fn join<T>(threads: Vec<ScopedJoinHandle<'_, T>>) -> Vec<T> {
    let join = |thread: ScopedJoinHandle<'_, T>| thread.join().unwrap_or_else(|panic| resume_unwind(panic));
    threads.into_iter().map(join).collect()
}

fn start<'scope, M: StateMachine, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    transport: &'scope Transport<'scope, M>,
    threads: usize,
    who: String,
    body: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, RunError> {
    let thread = thread::Builder::new().name(who.clone());
    let guarded = move || {
        let _guard = EndOnPanic(&transport.activity);
        body()
    };
    let refused = |error| RunError::Spawn { who, threads, error };
    thread.spawn_scoped(scope, guarded).map_err(refused)
}
