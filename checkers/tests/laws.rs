//! Each law against a run that breaks it, which it alone must see, and against the correct twin of that run.

mod common;

use common::{Do, Told, World, causal, send, world};
use raddle_checkers::{Bank, Verdict, check, default_laws};
use raddle_core::{
    Cause, Conditions, Counting, EndReason, Event, Incarnation, Lane, OnFull, Order, Pick, Policies, Sabotage, What,
    WorkerId,
};

/// `order = fifo`, which is promised.
fn fifo(change: impl FnOnce(&mut Policies), messages: Vec<Told>) -> World {
    let mut policies = Policies { order: Order::Fifo, ..Policies::default() };
    change(&mut policies);
    world(policies, Counting::InFlight, Order::Fifo, messages)
}

/// Counted as queued, arrival order.
fn queued(change: impl FnOnce(&mut Policies), messages: Vec<Told>) -> World {
    let mut policies = Policies { order: Order::Arrival, ..Policies::default() };
    change(&mut policies);
    world(policies, Counting::Queued, Order::Causal, messages)
}

fn sends(to: &'static str, count: usize) -> Vec<Do> {
    vec![send(to, []); count]
}

mod causal_order {
    use super::*;

    /// A sends m1 to C and then m2 to B, who then sends m3 to C.
    fn triangle() -> World {
        causal(vec![("A", vec![send("C", []), send("B", [send("C", [])])])]).externals(1)
    }

    #[test]
    fn an_update_that_was_overtaken() {
        triangle().deliver(["bank#0.1", "bank#0.1.0", "bank#0.0"]).rest().breaks_only(
            "causal-order/overtaken@C",
            "C handled B's bank#0.1.0 before A's bank#0.0, though A sent bank#0.0 first and B knew of it when it \
             sent bank#0.1.0 (through bank#0.1)",
        );
        triangle().deliver(["bank#0.0", "bank#0.1", "bank#0.1.0"]).rest().breaks_none();
        triangle().deliver(["bank#0.1", "bank#0.0", "bank#0.1.0"]).rest().breaks_none();
    }

    #[test]
    fn the_witness_is_the_whole_path() {
        let relay = vec![send("D", []), send("B", [send("C", [send("D", [])])])];
        let run = causal(vec![("A", relay)]).externals(1);
        let outcome = run.deliver(["bank#0.1", "bank#0.1.0", "bank#0.1.0.0", "bank#0.0"]).rest();
        let trace = outcome.trace.clone();
        let violation = outcome.breaks_only(
            "causal-order/overtaken@D",
            "D handled C's bank#0.1.0.0 before A's bank#0.0, though A sent bank#0.0 first and C knew of it when it \
             sent bank#0.1.0.0 (through bank#0.1 and bank#0.1.0)",
        );
        let witness: Vec<String> =
            violation.witness.iter().map(|id| id.display(&trace.conditions.names).to_string()).collect();
        assert_eq!(witness, ["bank#0.1", "bank#0.1.0", "bank#0.1.0.0"]);
        assert_eq!((violation.moment.step, violation.depth.0), (5, 0));
    }

    #[test]
    fn a_clock_that_forgets() {
        let with = |sabotage| {
            let policies = Policies { order: Order::Arrival, sabotage, ..Policies::default() };
            let relay = vec![("A", vec![send("B", [send("C", [])])])];
            world(policies, Counting::InFlight, Order::Causal, relay).run().rest()
        };
        with(Some(Sabotage::ForgetClocks)).breaks_only(
            "causal-order/clock@B",
            "B sent bank#0.0.0 with the clock {B: 1}, though by what it has sent and handled it knew {A: 1, B: 1}",
        );
        with(None).breaks_none();
    }

    #[test]
    fn what_a_worker_sends_itself_is_exempt() {
        let run = causal(vec![("A", vec![send("A", []), send("B", [send("A", [])])])]).externals(1);
        run.deliver(["bank#0.1", "bank#0.1.0", "bank#0.0"]).rest().breaks_none();
    }
}

mod fifo_law {
    use super::*;

    #[test]
    fn a_core_that_swaps() {
        let with = |sabotage| fifo(|p| p.sabotage = sabotage, vec![("A", sends("B", 2))]).run().rest();
        with(Some(Sabotage::SwapPairs))
            .breaks_only("fifo/overtaken@B", "B handled A's bank#0.1, number 2 of A, before bank#0.0, number 1");
        with(None).breaks_none();
    }

