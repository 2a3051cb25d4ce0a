//! Recordings as files: where a run is recorded to, and how what it left is read.
//!
//! A recording is a stream of frames ([`crate::wire`]): first what was run, then acts of lanes as they came, at last how
//! it ended. It is written as the run goes on and never changed; whoever reads believes what is whole, up to the first
//! that is not. Fixed for ever: the kinds of frames, and what is in them:
//!
//! ```text
//! 1  what was run: Head, as postcard            2  LEB128 number of a lane · acts, as `raddle_core::recording` writes them
//! 3  how it ended: Tail, as postcard            4  (empty) there was no room for more
//! ```

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::{self, JoinHandle};

use raddle_core::recording::{Head, Origin, Recording, Tail, shard_lane};

use crate::tape::{LOOK, Patience, Spool, Steps, write_tail};
use crate::wire::{FRAME_HEAD, FrameReader, Stream, WireError};

pub(crate) const HEAD: u8 = 1;
pub(crate) const LANE: u8 = 2;
pub(crate) const TAIL: u8 = 3;
pub(crate) const CUT: u8 = 4;

/// A recording has at most so many bytes, unless told otherwise: 1 GiB.
pub const BYTES_MAX: u64 = 1 << 30;
/// A frame that is longer is written by itself.
const BUFFER: usize = 64 << 10;
/// More shards than any run has threads for.
const SHARDS_MAX: u32 = 1 << 16;

/// Where a run is recorded to.
///
/// ```
/// use raddle_core::{EndReason, Outbox, StateMachine, System};
/// use raddle_runtime::{RecordTo, Threads, read_recording};
///
/// # #[derive(Default)]
/// # struct Relay { heard: u32 }
/// # impl StateMachine for Relay {
/// #     type Message = u32;
/// #     type Update = u32;
/// #     fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) { out.notify("right", n); }
/// #     fn on_update(&mut self, n: u32, _: &mut Outbox<u32>) { self.heard += n; }
/// # }
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("pair.rec");
/// let system = System::new("pair")
///     .workers(["left", "right"], |_| Relay::default())
///     .messages("client", [("left", 1), ("left", 2)]);
/// let outcome = Threads::new().record_to(RecordTo::new(&file)).run(&system.plan()?)?;
/// let recorded = outcome.recorded.expect("it was asked for")?;
/// assert_eq!(recorded.bytes, file.metadata()?.len());
/// let recording = read_recording(&file)?;
/// assert_eq!(recording.head.system, "pair");
/// assert_eq!(recording.tail.expect("it ended").reason(), EndReason::Quiescent);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RecordTo {
    path: PathBuf,
    origin: Origin,
    bytes_max: u64,
}

impl RecordTo {
    /// To this file, which must not exist yet: a recording is written once.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), origin: Origin::default(), bytes_max: BYTES_MAX }
    }

    /// With which parameters and planted bug the system was built, for those who build it again.
    #[must_use]
    pub fn origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// How many bytes it may have, [`BYTES_MAX`] if not set. A run that has more to say goes on unrecorded, and the beginning
    /// that is there can be used.
    #[must_use]
    pub const fn bytes_max(mut self, bytes: u64) -> Self {
        self.bytes_max = bytes;
        self
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) const fn of(&self) -> &Origin {
        &self.origin
    }

    /// Begins: from now on what is on the tapes is written out.
    pub(crate) fn begin(&self, head: Head, lanes: usize) -> Result<Recorder, RecordError> {
        let (file, is_new) = create(&self.path)?;
        let spool = Arc::new(Spool::new(lanes));
        let (tapes, bytes_max) = (Arc::clone(&spool), self.bytes_max);
        let thread = thread::Builder::new().name("recorder".to_owned());
        // All that lanes have handed over in one round is written together.
        let file = BufWriter::with_capacity(BUFFER, Steps { to: file, spool: Arc::clone(&spool) });
        let (done, end) = sync_channel::<()>(0);
        let writer = thread.spawn(move || {
            let _done = done;
            write(&tapes, file, &head, bytes_max)
        });
        let mut recorder = Recorder { path: self.path.clone(), is_new, spool, writer: None, end };
        match writer {
            Ok(writer) => recorder.writer = Some(writer),
            Err(error) => {
                recorder.discard();
                return Err(RecordError::create(&self.path, error));
            }
        }
        Ok(recorder)
    }
}

