//! What a clean search is worth: which bugs would have shown, and with which probability.
//!
//! A bug of depth d shows whenever d events happen in an order (Burckhardt et al., "A Randomized Scheduler with
//! Probabilistic Guarantees of Finding Bugs", ASPLOS'10). Two strategies find every such bug in each run with a
//! probability p that they can name:
//!
//! | strategy | p | c | where |
//! |---|---|---|---|
//! | `pct(d)` | 1 / (c k^(d-1)) | lineages of messages | ASPLOS'10 |
//! | `pctcp(d)` | 1 / (c k^(d-1)) | chains of its online partition, at most w(w+1)/2 for width w | Ozkan et al., OOPSLA'18 |
//!
//! To either c the lanes are added (timers and the like), which are chains too; k is the number of events. A run that
//! aims at depth d finds bugs of lower depth with at least the same p. So for bugs of depth d all runs count that aim at
//! d or more, each with its own p, and as seeds are independent, one of them shows the bug with 1 - Π(1 - pᵢ). A
//! portfolio is its members, each with the seeds that it was given. Every other strategy has no such bound, and says so.
//!
//! What c and k are is not known; what is put in is what the [`Pilot`](crate::Pilot) *measured* in its random walks: the
//! most of any. A run that is longer or wider than all of these weakens the bound, and nothing here says that there is
//! no bug. Depth counts orderings between events, and nothing else: values that handlers draw, and which of several
//! timers of one worker fires first, are further conditions that the bound does not include.

use std::fmt;
use std::ops::Range;

use crate::explore::Report;
use crate::pilot::Figures;
use crate::strategy::{Portfolio, StrategyKind};

/// What the clean runs of one search are worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Worth {
    /// How choices were made.
    pub strategy: StrategyKind,
    /// How many runs were clean.
    pub runs: u64,
    /// What they exclude.
    pub excludes: Excludes,
}

/// What clean runs exclude.
#[derive(Clone, Debug, PartialEq)]
pub enum Excludes {
    /// Bugs of these depths, from 1 on without a gap.
    Depths(Vec<Depth>),
    /// No depth: the strategy has no polynomial bound.
    NoBound,
    /// Nothing but one run: the strategy always does the same.
    OneRun,
    /// Nobody knows: the bound speaks of what was not measured.
    NotMeasured,
}

/// What clean runs say of bugs of one depth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Depth {
    /// d.
    pub depth: u32,
    /// How many of the runs aim at bugs as deep as this; others count for nothing.
    pub runs: u64,
    /// The least probability with which one of them shows such a bug.
    pub probability: f64,
}

/// What it is worth that no run of these seeds broke a law. The ranges do not overlap; `measured` is what the pilot of
/// the strategy says, if there was one.
#[must_use]
pub fn worth(strategy: StrategyKind, seeds: &[Range<u64>], measured: Option<&Figures>) -> Worth {
    let runs = seeds.iter().map(|seeds| seeds.end.saturating_sub(seeds.start)).sum();
    let excludes = match strategy {
        StrategyKind::DefaultOrder => Excludes::OneRun,
        StrategyKind::Portfolio => Excludes::by(Portfolio::shares(seeds), measured),
        _ => Excludes::by([(strategy, runs)], measured),
    };
    Worth { strategy, runs, excludes }
}

impl Report {
    /// What its runs are worth; nothing if one of them broke a law or did not end, if there is none, or if there were faults,
    /// of which the bounds say nothing. (An exhaustive search has no seeds: what it is worth is in
    /// [`Report::exhausted`].)
    #[must_use]
    pub fn worth(&self) -> Option<Worth> {
        let clean = self.found.is_none() && self.runs > 0 && self.unfinished == 0 && self.exhausted.is_none();
        let clean = clean && self.settings.faults.is_empty();
        clean.then(|| worth(self.strategy, std::slice::from_ref(&self.seeds), self.pilot.as_ref()))
    }
}

/// Runs with one bound.
struct Member {
    depth: u32,
    runs: u64,
    /// What c is of the figures.
    chains: fn(&Figures) -> u64,
}

