//! `raddle explain`: why a saved run fails.

use std::path::PathBuf;
use std::time::Duration;

use raddle_core::Digest;
use raddle_sim::{Budget, Explanation, Finding, Odds, Shrunk};
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Trouble, refuse};
use super::load::{self, Loaded};
use super::options::duration;
use super::recorded::{self, Most};
use super::report::Critical;
use crate::{corpus, explain};

/// Say why a saved run fails: where it was decided, by which order of two things, and what led to it
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// A finding, or a recording of a run that fails
    #[arg(value_name = "FINDING|RECORDING")]
    file: PathBuf,
    /// Look for no longer than this for what decides it; what is told then says so
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
    time: Duration,
    #[command(flatten)]
    most: Most,
    /// How to print: for people, or one JSON object a line
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Who asks for it has more time than who explores: so many times the steps, which take most of a minute.
const MORE: u64 = 100;

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

impl Explain {
    pub(crate) fn perform(&self, context: &Context) -> Result<Exit, Trouble> {
        let shown = self.file.display();
        let finding = match load::load(&self.file)? {
            Loaded::Finding(finding) => *finding,
            Loaded::Recording(lanes) => match recorded::finding(context, &lanes, &self.file, self.most.events)? {
                Ok(finding) => finding,
                Err(exit) => return Ok(exit),
            },
            Loaded::Trace(_) => {
                refuse!("`{shown}` is a trace: only findings and recordings can be explained, which can be done again")
            }
        };
        let system = corpus::rebuild(&context.entries, &finding, &self.file).map_err(Trouble)?;
        let Budget { explain: steps, .. } = Budget::default();
        let budget = Budget { explain: steps * MORE, time: Some(self.time), ..Budget::default() };
        let explanation = system.explain(&finding, &budget);
        let explanation = explanation.map_err(|error| Trouble(format!("cannot explain `{shown}`: {error}")))?;
        context.print(&match self.format {
            Format::Text => explain::text(&finding, &explanation, context.look),
            Format::Json => serde_json::to_string(&Line::of(&finding, &explanation))? + "\n",
        })?;
        Ok(Exit::Clean)
    }
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    v: u32,
    system: &'a str,
    checker: &'a str,
    reason: &'a str,
    signature: &'a str,
    seed: u64,
    digest: Digest,
    steps: u64,
    shrunk: Option<&'a Shrunk>,
    odds: Vec<Row>,
    jump: Option<u64>,
    /// Why there are no odds.
    undecided: Option<String>,
    critical: Option<Critical>,
    /// Why nothing is said of what is critical.
    unpaired: Option<String>,
    lanes: String,
}

#[derive(Serialize)]
struct Row {
    after: u64,
    failed: u32,
    of: u32,
    step: Option<String>,
}

impl<'a> Line<'a> {
    fn of(finding: &'a Finding, explanation: &'a Explanation) -> Self {
        let recording = &explanation.replayed.recording;
        let names = &recording.trace.conditions.names;
        let violation = recording.run.violation.as_ref().expect("it fails");
        let row = |Odds { after, failed, of }: &Odds| {
            let deed = explanation.deeds.get((*after as usize).wrapping_sub(1));
            Row { after: *after, failed: *failed, of: *of, step: deed.map(|deed| deed.display(names).to_string()) }
        };
        Self {
            kind: "explanation",
            v: 1,
            system: &finding.system,
            checker: &violation.law,
            reason: &violation.reason,
            signature: &finding.signature,
            seed: finding.seed,
            digest: explanation.replayed.digest,
            steps: recording.run.steps,
            shrunk: finding.shrunk.as_ref(),
            odds: explanation.odds.iter().map(row).collect(),
            jump: explanation.jump,
            undecided: explanation.undecided.as_ref().map(explain::unknown),
            critical: explanation.pair.as_ref().map(|pair| Critical::of(pair, names)),
            unpaired: explanation.unpaired.as_ref().map(explain::unknown),
            lanes: raddle_view::snapshot(&recording.trace),
        }
    }
}
