//! The threads of a run: what a worker's, a source's and a shard's thread does from its start to its end.
//!
//! A thread without work gives up its turn a few times, in case the other end is about to answer, and then sleeps:
//! waking a thread costs many times what a message costs, and spinning takes the processor from who has work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use raddle_core::{
    Cause, Envelope, Handled, Incarnation, MessageId, Moment, Outbox, Outputs, Recovery, Root, SourceId, StateMachine,
    Time, Worker, WorkerId,
};

use crate::hands::{Death, Hands};
use crate::log::{Act, Log, News};
use crate::shard::Task;
use crate::station::Phase;
use crate::transport::{Carrier, Transport};

/// The thread of one worker.
pub(crate) struct WorkerThread<'a, M: StateMachine> {
    transport: &'a Transport<'a, M>,
    yield_budget: u32,
    /// Who runs the handlers, if not this thread.
    hands: Option<Box<dyn Hands<M>>>,
    out: Outbox<M::Update>,
    outputs: Outputs<'a, M>,
    news: News,
    handled: u64,
    /// Which life each worker was in when the input was taken that is handled now, and how many had ended.
    lives: Arc<[AtomicU32]>,
    deaths: u32,
    /// The start of its life, if that is an input and not handled yet.
    start: Option<Envelope<M>>,
    /// Whether it is dead because its process is.
    is_killed: bool,
    /// Timers and inbox take turns when both have something.
    timers_turn: bool,
    left: WorkerLeft<M>,
}

/// What a worker's thread leaves.
pub(crate) struct WorkerLeft<M: StateMachine> {
    pub(crate) worker: Worker<M>,
    pub(crate) log: Log<M>,
    /// Sent, and not pushed before the run was halted; the first one waited for room.
    pub(crate) unsent: Vec<Envelope<M>>,
    /// How its processes died.
    pub(crate) deaths: Vec<Death>,
    /// Whether the machine is in the state in which the run left it.
    pub(crate) is_state_known: bool,
}

/// What a shard's thread leaves: an update that waited for room when the run was halted.
pub(crate) type ShardLeft<M> = Option<Envelope<M>>;

enum Next<M: StateMachine> {
    Start(Envelope<M>),
    Input(Envelope<M>),
    Timer(MessageId),
    /// It seems that nobody is there who could handle anything.
    Gone,
    Over,
}

impl<'a, M: StateMachine> WorkerThread<'a, M> {
    pub(crate) fn new(
        transport: &'a Transport<'a, M>,
        worker: Worker<M>,
        hands: Option<Box<dyn Hands<M>>>,
        seed: u64,
        yield_budget: u32,
    ) -> Self {
        let lives: Arc<[AtomicU32]> = transport.plan.names().workers().map(|_| AtomicU32::new(0)).collect();
        let seen = Arc::clone(&lives);
        let life_of = move |worker: WorkerId| {
            Incarnation(seen.get(worker.index()).map_or(0, |life| life.load(Ordering::Relaxed)))
        };
        Self {
            hands,
            transport,
            yield_budget,
            out: transport.plan.outbox(seed),
            outputs: Outputs::new(life_of),
            lives,
            deaths: 0,
            start: None,
            news: News::default(),
            handled: 0,
            is_killed: false,
            timers_turn: false,
            left: WorkerLeft {
                log: transport.worker_log(worker.id()),
                worker,
                unsent: Vec::new(),
                deaths: Vec::new(),
                is_state_known: true,
            },
        }
    }

