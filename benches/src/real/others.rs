//! How busy others keep the machine meanwhile. Nothing is measured by it, but much depends on it.
//!
//! On an idle machine threads that talk to each other sit on processors of their own, and to wake one that sleeps on another
//! processor takes many times as long as on the same one. On a busy machine they share one: whoever sleeps between two
//! messages is then woken fast, and whoever does not sleep gains less by it. So the same ratio is another one there.

use std::fs;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use serde::Serialize;

/// Looks at the clocks of the machine and of this program, from now on.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    since: Instant,
    busy: Option<Duration>,
}

/// How much others did.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Others {
    /// How many processors they kept busy on average; none where the system does not say so.
    pub busy: Option<f64>,
    /// How many there are.
    pub processors: usize,
}

impl Watch {
    /// Begins.
    pub fn start() -> Watch {
        Watch { since: Instant::now(), busy: busy_with_others() }
    }

    /// What others did since then.
    pub fn others(self) -> Others {
        let spent = busy_with_others().zip(self.busy).map(|(now, then)| now.saturating_sub(then));
        let busy = spent.map(|spent| spent.as_secs_f64() / self.since.elapsed().as_secs_f64());
        Others { busy, processors: available_parallelism().map_or(1, usize::from) }
    }
}

impl Others {
    /// It as a sentence.
    pub fn sentence(self) -> String {
        match self.busy {
            Some(busy) => format!("Meanwhile others kept {busy:.1} of {} processors busy.", self.processors),
            None => "How busy others kept the machine meanwhile, it does not say.".to_owned(),
        }
    }
}

/// All the time that processors have spent on others than this program and those it has started and outlived.
fn busy_with_others() -> Option<Duration> {
    let machine = fs::read_to_string("/proc/stat").ok()?;
    let me = fs::read_to_string("/proc/self/stat").ok()?;
    let ticks = of_machine(&machine)?.saturating_sub(of_program(&me)?);
    Some(Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second()))
}

/// The ticks in which any processor was neither idle nor waiting for a disk, as `/proc/stat` has them.
fn of_machine(stat: &str) -> Option<u64> {
    let numbers = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let numbers: Vec<u64> = numbers.map(str::parse).collect::<Result<_, _>>().ok()?;
    let [user, nice, system, _idle, _disk, interrupts @ ..] = &numbers[..] else { return None };
    // What guests use is in the user's time already.
    Some(user + nice + system + interrupts.iter().take(3).sum::<u64>())
}

/// The ticks of a program, its threads, and the processes that it has started and that have ended, as `/proc/self/stat` has
/// them.
fn of_program(stat: &str) -> Option<u64> {
    // The name may hold anything; what follows does not.
    let (_, rest) = stat.rsplit_once(')')?;
    let ticks = rest.split_whitespace().skip(11).take(4).map(str::parse::<u64>);
    ticks.sum::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_where_they_stand() {
        assert_eq!(of_machine("cpu  10 20 30 4000 500 1 2 3 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n"), Some(66));
        let program = "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 100 20 3 4 20 0 9 0 77";
        assert_eq!(of_program(program), Some(127));
        assert_eq!((of_machine("cpu 1 x"), of_program("12 nothing")), (None, None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_says_how_busy_it_is() {
        let others = Watch::start().others();
        assert!(others.busy.is_some_and(|busy| busy >= 0.0) && others.processors > 0);
    }
}
