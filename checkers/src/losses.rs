//! What was dropped, by reason: no law is broken by a loss with a reason, and whoever reads that a search is clean should know
//! of it all the same.

use raddle_core::{DropReason, EventRef, Names, What};
use serde::{Deserialize, Serialize};

/// How much was dropped, and who sent to nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losses {
    /// In the order of [`DropReason::ALL`].
    drops: [u64; DropReason::ALL.len()],
    /// Updates that were not sent, as their depth would be beyond the limit.
    refused: u64,
    /// The first update that went to somebody who does not exist, or along an edge that is not declared, or the first reply
    /// to nobody, in words.
    astray: Option<String>,
    /// Whether there is anything here: mostly there is not.
    is_any: bool,
}

impl Losses {
    pub(crate) fn reset(&mut self) {
        if self.is_any {
            *self = Self::default();
        }
    }

    #[cold]
    pub(crate) fn add(&mut self, event: EventRef<'_>, names: &Names) {
        self.is_any = true;
        let What::Drop(reason) = event.what else {
            self.refused += u64::from(event.what == What::DepthRefused);
            return;
        };
        let at = DropReason::ALL.iter().position(|one| *one == reason);
        at.into_iter().for_each(|at| self.drops[at] += 1);
        if self.astray.is_none() && matches!(reason, DropReason::UnknownWorker | DropReason::Undeclared) {
            let from = event.header.from.worker().map_or("somebody", |from| names.worker(from));
            self.astray = Some(match (reason, event.text) {
                (DropReason::Undeclared, _) => {
                    format!("{from} sends to {}, and that edge is not declared", names.worker(event.header.to))
                }
                (_, "") => format!("{from} sends to a worker that does not exist"),
                (_, name) => format!("{from} sends to `{name}`, which is no worker"),
            });
        }
    }

    /// A handler has replied to what no session sent: nobody hears it.
    #[cold]
    pub(crate) fn add_reply(&mut self, event: EventRef<'_>, names: &Names) {
        self.is_any = true;
        self.astray.get_or_insert_with(|| {
            let worker = names.worker(event.header.to);
            format!("{worker} replies to what no session sent, which nobody hears: `notify` sends to a worker")
        });
    }

    /// Becomes equal to `other`, which mostly has lost nothing either.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        if self.is_any || other.is_any {
            self.clone_from(other);
        }
    }

    /// Adds what was lost elsewhere.
    pub fn join(&mut self, other: &Self) {
        if !other.is_any {
            return;
        }
        self.is_any = true;
        self.drops.iter_mut().zip(other.drops).for_each(|(all, more)| *all += more);
        self.refused += other.refused;
        if self.astray.is_none() {
            self.astray.clone_from(&other.astray);
        }
    }

    /// The words of all reasons for which anything was lost, with how much: `drop(full)`, .., `depth-refused`.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let drops = DropReason::ALL.iter().map(|reason| reason.word()).zip(self.drops);
        drops.chain([(What::DepthRefused.word(), self.refused)]).filter(|(_, times)| *times > 0)
    }

    /// The first update that went to somebody who does not exist, or along an edge that is not declared, or the first reply
    /// to nobody: a mistake in the system, which no law is broken by.
    #[must_use]
    pub fn astray(&self) -> Option<&str> {
        self.astray.as_deref()
    }
}
