//! How acts become bytes and bytes acts.
//!
//! An act is a tag and its numbers, each as a LEB128 varint; times are written as what has passed since the last in their
//! lane, and before what a handler said stands its length and one, or 0 if nobody answered. What there is most of has a
//! short form: a push by a low worker is one byte, and where a pick was handled, somebody answered, and as many lives have
//! ended as at the last handling of the lane (none, if it is the first), there is no number of those, and before what was
//! said stands its length. Fixed for ever, as it stands in files: a tag is never given to another act.

use super::act::{Act, Handling};
use crate::ids::{SourceId, Time, WorkerId};

const TAKE: u8 = 1;
const ASK: u8 = 2;
const PUSH: u8 = 3;
const STALL: u8 = 4;
const DELIVER: u8 = 5;
const LOSE: u8 = 6;
const EXPIRE: u8 = 7;
const PICK: u8 = 8;
const IDLE: u8 = 9;
const NACKED: u8 = 10;
const END_LIFE: u8 = 11;
const ROUTE: u8 = 12;
const HANDLE: u8 = 13;
const START: u8 = 14;
const FIRE: u8 = 15;
const KILL: u8 = 16;
const PICK_ALONG: u8 = 17;
const HANDLE_ON: u8 = 18;
/// With the worker in the other seven bits.
const PUSH_LOW: u8 = 0x80;

/// Writes the acts of one lane.
#[derive(Clone, Debug, Default)]
pub struct Pen {
    last: Last,
}

/// What the acts of a lane are written in relation to.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    time: u64,
    deaths: u32,
}

impl Pen {
    /// Writes an act behind what is in `bytes`.
    #[inline(always)]
    pub fn write(&mut self, act: Act<'_>, bytes: &mut impl Extend<u8>) {
        match act {
            Act::Take { source } => tagged(TAKE, source.index() as u64, bytes),
            Act::Push { by } if by.index() < usize::from(PUSH_LOW) => bytes.extend([PUSH_LOW | by.index() as u8]),
            Act::Push { by } => tagged(PUSH, by.index() as u64, bytes),
            Act::Stall { by } => tagged(STALL, by.index() as u64, bytes),
            Act::Lose { many } => tagged(LOSE, many.into(), bytes),
            Act::EndLife { nth } => tagged(END_LIFE, nth.into(), bytes),
            Act::Ask { session, now } => {
                tagged(ASK, session.index() as u64, bytes);
                self.time(now, bytes);
            }
            Act::Expire { session, now } => {
                tagged(EXPIRE, session.index() as u64, bytes);
                self.time(now, bytes);
            }
            Act::Deliver => bytes.extend([DELIVER]),
            Act::Pick => bytes.extend([PICK]),
            Act::PickAlong => bytes.extend([PICK_ALONG]),
            Act::Idle => bytes.extend([IDLE]),
            Act::Nacked => bytes.extend([NACKED]),
            Act::Route => bytes.extend([ROUTE]),
            Act::Handle(Handling { now, deaths, said: Some(said) }) if deaths == self.last.deaths => {
                bytes.extend([HANDLE_ON]);
                self.time(now, bytes);
                varint(said.len() as u64, bytes);
                bytes.extend(said.iter().copied());
            }
            Act::Handle(handling) => {
                bytes.extend([HANDLE]);
                self.handling(handling, bytes);
            }
            Act::Start(handling) => {
                bytes.extend([START]);
                self.handling(handling, bytes);
            }
            Act::Fire { nth, handling } => {
                tagged(FIRE, nth.into(), bytes);
                self.handling(handling, bytes);
            }
            Act::Kill { now } => {
                bytes.extend([KILL]);
                self.time(now, bytes);
            }
        }
    }

    #[inline]
    fn handling(&mut self, handling: Handling<'_>, bytes: &mut impl Extend<u8>) {
        self.time(handling.now, bytes);
        self.last.deaths = handling.deaths;
        varint(handling.deaths.into(), bytes);
        varint(handling.said.map_or(0, |said| said.len() as u64 + 1), bytes);
        bytes.extend(handling.said.unwrap_or_default().iter().copied());
    }

