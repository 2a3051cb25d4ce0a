//! Tapes: a lane's acts on their way into a file.
//!
//! Whoever closes an act writes it to the tape of its lane at once, a few bytes of its own memory. It hands them over when
//! they are many, when it is asked to, and before it lies down, as a frame that is begun; every so often a thread of its own
//! asks, takes these frames, and writes them out ([`Spool::write_out`]). So a run waits for no disk, unless the disk falls far behind,
//! and whoever is killed leaves all but the last moments.
//!
//! Nothing here may end a run, or keep it from its end: where the disk is full, or takes nothing any more, recording stops and
//! the run goes on.

use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use raddle_core::recording::{Act, Head, Pen, Reader, Said, Tail, worker_lane};
use raddle_core::{Codec, EventRef, Input, StateMachine, WorkerId};

use crate::apart::Apart;
use crate::record::{CUT, HEAD, LANE, TAIL, frame_acts, put_lane};
use crate::wire::{CHECK, FrameWriter, OVERHEAD, Stream, WireError, begin_frame};

/// A lane hands over what is on its tape when that is so many bytes.
const HAND_OVER: usize = 4 << 10;
/// How often tapes are written out: seldom enough that a lane with little to say makes no frame of each act, and so often that
/// what busy lanes have handed over still lies in the caches of processors.
const EVERY: Duration = Duration::from_millis(10);
/// A tape with so many bytes is written out at once.
const URGENT: usize = 256 << 10;
/// With so many bytes on its tape a lane waits until they are written out.
const TAPE_MAX: usize = 8 << 20;
/// How often whoever waits for the writer looks whether it still comes on.
pub(crate) const LOOK: Duration = Duration::from_millis(100);
/// The writer is given up if it has written nothing between so many looks. Looks are counted, not time: a run that was
/// stopped for a while has not looked meanwhile.
const LOOKS_MAX: u32 = 50;
/// How a run ended takes no more than this, nor does that there was no room: a frame with a byte, and, if they are known, a
/// digest in its 16 digits and a number.
const END_MAX: u64 = OVERHEAD as u64 + 1 + (1 + 1 + 16) + (1 + 10);
/// So many bytes are written at once: each time that succeeds is a step.
const STEP: usize = 256 << 10;

/// All tapes of a run.
#[derive(Debug)]
pub(crate) struct Spool {
    reels: Vec<Apart<Reel>>,
    /// How often lanes were asked to hand over what they have.
    asked: AtomicU32,
    /// No more is wanted: the file is full, or cannot be written to.
    is_closed: AtomicBool,
    /// No more will come.
    is_done: AtomicBool,
    /// How the run ended, once it has.
    tail: OnceLock<Tail>,
    writer: OnceLock<Thread>,
    /// How often something was written.
    steps: AtomicU64,
    looks_max: u32,
    /// Nothing was written for too long.
    is_given_up: AtomicBool,
}

/// What is written to, step by step, so that others see whether it takes anything.
pub(crate) struct Steps<W> {
    pub(crate) to: W,
    pub(crate) spool: Arc<Spool>,
}

impl<W: Write> Write for Steps<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(&bytes[..bytes.len().min(STEP)])?;
        self.spool.steps.fetch_add(1, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What whoever waits for the writer has seen of it.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    steps: u64,
    looks: u32,
}

impl Patience {
    /// One more look, [`LOOK`] after the last. If nothing was written for too long, the writer is given up.
    pub(crate) fn look(&mut self, spool: &Spool) -> bool {
        let steps = spool.steps.load(Ordering::Relaxed);
        let looks = if steps == self.steps { self.looks + 1 } else { 0 };
        *self = Self { steps, looks };
        if looks >= spool.looks_max {
            spool.is_given_up.store(true, Ordering::Relaxed);
            spool.is_closed.store(true, Ordering::Relaxed);
        }
        spool.is_given_up()
    }
}

#[derive(Debug, Default)]
struct Reel {
    /// A frame that is begun, with the number of the lane and what it has handed over; or nothing.
    bytes: Mutex<Vec<u8>>,
    room: Condvar,
}

