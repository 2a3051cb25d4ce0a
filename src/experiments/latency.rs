//! What an update costs on its way: a single token goes round a ring, so that nothing else is in its way.

use raddle_core::{Outbox, StateMachine, System, What, WorkerId};
use raddle_sim::Granularity;
use serde::{Deserialize, Serialize};

use super::table::{Cell, percentile, time};
use super::{Case, Driver, Experiment, Seen, Table};

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "latency",
    question: "How long is an update under way, how much of that is the coordinator's, and how does it grow with hops?",
    cases,
    table,
};

/// How often a token is passed on in a run.
const HOPS: u32 = 400;
const RUNS: u64 = 20;
/// The longest way that is looked at.
const HOPS_MAX: usize = 8;

/// Passes the token on.
#[derive(Clone, Serialize, Deserialize)]
struct Runner {
    next: WorkerId,
}

impl StateMachine for Runner {
    type Message = ();
    type Update = ();

    fn on_message(&mut self, (): (), out: &mut Outbox<()>) {
        out.notify(self.next, ());
    }

    fn on_update(&mut self, (): (), out: &mut Outbox<()>) {
        out.notify(self.next, ());
    }
}

fn cases(_: Driver) -> Vec<Case> {
    let relay = |placement: &str, label: &str| {
        let mut system: Box<dyn crate::any::AnySystem> = Box::new(
            System::new("relay")
                .workers(["A", "B"], |seat| Runner { next: WorkerId::at(1 - seat.id().index()) })
                .messages("client", [("A", ())])
                .with(|policies| policies.max_depth = HOPS)
                .on_processes(),
        );
        system.set("placement", placement).expect("there is such a placement");
        let mut case = Case::new(label, system, RUNS);
        case.settings.granularity = Granularity::Queues;
        case
    };
    vec![relay("inline", "direct"), relay("sharded(1)", "coordinator")]
}

fn table(driver: Driver, seen: &[Seen]) -> Table {
    let unit = if driver == Driver::Sim { "steps" } else { "µs" };
    let columns = ["way".to_owned(), "hops".to_owned(), format!("p50 {unit}"), format!("p99 {unit}")];
    let mut table = Table::new(&columns.each_ref().map(String::as_str));
    let mut medians = Vec::new();
    for seen in seen {
        for hops in 1..=HOPS_MAX {
            let latencies = ways(seen, hops);
            let median = percentile(&latencies, 50.0);
            medians.push(median);
            table.rows.push(vec![
                Cell::word(&seen.label),
                Cell::Count(hops as u64),
                time(driver, median),
                time(driver, percentile(&latencies, 99.0)),
            ]);
        }
    }
    let shown =
        |ticks: u64| if driver == Driver::Sim { ticks.to_string() } else { format!("{:.2}", ticks as f64 / 1e3) };
    let (direct, coordinator) = (medians[0], medians[HOPS_MAX]);
    table.answer = format!(
        "An update to an idle worker takes {} {unit} in the median, and {} {unit} by way of a coordinator of its own ({:.1} \
         times as long); {HOPS_MAX} hops take {:.1} times as long as one.",
        shown(direct),
        shown(coordinator),
        coordinator as f64 / direct.max(1) as f64,
        medians[HOPS_MAX - 1] as f64 / direct.max(1) as f64,
    );
    table
}

/// How long so many hops took, wherever they began, sorted.
fn ways(seen: &Seen, hops: usize) -> Vec<u64> {
    let mut all = Vec::new();
    for trace in &seen.traces {
        let handled = trace.events.iter().filter(|event| event.what == What::Handle);
        let times: Vec<u64> = handled.map(|event| seen.tick(event)).collect();
        all.extend(times.windows(hops + 1).map(|way| way[hops].saturating_sub(way[0])));
    }
    all.sort_unstable();
    all
}
