//! The policies of a system: every rule of the core that can be chosen, with its default.
//!
//! One table ([`Policies::KEYS`]) names them for `--set`, for `list`, for findings and for error messages. A new
//! policy is a field here, a row in the table and an arm in `get` and `set`; nothing else needs to know.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use indexmap::IndexMap;

use crate::sabotage::Sabotage;

/// What the core guarantees about the order in which a worker handles updates, whatever the network does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// Nothing: updates are handled as they arrive.
    Arrival,
    /// The updates of one sender to one target are handled in the order in which they were sent.
    Fifo,
    /// An update is handled after all updates to the same worker that its sender knew of. If unsure, this.
    #[default]
    Causal,
}

/// Which queue a worker picks from when both have something.
///
/// Whatever it says, a queue that has something is passed over at most K times in a row
/// ([`Policies::starvation_bound`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pick {
    /// External messages first.
    ExternalFirst,
    /// Updates first: what is under way is finished before new work begins.
    UpdatesFirst,
    /// In turns of `external` messages, then `updates` updates.
    Weighted {
        /// Messages a turn, at least 1.
        external: u32,
        /// Updates a turn, at least 1.
        updates: u32,
    },
    /// One of each in turn. If unsure, this.
    #[default]
    Alternate,
}

/// What happens to an update that finds the queue full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFull {
    /// It is dropped. If unsure, this.
    #[default]
    DropNewest,
    /// The oldest in the queue is dropped for it.
    DropOldest,
    /// It waits in a bounded overflow; if that is full too, it is dropped.
    Hold,
    /// It is dropped, and its sender is told and takes in fewer external messages for a while.
    Nack,
    /// Its sender is not scheduled until there is room; in a real run until it pays to wake it, which is when a part of the
    /// queue is free, or its owner is slow or waits itself. Can deadlock; it exists so that this can be seen. With shards
    /// even a system without cycles can: an update that waits at a shard blocks all that stand behind it.
    Stall,
}

/// Where updates are routed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// The sender's own step pushes straight into the target's inbox.
    #[default]
    Inline,
    /// Between sender and target stands one of n shards, chosen by the target's name.
    Sharded(u32),
}

impl Placement {
    /// Most shards that can be asked for in words: more than any machine has processors for.
    const SHARDS_MAX: u32 = 256;

    /// How many shards there are.
    #[must_use]
    pub const fn shards(self) -> u32 {
        match self {
            Self::Inline => 0,
            Self::Sharded(n) => n,
        }
    }
}

/// What is done about chains that return to a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cycles {
    /// Only the depth limit ends them.
    #[default]
    Bound,
    /// An update to a worker already in its own chain is not sent. This severs every request/reply.
    Break,
    /// The declared edges form no cycle (checked when the system is built), and only they may be used.
    Forbid,
}

/// Whether a worker that has died lives again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// It stays dead.
    Never,
    /// Every time.
    Always,
    /// Unless it was restarted so often within this time already: a worker that dies again and again stays dead. If
    /// unsure, this.
    AtMost {
        /// Restarts, at least 1.
        times: u32,
        /// In whole milliseconds, at least one.
        within: Duration,
    },
}

impl Restart {
    /// How many times a worker can die while no time passes; none if that is not limited.
    #[must_use]
    pub const fn deaths_max(self) -> Option<u32> {
        match self {
            Self::Never => Some(1),
            Self::Always => None,
            Self::AtMost { times, .. } => Some(times.saturating_add(1)),
        }
    }
}

impl Default for Restart {
    fn default() -> Self {
        Self::AtMost { times: 5, within: Duration::from_secs(1) }
    }
}

/// What a worker that lives again has of its last life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recovery {
    /// Nothing: a new machine. If unsure, this: it finds more.
    #[default]
    Amnesia,
    /// Its state as it was after the last input that it handled, as if it had been written down each time. Needs
    /// machines that can be copied ([`System::forkable`](crate::System::forkable)).
    Durable,
}

