//! What is said of exhaustive search: a table for people, one line of JSON for machines.
//!
//! Rates and shares are medians as in [`crate::report`]; the yardstick is the peer that does the same by the same
//! algorithm, for each number of senders.

use serde::Serialize;

use crate::fanin::orders;
use crate::form::Form;
use crate::measure::{Contender, Rate};
use crate::report::{Round, Spread};

/// One line of the table: who searches the orders of how many senders.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// How many senders there are.
    pub n: u64,
    /// Who searches.
    pub contender: Contender,
}

/// Everything that was measured, in the form in which it is written as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    r#type: &'static str,
    v: u32,
    workload: &'static str,
    baseline: &'static str,
    contenders: Vec<Line>,
}

/// One search's numbers.
#[derive(Clone, Debug, Serialize)]
struct Line {
    name: &'static str,
    n: u64,
    executions: u64,
    executions_per_second: Spread,
    of_baseline: Spread,
    rounds: Vec<Round>,
}

impl Report {
    /// Sums up what [`in_turn`](crate::measure::in_turn) measured of these searches. The contender named `baseline`
    /// must have searched each number of senders.
    pub fn new(searches: &[Search], all: &[Vec<Rate>], baseline: &'static str) -> Report {
        assert_eq!(searches.len(), all.len(), "one list of rates per search");
        let lines = searches.iter().zip(all).map(|(search, rates)| {
            let is_yardstick = |other: &Search| other.n == search.n && other.contender.name == baseline;
            let yardstick = searches.iter().position(is_yardstick).expect("the baseline has searched all sizes");
            let shares =
                rates.iter().zip(&all[yardstick]).map(|(rate, of)| rate.runs_per_second() / of.runs_per_second());
            Line {
                name: search.contender.name,
                n: search.n,
                executions: orders(search.n),
                executions_per_second: Spread::of(rates.iter().map(Rate::runs_per_second)),
                of_baseline: Spread::of(shares),
                rounds: rates.iter().map(Round::from).collect(),
            }
        });
        Report { r#type: "bench", v: 1, workload: "fan-in", baseline, contenders: lines.collect() }
    }

    /// The table, without a newline at its end.
    pub fn table(&self, form: Form) -> String {
        let of = format!("of {}", self.baseline);
        let mut table = form.table(["contender", "senders", "executions", "executions/s", "min - max", &of]);
        for line in &self.contenders {
            let rate = line.executions_per_second;
            table.add_row([
                line.name.to_owned(),
                line.n.to_string(),
                line.executions.to_string(),
                format!("{:.0}", rate.median),
                format!("{:.0} - {:.0}", rate.min, rate.max),
                format!("{:.2}", line.of_baseline.median),
            ]);
        }
        form.print(&mut table, 1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn shares_are_of_the_baseline_with_as_many_senders() {
        let search = |name, n| Search { n, contender: Contender::new(name, |_| unreachable!("a report runs nothing")) };
        let searches = [search("peer", 3), search("ours", 3), search("peer", 4), search("ours", 4)];
        let rates = [10, 30, 8, 16].map(|runs| vec![Rate { runs, deliveries: 0, cpu: Duration::from_secs(1) }]);
        let report = Report::new(&searches, &rates, "peer");
        let shares: Vec<f64> = report.contenders.iter().map(|line| line.of_baseline.median).collect();
        assert_eq!(shares, [1.0, 3.0, 1.0, 2.0]);
        assert_eq!(report.contenders[3].executions, 24);
    }
}
