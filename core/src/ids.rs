//! Names for everything that can be pointed at: workers, sources, incarnations, depths, times, messages.
//!
//! A [`MessageId`] says how a message came to be, never when: the root input of its chain and, hop by hop, which
//! output of the handler it was. So it survives reordering, shrinking and edits of the program, which a counter
//! would not. Start at [`MessageId`]; the text form is what people see and what findings store.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::few::Few;
use crate::fnv;
use crate::names::Names;

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(u32);

        impl $name {
            /// The one at this place in the order of declaration.
            #[must_use]
            pub const fn new(index: u32) -> Self {
                Self(index)
            }

            /// The one at this place of a list, in the order of declaration.
            #[must_use]
            pub fn at(index: usize) -> Self {
                Self(u32::try_from(index).expect("systems have fewer than 2^32 parties"))
            }

            /// The place in the order of declaration, for indexing.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index! {
    /// A worker, by its place in the order of declaration.
    WorkerId
}

impl WorkerId {
    /// Nobody: whoever a name means that no worker has.
    pub(crate) const UNKNOWN: Self = Self(u32::MAX);
}

index! {
    /// A source of external messages, by its place in the order of declaration.
    SourceId
}

/// Which life of a worker: 0 before the first restart. Handed out by the coordinator, never by the worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Incarnation(pub u32);

/// How many updates stand between an update and the input that began its chain.
///
/// An update caused by an external message, a start or a timer has depth 0; one caused by an update of depth d
/// has d + 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Depth(pub u32);

/// Time since the run began, in nanoseconds: virtual in the simulator, measured in a real run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(pub u64);

impl Time {
    /// The moment `later` after this one; saturates at the end of time, 584 years on.
    #[must_use]
    pub fn after(self, later: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(later.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Since the run began.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }
}

/// The number of an update on its link, from 1, in the order in which its sender sent; 0 is no number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LinkNumber(pub u32);

/// Who sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Party {
    /// Another worker, or the worker itself (self-sends, starts, timers).
    Worker(WorkerId),
    /// The outside world.
    Source(SourceId),
}

impl Party {
    /// The worker, if it is one.
    #[must_use]
    pub const fn worker(self) -> Option<WorkerId> {
        match self {
            Self::Worker(worker) => Some(worker),
            Self::Source(_) => None,
        }
    }
}

/// The input that began a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Root {
    /// The n-th message of a source, from 0; never renumbered when a workload is cut. Text: `bank#3`.
    External(SourceId, u32),
    /// The start of one life of a worker. Text: `ann/0!start`.
    Start(WorkerId, Incarnation),
    /// The n-th timer that one life of a worker set, from 0. Text: `ann/0@timer#2`.
    Timer(WorkerId, Incarnation, u32),
}

/// Most outputs one handling may have: an output index is 16 bits wide.
pub const OUTPUTS_MAX: usize = 1 << 16;

/// Output indices kept inside an id without allocation: enough for the default depth limit.
const PATH_INLINE: usize = 12;

/// The stable name of an input: its root, then for each hop the index of the output it was.
///
/// `bank#0.1.0` is the first output of handling the second output of handling message 0 of source `bank`. Where the
/// network made a copy of a message, the copy says which: `bank#0.1~1` is the first copy of `bank#0.1`, and `bank#0.1~1.0`
/// what came of handling that copy.
#[derive(Debug)]
pub struct MessageId {
    root: Root,
    hash: u64,
    path: Few<u16, PATH_INLINE>,
    /// By hop, two bits each, the lowest for the root: which copy it is.
    copies: u32,
}

/// Most copies that the network makes of one message.
pub const COPIES_MAX: u32 = 3;
/// The hops that may say which copy they are.
const COPIED_HOPS: u32 = u32::BITS / 2;

impl MessageId {
    /// The id of an input that begins a chain.
    #[must_use]
    pub fn root(root: Root, names: &Names) -> Self {
        let hash = match root {
            Root::External(source, n) => {
                let state = fnv::extend(names.source_hash(source), b"#");
                fnv::extend_decimal(state, u64::from(n))
            }
            Root::Start(worker, life) => fnv::extend(Self::life_hash(worker, life, names), b"!start"),
            Root::Timer(worker, life, n) => {
                let state = fnv::extend(Self::life_hash(worker, life, names), b"@timer#");
                fnv::extend_decimal(state, u64::from(n))
            }
        };
        Self { root, hash, path: Few::new(), copies: 0 }
    }

    /// An id to be written over.
    pub(crate) fn blank() -> Self {
        Self { root: Root::External(SourceId::default(), 0), hash: 0, path: Few::new(), copies: 0 }
    }

    fn life_hash(worker: WorkerId, life: Incarnation, names: &Names) -> u64 {
        fnv::extend_decimal(fnv::extend(names.worker_hash(worker), b"/"), u64::from(life.0))
    }

    /// The id of the `index`-th output of handling this input.
    #[must_use]
    pub fn output(&self, index: u16) -> Self {
        let mut id = Self::blank();
        id.become_output(self, index);
        id
    }

