//! The transport: moves messages between threads, holds the inboxes and the shards, and tells the time.
//!
//! It must never decide. Each method takes one lock, asks the core, and does what it says: whom to wake, what to wait
//! for, whom to tell of a drop once the lock is free.
//!
//! Both placements keep causal order. Inline, a push is synchronous into the one queue of its target, and it is over
//! before the sender's next push begins. Sharded, the same holds for the ingress, and all that goes to one target
//! goes through one ingress, in order, by one thread.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use raddle_core::recording::{counts_deaths, inbox_lane, shard_lane};
use raddle_core::{
    Coordinator, Header, Hop, Inbox, Incarnation, Lane, Order, Party, Plan, Rules, Shard, ShardTask, SourceId,
    StateMachine, Time, Watermark, What, Worker, WorkerId,
};

use crate::activity::Activity;
use crate::apart::Apart;
use crate::census::{Census, Seen};
use crate::desktop::{Desktop, InboxDesk, ShardDesk};
use crate::empties::Empties;
use crate::hands::Overseen;
use crate::log::{Act, Clerk, Log, News, Parcel};
use crate::metrics::{Gauge, Metrics};
use crate::seat::Waker;
use crate::station::{Open, Phase, Room, Station};
use crate::talk::Talk;
use crate::tape::{Spool, Tape};

/// The order that both placements keep by themselves: see above.
pub(crate) const PROMISED: Order = Order::Causal;

/// Everything that the threads of a run share.
pub(crate) struct Transport<'a, M: StateMachine> {
    pub(crate) plan: &'a Plan<M>,
    pub(crate) rules: Rules,
    pub(crate) activity: Apart<Activity>,
    pub(crate) recording: bool,
    /// Whether somebody looks at its metrics while it runs.
    pub(crate) is_watched: bool,
    spool: Option<Arc<Spool>>,
    /// Whether it takes messages from outside.
    running: AtomicBool,
    started: Instant,
    /// Which life each worker is in, where lives follow on lives.
    census: Option<Apart<Census>>,
    routes: Coordinator,
    inboxes: Vec<Apart<Station<InboxDesk<M>>>>,
    shards: Vec<Apart<Station<ShardDesk<M>>>>,
    /// By source; none of those that are no sessions.
    pub(crate) talks: Vec<Option<Station<Talk>>>,
    watermark: Apart<Mutex<Watermark>>,
    /// How many messages of sources were taken into a queue.
    fed: Apart<AtomicU64>,
    /// Boxes to be written over.
    pub(crate) empties: Apart<Empties<M>>,
    /// What each worker shows of itself.
    gauges: Vec<Apart<Mutex<Gauge>>>,
}

/// Who wants to know what of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watched {
    /// Whether its events are kept.
    pub(crate) recording: bool,
    /// Whether its metrics are looked at while it runs.
    pub(crate) is_watched: bool,
}

/// What a shard does next.
pub(crate) enum ShardErrand<M: StateMachine> {
    /// Push it into the inbox of its target.
    Deliver(Parcel<M>),
    /// Their one target must know that they will not come.
    Lose(Vec<Parcel<M>>),
}

/// Who pushes.
#[derive(Clone, Copy)]
enum Carrier {
    Sender,
    Shard(u32),
}

/// One who pushes, between two pushes.
pub(crate) struct Porter {
    /// How it is called when it waits for room.
    pub(crate) waker: Waker,
    /// What others are to be told when no lock is held.
    pub(crate) news: News,
    /// Whether it has said that it waits with what it pushes next.
    is_stalled: bool,
    /// Whether it has found no room, and may wait the next time.
    may_wait: bool,
}

impl Porter {
    pub(crate) fn new(waker: Waker) -> Self {
        Self { waker, news: News::default(), is_stalled: false, may_wait: false }
    }
}

/// What became of what was to be pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Push {
    /// What stood first and went the same way is pushed.
    Done,
    /// There is no room for what stands first now. Whoever pushes sees to those who wait for him, and tries again.
    Full,
    /// There still is none: whoever pushes is called when there may be.
    Waits,
    /// The run was halted before there was room.
    Halted,
}