/// The tape of one lane.
///
/// That of a queue is written by whoever holds its lock, one core after the other, a byte or two each. So all that is
/// written for a push or a pick lies in one line of a processor's cache with the last few acts; it is that of the [`Log`].
///
/// [`Log`]: crate::log::Log
#[derive(Debug)]
pub(crate) struct Tape {
    spool: Arc<Spool>,
    roll: Box<Roll>,
    /// How often it had been asked to hand over when it last did.
    heard: u32,
    /// The last acts of a queue. A worker writes to its roll at once.
    few: Option<Few>,
}

/// What is on a tape but for the last few acts of a queue.
#[derive(Debug)]
struct Roll {
    lane: usize,
    pen: Pen,
    /// What is not handed over yet.
    bytes: Vec<u8>,
    /// What the handler says whose act is next. About a queue nobody says anything.
    said: Said,
}

/// A few bytes.
#[derive(Debug)]
struct Few {
    len: u8,
    bytes: [u8; FEW],
}

const FEW: usize = 34;
/// No act of a queue is longer: a tag, a number of 32 bits, a time.
const ACT_MAX: usize = 1 + 5 + 10;

const _: () = assert!(ACT_MAX < FEW, "after an act that moved the few to the roll there are fewer than before");

/// Where a queue's acts are written: what is no longer few goes on the roll.
struct Line<'a> {
    few: &'a mut Few,
    roll: &'a mut Vec<u8>,
}

impl Extend<u8> for Line<'_> {
    #[inline(always)]
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        for byte in bytes {
            let Few { len, bytes } = &mut *self.few;
            match bytes.get_mut(usize::from(*len)) {
                Some(place) => (*place, *len) = (byte, *len + 1),
                None => self.begin_anew(byte),
            }
        }
    }
}

impl Line<'_> {
    #[cold]
    fn begin_anew(&mut self, byte: u8) {
        self.few.move_to(self.roll);
        (self.few.bytes[0], self.few.len) = (byte, 1);
    }
}

impl Few {
    fn move_to(&mut self, roll: &mut Vec<u8>) {
        roll.extend_from_slice(&self.bytes[..usize::from(self.len)]);
        self.len = 0;
    }
}

impl Tape {
    /// That of a lane whose acts are no handlings.
    pub(crate) fn of_queue(spool: &Arc<Spool>, lane: usize) -> Self {
        Self::new(spool, lane, Some(Few { len: 0, bytes: [0; FEW] }))
    }

    /// That of a worker.
    pub(crate) fn of_worker(spool: &Arc<Spool>, worker: WorkerId) -> Self {
        Self::new(spool, worker_lane(worker), None)
    }

    fn new(spool: &Arc<Spool>, lane: usize, few: Option<Few>) -> Self {
        let bytes = Vec::with_capacity(2 * HAND_OVER);
        let roll = Box::new(Roll { lane, pen: Pen::default(), bytes, said: Said::default() });
        Self { spool: Arc::clone(spool), roll, heard: 0, few }
    }

    /// Takes note of an event of a worker's lane.
    pub(crate) fn hear<M: StateMachine>(
        &mut self,
        event: EventRef<'_>,
        input: Option<&Input<M>>,
        codec: Option<&Codec<M>>,
    ) {
        debug_assert!(self.few.is_none(), "about a queue nobody says anything");
        if !self.spool.is_closed.load(Ordering::Relaxed) {
            self.roll.said.hear(event, input, codec);
        }
    }

