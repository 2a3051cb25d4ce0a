//! Systems with a known bug each, hidden in background traffic: what strategies are compared on.
//!
//! All are made of one machine, [`Actor`]: a few numbers of memory, and a function that says what an actor does when
//! it is told a word and a number. A bug shows when an actor is `bad` at the end, or waits for ever. No bug shows in
//! the default order. The depth is the number of ordering constraints that bring it about (Burckhardt et al., "A
//! Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS'10), as far as one can tell by
//! thinking; values that handlers choose come on top.
//!
//! To add one, write its function and its row of [`BUGS`].

use std::time::Duration;

use raddle_core::{Order, Outbox, StateMachine, System, TimerTag};

/// What actors are told: a word and a number.
pub type Say = (&'static str, i64);

/// What an actor does when it is told something.
type React = fn(&mut Actor, Say, &mut Outbox<Say>);

/// A system with a bug.
#[derive(Clone, Copy)]
pub struct Bug {
    /// Its name.
    pub name: &'static str,
    /// How many ordering constraints bring it about.
    pub depth: u32,
    /// What goes wrong.
    pub about: &'static str,
    actors: &'static [&'static str],
    /// What comes from outside, each from a source of its own: to whom, and what.
    told: &'static [(&'static str, Say)],
    /// Whether background actors pass noise around from the beginning.
    noisy: bool,
    react: React,
}

/// Any actor of any of the systems.
#[derive(Clone)]
pub struct Actor {
    me: &'static str,
    vars: [i64; 4],
    bad: bool,
    react: React,
}

impl StateMachine for Actor {
    type Message = Say;
    type Update = Say;

    fn on_message(&mut self, said: Say, out: &mut Outbox<Say>) {
        match said {
            (REST, hops_and_number) if hops_and_number >= HOP => out.notify(self.me, (REST, hops_and_number - HOP)),
            (REST, number) => (self.react)(self, ("go", number), out),
            (NOISE, 0) => {}
            (NOISE, left) => {
                let at = BACKGROUND.iter().position(|name| *name == self.me).unwrap_or(0);
                // To another one.
                let to = at + 1 + left as usize % (BACKGROUND.len() - 1);
                out.notify(BACKGROUND[to % BACKGROUND.len()], (NOISE, left - 1));
            }
            _ => (self.react)(self, said, out),
        }
    }

    fn on_update(&mut self, said: Say, out: &mut Outbox<Say>) {
        self.on_message(said, out);
    }

    fn on_timer(&mut self, tag: TimerTag, out: &mut Outbox<Say>) {
        (self.react)(self, ("timer", tag.0 as i64), out);
    }
}

/// `("rest", 3 * HOP + 7)` is `("go", 7)` after three messages of the actor to itself.
const REST: &str = "rest";
const HOP: i64 = 1_000;
/// Background actors pass noise around among themselves: a message that goes on for so many hops.
const NOISE: &str = "noise";
const BACKGROUND: [&str; 4] = ["n1", "n2", "n3", "n4"];
/// Hops of each of the four messages of noise.
const HOPS: i64 = 4;
/// More than any chain here needs.
const DEPTH: u32 = 64;

impl Bug {
    /// The system, with its background.
    pub fn system(&self) -> System<Actor> {
        let Self { name, actors, told, noisy, react, .. } = *self;
        let names: Vec<&'static str> = actors.iter().copied().chain(BACKGROUND).collect();
        let noise = BACKGROUND.into_iter().filter(|_| noisy).map(|name| (name, (NOISE, HOPS)));
        let system = System::new(name).workers(names.clone(), move |seat| Actor {
            me: names[seat.id().index()],
            vars: [0; 4],
            bad: false,
            react,
        });
        told.iter()
            .copied()
            .chain(noise)
            .enumerate()
            .fold(system, |system, (at, (to, said))| system.messages(format!("u{at}"), [(to, said)]))
            .with(|policies| {
                policies.order = Order::Arrival;
                policies.max_depth = DEPTH;
            })
            .laws(["no-deadlock"])
            .at_end("no-bug", |run| !run.machines().any(|actor| actor.bad))
    }
}

