//! The parent's end of a worker's process: begins it, has inputs handled there, and notices when it is no more.
//!
//! Whatever goes wrong with a process ends in the same way: it is killed and buried, the reason is kept, and its worker's
//! thread is told that nobody is there. What becomes of the worker then, the core decides.

use std::collections::VecDeque;
use std::io::{BufReader, BufWriter, ErrorKind};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::SndBuf;
use raddle_core::{Answer, Codec, CodecError, Errand, Incarnation, Input, Plan, Recovery, StateMachine, WorkerId};

use super::body::{Body, Launch, Printed};
use super::eager::Eager;
use super::frames::{ANSWER, BUFFER, CANNOT, END, ERRAND, HELLO, Hello, READY, STATE};
use super::warden::Notice;
use crate::error::RunError;
use crate::hands::{Death, Hands, Why};
use crate::wire::{FrameReader, FrameWriter, OVERHEAD, Stream, WireError};

/// What is the same for all links of a run.
pub(crate) struct Terms {
    pub(crate) launch: Launch,
    pub(crate) seed: u64,
    /// How often whoever waits for the other end gives up its turn before it sleeps.
    pub(crate) yields: u32,
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
    /// What is to be sent, and how many of those that were have not been answered.
    errands: VecDeque<Result<Vec<u8>, CodecError>>,
    unanswered: usize,
    /// Memory to write in.
    spare: Vec<Vec<u8>>,
}

/// The connection to a process.
struct Line {
    reader: Option<FrameReader<BufReader<Eager>>>,
    /// None if it was gone before a word was said.
    writer: Option<FrameWriter<BufWriter<UnixStream>>>,
    socket: UnixStream,
    yields: u32,
    /// Most bytes that are sent and not answered, unless it is one errand.
    unanswered_max: usize,
}

/// Why a process is of no more use.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("it cannot be written down: {0}")]
    Errand(CodecError),
    #[error("the connection is closed")]
    Closed,
    #[error("it was not asked anything")]
    Unasked,
    #[error("it says `{0}`")]
    Cannot(String),
    #[error("a frame of kind {found} where one of kind {expected} was to come")]
    Kind { expected: u8, found: u8 },
}

impl Line {
    fn writer(&mut self) -> Result<&mut FrameWriter<BufWriter<UnixStream>>, LinkError> {
        self.writer.as_mut().ok_or(LinkError::Closed)
    }