/// Writes all that there is, and how it ended.
fn write(spool: &Spool, to: impl Write, head: &Head, bytes_max: u64) -> Result<Recorded, WireError> {
    let (writer, is_whole) = spool.write_out(to, head, bytes_max)?;
    match spool.tail().get() {
        Some(tail) if is_whole => Ok(Recorded { bytes: write_tail(writer, tail)?, extent: Extent::Whole }),
        _ => Ok(Recorded { bytes: writer.written(), extent: Extent::Full }),
    }
}

/// A new file. A device, such as a terminal, is written to as it is.
fn create(path: &Path) -> Result<(File, bool), RecordError> {
    let failed = |error| RecordError::create(path, error);
    match File::create_new(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let found = fs::metadata(path).map_err(failed)?.file_type();
            if found.is_file() {
                return Err(failed(error));
            }
            if !takes_what_comes(found) {
                return Err(RecordError::NoFile { path: path.to_owned() });
            }
            Ok((OpenOptions::new().write(true).open(path).map_err(failed)?, false))
        }
        done => Ok((done.map_err(failed)?, true)),
    }
}

/// Whether what is there takes bytes as they come: a file does, and a device such as a terminal. A pipe may not: whoever is
/// to read it may never come, or stop, and nobody could tell that from a slow one. Whatever a run writes while it goes on, it
/// writes to nothing else.
#[must_use]
pub fn takes_what_comes(found: FileType) -> bool {
    found.is_file() || is_device(found)
}

#[cfg(unix)]
fn is_device(found: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_char_device(&found)
}

/// Here nobody can tell.
#[cfg(not(unix))]
fn is_device(found: FileType) -> bool {
    !found.is_dir()
}

/// A recording that is being written.
pub(crate) struct Recorder {
    path: PathBuf,
    /// Whether its file was not there before.
    is_new: bool,
    pub(crate) spool: Arc<Spool>,
    writer: Option<JoinHandle<Result<Recorded, WireError>>>,
    /// Ends with the writer.
    end: Receiver<()>,
}

/// What became of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// How many bytes it has.
    pub bytes: u64,
    /// How much of the run is in it.
    pub extent: Extent,
}

/// How much of a run a recording holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// Its beginning: there was no room for more.
    Full,
}

impl Recorder {
    /// The run is over, and ended like this.
    pub(crate) fn end(mut self, tail: Tail) -> Result<Recorded, RecordError> {
        self.spool.tail().set(tail).expect("it ends once");
        self.wait().map_err(|error| RecordError::Write { path: self.path.clone(), error })
    }

    /// The run could not be started. A file that holds nothing would be in the way when it is tried again.
    pub(crate) fn discard(mut self) {
        if self.writer.is_some() {
            // It goes on writing otherwise, where nobody sees it.
            let _ = self.wait();
        }
        if self.is_new {
            // What is no more, or cannot be removed, is of no more interest than the error that follows.
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Waits until all is written. A writer that does not come on is left behind.
    fn wait(&mut self) -> Result<Recorded, WireError> {
        self.spool.done();
        let mut patience = Patience::default();
        while self.end.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            if patience.look(&self.spool) {
                return Err(self.spool.given_up());
            }
        }
        let writer = self.writer.take().expect("it ends once");
        writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// A run that panics leaves nobody who writes.
impl Drop for Recorder {
    fn drop(&mut self) {
        self.spool.done();
    }
}

/// A recording that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is a file already.
    #[error("`{path}` exists already, and a recording is written once: remove it, or record to another file", path = path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// It is a pipe, a socket, a folder or a disk.
    #[error("cannot record to `{path}`: it is no file, and what is no file may never take what it is given; record to a new file", path = path.display())]
    NoFile {
        /// Where.
        path: PathBuf,
    },
    /// It cannot be begun.
    #[error("cannot record to `{path}`: {error}", path = path.display())]
    Create {
        /// Where.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        error: io::Error,
    },
    /// It cannot be written on. What was written before can be used.
    #[error("the recording in `{path}` broke off: {error}; the run itself went on, and what was recorded before can be used", path = path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        #[source]
        error: WireError,
    },
}

impl RecordError {
    fn create(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            ErrorKind::AlreadyExists => Self::Exists { path },
            _ => Self::Create { path, error },
        }
    }
}

/// A file that cannot be read as a recording.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` cannot be used as a recording: {why}", path = path.display())]
pub struct ReadError {
    /// Where.
    pub path: PathBuf,
    /// What is wrong.
    #[source]
    pub why: WireError,
}

