//! Granularity `queues` sees nothing that granularity `delivery` cannot reach, and its policies do what they say.

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use common::{Obedient, Told, all_schedules, logs, told};
use proptest::prelude::*;
use raddle_core::{DropReason, OnFull, Order, Outbox, Pick, Placement, StateMachine, System, TimerTag, What};
use raddle_sim::strategy::{DefaultOrder, Random};
use raddle_sim::{Granularity, Network, Runner, Settings};

const NAMES: [&str; 3] = ["a", "b", "c"];

fn system(messages: Vec<(usize, Told)>) -> System<Obedient> {
    let system = System::new("any").workers(NAMES, |_| Obedient::default());
    let system = system.with(|policies| policies.order = Order::Arrival);
    let messages = messages.into_iter().enumerate();
    messages.fold(system, |system, (at, (to, message))| {
        system.messages(if at % 2 == 0 { "even" } else { "odd" }, [(NAMES[to], message)])
    })
}

/// A tree of messages: up to two levels of updates, two each.
fn any_told() -> impl Strategy<Value = Told> {
    let name = prop::sample::select(vec!["p", "q", "r"]);
    let leaf = name.clone().prop_map(|name| told(name, []));
    let update = move |inner: BoxedStrategy<Told>| {
        (
            prop::sample::select(vec!["p", "q", "r"]),
            prop::collection::vec((prop::sample::select(NAMES.to_vec()), inner), 0..=2),
        )
            .prop_map(|(name, then)| told(name, then))
    };
    update(update(leaf.boxed()).boxed())
}

fn outcomes_at_queues(system: &System<Obedient>, placement: Placement) -> BTreeSet<Vec<Vec<&'static str>>> {
    let plan = system.clone().with(|policies| policies.placement = placement).plan().expect("a good system");
    let settings = Settings { granularity: Granularity::Queues, ..Settings::default() };
    let mut runner = Runner::new(Arc::clone(&plan), settings, Some(&[])).expect("good settings");
    let mut strategy = Random::default();
    (0..30)
        .map(|seed| {
            runner.run(seed, &mut strategy);
            logs(&runner)
        })
        .collect()
}

/// More deliveries than this have too many orders to list them all.
fn deliveries(messages: &[(usize, Told)]) -> usize {
    fn size(told: &Told) -> usize {
        1 + told.then.iter().map(|(_, told)| size(told)).sum::<usize>()
    }
    messages.iter().map(|(_, told)| size(told)).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_order_at_queues_is_reachable_at_delivery(
        messages in prop::collection::vec((0..3_usize, any_told()), 1..=3)
            .prop_filter("few enough orders", |messages| deliveries(messages) <= 7)
    ) {
        let system = system(messages);
        let all = all_schedules(&system, Settings { network: Network::Fifo, ..Settings::default() }, logs);
        for placement in [Placement::Inline, Placement::Sharded(1), Placement::Sharded(2)] {
            for outcome in outcomes_at_queues(&system, placement) {
                prop_assert!(all.outcomes.contains(&outcome), "{placement}: {outcome:?} not among {:?}", all.outcomes);
            }
        }
    }
}

/// One worker floods another.
fn flood(on_full: OnFull, updates: u32) -> System<Obedient> {
    const LETTERS: [&str; 6] = ["1", "2", "3", "4", "5", "6"];
    let go = told("go", (0..updates as usize).map(|i| ("b", told(LETTERS[i], []))));
    system(vec![(0, go)]).with(|policies| {
        policies.on_full = on_full;
        policies.capacity = 2;
        policies.overflow = 2;
    })
}

/// What b handled in the default order, and how often each word was reported.
#[track_caller]
fn flooded(on_full: OnFull, granularity: Granularity) -> (String, Vec<&'static str>) {
    let plan = flood(on_full, 5).plan().expect("a good system");
    let laws = ["no-silent-loss", "bounded-queues", "no-duplicates"].map(str::to_owned);
    let settings = Settings { granularity, ..Settings::default() };
    let mut runner = Runner::new(plan, settings, Some(&laws)).expect("good settings");
    let recording = runner.record(0, &mut DefaultOrder);
    assert_eq!(recording.run.violation, None);
    let handled = logs(&runner)[1].concat();
    let words = [What::Drop(DropReason::Full), What::Drop(DropReason::Overflow), What::Drop(DropReason::Nack)];
    let wanted = [words.as_slice(), &[What::Hold, What::Admit, What::Stall, What::Resume, What::Nack]].concat();
    let events = recording.trace.events.iter().filter(|event| wanted.contains(&event.what));
    (handled, events.map(|event| event.what.word()).collect())
}

