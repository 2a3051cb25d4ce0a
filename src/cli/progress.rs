//! The progress of a search: a line on stderr, on a terminal only, gone when the search is over.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use raddle_sim::Progress;

use crate::words;

/// How far a search is: by its runs, or by its time if only that is bounded.
#[derive(Clone)]
pub(crate) struct Bar {
    bar: ProgressBar,
    time: Option<Duration>,
}

impl Bar {
    pub(crate) fn new(system: &str, time: Option<Duration>) -> Self {
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("{prefix}  [{bar:30}]  {msg}").expect("the template is well formed");
        bar.set_style(style.progress_chars("=> "));
        bar.set_prefix(system.to_owned());
        Self { bar, time }
    }

    pub(crate) fn show(&self, so_far: Progress) {
        let (length, position, left) = match self.time {
            Some(time) => (millis(time), millis(so_far.elapsed), time.checked_sub(so_far.elapsed)),
            None => (so_far.of, so_far.runs, remaining(so_far)),
        };
        self.bar.set_length(length);
        let left = left.map_or(String::new(), |left| format!(", {} left", words::took(left)));
        let speed = words::rate(so_far.runs, so_far.elapsed);
        self.bar.set_message(format!("{}, {speed} runs/s{left}", words::counted(so_far.runs, "run")));
        self.bar.set_position(position);
    }

    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// How long the runs that are left will take, if they are like those done.
fn remaining(so_far: Progress) -> Option<Duration> {
    let left = so_far.of.saturating_sub(so_far.runs) as f64 / so_far.runs.max(1) as f64;
    Duration::try_from_secs_f64((so_far.elapsed.as_secs_f64() * left).round()).ok()
}
