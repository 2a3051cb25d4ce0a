//! Whether anybody ever sees an update before one that its sender knew of: A tells C, then B, which tells C.

use raddle_core::What;
use raddle_sim::Network;

use super::table::Cell;
use super::{Case, Driver, Experiment, Seen, Table};
use crate::{systems, words};

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "causality",
    question: "Does C ever see B's update before the update of A that B knew of?",
    cases,
    table,
};

const ORDERS: [&str; 3] = ["arrival", "fifo", "causal"];

fn cases(driver: Driver) -> Vec<Case> {
    // Many short runs where interleavings are chosen, a few long ones where they happen.
    let (runs, messages) = if driver == Driver::Sim { (1_000, "4") } else { (5, "1000") };
    let entry = systems::all().into_iter().find(|entry| entry.name() == "triangle").expect("a built-in system");
    let case = |order: &&str| {
        let args = entry.args([("messages", messages)]).expect("it has that parameter");
        let mut system = entry.build(&args).expect("it fits");
        system.set("order", order).expect("there is such an order");
        let mut case = Case::new(*order, system, runs);
        case.settings.network = Network::Bag;
        case
    };
    ORDERS.iter().map(case).collect()
}

fn table(driver: Driver, seen: &[Seen]) -> Table {
    let mut table = Table::new(&["order", "runs", "updates", "waited for their turn", "runs that break causal order"]);
    let mut broken = Vec::new();
    for seen in seen {
        broken.push(seen.broken("causal-order"));
        table.rows.push(vec![
            Cell::word(&seen.label),
            Cell::Count(seen.traces.len() as u64),
            Cell::Count(seen.count(|event| event.what == What::Handle && event.header.link().is_some())),
            Cell::Count(seen.count(|event| matches!(event.what, What::Park { .. }))),
            Cell::Count(broken[broken.len() - 1]),
        ]);
    }
    let network = match driver {
        Driver::Sim => "over a network that keeps no order",
        _ => "on a transport that pushes in program order, and so keeps causal order by itself",
    };
    table.answer = match (broken[0], broken[2]) {
        (0, 0) => format!("Never, {network}, whatever `order` promises."),
        (without, 0) => format!(
            "Never with `order = causal`; without a promise it does in {without} of {} runs, {network}.",
            words::count(seen[0].traces.len() as u64)
        ),
        (_, with) => format!("Yes, in {with} of {} runs with `order = causal`: this is a bug.", seen[2].traces.len()),
    };
    table
}
