//! The driver on processes: the driver on threads, where the handlers of each worker run in a process of its own.
//!
//! The parent holds all that a run on threads holds: queues, clocks, numbers, barriers, timers, logs. A worker's thread
//! picks inputs, as many as the policy `window` says, sends them to the worker's process and waits for one frame for each, with
//! all that the handler said. A handling exists exactly if that frame came. If it does not come, the process is dead, and the
//! core does what it does at every crash: it drops that input, ends the life, and begins another if the policy says so.
//!
//! Where to start: [`Processes`] runs a system. `door.rs` is how the program, started once more, knows that it is a worker;
//! `child.rs` what it does then; `link.rs` the parent's end; `body.rs` the process itself; `warden.rs` kills.

mod body;
mod child;
mod door;
mod eager;
mod frames;
mod link;
mod warden;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use raddle_core::{Codec, Plan, StateMachine};

pub use self::door::WORKER_VARIABLE;

use self::body::Launch;
use self::door::Role;
use self::link::{Link, Terms};
use self::warden::{Notice, Tick, Warden};
use crate::error::RunError;
use crate::hands::{Hands, Overseen};
use crate::outcome::Outcome;
use crate::threads::{Abroad, Threads};

/// Runs systems with a process for each worker.
///
/// A run goes as on [`Threads`], which say how long, with which seed and so on; only handlers run elsewhere. A worker
/// whose process dies, for whatever reason, has crashed ([`Cause::Killed`](raddle_core::Cause::Killed)): what it was
/// handling is dropped, and it lives again, as a new process, if the policy `restart` says so. What processes print goes
/// to standard error, each line behind the name of its worker.
///
/// # How a process is started
///
/// The process of a worker is this program once more, with the same arguments, and a variable in its environment
/// ([`WORKER_VARIABLE`]). It does what the program does until it comes to [`Processes::run`] with the same system; there
/// it becomes the worker and never returns. So whatever a program does before that, it must do in the same way each
/// time, and it should not be much. A program that runs several systems, or that had better not do again what stands
/// before the run, calls [`Processes::serve`] first, for each of them.
///
/// In a test the program is the test harness, so it must be told which test to enter again:
///
/// ```no_run
/// # use raddle_core::{Outbox, StateMachine, System};
/// # use raddle_runtime::{Processes, Threads};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize)]
/// # struct Relay { heard: u32 }
/// # impl StateMachine for Relay {
/// #     type Message = u32;
/// #     type Update = u32;
/// #     fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) { out.notify("right", n); }
/// #     fn on_update(&mut self, n: u32, _: &mut Outbox<u32>) { self.heard += n; }
/// # }
/// // #[test]
/// fn a_pair_for_real() {
///     let system = System::new("pair")
///         .workers(["left", "right"], |_| Relay::default())
///         .messages("client", [("left", 1), ("left", 2)])
///         .on_processes();
///     let plan = system.plan().expect("a sound system");
///     let outcome = Processes::new(Threads::new()).in_test("a_pair_for_real").run(&plan).expect("runs");
///     assert_eq!(outcome.workers[1].machine().heard, 3);
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Processes {
    threads: Threads,
    program: Option<PathBuf>,
    args: Option<Vec<OsString>>,
    patience: Duration,
    kill_every: Option<Duration>,
    stop_every: Option<Duration>,
}

impl Processes {
    /// Runs that go as these threads say, with a patience of 10 s.
    #[must_use]
    pub const fn new(threads: Threads) -> Self {
        Self {
            threads,
            program: None,
            args: None,
            patience: Duration::from_secs(10),
            kill_every: None,
            stop_every: None,
        }
    }

    /// [`Threads::record`] of the threads of its runs.
    #[must_use]
    pub fn record(mut self, record: bool) -> Self {
        self.threads = self.threads.record(record);
        self
    }

