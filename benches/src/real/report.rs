//! What is said of real runs: for each question one table for people and one value for machines. Numbers come in, text goes
//! out.
//!
//! Figures are medians of rounds. A ratio is the median of the ratios within each round, as in [`crate::report`]. What
//! is asked stands beside it, and whether it is met is computed from the two.

use comfy_table::CellAlignment;
use serde::Serialize;

use super::contest::{Asked, Comparison, Figure, Kind, Measured, Question};
use crate::form::Form;
use crate::report::Spread;

/// The answer to one question, in the form in which it is written as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    question: &'static str,
    contenders: Vec<Line>,
    comparisons: Vec<Versus>,
    #[serde(skip)]
    figures: &'static [Figure],
}

/// What was measured of one contender.
#[derive(Clone, Debug, Serialize)]
struct Line {
    name: &'static str,
    /// Why it was not measured, if it was not.
    not_measured: Option<&'static str>,
    /// By figure, in nanoseconds or a second.
    figures: Vec<Numbers>,
}

#[derive(Clone, Debug, Serialize)]
struct Numbers {
    name: &'static str,
    spread: Spread,
    rounds: Vec<f64>,
}

/// How one contender stands to another.
#[derive(Clone, Debug, Serialize)]
struct Versus {
    ours: &'static str,
    theirs: &'static str,
    asked: String,
    /// By figure; none where one of the two was not measured.
    ratios: Vec<Ratio>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Ratio {
    spread: Spread,
    met: Option<bool>,
}

impl Answer {
    /// Sums up what [`Question::ask`] measured. Whoever is compared must be among the contenders.
    pub fn new(question: &Question, all: &[Vec<Measured>]) -> Answer {
        assert_eq!(question.contenders.len(), all.len(), "one list for each contender");
        let lines = question.contenders.iter().zip(all);
        Answer {
            question: question.title,
            contenders: lines.map(|(contender, rounds)| Line::new(contender.name, question.figures, rounds)).collect(),
            comparisons: question.comparisons.iter().map(|it| Versus::new(it, question, all)).collect(),
            figures: question.figures,
        }
    }

    /// The table and its title, without a newline at its end.
    pub fn table(&self, form: Form) -> String {
        let of_figure = |figure: &Figure| [figure.name.to_owned(), "theirs".to_owned(), "ratio".to_owned()];
        let header = ["ours".to_owned(), "beside".to_owned()].into_iter();
        let figures = self.figures.iter().flat_map(of_figure);
        let mut table = form.table(header.chain(figures).chain(["asked".into(), "met".into()]));
        for versus in &self.comparisons {
            let names = [versus.ours.to_owned(), versus.theirs.to_owned()].into_iter();
            let cells = (0..self.figures.len()).flat_map(|at| self.cells(versus, at));
            table.add_row(names.chain(cells).chain([versus.asked.clone(), versus.verdict()]));
        }
        for column in table.column_iter_mut().skip(2).take(3 * self.figures.len()) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let why = self.contenders.iter().filter_map(|line| Some((line.name, line.not_measured?)));
        let notes: String = why.map(|(name, why)| format!("{}{name}: not measured: {why}", form.gap())).collect();
        format!("{}{}{}{notes}", self.question, form.gap(), table.trim_fmt())
    }

