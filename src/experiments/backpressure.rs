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
    // There nobody is slow either, so there is nothing to put beside it.
    let beside = (driver != Driver::Sim).then(|| case(NONE_SLOW, 0));
    beside.into_iter().chain(POLICIES.iter().map(|policy| case(policy, work))).collect()
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
        facts.push(Fact { policy: &seen.label, deepest: seen.deepest(SLOW), dropped, messages, fast });
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
    table.answer = match driver {
        Driver::Sim => in_steps(&facts),
        Driver::Threads | Driver::Processes => beside(&facts[0], &facts[1..]),
    };
    table
}

/// What one case comes to.
struct Fact<'a> {
    policy: &'a str,
    /// Most updates that waited at the slow worker.
    deepest: u64,
    dropped: u64,
    /// Messages handled in some time.
    messages: f64,
    /// How long an update to the fast worker takes, at p99.
    fast: u64,
}

/// What the cases with a slow worker are beside the one without.
fn beside(without: &Fact<'_>, facts: &[Fact<'_>]) -> String {
    let (nearest, farthest) = ends(facts, |fact| fact.fast as f64 / without.fast.max(1) as f64);
    let (slowest, fastest) = ends(facts, |fact| 100.0 * fact.messages / without.messages.max(f64::MIN_POSITIVE));
    format!(
        "Beside a slow worker, an update to the fast one takes {:.1} ({}) to {:.1} times ({}) as long at p99 as where nobody is \
         slow, and messages get through at {:.0} % ({}) to {:.0} % ({}) of the rate. {}",
        nearest.0,
        nearest.1,
        farthest.0,
        farthest.1,
        slowest.0,
        slowest.1,
        fastest.0,
        fastest.1,
        losses(facts),
    )
}

/// Where no time passes there is no slow worker, and queues fill by chance.
fn in_steps(facts: &[Fact<'_>]) -> String {
    let (nearest, farthest) = ends(facts, |fact| fact.fast as f64);
    format!(
        "In the simulator no time passes, so nobody is slow: queues fill by chance, and what shows is what each policy does then. \
         An update to the other worker takes {:.0} ({}) to {:.0} steps ({}) at p99. {}",
        nearest.0,
        nearest.1,
        farthest.0,
        farthest.1,
        losses(facts),
    )
}

fn losses(facts: &[Fact<'_>]) -> String {
    let lossless: Vec<&str> = facts.iter().filter(|fact| fact.dropped == 0).map(|fact| fact.policy).collect();
    let lossless = if lossless.is_empty() { "no policy".to_owned() } else { lossless.join(", ") };
    let (_, deepest) = ends(facts, |fact| fact.deepest as f64);
    format!(
        "Nothing is lost with {lossless}; most updates wait at the slow worker with {} ({:.0}, where {CAPACITY} fit).",
        deepest.1, deepest.0
    )
}

/// The least and the most of something, each with its policy.
fn ends<'a>(facts: &'a [Fact<'_>], of: impl Fn(&Fact<'_>) -> f64) -> ((f64, &'a str), (f64, &'a str)) {
    let all = || facts.iter().map(|fact| (of(fact), fact.policy));
    let least = all().min_by(|a, b| a.0.total_cmp(&b.0)).expect("there are policies");
    let most = all().max_by(|a, b| a.0.total_cmp(&b.0)).expect("there are policies");
    (least, most)
}
