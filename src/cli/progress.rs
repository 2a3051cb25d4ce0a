//! The progress of a search: a line on stderr, on a terminal only, gone when the search is over.

use std::io::Write;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use raddle_sim::Progress;

use crate::words;

/// A search that is over sooner shows none: a flash tells nobody anything.
const PATIENCE: Duration = Duration::from_millis(300);
/// An exhaustive search of so many executions takes long enough for somebody to want to know beforehand.
const LONG: u64 = 100_000;

/// How far a search is: by its runs, or by its time if only that is bounded.
#[derive(Clone)]
pub(crate) struct Bar {
    bar: Arc<OnceLock<ProgressBar>>,
    system: String,
    time: Option<Duration>,
}

impl Bar {
    pub(crate) fn new(system: &str, time: Option<Duration>) -> Self {
        Self { bar: Arc::default(), system: system.to_owned(), time }
    }

    pub(crate) fn show(&self, so_far: Progress) {
        if so_far.runs == 0 && so_far.part.is_some() && so_far.of >= LONG {
            let about = words::about(so_far.of as f64);
            let _ = writeln!(anstream::stderr(), "{}: about {about} executions to search", self.system);
        }
        if so_far.elapsed < PATIENCE {
            return;
        }
        let (length, position, left) = match self.time {
            Some(time) => (millis(time), millis(so_far.elapsed), time.checked_sub(so_far.elapsed)),
            None if so_far.of == 0 => (1_000, so_far.part.map_or(0, |part| (part * 1e3) as u64), None),
            None => (so_far.of, so_far.runs, remaining(so_far)),
        };
        let (runs, speed) = (words::counted(so_far.runs, "run"), words::rate(so_far.runs, so_far.elapsed));
        let left = left.map_or(String::new(), |left| format!(", {} left", coarse(left)));
        let bar = self.bar.get_or_init(|| bar(&self.system));
        bar.set_length(length);
        bar.set_position(position);
        bar.set_message(format!("{runs}, {speed} runs/s{left}"));
    }

    pub(crate) fn clear(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

fn bar(system: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix}  [{bar:30}]  {msg}").expect("the template is well formed");
    ProgressBar::new(0).with_style(style.progress_chars("=> ")).with_prefix(system.to_owned())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// How long the runs that are left will take, if they are like those done.
fn remaining(so_far: Progress) -> Option<Duration> {
    let left = so_far.of.saturating_sub(so_far.runs) as f64 / so_far.runs.max(1) as f64;
    Duration::try_from_secs_f64(so_far.elapsed.as_secs_f64() * left).ok()
}

/// A time to come, no finer than anybody can tell.
fn coarse(time: Duration) -> String {
    match time.as_secs() + 1 {
        s @ 0..120 => format!("{s} s"),
        s @ 120..7_200 => format!("{} min", s / 60),
        s => format!("{} h", s / 3_600),
    }
}
