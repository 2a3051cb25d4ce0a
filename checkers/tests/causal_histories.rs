//! The law `causal-consistency`: each bad pattern by hand, and verdicts against the definition on many small histories.
//!
//! The definition asks for an order of all operations that explains what each read; here all orders are tried, and none of
//! the law's code is used.

mod common;

use common::Outcome;
use common::script::{Script, script};
use raddle_checkers::Verdict;
use raddle_checkers::causal_consistency::{Level, judge};
use raddle_core::random::{below, substream};

/// An operation of a session at a worker; each is a message of its own.
fn op(run: Script, id: &str, at: &str, text: &str) -> Script {
    let run = run.message(id, at);
    match text.strip_prefix('!') {
        Some(text) => run.wrote(at, text),
        None => run.read(at, text),
    }
}

/// Operations by session and number, worker and text; `!` stands before what is written.
fn history(ops: &[(&str, &str, &str)]) -> Outcome {
    ops.iter().fold(script(), |run, (id, at, text)| op(run, id, at, text)).rest()
}

#[test]
fn what_nobody_wrote() {
    history(&[("s#0", "A", "!x=1"), ("t#0", "B", "x=2")])
        .breaks_only("causal-consistency/thin-air-read@B", "B read x=2 (t#0), which nobody wrote");
    history(&[("s#0", "A", "!x=1"), ("t#0", "B", "x=1"), ("t#1", "A", "y")]).breaks_none();
}

#[test]
fn an_effect_before_its_cause() {
    let ops = [("s#0", "A", "y=1"), ("s#1", "A", "!x=1"), ("t#0", "B", "x=1"), ("t#1", "B", "!y=1")];
    let violation = history(&ops).breaks_only(
        "causal-consistency/cyclic-co@B",
        "what was read comes of the read itself: the cycle A read y=1 (s#0), then A wrote x=1 (s#1), then B read x=1 \
         (t#0), then B wrote y=1 (t#1)",
    );
    assert_eq!(violation.witness.len(), 3);
    history(&ops[1..]).breaks_none();
}

#[test]
fn what_was_written_before_and_not_seen() {
    let seen = ("t#1", "B", "x=1");
    let not_seen = ("t#1", "B", "x");
    let before = [("s#0", "A", "!x=1"), ("s#1", "A", "!y=1"), ("t#0", "B", "y=1")];
    let violation = history(&[&before[..], &[not_seen]].concat()).breaks_only(
        "causal-consistency/write-co-init-read@B",
        "a write was not seen though it came before in causal order: A wrote x=1 (s#0), then A wrote y=1 (s#1), then B \
         read y=1 (t#0), then B found no x (t#1)",
    );
    assert_eq!(violation.witness.len(), 3);
    history(&[&before[..], &[seen]].concat()).breaks_none();
    history(&[&before[..2], &[not_seen]].concat()).breaks_none();
    history(&[("s#0", "A", "!x=1"), ("s#1", "B", "x")]).breaks_only(
        "causal-consistency/write-co-init-read@B",
        "a write was not seen though it came before in causal order: A wrote x=1 (s#0), then B found no x (s#1)",
    );
}

#[test]
fn what_was_overwritten_before() {
    let ops =
        [("s#0", "A", "!x=1"), ("t#0", "B", "x=1"), ("t#1", "B", "!x=2"), ("s#1", "C", "x=2"), ("s#2", "A", "x=1")];
    let violation = history(&ops).breaks_only(
        "causal-consistency/write-co-read@A",
        "what was read had been overwritten before, in causal order: A wrote x=1 (s#0), then B read x=1 (t#0), then B \
         wrote x=2 (t#1), then C read x=2 (s#1), then A read x=1 (s#2)",
    );
    assert_eq!(violation.witness.len(), 4);
    history(&[ops[0], ops[1], ops[2], ops[4]]).breaks_none();
}

#[test]
fn what_has_no_order_may_be_seen_in_two() {
    let both = [("s#0", "A", "!x=1"), ("t#0", "B", "!x=2"), ("s#1", "A", "x=2"), ("t#1", "B", "x=1")];
    let trace = history(&both).trace;
    history(&both).breaks_none();
    let Verdict::Violation(violation) = judge(&trace, Level::Convergent) else { panic!("they do not agree") };
    assert_eq!(violation.code, "cyclic-cf");
    assert_eq!(
        violation.reason,
        "no order of the writes agrees with all that was read: the cycle A wrote x=1 (s#0), then B wrote x=2 (t#0)",
    );
    assert_eq!(judge(&history(&both[..3]).trace, Level::Convergent), Verdict::Ok);
}

