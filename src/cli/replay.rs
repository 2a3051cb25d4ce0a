//! `raddle replay`: do a run again, by its finding, by its recording, or by its seed and settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use raddle_checkers::Violation;
use raddle_core::Trace;
use raddle_core::recording::Recording as Lanes;
use raddle_sim::{Expectation, Finding, Keep, Lifted, Outcome, Recording, ReplayError, Replayed, StrategyKind};

use super::context::{Built, Context};
use super::exit::{Exit, Trouble, refuse};
use super::load::{self, Loaded};
use super::options::{How, Shrinking, Variant};
use super::recorded::{self, Most};
use super::report;
use super::view::lanes as lanes_of;
use crate::any::Search;
use crate::corpus;
use crate::failure::{Failure, notes};
use crate::look::{BAD, DOUBTFUL, GOOD, STRONG};
use crate::words;

/// Do a run again: by its finding, by the recording of a real run, or by its seed and settings
#[derive(Debug, clap::Args)]
pub(crate) struct Replay {
    /// A finding, a recording, or a system
    #[arg(value_name = "FINDING|RECORDING|SYSTEM")]
    what: String,
    /// The seed, for a system
    #[arg(long, value_name = "S", value_parser = seed)]
    seed: Option<u64>,
    #[command(flatten)]
    variant: Variant,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    shrinking: Shrinking,
    /// End at the first step that does not fit, with exit code 3
    #[arg(long)]
    strict: bool,
    /// Print the whole run as lanes
    #[arg(long)]
    trace: bool,
    #[command(flatten)]
    most: Most,
}

fn seed(text: &str) -> Result<u64, String> {
    words::seed(text).map_err(|expected| format!("expected {expected}"))
}

impl Replay {
    pub(crate) fn perform(&self, context: &Context) -> Result<Exit, Trouble> {
        if context.entry(&self.what).is_ok() {
            return self.seed(context);
        }
        let path = PathBuf::from(&self.what);
        if !path.exists() {
            let looks_like_path = self.what.contains(['/', '\\', '.']);
            match context.entry(&self.what) {
                Err(Trouble(unknown)) if !looks_like_path => refuse!("{unknown}; nor is there such a file"),
                _ => refuse!("there is no file `{}`: findings are saved below `seeds/`", self.what),
            }
        }
        match load::load(&path)? {
            Loaded::Finding(finding) => {
                self.refuse_settings("finding")?;
                self.finding(&finding, &path, context)
            }
            Loaded::Recording(lanes) => {
                self.refuse_settings("recording")?;
                self.recording(&lanes, &path, context)
            }
            Loaded::Trace(_) => refuse!(
                "`{}` is a trace, which says what happened and not how to do it again: `check` judges it, `view` shows it",
                path.display()
            ),
        }
    }

    /// What is done again says all itself.
    fn refuse_settings(&self, what: &str) -> Result<(), Trouble> {
        let How { strategy, granularity, network, steps_max, horizon, faults, laws } = &self.how;
        let set = [
            ("--seed", self.seed.is_some()),
            ("--bug", self.variant.bug.is_some()),
            ("--set", !self.variant.set.is_empty()),
            ("--strategy", strategy.is_some()),
            ("--granularity", granularity.is_some()),
            ("--network", network.is_some()),
            ("--steps-max", steps_max.is_some()),
            ("--horizon", horizon.is_some()),
            ("--faults", faults.is_some()),
            ("--laws", laws.is_some()),
            ("--no-shrink", self.shrinking.no_shrink),
        ];
        match set.iter().find(|(_, set)| *set) {
            Some((flag, _)) => refuse!("{flag} has no place here: a {what} has all its settings in itself"),
            None => Ok(()),
        }
    }

