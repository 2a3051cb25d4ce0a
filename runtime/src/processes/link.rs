//! The parent's end of a worker's process: begins it, has inputs handled there, and notices when it is no more.
//!
//! Whatever goes wrong with a process ends in the same way: it is killed and buried, the reason is kept, and its worker's
//! thread is told that nobody is there. What becomes of the worker then, the core decides.

use std::io::{BufReader, ErrorKind};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use raddle_core::{Answer, Codec, CodecError, Errand, Incarnation, Plan, Recovery, StateMachine, WorkerId};

use super::body::{Body, Launch, Printed};
use super::frames::{ANSWER, CANNOT, END, ERRAND, HELLO, Hello, READY, STATE};
use super::warden::Notice;
use crate::error::RunError;
use crate::hands::{Death, Hands, Why};
use crate::wire::{FrameReader, FrameWriter, Stream, WireError};

/// What is the same for all links of a run.
pub(crate) struct Terms {
    pub(crate) launch: Launch,
    pub(crate) seed: u64,
    pub(crate) patience: Duration,
    pub(crate) bell: Sender<Notice>,
}

/// The link to the processes of one worker.
pub(crate) struct Link<M: StateMachine> {
    worker: WorkerId,
    name: String,
    terms: Arc<Terms>,
    codec: Codec<M>,
    keeps_state: bool,
    body: Arc<Body>,
    line: Option<Line>,
    printed: Option<Printed>,
    life: Incarnation,
    deaths: Vec<Death>,
    bytes: Vec<u8>,
}

/// The connection to a process.
struct Line {
    reader: Option<FrameReader<BufReader<UnixStream>>>,
    /// None if it was gone before a word was said.
    writer: Option<FrameWriter<UnixStream>>,
    socket: UnixStream,
}

/// Why a process is of no more use.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("the connection is closed")]
    Closed,
    #[error("it says `{0}`")]
    Cannot(String),
    #[error("a frame of kind {found} where one of kind {expected} was to come")]
    Kind { expected: u8, found: u8 },
}

impl Line {
    fn writer(&mut self) -> Result<&mut FrameWriter<UnixStream>, LinkError> {
        self.writer.as_mut().ok_or(LinkError::Closed)
    }

    /// The next frame, which must be of this kind, read by `read`.
    fn expect<T>(&mut self, expected: u8, read: impl FnOnce(&[u8]) -> Result<T, CodecError>) -> Result<T, LinkError> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            // The stream of a process begins when it has come so far.
            none => none.insert(FrameReader::new(
                BufReader::new(self.socket.try_clone().map_err(WireError::from)?),
                Stream::Worker,
            )?),
        };
        let frame = reader.read()?.ok_or(LinkError::Closed)?;
        match frame.kind {
            kind if kind == expected => Ok(read(frame.payload)?),
            CANNOT => Err(LinkError::Cannot(String::from_utf8_lossy(frame.payload).into_owned())),
            found => Err(LinkError::Kind { expected, found }),
        }
    }
}

impl<M: StateMachine> Link<M> {
    pub(crate) fn new(plan: &Plan<M>, codec: Codec<M>, worker: WorkerId, terms: &Arc<Terms>) -> Self {
        Self {
            worker,
            name: plan.names().worker(worker).to_owned(),
            terms: Arc::clone(terms),
            codec,
            keeps_state: plan.policies().recovery == Recovery::Durable,
            body: Arc::default(),
            line: None,
            printed: None,
            life: Incarnation(0),
            deaths: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Its processes.
    pub(crate) const fn body(&self) -> &Arc<Body> {
        &self.body
    }

    /// Starts a process for a life and says what it is. It will be ready some time later.
    pub(crate) fn start(&mut self, silently: bool, state: Option<&M>) -> Result<(), RunError> {
        let program = self.terms.launch.program.clone();
        let refused = |error| RunError::Process { worker: self.name.clone(), program, error };
        let newborn =
            self.body.start(&self.terms.launch, self.worker, &self.name, &self.terms.bell).map_err(refused)?;
        self.printed = Some(newborn.printed);
        self.greet(newborn.socket, silently, state).map_err(|error| self.not_ready(&error))
    }

    fn greet(&mut self, socket: UnixStream, silently: bool, state: Option<&M>) -> Result<(), LinkError> {
        let patience = Some(self.terms.patience);
        socket.set_read_timeout(patience).map_err(WireError::from)?;
        socket.set_write_timeout(patience).map_err(WireError::from)?;
        let hello = Hello {
            system: self.terms.launch.system,
            worker: u32::try_from(self.worker.index()).unwrap_or(u32::MAX),
            life: self.life.0,
            seed: self.terms.seed,
            silently,
            keeps_state: self.keeps_state,
            state: state.map(|state| self.codec.put_state(state, Vec::new())).transpose()?,
        };
        let writer = FrameWriter::new(socket.try_clone().map_err(WireError::from)?, Stream::Worker);
        let line = self.line.insert(Line { reader: None, writer: writer.ok(), socket });
        match line.writer().and_then(|writer| Ok(writer.write_value(HELLO, &hello)?)) {
            // What it has said, or that it is gone, shows when it is to be ready.
            Err(LinkError::Closed | LinkError::Wire(WireError::Io(_))) => Ok(()),
            greeted => greeted,
        }
    }

    /// Waits until the process that was started is ready.
    pub(crate) fn welcome(&mut self) -> Result<(), RunError> {
        let ready = self.line.as_mut().ok_or(LinkError::Closed).and_then(|line| line.expect(READY, |_| Ok(())));
        ready.map_err(|error| self.not_ready(&error))
    }

    /// A process that has not become a worker is buried, and what it printed is kept for whoever wants to know.
    fn not_ready(&mut self, error: &LinkError) -> RunError {
        let why = self.bury(error);
        self.line = None;
        let said = self.printed.take().map(|printed| printed.early()).unwrap_or_default();
        RunError::NotReady { worker: self.name.clone(), why: why.to_string(), said }
    }

    /// Buries a process that is of no more use: why it is.
    fn bury(&self, error: &LinkError) -> Why {
        let (grace, garbled) = match error {
            LinkError::Closed => (LAST_WORDS, None),
            LinkError::Wire(WireError::Io(error)) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                    self.body.bury(Duration::ZERO);
                    return Why::Silent(self.terms.patience);
                }
                _ => (LAST_WORDS, None),
            },
            LinkError::Wire(error) if error.is_partial() => (LAST_WORDS, None),
            LinkError::Cannot(_) => (LAST_WORDS, Some(error)),
            error => (Duration::ZERO, Some(error)),
        };
        let status = self.body.bury(grace);
        match (garbled, status) {
            (Some(error), _) => Why::Garbled(error.to_string()),
            (None, _) if self.body.was_asked() => Why::Asked,
            (None, Some(status)) => Why::Ended(status.to_string()),
            (None, None) => Why::Ended("nobody knows how".to_owned()),
        }
    }

