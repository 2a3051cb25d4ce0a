//! One fault, or the end of one, by the name it has in schedules.
//!
//! Messages are named as whoever speaks of them does: by their place among the ready ones inside a world, by their header
//! in an [`Action`](crate::Action), by their id in a [`Decision`](crate::Decision).

use std::fmt;

use raddle_core::{FaultKind, MessageId, Names, WorkerId};

/// What befalls a run, or is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault<T> {
    /// An update is lost. Text: `lose bank#0.1`.
    Lose(T),
    /// An update is copied. Text: `duplicate bank#0.1`.
    Duplicate(T),
    /// An update is held up. Text: `delay bank#0.1`.
    Delay(T),
    /// It may go on. Text: `hurry bank#0.1`.
    Hurry(T),
    /// Nothing that the one sends the other arrives. Text: `cut ann bob`.
    Cut(WorkerId, WorkerId),
    /// It arrives again. Text: `mend ann bob`.
    Mend(WorkerId, WorkerId),
    /// A worker dies between two inputs, and lives again if its supervisor says so. Text: `crash ann`. At granularity
    /// `threads` it dies as a process does: what that leaves is seen to by a step of its own.
    Crash(WorkerId),
    /// The process of a worker will die of the next input that it takes, which nobody handles (granularity `threads`). Text:
    /// `doom ann`.
    Doom(WorkerId),
    /// A worker handles nothing. Text: `stall ann`.
    Stall(WorkerId),
    /// It goes on. Text: `wake ann`.
    Wake(WorkerId),
    /// The update queue of a worker takes nothing. Text: `fill ann`.
    Fill(WorkerId),
    /// It takes what there is room for. Text: `drain ann`.
    Drain(WorkerId),
    /// The clock of a worker is so far off from now on. Text: `skew ann -10ms`.
    Skew(WorkerId, Skew),
    /// All faults are over, and there will be no more. Text: `heal`.
    Heal,
}

/// How far off a clock is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skew {
    /// Milliseconds ahead; behind, if negative.
    pub ms: i32,
}

impl Skew {
    /// The skews that are tried.
    pub(crate) const ALL: [Self; 6] = [
        Self { ms: -1_000 },
        Self { ms: 1_000 },
        Self { ms: -100 },
        Self { ms: 100 },
        Self { ms: -10 },
        Self { ms: 10 },
    ];

    pub(crate) const fn nanos(self) -> i64 {
        self.ms as i64 * 1_000_000
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+}ms", self.ms)
    }
}

impl<T> Fault<T> {
    /// Of which kind it is; none for [`Fault::Heal`], which is the end of all.
    #[must_use]
    pub const fn kind(&self) -> Option<FaultKind> {
        Some(match self {
            Self::Lose(_) => FaultKind::Loss,
            Self::Duplicate(_) => FaultKind::Duplication,
            Self::Delay(_) | Self::Hurry(_) => FaultKind::Delay,
            Self::Cut(..) | Self::Mend(..) => FaultKind::Partition,
            Self::Crash(_) | Self::Doom(_) => FaultKind::Crash,
            Self::Stall(_) | Self::Wake(_) => FaultKind::Stall,
            Self::Fill(_) | Self::Drain(_) => FaultKind::Full,
            Self::Skew(..) => FaultKind::Skew,
            Self::Heal => return None,
        })
    }

