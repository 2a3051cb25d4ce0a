//! The litmus systems come to their published figures: the number of distinct traces, under each network.
//!
//! A trace here is written down anew from events (what each worker handled and chose, in its order), so that the count
//! depends neither on the fingerprints of the simulator nor on any reduction. One table, one column for each way to
//! count; what is too large to be gone through is sampled.
#![cfg(feature = "sim")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use raddle::any::{AnySystem, Search};
use raddle::sim::exhaustive::Exhaustive;
use raddle::sim::{Actions, Network, Recording, Settings, Strategy, StrategyKind};
use raddle::{Beyond, Lane, MessageId, What, WorkerId};

/// A system with its parameters, and how many traces it has in a bag and over fifo, causal and mailbox networks.
struct Row {
    system: &'static str,
    set: &'static [(&'static str, &'static str)],
    expected: [usize; 4],
}

const NETWORKS: [Network; 4] = [Network::Bag, Network::Fifo, Network::Causal, Network::Mailbox];

const fn row(system: &'static str, set: &'static [(&'static str, &'static str)], expected: [usize; 4]) -> Row {
    Row { system, set, expected }
}

/// Small enough to be gone through.
const TABLE: &[Row] = &[
    row("fanin", &[("n", "3")], [6; 4]),
    row("fanin", &[("n", "4")], [24; 4]),
    row("pairs", &[("n", "2")], [1; 4]),
    row("pairs", &[("n", "4")], [1; 4]),
    row("senders", &[("n", "2"), ("k", "2")], [24, 6, 6, 2]),
    row("senders", &[("n", "2"), ("k", "3")], [720, 20, 20, 2]),
    row("senders", &[("n", "3"), ("k", "2")], [720, 90, 90, 6]),
    row("onelink", &[("n", "3")], [6, 1, 1, 1]),
    row("onelink", &[("n", "5")], [120, 1, 1, 1]),
    row("triangle", &[], [2, 2, 1, 1]),
    row("semantics1", &[], [24, 12, 6, 6]),
    row("twopc", &[("n", "2")], [8; 4]),
    row("twopc", &[("n", "3")], [48; 4]),
    row("readers", &[("n", "1")], [2; 4]),
    row("readers", &[("n", "2")], [4; 4]),
    row("indexer", &[("n", "1")], [1; 4]),
    row("statefan", &[("n", "5")], [120; 4]),
];

/// Too large for brute force, and for some networks.
const LARGE: &[Row] = &[
    row("fanin", &[("n", "6")], [720; 4]),
    row("fanin", &[("n", "7")], [5_040; 4]),
    row("pairs", &[("n", "12")], [1; 4]),
    row("twopc", &[("n", "4")], [384; 4]),
    row("indexer", &[("n", "11")], [1; 4]),
    row("indexer", &[("n", "12")], [8; 4]),
    row("indexer", &[("n", "13")], [64; 4]),
    row("indexer", &[("n", "15")], [4_096; 4]),
    row("readers", &[("n", "6")], [64; 4]),
];

/// A way to count the traces of a system over a network; none where it cannot.
type Count = fn(&dyn AnySystem, Network) -> Option<usize>;

/// The columns: each way to count must come to the same.
const COLUMNS: [(&str, Count); 2] = [("brute force", brute_force), ("dpor", dpor)];

#[test]
fn every_figure_is_reached_in_every_way() {
    for Row { system, set, expected } in TABLE {
        let built = build(system, set);
        for (network, expected) in NETWORKS.into_iter().zip(expected) {
            for (column, count) in COLUMNS {
                match count(built.as_ref(), network) {
                    Some(counted) => assert_eq!(counted, *expected, "{system} {set:?} over {network}, by {column}"),
                    None => assert!(is_refused(system, network), "{system} over {network}, by {column}"),
                }
            }
        }
    }
}

#[test]
fn large_figures_are_reached_by_dpor() {
    for Row { system, set, expected } in LARGE {
        let built = build(system, set);
        for (network, expected) in NETWORKS.into_iter().zip(expected) {
            match dpor(built.as_ref(), network) {
                Some(counted) => assert_eq!(counted, *expected, "{system} {set:?} over {network}"),
                None => assert!(is_refused(system, network), "{system} over {network}"),
            }
        }
    }
}

/// Where `dpor` does not know yet which of two commuting inputs may stand first.
fn is_refused(system: &str, network: Network) -> bool {
    system == "readers" && matches!(network, Network::Causal | Network::Mailbox)
}

/// One execution of each trace, and none in vain.
fn dpor(system: &dyn AnySystem, network: Network) -> Option<usize> {
    let settings = Settings { network, ..Settings::default() };
    let strategy = StrategyKind::Exhaustive(Exhaustive::Dpor);
    let report = system.explore(&Search { settings, strategy, ..Search::default() }).ok()?;
    let exhausted = report.exhausted.expect("it is exhaustive");
    assert_eq!((exhausted.complete, exhausted.blocked, exhausted.executions), (true, 0, exhausted.traces));
    Some(exhausted.traces as usize)
}

/// Too large to be gone through: so many seeds show every trace, and none shows one more.
#[test]
fn sampling_comes_to_the_large_figures() {
    for (system, set, expected, seeds) in [
        ("fanin", ("n", "5"), 120, 2_000),
        ("twopc", ("n", "4"), 384, 10_000),
        ("pairs", ("n", "16"), 1, 500),
        ("indexer", ("n", "11"), 1, 500),
        ("indexer", ("n", "12"), 8, 500),
    ] {
        let search = Search { seeds: 0..seeds, ..Search::default() };
        let report = build(system, &[set]).explore(&search).expect("it can be run");
        assert_eq!(report.distinct.count(), expected, "{system} {set:?}");
    }
}

