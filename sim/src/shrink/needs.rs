//! What a failing run needs, in words: which deliveries out of their order, and which choices of handlers.
//!
//! A delivery is out of order where one that was possible and older comes later: to the same worker, or where there is no
//! such, the oldest of all. What merely had to happen at other workers to make it possible is not told: it follows.

use std::fmt;

use raddle_core::{MessageId, Names, StateMachine, WorkerId};

use super::case::{Case, Script};
use super::trials::Trials;
use crate::actions::{Action, Actions, Decision};
use crate::faults::Fault;
use crate::strategy::Observed;

/// Something that is done in a run: an action and the worker it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// What.
    pub decision: Decision,
    /// At which worker; none for a shard of the coordinator.
    pub at: Option<WorkerId>,
}

impl Deed {
    pub(crate) fn of(action: Action<'_>) -> Self {
        let at = match action {
            Action::Deliver(header) => Some(header.to),
            Action::Fire(worker, _)
            | Action::Push(worker)
            | Action::Pick(worker)
            | Action::Stall(worker)
            | Action::Tell(worker)
            | Action::EndLife(worker) => Some(worker),
            Action::Route(_) | Action::Hand(_) | Action::Bury(_) => None,
            Action::Fault(fault) => match fault {
                Fault::Cut(_, to) | Fault::Mend(_, to) => Some(to),
                _ => fault.message().map(|header| header.to).or(fault.worker()),
            },
        };
        Self { decision: action.decision(), at }
    }

    /// In words, which need the names: `bank#0.1 to C`.
    #[must_use]
    pub fn display<'a>(&'a self, names: &'a Names) -> impl fmt::Display + 'a {
        Shown { deed: self, names }
    }
}

struct Shown<'a> {
    deed: &'a Deed,
    names: &'a Names,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.deed.decision, self.deed.at) {
            (Decision::Deliver(id), Some(worker)) => {
                write!(f, "{} to {}", id.display(self.names), self.names.worker(worker))
            }
            (Decision::Expire(id), _) => write!(f, "the end of the wait of {}", id.display(self.names)),
            (Decision::Push(worker), _) => write!(f, "a push of {}", self.names.worker(*worker)),
            (Decision::Pick(worker), _) => write!(f, "a pick of {}", self.names.worker(*worker)),
            (Decision::Route(shard), _) => write!(f, "a routing of shard {shard}"),
            (Decision::Stall(worker), _) => write!(f, "a stall of {}", self.names.worker(*worker)),
            (Decision::Tell(worker), _) => write!(f, "the news of a nack at {}", self.names.worker(*worker)),
            (Decision::EndLife(worker), _) => write!(f, "the end of a life of {}", self.names.worker(*worker)),
            (Decision::Hand(shard), _) => write!(f, "a delivery by shard {shard}"),
            (Decision::Bury(shard), _) => write!(f, "a tombstone from shard {shard}"),
            (Decision::Fault(fault), _) => fault_in_words(f, fault, self.names),
            (decision, _) => decision.display(self.names).fmt(f),
        }
    }
}

fn fault_in_words(f: &mut fmt::Formatter<'_>, fault: &Fault<MessageId>, names: &Names) -> fmt::Result {
    let what = match fault {
        Fault::Lose(_) => "the loss of",
        Fault::Duplicate(_) => "a copy of",
        Fault::Delay(_) => "a delay of",
        Fault::Hurry(_) => "the end of the delay of",
        Fault::Cut(..) => "a cut between",
        Fault::Mend(..) => "the end of the cut between",
        Fault::Crash(_) => "a crash of",
        Fault::Doom(_) => "a crash in the place of the next input of",
        Fault::Stall(_) => "a stall of",
        Fault::Wake(_) => "the end of the stall of",
        Fault::Fill(_) => "a full queue at",
        Fault::Drain(_) => "the end of the full queue at",
        Fault::Skew(_, by) => {
            return write!(f, "a clock {by} off at {}", names.worker(fault.worker().unwrap_or_default()));
        }
        Fault::Heal => return f.write_str("the end of all faults"),
    };
    match (fault.message(), fault) {
        (Some(id), _) => write!(f, "{what} {}", id.display(names)),
        (None, Fault::Cut(from, to) | Fault::Mend(from, to)) => {
            write!(f, "{what} {} and {}", names.worker(*from), names.worker(*to))
        }
        (None, _) => write!(f, "{what} {}", names.worker(fault.worker().unwrap_or_default())),
    }
}