/// The rules a system runs under, in the simulator and for real.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    /// Order guaranteed to handlers.
    pub order: Order,
    /// Queue choice.
    pub pick: Pick,
    /// K: how often in a row a queue that has something may be passed over, in the worker's own picks.
    pub starvation_bound: u32,
    /// Full update queue.
    pub on_full: OnFull,
    /// Most updates in a worker's update queue.
    pub capacity: usize,
    /// Most messages in a worker's external queue; a source waits while it is full.
    pub external_capacity: usize,
    /// Most inputs that a worker takes from its inbox at once; what it sends because of them is pushed when all are handled.
    /// More is faster where workers are processes. What a worker has in hand when it dies is dropped; so is, where it is a
    /// process, what that had handled and not said yet.
    pub window: u32,
    /// Most updates that wait in the overflow of one inbox under `hold`.
    pub overflow: usize,
    /// Most updates that wait at one inbox for an earlier one; and as many of what sessions send.
    pub parking: usize,
    /// How long what a session sends waits until its worker has seen what the session has; then it is dropped. In whole
    /// milliseconds.
    pub stale_after: Duration,
    /// How many inputs are handled between two publications of what is resolved, which prune barriers.
    pub watermark: u64,
    /// Most barriers that an update may carry before the law `bounded-headers` is broken.
    pub barriers_max: usize,
    /// Where updates are routed.
    pub placement: Placement,
    /// Most updates in the ingress of one shard.
    pub ingress: usize,
    /// An update of this depth is refused.
    pub max_depth: u32,
    /// Chains that return.
    pub cycles: Cycles,
    /// Whether a worker that has died lives again.
    pub restart: Restart,
    /// With what.
    pub recovery: Recovery,
    /// A rule broken on purpose, so that a checker can be seen to catch it.
    pub sabotage: Option<Sabotage>,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            order: Order::default(),
            pick: Pick::default(),
            starvation_bound: 16,
            on_full: OnFull::default(),
            capacity: 1024,
            external_capacity: 1024,
            window: 1,
            overflow: 1024,
            parking: 1024,
            stale_after: Duration::from_secs(1),
            watermark: 200,
            barriers_max: 64,
            placement: Placement::default(),
            ingress: 1024,
            max_depth: 10,
            cycles: Cycles::default(),
            restart: Restart::default(),
            recovery: Recovery::default(),
            sabotage: None,
        }
    }
}

/// A policy that could not be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// No policy of this name.
    #[error("there is no policy `{0}`")]
    UnknownKey(String),
    /// A file that should hold all policies lacks this one.
    #[error("the policy `{0}` is not given")]
    NotGiven(String),
    /// The value does not fit.
    #[error("`{key}` cannot be `{value}`: expected {expected}")]
    BadValue {
        /// The policy.
        key: String,
        /// What was given.
        value: String,
        /// What would do.
        expected: &'static str,
    },
}

impl Policies {
    /// Policies that are younger than the first files that hold policies, and what held for everybody before.
    const LATER: [(&'static str, &'static str); 6] = [
        ("watermark", "200"),
        ("barriers_max", "64"),
        ("restart", "never"),
        ("recovery", "amnesia"),
        ("stale_after", "1000"),
        ("window", "1"),
    ];

