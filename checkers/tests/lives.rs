//! Runs in which workers die and begin again, and the network copies and loses: the law `incarnation`, and what the older
//! laws make of it.

mod common;

use common::script::{Script, script, script_under};
use raddle_checkers::{Verdict, check};
use raddle_core::{Counting, DropReason, EndReason, Incarnation, OnFull, Order, What, WorkerId};

/// A is told to send to B, and dies and begins again in between.
fn restarted() -> Script {
    script().message("bank#0", "A").emit("bank#0.0", "A", "B").update("bank#0.0").crash("A").restart("A")
}

mod incarnation {
    use super::*;

    #[test]
    fn a_life_after_another() {
        restarted().message("bank#1", "A").emit("bank#1.0", "A", "B").update("bank#1.0").rest().breaks_none();
        restarted().crash("A").restart("A").message("bank#1", "A").rest().breaks_none();
    }

    #[test]
    fn lives_that_do_not_follow_each_other() {
        script().restart("A").rest().breaks_only("incarnation/lives@A", "A began life 1 while its life 0 was not over");
        let skips = script().crash("A").restart("A").but(|event| event.life = Incarnation(2));
        skips.rest().breaks_only("incarnation/lives@A", "A began life 2, though its last was life 0");
        let again = script().crash("A").restart("A").but(|event| event.life = Incarnation(0));
        again.rest().breaks_only("incarnation/lives@A", "A began life 0, though its last was life 0");
    }

    #[test]
    fn a_dead_worker_that_acts() {
        script()
            .crash("A")
            .message("bank#0", "A")
            .rest()
            .breaks_only("incarnation/dead@A", "A handled bank#0 after its life 0 was over");
        let late = script().message("bank#0", "A").crash("A").emit("bank#0.0", "A", "B").restart("A");
        let reason = "A sent bank#0.0 after its life 0 was over";
        late.update("bank#0.0").rest().breaks_only("incarnation/dead@A", reason);
        let refused = script().crash("A").arrive("bank#0", "A").drop("bank#0", DropReason::Crash);
        refused.rest().breaks_none();
    }

    #[test]
    fn one_that_acts_in_another_life() {
        restarted()
            .message("bank#1", "A")
            .but(|event| event.life = Incarnation(0))
            .rest()
            .breaks_only("incarnation/wrong-life@A", "A handled bank#1 as if in life 0, though it is in life 1");
        let sent = restarted().message("bank#1", "A").emit("bank#1.0", "A", "B");
        sent.but(|event| event.header.life = Incarnation(0))
            .update("bank#1.0")
            .rest()
            .breaks_only("incarnation/wrong-life@A", "A sent bank#1.0 as if in life 0, though it is in life 1");
    }

    #[test]
    fn an_update_to_an_earlier_life() {
        let sent = || script().message("bank#0", "A").emit("bank#0.0", "A", "B").crash("B").restart("B");
        sent()
            .update("bank#0.0")
            .rest()
            .breaks_only("incarnation/old-life@B", "B handled A's bank#0.0 in life 1, though that is for life 0");
        let fenced = sent().at_inbox("bank#0.0", What::Arrive).drop("bank#0.0", DropReason::Incarnation);
        fenced.rest().breaks_none();
        sent().drop("bank#0.0", DropReason::Incarnation).rest().breaks_none();
    }

    #[test]
    fn what_a_worker_sent_itself_in_an_earlier_life() {
        let sent = script().message("bank#0", "A").emit("bank#0.0", "A", "A").crash("A").restart("A");
        let reason = "A handled A's bank#0.0 in life 1, though that is for life 0";
        sent.update("bank#0.0").rest().breaks_only("incarnation/old-life@A", reason);
    }

    #[test]
    fn a_clock_that_begins_again() {
        let again = |number: u32, count: u32| {
            let sent = restarted().message("bank#1", "A").emit("bank#1.0", "A", "B");
            sent.but(|event| {
                event.header.number.0 = number;
                event.header.clock.set(WorkerId::new(0), count);
            })
        };
        let bank = |script: Script| {
            let bank = script.bank(&["incarnation"]);
            bank.violations().iter().map(|violation| (violation.code.clone(), violation.reason.clone())).next()
        };
        let reset = |reason: &str| Some(("reset".to_owned(), reason.to_owned()));
        assert_eq!(bank(again(2, 2)), None);
        let count = "A sent bank#1.0 as number 1 of all that it sent, though number 2 was next";
        assert_eq!(bank(again(2, 1)), reset(count));
        let number = "A sent bank#1.0 as number 1 of what it sent B, though number 2 was next";
        assert_eq!(bank(again(1, 2)), reset(number));
    }
}

mod copies_and_losses {
    use super::*;

    fn copied(order: Order) -> Script {
        let script = script_under(Counting::InFlight, |policies| policies.order = order);
        script.message("bank#0", "A").emit("bank#0.0", "A", "B").copy("bank#0.0")
    }

