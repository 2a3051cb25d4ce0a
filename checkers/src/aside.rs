//! What waits beside the queues: parked until an earlier update is there, or held until there is room.
//!
//! When a worker dies, what is dropped may be in its queues, beside them or not there yet, and the event that says so is the
//! same. So laws that count what is in the queues keep here what is not, by hash. Mostly nothing is.

use raddle_core::{Header, What, copy_list};

/// Where a message waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// For an earlier one.
    Parked,
    /// For room.
    Held,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Aside(Vec<(u64, Beside)>);

impl Aside {
    pub(crate) fn reset(&mut self) {
        self.0.clear();
    }

    pub(crate) fn copy_from(&mut self, other: &Self) {
        copy_list(&mut self.0, &other.0);
    }

    /// Follows one event; gives where the message waited until now, if it does so no longer.
    #[inline(always)]
    pub(crate) fn follow(&mut self, what: What, header: &Header) -> Option<Beside> {
        match what {
            What::Park { .. } => self.0.push((header.id.hash64(), Beside::Parked)),
            What::Hold => self.0.push((header.id.hash64(), Beside::Held)),
            What::Release | What::Admit | What::Drop(_) if !self.0.is_empty() => return self.take(header),
            _ => {}
        }
        None
    }

    #[inline(never)]
    fn take(&mut self, header: &Header) -> Option<Beside> {
        let hash = header.id.hash64();
        let at = self.0.iter().position(|waits| waits.0 == hash)?;
        Some(self.0.swap_remove(at).1)
    }
}
