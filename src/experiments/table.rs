//! What an experiment comes to: a table and a sentence.

use std::time::Duration;

use serde::Serialize;

use super::Driver;
use crate::words;

/// A table, and what it says.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Cell>>,
    /// The answer, from these rows.
    pub(crate) answer: String,
}

/// A cell: in JSON a word or a number.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Cell {
    Word(String),
    Count(u64),
    /// Anything but a count, shown with two digits behind the point.
    Number(f64),
}

impl Cell {
    pub(crate) fn word(word: impl Into<String>) -> Self {
        Self::Word(word.into())
    }

    fn shown(&self) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Count(count) => words::count(*count),
            Self::Number(number) => format!("{number:.2}"),
        }
    }

    const fn is_word(&self) -> bool {
        matches!(self, Self::Word(_))
    }
}

impl Table {
    pub(crate) fn new(columns: &[&str]) -> Self {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        Self { columns, rows: Vec::new(), answer: String::new() }
    }

    /// As text: columns as wide as they must be, numbers to the right.
    pub(crate) fn text(&self) -> String {
        let shown: Vec<Vec<String>> = self.rows.iter().map(|row| row.iter().map(Cell::shown).collect()).collect();
        let width = |at: usize| {
            let cells = shown.iter().map(|row| row[at].chars().count());
            cells.chain([self.columns[at].chars().count()]).max().unwrap_or(0)
        };
        let line = |cells: &[String], is_word: &dyn Fn(usize) -> bool| {
            let cells = cells.iter().enumerate().map(|(at, cell)| match is_word(at) {
                true => format!("{cell:<0$}", width(at)),
                false => format!("{cell:>0$}", width(at)),
            });
            format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned() + "\n"
        };
        let is_word = |at: usize| self.rows.first().is_some_and(|row| row[at].is_word());
        let mut text = line(&self.columns, &is_word);
        for (row, shown) in self.rows.iter().zip(&shown) {
            text += &line(shown, &|at| row[at].is_word());
        }
        text
    }
}

/// A time of this driver, in its unit: microseconds, or steps.
pub(crate) fn time(driver: Driver, ticks: u64) -> Cell {
    match driver {
        Driver::Sim => Cell::Count(ticks),
        _ => Cell::Number(ticks as f64 / 1e3),
    }
}

/// So many in this time: a second, or a thousand steps.
pub(crate) fn rate(driver: Driver, many: u64, ticks: u64) -> f64 {
    let per = if driver == Driver::Sim { 1e3 } else { Duration::from_secs(1).as_nanos() as f64 };
    many as f64 * per / (ticks.max(1) as f64)
}

/// The value that so many percent of these are not above; they are sorted. 0 if there are none.
pub(crate) fn percentile(sorted: &[u64], percent: f64) -> u64 {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        assert_eq!(percentile(&[], 50.0), 0);
        assert_eq!(percentile(&[7], 99.0), 7);
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!([50.0, 99.0, 100.0].map(|percent| percentile(&hundred, percent)), [50, 99, 100]);
    }

    #[test]
    fn numbers_stand_to_the_right() {
        let mut table = Table::new(&["policy", "dropped"]);
        table.rows.push(vec![Cell::word("hold"), Cell::Count(0)]);
        table.rows.push(vec![Cell::word("drop-newest"), Cell::Count(12_345)]);
        assert_eq!(table.text(), "  policy       dropped\n  hold               0\n  drop-newest   12,345\n");
    }
}
