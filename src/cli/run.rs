//! `raddle run`: a system for real, judged by the same laws.
//!
//! On processes each worker is this command once more, with the same arguments: it comes to the same run, and becomes the
//! worker there.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use raddle_core::recording::Origin;
use raddle_runtime::{BYTES_MAX, Death, Extent, Latency, Metrics, RecordTo, Threads, Why};

use super::check;
use super::context::Context;
use super::exit::{Exit, Trouble, refuse};
use super::facts;
use super::metrics::MetricsFile;
use super::options::{Variant, Words, duration};
use crate::any::{AnySystem, RealRun, RealRunError};
use crate::failure::notes;
use crate::look::{DOUBTFUL, GOOD, STRONG};
use crate::words;

/// Run a system on real threads or processes, and judge the run by the same laws
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// The system
    system: String,
    #[command(flatten)]
    variant: Variant,
    /// On what to run it
    #[arg(long, value_enum)]
    on: On,
    /// What handlers draw from [default: 0]
    #[arg(long, value_name = "S", value_parser = seed)]
    seed: Option<u64>,
    /// Run so long, taking the workload round and round
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    time: Option<Duration>,
    /// Send so many messages from outside, taking the workload round and round
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    messages: Option<u64>,
    /// Kill a process so often, drawn from the seed (only on processes); all live again unless `--set restart=` says otherwise
    #[arg(long, value_name = "TIME", value_parser = duration)]
    kill_every: Option<Duration>,
    /// Stop a process so often, for as long, drawn from the seed (only on processes)
    #[arg(long, value_name = "TIME", value_parser = duration)]
    stop_every: Option<Duration>,
    /// Kill a process that takes longer to answer (only on processes) [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    patience: Option<Duration>,
    /// Share so many threads among all workers [default: one for each worker]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Write what the run has come to each second, and at its end, to this file: a line of JSON each. If it cannot be
    /// written on, the run goes on; a clean run then ends with exit code 2
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// Record the run to this file, which must not exist yet, for `replay`, `check`, `view`, `explain` and `shrink`. If it
    /// cannot be written on, the run goes on; a clean run then ends with exit code 2
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Record no more than so many bytes: the beginning of the run
    #[arg(long, value_name = "BYTES", requires = "record", default_value_t = BYTES_MAX)]
    record_max: u64,
    /// Judge by these laws, not by the system's
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = Words::laws(), hide_possible_values = true)]
    laws: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum On {
    /// A thread a worker
    Threads,
    /// A process a worker; its handlers run there, all else in this process
    Processes,
}

impl On {
    const fn word(self) -> &'static str {
        match self {
            Self::Threads => "threads",
            Self::Processes => "processes",
        }
    }
}

/// A run is recorded in memory to be judged; one that is bounded by time alone is bounded by this too, and sends no more than
/// so many messages in its time.
const MESSAGES_MAX: u64 = 250_000;
/// How often metrics are written.
const METRICS_EVERY: Duration = Duration::from_secs(1);
/// How long a run that was told to stop may handle what is queued.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);

fn seed(text: &str) -> Result<u64, String> {
    words::seed(text).map_err(|expected| format!("expected {expected}"))
}

impl Run {
    pub(crate) fn perform(&self, context: &Context) -> Result<Exit, Trouble> {
        if let (On::Threads, Some(flag)) = (self.on, self.flag_of_processes()) {
            refuse!("{flag} has no place here: threads have no processes of their own; use `--on processes`");
        }
        let mut built = context.build(&self.system, &self.variant)?;
        if self.kill_every.is_some() && !self.variant.sets("restart") {
            // Whoever asks for many deaths does not want the first few to end it all.
            built.system.set("restart", "always")?;
        }
        let messages = self.messages.or(self.time.map(|_| MESSAGES_MAX));
        let seed = self.seed.or(context.environment.seed).unwrap_or(0);
        context.stop_on_ctrl_c();
        let threads = Threads::new()
            .seed(seed)
            .time_limit(self.time)
            .drain_limit(DRAIN_LIMIT)
            .messages(messages)
            .lasting(self.time.filter(|_| self.messages.is_none()))
            .worker_threads(self.threads)
            .record_to(self.record.as_ref().map(|path| {
                let origin = Origin { bug: self.variant.bug.clone(), params: built.args.values().clone() };
                RecordTo::new(path).origin(origin).bytes_max(self.record_max)
            }))
            .stop_flag(Arc::clone(&context.stop));
        #[cfg(unix)]
        if self.on == On::Processes {
            // A process that is to be a worker becomes it here, and opens no file of the run.
            built.system.serve()?;
        }
        let metrics = self.metrics.as_ref().map(|path| MetricsFile::open(&self.system, path)).transpose()?;
        let threads = match &metrics {
            None => threads,
            Some(file) => {
                let file = Arc::clone(file);
                threads.monitor(METRICS_EVERY, move |metrics| file.write(metrics))
            }
        };
        let run = match self.on {
            On::Threads => built.system.run_on_threads(&threads, self.laws.as_deref()),
            On::Processes => self.run_on_processes(built.system.as_ref(), threads)?,
        };
        let run = match run {
            Err(error) => return context.not_begun(&error),
            Ok(run) => run,
        };
        let exit = match check::exit(&run.verdicts) {
            Exit::Violation => Exit::Violation,
            _ if context.is_stopped() => Exit::Interrupted,
            _ if run.metrics.handled == 0 => Exit::NothingRan,
            exit => exit,
        };
        context.print(&self.text(&run, exit, seed, context))?;
        let unrecorded = run.recorded.as_ref().and_then(|recorded| recorded.as_ref().err().map(ToString::to_string));
        let unwritten: Vec<String> = unrecorded.into_iter().chain(metrics.and_then(|file| file.error())).collect();
        unwritten.iter().for_each(|error| context.complain(error));
        Ok(if exit == Exit::Clean && !unwritten.is_empty() { Exit::Usage } else { exit })
    }

