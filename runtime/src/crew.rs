//! The parties of a run: what a worker, a source and a shard do from their start to their end.
//!
//! A source and a shard have a thread each. Workers share as many threads as the run has for them: a thread gives its
//! workers turns, one batch of inputs each. When none of them has work it gives up its processor a few times, in case the
//! other end is about to answer, and then sleeps: waking a thread costs many times what a message costs, and spinning takes
//! the processor from who has work.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use raddle_core::{
    Cause, Handled, Incarnation, Input, MessageId, Moment, Outbox, Outputs, Recovery, Root, StateMachine, Time, Worker,
    WorkerId,
};

use crate::census::Seen;
use crate::hands::{Death, Hands};
use crate::log::{Act, Log, Parcel};
use crate::seat::{Seat, Waker, Yields};
use crate::station::Phase;
use crate::transport::{Porter, Push, ShardErrand, Transport};

/// One worker of a run.
pub(crate) struct Work<'a, M: StateMachine> {
    transport: &'a Transport<'a, M>,
    porter: Porter,
    /// Who runs the handlers, if not this thread.
    hands: Option<Box<dyn Hands<M>>>,
    out: Outbox<M::Update>,
    outputs: Outputs<'a, M>,
    handled: u64,
    /// Which life each worker was in when the inputs were taken that are in hand.
    lives: Seen,
    /// The start of its life, if that is an input and not handled yet.
    start: Option<Parcel<M>>,
    /// The inputs in hand, and whether they were sent to where the handlers run.
    batch: Vec<(Parcel<M>, bool)>,
    /// Whether behind them a pick took nothing out.
    is_idle_behind: bool,
    /// When its life ended, if what that left is not seen to yet.
    ended: Option<Moment>,
    /// Whether it is dead because its process is.
    is_killed: bool,
    /// Timers and inbox take turns when both have something.
    timers_turn: bool,
    /// When it last began to handle, unless it has slept since, and whether it had taken long from the time before to then.
    began: Option<Time>,
    is_slow: bool,
    left: WorkerLeft<M>,
}

/// What a worker leaves.
pub(crate) struct WorkerLeft<M: StateMachine> {
    pub(crate) worker: Worker<M>,
    pub(crate) log: Log<M>,
    /// Sent, and not pushed before the run was halted; the first one waited for room.
    pub(crate) unsent: VecDeque<Parcel<M>>,
    /// How its processes died.
    pub(crate) deaths: Vec<Death>,
    /// Whether the machine is in the state in which the run left it.
    pub(crate) is_state_known: bool,
}

/// What a shard leaves: an update that waited for room when the run was halted.
pub(crate) type ShardLeft<M> = Option<Parcel<M>>;

/// What a worker has done with its turn.
enum Turn {
    /// Something.
    Worked,
    /// Nothing, as it may take nothing just now.
    Held,
    /// Nothing, as nothing has come; it has not lain down yet.
    Idle,
    /// It sleeps until it is called; or until then, if it naps.
    Sleeps(Option<Time>),
    /// The run is over.
    Over,
}

enum Next<M: StateMachine> {
    Start(Parcel<M>),
    Batch,
    Timer(MessageId),
    /// It seems that nobody is there who could handle anything.
    Gone,
    None(Turn),
}

impl<'a, M: StateMachine> Work<'a, M> {
    pub(crate) fn new(
        transport: &'a Transport<'a, M>,
        worker: Worker<M>,
        hands: Option<Box<dyn Hands<M>>>,
        seed: u64,
        waker: Waker,
    ) -> Self {
        let lives = Seen::new(transport.plan.names().worker_count());
        let log = transport.worker_log(worker.id());
        let mut work = Self {
            hands,
            transport,
            porter: Porter::new(waker),
            out: transport.plan.outbox(seed),
            outputs: Outputs::new(lives.life_of()),
            lives,
            start: None,
            batch: Vec::new(),
            is_idle_behind: false,
            ended: None,
            handled: 0,
            is_killed: false,
            timers_turn: false,
            began: None,
            is_slow: false,
            left: WorkerLeft { log, worker, unsent: VecDeque::new(), deaths: Vec::new(), is_state_known: true },
        };
        let speaks = transport.plan.starts(work.left.worker.id());
        work.begin_life(Incarnation(0), speaks);
        work
    }

