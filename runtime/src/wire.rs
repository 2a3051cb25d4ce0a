//! Frames: how values go between processes and into recordings, so that whoever reads them believes nothing that is
//! not whole.
//!
//! A stream begins with a header that says what it is; then come frames. All numbers are little-endian.
//!
//! ```text
//! stream   magic "raddle\r\n" · version u16 · what it is u8 · 0 u8
//! frame    length u32 · kind u8 · CRC-32 of these five bytes u32 · payload · CRC-32 of head and payload u32
//! ```
//!
//! The head has a checksum of its own, so that a length with a flipped bit is not taken for a stream that ends too
//! early: a frame that is cut off ([`WireError::Truncated`]) is a partial last one, and all before it is good; what
//! else does not fit is corruption. A payload takes no more memory than has come of it, whatever its length claims.
//!
//! This file must never trust a byte, and never panic over one.

use std::io::{self, ErrorKind, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version of streams and frames.
pub const VERSION: u16 = 3;
/// Most bytes of one payload: 64 MiB.
pub const PAYLOAD_MAX: u32 = 64 << 20;

const MAGIC: [u8; 8] = *b"raddle\r\n";
const STREAM_HEAD: usize = 12;
pub(crate) const FRAME_HEAD: usize = 9;
pub(crate) const CHECK: usize = 4;
/// How many bytes a frame has beside its payload.
pub const OVERHEAD: usize = FRAME_HEAD + CHECK;

/// What a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What a run and the process of a worker say to each other.
    Worker,
    /// What a run leaves, to be executed again.
    Recording,
}

impl Stream {
    const fn code(self) -> u8 {
        match self {
            Self::Worker => 1,
            Self::Recording => 2,
        }
    }

    const fn word(code: u8) -> &'static str {
        match code {
            1 => "a worker's connection",
            2 => "a recording",
            _ => "something unknown",
        }
    }
}

/// A stream that cannot be read on, or a value that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The operating system.
    #[error("cannot go on with the stream: {0}")]
    Io(#[from] io::Error),
    /// No stream of ours at all.
    #[error("this is no stream of raddle: it does not begin with `raddle`")]
    Magic,
    /// A stream of another version.
    #[error("the stream has version {found}, and this raddle reads version {VERSION}: use the raddle that wrote it")]
    Version {
        /// Its version.
        found: u16,
    },
    /// A stream of another use.
    #[error("the stream is {}, not {}", Stream::word(*found), Stream::word(expected.code()))]
    Use {
        /// What it should be.
        expected: Stream,
        /// What it says that it is.
        found: u8,
    },
    /// It ends in the middle of a frame, or of its own header: all before is good.
    #[error("the stream ends in the middle of the frame at byte {at}: what stands before that is whole")]
    Truncated {
        /// Where the frame begins that is not whole.
        at: u64,
    },
    /// A payload that is too long.
    #[error("the frame at byte {at} has {len} bytes, and no frame has more than {limit}")]
    Oversized {
        /// Where the frame begins.
        at: u64,
        /// How long its payload is, or says that it is.
        len: u64,
        /// How long it may be.
        limit: u32,
    },
    /// Not what was written.
    #[error("the frame at byte {at} is damaged: its checksum does not fit")]
    Damaged {
        /// Where the frame begins.
        at: u64,
    },
    /// A whole frame that does not hold what its kind promises.
    #[error("the frame at byte {at}, of kind {kind}, does not hold what such a frame should: {error}")]
    Payload {
        /// Where the frame begins.
        at: u64,
        /// Its kind.
        kind: u8,
        /// What is wrong with it.
        error: postcard::Error,
    },
    /// A value that does not serialize.
    #[error("a value cannot be put into a frame of kind {kind}: {error}")]
    Value {
        /// The kind that was to be written.
        kind: u8,
        /// What is wrong with it.
        error: postcard::Error,
    },
}

impl WireError {
    /// Whether the stream only ends too early, so that all before is good.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        matches!(self, Self::Truncated { .. })
    }
}

/// A whole frame, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What kind of frame; the two ends agree on what that means.
    pub kind: u8,
    /// What it holds.
    pub payload: &'a [u8],
    /// Where it begins in its stream.
    pub at: u64,
}

impl Frame<'_> {
    /// The one value that it holds.
    ///
    /// # Errors
    /// When it holds something else, or more.
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, WireError> {
        let Self { kind, payload, at } = *self;
        let wrong = |error| WireError::Payload { at, kind, error };
        match postcard::take_from_bytes(payload).map_err(wrong)? {
            (value, []) => Ok(value),
            _ => Err(wrong(postcard::Error::DeserializeBadEncoding)),
        }
    }
}

