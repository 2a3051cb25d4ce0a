//! Explanations of the built-in systems, whose bugs are known: where each is decided, and by which order of two things.
#![cfg(feature = "sim")]

use raddle::any::{AnySystem, Search};
use raddle::explain::text;
use raddle::look::Look;
use raddle::sim::{Budget, Contrast, Explanation, Finding, StrategyKind};

/// What a search finds with a planted bug or without, under some policies, and why it fails.
fn explained(name: &str, bug: Option<&str>, policies: &[(&str, &str)]) -> (Finding, Explanation) {
    let entry = raddle::systems::all().into_iter().find(|entry| entry.name() == name).expect("a built-in system");
    let args = entry.args([]).expect("defaults fit");
    let args = bug.map_or(Ok(args.clone()), |bug| entry.plant(args, bug)).expect("the bug is declared");
    let mut system: Box<dyn AnySystem> = entry.build(&args).expect("defaults fit");
    for (key, value) in policies {
        system.set(key, value).expect("the policy fits");
    }
    let settings = entry.default_settings().clone();
    let search = Search { settings, strategy: StrategyKind::Random, ..Search::default() };
    let report = system.explore(&search).expect("it can be run");
    let finding = system.finding(&report, report.found.as_ref().expect("it is found")).expect("it was run");
    let explanation = system.explain(&finding, &budget()).expect("it fails");
    (finding, explanation)
}

/// Enough for all that is explained here.
fn budget() -> Budget {
    Budget { explain: 200_000_000, ..Budget::default() }
}

/// The critical pair: step, and both things by name.
fn critical(explanation: &Explanation) -> (u64, String, String) {
    let names = &explanation.replayed.recording.trace.conditions.names;
    let pair = explanation.pair.as_ref().expect("there is one");
    let Contrast::Order { first, then } = &pair.contrast else { panic!("it is a value: {pair:?}") };
    (pair.step, first.deed.display(names).to_string(), then.deed.display(names).to_string())
}

