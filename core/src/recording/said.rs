//! What handlers said, as bytes: every event of a worker's lane but that it handled.
//!
//! Two handlings said the same if their bytes are the same; only where they are not is anything read back. What a system
//! can serialize is kept in that form, which costs a fraction of the text that `Debug` makes of all else.

use std::fmt;
use std::io::Write as _;

use super::pen::{take_varint, varint};
use crate::codec::Codec;
use crate::event::{Cause, DropReason, EventRef, What};
use crate::fnv;
use crate::header::Input;
use crate::ids::WorkerId;
use crate::machine::StateMachine;
use crate::names::Names;
use crate::panics;

/// A text longer than this is kept as its length and hash.
const TEXT_MAX: usize = 1 << 12;
/// A value that is longer in serialized form is kept as its hash.
const VALUE_MAX: u64 = 32;
/// What one handler says is kept up to so many bytes; what is more, as its hash.
const SAID_MAX: usize = 1 << 20;

/// Writes down what one handler says.
#[derive(Clone, Debug, Default)]
pub struct Said {
    bytes: Vec<u8>,
    /// Where texts are made whose length is not known before.
    scratch: Vec<u8>,
    /// The hash of what came when there was enough.
    beyond: Option<u64>,
    /// Whoever was to say something died before it did.
    is_lost: bool,
}

impl Said {
    /// Takes note of an event of a worker's lane.
    pub fn hear<M: StateMachine>(&mut self, event: EventRef<'_>, input: Option<&Input<M>>, codec: Option<&Codec<M>>) {
        self.is_lost |= event.what == What::Crash(Cause::Killed);
        let Some((code, one, two)) = code(&event) else { return };
        let before = self.bytes.len();
        let text = if matches!(event.what, What::Crash(_)) { panics::split(event.text).0 } else { event.text };
        let has = |part: u8, is_there: bool| if is_there { part } else { 0 };
        let parts = has(TWO, two != 0) | has(TEXT, !text.is_empty()) | has(INPUT, input.is_some());
        self.bytes.push(code | parts);
        varint(one, &mut self.bytes);
        if parts & TWO != 0 {
            varint(two, &mut self.bytes);
        }
        if parts & TEXT != 0 {
            put_text(text.as_bytes(), &mut self.bytes);
        }
        if let Some(input) = input {
            self.put_input(input, codec);
        }
        if self.bytes.len() > SAID_MAX {
            let hash = self.beyond.unwrap_or(fnv::OFFSET);
            self.beyond = Some(fnv::extend(hash, &self.bytes[before..]));
            self.bytes.truncate(before);
        }
    }

    #[inline]
    fn put_input<M: StateMachine>(&mut self, input: &Input<M>, codec: Option<&Codec<M>>) {
        if let Some(codec) = codec
            && let Some(sketch) = codec.sketch(input)
        {
            if sketch.len() > VALUE_MAX {
                return put_hash(sketch.len(), VALUE, sketch.hash(), &mut self.bytes);
            }
            self.scratch.clear();
            if let Ok(value) = codec.put_input(input, std::mem::take(&mut self.scratch)) {
                self.scratch = value;
                return put(&self.scratch, VALUE, &mut self.bytes);
            }
        }
        self.scratch.clear();
        // A `Debug` that fails has written what it has.
        let _ = write!(self.scratch, "{input:?}");
        put_text(&self.scratch, &mut self.bytes);
    }

    /// What was said since the last [`Said::clear`]; none if the process died that was to say it.
    #[inline]
    pub fn bytes(&mut self) -> Option<&[u8]> {
        if let Some(hash) = self.beyond.take() {
            self.put_beyond(hash);
        }
        (!self.is_lost).then_some(&self.bytes)
    }

    #[cold]
    fn put_beyond(&mut self, hash: u64) {
        self.bytes.push(BEYOND);
        varint(hash, &mut self.bytes);
    }

    /// Forgets it, keeping its memory.
    #[inline]
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.beyond = None;
        self.is_lost = false;
    }
}

/// The code of all that is beyond the limit.
const BEYOND: u8 = 17;

