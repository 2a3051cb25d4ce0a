//! `counter`: a counter on three replicas that die and forget, and ask the others what they have forgotten.
//!
//! An increment goes to any replica, which tells the others; a query is answered with the sum. Every increment has a
//! number of its own, and a replica knows a set of them, so it does not matter how often and by which way it is told. At
//! the start of each life a replica asks the others for all that they know. A session that has seen the life before it
//! is told that it cannot be served (`drop(stale)`) and never gets less than it knew.

use std::collections::BTreeSet;

use raddle_core::{Ask, FaultKind, Input, Outbox, StateMachine, System};
use raddle_sim::FaultPlan;
use serde::{Deserialize, Serialize};

use super::{messages, sabotage};
use crate::catalog::{Args, Entry};

const REPLICAS: [&str; 3] = ["a", "b", "c"];
const SESSIONS: [&str; 2] = ["ann", "bob"];

/// From a session.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
enum Op {
    /// One more, under this number.
    Add(u32),
    /// How many?
    Sum,
}

#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
enum Say {
    /// One more.
    Added(u32),
    /// What do you know?
    Ask,
    /// All this.
    Known(BTreeSet<u32>),
    /// To a session.
    Sum(usize),
}

#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
struct Replica {
    known: BTreeSet<u32>,
    starts_empty: bool,
}

impl Replica {
    /// For coverage: whether there is anything that it could forget, or tell who has forgotten.
    fn state(&self) -> &'static str {
        if self.known.is_empty() { "knows-none" } else { "knows-some" }
    }

    /// For coverage.
    fn kind(input: &Input<Self>) -> &'static str {
        match input {
            Input::Message(Op::Add(_)) => "add",
            Input::Query(_) => "query",
            Input::Update(Say::Added(_)) => "added",
            Input::Update(Say::Ask) => "ask",
            Input::Update(Say::Known(_)) => "known",
            other => other.kind().word(),
        }
    }
}

impl StateMachine for Replica {
    type Message = Op;
    type Update = Say;

    fn on_start(&mut self, out: &mut Outbox<Say>) {
        if !self.starts_empty {
            tell_others(Say::Ask, out);
        }
    }

    fn on_message(&mut self, op: Op, out: &mut Outbox<Say>) {
        if let Op::Add(number) = op {
            self.known.insert(number);
            tell_others(Say::Added(number), out);
        }
    }

    fn on_update(&mut self, say: Say, out: &mut Outbox<Say>) {
        match say {
            Say::Added(number) => _ = self.known.insert(number),
            Say::Known(numbers) => {
                if !numbers.is_subset(&self.known) {
                    out.mark("remembered");
                }
                self.known.extend(numbers);
            }
            Say::Ask => {
                if let (Some(who), false) = (out.sender_worker(), self.known.is_empty()) {
                    out.notify(who, Say::Known(self.known.clone()));
                }
            }
            Say::Sum(_) => {}
        }
    }

    fn on_query(&self, _: Op, out: &mut Outbox<Say>) {
        out.reply(Say::Sum(self.known.len()));
    }
}

fn tell_others(say: Say, out: &mut Outbox<Say>) {
    for other in REPLICAS {
        if other != out.my_name() {
            out.notify(other, say.clone());
        }
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("counter", "a counter on three replicas that die, forget, and ask the others", |args| {
        Ok(system(messages(args)?, args))
    })
    .settings(|settings| settings.faults = FaultPlan::default().with(FaultKind::Crash, 1))
    .param("messages", "6", "increments and queries, of two sessions")
    // Nobody asks again for an increment that was lost; of two that forget, each may ask the other.
    .tolerates(FaultPlan::all().with(FaultKind::Loss, 0).with(FaultKind::Crash, 1).with(FaultKind::Full, 0))
    .bug("ignore-token", "session-guarantees", "a replica answers whatever the session has seen elsewhere")
    .bug("accept-old-lives", "incarnation", "a new life handles what was sent to the one before it")
    .bug("reset-clocks", "incarnation", "a new life counts its updates from the beginning")
    .bug("starts-empty", "convergence", "a new life does not ask the others what they know")
}

fn system(messages: u32, args: &Args) -> System<Replica> {
    let starts_empty = args.has_bug("starts-empty");
    let sabotage = sabotage(args);
    SESSIONS.iter().enumerate().fold(
        System::new("counter")
            .workers(REPLICAS, move |_| Replica { known: BTreeSet::new(), starts_empty })
            .with(|policies| policies.sabotage = sabotage)
            .marks(["remembered"])
            .converging(REPLICAS, |replica: &Replica| replica.known.clone())
            .state_kind(Replica::state)
            .message_kind(Replica::kind)
            .hashed()
            .on_processes(),
        |system, (at, session)| system.session(*session, ops(at, messages)),
    )
}

/// In turns each session adds, adds and asks.
const fn is_increment(nth: u32) -> bool {
    (nth / SESSIONS.len() as u32) % 3 != 2
}

/// Every second message, each to the next replica.
fn ops(session: usize, messages: u32) -> impl Iterator<Item = Ask<Op>> {
    let mine = (0..messages).filter(move |nth| *nth as usize % SESSIONS.len() == session);
    mine.enumerate().map(move |(at, nth)| {
        let to = REPLICAS[(session + at) % REPLICAS.len()];
        match is_increment(nth) {
            true => Ask::tell(to, Op::Add((0..nth).filter(|before| is_increment(*before)).count() as u32)),
            false => Ask::query(to, Op::Sum),
        }
    })
}

#[cfg(test)]
mod tests {
    use raddle_sim::{Network, Runner, Settings, StrategyKind};

    use super::*;

    /// In how many of these runs, each with a crash at most, replicas end with different sums.
    fn diverging(bug: Option<&str>) -> usize {
        let entry = entry();
        let args = entry.args([]).expect("defaults fit");
        let args = bug.map_or(Ok(args.clone()), |bug| entry.plant(args, bug)).expect("the bug is declared");
        let agree = |run: &raddle_core::Snapshot<'_, Replica>| {
            let mut known = run.machines().map(|replica| &replica.known);
            let first = known.next();
            known.all(|other| Some(other) == first)
        };
        let plan = system(6, &args).at_end("agree", agree).plan().expect("the system can be run");
        let settings = Settings { network: Network::Bag, ..entry.default_settings().clone() };
        let mut runner = Runner::new(plan.clone(), settings.clone(), None).expect("the settings fit");
        let kind = StrategyKind::Random;
        let mut strategy = kind.make(&raddle_sim::pilot(kind, &plan, &settings));
        (0..1_000).filter(|seed| runner.run(*seed, strategy.as_mut()).violation.is_some()).count()
    }

    #[test]
    fn replicas_come_to_agree_if_a_new_life_asks_the_others() {
        assert_eq!(diverging(None), 0);
        assert!(diverging(Some("starts-empty")) > 0);
    }
}