    /// Which worker.
    pub(crate) const fn worker(&self) -> WorkerId {
        self.left.worker.id()
    }

    /// Pushes what is left to push, and handles what is next. If nothing is, it lies down if it may.
    fn turn(&mut self, may_lie_down: bool) -> Turn {
        if let Some(turn) = self.push_unsent() {
            return turn;
        }
        if let Some(moment) = self.ended.take() {
            self.end_life(moment);
        }
        match self.next(may_lie_down) {
            Next::None(turn) => turn,
            Next::Start(start) => {
                self.transport.look_at_lives(&mut self.lives);
                self.batch.push((start, false));
                self.handle_batch(|now, deaths| Act::Start { now, deaths })
            }
            Next::Batch => self.handle_batch(|now, deaths| Act::Handle { now, deaths }),
            Next::Timer(id) => {
                self.transport.look_at_lives(&mut self.lives);
                let nth = if let Root::Timer(_, _, nth) = id.chain() { nth } else { 0 };
                let timer = self.left.worker.fire(&id).expect("only its own worker takes a timer back");
                self.batch.push((Box::new(timer), false));
                self.handle_batch(|now, deaths| Act::Fire { nth, now, deaths })
            }
            Next::Gone => {
                self.look_after();
                Turn::Worked
            }
        }
    }

    /// Handles what is in hand, and pushes what it sends.
    fn handle_batch(&mut self, act: impl Fn(Time, u32) -> Act) -> Turn {
        let moment = Moment { step: 0, time: self.transport.now() };
        let before = self.began.replace(moment.time);
        self.is_slow = before.is_some_and(|before| moment.time > before.after(SLOW));
        let mut batch = std::mem::take(&mut self.batch);
        self.transport.empties.even_out(self.outputs.spare());
        let mut gauge = self.transport.gauge(self.worker());
        for (input, _) in &batch {
            gauge.latency.note(input.header.kind(), input.header.sent_at, moment.time);
        }
        drop(gauge);
        if let Some(hands) = &mut self.hands {
            let (worker, rules) = (&self.left.worker, &self.transport.rules);
            for (input, is_sent) in &mut batch {
                *is_sent = worker.send_away(input, rules, moment, |errand| hands.send(errand));
            }
        }
        for (input, is_sent) in batch.drain(..) {
            self.handle(input, is_sent, moment, &act);
        }
        self.batch = batch;
        if std::mem::take(&mut self.is_idle_behind) {
            self.left.log.close(Act::Idle);
        }
        if self.transport.is_watched {
            let mut gauge = self.transport.gauge(self.worker());
            gauge.counts.clear();
            gauge.counts.extend(self.left.log.counts());
        }
        if let Some(hands) = &mut self.hands {
            hands.rest();
        }
        self.left.unsent.extend(self.outputs.drain());
        self.push_unsent().unwrap_or(Turn::Worked)
    }

    /// Handles one input.
    fn handle(&mut self, mut input: Parcel<M>, is_sent: bool, moment: Moment, act: impl FnOnce(Time, u32) -> Act) {
        let WorkerLeft { worker, log, .. } = &mut self.left;
        let rules = &self.transport.rules;
        let session = self.transport.session_of(&input);
        let (out, outputs) = (&mut self.out, &mut self.outputs);
        let handled = match &mut self.hands {
            None => {
                let mut taken = Some(std::mem::replace(&mut input.input, Input::Start));
                worker.handle_parts(&input.header, &mut taken, rules, moment, out, outputs, log)
            }
            Some(hands) => {
                let is_killed = &mut self.is_killed;
                let receive = || {
                    let answer = hands.receive();
                    *is_killed = answer.is_none();
                    answer
                };
                worker.handle_away(&input.header, rules, moment, out, outputs, log, is_sent, receive)
            }
        };
        log.close(act(moment.time, self.lives.ended()));
        self.handled += 1;
        if rules.is_watermark_due(self.handled) {
            self.transport.publish(worker);
        }
        if let Some(session) = session {
            self.transport.end_op(session, Some(worker).filter(|_| handled == Handled::Done).as_deref());
        }
        if handled == Handled::Crashed {
            self.ended = Some(moment);
        }
        self.outputs.take_back(input);
    }

