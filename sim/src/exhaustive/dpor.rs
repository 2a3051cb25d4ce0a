//! Optimal dynamic partial-order reduction: one run of each Mazurkiewicz trace, and, unless workers crash, no run in vain.
//!
//! Abdulla, Aronis, Jonsson, Sagonas, "Optimal Dynamic Partial Order Reduction" (POPL'14; JACM 64(4), 2017), for
//! workers that handle one message at a time. An event is the arrival of a message with the values that its handlers
//! chose, or its loss, or that it is copied, or the crash of a worker, so creation and the order at each worker make up happens-before, and a
//! message once sent can be delivered for ever ([`Trunk`] finds the races, [`Relation`] says what depends on what).
//!
//! ```text
//! Explore(E, Sleep, Wakeup):
//!   at the end of a run, for each race (f, e) of E:
//!     pre = E before f;  v = (all that comes after f in E without depending on it), then e
//!     unless some q in Sleep(pre) is a weak initial of v: insert v into Wakeup(pre)
//!   otherwise: take the first branch p of Wakeup, or, if there is none, the oldest message;
//!     explore E.p with {q in Sleep: q does not depend on p} and what is behind p; put p to sleep; repeat
//! ```
//!
//! Where we differ:
//! - *Most races are looked at once.* Where its own events up to the second say what became of a race (one of them is
//!   asleep, or they are a branch), it comes to the same in every run that shares them. Others are looked at again in each
//!   such run, as the algorithm says: what comes behind may depend on what covered the race before.
//! - *What a handler chooses is a race of its event with itself.* After `e` chose `c` in E, for each other value at
//!   each place of `c` (what is before it is kept, what is behind it is open), `v` is what comes after `e` without
//!   depending on it, then `e` with that value. An event `(m, c)` asleep does not put `(m, c')` to sleep. Why this is
//!   right: think of a value as drawn by an event of its own right before the arrival, at the same worker. It depends
//!   on all that this worker does and on nothing else, and two values exclude each other. So the traces that differ in
//!   it are those of a race whose two orders are the two values; both leave the same things possible elsewhere, which
//!   is `v`; and each vector of values is reached from the one that shares its longest beginning.
//! - *The second event of a race at one worker is open again.* Its worker is in another state when it comes first, so
//!   what it chose says nothing. Under `mailbox`, where an event must know whom it sent to, the sequence is run up to it
//!   to find out ([`Dpor::probe`]). Two events that are declared to commute race for what they sent: there the second does the
//!   same when it comes first, and keeps what it chose; with another value it may depend on nothing, and so lead nowhere.
//!
//! - *A loss is what becomes of a message instead of its arrival* (`--faults loss(N)`, at most N in a run). `(m, lost)`
//!   stands at the worker that `m` is for and depends on all that happens there, as what waits there for `m` waits no
//!   longer. Who arrives may be lost: after `(m, arrived)` in E, where the network and the system let `m` be lost there,
//!   `v` is what comes after it without depending on it, then `(m, lost)`. Nobody asks for it the other way round: sets
//!   of at most N lost messages are closed under taking one away, so a trace with losses is reached from one in which the
//!   last of them arrives, and in the end from one without. So `v` is left out where it would lose too many: what it
//!   loses itself is then lost in a run in which this message arrives. But a loss that is asleep, or a branch, covers only
//!   what loses the same message. Of what does not depend on it, it would have to cover the runs in which that message
//!   arrives, and those for which there is one loss too many behind it.
//!
//!   Where nothing waits for anybody (`order = arrival`), a loss depends on nothing in truth: traces then have several
//!   executions, and are told apart by their fingerprints.
//!
//! - *That a message is copied comes before whatever else becomes of it* (`--faults duplication(N)`, at most N copies in a
//!   run). `(m, copied)` makes the copy, and makes `m` anew: what else becomes of `m` comes behind it. Its worker sees
//!   nothing of it. Like a loss it is asked for where `m` arrives, and covers nothing in which it does not happen.
//!
//! - *Crashes come of themselves* (`--faults crash(N)`, at most N in a run). There is a search for each way to distribute
//!   at most N crashes among the workers, and in it each of them is an event that happens in every run, as soon as it can by
//!   default. It depends on all that happens at its worker, and on all that is sent there, as that is sent to one life or the
//!   next. It can happen once anything was done at its worker or sent there, which depends on it too; whether it can happen
//!   before another event is found out by trying ([`Dpor::probe`]). Between it and what its worker does next nothing comes but
//!   a start ([`Trunk`]).
//!
//!   The rule that nothing crashes when nothing else can happen is no part of the search: it would make crashes at different
//!   workers depend on each other near the end. So a crash happens then, too, and the run is counted and judged only if the rule
//!   is kept in some order of its events ([`super::linearize`]). A run in which a worker cannot crash so often is of another
//!   search, and not counted either. These runs are in vain, and counted apart.
//!
//!   A handler that panics ends a life as well. Its event then depends on what is sent to its worker, like a crash.
//! - *Full queues.* Where the queue of a worker can be full, all that is sent there and all that arrives there depend on each
//!   other: what becomes of a message then is part of what its sender did. Whether one that waited beside a full queue could
//!   arrive before another is found out by trying. One that had to make room for another (`drop-oldest`) could have arrived
//!   before, which is a race of the event that threw it out with itself; or, where that is the start of the same worker's next
//!   life, with what began this life.
//!
//!   Nobody knows beforehand which queues can be full, and that somebody panics ([`Learned`](super::learned::Learned)).
//!
//!   More depends on each other so than must, as one queue may be full in one run and not in the other: traces may have several
//!   executions.
//!
//! When the wakeup tree of a point is empty, nothing is asleep there: a branch was inserted because everything asleep
//! depends on something in it. So a run is never blocked. It is counted all the same.
//!
//! A run that begins like the one before goes on from a copy of it, where machines can be copied ([`super::saved`]).
//!
//! What is missing: what holds up messages or cuts them off lasts, and its end is one more event. Those faults are refused.
//! So is what is known to be incomplete: losses and copies at a full queue whose worker speaks when it starts (a message may be
//! lost while that start waits, which then finds more room), and crashes of a worker that dies of a panic for good (that it could have
//! crashed before shows in no run).
//!
//! Before the search, scouts look at what is near the first run ([`super::scout`]).

