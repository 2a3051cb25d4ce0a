//! Many machines at one worker, each under a key.

use std::hash::Hash;

use indexmap::IndexMap;

use crate::machine::{StateMachine, TimerTag};
use crate::outbox::Outbox;

/// An input that says which machine of a worker it is for.
pub trait Keyed {
    /// What machines are told apart by.
    type Key: Clone + Eq + Hash + Send + 'static;

    /// The key of the machine that this input is for.
    fn key(&self) -> Self::Key;
}

/// A worker's machines by key, each made when its first input comes.
///
/// They share the worker's clock, queues and order: a worker's handlers are serial, so clocks by machine would add
/// nothing. A timer goes to every machine, in the order in which they were made. A query under a key that nothing has come
/// for is answered by a new machine, which is not kept.
///
/// ```
/// use raddle_core::{ByKey, Keyed, Outbox, StateMachine};
///
/// #[derive(Clone, Debug)]
/// struct Deposit { account: String, amount: i64 }
/// impl Keyed for Deposit {
///     type Key = String;
///     fn key(&self) -> String { self.account.clone() }
/// }
///
/// #[derive(Default)]
/// struct Account { balance: i64 }
/// impl StateMachine for Account {
///     type Message = Deposit;
///     type Update = Deposit;
///     fn on_message(&mut self, d: Deposit, _: &mut Outbox<Deposit>) { self.balance += d.amount; }
///     fn on_update(&mut self, d: Deposit, _: &mut Outbox<Deposit>) { self.balance += d.amount; }
/// }
///
/// let branch: ByKey<Account> = ByKey::new(|_account: &String| Account::default());
/// assert_eq!(branch.machines().len(), 0);
/// ```
pub struct ByKey<M: StateMachine>
where
    M::Message: Keyed,
{
    machines: IndexMap<<M::Message as Keyed>::Key, M>,
    make: fn(&<M::Message as Keyed>::Key) -> M,
}

impl<M: StateMachine> ByKey<M>
where
    M::Message: Keyed,
{
    /// No machines yet, and how one is made for a key.
    #[must_use]
    pub fn new(make: fn(&<M::Message as Keyed>::Key) -> M) -> Self {
        Self { machines: IndexMap::new(), make }
    }

    /// The machines and their keys, in the order in which they were made.
    #[must_use]
    pub const fn machines(&self) -> &IndexMap<<M::Message as Keyed>::Key, M> {
        &self.machines
    }

    fn at(&mut self, key: <M::Message as Keyed>::Key, out: &mut Outbox<M::Update>) -> &mut M {
        self.machines.entry(key).or_insert_with_key(|key| {
            let mut machine = (self.make)(key);
            machine.on_start(out);
            machine
        })
    }
}

impl<M: StateMachine> StateMachine for ByKey<M>
where
    M::Message: Keyed,
    M::Update: Keyed<Key = <M::Message as Keyed>::Key>,
{
    type Message = M::Message;
    type Update = M::Update;

    fn on_message(&mut self, message: M::Message, out: &mut Outbox<M::Update>) {
        self.at(message.key(), out).on_message(message, out);
    }

    fn on_update(&mut self, update: M::Update, out: &mut Outbox<M::Update>) {
        self.at(update.key(), out).on_update(update, out);
    }

    fn on_timer(&mut self, tag: TimerTag, out: &mut Outbox<M::Update>) {
        self.machines.values_mut().for_each(|machine| machine.on_timer(tag, out));
    }

    fn on_query(&self, query: M::Message, out: &mut Outbox<M::Update>) {
        let key = query.key();
        match self.machines.get(&key) {
            Some(machine) => machine.on_query(query, out),
            None => (self.make)(&key).on_query(query, out),
        }
    }
}