/// All of them, the shallow ones first.
pub const BUGS: [Bug; 16] = [
    Bug {
        name: "overtake",
        depth: 1,
        about: "the second of two senders is heard first",
        actors: &["a", "b", "z"],
        told: &[("a", ("go", 1)), ("b", ("go", 2))],
        noisy: true,
        react: overtake,
    },
    Bug {
        name: "long-chain",
        depth: 1,
        about: "one message is later than a chain of 16 that began with it",
        actors: &["a", "b", "c", "z"],
        told: &[("c", ("go", 0)), ("a", ("hop", 16))],
        noisy: true,
        react: long_chain,
    },
    Bug {
        name: "hidden-triangle",
        depth: 1,
        about: "C hears by way of B of what A told it before, behind relays that are busy",
        actors: &["A", "B", "C", "R1", "R2"],
        told: &[("A", ("go", 0))],
        noisy: false,
        react: hidden_triangle,
    },
    Bug {
        name: "lost-update",
        depth: 2,
        about: "two clients read, add one and write",
        actors: &["x", "c1", "c2"],
        told: &[("c1", ("go", 2)), ("c2", ("rest", 8 * HOP + 2))],
        noisy: true,
        react: lost_update,
    },
    Bug {
        name: "audit",
        depth: 2,
        about: "an audit sees one account after a transfer and the other before it",
        actors: &["a", "b", "audit"],
        told: &[("audit", ("go", 0)), ("a", ("rest", 4 * HOP + 30))],
        noisy: true,
        react: audit,
    },
    Bug {
        name: "stale-cache",
        depth: 2,
        about: "a cache is filled with an old value after it was told to forget it",
        actors: &["client", "writer", "cache", "store"],
        told: &[("client", ("go", 0)), ("writer", ("rest", 5 * HOP))],
        noisy: true,
        react: stale_cache,
    },
    Bug {
        name: "fanin-storm",
        depth: 2,
        about: "of eight senders, the first is not heard at all and the last is done when the door is closed",
        actors: &["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "door", "z"],
        told: &[
            ("s1", ("go", 1)),
            ("s2", ("go", 2)),
            ("s3", ("go", 3)),
            ("s4", ("go", 4)),
            ("s5", ("go", 5)),
            ("s6", ("go", 6)),
            ("s7", ("go", 7)),
            ("s8", ("go", 8)),
            ("door", ("go", 0)),
        ],
        noisy: true,
        react: fanin_storm,
    },
    Bug {
        name: "twopc-race",
        depth: 2,
        about: "a timeout between two votes aborts for one participant, and the last vote commits for all",
        actors: &["c", "p1", "p2"],
        told: &[("c", ("go", 0))],
        noisy: true,
        react: twopc_race,
    },
    Bug {
        name: "late-copy",
        depth: 2,
        about: "a copy sent again after a timeout reaches the next session",
        actors: &["client", "server", "relay"],
        told: &[("client", ("go", 0))],
        noisy: true,
        react: late_copy,
    },
    Bug {
        name: "lease",
        depth: 3,
        about: "a lease with three renewals by timer expires between two of them, and the old holder writes last",
        actors: &["server", "h1", "h2", "disk"],
        told: &[("h1", ("ask", 0)), ("h2", ("ask", 0))],
        noisy: true,
        react: lease,
    },
    Bug {
        name: "lost-update-3",
        depth: 3,
        about: "three clients read before any of them writes",
        actors: &["x", "c1", "c2", "c3"],
        told: &[("c1", ("go", 3)), ("c2", ("rest", 5 * HOP + 3)), ("c3", ("rest", 5 * HOP + 3))],
        noisy: true,
        react: lost_update,
    },
    Bug {
        name: "reversed",
        depth: 3,
        about: "four senders are heard in reverse",
        actors: &["a", "b", "c", "d", "z"],
        told: &[("a", ("go", 1)), ("b", ("go", 2)), ("c", ("go", 3)), ("d", ("go", 4))],
        noisy: true,
        react: reversed,
    },
    Bug {
        name: "dice",
        depth: 2,
        about: "three dice show a six each, and are heard in reverse",
        actors: &["d1", "d2", "d3", "judge"],
        told: &[("d1", ("go", 1)), ("d2", ("go", 2)), ("d3", ("go", 3))],
        noisy: true,
        react: dice,
    },
    Bug {
        name: "two-leaders",
        depth: 4,
        about: "a voter is reset between the requests of two candidates who share the other votes",
        actors: &["c1", "c2", "v1", "v2", "v3", "admin"],
        told: &[("c1", ("go", 1)), ("c2", ("go", 2)), ("admin", ("go", 0))],
        noisy: true,
        react: two_leaders,
    },
    Bug {
        name: "philosophers",
        depth: 4,
        about: "four take the left fork before any takes the right one",
        actors: &["p0", "p1", "p2", "p3", "f0", "f1", "f2", "f3"],
        told: &[("p0", ("go", 0)), ("p1", ("rest", 10 * HOP + 1)), ("p2", ("go", 2)), ("p3", ("go", 3))],
        noisy: true,
        react: philosophers,
    },
    Bug {
        name: "zigzag",
        depth: 5,
        about: "two senders of three are heard in strict turns, the second first",
        actors: &["a", "b", "z"],
        told: &[("a", ("go", 1)), ("b", ("go", 2))],
        noisy: true,
        react: zigzag,
    },
];

fn overtake(actor: &mut Actor, said: Say, out: &mut Outbox<Say>) {
    match said {
        ("go", who) => out.notify("z", ("hear", who)),
        (_, who) => {
            actor.bad |= who == 2 && actor.vars[0] == 0;
            actor.vars[0] += 1;
        }
    }
}

fn long_chain(actor: &mut Actor, said: Say, out: &mut Outbox<Say>) {
    match said {
        ("go", _) => out.notify("z", ("first", 0)),
        ("hop", 0) => out.notify("z", ("last", 0)),
        ("hop", left) => out.notify(if actor.me == "a" { "b" } else { "a" }, ("hop", left - 1)),
        ("first", _) => actor.vars[0] = 1,
        _ => actor.bad = actor.vars[0] == 0,
    }
}

fn hidden_triangle(actor: &mut Actor, said: Say, out: &mut Outbox<Say>) {
    match (actor.me, said.0) {
        ("A", _) => {
            out.notify("R1", ("m1", 0));
            (0..4).for_each(|filler| out.notify("R2", ("filler", filler)));
            out.notify("R2", ("m2", 0));
        }
        ("R1", _) => out.notify("C", said),
        ("R2", "m2") => out.notify("B", said),
        ("R2", _) => out.notify(BACKGROUND[said.1 as usize], (NOISE, HOPS)),
        ("B", _) => out.notify("C", ("m3", 0)),
        (_, "m3") => actor.bad = actor.vars[0] == 0,
        _ => actor.vars[0] = 1,
    }
}

/// `go` says how many clients there are; `x` keeps its value, how many wrote a 1, and that number.
fn lost_update(actor: &mut Actor, said: Say, out: &mut Outbox<Say>) {
    let back = out.sender_worker();
    match said {
        ("go", clients) => out.notify("x", ("read", clients)),
        ("read", clients) => {
            actor.vars[2] = clients;
            out.notify(back.expect("a client reads"), ("value", actor.vars[0]));
        }
        ("value", value) => out.notify("x", ("write", value + 1)),
        (_, value) => {
            actor.vars[0] = value;
            actor.vars[1] += i64::from(value == 1);
            actor.bad = actor.vars[1] == actor.vars[2];
        }
    }
}

fn audit(actor: &mut Actor, said: Say, out: &mut Outbox<Say>) {
    match (actor.me, said) {
        ("audit", ("go", _)) => out.notify("a", ("ask", 0)),
        ("audit", ("a", money)) => {
            actor.vars[0] = money;
            out.notify("b", ("ask", 0));
        }
        ("audit", (_, money)) => actor.bad = actor.vars[0] + money < 0,
        ("a", ("ask", _)) => out.notify("audit", ("a", actor.vars[0])),
        ("b", ("ask", _)) => out.notify("audit", ("b", actor.vars[0])),
        ("a", (_, money)) => {
            actor.vars[0] -= money;
            out.notify("b", ("get", money));
        }
        (_, (_, money)) => actor.vars[0] += money,
    }
}

fn stale_cache(actor: &mut Actor, said: Say, out: &mut Outbox<Say>) {
    match (actor.me, said) {
        ("client", _) => out.notify("store", ("read", 0)),
        ("writer", _) => {
            out.notify("store", ("write", 1));
            out.notify("cache", ("forget", 0));
        }
        ("store", ("read", _)) => out.notify("cache", ("fill", actor.vars[0])),
        ("store", (_, value)) => actor.vars[0] = value,
        (_, ("forget", _)) => actor.vars[1] = 1,
        (_, (_, value)) => actor.bad = actor.vars[1] == 1 && value == 0,
    }
}

fn fanin_storm(actor: &mut Actor, said: Say, out: &mut Outbox<Say>) {
    match said {
        ("go", 0) => out.notify("z", ("close", 0)),
        ("go", who) => (0..3).for_each(|_| out.notify("z", ("data", who))),
        ("data", 1) => actor.vars[0] += 1,
        ("data", 8) => actor.vars[1] += 1,
        ("data", _) => {}
        _ => actor.bad = actor.vars[..2] == [0, 3],
    }
}

fn twopc_race(actor: &mut Actor, said: Say, out: &mut Outbox<Say>) {
    match (actor.me, said) {
        ("c", ("go", _)) => {
            out.notify(["p1", "p2"], ("prepare", 0));
            out.set_timer(TimerTag(0), Duration::from_secs(1));
        }
        ("c", ("timer", _)) if actor.vars[0] == 1 => {
            let late = if actor.vars[1] == 1 { "p2" } else { "p1" };
            out.notify(late, ("abort", 0));
        }
        ("c", ("vote", who)) => {
            actor.vars[0] += 1;
            actor.vars[1] = who;
            if actor.vars[0] == 2 {
                out.cancel_timer(TimerTag(0));
                out.notify(["p1", "p2"], ("commit", 0));
            }
        }
        ("c", _) => {}
        (me, ("prepare", _)) => out.notify("c", ("vote", if me == "p1" { 1 } else { 2 })),
        (_, ("abort", _)) => actor.vars[0] = 1,
        _ => actor.bad |= actor.vars[0] == 1,
    }
}

/// Session 1 sends its data by the relay, and again after a timeout; on the first answer session 2 begins.
fn late_copy(actor: &mut Actor, said: Say, out: &mut Outbox<Say>) {
    match (actor.me, said) {
        ("client", ("go", _)) => {
            out.notify("relay", ("data", 1));
            out.set_timer(TimerTag(0), Duration::from_secs(1));
        }
        ("client", ("timer", _)) => out.notify("relay", ("data", 1)),
        ("client", _) if actor.vars[0] == 0 => {
            actor.vars[0] = 1;
            out.cancel_timer(TimerTag(0));
            out.notify("server", ("open", 2));
        }
        ("client", _) => {}
        ("relay", _) => out.notify("server", said),
        (_, ("open", session)) => actor.vars[0] = session,
        (_, (_, session)) => {
            actor.bad |= actor.vars[0] > session;
            out.notify("client", ("ack", session));
        }
    }
}

/// The server lends to one at a time; the holder works for three rounds of its own timer, renewing in each, and writes.
/// Leases are numbered, and the disk should have checked that.
fn lease(actor: &mut Actor, said: Say, out: &mut Outbox<Say>) {
    const LEASE: Duration = Duration::from_secs(2);
    const ROUND: Duration = Duration::from_secs(1);
    let number = |me: &str| if me == "h1" { 1 } else { 2 };
    match (actor.me, said) {
        // Holder and the one that waits, by number, and the number of the lease.
        ("server", ("ask", who)) if actor.vars[0] == 0 => {
            (actor.vars[0], actor.vars[2]) = (who, actor.vars[2] + 1);
            out.notify(if who == 1 { "h1" } else { "h2" }, ("grant", actor.vars[2]));
            out.set_timer(TimerTag(0), LEASE);
        }
        ("server", ("ask", who)) => actor.vars[1] = who,
        ("server", ("renew", who)) if who == actor.vars[0] => {
            out.cancel_timer(TimerTag(0));
            out.set_timer(TimerTag(0), LEASE);
        }
        ("server", ("renew", _)) => {}
        ("server", ("back", who)) if who != actor.vars[0] => {}
        // Expired or given back: the next one.
        ("server", _) => {
            out.cancel_timer(TimerTag(0));
            (actor.vars[0], actor.vars[1]) = (actor.vars[1], 0);
            if actor.vars[0] > 0 {
                actor.vars[2] += 1;
                out.notify(if actor.vars[0] == 1 { "h1" } else { "h2" }, ("grant", actor.vars[2]));
            }
        }
        ("disk", (_, lease)) => {
            actor.bad |= lease < actor.vars[0];
            actor.vars[0] = lease;
        }
        (me, ("ask", _)) => out.notify("server", ("ask", number(me))),
        (_, ("grant", lease)) => {
            actor.vars[0] = lease;
            out.set_timer(TimerTag(1), ROUND);
        }
        (me, ("timer", 4)) => {
            out.notify("disk", ("write", actor.vars[0]));
            out.notify("server", ("back", number(me)));
        }
        (me, (_, round)) => {
            out.notify("server", ("renew", number(me)));
            out.set_timer(TimerTag(round as u64 + 1), ROUND);
        }
    }
}

fn reversed(actor: &mut Actor, said: Say, out: &mut Outbox<Say>) {
    match said {
        ("go", who) => out.notify("z", ("hear", who)),
        (_, who) => {
            actor.vars[0] = actor.vars[0] * 10 + who;
            actor.bad = actor.vars[0] == 4_321;
        }
    }
}

fn dice(actor: &mut Actor, said: Say, out: &mut Outbox<Say>) {
    match said {
        ("go", who) => {
            let shows = i64::from(out.choose(6)) + 1;
            out.notify("judge", ("shows", who * 10 + shows));
        }
        (_, shown) => {
            actor.vars[0] = actor.vars[0] * 100 + shown;
            actor.bad = actor.vars[0] == 362_616;
        }
    }
}

fn two_leaders(actor: &mut Actor, said: Say, out: &mut Outbox<Say>) {
    match (actor.me, said) {
        ("admin", ("go", _)) => out.notify("v2", ("reset", 0)),
        ("admin", _) => {
            actor.vars[0] += 1;
            actor.bad = actor.vars[0] == 2;
        }
        ("c1" | "c2", ("go", who)) => out.notify(["v1", "v2", "v3"], ("vote-for", who)),
        ("c1" | "c2", _) => {
            actor.vars[0] += 1;
            if actor.vars[0] == 2 {
                out.notify("admin", ("elected", 0));
            }
        }
        (_, ("reset", _)) => actor.vars[0] = 0,
        (_, (_, who)) if actor.vars[0] == 0 => {
            actor.vars[0] = who;
            out.notify(if who == 1 { "c1" } else { "c2" }, ("vote", 0));
        }
        _ => {}
    }
}

/// A philosopher asks for the left fork, then for the right one, eats and puts both back. A fork keeps who holds it and
/// who waits, from 1.
fn philosophers(actor: &mut Actor, said: Say, out: &mut Outbox<Say>) {
    const PEOPLE: [&str; 4] = ["p0", "p1", "p2", "p3"];
    const FORKS: [&str; 4] = ["f0", "f1", "f2", "f3"];
    let fork = |who: i64| FORKS[who as usize % FORKS.len()];
    match said {
        ("go", who) => {
            actor.vars[0] = who;
            out.wait(fork(who), "left");
            out.notify(fork(who), ("ask", who));
        }
        ("yours", _) if actor.vars[1] == 0 => {
            actor.vars[1] = 1;
            out.waited("left");
            out.wait(fork(actor.vars[0] + 1), "right");
            out.notify(fork(actor.vars[0] + 1), ("ask", actor.vars[0]));
        }
        ("yours", _) => {
            out.waited("right");
            out.notify([fork(actor.vars[0]), fork(actor.vars[0] + 1)], ("back", 0));
        }
        ("ask", who) if actor.vars[0] == 0 => {
            actor.vars[0] = who + 1;
            out.notify(PEOPLE[who as usize], ("yours", 0));
        }
        ("ask", who) => actor.vars[1] = who + 1,
        _ => {
            (actor.vars[0], actor.vars[1]) = (actor.vars[1], 0);
            if actor.vars[0] > 0 {
                out.notify(PEOPLE[actor.vars[0] as usize - 1], ("yours", 0));
            }
        }
    }
}

fn zigzag(actor: &mut Actor, said: Say, out: &mut Outbox<Say>) {
    match said {
        ("go", who) => (0..3).for_each(|_| out.notify("z", ("hear", who))),
        (_, who) => {
            actor.vars[0] = actor.vars[0] * 10 + who;
            actor.bad = actor.vars[0] == 212_121;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use raddle_sim::strategy::{DefaultOrder, Indices, Random};
    use raddle_sim::{Runner, Settings, Strategy};

    use super::*;

    fn shows(bug: &Bug, seeds: u64, strategy: &mut dyn Strategy) -> bool {
        let plan = bug.system().plan().expect("a good system");
        let mut runner = Runner::new(Arc::clone(&plan), Settings::default(), None).expect("good settings");
        (0..seeds).any(|seed| runner.run(seed, strategy).violation.is_some())
    }

    #[test]
    fn no_bug_shows_in_the_default_order() {
        for bug in BUGS {
            assert!(!shows(&bug, 1, &mut DefaultOrder), "{}", bug.name);
        }
    }

    #[test]
    fn every_bug_shows_sometimes() {
        for bug in BUGS {
            // A long chain is not outrun by chance, but by taking what came last.
            let by_chance = shows(&bug, 20_000, &mut Random::default());
            let newest_first = || shows(&bug, 1, &mut Indices::new(vec![u32::MAX; 200]));
            assert!(by_chance || newest_first(), "{}", bug.name);
        }
    }

    #[test]
    fn names_are_unlike() {
        for (at, bug) in BUGS.iter().enumerate() {
            assert!(BUGS[..at].iter().all(|other| other.name != bug.name), "{}", bug.name);
        }
    }
}
