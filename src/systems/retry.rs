//! `retry`: everything arrives, and counts once, though updates are lost and copied and workers die.
//!
//! The sender repeats each parcel until it is acknowledged, or ten times; the receiver acknowledges every copy and counts
//! the first. Both write down what they know (`recovery = durable`), and a sender that lives again takes its timers up: they died
//! with it.
//!
//! ```text
//!   sender ── parcel 0 ──▷ receiver      lost
//!     (50 ms) parcel 0 ──▷ receiver      counted
//!     ◁── receipt 0 ──                   lost
//!     (50 ms) parcel 0 ──▷ receiver      known already; acknowledged again
//!     ◁── receipt 0 ──                   no more to do
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use raddle_core::{Input, Outbox, Recovery, StateMachine, System, TimerTag};
use raddle_sim::FaultPlan;
use serde::{Deserialize, Serialize};

use super::{messages, sabotage};
use crate::catalog::Entry;

/// How long the sender waits for a receipt.
const PATIENCE: Duration = Duration::from_millis(50);
/// How often it sends a parcel.
const TIMES_MAX: u32 = 10;

/// What goes to and fro.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Post {
    Parcel(u32),
    Receipt(u32),
}

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Bug {
    Stubborn,
    CountCopies,
    ForgetTimers,
}

/// Sender or receiver.
#[derive(Clone, Hash, Serialize, Deserialize)]
struct Office {
    /// What is not acknowledged, and how often it was sent.
    open: BTreeMap<u32, u32>,
    known: BTreeSet<u32>,
    counted: u32,
    bug: Option<Bug>,
}

impl Office {
    fn send(&mut self, number: u32, out: &mut Outbox<Post>) {
        let times = self.open.entry(number).or_insert(0);
        if *times == TIMES_MAX && self.bug != Some(Bug::Stubborn) {
            self.open.remove(&number);
            return out.mark("gave-up");
        }
        *times += 1;
        out.notify("receiver", Post::Parcel(number));
        out.set_timer(TimerTag(number.into()), PATIENCE);
    }
}

impl Office {
    /// For coverage: the one role has parcels that are open, the other knows some.
    fn state(&self) -> &'static str {
        match (self.open.is_empty(), self.known.is_empty()) {
            (true, true) => "has-nothing",
            (true, false) => "has-counted",
            _ if self.open.values().any(|times| *times > 1) => "repeats",
            _ => "waits",
        }
    }

    /// For coverage.
    const fn kind(input: &Input<Self>) -> &'static str {
        match input {
            Input::Update(Post::Parcel(_)) => "parcel",
            Input::Update(Post::Receipt(_)) => "receipt",
            other => other.kind().word(),
        }
    }
}

impl StateMachine for Office {
    type Message = u32;
    type Update = Post;

    fn on_start(&mut self, out: &mut Outbox<Post>) {
        if self.bug != Some(Bug::ForgetTimers) {
            let open: Vec<u32> = self.open.keys().copied().collect();
            open.into_iter().for_each(|number| self.send(number, out));
        }
    }

    fn on_message(&mut self, number: u32, out: &mut Outbox<Post>) {
        self.send(number, out);
    }

    fn on_update(&mut self, post: Post, out: &mut Outbox<Post>) {
        match post {
            Post::Parcel(number) => {
                let is_new = self.known.insert(number);
                self.counted += u32::from(is_new || self.bug == Some(Bug::CountCopies));
                if is_new || self.bug != Some(Bug::Stubborn) {
                    out.notify("sender", Post::Receipt(number));
                }
            }
            Post::Receipt(number) => {
                self.open.remove(&number);
                out.cancel_timer(TimerTag(number.into()));
            }
        }
    }

    fn on_timer(&mut self, tag: TimerTag, out: &mut Outbox<Post>) {
        let number = tag.0 as u32;
        if self.open.contains_key(&number) {
            out.mark("repeated");
            self.send(number, out);
        }
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("retry", "a sender that repeats until it is answered, over a network that loses and copies", |args| {
        let (messages, broken) = (messages(args)?, sabotage(args));
        let bug = match args.bug() {
            Some("stubborn") => Some(Bug::Stubborn),
            Some("count-copies") => Some(Bug::CountCopies),
            Some("forget-timers") => Some(Bug::ForgetTimers),
            _ => None,
        };
        let new =
            move |_: raddle_core::Seat<'_>| Office { open: BTreeMap::new(), known: BTreeSet::new(), counted: 0, bug };
        Ok(System::new("retry")
            .workers(["sender", "receiver"], new)
            .messages("client", (0..messages).map(|number| ("sender", number)))
            .with(|policies| (policies.recovery, policies.sabotage) = (Recovery::Durable, broken))
            .marks(["repeated", "gave-up"])
            .state_kind(Office::state)
            .message_kind(Office::kind)
            .at_end("all-arrived", |run| run.machine("sender").is_some_and(|sender| sender.open.is_empty()))
            .always("counted-once", |run| {
                run.machine("receiver").is_some_and(|receiver| receiver.counted as usize == receiver.known.len())
            })
            .hashed()
            .on_processes())
    })
    .settings(|settings| {
        settings.faults = FaultPlan::all();
        settings.steps_max = 600;
    })
    .param("messages", "3", "parcels to be sent")
    .bug("accept-old-lives", "incarnation", "a new life handles what was sent to the one before")
    .bug("stubborn", "liveness", "the sender never gives up, and what comes again is not acknowledged again")
    .bug("count-copies", "counted-once", "a parcel that comes again counts again")
    .bug("forget-timers", "all-arrived", "a sender that lives again waits for receipts and repeats nothing")
}