    #[test]
    fn a_network_that_breaks_its_promise() {
        let policies = Policies { order: Order::Arrival, ..Policies::default() };
        let start =
            |promised| world(policies.clone(), Counting::InFlight, promised, vec![("A", sends("B", 2))]).externals(1);
        start(Order::Fifo)
            .deliver(["bank#0.1", "bank#0.0"])
            .rest()
            .breaks_only("fifo/overtaken@B", "B handled A's bank#0.1, number 2 of A, before bank#0.0, number 1");
        start(Order::Arrival).deliver(["bank#0.1", "bank#0.0"]).rest().breaks_none();
    }
}

mod no_deadlock {
    use super::*;

    #[test]
    fn held_for_what_left_no_tombstone() {
        let with = |sabotage| {
            let change = |p: &mut Policies| {
                p.sabotage = sabotage;
                p.capacity = 1;
            };
            let run = fifo(change, vec![("A", sends("B", 2)), ("A", sends("B", 1))]);
            run.externals(1).deliver(["bank#0.0"]).externals(1).deliver(["bank#1.0"]).rest()
        };
        with(Some(Sabotage::ForgetTombstones)).breaks_only(
            "no-deadlock/held@B",
            "B keeps A's bank#1.0 waiting for bank#0.1 (number 2 of A), which was dropped at step 1 (full); nothing \
             under way can bring it",
        );
        with(None).breaks_none();
    }

    #[test]
    fn held_by_one_who_takes_nothing_in() {
        let stalls = |p: &mut Policies| {
            p.on_full = OnFull::Stall;
            p.capacity = 1;
        };
        let run = || fifo(stalls, vec![("A", sends("B", 2))]).externals(1);
        run().rest().breaks_only("no-deadlock/held@A", "A waits for room at B, which takes nothing in any more");
        run().end(EndReason::Steps).breaks_none();
        run().run().rest().breaks_none();
    }

    #[test]
    fn a_ring_of_full_queues() {
        let change = |p: &mut Policies| {
            p.on_full = OnFull::Stall;
            p.capacity = 1;
        };
        let pair = || fifo(change, vec![("A", sends("B", 2)), ("B", sends("A", 2))]);
        pair().externals(2).run().rest().breaks_only(
            "no-deadlock/full-queue-cycle@A",
            "A waits for room at B and B waits for room at A: the cycle A -> B -> A",
        );
        pair().externals(1).deliver(["bank#0.0"]).run().rest().breaks_none();
    }

    #[test]
    fn starved_of_what_nobody_can_send() {
        let start = || causal(vec![("A", vec![Do::Wait("B", "vote")]), ("B", vec![send("A", [Do::Waited("vote")])])]);
        start()
            .externals(1)
            .rest()
            .breaks_only("no-deadlock/starved@A", "A waits for \"vote\" of B, and nobody has anything left to do");
        start().externals(1).end(EndReason::Horizon).breaks_none();
        start().run().rest().breaks_none();
    }

    #[test]
    fn starved_of_somebody_who_does_not_exist() {
        causal(vec![("A", vec![Do::Wait("bnak", "vote")])]).externals(1).rest().breaks_only(
            "no-deadlock/starved@A",
            "A waits for \"vote\" of nobody that exists, and nobody has anything left to do",
        );
    }

    #[test]
    fn starved_in_a_ring() {
        let waits = vec![("B", vec![Do::Wait("C", "fork")]), ("C", vec![Do::Wait("B", "knife")])];
        causal(waits).run().rest().breaks_only(
            "no-deadlock/starved@B",
            "B waits for \"fork\" of C and C waits for \"knife\" of B, and nobody has anything left to do: the cycle \
             B -> C -> B",
        );
    }
}

mod bounded_depth {
    use super::*;

    fn ping_pong(sabotage: Option<Sabotage>) -> common::Outcome {
        let policies = Policies { order: Order::Arrival, sabotage, ..Policies::default() };
        let there_and_back = vec![("A", vec![send("B", [send("A", [send("B", [])])])])];
        world(policies, Counting::InFlight, Order::Causal, there_and_back).run().rest()
    }

    #[test]
    fn a_depth_that_stands_still() {
        let violation = ping_pong(Some(Sabotage::FreezeDepth)).breaks_only(
            "bounded-depth/miscounted@B",
            "B sent bank#0.0.0 as if at depth 0, though by its parent links it stands at depth 1 of its chain; its \
             chain went A -> B -> A, round the cycle A -> B -> A",
        );
        assert_eq!((violation.witness.len(), violation.depth.0), (2, 1));
        ping_pong(None).breaks_none();
    }

