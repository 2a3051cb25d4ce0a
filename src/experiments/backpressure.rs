//! What a slow worker does to others, for each policy of full queues: two producers tell a slow worker and a fast one. What it
//! does shows beside a run in which nobody is slow.

use raddle_core::{Outbox, StateMachine, System, What, WorkerId};
use raddle_sim::Granularity;
use serde::{Deserialize, Serialize};

use super::table::{Cell, percentile, rate, time};
use super::{Case, Driver, Experiment, Seen, Table};
use crate::any::AnySystem;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "backpressure",
    question: "Does a slow worker affect others, and how well does each policy contain it?",
    cases,
    table,
};

const POLICIES: [&str; 5] = ["drop-newest", "drop-oldest", "hold", "nack", "stall"];
/// The run in which nobody is slow.
const NONE_SLOW: &str = "(none slow)";
const CAPACITY: usize = 16;
const PRODUCERS: [&str; 2] = ["left", "right"];
const SLOW: WorkerId = WorkerId::new(2);
const FAST: WorkerId = WorkerId::new(3);
/// Rounds of a generator: some ten microseconds.
const WORK: u32 = 20_000;

/// A producer, the slow worker or the fast one.
#[derive(Clone, Serialize, Deserialize)]
struct Hand {
    work: u32,
    value: u64,
}

impl StateMachine for Hand {
    type Message = ();
    type Update = ();

    fn on_message(&mut self, (): (), out: &mut Outbox<()>) {
        out.notify(SLOW, ());
        out.notify(FAST, ());
    }

    fn on_update(&mut self, (): (), _: &mut Outbox<()>) {
        // Work that takes its time and is a function of its inputs all the same.
        for _ in 0..self.work {
            self.value = self.value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        }
    }
}

fn cases(driver: Driver) -> Vec<Case> {
    let (messages, runs) = if driver == Driver::Sim { (100, 20) } else { (3_000, 1) };
    // Where no time passes, work takes none.
    let work = if driver == Driver::Sim { 1 } else { WORK };
    let case = |policy: &str, work: u32| {
        let mut system: Box<dyn AnySystem> = Box::new(
            System::new("bottleneck")
                .workers(PRODUCERS, |_| Hand { work: 0, value: 0 })
                .workers(["slow"], move |_| Hand { work, value: 0 })
                .workers(["fast"], |_| Hand { work: 0, value: 0 })
                .messages("client", PRODUCERS.into_iter().cycle().take(messages).map(|producer| (producer, ())))
                .with(|policies| policies.capacity = CAPACITY)
                .on_processes(),
        );
        let (label, policy) = if work == 0 { (NONE_SLOW, POLICIES[0]) } else { (policy, policy) };
        system.set("on_full", policy).expect("there is such a policy");
        let mut case = Case::new(label, system, runs);
        case.settings.granularity = Granularity::Queues;
        case
    };
    let slow = POLICIES.iter().map(|policy| case(policy, work));
    std::iter::once(case(NONE_SLOW, 0)).chain(slow).collect()
}

fn table(driver: Driver, seen: &[Seen]) -> Table {
    let (unit, per) = if driver == Driver::Sim { ("steps", "1,000 steps") } else { ("µs", "s") };
    let (p99, messages) = (format!("p99 {unit} to fast"), format!("messages/{per}"));
    let columns =
        ["policy", "most waiting", "dropped", "stalls", "handled by slow", "handled by fast", &p99, &messages];
    let mut table = Table::new(&columns);
    let mut facts = Vec::new();
    for seen in seen {
        let handled = |of: WorkerId| seen.count(|event| event.what == What::Handle && event.header.to == of);
        let dropped = seen.count(|event| matches!(event.what, What::Drop(_)));
        let from_outside = seen.count(|event| event.what == What::Handle && event.header.link().is_none());
        let fast = percentile(&seen.latencies(FAST), 99.0);
        let messages = rate(driver, from_outside, seen.elapsed());
        facts.push((seen.label.as_str(), seen.deepest(SLOW), dropped, messages, fast));
        table.rows.push(vec![
            Cell::word(&seen.label),
            Cell::Count(seen.deepest(SLOW)),
            Cell::Count(dropped),
            Cell::Count(seen.count(|event| event.what == What::Stall)),
            Cell::Count(handled(SLOW)),
            Cell::Count(handled(FAST)),
            time(driver, fast),
            Cell::Count(messages as u64),
        ]);
    }
    let without = facts.remove(0);
    let lossless: Vec<&str> = facts.iter().filter(|fact| fact.2 == 0).map(|fact| fact.0).collect();
    let deepest = facts.iter().max_by_key(|fact| fact.1).expect("there are policies");
    let slowest = facts.iter().min_by(|a, b| a.3.total_cmp(&b.3)).expect("there are policies");
    let lossless = if lossless.is_empty() { "no policy".to_owned() } else { lossless.join(", ") };
    let beside = |ticks: u64| ticks as f64 / without.4.max(1) as f64;
    let nearest = facts.iter().min_by_key(|fact| fact.4).expect("there are policies");
    let farthest = facts.iter().max_by_key(|fact| fact.4).expect("there are policies");
    let rate = |fact: &(&str, u64, u64, f64, u64)| 100.0 * fact.3 / without.3.max(f64::MIN_POSITIVE);
    let fastest = facts.iter().max_by(|a, b| a.3.total_cmp(&b.3)).expect("there are policies");
    table.answer = format!(
        "Beside a slow worker, an update to the fast one takes {:.1} ({}) to {:.1} times ({}) as long at p99 as where nobody is \
         slow, and messages get through at {:.0} % ({}) to {:.0} % ({}) of the rate. Nothing is lost with {lossless}; most \
         updates wait at the slow worker with {} ({}, where {CAPACITY} fit).",
        beside(nearest.4),
        nearest.0,
        beside(farthest.4),
        farthest.0,
        rate(slowest),
        slowest.0,
        rate(fastest),
        fastest.0,
        deepest.0,
        deepest.1,
    );
    table
}
