//! A bank in which an account pays with what another account sends it: fine in some orders only.
//!
//! `cargo run --release --example overdraft -- explore overdraft`

use raddle::prelude::*;

#[derive(Clone, Debug)]
struct Transfer {
    to: &'static str,
    amount: i64,
}

#[derive(Clone, Debug)]
struct Credit {
    amount: i64,
}

#[derive(Clone, Default)]
struct Account {
    balance: i64,
}

impl StateMachine for Account {
    type Message = Transfer; // from outside
    type Update = Credit; // from another worker

    fn on_message(&mut self, t: Transfer, out: &mut Outbox<Credit>) {
        self.balance -= t.amount;
        out.notify(t.to, Credit { amount: t.amount });
    }

    fn on_update(&mut self, c: Credit, _: &mut Outbox<Credit>) {
        self.balance += c.amount;
    }
}

fn bank() -> System<Account> {
    let transfers = [("ann", Transfer { to: "bob", amount: 70 }), ("bob", Transfer { to: "eve", amount: 150 })];
    System::new("overdraft")
        .workers(["ann", "bob", "eve"], |_| Account { balance: 100 })
        .messages("bank", transfers)
        .at_end("conserved", |run| run.machines().map(|a| a.balance).sum::<i64>() == 300)
        .always("no-overdraft", |run| run.machines().all(|a| a.balance >= 0))
}

raddle::main!(bank());