impl Member {
    /// None for a strategy without a bound.
    fn of((strategy, runs): (StrategyKind, u64)) -> Option<Self> {
        let (depth, chains): (_, fn(&Figures) -> u64) = match strategy {
            StrategyKind::Pct(depth) => (depth, |figures| figures.lineages),
            StrategyKind::Pctcp(depth) => (depth, |figures| figures.chains),
            _ => return None,
        };
        Some(Self { depth: u32::from(depth.get()), runs, chains })
    }

    /// ln (1 - p)^N, without losing a small p to rounding.
    fn ln_missed(&self, figures: &Figures) -> f64 {
        if self.runs == 0 {
            return 0.0;
        }
        let orders = (self.chains)(figures) as f64 * (figures.events as f64).powf(f64::from(self.depth - 1));
        self.runs as f64 * (-1.0 / orders).ln_1p()
    }
}

impl Excludes {
    /// What these strategies say together, each with so many runs.
    fn by(shares: impl IntoIterator<Item = (StrategyKind, u64)>, measured: Option<&Figures>) -> Self {
        let members: Vec<Member> = shares.into_iter().filter_map(Member::of).collect();
        let Some(deepest) = members.iter().map(|member| member.depth).max() else { return Self::NoBound };
        let measured = measured.filter(|figures| figures.events.min(figures.lineages).min(figures.chains) > 0);
        let Some(figures) = measured else { return Self::NotMeasured };
        let of_depth = |depth| {
            let members = members.iter().filter(|member| member.depth >= depth);
            let ln_missed: f64 = members.clone().map(|member| member.ln_missed(figures)).sum();
            Depth { depth, runs: members.map(|member| member.runs).sum(), probability: -ln_missed.exp_m1() }
        };
        Self::Depths((1..=deepest).map(of_depth).collect())
    }
}

impl fmt::Display for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let strategy = self.strategy;
        match &self.excludes {
            Excludes::Depths(depths) => {
                let alike = depths.chunk_by(|a, b| percent(a.probability) == percent(b.probability));
                for (at, alike) in alike.enumerate() {
                    let (first, last) = (alike[0], alike[alike.len() - 1]);
                    f.write_str(if at == 0 { "a bug of depth " } else { ", of depth " })?;
                    match last.depth - first.depth {
                        0 => write!(f, "{}", first.depth)?,
                        1 => write!(f, "{} or {}", first.depth, last.depth)?,
                        _ => write!(f, "{} to {}", first.depth, last.depth)?,
                    }
                    f.write_str(match at {
                        0 if first.probability < WORTH_NAMING => " would have shown with ",
                        0 => " would have shown with at least ",
                        _ => " with ",
                    })?;
                    f.write_str(&percent(first.probability))?;
                }
                f.write_str(": for runs no longer and no wider than the pilot's")
            }
            Excludes::NoBound => write!(f, "{strategy} has no polynomial bound: its runs exclude bugs of no depth"),
            Excludes::OneRun => write!(f, "{strategy} is one run: it says nothing of any other order"),
            Excludes::NotMeasured => {
                write!(f, "{strategy} has a bound, but length and width of the runs were not measured")
            }
        }
    }
}

/// A lower probability is not told apart from none.
const WORTH_NAMING: f64 = 0.000_1;

/// A probability, never rounded up, so that none becomes certain.
fn percent(probability: f64) -> String {
    match probability * 100.0 {
        p if p >= 99.99 => "99.99 %".to_owned(),
        p if p >= 1.0 => format!("{:.1} %", (p * 10.0).floor() / 10.0),
        p if p >= 100.0 * WORTH_NAMING => format!("{:.2} %", (p * 100.0).floor() / 100.0),
        _ => "next to nothing".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "seeds are ranges, and often one")]
mod tests {
    use super::*;

    const MEASURED: Figures = Figures { runs: 16, events: 50, choices: 4, messages: 50, lineages: 4, chains: 3 };

    fn of(strategy: &str, seeds: &[Range<u64>], measured: Option<&Figures>) -> Worth {
        worth(strategy.parse().expect("a strategy"), seeds, measured)
    }