#[test]
fn full_queues_do_what_their_policy_says() {
    for granularity in [Granularity::Delivery, Granularity::Queues] {
        let (handled, words) = flooded(OnFull::DropNewest, granularity);
        assert_eq!((handled.as_str(), words), ("12", vec!["drop(full)"; 3]));
        let (handled, words) = flooded(OnFull::DropOldest, granularity);
        assert_eq!((handled.as_str(), words), ("45", vec!["drop(full)"; 3]));
        let (handled, words) = flooded(OnFull::Hold, granularity);
        assert_eq!((handled.as_str(), words), ("1234", vec!["hold", "hold", "drop(overflow)", "admit", "admit"]));
        let (handled, words) = flooded(OnFull::Nack, granularity);
        assert_eq!(
            (handled.as_str(), words),
            ("12", vec!["nack", "drop(nack)", "nack", "drop(nack)", "nack", "drop(nack)"])
        );
        let (handled, words) = flooded(OnFull::Stall, granularity);
        assert_eq!(handled, "12345");
        assert_eq!(words[..2], ["stall", "resume"], "{words:?}");
    }
}

#[test]
fn the_pick_policy_decides_at_queues() {
    let messages = || (0..4).map(|_| (1, told("x", []))).chain([(0, told("go", (0..4).map(|_| ("b", told("u", [])))))]);
    let run = |pick| {
        let system = system(messages().collect()).with(|policies| policies.pick = pick);
        let settings = Settings { granularity: Granularity::Queues, ..Settings::default() };
        let mut runner =
            Runner::new(system.plan().expect("a good system"), settings, Some(&[])).expect("good settings");
        let mut seen = BTreeSet::new();
        for seed in 0..500 {
            runner.run(seed, &mut Random::default());
            seen.insert(logs(&runner)[1].concat());
        }
        seen
    };
    let (updates_first, external_first) = (run(Pick::UpdatesFirst), run(Pick::ExternalFirst));
    assert!(updates_first.contains("uuuuxxxx") && !external_first.contains("uuuuxxxx"));
    assert!(updates_first.len() > 5 && external_first.len() > 3, "{updates_first:?} {external_first:?}");
}

/// Rings every second, three times.
#[derive(Default)]
struct Bell {
    rung: Vec<u64>,
}

impl StateMachine for Bell {
    type Message = ();
    type Update = ();

    fn on_start(&mut self, out: &mut Outbox<()>) {
        out.set_timer(TimerTag(1), Duration::from_secs(1));
    }

    fn on_message(&mut self, (): (), _: &mut Outbox<()>) {}

    fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}

    fn on_timer(&mut self, tag: TimerTag, out: &mut Outbox<()>) {
        self.rung.push(out.now().since_start().as_secs());
        if self.rung.len() < 3 {
            out.set_timer(tag, Duration::from_secs(1));
        }
    }
}

#[test]
fn timers_fire_in_the_order_of_deadlines_up_to_the_horizon() {
    let system = System::new("bells").workers(["a", "b"], |_| Bell::default());
    for granularity in [Granularity::Delivery, Granularity::Queues] {
        for horizon in [None, Some(Duration::from_millis(2500))] {
            let settings = Settings { granularity, horizon, ..Settings::default() };
            let mut runner = Runner::new(system.plan().expect("a good system"), settings, None).expect("good settings");
            for seed in 0..20 {
                let run = runner.run(seed, &mut Random::default());
                assert_eq!(run.end == raddle_core::EndReason::Horizon, horizon.is_some());
                let last = horizon.map_or(u64::MAX, |horizon| horizon.as_secs());
                for bell in runner.world().snapshot().machines() {
                    // The first is a second after the start, which may be late: timers do not wait for it.
                    let start = bell.rung.first().map_or(0, |first| first - 1);
                    let rung: Vec<u64> = (1..=3).map(|n| start + n).filter(|second| *second <= last).collect();
                    // A start after the last moment but one leaves no time to ring.
                    assert!(
                        bell.rung == rung || (bell.rung.is_empty() && horizon.is_some()),
                        "{:?} {rung:?}",
                        bell.rung
                    );
                }
            }
        }
    }
}