    /// How long a process may take to become a worker, and to handle an input; one that takes longer is killed. At least
    /// a millisecond.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience.max(Duration::from_millis(1));
        self
    }

    /// Kills a process so often, drawn from the seed, as long as the run takes messages from outside. Not more often than
    /// each millisecond.
    #[must_use]
    pub fn kill_every(mut self, every: Option<Duration>) -> Self {
        self.kill_every = every.map(|every| every.max(Duration::from_millis(1)));
        self
    }

    /// Stops a process so often, for as long, drawn from the seed: it is alive and does nothing. Not more often than each
    /// millisecond, and not for longer than half the patience.
    #[must_use]
    pub fn stop_every(mut self, every: Option<Duration>) -> Self {
        self.stop_every = every.map(|every| every.max(Duration::from_millis(1)));
        self
    }

    /// Starts workers by this command, instead of this program with the arguments that it was started with. It must come
    /// to [`Processes::run`] or [`Processes::serve`] with the same system, in this version.
    #[must_use]
    pub fn command<A: Into<OsString>>(
        mut self,
        program: impl Into<PathBuf>,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        self.program = Some(program.into());
        self.args = Some(args.into_iter().map(Into::into).collect());
        self
    }

    /// Starts workers by entering this test of the running test harness again; its name as `cargo test` prints it.
    #[must_use]
    pub fn in_test(mut self, name: &str) -> Self {
        let args = [name, "--exact", "--nocapture", "--include-ignored", "--test-threads=1"];
        self.args = Some(args.map(Into::into).into());
        self
    }

    /// If this process was started to be a worker of this system, it is that until its run is over, and ends then.
    /// Otherwise this does nothing.
    pub fn serve<M: StateMachine>(plan: &Plan<M>) {
        if let (Role::Worker(system), Some(codec)) = (door::role(), plan.codec())
            && system == door::fingerprint(plan)
        {
            child::serve(plan, codec);
        }
    }

    /// Runs a system to its end. All processes and threads have ended when this returns. In a process that was started
    /// to be a worker of this system, it is that instead, and never returns.
    ///
    /// # Errors
    /// When the run cannot be started: the system does not say [`on_processes`](raddle_core::System::on_processes), or
    /// the operating system refuses a process or a thread, or a process does not become a worker.
    pub fn run<M: StateMachine>(&self, plan: &Arc<Plan<M>>) -> Result<Outcome<M>, RunError> {
        let Some(codec) = plan.codec() else {
            return Err(RunError::NotOnProcesses { system: plan.names().system().to_owned() });
        };
        match door::role() {
            Role::Run => self.begin(plan, codec),
            Role::Worker(system) if system == door::fingerprint(plan) => child::serve(plan, codec),
            Role::Worker(_) => leave(&format!(
                "it came to the run of another system (`{}`) first: give each run a program or test of its own, or call \
                 `Processes::serve` for each system before",
                plan.names().system()
            )),
            Role::Stray => leave(&format!(
                "{WORKER_VARIABLE} is set, but no run has started this process, or that run is over: unset it to run"
            )),
        }
    }

    fn begin<M: StateMachine>(&self, plan: &Arc<Plan<M>>, codec: &Codec<M>) -> Result<Outcome<M>, RunError> {
        let launch = Launch {
            program: self.program.clone().map_or_else(std::env::current_exe, Ok).map_err(RunError::Program)?,
            args: self.args.clone().unwrap_or_else(|| std::env::args_os().skip(1).collect()),
            system: door::fingerprint(plan),
        };
        let (bell, notices) = channel();
        let seed = self.threads.current_seed();
        let yields = self.threads.current_yield_budget();
        let terms = Arc::new(Terms { launch, seed, yields, patience: self.patience, bell: bell.clone() });
        let workers = plan.names().workers();
        let mut links: Vec<_> = workers.map(|(worker, _)| Link::new(plan, *codec, worker, &terms)).collect();
        // All are started before any is waited for, so that they come up together.
        for ((worker, _), link) in plan.names().workers().zip(&mut links) {
            link.start(!plan.starts(worker), None)?;
        }
        links.iter_mut().try_for_each(Link::welcome)?;
        let warden = Warden {
            notices,
            bodies: links.iter().map(|link| Arc::clone(link.body())).collect(),
            seed,
            kill: Tick::new(self.kill_every),
            stop: Tick::new(self.stop_every),
            stop_max: self.patience / 2,
        };
        let hands = links.into_iter().map(|link| Box::new(link) as Box<dyn Hands<M>>).collect();
        let watch = Box::new(move |run: &dyn Overseen| warden.watch(run));
        let over = Box::new(move || _ = bell.send(Notice::Over));
        self.threads.run_with(plan, Some(Abroad { hands, watch, over }))
    }
}

/// Ends a process that was to be a worker and cannot be.
fn leave(why: &str) -> ! {
    let _ = writeln!(std::io::stderr(), "this process cannot be a worker: {why}");
    std::process::exit(2)
}
