//! `diamond`: A tells B and C of every message, both tell D, and D joins what they say of the same one.
//!
//! ```text
//!        ┌─▷ B ─┐
//!     A ─┤      ├─▷ D      the two ways are not ordered: what B says of a message
//!        └─▷ C ─┘          may come before or after what C says of it, or of another
//! ```
//!
//! Each way keeps its order, and no order asked of the core puts the two in step: a join must look at what it joins. A
//! part whose other half is lost, or was told to an earlier life of D, waits for good; nothing is ever joined wrongly.

use raddle_core::{Outbox, Party, StateMachine, System, When, WorkerId};
use serde::{Deserialize, Serialize};

use super::{messages, sabotage};
use crate::catalog::Entry;

/// What each tells the next: something of this message.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
struct Part {
    number: u32,
}

/// Any of the four.
#[derive(Clone, Hash, Serialize, Deserialize)]
enum Corner {
    /// A tells both.
    Splits,
    /// B and C tell D.
    PassesOn,
    /// D has parts that wait for their other half, and pairs of parts.
    Joins { waiting: Vec<(u32, WorkerId)>, joined: Vec<(u32, u32)>, looks: bool },
}

impl Corner {
    fn new(name: &str, looks: bool) -> Self {
        match name {
            "A" => Self::Splits,
            "D" => Self::Joins { waiting: Vec::new(), joined: Vec::new(), looks },
            _ => Self::PassesOn,
        }
    }

    /// For coverage: what waits at D for its other half.
    fn state(&self) -> &'static str {
        match self {
            Self::Splits => "splits",
            Self::PassesOn => "passes-on",
            Self::Joins { waiting, .. } => match waiting.len() {
                0 => "none-waits",
                1 => "one-waits",
                _ => "several-wait",
            },
        }
    }

    fn joined(&self) -> &[(u32, u32)] {
        if let Self::Joins { joined, .. } = self { joined } else { &[] }
    }
}

impl StateMachine for Corner {
    type Message = u32;
    type Update = Part;

    fn on_message(&mut self, number: u32, out: &mut Outbox<Part>) {
        out.notify(["B", "C"], Part { number });
    }

    fn on_update(&mut self, part: Part, out: &mut Outbox<Part>) {
        let (Self::Joins { waiting, joined, looks }, Party::Worker(from)) = (self, out.sender()) else {
            return out.notify("D", part);
        };
        let is_other_half = |(number, teller): &(u32, WorkerId)| !*looks || (*number == part.number && *teller != from);
        match waiting.iter().position(is_other_half) {
            Some(at) => joined.push((waiting.remove(at).0, part.number)),
            None => waiting.push((part.number, from)),
        }
        if waiting.len() > 1 {
            out.mark("two-wait");
        }
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("diamond", "A tells B and C, both tell D, which joins what they say of the same message", |args| {
        let (messages, looks) = (messages(args)?, !args.has_bug("blind-join"));
        Ok(System::new("diamond")
            .workers(["A", "B", "C", "D"], move |seat| Corner::new(seat.name(), looks))
            .messages("client", (0..messages).map(|number| ("A", number)))
            .with(|policies| policies.sabotage = sabotage(args))
            .local("D", When::Always, "joins-match", |corner| corner.joined().iter().all(|(one, other)| one == other))
            .sometimes("all-joined", move |run| {
                run.machine("D").is_some_and(|corner| corner.joined().len() == messages as usize)
            })
            .state_kind(Corner::state)
            .hashed()
            .on_processes())
    })
    .param("messages", "4", "messages to A")
    .bug("forget-clocks", "causal-order", "workers do not learn from the clocks of what they handle")
    .bug("blind-join", "joins-match", "D joins each part with the one before, of whatever message that is")
}
