//! Backpressure and order together: whatever is dropped for want of room, nothing waits for ever; and senders that are told
//! of drops slow down without coming to a stop.

use raddle_core::{DropReason, EndReason, OnFull, Order, Outbox, StateMachine, System, What, WorkerId};
use raddle_sim::strategy::Random;
use raddle_sim::{Explore, Granularity, Network, Runner, Settings};

/// Tells everybody of everything from outside, some hops on.
#[derive(Clone, Default, Hash)]
struct Herald {
    messages: u32,
    updates: u32,
}

impl StateMachine for Herald {
    type Message = u32;
    type Update = u32;

    fn on_message(&mut self, hops: u32, out: &mut Outbox<u32>) {
        self.messages += 1;
        let me = out.me();
        let others = (0..WORKERS).map(WorkerId::new).filter(|other| *other != me);
        out.notify(others.collect::<Vec<_>>(), hops);
    }

    fn on_update(&mut self, hops: u32, out: &mut Outbox<u32>) {
        self.updates += 1;
        if hops > 0 {
            out.notify(WorkerId::new((out.me().index() as u32 + hops) % WORKERS), hops - 1);
        }
    }
}

const WORKERS: u32 = 5;
const MESSAGES: u32 = 60;

fn storm(on_full: OnFull, order: Order, capacity: usize) -> System<Herald> {
    let messages = (0..MESSAGES).map(|n| (format!("w{}", n % WORKERS), n % 4));
    System::new("storm")
        .workers((0..WORKERS).map(|n| format!("w{n}")), |_| Herald::default())
        .messages("crowd", messages)
        .with(|policies| {
            (policies.on_full, policies.order, policies.capacity, policies.overflow) = (on_full, order, capacity, 2);
            policies.parking = 3;
        })
        .at_end("all-admitted", |run| run.machines().map(|herald| herald.messages).sum::<u32>() == MESSAGES)
        .hashed()
}

#[test]
fn nothing_waits_for_ever_whatever_is_dropped() {
    for on_full in [OnFull::DropNewest, OnFull::DropOldest, OnFull::Hold, OnFull::Nack] {
        for order in [Order::Arrival, Order::Fifo, Order::Causal] {
            for network in [Network::Fifo, Network::Bag] {
                let report = Explore::new(storm(on_full, order, 1)).network(network).seeds(60).run().expect("runs");
                assert!(report.found.is_none(), "{on_full} {order} {network}: {:?}", report.found);
                assert_eq!(report.unfinished, 0);
            }
        }
    }
}

/// Every queue has room for one, and every message makes four updates: nearly all are refused, and their senders told.
/// Credit falls to its floor; but a source is passed over at most K times in a row, so all messages are taken in, in a
/// number of steps that is bounded by them.
#[test]
fn a_storm_of_nacks_slows_senders_down_and_stops_nobody() {
    let plan = storm(OnFull::Nack, Order::Causal, 1).plan().expect("a good system");
    let k = u64::from(plan.policies().starvation_bound);
    let settings = Settings { granularity: Granularity::Queues, steps_max: 100_000, ..Settings::default() };
    let mut runner = Runner::new(plan, settings, None).expect("good settings");
    for seed in 0..30 {
        let recording = runner.record(seed, &mut Random::default());
        assert_eq!((recording.run.violation, recording.run.end), (None, EndReason::Quiescent));
        let count = |what: What| recording.trace.events.iter().filter(|event| event.what == what).count() as u64;
        let (nacks, sent) = (count(What::Nack), count(What::Emit));
        assert_eq!(nacks, count(What::Drop(DropReason::Nack)), "who is dropped so is told, and nobody else");
        assert!(nacks > sent / 10, "it is a storm: {nacks} of {sent}");
        // An arrival, K picks in vain at most, and one that is not, for each message; three steps for each update.
        assert!(recording.run.steps <= u64::from(MESSAGES) * (k + 2) + 3 * sent, "{}", recording.run.steps);
    }
}
