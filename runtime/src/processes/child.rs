//! What the process of a worker does: it takes errands, runs the handlers, and answers, until its run is gone.
//!
//! It holds the machine and nothing else. It must never outlive its run: it ends at the end of its stream, and where it
//! is busy in a handler then, the operating system ends it.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use raddle_core::{Away, Codec, CodecError, Incarnation, Plan, StateMachine, WorkerId};

use super::door;
use super::eager::Eager;
use super::frames::{ANSWER, BUFFER, CANNOT, END, ERRAND, HELLO, Hello, READY, STATE, UP};
use crate::wire::{FrameReader, FrameWriter, Stream, WireError};

/// Why a process cannot be a worker, or cannot go on as one.
#[derive(Debug, thiserror::Error)]
enum ChildError {
    #[error("its standard input is no connection to a run: {0}")]
    Socket(#[from] io::Error),
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("the run says something that it cannot say here (kind {0})")]
    Kind(u8),
    #[error("the run is of another system, or of other policies, than this program builds with the same arguments")]
    System,
    #[error("there is no worker {0}")]
    Worker(u32),
    #[error("{what} cannot be read: {error}")]
    Decode { what: &'static str, error: CodecError },
    #[error("{what} cannot be written: {error}; check its `Serialize`")]
    Encode { what: &'static str, error: CodecError },
}

impl ChildError {
    /// Whether the run is gone, which is no error.
    fn is_farewell(&self) -> bool {
        match self {
            Self::Wire(WireError::Io(error)) => {
                matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
            }
            Self::Wire(error) => error.is_partial(),
            _ => false,
        }
    }
}

/// Is the process of a worker until its run has no more use for it.
pub(crate) fn serve<M: StateMachine>(plan: &Plan<M>, codec: &Codec<M>) -> ! {
    let code = match work(plan, codec) {
        Err(error) if !error.is_farewell() => {
            let _ = writeln!(io::stderr(), "the process of a worker cannot go on: {error}");
            1
        }
        _ => 0,
    };
    std::process::exit(code)
}

fn work<M: StateMachine>(plan: &Plan<M>, codec: &Codec<M>) -> Result<(), ChildError> {
    die_with_parent();
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // What handlers start must not hold the connection open.
    nix::unistd::dup2_stdin(File::open("/dev/null")?).map_err(io::Error::from)?;
    let from = BufReader::with_capacity(BUFFER, Eager::new(socket.try_clone()?, 0));
    let mut reader = FrameReader::new(from, Stream::Worker)?;
    let mut writer = FrameWriter::new(BufWriter::with_capacity(BUFFER, socket), Stream::Worker)?;
    let done = answer_all(plan, codec, &mut reader, &mut writer);
    if let Err(error) = &done
        && !error.is_farewell()
    {
        let _ = writer.write(CANNOT, error.to_string().as_bytes()).and_then(|()| writer.flush());
    }
    done
}

fn answer_all<M: StateMachine>(
    plan: &Plan<M>,
    codec: &Codec<M>,
    reader: &mut FrameReader<BufReader<Eager>>,
    writer: &mut FrameWriter<BufWriter<UnixStream>>,
) -> Result<(), ChildError> {
    let hello: Hello = match reader.read()? {
        None => return Ok(()),
        Some(frame) if frame.kind == HELLO => frame.value()?,
        Some(frame) => return Err(ChildError::Kind(frame.kind)),
    };
    reader.get_mut().get_mut().set_yields(hello.yields);
    let mut away = begin(plan, codec, &hello)?;
    let mut out = io::stdout();
    let _ = writeln!(out, "{UP}").and_then(|()| out.flush());
    writer.write(READY, &[])?;
    writer.flush()?;
    let mut bytes = Vec::new();
    let (mut is_dead, mut spoke) = (false, Instant::now());
    while let Some(frame) = reader.read()? {
        bytes.clear();
        match frame.kind {
            // What was under way when a handler panicked is nobody's.
            ERRAND if is_dead => {}
            ERRAND => {
                let errand = codec.errand(frame.payload).map_err(|error| decode("an input", error))?;
                let said = away.handle(errand);
                is_dead = said.is_last();
                let state = hello.keeps_state.then(|| away.machine());
                bytes = codec.put_answer(&said, state, bytes).map_err(|error| encode("what a handler said", error))?;
                writer.write(ANSWER, &bytes)?;
                // Answers go together, unless handlers take long: whoever waits has only so much patience. Behind a panic there
                // is none.
                if is_dead || reader.get_ref().buffer().is_empty() || spoke.elapsed() >= TOGETHER {
                    writer.flush()?;
                    spoke = Instant::now();
                }
            }
            END => {
                bytes = codec.put_state(away.machine(), bytes).map_err(|error| encode("the machine", error))?;
                writer.write(STATE, &bytes)?;
                writer.flush()?;
                return Ok(());
            }
            kind => return Err(ChildError::Kind(kind)),
        }
    }
    Ok(())
}

/// Becomes the worker that the run says.
fn begin<M: StateMachine>(plan: &Plan<M>, codec: &Codec<M>, hello: &Hello) -> Result<Away<M>, ChildError> {
    if hello.system != door::fingerprint(plan) {
        return Err(ChildError::System);
    }
    let worker = WorkerId::new(hello.worker);
    if worker.index() >= plan.names().worker_count() {
        return Err(ChildError::Worker(hello.worker));
    }
    let state = hello.state.as_ref().map(|bytes| codec.state(bytes));
    let state = state.transpose().map_err(|error| decode("the state of the life before", error))?;
    let mut away = Away::new(plan, worker, hello.seed, state);
    if hello.silently {
        away.start_silently(plan, Incarnation(hello.life));
    }
    Ok(away)
}

const fn decode(what: &'static str, error: CodecError) -> ChildError {
    ChildError::Decode { what, error }
}

const fn encode(what: &'static str, error: CodecError) -> ChildError {
    ChildError::Encode { what, error }
}

/// How long an answer may wait for the next ones.
const TOGETHER: Duration = Duration::from_millis(1);

/// From now on this process ends when its parent does, whatever it is doing.
#[cfg(target_os = "linux")]
fn die_with_parent() {
    // If the parent is gone already, so is the stream; if the kernel refuses, the end of the stream must do.
    let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
}

/// The same where the kernel does not know how: somebody looks, now and then, whose child this is.
#[cfg(not(target_os = "linux"))]
fn die_with_parent() {
    use std::os::unix::process::parent_id;

    let parent = parent_id();
    let look = move || {
        while parent_id() == parent {
            std::thread::sleep(Duration::from_millis(100));
        }
        std::process::exit(0);
    };
    // Without the thread, the end of the stream must do.
    let _ = std::thread::Builder::new().name("parent".into()).spawn(look);
}