    #[track_caller]
    fn check(strategy: &str, runs: u64, expected: &[f64]) {
        let worth = of(strategy, &[0..runs], Some(&MEASURED));
        assert_eq!(worth.runs, runs);
        let Excludes::Depths(depths) = worth.excludes else { panic!("{worth:?}") };
        assert_eq!(depths.len(), expected.len());
        for (at, (Depth { depth, runs: aiming, probability }, expected)) in depths.iter().zip(expected).enumerate() {
            assert_eq!((*depth as usize, *aiming), (at + 1, runs));
            assert!((probability - expected).abs() < 1e-12, "{strategy}, depth {depth}: {probability}");
        }
    }

    #[test]
    fn bounds_are_those_of_the_papers() {
        check("pct(1)", 1, &[1.0 / 4.0]);
        check("pct(2)", 2, &[1.0 - 0.995 * 0.995; 2]);
        check("pctcp(2)", 1, &[1.0 / 150.0; 2]);
        check("pctcp(3)", 1, &[1.0 / 7_500.0; 3]);
        check("pct(2)", 0, &[0.0; 2]);
    }

    #[test]
    fn members_of_a_portfolio_count_with_their_own_seeds() {
        // Whole tables, a table less one seed, and that seed: together two tables.
        let [whole, parts] =
            [&[0..32][..], &[0..16, 17..32, 16..17]].map(|seeds| of("portfolio", seeds, Some(&MEASURED)));
        assert_eq!(whole, parts);
        let Excludes::Depths(depths) = whole.excludes else { panic!("bounded") };
        for Depth { depth, runs, probability } in depths {
            let (mut missed, mut aiming) = (1.0, 0);
            for seed in 0..32 {
                let (d, c) = match Portfolio::member(seed) {
                    StrategyKind::Pct(d) => (d, 4.0),
                    StrategyKind::Pctcp(d) => (d, 3.0),
                    _ => continue,
                };
                if u32::from(d.get()) >= depth {
                    missed *= 1.0 - 1.0 / (c * 50_f64.powi(i32::from(d.get()) - 1));
                    aiming += 1;
                }
            }
            assert_eq!(runs, aiming, "depth {depth}");
            assert!((probability - (1.0 - missed)).abs() < 1e-12, "depth {depth}: {probability}");
        }
        let one = of("portfolio", &[5..6], Some(&MEASURED));
        let alone = of(&Portfolio::member(5).to_string(), &[5..6], Some(&MEASURED));
        let upto = |worth: &Worth, depth: usize| match &worth.excludes {
            Excludes::Depths(depths) => depths[..depth].to_vec(),
            _ => Vec::new(),
        };
        assert_eq!(upto(&one, 3), upto(&alone, 3), "pctcp(3)");
        assert!(one.to_string().contains("of depth 4 or 5 with next to nothing"), "{one}");
    }

    #[test]
    fn others_claim_nothing() {
        for strategy in ["random", "pos", "basic-pos", "uniform"] {
            assert_eq!(of(strategy, &[0..1_000_000], Some(&MEASURED)).excludes, Excludes::NoBound);
        }
        assert_eq!(of("default-order", &[0..1], Some(&MEASURED)).excludes, Excludes::OneRun);
        let older = Figures { lineages: 0, chains: 0, ..MEASURED };
        for measured in [None, Some(&Figures::default()), Some(&older)] {
            assert_eq!(of("pct(2)", &[0..1], measured).excludes, Excludes::NotMeasured);
            assert_eq!(of("portfolio", &[0..1], measured).excludes, Excludes::NotMeasured);
        }
    }

    #[test]
    fn small_probabilities_add_up_and_none_becomes_certain() {
        let long = Figures { events: 1_000_000, lineages: 1_000, ..MEASURED };
        let Excludes::Depths(depths) = of("pct(3)", &[0..1_000], Some(&long)).excludes else { panic!("bounded") };
        assert!((depths[2].probability / 1e-12 - 1.0).abs() < 1e-3, "{depths:?}");
        let sure = Figures { events: 1, lineages: 1, chains: 1, ..MEASURED };
        for measured in [&MEASURED, &sure] {
            let says = of("pct(2)", &[0..1_000_000_000], Some(measured)).to_string();
            assert!(
                says.starts_with("a bug of depth 1 or 2 would have shown with at least 99.99 %: for runs"),
                "{says}"
            );
        }
        assert_eq!(percent(0.999_56), "99.9 %");
        assert_eq!(percent(0.003_29), "0.32 %");
    }
}
