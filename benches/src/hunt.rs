//! How many runs each strategy needs to the first bug: the [bug bench](crate::bugs), measured.
//!
//! For each bug and strategy, blocks of seeds of their own: how many runs a block takes up to the first that shows the
//! bug, at most a cap. Runs, not time: what is compared are strategies, and the answer is the same on any machine.

use std::sync::Arc;

use raddle_sim::strategy::BugDepth;
use raddle_sim::{RunError, Runner, STEP_LIMIT, Settings, StrategyKind, pilot};
use serde::{Serialize, Serializer};

use crate::bugs::{BUGS, Bug};
use crate::form::Form;

/// Seeds of a block; more than any cap.
pub const BLOCK: u64 = 1 << 32;

/// The strategy that is compared with the best of the others.
const PORTFOLIO: &str = "portfolio";

/// All samplers, and those that aim at a depth also for bugs deeper than usual.
#[must_use]
pub fn samplers() -> Vec<StrategyKind> {
    const DEEPER: BugDepth = BugDepth::new(3).expect("3 is a depth");
    let samplers = StrategyKind::ALL.into_iter().filter(|kind| !kind.ignores_seed());
    samplers.chain([StrategyKind::Pct(DEEPER), StrategyKind::Pctcp(DEEPER)]).collect()
}

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How many blocks of seeds.
    pub blocks: u64,
    /// How many runs a block takes at most.
    pub cap: u64,
}

/// Runs up to the bug, or more than the cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Runs {
    /// The bug showed in this run, from 1.
    Shown(u64),
    /// It did not show in so many.
    Missed(u64),
}

/// What all strategies made of one bug.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    bug: &'static str,
    depth: u32,
    about: &'static str,
    strategies: Vec<Cell>,
    /// The portfolio's median over the least median of the others.
    portfolio_to_best: Option<f64>,
}

/// What one strategy made of one bug.
#[derive(Clone, Debug, Serialize)]
struct Cell {
    strategy: String,
    median: Runs,
    p90: Runs,
    missed_blocks: usize,
}

/// The whole bench.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    r#type: &'static str,
    v: u32,
    blocks: u64,
    cap: u64,
    rows: Vec<Row>,
    /// Of the medians, by strategy; a miss counts as one more than the cap, so that the mean is too low there.
    geometric_means: Vec<Mean>,
    /// Of the portfolio's median over the least of the others, row by row.
    portfolio_to_best: Option<f64>,
}

/// The geometric mean of a strategy's medians.
#[derive(Clone, Debug, Serialize)]
struct Mean {
    strategy: String,
    mean: f64,
    /// Of how many bugs the median is a miss.
    missed: usize,
}

/// Hunts every bug with every strategy; `said` hears which bug is next.
///
/// # Errors
/// When a strategy cannot run a system.
pub fn hunt(kinds: &[StrategyKind], effort: Effort, mut said: impl FnMut(&Bug)) -> Result<Report, RunError> {
    let mut rows = Vec::new();
    for bug in &BUGS {
        said(bug);
        let cells = kinds.iter().map(|kind| cell(bug, *kind, effort)).collect::<Result<Vec<_>, _>>()?;
        rows.push(Row {
            bug: bug.name,
            depth: bug.depth,
            about: bug.about,
            portfolio_to_best: portfolio_to_best(&cells),
            strategies: cells,
        });
    }
    let geometric_means = (0..kinds.len()).map(|at| Mean::of(rows.iter().map(|row| &row.strategies[at]))).collect();
    let portfolio_to_best = geometric_mean(rows.iter().filter_map(|row| row.portfolio_to_best));
    Ok(Report {
        r#type: "bugs",
        v: 1,
        blocks: effort.blocks,
        cap: effort.cap,
        rows,
        geometric_means,
        portfolio_to_best,
    })
}

fn cell(bug: &Bug, kind: StrategyKind, effort: Effort) -> Result<Cell, RunError> {
    let plan = bug.system().plan()?;
    let mut runner = Runner::new(Arc::clone(&plan), Settings::default(), None)?;
    let mut strategy = kind.make(&pilot(kind, &plan, &Settings::default(), STEP_LIMIT));
    let Effort { blocks, cap } = effort;
    let mut first_bug = |block: u64| {
        let mut seeds = block * BLOCK..block * BLOCK + cap;
        let shown = seeds.position(|seed| runner.run(seed, strategy.as_mut()).violation.is_some());
        shown.map_or(Runs::Missed(cap), |at| Runs::Shown(at as u64 + 1))
    };
    let mut runs: Vec<Runs> = (0..blocks).map(&mut first_bug).collect();
    runs.sort_unstable();
    let missed_blocks = runs.iter().filter(|runs| matches!(runs, Runs::Missed(_))).count();
    Ok(Cell { strategy: kind.to_string(), median: at(&runs, 50), p90: at(&runs, 90), missed_blocks })
}