    #[test]
    fn a_limit_that_is_not_kept() {
        ping_pong(None).under(|policies| policies.max_depth = 2).breaks_only(
            "bounded-depth/too-deep@A",
            "A sent bank#0.0.0.0 at depth 2, though depth 2 must be refused; its chain went A -> B -> A -> B, round \
             the cycle A -> B -> A",
        );
        ping_pong(None).under(|policies| policies.max_depth = 3).breaks_none();
    }

    #[test]
    fn a_refusal_is_no_breach() {
        let policies = Policies { order: Order::Arrival, max_depth: 1, ..Policies::default() };
        let two = vec![("A", vec![send("B", [send("A", [])])])];
        world(policies, Counting::InFlight, Order::Causal, two).run().rest().breaks_none();
    }
}

mod bounded_queues {
    use super::*;

    fn capacity(capacity: usize, sabotage: Option<Sabotage>) -> impl FnOnce(&mut Policies) {
        move |policies| {
            policies.capacity = capacity;
            policies.sabotage = sabotage;
        }
    }

    #[test]
    fn too_many_in_flight() {
        let with = |sabotage| {
            let policies = Policies { order: Order::Arrival, capacity: 2, sabotage, ..Policies::default() };
            world(policies, Counting::InFlight, Order::Causal, vec![("A", sends("B", 3))]).run().rest()
        };
        let violation = with(Some(Sabotage::IgnoreCapacity)).breaks_only(
            "bounded-queues/update-queue@B",
            "bank#0.2 was one update too many in flight to B, whose capacity is 2",
        );
        assert_eq!(violation.moment.step, 1, "when it was sent");
        with(None).breaks_none();
    }

    #[test]
    fn too_many_at_rest_in_flight() {
        let policies = Policies { order: Order::Arrival, capacity: 2, ..Policies::default() };
        let left =
            || world(policies.clone(), Counting::InFlight, Order::Causal, vec![("A", sends("B", 2))]).externals(1);
        left().end(EndReason::Steps).under(|policies| policies.capacity = 1).breaks_only(
            "bounded-queues/update-queue@B",
            "bank#0.1 was one update too many in flight to B, whose capacity is 1",
        );
        left().end(EndReason::Steps).breaks_none();
    }

    #[test]
    fn too_many_queued() {
        let with = |sabotage| {
            let run = queued(capacity(1, sabotage), vec![("A", sends("B", 3))]).externals(1).picks("A", 1);
            run.deliver(["bank#0.0", "bank#0.1"]).picks("B", 1).run().rest()
        };
        with(Some(Sabotage::IgnoreCapacity)).breaks_only(
            "bounded-queues/update-queue@B",
            "bank#0.1 was one update too many in the queue of B, whose capacity is 1",
        );
        with(None).breaks_none();
    }

    #[test]
    fn too_many_from_outside() {
        let two = || queued(|_| {}, vec![("A", vec![]), ("A", vec![])]).externals(2).picks("A", 2).rest();
        two().under(|policies| policies.external_capacity = 1).breaks_only(
            "bounded-queues/external-queue@A",
            "A has 2 messages in its external queue with bank#1, though at most 1 may be there",
        );
        two().under(|policies| policies.external_capacity = 2).breaks_none();
    }

    #[test]
    fn too_many_held() {
        for counting in [Counting::InFlight, Counting::Queued] {
            let held = || {
                let policies =
                    Policies { order: Order::Arrival, capacity: 1, on_full: OnFull::Hold, ..Policies::default() };
                let run = world(policies, counting, Order::Causal, vec![("A", sends("B", 3))]);
                match counting {
                    Counting::InFlight => run.run().rest(),
                    Counting::Queued => {
                        let run = run.externals(1).picks("A", 1).deliver(["bank#0.0", "bank#0.1", "bank#0.2"]);
                        run.run().rest()
                    }
                }
            };
            held().under(|policies| policies.overflow = 1).breaks_only(
                "bounded-queues/overflow@B",
                "B has 2 messages held beside its full queue with A's bank#0.2, though at most 1 may be there",
            );
            held().under(|policies| policies.overflow = 2).breaks_none();
        }
    }
}

mod fairness {
    use super::*;

    /// B has two external messages and four updates, and may pass over either at most twice.
    fn busy(pick: Pick, sabotage: Option<Sabotage>) -> common::Outcome {
        let change = |policies: &mut Policies| {
            policies.pick = pick;
            policies.starvation_bound = 2;
            policies.sabotage = sabotage;
        };
        let mut messages = vec![("A", sends("B", 4))];
        messages.extend(vec![("B", vec![]); 4]);
        let run = queued(change, messages).externals(5).picks("A", 1);
        run.deliver(["bank#0.0", "bank#0.1", "bank#0.2", "bank#0.3"]).run().rest()
    }

