//! What sessions may rely on: the law `session-guarantees`.

mod common;

use common::script::{Script, script};
use raddle_checkers::default_laws;
use raddle_core::{DropReason, Incarnation, Order, Party, SourceId, WorkerId};

/// `s` writes at A, which tells B.
fn wrote() -> Script {
    script().message("s#0", "A").emit("s#0.0", "A", "B").wrote("A", "x=1")
}

/// `t` writes at A, which tells B, and `s` reads of it at A.
fn seen() -> Script {
    script().message("t#0", "A").emit("t#0.0", "A", "B").message("s#0", "A").reply("A")
}

#[test]
fn a_session_reads_its_writes() {
    let late = wrote().message("s#1", "B").read("B", "y").reply("B").update("s#0.0");
    let violation = late.rest().breaks_only(
        "session-guarantees/read-your-writes@B",
        "B handled the query s#1 before A's s#0.0, which s knew of (through s#0 at A)",
    );
    assert_eq!(violation.witness.len(), 2);
    wrote().update("s#0.0").message("s#1", "B").reply("B").rest().breaks_none();
}

#[test]
fn a_session_writes_in_order() {
    wrote().message("s#1", "B").wrote("B", "x=2").update("s#0.0").rest().breaks_only(
        "session-guarantees/monotonic-writes@B",
        "B handled the message s#1 before A's s#0.0, which s knew of (through s#0 at A)",
    );
    let sends = wrote().message("s#1", "B").reply("B").emit("s#1.0", "B", "C").update("s#0.0").update("s#1.0");
    sends.rest().breaks_only(
        "session-guarantees/monotonic-writes@B",
        "B handled the message s#1 before A's s#0.0, which s knew of (through s#0 at A)",
    );
    wrote().update("s#0.0").message("s#1", "B").wrote("B", "x=2").rest().breaks_none();
}

#[test]
fn a_session_reads_on() {
    seen().message("s#1", "B").reply("B").update("t#0.0").rest().breaks_only(
        "session-guarantees/monotonic-reads@B",
        "B handled the query s#1 before A's t#0.0, which s knew of (through s#0 at A)",
    );
    seen().update("t#0.0").message("s#1", "B").reply("B").rest().breaks_none();
}

#[test]
fn what_a_session_writes_follows_what_it_has_read() {
    seen().message("s#1", "B").wrote("B", "x=2").update("t#0.0").rest().breaks_only(
        "session-guarantees/writes-follow-reads@B",
        "B handled the message s#1 before A's t#0.0, which s knew of (through s#0 at A)",
    );
    seen().update("t#0.0").message("s#1", "B").wrote("B", "x=2").rest().breaks_none();
}

/// The sum of what a session knows counts, by whatever way it came: here by C, which heard of it from A.
#[test]
fn knowledge_goes_by_way_of_others() {
    let told = || {
        let sent = script().message("bank#0", "A").emit("bank#0.0", "A", "B").emit("bank#0.1", "A", "C");
        sent.update("bank#0.1").message("s#0", "C").reply("C")
    };
    told().message("s#1", "B").reply("B").update("bank#0.0").rest().breaks_only(
        "session-guarantees/monotonic-reads@B",
        "B handled the query s#1 before A's bank#0.0, which s knew of (through s#0 at C)",
    );
    told().update("bank#0.0").message("s#1", "B").reply("B").rest().breaks_none();
}

#[test]
fn its_own_come_first() {
    let both = seen().message("s#1", "C").emit("s#1.0", "C", "B").wrote("C", "y=1");
    both.message("s#2", "B").reply("B").update("t#0.0").update("s#1.0").rest().breaks_only(
        "session-guarantees/read-your-writes@B",
        "B handled the query s#2 before C's s#1.0, which s knew of (through s#1 at C)",
    );
}

#[test]
fn what_a_session_does_not_know_of_it_may_miss() {
    let other = script().message("t#0", "A").emit("t#0.0", "A", "B").message("s#0", "B").reply("B").update("t#0.0");
    other.rest().breaks_none();
    let later = script().message("s#0", "A").reply("A").message("t#0", "A").emit("t#0.0", "A", "B");
    later.message("s#1", "B").reply("B").update("t#0.0").rest().breaks_none();
    let no_session = script().message("bank#0", "A").emit("bank#0.0", "A", "B").message("bank#1", "B").reply("B");
    no_session.update("bank#0.0").rest().breaks_none();
}

#[test]
fn what_is_dropped_need_not_be_seen() {
    let lost = wrote().drop("s#0.0", DropReason::Loss).message("s#1", "B").reply("B");
    lost.rest().breaks_none();
    let dead = wrote().crash("B").restart("B").drop("s#0.0", DropReason::Incarnation).message("s#1", "B").reply("B");
    dead.rest().breaks_none();
}

#[test]
fn a_copy_will_do() {
    let copied = || wrote().copy("s#0.0");
    copied().update("s#0.0~1").message("s#1", "B").reply("B").drop("s#0.0", DropReason::Duplicate).rest().breaks_none();
    copied().drop("s#0.0~1", DropReason::Loss).message("s#1", "B").reply("B").update("s#0.0").rest().breaks_only(
        "session-guarantees/read-your-writes@B",
        "B handled the query s#1 before A's s#0.0, which s knew of (through s#0 at A)",
    );
}

#[test]
fn what_a_worker_sends_itself_is_exempt() {
    let deferred = script().message("s#0", "A").emit("s#0.0", "A", "A").message("s#1", "A").reply("A");
    deferred.update("s#0.0").rest().breaks_none();
}

#[test]
fn a_life_that_has_lost_what_was_seen() {
    let query = |script: Script, id: &str| script.message(id, "A").reply("A");
    query(query(script(), "s#0").crash("A").restart("A"), "s#1").rest().breaks_only(
        "session-guarantees/monotonic-reads@A",
        "A answered the query s#1; it had answered in life 0, which s had seen, and has lost its state since",
    );
    query(query(script(), "s#0").crash("A").restart("A"), "t#0").rest().breaks_none();
    query(query(script(), "s#0"), "s#1")
        .crash("A")
        .restart("A")
        .message("s#2", "A")
        .wrote("A", "x=1")
        .rest()
        .breaks_none();
    query(script(), "s#0").crash("A").restart("A").message("s#1", "A").crash("A").rest().breaks_none();
}

#[test]
fn the_first_suspect_that_is_guilty_is_told() {
    let two = wrote().emit("s#0.1", "A", "C").message("s#1", "B").reply("B").message("s#2", "C").reply("C");
    let outcome = two.update("s#0.0").update("s#0.1").rest();
    assert_eq!(outcome.online[0].worker, Some(WorkerId::new(1)));
    outcome.breaks_only(
        "session-guarantees/read-your-writes@B",
        "B handled the query s#1 before A's s#0.0, which s knew of (through s#0 at A)",
    );
}

#[test]
fn it_is_judged_where_the_core_keeps_causal_order() {
    let mut conditions = wrote().update("s#0.0").rest().trace.conditions;
    assert!(default_laws(&conditions).contains(&"session-guarantees"));
    conditions.policies.order = Order::Arrival;
    assert!(!default_laws(&conditions).contains(&"session-guarantees"));
}

#[test]
fn a_trace_that_names_no_session_is_judged_all_the_same() {
    let strange = wrote().message("s#1", "B").reply("B").update("s#0.0").rest().edited(|trace| {
        for event in &mut trace.events {
            event.life = Incarnation(u32::MAX);
            event.header.from = Party::Source(SourceId::new(u32::MAX));
        }
    });
    assert!(strange.online.iter().all(|violation| violation.law != "session-guarantees"));
}
