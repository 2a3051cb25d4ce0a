//! Tests: wherever a search is killed, one that goes on from its last checkpoint comes to the same.

use indexmap::IndexMap;
use raddle_core::{FaultKind, Input, Order, Outbox, Restart, StateMachine, System};

use super::checkpoint::{CheckpointFile, SavedPart};
use super::control::Control;
use super::estimate::estimate;
use super::kind::Exhaustive;
use super::scout::scouts_for;
use super::search::{Part, Task};
use crate::explore::{Explore, Report};
use crate::faults::FaultPlan;
use crate::run::Runner;
use crate::settings::{Network, Settings};
use crate::strategy::StrategyKind;

const CLIENTS: [&str; 4] = ["a", "b", "c", "d"];

/// From so many moments of a search it is gone on from, at most.
const MOMENTS_MAX: usize = 40;

/// A cell that is read and written by clients, or a client.
#[derive(Clone, Debug, Default, Hash)]
struct Cell(Vec<u32>);

/// What the cell is told: who says it, and whether it is to be written. What a client is told: what the cell holds.
type Told = (usize, bool);

impl StateMachine for Cell {
    type Message = Told;
    type Update = Told;

    fn on_message(&mut self, (client, writes): Told, out: &mut Outbox<Told>) {
        let writes = writes || out.choose(2) == 1;
        out.notify("cell", (client, writes));
    }

    fn on_update(&mut self, (client, writes): Told, out: &mut Outbox<Told>) {
        if writes || out.worker("cell") != Some(out.me()) {
            self.0.push(client as u32);
        } else {
            out.notify(CLIENTS[client], (self.0.len(), false));
        }
    }
}

/// The first clients write, the others choose. In some runs the last who wrote was the wrong one.
fn cell(writers: usize, clients: usize) -> System<Cell> {
    let system = System::new("cell").workers(CLIENTS[..clients].iter().copied().chain(["cell"]), |_| Cell::default());
    let system = system.laws(["no-silent-loss"]).with(|policies| policies.order = Order::Arrival);
    let last = move |cell: &Cell| cell.0.last() != Some(&(clients as u32 - 1)) || cell.0.len() < 2;
    let system = system.at_end("not-last", move |run| run.machine("cell").is_none_or(last));
    (0..clients).fold(system, |system, at| system.messages(format!("s{at}"), [(CLIENTS[at], (at, at < writers))]))
}

fn reads_commute(system: System<Cell>) -> System<Cell> {
    let reads = |input: &Input<Cell>| matches!(input, Input::Update((client, false)) if *client < CLIENTS.len());
    system.commuting(move |a, b| reads(a) && reads(b))
}

fn settings(network: Network, faults: &[(FaultKind, u32)]) -> Settings {
    let faults = faults.iter().fold(FaultPlan::default(), |faults, (kind, most)| faults.with(*kind, *most));
    Settings { network, faults, ..Settings::default() }
}

/// All that a report says of what was searched.
fn counts(report: &Report) -> String {
    let exhausted = report.exhausted.as_ref().expect("it was exhaustive");
    let found = report.found.iter().chain(&exhausted.also).map(|found| (&found.signature, found.digest, found.steps));
    let found: Vec<_> = found.collect();
    let mut counted = exhausted.clone();
    counted.also.clear();
    counted.resumed = false;
    let (steps, deliveries, losses) = (report.steps, report.deliveries, &report.losses);
    format!("{counted:?} {found:?} {steps} {deliveries} {:?} {:?} {losses:?}", report.reached, report.faults)
}

/// What a part hands over, asked each time that it has counted so many runs; first what it is before, last what it came to.
fn history<M: StateMachine>(task: &Task<M>, part: Part, every: u64) -> Vec<SavedPart> {
    let (control, mut stage) = (Control::default(), task.stage().expect("it can be run"));
    let (mut history, mut runs) = (vec![task.not_begun(&part)], 0);
    let mut see = |_: &Runner<M>| {
        history.extend(control.take_handed());
        runs += 1;
        if runs % every == 0 {
            control.ask();
        }
    };
    let searched = task.search(part, std::slice::from_mut(&mut stage), &control, &mut see);
    history.extend(control.take_handed());
    history.push(searched.expect("it can be searched").saved());
    history
}

