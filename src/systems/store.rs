//! `store`: a key-value store on three replicas, and sessions that go from one to another.
//!
//! A write goes to any replica, which applies it and tells the others; a query goes to any replica too. Of two writes to
//! one key the later stands, by the time that replicas count and then by their order, so that all come to agree. Wherever
//! a session goes, it finds what it has written and read, and all that was known to who wrote that: the replicas do
//! nothing for it, what a session must see is known to the core.

use std::borrow::Cow;
use std::collections::BTreeMap;

use raddle_core::{Ask, FaultKind, Input, Outbox, StateMachine, System, WorkerId};
use raddle_sim::FaultPlan;
use serde::{Deserialize, Serialize};

use super::messages;
use crate::catalog::{Args, Entry};

const REPLICAS: [&str; 3] = ["a", "b", "c"];
const KEYS: [&str; 2] = ["x", "y"];
const SESSIONS: [&str; 2] = ["ann", "bob"];

/// What a value stands under.
type Key = Cow<'static, str>;

/// From a session.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
enum Op {
    Put(Key, u32),
    Get(Key),
}

/// A write, by when and where it was made: no two are made at the same time by one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Version {
    time: u32,
    by: WorkerId,
    value: u32,
}

#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
enum Say {
    /// To another replica.
    Copy(Key, Version),
    /// To a session.
    Found(Option<u32>),
}

#[derive(Clone, Copy, Debug, Default, Hash, Serialize, Deserialize)]
struct Bugs {
    stale_cache: bool,
    blind_copies: bool,
}

#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
struct Replica {
    time: u32,
    versions: BTreeMap<Key, Version>,
    /// What a replica with a stale cache answers from: it is brought up to date by writes, and not by copies of them.
    cache: BTreeMap<Key, u32>,
    bugs: Bugs,
}

impl Replica {
    fn apply(&mut self, key: Key, version: Version, out: &mut Outbox<Say>) {
        self.time = self.time.max(version.time);
        let later = self.versions.get(&key).is_none_or(|mine| *mine < version);
        if later || self.bugs.blind_copies {
            self.versions.insert(key, version);
        } else {
            out.mark("came-too-late");
        }
    }

    /// For coverage: of which keys it has a version.
    fn state(&self) -> &'static str {
        match KEYS.map(|key| self.versions.contains_key(key)) {
            [false, false] => "no-key",
            [true, false] => "x-only",
            [false, true] => "y-only",
            [true, true] => "both-keys",
        }
    }

    /// For coverage.
    const fn kind(input: &Input<Self>) -> &'static str {
        match input {
            Input::Message(_) => "put",
            Input::Query(_) => "get",
            Input::Update(Say::Copy(..)) => "copy",
            other => other.kind().word(),
        }
    }

    fn value(&self, key: &str) -> Option<u32> {
        match self.bugs.stale_cache {
            true => self.cache.get(key).copied(),
            false => self.versions.get(key).map(|version| version.value),
        }
    }
}

impl StateMachine for Replica {
    type Message = Op;
    type Update = Say;

    fn on_message(&mut self, op: Op, out: &mut Outbox<Say>) {
        let Op::Put(key, value) = op else { return };
        let version = Version { time: self.time + 1, by: out.me(), value };
        self.apply(key.clone(), version, out);
        self.cache.insert(key.clone(), value);
        out.wrote(&key, value);
        for other in REPLICAS {
            if other != out.my_name() {
                out.notify(other, Say::Copy(key.clone(), version));
            }
        }
    }

    fn on_update(&mut self, say: Say, out: &mut Outbox<Say>) {
        if let Say::Copy(key, version) = say {
            self.apply(key, version, out);
        }
    }

    fn on_query(&self, op: Op, out: &mut Outbox<Say>) {
        let Op::Get(key) = op else { return };
        let value = self.value(&key);
        out.mark(if value.is_some() { "found" } else { "not-found" });
        out.read(key, value);
        out.reply(Say::Found(value));
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("store", "a key-value store on three replicas, with sessions that go from one to another", |args| {
        Ok(system(messages(args)?, args))
    })
    .param("messages", "8", "writes and queries, of two sessions")
    // Nobody asks again for a write that was lost, and whoever forgets asks nobody.
    .tolerates(FaultPlan::all().with(FaultKind::Loss, 0).with(FaultKind::Crash, 0).with(FaultKind::Full, 0))
    .bug("stale-cache", "causal-consistency", "a replica answers from a cache that copies of writes do not reach")
    .bug("blind-copies", "convergence", "a copy that comes last stands, though the write was not the last")
}

fn system(messages: u32, args: &Args) -> System<Replica> {
    let bugs = Bugs { stale_cache: args.has_bug("stale-cache"), blind_copies: args.has_bug("blind-copies") };
    SESSIONS.iter().enumerate().fold(
        System::new("store")
            .workers(REPLICAS, move |_| Replica { bugs, ..Replica::default() })
            .marks(["found", "not-found", "came-too-late"])
            .converging(REPLICAS, |replica: &Replica| replica.versions.clone())
            .state_kind(Replica::state)
            .message_kind(Replica::kind)
            .hashed()
            .on_processes(),
        |system, (at, session)| system.session(*session, ops(at, share(messages, at))),
    )
}

/// How many of so many messages a session sends.
const fn share(messages: u32, at: usize) -> u32 {
    (messages + (SESSIONS.len() - 1 - at) as u32) / SESSIONS.len() as u32
}

/// Writes and queries in turns, each to the next replica, and two of each to one key; the one session begins with a write,
/// the other with a query.
fn ops(session: usize, count: u32) -> impl Iterator<Item = Ask<Op>> {
    (0..count).map(move |nth| {
        let to = REPLICAS[(session + nth as usize) % REPLICAS.len()];
        let key = KEYS[(nth as usize / 4) % KEYS.len()].into();
        match (nth as usize + session) % 2 {
            0 => Ask::tell(to, Op::Put(key, nth * SESSIONS.len() as u32 + session as u32)),
            _ => Ask::query(to, Op::Get(key)),
        }
    })
}

#[cfg(test)]
mod tests {
    use raddle_sim::{Network, Runner, Settings, strategy::Random};

    use super::*;

    /// In how many of these runs, over a network that keeps no order, replicas end with different values.
    fn diverging(bugs: Bugs) -> usize {
        let system = SESSIONS.iter().enumerate().fold(
            System::new("store").workers(REPLICAS, move |_| Replica { bugs, ..Replica::default() }),
            |system, (at, session)| system.session(*session, ops(at, 4)),
        );
        let agree = |run: &raddle_core::Snapshot<'_, Replica>| {
            let mut versions = run.machines().map(|replica| &replica.versions);
            let first = versions.next();
            versions.all(|other| Some(other) == first)
        };
        let plan = system.at_end("agree", agree).plan().expect("the system can be run");
        let settings = Settings { network: Network::Bag, ..Settings::default() };
        let mut runner = Runner::new(plan, settings, None).expect("the settings fit");
        (0..300).filter(|seed| runner.run(*seed, &mut Random::default()).violation.is_some()).count()
    }

    #[test]
    fn replicas_come_to_agree_unless_copies_are_applied_blindly() {
        assert_eq!(diverging(Bugs::default()), 0);
        assert!(diverging(Bugs { blind_copies: true, ..Bugs::default() }) > 0);
    }

    #[test]
    fn messages_are_shared_by_the_sessions() {
        assert_eq!([share(8, 0), share(8, 1), share(3, 0), share(3, 1)], [4, 4, 2, 1]);
    }
}
