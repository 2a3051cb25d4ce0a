//! The list of laws: their names, what they ask for, and which apply where.

use raddle_core::{Conditions, Counting, Order};

use crate::{
    bounded_depth, bounded_headers, bounded_queues, causal_consistency, causal_order, consistent_cut, determinism,
    fairness, fifo, incarnation, liveness, no_deadlock, no_duplicates, no_panic, no_silent_loss, session_guarantees,
};

/// A law: its name, and what it asks for in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LawInfo {
    /// The name, for `--laws`, reports and findings.
    pub name: &'static str,
    /// What it asks for.
    pub about: &'static str,
}

/// Every law, in the order in which verdicts are given.
pub const LAWS: &[LawInfo] = &[
    LawInfo {
        name: causal_order::NAME,
        about: "no update is handled after one whose sender knew of it; clocks say exactly what was known",
    },
    LawInfo { name: fifo::NAME, about: "the updates of one sender are handled in the order in which they were sent" },
    LawInfo { name: no_deadlock::NAME, about: "a run that comes to rest leaves nobody waiting" },
    LawInfo { name: liveness::NAME, about: "once all faults are over, a run comes to rest" },
    LawInfo { name: bounded_depth::NAME, about: "every update knows its depth, and none reaches the limit" },
    LawInfo {
        name: bounded_headers::NAME,
        about: "no update carries more barriers than allowed (judged if asked for)",
    },
    LawInfo { name: bounded_queues::NAME, about: "no queue holds more than its capacity" },
    LawInfo { name: fairness::NAME, about: "a queue that has something is passed over at most K picks in a row" },
    LawInfo {
        name: no_silent_loss::NAME,
        about: "every message sent is handled, dropped with a reason, or still on its way",
    },
    LawInfo { name: no_duplicates::NAME, about: "no life of a worker handles a message twice" },
    LawInfo { name: incarnation::NAME, about: "nothing crosses from one life of a worker into another" },
    LawInfo {
        name: session_guarantees::NAME,
        about: "what a session has seen and done, it finds again at every worker",
    },
    LawInfo { name: causal_consistency::NAME, about: "what was read can be explained by an order of cause and effect" },
    LawInfo { name: consistent_cut::NAME, about: "no part of a cut knows of what was sent after another part" },
    LawInfo { name: no_panic::NAME, about: "no handler panics" },
    LawInfo { name: determinism::NAME, about: "the same run twice is the same run (judged by comparing two)" },
];

/// The law of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static LawInfo> {
    LAWS.iter().find(|law| law.name == name)
}

/// The laws of these names, in the order in which they are given, each once.
///
/// # Errors
/// When a name is not the name of a law; the error says which look like it.
pub fn resolve<N: AsRef<str>>(names: &[N]) -> Result<Vec<&'static str>, UnknownLaw> {
    let mut laws = Vec::new();
    for name in names.iter().map(AsRef::as_ref) {
        let law = find(name).ok_or_else(|| UnknownLaw::new(name))?.name;
        if !laws.contains(&law) {
            laws.push(law);
        }
    }
    Ok(laws)
}

/// The laws that apply by default under these conditions.
///
/// Order is judged only as far as it is promised: a network that may reorder breaks no law by doing so. Fairness
/// needs queues to pick from, session guarantees need sessions. Determinism is not among them: it takes a driver that
/// can run twice. Nor are bounded headers: how many barriers are too many depends on how many workers there are and how
/// much is in flight.
#[must_use]
pub fn default_laws(conditions: &Conditions) -> Vec<&'static str> {
    let applies = |name: &str| match name {
        causal_order::NAME => conditions.promised == Order::Causal,
        fifo::NAME => conditions.promised != Order::Arrival,
        // A network that keeps causal order does not see sessions: only the core gives them guarantees.
        session_guarantees::NAME => conditions.policies.order == Order::Causal && conditions.names.has_sessions(),
        fairness::NAME => conditions.counting == Counting::Queued,
        determinism::NAME | bounded_headers::NAME => false,
        _ => true,
    };
    LAWS.iter().map(|law| law.name).filter(|name| applies(name)).collect()
}