#[test]
fn the_triangle_is_decided_when_c_hears_m3() {
    let (finding, explanation) = explained("triangle", None, &[("order", "arrival")]);
    assert_eq!(critical(&explanation), (3, "client#0.1.0 to C".to_owned(), "client#0.0 to C".to_owned()));
    assert_eq!(explanation.jump, Some(3));
    insta::assert_snapshot!(text(&finding, &explanation, Look::plain(true)), @r#"
    explained: causal-order
      C handled B's m3 before A's m1, though A sent m1 first and B knew of it when it sent m3 (through
      m2)

      step 4 of 4, depth 0    seed 4, random    digest 6a77a635579d4dd4
      as short as it was found (minimal): needs 1 out-of-order delivery, m3 to C before m1 to C

      step   A                B                C
         1   ● client#0
             ├─ m1 ──────────────────────────▷
             └─ m2 ─────────▷
         2                    ● m2
                              └─ m3 ─────────▷
         3                                     ● m3
         4                                     ● m1   ✗ too late: m3 was handled before

             m1 = client#0.0    M1
             m2 = client#0.1    M2
             m3 = client#0.1.0  M3

      with the rest left to chance, 1,000 times after each step, it breaks the law so often:

      step
         0   █████░░░░░░░░░░░░░░░  25 %
         1   █████░░░░░░░░░░░░░░░  25 %   client#0 to A
         2   ██████████░░░░░░░░░░  50 %   m2 to B
         3   ████████████████████ 100 %   m3 to C   ◀
         4   ████████████████████ 100 %   m1 to C

      decided:   at step 3, m3 to C: before it 50 % of 1,000 runs fail, after it all
      critical:  C handles m3 before m1 (step 3); of two runs that differ in this alone, only the one
                 that does so breaks `causal-order`
    "#);
}

#[test]
fn the_ledger_is_decided_when_eve_can_pay() {
    let (finding, explanation) = explained("ledger", Some("narrow-amount"), &[]);
    assert_eq!(critical(&explanation), (4, "bank#1.0 to eve".to_owned(), "bank#2 to eve".to_owned()));
    assert_eq!(explanation.jump, Some(4));
    insta::assert_snapshot!(text(&finding, &explanation, Look::plain(false)), @r#"
    explained: conserved
      `conserved` must hold when the run has come to rest, and does not

      step 6 of 6    seed 13, random    digest 1895a6cb884365da
      shrunk from 8 steps and 4 messages to 6 and 3 (minimal): needs 2 out-of-order deliveries, m1 to
      bob before bank#1 to bob, and m2 to eve before bank#2 to eve

      step   ann              bob              eve
         1   * bank#0
             +- m1 --------->
         2                    * m1
         3                    * bank#1
                              +- mark passed-on
                              +- m2 --------->
         4                                     * m2
         5                                     * bank#2
                                               +- mark all-passed-on
               <-------------------------- m3 -+
         6   * m3   x conserved

             bank#0 = Transfer { to: "bob", amount: 80 }
             m1     = bank#0.0  Credit { amount: 80 }
             bank#1 = Transfer { to: "eve", amount: 170 }
             m2     = bank#1.0  Credit { amount: 170 }
             bank#2 = Transfer { to: "ann", amount: 260 }
             m3     = bank#2.0  Credit { amount: 4 }

      with the rest left to chance, 1,000 times after each step, it breaks the law so often:

      step
         0   #...................   2 %
         1   ##..................   7 %   bank#0 to ann
         2   ######..............  27 %   m1 to bob
         3   ##########..........  49 %   bank#1 to bob
         4   #################### 100 %   m2 to eve   <
         5   #################### 100 %   bank#2 to eve
         6   #################### 100 %   m3 to ann

      decided:   at step 4, m2 to eve: before it 49 % of 1,000 runs fail, after it all
      critical:  eve handles m2 before bank#2 (step 4); of two runs that differ in this alone, only the
                 one that does so breaks `conserved`
    "#);
}

#[test]
fn what_every_run_breaks_is_decided_before_the_first_step() {
    let (finding, explanation) = explained("ring", Some("freeze-depth"), &[]);
    assert_eq!((explanation.jump, explanation.pair.clone()), (None, None));
    assert!(explanation.odds.iter().all(|odds| odds.failed == odds.of));
    let text = text(&finding, &explanation, Look::plain(true));
    assert!(text.contains("decided:   before the first step") && text.contains("critical:  none"), "{text}");
}

#[test]
fn the_same_finding_is_explained_in_the_same_words() {
    let explain = || {
        let (finding, explanation) = explained("slow", Some("ignore-capacity"), &[]);
        text(&finding, &explanation, Look::plain(true))
    };
    let first = explain();
    assert_eq!(first, explain());
}

#[test]
fn where_a_value_decides_the_value_is_told() {
    let (finding, explanation) = explained("twopc", Some("early-decision"), &[]);
    let pair = explanation.pair.as_ref().expect("there is one");
    let Contrast::Value { nth, value, not, .. } = &pair.contrast else { panic!("it is an order: {pair:?}") };
    assert_eq!((*nth, *value, *not, pair.alone), (1, 1, 0, true));
    let text = text(&finding, &explanation, Look::plain(true));
    assert!(text.contains("critical:  p3, handling m3, chooses 1 and not 0 (step 4); of two runs"), "{text}");
}

#[test]
fn where_workers_have_queues_a_step_is_told_as_the_handling_to_which_it_belongs() {
    let (finding, explanation) = explained("slow", Some("ignore-capacity"), &[]);
    assert_eq!(critical(&explanation), (7, "a push of right".to_owned(), "a pick of slow".to_owned()));
    let text = text(&finding, &explanation, Look::plain(true));
    assert!(
        text.contains("critical:  right, handling client#1, sends m1 before slow handles client#0.0 (step 7)"),
        "{text}"
    );
}
