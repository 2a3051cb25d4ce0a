//! Small random programs with something that must not happen.

use proptest::prelude::prop;
use raddle_core::{FaultKind, Order, Snapshot, System};
use raddle_sim::strategy::DefaultOrder;
use raddle_sim::{FaultPlan, Runner, Settings};

use super::{Obedient, Told, told};

pub const NAMES: [&str; 9] = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
const WORKERS: [&str; 3] = ["x", "y", "z"];

/// Who begins each message, and to whom: (parent, to), where a parent behind the message is the outside.
pub type Shape = Vec<(usize, usize)>;

fn program(shape: &Shape, at: usize) -> Told {
    let children = (at + 1..shape.len()).filter(|child| shape[*child].0 == at);
    told(NAMES[at], children.map(|child| (WORKERS[shape[child].1 % 3], program(shape, child))))
}

pub fn plain(shape: &Shape) -> System<Obedient> {
    let system = System::new("random").workers(WORKERS, |_| Obedient::default());
    let roots = (0..shape.len()).filter(|at| shape[*at].0 >= *at);
    let system = roots.fold(system, |system, at| {
        system.messages(["s", "t"][at % 2], [(WORKERS[shape[at].1 % 3], program(shape, at))])
    });
    system.with(|policies| policies.order = Order::Arrival)
}

/// Some pairs of messages that meet at a worker, as they come in the default order.
pub fn pairs(shape: &Shape, picks: &[usize]) -> Vec<(&'static str, &'static str)> {
    let plan = plain(shape).plan().expect("a good system");
    let mut runner = Runner::new(plan, Settings::default(), Some(&[])).expect("good settings");
    runner.run(0, &mut DefaultOrder);
    let mut pairs = Vec::new();
    for machine in runner.world().snapshot().machines() {
        let log = &machine.log;
        let behind = |at: usize| log[at + 1..].iter().map(move |then| (log[at], *then));
        pairs.extend((0..log.len()).flat_map(behind));
    }
    picks.iter().filter_map(|pick| pairs.get(pick % pairs.len().max(1)).copied()).collect()
}

/// A program in which some pairs of messages that meet at a worker must not all come the other way round than in the
/// default order.
pub fn system(shape: &Shape, picks: &[usize]) -> System<Obedient> {
    let pairs = pairs(shape, picks);
    plain(shape).never("inverted", move |run| {
        !pairs.is_empty() && pairs.iter().all(|pair| run.machines().any(|machine| inverted(&machine.log, *pair)))
    })
}

fn inverted(log: &[&str], (first, then): (&str, &str)) -> bool {
    let place = |name: &str| log.iter().position(|said| *said == name);
    place(first).zip(place(then)).is_some_and(|(first, then)| first > then)
}

/// What does not happen in the default order.
#[derive(Clone, Copy, Debug)]
pub enum Wrong {
    /// Two messages come the other way round.
    Inverted(&'static str, &'static str),
    /// In the end nobody knows of the first, and somebody of the other: it was lost, or who handled it has died.
    Missing(&'static str, &'static str),
    /// A message is handled twice: it was copied.
    Twice(&'static str),
    /// Nobody knows of the first, and somebody of what its handler sent: who handled it has died.
    Forgotten(&'static str, &'static str),
}

impl Wrong {
    fn is(self, run: &Snapshot<'_, Obedient>) -> bool {
        let times = |name| run.machines().flat_map(|machine| &machine.log).filter(|said| **said == name).count();
        match self {
            Self::Inverted(first, then) => run.machines().any(|machine| inverted(&machine.log, (first, then))),
            Self::Twice(name) => times(name) > 1,
            Self::Forgotten(name, other) | Self::Missing(name, other) => times(name) == 0 && times(other) > 0,
        }
    }
}

/// Some things that may go wrong in a program under these faults, by picks of a kind and of who is concerned: all take a
/// fault that does more than hold something up, but perhaps for the last.
pub fn wrongs(shape: &Shape, faults: FaultPlan, picks: &[(usize, usize)]) -> Vec<Wrong> {
    let children: Vec<usize> = (0..shape.len()).filter(|at| shape[*at].0 < *at).collect();
    let of_kind = |kind, pick: usize| {
        // What comes from outside is neither lost nor copied.
        let child = children.get(pick % children.len().max(1)).copied();
        match kind {
            None => pairs(shape, &[pick]).first().map(|(first, then)| Wrong::Inverted(first, then)),
            // The other one does not come of it.
            Some(FaultKind::Loss) => child.map(|child| Wrong::Missing(NAMES[child], NAMES[pick % child])),
            Some(FaultKind::Duplication) => child.map(|child| Wrong::Twice(NAMES[child])),
            Some(_) => child.map(|child| Wrong::Forgotten(NAMES[shape[child].0], NAMES[child])),
        }
    };
    let lasting = |kind: &FaultKind| [FaultKind::Loss, FaultKind::Duplication, FaultKind::Crash].contains(kind);
    let kinds: Vec<_> = faults.kinds().filter(lasting).map(Some).chain([None]).collect();
    let wrong = |(at, (kind, pick)): (usize, &(usize, usize))| {
        let is_last = at > 0 && at + 1 == picks.len();
        let among = if is_last { kinds.len() } else { (kinds.len() - 1).max(1) };
        of_kind(kinds[kind % among], *pick)
    };
    picks.iter().enumerate().filter_map(wrong).collect()
}

/// A program in which none of several things must go wrong, each made of some that must not come together: after any step,
/// or only in the end.
pub fn faulted(shape: &Shape, wrongs: Vec<Vec<Wrong>>, in_the_end: bool) -> System<Obedient> {
    let in_the_end = in_the_end || wrongs.iter().flatten().any(|wrong| matches!(wrong, Wrong::Missing(..)));
    let is_wrong = move |run: &Snapshot<'_, Obedient>| {
        wrongs.iter().any(|together| !together.is_empty() && together.iter().all(|wrong| wrong.is(run)))
    };
    match in_the_end {
        true => plain(shape).forkable().at_end("wrong", move |run| !is_wrong(run)),
        false => plain(shape).forkable().never("wrong", move |run| is_wrong(run)),
    }
}

pub fn picks() -> impl proptest::strategy::Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..100_usize, 1..4)
}

pub fn shapes() -> impl proptest::strategy::Strategy<Value = Shape> {
    prop::collection::vec((0..9_usize, 0..3_usize), 4..8)
}