use raddle_core::{EndReason, StateMachine, WorkerId};

use super::checkpoint::{Left, SavedEvent, SavedPoint, SavedRun};
use super::event::Event;
use super::heard::Heard;
use super::refusal::Refusal;
use super::relation::{Initial, Relation};
use super::stage::{Pick, Stage};
use super::toll::Toll;
use super::trunk::{Race, Trunk};
use super::wakeup::{Branch, NO_BRANCH, Wakeup};

/// How the search calls itself.
pub(crate) const NAME: &str = "dpor";

/// The state of the search between two runs.
pub(crate) struct Dpor<M: StateMachine> {
    pub(crate) relation: Relation<M>,
    pub(crate) trunk: Trunk<M>,
    /// By worker: how many times it crashes in each run in which it can.
    crashes: Vec<u32>,
    /// One for each point of the current run, the one before its first event included; those behind its end are blank.
    points: Vec<Point<M>>,
    wakeup: Wakeup<M>,
    sequence: Vec<Event<M>>,
}

/// What is known of one point of the current run.
struct Point<M: StateMachine> {
    /// What need not be done here: all that begins with it is explored elsewhere.
    sleep: Vec<Event<M>>,
    wakeup: Branch,
    /// How many branches are explored.
    explored: u32,
}

impl<M: StateMachine> Default for Point<M> {
    fn default() -> Self {
        Self { sleep: Vec::new(), wakeup: NO_BRANCH, explored: 0 }
    }
}

/// How one run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Went {
    /// To its end.
    Through(EndReason),
    /// Nowhere: all that was possible is explored elsewhere.
    Blocked,
    /// Otherwise than the run whose beginning it shares: the system is not deterministic.
    Astray,
}

impl<M: StateMachine> Dpor<M> {
    /// A search of the runs in which each worker crashes so many times.
    pub(crate) fn new(relation: Relation<M>, crashes: Vec<u32>) -> Self {
        Self {
            relation,
            trunk: Trunk::new(crashes.len()),
            crashes,
            points: vec![Point::default()],
            wakeup: Wakeup::new(),
            sequence: Vec::new(),
        }
    }

    /// Whether the run that has ended is one of those that this search is of: whoever was to crash has done so, and while
    /// something else could happen.
    pub(crate) fn is_one(&self) -> bool {
        self.trunk.crashes == self.crashes && self.trunk.has_order()
    }

