//! What the tests share: a machine that does as it is told, and a brute-force enumeration of all schedules.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test takes what it needs")]

pub mod programs;

use std::collections::BTreeSet;
use std::sync::Arc;

use raddle_core::{Beyond, Outbox, StateMachine, System};
use raddle_sim::{Actions, Runner, Settings, Strategy};

/// A message that says what its handler is to send, and what the handlers of that are to send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Told {
    pub name: &'static str,
    pub then: Vec<(&'static str, Told)>,
}

/// `name`, then these updates.
pub fn told(name: &'static str, then: impl IntoIterator<Item = (&'static str, Told)>) -> Told {
    Told { name, then: then.into_iter().collect() }
}

/// Writes down what it handles and sends what it is told to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Obedient {
    pub log: Vec<&'static str>,
}

impl StateMachine for Obedient {
    type Message = Told;
    type Update = Told;

    fn on_message(&mut self, told: Told, out: &mut Outbox<Told>) {
        self.log.push(told.name);
        for (to, update) in told.then {
            out.notify(to, update);
        }
    }

    fn on_update(&mut self, told: Told, out: &mut Outbox<Told>) {
        self.on_message(told, out);
    }
}

/// All schedules, depth first, with `draws` values of two options at each step.
#[derive(Default)]
pub struct DepthFirst {
    /// The choices of the run, each among how many.
    pub prefix: Vec<(u32, u32)>,
    at: usize,
    draws: usize,
    /// How many choices may be other than the first.
    most: Option<usize>,
}

impl DepthFirst {
    /// All schedules, with so many values of two options at each step.
    pub fn with_draws(draws: usize) -> Self {
        Self { draws, ..Self::default() }
    }

    /// All in which no more choices than this are other than the first.
    pub fn within(mut self, most: usize) -> Self {
        self.most = Some(most);
        self
    }

    /// The next schedule; false when all are done.
    pub fn advance(&mut self) -> bool {
        while let Some((choice, options)) = self.prefix.pop() {
            let others = || self.prefix.iter().filter(|(choice, _)| *choice > 0).count();
            if choice + 1 < options && self.most.is_none_or(|most| others() < most) {
                self.prefix.push((choice + 1, options));
                return true;
            }
        }
        false
    }

    fn take(&mut self, options: u32) -> u32 {
        if self.at == self.prefix.len() {
            self.prefix.push((0, options));
        }
        self.at += 1;
        self.prefix[self.at - 1].0
    }
}

impl Strategy for DepthFirst {
    fn begin(&mut self, _: u64) {
        self.at = 0;
    }

    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        self.take(actions.len() as u32) as usize
    }

    fn is_scripted(&self) -> bool {
        self.draws > 0
    }

    fn script(&mut self, values: &mut Vec<u32>) {
        values.clear();
        (0..self.draws).for_each(|_| values.push(self.take(2)));
    }

    fn beyond(&self) -> Beyond {
        Beyond::First
    }
}

/// All schedules of a system: how many there are, the distinct fingerprints, and the distinct outcomes as `outcome`
/// sees them.
pub struct All<T> {
    pub schedules: usize,
    pub traces: usize,
    pub outcomes: BTreeSet<T>,
}

/// Runs every schedule.
pub fn all_schedules<M: StateMachine, T: Ord>(
    system: &System<M>,
    settings: Settings,
    outcome: impl Fn(&Runner<M>) -> T,
) -> All<T> {
    let plan = system.plan().expect("a good system");
    let mut runner = Runner::new(Arc::clone(&plan), settings, Some(&[])).expect("good settings");
    let mut search = DepthFirst::default();
    let (mut schedules, mut traces, mut outcomes) = (0, BTreeSet::new(), BTreeSet::new());
    loop {
        let run = runner.run(0, &mut search);
        schedules += 1;
        traces.insert(run.fingerprint);
        outcomes.insert(outcome(&runner));
        if !search.advance() {
            return All { schedules, traces: traces.len(), outcomes };
        }
    }
}

/// What each worker handled, in its order.
pub fn logs(runner: &Runner<Obedient>) -> Vec<Vec<&'static str>> {
    runner.world().snapshot().machines().map(|machine| machine.log.clone()).collect()
}