/// A queue into which updates are pushed.
trait Pushed<M: StateMachine> {
    /// Whether it takes nothing before its owner has caught up.
    fn is_behind(&self) -> bool {
        false
    }

    /// Whether whoever pushes must wait until there is room.
    fn must_wait(&self) -> bool;

    fn take_in(&mut self, update: Parcel<M>, clerk: &mut Clerk<'_, M>);

    /// Whether its owner has something to do.
    fn has_work(&self) -> bool;
}

impl<M: StateMachine> Pushed<M> for Inbox<Parcel<M>> {
    fn must_wait(&self) -> bool {
        self.must_wait()
    }

    fn take_in(&mut self, update: Parcel<M>, clerk: &mut Clerk<'_, M>) {
        self.receive(update, clerk);
    }

    fn has_work(&self) -> bool {
        self.has_work()
    }
}

impl<M: StateMachine> Pushed<M> for Shard<Parcel<M>> {
    fn is_behind(&self) -> bool {
        self.is_behind()
    }

    fn must_wait(&self) -> bool {
        self.must_wait()
    }

    fn take_in(&mut self, update: Parcel<M>, clerk: &mut Clerk<'_, M>) {
        let _ = self.ingest(update, clerk);
    }

    fn has_work(&self) -> bool {
        true
    }
}

impl<'a, M: StateMachine> Transport<'a, M> {
    pub(crate) fn new(plan: &'a Plan<M>, watched: Watched, spool: Option<Arc<Spool>>, owners: &[Waker]) -> Self {
        let (policies, Watched { recording, is_watched }) = (plan.policies(), watched);
        let routes = Coordinator::new(plan.names(), policies);
        let shards = routes.shards();
        let parties = plan.names().worker_count() + plan.names().source_count() + shards as usize;
        let workers = plan.names().worker_count();
        let log = |lane: usize| {
            Log::new(recording, spool.as_ref().map(|spool| Tape::of_queue(spool, lane)), plan.codec().copied())
        };
        let inbox = |((worker, _), owner): (_, &Waker)| {
            let queue = Inbox::new(policies, plan.transport(PROMISED));
            let desk = Desktop::new(queue, log(inbox_lane(worker)), Lane::Inbox(worker));
            Apart::new(Station::new(desk, owner.clone()))
        };
        let shard = |number| {
            let desk = Desktop::new(Shard::new(policies), log(shard_lane(workers, number)), Lane::Shard(number));
            Apart::new(Station::new(desk, Waker::alone()))
        };
        let talk = |(source, _)| plan.names().is_session(source).then(|| Station::new(Talk::default(), Waker::alone()));
        Self {
            plan,
            rules: plan.rules(PROMISED),
            activity: Apart::new(Activity::new(parties)),
            recording,
            is_watched,
            running: AtomicBool::new(true),
            started: Instant::now(),
            census: counts_deaths(policies).then(|| Apart::new(Census::new(workers))),
            routes,
            inboxes: plan.names().workers().zip(owners).map(inbox).collect(),
            shards: (0..shards).map(shard).collect(),
            talks: plan.names().sources().map(talk).collect(),
            watermark: Apart::new(Mutex::new(Watermark::new(policies))),
            fed: Apart::default(),
            empties: Apart::default(),
            gauges: plan.names().workers().map(|_| Apart::default()).collect(),
            spool,
        }
    }

    /// The log of the lane of a worker.
    pub(crate) fn worker_log(&self, worker: WorkerId) -> Log<M> {
        let tape = self.spool.as_ref().map(|spool| Tape::of_worker(spool, worker));
        Log::new(self.recording, tape, self.plan.codec().copied())
    }

    /// Time since the run began.
    pub(crate) fn now(&self) -> Time {
        Time::default().after(self.started.elapsed())
    }

    /// When that time is; none if it lies beyond what the clock can say.
    pub(crate) fn instant(&self, time: Time) -> Option<Instant> {
        self.started.checked_add(time.since_start())
    }

    pub(crate) fn inbox(&self, worker: WorkerId) -> Open<'_, InboxDesk<M>> {
        self.inboxes[worker.index()].open()
    }