    /// Writes an act, with what was said if anything could be.
    #[inline(always)]
    pub(crate) fn write(&mut self, act: impl for<'s> FnOnce(Option<&'s [u8]>) -> Option<Act<'s>>) {
        let Self { spool, roll, heard, few } = self;
        let is_wanted = !spool.is_closed.load(Ordering::Relaxed);
        let is_long = if let Some(few) = few {
            let before = few.len;
            if let Some(act) = is_wanted.then(|| act(None)).flatten() {
                roll.pen.write(act, &mut Line { few, roll: &mut roll.bytes });
            }
            few.len < before && roll.bytes.len() >= HAND_OVER
        } else {
            let Roll { said, pen, bytes, .. } = &mut **roll;
            if let Some(act) = is_wanted.then(|| act(said.bytes())).flatten() {
                pen.write(act, bytes);
            }
            said.clear();
            bytes.len() >= HAND_OVER
        };
        let asked = spool.asked.load(Ordering::Relaxed);
        if is_long || asked != *heard {
            *heard = asked;
            self.hand_over();
        }
    }

    /// Hands over what is on it.
    #[inline(never)]
    pub(crate) fn hand_over(&mut self) {
        let Self { spool, roll, few, .. } = self;
        few.iter_mut().for_each(|few| few.move_to(&mut roll.bytes));
        if !roll.bytes.is_empty() {
            spool.put(roll.lane, &mut roll.bytes);
        }
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.hand_over();
    }
}

impl Spool {
    pub(crate) fn new(lanes: usize) -> Self {
        Self {
            reels: (0..lanes).map(|_| Apart::default()).collect(),
            asked: AtomicU32::new(0),
            is_closed: AtomicBool::new(false),
            is_done: AtomicBool::new(false),
            tail: OnceLock::new(),
            writer: OnceLock::new(),
            steps: AtomicU64::new(0),
            looks_max: LOOKS_MAX,
            is_given_up: AtomicBool::new(false),
        }
    }

    fn put(&self, lane: usize, new: &mut Vec<u8>) {
        let reel = &self.reels[lane];
        let mut bytes = reel.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let before = bytes.len();
        if before == 0 {
            begin_frame(&mut bytes);
            put_lane(lane, &mut bytes);
        }
        bytes.append(new);
        if before < URGENT && bytes.len() >= URGENT {
            self.wake();
        }
        let mut patience = Patience::default();
        while bytes.len() >= TAPE_MAX && !self.is_closed.load(Ordering::Relaxed) {
            let (waited, is_late) = reel.room.wait_timeout(bytes, LOOK).unwrap_or_else(PoisonError::into_inner);
            bytes = waited;
            if is_late.timed_out() {
                patience.look(self);
            }
        }
    }

    fn wake(&self) {
        self.writer.get().into_iter().for_each(Thread::unpark);
    }

    /// Whether nothing was written for too long. What then still can be written is the beginning, and no end.
    pub(crate) fn is_given_up(&self) -> bool {
        self.is_given_up.load(Ordering::Relaxed)
    }

    /// Why it was given up.
    pub(crate) fn given_up(&self) -> WireError {
        io::Error::new(ErrorKind::TimedOut, format!("nothing could be written for {:?}", LOOK * self.looks_max)).into()
    }

    /// How the run ended, if it has. That is said before [`Spool::done`].
    pub(crate) const fn tail(&self) -> &OnceLock<Tail> {
        &self.tail
    }

    /// No more will come.
    pub(crate) fn done(&self) {
        self.is_done.store(true, Ordering::Release);
        self.wake();
    }

    /// Writes tapes out until no more comes. Whether all there was is written, without more than so many bytes, of which some
    /// are kept for the end.
    pub(crate) fn write_out<W: Write>(
        &self,
        to: W,
        head: &Head,
        bytes_max: u64,
    ) -> Result<(FrameWriter<W>, bool), WireError> {
        let _ = self.writer.set(thread::current());
        // Whoever waits for room must not do so for ever.
        let _closed = CloseAtEnd(self);
        let mut writer = FrameWriter::new(to, Stream::Recording)?;
        writer.write_value(HEAD, head)?;
        let mut round: Vec<Vec<u8>> = self.reels.iter().map(|_| Vec::new()).collect();
        loop {
            let is_last = self.is_done.load(Ordering::Acquire);
            if self.is_given_up() {
                return Err(self.given_up());
            }
            for (reel, frame) in self.reels.iter().zip(&mut round) {
                std::mem::swap(frame, &mut *reel.bytes.lock().unwrap_or_else(PoisonError::into_inner));
                reel.room.notify_all();
            }
            let room = bytes_max.saturating_sub(writer.written() + END_MAX);
            let is_all = fit(&mut round, usize::try_from(room).unwrap_or(usize::MAX));
            for frame in round.iter_mut().filter(|frame| !frame.is_empty()) {
                writer.write_frame(LANE, frame)?;
            }
            if !is_all {
                writer.write(CUT, &[])?;
                writer.flush()?;
                return Ok((writer, false));
            }
            writer.flush()?;
            if is_last && !self.is_given_up() {
                return Ok((writer, true));
            }
            self.asked.fetch_add(1, Ordering::Relaxed);
            thread::park_timeout(EVERY);
        }
    }
}

