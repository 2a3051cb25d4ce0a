//! `raddle check`: judge a trace or a real run by the laws.

use std::path::PathBuf;
use std::sync::Arc;

use raddle_checkers::{Verdict, default_laws, determinism, needs_end};
use raddle_core::Trace;
use raddle_core::recording::Recording as Lanes;
use raddle_sim::{Keep, Lifted};

use super::context::Context;
use super::exit::{Exit, Trouble};
use super::load::{self, Loaded, Traced};
use super::options::Words;
use super::recorded::{self, Most};
use crate::failure::Failure;
use crate::look::{BAD, DOUBTFUL, GOOD, Look};
use crate::words;

/// Judge a trace, or the recording of a real run, by the laws
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// A recording from `run --record`, a finding, or a trace as JSON lines
    #[arg(value_name = "RECORDING|FINDING|TRACE")]
    file: PathBuf,
    /// The laws [default: those of the finding or of the recorded system, or all that apply]
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = Words::laws(), hide_possible_values = true)]
    laws: Option<Vec<String>>,
    // In a longer one, what is broken later is told without a picture, and less is known of losses.
    #[command(flatten)]
    most: Most,
}

impl Check {
    pub(crate) fn perform(&self, context: &Context) -> Result<Exit, Trouble> {
        let loaded = load::load(&self.file)?;
        if let Loaded::Recording(lanes) = &loaded {
            let done = recorded::lift(context, lanes, &self.file, self.laws.as_deref(), Keep::Verdict)?;
            let lifted = match done {
                Ok(lifted) => lifted,
                Err(exit) => return Ok(exit),
            };
            let are_kept = self.verdicts(&lifted).iter().all(|(_, verdict)| *verdict == Verdict::Ok);
            // Events take far more than what laws keep. Only what is broken, or in doubt, wants to see them.
            if are_kept || lifted.events > self.most.events {
                return self.tell_long(context, lanes, &lifted);
            }
        }
        let Traced { trace, laws, properties, cut } = match load::trace_of(context, loaded, &self.file, u64::MAX)? {
            Ok(traced) => traced,
            Err(exit) => return Ok(exit),
        };
        let laws: Vec<&str> = match self.laws.as_ref().or(laws.as_ref()) {
            Some(laws) => laws.iter().map(String::as_str).collect(),
            None => default_laws(&trace.conditions),
        };
        let verdicts = raddle_checkers::check(&trace, &laws)?;
        let mut verdicts: Vec<_> = verdicts.into_iter().map(|(law, verdict)| (law.to_owned(), verdict)).collect();
        // Who names laws asks for no more.
        verdicts.extend(properties.into_iter().filter(|_| self.laws.is_none()));
        let failure = failure(&verdicts, &trace);
        self.tell(context, trace.events.len() as u64, &verdicts, cut.as_deref(), failure)
    }

    /// What laws and properties say of a real run, as far as it could be told while it was done again.
    fn verdicts(&self, lifted: &Lifted) -> Vec<(String, Verdict)> {
        let properties = lifted.properties.iter().filter(|_| self.laws.is_none());
        let mut verdicts: Vec<_> = lifted.verdicts.iter().chain(properties).cloned().collect();
        if lifted.laws.iter().any(|law| law == determinism::NAME) {
            verdicts.push((determinism::NAME.to_owned(), determinism::of_one_run()));
        }
        verdicts
    }

    /// Tells of a real run of which no event was kept. What was broken first is drawn, if that was early.
    fn tell_long(&self, context: &Context, lanes: &Arc<Lanes>, lifted: &Lifted) -> Result<Exit, Trouble> {
        let mut verdicts = self.verdicts(lifted);
        let broken = verdicts.iter_mut().filter_map(|(_, verdict)| match verdict {
            Verdict::Violation(violation) => Some(violation),
            Verdict::Ok | Verdict::Unknown(_) => None,
        });
        // What shows at the end is of step zero, and last.
        let Some(first) = broken.min_by_key(|violation| violation.moment.step.wrapping_sub(1)) else {
            return self.tell(context, lifted.events, &verdicts, lifted.cut.as_deref(), None);
        };
        let trace = match self.until(context, lanes, first.moment.step)? {
            Ok(trace) => trace,
            Err(exit) => return Ok(exit),
        };
        if let Some(trace) = &trace {
            raddle_checkers::explain(first, trace);
        }
        let first = first.clone();
        let failure = trace.as_ref().map_or_else(
            || {
                let events = words::counted(self.most.events, "event");
                let says = format!("none, as more than {events} came before: `--events N` keeps more");
                Failure::without_trace(&first).note("picture", says)
            },
            |trace| Failure::of_trace(&first, trace),
        );
        let failure = Failure { steps: lifted.recording.run.steps, digest: Some(lifted.digest), ..failure };
        self.tell(context, lifted.events, &verdicts, lifted.cut.as_deref(), Some(failure))
    }