    /// The next frame, which must be of this kind, read by `read`.
    fn expect<T>(&mut self, expected: u8, read: impl FnOnce(&[u8]) -> Result<T, CodecError>) -> Result<T, LinkError> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            // The stream of a process begins when it has come so far.
            none => none.insert(FrameReader::new(
                BufReader::with_capacity(
                    BUFFER,
                    Eager::new(self.socket.try_clone().map_err(WireError::from)?, self.yields),
                ),
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
            errands: VecDeque::new(),
            unanswered: 0,
            spare: Vec::new(),
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
            yields: self.terms.yields,
            silently,
            keeps_state: self.keeps_state,
            state: state.map(|state| self.codec.put_state(state, Vec::new())).transpose()?,
        };
        let to = BufWriter::with_capacity(BUFFER, socket.try_clone().map_err(WireError::from)?);
        let writer = FrameWriter::new(to, Stream::Worker);
        let unanswered_max = unanswered_max(&socket);
        let line = self.line.insert(Line {
            reader: None,
            writer: writer.ok(),
            socket,
            yields: self.terms.yields,
            unanswered_max,
        });
        match line.writer().and_then(|writer| {
            writer.write_value(HELLO, &hello)?;
            Ok(writer.flush()?)
        }) {
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
            (Some(LinkError::Errand(error)), _) => Why::Unsent(error.to_string()),
            (Some(LinkError::Cannot(why)), _) => Why::Cannot(why.clone()),
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

    /// The next answer. What is to be sent is sent when all before is answered, and never so much that both ends could wait
    /// for each other to read.
    fn answer(&mut self) -> Result<Answer<M>, LinkError> {
        let line = self.line.as_mut().ok_or(LinkError::Closed)?;
        if self.unanswered == 0 {
            let mut sent = 0;
            while sent == 0 || self.errands.front().is_some_and(|next| fits(next, sent, line.unanswered_max)) {
                let errand = self.errands.pop_front().ok_or(LinkError::Unasked)?.map_err(LinkError::Errand)?;
                line.writer()?.write(ERRAND, &errand)?;
                sent += errand.len() + OVERHEAD;
                self.unanswered += 1;
                self.spare.push(errand);
            }
            line.writer()?.flush()?;
        }
        self.unanswered -= 1;
        line.expect(ANSWER, |payload| self.codec.answer(payload))
    }

    fn ask_state(&mut self) -> Result<M, LinkError> {
        let line = self.line.as_mut().ok_or(LinkError::Closed)?;
        line.writer()?.write(END, &[])?;
        line.writer()?.flush()?;
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

    fn send(&mut self, errand: Errand<&Input<M>>) {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        self.errands.push_back(self.codec.put_errand(errand, bytes));
    }

    fn receive(&mut self) -> Option<Answer<M>> {
        match self.answer() {
            Ok(answer) => Some(answer),
            Err(error) => {
                let why = self.bury(&error);
                self.lose(why);
                None
            }
        }
    }

    fn rest(&mut self) {
        self.errands.clear();
        self.unanswered = 0;
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

/// Whether one more may be sent behind so many bytes that are not answered: one that is no value ends the process anyway.
fn fits(errand: &Result<Vec<u8>, CodecError>, sent: usize, most: usize) -> bool {
    errand.as_ref().is_ok_and(|bytes| sent + bytes.len() + OVERHEAD <= most)
}

/// Most bytes that are sent to a process at once, unless it is one errand: a quarter of what the system keeps for one who does
/// not read, so that a process which waits for its answers to be read cannot keep its run from coming to read them.
fn unanswered_max(socket: &UnixStream) -> usize {
    getsockopt(socket, SndBuf).unwrap_or(0) / 4
}

/// How long a process that has closed its connection may take to end by itself, so that it can be told how it ended.
const LAST_WORDS: Duration = Duration::from_millis(50);
/// Most deaths of one worker that are kept.
const DEATHS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::Shutdown;
    use std::sync::mpsc::channel;

    use proptest::prelude::*;
    use raddle_core::{Header, Moment, Outbox, Outputs, System};

    use super::*;

    /// Remembers the last message.
    #[derive(Default, serde::Serialize, serde::Deserialize)]
    struct Last(u32);

    impl StateMachine for Last {
        type Message = u32;
        type Update = u32;

        fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) {
            self.0 = n;
            out.notify("b", n);
        }

        fn on_update(&mut self, n: u32, _: &mut Outbox<u32>) {
            self.0 = n;
        }
    }

    fn plan() -> Arc<Plan<Last>> {
        let system = System::new("pair").workers(["a", "b"], |_| Last::default()).messages("s", [("a", 7)]);
        system.on_processes().plan().expect("a sound system")
    }

    /// A link to a process that says these bytes, whatever it is told, and no more; and its end, which must stay open.
    fn link_to(plan: &Plan<Last>, says: &[u8]) -> (Link<Last>, UnixStream) {
        let launch = Launch { program: "/no/such/program".into(), args: Vec::new(), system: 0 };
        let (patience, bell) = (Duration::from_secs(5), channel().0);
        let terms = Arc::new(Terms { launch, seed: 0, yields: 3, patience, bell });
        let mut link = Link::new(plan, *plan.codec().expect("on processes"), WorkerId::new(0), &terms);
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        theirs.write_all(says).expect("it fits");
        theirs.shutdown(Shutdown::Write).expect("it is open");
        let writer = FrameWriter::new(BufWriter::new(ours.try_clone().expect("a clone")), Stream::Worker).ok();
        link.line = Some(Line { reader: None, writer, socket: ours, yields: 3, unanswered_max: 0 });
        (link, theirs)
    }

    /// What is made of a handling of the one message of the workload by a process that says this.
    fn handled(says: &[u8]) -> (Option<u32>, Option<Why>) {
        let plan = plan();
        let (mut link, _theirs) = link_to(&plan, says);
        let mut worker = plan.workers().swap_remove(0);
        let (rules, mut out, mut outputs) =
            (plan.rules(raddle_core::Order::Causal), plan.outbox(0), Outputs::<Last>::default());
        let external = &plan.externals()[0];
        let header: Header = plan.external_header(external);
        let envelope = raddle_core::Envelope { header, input: external.input() };
        let (moment, sink) = (Moment::default(), &mut ());
        let is_sent = worker.send_away(&envelope, &rules, moment, |errand| link.send(errand));
        let receive = || link.receive();
        let done = worker.handle_away(&envelope.header, &rules, moment, &mut out, &mut outputs, sink, is_sent, receive);
        assert_eq!(worker.is_crashed(), done == raddle_core::Handled::Crashed);
        let sent = outputs.drain().next().map(|sent| match sent.input {
            raddle_core::Input::Update(n) => n,
            _ => unreachable!("workers send updates"),
        });
        (sent, link.deaths().pop().map(|death| death.why))
    }

    /// The frames that a process says.
    fn frames(frames: &[(u8, &[u8])]) -> Vec<u8> {
        let mut writer = FrameWriter::new(Vec::new(), Stream::Worker).expect("memory");
        frames.iter().for_each(|(kind, payload)| writer.write(*kind, payload).expect("short"));
        writer.into_inner()
    }

    /// What an honest handler answers: it sends 7 to b.
    const HONEST: [u8; 6] = [1, 1, 7, 0, 0, 0];

    #[track_caller]
    fn refused(says: &[u8], why: &str) {
        let (sent, death) = handled(says);
        let death = death.expect("it is dead").to_string();
        assert!(sent.is_none() && death.contains(why), "{death}");
    }

    #[test]
    fn an_honest_answer_is_taken() {
        let answer = [&HONEST[..], &[0]].concat();
        assert_eq!(handled(&frames(&[(ANSWER, &answer)])), (Some(7), None));
    }

    #[test]
    fn what_no_honest_process_says_is_refused_with_a_reason() {
        let honest = [&HONEST[..], &[0]].concat();
        refused(b"HTTP/1.1 200 OK\r\n\r\n", "this is no stream of raddle");
        refused(&frames(&[(READY, &[])]), "a frame of kind 17 where one of kind 18 was to come");
        refused(&frames(&[(99, &honest)]), "a frame of kind 99 where one of kind 18");
        refused(&frames(&[(CANNOT, b"no memory")]), "it cannot go on: no memory");
        refused(&frames(&[(ANSWER, &[])]), "what it said cannot be and it was killed");
        refused(&frames(&[(ANSWER, &[&honest[..], &[0]].concat())]), "1 bytes too many");
        // A mark behind the fifth of one send.
        refused(&frames(&[(ANSWER, &[1, 1, 7, 1, 5, 3, 1, b'x', 0, 0, 0])]), "no handler can have said this");
        let mut flipped = frames(&[(ANSWER, &honest)]);
        flipped[25] ^= 4;
        refused(&flipped, "is damaged");
        let mut huge = frames(&[]);
        let mut head = vec![0xff, 0xff, 0xff, 0x7f, ANSWER];
        head.extend(crc32fast::hash(&head).to_le_bytes());
        huge.extend(head);
        refused(&huge, "no frame has more than");
        let cut = frames(&[(ANSWER, &honest)]);
        assert!(matches!(handled(&cut[..cut.len() - 3]), (None, Some(Why::Ended(_)))), "it died while it spoke");
    }

    #[test]
    fn one_that_cannot_be_started_was_not_killed_as_the_one_before_was() {
        let plan = plan();
        let (mut link, _theirs) = link_to(&plan, &[]);
        let sleep = Launch { program: "sleep".into(), args: vec!["60".into()], system: 0 };
        let bell = channel().0;
        link.body.start(&sleep, link.worker, "a", &bell).expect("there is one everywhere");
        assert!(link.body.kill());
        assert_eq!(link.bury(&LinkError::Closed), Why::Asked);
        for life in 1..=2 {
            link.begin(Incarnation(life), false, None);
            let death = link.deaths().pop().expect("there is no such program");
            assert!(matches!(&death.why, Why::NotStarted(why) if why.contains("/no/such/program")), "{death:?}");
        }
    }

    #[test]
    fn an_answer_that_says_too_much_is_no_more_than_a_handler_that_does() {
        // To a worker that does not exist.
        let answer = [1, 9, 7, 0, 0, 0, 0];
        assert_eq!(handled(&frames(&[(ANSWER, &answer)])), (None, None));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_answer_is_too_strange(payload in prop::collection::vec(any::<u8>(), 0..60)) {
            let (sent, death) = handled(&frames(&[(ANSWER, &payload)]));
            prop_assert!(sent.is_none() || death.is_none());
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let says = [frames(&[]), bytes].concat();
            prop_assert!(handled(&says).1.is_some());
        }
    }
}