#[test]
fn a_value_written_twice_is_unknown() {
    let outcome = history(&[("s#0", "A", "!x=1"), ("t#0", "B", "!x=1"), ("s#1", "A", "y=7")]);
    assert_eq!(outcome.online, []);
    let why = "B wrote x=1 (t#0) after A wrote x=1 (s#0): values must be unique, or nobody can say which was read";
    assert_eq!(judge(&outcome.trace, Level::Causal), Verdict::Unknown(why.to_owned()));
    let verdicts = raddle_checkers::check(&outcome.trace, &["causal-consistency"]).expect("a law");
    assert_eq!(verdicts, [("causal-consistency", Verdict::Unknown(why.to_owned()))]);
    history(&[("s#0", "A", "!x=1"), ("t#0", "B", "!y=1")]).breaks_none();
}

/// What is handled for nobody's session is the worker's own: in each life anew, as it keeps no state.
#[test]
fn a_worker_is_a_session_of_its_own() {
    let ops = [("bank#0", "A", "!x=1"), ("bank#1", "A", "x")];
    history(&ops).breaks_only(
        "causal-consistency/write-co-init-read@A",
        "a write was not seen though it came before in causal order: A wrote x=1 (bank#0), then A found no x (bank#1)",
    );
    history(&[ops[0], ("bank#1", "B", "x")]).breaks_none();
    let dies = op(script(), "bank#0", "A", "!x=1").crash("A").restart("A");
    op(dies, "bank#1", "A", "x").rest().breaks_none();
}

#[test]
fn a_key_ends_at_the_first_sign_of_equality() {
    history(&[("s#0", "A", "!x=a=b"), ("t#0", "B", "x=a=b"), ("s#1", "A", "!x="), ("t#1", "B", "x=")]).breaks_none();
    history(&[("s#0", "A", "!x=1"), ("t#0", "B", "x=")])
        .breaks_only("causal-consistency/thin-air-read@B", "B read x= (t#0), which nobody wrote");
}

/// A small history for the definition: session, key, and what it wrote or read; 0 is what nobody wrote.
#[derive(Clone, Copy, Debug)]
struct Op {
    session: usize,
    key: usize,
    is_write: bool,
    value: usize,
}

const SESSIONS: [(&str, &str); 3] = [("s", "A"), ("t", "B"), ("bank", "C")];

fn random_ops(seed: u64, most: usize) -> Vec<Op> {
    let mut rng = substream(seed, "histories", 0);
    let mut draw = |bound: usize| below(&mut rng, bound as u32) as usize;
    let (sessions, keys, len) = (1 + draw(3), 1 + draw(2), 2 + draw(most - 1));
    let mut ops: Vec<Op> = (0..len)
        .map(|n| Op { session: draw(sessions), key: draw(keys), is_write: draw(2) == 0, value: n + 1 })
        .collect();
    let written: Vec<(usize, usize)> = ops.iter().filter(|op| op.is_write).map(|op| (op.key, op.value)).collect();
    for op in ops.iter_mut().filter(|op| !op.is_write) {
        let values: Vec<usize> = written.iter().filter(|pair| pair.0 == op.key).map(|pair| pair.1).collect();
        op.value = match draw(values.len() + 2) {
            0 if draw(8) == 0 => 99,
            0 | 1 => 0,
            at => values[at - 2],
        };
    }
    ops
}

fn trace_of(ops: &[Op]) -> raddle_core::Trace {
    let mut numbers = [0; 3];
    let run = ops.iter().fold(script(), |run, it| {
        let (session, worker) = SESSIONS[it.session];
        let id = format!("{session}#{}", numbers[it.session]);
        numbers[it.session] += 1;
        let text = match (it.is_write, it.value) {
            (true, value) => format!("!k{}={value}", it.key),
            (false, 0) => format!("k{}", it.key),
            (false, value) => format!("k{}={value}", it.key),
        };
        op(run, &id, worker, &text)
    });
    run.rest().trace
}

