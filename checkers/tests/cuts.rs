//! Cuts: the law `consistent-cut`, by hand and against the definition.

mod common;

use std::collections::BTreeSet;

use common::script::{Script, script};
use raddle_core::random::{below, substream};

#[test]
fn a_part_that_knows_of_what_was_sent_after_another() {
    let sent = || script().message("bank#0", "A").cut("A", "snap").emit("bank#0.0", "A", "B");
    sent().update("bank#0.0").cut("B", "snap").rest().breaks_only(
        "consistent-cut/inconsistent@B",
        "in the cut \"snap\", B knows of bank#0.0, which A sent after its own part",
    );
    sent().message("bank#1", "B").cut("B", "snap").update("bank#0.0").rest().breaks_none();
}

#[test]
fn a_part_that_knows_by_way_of_others() {
    let told = script().message("bank#0", "A").emit("bank#0.0", "A", "B").update("bank#0.0");
    let relayed = told.emit("bank#0.0.0", "B", "C").cut("B", "snap").update("bank#0.0.0").cut("C", "snap");
    relayed.message("bank#1", "A").cut("A", "snap").rest().breaks_none();
    let sent = script().message("bank#0", "A").cut("A", "snap").emit("bank#0.0", "A", "B").update("bank#0.0");
    let relayed = sent.emit("bank#0.0.0", "B", "C").update("bank#0.0.0").cut("C", "snap");
    let violation = relayed.rest().breaks_only(
        "consistent-cut/inconsistent@C",
        "in the cut \"snap\", C knows of bank#0.0, which A sent after its own part (through bank#0.0.0)",
    );
    assert_eq!(violation.witness.len(), 2);
}

#[test]
fn a_part_twice() {
    let twice = |second: &str| script().message("bank#0", "A").cut("A", "snap").cut("A", second).rest();
    let reason = "A says its part of the cut \"snap\" a second time";
    twice("snap").breaks_only("consistent-cut/twice@A", reason);
    twice("other").breaks_none();
}

#[test]
fn cuts_of_different_names_have_nothing_to_do_with_each_other() {
    let sent = script().message("bank#0", "A").cut("A", "one").emit("bank#0.0", "A", "B").cut("A", "two");
    sent.update("bank#0.0").cut("B", "two").rest().breaks_none();
}

#[test]
fn a_bank_forgets_cuts() {
    let broken = script().message("bank#0", "A").cut("A", "snap").emit("bank#0.0", "A", "B").update("bank#0.0");
    let broken = broken.cut("B", "snap").rest().trace;
    let mut bank = raddle_checkers::Bank::new(broken.conditions.clone(), &["consistent-cut"]).expect("a law");
    for _ in 0..3 {
        bank.reset();
        broken.events[..4].iter().for_each(|event| bank.observe(event.as_ref()));
        assert!(!bank.has_failed());
        broken.events[4..].iter().for_each(|event| bank.observe(event.as_ref()));
        assert!(bank.has_failed());
    }
}

/// What happened at each worker, as sets of sends: by the definition, a cut is consistent if what a part knows to be sent
/// was sent before the part of its sender.
#[derive(Clone, Default)]
struct Knows {
    sends: BTreeSet<usize>,
    part: Option<BTreeSet<usize>>,
}

#[test]
fn the_law_is_the_definition() {
    const NAMES: [&str; 4] = ["A", "B", "C", "D"];
    let mut broken = 0;
    for seed in 0..2_000 {
        let mut rng = substream(seed, "cuts", 0);
        let mut draw = |bound: usize| below(&mut rng, bound as u32) as usize;
        let mut run: Script =
            NAMES.iter().zip(0..).fold(script(), |run, (name, n)| run.message(&format!("bank#{n}"), name));
        let mut knows = vec![Knows::default(); 4];
        let mut flying: Vec<(String, usize, usize)> = Vec::new();
        let (mut senders, mut outputs) = (Vec::new(), [0; 4]);
        let mut pasts: Vec<BTreeSet<usize>> = Vec::new();
        for _ in 0..10 + draw(30) {
            let at = draw(4);
            match draw(5) {
                0 if knows[at].part.is_none() => {
                    run = run.cut(NAMES[at], "snap");
                    knows[at].part = Some(knows[at].sends.clone());
                }
                0..3 => {
                    let (to, id) = (draw(4), format!("bank#{at}.{}", outputs[at]));
                    outputs[at] += 1;
                    run = run.emit(&id, NAMES[at], NAMES[to]);
                    knows[at].sends.insert(senders.len());
                    pasts.push(knows[at].sends.clone());
                    flying.push((id, to, senders.len()));
                    senders.push(at);
                }
                _ if !flying.is_empty() => {
                    let (id, to, send) = flying.remove(draw(flying.len()));
                    run = run.update(&id);
                    knows[to].sends.extend(&pasts[send]);
                }
                _ => {}
            }
        }
        let knows_too_much = |part: &BTreeSet<usize>| {
            part.iter().any(|send| knows[senders[*send]].part.as_ref().is_some_and(|theirs| !theirs.contains(send)))
        };
        let expected = knows.iter().filter_map(|knows| knows.part.as_ref()).any(knows_too_much);
        assert_eq!(run.bank(&["consistent-cut"]).has_failed(), expected, "seed {seed}");
        broken += u32::from(expected);
    }
    assert!((400..1_600).contains(&broken), "{broken} broken cuts");
}