    /// Whoever was to crash must not have died of a panic for good: that it could have crashed before is not found out.
    pub(crate) fn refuse_dead(&self, stage: &Stage<M>) -> Result<(), Refusal> {
        let lacks = |at: &usize| self.trunk.crashes[*at] < self.crashes[*at];
        let dead = (0..self.crashes.len()).filter(lacks).find(|at| stage.runner.world.workers[*at].is_crashed());
        match dead {
            None => Ok(()),
            Some(at) => Err(Refusal::Dead { worker: stage.names().worker(WorkerId::at(at)).to_owned() }),
        }
    }

    /// Whether nobody crashes in its runs.
    pub(crate) fn is_calm(&self) -> bool {
        self.crashes.iter().all(|crashes| *crashes == 0)
    }

    /// The same search from the beginning, with what it has learned.
    pub(crate) fn begin_anew(&mut self) {
        self.trunk = Trunk::new(self.crashes.len());
        (self.points, self.wakeup) = (vec![Point::default()], Wakeup::new());
    }

    /// Runs once: along the current run as far as it was kept, then where the wakeup trees lead, then as it comes.
    pub(crate) fn run(&mut self, stage: &mut Stage<M>) -> Result<Went, Refusal> {
        let shared = self.trunk.len();
        let begun = stage.begin_at(shared);
        if begun == 0 {
            self.trunk.begin(stage.world().transit.next_age);
        }
        for (at, taken) in self.trunk.events.iter().enumerate().skip(begun) {
            stage.save_at(at, shared);
            let actions = stage.actions();
            let is_there = match taken.pick {
                Pick::Place(choice) => choice < actions.len() && actions.is_event(choice, &taken.event),
                Pick::Late(_) => actions.is_empty(),
            };
            if !is_there {
                return Ok(Went::Astray);
            }
            stage.take(taken.pick, taken.event.values(), None);
        }
        stage.save_at(shared, shared);
        loop {
            let here = self.trunk.len();
            stage.refuse_timers(NAME)?;
            let actions = stage.actions();
            let (is_over, is_to_heal) = (actions.is_empty(), actions.are_to_heal());
            let next = self.wakeup.take(&mut self.points[here].wakeup);
            let (wanted, behind) = match next {
                Some((event, behind)) => (Some(event), behind),
                None => (self.next_crash(stage), NO_BRANCH),
            };
            if is_over && wanted.is_none() {
                return Ok(Went::Through(stage.rest()));
            }
            if here as u64 >= stage.steps_max() || is_to_heal {
                return Ok(Went::Through(EndReason::Steps));
            }
            let pick = match &wanted {
                Some(event) => stage.pick_of(event),
                None => match self.oldest(stage) {
                    None => return Ok(Went::Blocked),
                    oldest => oldest.map(Pick::Place),
                },
            };
            let Some(pick) = pick else { return Ok(Went::Astray) };
            let values = wanted.as_ref().map_or(&[][..], Event::values);
            if !self.trunk.take(stage, pick, values, &self.relation) {
                return Ok(Went::Astray);
            }
            self.descend(here, behind);
        }
    }

    /// The place of the oldest message that is not asleep.
    #[inline]
    fn oldest(&self, stage: &mut Stage<M>) -> Option<usize> {
        let actions = stage.actions();
        let sleep = &self.points[self.trunk.len()].sleep;
        (0..actions.usual()).find(|at| !sleep.iter().any(|event| actions.is_event(*at, event)))
    }

    /// The next crash that is due, as soon as its worker can crash.
    #[inline]
    fn next_crash(&mut self, stage: &mut Stage<M>) -> Option<Event<M>> {
        if !self.relation.learned.lives {
            return None;
        }
        for at in 0..self.crashes.len() {
            let worker = WorkerId::at(at);
            if self.trunk.crashes[at] == self.crashes[at] || !stage.may_crash(worker) {
                continue;
            }
            let event = self.trunk.next_crash(worker);
            let is_asleep = self.points[self.trunk.len()].sleep.iter().any(|asleep| asleep.matches(&event));
            if !is_asleep {
                return Some(event);
            }
        }
        None
    }

    /// Makes the point behind the event just taken ready.
    #[inline]
    fn descend(&mut self, here: usize, behind: Branch) {
        if self.points.len() == here + 1 {
            self.points.push(Point::default());
        }
        let (points, after) = self.points.split_at_mut(here + 1);
        let (point, after) = (&points[here], &mut after[0]);
        after.wakeup = behind;
        if !point.sleep.is_empty() {
            let event = &self.trunk.events[here].event;
            after.sleep.extend(point.sleep.iter().filter(|other| !self.relation.depend(other, event)).cloned());
        }
    }

