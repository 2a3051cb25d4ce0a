//! How workloads and whole runs are made and shrink: a run has four parts, which take turns.

use std::fmt;
use std::ops::{Range, RangeInclusive};

use ::proptest::bool;
use ::proptest::collection::SizeRange;
use ::proptest::sample::{Select, select};
use ::proptest::strategy::{NewTree, Strategy, ValueTree};
use ::proptest::test_runner::{Reason, TestRunner};
use raddle_core::FaultKind;
use raddle_sim::GivenFault;

use super::list::{ListTree, Part};
use super::{CHOICE_END, CHOICES_MAX, Run, SEED_END, Workload};

/// Workloads of so many of these messages.
#[derive(Debug)]
pub(super) struct Workloads<S> {
    /// To whom, and what.
    message: (Select<String>, S),
    size: SizeRange,
}

impl<S: Strategy> Workloads<S> {
    pub(super) fn new(
        workers: impl IntoIterator<Item = impl Into<String>>,
        message: S,
        size: impl Into<SizeRange>,
    ) -> Self {
        let workers: Vec<String> = workers.into_iter().map(Into::into).collect();
        Self { message: (select(workers), message), size: size.into() }
    }

    fn list(&self, runner: &mut TestRunner) -> Result<ListTree<MessageTree<S>>, Reason> {
        ListTree::new(&self.message, &self.size, runner)
    }
}

type MessageTree<S> = <(Select<String>, S) as Strategy>::Tree;

impl<T: Clone + fmt::Debug, S: Strategy<Value = T>> Strategy for Workloads<S> {
    type Tree = WorkloadTree<MessageTree<S>>;
    type Value = Workload<T>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        Ok(WorkloadTree { messages: self.list(runner)?, turn: 0 })
    }
}

/// A workload that shrinks: messages go, those left become simpler, and some of these may go too.
#[derive(Clone, Debug)]
pub(super) struct WorkloadTree<V> {
    messages: ListTree<V>,
    turn: usize,
}

impl<T: Clone + fmt::Debug, V: ValueTree<Value = (String, T)>> ValueTree for WorkloadTree<V> {
    type Value = Workload<T>;

    fn current(&self) -> Workload<T> {
        workload(&self.messages)
    }

    fn simplify(&mut self) -> bool {
        while let Some(how) = [How::Cut, How::Simplify, How::Cut].get(self.turn) {
            if how.shrink(&mut self.messages) {
                return true;
            }
            self.turn += 1;
        }
        false
    }

    fn complicate(&mut self) -> bool {
        self.messages.complicate()
    }
}

/// What is left of a list of messages, under the numbers that they had.
fn workload<T, V: ValueTree<Value = (String, T)>>(list: &ListTree<V>) -> Workload<T> {
    let numbered = list.current().map(|(at, (to, message))| (at as u32, to, message));
    Workload { messages: numbered.collect() }
}

/// Whole runs, with faults of these kinds at the most.
#[derive(Debug)]
pub(super) struct Runs<S> {
    pub(super) kinds: Vec<FaultKind>,
    pub(super) workloads: Workloads<S>,
}

impl<T: Clone + fmt::Debug, S: Strategy<Value = T>> Strategy for Runs<S> {
    type Tree = RunTree<MessageTree<S>>;
    type Value = Run<T>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let messages = self.workloads.list(runner)?;
        let choices = ListTree::new(&(0..CHOICE_END), &(0..CHOICES_MAX).into(), runner)?;
        let seed = ListTree::new(&(0..SEED_END), &1.into(), runner)?;
        let moments = self.kinds.iter().map(|_| MOMENTS.new_tree(runner)).collect::<Result<_, _>>()?;
        let come = vec![bool::ANY; self.kinds.len()].new_tree(runner)?.current();
        let faults = ListTree::of(moments, come, 0);
        Ok(RunTree { kinds: self.kinds.clone(), messages, choices, seed, faults, turn: 0 })
    }
}