/// Writes a stream: each frame in one piece.
///
/// ```
/// use raddle_runtime::wire::{FrameReader, FrameWriter, Stream};
///
/// let mut bytes = Vec::new();
/// let mut writer = FrameWriter::new(&mut bytes, Stream::Recording)?;
/// writer.write(7, b"as it is")?;
/// writer.write_value(8, &("a pair", 2_u32))?;
/// let mut reader = FrameReader::new(bytes.as_slice(), Stream::Recording)?;
/// assert_eq!(reader.read()?.expect("a frame").payload, b"as it is");
/// assert_eq!(reader.read()?.expect("another").value::<(String, u32)>()?, ("a pair".to_owned(), 2));
/// assert!(reader.read()?.is_none());
/// # Ok::<(), raddle_runtime::wire::WireError>(())
/// ```
#[derive(Debug)]
pub struct FrameWriter<W> {
    to: W,
    frame: Vec<u8>,
    written: u64,
}

impl<W: Write> FrameWriter<W> {
    /// Begins a stream.
    ///
    /// # Errors
    /// When its header cannot be written.
    pub fn new(mut to: W, stream: Stream) -> Result<Self, WireError> {
        let [low, high] = VERSION.to_le_bytes();
        to.write_all(&MAGIC)?;
        to.write_all(&[low, high, stream.code(), 0])?;
        to.flush()?;
        Ok(Self { to, frame: Vec::new(), written: STREAM_HEAD as u64 })
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// When it is too long, or cannot be written.
    pub fn write(&mut self, kind: u8, payload: &[u8]) -> Result<(), WireError> {
        begin_frame(&mut self.frame);
        self.frame.extend_from_slice(payload);
        self.finish(kind)
    }

    /// Writes a frame that was begun with [`begin_frame`], behind which its payload stands, and leaves it empty.
    pub(crate) fn write_frame(&mut self, kind: u8, frame: &mut Vec<u8>) -> Result<(), WireError> {
        debug_assert!(frame.len() >= FRAME_HEAD, "it is begun");
        std::mem::swap(&mut self.frame, frame);
        frame.clear();
        self.finish(kind)
    }

    /// Writes a frame that holds a value.
    ///
    /// # Errors
    /// When the value does not serialize, is too long, or cannot be written.
    pub fn write_value<T: Serialize + ?Sized>(&mut self, kind: u8, value: &T) -> Result<(), WireError> {
        begin_frame(&mut self.frame);
        let frame = std::mem::take(&mut self.frame);
        self.frame = postcard::to_extend(value, frame).map_err(|error| WireError::Value { kind, error })?;
        self.finish(kind)
    }

    /// How many bytes the stream has.
    #[must_use]
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Hands on what whoever takes the bytes may keep back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> Result<(), WireError> {
        Ok(self.to.flush()?)
    }

    /// Whoever takes the bytes.
    pub fn into_inner(self) -> W {
        self.to
    }

    /// Fills in the head, now that the length is known, and writes all of it.
    fn finish(&mut self, kind: u8) -> Result<(), WireError> {
        let len = self.frame.len() - FRAME_HEAD;
        let oversized = || WireError::Oversized { at: self.written, len: len as u64, limit: PAYLOAD_MAX };
        let short = u32::try_from(len).ok().filter(|len| *len <= PAYLOAD_MAX).ok_or_else(oversized)?;
        self.frame[..4].copy_from_slice(&short.to_le_bytes());
        self.frame[4] = kind;
        let check = crc32fast::hash(&self.frame[..5]);
        self.frame[5..FRAME_HEAD].copy_from_slice(&check.to_le_bytes());
        let check = crc32fast::hash(&self.frame);
        self.frame.extend_from_slice(&check.to_le_bytes());
        self.to.write_all(&self.frame)?;
        self.written += self.frame.len() as u64;
        Ok(())
    }
}

/// Begins a frame: behind this its payload is to stand.
pub(crate) fn begin_frame(frame: &mut Vec<u8>) {
    frame.clear();
    frame.resize(FRAME_HEAD, 0);
}

/// Reads a stream, frame by frame.
#[derive(Debug)]
pub struct FrameReader<R> {
    from: R,
    payload: Vec<u8>,
    read: u64,
    limit: u32,
}

impl<R: Read> FrameReader<R> {
    /// Reads the header of a stream.
    ///
    /// # Errors
    /// When it is no stream, one of another version, or one of another use.
    pub fn new(mut from: R, stream: Stream) -> Result<Self, WireError> {
        let mut head = [0; STREAM_HEAD];
        let read = fill(&mut from, &mut head)?;
        let [.., low, high, code, _] = head;
        if head[..MAGIC.len().min(read)] != MAGIC[..MAGIC.len().min(read)] {
            return Err(WireError::Magic);
        }
        if read < STREAM_HEAD {
            return Err(WireError::Truncated { at: 0 });
        }
        let found = u16::from_le_bytes([low, high]);
        if found != VERSION {
            return Err(WireError::Version { found });
        }
        if code != stream.code() {
            return Err(WireError::Use { expected: stream, found: code });
        }
        Ok(Self { from, payload: Vec::new(), read: STREAM_HEAD as u64, limit: PAYLOAD_MAX })
    }