/// A name that is not the name of a law.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no law `{name}`: {}", hint(.similar))]
pub struct UnknownLaw {
    /// What was asked for.
    pub name: String,
    /// The laws whose names look like it, most alike first; may be empty.
    pub similar: Vec<&'static str>,
}

impl UnknownLaw {
    pub(crate) fn new(name: &str) -> Self {
        let far = name.len().max(3) / 3;
        let mut similar: Vec<(usize, &'static str)> = LAWS
            .iter()
            .map(|law| (distance(name, law.name), law.name))
            .filter(|(edits, law)| *edits <= far || (name.len() >= 4 && law.contains(name)))
            .collect();
        similar.sort_unstable();
        Self { name: name.to_owned(), similar: similar.into_iter().map(|(_, law)| law).collect() }
    }
}

fn hint(similar: &[&str]) -> String {
    if similar.is_empty() {
        let all: Vec<&str> = LAWS.iter().map(|law| law.name).collect();
        return format!("the laws are {}", all.join(", "));
    }
    let quoted: Vec<String> = similar.iter().map(|law| format!("`{law}`")).collect();
    format!("did you mean {}?", quoted.join(" or "))
}

/// How many letters must be put in, taken out or changed (Levenshtein 1966), row by row.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use raddle_core::{Names, Policies, SourceId};

    use super::*;

    #[track_caller]
    fn check(name: &str, message: &str) {
        assert_eq!(UnknownLaw::new(name).to_string(), message);
    }

    #[test]
    fn a_wrong_name_is_helped() {
        check("fif0", "there is no law `fif0`: did you mean `fifo`?");
        check("causal", "there is no law `causal`: did you mean `causal-order` or `causal-consistency`?");
        check(
            "bounded",
            "there is no law `bounded`: did you mean `bounded-depth` or `bounded-queues` or `bounded-headers`?",
        );
        assert!(UnknownLaw::new("x").to_string().starts_with("there is no law `x`: the laws are causal-order, fifo, "));
    }

    #[test]
    fn defaults_are_what_is_promised() {
        let names = Arc::new(Names::new("test", ["A"], ["bank"]).unwrap());
        let with = |promised, counting| {
            let policies = Policies::default();
            default_laws(&Conditions { names: Arc::clone(&names), policies, counting, promised, barriers: false })
        };
        let always = [
            "no-deadlock",
            "liveness",
            "bounded-depth",
            "bounded-queues",
            "no-silent-loss",
            "no-duplicates",
            "incarnation",
            "causal-consistency",
            "consistent-cut",
            "no-panic",
        ];
        assert_eq!(with(Order::Arrival, Counting::InFlight), always);
        assert_eq!(with(Order::Fifo, Counting::InFlight)[..2], ["fifo", "no-deadlock"]);
        assert_eq!(with(Order::Causal, Counting::Queued).len(), LAWS.len() - 3);
        assert!(with(Order::Arrival, Counting::Queued).contains(&"fairness"));
        let sessions = Names::new("test", ["A"], ["bank"]).unwrap().with_sessions([SourceId::new(0)]);
        let with = |promised| {
            let (names, policies) = (Arc::new(sessions.clone()), Policies { order: promised, ..Policies::default() });
            default_laws(&Conditions { names, policies, counting: Counting::InFlight, promised, barriers: false })
        };
        assert!(with(Order::Causal).contains(&"session-guarantees"));
        assert!(!with(Order::Fifo).contains(&"session-guarantees"));
    }

    #[test]
    fn names_are_names_and_stand_once() {
        for law in LAWS {
            assert!(raddle_core::is_name(law.name) && !law.about.is_empty());
            assert_eq!(find(law.name), Some(law));
        }
        assert_eq!(find("no-such-law"), None);
        assert_eq!(resolve(&["fifo", "no-panic", "fifo"]), Ok(vec!["fifo", "no-panic"]));
        assert_eq!(resolve(&["fifo", "lifo"]).unwrap_err().similar, ["fifo"]);
    }
}