/// Says how the run ended, behind all that it did. How many bytes there are then.
pub(crate) fn write_tail<W: Write>(mut writer: FrameWriter<W>, tail: &Tail) -> Result<u64, WireError> {
    writer.write_value(TAIL, tail)?;
    writer.flush()?;
    Ok(writer.written())
}

/// Shortens frames of lanes that are begun to whole acts, until all of them take so many bytes; whether they did before. Lanes
/// come on together, and a run is done again only as far as each of them goes: so each keeps the same part.
fn fit(frames: &mut [Vec<u8>], room: usize) -> bool {
    let used = || frames.iter().filter(|frame| !frame.is_empty());
    let all: usize = used().map(|frame| frame.len() + CHECK).sum();
    if all <= room {
        return true;
    }
    let heads: usize = used().map(|frame| frame_acts(frame).start + CHECK).sum();
    let (acts, room) = (all - heads, room.saturating_sub(heads));
    for frame in frames.iter_mut().filter(|frame| !frame.is_empty()) {
        let Range { start, end } = frame_acts(frame);
        let part = (end - start) as u128 * room as u128 / acts as u128;
        let mut reader = Reader::new(&frame[start..]);
        let mut kept = 0;
        while let Ok(Some(_)) = reader.next() {
            if reader.at() as u128 > part {
                break;
            }
            kept = reader.at();
        }
        frame.truncate(if kept == 0 { 0 } else { start + kept });
    }
    false
}

struct CloseAtEnd<'a>(&'a Spool);

