//! Breadth-first search of all states: the nearest first, each once, on as many threads as there are.
//!
//! States stand in a queue in the order in which they are found: by the state from which they are come to, and by what is
//! done there. Threads look at what follows on a few states each and change nothing; what they bring is put into the queue
//! in order. So the queue, the counts and the first run that breaks a law are the same on any number of threads, and where a
//! search is ended early, what is looked at is the beginning of the queue. A run that breaks a law is over, as in a sample: the
//! state behind that step is one only if it is come to without it.
//!
//! No state is kept, but how it is come to: a place and what handlers choose, from another state of the queue. A thread goes
//! there by doing it again, from a copy of the way that it went before if machines can be copied ([`super::saved`]).

use std::ops::Range;

use raddle_core::{EndReason, StateMachine};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::checkpoint::{CheckpointError, Left, OTHERWISE};
use super::control::Control;
use super::dfs::next_values;
use super::refusal::Refusal;
use super::search::Visit;
use super::stage::Stage;
use super::states::{self, Eye};
use super::tally::{Steps, Tally};
use crate::campaign::at_once;

/// So many states of the queue are looked at between two times that it grows.
const BATCH: usize = 4096;
/// So many of them by one thread at once.
const BITE: usize = 64;
/// So many threads find something to look at.
pub(crate) const STAGES_MAX: usize = BATCH / BITE;

/// A state, by how it is come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Node {
    /// Its place in the queue of the state before it; its own if it is the first.
    before: u32,
    /// What is done there, by its place in the canonical order.
    choice: u32,
    /// What handlers choose then.
    values: Vec<u32>,
    hash: u64,
}

/// The state of the search.
pub(crate) struct Breadth {
    queue: Vec<Node>,
    /// So many of them are looked at.
    done: usize,
    /// So many stood in a checkpoint.
    saved: usize,
    seen: FxHashSet<u64>,
}

/// What follows on a few states, in order.
struct Bite {
    /// What may be new.
    found: Vec<Node>,
    tally: Tally,
}

/// One thread's way through the states.
#[derive(Default)]
struct Walker {
    eye: Eye,
    /// The steps of the run that it is in, up to the state at which it looks.
    way: Steps,
    before: Steps,
}

impl Breadth {
    pub(crate) fn new() -> Self {
        Self { queue: Vec::new(), done: 0, saved: 0, seen: FxHashSet::default() }
    }

    /// The search of which this is left; none if it is of no search.
    pub(crate) fn resume(done: usize, queue: Vec<Node>) -> Option<Self> {
        let seen: FxHashSet<u64> = queue.iter().map(|node| node.hash).collect();
        let mut nodes = queue.iter().enumerate();
        let is_sound = done <= queue.len() && seen.len() == queue.len();
        let is_queue = is_sound && nodes.all(|(at, node)| (node.before as usize) < at.max(1));
        is_queue.then(|| Self { saved: queue.len(), queue, done, seen })
    }

    /// What is left of the search.
    pub(crate) fn left(self) -> Left {
        if self.is_over() { Left::Nothing } else { Left::States { done: self.done, queue: self.queue } }
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.done == self.queue.len() && !self.queue.is_empty()
    }

    /// How many states are known.
    pub(crate) const fn count(&self) -> u64 {
        self.queue.len() as u64
    }

    /// How much of what is known is done.
    pub(crate) fn part_done(&self) -> f64 {
        self.done as f64 / self.queue.len().max(1) as f64
    }

