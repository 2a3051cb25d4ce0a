//! The strategies that can be asked for by name.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{BasicPos, BugDepth, DefaultOrder, Pct, Pctcp, Portfolio, Pos, Random, Strategy, Uniform};
use crate::exhaustive::Exhaustive;
use crate::faults::Inject;
use crate::pilot::Pilot;

/// The depth of PCT and PCTCP where none is said.
const DEPTH: BugDepth = BugDepth::new(2).expect("2 is a depth");

/// A strategy by name. If unsure, the portfolio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StrategyKind {
    /// Another one of the following for each seed, in fixed shares.
    #[default]
    Portfolio,
    /// Each possible action with equal probability.
    Random,
    /// Each schedule with equal probability, where messages form a forest.
    Uniform,
    /// Random priorities, drawn again after each lost race.
    Pos,
    /// Random priorities, drawn once.
    BasicPos,
    /// Random priorities of chains of messages, changed at random steps.
    Pct(BugDepth),
    /// The same over few chains that the network keeps in order, changed at random messages.
    Pctcp(BugDepth),
    /// The one fault-free FIFO run: every choice is 0.
    DefaultOrder,
    /// All runs, or one of each kind: no sample. Seeds do not matter.
    Exhaustive(Exhaustive),
}

/// A text that is no strategy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseStrategyError {
    /// No strategy has this name.
    #[error("`{0}` is no strategy: expected {all}", all = names().join(", "))]
    Unknown(String),
    /// It takes no parameter.
    #[error("`{0}` takes no parameter: write `{1}`")]
    NoParameter(String, &'static str),
    /// Its parameter is no depth.
    #[error("`{0}` has no such depth: write `{1}(D)` with the depth D of the bugs to aim at, from 1 to {max}", max = BugDepth::MAX)]
    Depth(String, &'static str),
    /// Its parameter is no number of delays.
    #[error("`{0}` has no such number of delays: write `delay(N)`, such as delay(2)")]
    Delays(String),
}

fn names() -> Vec<String> {
    StrategyKind::ALL.iter().map(ToString::to_string).collect()
}

impl StrategyKind {
    /// Every strategy that can be asked for by name, with its default parameter.
    pub const ALL: [Self; 12] = [
        Self::Portfolio,
        Self::Random,
        Self::Uniform,
        Self::Pos,
        Self::BasicPos,
        Self::Pct(DEPTH),
        Self::Pctcp(DEPTH),
        Self::DefaultOrder,
        Self::Exhaustive(Exhaustive::Dpor),
        Self::Exhaustive(Exhaustive::Dfs),
        Self::Exhaustive(Exhaustive::Delay(2)),
        Self::Exhaustive(Exhaustive::States),
    ];

    /// A strategy of this kind, with estimates and faults from this pilot; of one that is exhaustive, its first run.
    #[must_use]
    pub fn make(self, pilot: &Arc<Pilot>) -> Box<dyn Strategy> {
        let strategy = self.make_faultless(pilot);
        match pilot.faults().is_empty() || self.ignores_seed() {
            true => strategy,
            false => Box::new(Inject::new(strategy, pilot.faults())),
        }
    }

    /// The same without faults.
    pub(super) fn make_faultless(self, pilot: &Arc<Pilot>) -> Box<dyn Strategy> {
        match self {
            Self::Portfolio => Box::new(Portfolio::new(pilot)),
            Self::Random => Box::new(Random::default()),
            Self::Uniform => Box::new(Uniform::new(pilot)),
            Self::Pos => Box::new(Pos::default()),
            Self::BasicPos => Box::new(BasicPos::default()),
            Self::Pct(depth) => Box::new(Pct::new(depth, pilot)),
            Self::Pctcp(depth) => Box::new(Pctcp::new(depth, pilot)),
            Self::DefaultOrder | Self::Exhaustive(_) => Box::new(DefaultOrder),
        }
    }

    /// Whether it takes estimates from a pilot.
    #[must_use]
    pub const fn needs_pilot(self) -> bool {
        matches!(self, Self::Portfolio | Self::Uniform | Self::Pct(_) | Self::Pctcp(_))
    }

    /// Whether every seed gives the same run, so that one run is all there is.
    #[must_use]
    pub const fn ignores_seed(self) -> bool {
        matches!(self, Self::DefaultOrder | Self::Exhaustive(_))
    }

    /// How a seed is run, in words: its name, and that of the portfolio's member.
    #[must_use]
    pub fn of_seed(self, seed: u64) -> String {
        match self {
            Self::Portfolio => format!("{self}/{}", Portfolio::member(seed)),
            _ => self.to_string(),
        }
    }

    /// Its name, without its parameter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portfolio => "portfolio",
            Self::Random => "random",
            Self::Uniform => "uniform",
            Self::Pos => "pos",
            Self::BasicPos => "basic-pos",
            Self::Pct(_) => "pct",
            Self::Pctcp(_) => "pctcp",
            Self::DefaultOrder => "default-order",
            Self::Exhaustive(Exhaustive::Dpor) => "dpor",
            Self::Exhaustive(Exhaustive::Dfs) => "dfs",
            Self::Exhaustive(Exhaustive::Delay(_)) => "delay",
            Self::Exhaustive(Exhaustive::States) => "states",
        }
    }

    const fn with_depth(self, depth: BugDepth) -> Option<Self> {
        match self {
            Self::Pct(_) => Some(Self::Pct(depth)),
            Self::Pctcp(_) => Some(Self::Pctcp(depth)),
            _ => None,
        }
    }
}