    /// The process is no more, for this reason.
    fn lose(&mut self, why: Why) {
        self.line = None;
        if let Some(printed) = self.printed.take() {
            printed.wait();
        }
        if self.deaths.len() < DEATHS_MAX {
            self.deaths.push(Death { worker: self.worker, life: self.life, why });
        }
    }

    fn ask(&mut self, errand: &Errand<M>) -> Result<Answer<M>, LinkError> {
        let line = self.line.as_mut().ok_or(LinkError::Closed)?;
        self.bytes.clear();
        self.bytes = self.codec.put_errand(errand, std::mem::take(&mut self.bytes))?;
        line.writer()?.write(ERRAND, &self.bytes)?;
        line.expect(ANSWER, |payload| self.codec.answer(payload))
    }

    fn ask_state(&mut self) -> Result<M, LinkError> {
        let line = self.line.as_mut().ok_or(LinkError::Closed)?;
        line.writer()?.write(END, &[])?;
        line.expect(STATE, |payload| self.codec.state(payload))
    }

    /// Whether a process that has stopped printing is still there: it says nothing unasked, so all that can come is the end.
    fn is_there(&mut self) -> Result<(), LinkError> {
        let line = self.line.as_mut().ok_or(LinkError::Closed)?;
        line.socket.set_read_timeout(Some(LAST_WORDS)).map_err(WireError::from)?;
        let found = line.expect(ANSWER, |_| Ok(()));
        line.socket.set_read_timeout(Some(self.terms.patience)).map_err(WireError::from)?;
        match found {
            Err(LinkError::Wire(WireError::Io(error)))
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
            {
                Ok(())
            }
            Ok(()) => Err(LinkError::Kind { expected: 0, found: ANSWER }),
            Err(error) => Err(error),
        }
    }
}

impl<M: StateMachine> Hands<M> for Link<M> {
    fn begin(&mut self, life: Incarnation, silently: bool, state: Option<&M>) {
        self.body.bury(Duration::ZERO);
        self.line = None;
        self.life = life;
        if let Err(error) = self.start(silently, state).and_then(|()| self.welcome()) {
            // One that was killed meanwhile died like any other.
            let why = if self.body.was_asked() { Why::Asked } else { Why::NotStarted(error.to_string()) };
            self.lose(why);
            // Whoever restarts it at once and for ever must not take the whole processor.
            thread::sleep(LAST_WORDS);
        }
    }

    fn handle(&mut self, errand: Errand<M>) -> Option<Answer<M>> {
        match self.ask(&errand) {
            Ok(answer) => Some(answer),
            Err(error) => {
                let why = self.bury(&error);
                self.lose(why);
                None
            }
        }
    }

    fn seem_gone(&self) -> bool {
        self.line.is_none() || self.body.is_quiet()
    }

    fn are_gone(&mut self) -> bool {
        if self.line.is_none() {
            return true;
        }
        if !self.body.is_quiet() {
            return false;
        }
        match self.is_there() {
            Ok(()) => {
                self.body.is_well();
                false
            }
            Err(error) => {
                let why = self.bury(&error);
                self.lose(why);
                true
            }
        }
    }

    fn end(&mut self) -> Option<M> {
        self.line.as_ref()?;
        match self.ask_state() {
            Ok(state) => {
                self.body.bury(LAST_WORDS);
                self.line = None;
                if let Some(printed) = self.printed.take() {
                    printed.wait();
                }
                Some(state)
            }
            Err(error) => {
                let why = self.bury(&error);
                self.lose(why);
                None
            }
        }
    }

    fn deaths(&mut self) -> Vec<Death> {
        std::mem::take(&mut self.deaths)
    }
}

/// How long a process that has closed its connection may take to end by itself, so that it can be told how it ended.
const LAST_WORDS: Duration = Duration::from_millis(50);
/// Most deaths of one worker that are kept.
const DEATHS_MAX: usize = 10_000;
