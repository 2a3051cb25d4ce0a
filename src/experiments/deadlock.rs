//! Whether cycles of updates end: A tells B, B tells C, C tells A, up to a depth limit.

use raddle_core::What;

use super::table::{Cell, rate};
use super::{Case, Driver, Experiment, Seen, Table};
use crate::systems;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "deadlock",
    question: "Does a cycle of updates deadlock, what ends it, and what does it cost?",
    cases,
    table,
};

/// A depth limit, and what is done about cycles.
const CASES: [(&str, &str); 5] = [("2", "bound"), ("8", "bound"), ("32", "bound"), ("128", "bound"), ("128", "break")];

fn cases(driver: Driver) -> Vec<Case> {
    let messages = if driver == Driver::Sim { "20" } else { "1000" };
    let entry = systems::all().into_iter().find(|entry| entry.name() == "ring").expect("a built-in system");
    let case = |(depth, cycles): &(&str, &str)| {
        let mut system = entry.build(&entry.args([("messages", messages)]).expect("it has it")).expect("it fits");
        system.set("max_depth", depth).and_then(|()| system.set("cycles", cycles)).expect("the policies fit");
        Case::new(format!("{cycles}, depth {depth}"), system, 1)
    };
    CASES.iter().map(case).collect()
}

fn table(driver: Driver, seen: &[Seen]) -> Table {
    let per = if driver == Driver::Sim { "1,000 steps" } else { "s" };
    let (messages, inputs) = (format!("messages/{per}"), format!("inputs/{per}"));
    let columns = ["cycles", "messages", "inputs handled", "ended by the limit", &messages, &inputs, "deadlocks"];
    let mut table = Table::new(&columns);
    let (mut stuck, mut ended, mut rates) = (0, 0, Vec::new());
    for seen in seen {
        let handled = seen.count(|event| event.what == What::Handle);
        let from_outside = seen.count(|event| event.what == What::Handle && event.header.link().is_none());
        let cut = seen.count(|event| matches!(event.what, What::DepthRefused | What::CycleBroken));
        let (elapsed, deadlocks) = (seen.elapsed(), seen.broken("no-deadlock"));
        (stuck, ended) = (stuck + deadlocks, ended + u64::from(cut == from_outside));
        rates.push(rate(driver, from_outside, elapsed));
        table.rows.push(vec![
            Cell::word(&seen.label),
            Cell::Count(from_outside),
            Cell::Count(handled),
            Cell::Count(cut),
            Cell::Count(rate(driver, from_outside, elapsed) as u64),
            Cell::Count(rate(driver, handled, elapsed) as u64),
            Cell::Count(deadlocks),
        ]);
    }
    table.answer = match stuck {
        0 => format!(
            "No run deadlocks; in {ended} of {} cases each chain is ended by the limit once and said so. Messages from outside \
             get through {:.0} times as fast at depth 2 as at depth 128: a cycle costs what its updates cost.",
            seen.len(),
            rates[0] / rates[3].max(f64::MIN_POSITIVE),
        ),
        stuck => format!("Yes: {stuck} runs deadlock. This is a bug."),
    };
    table
}
