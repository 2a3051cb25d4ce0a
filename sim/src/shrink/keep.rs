//! Keeps some actions of a run in their order and does everything else in the default order.
//!
//! Delta debugging over single choices would change what all later choices mean. What is taken away here is that an
//! action keeps its turn: the actions that are left still follow each other as they did, by name, and nothing else
//! moves. With all of them it is the run itself, with none of them the default order.

use raddle_core::{Beyond, WorkerId, fnv};
use rustc_hash::FxHashMap;

use crate::actions::{Action, Actions};
use crate::faults::Fault;
use crate::sessions::is_op;
use crate::strategy::Strategy;

/// Something about a run that may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// The turn of an action.
    Turn(u64),
    /// The n-th value, from 1, taken in `choose` at an action.
    Draw(u64, u32, u32),
}

/// Names actions by numbers that do not depend on the schedule: messages by their ids, the others by how often they
/// were done before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    done: FxHashMap<u64, u32>,
}

impl Keys {
    pub(crate) fn clear(&mut self) {
        self.done.clear();
    }

    pub(crate) fn of(&self, action: Action<'_>) -> u64 {
        match kind(action) {
            Ok(id) => id,
            Err(kind) => numbered(kind, self.done.get(&kind).copied().unwrap_or(0)),
        }
    }

    /// The same, and from now on it is done.
    pub(crate) fn take(&mut self, action: Action<'_>) -> u64 {
        match kind(action) {
            Ok(id) => id,
            Err(kind) => {
                let times = self.done.entry(kind).or_insert(0);
                *times += 1;
                numbered(kind, *times - 1)
            }
        }
    }
}

fn numbered(kind: u64, times: u32) -> u64 {
    fnv::spread(kind.wrapping_add(u64::from(times)))
}

/// The hash of a message's id, or of a kind of action that comes again and again.
fn kind(action: Action<'_>) -> Result<u64, u64> {
    let kind = |word: &[u8], index: usize| Err(fnv::spread(fnv::hash(word) ^ index as u64));
    match action {
        Action::Deliver(header) => Ok(header.id.hash64()),
        Action::Fire(_, id) if is_op(id) => Ok(fnv::spread(fnv::hash(b"expire") ^ id.hash64())),
        Action::Fire(_, id) => Ok(id.hash64()),
        Action::Push(worker) => kind(b"push", worker.index()),
        Action::Pick(worker) => kind(b"pick", worker.index()),
        Action::Route(shard) => kind(b"route", shard as usize),
        Action::Stall(worker) => kind(b"stalled", worker.index()),
        Action::Tell(worker) => kind(b"tell", worker.index()),
        Action::EndLife(worker) => kind(b"end", worker.index()),
        Action::Hand(shard) => kind(b"hand", shard as usize),
        Action::Bury(shard) => kind(b"bury", shard as usize),
        Action::Fault(fault) => match (fault.message(), fault) {
            (Some(header), _) => Ok(fnv::spread(fnv::hash(fault.verb().as_bytes()) ^ header.id.hash64())),
            (None, Fault::Cut(from, to) | Fault::Mend(from, to)) => {
                kind(fault.verb().as_bytes(), from.index() << 32 | to.index())
            }
            (None, Fault::Skew(worker, by)) => kind(by.to_string().as_bytes(), worker.index()),
            (None, _) => kind(fault.verb().as_bytes(), fault.worker().map_or(0, WorkerId::index)),
        },
    }
}

/// Does the kept actions in their order, and the others in the default order.
#[derive(Debug, Default)]
pub(crate) struct Keep {
    turns: FxHashMap<u64, u32>,
    draws: FxHashMap<u64, Vec<(u32, u32)>>,
    keys: Keys,
    /// The first turn that has not come yet.
    next: u32,
    current: u64,
}

impl Keep {
    pub(crate) fn new(items: &[Item]) -> Self {
        let mut keep = Self::default();
        for item in items {
            match *item {
                Item::Turn(key) => _ = keep.turns.insert(key, keep.turns.len() as u32),
                Item::Draw(key, nth, value) => keep.draws.entry(key).or_default().push((nth, value)),
            }
        }
        keep
    }

    /// An action is done that this did not choose.
    pub(crate) fn note(&mut self, action: Action<'_>) {
        self.current = self.keys.take(action);
        if let Some(turn) = self.turns.get(&self.current) {
            self.next = self.next.max(turn + 1);
        }
    }

    /// The first action whose turn it is; without one, the one whose turn comes next: what it waits for never comes.
    fn whose_turn(&self, actions: &Actions<'_>) -> usize {
        let mut waiting = None;
        for at in 0..actions.len() {
            match self.turns.get(&self.keys.of(actions.get(at))) {
                Some(turn) if *turn > self.next => waiting = waiting.min(Some((*turn, at))).or(Some((*turn, at))),
                // A fault that is not kept does not come; its end does, when nothing else can.
                None if at >= actions.usual() => {}
                _ => return at,
            }
        }
        waiting.map_or(0, |(_, at)| at)
    }
}

impl Strategy for Keep {
    fn begin(&mut self, _: u64) {
        self.next = 0;
        self.keys.clear();
    }

    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        let at = self.whose_turn(actions);
        self.note(actions.get(at));
        at
    }

    fn is_scripted(&self) -> bool {
        true
    }

    fn script(&mut self, values: &mut Vec<u32>) {
        values.clear();
        for (nth, value) in self.draws.get(&self.current).into_iter().flatten() {
            values.resize((*nth as usize).max(values.len()), 0);
            values[*nth as usize - 1] = *value;
        }
    }

    fn beyond(&self) -> Beyond {
        Beyond::First
    }
}
