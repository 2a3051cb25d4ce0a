//! Optimal DPOR where it has to know more than arrivals, against a search of all schedules: on hundreds of random programs in
//! every network and order, the sets of what comes of them are equal, and no run is blocked.

mod model;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use model::{Log, Player, Program};
use raddle_core::{FaultKind, OnFull, Order, Policies, Restart, System};
use raddle_sim::exhaustive::{Exhausted, Exhaustive, visit};
use raddle_sim::{FaultPlan, Network, Settings};

const NETWORKS: [Network; 4] = [Network::Bag, Network::Fifo, Network::Causal, Network::Mailbox];
const ORDERS: [Order; 3] = [Order::Arrival, Order::Fifo, Order::Causal];

/// What can come of a run: its fingerprint, which tells what was lost and who crashed when, and what each worker handled.
type Outcomes = BTreeSet<(u64, Vec<Log>)>;

/// None if there are more runs than this.
fn search(
    program: &Program,
    system: &System<Player>,
    settings: Settings,
    kind: Exhaustive,
    runs_max: u64,
) -> Option<(Exhausted, Outcomes)> {
    let (mut runs, mut outcomes) = (0, Outcomes::new());
    let exhausted = visit(system, settings, kind, |runner| {
        runs += 1;
        let logs = runner.world().snapshot().machines().map(|player| player.log.clone()).collect();
        outcomes.insert((runner.world().fingerprint(), program.canonical(logs)));
        if runs > runs_max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    (runs <= runs_max).then(|| (exhausted.expect("it can be searched"), outcomes))
}

/// So far apart are the seeds that are tried. With 1 they are all, and take twice as long.
const STEP: usize = 2;

/// Programs to be searched, and how.
struct Check {
    seeds: std::ops::Range<u64>,
    faults: FaultPlan,
    /// Programs with more schedules than this are left out.
    schedules_max: u64,
    networks: &'static [Network],
    orders: &'static [Order],
    change: fn(&mut Program),
    with: fn(System<Player>, u64) -> System<Player>,
}

impl Default for Check {
    fn default() -> Self {
        Self {
            seeds: 0..100,
            faults: FaultPlan::default(),
            schedules_max: 400,
            networks: &NETWORKS,
            orders: &ORDERS,
            change: |_| {},
            with: |system, _| system,
        }
    }
}

impl Check {
    fn faults(self, kind: FaultKind, most: u32) -> Self {
        Self { faults: self.faults.with(kind, most), ..self }
    }

    fn seeds(self, seeds: std::ops::Range<u64>) -> Self {
        Self { seeds, ..self }
    }

    fn change(self, change: fn(&mut Program)) -> Self {
        Self { change, ..self }
    }

    fn with(self, with: fn(System<Player>, u64) -> System<Player>) -> Self {
        Self { with, ..self }
    }

    /// Both searches agree on programs of these seeds.
    #[track_caller]
    fn agrees(self) {
        let mut discarded = 0;
        let (mut programs, mut schedules, mut executions, mut traces) = (0, 0, 0, 0);
        for seed in self.seeds.clone().step_by(STEP) {
            let mut program = Program::random(seed);
            (self.change)(&mut program);
            for &network in self.networks {
                for order in self.orders {
                    let settings = Settings { network, faults: self.faults, ..Settings::default() };
                    let system = (self.with)(program.system(*order), seed);
                    let all = search(&program, &system, settings.clone(), Exhaustive::Dfs, self.schedules_max);
                    let Some((every, all)) = all else { continue };
                    let what = format!("seed {seed}, {network}, {order}, {}", self.faults);
                    // Some runs are seen twice, where the search begins anew.
                    let found = search(&program, &system, settings, Exhaustive::Dpor, 8 * every.executions + 100);
                    let (exhausted, outcomes) = found.unwrap_or_else(|| panic!("more runs than there are: {what}"));
                    assert_eq!(outcomes.difference(&all).next(), None, "impossible: {what}");
                    assert_eq!(all.difference(&outcomes).next(), None, "missing: {what}");
                    assert!(exhausted.complete && exhausted.blocked == 0, "{what}: {exhausted:?}");
                    let fingerprints: BTreeSet<u64> = all.iter().map(|outcome| outcome.0).collect();
                    assert_eq!(exhausted.traces, fingerprints.len() as u64, "{what}");
                    programs += 1;
                    schedules += every.executions;
                    executions += exhausted.executions;
                    discarded += exhausted.discarded;
                    traces += exhausted.traces;
                }
            }
        }
        println!(
            "{discarded} discarded, {programs} searches, {schedules} schedules, {executions} executions, {traces} traces"
        );
        assert!(programs > self.seeds.step_by(STEP).count(), "most are small enough");
    }
}

#[test]
fn agrees_where_one_message_is_lost() {
    Check::default().faults(FaultKind::Loss, 1).agrees();
}

#[test]
fn agrees_where_two_messages_are_lost() {
    Check::default().seeds(250..330).faults(FaultKind::Loss, 2).agrees();
}

#[test]
fn agrees_where_three_messages_are_lost() {
    Check::default().seeds(500..550).faults(FaultKind::Loss, 3).agrees();
}

#[test]
fn agrees_where_handlers_choose_and_messages_are_lost() {
    let chooses = || Check::default().change(|program| program.chooses = true);
    chooses().seeds(0..40).faults(FaultKind::Loss, 1).agrees();
    chooses().seeds(0..25).faults(FaultKind::Loss, 2).agrees();
}

#[test]
fn agrees_where_workers_speak_when_they_start_and_messages_are_lost() {
    Check::default().seeds(0..40).change(|program| program.starts = true).faults(FaultKind::Loss, 1).agrees();
}

/// What the system says of where faults may come is kept to.
#[test]
fn agrees_where_only_some_messages_may_be_lost() {
    let some = |system: System<Player>, _| {
        system.fault_when(FaultKind::Loss, |header, _| header.id.hash64().is_multiple_of(2) && header.number.0 < 2)
    };
    Check::default().seeds(0..60).faults(FaultKind::Loss, 2).with(some).agrees();
}

#[test]
fn agrees_where_messages_are_copied() {
    Check::default().seeds(0..50).faults(FaultKind::Duplication, 1).agrees();
    Check::default().seeds(100..125).faults(FaultKind::Duplication, 2).agrees();
    Check::default().seeds(160..175).faults(FaultKind::Duplication, 3).agrees();
}

#[test]
fn agrees_where_messages_are_copied_and_lost() {
    let both = || Check::default().faults(FaultKind::Duplication, 1).faults(FaultKind::Loss, 1);
    both().seeds(0..30).agrees();
    both().seeds(60..75).faults(FaultKind::Loss, 2).agrees();
}

/// Under `mailbox` a copy may stand before what its worker sends itself when it starts.
#[test]
fn agrees_where_workers_speak_when_they_start_and_messages_are_copied() {
    let starts = || Check::default().change(|program| program.starts = true);
    starts().seeds(0..30).faults(FaultKind::Duplication, 1).agrees();
    starts().seeds(61..77).faults(FaultKind::Duplication, 2).agrees();
}

#[test]
fn agrees_where_copies_meet_crashes_full_queues_and_choices() {
    let copied = || Check::default().faults(FaultKind::Duplication, 1);
    copied().seeds(0..20).faults(FaultKind::Crash, 1).with(restart).agrees();
    copied().seeds(0..32).change(loud).with(small).agrees();
    copied().seeds(0..30).change(|program| (program.chooses, program.panics) = (true, true)).with(restart).agrees();
    let all = |system: System<Player>, seed| restart(small(system, seed), seed / 8);
    copied().seeds(40..50).faults(FaultKind::Crash, 1).faults(FaultKind::Loss, 1).with(all).agrees();
}

/// Each way to live again or not.
fn restart(system: System<Player>, seed: u64) -> System<Player> {
    let once = Restart::AtMost { times: 1, within: std::time::Duration::from_secs(1) };
    let restart = [Restart::Always, Restart::Never, once][seed as usize % 3];
    system.with(move |policies| policies.restart = restart)
}

#[test]
fn agrees_where_one_worker_crashes() {
    Check::default().seeds(0..80).faults(FaultKind::Crash, 1).with(restart).agrees();
}

#[test]
fn agrees_where_two_workers_crash() {
    Check { schedules_max: 1_000, ..Check::default() }.seeds(0..40).faults(FaultKind::Crash, 2).with(restart).agrees();
}

#[test]
fn agrees_where_workers_speak_when_they_start_and_crash() {
    let starts = || Check { schedules_max: 1_000, ..Check::default() }.change(|program| program.starts = true);
    starts().seeds(0..20).faults(FaultKind::Crash, 1).with(restart).agrees();
    starts().seeds(0..12).faults(FaultKind::Crash, 2).with(restart).agrees();
}

#[test]
fn agrees_where_handlers_choose_and_workers_crash() {
    let chooses = |program: &mut Program| (program.chooses, program.starts) = (true, program.salt.is_multiple_of(2));
    Check::default().seeds(0..60).change(chooses).faults(FaultKind::Crash, 1).with(restart).agrees();
}

#[test]
fn agrees_where_handlers_panic() {
    Check::default().seeds(0..120).change(|program| program.panics = true).with(restart).agrees();
}

/// Who says something at each start that others die of, and lives again for ever, goes on for ever: so these do not.
#[test]
fn agrees_where_workers_speak_when_they_start_and_panic() {
    let speaks = |program: &mut Program| (program.panics, program.starts) = (true, true);
    let some = |system, seed| restart(system, 1 + seed % 2);
    Check { schedules_max: 1_000, ..Check::default() }.seeds(0..40).change(speaks).with(some).agrees();
}

/// Programs in which reads commute, where that is proved.
fn commuting() -> Check {
    Check { networks: &[Network::Bag, Network::Fifo], orders: &[Order::Arrival], ..Check::default() }
        .change(|program| program.reads = true)
}

#[test]
fn agrees_where_reads_commute_and_messages_are_lost() {
    commuting().seeds(0..200).faults(FaultKind::Loss, 1).agrees();
    commuting().seeds(200..300).faults(FaultKind::Loss, 2).agrees();
}

#[test]
fn agrees_where_reads_commute_and_messages_are_copied() {
    commuting().seeds(0..80).faults(FaultKind::Duplication, 1).agrees();
    commuting().seeds(150..200).faults(FaultKind::Duplication, 2).faults(FaultKind::Loss, 1).agrees();
}

#[test]
fn agrees_where_reads_commute_and_workers_crash() {
    commuting().seeds(0..150).faults(FaultKind::Crash, 1).with(restart).agrees();
    commuting().seeds(150..200).faults(FaultKind::Crash, 2).with(restart).agrees();
    commuting().seeds(200..250).faults(FaultKind::Crash, 1).faults(FaultKind::Loss, 1).with(restart).agrees();
}

#[test]
fn agrees_where_reads_commute_and_handlers_panic() {
    commuting().seeds(0..200).change(|program| (program.reads, program.panics) = (true, true)).with(restart).agrees();
}

/// Each way to see to a full queue that nobody waits for, with room for one or two.
fn small(system: System<Player>, seed: u64) -> System<Player> {
    let small = move |policies: &mut Policies| {
        policies.capacity = 1 + (seed / 4 % 2) as usize;
        policies.overflow = 1;
        policies.on_full = [OnFull::DropNewest, OnFull::DropOldest, OnFull::Hold, OnFull::Nack][seed as usize % 4];
    };
    system.with(small)
}

/// Programs that say enough to fill a queue.
fn loud(program: &mut Program) {
    program.externals.iter_mut().for_each(|(_, _, msg)| msg.hops += 1);
}

#[test]
fn agrees_where_queues_are_full() {
    Check { schedules_max: 1_000, ..Check::default() }.seeds(0..60).change(loud).with(small).agrees();
}

#[test]
fn agrees_where_handlers_choose_and_queues_are_full() {
    Check::default().seeds(0..80).change(|program| program.chooses = true).with(small).agrees();
}

#[test]
fn agrees_where_reads_commute_and_queues_are_full() {
    let loud_reads = |program: &mut Program| {
        loud(program);
        program.reads = true;
    };
    commuting().seeds(0..200).change(loud_reads).with(small).agrees();
    commuting().seeds(0..100).with(small).agrees();
    let choosing = |program: &mut Program| {
        loud(program);
        (program.reads, program.chooses) = (true, true);
    };
    // Where a read sends to a full queue or not, as it chooses.
    for seed in [570, 3322] {
        commuting().seeds(seed..seed + 1).change(choosing).with(small).agrees();
    }
}

/// The start of a life throws out what could have arrived before that life began.
#[test]
fn agrees_where_starts_fill_queues() {
    let speaks = |program: &mut Program| {
        loud(program);
        (program.panics, program.starts) = (true, true);
    };
    let both = |system: System<Player>, seed| restart(small(system, 1 + seed % 2 * 4), 2);
    Check { networks: &[Network::Bag, Network::Fifo], schedules_max: 300, ..Check::default() }
        .change(speaks)
        .with(both)
        .seeds(0..150)
        .agrees();
}

/// What fills queues, loses messages and crashes workers, all at once.
#[test]
fn agrees_where_it_all_comes_together() {
    let both = |system: System<Player>, seed| restart(small(system, seed), seed / 8);
    let check = || Check { schedules_max: 1_000, ..Check::default() }.change(loud).with(both);
    check().seeds(0..12).faults(FaultKind::Loss, 1).agrees();
    check().seeds(0..12).faults(FaultKind::Crash, 1).agrees();
    check().seeds(0..12).faults(FaultKind::Loss, 1).faults(FaultKind::Crash, 1).agrees();
    let panics = |program: &mut Program| {
        loud(program);
        program.panics = true;
    };
    check().seeds(0..12).change(panics).agrees();
    check().seeds(0..8).change(panics).faults(FaultKind::Crash, 1).agrees();
    let reads = |program: &mut Program| {
        loud(program);
        (program.reads, program.panics, program.chooses) = (true, true, program.salt.is_multiple_of(2));
        program.starts = program.salt.is_multiple_of(3);
    };
    let both = |system: System<Player>, seed| restart(small(system, seed), 1 + seed % 2);
    let check = || Check { schedules_max: 1_000, ..commuting() }.with(both);
    check().seeds(0..40).change(reads).agrees();
    let quiet = |program: &mut Program| (program.reads, program.chooses) = (true, program.salt.is_multiple_of(2));
    check().seeds(0..30).change(quiet).faults(FaultKind::Loss, 1).faults(FaultKind::Crash, 1).agrees();
}