/// Wherever a search is killed, what goes on from its last checkpoint comes to the same, on any number of jobs.
#[track_caller]
fn killed<M: StateMachine>(system: &System<M>, settings: &Settings, kind: Exhaustive, every: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("search.ron");
    let explore = |jobs| {
        let explore = Explore::new(system.clone()).strategy(StrategyKind::Exhaustive(kind));
        explore.settings(settings.clone()).shrink(None).jobs(jobs)
    };
    let [whole, whole_at_once] = [1, 3].map(|jobs| explore(jobs).run().expect("it can be searched"));
    let mut task = Task {
        plan: system.plan().expect("a plan"),
        settings: settings.clone(),
        laws: None,
        kind,
        seed: explore(1).seeds.start,
        scouts: 0,
        variant: IndexMap::new(),
    };
    let mut stage = task.stage().expect("it can be run");
    task.scouts = scouts_for(estimate(&task, &mut stage));
    let file = CheckpointFile::new(&path, &task, &mut stage);
    let histories: Vec<_> = task.parts(&mut stage).into_iter().map(|part| history(&task, part, every)).collect();
    let last = |part: usize| histories[part].len() - 1;
    // One job does part after part. Several are at work on some at once, some of them faster than others.
    let one = (0..histories.len()).flat_map(|part| (0..last(part)).map(move |at| (part, at)));
    let mut moments: Vec<(usize, Vec<usize>)> = one
        .map(|(now, at)| {
            let place = |part: usize| {
                if part == now {
                    at
                } else if part < now {
                    last(part)
                } else {
                    0
                }
            };
            (1, (0..histories.len()).map(place).collect())
        })
        .collect();
    for at in 0..(0..histories.len()).map(last).max().unwrap_or(0) {
        moments.push((3, (0..histories.len()).map(|part| last(part).min(at * (1 + part % 3))).collect()));
    }
    let mut resumed = 0;
    for (jobs, moment) in moments.iter().step_by(moments.len().div_ceil(MOMENTS_MAX)) {
        let parts: Vec<_> = moment.iter().zip(&histories).map(|(at, history)| history[*at].clone()).collect();
        file.write(parts).expect("writes");
        if path.exists() {
            resumed += 1;
            let report = explore(*jobs).checkpoint(&path).run().expect("it goes on");
            let whole = if *jobs == 1 { &whole } else { &whole_at_once };
            assert_eq!(counts(&report), counts(whole), "{kind}, {settings:?}, {moment:?}, {jobs} jobs");
            assert!(!path.exists(), "it is complete");
        }
    }
    assert!(resumed > 5, "{resumed} checkpoints, {kind}, {settings:?}, {}", counts(&whole));
    let found = whole.found.is_some() && whole.exhausted.is_some_and(|exhausted| exhausted.complete);
    assert!(found, "it is complete, and finds something");
}

#[test]
fn a_killed_search_of_all_schedules_comes_to_the_same() {
    killed(&cell(1, 3), &settings(Network::Fifo, &[]), Exhaustive::Dfs, 9);
    killed(&cell(1, 3), &settings(Network::Mailbox, &[]), Exhaustive::Delay(3), 3);
}

#[test]
fn a_killed_search_of_traces_comes_to_the_same() {
    killed(&cell(1, 3), &settings(Network::Bag, &[]), Exhaustive::Dpor, 4);
    killed(&cell(2, 3).forkable(), &settings(Network::Mailbox, &[(FaultKind::Loss, 1)]), Exhaustive::Dpor, 7);
}

#[test]
fn a_killed_search_where_workers_crash_comes_to_the_same() {
    let system = cell(1, 2).forkable().with(|policies| policies.restart = Restart::Always);
    let faults = [(FaultKind::Crash, 1), (FaultKind::Loss, 1)];
    killed(&system, &settings(Network::Bag, &faults), Exhaustive::Dpor, 20);
    killed(&system, &settings(Network::Fifo, &faults[..1]), Exhaustive::Dpor, 20);
}

#[test]
fn a_killed_search_of_states_comes_to_the_same() {
    killed(&cell(0, 4).hashed(), &settings(Network::Bag, &[]), Exhaustive::States, 1);
}

/// What messages say is not in the file.
#[test]
fn a_killed_search_where_reads_commute_comes_to_the_same() {
    let system = reads_commute(cell(0, 4));
    killed(&system, &settings(Network::Bag, &[]), Exhaustive::Dpor, 10);
    killed(&system, &settings(Network::Fifo, &[]), Exhaustive::Dpor, 10);
    let system = reads_commute(cell(0, 2)).forkable().with(|policies| policies.restart = Restart::Always);
    let faults = [(FaultKind::Crash, 1), (FaultKind::Loss, 1)];
    killed(&system, &settings(Network::Bag, &faults), Exhaustive::Dpor, 25);
    killed(&system, &settings(Network::Fifo, &[(FaultKind::Duplication, 1)]), Exhaustive::Dpor, 9);
}
