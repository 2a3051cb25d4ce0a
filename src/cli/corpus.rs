//! `raddle corpus`: replay every committed finding, and see whether each still does what is expected of it.

use std::path::PathBuf;

use super::context::Context;
use super::exit::{Exit, Trouble, refuse};
use crate::corpus::{Fate, findings_below, judge};
use crate::look::{BAD, DOUBTFUL, FAINT, GOOD};
use crate::words;

/// Replay every committed finding
#[derive(Debug, clap::Args)]
pub(crate) struct Corpus {
    /// The folder with a folder of findings for each system
    #[arg(default_value = "seeds")]
    dir: PathBuf,
}

impl Corpus {
    pub(crate) fn perform(&self, context: &Context) -> Result<Exit, Trouble> {
        if !self.dir.is_dir() {
            refuse!("there is no folder `{}`: `explore` makes it when it finds something", self.dir.display());
        }
        context.stop_on_ctrl_c();
        let paths = findings_below(&self.dir);
        let width = paths.iter().map(|path| path.display().to_string().len()).max().unwrap_or(0);
        let mut fates = Vec::new();
        for path in &paths {
            if context.is_stopped() {
                break;
            }
            let (fate, says) = judge(&context.entries, path);
            let (style, word) = match fate {
                Fate::Holds => (GOOD, "ok"),
                Fate::Fails => (BAD, "FAILED"),
                Fate::Broken => (BAD, "BROKEN"),
                Fate::Foreign => (DOUBTFUL, "skipped"),
            };
            let word = context.look.paint(style, &format!("{word:<7}"));
            context.print(&format!("{word}  {:<width$}  {says}\n", path.display().to_string()))?;
            fates.push(fate);
        }
        self.sum_up(&fates, context)
    }

    fn sum_up(&self, fates: &[Fate], context: &Context) -> Result<Exit, Trouble> {
        let count = |fate| fates.iter().filter(|other| **other == fate).count() as u64;
        let (holds, fails, broken, foreign) =
            (count(Fate::Holds), count(Fate::Fails), count(Fate::Broken), count(Fate::Foreign));
        let parts = [(holds, "as expected"), (fails, "not as expected"), (broken, "broken"), (foreign, "skipped")];
        let parts: Vec<String> =
            parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", words::count(n))).collect();
        if !parts.is_empty() {
            context.print(&format!("{}\n", context.look.paint(FAINT, &parts.join(", "))))?;
        }
        Ok(match (broken, fails, holds) {
            _ if context.is_stopped() => Exit::Interrupted,
            (1.., _, _) => Exit::Usage,
            (_, 1.., _) => Exit::Violation,
            (_, _, 0) => {
                context.complain(&format!("nothing ran: no finding of a known system in `{}`", self.dir.display()));
                Exit::NothingRan
            }
            _ => Exit::Clean,
        })
    }
}