/// The states of `statefan` are the logs of its worker, so they can be read off the traces.
#[test]
fn statefan_has_as_many_states_as_there_are_ordered_selections() {
    for (n, expected) in [("4", 65), ("5", 326), ("6", 1_957)] {
        let mut states = BTreeSet::from([Vec::new()]);
        each_run(build("statefan", &[("n", n)]).as_ref(), Network::Fifo, |recording| {
            for (_, log) in sequences(recording) {
                states.extend((0..=log.len()).map(|end| log[..end].to_vec()));
            }
        });
        assert_eq!(states.len(), expected, "n = {n}");
    }
}

/// With these parameters; handlers are promised nothing, so that networks can be told apart.
fn build(name: &str, set: &[(&str, &str)]) -> Box<dyn AnySystem> {
    let entry = raddle::systems::all().into_iter().find(|entry| entry.name() == name).expect("a built-in system");
    let mut system = entry.build(&entry.args(set.iter().copied()).expect("it has these")).expect("they fit");
    system.set("order", "arrival").expect("there is such an order");
    system
}

/// The distinct traces of all schedules.
fn brute_force(system: &dyn AnySystem, network: Network) -> Option<usize> {
    let mut traces = BTreeSet::new();
    each_run(system, network, |recording| {
        traces.insert(trace(recording));
    });
    Some(traces.len())
}

/// What a worker handled, with what it chose meanwhile.
type Sequence = Vec<(MessageId, Vec<u32>)>;

fn sequences(recording: &Recording) -> BTreeMap<WorkerId, Sequence> {
    let mut sequences: BTreeMap<WorkerId, Sequence> = BTreeMap::new();
    for event in &recording.trace.events {
        let Lane::Worker(worker) = event.lane else { continue };
        let sequence = sequences.entry(worker).or_default();
        match event.what {
            What::Handle => sequence.push((event.header.id.clone(), Vec::new())),
            What::Choose { value, .. } => sequence.last_mut().expect("handlers choose").1.push(value),
            _ => {}
        }
    }
    sequences
}

/// A trace: the sequences, with reads that stand side by side in one order, as it does not matter which.
fn trace(recording: &Recording) -> BTreeMap<WorkerId, Sequence> {
    let events = recording.trace.events.iter();
    let reads: BTreeSet<_> = events.filter(|event| &*event.payload == "Read").map(|event| &event.header.id).collect();
    let mut sequences = sequences(recording);
    for sequence in sequences.values_mut() {
        sequence.chunk_by_mut(|a, b| reads.contains(&a.0) && reads.contains(&b.0)).for_each(<[_]>::sort_unstable);
    }
    sequences
}

/// Every schedule of a system, and every value that its handlers can choose.
fn each_run(system: &dyn AnySystem, network: Network, mut told: impl FnMut(&Recording)) {
    let search = Search { settings: Settings { network, ..Settings::default() }, ..Search::default() };
    let digits = Arc::new(Mutex::new(Vec::new()));
    let mut odometer = Odometer { digits: Arc::clone(&digits), step: 0 };
    let runs = system.record_while(&search, &mut odometer, &mut |recording| {
        told(&recording);
        advance(&mut digits.lock().expect("one thread"), &recording)
    });
    runs.expect("it can be run");
}

/// One step of a schedule: which of how many actions, and what its handler chose of how many.
struct Digit {
    action: (usize, usize),
    values: Vec<(u32, u32)>,
}

/// Takes the steps it is set to, then always the first action and the first value.
struct Odometer {
    digits: Arc<Mutex<Vec<Digit>>>,
    step: usize,
}

impl Strategy for Odometer {
    fn begin(&mut self, _: u64) {
        self.step = 0;
    }

    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        let mut digits = self.digits.lock().expect("one thread");
        if self.step == digits.len() {
            digits.push(Digit { action: (0, actions.len()), values: Vec::new() });
        }
        self.step += 1;
        digits[self.step - 1].action.0
    }

    fn is_scripted(&self) -> bool {
        true
    }

    fn script(&mut self, values: &mut Vec<u32>) {
        let digits = self.digits.lock().expect("one thread");
        values.extend(digits[self.step - 1].values.iter().map(|(value, _)| value));
    }

    fn beyond(&self) -> Beyond {
        Beyond::First
    }
}

/// Sets the digits to the next schedule; false when all are done.
fn advance(digits: &mut Vec<Digit>, recording: &Recording) -> bool {
    digits.iter_mut().for_each(|digit| digit.values.clear());
    for event in &recording.trace.events {
        if let What::Choose { options, value } = event.what {
            digits[event.moment.step as usize - 1].values.push((value, options));
        }
    }
    while let Some(mut digit) = digits.pop() {
        while let Some((value, options)) = digit.values.pop() {
            if value + 1 < options {
                digit.values.push((value + 1, options));
                digits.push(digit);
                return true;
            }
        }
        if digit.action.0 + 1 < digit.action.1 {
            digits.push(Digit { action: (digit.action.0 + 1, digit.action.1), values: Vec::new() });
            return true;
        }
    }
    false
}
