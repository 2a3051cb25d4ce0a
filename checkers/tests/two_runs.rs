//! Determinism: two traces of what should be one run.

mod common;

use common::{causal, send};
use raddle_checkers::determinism::{compare, of_state};
use raddle_core::{EndReason, Order, Time, Trace, What};

fn trace() -> Trace {
    causal(vec![("A", vec![send("B", []), send("C", [])])]).run().rest().trace
}

#[track_caller]
fn check(edit: impl FnOnce(&mut Trace), signature: &str, reason: &str) {
    let (first, mut second) = (trace(), trace());
    edit(&mut second);
    let violation = compare(&first, &second).expect("they differ");
    let told = (violation.signature(&first.conditions.names), violation.reason);
    assert_eq!((told.0.as_str(), told.1.as_str()), (signature, reason));
    assert!(compare(&second, &first).is_some(), "the other way round");
}

#[test]
fn the_same_run_is_the_same() {
    assert_eq!(compare(&trace(), &trace()), None);
    let mut later = trace();
    for event in &mut later.events {
        event.moment.step += 7;
        event.moment.time = Time(9);
        event.header.sent_at = Time(3);
    }
    assert_eq!(compare(&trace(), &later), None, "when it happened does not matter");
}

#[test]
fn the_first_difference_is_named() {
    let handled = |trace: &Trace, at: usize| {
        trace.events.iter().enumerate().filter(|(_, e)| e.what == What::Handle).nth(at).expect("is handled").0
    };
    check(
        |trace| {
            let at = handled(trace, 1);
            trace.events.truncate(at);
        },
        "determinism/events@B",
        "the runs differ in event 1 at B: the first has `handle bank#0.0`, the second nothing more",
    );
    check(
        |trace| {
            let (b, c) = (handled(trace, 1), handled(trace, 2));
            trace.events[b].header.id = trace.events[c].header.id.clone();
        },
        "determinism/events@B",
        "the runs differ in event 1 at B: the first has `handle bank#0.0`, the second `handle bank#0.1`",
    );
    check(
        |trace| {
            let emit = trace.events.iter().position(|e| e.what == What::Emit).expect("is sent");
            trace.events[emit].payload = "[Panic]".into();
        },
        "determinism/events@A",
        "the runs differ in event 2 at A: the first has `emit bank#0.0` with payload [], the second with payload \
         [Panic]",
    );
}

#[test]
fn ends_and_conditions_count() {
    check(
        |trace| trace.end.reason = EndReason::Steps,
        "determinism/end",
        "the first run ended as quiescent, the second as steps-max",
    );
    check(
        |trace| trace.end.in_flight.push(trace.events[0].header.id.clone()),
        "determinism/end",
        "the first run left nothing in flight, 0 parked, 0 stalled, 0 waiting, the second bank#0 in flight, 0 parked, \
         0 stalled, 0 waiting",
    );
    check(
        |trace| trace.conditions.promised = Order::Arrival,
        "determinism/conditions",
        "the two traces are of different systems, policies or promises",
    );
    assert_eq!(of_state(&trace()).signature(&trace().conditions.names), "determinism/state");
}