    /// What has passed, in a wheel of 2^64 nanoseconds: two threads may look at the clock in another order than they take
    /// a lock.
    #[inline]
    fn time(&mut self, now: Time, bytes: &mut impl Extend<u8>) {
        varint(zigzag(now.0.wrapping_sub(self.last.time)), bytes);
        self.last.time = now.0;
    }
}

/// Bytes that are no acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at} of a lane begins no act")]
pub struct Malformed {
    /// Where the act begins that is none.
    pub at: usize,
}

/// Reads the acts of one lane.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    last: Last,
}

impl<'a> Reader<'a> {
    /// Reads a lane from its beginning.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, last: Last { time: 0, deaths: 0 } }
    }

    /// The next act; none where the lane ends.
    ///
    /// # Errors
    /// When what follows is no whole act.
    #[expect(clippy::should_implement_trait, reason = "an iterator of results would be read past its first error")]
    pub fn next(&mut self) -> Result<Option<Act<'a>>, Malformed> {
        let at = self.at;
        let Some(tag) = self.bytes.get(at).copied() else { return Ok(None) };
        self.at += 1;
        self.act(tag).map(Some).ok_or(Malformed { at })
    }

    /// How many bytes are read.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    fn act(&mut self, tag: u8) -> Option<Act<'a>> {
        Some(match tag {
            TAKE => Act::Take { source: self.source()? },
            ASK => Act::Ask { session: self.source()?, now: self.time()? },
            PUSH => Act::Push { by: self.worker()? },
            STALL => Act::Stall { by: self.worker()? },
            DELIVER => Act::Deliver,
            LOSE => Act::Lose { many: self.small()? },
            EXPIRE => Act::Expire { session: self.source()?, now: self.time()? },
            PICK => Act::Pick,
            PICK_ALONG => Act::PickAlong,
            IDLE => Act::Idle,
            NACKED => Act::Nacked,
            END_LIFE => Act::EndLife { nth: self.small()? },
            ROUTE => Act::Route,
            HANDLE => Act::Handle(self.handling()?),
            HANDLE_ON => {
                let (now, len) = (self.time()?, self.small()? as usize);
                Act::Handle(Handling { now, deaths: self.last.deaths, said: Some(self.said(len)?) })
            }
            PUSH_LOW.. => Act::Push { by: WorkerId::new(u32::from(tag & !PUSH_LOW)) },
            START => Act::Start(self.handling()?),
            FIRE => Act::Fire { nth: self.small()?, handling: self.handling()? },
            KILL => Act::Kill { now: self.time()? },
            _ => return None,
        })
    }

    fn handling(&mut self) -> Option<Handling<'a>> {
        let (now, deaths, after) = (self.time()?, self.small()?, self.small()? as usize);
        self.last.deaths = deaths;
        let Some(len) = after.checked_sub(1) else { return Some(Handling { now, deaths, said: None }) };
        Some(Handling { now, deaths, said: Some(self.said(len)?) })
    }

    fn said(&mut self, len: usize) -> Option<&'a [u8]> {
        let said = self.bytes.get(self.at..self.at.checked_add(len)?)?;
        self.at += len;
        Some(said)
    }

    fn time(&mut self) -> Option<Time> {
        self.last.time = self.last.time.wrapping_add(unzigzag(take_varint(self.bytes, &mut self.at)?));
        Some(Time(self.last.time))
    }

    fn worker(&mut self) -> Option<WorkerId> {
        self.small().map(WorkerId::new)
    }

    fn source(&mut self) -> Option<SourceId> {
        self.small().map(SourceId::new)
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(take_varint(self.bytes, &mut self.at)?).ok()
    }
}

#[inline]
fn tagged(tag: u8, number: u64, bytes: &mut impl Extend<u8>) {
    bytes.extend([tag]);
    varint(number, bytes);
}

/// Small differences in either direction are small numbers.
const fn zigzag(difference: u64) -> u64 {
    let signed = difference as i64;
    ((signed << 1) ^ (signed >> 63)) as u64
}

const fn unzigzag(number: u64) -> u64 {
    (number >> 1) ^ (number & 1).wrapping_neg()
}

