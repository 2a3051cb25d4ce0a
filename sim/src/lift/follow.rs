//! Doing what was recorded, act by act.
//!
//! Among the lanes that may be able to go on, the first is asked. Whoever cannot go on waits, and is asked again when that
//! changes for which it waits; so an act costs about the same however many lanes there are.

use std::collections::{BTreeMap, BTreeSet};

use raddle_core::recording::{Act as Recorded, Handling, Recording, Said, counts_deaths, inbox_lane, shard_lane};
use raddle_core::{
    Codec, Digester, EventRef, Hop, Input, InputKind, Lane as Place, MessageId, Names, Party, Recorder, Root, Sink,
    SourceId, StateMachine, Time, WorkerId,
};

use super::difference::{Difference, act_in_words};
use super::lanes::{Bounds, Lane, handled};
use super::{Keep, place};
use crate::actions::{Act, Actions, Decision};
use crate::faults::Fault;
use crate::run::Runner;
use crate::sessions::is_op;
use crate::strategy::Strategy;
use crate::world::World;

/// Follows one recording.
pub(super) struct Follow<'a, M: StateMachine> {
    runner: &'a mut Runner<M>,
    ears: Ears<'a, M>,
    lanes: Vec<Lane<'a>>,
    bounds: Bounds,
    cut: Option<String>,
    is_judged: bool,
    /// Lanes that may be able to go on.
    candidates: BTreeSet<usize>,
    /// Lanes that wait for what anything may bring: for a session, for news, for the end of a life.
    waiting: BTreeSet<usize>,
    counts_deaths: bool,
    deaths: u32,
    /// Where that counts, by how many lives had ended: how many inputs were handled then and are not yet. The next life ends
    /// after these.
    unhandled: BTreeMap<u32, u64>,
    time: Option<Time>,
}

/// Whoever hears what happens.
pub(super) struct Ears<'a, M: StateMachine> {
    said: Said,
    codec: Option<Codec<M>>,
    digester: &'a mut Digester,
    recorder: Option<&'a mut Recorder<M>>,
    events: &'a mut u64,
}

/// What came of an act.
enum Came {
    /// It was done.
    Done,
    /// It cannot come yet.
    Not,
    /// It came, and something else with it.
    Other(Difference),
}

impl<'a, M: StateMachine> Ears<'a, M> {
    pub(super) fn new(
        codec: Option<Codec<M>>,
        digester: &'a mut Digester,
        recorder: Option<&'a mut Recorder<M>>,
        events: &'a mut u64,
    ) -> Self {
        Self { said: Said::default(), codec, digester, recorder, events }
    }
}

impl<M: StateMachine> Sink<M> for Ears<'_, M> {
    fn event(&mut self, event: EventRef<'_>, input: Option<&Input<M>>) {
        *self.events += 1;
        if matches!(event.lane, Place::Worker(_)) {
            self.said.hear(event, input, self.codec.as_ref());
        }
        self.digester.event(event, input);
        if let Some(recorder) = &mut self.recorder {
            recorder.event(event, input);
        }
    }
}

/// Handlers choose what they draw, as they do in a real run.
struct AsDrawn;

impl Strategy for AsDrawn {
    fn begin(&mut self, _: u64) {}

    fn choose(&mut self, _: &Actions<'_>) -> usize {
        0
    }
}

impl<'a, M: StateMachine> Follow<'a, M> {
    pub(super) fn new(runner: &'a mut Runner<M>, recording: &'a Recording, is_judged: bool, ears: Ears<'a, M>) -> Self {
        let names = &runner.conditions().names;
        let bounds = Bounds::of(names);
        let lanes = recording.lanes.iter().enumerate().map(|(at, bytes)| Lane::new(bytes, at, bounds)).collect();
        let counts_deaths = counts_deaths(&runner.conditions().policies);
        let unhandled = if counts_deaths { handled(recording, names) } else { BTreeMap::new() };
        runner.begin(recording.head.seed, &mut AsDrawn);
        Self {
            candidates: (0..recording.lanes.len()).collect(),
            waiting: BTreeSet::new(),
            cut: recording.cut.clone(),
            runner,
            ears,
            lanes,
            bounds,
            is_judged,
            unhandled,
            counts_deaths,
            deaths: 0,
            time: None,
        }
    }

    /// Why there is no more, if it is not all.
    pub(super) fn cut(self) -> Option<String> {
        let names = &self.runner.conditions().names;
        let mut broken = self.lanes.iter().enumerate().filter_map(|(at, lane)| Some((at, lane.broken?)));
        let broken = broken.next().map(|(lane, at)| format!("byte {at} of {} begins no act", place(lane, names)));
        self.cut.or(broken)
    }

