//! What a real run came to, as `raddle run` tells it: judged by the laws, or by nobody.

use std::path::Path;

use raddle_checkers::Verdict;
use raddle_core::Trace;
use raddle_runtime::{Death, Extent, Latency, Metrics, Why};

use super::check;
use super::context::Context;
use super::exit::Exit;
use super::facts::{self, Fact};
use crate::any::{Measured, RealRun};
use crate::failure::notes;
use crate::look::{DOUBTFUL, GOOD, STRONG};
use crate::words;

/// What a real run came to.
pub(crate) struct Ran {
    pub(crate) measured: Measured,
    /// What laws and properties say; none if they were not asked.
    judged: Option<Judged>,
}

struct Judged {
    trace: Trace,
    verdicts: Vec<(String, Verdict)>,
}

/// What a run was asked for, as far as it is told with it.
pub(crate) struct Asked<'a> {
    pub(crate) system: &'a str,
    pub(crate) seed: u64,
    /// `threads` or `processes`.
    pub(crate) on: &'a str,
    pub(crate) record: Option<&'a Path>,
}

impl From<RealRun> for Ran {
    fn from(run: RealRun) -> Self {
        let RealRun { trace, metrics, recorded, deaths, verdicts, .. } = run;
        Self { measured: Measured { metrics, recorded, deaths }, judged: Some(Judged { trace, verdicts }) }
    }
}

impl From<Measured> for Ran {
    fn from(measured: Measured) -> Self {
        Self { measured, judged: None }
    }
}

impl Ran {
    /// How the command ends. A run that nobody was to judge has done what was asked of it when it is over.
    pub(crate) fn exit(&self, is_stopped: bool) -> Exit {
        match self.judged.as_ref().map_or(Exit::Clean, |judged| check::exit(&judged.verdicts)) {
            Exit::Violation => Exit::Violation,
            _ if is_stopped => Exit::Interrupted,
            _ if self.measured.metrics.handled == 0 => Exit::NothingRan,
            exit => exit,
        }
    }

    pub(crate) fn text(&self, exit: Exit, asked: &Asked<'_>, context: &Context) -> String {
        let look = context.look;
        let facts = self.facts(asked, context);
        let failure = self.judged.as_ref().and_then(|judged| check::failure(&judged.verdicts, &judged.trace));
        if let Some(mut failure) = failure {
            failure.origin = format!("seed {}, {}", asked.seed, asked.on);
            // The failure says the digest itself.
            for (word, says) in facts.into_iter().filter(|(word, _)| *word != "digest") {
                failure = failure.note(word, says);
            }
            return failure.render(look);
        }
        let (style, word) = match exit {
            Exit::Interrupted => (DOUBTFUL, "interrupted:"),
            Exit::NothingRan => (DOUBTFUL, "nothing ran:"),
            Exit::Clean if self.judged.is_none() => (DOUBTFUL, "unjudged:"),
            Exit::Clean => (GOOD, "clean:"),
            _ => (DOUBTFUL, "unknown:"),
        };
        let (word, system) = (look.paint(style, word), look.paint(STRONG, asked.system));
        let mut out = format!("{word} {system} on {}\n", asked.on);
        for (law, verdict) in self.judged.iter().flat_map(|judged| &judged.verdicts) {
            if let Verdict::Unknown(why) = verdict {
                out += &format!("  {law}: {why}\n");
            }
        }
        out + &notes(&facts, look)
    }

    fn facts(&self, asked: &Asked<'_>, context: &Context) -> Vec<Fact> {
        let mut facts = self.measured.facts();
        if let Some(Judged { trace, verdicts }) = &self.judged {
            facts.push(("digest", trace.digest().to_string()));
            facts.push(("laws", verdicts.iter().map(|(law, _)| law.as_str()).collect::<Vec<_>>().join(", ")));
        }
        let recorded = asked.record.zip(self.measured.recorded.as_ref().and_then(|recorded| recorded.as_ref().ok()));
        if self.judged.is_none() {
            let says = match recorded {
                Some((path, recorded)) => {
                    let what = if recorded.extent == Extent::Whole { "the run" } else { "its beginning" };
                    format!("not asked; `{} check {}` judges {what}", context.program, path.display())
                }
                None if asked.record.is_some() => "not asked, and the recording failed".to_owned(),
                None => "not asked, and nothing was kept that they could judge: `--record FILE` keeps it".to_owned(),
            };
            facts.push(("laws", says));
        }
        if let Some((path, recorded)) = recorded {
            let extent = match recorded.extent {
                Extent::Whole => "",
                Extent::Full => "; it is the beginning of the run, there was no room for more",
            };
            facts.push(("recording", format!("{}, {} bytes{extent}", path.display(), words::count(recorded.bytes))));
        }
        facts
    }
}

impl Measured {
    /// What it has to say of itself.
    fn facts(&self) -> Vec<Fact> {
        let Metrics { handled, sent, fed, dropped, high_water, external_high_water, events, .. } = &self.metrics;
        let mut facts = vec![
            (
                "run",
                format!(
                    "{} in {}, {} inputs/s",
                    words::counted(*handled, "input"),
                    words::took(self.metrics.elapsed),
                    words::rate(*handled, self.metrics.elapsed)
                ),
            ),
            (
                "messages",
                format!(
                    "{} from outside, {}, {} dropped",
                    words::count(*fed),
                    words::counted(*sent, "update"),
                    words::count(*dropped)
                ),
            ),
        ];
        let lost = events.iter().filter(|(word, times)| **times > 0 && is_loss(word));
        facts.extend(facts::losses(lost.map(|(word, times)| (*word, *times))));
        if !self.deaths.is_empty() {
            facts.push(("deaths", self.how_died()));
        }
        let longest: Vec<String> = [(high_water, "update"), (external_high_water, "message")]
            .into_iter()
            .filter_map(|(marks, what)| {
                let (worker, most) = marks.iter().max_by_key(|(_, most)| **most).filter(|(_, most)| **most > 0)?;
                Some(format!("{} at {worker}", words::counted(*most as u64, what)))
            })
            .collect();
        if !longest.is_empty() {
            facts.push(("longest queues", longest.join(", ")));
        }
        let Latency { externals, updates } = self.metrics.latency_of_all();
        let latencies: Vec<String> = [("messages", externals), ("updates", updates)]
            .into_iter()
            .filter(|(_, times)| times.count() > 0)
            .map(|(what, times)| {
                let at = |percent| words::took(times.percentile(percent));
                format!("{what} {} (p99 {})", at(50.0), at(99.0))
            })
            .collect();
        if !latencies.is_empty() {
            facts.push(("latency", latencies.join(", ")));
        }
        facts
    }

    /// How processes died: how many as asked for, and the first of the others.
    fn how_died(&self) -> String {
        let (asked, others): (Vec<&Death>, Vec<&Death>) = self.deaths.iter().partition(|death| death.why == Why::Asked);
        let mut out = format!("{} killed as asked for", words::count(asked.len() as u64));
        if let Some(death) = others.first() {
            let (name, _) = self.metrics.high_water.get_index(death.worker.index()).expect("all workers stand in it");
            out +=
                &format!(", {} otherwise, first that of {name} in life {}: {}", others.len(), death.life.0, death.why);
        }
        out
    }
}

/// What did not reach its target, in the words of events.
fn is_loss(word: &str) -> bool {
    word.starts_with("drop(") || matches!(word, "depth-refused" | "cycle-broken" | "crash(panic)" | "crash(killed)")
}