#[inline]
pub(super) fn varint(mut number: u64, bytes: &mut impl Extend<u8>) {
    while number >= 0x80 {
        bytes.extend([number as u8 | 0x80]);
        number >>= 7;
    }
    bytes.extend([number as u8]);
}

/// The number at a place, and where it ends; none if it ends nowhere or has more than 64 bits.
#[inline]
pub(super) fn take_varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        let part = u64::from(byte & 0x7f);
        if part << shift >> shift != part {
            return None;
        }
        number |= part << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acts() -> Vec<Act<'static>> {
        let handling = |now, deaths, said| Handling { now: Time(now), deaths, said };
        let said = |said: &'static str| Some(said.as_bytes());
        let (source, worker) = (SourceId::new(3), WorkerId::new(300));
        vec![
            Act::Take { source },
            Act::Ask { session: source, now: Time(1_000_000) },
            Act::Push { by: worker },
            Act::Stall { by: worker },
            Act::Deliver,
            Act::Lose { many: u32::MAX },
            Act::Expire { session: source, now: Time(999_000) },
            Act::Pick,
            Act::Idle,
            Act::Nacked,
            Act::EndLife { nth: 2 },
            Act::Route,
            Act::Handle(handling(0, 0, said(""))),
            Act::Start(handling(u64::MAX, 7, said("said"))),
            Act::Fire { nth: 9, handling: handling(5, 0, said("!")) },
            Act::Handle(handling(5, 1, None)),
            Act::Kill { now: Time(6) },
            Act::PickAlong,
            Act::Push { by: WorkerId::new(127) },
            Act::Handle(handling(6, 1, said("on"))),
        ]
    }

    fn written() -> Vec<u8> {
        let (mut pen, mut bytes) = (Pen::default(), Vec::new());
        acts().into_iter().for_each(|act| pen.write(act, &mut bytes));
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = written();
        let mut reader = Reader::new(&bytes);
        for act in acts() {
            assert_eq!(reader.next(), Ok(Some(act)));
        }
        assert_eq!(reader.next(), Ok(None));
    }

    fn hex(bytes: &[u8]) -> String {
        let text: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        text.join(" ")
    }

    #[test]
    fn the_bytes_are_fixed_for_ever() {
        assert_eq!(
            hex(&written()),
            "01 03 02 03 80 89 7a 03 ac 02 04 ac 02 05 06 ff ff ff ff 0f 07 03 cf 0f 08 09 0a 0b 02 0c 12 af f9 79 00 0e 01 \
             07 05 73 61 69 64 0f 09 0c 00 02 21 0d 00 01 00 10 02 11 ff 12 00 02 6f 6e"
        );
    }

    #[test]
    fn long_forms_are_read_where_short_ones_would_do() {
        let bytes = [PUSH, 7, HANDLE, 2, 3, 1, HANDLE_ON, 2, 0, HANDLE, 2, 3, 3, b'h', b'i'];
        let mut reader = Reader::new(&bytes);
        let handle = |now, said| Act::Handle(Handling { now: Time(now), deaths: 3, said: Some(said) });
        let acts = [Act::Push { by: WorkerId::new(7) }, handle(1, b""), handle(2, b""), handle(3, b"hi")];
        acts.into_iter().for_each(|act| assert_eq!(reader.next(), Ok(Some(act))));
        assert_eq!(reader.next(), Ok(None));
    }

    #[test]
    fn no_bytes_are_too_strange() {
        let bytes = written();
        for cut in 0..bytes.len() {
            let mut reader = Reader::new(&bytes[..cut]);
            while let Ok(Some(_)) = reader.next() {}
        }
        let long = [18, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        for strange in
            [&[0_u8][..], &[99], &[3, 0xff, 0xff, 0xff, 0xff, 0xff], &[13, 1, 1, 9, 1], &[18, 0, 9, 1], &long]
        {
            assert_eq!(Reader::new(strange).next(), Err(Malformed { at: 0 }), "{strange:?}");
        }
        let mut at = 0;
        assert_eq!(take_varint(&[0xff; 12], &mut at), None, "more than 64 bits");
    }
}