    /// Finds what else is to be explored, when a run has ended.
    pub(crate) fn plan(&mut self, stage: &mut Stage<M>) {
        let mut sequence = std::mem::take(&mut self.sequence);
        for at in 0..self.trunk.races.len() {
            if !self.trunk.races[at].is_settled {
                self.branch_off(at, &mut sequence, stage);
            }
        }
        self.sequence = sequence;
    }

    /// Lets the second event of a race come before the first, unless all that would come of it is explored elsewhere.
    /// `sequence` is a place to write.
    fn branch_off(&mut self, race: usize, sequence: &mut Vec<Event<M>>, stage: &mut Stage<M>) {
        let Race { first, second, is_open, is_known, .. } = self.trunk.races[race];
        let between = self.trunk.beside(first, second, sequence);
        if !is_known && self.relation.needs_targets() {
            let Some(event) = self.probe(first as usize, &sequence[..between], race, stage) else {
                self.trunk.races[race].is_settled = true;
                return;
            };
            self.trunk.races[race].event = event;
            self.trunk.races[race].is_known = true;
        }
        // What comes behind differs from run to run. It depends on nothing that stands before, save where the second
        // event sends to others than it did.
        let last = sequence.len();
        let may_settle = !(is_open && self.relation.needs_targets());
        let is_lasting = |at: usize| may_settle && (at < between || at == last);
        sequence.push(self.trunk.races[race].event.clone());
        if self.relation.knows_mishaps() && !self.toll(first, sequence).is_within(self.relation.most) {
            return;
        }
        let point = &mut self.points[first as usize];
        let covers = point.sleep.iter().map(|event| match self.relation.initial(event, sequence) {
            // Behind a mishap its message fares otherwise, and there is room for one less.
            Initial::Beside if event.is_mishap() => Initial::No,
            initial => initial,
        });
        let cover = covers.filter(|initial| *initial != Initial::No).max_by_key(|initial| match initial {
            Initial::Among(at) => is_lasting(*at),
            _ => false,
        });
        self.trunk.races[race].is_settled = match cover {
            None => self.wakeup.insert(&mut point.wakeup, sequence, &self.relation) && may_settle && last == between,
            Some(Initial::Among(at)) => is_lasting(at),
            Some(_) => false,
        };
    }

    /// What befalls the messages of a run that begins like this one up to a point and goes on like that.
    fn toll(&self, point: u32, sequence: &[Event<M>]) -> Toll {
        sequence.iter().fold(self.trunk.events[point as usize].toll, Toll::and)
    }

    /// Runs up to an event whose worker is in another state than when it was seen, to learn what it does there; none if it
    /// cannot happen there.
    fn probe(&self, first: usize, between: &[Event<M>], race: usize, stage: &mut Stage<M>) -> Option<Event<M>> {
        let event = &self.trunk.races[race].event;
        self.go_to(first, stage);
        for beside in between {
            // It does not depend on what was left out, so it can happen. If it cannot, that shows when the run is made.
            let Some(pick) = stage.pick_of(beside) else { return Some(event.clone()) };
            stage.take(pick, beside.values(), None);
        }
        let pick = stage.pick_of(event)?;
        let mut heard = Heard::default();
        stage.take(pick, event.values(), Some(&mut heard));
        let extra = heard.extra(event.is_crash(), stage.world().chosen(), event.input().cloned());
        Some(Event { key: event.key, at: event.at, outcome: event.outcome, extra })
    }

    /// Goes back to the last point with something to explore; false if there is none. The run is kept up to there.
    pub(crate) fn back(&mut self) -> bool {
        let mut len = self.trunk.len();
        self.points[len].clear();
        while len > 0 {
            len -= 1;
            let point = &mut self.points[len];
            if point.wakeup != NO_BRANCH {
                point.sleep.push(self.trunk.events[len].event.clone());
                point.explored += 1;
                self.trunk.cut(len);
                return true;
            }
            point.clear();
        }
        self.trunk.cut(0);
        false
    }

    /// What is left of the search, between two runs.
    pub(crate) fn left(&self) -> Left {
        let point = |point: &Point<M>| {
            let mut wakeup = Vec::new();
            self.wakeup.walk(point.wakeup, &mut |depth, event| wakeup.push((depth, SavedEvent::of(event))));
            SavedPoint { sleep: point.sleep.iter().map(SavedEvent::of).collect(), wakeup, explored: point.explored }
        };
        let race = |race: &Race<M>| (SavedEvent::of(&race.event), race.is_known, race.is_settled);
        Left::Wakeup(SavedRun {
            learned: self.relation.learned.clone(),
            crashes: self.crashes.clone(),
            events: self.trunk.events.iter().map(|taken| SavedEvent::of(&taken.event)).collect(),
            points: self.points[..=self.trunk.len()].iter().map(point).collect(),
            races: self.trunk.races.iter().map(race).collect(),
        })
    }