/// More than these are counted, not told.
const TOLD_MAX: usize = 3;

/// What a case needs, and how many things that are.
pub(super) fn of<M: StateMachine>(trials: &mut Trials<'_, M>, case: &Case) -> (String, usize) {
    let (mut overtakings, mut faults) = (Vec::new(), Vec::new());
    let look = |actions: &Actions<'_>, at: usize| {
        let deed = |at| Deed::of(actions.get(at));
        if at >= actions.usual() {
            faults.push(deed(at));
        } else if at > 0 {
            overtakings.push(Overtaking { first: vec![deed(at)], then: (0..at).map(deed).collect() });
        }
    };
    let mut script = Script::new(&case.deviations);
    trials.show(&case.left_out, &mut Observed { inner: &mut script, look }, &mut ());
    let names = &trials.runner().conditions().names;
    let faults: Vec<String> = faults.iter().map(|deed| deed.display(names).to_string()).collect();
    let overtakings = told(overtakings);
    let count: usize = overtakings.iter().map(|overtaking| overtaking.first.len()).sum();
    let choices = case.deviations.iter().filter(|deviation| deviation.place.draw > 0).count();
    let mut parts = Vec::new();
    if !faults.is_empty() {
        let plural = if faults.len() == 1 { "" } else { "s" };
        parts.push(format!("{} fault{plural}, {}", faults.len(), listed(&faults, " and ")));
    }
    if count > 0 {
        let deliveries =
            |overtaking: &Overtaking| overtaking.first.iter().all(|deed| matches!(deed.decision, Decision::Deliver(_)));
        let what = match (overtakings.iter().all(deliveries), count) {
            (true, 1) => "delivery",
            (true, _) => "deliveries",
            (false, 1) => "step",
            (false, _) => "steps",
        };
        let each: Vec<String> = overtakings.iter().map(|overtaking| overtaking.text(names)).collect();
        parts.push(format!("{count} out-of-order {what}, {}", listed(&each, ", and ")));
    }
    if choices > 0 {
        let (plural, are) = if choices == 1 { ("choice", "is") } else { ("choices", "are") };
        parts.push(format!("{choices} {plural} of a handler that {are} not its first"));
    }
    let text = if parts.is_empty() { "nothing out of order".to_owned() } else { parts.join(", and ") };
    (text, count + choices + faults.len())
}

/// Deeds done before others that stood before them.
struct Overtaking {
    first: Vec<Deed>,
    then: Vec<Deed>,
}

impl Overtaking {
    fn text(&self, names: &Names) -> String {
        let shown = |deeds: &[Deed]| deeds.iter().map(|deed| deed.display(names).to_string()).collect::<Vec<_>>();
        format!("{} before {}", listed(&shown(&self.first), " and "), listed(&shown(&self.then), " and "))
    }
}

/// `a`, `a and b`, `a, b and c`, `a, b and 7 more`, with this before the last.
fn listed(parts: &[String], and: &str) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] if parts.len() <= TOLD_MAX => format!("{}{and}{last}", before.join(", ")),
        _ => {
            let told = TOLD_MAX - 1;
            format!("{}{and}{} more", parts[..told].join(", "), parts.len() - told)
        }
    }
}

/// Those that are out of order at one worker. Of the others, those that are not there only to make them possible: that
/// go before an oldest action that is late at its own worker anyway.
fn told(overtakings: Vec<Overtaking>) -> Vec<Overtaking> {
    let at_one = |overtaking: &Overtaking| {
        let at = overtaking.first[0].at;
        overtaking.then.iter().filter(|deed| at.is_some() && deed.at == at).cloned().collect::<Vec<_>>()
    };
    let late: Vec<Deed> = overtakings.iter().flat_map(at_one).collect();
    let mut told: Vec<Overtaking> = Vec::new();
    for overtaking in overtakings {
        let here = at_one(&overtaking);
        let then = match here.is_empty() {
            false => here,
            true if late.contains(&overtaking.then[0]) => continue,
            true => vec![overtaking.then[0].clone()],
        };
        match told.iter_mut().find(|before| before.then == then) {
            Some(before) => before.first.extend(overtaking.first),
            None => told.push(Overtaking { then, ..overtaking }),
        }
    }
    told
}