    /// Every policy: key, what it takes, what it is.
    pub const KEYS: &'static [(&'static str, &'static str, &'static str)] = &[
        ("order", "arrival, fifo, causal", "order guaranteed to handlers"),
        ("pick", "external-first, updates-first, alternate, weighted(E,U)", "which queue a worker picks from"),
        ("starvation_bound", "a number from 1", "K: picks in a row that may pass over a waiting queue"),
        (
            "on_full",
            "drop-newest, drop-oldest, hold, nack, stall",
            "what happens to an update that finds the queue full",
        ),
        ("capacity", "a number from 1", "most updates in a worker's update queue"),
        ("external_capacity", "a number from 1", "most messages in a worker's external queue"),
        ("window", "a number from 1", "most inputs that a worker takes from its inbox at once"),
        ("overflow", "a number", "most updates held beside a full queue"),
        ("parking", "a number", "most updates that wait at an inbox for an earlier one"),
        ("stale_after", "a number", "milliseconds that a session's message waits for what the session has seen"),
        ("watermark", "a number from 1", "inputs handled between two prunings of barriers"),
        ("barriers_max", "a number", "most barriers that an update may carry"),
        ("placement", "inline, sharded(N), N up to 256", "where updates are routed"),
        ("ingress", "a number from 1", "most updates in the ingress of one shard"),
        ("max_depth", "a number from 1", "an update of this depth is refused"),
        ("cycles", "bound, break, forbid", "what is done about chains that return to a worker"),
        ("restart", "never, always, at-most(N,MS)", "whether a worker that has died lives again"),
        ("recovery", "amnesia, durable", "what a worker that lives again has of its last life"),
        ("sabotage", "none or a broken rule", "a rule of the core broken on purpose"),
    ];

    /// Sets all policies as a file has them: what a younger policy was before it was one holds where the file is older.
    ///
    /// # Errors
    /// When a policy is not known, not given, or does not take its value.
    pub fn set_written<'a>(
        &mut self,
        written: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Result<(), SetError> {
        let written: IndexMap<_, _> = written.into_iter().collect();
        for (key, _, _) in Self::KEYS.iter().filter(|row| !written.contains_key(&row.0.to_owned())) {
            let later = Self::LATER.iter().find(|later| later.0 == *key);
            self.set(key, later.ok_or_else(|| SetError::NotGiven((*key).to_owned()))?.1)?;
        }
        written.into_iter().try_for_each(|(key, value)| self.set(key, value))
    }

    /// Whether updates carry barriers: where more order is asked for than the transport keeps by itself.
    #[must_use]
    pub fn needs_barriers(&self, promised: Order) -> bool {
        self.order == Order::Causal && promised < Order::Causal
    }

    /// Whether a worker that has taken so many inputs, and has done nothing else since, may take one more along.
    #[must_use]
    pub const fn may_take_along(&self, in_hand: u32) -> bool {
        in_hand > 0 && in_hand < self.window
    }

    /// The value of a policy, as text that `set` takes.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        Some(match key {
            "order" => self.order.to_string(),
            "pick" => self.pick.to_string(),
            "starvation_bound" => self.starvation_bound.to_string(),
            "on_full" => self.on_full.to_string(),
            "capacity" => self.capacity.to_string(),
            "external_capacity" => self.external_capacity.to_string(),
            "window" => self.window.to_string(),
            "overflow" => self.overflow.to_string(),
            "parking" => self.parking.to_string(),
            "stale_after" => self.stale_after.as_millis().to_string(),
            "watermark" => self.watermark.to_string(),
            "barriers_max" => self.barriers_max.to_string(),
            "placement" => self.placement.to_string(),
            "ingress" => self.ingress.to_string(),
            "max_depth" => self.max_depth.to_string(),
            "cycles" => self.cycles.to_string(),
            "restart" => self.restart.to_string(),
            "recovery" => self.recovery.to_string(),
            "sabotage" => self.sabotage.map_or("none".to_owned(), |s| s.name().to_owned()),
            _ => return None,
        })
    }

    /// Sets one policy from text.
    ///
    /// # Errors
    /// When there is no such policy, or it does not take this value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SetError> {
        let &(_, expected, _) =
            Self::KEYS.iter().find(|row| row.0 == key).ok_or_else(|| SetError::UnknownKey(key.to_owned()))?;
        let done = match key {
            "order" => put(&mut self.order, value.parse().ok()),
            "pick" => put(&mut self.pick, value.parse().ok()),
            "starvation_bound" => put(&mut self.starvation_bound, positive(value)),
            "on_full" => put(&mut self.on_full, value.parse().ok()),
            "capacity" => put(&mut self.capacity, positive(value)),
            "external_capacity" => put(&mut self.external_capacity, positive(value)),
            "window" => put(&mut self.window, positive(value)),
            "overflow" => put(&mut self.overflow, value.parse().ok()),
            "parking" => put(&mut self.parking, value.parse().ok()),
            "stale_after" => put(&mut self.stale_after, value.parse().ok().map(Duration::from_millis)),
            "watermark" => put(&mut self.watermark, positive(value)),
            "barriers_max" => put(&mut self.barriers_max, value.parse().ok()),
            "placement" => put(&mut self.placement, value.parse().ok()),
            "ingress" => put(&mut self.ingress, positive(value)),
            "max_depth" => put(&mut self.max_depth, positive(value)),
            "cycles" => put(&mut self.cycles, value.parse().ok()),
            "restart" => put(&mut self.restart, value.parse().ok()),
            "recovery" => put(&mut self.recovery, value.parse().ok()),
            _ if value == "none" => put(&mut self.sabotage, Some(None)),
            _ => put(&mut self.sabotage, Sabotage::from_name(value).map(Some)),
        };
        let bad = || SetError::BadValue { key: key.to_owned(), value: value.to_owned(), expected };
        done.ok_or_else(bad)
    }
}

fn put<T>(slot: &mut T, value: Option<T>) -> Option<()> {
    *slot = value?;
    Some(())
}

fn positive<T: FromStr + PartialOrd + From<u8>>(value: &str) -> Option<T> {
    value.parse().ok().filter(|n| *n >= T::from(1))
}

/// Reads `name(a,b)` into its name and numbers.
pub(crate) fn call(text: &str) -> Option<(&str, Vec<u32>)> {
    let (name, rest) = text.strip_suffix(')')?.split_once('(')?;
    let numbers = rest.split(',').map(|part| part.trim().parse().ok()).collect::<Option<_>>()?;
    Some((name, numbers))
}