    /// Takes no longer payloads than this, which is at most [`PAYLOAD_MAX`].
    #[must_use]
    pub fn limit(mut self, bytes: u32) -> Self {
        self.limit = bytes.min(PAYLOAD_MAX);
        self
    }

    /// The next frame; none where the stream ends behind a whole one.
    ///
    /// # Errors
    /// When what follows is no whole frame. Then the stream cannot be read on.
    pub fn read(&mut self) -> Result<Option<Frame<'_>>, WireError> {
        let at = self.read;
        let mut head = [0; FRAME_HEAD];
        match fill(&mut self.from, &mut head)? {
            0 => return Ok(None),
            FRAME_HEAD => {}
            _ => return Err(WireError::Truncated { at }),
        }
        let [a, b, c, d, kind, check @ ..] = head;
        if crc32fast::hash(&head[..5]) != u32::from_le_bytes(check) {
            return Err(WireError::Damaged { at });
        }
        let len = u32::from_le_bytes([a, b, c, d]);
        if len > self.limit {
            return Err(WireError::Oversized { at, len: len.into(), limit: self.limit });
        }
        self.payload.clear();
        // Reading to the end of so much takes memory as bytes come, not as they are promised.
        let whole = len as usize + CHECK;
        self.from.by_ref().take(whole as u64).read_to_end(&mut self.payload)?;
        if self.payload.len() < whole {
            return Err(WireError::Truncated { at });
        }
        let (payload, check) = self.payload.split_at(len as usize);
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&head);
        hasher.update(payload);
        if hasher.finalize().to_le_bytes() != check {
            return Err(WireError::Damaged { at });
        }
        self.read += (FRAME_HEAD + whole) as u64;
        Ok(Some(Frame { kind, payload, at }))
    }

    /// Where the last whole frame ends: up to here the stream is good.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.read
    }

    /// Where the bytes come from.
    pub const fn get_ref(&self) -> &R {
        &self.from
    }

    /// The same, to be changed: not to be read from.
    pub const fn get_mut(&mut self) -> &mut R {
        &mut self.from
    }
}

