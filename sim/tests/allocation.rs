//! Searching allocates nothing once a world is warm: not per step, and not per run.

use std::ops::ControlFlow;
use std::sync::Arc;

use raddle_core::{Order, Outbox, StateMachine, System, WorkerId};
use raddle_sim::exhaustive::{Exhaustive, visit};
use raddle_sim::{Granularity, Network, Runner, Settings, StrategyKind};

/// Passes each message on, twice at even depths, until it is four deep.
#[derive(Clone, Copy, Debug, Hash)]
struct Ball {
    thrown: u32,
    mix: u64,
}

#[derive(Clone, Hash)]
struct Player {
    me: u32,
    players: u32,
    caught: u32,
}

impl StateMachine for Player {
    type Message = Ball;
    type Update = Ball;

    fn on_message(&mut self, ball: Ball, out: &mut Outbox<Ball>) {
        self.caught += 1;
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
        .workers(names, move |seat| Player { me: seat.id().index() as u32, players, caught: 0 })
        .messages("crowd", (0..20).map(first))
}

/// No allocation that grows with steps, after enough runs that nearly every buffer has seen its longest content: a
/// run with more messages in flight than any before it, or a longer clock in its slot, may still stretch one.
#[track_caller]
fn check(players: u32, settings: Settings) {
    check_strategy(StrategyKind::Random, players, settings, 2_000);
}

#[track_caller]
fn check_strategy(kind: StrategyKind, players: u32, settings: Settings, warm_runs: u64) {
    check_system(&game(players), kind, players, settings, warm_runs);
}

/// In which kind of state a player is, so that what is covered is counted.
fn with_kinds(system: System<Player>) -> System<Player> {
    system.state_kind(|player| ["fresh", "warm", "hot"][(player.caught as usize / 4).min(2)])
}

#[track_caller]
fn check_system(system: &System<Player>, kind: StrategyKind, players: u32, settings: Settings, warm_runs: u64) {
    let plan = system.plan().expect("a good system");
    let laws = ["bounded-depth", "no-silent-loss", "no-duplicates", "bounded-queues"].map(str::to_owned);
    let mut runner = Runner::new(Arc::clone(&plan), settings.clone(), Some(&laws)).expect("good settings");
    let mut strategy = kind.make(&raddle_sim::pilot(kind, &plan, &settings));
    let mut deliveries = 0;
    for seed in 50..warm_runs {
        runner.run(seed, strategy.as_mut());
    }
    let made = allocation_counter::measure(|| {
        for seed in 0..50_u64 {
            let run = runner.run(seed, strategy.as_mut());
            assert_eq!(run.violation, None);
            deliveries += run.deliveries;
        }
    });
    assert!(deliveries > 2_500, "{deliveries} deliveries");
    let made = made.count_total;
    assert!(made * 2_000 < deliveries, "{made} in {deliveries} deliveries, {players} workers, {kind}, {settings:?}");
}

#[test]
fn deliveries_allocate_nothing() {
    for network in [Network::Mailbox, Network::Causal, Network::Fifo, Network::Bag] {
        check(4, Settings { network, ..Settings::default() });
    }
}

#[test]
fn what_is_covered_is_counted_without_allocating() {
    check_system(&with_kinds(game(4)), StrategyKind::Random, 4, Settings::default(), 2_000);
}

/// Nor where runs go on from copies: a search allocates as often with kinds as without, but for its tables.
#[test]
fn exhaustive_searches_count_what_is_covered_without_allocating() {
    let small = || {
        let ball = |mix| Ball { thrown: 4, mix };
        let system = System::new("small").workers(["p0", "p1", "p2"], |seat| Player {
            me: seat.id().index() as u32,
            players: 3,
            caught: 0,
        });
        let system = system.with(|policies| policies.order = Order::Arrival);
        let throw = |system: System<Player>, n: u64| system.messages(format!("s{n}"), [("p0", ball(n << 41))]);
        (0..6).fold(system, throw).forkable().hashed().laws(["no-panic"])
    };
    for kind in [Exhaustive::Dpor, Exhaustive::Dfs, Exhaustive::Delay(9), Exhaustive::States] {
        let mut runs = 0;
        let made = [small(), with_kinds(small())].map(|system| {
            let made = allocation_counter::measure(|| {
                let done = visit(&system, Settings::default(), kind, |_| ControlFlow::Continue(()));
                let done = done.expect("it can be searched");
                runs = done.states.unwrap_or(done.executions);
            });
            made.count_total
        });
        let more = made[1].saturating_sub(made[0]);
        assert!(runs > 500 && more * 10 < runs, "{more} more in {runs} runs, {kind}");
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

#[test]
fn strategies_allocate_nothing() {
    for kind in StrategyKind::ALL.into_iter().filter(|kind| *kind != StrategyKind::Portfolio) {
        for (network, granularity) in [
            (Network::Fifo, Granularity::Delivery),
            (Network::Bag, Granularity::Delivery),
            (Network::Fifo, Granularity::Queues),
        ] {
            check_strategy(kind, 4, Settings { network, granularity, ..Settings::default() }, 300);
        }
    }
}