    /// Does all that was recorded; what else came of it, if anything. The schedule is written down if it is wanted.
    /// Ends where no more is to be kept.
    pub(super) fn run(&mut self, schedule: &mut Option<Vec<Decision>>, keep: Keep) -> Option<Difference> {
        while let Some(lane) = self.candidates.pop_first() {
            let Some(act) = self.lanes[lane].head() else { continue };
            if let Keep::Beginning { events, steps } = keep {
                let is_enough = if *self.ears.events >= events {
                    Some(format!("no more than {events} events were asked for"))
                } else {
                    let is_there = self.runner.world.moment().step >= steps;
                    is_there.then(|| format!("no more than {steps} steps were asked for"))
                };
                if is_enough.is_some() {
                    self.cut = is_enough;
                    return None;
                }
            }
            match self.attempt(lane, act, schedule) {
                Came::Done => {}
                Came::Other(difference) => return Some(difference),
                Came::Not => {
                    if self.waits_for_anything(act) {
                        self.waiting.insert(lane);
                    }
                }
            }
        }
        let names = &self.runner.conditions().names;
        let (lane, act) = (0..self.lanes.len()).find_map(|lane| Some((lane, self.lanes[lane].head()?)))?;
        let is_whole = self.cut.is_none() && self.lanes.iter().all(|lane| lane.broken.is_none());
        let recorded = act_in_words(act, names);
        is_whole.then(|| Difference::Impossible { place: place(lane, names), recorded })
    }

    const fn waits_for_anything(&self, act: Recorded<'_>) -> bool {
        match act {
            Recorded::Ask { .. } | Recorded::Nacked | Recorded::Expire { .. } | Recorded::EndLife { .. } => true,
            Recorded::Pick | Recorded::PickAlong | Recorded::Start(_) | Recorded::Fire { .. } => self.counts_deaths,
            _ => false,
        }
    }

    fn world(&self) -> &World<M> {
        &self.runner.world
    }

    /// Does what comes next in a lane, if it can come.
    fn attempt(&mut self, lane: usize, act: Recorded<'_>, schedule: &mut Option<Vec<Decision>>) -> Came {
        let workers = self.bounds.workers;
        if lane >= 2 * workers {
            return self.at_shard(lane, act, schedule);
        }
        let worker = WorkerId::at(lane / 2);
        let world = self.world();
        let pushes = |by| world.next_hop(by) == Some(Hop::Inbox(worker));
        let (time, to_do) = match act {
            Recorded::Take { source } => (None, message(world, source, worker)),
            Recorded::Ask { session, now } => (Some(now), message(world, session, worker)),
            Recorded::Push { by } => (None, (pushes(by) && world.may_push_now(by)).then_some(Act::Push(by))),
            Recorded::Stall { by } => (None, (pushes(by) && world.may_stall(by)).then_some(Act::Stall(by))),
            Recorded::Deliver => (None, in_hand_for(world, worker).map(Act::Hand)),
            Recorded::Lose { many } => return self.lose(lane, worker, many, schedule),
            Recorded::Expire { session, now } => {
                self.tell_time(now);
                (Some(now), candidate(self.world(), worker, |id| is_op(id) && is_of(id, session)))
            }
            Recorded::Pick if !world.is_idle(worker) => (None, None),
            Recorded::Pick | Recorded::PickAlong => return self.pick(worker, schedule),
            Recorded::Idle => {
                let both = !lane.is_multiple_of(2) && self.lanes[lane - 1].head() == Some(Recorded::Idle);
                (None, (both && world.may_pick(worker)).then_some(Act::Pick(worker)))
            }
            Recorded::Kill { now } => (Some(now), world.may_crash(worker).then_some(Act::Fault(Fault::Crash(worker)))),
            Recorded::Nacked => (None, world.may_tell(worker).then_some(Act::Tell(worker))),
            Recorded::EndLife { nth } => {
                let is_next = nth == self.deaths.wrapping_add(1) && !self.unhandled.contains_key(&self.deaths);
                let is_its_turn = !self.counts_deaths || is_next;
                (None, (is_its_turn && world.may_end_life(worker)).then_some(Act::EndLife(worker)))
            }
            Recorded::Start(handling) => {
                let start = if self.is_its_time(handling) { start(world, worker) } else { None };
                return self.handle(lane, worker, start, handling, schedule);
            }
            Recorded::Fire { nth, handling } => {
                if !self.is_its_time(handling) || !world.is_idle(worker) {
                    return Came::Not;
                }
                self.tell_time(handling.now);
                let is_it = |id: &MessageId| matches!(id.chain(), Root::Timer(_, _, of) if of == nth);
                let timer = candidate(self.world(), worker, is_it);
                return self.handle(lane, worker, timer, handling, schedule);
            }
            Recorded::Handle(_) | Recorded::Route => (None, None),
        };
        let Some(to_do) = to_do else { return Came::Not };
        let before = self.world().deliveries();
        self.perform(to_do, time, schedule);
        if let (Recorded::Idle, true) = (act, self.world().deliveries() > before) {
            return self.impossible(lane, act);
        }
        self.deaths += u32::from(matches!(act, Recorded::EndLife { .. }));
        self.advance(lane);
        match act {
            Recorded::Push { by } => self.wake_sender(by),
            Recorded::Deliver => self.wake_shard_of(worker),
            Recorded::Idle => self.advance(lane - 1),
            Recorded::EndLife { .. } | Recorded::Nacked | Recorded::Kill { .. } => self.wake_worker(worker),
            _ => {}
        }
        Came::Done
    }

