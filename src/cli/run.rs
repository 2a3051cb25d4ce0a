//! `raddle run`: a system for real, judged by the same laws unless nobody is to judge it.
//!
//! On processes each worker is this command once more, with the same arguments: it comes to the same run, and becomes the
//! worker there.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use raddle_core::recording::Origin;
use raddle_runtime::{BYTES_MAX, RecordTo, Threads};

use super::context::{Built, Context};
use super::exit::{Exit, Trouble, refuse};
use super::metrics::MetricsFile;
use super::options::{Variant, Words, duration};
use super::ran::{Asked, Ran};
use crate::any::{AnySystem, RealRunError};
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
    /// Run so long, taking the workload round and round. A run that is judged sends 250,000 messages in that time at the
    /// most, unless `--messages` says otherwise
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
    /// Keep no event and ask no law: then a run takes no more memory the longer it is, and with `--for` sends as much as is
    /// taken. It ends with exit code 0, whatever a law would say; what is recorded, `check` can judge
    #[arg(long, conflicts_with = "laws")]
    unjudged: bool,
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

/// A run is kept in memory to be judged; one that is bounded by time alone is bounded by this too, and sends no more than so
/// many messages in its time.
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
        let seed = self.seed.or(context.environment.seed).unwrap_or(0);
        context.stop_on_ctrl_c();
        let threads = self.threads(seed, &built, context);
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
        let ran = match self.on {
            On::Threads => self.run_on_threads(built.system.as_ref(), &threads),
            On::Processes => self.run_on_processes(built.system.as_ref(), threads)?,
        };
        let ran = match ran {
            Err(error) => return context.not_begun(&error),
            Ok(ran) => ran,
        };
        let exit = ran.exit(context.is_stopped());
        let asked = Asked { system: &self.system, seed, on: self.on.word(), record: self.record.as_deref() };
        context.print(&ran.text(exit, &asked, context))?;
        let unrecorded =
            ran.measured.recorded.as_ref().and_then(|recorded| recorded.as_ref().err().map(ToString::to_string));
        let unwritten: Vec<String> = unrecorded.into_iter().chain(metrics.and_then(|file| file.error())).collect();
        unwritten.iter().for_each(|error| context.complain(error));
        Ok(if exit == Exit::Clean && !unwritten.is_empty() { Exit::Usage } else { exit })
    }

    fn threads(&self, seed: u64, built: &Built, context: &Context) -> Threads {
        let most = if self.unjudged { u64::MAX } else { MESSAGES_MAX };
        Threads::new()
            .seed(seed)
            .time_limit(self.time)
            .drain_limit(DRAIN_LIMIT)
            .messages(self.messages.or(self.time.map(|_| most)))
            .lasting(self.time.filter(|_| self.messages.is_none() && !self.unjudged))
            .worker_threads(self.threads)
            .record_to(self.record.as_ref().map(|path| {
                let origin = Origin { bug: self.variant.bug.clone(), params: built.args.values().clone() };
                RecordTo::new(path).origin(origin).bytes_max(self.record_max)
            }))
            .stop_flag(Arc::clone(&context.stop))
    }

    /// A flag that only processes take, if one is given.
    fn flag_of_processes(&self) -> Option<&'static str> {
        let flags =
            [(self.kill_every, "--kill-every"), (self.stop_every, "--stop-every"), (self.patience, "--patience")];
        flags.into_iter().find_map(|(value, flag)| value.map(|_| flag))
    }

    fn run_on_threads(&self, system: &dyn AnySystem, threads: &Threads) -> Result<Ran, RealRunError> {
        match self.unjudged {
            true => system.measure_on_threads(threads).map(Ran::from),
            false => system.run_on_threads(threads, self.laws.as_deref()).map(Ran::from),
        }
    }

    #[cfg(unix)]
    fn run_on_processes(&self, system: &dyn AnySystem, threads: Threads) -> Result<Result<Ran, RealRunError>, Trouble> {
        let mut processes =
            raddle_runtime::Processes::new(threads).kill_every(self.kill_every).stop_every(self.stop_every);
        if let Some(patience) = self.patience {
            processes = processes.patience(patience);
        }
        Ok(match self.unjudged {
            true => system.measure_on_processes(&processes).map(Ran::from),
            false => system.run_on_processes(&processes, self.laws.as_deref()).map(Ran::from),
        })
    }

    #[cfg(not(unix))]
    fn run_on_processes(&self, _: &dyn AnySystem, _: Threads) -> Result<Result<Ran, RealRunError>, Trouble> {
        refuse!("there are no runs on processes on this operating system: use `--on threads`");
    }
}