    /// The nap of a worker is over: whether it has to wake by itself. If not, it has been called.
    pub(crate) fn end_nap(&self, worker: WorkerId) -> bool {
        self.inboxes[worker.index()].end_nap()
    }

    pub(crate) fn shard(&self, shard: u32) -> &Station<ShardDesk<M>> {
        &self.shards[shard as usize]
    }

    pub(crate) fn shards(&self) -> u32 {
        self.shards.len() as u32
    }

    /// Tells everybody how far the run has come.
    pub(crate) fn announce(&self, phase: Phase) {
        self.running.store(phase == Phase::Running, Ordering::Relaxed);
        self.inboxes.iter().for_each(|station| station.announce(phase, &self.activity));
        self.shards.iter().for_each(|station| station.announce(phase, &self.activity));
        self.talks.iter().flatten().for_each(|station| station.announce(phase, &self.activity));
    }

    /// Pushes what stands first among the unsent updates of a worker, and what stands behind it and takes the same hop: one
    /// lock for all of them, as if nobody else had come between.
    pub(crate) fn send(&self, unsent: &mut VecDeque<Parcel<M>>, porter: &mut Porter) -> Push {
        let Some(first) = unsent.front() else { return Push::Done };
        let hop = self.routes.route(&first.header);
        let goes_along = |header: &Header| self.routes.route(header) == hop;
        match hop {
            Hop::Inbox(to) => self.push(&self.inboxes[to.index()], unsent, goes_along, Carrier::Sender, porter),
            Hop::Shard(shard) => self.push(self.shard(shard), unsent, goes_along, Carrier::Sender, porter),
        }
    }

    /// Pushes what a shard has in hand.
    pub(crate) fn deliver(&self, in_hand: &mut VecDeque<Parcel<M>>, shard: u32, porter: &mut Porter) -> Push {
        let Some(to) = in_hand.front().map(|update| update.header.to) else { return Push::Done };
        self.push(&self.inboxes[to.index()], in_hand, |header| header.to == to, Carrier::Shard(shard), porter)
    }

    /// Pushes into one queue what stands first and goes there, as long as there is room.
    ///
    /// The wait of a sender is written down where the room is missing, in its place among what fills and empties that
    /// queue. A shard that waits is no sender; it shows in who waits for the shard.
    fn push<Q: Pushed<M>>(
        &self,
        station: &Station<Desktop<M, Q>>,
        updates: &mut VecDeque<Parcel<M>>,
        goes_there: impl Fn(&Header) -> bool,
        carrier: Carrier,
        porter: &mut Porter,
    ) -> Push {
        let is_sender = matches!(carrier, Carrier::Sender);
        let mut post = station.open();
        let mut is_full = false;
        while let Some(update) = updates.front().filter(|update| goes_there(&update.header)) {
            let must_wait = post.queue.must_wait();
            if must_wait || post.queue.is_behind() {
                if must_wait && is_sender && !porter.is_stalled && post.phase() != Phase::Halted {
                    let (by, serial) = serial_of(update);
                    post.say(self, What::Stall, update, Act::Attempt { by, serial });
                    porter.is_stalled = true;
                }
                is_full = true;
                break;
            }
            if is_sender && std::mem::take(&mut porter.is_stalled) {
                post.say(self, What::Resume, update, Act::Free);
            }
            let update = updates.pop_front().expect("it is there");
            let act = match carrier {
                Carrier::Sender => {
                    let (by, serial) = serial_of(&update);
                    Act::Push { by, serial }
                }
                Carrier::Shard(shard) => Act::Deliver { shard },
            };
            post.with(self, &mut porter.news, |queue, clerk| queue.take_in(update, clerk));
            post.log.close(act);
        }
        if post.queue.has_work() {
            post.wake_owner(&self.activity);
        } else {
            post.log.pause();
        }
        let pushed = if !is_full {
            porter.may_wait = false;
            if !post.queue.must_wait() {
                post.call(Room::Updates, &self.activity);
            }
            drop(post);
            Push::Done
        } else if post.phase() == Phase::Halted {
            drop(post);
            Push::Halted
        } else if !std::mem::replace(&mut porter.may_wait, true) || !porter.news.is_empty() {
            drop(post);
            Push::Full
        } else {
            porter.may_wait = false;
            post.wait_for(Room::Updates, &porter.waker, &self.activity);
            Push::Waits
        };
        self.tell(&mut porter.news);
        pushed
    }

