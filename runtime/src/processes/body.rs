//! The process of a worker as the operating system sees it: started, spoken to, killed, and what it prints.
//!
//! What it prints goes to standard error, each line behind the name of its worker. A thread of its own reads it; the end of
//! that is how a death is noticed while nobody speaks with the process.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, PipeReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use raddle_core::WorkerId;

use super::door;
use super::frames::UP;
use super::warden::Notice;

/// How a process is started.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    /// Of which system.
    pub(crate) system: u64,
}

/// The processes of one worker, one after the other: shared by its thread, the warden, and who reads what it prints.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// The one that is not buried yet.
    child: Mutex<Option<Child>>,
    /// How many there have been, with those that could not be started.
    born: AtomicU32,
    /// Up to which of them all have stopped printing.
    quiet: AtomicU32,
    /// The last that was killed because the run was asked to.
    asked: AtomicU32,
}

/// What a new process is spoken to by.
pub(crate) struct Newborn {
    pub(crate) socket: UnixStream,
    pub(crate) printed: Printed,
}

/// What a process prints.
pub(crate) struct Printed {
    /// What it printed before it was a worker.
    early: Arc<Mutex<String>>,
    /// Ends when all of it is read.
    end: Receiver<()>,
}

impl Printed {
    /// What was printed before the process was a worker, when it is over with that process.
    pub(crate) fn early(&self) -> String {
        self.wait();
        lock(&self.early).clone()
    }

    /// Waits until all is read. A grandchild may print on for ever, so not for long.
    pub(crate) fn wait(&self) {
        let _ = self.end.recv_timeout(PRINTED_WAIT);
    }
}

impl Body {
    /// Starts the next process.
    pub(crate) fn start(
        self: &Arc<Self>,
        launch: &Launch,
        worker: WorkerId,
        name: &str,
        bell: &Sender<Notice>,
    ) -> io::Result<Newborn> {
        // First of all: whoever was asked to kill meant one that there was before, whatever comes of this one.
        let nth = self.born.fetch_add(1, Ordering::AcqRel) + 1;
        let (ours, theirs) = UnixStream::pair()?;
        let (output, print) = io::pipe()?;
        let mut command = Command::new(&launch.program);
        command
            .args(&launch.args)
            .env(door::WORKER_VARIABLE, door::badge(launch.system))
            .stdin(OwnedFd::from(theirs))
            .stdout(print.try_clone()?)
            .stderr(print)
            // Ctrl-C is for the run, which then drains; not for its workers.
            .process_group(0);
        let child = command.spawn()?;
        // The parent's copies of what the child has must go, or their end is never seen.
        drop(command);
        *lock(&self.child) = Some(child);
        let early = Arc::default();
        let (done, end) = sync_channel(0);
        let reader = Reader {
            prefix: format!("{name} | "),
            early: Some(Arc::clone(&early)),
            body: Arc::clone(self),
            nth,
            worker,
            bell: bell.clone(),
            _done: done,
        };
        thread::Builder::new().name(format!("output {name}")).spawn(move || reader.read(output))?;
        Ok(Newborn { socket: ours, printed: Printed { early, end } })
    }

    /// Whether the current process seems to be dead: it has stopped printing.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::Acquire) >= self.born.load(Ordering::Acquire)
    }

    /// It only has stopped printing.
    pub(crate) fn is_well(&self) {
        self.quiet.store(0, Ordering::Release);
    }

    /// Kills it if it lives, and buries it: how it ended, unless that was done before. With `grace` it may end by
    /// itself.
    pub(crate) fn bury(&self, grace: Duration) -> Option<ExitStatus> {
        let child = lock(&self.child).take();
        let mut child = child?;
        let until = Instant::now() + grace;
        while Instant::now() < until {
            if let Ok(Some(status)) = child.try_wait() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(1));
        }
        let _ = child.kill();
        child.wait().ok()
    }

    /// Whether the last one was killed because the run was asked to.
    pub(crate) fn was_asked(&self) -> bool {
        let born = self.born.load(Ordering::Acquire);
        born > 0 && self.asked.load(Ordering::Acquire) == born
    }

    /// Kills the current process, if there is one, because the run was asked to.
    pub(crate) fn kill(&self) -> bool {
        let mut child = lock(&self.child);
        let Some(child) = child.as_mut() else { return false };
        self.asked.store(self.born.load(Ordering::Acquire), Ordering::Release);
        child.kill().is_ok()
    }

    /// Stops the current process in its tracks, or lets it go on.
    pub(crate) fn stop(&self, stop: bool) -> bool {
        let child = lock(&self.child);
        // While it is not buried, nobody else can have its number.
        let Some(pid) = child.as_ref().and_then(|child| i32::try_from(child.id()).ok()) else { return false };
        kill(Pid::from_raw(pid), if stop { Signal::SIGSTOP } else { Signal::SIGCONT }).is_ok()
    }
}

/// No process outlives its run, however that ends.
impl Drop for Body {
    fn drop(&mut self) {
        self.bury(Duration::ZERO);
    }
}

/// Reads what one process prints.
struct Reader {
    prefix: String,
    /// Until it is a worker: what it has printed so far.
    early: Option<Arc<Mutex<String>>>,
    body: Arc<Body>,
    nth: u32,
    worker: WorkerId,
    bell: Sender<Notice>,
    _done: SyncSender<()>,
}

impl Reader {
    fn read(mut self, output: PipeReader) {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        loop {
            line.clear();
            match output.by_ref().take(LINE_MAX).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => break,
                Ok(_) => self.take(String::from_utf8_lossy(&line).trim_end_matches('\n')),
            }
        }
        self.body.quiet.fetch_max(self.nth, Ordering::AcqRel);
        // Nobody listens any more when the run is over.
        let _ = self.bell.send(Notice::Quiet(self.worker));
    }

    fn take(&mut self, line: &str) {
        match &self.early {
            // A harness may have begun the line.
            Some(_) if line.ends_with(UP) => self.early = None,
            Some(early) => {
                let mut early = lock(early);
                if early.len() < EARLY_MAX {
                    early.push_str(line);
                    early.push('\n');
                }
            }
            None => _ = writeln!(io::stderr(), "{}{line}", self.prefix),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Most bytes of a line: a longer one is printed in parts.
const LINE_MAX: u64 = 8 << 10;
/// How much is kept of what a process prints before it is a worker.
const EARLY_MAX: usize = 8 << 10;
/// How long the last lines of a process are waited for.
const PRINTED_WAIT: Duration = Duration::from_millis(500);
