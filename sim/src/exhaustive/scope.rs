//! Which laws and properties an exhaustive search can judge.
//!
//! `dpor` runs one execution of each trace and leaves out those that differ from it only in the order between workers.
//! A verdict stands for all of them if it reads what they share: what one worker handles and its states in between
//! (`no-duplicates`, `bounded-depth`, `no-panic`, local properties), what is known of what (`causal-order`, `fifo`, which
//! read clocks and link numbers), and how the run ends (`no-silent-loss`, `no-deadlock`, `at_end`). `bounded-queues` reads
//! lengths: those of queues that can be full they share, and no other can become too long. A property of several workers
//! between two steps may hold in the execution that was run and not in one that was left out: unknown.
//!
//! The same holds where messages may be lost or copied and workers crash: executions of one trace lose and copy the same
//! messages, and in them each life of a worker handles the same.
//!
//! Where inputs commute, executions of one trace do not share the clocks, link numbers and states in between either, nor the
//! order in which a worker says what it reads.
//!
//! `states` goes on from each state once, so it judges states and single steps, not histories.

use raddle_core::{Plan, StateMachine, When};

use super::kind::Exhaustive;
use crate::settings::{Granularity, Network, Settings};

/// A law or property that this search cannot judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Its name.
    pub law: String,
    /// Why not, and what to do.
    pub why: String,
}

/// All that this search cannot judge, unless it is seen broken.
pub(crate) fn unknown<M: StateMachine>(
    kind: Exhaustive,
    plan: &Plan<M>,
    settings: &Settings,
    laws: &[&str],
) -> Vec<Unknown> {
    let of_laws = laws.iter().filter_map(|law| {
        let why = law_unknown(kind, plan.commuting().is_some(), settings, law)?;
        Some(Unknown { law: (*law).to_owned(), why: why.to_owned() })
    });
    let of_properties = plan.properties().iter().filter_map(|property| {
        let why = property_unknown(kind, plan.commuting().is_some(), property.when, property.worker.is_some())?;
        Some(Unknown { law: property.name.clone(), why: why.to_owned() })
    });
    of_laws.chain(of_properties).collect()
}

/// The laws that judge what handlers say; if none says anything, they have nothing to judge.
pub(crate) const OF_HISTORIES: [&str; 2] = ["causal-consistency", "consistent-cut"];

fn law_unknown(kind: Exhaustive, commuting: bool, settings: &Settings, law: &str) -> Option<&'static str> {
    let reads_order =
        law == "causal-order" || OF_HISTORIES.contains(&law) || (law == "fifo" && settings.network == Network::Bag);
    match (kind, law) {
        (_, "fairness") if settings.granularity == Granularity::Delivery => {
            Some("at granularity `delivery` there are no queues to pick from; use granularity `queues`")
        }
        (Exhaustive::Dpor, _) if commuting && reads_order => {
            Some("it reads an order that declared commuting leaves open; search without `.commuting(..)`, or use `dfs`")
        }
        (Exhaustive::States, "no-panic" | "no-deadlock" | "bounded-depth" | "determinism") => None,
        (Exhaustive::States, _) => Some("it judges histories, and `states` goes on from each state once; use `dpor`"),
        _ => None,
    }
}

fn property_unknown(kind: Exhaustive, commuting: bool, when: When, is_local: bool) -> Option<&'static str> {
    match (kind, when) {
        (_, When::AtEnd | When::Sometimes) => None,
        (Exhaustive::Dpor, _) if commuting => {
            Some("it reads states between inputs that commute; use `at_end`, or search without `.commuting(..)`")
        }
        (Exhaustive::Dpor, _) if !is_local => Some(
            "it reads the states of several workers between steps, and `dpor` runs one order of those that differ \
             only between workers; declare it with `.local(..)` if it reads one, use `at_end`, or use `dfs`",
        ),
        (Exhaustive::States, When::Eventually) => {
            Some("it judges histories, and `states` goes on from each state once; use `dpor`")
        }
        _ => None,
    }
}
