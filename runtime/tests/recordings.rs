//! Recordings that are not as they were written: whatever the bytes, what is whole before the damage is read, and it is said
//! why there is no more.

use proptest::prelude::*;
use proptest::sample::Index;
use raddle_core::recording::{Head, Reader, Recording, Tail};
use raddle_runtime::read_stream;
use raddle_runtime::wire::{FrameWriter, Stream, WireError};

/// The kinds of frames, fixed for ever.
const HEAD: u8 = 1;
const LANE: u8 = 2;
const TAIL: u8 = 3;
const CUT: u8 = 4;
/// Where the version stands in the head of a stream, and a byte that is kept free.
const VERSION: usize = 8;
const FREE: usize = 11;
const STREAM_HEAD: usize = 12;

/// A recording as it was written, and how the writer left it.
#[derive(Clone, Debug)]
struct Written {
    acts: Vec<(usize, Vec<u8>)>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With the run.
    Whole,
    /// There was no room for more.
    Full,
    /// The run was killed.
    Killed,
}

impl Written {
    fn head() -> Head {
        let names = |names: [&str; 2]| names.map(str::to_owned).to_vec();
        let policies = [("order".to_owned(), "causal".to_owned())].into_iter().collect();
        Head {
            system: "pair".to_owned(),
            policies,
            workers: names(["ann", "bob"]),
            sources: names(["s", "t"]),
            ..Head::default()
        }
    }

    /// The bytes, and where each frame ends; the first is the head.
    fn bytes(&self) -> (Vec<u8>, Vec<usize>) {
        let mut writer = FrameWriter::new(Vec::new(), Stream::Recording).expect("memory takes all");
        let mut ends = Vec::new();
        writer.write_value(HEAD, &Self::head()).expect("short enough");
        ends.push(writer.written() as usize);
        for (lane, acts) in &self.acts {
            let payload = [&[*lane as u8], acts.as_slice()].concat();
            writer.write(LANE, &payload).expect("short enough");
            ends.push(writer.written() as usize);
        }
        match self.end {
            End::Whole => writer.write_value(TAIL, &tail()).expect("short enough"),
            End::Full => writer.write(CUT, &[]).expect("short enough"),
            End::Killed => return (writer.into_inner(), ends),
        }
        ends.push(writer.written() as usize);
        (writer.into_inner(), ends)
    }

    /// The lanes of so many frames of acts.
    fn lanes(&self, frames: usize) -> Vec<Vec<u8>> {
        let acts = &self.acts[..frames.min(self.acts.len())];
        let mut lanes = vec![Vec::new(); acts.iter().map(|(lane, _)| lane + 1).max().unwrap_or(0)];
        acts.iter().for_each(|(lane, acts)| lanes[*lane].extend_from_slice(acts));
        lanes
    }
}

fn tail() -> Tail {
    Tail { is_quiescent: true, digest: None, state: Some(7) }
}

fn written() -> impl Strategy<Value = Written> {
    let acts = prop::collection::vec((0..6_usize, prop::collection::vec(any::<u8>(), 0..30)), 0..6);
    let end = prop_oneof![Just(End::Whole), Just(End::Full), Just(End::Killed)];
    (acts, end).prop_map(|(acts, end)| Written { acts, end })
}

/// What is done to the bytes.
#[derive(Clone, Debug)]
enum Damage {
    None,
    CutOff(Index),
    Flipped(Index, u32),
    /// The version.
    Other(u16),
    /// Behind all that was written.
    Appended(Vec<u8>),
    /// At the end of some frame, one that promises so much.
    Promise(Index, u32),
    /// There, a whole frame that nobody wrote.
    Strange(Index, u8, Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..60);
    prop_oneof![
        Just(Damage::None),
        any::<Index>().prop_map(Damage::CutOff),
        (any::<Index>(), 0..8_u32).prop_map(|(at, bit)| Damage::Flipped(at, bit)),
        any::<u16>().prop_map(Damage::Other),
        bytes().prop_map(Damage::Appended),
        (any::<Index>(), any::<u32>()).prop_map(|(at, len)| Damage::Promise(at, len)),
        (any::<Index>(), 0..8_u8, bytes()).prop_map(|(at, kind, payload)| Damage::Strange(at, kind, payload)),
    ]
}

