//! How fast a source sends where its messages are to last for a time.

use std::thread;
use std::time::Duration;

use raddle_core::{SourceId, StateMachine};

use crate::hands::Overseen;
use crate::transport::Transport;

/// The longest that a source sleeps before it looks whether the run goes on.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// When the messages of one source are due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Between two of them; nothing if they are sent as fast as they are taken.
    each: Duration,
}

impl Pace {
    /// The pace at which the messages of a source last so long.
    pub(crate) fn new<M: StateMachine>(
        transport: &Transport<'_, M>,
        source: SourceId,
        messages: u64,
        lasts: Option<Duration>,
    ) -> Self {
        let all = transport.plan.externals();
        let mine = all.iter().filter(|external| external.source == source).count() as f64 / all.len().max(1) as f64;
        let each = lasts.map(|lasts| lasts.div_f64((messages as f64 * mine).max(1.0)));
        Self { each: each.unwrap_or_default() }
    }

    /// Whether messages are due at some time, and not as soon as they are taken.
    pub(crate) const fn is_given(self) -> bool {
        !self.each.is_zero()
    }

    /// Waits until the `nth` message is due, or the run takes no more.
    pub(crate) fn wait_for<M: StateMachine>(self, nth: u64, transport: &Transport<'_, M>) {
        if !self.is_given() {
            return;
        }
        let due = self.each.as_nanos().saturating_mul(nth.into());
        while transport.is_running() {
            let left = due.saturating_sub(transport.now().0.into());
            if left == 0 {
                return;
            }
            thread::sleep(Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX)).min(LOOK_EVERY));
        }
    }
}
