//! How long it takes to shrink a failing run of 2,000 steps, and how many small runs shrinking does a second:
//! `cargo run --release -p raddle-sim --example shrink_speed`.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it measures")]

use std::time::Instant;

use raddle_core::{Order, Outbox, Snapshot, StateMachine, System};
use raddle_sim::{Budget, Explore, StrategyKind};

const WORKERS: u32 = 20;
const CHAINS: u32 = 200;
const HOPS: u32 = 9;

/// Passes a chain on, nine times, to workers that its number says, and remembers some of what it hears.
#[derive(Default)]
struct Hop {
    heard: Vec<Chain>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Chain {
    number: u32,
    hop: u32,
}

/// The worker of each hop of each chain: far apart, the same in every run.
const fn place(chain: Chain) -> u32 {
    (chain.number * 7 + chain.hop * chain.hop * 13 + chain.number * chain.hop * 3) % WORKERS
}

impl StateMachine for Hop {
    type Message = Chain;
    type Update = Chain;

    fn on_message(&mut self, chain: Chain, out: &mut Outbox<Chain>) {
        self.heard.push(chain);
        if chain.hop < HOPS {
            let next = Chain { hop: chain.hop + 1, ..chain };
            out.notify(format!("w{}", place(next)).as_str(), next);
        }
    }

    fn on_update(&mut self, chain: Chain, out: &mut Outbox<Chain>) {
        self.on_message(chain, out);
    }
}

/// Whether the earlier of two chains is heard too late somewhere, at the first place where they meet.
fn overtaken(run: &Snapshot<'_, Hop>, earlier: u32, later: u32) -> bool {
    run.machines().any(|machine| {
        let at = |number: u32| machine.heard.iter().position(|chain| chain.number == number && chain.hop > 0);
        at(earlier).zip(at(later)).is_some_and(|(earlier, later)| earlier > later)
    })
}

/// Fails where all of these pairs of chains overtake each other.
fn system(chains: u32, pairs: Pairs) -> System<Hop> {
    let names = || (0..WORKERS).map(|worker| format!("w{worker}"));
    let begin = (0..chains).map(|number| Chain { number, hop: 0 }).map(|chain| (format!("w{}", place(chain)), chain));
    let each = |system: System<Hop>, (to, chain): (String, Chain)| {
        system.messages(format!("s{}", chain.number % 5), [(to, chain)])
    };
    begin
        .fold(System::new("hops").workers(names(), |_| Hop::default()), each)
        .laws(["no-silent-loss"])
        .at_end("in-order", |run| !pairs.iter().all(|(earlier, later)| overtaken(run, *earlier, *later)))
}

type Pairs = &'static [(u32, u32)];
const CASES: [(u32, Pairs); 3] = [
    (CHAINS, &[(10, 11), (30, 31), (150, 151)]),
    (CHAINS, &[(10, 11), (30, 31), (60, 61), (90, 91), (150, 151)]),
    (4, &[(1, 0), (2, 1), (3, 2)]),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (chains, pairs) in CASES {
        let system = system(chains, pairs).with(|policies| policies.order = Order::Arrival);
        let explore = || Explore::new(system.clone()).strategy(StrategyKind::Random).jobs(1).steps_max(100_000);
        let Some(before) = explore().shrink(None).run()?.found else {
            println!("{chains} chains: nothing found");
            continue;
        };
        let again = explore().seeds(before.seed..before.seed + 1);
        let began = Instant::now();
        let after = again.shrink(Budget::default()).run()?.found.ok_or("the same run fails")?;
        let took = began.elapsed();
        let shrunk = after.shrunk.ok_or("it was shrunk")?;
        println!(
            "{chains} chains: {} steps to {}, {} messages to {} ({}) in {took:.2?}: needs {}",
            before.steps, after.steps, shrunk.from_messages, shrunk.messages, shrunk.size, shrunk.needs
        );
    }
    Ok(())
}
