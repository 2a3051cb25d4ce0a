//! What is said at the end: a table for people, one line of JSON for machines. Numbers come in,
//! text goes out.
//!
//! A contender's rate is the median of its rounds. Its share of the baseline is the median of the
//! shares within each round, since two measurements of one round saw the same machine and two
//! medians may not have.

use serde::Serialize;

use crate::form::Form;
use crate::measure::{Contender, Rate};
use crate::workload::DELIVERIES;

/// Everything that was measured, in the form in which it is written as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    r#type: &'static str,
    v: u32,
    workload: &'static str,
    deliveries_per_run: u64,
    baseline: &'static str,
    contenders: Vec<Line>,
}

/// One contender's numbers.
#[derive(Clone, Debug, Serialize)]
struct Line {
    name: &'static str,
    deliveries_per_second: Spread,
    of_baseline: Spread,
    rounds: Vec<Round>,
}

/// Smallest, median and greatest of several measurements.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

/// A [`Rate`] as it is written.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Round {
    runs: u64,
    deliveries: u64,
    cpu_ns: u64,
}

impl Report {
    /// Sums up what [`in_turn`](crate::measure::in_turn) measured. The first contender is the
    /// baseline.
    ///
    /// There must be at least one contender and one round, and all contenders must have the same
    /// number of rounds.
    pub fn new(contenders: &[Contender], rates: &[Vec<Rate>]) -> Report {
        assert_eq!(contenders.len(), rates.len(), "one list of rates per contender");
        let baseline = &rates[0];
        let lines = contenders.iter().zip(rates).map(|(contender, rates)| {
            assert_eq!(rates.len(), baseline.len(), "every contender took part in every round");
            let shares =
                rates.iter().zip(baseline).map(|(rate, of)| rate.deliveries_per_second() / of.deliveries_per_second());
            Line {
                name: contender.name,
                deliveries_per_second: Spread::of(rates.iter().map(Rate::deliveries_per_second)),
                of_baseline: Spread::of(shares),
                rounds: rates.iter().map(Round::from).collect(),
            }
        });
        Report {
            r#type: "bench",
            v: 1,
            workload: "sampling",
            deliveries_per_run: DELIVERIES,
            baseline: contenders[0].name,
            contenders: lines.collect(),
        }
    }

    /// The table, without a newline at its end.
    pub fn table(&self, form: Form) -> String {
        let mut table = form.table(["contender", "M deliveries/s", "min - max", "of baseline", "1 in", "runs/s"]);
        for line in &self.contenders {
            let (rate, share) = (line.deliveries_per_second, line.of_baseline.median);
            table.add_row([
                line.name.to_owned(),
                millions(rate.median),
                format!("{} - {}", millions(rate.min), millions(rate.max)),
                format!("{:.1} %", share * 100.0),
                format!("{:.1}", 1.0 / share),
                format!("{:.0}", rate.median / self.deliveries_per_run as f64),
            ]);
        }
        form.print(&mut table, 1)
    }
}

impl From<&Rate> for Round {
    fn from(rate: &Rate) -> Round {
        Round {
            runs: rate.runs,
            deliveries: rate.deliveries,
            cpu_ns: u64::try_from(rate.cpu.as_nanos()).expect("a round ends within centuries"),
        }
    }
}

impl Spread {
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.collect();
        assert!(!values.is_empty(), "there is no median of nothing");
        values.sort_by(f64::total_cmp);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Spread { min: values[0], median: (low + high) / 2.0, max: values[values.len() - 1] }
    }
}

fn millions(rate: f64) -> String {
    format!("{:.2}", rate / 1e6)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn check(values: &[f64], min: f64, median: f64, max: f64) {
        assert_eq!(Spread::of(values.iter().copied()), Spread { min, median, max });
    }

    #[test]
    fn medians() {
        check(&[7.0], 7.0, 7.0, 7.0);
        check(&[9.0, 1.0], 1.0, 5.0, 9.0);
        check(&[5.0, 1.0, 2.0], 1.0, 2.0, 5.0);
        check(&[4.0, 3.0, 2.0, 1.0], 1.0, 2.5, 4.0);
    }

    #[test]
    fn shares_are_taken_within_a_round() {
        let contender = |name| Contender::new(name, |_| unreachable!("a report runs nothing"));
        let rate = |deliveries| Rate { runs: 1, deliveries, cpu: Duration::from_secs(1) };
        // The machine is half as fast in the last two rounds: rates change, the share does not.
        let fast = [400, 200, 200].map(rate).to_vec();
        let slow = [100, 50, 50].map(rate).to_vec();
        let report = Report::new(&[contender("fast"), contender("slow")], &[fast, slow]);
        assert_eq!(report.contenders[0].of_baseline, Spread { min: 1.0, median: 1.0, max: 1.0 });
        assert_eq!(report.contenders[1].of_baseline, Spread { min: 0.25, median: 0.25, max: 0.25 });
        assert_eq!(report.contenders[1].deliveries_per_second.median, 50.0);
    }
}
