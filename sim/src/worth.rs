//! What a clean search is worth: which bugs it would have found, and with which probability.
//!
//! A bug of depth d shows whenever d events happen in an order (Burckhardt et al., "A Randomized Scheduler with
//! Probabilistic Guarantees of Finding Bugs", ASPLOS'10). Some strategies find every such bug in each run with a
//! probability p that they can name, so N clean runs exclude it with 1 - (1 - p)^N:
//!
//! | strategy | p | where |
//! |---|---|---|
//! | `pct(d)` | 1 / (n k^(d-1)) for n chains and k steps | ASPLOS'10 |
//! | `pctcp(d)`, `tapctcp(d)` | 1 / (w^2 k^(d-1)) for width w and k messages | Ozkan et al., OOPSLA'18; OOPSLA'19 |
//!
//! (`tapctcp` counts racy messages only; with all of them its bound is lower, and still holds.) Everything else has no
//! such bound, and says so. The bound is for the n, k and w of the system, and what is put in is what was *measured*: a
//! run longer or wider than any that was seen weakens it. Nothing here says that there is no bug.

use std::fmt;

/// What was measured of the runs of a system; none of it is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// n: what a priority is given to.
    pub chains: u64,
    /// k: steps of the longest run.
    pub steps: u64,
    /// w: the most messages of which none leads to another.
    pub width: u64,
}

/// What the clean runs of one strategy are worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Worth {
    /// The strategy, as it is named in reports.
    pub strategy: String,
    /// N: how many runs were clean.
    pub runs: u64,
    /// What they exclude.
    pub excludes: Excludes,
}

/// What clean runs exclude.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Excludes {
    /// Bugs of a depth, with a probability.
    Depth {
        /// d: bugs of this depth, and of any lower one.
        depth: u32,
        /// p: the least probability with which one run shows such a bug.
        each_run: f64,
        /// 1 - (1 - p)^N.
        probability: f64,
    },
    /// No depth: the strategy has no polynomial bound.
    NoBound,
    /// Nothing but one run: the strategy always does the same.
    OneRun,
    /// Nobody knows: the bound speaks of what was not measured.
    NotMeasured,
}

/// What `runs` clean runs of a strategy are worth. The strategy is given by its name in reports, such as `pct(3)`; of
/// `portfolio/pct(3)` the member counts.
#[must_use]
pub fn worth(strategy: &str, runs: u64, measured: Option<Measured>) -> Worth {
    let excludes = match (member(strategy), measured) {
        (("default-order", _), _) => Excludes::OneRun,
        (("pct" | "pctcp" | "tapctcp", Some(1..)), None) => Excludes::NotMeasured,
        (("pct", Some(depth @ 1..)), Some(m)) => Excludes::depth(depth, m.chains as f64, m.steps, runs),
        (("pctcp" | "tapctcp", Some(depth @ 1..)), Some(m)) => {
            Excludes::depth(depth, (m.width as f64).powi(2), m.steps, runs)
        }
        _ => Excludes::NoBound,
    };
    Worth { strategy: strategy.to_owned(), runs, excludes }
}

/// `portfolio/pct(3)` is (`pct`, 3).
fn member(strategy: &str) -> (&str, Option<u32>) {
    let member = strategy.rsplit('/').next().unwrap_or(strategy);
    match member.split_once('(') {
        Some((name, depth)) => (name, depth.trim_end_matches(')').parse().ok()),
        None => (member, None),
    }
}

impl Excludes {
    /// For p = 1 / (first k^(d-1)).
    fn depth(depth: u32, first: f64, k: u64, runs: u64) -> Self {
        let orders = first * (k as f64).powf(f64::from(depth - 1));
        let each_run = 1.0 / orders.max(1.0);
        // 1 - (1 - p)^N, without losing a small p to rounding.
        let probability = -(runs as f64 * (-each_run).ln_1p()).exp_m1();
        Self::Depth { depth, each_run, probability }
    }
}

impl fmt::Display for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { strategy, runs, excludes } = self;
        match excludes {
            Excludes::Depth { depth, each_run, probability } => write!(
                f,
                "{strategy} would have found a bug of depth {depth} or less with a probability of at least {} \
                 ({each_run:.1e} in each of {runs} runs), if runs are no longer and no wider than those measured",
                Percent(*probability),
            ),
            Excludes::NoBound => write!(f, "{strategy} has no polynomial bound: its runs exclude bugs of no depth"),
            Excludes::OneRun => write!(f, "{strategy} is one run: it says nothing of any other order"),
            Excludes::NotMeasured => {
                write!(f, "{strategy} has a bound, but length and width of the runs were not measured")
            }
        }
    }
}

/// A probability that is never rounded up to certainty.
struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 * 100.0 {
            p if p > 99.99 => f.write_str("99.99 %"),
            p if p >= 1.0 => write!(f, "{:.2} %", (p * 100.0).floor() / 100.0),
            p => write!(f, "{p:.1e} %"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURED: Measured = Measured { chains: 4, steps: 50, width: 3 };

    #[track_caller]
    fn check(strategy: &str, runs: u64, expected: Option<(u32, f64, f64)>) {
        match (worth(strategy, runs, Some(MEASURED)).excludes, expected) {
            (Excludes::Depth { depth, each_run, probability }, Some((d, p, all))) => {
                assert_eq!(depth, d);
                assert!((each_run - p).abs() < 1e-12, "{each_run} a run");
                assert!((probability - all).abs() < 1e-9, "{probability} in all");
            }
            (excludes, None) => assert_eq!(excludes, Excludes::NoBound),
            (excludes, _) => panic!("{excludes:?}"),
        }
    }

    #[test]
    fn bounds_are_those_of_the_papers() {
        check("pct(1)", 1, Some((1, 1.0 / 4.0, 0.25)));
        check("pct(2)", 2, Some((2, 1.0 / 200.0, 1.0 - 0.995 * 0.995)));
        check("pctcp(2)", 1, Some((2, 1.0 / 450.0, 1.0 / 450.0)));
        check("tapctcp(3)", 1, Some((3, 1.0 / 22_500.0, 1.0 / 22_500.0)));
        check("portfolio/pct(2)", 1, Some((2, 1.0 / 200.0, 1.0 / 200.0)));
        check("pct(2)", 0, Some((2, 1.0 / 200.0, 0.0)));
    }

    #[test]
    fn others_claim_nothing() {
        for strategy in ["random", "pos", "uniform", "portfolio", "delay-bounded(2)", "pct", "pct(0)", "pct(x)"] {
            check(strategy, 1_000_000, None);
        }
        assert_eq!(worth("default-order", 1, Some(MEASURED)).excludes, Excludes::OneRun);
        assert_eq!(worth("pct(2)", 1, None).excludes, Excludes::NotMeasured);
    }

    #[test]
    fn small_probabilities_add_up_and_none_becomes_certain() {
        let long = Measured { chains: 1_000, steps: 1_000_000, width: 1_000 };
        let Excludes::Depth { probability, .. } = worth("pct(3)", 1_000, Some(long)).excludes else {
            panic!("bounded")
        };
        assert!((probability / 1e-12 - 1.0).abs() < 1e-3, "{probability}");
        assert!(worth("pct(2)", 1_000_000_000, Some(MEASURED)).to_string().contains("at least 99.99 %"));
    }
}