    /// Becomes the id of the `index`-th output of handling `input`, in place.
    #[inline(always)]
    pub(crate) fn become_output(&mut self, input: &Self, index: u16) {
        self.root = input.root;
        self.hash = fnv::extend_decimal(fnv::extend(input.hash, b"."), u64::from(index));
        self.path.become_pushed(&input.path, index);
        self.copies = input.copies;
    }

    /// The id of the `nth` copy of this message, from 1; none beyond [`COPIES_MAX`], of a copy, and very deep in a chain.
    #[must_use]
    pub fn copy(&self, nth: u32) -> Option<Self> {
        let hop = self.path.len();
        if !(1..=COPIES_MAX).contains(&nth) || hop >= COPIED_HOPS || self.nth_copy() != 0 {
            return None;
        }
        let hash = fnv::extend_decimal(fnv::extend(self.hash, b"~"), u64::from(nth));
        Some(Self { root: self.root, hash, path: self.path.clone(), copies: self.copies | nth << (2 * hop) })
    }

    /// Which copy of its message it is: 0, unless the network made it.
    #[must_use]
    pub const fn nth_copy(&self) -> u32 {
        self.copy_at(self.path.len())
    }

    /// Which copy stands at a hop; the root is hop 0.
    const fn copy_at(&self, hop: u32) -> u32 {
        if hop < COPIED_HOPS { self.copies >> (2 * hop) & COPIES_MAX } else { 0 }
    }

    /// The input whose handling made this one; none for a root.
    #[must_use]
    pub fn parent(&self, names: &Names) -> Option<Self> {
        let (_, path) = self.path().split_last()?;
        let nth = |id: Self| match self.copy_at(id.path.len()) {
            0 => Some(id),
            nth => id.copy(nth),
        };
        path.iter().try_fold(nth(Self::root(self.root, names))?, |id, index| nth(id.output(*index)))
    }

    /// What began the chain.
    #[must_use]
    pub const fn chain(&self) -> Root {
        self.root
    }

    /// The output indices, hop by hop; empty for a root.
    #[must_use]
    pub fn path(&self) -> &[u16] {
        self.path.as_slice()
    }

    /// Whether this input begins a chain: an external message, a start or a timer.
    #[must_use]
    #[inline]
    pub const fn is_root(&self) -> bool {
        self.path.len() == 0
    }

    /// How many hops lie behind it, which is the depth of what comes of it.
    #[inline]
    pub(crate) const fn hops(&self) -> u32 {
        self.path.len()
    }

    /// The depth that the parent links say; 0 also for roots.
    #[must_use]
    #[inline]
    pub const fn depth(&self) -> Depth {
        Depth(self.path.len().saturating_sub(1))
    }

    /// FNV-1a of the text form: the same in every process and for ever.
    #[must_use]
    pub const fn hash64(&self) -> u64 {
        self.hash
    }

    /// The text form, which needs the names.
    #[must_use]
    pub fn display<'a>(&'a self, names: &'a Names) -> impl fmt::Display + 'a {
        DisplayId { id: self, names }
    }

    /// Says the text form, piece by piece.
    #[inline]
    pub(crate) fn spell<E>(&self, names: &Names, mut say: impl FnMut(Piece<'_>) -> Result<(), E>) -> Result<(), E> {
        use Piece::{Number, Text};
        match self.root {
            Root::External(source, n) => {
                say(Text(names.source(source)))?;
                say(Text("#"))?;
                say(Number(n))?;
            }
            Root::Start(worker, life) => {
                say(Text(names.worker(worker)))?;
                say(Text("/"))?;
                say(Number(life.0))?;
                say(Text("!start"))?;
            }
            Root::Timer(worker, life, n) => {
                say(Text(names.worker(worker)))?;
                say(Text("/"))?;
                say(Number(life.0))?;
                say(Text("@timer#"))?;
                say(Number(n))?;
            }
        }
        for hop in 0..=self.path.len() {
            if let Some(index) = hop.checked_sub(1).and_then(|at| self.path().get(at as usize)) {
                say(Text("."))?;
                say(Number(u32::from(*index)))?;
            }
            if let nth @ 1.. = self.copy_at(hop) {
                say(Text("~"))?;
                say(Number(nth))?;
            }
        }
        Ok(())
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// A sentence fragment that names the text and what is wrong with it.
    pub fn parse(text: &str, names: &Names) -> Result<Self, ParseIdError> {
        parse(text, names).ok_or_else(|| ParseIdError(text.to_owned()))
    }
}

impl Clone for MessageId {
    #[inline]
    fn clone(&self) -> Self {
        Self { root: self.root, hash: self.hash, path: self.path.clone(), copies: self.copies }
    }

    /// Keeps its own memory.
    #[inline]
    fn clone_from(&mut self, other: &Self) {
        self.root = other.root;
        self.hash = other.hash;
        self.path.copy_from(&other.path);
        self.copies = other.copies;
    }
}

impl PartialEq for MessageId {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.root == other.root && self.copies == other.copies && self.path == other.path
    }
}

impl Eq for MessageId {}

impl std::hash::Hash for MessageId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialOrd for MessageId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By root, then hop by hop: a parent stands before its outputs, and an original before its copies.
impl Ord for MessageId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.root.cmp(&other.root).then_with(|| self.path().cmp(other.path())).then(self.copies.cmp(&other.copies))
    }
}

