//! `half`: every second message makes an update.
//!
//! The front keeps the even ones and passes the odd ones on to the back: who is notified depends on the content. The
//! back only counts, so no order is asked for.

use std::time::SystemTime;

use raddle_core::{Order, Outbox, StateMachine, System, Time};
use serde::{Deserialize, Serialize};

use super::{messages, sabotage};
use crate::catalog::Entry;

/// What the front passes on.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
struct Note {
    number: u32,
    at: Time,
}

/// Front or back.
#[derive(Clone, Hash, Serialize, Deserialize)]
struct Desk {
    kept: u32,
    passed_on: u32,
    read: u32,
    bug: Option<Bug>,
}

/// What is wrong with the front.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Bug {
    RealClock,
    Unanswered,
}

impl StateMachine for Desk {
    type Message = u32;
    type Update = Note;

    fn on_message(&mut self, number: u32, out: &mut Outbox<Note>) {
        if number.is_multiple_of(2) {
            self.kept += 1;
            return;
        }
        self.passed_on += 1;
        let at = if self.bug == Some(Bug::RealClock) { real_time() } else { out.now() };
        out.notify("back", Note { number, at });
        if self.bug == Some(Bug::Unanswered) {
            out.wait("back", "answer");
        }
    }

    fn on_update(&mut self, _: Note, _: &mut Outbox<Note>) {
        self.read += 1;
    }
}

/// The planted bug `real-clock`.
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the bug is to look at the real clock")]
fn real_time() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time::default().after(since)
}

pub(super) fn entry() -> Entry {
    Entry::new("half", "a front that makes an update of every second message", |args| {
        let messages = messages(args)?;
        let half = messages.div_ceil(2);
        let bug = match args.bug() {
            Some("real-clock") => Some(Bug::RealClock),
            Some("unanswered") => Some(Bug::Unanswered),
            _ => None,
        };
        Ok(System::new("half")
            .workers(["front", "back"], move |_| Desk { kept: 0, passed_on: 0, read: 0, bug })
            .messages("north", (0..half).map(|number| ("front", number)))
            .messages("south", (half..messages).map(|number| ("front", number)))
            .with(|policies| {
                policies.order = Order::Arrival;
                policies.sabotage = sabotage(args);
            })
            .sometimes("both-at-work", move |run| {
                let done = run.machines().map(|desk| desk.kept + desk.passed_on).sum::<u32>();
                done < messages && run.machines().any(|desk| desk.read > 0)
            })
            .hashed()
            .on_processes())
    })
    .param("messages", "4", "messages to the front, from two sources; the odd ones make an update")
    .bug("lose-silently", "no-silent-loss", "the second update of each link vanishes")
    .bug("unanswered", "no-deadlock", "the front waits for an answer, and the back answers nobody")
    .bug("real-clock", "determinism", "the front stamps its updates with the real clock")
}
