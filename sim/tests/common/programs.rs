//! Small random programs with something that must not happen.

use proptest::prelude::prop;
use raddle_core::{Order, System};
use raddle_sim::strategy::DefaultOrder;
use raddle_sim::{Runner, Settings};

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
    let inverted = move |log: &[&str], (first, then): (&str, &str)| {
        let place = |name: &str| log.iter().position(|said| *said == name);
        place(first).zip(place(then)).is_some_and(|(first, then)| first > then)
    };
    plain(shape).never("inverted", move |run| {
        !pairs.is_empty() && pairs.iter().all(|pair| run.machines().any(|machine| inverted(&machine.log, *pair)))
    })
}

pub fn picks() -> impl proptest::strategy::Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..100_usize, 1..4)
}

pub fn shapes() -> impl proptest::strategy::Strategy<Value = Shape> {
    prop::collection::vec((0..9_usize, 0..3_usize), 4..8)
}
