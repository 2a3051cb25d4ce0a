//! How many messages wait in the queues of an inbox, worked out from its events alone.
//!
//! This is for runs that count what is queued. The picture, with the events that move a message:
//!
//! ```text
//!            Arrive                          Handle, Drop(crash)
//!  update   ────────▷ update queue ─────────────────────────────▷
//!                      │ ▲  │ ▲  └── Drop(any other reason) ──▷
//!                 Park │ │  │ │ Admit (counts with the next Handle)
//!                      ▽ │  ▽ │
//!                  parked   held ───── Drop(crash, incarnation) ──▷
//!                     Release  Hold
//!
//!  external ────────▷ external queue ───────────────────────────▷
//!            Arrive                          Handle, Drop(crash)
//! ```
//!
//! What the network lost never arrived. Everything else that is dropped arrived before, if only to be dropped.
//!
//! A pick takes its input out, then admits what was held into the free slot, then hands the input to the worker: the
//! events come in the order Admit, Handle, so an admission counts only when the pick is over. In the trace of a real
//! run, Handle stands where its input was picked.

use raddle_core::{DropReason, Header, InputKind, What};

use crate::aside::Beside;
use crate::per_worker::Forget;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lengths {
    pub(crate) updates: i64,
    pub(crate) externals: i64,
    pub(crate) held: i64,
    admitted: i64,
}

impl Forget for Lengths {
    #[inline]
    fn forget(&mut self) {
        *self = Self::default();
    }

    #[inline]
    fn copy_from(&mut self, other: &Self) {
        *self = *other;
    }
}

/// A queue that a worker picks from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pickable {
    Externals,
    Updates,
}

impl Pickable {
    /// The queue that a message waits in; none for starts and timers.
    #[inline]
    pub(crate) fn of(header: &Header) -> Option<Self> {
        match header.kind() {
            InputKind::Update => Some(Self::Updates),
            InputKind::External => Some(Self::Externals),
            InputKind::Start | InputKind::Timer => None,
        }
    }
}

/// Whether an event takes a message out of its queue because it is its turn.
#[inline]
pub(crate) const fn is_pick(what: What) -> bool {
    matches!(what, What::Handle | What::Drop(DropReason::Crash))
}

impl Lengths {
    /// Follows one event of this inbox or its worker, about a message of this queue, which waited `beside` it until now.
    #[inline]
    pub(crate) fn follow(&mut self, what: What, queue: Pickable, beside: Option<Beside>) {
        let length = match queue {
            Pickable::Externals => &mut self.externals,
            Pickable::Updates => &mut self.updates,
        };
        match what {
            What::Arrive | What::Release => *length += 1,
            What::Park { .. } => *length -= 1,
            What::Hold => {
                *length -= 1;
                self.held += 1;
            }
            What::Admit => {
                self.held -= 1;
                self.admitted += 1;
            }
            What::Drop(DropReason::Loss) => {}
            What::Drop(_) if beside == Some(Beside::Parked) => {}
            What::Drop(_) if beside == Some(Beside::Held) => self.held -= 1,
            What::Handle | What::Drop(DropReason::Crash) => {
                *length -= 1;
                self.updates += self.admitted;
                self.admitted = 0;
            }
            What::Drop(_) => *length -= 1,
            _ => {}
        }
    }
}
