//! `snapshot`: a picture of all balances, taken while money moves.
//!
//! Chandy and Lamport, "Distributed Snapshots: Determining Global States of Distributed Systems" (TOCS 1985): whoever hears
//! of the snapshot first takes its own part and tells all others, before it says anything else. On links that keep their
//! order the parts form a consistent cut: nobody's part knows of money that was sent after another's.

use raddle_core::{FaultKind, Input, Outbox, Recovery, Seat, StateMachine, System, WorkerId};
use raddle_sim::FaultPlan;
use serde::{Deserialize, Serialize};

use super::messages;
use crate::catalog::Entry;

/// What a branch is told from outside.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
enum Order {
    /// Send so much to the next.
    Pay(i64),
    /// Begin the snapshot.
    Snap,
}

/// What branches tell each other.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
enum Note {
    Credit(i64),
    /// Whose part of the snapshot is taken.
    Marker,
}

#[derive(Clone, Hash, Serialize, Deserialize)]
struct Branch {
    me: u32,
    branches: u32,
    balance: i64,
    part: Option<i64>,
    /// The planted bug `late`: the part is taken with the next credit, not with the marker.
    is_late: bool,
    owes_part: bool,
}

impl Branch {
    /// For coverage: on which side of the cut it is.
    const fn state(&self) -> &'static str {
        match (self.part, self.owes_part) {
            (Some(_), _) => "behind-the-cut",
            (None, true) => "owes-its-part",
            (None, false) => "before-the-cut",
        }
    }

    /// For coverage.
    const fn kind(input: &Input<Self>) -> &'static str {
        match input {
            Input::Message(Order::Pay(_)) => "pay",
            Input::Message(Order::Snap) => "snap",
            Input::Update(Note::Credit(_)) => "credit",
            Input::Update(Note::Marker) => "marker",
            other => other.kind().word(),
        }
    }

    fn take_part(&mut self, out: &mut Outbox<Note>) {
        if self.part.is_none() {
            self.part = Some(self.balance);
            let others = (0..self.branches).filter(|other| *other != self.me).map(WorkerId::new);
            out.notify(others.collect::<Vec<_>>(), Note::Marker);
            // Behind the markers: they belong to the part, and what follows them does not.
            out.cut("snapshot");
        }
    }
}

impl StateMachine for Branch {
    type Message = Order;
    type Update = Note;

    fn on_message(&mut self, order: Order, out: &mut Outbox<Note>) {
        match order {
            Order::Pay(amount) => {
                self.balance -= amount;
                out.notify(WorkerId::new((self.me + 1) % self.branches), Note::Credit(amount));
            }
            Order::Snap => self.take_part(out),
        }
    }

    fn on_update(&mut self, note: Note, out: &mut Outbox<Note>) {
        match note {
            Note::Credit(amount) => {
                self.balance += amount;
                if std::mem::take(&mut self.owes_part) {
                    self.take_part(out);
                }
            }
            Note::Marker if self.is_late && self.part.is_none() => self.owes_part = true,
            Note::Marker => self.take_part(out),
        }
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("snapshot", "a picture of all balances, taken while money moves", |args| {
        let (messages, is_late) = (messages(args)?, args.bug() == Some("late"));
        let make = move |seat: Seat<'_>| {
            let (me, branches) = (seat.id().index() as u32, seat.workers().len() as u32);
            Branch { me, branches, balance: 100, part: None, is_late, owes_part: false }
        };
        Ok(System::new("snapshot")
            .workers(["north", "east", "south"], make)
            .messages("office", [("north", Order::Snap)])
            .messages(
                "tills",
                (0..messages).map(|n| (["north", "east", "south"][n as usize % 3], Order::Pay(1 << n.min(8)))),
            )
            // A branch that forgot its part would take it twice.
            .with(|policies| policies.recovery = Recovery::Durable)
            .sometimes("in-transit", |run| {
                let parts = run.machines().map(|branch| branch.part).collect::<Option<Vec<_>>>();
                parts.is_some_and(|parts| parts.iter().sum::<i64>() < 300)
            })
            .state_kind(Branch::state)
            .message_kind(Branch::kind)
            .hashed()
            .on_processes())
    })
    .param("messages", "4", "payments, each from a branch to the next")
    // A marker that is lost does not divide what was sent before it from what comes after.
    .tolerates(FaultPlan::all().with(FaultKind::Loss, 0).with(FaultKind::Crash, 0).with(FaultKind::Full, 0))
    .bug("late", "consistent-cut", "a branch takes its part not with the marker but with the next credit")
}