    /// The inbox to which a source brings a message, once there is room; none if the run takes no more.
    pub(crate) fn reception(&self, to: WorkerId, source: &Waker) -> Option<Open<'_, InboxDesk<M>>> {
        loop {
            let post = self.inbox(to);
            if post.phase() != Phase::Running {
                return None;
            }
            if post.queue.has_external_room() {
                return Some(post);
            }
            post.wait_for(Room::Externals, source, &self.activity);
            source.seat().wait();
        }
    }

    /// If there is still room for messages of sources, the next who waits for it is called.
    pub(crate) fn pass_on(&self, post: &mut Open<'_, InboxDesk<M>>) {
        if post.queue.has_external_room() {
            post.call(Room::Externals, &self.activity);
        }
    }

    /// One pick of the owner of an inbox, who may take it along with the one before, and who may be slow: then whoever waits
    /// for room is called for any.
    pub(crate) fn pick(
        &self,
        post: &mut Open<'_, InboxDesk<M>>,
        along: bool,
        is_slow: bool,
        news: &mut News,
    ) -> Option<Parcel<M>> {
        let picked = post.with(self, news, |inbox, clerk| inbox.pick(clerk));
        post.log.close(if picked.is_some() { Act::Pick { along } } else { Act::Idle });
        // To wake anybody for a single message would cost more than the message.
        if post.queue.has_ample_room() || is_slow && !post.queue.must_wait() {
            post.call(Room::Updates, &self.activity);
        }
        if post.queue.has_ample_external_room() {
            self.pass_on(post);
        }
        picked
    }

    /// A worker is about to wait, and to pick nothing: others fill what room there is. It may be them that it waits for.
    pub(crate) fn invite(&self, worker: WorkerId) {
        let mut post = self.inbox(worker);
        if !post.queue.must_wait() {
            post.call(Room::Updates, &self.activity);
        }
        self.pass_on(&mut post);
    }

    /// The session that sent this, if one did.
    pub(crate) fn session_of(&self, envelope: &Parcel<M>) -> Option<SourceId> {
        match envelope.header.from {
            Party::Source(source) if self.plan.names().is_session(source) => Some(source),
            _ => None,
        }
    }

    /// Sees which life each worker is in now, if lives follow on lives.
    pub(crate) fn look_at_lives(&self, seen: &mut Seen) {
        if let Some(census) = &self.census {
            census.look(seen);
        }
    }

    /// A life of a worker has ended: its queue is seen to. The next life, if there is to be one.
    pub(crate) fn end_life(&self, worker: WorkerId, now: Time, news: &mut News) -> Option<Incarnation> {
        let mut post = self.inbox(worker);
        let mut end = || post.with(self, news, |inbox, clerk| inbox.end_life_queued(now, clerk));
        let (life, nth) = match &self.census {
            Some(census) => census.end(worker, end),
            None => (end(), 0),
        };
        post.log.close(Act::EndLife { nth });
        if !post.queue.must_wait() {
            post.call(Room::Updates, &self.activity);
        }
        drop(post);
        self.tell(news);
        life
    }

    /// What a shard does next, if there is anything.
    pub(crate) fn next_errand(&self, post: &mut Open<'_, ShardDesk<M>>) -> Option<ShardErrand<M>> {
        let errand = match post.queue.take_next()? {
            ShardTask::Deliver(envelope) => {
                post.say(self, What::Route, &envelope, Act::Route { to: envelope.header.to });
                ShardErrand::Deliver(envelope)
            }
            ShardTask::Lose(first) => {
                // Those behind it whose turn it is and that are for the same target go along, under one lock.
                let (to, mut lost) = (first.header.to, vec![first]);
                while post.queue.due().next().is_some_and(|next| next.header.to == to) {
                    lost.extend(post.queue.take_lost());
                }
                ShardErrand::Lose(lost)
            }
        };
        if !post.queue.must_wait() {
            post.call(Room::Updates, &self.activity);
        }
        Some(errand)
    }

    /// Tells an inbox that updates were dropped on their way to it.
    pub(crate) fn lose(&self, lost: Vec<Parcel<M>>, news: &mut News) {
        let Some(to) = lost.first().map(|first| first.header.to) else { return };
        let mut post = self.inbox(to);
        let many = u32::try_from(lost.len()).expect("no more wait than the limit");
        post.with(self, news, |inbox, clerk| {
            for envelope in lost {
                inbox.lose(envelope, clerk);
                inbox.settle(clerk);
            }
        });
        post.log.close(Act::Lose { many });
        if post.queue.has_work() {
            post.wake_owner(&self.activity);
        }
        drop(post);
        self.tell(news);
    }

    /// Tells senders and sessions of drops, each under its own lock.
    pub(crate) fn tell(&self, news: &mut News) {
        for sender in news.nacks.drain(..).filter(|sender| sender.index() < self.inboxes.len()) {
            let mut post = self.inbox(sender);
            post.queue.nacked();
            post.log.close(Act::Nacked);
            post.log.pause();
        }
        for session in news.dropped_ops.drain(..) {
            self.end_op(session, None);
        }
    }

    /// Publishes what a worker has handled or knows to be gone, and lets it forget what is published.
    pub(crate) fn publish(&self, worker: &mut Worker<M>) {
        let post = self.inbox(worker.id());
        let settled: Vec<_> = post.queue.settled(|envelope| (envelope.header.from, envelope.header.number)).collect();
        drop(post);
        let mut watermark = self.watermark.lock().unwrap_or_else(PoisonError::into_inner);
        watermark.publish(worker.id(), &settled);
        worker.prune(&watermark);
    }

    /// So many messages of a source were taken into a queue.
    pub(crate) fn count_fed(&self, many: usize) {
        self.fed.fetch_add(many as u64, Ordering::Relaxed);
    }

    /// How many messages of sources were taken into a queue.
    pub(crate) fn fed(&self) -> u64 {
        self.fed.load(Ordering::Relaxed)
    }

    /// Where a worker shows what it has come to.
    pub(crate) fn gauge(&self, worker: WorkerId) -> MutexGuard<'_, Gauge> {
        self.gauges[worker.index()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the run has come to so far.
    pub(crate) fn metrics(&self) -> Metrics {
        let mut metrics = Metrics { elapsed: self.started.elapsed(), fed: self.fed(), ..Metrics::default() };
        for (worker, name) in self.plan.names().workers() {
            let gauge = self.gauge(worker);
            metrics.add(gauge.counts.iter().copied());
            metrics.latency.insert(name.to_owned(), gauge.latency.clone());
            drop(gauge);
            let post = self.inbox(worker);
            metrics.add(post.counts());
            metrics.note_queues(name, &post.queue);
        }
        self.shards.iter().for_each(|shard| metrics.add(shard.open().counts()));
        metrics.sum_up();
        metrics
    }

    /// All queues with their logs, and what the workers show of themselves, when all threads have ended.
    pub(crate) fn into_queues(self) -> (Vec<InboxDesk<M>>, Vec<ShardDesk<M>>, Vec<Gauge>) {
        let inboxes = self.inboxes.into_iter().map(|station| station.into_inner().into_queue());
        let shards = self.shards.into_iter().map(|station| station.into_inner().into_queue());
        let gauges = self
            .gauges
            .into_iter()
            .map(|gauge| gauge.into_inner().into_inner().unwrap_or_else(PoisonError::into_inner));
        (inboxes.collect(), shards.collect(), gauges.collect())
    }
}

impl<M: StateMachine> Overseen for Transport<'_, M> {
    fn rouse(&self, worker: WorkerId) {
        self.inbox(worker).rouse_owner(&self.activity);
    }

    fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }
}

/// Who sent an update, and as which of its updates: a sender's own entry in a clock counts what it has sent.
pub(crate) fn serial_of<M: StateMachine>(envelope: &Parcel<M>) -> (WorkerId, u32) {
    let sender = envelope.header.from.worker().expect("only workers send updates");
    (sender, envelope.header.clock.get(sender))
}
