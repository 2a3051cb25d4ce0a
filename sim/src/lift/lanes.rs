//! The acts of a recording by lane, each lane with the one that comes next.

use std::collections::BTreeMap;

use raddle_core::Names;
use raddle_core::recording::{Act, Reader, Recording};

/// A lane that is read.
pub(super) struct Lane<'a> {
    reader: Reader<'a>,
    head: Option<Act<'a>>,
    /// Where it stops being one, if it does.
    pub(super) broken: Option<usize>,
    kind: Kind,
}

/// Whose lane it is; each has its own acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Worker,
    Inbox,
    Shard,
}

/// What there is to speak of.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) workers: usize,
    pub(super) sources: usize,
}

impl Bounds {
    pub(super) fn of(names: &Names) -> Self {
        Self { workers: names.worker_count(), sources: names.source_count() }
    }

    /// Whether an act is of such a lane, and of parties that there are.
    fn allow(self, kind: Kind, act: &Act<'_>) -> bool {
        match act {
            Act::Handle(_) | Act::Start(_) | Act::Fire { .. } | Act::Kill { .. } => kind == Kind::Worker,
            Act::Idle => kind != Kind::Shard,
            Act::Route => kind == Kind::Shard,
            Act::Push { by } | Act::Stall { by } => kind != Kind::Worker && by.index() < self.workers,
            Act::Take { source: session } | Act::Ask { session, .. } | Act::Expire { session, .. } => {
                kind == Kind::Inbox && session.index() < self.sources
            }
            Act::Deliver | Act::Lose { .. } | Act::Pick | Act::PickAlong | Act::Nacked | Act::EndLife { .. } => {
                kind == Kind::Inbox
            }
        }
    }
}

impl<'a> Lane<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize, bounds: Bounds) -> Self {
        let kind = match at {
            at if at >= 2 * bounds.workers => Kind::Shard,
            at if at.is_multiple_of(2) => Kind::Worker,
            _ => Kind::Inbox,
        };
        let mut lane = Self { reader: Reader::new(bytes), head: None, broken: None, kind };
        lane.advance(bounds);
        lane
    }

    /// What comes next.
    #[inline]
    pub(super) const fn head(&self) -> Option<Act<'a>> {
        self.head
    }

    /// It has come.
    #[inline]
    pub(super) fn advance(&mut self, bounds: Bounds) {
        self.head = match self.reader.next() {
            Ok(act) => act,
            Err(malformed) => {
                self.broken = Some(malformed.at);
                None
            }
        };
        if let Some(act) = &self.head
            && !bounds.allow(self.kind, act)
        {
            (self.broken, self.head) = (Some(self.reader.at()), None);
        }
    }
}

/// By how many lives had ended: how many inputs were handled then.
pub(super) fn handled(recording: &Recording, names: &Names) -> BTreeMap<u32, u64> {
    let bounds = Bounds::of(names);
    let mut handled = BTreeMap::new();
    for (at, bytes) in recording.lanes.iter().enumerate().take(2 * bounds.workers).step_by(2) {
        let mut lane = Lane::new(bytes, at, bounds);
        while let Some(act) = lane.head() {
            if let Act::Handle(handling) | Act::Start(handling) | Act::Fire { handling, .. } = act {
                *handled.entry(handling.deaths).or_default() += 1;
            }
            lane.advance(bounds);
        }
    }
    handled
}

/// How many messages of each source were taken in.
pub(super) fn taken(recording: &Recording, names: &Names) -> Vec<u64> {
    let bounds = Bounds::of(names);
    let mut taken = vec![0; bounds.sources];
    let inboxes = recording.lanes.iter().enumerate().take(2 * bounds.workers).skip(1).step_by(2);
    for (at, bytes) in inboxes {
        let mut lane = Lane::new(bytes, at, bounds);
        while let Some(act) = lane.head() {
            if let Act::Take { source } | Act::Ask { session: source, .. } = act {
                taken[source.index()] += 1;
            }
            lane.advance(bounds);
        }
    }
    taken
}
