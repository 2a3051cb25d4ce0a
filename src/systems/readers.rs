//! `readers`: one writer and n readers of one variable.
//!
//! ```text
//!   w  ─ write ─▷ x
//!   r1 ─ read ──▷ x ─ value ─▷ r1      reads of a variable commute, so all that counts
//!   rn ─ read ──▷ x ─ value ─▷ rn      is which of them come before the write
//! ```
//!
//! `readers` of Concuerror (Abdulla et al., "Optimal Dynamic Partial Order Reduction", POPL'14), with the shared variable
//! as a worker. Figure: 2^n traces in every network, thus 64 for n = 6; (n + 1)! for a search that does not know that
//! reads commute.

use raddle_core::{Input, Outbox, StateMachine, System};
use serde::{Deserialize, Serialize};

use super::{litmus, numbered};
use crate::catalog::Entry;

/// Most readers.
const READERS_MAX: u32 = 64;

/// What is asked of the variable, and what it answers.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
enum Say {
    Write(u32),
    Read,
    Value(u32),
}

/// The variable, the writer or a reader.
#[derive(Clone, Hash, Serialize, Deserialize)]
enum Role {
    Variable(u32),
    Writer,
    Reader { seen: Option<u32> },
}

impl StateMachine for Role {
    type Message = ();
    type Update = Say;

    fn on_message(&mut self, (): (), out: &mut Outbox<Say>) {
        match self {
            Self::Writer => out.notify("x", Say::Write(1)),
            Self::Reader { .. } => out.notify("x", Say::Read),
            Self::Variable(_) => {}
        }
    }

    fn on_update(&mut self, said: Say, out: &mut Outbox<Say>) {
        match (self, said) {
            (Self::Variable(value), Say::Write(new)) => *value = new,
            (Self::Variable(value), Say::Read) => {
                let reader = out.sender_worker().expect("updates come from workers");
                out.notify(reader, Say::Value(*value));
            }
            (Self::Reader { seen }, Say::Value(value)) => {
                *seen = Some(value);
                out.mark(if value == 0 { "read-old" } else { "read-new" });
            }
            _ => {}
        }
    }
}

impl Role {
    /// For coverage.
    const fn state(&self) -> &'static str {
        match self {
            Self::Variable(0) => "unwritten",
            Self::Variable(_) => "written",
            Self::Writer => "writer",
            Self::Reader { seen: None } => "has-not-read",
            Self::Reader { seen: Some(0) } => "read-old",
            Self::Reader { seen: Some(_) } => "read-new",
        }
    }

    /// For coverage.
    const fn kind(input: &Input<Self>) -> &'static str {
        match input {
            Input::Update(Say::Write(_)) => "write",
            Input::Update(Say::Read) => "read",
            Input::Update(Say::Value(0)) => "old-value",
            Input::Update(Say::Value(_)) => "new-value",
            other => other.kind().word(),
        }
    }
}

/// Whether the variable may take these two in either order: two reads leave it as it is and are answered the same.
fn commute(a: &Input<Role>, b: &Input<Role>) -> bool {
    matches!((a, b), (Input::Update(Say::Read), Input::Update(Say::Read)))
}

pub(super) fn entry() -> Entry {
    Entry::new("readers", "one writer and n readers of a variable: 2^n traces where reads commute", |args| {
        Ok(system(args.number("n", 1, READERS_MAX)?))
    })
    .param("n", "3", "readers, at most 64")
}

fn system(n: u32) -> System<Role> {
    let system = litmus("readers")
        .workers(["x"], |_| Role::Variable(0))
        .workers(["w"], |_| Role::Writer)
        .workers(numbered("r", n), |_| Role::Reader { seen: None })
        .messages("u", [("w", ())]);
    numbered("r", n)
        .zip(numbered("u", n))
        .fold(system, |system, (reader, user)| system.messages(user, [(reader, ())]))
        .marks(["read-old", "read-new"])
        .commuting(commute)
        .state_kind(Role::state)
        .message_kind(Role::kind)
        .hashed()
        .on_processes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reads_commute() {
        let (read, write) = (Input::Update(Say::Read), Input::Update(Say::Write(1)));
        assert!(commute(&read, &read));
        for other in [write.clone(), Input::Update(Say::Value(0)), Input::Message(()), Input::Start] {
            assert!(!commute(&read, &other) && !commute(&other, &read) && !commute(&other, &write));
        }
    }
}