/// Reads a recording, as far as it is whole: [`Recording::cut`] says why there is no more.
///
/// # Errors
/// When the file cannot be read, is no recording, or does not even say what was run.
pub fn read_recording(path: &Path) -> Result<Recording, ReadError> {
    let failed = |why| ReadError { path: path.to_owned(), why };
    let file = File::open(path).map_err(|error| failed(error.into()))?;
    read_stream(BufReader::with_capacity(1 << 20, file)).map_err(failed)
}

/// Reads a recording from a stream, as far as it is whole.
///
/// # Errors
/// When it is no recording, or does not even say what was run.
pub fn read_stream(from: impl Read) -> Result<Recording, WireError> {
    let mut reader = FrameReader::new(from, Stream::Recording)?;
    let head = match reader.read()? {
        Some(frame) if frame.kind == HEAD => frame.value()?,
        _ => return Err(WireError::Truncated { at: reader.offset() }),
    };
    let mut recording = Recording { head, lanes: Vec::new(), tail: None, cut: None };
    recording.cut = read_lanes(&mut reader, &mut recording).unwrap_or_else(|error| Some(error.to_string()));
    Ok(recording)
}

/// Reads what follows of the head; why there is no more, if it is not all.
fn read_lanes(reader: &mut FrameReader<impl Read>, recording: &mut Recording) -> Result<Option<String>, WireError> {
    let Recording { head, lanes, tail, .. } = recording;
    // Lanes take memory by their number, so that is believed only as far as there can be so many.
    let lanes_max = shard_lane(head.workers.len(), SHARDS_MAX);
    while let Some(frame) = reader.read()? {
        match frame.kind {
            LANE => {
                let Some((lane, acts)) = take_lane(frame.payload).filter(|(lane, _)| *lane < lanes_max) else {
                    return Ok(Some(format!("the frame at byte {} is of no lane", frame.at)));
                };
                if lanes.len() <= lane {
                    lanes.resize(lane + 1, Vec::new());
                }
                lanes[lane].extend_from_slice(acts);
            }
            TAIL => {
                *tail = Some(frame.value()?);
                return Ok(None);
            }
            CUT => return Ok(Some("there was no room for more".to_owned())),
            kind => {
                return Ok(Some(format!(
                    "the frame at byte {} is of kind {kind}, which this raddle does not know",
                    frame.at
                )));
            }
        }
    }
    Ok(Some("its run was killed, or has not ended".to_owned()))
}

pub(crate) fn put_lane(lane: usize, bytes: &mut Vec<u8>) {
    let mut lane = lane;
    while lane >= 0x80 {
        bytes.push(lane as u8 | 0x80);
        lane >>= 7;
    }
    bytes.push(lane as u8);
}

/// Where the acts stand in a frame that is begun and holds those of a lane.
pub(crate) fn frame_acts(frame: &[u8]) -> Range<usize> {
    let (_, acts) = take_lane(&frame[FRAME_HEAD..]).expect("a lane stands before its acts");
    frame.len() - acts.len()..frame.len()
}

fn take_lane(payload: &[u8]) -> Option<(usize, &[u8])> {
    let mut lane = 0;
    for (at, byte) in payload.iter().take(4).enumerate() {
        lane |= usize::from(byte & 0x7f) << (7 * at);
        if *byte < 0x80 {
            return Some((lane, &payload[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How a recording to this path ends, if it can begin.
    fn recorded(path: &Path) -> Result<Recorded, RecordError> {
        let tail = Tail { is_quiescent: true, digest: None, state: None };
        RecordTo::new(path).begin(Head::default(), 1)?.end(tail)
    }

    #[test]
    fn a_recording_ends_with_its_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("whole.rec");
        assert_eq!(recorded(&path).expect("there is room").extent, Extent::Whole);
        assert!(read_recording(&path).expect("it is one").tail.is_some());
        assert!(matches!(recorded(&path), Err(RecordError::Exists { .. })), "a recording is written once");
    }

    #[test]
    fn a_run_that_never_began_leaves_no_recording() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("none.rec");
        for _ in 0..2 {
            RecordTo::new(&path).begin(Head::default(), 1).expect("nothing is there").discard();
            assert!(!path.exists());
        }
    }

    #[test]
    #[cfg(unix)]
    fn what_may_never_take_anything_is_refused_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let [pipe, socket] = ["pipe", "socket"].map(|name| folder.path().join(name));
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        let _socket = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        for path in [&pipe, &socket, folder.path()] {
            assert!(matches!(recorded(path), Err(RecordError::NoFile { .. })), "{}", path.display());
        }
        assert!(recorded(Path::new("/dev/null")).is_ok());
    }
}
