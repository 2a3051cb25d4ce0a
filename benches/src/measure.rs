//! How a contender is measured: whole runs until a CPU budget is spent, and the rate that comes of
//! it.
//!
//! CPU time is that of the whole process, user and system, so that a contender's own threads count
//! and other programs do not. It needs a Unix clock.

use std::ops::Range;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// One line of the table: a name, and how to run it for about so much CPU time.
#[derive(Clone, Copy, Debug)]
pub struct Contender {
    /// What the table and the JSON call it.
    pub name: &'static str,
    /// Runs it for at least the given CPU time, usually by way of [`measure`].
    pub run: fn(Duration) -> Rate,
}

impl Contender {
    /// A contender of this name.
    pub const fn new(name: &'static str, run: fn(Duration) -> Rate) -> Contender {
        Contender { name, run }
    }
}

/// What a contender did, and in how much CPU time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many runs of the workload, each with its own seed.
    pub runs: u64,
    /// How many messages were handled in them.
    pub deliveries: u64,
    /// User and system time of the process meanwhile.
    pub cpu: Duration,
}

impl Rate {
    /// Deliveries per CPU second.
    pub fn deliveries_per_second(&self) -> f64 {
        self.deliveries as f64 / self.cpu.as_secs_f64()
    }

    /// Runs per CPU second.
    pub fn runs_per_second(&self) -> f64 {
        self.runs as f64 / self.cpu.as_secs_f64()
    }
}

/// Calls `run_seeds` with `batch` new seeds at a time, from seed 0 on, until `budget` of CPU time
/// is spent; it returns how many messages were handled.
///
/// A batch should take some milliseconds: long beside a look at the clock (about a microsecond),
/// short beside the budget.
pub fn measure(budget: Duration, batch: u64, mut run_seeds: impl FnMut(Range<u64>) -> u64) -> Rate {
    assert!(batch > 0, "a batch has at least one run, otherwise no time passes");
    let start = cpu_time();
    let mut rate = Rate { runs: 0, deliveries: 0, cpu: Duration::ZERO };
    while rate.cpu < budget || rate.runs == 0 {
        rate.deliveries += run_seeds(rate.runs..rate.runs + batch);
        rate.runs += batch;
        rate.cpu = cpu_time() - start;
    }
    rate
}

/// Runs all contenders once, uncounted, and then in turn (A B C A B C ...), so that a slow spell of
/// the machine falls on all of them. Gives one list of rates per contender, in order.
///
/// `progress` is told the number of each counted round before it begins.
pub fn in_turn(
    contenders: &[Contender],
    rounds: usize,
    budget: Duration,
    mut progress: impl FnMut(usize),
) -> Vec<Vec<Rate>> {
    for contender in contenders {
        (contender.run)(budget / 10);
    }
    let mut rates = vec![Vec::with_capacity(rounds); contenders.len()];
    for round in 1..=rounds {
        progress(round);
        for (contender, rates) in contenders.iter().zip(&mut rates) {
            rates.push((contender.run)(budget));
        }
    }
    rates
}

/// User and system time of this process so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("a process has used no negative time")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_new_and_without_gaps() {
        let mut next = 0;
        let rate = measure(Duration::from_millis(2), 3, |seeds| {
            assert_eq!(seeds, next..next + 3);
            next = seeds.end;
            30
        });
        assert_eq!(rate.runs, next);
        assert_eq!(rate.deliveries, 10 * rate.runs);
        assert!(rate.cpu >= Duration::from_millis(2));
    }

    #[test]
    fn a_spent_budget_still_runs_one_batch() {
        assert_eq!(measure(Duration::ZERO, 5, |_| 0).runs, 5);
    }
}
