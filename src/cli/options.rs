//! The flags that several subcommands share, and how names among them are read.

use std::ffi::OsStr;
use std::time::Duration;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use raddle_core::Policies;
use raddle_sim::strategy::ParseStrategyError;
use raddle_sim::{Budget, FaultPlan, Granularity, Network, ParseFaultsError, Settings, StrategyKind};

use super::context::Context;
use super::exit::{Trouble, refuse};
use crate::catalog::Entry;
use crate::words;

/// Which variant of a system.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Variant {
    /// Switch a planted bug on
    #[arg(long, value_name = "NAME")]
    pub(crate) bug: Option<String>,
    /// Set parameters of the system, and policies; `list SYSTEM` shows all
    #[arg(long, value_name = "KEY=VALUE", num_args = 1..)]
    pub(crate) set: Vec<String>,
}

/// A key and its value.
type Pair<'a> = (&'a str, &'a str);

impl Variant {
    /// Whether this parameter or policy is set.
    pub(crate) fn sets(&self, key: &str) -> bool {
        self.set.iter().any(|text| text.split_once('=').is_some_and(|(name, _)| name == key))
    }

    /// What is set, parameters and policies apart.
    pub(crate) fn split(&self, entry: &Entry) -> Result<(Vec<Pair<'_>>, Vec<Pair<'_>>), Trouble> {
        let (mut params, mut policies) = (Vec::new(), Vec::new());
        for text in &self.set {
            let Some((key, value)) = text.split_once('=') else {
                refuse!("`--set {text}` sets nothing: expected KEY=VALUE, such as `--set order=arrival`");
            };
            if self.set.iter().filter(|other| other.split_once('=').is_some_and(|other| other.0 == key)).count() > 1 {
                refuse!("`--set` sets `{key}` more than once: leave one of them");
            }
            if entry.params().iter().any(|param| param.name == key) {
                params.push((key, value));
            } else if Policies::KEYS.iter().any(|row| row.0 == key) {
                policies.push((key, value));
            } else {
                let known = entry.params().iter().map(|param| param.name.as_str());
                let known = known.chain(Policies::KEYS.iter().map(|row| row.0));
                let what = format!("parameter of `{}` and no policy", entry.name());
                return Err(Trouble(words::unknown(&what, key, known)));
            }
        }
        Ok((params, policies))
    }
}

/// How runs are made and judged.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct How {
    /// How choices are made; pct and pctcp take a depth, such as pct(3) [default: portfolio]
    #[arg(long, value_name = "S", value_parser = Strategies)]
    pub(crate) strategy: Option<StrategyKind>,
    /// Which moments are interleaved [default: delivery, or the system's own]
    #[arg(long, value_name = "G", value_parser = granularities())]
    pub(crate) granularity: Option<Granularity>,
    /// What the simulated transport may do [default: fifo, or the system's own]
    #[arg(long, value_name = "N", value_parser = networks())]
    pub(crate) network: Option<Network>,
    /// Cut a run off after so many steps [default: 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) steps_max: Option<u64>,
    /// Let no timer fire later than this [default: none]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) horizon: Option<Duration>,
    /// Let runs suffer faults: loss, duplication, delay, partition, crash, stall, full, skew, or all, each with its most in
    /// a run, such as loss(2),crash(1) [default: none, or the system's own]
    #[arg(long, value_name = "SPEC", value_parser = faults)]
    pub(crate) faults: Option<FaultPlan>,
    /// Judge by these laws, not by the system's; `list SYSTEM` shows them
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = Words::laws(), hide_possible_values = true)]
    pub(crate) laws: Option<Vec<String>>,
}

impl How {
    /// The settings of this call; `default` are those of the system.
    pub(crate) fn settings(&self, default: &Settings, context: &Context) -> Settings {
        Settings {
            granularity: self.granularity.unwrap_or(default.granularity),
            network: self.network.unwrap_or(default.network),
            steps_max: self.steps_max.or(context.environment.steps_max).unwrap_or(default.steps_max),
            horizon: self.horizon.or(default.horizon),
            faults: self.faults.unwrap_or(default.faults),
        }
    }

    pub(crate) fn strategy(&self, context: &Context) -> StrategyKind {
        self.strategy.or(context.environment.strategy).unwrap_or_default()
    }
}

/// Whether a failing run is made simpler before it is told.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Shrinking {
    /// Tell and save a failing run as it was found, not made simpler
    #[arg(long)]
    pub(crate) no_shrink: bool,
}

/// Nobody waits longer for a failure to become simpler. A debug build is several times as slow, and is to come as far.
const SHRINK_TIME: Duration = Duration::from_secs(if cfg!(debug_assertions) { 30 } else { 5 });

impl Shrinking {
    pub(crate) fn budget(self) -> Option<Budget> {
        (!self.no_shrink).then(|| Budget { time: Some(SHRINK_TIME), ..Budget::default() })
    }
}

/// Reads a duration.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    words::duration(text).map_err(|expected| format!("expected {expected}"))
}

/// Reads which faults there may be.
fn faults(text: &str) -> Result<FaultPlan, String> {
    text.parse().map_err(|error: ParseFaultsError| error.to_string())
}

/// Names of which one must be given. A wrong one is answered with the nearest, and with all.
#[derive(Clone)]
pub(crate) struct Words {
    what: &'static str,
    words: Vec<String>,
}

impl Words {
    pub(crate) fn new(what: &'static str, words: impl IntoIterator<Item = String>) -> Self {
        Self { what, words: words.into_iter().collect() }
    }

    pub(crate) fn laws() -> Self {
        Self::new("law", raddle_checkers::LAWS.iter().map(|law| law.name.to_owned()))
    }
}

impl TypedValueParser for Words {
    type Value = String;

    fn parse_ref(&self, command: &clap::Command, _: Option<&clap::Arg>, value: &OsStr) -> Result<String, clap::Error> {
        let text = value.to_string_lossy().into_owned();
        if self.words.contains(&text) {
            return Ok(text);
        }
        let message = words::unknown(self.what, &text, self.words.iter().map(String::as_str));
        Err(clap::Error::raw(ErrorKind::InvalidValue, message + "\n").with_cmd(command))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.words.iter().map(|word| PossibleValue::new(word.clone()))))
    }
}

/// Names of strategies, some with a parameter in brackets.
#[derive(Clone)]
struct Strategies;

impl TypedValueParser for Strategies {
    type Value = StrategyKind;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<StrategyKind, clap::Error> {
        let text = value.to_string_lossy();
        text.parse().map_err(|error: ParseStrategyError| {
            let all = StrategyKind::ALL.map(|kind| kind.to_string());
            let message = match error {
                ParseStrategyError::Unknown(_) => words::unknown("strategy", &text, all.iter().map(String::as_str)),
                error => error.to_string(),
            };
            clap::Error::raw(ErrorKind::InvalidValue, message + "\n").with_cmd(command)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(StrategyKind::ALL.into_iter().map(|kind| PossibleValue::new(kind.to_string()))))
    }
}

fn granularities() -> impl TypedValueParser<Value = Granularity> {
    let all =
        [Granularity::Delivery, Granularity::Queues, Granularity::Threads].map(|granularity| granularity.to_string());
    Words::new("granularity", all).map(|word| word.parse().expect("it is one of them"))
}

fn networks() -> impl TypedValueParser<Value = Network> {
    let all = [Network::Mailbox, Network::Causal, Network::Fifo, Network::Bag].map(|network| network.to_string());
    Words::new("network", all).map(|word| word.parse().expect("it is one of them"))
}