/// In the byte of the code stands too what follows on the first number: the second, if it is not 0, a text, an input.
const TWO: u8 = 0x20;
const TEXT: u8 = 0x40;
const INPUT: u8 = 0x80;
const CODE: u8 = 0x1f;

/// Before a text or a value stands its length, and in the lowest two bits what it is, and whether there is but its hash.
const HASHED: u64 = 1;
const VALUE: u64 = 2;

#[inline]
fn put_text(text: &[u8], bytes: &mut Vec<u8>) {
    match text.len() <= TEXT_MAX {
        true => put(text, 0, bytes),
        false => put_hash(text.len() as u64, 0, fnv::hash(text), bytes),
    }
}

#[inline]
fn put(what: &[u8], kind: u64, bytes: &mut Vec<u8>) {
    varint((what.len() as u64) << 2 | kind, bytes);
    bytes.extend_from_slice(what);
}

#[inline]
fn put_hash(len: u64, kind: u64, hash: u64, bytes: &mut Vec<u8>) {
    varint(len << 2 | kind | HASHED, bytes);
    bytes.extend_from_slice(&hash.to_le_bytes());
}

/// What an event is and its numbers; none of what is not said by a handler. Fixed for ever, as it stands in files.
const fn code(event: &EventRef<'_>) -> Option<(u8, u64, u64)> {
    Some(match event.what {
        What::Emit => (0, event.header.to.index() as u64, 0),
        What::DepthRefused => (1, event.header.to.index() as u64, 0),
        What::CycleBroken => (2, event.header.to.index() as u64, 0),
        What::Drop(DropReason::UnknownWorker) => (3, 0, 0),
        What::Drop(DropReason::Undeclared) => (4, event.header.to.index() as u64, 0),
        What::Drop(DropReason::Outputs) => (5, event.header.to.index() as u64, 0),
        What::SetTimer { tag, deadline } => (6, tag.0, deadline.0),
        What::CancelTimer { tag } => (7, tag.0, 0),
        What::Choose { options, value } => (8, options as u64, value as u64),
        What::Wait { on } => (9, on.index() as u64, 0),
        What::Waited => (10, 0, 0),
        What::Mark => (11, 0, 0),
        What::Reply => (12, 0, 0),
        What::Read => (13, 0, 0),
        What::Wrote => (14, 0, 0),
        What::Cut => (15, 0, 0),
        What::Crash(Cause::Panic) => (16, 0, 0),
        _ => return None,
    })
}

/// One thing that a handler said, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saying {
    code: u8,
    one: u64,
    two: u64,
    text: String,
    payload: String,
}

impl Saying {
    /// Reads back what was said, as far as it can be read.
    #[must_use]
    pub fn read<M: StateMachine>(said: &[u8], codec: Option<&Codec<M>>) -> Vec<Self> {
        let (mut at, mut all) = (0, Vec::new());
        while at < said.len() {
            let Some(saying) = Self::next(said, &mut at, codec) else { break };
            all.push(saying);
        }
        all
    }

    fn next<M: StateMachine>(said: &[u8], at: &mut usize, codec: Option<&Codec<M>>) -> Option<Self> {
        let head = *said.get(*at)?;
        *at += 1;
        let one = take_varint(said, at)?;
        let two = if head & TWO == 0 { 0 } else { take_varint(said, at)? };
        let text = if head & TEXT == 0 { String::new() } else { take_text(said, at, codec)? };
        let payload = if head & INPUT == 0 { String::new() } else { take_text(said, at, codec)? };
        Some(Self { code: head & CODE, one, two, text, payload })
    }

    /// It in words, which need the names.
    #[must_use]
    pub fn display<'a>(&'a self, names: &'a Names) -> impl fmt::Display + 'a {
        Shown { saying: self, names }
    }
}

fn take_text<M: StateMachine>(said: &[u8], at: &mut usize, codec: Option<&Codec<M>>) -> Option<String> {
    let head = take_varint(said, at)?;
    let len = usize::try_from(head >> 2).ok()?;
    let kept = if head & HASHED == 0 { len } else { 8 };
    let bytes = said.get(*at..at.checked_add(kept)?)?;
    *at += kept;
    Some(if head & HASHED != 0 {
        let hash = bytes.iter().rev().fold(0_u64, |hash, byte| hash << 8 | u64::from(*byte));
        format!("{len} bytes of hash {hash:016x}")
    } else if head & VALUE != 0 {
        let input = codec.and_then(|codec| codec.input(bytes).ok());
        input.map_or_else(|| format!("{len} bytes that are no value"), |input| format!("{input:?}"))
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    })
}