    /// Handles what comes until the run is over.
    pub(crate) fn run(mut self) -> WorkerLeft<M> {
        let speaks = self.transport.plan.starts(self.left.worker.id());
        self.begin_life(Incarnation(0), speaks);
        let mut go_on = true;
        while go_on {
            go_on = match self.next() {
                Next::Start(envelope) => {
                    self.deaths = self.transport.look_at_lives(&self.lives);
                    self.handle(envelope, |now, deaths| Act::Start { now, deaths })
                }
                Next::Input(envelope) => self.handle(envelope, |now, deaths| Act::Handle { now, deaths }),
                Next::Timer(id) => {
                    self.deaths = self.transport.look_at_lives(&self.lives);
                    let nth = if let Root::Timer(_, _, nth) = id.chain() { nth } else { 0 };
                    let timer = self.left.worker.fire(&id).expect("only its own worker takes a timer back");
                    self.handle(timer, |now, deaths| Act::Fire { nth, now, deaths })
                }
                Next::Gone => {
                    self.look_after();
                    true
                }
                Next::Over => false,
            };
        }
        self.come_home();
        self.left
    }

    /// Handles one input and pushes what it sends. Whether all of that could be pushed.
    fn handle(&mut self, envelope: Envelope<M>, act: impl FnOnce(Time, u32) -> Act) -> bool {
        let moment = Moment { step: 0, time: self.transport.now() };
        let WorkerLeft { worker, log, unsent, .. } = &mut self.left;
        let rules = &self.transport.rules;
        let session = self.transport.session_of(&envelope);
        let (out, outputs) = (&mut self.out, &mut self.outputs);
        let handled = match &mut self.hands {
            None => worker.handle(envelope, rules, moment, out, outputs, log),
            Some(hands) => {
                let is_killed = &mut self.is_killed;
                let send = |errand| {
                    let answer = hands.handle(errand);
                    *is_killed = answer.is_none();
                    answer
                };
                worker.handle_away(envelope, rules, moment, out, outputs, log, send)
            }
        };
        log.close(act(moment.time, self.deaths));
        self.handled += 1;
        if rules.is_watermark_due(self.handled) {
            self.transport.publish(worker);
        }
        if let Some(session) = session {
            self.transport.end_op(session, Some(worker).filter(|_| handled == Handled::Done).as_deref());
        }
        if handled == Handled::Crashed {
            self.end_life(moment);
            return true;
        }
        for output in self.outputs.drain() {
            // Behind one that cannot be pushed nothing is: pushes are in program order.
            unsent.extend(if unsent.is_empty() { self.transport.send(output, &mut self.news) } else { Some(output) });
        }
        unsent.is_empty()
    }

    /// The start of a life, which is an input if it says something.
    fn begin_life(&mut self, life: Incarnation, speaks: bool) {
        let start = self.transport.plan.start(self.left.worker.id(), life);
        if speaks {
            self.start = Some(start);
        } else if self.hands.is_none() {
            self.left.worker.start_silently(&start.header, &mut self.out);
        }
    }

    /// What is left of a life that has ended is seen to, and the next begins, if there is to be one. A worker without one
    /// goes on, so that what comes is accounted for.
    fn end_life(&mut self, moment: Moment) {
        let (transport, worker) = (self.transport, self.left.worker.id());
        if let Some(life) = transport.end_life(worker, moment.time, &mut self.news) {
            let make = || transport.plan.machine(worker);
            self.left.worker.restart(life, make, &transport.rules, moment, &mut self.left.log);
            self.left.log.close(Act::Restart);
            self.is_killed = false;
            let speaks = transport.plan.starts_again(worker);
            if let Some(hands) = &mut self.hands {
                let kept = transport.plan.policies().recovery == Recovery::Durable;
                hands.begin(life, !speaks, kept.then(|| self.left.worker.machine()));
            }
            self.begin_life(life, speaks);
        }
    }

    /// Whoever runs the handlers seems to be gone. If so, this life is over, between two inputs.
    fn look_after(&mut self) {
        if self.hands.as_mut().is_some_and(|hands| hands.are_gone()) {
            self.start = None;
            let moment = Moment { step: 0, time: self.transport.now() };
            self.is_killed = true;
            self.left.worker.crash(Cause::Killed, &self.transport.rules, moment, &mut self.left.log);
            self.left.log.close(Act::Kill { now: moment.time });
            self.end_life(moment);
        }
    }

