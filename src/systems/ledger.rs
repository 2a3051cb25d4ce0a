//! `ledger`: accounts pay each other, and money is conserved.
//!
//! An account that cannot pay refuses, so whether a transfer goes through depends on what has arrived before. What
//! is paid is on its way for a while; when all is at rest, as much money is there as in the beginning. A credit that
//! finds a queue full is held: if it were dropped, its money would be lost. So it is if the network loses a credit, or if
//! an account forgets what it had.

use std::borrow::Cow;

use raddle_core::{FaultKind, Input, OnFull, Outbox, StateMachine, System};
use raddle_sim::FaultPlan;
use serde::{Deserialize, Serialize};

use super::messages;
use crate::catalog::Entry;

const ACCOUNTS: [&str; 3] = ["ann", "bob", "eve"];
/// What each account begins with.
const OPENING: u32 = 100;

/// Payer, payee, amount; from the top again when all are sent.
///
/// bob can pay only when ann's money is there, and eve only when bob's is.
const TRANSFERS: [(&str, &str, u32); 4] =
    [("ann", "bob", 80), ("bob", "eve", 170), ("eve", "ann", 260), ("ann", "eve", 20)];

/// From outside: pay.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
struct Transfer {
    to: Cow<'static, str>,
    amount: u32,
}

/// From another account: here is money.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
struct Credit {
    amount: u32,
}

#[derive(Clone, Hash, Serialize, Deserialize)]
struct Account {
    balance: u32,
    narrow: bool,
}

impl Account {
    /// For coverage: what it could pay, in steps of what the transfers come to.
    const fn state(&self) -> &'static str {
        match self.balance {
            0..OPENING => "below-opening",
            OPENING => "as-opened",
            _ if self.balance <= 2 * OPENING => "above-opening",
            _ => "above-twice",
        }
    }

    /// For coverage.
    const fn kind(input: &Input<Self>) -> &'static str {
        match input {
            Input::Message(_) => "transfer",
            Input::Update(_) => "credit",
            other => other.kind().word(),
        }
    }
}

impl StateMachine for Account {
    type Message = Transfer;
    type Update = Credit;

    fn on_message(&mut self, transfer: Transfer, out: &mut Outbox<Credit>) {
        if transfer.amount > self.balance {
            return out.mark("refused");
        }
        if transfer.amount > 2 * OPENING {
            out.mark("all-passed-on");
        } else if transfer.amount > OPENING {
            out.mark("passed-on");
        }
        self.balance -= transfer.amount;
        let amount = if self.narrow { transfer.amount % 256 } else { transfer.amount };
        out.notify(&*transfer.to, Credit { amount });
    }

    fn on_update(&mut self, credit: Credit, _: &mut Outbox<Credit>) {
        self.balance += credit.amount;
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("ledger", "accounts that pay each other: at rest, no money is lost or made", |args| {
        Ok(system(messages(args)?, args.has_bug("narrow-amount")))
    })
    .param("messages", "4", "transfers")
    .tolerates(FaultPlan::all().with(FaultKind::Loss, 0).with(FaultKind::Crash, 0))
    .bug(
        "narrow-amount",
        "conserved",
        "amounts travel as one byte, and 256 or more can be paid only after two deliveries out of the default order",
    )
}

fn system(messages: u32, narrow: bool) -> System<Account> {
    let transfers = TRANSFERS.into_iter().cycle().take(messages as usize);
    System::new("ledger")
        .workers(ACCOUNTS, move |_| Account { balance: OPENING, narrow })
        .messages("bank", transfers.map(|(from, to, amount)| (from, Transfer { to: to.into(), amount })))
        .with(|policies| policies.on_full = OnFull::Hold)
        .at_end("conserved", |run| {
            let total: u32 = run.machines().map(|account| account.balance).sum();
            total == OPENING * ACCOUNTS.len() as u32
        })
        .marks(["refused", "passed-on", "all-passed-on"])
        .state_kind(Account::state)
        .message_kind(Account::kind)
        .hashed()
        .on_processes()
}

#[cfg(test)]
mod tests {
    use raddle_sim::{Runner, Settings, strategy::Indices};

    use super::*;

    /// Whether the bug shows when these choices deviate from the default order: (step from 0, choice).
    fn shows(deviations: &[(usize, u32)]) -> bool {
        let mut choices = vec![0; STEPS];
        deviations.iter().for_each(|(step, choice)| choices[*step] = *choice);
        let plan = system(4, true).plan().expect("the system can be run");
        let mut runner = Runner::new(plan, Settings::default(), None).expect("the settings fit");
        runner.run(0, &mut Indices::new(choices)).violation.is_some()
    }

    /// The most steps of a run: four transfers and as many credits.
    const STEPS: usize = 8;

    #[test]
    fn the_planted_bug_needs_two_deliveries_out_of_order() {
        let deviations: Vec<(usize, u32)> =
            (0..STEPS).flat_map(|at| (1..STEPS as u32).map(move |to| (at, to))).collect();
        assert!(!shows(&[]));
        assert!(!deviations.iter().any(|one| shows(&[*one])));
        let pairs = deviations.iter().flat_map(|one| deviations.iter().map(move |other| [*one, *other]));
        assert!(pairs.into_iter().any(|pair| shows(&pair)));
    }
}