    /// What is shown of one figure in the line of a comparison: ours, theirs, and the ratio.
    fn cells(&self, versus: &Versus, at: usize) -> [String; 3] {
        let shown = |name: &str| {
            let line = self.contenders.iter().find(|line| line.name == name).expect("whoever is compared is measured");
            let numbers = line.figures.get(at);
            numbers.map_or("-".to_owned(), |numbers| show(self.figures[at].kind, numbers.spread.median))
        };
        let ratio = versus.ratios.get(at).map_or("-".to_owned(), |ratio| format!("{:.2}", ratio.spread.median));
        [shown(versus.ours), shown(versus.theirs), ratio]
    }
}

impl Line {
    fn new(name: &'static str, figures: &[Figure], rounds: &[Measured]) -> Line {
        let not_measured = rounds.iter().find_map(|measured| match measured {
            Measured::Not(why) => Some(*why),
            Measured::Figures(_) => None,
        });
        let numbers = |(at, figure): (usize, &Figure)| {
            let rounds: Vec<f64> = rounds.iter().filter_map(|measured| measured.get(at)).collect();
            Numbers { name: figure.name, spread: Spread::of(rounds.iter().copied()), rounds }
        };
        let figures = figures.iter().enumerate().filter(|_| not_measured.is_none()).map(numbers).collect();
        Line { name, not_measured, figures }
    }
}

impl Versus {
    fn new(comparison: &Comparison, question: &Question, all: &[Vec<Measured>]) -> Versus {
        let Comparison { ours, theirs, asked } = *comparison;
        let rounds_of = |name: &str| {
            let at = question.contenders.iter().position(|contender| contender.name == name);
            &all[at.expect("whoever is compared is measured")]
        };
        let (our_rounds, their_rounds) = (rounds_of(ours), rounds_of(theirs));
        let ratio = |(at, figure): (usize, &Figure)| {
            let pairs = our_rounds.iter().zip(their_rounds);
            let both = pairs.map(|(ours, theirs)| Some((ours.get(at)?, theirs.get(at)?)));
            let ratio = |(ours, theirs)| asked.ratio(figure.kind.advantage(ours, theirs));
            let ratios: Option<Vec<f64>> = both.map(|both| both.map(ratio)).collect();
            let spread = Spread::of(ratios?.into_iter());
            Some(Ratio { spread, met: asked.is_met(spread.median) })
        };
        let ratios = question.figures.iter().enumerate().filter_map(ratio).collect();
        Versus { ours, theirs, asked: words(asked), ratios }
    }

    /// Whether what is asked is met, figure by figure; once if it is the same in all.
    fn verdict(&self) -> String {
        let word = |ratio: &Ratio| match ratio.met {
            None => "-",
            Some(true) => "yes",
            Some(false) => "no",
        };
        let mut words: Vec<&str> = self.ratios.iter().map(word).collect();
        words.dedup();
        if words.is_empty() { "-".to_owned() } else { words.join(", ") }
    }
}

impl Measured {
    fn get(&self, at: usize) -> Option<f64> {
        match self {
            Measured::Figures(figures) => Some(figures[at]),
            Measured::Not(_) => None,
        }
    }
}

fn words(asked: Asked) -> String {
    match asked {
        Asked::Better(times) => format!("{times} times as good"),
        Asked::Cost(times) => format!("at most {times} times the cost"),
        Asked::Nothing => "-".to_owned(),
    }
}

fn show(kind: Kind, value: f64) -> String {
    match kind {
        Kind::Time => format!("{:.2}", value / 1e3),
        Kind::LongTime => format!("{:.1}", value / 1e6),
        Kind::Rate => format!("{:.1}", value / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::super::contest::{Contender, Sizes};
    use super::*;

    fn never(_: &Sizes) -> anyhow::Result<Measured> {
        unreachable!("a report runs nothing")
    }

    const QUESTION: Question = Question {
        title: "How long?",
        figures: &[Figure { name: "p50 µs", kind: Kind::Time }],
        contenders: &[
            Contender { name: "ours", run: never },
            Contender { name: "theirs", run: never },
            Contender { name: "nobody", run: never },
        ],
        comparisons: &[
            Comparison { ours: "ours", theirs: "theirs", asked: Asked::Better(3.0) },
            Comparison { ours: "ours", theirs: "theirs", asked: Asked::Cost(0.2) },
            Comparison { ours: "ours", theirs: "nobody", asked: Asked::Better(2.0) },
        ],
    };

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine is half as fast in the last two rounds: times change, the ratio does not.
        let times = |times: [f64; 3]| times.map(|time| Measured::Figures(vec![time])).to_vec();
        let nobody = vec![Measured::Not("nobody is there"); 3];
        let all = [times([1e3, 2e3, 2e3]), times([4e3, 8e3, 8e3]), nobody];
        let answer = Answer::new(&QUESTION, &all);
        assert_eq!(answer.comparisons[0].ratios[0].spread, Spread { min: 4.0, median: 4.0, max: 4.0 });
        let met: Vec<String> = answer.comparisons.iter().map(Versus::verdict).collect();
        assert_eq!(met, ["yes", "no", "-"]);
        let table = answer.table(Form::Text);
        assert!(table.starts_with("How long?") && table.ends_with("nobody: not measured: nobody is there"), "{table}");
    }
}