impl fmt::Display for StrategyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pct(depth) | Self::Pctcp(depth) => write!(f, "{}({depth})", self.name()),
            Self::Exhaustive(exhaustive) => exhaustive.fmt(f),
            _ => f.write_str(self.name()),
        }
    }
}

impl FromStr for StrategyKind {
    type Err = ParseStrategyError;

    fn from_str(text: &str) -> Result<Self, ParseStrategyError> {
        let (name, parameter) = text.split_once('(').map_or((text, None), |(name, rest)| (name, Some(rest)));
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == name);
        let kind = kind.ok_or_else(|| ParseStrategyError::Unknown(text.to_owned()))?;
        let Some(parameter) = parameter else { return Ok(kind) };
        if let Self::Exhaustive(Exhaustive::Delay(_)) = kind {
            return text.parse().map(Self::Exhaustive).map_err(|_| ParseStrategyError::Delays(text.to_owned()));
        }
        if kind.with_depth(DEPTH).is_none() {
            return Err(ParseStrategyError::NoParameter(text.to_owned(), kind.name()));
        }
        let depth = parameter.strip_suffix(')').and_then(|depth| depth.parse().ok()).and_then(BugDepth::new);
        depth
            .and_then(|depth| kind.with_depth(depth))
            .ok_or_else(|| ParseStrategyError::Depth(text.to_owned(), kind.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for kind in StrategyKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert_eq!(kind.name().parse(), Ok(kind), "the parameter may be left out");
        }
        assert_eq!("pctcp(16)".parse::<StrategyKind>().map(|kind| kind.to_string()), Ok("pctcp(16)".to_owned()));
    }

    #[test]
    fn nonsense_is_named() {
        #[track_caller]
        fn check(text: &str, says: &str) {
            let error = text.parse::<StrategyKind>().expect_err("nonsense").to_string();
            assert!(error.contains(&format!("`{text}`")) && error.contains(says), "{error}");
        }
        for text in ["pct(0)", "pct(17)", "pctcp(1000)", "pct()", "pct(two)", "pct(2", "pct(2))", "pct(-1)"] {
            check(text, "from 1 to 16");
        }
        for text in ["delay()", "delay(-1)", "delay(x)", "delay(2"] {
            check(text, "write `delay(N)`");
        }
        check("dpor(2)", "takes no parameter: write `dpor`");
        check("random(2)", "takes no parameter: write `random`");
        check("portfolio/pct(2)", "expected portfolio, random");
        check("ptc", "pctcp(2)");
    }

    #[test]
    fn members_are_told_and_whole_blocks_have_them_all() {
        let told: Vec<String> = (0..16).map(|seed| StrategyKind::Portfolio.of_seed(seed)).collect();
        for kind in ["random", "uniform", "pos", "basic-pos", "pct(2)", "pct(3)", "pctcp(2)", "pctcp(3)"] {
            assert!(told.contains(&format!("portfolio/{kind}")), "{kind}");
        }
        assert_eq!(StrategyKind::Portfolio.of_seed(16), told[0]);
        assert_eq!(StrategyKind::Random.of_seed(3), "random");
    }
}