impl Damage {
    /// The damaged bytes, and up to where they are as they were written.
    fn done_to(&self, sound: &[u8], ends: &[usize]) -> (Vec<u8>, usize) {
        let mut bytes = sound.to_vec();
        let insert = |at: &Index, frame: Vec<u8>| {
            let at = ends[at.index(ends.len())];
            ([&sound[..at], &frame, &sound[at..]].concat(), at)
        };
        match self {
            Self::None => (bytes, sound.len()),
            Self::CutOff(at) => {
                bytes.truncate(at.index(sound.len()));
                let len = bytes.len();
                (bytes, len)
            }
            Self::Flipped(at, bit) => {
                let at = at.index(sound.len());
                bytes[at] ^= 1 << bit;
                (bytes, at)
            }
            Self::Other(version) => {
                bytes[VERSION..VERSION + 2].copy_from_slice(&version.to_le_bytes());
                let same = bytes == sound;
                (bytes, if same { sound.len() } else { VERSION })
            }
            Self::Appended(more) => {
                bytes.extend_from_slice(more);
                (bytes, sound.len())
            }
            Self::Promise(at, len) => {
                let head = [&len.to_le_bytes()[..], &[LANE]].concat();
                let check = crc32fast::hash(&head);
                insert(at, [head, check.to_le_bytes().to_vec()].concat())
            }
            Self::Strange(at, kind, payload) => {
                let mut writer = FrameWriter::new(Vec::new(), Stream::Recording).expect("memory takes all");
                writer.write(*kind, payload).expect("short enough");
                insert(at, writer.into_inner().split_off(STREAM_HEAD))
            }
        }
    }
}

/// All that can be asked of a recording, whatever is in it.
fn is_harmless(recording: &Recording) {
    for lane in &recording.lanes {
        let mut reader = Reader::new(lane);
        while let Ok(Some(_)) = reader.next() {}
        assert!(reader.at() <= lane.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn what_is_whole_before_the_damage_is_read(written in written(), damage in damage()) {
        let (sound, ends) = written.bytes();
        let (bytes, good) = damage.done_to(&sound, &ends);
        let frames = ends.iter().take_while(|end| **end <= good).count();
        let is_free = matches!(damage, Damage::Flipped(..)) && good == FREE;
        match read_stream(bytes.as_slice()) {
            Err(error) => {
                prop_assert!(frames == 0 && !is_free, "{error}");
                prop_assert!(!error.to_string().is_empty());
                if let Damage::Other(version) = damage {
                    prop_assert!(matches!(error, WireError::Version { found } if found == version), "{error}");
                }
            }
            Ok(recording) => {
                prop_assert!(frames > 0 || is_free);
                is_harmless(&recording);
                prop_assert_eq!(&recording.head, &Written::head());
                let frames = if is_free { ends.len() } else { frames };
                // A strange frame may be one of acts or an end as good as any.
                if !matches!(damage, Damage::Strange(..)) {
                    prop_assert_eq!(&recording.lanes, &written.lanes(frames - 1));
                    let is_whole = written.end == End::Whole && frames == ends.len();
                    prop_assert_eq!(recording.tail, is_whole.then(tail));
                    prop_assert_eq!(recording.cut.is_none(), is_whole, "{:?}", recording.cut);
                } else {
                    let before = written.lanes(frames - 1);
                    prop_assert!(before.iter().zip(&recording.lanes).all(|(whole, read)| read.starts_with(whole)));
                    prop_assert!(before.len() <= recording.lanes.len());
                    prop_assert_eq!(recording.cut.is_none(), recording.tail.is_some());
                }
            }
        }
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..300), with_head in 0..3_u8) {
        let (sound, ends) = Written { acts: Vec::new(), end: End::Killed }.bytes();
        let start = [&[][..], &sound[..STREAM_HEAD], &sound[..ends[0]]][usize::from(with_head)];
        if let Ok(recording) = read_stream([start, &bytes].concat().as_slice()) {
            is_harmless(&recording);
            prop_assert!(recording.cut.is_some() != recording.tail.is_some());
        }
    }
}

/// A number of a few bytes asks for no memory that the run of this head never had.
#[test]
fn a_lane_that_there_cannot_be_is_the_end() {
    let lanes = |lane: &[u8]| {
        let mut writer = FrameWriter::new(Vec::new(), Stream::Recording).expect("memory takes all");
        writer.write_value(HEAD, &Written::head()).expect("short enough");
        writer.write(LANE, lane).expect("short enough");
        read_stream(writer.into_inner().as_slice()).expect("its head is sound")
    };
    // Those of two workers with their inboxes, and then 65,536 shards.
    assert_eq!(lanes(&[0x83, 0x80, 0x04, 8]).lanes.len(), (1 << 16) + 4);
    for beyond in [&[0x84, 0x80, 0x04, 8][..], &[0xff, 0xff, 0xff, 0x7f], &[0xff, 0xff, 0xff, 0xff, 1], &[0x80], &[]] {
        let recording = lanes(beyond);
        assert_eq!(recording.lanes.capacity(), 0, "{beyond:?}");
        assert!(recording.cut.is_some_and(|why| why.ends_with(" is of no lane")));
    }
}
