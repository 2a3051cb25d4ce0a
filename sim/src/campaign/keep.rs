//! The checkpoint of an exhaustive search that goes on: written from time to time, for those that are killed.
//!
//! Nobody waits for anybody. All parts are asked to hand over what is left of them; each does so between two of its runs, and
//! goes on. When all have, the file is written: parts know nothing of each other, so it does not matter that each is of another
//! moment.

use std::time::{Duration, Instant};

use crate::exhaustive::checkpoint::SavedPart;
use crate::exhaustive::control::Control;

/// How often a checkpoint is written unless it is said otherwise.
pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);

/// Checkpoints can be large. To write them takes no more than one part in so many of the time.
const TIME_SHARE: u32 = 20;

pub(super) struct Keeper {
    every: Duration,
    /// None if that is never.
    due: Option<Instant>,
    /// By part, what was handed over since all were asked; none if nobody is asked now.
    kept: Option<Vec<Option<SavedPart>>>,
}

impl Keeper {
    pub(super) fn new(every: Duration, now: Instant) -> Self {
        Self { every, due: now.checked_add(every), kept: None }
    }

    /// To look less often than this is to write late.
    pub(super) fn pause(&self) -> Duration {
        self.every.max(Duration::from_millis(1))
    }

    /// Asks when it is time, and gathers what was handed over; all of it as soon as it is there. Of parts that do not go on,
    /// `resting` knows.
    pub(super) fn gather(
        &mut self,
        now: Instant,
        control: &[Control],
        resting: impl Fn(usize) -> Option<SavedPart>,
    ) -> Option<Vec<SavedPart>> {
        if self.kept.is_none() {
            if self.due.is_none_or(|due| now < due) {
                return None;
            }
            for control in control {
                // What came too late the last time is old.
                drop(control.take_handed());
                control.ask();
            }
        }
        let kept = self.kept.get_or_insert_with(|| vec![None; control.len()]);
        for (at, kept) in kept.iter_mut().enumerate().filter(|(_, kept)| kept.is_none()) {
            *kept = control[at].take_handed().or_else(|| resting(at));
        }
        if kept.iter().any(Option::is_none) { None } else { self.kept.take()?.into_iter().collect() }
    }

    /// A checkpoint was written, which took so long.
    pub(super) fn wrote(&mut self, now: Instant, took: Duration) {
        self.due = now.checked_add(self.every.max(took * TIME_SHARE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exhaustive::checkpoint::Left;
    use crate::exhaustive::tally::Tally;

    /// A part of which so many executions are counted, with schedules left from there.
    fn counted(executions: u64) -> (Tally, Left) {
        let left = Left::Schedules { base: executions as usize, levels: Vec::new() };
        (Tally { executions, ..Tally::default() }, left)
    }

    /// A part does one more run.
    fn run(control: &Control, executions: u64) {
        let (tally, left) = counted(executions);
        control.hand_over(&tally, || left);
    }

    fn resting(executions: u64) -> Option<SavedPart> {
        let control = Control::default();
        control.ask();
        run(&control, executions);
        control.take_handed()
    }

    /// Of each part, where it goes on.
    fn bases(parts: &[SavedPart]) -> Vec<usize> {
        let base = |part: &SavedPart| match part.left {
            Left::Schedules { base, .. } => base,
            _ => panic!("{part:?} is none of the test's"),
        };
        parts.iter().map(base).collect()
    }

    #[test]
    fn all_are_asked_when_it_is_time_and_written_when_all_have_answered() {
        let (began, minute) = (Instant::now(), Duration::from_secs(60));
        let control = [(); 3].map(|()| Control::default());
        let mut keeper = Keeper::new(minute, began);
        // The third has not been begun with, and then is done.
        let mut gather = |at: Duration, third: u64| {
            let resting = |part| if part == 2 { resting(third) } else { None };
            keeper.gather(began + at, &control, resting).map(|parts| bases(&parts))
        };
        assert_eq!(gather(minute / 2, 0), None);
        run(&control[0], 1);
        assert!(control[0].take_handed().is_none(), "nobody has asked");
        assert_eq!(gather(minute, 0), None);
        run(&control[0], 2);
        run(&control[0], 3);
        assert_eq!(gather(minute, 7), None, "the second has not answered");
        run(&control[1], 4);
        assert_eq!(gather(minute, 7), Some(vec![2, 4, 0]), "each as it was when it answered");
        keeper.wrote(began + minute, Duration::from_secs(1));
        run(&control[0], 5);
        assert!(control[0].take_handed().is_none(), "it has answered");
    }

    #[test]
    fn what_comes_too_late_is_not_taken_for_new() {
        let (began, control) = (Instant::now(), [Control::default()]);
        let mut keeper = Keeper::new(Duration::ZERO, began);
        assert_eq!(keeper.gather(began, &control, |_| resting(0)).map(|parts| bases(&parts)), Some(vec![0]));
        run(&control[0], 1);
        assert!(keeper.gather(began, &control, |_| None).is_none(), "that was asked for before");
        run(&control[0], 2);
        assert_eq!(keeper.gather(began, &control, |_| None).map(|parts| bases(&parts)), Some(vec![2]));
    }

    #[test]
    fn to_write_takes_a_small_part_of_the_time() {
        let (began, second) = (Instant::now(), Duration::from_secs(1));
        let mut keeper = Keeper::new(second, began);
        let mut is_due = |at: Duration| keeper.gather(began + at, &[], |_| None).is_some();
        assert!(!is_due(second / 2) && is_due(second));
        keeper.wrote(began + second, second / 100);
        let mut is_due = |at: Duration| keeper.gather(began + at, &[], |_| None).is_some();
        assert!(!is_due(second) && is_due(2 * second), "as often as it is asked for");
        keeper.wrote(began + 2 * second, 3 * second);
        let mut is_due = |at: Duration| keeper.gather(began + at, &[], |_| None).is_some();
        assert!(!is_due(61 * second) && is_due(62 * second), "twenty times as long as it took");
        assert!(Keeper::new(Duration::MAX, began).gather(began, &[], |_| None).is_none(), "never");
    }
}