    #[test]
    fn external_messages_that_wait_too_long() {
        busy(Pick::UpdatesFirst, Some(Sabotage::IgnoreStarvation)).breaks_only(
            "fairness/externals-passed-over@B",
            "B passed over its external messages 3 times in a row, the last time to handle A's bank#0.2, though 4 \
             external messages waited and 2 is the bound",
        );
        busy(Pick::UpdatesFirst, None).breaks_none();
    }

    #[test]
    fn updates_that_wait_too_long() {
        busy(Pick::ExternalFirst, Some(Sabotage::IgnoreStarvation)).breaks_only(
            "fairness/updates-passed-over@B",
            "B passed over its updates 3 times in a row, the last time to handle bank#3, though 4 updates waited and \
             2 is the bound",
        );
        busy(Pick::ExternalFirst, None).breaks_none();
    }

    #[test]
    fn without_queues_nobody_can_tell() {
        let trace = causal(vec![("A", vec![])]).run().rest().trace;
        let verdicts = check(&trace, &["fairness"]).expect("a law");
        assert!(matches!(&verdicts[..], [("fairness", Verdict::Unknown(_))]), "{verdicts:?}");
    }
}

mod no_silent_loss {
    use super::*;

    #[test]
    fn an_update_that_vanishes() {
        let with = |sabotage| {
            let policies = Policies { order: Order::Arrival, sabotage, ..Policies::default() };
            let run =
                world(policies, Counting::InFlight, Order::Causal, vec![("A", sends("B", 2)), ("C", sends("B", 2))]);
            run.run().rest()
        };
        let violation = with(Some(Sabotage::LoseSilently)).breaks_only(
            "no-silent-loss/lost",
            "A sent bank#0.1 to B at step 1; nothing more was heard of it (lost as well: bank#1.1)",
        );
        assert_eq!(violation.witness.len(), 1);
        with(None).breaks_none();
    }

    #[test]
    fn one_that_vanishes_while_another_comes_twice() {
        let two = || causal(vec![("A", sends("B", 2))]).run().rest();
        let handle =
            |id: usize| move |e: &raddle_core::Event| e.what == What::Handle && e.header.id.path() == [id as u16];
        let swapped = two().edited(|trace| {
            let first = trace.events.iter().find(|e| handle(0)(e)).cloned().expect("it is handled");
            *trace.events.iter_mut().find(|e| handle(1)(e)).expect("it is handled") = first;
        });
        let names = swapped.trace.conditions.names.clone();
        let signatures: Vec<String> = swapped.online.iter().map(|violation| violation.signature(&names)).collect();
        assert_eq!(signatures, ["no-duplicates/handled-twice@B", "no-silent-loss/lost"]);
    }

    #[test]
    fn what_is_still_on_its_way_is_not_lost() {
        let run = || causal(vec![("A", sends("B", 2))]).externals(1).deliver(["bank#0.0"]).end(EndReason::Steps);
        run().breaks_none();
        run()
            .edited(|trace| trace.end.in_flight.clear())
            .breaks_only("no-silent-loss/lost", "A sent bank#0.1 to B at step 1; nothing more was heard of it");
    }

    #[test]
    fn a_message_from_outside_that_vanishes() {
        let forget = |trace: &mut raddle_core::Trace| trace.events.retain(|e| e.what != What::Handle);
        let delivered = causal(vec![("A", vec![])]).run().rest();
        let reason = "bank#0 arrived at A at step 1; nothing more was heard of it";
        delivered.edited(forget).breaks_only("no-silent-loss/lost-external", reason);
        let picked = || queued(|_| {}, vec![("A", vec![])]).run();
        picked().rest().edited(forget).breaks_only("no-silent-loss/lost-external", reason);
        picked().end(EndReason::Stopped).edited(forget).breaks_none();
    }

    #[test]
    fn drops_with_a_reason_are_no_loss() {
        for on_full in [OnFull::DropNewest, OnFull::DropOldest, OnFull::Nack, OnFull::Hold] {
            for counting in [Counting::InFlight, Counting::Queued] {
                let policies = Policies { capacity: 1, overflow: 1, on_full, ..Policies::default() };
                let run = world(policies, counting, Order::Fifo, vec![("A", sends("B", 5)), ("A", sends("B", 5))]);
                run.run().rest().breaks_none();
            }
        }
    }
}