/// A text that is not the id of a message of this system.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a message of this system (expected `SOURCE#N`, `WORKER/LIFE!start` or `WORKER/LIFE@timer#N`, then `.OUTPUT` per hop, and `~N` behind what is a copy)"
)]
pub struct ParseIdError(String);

struct DisplayId<'a> {
    id: &'a MessageId,
    names: &'a Names,
}

impl fmt::Display for DisplayId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.spell(self.names, |piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Number(number) => write!(f, "{number}"),
        })
    }
}

/// A piece of a text form.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Number(u32),
}

fn parse(text: &str, names: &Names) -> Option<MessageId> {
    let mut parts = text.split('.');
    let (root, copy) = split_copy(parts.next()?)?;
    let root = if let Some((worker, rest)) = root.split_once('/') {
        let worker = names.worker_id(worker)?;
        if let Some(life) = rest.strip_suffix("!start") {
            Root::Start(worker, Incarnation(number(life)?))
        } else {
            let (life, n) = rest.split_once("@timer#")?;
            Root::Timer(worker, Incarnation(number(life)?), number(n)?)
        }
    } else {
        let (source, n) = root.split_once('#')?;
        Root::External(names.source_id(source)?, number(n)?)
    };
    let nth = |id: MessageId, copy: u32| if copy == 0 { Some(id) } else { id.copy(copy) };
    parts.try_fold(nth(MessageId::root(root, names), copy)?, |id, part| {
        let (index, copy) = split_copy(part)?;
        nth(id.output(u16::try_from(number(index)?).ok()?), copy)
    })
}

/// What stands before `~`, and the number behind it, which is not 0; 0 if there is none.
fn split_copy(text: &str) -> Option<(&str, u32)> {
    match text.split_once('~') {
        None => Some((text, 0)),
        Some((before, copy)) => Some((before, number(copy).filter(|copy| *copy > 0)?)),
    }
}

/// A decimal number in its only spelling: no sign, no leading zero.
fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new("test", ["ann", "bob"], ["bank"]).expect("good names")
    }

    #[track_caller]
    fn round_trip(text: &str) {
        let names = names();
        let id = MessageId::parse(text, &names).expect("parses");
        assert_eq!(id.display(&names).to_string(), text);
        assert_eq!(id.hash64(), fnv::hash(text.as_bytes()));
    }

    #[test]
    fn text_form_round_trips_and_is_what_is_hashed() {
        for text in [
            "bank#0",
            "bank#12.0.3",
            "ann/0!start",
            "bob/2!start.1",
            "bob/1@timer#10.65535",
            "bank#0.1~1",
            "bank#3~2.0.7~3.0",
        ] {
            round_trip(text);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "bank",
            "bank#",
            "bank#01",
            "bank#-1",
            "eve#0",
            "ann/0",
            "ann/!start",
            "bank#0.",
            "bank#0.65536",
            "bank#0~0",
            "bank#0~4",
            "bank#0~",
            "bank#0~1~1",
        ] {
            assert!(MessageId::parse(text, &names()).is_err(), "{text}");
        }
    }

    #[test]
    fn copies_are_told_apart_and_hand_down_that_they_are() {
        let names = names();
        let parse = |text: &str| MessageId::parse(text, &names).expect("parses");
        let (original, first, second) = (parse("bank#0.1"), parse("bank#0.1~1"), parse("bank#0.1~2"));
        assert_eq!((original.copy(1), original.copy(2)), (Some(first.clone()), Some(second.clone())));
        assert_eq!((original.copy(0), original.copy(4), first.copy(1)), (None, None, None), "a copy is not copied");
        assert!(original < first && first < second && original != first);
        let child = first.output(0);
        assert_eq!(child.display(&names).to_string(), "bank#0.1~1.0");
        assert_eq!(child.parent(&names), Some(first));
        assert_eq!((child.nth_copy(), child.copy(3)), (0, Some(parse("bank#0.1~1.0~3"))));
        let deep = (0..40).fold(original, |id, _| id.output(0));
        assert_eq!(deep.copy(1), None, "too deep to say so");
    }

    #[test]
    fn depth_counts_the_updates_before() {
        let names = names();
        let external = MessageId::parse("bank#0", &names).expect("parses");
        let first = external.output(0);
        let second = first.output(7);
        assert_eq!((first.depth(), second.depth()), (Depth(0), Depth(1)));
        assert_eq!(second.parent(&names), Some(first));
        assert_eq!(external.parent(&names), None);
    }
}