struct Shown<'a> {
    saying: &'a Saying,
    names: &'a Names,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Saying { code, one, two, text, payload } = self.saying;
        let worker = |number: u64| {
            let id = usize::try_from(number).ok().filter(|at| *at < self.names.worker_count()).map(WorkerId::at);
            id.map_or("nobody", |id| self.names.worker(id))
        };
        match code {
            0 => write!(f, "an update to {}: {payload}", worker(*one)),
            1 => write!(f, "an update to {} that would be too deep: {payload}", worker(*one)),
            2 => write!(f, "an update to {} that would close a cycle: {payload}", worker(*one)),
            3 => write!(f, "an update to {text}, who does not exist: {payload}"),
            4 => write!(f, "an update to {} along no declared edge: {payload}", worker(*one)),
            5 => write!(f, "one update too many, to {}: {payload}", worker(*one)),
            6 => write!(f, "a timer {one}, due at {two} ns"),
            7 => write!(f, "no more timers {one}"),
            8 => write!(f, "the choice {two} of {one}"),
            9 => write!(f, "that it waits for {}: {text}", worker(*one)),
            10 => write!(f, "that it waits no longer: {text}"),
            11 => write!(f, "the mark {text}"),
            12 => write!(f, "the reply {payload}"),
            13 => write!(f, "that it has read {text}"),
            14 => write!(f, "that it has written {text}"),
            15 => write!(f, "its part of the cut {text}"),
            16 => write!(f, "a panic: {text}"),
            17 => write!(f, "more, of hash {one:016x}"),
            _ => f.write_str("something that this raddle does not know"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Lane, Moment};
    use crate::header::Header;
    use crate::ids::{Incarnation, Time};
    use crate::machine::TimerTag;
    use crate::outbox::Outbox;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Mute;
    impl StateMachine for Mute {
        type Message = ();
        type Update = String;
        fn on_message(&mut self, (): (), _: &mut Outbox<String>) {}
        fn on_update(&mut self, _: String, _: &mut Outbox<String>) {}
    }

    fn bytes(said: &mut Said) -> &[u8] {
        said.bytes().expect("nobody died")
    }

    fn heard(what: What, text: &str, update: Option<&str>) -> Said {
        let header = Header { to: WorkerId::at(1), ..Header::blank() };
        let lane = Lane::Worker(WorkerId::at(0));
        let event = EventRef { moment: Moment::default(), lane, life: Incarnation(0), what, header: &header, text };
        let input = update.map(|update| Input::<Mute>::Update(update.to_owned()));
        let mut said = Said::default();
        said.hear(event, input.as_ref(), None);
        said
    }

    #[track_caller]
    fn check(mut said: Said, expected: &str) {
        let names = Names::new("test", ["ann", "bob"], ["bank"]).expect("good names");
        let read: Vec<String> =
            Saying::read::<Mute>(bytes(&mut said), None).iter().map(|one| one.display(&names).to_string()).collect();
        assert_eq!(read.join("; "), expected);
    }

    #[test]
    fn what_was_said_is_read_back_in_words() {
        check(heard(What::Emit, "", Some("hello")), "an update to bob: \"hello\"");
        check(heard(What::Mark, "seen", None), "the mark seen");
        check(heard(What::Choose { options: 3, value: 2 }, "", None), "the choice 2 of 3");
        let timer = What::SetTimer { tag: TimerTag(4), deadline: Time(1_000_000) };
        check(heard(timer, "", None), "a timer 4, due at 1000000 ns");
        check(heard(What::Handle, "", None), "");
    }

    #[test]
    fn whoever_died_said_nothing_at_all() {
        let mut said = heard(What::Crash(Cause::Killed), "", None);
        assert_eq!(said.bytes(), None);
        said.clear();
        assert_eq!(said.bytes(), Some(&[][..]));
        check(heard(What::Crash(Cause::Panic), "oh", None), "a panic: oh");
    }

    #[test]
    fn long_texts_are_kept_as_their_hash() {
        let (one, other) = ("x".repeat(TEXT_MAX), "y".repeat(TEXT_MAX));
        let (mut one, mut other) = (heard(What::Emit, "", Some(&one)), heard(What::Emit, "", Some(&other)));
        assert!(bytes(&mut one).len() < 32 && bytes(&mut one) != bytes(&mut other));
        let hash = "an update to bob: 4098 bytes of hash ";
        assert!(
            Saying::read::<Mute>(bytes(&mut one), None)[0]
                .display(&Names::new("t", ["a", "bob"], ["s"]).expect("good"))
                .to_string()
                .starts_with(hash)
        );
    }

    #[test]
    fn what_can_be_serialized_is_kept_in_that_form_and_read_back() {
        let codec = Codec::<Mute>::new();
        let names = Names::new("test", ["ann", "bob"], ["bank"]).expect("good names");
        let header = Header { to: WorkerId::at(1), ..Header::blank() };
        let event = EventRef {
            moment: Moment::default(),
            lane: Lane::Worker(WorkerId::at(0)),
            life: Incarnation(0),
            what: What::Emit,
            header: &header,
            text: "",
        };
        let kept = |update: &str| {
            let mut said = Said::default();
            said.hear(event, Some(&Input::<Mute>::Update(update.to_owned())), Some(&codec));
            let bytes = bytes(&mut said).to_vec();
            (Saying::read(&bytes, Some(&codec))[0].display(&names).to_string(), bytes)
        };
        assert_eq!(kept("hello").0, "an update to bob: \"hello\"");
        let (long, other) = ("x".repeat(40), format!("{}y", "x".repeat(39)));
        assert!(kept(&long).0.starts_with("an update to bob: 42 bytes of hash "));
        assert_ne!(kept(&long).1, kept(&other).1);
        let hello = kept("hello").1;
        assert_eq!(Saying::read::<Mute>(&hello, None)[0].payload, "7 bytes that are no value");
        let damaged: Vec<u8> = hello.iter().map(|byte| byte ^ 1).collect();
        let _ = Saying::read(&damaged, Some(&codec));
    }

    #[test]
    fn what_is_beyond_the_limit_is_kept_as_its_hash() {
        let header = Header { to: WorkerId::at(1), ..Header::blank() };
        let event = |text| EventRef {
            moment: Moment::default(),
            lane: Lane::Worker(WorkerId::at(0)),
            life: Incarnation(0),
            what: What::Mark,
            header: &header,
            text,
        };
        let (mut said, text) = (Said::default(), "x".repeat(TEXT_MAX));
        (0..300).for_each(|_| said.hear::<Mute>(event(&text), None, None));
        let (len, read) = (bytes(&mut said).len(), Saying::read::<Mute>(bytes(&mut said), None));
        assert!(len < SAID_MAX + 32 && bytes(&mut said).len() == len, "{len}");
        assert_eq!(read.last().map(|last| last.code), Some(BEYOND));
    }

    #[test]
    fn the_bytes_are_fixed_for_ever() {
        let bytes = |what, text, update| bytes(&mut heard(what, text, update)).to_vec();
        assert_eq!(bytes(What::Emit, "", Some("a")), [0x80, 1, 3 << 2, b'"', b'a', b'"']);
        assert_eq!(bytes(What::Choose { options: 300, value: 1 }, "", None), [0x28, 0xac, 2, 1]);
        assert_eq!(bytes(What::Choose { options: 3, value: 0 }, "", None), [0x08, 3]);
        assert_eq!(bytes(What::Mark, "seen", None), [0x4b, 0, 4 << 2, b's', b'e', b'e', b'n']);
    }

    #[test]
    fn no_bytes_are_too_strange() {
        let mut said = heard(What::Emit, "text", Some("hello"));
        for cut in 0..bytes(&mut said).len() {
            assert!(Saying::read::<Mute>(&bytes(&mut said)[..cut], None).is_empty());
        }
        let of = |bytes| Said { bytes, ..Said::default() };
        check(of(vec![31, 0]), "something that this raddle does not know");
        check(of(vec![0, 99]), "an update to nobody: ");
    }
}