/// All strict partial orders of so many things: by thing, the set of those before it.
fn orders(len: usize) -> Vec<Vec<u32>> {
    if len == 0 {
        return vec![vec![]];
    }
    let new = len - 1;
    let mut all = Vec::new();
    for order in orders(new) {
        let sets = 0..1_u32 << new;
        let has = |set: u32, at: usize| set >> at & 1 == 1;
        let is_down = |set: u32| (0..new).all(|at| !has(set, at) || order[at] & !set == 0);
        let is_up = |set: u32| (0..new).all(|at| has(set, at) || order[at] & set == 0);
        for below in sets.clone().filter(|set| is_down(*set)) {
            let fits = |above: &u32| {
                is_up(*above) && below & above == 0 && (0..new).all(|at| !has(*above, at) || below & !order[at] == 0)
            };
            for above in sets.clone().filter(fits) {
                let mut longer = order.clone();
                (0..new).filter(|at| has(above, *at)).for_each(|at| longer[at] |= 1 << new);
                longer.push(below);
                all.push(longer);
            }
        }
    }
    all
}

/// Whether some linear extension of the order, cut down to the causes of a read, ends in what it read.
fn explains(order: &[u32], ops: &[Op], read: usize) -> bool {
    fn extend(order: &[u32], ops: &[Op], read: usize, done: u32, last: usize) -> bool {
        if done == order[read] {
            return last == ops[read].value;
        }
        let next = |at: &usize| order[read] >> at & 1 == 1 && done >> at & 1 == 0 && order[*at] & !done == 0;
        (0..ops.len()).filter(next).any(|at| {
            let writes = ops[at].is_write && ops[at].key == ops[read].key;
            extend(order, ops, read, done | 1 << at, if writes { ops[at].value } else { last })
        })
    }
    extend(order, ops, read, 0, 0)
}

/// Whether one total order that agrees with the causal order explains what all read.
fn converges(order: &[u32], ops: &[Op]) -> bool {
    fn extend(order: &[u32], ops: &[Op], total: &mut Vec<usize>) -> bool {
        if total.len() == ops.len() {
            return (0..ops.len()).filter(|at| !ops[*at].is_write).all(|read| {
                let seen =
                    |at: &&usize| order[read] >> **at & 1 == 1 && ops[**at].is_write && ops[**at].key == ops[read].key;
                total.iter().rfind(seen).map_or(0, |at| ops[*at].value) == ops[read].value
            });
        }
        let done = total.iter().fold(0_u32, |done, at| done | 1 << at);
        (0..ops.len()).any(|at| {
            if done >> at & 1 == 1 || order[at] & !done != 0 {
                return false;
            }
            total.push(at);
            let found = extend(order, ops, total);
            total.pop();
            found
        })
    }
    extend(order, ops, &mut Vec::new())
}

/// Whether there is a causal order, by the definition.
fn is_consistent(ops: &[Op], orders: &[Vec<u32>], level: Level) -> bool {
    let earlier = |at: usize| {
        (0..at).filter(|other| ops[*other].session == ops[at].session).fold(0_u32, |set, other| set | 1 << other)
    };
    let sessions: Vec<u32> = (0..ops.len()).map(earlier).collect();
    let keeps_sessions = |order: &&Vec<u32>| sessions.iter().zip(*order).all(|(session, order)| session & !order == 0);
    orders.iter().filter(keeps_sessions).any(|order| match level {
        Level::Causal => (0..ops.len()).filter(|at| !ops[*at].is_write).all(|read| explains(order, ops, read)),
        Level::Convergent => converges(order, ops),
    })
}

#[track_caller]
fn compare(seeds: std::ops::Range<u64>, most: usize, level: Level) -> u32 {
    let orders: Vec<Vec<Vec<u32>>> = (0..=most).map(orders).collect();
    let mut consistent = 0;
    for seed in seeds {
        let ops = random_ops(seed, most);
        let expected = is_consistent(&ops, &orders[ops.len()], level);
        let verdict = judge(&trace_of(&ops), level);
        assert_eq!(verdict == Verdict::Ok, expected, "seed {seed}: {ops:?}, {verdict:?}");
        assert!(!matches!(verdict, Verdict::Unknown(_)), "seed {seed}: {verdict:?}");
        consistent += u32::from(expected);
    }
    consistent
}

#[test]
fn the_law_is_the_definition() {
    assert_eq!((0..6).map(|len| orders(len).len()).collect::<Vec<_>>(), [1, 1, 3, 19, 219, 4231]);
    let consistent = compare(0..6_000, 5, Level::Causal);
    assert!((1_500..4_500).contains(&consistent), "{consistent} of 6,000");
}

#[test]
fn the_law_is_the_definition_on_longer_histories() {
    let consistent = compare(10_000..10_800, 6, Level::Causal);
    assert!((150..650).contains(&consistent), "{consistent} of 800");
}

#[test]
fn convergence_is_the_definition() {
    let consistent = compare(20_000..22_000, 5, Level::Convergent);
    assert!((500..1_500).contains(&consistent), "{consistent} of 2,000");
}