    /// The run is over: the machine comes home, if it can. What is here of one whose process died is what a next life would
    /// have begun with ([`Worker::lose_state`]).
    fn come_home(&mut self) {
        if let Some(hands) = &mut self.hands {
            let machine = hands.end();
            self.left.is_state_known = machine.is_some() || self.is_killed;
            machine.into_iter().for_each(|machine| self.left.worker.come_home(machine));
            self.left.deaths = hands.deaths();
        }
    }

    /// The next input. Sleeps while there is none.
    fn next(&mut self) -> Next<M> {
        let mut turns_left = self.yield_budget;
        loop {
            let timer = self.first_timer();
            let mut post = self.transport.inbox(self.left.worker.id());
            if post.phase() == Phase::Halted {
                return Next::Over;
            }
            // Asked under the lock, so that nobody who says so is missed.
            let alive = !self.left.worker.is_crashed();
            if alive && self.hands.as_ref().is_some_and(|hands| hands.seem_gone()) {
                return Next::Gone;
            }
            if let Some(start) = self.start.take() {
                return Next::Start(start);
            }
            let timer = timer.filter(|_| post.phase() == Phase::Running);
            if let Some((deadline, id)) = &timer
                && (self.timers_turn || !post.queue.has_work())
                && *deadline <= self.transport.now()
            {
                self.timers_turn = false;
                return Next::Timer(id.clone());
            }
            if post.queue.has_work() {
                if let Some(envelope) = self.transport.pick(&mut post, &mut self.news) {
                    self.timers_turn = true;
                    // While the inbox is locked: both happen at one moment.
                    self.deaths = self.transport.look_at_lives(&self.lives);
                    return Next::Input(envelope);
                }
                // The core takes nothing in this time, because this worker was nacked, or what it took is stale.
                drop(post);
                self.left.log.close(Act::Idle);
                self.transport.tell(&mut self.news);
                thread::yield_now();
            } else if turns_left > 0 {
                turns_left -= 1;
                drop(post);
                thread::yield_now();
            } else {
                match timer.and_then(|(deadline, _)| self.transport.instant(deadline)) {
                    Some(deadline) => drop(post.nap(deadline)),
                    None => drop(post.sleep(&self.transport.activity)),
                }
            }
        }
    }

    /// The timer that is due first; of several, the one that was set first.
    fn first_timer(&self) -> Option<(Time, MessageId)> {
        let first = self.left.worker.timers().iter().min_by_key(|timer| timer.deadline)?;
        Some((first.deadline, first.id.clone()))
    }
}

/// The thread of one source: its messages, in order, as fast as their targets take them. How many they took.
pub(crate) fn feed<M: StateMachine>(transport: &Transport<'_, M>, source: SourceId, messages: u64) -> u64 {
    let mut fed = 0;
    for mut envelope in transport.plan.workload(source, messages) {
        envelope.header.sent_at = transport.now();
        if !transport.feed(envelope, source) {
            break;
        }
        fed += 1;
    }
    transport.activity.leave();
    fed
}

/// The thread of one shard: takes updates from its ingress and pushes them into their inboxes, one after the other.
pub(crate) fn carry<M: StateMachine>(transport: &Transport<'_, M>, shard: u32, yield_budget: u32) -> ShardLeft<M> {
    let mut news = News::default();
    let mut turns_left = yield_budget;
    loop {
        let mut post = transport.shard(shard);
        if post.phase() == Phase::Halted {
            return None;
        }
        match transport.next_task(&mut post) {
            Some(task) => {
                drop(post);
                turns_left = yield_budget;
                match task {
                    Task::Lose(to, lost) => transport.lose(to, lost, &mut news),
                    Task::Deliver(envelope) => {
                        if let Some(in_hand) = transport.deliver(envelope, Carrier::Shard(shard), &mut news) {
                            return Some(in_hand);
                        }
                    }
                }
            }
            None if turns_left > 0 => {
                turns_left -= 1;
                drop(post);
                thread::yield_now();
            }
            None => {
                drop(post.sleep(&transport.activity));
                turns_left = yield_budget;
            }
        }
    }
}