    #[test]
    fn a_copy_is_sent_by_the_fault() {
        copied(Order::Arrival).update("bank#0.0").update("bank#0.0~1").rest().breaks_none();
        copied(Order::Arrival).update("bank#0.0").rest().breaks_none();
        let lost = copied(Order::Arrival).update("bank#0.0").rest().edited(|trace| trace.end.in_flight.clear());
        lost.breaks_only(
            "no-silent-loss/lost",
            "the network made bank#0.0~1 for B at step 4; nothing more was heard of it",
        );
    }

    #[test]
    fn a_copy_is_no_other_update_where_the_core_keeps_an_order() {
        for order in [Order::Fifo, Order::Causal] {
            let reason = "B handled A's bank#0.0~1 twice, at step 6 and again at step 8";
            let twice = copied(order).update("bank#0.0").update("bank#0.0~1").rest();
            twice.breaks_only("no-duplicates/handled-twice@B", reason);
            let reason = "B handled A's bank#0.0 twice, at step 6 and again at step 8";
            let other_way = copied(order).update("bank#0.0~1").update("bank#0.0").rest();
            other_way.breaks_only("no-duplicates/handled-twice@B", reason);
            let first = copied(order).update("bank#0.0").at_inbox("bank#0.0~1", What::Arrive);
            first.drop("bank#0.0~1", DropReason::Duplicate).rest().breaks_none();
            let second = copied(order).update("bank#0.0~1").at_inbox("bank#0.0", What::Arrive);
            second.drop("bank#0.0", DropReason::Duplicate).rest().breaks_none();
        }
    }

    #[test]
    fn a_copy_that_comes_late_is_no_breach_of_order_where_the_core_keeps_none() {
        let late = |order| {
            let sent = copied(order).emit("bank#0.1", "A", "B").update("bank#0.0").update("bank#0.1");
            sent.update("bank#0.0~1").rest()
        };
        late(Order::Arrival).breaks_none();
        let laws: Vec<String> = late(Order::Causal).online.into_iter().map(|violation| violation.law).collect();
        assert_eq!(laws, ["no-duplicates", "causal-order", "fifo"]);
    }

    #[test]
    fn what_the_network_loses_is_in_flight_no_more() {
        let lossy = |capacity: usize| {
            let script = script_under(Counting::InFlight, |policies| policies.capacity = capacity);
            let sent = script.message("bank#0", "A").emit("bank#0.0", "A", "B").emit("bank#0.1", "A", "B");
            let lost = sent.drop("bank#0.0", DropReason::Loss).emit("bank#0.2", "A", "B").update("bank#0.1");
            lost.update("bank#0.2").rest()
        };
        lossy(2).breaks_none();
        let reason = "bank#0.1 was one update too many in flight to B, whose capacity is 1";
        lossy(1).breaks_only("bounded-queues/update-queue@B", reason);
    }

    #[test]
    fn what_the_network_loses_was_never_in_the_queue() {
        let lossy = |capacity: usize| {
            let script = script_under(Counting::Queued, |policies| policies.capacity = capacity);
            let sent = script.message("bank#0", "A").emit("bank#0.0", "A", "B").emit("bank#0.1", "A", "B");
            let lost = sent.emit("bank#0.2", "A", "B").drop("bank#0.0", DropReason::Loss);
            let there = lost.at_inbox("bank#0.1", What::Arrive).at_inbox("bank#0.2", What::Arrive);
            there.handle("bank#0.1").handle("bank#0.2").rest()
        };
        lossy(2).breaks_none();
        let reason = "bank#0.2 was one update too many in the queue of B, whose capacity is 1";
        lossy(1).breaks_only("bounded-queues/update-queue@B", reason);
    }
}

mod queues_of_the_dead {
    use super::*;

    /// B dies with one update parked, one held and one in flight, and takes as many anew as there is room for.
    fn dies(capacity: usize) -> Script {
        let script = script_under(Counting::InFlight, |policies| {
            policies.capacity = capacity;
            policies.on_full = OnFull::Hold;
        });
        let sent = script.message("bank#0", "A").emit("bank#0.0", "A", "B").emit("bank#0.1", "A", "B");
        let parked = sent.at_inbox("bank#0.1", What::Arrive).at_inbox("bank#0.1", park());
        let held = parked.emit("bank#0.2", "A", "B").emit("bank#0.3", "A", "B").at_inbox("bank#0.3", What::Hold);
        let dead = held.crash("B");
        ["bank#0.0", "bank#0.1", "bank#0.2", "bank#0.3"]
            .into_iter()
            .fold(dead, |run, id| run.drop(id, DropReason::Crash))
            .restart("B")
    }

    fn park() -> What {
        What::Park { of: WorkerId::new(0), needs: raddle_core::LinkNumber(1) }
    }

    #[test]
    fn what_is_dropped_in_flight_makes_room_once() {
        let two = dies(2).message("bank#1", "A").emit("bank#1.0", "A", "B").emit("bank#1.1", "A", "B");
        two.update("bank#1.0").update("bank#1.1").rest().breaks_none();
        let three = dies(2).message("bank#1", "A").emit("bank#1.0", "A", "B").emit("bank#1.1", "A", "B");
        let three = three.emit("bank#1.2", "A", "B").update("bank#1.0").update("bank#1.1").update("bank#1.2");
        let reason = "bank#1.2 was one update too many in flight to B, whose capacity is 2";
        three.rest().breaks_only("bounded-queues/update-queue@B", reason);
    }