    /// Becomes the search of which this is left; false if it cannot be.
    pub(crate) fn resume(&mut self, saved: SavedRun, stage: &mut Stage<M>) -> bool {
        self.relation.learned = saved.learned;
        if saved.points.len() != saved.events.len() + 1 {
            return false;
        }
        stage.begin();
        self.trunk.begin(stage.world().transit.next_age);
        self.points.clear();
        for (at, point) in saved.points.iter().enumerate() {
            // Who sleeps could happen here.
            let Some(sleep) = point.sleep.iter().map(|event| known(event, stage)).collect() else { return false };
            self.points.push(Point { sleep, wakeup: NO_BRANCH, explored: point.explored });
            let Some(event) = saved.events.get(at) else { continue };
            let Some(pick) = stage.pick_of(&event.event(None)) else { return false };
            if !self.trunk.take(stage, pick, event.values(), &self.relation) {
                return false;
            }
        }
        if saved.races.len() != self.trunk.races.len() {
            return false;
        }
        for (race, (event, is_known, is_settled)) in self.trunk.races.iter_mut().zip(saved.races) {
            let input = race.event.input().cloned();
            (race.event, race.is_known, race.is_settled) = (event.event(input), is_known, is_settled);
        }
        for (at, point) in saved.points.iter().enumerate() {
            let Some(tree) = self.regrow(at, &point.wakeup, stage) else { return false };
            let Some(wakeup) = self.wakeup.build(tree) else { return false };
            self.points[at].wakeup = wakeup;
        }
        true
    }

    /// The events of a wakeup tree as they were. Where it must be known what their messages say, each branch is run to find
    /// that out: many of them are made on the way only.
    fn regrow(
        &self,
        point: usize,
        saved: &[(usize, SavedEvent)],
        stage: &mut Stage<M>,
    ) -> Option<Vec<(usize, Event<M>)>> {
        let mut tree: Vec<(usize, Event<M>)> = Vec::with_capacity(saved.len());
        // What stands above the next one, and how many steps of that the run on the stage has done, if it is of this tree.
        let (mut above, mut done): (Vec<usize>, Option<usize>) = (Vec::new(), None);
        for (depth, event) in saved {
            if !self.relation.needs_inputs() {
                tree.push((*depth, event.event(None)));
                continue;
            }
            above.truncate(*depth);
            if done.is_none_or(|done| done > *depth) {
                self.go_to(point, stage);
                done = Some(0);
            }
            for at in &above[done.unwrap_or(0)..] {
                let event = &tree[*at].1;
                let pick = stage.pick_of(event)?;
                stage.take(pick, event.values(), None);
            }
            done = Some(above.len());
            above.push(tree.len());
            tree.push((*depth, known(event, stage)?));
        }
        Some(tree)
    }

    /// Runs up to a point of the current run.
    fn go_to(&self, point: usize, stage: &mut Stage<M>) {
        stage.begin();
        for taken in &self.trunk.events[..point] {
            stage.actions();
            stage.take(taken.pick, taken.event.values(), None);
        }
    }

    /// How much of the search is done, as far as it is known now: the part of the branches on the current path that
    /// are explored, each branch of a point weighing the same (Knuth, "Estimating the Efficiency of Backtrack
    /// Programs", 1975).
    pub(crate) fn part_done(&self) -> f64 {
        let (mut part, mut weight) = (0.0, 1.0);
        for point in &self.points[..=self.trunk.len()] {
            let explored = f64::from(point.explored);
            let branches = explored + f64::from(self.wakeup.width(point.wakeup)).max(1.0);
            part += weight * explored / branches;
            weight /= branches;
        }
        part
    }
}

/// An event of a message that is on its way, with what that says if it was known.
fn known<M: StateMachine>(event: &SavedEvent, stage: &Stage<M>) -> Option<Event<M>> {
    let input = if event.has_input { Some(stage.input_of(event.key)?.clone()) } else { None };
    Some(event.event(input))
}

impl<M: StateMachine> Point<M> {
    fn clear(&mut self) {
        self.sleep.clear();
        self.wakeup = NO_BRANCH;
        self.explored = 0;
    }
}