/// The least value that so many percent do not exceed (nearest rank).
fn at(sorted: &[Runs], percent: usize) -> Runs {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

fn portfolio_to_best(cells: &[Cell]) -> Option<f64> {
    let (portfolio, singles): (Vec<&Cell>, Vec<&Cell>) = cells.iter().partition(|cell| cell.strategy == PORTFOLIO);
    let best = singles.iter().map(|cell| cell.median).min()?;
    match (portfolio.first()?.median, best) {
        (Runs::Shown(portfolio), Runs::Shown(best)) => Some(portfolio as f64 / best as f64),
        _ => None,
    }
}

/// Of some numbers, if there are any.
fn geometric_mean(of: impl Iterator<Item = f64>) -> Option<f64> {
    let logs: Vec<f64> = of.map(f64::ln).collect();
    (!logs.is_empty()).then(|| (logs.iter().sum::<f64>() / logs.len() as f64).exp())
}

impl Mean {
    fn of<'a>(cells: impl Iterator<Item = &'a Cell> + Clone) -> Self {
        let strategy = cells.clone().next().map(|cell| cell.strategy.clone()).unwrap_or_default();
        let mean = geometric_mean(cells.clone().map(|cell| cell.median.at_least())).unwrap_or_default();
        let missed = cells.filter(|cell| matches!(cell.median, Runs::Missed(_))).count();
        Self { strategy, mean, missed }
    }
}

impl Runs {
    fn at_least(self) -> f64 {
        match self {
            Self::Shown(runs) => runs as f64,
            Self::Missed(cap) => cap as f64 + 1.0,
        }
    }
}

impl std::fmt::Display for Runs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shown(runs) => write!(f, "{runs}"),
            Self::Missed(cap) => write!(f, ">{cap}"),
        }
    }
}

/// A number, or null for a miss.
impl Serialize for Runs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Shown(runs) => serializer.serialize_some(runs),
            Self::Missed(_) => serializer.serialize_none(),
        }
    }
}

impl Report {
    /// The table as text, without a newline at its end: median / 90th percentile of the runs to the bug.
    #[must_use]
    pub fn table(&self, form: Form) -> String {
        let strategies = self.geometric_means.iter().map(|mean| mean.strategy.clone());
        let mut table = form.table(
            ["bug", "depth"].map(str::to_owned).into_iter().chain(strategies).chain(["portfolio to best".to_owned()]),
        );
        for row in &self.rows {
            let cells = row.strategies.iter().map(|cell| match (cell.median, cell.p90) {
                (Runs::Missed(_), _) => cell.median.to_string(),
                (median, p90) => format!("{median} / {p90}"),
            });
            let ratio = row.portfolio_to_best.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.1}"));
            table.add_row([row.bug.to_owned(), row.depth.to_string()].into_iter().chain(cells).chain([ratio]));
        }
        let means = self.geometric_means.iter().map(|mean| {
            let bound = if mean.missed > 0 { ">" } else { "" };
            format!("{bound}{:.1}", mean.mean)
        });
        let ratio = self.portfolio_to_best.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.1}"));
        table.add_row(["geometric mean".to_owned(), String::new()].into_iter().chain(means).chain([ratio]));
        form.print(&mut table, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_nearest_and_a_miss_is_more_than_any_number() {
        let mut runs: Vec<Runs> = (1..=9).map(Runs::Shown).chain([Runs::Missed(5)]).collect();
        runs.reverse();
        runs.sort_unstable();
        assert_eq!((at(&runs, 50), at(&runs, 90), at(&runs, 100)), (Runs::Shown(5), Runs::Shown(9), Runs::Missed(5)));
        assert_eq!((at(&runs[..1], 50), at(&runs[..1], 90)), (Runs::Shown(1), Runs::Shown(1)));
    }

    #[test]
    fn the_portfolio_is_compared_with_the_best_other() {
        let cell =
            |strategy: &str, median| Cell { strategy: strategy.to_owned(), median, p90: median, missed_blocks: 0 };
        let (slow, fast) = (cell("random", Runs::Missed(9)), cell("pct", Runs::Shown(4)));
        let portfolio = cell("portfolio", Runs::Shown(6));
        assert_eq!(portfolio_to_best(&[slow.clone(), fast.clone(), portfolio.clone()]), Some(1.5));
        assert_eq!(portfolio_to_best(&[slow.clone(), portfolio]), None);
        assert_eq!(portfolio_to_best(&[slow, fast]), None);
        assert_eq!((geometric_mean([2.0, 8.0].into_iter()), geometric_mean([].into_iter())), (Some(4.0), None));
    }

    #[test]
    fn blocks_do_not_overlap_and_a_hunt_repeats_itself() {
        let effort = Effort { blocks: 3, cap: 20 };
        let table = || hunt(&samplers(), effort, |_| {}).expect("runs").table(Form::Text);
        let first = table();
        assert_eq!(first, table());
        assert!(first.contains("overtake") && first.contains("geometric mean"), "{first}");
        const { assert!(BLOCK > 1_000_000_000) };
    }
}
