//! What happens on threads can happen in the simulator: the order in which each worker handled its inputs in a real run is
//! an order that deliveries under `network = causal` have.

use std::num::NonZeroUsize;
use std::sync::Arc;

use proptest::prelude::*;
use raddle::prelude::*;
use raddle::sim::strategy::Replay;
use raddle::sim::{Decision, Network, Runner, Settings};
use raddle::threads::Threads;
use raddle_core::{Order, Placement, Trace, What, fnv};

const WORKERS: u64 = 4;

/// A program of which nobody knows what it does: what a worker sends, and to whom, depends on all that it has handled.
#[derive(Clone, Debug, Default)]
struct Anything {
    past: u64,
}

/// A message, with how many hops are left to those that it causes.
#[derive(Clone, Copy, Debug)]
struct Word(u64, u32);

impl Anything {
    fn handle(&mut self, Word(word, hops): Word, out: &mut Outbox<Word>) {
        self.past = fnv::spread(self.past ^ word);
        let sends = if hops == 0 { 0 } else { self.past % 4 };
        for n in 0..sends {
            let hash = fnv::spread(self.past.wrapping_add(n));
            out.notify(name(hash % WORKERS), Word(hash, hops - 1));
        }
    }
}

impl StateMachine for Anything {
    type Message = Word;
    type Update = Word;

    fn on_message(&mut self, word: Word, out: &mut Outbox<Word>) {
        self.handle(word, out);
    }

    fn on_update(&mut self, word: Word, out: &mut Outbox<Word>) {
        self.handle(word, out);
    }
}

fn name(worker: u64) -> String {
    format!("w{worker}")
}

fn system(words: &[(u64, u64)]) -> System<Anything> {
    let system = System::new("anything").workers((0..WORKERS).map(name), |_| Anything::default());
    let words = words.iter().enumerate();
    words.fold(system, |system, (at, (to, word))| {
        system.messages(["one", "two", "three"][at % 3], [(name(*to), Word(*word, 4))])
    })
}

/// All that was handled, in the order of the trace.
fn handled(trace: &Trace) -> Vec<Decision> {
    let handled = trace.events.iter().filter(|event| event.what == What::Handle);
    handled.map(|event| Decision::Deliver(event.header.id.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_threads_do_is_reachable_at_delivery(
        words in prop::collection::vec((0..WORKERS, any::<u64>()), 1..6),
        shards in 0..3_u32,
        window in 1..4_u32,
        threads in 0..3_usize,
    ) {
        let system = system(&words).with(|policies| {
            policies.order = Order::Arrival;
            policies.window = window;
            policies.placement = if shards == 0 { Placement::Inline } else { Placement::Sharded(shards) };
        });
        let plan = system.plan().expect("a sound system");
        let run = Threads::new().record(true).worker_threads(NonZeroUsize::new(threads)).run(&plan).expect("it runs");
        let trace = run.trace.expect("it was recorded");
        let real = handled(&trace);
        prop_assert_eq!(real.len() as u64, run.metrics.sent + run.metrics.fed, "nothing is lost");

        let settings = Settings { network: Network::Causal, ..Settings::default() };
        let mut runner = Runner::new(Arc::clone(&plan), settings, Some(&[])).expect("good settings");
        let mut replay = Replay::new(real.clone());
        let simulated = runner.record(0, &mut replay).trace;
        prop_assert_eq!(replay.misfit(), None, "each could be delivered in its turn");
        prop_assert_eq!(handled(&simulated), real);
    }
}
