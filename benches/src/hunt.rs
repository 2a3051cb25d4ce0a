//! How many runs each strategy needs to the first bug: the [bug bench](crate::bugs), measured.
//!
//! For each bug and strategy, blocks of seeds of their own: how many runs a block takes up to the first that shows the
//! bug, at most a cap. Runs, not time: what is compared are strategies, and the answer is the same on any machine. So the
//! bounds that the portfolio is to keep are asserted, not only printed ([`Bounds`]).

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use raddle_sim::strategy::BugDepth;
use raddle_sim::{RunError, Runner, Settings, StrategyKind, pilot};
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
    bounds: Option<Bounds>,
}

/// How the portfolio stands beside the strategy that happens to be best for a bug, and how far it may fall behind: it misses
/// no bug in any block, on no row it needs more than [`Bounds::row_max`] times the runs, and in the geometric mean of all rows
/// not more than [`MEAN_MAX`] times.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bounds {
    /// How many strategies it is made of.
    members: usize,
    /// In how many blocks of all rows it did not find the bug.
    missed_blocks: usize,
    /// Where it is worst.
    worst_bug: &'static str,
    /// How many times the median of the best other strategy it needs there.
    worst: f64,
    /// The same in the geometric mean.
    mean: f64,
}

/// How many times the runs of the best other strategy the portfolio may need in the geometric mean.
pub const MEAN_MAX: f64 = 2.0;
/// On one row so many times for each member: it would need as many runs as it has members if no other helped at all.
const ROW_MAX_PER_MEMBER: f64 = 1.5;
/// The effort of which the bounds are judged, or more. Of fewer blocks the least of several medians is too low to be compared
/// with: of 10 by half; and with a lower cap a strategy misses what it would have found.
pub const FULL: Effort = Effort { blocks: 100, cap: 10_000 };

/// Whether this is enough to judge the bounds by.
fn is_judged(kinds: &[StrategyKind], effort: Effort) -> bool {
    effort.blocks >= FULL.blocks && effort.cap >= FULL.cap && samplers().iter().all(|kind| kinds.contains(kind))
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
    let bounds = is_judged(kinds, effort).then(|| Bounds::of(&rows, portfolio_to_best));
    Ok(Report {
        r#type: "bugs",
        v: 1,
        blocks: effort.blocks,
        cap: effort.cap,
        rows,
        geometric_means,
        portfolio_to_best,
        bounds,
    })
}

fn cell(bug: &Bug, kind: StrategyKind, effort: Effort) -> Result<Cell, RunError> {
    let plan = bug.system().plan()?;
    let mut runner = Runner::new(Arc::clone(&plan), Settings::default(), None)?;
    let mut strategy = kind.make(&pilot(kind, &plan, &Settings::default()));
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

impl Bounds {
    fn of(rows: &[Row], mean: Option<f64>) -> Self {
        let ratios = rows.iter().filter_map(|row| Some((row.bug, row.portfolio_to_best?)));
        // Without any, it has missed them all.
        let (worst_bug, worst) = ratios.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or(("all", f64::INFINITY));
        let portfolios = rows.iter().flat_map(|row| &row.strategies).filter(|cell| cell.strategy == PORTFOLIO);
        Self {
            members: members(),
            missed_blocks: portfolios.map(|cell| cell.missed_blocks).sum(),
            worst_bug,
            worst,
            mean: mean.unwrap_or(f64::INFINITY),
        }
    }

    /// How many times the runs of the best other strategy the portfolio may need on one row.
    #[must_use]
    pub fn row_max(&self) -> f64 {
        ROW_MAX_PER_MEMBER * self.members as f64
    }

    /// Whether it keeps all of them.
    #[must_use]
    pub fn are_kept(&self) -> bool {
        self.missed_blocks == 0 && self.worst <= self.row_max() && self.mean <= MEAN_MAX
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { members, missed_blocks, worst_bug, worst, mean } = self;
        let word = if self.are_kept() { "kept" } else { "BROKEN" };
        write!(
            f,
            "bounds of the portfolio, {word}: {missed_blocks} blocks missed, of 0; {worst:.1} times the best other on \
             {worst_bug}, of {:.0} ({ROW_MAX_PER_MEMBER} for each of {members} members); {mean:.2} times in the geometric \
             mean, of {MEAN_MAX}",
            self.row_max(),
        )
    }
}

/// How many strategies the portfolio is made of.
fn members() -> usize {
    // More seeds than it has members in turn.
    (0..1_000).map(|seed| StrategyKind::Portfolio.of_seed(seed)).collect::<BTreeSet<_>>().len()
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

impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    /// How the portfolio keeps its bounds; none if not all samplers were compared, or with less effort than [`FULL`].
    #[must_use]
    pub const fn bounds(&self) -> Option<&Bounds> {
        self.bounds.as_ref()
    }

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

    /// A row in which the portfolio needs so many runs and missed so many blocks, and the others need these.
    fn row(bug: &'static str, portfolio: u64, missed_blocks: usize, others: [u64; 2]) -> Row {
        let cell = |strategy: &str, runs, missed_blocks| {
            let runs = Runs::Shown(runs);
            Cell { strategy: strategy.to_owned(), median: runs, p90: runs, missed_blocks }
        };
        let [one, two] = others;
        let strategies = vec![cell(PORTFOLIO, portfolio, missed_blocks), cell("random", one, 0), cell("pos", two, 3)];
        Row { bug, depth: 1, about: "", portfolio_to_best: portfolio_to_best(&strategies), strategies }
    }

    #[test]
    fn a_bound_is_kept_or_broken_by_what_it_says() {
        let bounds = |rows: &[Row]| {
            let mean = geometric_mean(rows.iter().filter_map(|row| row.portfolio_to_best));
            Bounds::of(rows, mean)
        };
        let most = bounds(&[row("x", 1, 0, [1, 1])]).row_max() as u64;
        assert_eq!(most, 18, "1.5 times 12 members");
        let even = || [0; 9].map(|_| row("even", 1, 0, [1, 2]));
        let with = |row: Row| bounds(&even().into_iter().chain([row]).collect::<Vec<_>>());
        assert!(with(row("x", most, 0, [1, 9])).are_kept());
        let worst = with(row("x", most + 1, 0, [9, 1]));
        assert!(!worst.are_kept() && (worst.worst_bug, worst.worst) == ("x", 19.0), "{worst}");
        assert!(!with(row("x", 1, 1, [1, 1])).are_kept(), "a block was missed");
        let behind = |runs| bounds(&[row("x", runs, 0, [1, 2]), row("y", 2, 0, [1, 1])]);
        assert!(behind(2).are_kept() && !behind(3).are_kept());
        assert!(behind(3).to_string().contains("BROKEN: 0 blocks missed, of 0; 3.0 times the best other on x, of 18"));
    }

    #[test]
    fn bounds_are_judged_of_all_samplers_and_of_enough_runs() {
        assert!(is_judged(&samplers(), FULL) && !is_judged(&samplers()[1..], FULL));
        let less = [Effort { blocks: FULL.blocks - 1, ..FULL }, Effort { cap: FULL.cap - 1, ..FULL }];
        assert!(!less.into_iter().any(|effort| is_judged(&samplers(), effort)));
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
