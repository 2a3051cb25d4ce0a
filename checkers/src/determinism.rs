//! Determinism: the same run twice is the same run.
//!
//! One run cannot show it: a driver runs twice and compares the two traces with [`compare`]. Lanes are compared one by
//! one, without times and steps and without the coordinator's own events, as in a digest: so a simulated run can also
//! be compared with a real one.

use std::collections::BTreeMap;

use raddle_core::{End, Event, Lane, Names, Trace};

use crate::violation::{Verdict, Violation};
use crate::words;

/// The law's name.
pub const NAME: &str = "determinism";

/// What one run says of it: nothing.
#[must_use]
pub fn of_one_run() -> Verdict {
    Verdict::Unknown("one trace cannot show it: run twice and compare".to_owned())
}

/// The first difference between two runs that should be the same, if there is one.
///
/// Compares who took part under which conditions (code `conditions`), the events of each worker and inbox (`events`),
/// and how the runs ended (`end`). Verdicts follow from those.
///
/// ```
/// use std::sync::Arc;
/// use raddle_checkers::determinism;
/// use raddle_core::{Conditions, Counting, End, EndReason, Names, Order, Policies, Trace};
///
/// let conditions = Conditions {
///     names: Arc::new(Names::new("demo", ["ann"], ["bank"])?),
///     policies: Policies::default(),
///     counting: Counting::InFlight,
///     promised: Order::Fifo,
///     barriers: false,
/// };
/// let first = Trace { conditions, events: Vec::new(), end: End::default() };
/// let mut second = first.clone();
/// assert_eq!(determinism::compare(&first, &second), None);
///
/// second.end.reason = EndReason::Horizon;
/// let violation = determinism::compare(&first, &second).expect("they end differently");
/// assert_eq!(violation.reason, "the first run ended as quiescent, the second as horizon");
/// # Ok::<(), raddle_core::NameError>(())
/// ```
#[must_use]
pub fn compare(first: &Trace, second: &Trace) -> Option<Violation> {
    let (one, other) = (&first.conditions, &second.conditions);
    if one != other {
        let reason = "the two traces are of different systems, policies or promises".to_owned();
        return Some(Violation::at_end(NAME, "conditions", Default::default(), reason));
    }
    let names = &one.names;
    first_difference(first, second, names).or_else(|| {
        let reason = end_difference(&first.end, &second.end, names)?;
        let moment = first.events.last().map(|e| e.moment).unwrap_or_default();
        Some(Violation::at_end(NAME, "end", moment, reason))
    })
}

/// The breach of two runs whose events are the same, and whose verdicts or final states are not.
#[must_use]
pub fn of_state(first: &Trace) -> Violation {
    let moment = first.events.last().map(|e| e.moment).unwrap_or_default();
    let reason = "two runs had the same events, and different verdicts or final states: a machine keeps state that \
                  does not come from its inputs";
    Violation::at_end(NAME, "state", moment, reason.to_owned())
}

type Lanes<'t> = BTreeMap<Lane, Vec<&'t Event>>;

fn lanes(trace: &Trace) -> Lanes<'_> {
    let mut lanes = Lanes::new();
    for event in trace.events.iter().filter(|e| !matches!(e.lane, Lane::Shard(_) | Lane::Network)) {
        lanes.entry(event.lane).or_default().push(event);
    }
    lanes
}

/// Of all lanes that differ, the one that does so first.
fn first_difference(first: &Trace, second: &Trace, names: &Names) -> Option<Violation> {
    let (one, other) = (lanes(first), lanes(second));
    let all = one.keys().chain(other.keys().filter(|lane| !one.contains_key(lane)));
    let differing = all.filter_map(|lane| {
        let events = |lanes: &Lanes<'_>| lanes.get(lane).map_or(0, Vec::len);
        let at =
            |place: usize| [&one, &other].map(|lanes| lanes.get(lane).and_then(|events| events.get(place).copied()));
        let place = (0..events(&one).max(events(&other))).find(|place| !are_same(at(*place)))?;
        Some((*lane, place, at(place)))
    });
    let step = |pair: &[Option<&Event>; 2]| pair.iter().flatten().map(|e| e.moment.step).min();
    let (lane, place, pair) = differing.min_by_key(|(lane, _, pair)| (step(pair), *lane))?;
    let event = pair[0].or(pair[1])?;
    let (told_first, told_second) = tell(pair, names);
    let reason = format!(
        "the runs differ in event {} at {}: the first has {told_first}, the second {told_second}",
        place + 1,
        words::place(lane, names),
    );
    let worker = match lane {
        Lane::Worker(worker) | Lane::Inbox(worker) => Some(worker),
        Lane::Shard(_) | Lane::Network => None,
    };
    let mut violation = Violation::at(NAME, "events", worker, event.as_ref(), reason);
    let other = pair[1].map(|e| e.header.id.clone()).filter(|id| *id != event.header.id);
    violation.witness = other.into_iter().collect();
    Some(violation)
}

/// Whether two events of a lane are the same, but for when they happened.
fn are_same(pair: [Option<&Event>; 2]) -> bool {
    let [Some(a), Some(b)] = pair else { return pair == [None, None] };
    let (x, y) = (&a.header, &b.header);
    (a.what, a.life, &a.text, &a.payload) == (b.what, b.life, &b.text, &b.payload)
        && (x.from, x.to, x.number, x.depth) == (y.from, y.to, y.number, y.depth)
        && x.id == y.id
        && x.clock == y.clock
}

/// Both events in words; where the short words are the same, with the detail that is not.
fn tell([a, b]: [Option<&Event>; 2], names: &Names) -> (String, String) {
    let short =
        |event: Option<&Event>| event.map_or("nothing more".to_owned(), |e| format!("`{}`", words::event(e, names)));
    let (Some(first), Some(second)) = (a, b) else { return (short(a), short(b)) };
    if short(a) != short(b) {
        return (short(a), short(b));
    }
    let details = |e: &Event| {
        [
            ("as", format!("{:?}", e.what)),
            ("with text", format!("{:?}", e.text)),
            ("with payload", e.payload.to_string()),
            ("to", names.worker(e.header.to).to_owned()),
            ("as number", e.header.number.0.to_string()),
            ("at depth", e.header.depth.0.to_string()),
            ("in life", e.life.0.to_string()),
            ("with clock", words::clock(&e.header.clock, names)),
        ]
    };
    let differing = details(first).into_iter().zip(details(second)).find(|(x, y)| x != y);
    let ((word, x), (_, y)) = differing.unwrap_or((("from", "another".to_owned()), ("from", "another".to_owned())));
    (format!("{} {word} {x}", short(a)), format!("{word} {y}"))
}

fn end_difference(first: &End, second: &End, names: &Names) -> Option<String> {
    if first == second {
        return None;
    }
    if first.reason != second.reason {
        let words = [first.reason.word(), second.reason.word()];
        return Some(format!("the first run ended as {}, the second as {}", words[0], words[1]));
    }
    let left = |end: &End| {
        let ids: Vec<String> = end.in_flight.iter().map(|id| words::id(id, names)).collect();
        format!(
            "{} in flight, {} parked, {} stalled, {} waiting",
            words::list(&ids),
            end.parked.len(),
            end.stalled.len(),
            end.waiting.len()
        )
    };
    Some(format!("the first run left {}, the second {}", left(first), left(second)))
}