    /// Pushes what is sent and not pushed, in program order. What its turn comes to, if not all of that can be.
    fn push_unsent(&mut self) -> Option<Turn> {
        while !self.left.unsent.is_empty() {
            match self.transport.send(&mut self.left.unsent, &mut self.porter) {
                Push::Done => {}
                Push::Full => self.transport.invite(self.worker()),
                Push::Waits => {
                    self.began = None;
                    self.left.log.pause();
                    return Some(Turn::Sleeps(None));
                }
                Push::Halted => return Some(Turn::Over),
            }
        }
        None
    }

    /// The start of a life, which is an input if it says something.
    fn begin_life(&mut self, life: Incarnation, speaks: bool) {
        let start = self.transport.plan.start(self.left.worker.id(), life);
        if speaks {
            self.start = Some(Box::new(start));
        } else if self.hands.is_none() {
            self.left.worker.start_silently(&start.header, &mut self.out);
        }
    }

    /// What is left of a life that has ended is seen to, and the next begins, if there is to be one. A worker without one
    /// goes on, so that what comes is accounted for.
    fn end_life(&mut self, moment: Moment) {
        let (transport, worker) = (self.transport, self.left.worker.id());
        if let Some(life) = transport.end_life(worker, moment.time, &mut self.porter.news) {
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
    fn come_home(mut self) -> WorkerLeft<M> {
        if let Some(hands) = &mut self.hands {
            let machine = hands.end();
            self.left.is_state_known = machine.is_some() || self.is_killed;
            machine.into_iter().for_each(|machine| self.left.worker.come_home(machine));
            self.left.deaths = hands.deaths();
        }
        self.left
    }

    /// What is next.
    fn next(&mut self, may_lie_down: bool) -> Next<M> {
        let timer = self.first_timer();
        let mut post = self.transport.inbox(self.left.worker.id());
        if post.phase() == Phase::Halted {
            return Next::None(Turn::Over);
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
            let policies = self.transport.plan.policies();
            let mut along = false;
            while (!along || policies.may_take_along(self.batch.len() as u32)) && post.queue.has_work() {
                let picked = self.transport.pick(&mut post, along, self.is_slow, &mut self.porter.news);
                self.is_idle_behind = picked.is_none();
                let Some(input) = picked else { break };
                self.batch.push((input, false));
                along = true;
            }
            if !self.batch.is_empty() {
                self.timers_turn = true;
                // While the inbox is locked: both happen at one moment.
                self.transport.look_at_lives(&mut self.lives);
                drop(post);
                self.transport.tell(&mut self.porter.news);
                return Next::Batch;
            }
            // The core takes nothing in this time, because this worker was nacked, or what it took is stale.
            drop(post);
            self.is_idle_behind = false;
            self.left.log.close(Act::Idle);
            self.transport.tell(&mut self.porter.news);
            return Next::None(Turn::Held);
        }
        if !may_lie_down {
            return Next::None(Turn::Idle);
        }
        self.began = None;
        post.log.pause();
        self.left.log.pause();
        let deadline =
            timer.map(|(deadline, _)| deadline).filter(|deadline| self.transport.instant(*deadline).is_some());
        match deadline {
            Some(_) => post.nap(),
            None => post.sleep(&self.transport.activity),
        }
        Next::None(Turn::Sleeps(deadline))
    }

    /// The timer that is due first; of several, the one that was set first.
    fn first_timer(&self) -> Option<(Time, MessageId)> {
        let first = self.left.worker.timers().iter().min_by_key(|timer| timer.deadline)?;
        Some((first.deadline, first.id.clone()))
    }
}

/// The thread of some workers: gives each its turns until the run is over.
pub(crate) fn work<'a, M: StateMachine>(
    transport: &Transport<'a, M>,
    seat: &Seat,
    mut workers: Vec<Work<'a, M>>,
    yield_budget: u32,
) -> Vec<WorkerLeft<M>> {
    let mut turns: VecDeque<usize> = (0..workers.len()).collect();
    let mut naps: BTreeSet<(Time, usize)> = BTreeSet::new();
    let mut nap_of: Vec<Option<Time>> = vec![None; workers.len()];
    let (mut at_work, mut yields) = (workers.len(), Yields::new(yield_budget));
    while at_work > 0 {
        seat.take_calls(&mut turns);
        if !naps.is_empty() {
            let now = transport.now();
            while let Some((_, at)) = naps.first().copied().filter(|(until, _)| *until <= now) {
                naps.pop_first();
                nap_of[at] = None;
                if transport.end_nap(workers[at].worker()) {
                    turns.push_back(at);
                }
            }
        }
        let Some(at) = turns.pop_front() else {
            seat.sleep(naps.first().and_then(|(until, _)| transport.instant(*until)));
            continue;
        };
        if let Some(until) = nap_of[at].take() {
            naps.remove(&(until, at));
        }
        let may_lie_down = !yields.are_left() || !turns.is_empty();
        match workers[at].turn(may_lie_down) {
            Turn::Worked => {
                yields.renew();
                turns.push_back(at);
            }
            Turn::Held => {
                turns.push_back(at);
                if yields.are_left() {
                    yields.give_way();
                }
            }
            Turn::Idle => {
                turns.push_back(at);
                yields.give_way();
            }
            Turn::Sleeps(until) => {
                yields.has_slept();
                naps.extend(until.map(|until| (until, at)));
                nap_of[at] = until;
            }
            Turn::Over => at_work -= 1,
        }
    }
    workers.into_iter().map(Work::come_home).collect()
}

/// The thread of one shard: takes updates from its ingress and pushes them into their inboxes, one after the other.
pub(crate) fn carry<M: StateMachine>(transport: &Transport<'_, M>, shard: u32, yield_budget: u32) -> ShardLeft<M> {
    let station = transport.shard(shard);
    let mut porter = Porter::new(station.owner().clone());
    let mut yields = Yields::new(yield_budget);
    let mut in_hand = VecDeque::with_capacity(1);
    loop {
        let mut post = station.open();
        if post.phase() == Phase::Halted {
            return None;
        }
        match transport.next_errand(&mut post) {
            Some(errand) => {
                drop(post);
                yields.renew();
                match errand {
                    ShardErrand::Lose(lost) => transport.lose(lost, &mut porter.news),
                    ShardErrand::Deliver(update) => {
                        in_hand.push_back(update);
                        if hand_over(transport, &mut in_hand, shard, &mut porter) == Push::Halted {
                            return in_hand.pop_front();
                        }
                    }
                }
            }
            None if yields.are_left() => {
                drop(post);
                yields.give_way();
            }
            None => {
                post.log.pause();
                station.sleep(post, &transport.activity);
                yields.has_slept();
            }
        }
    }
}

/// A shard pushes what it has in hand, however long it must wait, unless the run is halted before there is room.
fn hand_over<M: StateMachine>(
    transport: &Transport<'_, M>,
    in_hand: &mut VecDeque<Parcel<M>>,
    shard: u32,
    porter: &mut Porter,
) -> Push {
    loop {
        match transport.deliver(in_hand, shard, porter) {
            Push::Full => {}
            Push::Waits => porter.waker.seat().wait(),
            over => return over,
        }
    }
}

/// Who takes so long from batch to batch makes nobody wait longer for the sake of a wake-up.
const SLOW: Duration = Duration::from_micros(50);
