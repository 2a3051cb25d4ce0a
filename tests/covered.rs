//! What the built-in systems call their kinds of states and inputs: those in which anything is handled all come up in a
//! short search, and no others.
#![cfg(feature = "sim")]

use std::collections::BTreeSet;

use raddle::any::Search;
use raddle::sim::Covered;

/// By system, how many messages it is given if not as many as by default, the kinds of states in which something was
/// handled, and the kinds of inputs.
const KINDS: [(&str, Option<&str>, &str, &str); 9] = [
    ("twopc", None, "counting fresh idle voted", "abort commit external no prepare yes"),
    ("counter", None, "knows-none knows-some", "add added ask known query start"),
    ("diamond", None, "none-waits one-waits passes-on several-wait splits", "external update"),
    ("indexer", None, "filled free fresh inserts probes", "done external insert taken"),
    ("ledger", None, "above-opening above-twice as-opened below-opening", "credit transfer"),
    ("readers", None, "has-not-read unwritten writer written", "external new-value old-value read write"),
    ("retry", None, "has-counted has-nothing repeats waits", "external parcel receipt start timer"),
    ("snapshot", None, "before-the-cut behind-the-cut", "credit marker pay snap"),
    // The sessions come to the second key with their fifth message.
    ("store", Some("12"), "both-keys no-key x-only", "copy get put"),
];

#[test]
fn every_kind_that_a_system_names_comes_up() {
    for (name, messages, states, inputs) in KINDS {
        let entry = raddle::systems::all().into_iter().find(|entry| entry.name() == name).expect("a built-in system");
        let args = entry.args(messages.map(|messages| ("messages", messages))).expect("it fits");
        let system = entry.build(&args).expect("it fits");
        let settings = entry.default_settings().clone();
        let search = Search { seeds: 0..500, settings, ..Search::default() };
        let report = system.explore(&search).expect("it can be run");
        let set = |of: fn(&Covered) -> &str| report.coverage.iter().map(of).collect::<BTreeSet<_>>();
        assert_eq!(set(|covered| &covered.state), states.split(' ').collect(), "{name}");
        assert_eq!(set(|covered| &covered.input), inputs.split(' ').collect(), "{name}");
    }
}