    fn at_shard(&mut self, lane: usize, act: Recorded<'_>, schedule: &mut Option<Vec<Decision>>) -> Came {
        let shard = (lane - 2 * self.bounds.workers) as u32;
        let world = self.world();
        let pushes = |by| world.next_hop(by) == Some(Hop::Shard(shard));
        let to_do = match act {
            Recorded::Push { by } if pushes(by) && world.may_push_now(by) => Act::Push(by),
            Recorded::Stall { by } if pushes(by) && world.may_stall(by) => Act::Stall(by),
            Recorded::Route if world.may_take_in_hand(shard) => Act::Route(shard),
            _ => return Came::Not,
        };
        self.perform(to_do, None, schedule);
        self.advance(lane);
        if let Recorded::Push { by } = act {
            self.wake_sender(by);
        }
        self.wake_shard(shard);
        Came::Done
    }

    /// A shard tells of so many dropped updates.
    fn lose(&mut self, lane: usize, worker: WorkerId, many: u32, schedule: &mut Option<Vec<Decision>>) -> Came {
        let Some(shard) = stones_for(self.world(), worker, many) else { return Came::Not };
        (0..many).for_each(|_| self.perform(Act::Bury(shard), None, schedule));
        self.advance(lane);
        self.wake_shard(shard);
        Came::Done
    }

    /// A worker picks an input and handles it, as its own lane says; and those that it takes along.
    fn pick(&mut self, worker: WorkerId, schedule: &mut Option<Vec<Decision>>) -> Came {
        let lane = inbox_lane(worker);
        let mut came = self.pick_one(worker, schedule);
        while let (Came::Done, Some(Recorded::PickAlong)) = (&came, self.lanes[lane].head()) {
            came = self.pick_one(worker, schedule);
        }
        // And the pick behind them that took nothing: nobody can have come between.
        if let (Came::Done, Some(idle @ Recorded::Idle)) = (&came, self.lanes[lane].head())
            && let Came::Other(difference) = self.attempt(lane, idle, schedule)
        {
            return Came::Other(difference);
        }
        came
    }

    fn pick_one(&mut self, worker: WorkerId, schedule: &mut Option<Vec<Decision>>) -> Came {
        let lane = inbox_lane(worker);
        let Some(Recorded::Handle(handling)) = self.lanes[lane - 1].head() else { return Came::Not };
        let may = self.is_its_time(handling) && self.world().may_pick(worker);
        let came = self.handle(lane - 1, worker, may.then_some(Act::Pick(worker)), handling, schedule);
        if let Came::Done = came {
            self.advance(lane);
        }
        came
    }

    /// An input is handled; compares what is said with what was.
    fn handle(
        &mut self,
        lane: usize,
        worker: WorkerId,
        to_do: Option<Act>,
        handling: Handling<'_>,
        schedule: &mut Option<Vec<Decision>>,
    ) -> Came {
        let Some(to_do) = to_do else { return Came::Not };
        let before = self.world().deliveries();
        if handling.said.is_none() {
            self.perform(Act::Fault(Fault::Doom(worker)), Some(handling.now), schedule);
        }
        self.perform(to_do, Some(handling.now), schedule);
        if self.world().deliveries() == before {
            return self.impossible(inbox_lane(worker), Recorded::Pick);
        }
        let names = &self.runner.conditions().names;
        let header = &self.runner.world.current.header;
        match (handling.said, self.ears.said.bytes()) {
            (Some(recorded), Some(came)) => {
                if let Some(difference) = Difference::said(header, recorded, came, names, self.ears.codec.as_ref()) {
                    return Came::Other(difference);
                }
            }
            (None, None) => {}
            // It was turned away before anybody could die of it.
            _ => return self.impossible(lane, Recorded::Handle(handling)),
        }
        self.note_handled(handling);
        self.advance(lane);
        self.wake_worker(worker);
        self.wake_sender(worker);
        Came::Done
    }

    fn note_handled(&mut self, handling: Handling<'_>) {
        if let Some(left) = self.unhandled.get_mut(&handling.deaths) {
            *left -= 1;
            if *left == 0 {
                self.unhandled.remove(&handling.deaths);
            }
        }
    }