    /// The run up to a step, if it has no more events than are kept; or how the command ends.
    fn until(&self, context: &Context, lanes: &Arc<Lanes>, step: u64) -> Result<Result<Option<Trace>, Exit>, Trouble> {
        if step == 0 {
            return Ok(Ok(None));
        }
        let keep = Keep::Beginning { events: self.most.events, steps: step };
        let lifted = recorded::lift(context, lanes, &self.file, self.laws.as_deref(), keep)?;
        Ok(lifted.map(|lifted| (lifted.recording.run.steps >= step).then_some(lifted.recording.trace)))
    }

    /// Prints what laws and properties say, and the failure.
    fn tell(
        &self,
        context: &Context,
        events: u64,
        verdicts: &[(String, Verdict)],
        cut: Option<&str>,
        failure: Option<Failure<'_>>,
    ) -> Result<Exit, Trouble> {
        if events == 0 {
            context.complain(&format!("nothing to judge: the trace in `{}` has no events", self.file.display()));
            return Ok(Exit::NothingRan);
        }
        let mut verdicts = verdicts.to_vec();
        if cut.is_some() {
            verdicts.iter_mut().for_each(|(law, verdict)| doubt(law, verdict));
        }
        let mut text = table(&verdicts, context.look);
        if let Some(cut) = cut {
            text += &format!("only the beginning of the run is there: {cut}\n");
        }
        if let Some(failure) = failure {
            text += "\n";
            text += &failure.render(context.look);
        }
        context.print(&text)?;
        Ok(exit(&verdicts))
    }
}

/// Of a run of which only the beginning is there nobody can tell that it keeps a law.
fn doubt(law: &str, verdict: &mut Verdict) {
    if *verdict == Verdict::Ok {
        *verdict = Verdict::Unknown(match needs_end(law) {
            true => "nothing can be known without the end of the run".to_owned(),
            false => "not broken as far as the run was recorded".to_owned(),
        });
    }
}

/// A line for each law.
pub(crate) fn table(verdicts: &[(String, Verdict)], look: Look) -> String {
    let width = verdicts.iter().map(|(law, _)| law.len()).max().unwrap_or(0);
    let mut out = String::new();
    for (law, verdict) in verdicts {
        let (style, word, says) = match verdict {
            Verdict::Ok => (GOOD, "ok", ""),
            Verdict::Violation(violation) => (BAD, "violation", violation.reason.as_str()),
            Verdict::Unknown(why) => (DOUBTFUL, "unknown", why.as_str()),
        };
        let left = "violation".len() + 2 + width + 2;
        let mut lines = words::wrap(says, look.width.saturating_sub(left).max(30)).into_iter();
        let first = lines.next().unwrap_or_default();
        out += format!("{}  {law:<width$}  {first}", look.paint(style, &format!("{word:<9}"))).trim_end();
        out.push('\n');
        for line in lines {
            out += &format!("{:left$}{line}\n", "");
        }
    }
    out
}

/// The first broken law, ready to be told.
pub(crate) fn failure<'a>(verdicts: &'a [(String, Verdict)], trace: &'a Trace) -> Option<Failure<'a>> {
    let violation = verdicts.iter().find_map(|(_, verdict)| verdict.violation())?;
    Some(Failure::of_trace(violation, trace))
}

/// What verdicts come to: one violation is enough, and what nobody can tell is not clean.
pub(crate) fn exit(verdicts: &[(String, Verdict)]) -> Exit {
    let any = |is: fn(&Verdict) -> bool| verdicts.iter().any(|(_, verdict)| is(verdict));
    if any(|verdict| matches!(verdict, Verdict::Violation(_))) {
        Exit::Violation
    } else if any(|verdict| matches!(verdict, Verdict::Unknown(_))) {
        Exit::Unknown
    } else {
        Exit::Clean
    }
}
