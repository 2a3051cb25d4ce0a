//! The exhaustive strategies by name.

use std::fmt;
use std::str::FromStr;

/// A way to search all runs of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhaustive {
    /// `dpor`: one run of each trace. If unsure, this.
    Dpor,
    /// `dfs`: every schedule. Also for timers and granularity `queues`; only for small systems.
    Dfs,
    /// `delay(N)`: every schedule that departs from the default order by at most N places in all. For systems too
    /// large for the others: most bugs need few delays.
    Delay(u32),
    /// `states`: every state once, however it is reached. For systems that come to the same states in many ways.
    States,
}

impl Exhaustive {
    /// How each is written, for lists and error texts.
    pub const WORDS: [&'static str; 4] = ["dpor", "dfs", "delay(N)", "states"];
}

impl fmt::Display for Exhaustive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dpor => f.write_str("dpor"),
            Self::Dfs => f.write_str("dfs"),
            Self::Delay(delays) => write!(f, "delay({delays})"),
            Self::States => f.write_str("states"),
        }
    }
}

impl FromStr for Exhaustive {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let delays = |text: &str| text.strip_prefix("delay(")?.strip_suffix(')')?.parse().ok().map(Self::Delay);
        match text {
            "dpor" => Ok(Self::Dpor),
            "dfs" => Ok(Self::Dfs),
            "states" => Ok(Self::States),
            _ => delays(text)
                .ok_or_else(|| format!("`{text}` is no exhaustive strategy: expected {}", Self::WORDS.join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for kind in [Exhaustive::Dpor, Exhaustive::Dfs, Exhaustive::Delay(3), Exhaustive::States] {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        for text in ["", "delay", "delay()", "delay(-1)", "delay(x)", "Dpor"] {
            assert!(text.parse::<Exhaustive>().expect_err("nonsense").contains("delay(N)"), "{text}");
        }
    }
}