    /// Whether as many lives have ended as when this was handled.
    const fn is_its_time(&self, handling: Handling<'_>) -> bool {
        !self.counts_deaths || handling.deaths == self.deaths
    }

    fn tell_time(&mut self, now: Time) {
        self.time = Some(now);
        self.runner.world.tell_time(now);
    }

    fn perform(&mut self, act: Act, time: Option<Time>, schedule: &mut Option<Vec<Decision>>) {
        if let Some(now) = time {
            self.tell_time(now);
        }
        if let Some(schedule) = schedule {
            schedule.extend(self.time.take().map(Decision::At));
            schedule.push(self.runner.world.decision(act));
        }
        self.ears.said.clear();
        self.runner.step_act(act, self.is_judged, &mut self.ears);
        if let Some(schedule) = schedule {
            schedule.extend(self.runner.world.chosen().iter().map(|value| Decision::Choose(*value)));
        }
    }

    fn advance(&mut self, lane: usize) {
        self.lanes[lane].advance(self.bounds);
        self.candidates.insert(lane);
        self.candidates.append(&mut self.waiting);
    }

    fn impossible(&self, lane: usize, act: Recorded<'_>) -> Came {
        let names: &Names = &self.runner.conditions().names;
        Came::Other(Difference::Impossible { place: place(lane, names), recorded: act_in_words(act, names) })
    }

    fn wake(&mut self, lane: usize) {
        if lane < self.lanes.len() {
            self.candidates.insert(lane);
        }
    }

    fn wake_worker(&mut self, worker: WorkerId) {
        self.wake(2 * worker.index());
        self.wake(2 * worker.index() + 1);
    }

    /// A worker has sent or pushed: its own lanes, and the lane of its next push, may be able to go on.
    fn wake_sender(&mut self, worker: WorkerId) {
        match self.world().next_hop(worker) {
            None => self.wake_worker(worker),
            Some(Hop::Inbox(to)) => self.wake(inbox_lane(to)),
            Some(Hop::Shard(shard)) => self.wake(shard_lane(self.bounds.workers, shard)),
        }
    }

    fn wake_shard_of(&mut self, worker: WorkerId) {
        if let Some(shard) = self.world().shard_of(worker) {
            self.wake_shard(shard);
        }
    }

    /// A shard has done something: it may do more, and whoever it has something for may take it.
    fn wake_shard(&mut self, shard: u32) {
        self.wake(shard_lane(self.bounds.workers, shard));
        if let Some(to) = self.world().next_of_shard(shard) {
            self.wake(inbox_lane(to));
        }
    }
}

/// The arrival of the next message of a source at a worker.
fn message<M: StateMachine>(world: &World<M>, source: SourceId, worker: WorkerId) -> Option<Act> {
    let ready = world.transit.flight.ready();
    let is_it = |at: &usize| {
        let header = world.transit.slab.header(ready[*at].slot());
        header.from == Party::Source(source) && header.to == worker
    };
    let at = (0..ready.len()).find(is_it)?;
    world.transit.places[worker.index()].inbox.has_external_room().then_some(Act::Deliver(at))
}

/// The start of a worker.
fn start<M: StateMachine>(world: &World<M>, worker: WorkerId) -> Option<Act> {
    let ready = world.transit.flight.ready();
    let is_it = |at: &usize| {
        let header = world.transit.slab.header(ready[*at].slot());
        header.kind() == InputKind::Start && header.to == worker
    };
    (0..ready.len()).find(is_it).map(Act::Deliver)
}

/// The timer of a worker, or what waits there, that is due.
fn candidate<M: StateMachine>(world: &World<M>, worker: WorkerId, is_it: impl Fn(&MessageId) -> bool) -> Option<Act> {
    let due = world.timers.candidates();
    due.iter().position(|(at, id)| *at == worker && is_it(id)).map(Act::Fire)
}

fn is_of(id: &MessageId, session: SourceId) -> bool {
    matches!(id.chain(), Root::External(of, _) if of == session)
}

/// The shard that has an update for this worker in hand.
fn in_hand_for<M: StateMachine>(world: &World<M>, worker: WorkerId) -> Option<u32> {
    let shard = world.shard_of(worker)?;
    (world.may_hand(shard) && world.next_of_shard(shard) == Some(worker)).then_some(shard)
}

/// The shard whose next so many tombstones are for this worker.
fn stones_for<M: StateMachine>(world: &World<M>, worker: WorkerId, many: u32) -> Option<u32> {
    let shard = world.shard_of(worker)?;
    let due = world.shards[shard as usize].due().take(many as usize);
    let mine = due.filter(|slot| world.transit.slab.header(**slot).to == worker).count();
    (world.may_bury(shard) && mine == many as usize).then_some(shard)
}