macro_rules! words {
    ($type:ty { $($word:literal => $value:path),* $(,)? } else |$it:ident| $parse:expr, |$me:ident, $f:ident| $show:expr) => {
        impl FromStr for $type {
            type Err = ();

            fn from_str($it: &str) -> Result<Self, ()> {
                match $it {
                    $($word => Ok($value),)*
                    _ => $parse,
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, $f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $($value => $f.write_str($word),)*
                    #[allow(unreachable_patterns)]
                    $me => $show,
                }
            }
        }
    };
}

words!(Order { "arrival" => Self::Arrival, "fifo" => Self::Fifo, "causal" => Self::Causal }
    else |text| Err(()), |it, f| write!(f, "{it:?}"));
words!(OnFull {
    "drop-newest" => Self::DropNewest, "drop-oldest" => Self::DropOldest, "hold" => Self::Hold,
    "nack" => Self::Nack, "stall" => Self::Stall,
} else |text| Err(()), |it, f| write!(f, "{it:?}"));
words!(Cycles { "bound" => Self::Bound, "break" => Self::Break, "forbid" => Self::Forbid }
    else |text| Err(()), |it, f| write!(f, "{it:?}"));
words!(Pick {
    "external-first" => Self::ExternalFirst, "updates-first" => Self::UpdatesFirst, "alternate" => Self::Alternate,
} else |text| match call(text) {
    Some(("weighted", n)) if n.len() == 2 && n[0] > 0 && n[1] > 0 => {
        Ok(Self::Weighted { external: n[0], updates: n[1] })
    }
    _ => Err(()),
}, |it, f| match it {
    Self::Weighted { external, updates } => write!(f, "weighted({external},{updates})"),
    _ => unreachable!("all other words are written above"),
});
words!(Recovery { "amnesia" => Self::Amnesia, "durable" => Self::Durable }
    else |text| Err(()), |it, f| write!(f, "{it:?}"));
words!(Restart { "never" => Self::Never, "always" => Self::Always } else |text| match call(text) {
    Some(("at-most", n)) if n.len() == 2 && n[0] > 0 && n[1] > 0 => {
        Ok(Self::AtMost { times: n[0], within: Duration::from_millis(n[1].into()) })
    }
    _ => Err(()),
}, |it, f| match it {
    Self::AtMost { times, within } => write!(f, "at-most({times},{})", within.as_millis()),
    _ => unreachable!("all other words are written above"),
});
words!(Placement { "inline" => Self::Inline } else |text| match call(text) {
    Some(("sharded", n)) if n.len() == 1 && (1..=Self::SHARDS_MAX).contains(&n[0]) => Ok(Self::Sharded(n[0])),
    _ => Err(()),
}, |it, f| match it {
    Self::Sharded(n) => write!(f, "sharded({n})"),
    Self::Inline => unreachable!("written above"),
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_get_prints_set_takes() {
        let mut policies = Policies::default();
        for (key, value) in [
            ("pick", "weighted(3,1)"),
            ("placement", "sharded(4)"),
            ("on_full", "stall"),
            ("restart", "at-most(3,250)"),
            ("recovery", "durable"),
            ("sabotage", "lose-silently"),
        ] {
            policies.set(key, value).expect("fits");
            assert_eq!(policies.get(key).as_deref(), Some(value));
        }
        let mut copy = Policies::default();
        for (key, _, _) in Policies::KEYS {
            copy.set(key, &policies.get(key).expect("listed")).expect("its own text");
        }
        assert_eq!(copy, policies);
    }

    #[test]
    fn what_a_file_lacks_is_what_held_before_or_an_error() {
        let mut written: IndexMap<String, String> = Policies::KEYS
            .iter()
            .map(|(key, ..)| ((*key).to_owned(), Policies::default().get(key).expect("listed")))
            .collect();
        written.shift_remove("window");
        let mut policies = Policies { window: 9, ..Policies::default() };
        policies.set_written(&written).expect("it is younger than files");
        assert_eq!(policies, Policies::default());
        written.shift_remove("order");
        assert_eq!(policies.set_written(&written), Err(SetError::NotGiven("order".to_owned())));
    }

    #[test]
    fn nonsense_names_key_value_and_what_would_do() {
        let mut policies = Policies::default();
        let error = policies.set("capacity", "0").expect_err("zero");
        assert_eq!(error.to_string(), "`capacity` cannot be `0`: expected a number from 1");
        assert_eq!(policies.set("colour", "red"), Err(SetError::UnknownKey("colour".to_owned())));
        for (key, value) in [
            ("pick", "weighted(0,1)"),
            ("placement", "sharded(0)"),
            ("placement", "sharded(257)"),
            ("placement", "sharded"),
            ("restart", "at-most(0,1)"),
            ("order", "random"),
        ] {
            assert!(policies.set(key, value).is_err(), "{key}={value}");
        }
        assert_eq!(policies, Policies::default());
    }
}