    /// A flag that only processes take, if one is given.
    fn flag_of_processes(&self) -> Option<&'static str> {
        let flags =
            [(self.kill_every, "--kill-every"), (self.stop_every, "--stop-every"), (self.patience, "--patience")];
        flags.into_iter().find_map(|(value, flag)| value.map(|_| flag))
    }

    #[cfg(unix)]
    fn run_on_processes(
        &self,
        system: &dyn AnySystem,
        threads: Threads,
    ) -> Result<Result<RealRun, RealRunError>, Trouble> {
        let mut processes =
            raddle_runtime::Processes::new(threads).kill_every(self.kill_every).stop_every(self.stop_every);
        if let Some(patience) = self.patience {
            processes = processes.patience(patience);
        }
        Ok(system.run_on_processes(&processes, self.laws.as_deref()))
    }

    #[cfg(not(unix))]
    fn run_on_processes(&self, _: &dyn AnySystem, _: Threads) -> Result<Result<RealRun, RealRunError>, Trouble> {
        refuse!("there are no runs on processes on this operating system: use `--on threads`");
    }

    fn text(&self, run: &RealRun, exit: Exit, seed: u64, context: &Context) -> String {
        let look = context.look;
        if let Some(mut failure) = check::failure(&run.verdicts, &run.trace) {
            failure.origin = format!("seed {seed}, {}", self.on.word());
            // The failure says the digest itself.
            for (word, says) in facts(run, self.record.as_ref()).into_iter().filter(|(word, _)| *word != "digest") {
                failure = failure.note(word, says);
            }
            return failure.render(look);
        }
        let (style, word) = match exit {
            Exit::Clean => (GOOD, "clean:"),
            Exit::Interrupted => (DOUBTFUL, "interrupted:"),
            Exit::NothingRan => (DOUBTFUL, "nothing ran:"),
            _ => (DOUBTFUL, "unknown:"),
        };
        let (word, system) = (look.paint(style, word), look.paint(STRONG, &self.system));
        let mut out = format!("{word} {system} on {}\n", self.on.word());
        for (law, verdict) in &run.verdicts {
            if let raddle_checkers::Verdict::Unknown(why) = verdict {
                out += &format!("  {law}: {why}\n");
            }
        }
        out + &notes(&facts(run, self.record.as_ref()), look)
    }
}

fn facts(run: &RealRun, record: Option<&PathBuf>) -> Vec<(&'static str, String)> {
    let Metrics { handled, sent, fed, dropped, high_water, external_high_water, events, .. } = &run.metrics;
    let mut facts = vec![
        (
            "run",
            format!(
                "{} in {}, {} inputs/s",
                words::counted(*handled, "input"),
                words::took(run.elapsed),
                words::rate(*handled, run.elapsed)
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
    if !run.deaths.is_empty() {
        facts.push(("deaths", deaths(run)));
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
    let Latency { externals, updates } = run.metrics.latency_of_all();
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
    facts.push(("digest", run.trace.digest().to_string()));
    facts.push(("laws", run.verdicts.iter().map(|(law, _)| law.as_str()).collect::<Vec<_>>().join(", ")));
    if let (Some(path), Some(Ok(recorded))) = (record, &run.recorded) {
        let extent = match recorded.extent {
            Extent::Whole => "",
            Extent::Full => "; it is the beginning of the run, there was no room for more",
        };
        facts.push(("recording", format!("{}, {} bytes{extent}", path.display(), words::count(recorded.bytes))));
    }
    facts
}

/// How processes died: how many as asked for, and the first of the others.
fn deaths(run: &RealRun) -> String {
    let (asked, others): (Vec<&Death>, Vec<&Death>) = run.deaths.iter().partition(|death| death.why == Why::Asked);
    let mut out = format!("{} killed as asked for", words::count(asked.len() as u64));
    if let Some(death) = others.first() {
        let name = run.trace.conditions.names.worker(death.worker);
        out += &format!(", {} otherwise, first that of {name} in life {}: {}", others.len(), death.life.0, death.why);
    }
    out
}

/// What did not reach its target, in the words of events.
fn is_loss(word: &str) -> bool {
    word.starts_with("drop(") || matches!(word, "depth-refused" | "cycle-broken" | "crash(panic)" | "crash(killed)")
}