/// Fills `buffer` as far as there is anything; how far.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Frames = Vec<(u8, Vec<u8>)>;

    fn written(frames: &Frames) -> Vec<u8> {
        let mut writer = FrameWriter::new(Vec::new(), Stream::Recording).expect("memory takes all");
        frames.iter().for_each(|(kind, payload)| writer.write(*kind, payload).expect("short enough"));
        assert_eq!(writer.written(), writer.to.len() as u64);
        writer.into_inner()
    }

    /// All whole frames of a stream, where they end, and what comes then.
    fn read(bytes: &[u8]) -> (Frames, u64, Result<(), WireError>) {
        let mut reader = match FrameReader::new(bytes, Stream::Recording) {
            Ok(reader) => reader,
            Err(error) => return (Vec::new(), 0, Err(error)),
        };
        let mut frames = Vec::new();
        let end = loop {
            match reader.read() {
                Ok(Some(frame)) => frames.push((frame.kind, frame.payload.to_vec())),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        (frames, reader.offset(), end)
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        let error = read(bytes).2.expect_err("it is no good stream");
        assert_eq!(error.to_string(), expected);
    }

    fn two() -> Frames {
        vec![(1, b"one".to_vec()), (2, Vec::new())]
    }

    #[test]
    fn what_is_no_stream_is_told_from_what_is_another() {
        let good = written(&two());
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        check(b"PK\x03\x04 whatever", "this is no stream of raddle: it does not begin with `raddle`");
        check(&with(6, b'\n'), "this is no stream of raddle: it does not begin with `raddle`");
        let version = "the stream has version 9, and this raddle reads version 3: use the raddle that wrote it";
        check(&with(8, 9), version);
        check(&with(10, 1), "the stream is a worker's connection, not a recording");
        check(&with(10, 77), "the stream is something unknown, not a recording");
        check(b"rad", "the stream ends in the middle of the frame at byte 0: what stands before that is whole");
        check(b"", "the stream ends in the middle of the frame at byte 0: what stands before that is whole");
    }

    #[test]
    fn a_long_payload_is_refused_by_both_ends_and_takes_no_memory() {
        let mut head = vec![0xff, 0xff, 0xff, 0xff, 1];
        head.extend(crc32fast::hash(&head).to_le_bytes());
        let bytes = [written(&Vec::new()), head].concat();
        check(&bytes, "the frame at byte 12 has 4294967295 bytes, and no frame has more than 67108864");
        // One that may be so long, but of which nothing comes.
        let mut head = PAYLOAD_MAX.to_le_bytes().to_vec();
        head.push(1);
        head.extend(crc32fast::hash(&head).to_le_bytes());
        let bytes = [written(&Vec::new()), head].concat();
        let mut reader = FrameReader::new(bytes.as_slice(), Stream::Recording).expect("a stream");
        assert!(reader.read().expect_err("cut off").is_partial());
        assert!(reader.payload.capacity() < 1 << 12, "no more than came");
        let mut reader = FrameReader::new(bytes.as_slice(), Stream::Recording).expect("a stream").limit(16);
        assert!(matches!(reader.read(), Err(WireError::Oversized { limit: 16, .. })));
        let mut writer = FrameWriter::new(io::sink(), Stream::Worker).expect("takes all");
        let error = writer.write(1, &vec![0; PAYLOAD_MAX as usize + 1]).expect_err("too long");
        assert!(matches!(error, WireError::Oversized { at: 12, len: 67_108_865, .. }), "{error}");
        assert_eq!(writer.written(), 12, "nothing was written");
    }

    #[test]
    fn a_payload_holds_one_value_and_no_more() {
        let frame = Frame { kind: 3, payload: &[5, 6], at: 12 };
        assert_eq!(frame.value::<(u8, u8)>().expect("two numbers"), (5, 6));
        let error = frame.value::<u8>().expect_err("there is another");
        assert!(error.to_string().starts_with("the frame at byte 12, of kind 3, does not hold"), "{error}");
        assert!(frame.value::<(u8, u8, u8)>().is_err() && frame.value::<String>().is_err());
    }

    fn frames() -> impl Strategy<Value = Frames> {
        prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)), 0..6)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(frames in frames()) {
            let bytes = written(&frames);
            let (read, end, then) = read(&bytes);
            prop_assert_eq!(read, frames);
            prop_assert_eq!(end, bytes.len() as u64);
            prop_assert!(then.is_ok());
        }

        #[test]
        fn of_a_stream_that_is_cut_off_all_whole_frames_are_good(frames in frames(), cut in any::<prop::sample::Index>()) {
            let bytes = written(&frames);
            let cut = cut.index(bytes.len());
            let (read, end, then) = read(&bytes[..cut]);
            prop_assert_eq!(&read[..], &frames[..read.len()]);
            match then {
                Ok(()) => prop_assert_eq!(end, cut as u64),
                Err(error) => {
                    prop_assert!(error.is_partial(), "{}", error);
                    prop_assert!(end < cut as u64 || cut < STREAM_HEAD);
                }
            }
        }

        #[test]
        fn a_flipped_bit_is_damage_and_never_a_partial_frame(
            frames in frames(), at in any::<prop::sample::Index>(), bit in 0..8_u32,
        ) {
            let mut bytes = written(&frames);
            prop_assume!(bytes.len() > STREAM_HEAD);
            let at = STREAM_HEAD + at.index(bytes.len() - STREAM_HEAD);
            bytes[at] ^= 1 << bit;
            let (read, end, then) = read(&bytes);
            prop_assert_eq!(&read[..], &frames[..read.len()]);
            prop_assert!(end <= at as u64);
            let damaged = matches!(then, Err(WireError::Damaged { at }) if at == end);
            prop_assert!(damaged);
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200), head in any::<bool>()) {
            let start = if head { written(&Vec::new()) } else { Vec::new() };
            let bytes = [start, bytes].concat();
            let (_, end, _) = read(&bytes);
            prop_assert!(end <= bytes.len() as u64);
        }
    }
}