    fn finding(&self, finding: &Finding, path: &Path, context: &Context) -> Result<Exit, Trouble> {
        let replayed = match corpus::replay(&context.entries, finding, path).map_err(Trouble)? {
            Ok(replayed) => replayed,
            Err(error @ ReplayError::Stuck { .. }) => {
                let head = context.look.paint(BAD, "reproduced:");
                context.print(&format!("{head} {}\n  {error}\n", context.look.paint(STRONG, &finding.law)))?;
                return Ok(Exit::Violation);
            }
            Err(error) => return Err(error.into()),
        };
        if let (true, Some(how)) = (self.strict, divergence(finding, &replayed)) {
            let head = context.look.paint(BAD, "diverged:");
            context.print(&format!("{head} {}\n  {how}\n", context.look.paint(STRONG, &finding.system)))?;
            return Ok(Exit::Diverged);
        }
        let mut text = self::text(finding, &replayed, path, context);
        if self.trace {
            text += "\n";
            text += &lanes_of(&replayed.recording.trace, context.look);
        }
        context.print(&text)?;
        Ok(if replayed.outcome == Outcome::Clean { Exit::Clean } else { Exit::Violation })
    }

    /// A real run. What it breaks is told as of any finding.
    fn recording(&self, lanes: &Arc<Lanes>, path: &Path, context: &Context) -> Result<Exit, Trouble> {
        let keep = if self.trace { Keep::All } else { Keep::Verdict };
        let began = Instant::now();
        let lifted = match recorded::lift(context, lanes, path, None, keep)? {
            Ok(lifted) => lifted,
            Err(exit) => return Ok(exit),
        };
        let took = began.elapsed();
        if let Some(violation) = &lifted.recording.run.violation {
            if lifted.events > self.most.events {
                return long(violation, &lifted, path, context);
            }
            return match recorded::finding(context, lanes, path, self.most.events)? {
                Ok(finding) => self.finding(&finding, path, context),
                Err(exit) => Ok(exit),
            };
        }
        let (look, events) = (context.look, lifted.events);
        let (head, exit, says) = match &lifted.cut {
            _ if events == 0 => {
                (look.paint(DOUBTFUL, "nothing ran:"), Exit::NothingRan, "no event was recorded".to_owned())
            }
            None => (look.paint(GOOD, "clean:"), Exit::Clean, "the same run, event for event".to_owned()),
            Some(cut) => {
                let says = format!("the same run, event for event, as far as it was recorded; {cut}");
                (look.paint(DOUBTFUL, "unknown:"), Exit::Unknown, says)
            }
        };
        let (handled, rate) = (words::counted(lifted.recording.run.deliveries, "input"), words::rate(events, took));
        let run = format!("{}, {handled}, in {}: {rate} events/s", words::counted(events, "event"), words::took(took));
        let about = [
            ("replayed", path.display().to_string()),
            ("outcome", says),
            ("run", run),
            ("digest", lifted.digest.to_string()),
        ];
        let mut text = format!("{head} {}\n", look.paint(STRONG, &lanes.head.system)) + &notes(&about, look);
        if self.trace {
            text += "\n";
            text += &lanes_of(&lifted.recording.trace, look);
        }
        context.print(&text)?;
        Ok(exit)
    }

    fn seed(&self, context: &Context) -> Result<Exit, Trouble> {
        let Some(seed) = self.seed.or(context.environment.seed) else {
            refuse!("a run of `{0}` needs its seed: `{1} replay {0} --seed 42`", self.what, context.program);
        };
        if let StrategyKind::Exhaustive(kind) = self.how.strategy(context) {
            refuse!("`{kind}` is no run but a search: `explore {} --strategy {kind} --save DIR`", self.what);
        }
        let built = context.build(&self.what, &self.variant)?;
        let search = Search {
            settings: self.how.settings(&built.settings, context),
            strategy: self.how.strategy(context),
            seeds: seed..seed + 1,
            laws: self.how.laws.clone(),
            jobs: 1,
            shrink: self.shrinking.budget(),
            ..Search::default()
        };
        let report = built.system.explore(&search)?;
        let exit = report::verdict(&report, true, false);
        let whole = report::replay_line(context, &built, &report, seed);
        let (mut text, trace) = match &report.found {
            Some(found) => {
                (report::failure(&report, found).note("replay", whole).render(context.look), found.trace.clone())
            }
            None => self.whole(&built, &search, seed, exit, context)?,
        };
        if let (true, Some(trace)) = (self.trace, trace) {
            text += "\n";
            text += &lanes_of(&trace, context.look);
        }
        context.print(&text)?;
        Ok(exit)
    }
}

