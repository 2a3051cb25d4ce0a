//! Searching allocates nothing once a world is warm: not per step, and not per run.

use std::sync::Arc;

use raddle_core::{Outbox, StateMachine, System, WorkerId};
use raddle_sim::strategy::Random;
use raddle_sim::{Granularity, Network, Runner, Settings};

/// Passes each message on, twice at even depths, until it is four deep.
#[derive(Clone, Copy, Debug)]
struct Ball {
    thrown: u32,
    mix: u64,
}

struct Player {
    me: u32,
    players: u32,
}

impl StateMachine for Player {
    type Message = Ball;
    type Update = Ball;

    fn on_message(&mut self, ball: Ball, out: &mut Outbox<Ball>) {
        if ball.thrown < 5 {
            for copy in 0..=(ball.mix >> 7) % 2 {
                let mix = (ball.mix + copy).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let to = (self.me + 1 + (mix >> 40) as u32 % (self.players - 1)) % self.players;
                out.notify(WorkerId::new(to), Ball { thrown: ball.thrown + 1, mix });
            }
        }
    }

    fn on_update(&mut self, ball: Ball, out: &mut Outbox<Ball>) {
        self.on_message(ball, out);
    }
}

fn game(players: u32) -> System<Player> {
    let names: Vec<String> = (0..players).map(|i| format!("p{i}")).collect();
    let first = |i: u32| {
        (format!("p{}", i % players), Ball { thrown: 0, mix: u64::from(i).wrapping_mul(0x1234_5678_9abc_def1) })
    };
    System::new("game")
        .workers(names, move |seat| Player { me: seat.id().index() as u32, players })
        .messages("crowd", (0..20).map(first))
}

/// No allocation that grows with steps, after enough runs that nearly every buffer has seen its longest content: a
/// run with more messages in flight than any before it, or a longer clock in its slot, may still stretch one.
#[track_caller]
fn check(players: u32, settings: Settings) {
    let plan = game(players).plan().expect("a good system");
    let laws = ["bounded-depth", "no-silent-loss", "no-duplicates", "bounded-queues"].map(str::to_owned);
    let mut runner = Runner::new(Arc::clone(&plan), settings.clone(), Some(&laws)).expect("good settings");
    let mut strategy = Random::default();
    let mut deliveries = 0;
    for seed in 50..2_000 {
        runner.run(seed, &mut strategy);
    }
    let made = allocation_counter::measure(|| {
        for seed in 0..50_u64 {
            let run = runner.run(seed, &mut strategy);
            assert_eq!(run.violation, None);
            deliveries += run.deliveries;
        }
    });
    assert!(deliveries > 2_500, "{deliveries} deliveries");
    let made = made.count_total;
    assert!(made * 2_000 < deliveries, "{made} in {deliveries} deliveries, {players} workers, {settings:?}");
}

#[test]
fn deliveries_allocate_nothing() {
    for network in [Network::Mailbox, Network::Causal, Network::Fifo, Network::Bag] {
        check(4, Settings { network, ..Settings::default() });
    }
}

#[test]
fn long_clocks_allocate_nothing() {
    check(24, Settings::default());
    check(100, Settings::default());
}

#[test]
fn queues_allocate_nothing() {
    check(4, Settings { granularity: Granularity::Queues, ..Settings::default() });
}
