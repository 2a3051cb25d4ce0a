//! How a question about real runs is put: who is measured, in which figures, and who is compared with whom.
//!
//! Contenders run in turn for several rounds, so that a slow spell of the machine falls on all of them. Times are those of
//! the clock on the wall: what is asked here is how long somebody waits, not what it costs the processor.

use anyhow::{Context, Result};

/// How much is done in one round.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Trips of a pair on threads, or on processes.
    pub trips: u64,
    /// Trips of the pair in Python.
    pub trips_in_python: u64,
    /// Rounds of a crowd on threads.
    pub rounds: u64,
    /// Rounds of a crowd on processes.
    pub rounds_on_processes: u64,
    /// Rounds of the crowd in Python.
    pub rounds_in_python: u64,
    /// Messages from outside.
    pub messages: u64,
}

impl Sizes {
    /// Enough for figures that mean something, in about a minute and a half for five rounds.
    pub const FULL: Sizes = Sizes {
        trips: 8_000,
        trips_in_python: 2_000,
        rounds: 10_000,
        rounds_on_processes: 1_000,
        rounds_in_python: 300,
        messages: 200_000,
    };
    /// Enough to see that everything runs.
    pub const QUICK: Sizes = Sizes {
        trips: 100,
        trips_in_python: 20,
        rounds: 50,
        rounds_on_processes: 10,
        rounds_in_python: 2,
        messages: 500,
    };
}

/// One of those who are measured.
#[derive(Clone, Copy, Debug)]
pub struct Contender {
    /// What the table and the JSON call it.
    pub name: &'static str,
    /// Runs it once and gives its figures, in the order of the question.
    pub run: fn(&Sizes) -> Result<Measured>,
}

/// What came of one run.
#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    /// One for each figure of the question.
    Figures(Vec<f64>),
    /// It cannot be run here, and why.
    Not(&'static str),
}

/// One of the numbers that a question asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Its name and the unit in which it is shown.
    pub name: &'static str,
    /// How it is measured and shown.
    pub kind: Kind,
}

/// What a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nanoseconds, shown as microseconds. Less is better.
    Time,
    /// Nanoseconds, shown as milliseconds. Less is better.
    LongTime,
    /// So many a second, shown as thousands. More is better.
    Rate,
}

/// Who of ours is compared with whom, and what is asked of that.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// The name of a contender.
    pub ours: &'static str,
    /// The name of another.
    pub theirs: &'static str,
    /// How they should stand to each other.
    pub asked: Asked,
}

/// How ours should stand to theirs, in each figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Asked {
    /// At least so many times as good.
    Better(f64),
    /// At most so many times the cost.
    Cost(f64),
    /// Nothing is asked; how many times as good it is shows all the same.
    Nothing,
}

/// A question: one table.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// What stands above the table.
    pub title: &'static str,
    /// The figures that each contender gives.
    pub figures: &'static [Figure],
    /// Who is measured.
    pub contenders: &'static [Contender],
    /// The lines of the table.
    pub comparisons: &'static [Comparison],
}

impl Question {
    /// Measures all contenders: once with few sizes, uncounted, and then in turn for several rounds. Gives a list for each, in
    /// their order.
    ///
    /// # Errors
    /// When a contender fails.
    pub fn ask(&self, rounds: usize, sizes: &Sizes) -> Result<Vec<Vec<Measured>>> {
        for contender in self.contenders {
            self.run(contender, &Sizes::QUICK)?;
        }
        let mut all = vec![Vec::with_capacity(rounds); self.contenders.len()];
        for _ in 0..rounds {
            for (contender, measured) in self.contenders.iter().zip(&mut all) {
                measured.push(self.run(contender, sizes)?);
            }
        }
        Ok(all)
    }

    fn run(&self, contender: &Contender, sizes: &Sizes) -> Result<Measured> {
        let measured = (contender.run)(sizes).with_context(|| format!("failed to measure {}", contender.name))?;
        if let Measured::Figures(figures) = &measured {
            assert_eq!(figures.len(), self.figures.len(), "{} gives the figures that are asked for", contender.name);
        }
        Ok(measured)
    }
}

impl Kind {
    /// How many times as good ours is as theirs.
    pub fn advantage(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Kind::Time | Kind::LongTime => theirs / ours,
            Kind::Rate => ours / theirs,
        }
    }
}

impl Asked {
    /// The ratio that the question is about, from how many times as good ours is.
    pub fn ratio(self, advantage: f64) -> f64 {
        match self {
            Asked::Better(_) | Asked::Nothing => advantage,
            Asked::Cost(_) => advantage.recip(),
        }
    }

    /// Whether such a ratio is as good as asked; none if nothing is.
    pub fn is_met(self, ratio: f64) -> Option<bool> {
        match self {
            Asked::Better(times) => Some(ratio >= times),
            Asked::Cost(times) => Some(ratio <= times),
            Asked::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_is_less_of_a_time_and_more_of_a_rate() {
        assert_eq!(Kind::Time.advantage(2.0, 10.0), 5.0);
        assert_eq!(Kind::Rate.advantage(10.0, 2.0), 5.0);
        assert_eq!(Asked::Better(5.0).is_met(Asked::Better(5.0).ratio(5.0)), Some(true));
        assert_eq!(Asked::Better(5.0).is_met(4.9), Some(false));
        assert_eq!(Asked::Nothing.is_met(0.1), None);
    }

    #[test]
    fn a_cost_is_that_of_ours_in_theirs() {
        let asked = Asked::Cost(2.0);
        assert_eq!(asked.ratio(Kind::Time.advantage(3.0, 2.0)), 1.5);
        assert_eq!((asked.is_met(1.5), asked.is_met(2.1)), (Some(true), Some(false)));
    }

    #[test]
    fn whoever_cannot_be_run_is_asked_all_the_same() {
        const CONTENDERS: [Contender; 2] = [
            Contender { name: "first", run: |sizes| Ok(Measured::Figures(vec![sizes.trips as f64])) },
            Contender { name: "second", run: |_| Ok(Measured::Not("nobody is there")) },
        ];
        let figures = &[Figure { name: "p50 µs", kind: Kind::Time }];
        let question = Question { title: "", figures, contenders: &CONTENDERS, comparisons: &[] };
        let all = question.ask(2, &Sizes::FULL).expect("both run");
        assert_eq!(all[0], vec![Measured::Figures(vec![Sizes::FULL.trips as f64]); 2]);
        assert_eq!(all[1], vec![Measured::Not("nobody is there"); 2]);
    }
}
