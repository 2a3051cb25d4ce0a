//! The same plays under raddle's real drivers, with the policies that a system gets by default: clocks on, `order = causal`,
//! queues of 1,024.
//!
//! Whoever has more to say than an answer says it when a timer of no time fires, which begins a chain: in one chain for ever,
//! each update would be deeper than the last. That makes one handling more than others have, of a trip, which it does not
//! time, and of a round.

use std::env;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use raddle_core::{EndReason, Outbox, Placement, Plan, Policies, StateMachine, System, TimerTag, WorkerId};
use raddle_runtime::{Extent, Outcome, Processes, RecordTo, Threads};
use serde::{Deserialize, Serialize};

use super::load::Load;
use super::part::{Ended, Part, crowd, pair};

/// The hidden subcommand that is the process of a worker.
pub const CHILD: &str = "worker";

const PAIR: &str = "pair";
const CROWD: &str = "crowd";

/// A part, as a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Actor {
    part: Part,
    /// Whether it has set a timer that has not fired.
    will_speak: bool,
}

impl StateMachine for Actor {
    type Message = ();
    type Update = Load;

    fn on_message(&mut self, (): (), out: &mut Outbox<Load>) {
        self.part.speak(|load| notify(load, out));
    }

    fn on_update(&mut self, load: Load, out: &mut Outbox<Load>) {
        if self.part.hear(load, |load| notify(load, out)) && !self.will_speak {
            self.will_speak = true;
            out.set_timer(TimerTag::default(), Duration::ZERO);
        }
    }

    fn on_timer(&mut self, _: TimerTag, out: &mut Outbox<Load>) {
        self.will_speak = false;
        self.part.speak(|load| notify(load, out));
    }
}

fn notify(load: Load, out: &mut Outbox<Load>) {
    out.notify(WorkerId::new(load.to), load);
}

/// The pair on threads.
///
/// # Errors
/// When the run cannot be started, or does not come to its end.
pub fn pair_on_threads(trips: u64, placement: Placement) -> Result<Vec<f64>> {
    on_threads(PAIR, trips, placement, 1)?.trip()
}

/// The crowd on threads, where each takes so many updates at once.
///
/// # Errors
/// When the run cannot be started, or does not come to its end.
pub fn crowd_on_threads(rounds: u64, placement: Placement, window: u32) -> Result<Vec<f64>> {
    on_threads(CROWD, rounds, placement, window)?.rate()
}

/// The pair on processes.
///
/// # Errors
/// When the run cannot be started, or does not come to its end.
pub fn pair_on_processes(trips: u64) -> Result<Vec<f64>> {
    on_processes(PAIR, trips, 1)?.trip()
}

/// The crowd on processes, where each takes so many updates at once.
///
/// # Errors
/// When the run cannot be started, or does not come to its end.
pub fn crowd_on_processes(rounds: u64, window: u32) -> Result<Vec<f64>> {
    on_processes(CROWD, rounds, window)?.rate()
}

/// How long the crowd takes on threads, from its first thread to the last byte of its recording, if it is recorded.
///
/// # Errors
/// When the run or its recording cannot be begun, or does not come to its end.
pub fn recorded_crowd(rounds: u64, placement: Placement, record: bool) -> Result<Vec<f64>> {
    let plan = stage(CROWD, rounds, placement, 1)?;
    let folder = tempfile::tempdir().context("failed to make a folder for a recording")?;
    let to = record.then(|| RecordTo::new(folder.path().join("crowd.rec")));
    let start = Instant::now();
    let mut outcome = Threads::new().record_to(to).run(&plan)?;
    let elapsed = start.elapsed();
    if let Some(recorded) = outcome.recorded.take() {
        ensure!(recorded?.extent == Extent::Whole, "failed to record the whole run");
    }
    ended(outcome)?.rate()?;
    Ok(vec![elapsed.as_nanos() as f64])
}

/// What the process of a worker does: it becomes that worker, and never returns.
///
/// # Errors
/// When no run has started this process.
pub fn work(play: &str, size: u64, window: u32) -> Result<()> {
    Processes::serve(&*stage(play, size, Placement::Inline, window)?);
    bail!("failed to become a worker: no run has started this process")
}

/// A play on threads.
fn on_threads(play: &str, size: u64, placement: Placement, window: u32) -> Result<Ended> {
    ended(Threads::new().run(&stage(play, size, placement, window)?)?)
}

/// A play on processes, each of which is this program with a hidden subcommand.
fn on_processes(play: &str, size: u64, window: u32) -> Result<Ended> {
    let program = env::current_exe().context("failed to find this program")?;
    let processes =
        Processes::new(Threads::new()).command(program, [CHILD, play, &size.to_string(), &window.to_string()]);
    ended(processes.run(&stage(play, size, Placement::Inline, window)?)?)
}

/// The system of a play: a worker for each part, each told to begin by one message from outside.
fn stage(play: &str, size: u64, placement: Placement, window: u32) -> Result<Arc<Plan<Actor>>> {
    let parts = if play == PAIR { pair(size) } else { crowd(size) };
    let names: Vec<String> = (0..parts.len()).map(|at| format!("w{at}")).collect();
    let begin: Vec<_> = names.iter().map(|name| (name.clone(), ())).collect();
    let make = move |seat: raddle_core::Seat<'_>| Actor { part: parts[seat.id().index()].clone(), will_speak: false };
    let system = System::new(play).workers(names, make).messages("client", begin);
    let with = |policies: &mut Policies| (policies.placement, policies.window) = (placement, window);
    Ok(system.with(with).on_processes().plan()?)
}

/// A run that was played to its end, with nothing lost.
fn ended(outcome: Outcome<Actor>) -> Result<Ended> {
    ensure!(outcome.end.reason == EndReason::Quiescent, "failed to play to the end");
    ensure!(outcome.metrics.dropped == 0, "failed to deliver {} loads", outcome.metrics.dropped);
    let parts = outcome.workers.iter().map(|worker| worker.machine().part.clone());
    Ok(Ended { parts: parts.filter(Part::ends).collect(), elapsed: outcome.elapsed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_plays_come_to_their_end_in_either_placement() {
        for placement in [Placement::Inline, Placement::Sharded(1)] {
            assert_eq!(pair_on_threads(20, placement).expect("played").len(), 2);
            assert_eq!(crowd_on_threads(20, placement, 4).expect("played").len(), 1);
        }
    }

    #[test]
    fn a_recorded_crowd_is_the_same_crowd() {
        for record in [false, true] {
            assert!(recorded_crowd(20, Placement::Inline, record).expect("played")[0] > 0.0);
        }
    }
}