mod no_duplicates {
    use super::*;

    #[test]
    fn an_update_that_is_handled_twice() {
        let with = |sabotage| {
            let policies = Policies { order: Order::Arrival, sabotage, ..Policies::default() };
            let relay = vec![("A", vec![send("B", [send("C", [])])])];
            world(policies, Counting::InFlight, Order::Causal, relay).run().rest()
        };
        let violation = with(Some(Sabotage::HandleTwice))
            .breaks_only("no-duplicates/handled-twice@B", "B handled A's bank#0.0 twice, both times at step 2");
        assert_eq!(violation.witness.len(), 1, "its parent");
        with(None).breaks_none();
    }

    #[test]
    fn another_life_may_handle_it_again() {
        let again = |restarts: bool| {
            let two = causal(vec![("A", vec![])]).run().rest();
            two.edited(|trace| {
                let handle = trace.events[1].clone();
                let life = Incarnation(u32::from(restarts));
                let mut say = |what| trace.events.push(Event { what, life, ..handle.clone() });
                if restarts {
                    say(What::Crash(Cause::Fault));
                    say(What::Restart);
                }
                say(What::Handle);
            })
        };
        again(false).breaks_only("no-duplicates/handled-twice@A", "A handled bank#0 twice, both times at step 1");
        again(true).breaks_none();
    }
}

mod no_panic {
    use super::*;

    #[test]
    fn a_handler_that_panics() {
        let run = |text| causal(vec![("A", vec![send("B", [Do::Panic(text)]), send("B", [])])]).run().rest();
        let outcome = run("no money of 40");
        let names = outcome.trace.conditions.names.clone();
        let violation = outcome.online[0].clone();
        let code = &violation.code;
        assert!(code.ends_with("tests/common/mod.rs no money of #"), "{code}");
        assert!(violation.reason.contains("mod.rs:"), "the reason has the line: {}", violation.reason);
        let (reason, signature) = (violation.reason.clone(), format!("no-panic/{code}@B"));
        outcome.breaks_only(&signature, &reason);
        let (data, bug) = (run("no money of 9").online[0].clone(), run("no time").online[0].clone());
        assert_eq!(data.signature(&names), signature, "numbers are data");
        assert_ne!(bug.signature(&names), signature, "another text is another bug");
        causal(vec![("A", sends("B", 2))]).run().rest().breaks_none();
    }

    #[test]
    fn what_the_dead_waited_for_is_no_deadlock() {
        let run = causal(vec![("A", vec![Do::Wait("B", "vote")]), ("A", vec![Do::Panic("gone")])]).run().rest();
        assert_eq!(run.online.len(), 1);
        assert_eq!(run.online[0].law, "no-panic");
    }
}

#[test]
fn a_bank_is_as_new_after_a_reset() {
    let broken = causal(vec![("A", vec![send("C", []), send("B", [send("C", [])])])])
        .externals(1)
        .deliver(["bank#0.1", "bank#0.1.0", "bank#0.0"])
        .rest()
        .trace;
    let clean = causal(vec![("A", vec![send("C", []), send("B", [send("C", [])])])]).run().rest().trace;
    let conditions: &Conditions = &broken.conditions;
    let mut bank = Bank::new(conditions.clone(), &default_laws(conditions)).expect("laws of our own");
    for _ in 0..3 {
        for (trace, fails) in [(&broken, true), (&clean, false)] {
            bank.reset();
            trace.events.iter().for_each(|event| bank.observe(event.as_ref()));
            bank.finish(&trace.end);
            assert_eq!(bank.has_failed(), fails);
        }
    }
}

#[test]
fn a_run_that_is_not_over_is_not_clean() {
    let conditions = causal(vec![]).rest().trace.conditions;
    let bank = Bank::new(conditions, &["no-panic", "no-silent-loss", "no-deadlock"]).expect("laws of our own");
    let verdicts = bank.verdicts();
    let unknown = Verdict::Unknown("the run is not over".to_owned());
    let expected = [("no-deadlock", unknown.clone()), ("no-silent-loss", unknown), ("no-panic", Verdict::Ok)];
    assert_eq!(verdicts, expected);
}

#[test]
fn a_trace_that_names_nobody_is_judged_all_the_same() {
    let mut trace = causal(vec![("A", sends("B", 1))]).run().rest().trace;
    for event in &mut trace.events {
        event.header.to = WorkerId::new(u32::MAX);
        event.lane = Lane::Worker(WorkerId::new(u32::MAX));
    }
    check(&trace, &default_laws(&trace.conditions)).expect("laws of our own");
}
