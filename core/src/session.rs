//! What a session must see: the token that it carries from worker to worker.
//!
//! A session is a source that does one thing after the other ([`Names::is_session`](crate::Names::is_session)), each at
//! whatever worker it likes. It must find there what it knows of: what it wrote, what it read, and all that these depend
//! on. So it carries what a worker that has handled one of its operations knew then, and the next operation waits at its
//! worker until that is known there ([`crate::lobby`]). That gives, from one mechanism: it reads its own writes, its reads
//! never go back, its writes are made in order, and what it writes comes after what it has read.
//!
//! The token is what an update would carry, had the worker sent one ([`Barriers`]): by destination the updates that may
//! still be under way there, and which life of whom is relied on. It is no clock. "The worker's clock dominates the
//! session's" is the rule for broadcasts: a clock counts sends to whomever, and a worker that was not sent to never counts
//! so far, so the operation would wait for ever ([`Sabotage::ClockToken`], and `sim/tests/sessions.rs`, which measures
//! it). Nor does the clock of a worker count what it learns from a session: clocks say what updates told, tokens what
//! sessions did, and each has laws of its own.
//!
//! A session that sees one update of a handling has seen the handling: what else that sent, it finds too
//! ([`crate::commit`]).
//!
//! A session is a way that no transport sees, even one that keeps causal order by itself. So wherever there are sessions
//! and the order is causal, barriers are kept and waited for ([`Plan::transport`](crate::Plan::transport)): the updates
//! that a session's write causes come after all that the session knew. Other updates wait there for next to nothing, as
//! what they name has been there first, but for what a handler is about to send.
//!
//! Lives: what a life of a worker knew is gone with it under `recovery = amnesia`, and all that was sent to that life. So
//! a causal past also says, of each worker, the earliest life that it relies on: in which something of that past was
//! handled, or to which something of it was sent. A later life cannot serve who relies on an earlier one, whatever
//! numbers are resolved: an inbox resolves what its dead life handled, and a watermark prunes it. It is passed on as
//! barriers are, because whoever reads what was written after a read relies on what that read relied on. A new life
//! itself begins with no past, so who comes to it with none is served. What was dropped on its way is gone, and nobody
//! waits for it, sessions neither.

use crate::barrier::Barriers;
use crate::clock::VectorClock;
use crate::header::Header;
use crate::ids::Time;
use crate::policy::Policies;
use crate::rules::Rules;
use crate::sabotage::Sabotage;
use crate::worker::Worker;

/// What one session must see.
///
/// ```
/// use raddle_core::{Header, Time, Token};
///
/// let token = Token::default(); // of a session that has seen nothing yet
/// let mut header = Header::blank();
/// token.stamp(&mut header, Time(7));
/// assert!(header.barriers.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Token {
    barriers: Barriers,
    /// Kept for the broken rule that goes by it.
    clock: VectorClock,
}

impl Token {
    /// Makes the header of the next operation say what that must see, and when it is sent.
    pub fn stamp(&self, header: &mut Header, now: Time) {
        header.sent_at = now;
        header.barriers.copy_from(&self.barriers);
        header.clock.copy_from(&self.clock);
    }

    /// An operation was handled: the session has seen what this worker knows, just after it. It learnt from the token
    /// itself, so nothing is forgotten but what was waited for.
    pub fn learn<M>(&mut self, worker: &Worker<M>, rules: &Rules) {
        if rules.barriers {
            self.barriers.copy_from(worker.barriers());
        }
        if rules.barriers && goes_by_clocks(&rules.policies) {
            self.clock.copy_from(worker.clock());
        }
    }

    /// Has seen nothing, keeping its memory.
    pub fn clear(&mut self) {
        self.barriers.clear();
        self.clock.clear();
    }
}

/// Whether the rule for broadcasts decides ([`Sabotage::ClockToken`]).
pub(crate) fn goes_by_clocks(policies: &Policies) -> bool {
    policies.sabotage == Some(Sabotage::ClockToken)
}
