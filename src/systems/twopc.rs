//! `twopc`: two-phase commit without failures.
//!
//! ```text
//!   c ─ prepare ─▷ p1 … pn      told once from outside
//!   p ─ vote ────▷ c            each chooses yes or no
//!   c ─ decide ──▷ p1 … pn      after all n votes, not earlier: commit if all are yes
//! ```
//!
//! `two_pc` of TraceForge (Must, OOPSLA'24). Figure: the votes in any order, each yes or no, thus 2^n n! traces in every
//! network: 8, 48, 384 for n = 2, 3, 4.

use raddle_core::{FaultKind, Input, Outbox, StateMachine, System, WorkerId};
use raddle_sim::FaultPlan;
use serde::{Deserialize, Serialize};

use super::{litmus, numbered};
use crate::catalog::Entry;

/// Most participants.
const PARTICIPANTS_MAX: u32 = 32;

/// What coordinator and participants tell each other.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
enum Say {
    Prepare,
    Vote(bool),
    Decide(bool),
}

/// One machine for both roles.
#[derive(Clone, Hash, Serialize, Deserialize)]
enum Role {
    /// Decides when it has `enough` votes.
    Coordinator {
        participants: u32,
        enough: u32,
        votes: u32,
        yes: u32,
    },
    Participant {
        vote: Option<bool>,
        decision: Option<bool>,
    },
}

impl StateMachine for Role {
    type Message = ();
    type Update = Say;

    fn on_message(&mut self, (): (), out: &mut Outbox<Say>) {
        if let Self::Coordinator { participants, .. } = self {
            tell_all(*participants, Say::Prepare, out);
        }
    }

    fn on_update(&mut self, said: Say, out: &mut Outbox<Say>) {
        match (self, said) {
            (Self::Coordinator { participants, enough, votes, yes }, Say::Vote(vote)) => {
                *votes += 1;
                *yes += u32::from(vote);
                if votes == enough {
                    let commit = yes == enough;
                    out.mark(if commit { "committed" } else { "aborted" });
                    tell_all(*participants, Say::Decide(commit), out);
                }
            }
            (Self::Participant { vote, .. }, Say::Prepare) => {
                let yes = out.choose(2) == 0;
                *vote = Some(yes);
                out.notify("c", Say::Vote(yes));
            }
            (Self::Participant { decision, .. }, Say::Decide(commit)) => *decision = Some(commit),
            _ => {}
        }
    }
}

/// The coordinator is worker 0, and those it speaks to are 1 to n.
fn tell_all(participants: u32, say: Say, out: &mut Outbox<Say>) {
    for participant in 1..=participants {
        out.notify(WorkerId::new(participant), say.clone());
    }
}

impl Role {
    /// Whether it has to commit what it voted against.
    fn is_overruled(&self) -> bool {
        matches!(self, Self::Participant { vote: Some(false), decision: Some(true) })
    }

    /// For coverage.
    fn state(&self) -> &'static str {
        match self {
            Self::Coordinator { votes: 0, .. } => "fresh",
            Self::Coordinator { votes, enough, .. } if votes < enough => "counting",
            Self::Coordinator { .. } => "decided",
            Self::Participant { vote: None, .. } => "idle",
            Self::Participant { decision: None, .. } => "voted",
            Self::Participant { decision: Some(true), .. } => "committed",
            Self::Participant { decision: Some(false), .. } => "aborted",
        }
    }

    /// For coverage.
    fn kind(input: &Input<Self>) -> &'static str {
        match input {
            Input::Update(Say::Prepare) => "prepare",
            Input::Update(Say::Vote(true)) => "yes",
            Input::Update(Say::Vote(false)) => "no",
            Input::Update(Say::Decide(true)) => "commit",
            Input::Update(Say::Decide(false)) => "abort",
            other => other.kind().word(),
        }
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("twopc", "two-phase commit with votes chosen: 2^n n! traces", |args| {
        Ok(system(args.number("n", 2, PARTICIPANTS_MAX)?, args.has_bug("early-decision")))
    })
    .param("n", "3", "participants, from 2 to 32")
    // Whoever is asked twice votes twice.
    .tolerates(FaultPlan::all().with(FaultKind::Duplication, 0))
    .bug("early-decision", "unanimous", "the coordinator does not wait for the last vote")
}

fn system(n: u32, early: bool) -> System<Role> {
    litmus("twopc")
        .workers(["c"], move |_| Role::Coordinator { participants: n, enough: n - u32::from(early), votes: 0, yes: 0 })
        .workers(numbered("p", n), |_| Role::Participant { vote: None, decision: None })
        .messages("u", [("c", ())])
        .at_end("unanimous", |run| !run.machines().any(Role::is_overruled))
        .marks(["committed", "aborted"])
        .state_kind(Role::state)
        .message_kind(Role::kind)
        .hashed()
        .on_processes()
}