    #[test]
    fn what_is_dropped_from_a_queue_makes_room_once() {
        let run = |more: usize| {
            let script = script_under(Counting::Queued, |policies| policies.capacity = 1);
            let sent = script.message("bank#0", "A").emit("bank#0.0", "A", "B").emit("bank#0.1", "A", "B");
            let parked = sent.at_inbox("bank#0.1", What::Arrive).at_inbox("bank#0.1", park());
            let queued = parked.at_inbox("bank#0.0", What::Arrive).crash("B");
            let dropped = queued.drop("bank#0.0", DropReason::Incarnation).drop("bank#0.1", DropReason::Incarnation);
            let mut run = dropped.restart("B").message("bank#1", "A");
            let ids: Vec<String> = (0..more).map(|n| format!("bank#1.{n}")).collect();
            run = ids.iter().fold(run, |run, id| run.emit(id, "A", "B"));
            run = ids.iter().fold(run, |run, id| run.at_inbox(id, What::Arrive));
            ids.iter().fold(run, |run, id| run.handle(id)).rest()
        };
        run(1).breaks_none();
        let reason = "bank#1.1 was one update too many in the queue of B, whose capacity is 1";
        run(2).breaks_only("bounded-queues/update-queue@B", reason);
    }

    /// B passes over its external message as often as it may, then dies with two more updates in its queue.
    #[test]
    fn the_dead_are_unfair_to_nobody() {
        let run = |dies: bool| {
            let script = script_under(Counting::Queued, |policies| {
                policies.starvation_bound = 2;
                policies.order = Order::Arrival;
            });
            let ids: Vec<String> = (0..4).map(|n| format!("bank#0.{n}")).collect();
            let mut run = script.message("bank#0", "A");
            run = ids.iter().fold(run, |run, id| run.emit(id, "A", "B"));
            run = ids.iter().fold(run, |run, id| run.at_inbox(id, What::Arrive)).arrive("bank#1", "B");
            run = run.handle(&ids[0]).handle(&ids[1]);
            if !dies {
                return run.handle(&ids[2]).handle(&ids[3]).handle("bank#1").rest();
            }
            run = run.crash("B").drop(&ids[2], DropReason::Crash).drop(&ids[3], DropReason::Crash);
            run.restart("B").handle("bank#1").rest()
        };
        run(true).breaks_none();
        run(false).breaks_only(
            "fairness/externals-passed-over@B",
            "B passed over its external messages 3 times in a row, the last time to handle A's bank#0.2, though 1 \
             external message waited and 2 is the bound",
        );
    }
}

mod at_the_end {
    use super::*;

    #[test]
    fn one_that_began_again_waits_like_any_other() {
        let waits = |script: Script| {
            script.rest().edited(|trace| {
                trace.end.waiting.push((WorkerId::new(0), WorkerId::new(1), "vote".to_owned()));
            })
        };
        waits(script().crash("A")).breaks_none();
        let reason = "A waits for \"vote\" of B, and nobody has anything left to do";
        waits(script().crash("A").restart("A")).breaks_only("no-deadlock/starved@A", reason);
    }

    #[test]
    fn what_waits_from_outside_for_one_that_began_again_is_known() {
        let waits = |script: Script| script.arrive("bank#0", "A").rest();
        let queued = || script_under(Counting::Queued, |_| {});
        waits(queued().crash("A")).breaks_none();
        let reason = "bank#0 arrived at A at step 3; nothing more was heard of it";
        waits(queued().crash("A").restart("A")).breaks_only("no-silent-loss/lost-external", reason);
        queued().arrive("bank#0", "A").drop("bank#0", DropReason::Stale).rest().breaks_none();
        queued().crash("A").restart("A").arrive("bank#0", "A").end(EndReason::Steps).breaks_none();
    }
}

/// After healing, a run is to come to rest; without faults nobody knows.
#[test]
fn who_is_busy_for_ever_after_all_is_healed_is_named() {
    let busy = |healed: Option<u64>, reason: EndReason| {
        let mut trace = script().message("bank#0", "A").emit("bank#0.0", "A", "B").update("bank#0.0").rest().trace;
        (trace.end.healed, trace.end.reason) = (healed, reason);
        check(&trace, &["liveness"]).expect("a law").remove(0).1
    };
    let Verdict::Violation(violation) = busy(Some(1), EndReason::Steps) else { panic!("it never came to rest") };
    assert_eq!((violation.law.as_str(), violation.code.as_str()), ("liveness", "busy"));
    assert!(violation.reason.starts_with("all faults were over at step 1, and "), "{}", violation.reason);
    assert!(violation.reason.ends_with("meanwhile A handled 1 external"), "{}", violation.reason);
    for (healed, reason) in [(Some(1), EndReason::Quiescent), (Some(1), EndReason::Horizon), (None, EndReason::Steps)] {
        assert_eq!(busy(healed, reason), Verdict::Ok);
    }
}