    /// Whether it ends what another began.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        matches!(self, Self::Hurry(_) | Self::Mend(..) | Self::Wake(_) | Self::Drain(_) | Self::Heal)
    }

    /// The verb of its text.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Lose(_) => "lose",
            Self::Duplicate(_) => "duplicate",
            Self::Delay(_) => "delay",
            Self::Hurry(_) => "hurry",
            Self::Cut(..) => "cut",
            Self::Mend(..) => "mend",
            Self::Crash(_) => "crash",
            Self::Doom(_) => "doom",
            Self::Stall(_) => "stall",
            Self::Wake(_) => "wake",
            Self::Fill(_) => "fill",
            Self::Drain(_) => "drain",
            Self::Skew(..) => "skew",
            Self::Heal => "heal",
        }
    }

    /// The message that it befalls.
    #[must_use]
    pub const fn message(&self) -> Option<&T> {
        match self {
            Self::Lose(it) | Self::Duplicate(it) | Self::Delay(it) | Self::Hurry(it) => Some(it),
            _ => None,
        }
    }

    /// The worker that it befalls.
    #[must_use]
    pub const fn worker(&self) -> Option<WorkerId> {
        match self {
            Self::Crash(it)
            | Self::Doom(it)
            | Self::Stall(it)
            | Self::Wake(it)
            | Self::Fill(it)
            | Self::Drain(it)
            | Self::Skew(it, _) => Some(*it),
            _ => None,
        }
    }

    /// The same of the same message, named otherwise.
    #[must_use]
    pub fn map<U>(self, name: impl FnOnce(T) -> U) -> Fault<U> {
        match self {
            Self::Lose(it) => Fault::Lose(name(it)),
            Self::Duplicate(it) => Fault::Duplicate(name(it)),
            Self::Delay(it) => Fault::Delay(name(it)),
            Self::Hurry(it) => Fault::Hurry(name(it)),
            Self::Cut(from, to) => Fault::Cut(from, to),
            Self::Mend(from, to) => Fault::Mend(from, to),
            Self::Crash(it) => Fault::Crash(it),
            Self::Doom(it) => Fault::Doom(it),
            Self::Stall(it) => Fault::Stall(it),
            Self::Wake(it) => Fault::Wake(it),
            Self::Fill(it) => Fault::Fill(it),
            Self::Drain(it) => Fault::Drain(it),
            Self::Skew(it, by) => Fault::Skew(it, by),
            Self::Heal => Fault::Heal,
        }
    }

    /// Whether both are the same, where messages are compared so.
    pub(crate) fn is_like<U>(&self, other: &Fault<U>, same: impl FnOnce(&T, &U) -> bool) -> bool {
        let targets = |from: WorkerId, to: WorkerId| [from.index(), to.index()];
        let place = match self {
            Self::Cut(from, to) | Self::Mend(from, to) => Some(targets(*from, *to)),
            Self::Skew(it, by) => Some([it.index(), by.ms as usize]),
            _ => self.worker().map(|it| [it.index(), 0]),
        };
        let other_place = match other {
            Fault::Cut(from, to) | Fault::Mend(from, to) => Some(targets(*from, *to)),
            Fault::Skew(it, by) => Some([it.index(), by.ms as usize]),
            _ => other.worker().map(|it| [it.index(), 0]),
        };
        let messages = match (self.message(), other.message()) {
            (Some(a), Some(b)) => same(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        self.verb() == other.verb() && place == other_place && messages
    }
}

impl Fault<MessageId> {
    /// Writes the text form.
    pub(crate) fn write(&self, f: &mut fmt::Formatter<'_>, names: &Names) -> fmt::Result {
        f.write_str(self.verb())?;
        if let Some(id) = self.message() {
            write!(f, " {}", id.display(names))?;
        }
        if let Some(worker) = self.worker() {
            write!(f, " {}", names.worker(worker))?;
        }
        match self {
            Self::Cut(from, to) | Self::Mend(from, to) => write!(f, " {} {}", names.worker(*from), names.worker(*to)),
            Self::Skew(_, by) => write!(f, " {by}"),
            _ => Ok(()),
        }
    }

    /// Reads the text form.
    pub(crate) fn read(text: &str, names: &Names) -> Option<Self> {
        let mut words = text.split(' ');
        let (verb, first, second) = (words.next()?, words.next(), words.next());
        if words.next().is_some() {
            return None;
        }
        let id = || first.filter(|_| second.is_none()).and_then(|text| MessageId::parse(text, names).ok());
        let worker = || first.filter(|_| second.is_none()).and_then(|name| names.worker_id(name));
        let link = || Some((names.worker_id(first?)?, names.worker_id(second?)?));
        Some(match verb {
            "lose" => Self::Lose(id()?),
            "duplicate" => Self::Duplicate(id()?),
            "delay" => Self::Delay(id()?),
            "hurry" => Self::Hurry(id()?),
            "cut" => link().map(|(from, to)| Self::Cut(from, to))?,
            "mend" => link().map(|(from, to)| Self::Mend(from, to))?,
            "crash" => Self::Crash(worker()?),
            "doom" => Self::Doom(worker()?),
            "stall" => Self::Stall(worker()?),
            "wake" => Self::Wake(worker()?),
            "fill" => Self::Fill(worker()?),
            "drain" => Self::Drain(worker()?),
            "skew" => {
                let by = second?.strip_suffix("ms")?.parse().ok()?;
                Self::Skew(names.worker_id(first?)?, Skew { ms: by })
            }
            "heal" if first.is_none() => Self::Heal,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Shown<'a>(&'a Fault<MessageId>, &'a Names);

    impl fmt::Display for Shown<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.write(f, self.1)
        }
    }

    #[test]
    fn texts_round_trip() {
        let names = Names::new("test", ["ann", "heal"], ["bank"]).expect("good names");
        for text in [
            "lose bank#0.1",
            "duplicate bank#0.1~1.0",
            "delay bank#0.1",
            "hurry bank#0.1",
            "cut ann heal",
            "mend heal ann",
            "crash ann",
            "doom heal",
            "stall heal",
            "wake heal",
            "fill ann",
            "drain ann",
            "skew ann -10ms",
            "skew ann +1000ms",
            "heal",
        ] {
            let fault = Fault::read(text, &names).expect(text);
            assert_eq!(Shown(&fault, &names).to_string(), text);
            assert!(fault.is_like(&fault, |a, b| a == b));
        }
        for text in
            ["lose", "lose ann", "crash eve", "cut ann", "skew ann", "skew ann 3s", "heal ann", "crash ann heal"]
        {
            assert_eq!(Fault::read(text, &names), None, "{text}");
        }
    }
}