impl Replay {
    /// One run that broke no law: its text, and its trace.
    fn whole(
        &self,
        built: &Built,
        search: &Search,
        seed: u64,
        exit: Exit,
        context: &Context,
    ) -> Result<(String, Option<Trace>), Trouble> {
        let Recording { run, trace, .. } = built.system.record(search, seed)?;
        let look = context.look;
        let (head, doubt) = match exit {
            Exit::Clean => (look.paint(GOOD, "clean:"), ""),
            _ => (look.paint(DOUBTFUL, "unknown:"), "  it did not end: allow more with `--steps-max N`\n"),
        };
        let (steps, deliveries) = (words::counted(run.steps, "step"), words::count(run.deliveries));
        let strategy = search.strategy.of_seed(seed);
        let text = format!(
            "{head} {}\n{doubt}\n  {steps}, {deliveries} handled    seed {seed}, {strategy}    digest {}\n",
            look.paint(STRONG, &self.what),
            trace.digest(),
        );
        Ok((text, Some(trace)))
    }
}

/// Tells what a real run breaks of which not all events can be kept.
fn long(violation: &Violation, lifted: &Lifted, path: &Path, context: &Context) -> Result<Exit, Trouble> {
    let events = words::counted(lifted.events, "event");
    let failure = Failure {
        title: "reproduced",
        steps: lifted.recording.run.steps,
        digest: Some(lifted.digest),
        ..Failure::without_trace(violation)
    };
    let failure = failure.note("replayed", path.display().to_string());
    let failure = failure.note("picture", format!("none: it has {events}; `check` draws what is broken early"));
    context.print(&failure.render(context.look))?;
    Ok(Exit::Violation)
}

/// How a replay differs from what was saved, if it does.
fn divergence(finding: &Finding, replayed: &Replayed) -> Option<String> {
    if let Some(misfit) = misfit(replayed) {
        return Some(misfit);
    }
    let (was, is) = (finding.digest, replayed.digest);
    (was != is)
        .then(|| format!("every step of its schedule fits, but the events differ: their digest was {was} and is {is}"))
}

/// The first step of the schedule that does not fit.
fn misfit(replayed: &Replayed) -> Option<String> {
    let misfit = replayed.misfit.as_ref()?;
    let names = &replayed.recording.trace.conditions.names;
    Some(format!("step {} of its schedule, `{}`, is not possible", misfit.step, misfit.decision.display(names)))
}

/// What a replay came to.
fn text(finding: &Finding, replayed: &Replayed, path: &Path, context: &Context) -> String {
    let look = context.look;
    let was = &finding.signature;
    let says = match replayed.outcome {
        Outcome::Same => "the same run, event for event".to_owned(),
        Outcome::SameViolation => format!("the same violation in another run (its digest was {})", finding.digest),
        Outcome::OtherViolation => format!("another violation; it broke {was} when it was found"),
        Outcome::Clean if finding.expectation == Expectation::Pass => "passes, as it should".to_owned(),
        Outcome::Clean if replayed.misfit.is_some() => {
            format!(
                "broke {was} when it was found; its schedule no longer fits, so explore again before you call it fixed"
            )
        }
        Outcome::Clean => format!("broke {was} when it was found; if it is fixed, say `expectation: pass` in the file"),
    };
    let mut about = vec![("replayed", path.display().to_string()), ("outcome", says)];
    if let Some(misfit) = misfit(replayed) {
        about.push(("misfit", format!("{misfit} any more; went on without it")));
    }
    let origin = format!("seed {}, {}", finding.seed, finding.strategy);
    let Some(mut failure) = Failure::of_recording(&replayed.recording, origin) else {
        let head = format!("{} {}\n", look.paint(GOOD, "clean:"), look.paint(STRONG, &finding.system));
        return head + &notes(&about, look);
    };
    failure.title = if replayed.outcome == Outcome::OtherViolation { "violation" } else { "reproduced" };
    failure.shrunk = finding.shrunk.as_ref().filter(|_| replayed.outcome == Outcome::Same);
    failure.notes = about;
    failure.render(look)
}