/// When a fault comes, and which of those possible then: of how many bits the time is, the time, and the place. So soon
/// is more likely than late, as most runs are short.
type Moments = (RangeInclusive<u32>, Range<u32>, Range<u32>);

const MOMENTS: Moments = (0..=CHOICES_MAX.ilog2(), 0..CHOICES_MAX as u32, 0..CHOICE_END);

/// A whole run that shrinks.
#[derive(Clone, Debug)]
pub(super) struct RunTree<V> {
    kinds: Vec<FaultKind>,
    messages: ListTree<V>,
    choices: ListTree<<Range<u32> as Strategy>::Tree>,
    seed: ListTree<<Range<u64> as Strategy>::Tree>,
    faults: ListTree<<Moments as Strategy>::Tree>,
    turn: usize,
}

#[derive(Clone, Copy, Debug)]
enum Of {
    Faults,
    Messages,
    Choices,
    Seed,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Cut,
    Simplify,
}

impl How {
    /// Whether the part has become smaller by this.
    fn shrink(self, part: &mut dyn Part) -> bool {
        match self {
            Self::Cut => part.cut(),
            Self::Simplify => part.simplify(),
        }
    }
}

/// Who shrinks in which turn. Faults go first. When they come is simplified last, as it tells by what happens before them;
/// where it is simple, some of that may go too.
const TURNS: [(Of, How); 10] = [
    (Of::Faults, How::Cut),
    (Of::Messages, How::Cut),
    (Of::Choices, How::Cut),
    (Of::Messages, How::Simplify),
    (Of::Choices, How::Simplify),
    (Of::Seed, How::Simplify),
    (Of::Faults, How::Simplify),
    (Of::Faults, How::Cut),
    (Of::Messages, How::Cut),
    (Of::Choices, How::Cut),
];

impl<V: ValueTree> RunTree<V> {
    fn part(&mut self, of: Of) -> &mut dyn Part {
        match of {
            Of::Faults => &mut self.faults,
            Of::Messages => &mut self.messages,
            Of::Choices => &mut self.choices,
            Of::Seed => &mut self.seed,
        }
    }
}

impl<T: Clone + fmt::Debug, V: ValueTree<Value = (String, T)>> ValueTree for RunTree<V> {
    type Value = Run<T>;

    fn current(&self) -> Run<T> {
        let fault = |(at, (bits, after, nth)): (usize, (u32, u32, u32))| GivenFault {
            kind: self.kinds[at],
            after: after & ((1 << bits) - 1),
            nth,
        };
        Run {
            workload: workload(&self.messages),
            faults: self.faults.current().map(fault).collect(),
            schedule: self.choices.values(),
            seed: self.seed.values()[0],
        }
    }

    fn simplify(&mut self) -> bool {
        while let Some((of, how)) = TURNS.get(self.turn) {
            if how.shrink(self.part(*of)) {
                return true;
            }
            self.turn += 1;
        }
        false
    }

    fn complicate(&mut self) -> bool {
        TURNS.get(self.turn).is_some_and(|(of, _)| self.part(*of).complicate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts are not tried anew after each simplification: with `n` messages that all must stay, they are tried twice in all.
    #[test]
    fn cuts_are_tried_twice() {
        let tries = |n: usize| {
            let workloads = Workloads::new(["a"], 0..1_000_u32, 0..=n);
            let mut tree = workloads.new_tree(&mut TestRunner::deterministic()).expect("makes any");
            let all = tree.current().messages().len();
            let (mut cuts, mut goes_on) = (0, tree.simplify());
            while goes_on {
                let is_whole = tree.current().messages().len() == all;
                cuts += usize::from(!is_whole);
                goes_on = if is_whole { tree.simplify() } else { tree.complicate() && tree.simplify() };
            }
            assert!(tree.current().messages().iter().all(|(_, _, message)| *message == 0));
            (all, cuts)
        };
        for (all, cuts) in [8, 40, 64].map(tries) {
            assert!(all > 4 && cuts <= 4 * all, "{all} messages, {cuts} cuts");
        }
    }
}
