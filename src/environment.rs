//! The environment: the one place that reads it, and the one table of what it may hold.
//!
//! | variable | takes | what for |
//! |---|---|---|
//! | `RADDLE_SEED` | a seed | explore or replay this seed only |
//! | `RADDLE_SEEDS` | a count, or a range A..B | the seeds to explore |
//! | `RADDLE_STRATEGY` | the name of a strategy | how choices are made |
//! | `RADDLE_JOBS` | a number, 0 for one a processor | how many runs go on at once |
//! | `RADDLE_TIME` | a duration, such as 30s | ends a search after this long |
//! | `RADDLE_STEPS_MAX` | a number from 1 | cuts a run off after so many steps |
//! | `RADDLE_SAVE` | a folder | where findings are saved |
//! | `RADDLE_WORKER` | what a run says to it | set by a run on processes for its own, and by nobody else |
//!
//! They hold for tests and for the command. Flags go before the environment, and the environment before what the code
//! says. An empty variable is as good as none; a value that does not read is an error, and so is a name that starts
//! with `RADDLE_` and is not in the table. Where `CI` is set, nothing is saved unless a folder is named.

use std::ffi::OsString;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use raddle_sim::StrategyKind;
use raddle_sim::strategy::{BugDepth, ParseStrategyError};

use crate::words;

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: &'static str,
    /// What it is for.
    pub about: &'static str,
}

/// All variables that raddle reads as its own.
pub const TABLE: [Variable; 8] = [
    Variable { name: "RADDLE_SEED", takes: "a seed", about: "explore or replay this seed only" },
    Variable { name: "RADDLE_SEEDS", takes: "a count, or a range A..B", about: "the seeds to explore" },
    Variable { name: "RADDLE_STRATEGY", takes: "the name of a strategy", about: "how choices are made" },
    Variable { name: "RADDLE_JOBS", takes: "a number, 0 for one a processor", about: "how many runs go on at once" },
    Variable { name: "RADDLE_TIME", takes: "a duration, such as 30s", about: "ends a search after this long" },
    Variable { name: "RADDLE_STEPS_MAX", takes: "a number from 1", about: "cuts a run off after so many steps" },
    Variable { name: "RADDLE_SAVE", takes: "a folder", about: "where findings are saved" },
    Variable {
        name: "RADDLE_WORKER",
        takes: "what a run says to it",
        about: "set by a run on processes for its own, and by nobody else",
    },
];

/// What the environment says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `RADDLE_SEED`.
    pub seed: Option<u64>,
    /// `RADDLE_SEEDS`.
    pub seeds: Option<Range<u64>>,
    /// `RADDLE_STRATEGY`.
    pub strategy: Option<StrategyKind>,
    /// `RADDLE_JOBS`.
    pub jobs: Option<usize>,
    /// `RADDLE_TIME`.
    pub time: Option<Duration>,
    /// `RADDLE_STEPS_MAX`.
    pub steps_max: Option<u64>,
    /// `RADDLE_WORKER`: this process was started to be a worker, and will be when it comes to its run.
    pub worker: Option<String>,
    /// `RADDLE_SAVE`.
    pub save: Option<PathBuf>,
    /// Whether this is a machine that keeps nothing.
    pub ci: bool,
    /// Whether text goes to somebody who reads UTF-8.
    pub utf8: bool,
}

/// A variable that does not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// Its value.
    #[error("the variable {variable} cannot be `{value}`: expected {expected}")]
    Value {
        /// Which.
        variable: &'static str,
        /// What it holds.
        value: String,
        /// What would do.
        expected: String,
    },
    /// Its name.
    #[error("{0}")]
    Name(String),
    /// Two that contradict each other.
    #[error("the variables RADDLE_SEED and RADDLE_SEEDS are both set: unset one")]
    TwoSeeds,
}

impl Environment {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// When a variable does not read.
    pub fn read() -> Result<Self, EnvironmentError> {
        Self::of(std::env::vars_os())
    }

    /// Reads these variables.
    ///
    /// # Errors
    /// When one of them does not read.
    pub fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, EnvironmentError> {
        let mut environment = Self::default();
        let mut locale = [None, None, None];
        for (name, value) in variables {
            let (name, text) = (name.to_string_lossy(), value.to_string_lossy());
            if text.is_empty() {
                continue;
            }
            if let Some(at) = LOCALE.iter().position(|known| *known == name) {
                locale[at] = Some(text.to_ascii_lowercase());
            } else if name == "CI" {
                environment.ci = true;
            } else if let Some(variable) = TABLE.iter().find(|variable| variable.name == name) {
                environment.set(variable.name, &text).map_err(|expected| EnvironmentError::Value {
                    variable: variable.name,
                    value: text.clone().into_owned(),
                    expected,
                })?;
            } else if name.starts_with("RADDLE_") {
                let known = TABLE.iter().map(|variable| variable.name);
                return Err(EnvironmentError::Name(words::unknown("variable", &name, known)));
            }
        }
        if environment.seed.is_some() && environment.seeds.is_some() {
            return Err(EnvironmentError::TwoSeeds);
        }
        // Where nobody names a locale, the system does: on Unix it is ASCII, elsewhere terminals show Unicode.
        let named = locale.into_iter().flatten().next();
        let elsewhere = !cfg!(unix) || cfg!(target_os = "macos");
        environment.utf8 = named.map_or(elsewhere, |name| name.contains("utf-8") || name.contains("utf8"));
        Ok(environment)
    }