impl Drop for CloseAtEnd<'_> {
    fn drop(&mut self) {
        self.0.is_closed.store(true, Ordering::Relaxed);
        for reel in &self.0.reels {
            // Under the lock, so that nobody has looked and does not wait yet.
            reel.bytes.lock().unwrap_or_else(PoisonError::into_inner).clear();
            reel.room.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use raddle_core::{Digest, SourceId, Time};

    use super::*;
    use crate::record::read_stream;

    /// Through all buffers on the way, which change places.
    /// Takes so many bytes, and then never returns.
    struct Stuck(usize, std::sync::mpsc::Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                let _ = self.1.recv();
                return Ok(bytes.len());
            }
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_writer_that_does_not_come_on_is_given_up() {
        let spool = Arc::new(Spool { looks_max: 3, ..Spool::new(2) });
        let (release, held) = std::sync::mpsc::channel();
        let to = Steps { to: Stuck(100_000, held), spool: Arc::clone(&spool) };
        let of_writer = Arc::clone(&spool);
        let writer = thread::spawn(move || of_writer.write_out(to, &Head::default(), u64::MAX).map(|_| ()));
        // More than waits for room: each of these would never return.
        for lane in 0..2 {
            let mut tape = Tape::of_queue(&spool, lane);
            for nth in 0..(TAPE_MAX + URGENT) as u64 / 10 {
                tape.write(|_| Some(Act::Ask { session: SourceId::new(u32::MAX), now: Time((nth % 2) << 62) }));
            }
        }
        assert!(spool.is_given_up() && !writer.is_finished());
        release.send(()).expect("it waits");
        drop(release);
        let error = writer.join().expect("no panic").expect_err("there is a gap");
        assert!(error.to_string().ends_with("nothing could be written for 300ms"), "{error}");
    }

    /// All of this is one round: nobody has taken anything before.
    #[test]
    fn a_bound_is_used_up_by_the_same_part_of_each_lane() {
        const ACTS: [u64; 4] = [10_000, 1_000, 100, 1];
        let act = |nth| Act::Ask { session: SourceId::new(u32::MAX), now: Time((nth % 2) << 62) };
        let written = |bytes_max| {
            let spool = Arc::new(Spool::new(ACTS.len()));
            for (lane, acts) in ACTS.into_iter().enumerate() {
                let mut tape = Tape::of_queue(&spool, lane);
                (0..acts).for_each(|nth| tape.write(|_| Some(act(nth))));
            }
            spool.done();
            spool.write_out(Vec::new(), &Head::default(), bytes_max).expect("memory takes all")
        };
        let (writer, is_whole) = written(u64::MAX);
        assert!(is_whole);
        // However a run ends, that it has ended fits behind it.
        let tail = Tail { is_quiescent: true, digest: Some(Digest(u64::MAX)), state: Some(u64::MAX) };
        let whole = write_tail(writer, &tail).expect("memory takes all");
        assert!(written(whole).1 && !written(whole - 1).1, "to the byte");
        for bytes_max in [0, 100, 200, 1_000, whole / 10, whole / 2, whole - 1] {
            let (writer, is_whole) = written(bytes_max);
            assert!(!is_whole, "{bytes_max} of {whole}");
            let bytes = writer.into_inner();
            let recording = read_stream(bytes.as_slice()).expect("its head is there");
            assert_eq!(recording.cut.as_deref(), Some("there was no room for more"));
            let counted = |lane: &Vec<u8>| {
                let (mut reader, mut acts) = (Reader::new(lane), 0);
                while let Some(read) = reader.next().expect("whole acts") {
                    assert_eq!(read, act(acts));
                    acts += 1;
                }
                acts
            };
            let acts: Vec<u64> = recording.lanes.iter().map(counted).collect();
            if bytes_max >= whole / 10 {
                let bytes_max = bytes_max as usize;
                assert!(bytes.len() <= bytes_max, "{} of {bytes_max}", bytes.len());
                assert!(
                    bytes.len() + (ACTS.len() + 1) * (ACT_MAX + OVERHEAD) > bytes_max,
                    "{} of {bytes_max}",
                    bytes.len()
                );
                let parts =
                    acts.iter().zip(ACTS).map(|(kept, all)| kept.abs_diff(all * bytes_max as u64 / whole) * 100 / all);
                assert!(parts.take(3).all(|off| off <= 2), "{acts:?} of {ACTS:?}, {bytes_max} of {whole}");
            }
        }
    }

    #[test]
    fn what_lanes_write_is_read_in_the_file() {
        const LANES: usize = 3;
        const ACTS: u64 = 5_000;
        let (spool, head) = (Arc::new(Spool::new(LANES)), Head::default());
        let act = |nth: u64| match nth % 3 {
            0 => Act::Pick,
            _ => Act::Ask { session: SourceId::new(u32::MAX), now: Time((nth % 2) << 62) },
        };
        let written = thread::scope(|scope| {
            let writer = scope.spawn(|| spool.write_out(Vec::new(), &head, u64::MAX));
            let mut tapes: Vec<Tape> = (0..LANES).map(|lane| Tape::of_queue(&spool, lane)).collect();
            for nth in 0..ACTS {
                for (lane, tape) in tapes.iter_mut().enumerate() {
                    tape.write(|_| Some(act(nth + lane as u64)));
                }
                if nth % 50 == 0 {
                    spool.wake();
                    thread::yield_now();
                }
            }
            drop(tapes);
            spool.done();
            let (writer, is_whole) = writer.join().expect("no panic").expect("memory takes all");
            assert!(is_whole);
            writer.into_inner()
        });
        let recording = read_stream(written.as_slice()).expect("it was written");
        for (lane, acts) in recording.lanes.iter().enumerate() {
            let mut reader = Reader::new(acts);
            (0..ACTS).for_each(|nth| assert_eq!(reader.next(), Ok(Some(act(nth + lane as u64)))));
            assert_eq!(reader.next(), Ok(None));
        }
        assert_eq!(recording.lanes.len(), LANES);
    }
}