    /// Searches until nothing is left, or until it is told to stop. `visit` sees the runs that come to an end, if there is
    /// but one stage.
    pub(crate) fn search<M: StateMachine>(
        &mut self,
        tally: &mut Tally,
        stages: &mut [Stage<M>],
        control: &Control,
        visit: Visit<'_, M>,
    ) -> Result<(), Refusal> {
        if self.queue.is_empty() {
            stages[0].begin();
            let hash = Eye::default().hash(stages[0].world())?;
            self.seen.insert(hash);
            self.queue.push(Node { before: 0, choice: 0, values: Vec::new(), hash });
        }
        let mut walkers: Vec<Walker> = stages.iter().map(|_| Walker::default()).collect();
        while self.done < self.queue.len() && control.goes_on_from(tally, self.part_done()) {
            control.hand_over(tally, || Left::States { done: self.done, queue: self.queue.clone() });
            let end = self.queue.len().min(self.done + BATCH);
            let ranges: Vec<_> = (self.done..end).step_by(BITE).map(|at| at..end.min(at + BITE)).collect();
            let bites: Vec<_> = if let ([stage], [walker]) = (&mut *stages, &mut *walkers) {
                ranges.iter().map(|range| walker.bite(self, range.clone(), stage, control, visit)).collect()
            } else {
                let mut tools: Vec<_> = stages.iter_mut().zip(&mut walkers).take(ranges.len()).collect();
                at_once(&mut tools, &ranges, |(stage, walker), range| {
                    walker.bite(self, range.clone(), stage, control, &mut |_| {})
                })
            };
            for (range, bite) in ranges.into_iter().zip(bites) {
                // Told to stop: what is behind this counts as not looked at.
                let Some(bite) = bite else { return Ok(()) };
                let bite = bite?;
                self.queue.extend(bite.found.into_iter().filter(|node| self.seen.insert(node.hash)));
                tally.join(bite.tally);
                self.done = range.end;
                if tally.is_at_odds() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// How a state is come to.
    fn way_to(&self, mut at: usize, way: &mut Steps) {
        way.clear();
        while at != 0 {
            let node = &self.queue[at];
            way.push((node.choice, node.values.clone()));
            at = node.before as usize;
        }
        way.reverse();
    }
}

impl Walker {
    fn bite<M: StateMachine>(
        &mut self,
        of: &Breadth,
        range: Range<usize>,
        stage: &mut Stage<M>,
        control: &Control,
        visit: Visit<'_, M>,
    ) -> Option<Result<Bite, Refusal>> {
        let mut bite = Bite { found: Vec::new(), tally: Tally::new(true) };
        for at in range {
            if control.is_stopped() {
                return None;
            }
            if let Err(refusal) = self.look(of, at, stage, &mut bite, visit) {
                return Some(Err(refusal));
            }
            if bite.tally.is_at_odds() {
                break;
            }
        }
        // Others may have more to look at.
        stage.rests();
        Some(Ok(bite))
    }

    /// Looks at what follows on a state.
    fn look<M: StateMachine>(
        &mut self,
        of: &Breadth,
        at: usize,
        stage: &mut Stage<M>,
        bite: &mut Bite,
        visit: Visit<'_, M>,
    ) -> Result<(), Refusal> {
        std::mem::swap(&mut self.way, &mut self.before);
        of.way_to(at, &mut self.way);
        let shared = self.way.iter().zip(&self.before).take_while(|(step, before)| step == before).count();
        let len = self.way.len();
        if !self.go_to(shared, stage) || self.eye.hash(stage.world())? != of.queue[at].hash {
            if at < of.saved {
                return Err(CheckpointError::Useless(OTHERWISE).into());
            }
            bite.tally.stray(stage, self.way.clone());
            return Ok(());
        }
        stage.refuse_timers(states::NAME)?;
        let width = stage.actions().len();
        let end = match width {
            0 => Some(stage.rest()),
            _ => (len as u64 >= stage.steps_max()).then_some(EndReason::Steps),
        };
        if let Some(reason) = end {
            visit(&stage.runner);
            bite.count(stage, reason, || self.way.clone());
            return Ok(());
        }
        stage.save_here(len);
        let mut is_there = true;
        for choice in 0..width {
            let mut values = Vec::new();
            loop {
                let is_back = std::mem::take(&mut is_there) || self.go_to(len, stage);
                // What may happen is listed before each step.
                if !is_back || stage.actions().len() != width {
                    bite.tally.stray(stage, self.way.clone());
                    return Ok(());
                }
                stage.forget_coverage();
                states::step(stage, choice, &values)?;
                let mut options = stage.world().options().to_vec();
                values.clear();
                values.extend_from_slice(stage.world().chosen());
                bite.tally.reach(stage);
                bite.tally.cover(stage);
                if stage.is_broken() {
                    visit(&stage.runner);
                    let last = (choice as u32, values.clone());
                    bite.count(stage, EndReason::Violation, || self.way.iter().cloned().chain([last]).collect());
                } else {
                    let hash = self.eye.hash(stage.world())?;
                    if !of.seen.contains(&hash) {
                        let (before, choice) = (at as u32, choice as u32);
                        bite.found.push(Node { before, choice, values: values.clone(), hash });
                    }
                }
                if !next_values(&mut values, &mut options) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Goes to the state at the end of the way, of whose first steps so many are those of the run before; false if one of
    /// them cannot be done.
    fn go_to<M: StateMachine>(&self, shared: usize, stage: &mut Stage<M>) -> bool {
        let begun = stage.begin_at(shared);
        for (depth, (choice, values)) in self.way.iter().enumerate().skip(begun) {
            if depth + 1 == self.way.len() {
                // For the other states that follow on this one, which come next in the queue.
                stage.save_here(depth);
            }
            if *choice as usize >= stage.actions().len() {
                return false;
            }
            stage.step(*choice as usize, values, None);
        }
        true
    }
}

impl Bite {
    /// Counts a run that has ended. What it has reached and covered is counted by steps, as most runs go on where others
    /// did.
    fn count<M: StateMachine>(&mut self, stage: &mut Stage<M>, reason: EndReason, steps: impl FnOnce() -> Steps) {
        let (reached, coverage) = (std::mem::take(&mut self.tally.reached), std::mem::take(&mut self.tally.coverage));
        self.tally.count(stage, reason, |_| steps());
        (self.tally.reached, self.tally.coverage) = (reached, coverage);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use raddle_core::{Order, Outbox, System};

    use super::*;
    use crate::exhaustive::dfs::Dfs;
    use crate::exhaustive::dpor::Went;
    use crate::run::Runner;
    use crate::settings::{Network, Settings};

    /// Passes on what it hears as often as it likes, and is tired of the third.
    #[derive(Clone, Debug, Default, Hash)]
    struct Gossip(Vec<u32>);

    impl StateMachine for Gossip {
        type Message = u32;
        type Update = u32;

        fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) {
            self.on_update(n, out);
        }

        fn on_update(&mut self, n: u32, out: &mut Outbox<u32>) {
            self.0.push(n);
            let often = if n < 2 { out.choose(3) } else { 0 };
            (0..often).for_each(|_| out.notify(["a", "b"][n as usize % 2], n + 1));
            assert!(self.0.len() < 4, "enough is enough");
        }
    }

    fn system(messages: u32) -> System<Gossip> {
        let system = System::new("gossip").workers(["a", "b"], |_| Gossip::default()).hashed().laws(["bounded-depth"]);
        let system = system.with(|policies| policies.order = Order::Arrival);
        (0..messages).fold(system, |system, n| system.messages(format!("s{n}"), [(["b", "a"][n as usize % 2], n)]))
    }

    fn stage(system: &System<Gossip>, network: Network) -> Stage<Gossip> {
        let plan = Arc::clone(&system.plan().expect("a plan"));
        Stage::new(Runner::new(plan, Settings { network, ..Settings::default() }, None).expect("it can be run"), 0)
    }

    /// All that any schedule comes by, found without turning back anywhere.
    fn all(stage: &mut Stage<Gossip>) -> FxHashSet<u64> {
        let (mut dfs, mut eye, mut all) = (Dfs::new(Vec::new(), None), Eye::default(), FxHashSet::default());
        loop {
            assert!(matches!(dfs.run(stage), Went::Through(_)));
            let steps: Steps = dfs.levels.iter().map(|level| (level.choice, level.values.clone())).collect();
            stage.begin();
            all.insert(eye.hash(stage.world()).expect("it is hashed"));
            for (choice, values) in steps {
                stage.step(choice as usize, &values, None);
                all.insert(eye.hash(stage.world()).expect("it is hashed"));
            }
            if !dfs.advance() {
                return all;
            }
        }
    }

    #[test]
    fn no_state_is_left_out_and_none_looked_at_twice() {
        for (messages, network) in [(2, Network::Fifo), (3, Network::Fifo), (2, Network::Bag), (2, Network::Mailbox)] {
            let system = system(messages);
            let all = all(&mut stage(&system, network));
            for stages in [1, 3] {
                let mut stages: Vec<_> = (0..stages).map(|_| stage(&system, network)).collect();
                let (mut breadth, mut tally) = (Breadth::new(), Tally::new(true));
                breadth.search(&mut tally, &mut stages, &Control::default(), &mut |_| {}).expect("it can be searched");
                let mut hashes: Vec<u64> = breadth.queue.iter().map(|node| node.hash).collect();
                hashes.sort_unstable();
                let mut expected: Vec<u64> = all.iter().copied().collect();
                expected.sort_unstable();
                assert_eq!(hashes, expected, "{messages} messages, {network}");
            }
        }
    }

    #[test]
    fn a_queue_of_no_search_is_refused() {
        let node = |before, hash| Node { before, choice: 0, values: Vec::new(), hash };
        assert!(Breadth::resume(1, vec![node(0, 1), node(0, 2)]).is_some());
        assert!(Breadth::resume(3, vec![node(0, 1), node(0, 2)]).is_none(), "more is done than there is");
        assert!(Breadth::resume(0, vec![node(0, 1), node(0, 1)]).is_none(), "twice the same");
        assert!(Breadth::resume(0, vec![node(0, 1), node(1, 2)]).is_none(), "before itself");
    }
}