    /// The seeds to explore, if it names any.
    #[must_use]
    pub fn seeds(&self) -> Option<Range<u64>> {
        self.seed.map(|seed| seed..seed + 1).or(self.seeds.clone())
    }

    /// Where findings are saved unless a flag says otherwise: nowhere on a machine that keeps nothing.
    #[must_use]
    pub fn folder(&self, default: PathBuf) -> Option<PathBuf> {
        self.save.clone().or((!self.ci).then_some(default))
    }

    fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        let number = || text.parse::<u64>().map_err(|_| "a number".to_owned());
        match name {
            "RADDLE_SEED" => self.seed = Some(words::seed(text)?),
            "RADDLE_SEEDS" => self.seeds = Some(words::seeds(text)?),
            "RADDLE_STRATEGY" => self.strategy = Some(strategy(text)?),
            "RADDLE_JOBS" => self.jobs = Some(number()?.try_into().map_err(|_| "a smaller number".to_owned())?),
            "RADDLE_TIME" => self.time = Some(words::duration(text)?),
            "RADDLE_STEPS_MAX" => match number() {
                Ok(steps) if steps > 0 => self.steps_max = Some(steps),
                _ => return Err("a number from 1".to_owned()),
            },
            "RADDLE_SAVE" => self.save = Some(text.into()),
            "RADDLE_WORKER" => self.worker = Some(text.to_owned()),
            _ => unreachable!("every row of the table is read above"),
        }
        Ok(())
    }
}

/// What names the locale, the strongest first.
const LOCALE: [&str; 3] = ["LC_ALL", "LC_CTYPE", "LANG"];

/// Reads a strategy; the error is what was expected.
fn strategy(text: &str) -> Result<StrategyKind, String> {
    text.parse().map_err(|error| match error {
        ParseStrategyError::Unknown(_) => StrategyKind::ALL.map(|kind| kind.to_string()).join(" or "),
        ParseStrategyError::NoParameter(_, name) => format!("`{name}`, which takes no parameter"),
        ParseStrategyError::Depth(_, name) => {
            format!("`{name}(D)` with a depth D from 1 to {}, such as {name}(2)", BugDepth::MAX)
        }
        ParseStrategyError::Delays(_) => "`delay(N)` with a number of delays N, such as delay(2)".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Environment, String> {
        let owned = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Environment::of(owned).map_err(|error| error.to_string())
    }

    #[test]
    fn every_row_is_read() {
        let values = ["7", "5..9", "random", "2", "30s", "100", "there", "2a-1"];
        for (variable, value) in TABLE.iter().zip(values) {
            let environment = of(&[(variable.name, value)]).unwrap();
            assert_ne!(environment, of(&[]).unwrap(), "{}", variable.name);
            assert_eq!(of(&[(variable.name, "")]), of(&[]), "{} empty", variable.name);
        }
    }

    #[test]
    fn a_bad_value_names_variable_value_and_expectation() {
        let check = |name, value, expected: &str| assert_eq!(of(&[(name, value)]).unwrap_err(), expected);
        check("RADDLE_JOBS", "many", "the variable RADDLE_JOBS cannot be `many`: expected a number");
        check(
            "RADDLE_SEEDS",
            "9..3",
            "the variable RADDLE_SEEDS cannot be `9..3`: expected a range that rises, such as 3..9",
        );
        check("RADDLE_STEPS_MAX", "0", "the variable RADDLE_STEPS_MAX cannot be `0`: expected a number from 1");
        check(
            "RADDLE_STRATEGY",
            "pcd",
            "the variable RADDLE_STRATEGY cannot be `pcd`: expected portfolio or random or uniform or pos or basic-pos \
             or pct(2) or pctcp(2) or default-order or dpor or dfs or delay(2) or states",
        );
        check(
            "RADDLE_STRATEGY",
            "pct(0)",
            "the variable RADDLE_STRATEGY cannot be `pct(0)`: expected `pct(D)` with a depth D from 1 to 16, such as pct(2)",
        );
        assert!(of(&[("RADDLE_SEDES", "5")]).unwrap_err().contains("did you mean `RADDLE_SEEDS`?"));
        assert!(of(&[("RADDLE_SEED", "5"), ("RADDLE_SEEDS", "5")]).is_err());
    }

    #[test]
    fn this_page_is_the_table() {
        let page = include_str!("environment.rs");
        for Variable { name, takes, about } in TABLE {
            let row = format!("//! | `{name}` | {takes} | {about} |\n");
            assert!(page.contains(&row), "missing in the docs above: {row}");
        }
        assert_eq!(page.lines().filter(|line| line.starts_with("//! | `RADDLE_")).count(), TABLE.len());
    }

    #[test]
    fn the_strongest_locale_decides() {
        let utf8 = |variables: &[(&str, &str)]| of(variables).unwrap().utf8;
        assert!(utf8(&[("LANG", "de_DE.UTF-8")]) && utf8(&[("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
        assert!(!utf8(&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")]));
    }

    #[test]
    fn where_findings_go() {
        let folder = |variables: &[(&str, &str)]| of(variables).unwrap().folder("seeds".into());
        assert_eq!(folder(&[]), Some("seeds".into()));
        assert_eq!(folder(&[("CI", "true")]), None);
        assert_eq!(folder(&[("CI", "true"), ("RADDLE_SAVE", "there")]), Some("there".into()));
    }
}
