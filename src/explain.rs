//! What is printed of an explanation: where a failure was decided, which order of two things decides it, and what led
//! to it.
//!
//! As [`failure`](crate::failure), it is made of values only.

use std::fmt::Write as _;

use raddle_core::{Names, Trace};
use raddle_sim::{Contrast, Decided, Decision, Deed, Explanation, Finding, Handling, Odds, Pair, Part, TooLong};
use raddle_view::Charset;

use crate::failure::{Failure, ascii_if, notes};
use crate::look::{BAD, FAINT, Look};
use crate::words;

/// The width of a bar.
const BAR: usize = 20;
/// Of more rows than these, only those are shown with which something changes, and no more lines than these.
const ROWS_MAX: usize = 24;
/// A change of a smaller share is none.
const CHANGE: f64 = 0.05;
/// Nor is one of fewer standard errors of the difference of two shares, both sampled: by chance alone, one in 370 is
/// larger.
const ERRORS: f64 = 3.0;

/// An explanation for people.
#[must_use]
pub fn text(finding: &Finding, explanation: &Explanation, look: Look) -> String {
    let origin = format!("seed {}, {}", finding.seed, finding.strategy);
    let mut failure = Failure::of_recording(&explanation.replayed.recording, origin).expect("it fails");
    failure.title = "explained";
    failure.only_past = true;
    failure.shrunk = finding.shrunk.as_ref();
    let say = |text: &str| ascii_if(look, &failure.rewrite(text));
    let facts = [("decided", say(&decided(explanation))), ("critical", say(&critical(finding, explanation)))];
    failure.render(look) + "\n" + &chart(explanation, say, look) + &notes(&facts, look)
}

/// Where the failure is decided, in a sentence.
fn decided(explanation: &Explanation) -> String {
    if let Some(why) = &explanation.undecided {
        return unknown(why);
    }
    let odds = |after: u64| explanation.odds.iter().find(|odds| odds.after == after);
    let Some((step, before, here)) = explanation.jump.and_then(|step| Some((step, odds(step - 1)?, odds(step)?)))
    else {
        return "before the first step: the odds rise nowhere".to_owned();
    };
    let deed = deed(explanation, step);
    let rest = match explanation.odds.iter().find(|odds| odds.failed == odds.of) {
        Some(all) if all.after > step => format!("; after step {} all do", all.after),
        _ => String::new(),
    };
    let share = |odds: &Odds| if odds.failed == odds.of { "all".to_owned() } else { format!("{} %", percent(odds)) };
    let runs = words::counted(before.of.into(), "run");
    format!("at step {step}, {deed}: before it {} of {runs} fail, after it {}{rest}", share(before), share(here))
}

/// Where a failure is decided, as it is told along with it.
pub(crate) fn briefly(decided: &Decided, names: &Names) -> String {
    match decided {
        Decided::Before(odds) => format!("before the first step: the odds to fail are {} %", percent(odds)),
        Decided::At { step, by, from, to } => {
            let (by, from, to) = (by.display(names), percent(from), percent(to));
            format!("at step {step}, by {by}: the odds to fail rise from {from} % to {to} %")
        }
    }
}

/// Which order of two things, or which value, decides it, in a sentence.
fn critical(finding: &Finding, explanation: &Explanation) -> String {
    match (&explanation.pair, &explanation.unpaired) {
        (None, Some(why)) => unknown(why),
        (None, None) => "none: no run was found that passes, in whatever order".to_owned(),
        (Some(pair), _) => in_words(pair, &finding.law, &explanation.replayed.recording.trace),
    }
}

/// Why something is not known, in a sentence.
pub(crate) fn unknown(why: &TooLong) -> String {
    match why {
        TooLong::Steps(steps) => {
            format!("not known: it takes more than {}; shrink the run first", words::counted(*steps, "step"))
        }
        TooLong::Time => "not known: time was over; allow more with `--time`, or shrink the run first".to_owned(),
    }
}

/// A critical pair in a sentence.
pub(crate) fn in_words(Pair { step, contrast, alone }: &Pair, law: &str, trace: &Trace) -> String {
    let names = &trace.conditions.names;
    let what = match contrast {
        Contrast::Order { first, then } => order_in_words(first, then, names),
        Contrast::Value { by: Handling { at, input, .. }, nth, value, not } => {
            let which = if *nth > 1 { format!(", its choice {nth}") } else { String::new() };
            let (at, input) = (names.worker(*at), input.display(names));
            format!("{at}, handling {input}, chooses {value} and not {not}{which}")
        }
    };
    let runs = if *alone { "differ in this alone" } else { "part there" };
    format!("{what} (step {step}); of two runs that {runs}, only the one that does so breaks `{law}`")
}

fn order_in_words(first: &Part, then: &Part, names: &Names) -> String {
    let handled = [first, then].map(|part| part.handling.as_deref().filter(|handling| handling.sent.is_none()));
    match handled.into() {
        (Some(one), Some(other)) if one.at == other.at => {
            let (at, one, other) = (names.worker(one.at), one.input.display(names), other.input.display(names));
            format!("{at} handles {one} before {other}")
        }
        _ => format!("{} before {}", part_in_words(first, names), part_in_words(then, names)),
    }
}

/// One of two things, as what a handler does if it is that.
fn part_in_words(Part { deed, handling }: &Part, names: &Names) -> String {
    let Some(Handling { at, input, sent }) = handling.as_deref() else {
        // Of the others nobody expects a handler.
        let is_of_one =
            matches!(deed.decision, Decision::Push(_) | Decision::Pick(_) | Decision::Route(_) | Decision::Hand(_));
        let unknown = if is_of_one { " (not of the same handler call in both runs)" } else { "" };
        return format!("{}{unknown}", deed.display(names));
    };
    let (at, input) = (names.worker(*at), input.display(names));
    match (sent.as_ref().map(|update| update.display(names)), &deed.decision) {
        (None, _) => format!("{at} handles {input}"),
        (Some(update), Decision::Push(_)) => format!("{at}, handling {input}, sends {update}"),
        (Some(update), Decision::Deliver(_)) => format!("{update}, sent by {at} handling {input}, arrives"),
        (Some(update), _) => format!("{update}, sent by {at} handling {input}, is passed on"),
    }
}

/// What is done at a step.
fn deed(explanation: &Explanation, step: u64) -> String {
    let names = &explanation.replayed.recording.trace.conditions.names;
    let deed = explanation.deeds.get((step as usize).wrapping_sub(1));
    deed.map_or_else(String::new, |deed: &Deed| deed.display(names).to_string())
}

/// A bar for each number of steps.
fn chart(explanation: &Explanation, say: impl Fn(&str) -> String, look: Look) -> String {
    let odds = &explanation.odds;
    let Some(first) = odds.first() else { return String::new() };
    let times = words::counted(first.of.into(), "time");
    let places = match explanation.deeds.len() + 1 {
        all if all > odds.len() => {
            format!("each of {} steps of {}", words::count(odds.len() as u64), words::count(all as u64 - 1))
        }
        _ => "each step".to_owned(),
    };
    let mut out = format!("  with the rest left to chance, {times} after {places}, it breaks the law so often:\n\n");
    let width = explanation.deeds.len().to_string().len().max("step".len());
    let _ = writeln!(out, "  {}", look.paint(FAINT, &format!("{:>width$}", "step")));
    let mut next = 0;
    for at in rows(odds, explanation.jump) {
        let here = &odds[at];
        if std::mem::replace(&mut next, at + 1) < at {
            let _ = writeln!(out, "  {:>width$}", more(look));
        }
        let is_jump = explanation.jump == Some(here.after);
        let bar = bar(percent(here), look);
        let bar = if is_jump { look.paint(BAD, &bar) } else { bar };
        let jump = if is_jump { if look.charset == Charset::Unicode { "   ◀" } else { "   <" } } else { "" };
        let deed = say(&deed(explanation, here.after));
        let line = format!("  {:>width$}   {bar} {:>3} %   {deed}{jump}", here.after, percent(here));
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// Which rows are shown: the ends, those around the jump, and where there is room, those that differ most from the one
/// shown before.
fn rows(odds: &[Odds], jump: Option<u64>) -> Vec<usize> {
    if odds.len() <= ROWS_MAX {
        return (0..odds.len()).collect();
    }
    let is_fixed = |at: usize| {
        let near = |step: u64| odds[at].after.abs_diff(step) <= 1;
        at == 0 || at + 1 == odds.len() || jump.is_some_and(near)
    };
    let mut shown = vec![0];
    let mut by_change = Vec::new();
    for at in 1..odds.len() {
        let before = &odds[shown[shown.len() - 1]];
        if is_fixed(at) || changes(before, &odds[at]) {
            shown.push(at);
        }
        if !is_fixed(at) && changes(before, &odds[at]) {
            by_change.push(((share(before) - share(&odds[at])).abs(), at));
        }
    }
    // Of changes of one size, the first is kept.
    by_change.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let lines = |shown: &[usize]| shown.len() + shown.windows(2).filter(|pair| pair[1] - pair[0] > 1).count();
    while lines(&shown) > ROWS_MAX {
        let Some((_, least)) = by_change.pop() else { break };
        shown.retain(|at| *at != least);
    }
    shown
}

/// Whether two shares differ by more than the error of sampling explains.
fn changes(one: &Odds, other: &Odds) -> bool {
    let (failed, of) = (one.failed + other.failed, one.of + other.of);
    let both = f64::from(failed) / f64::from(of);
    let error = (both * (1.0 - both) * (1.0 / f64::from(one.of) + 1.0 / f64::from(other.of))).sqrt();
    let difference = (share(one) - share(other)).abs();
    difference >= CHANGE && difference > ERRORS * error
}

fn share(odds: &Odds) -> f64 {
    f64::from(odds.failed) / f64::from(odds.of)
}

fn percent(odds: &Odds) -> i64 {
    // A share that is not whole is not shown as whole.
    match (odds.failed, odds.of) {
        (_, 0) | (0, _) => 0,
        (failed, of) if failed == of => 100,
        (failed, of) => (100 * i64::from(failed) / i64::from(of)).clamp(1, 99),
    }
}

const fn more(look: Look) -> &'static str {
    match look.charset {
        Charset::Unicode => "…",
        Charset::Ascii => "...",
    }
}

fn bar(percent: i64, look: Look) -> String {
    let (full, empty) = match look.charset {
        Charset::Unicode => ("█", "░"),
        Charset::Ascii => ("#", "."),
    };
    let filled = (percent as usize * BAR).div_ceil(100);
    full.repeat(filled) + &empty.repeat(BAR - filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Odds of 20 runs a point around a share, and of none or all at some points.
    fn odds(points: u64, share_at: impl Fn(u64) -> u64) -> Vec<Odds> {
        let mut noise = 1_u64;
        let mut fails = |percent: u64| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (noise >> 33) % 100 < percent
        };
        let odds = |after| Odds { after, failed: (0..20).filter(|_| fails(share_at(after))).count() as u32, of: 20 };
        (0..points).map(odds).collect()
    }

    #[track_caller]
    fn check(odds: &[Odds], jump: u64) -> Vec<usize> {
        let rows = rows(odds, Some(jump));
        let gaps = rows.windows(2).filter(|pair| pair[1] > pair[0] + 1).count();
        assert!(rows.len() + gaps <= ROWS_MAX, "{rows:?}");
        assert!(rows.is_sorted() && rows[0] == 0 && rows.last() == Some(&(odds.len() - 1)), "{rows:?}");
        assert!([jump - 1, jump, jump + 1].iter().all(|step| rows.contains(&(*step as usize))), "{rows:?}");
        rows
    }

    #[test]
    fn noise_earns_no_row() {
        let rows = check(&odds(364, |after| if after < 300 { 40 } else { 100 }), 300);
        assert!(rows.len() <= 8, "{rows:?}");
    }

    #[test]
    fn a_slow_rise_is_shown() {
        let rows = check(&odds(301, |after| after / 3), 200);
        assert!(rows.len() >= 6, "{rows:?}");
    }

    #[test]
    fn of_too_many_changes_the_largest_are_shown() {
        let rows = check(&odds(364, |after| if after % 2 == 0 { 0 } else { 100 }), 7);
        assert!(rows.len() >= ROWS_MAX / 2, "{rows:?}");
        let check_one = |high: u64| check(&odds(364, |after| if after == high { 100 } else { (after % 2) * 60 }), 7);
        assert!(check_one(251).contains(&251));
    }

    #[test]
    fn few_rows_are_all_shown() {
        assert_eq!(rows(&odds(24, |_| 50), None), (0..24).collect::<Vec<_>>());
        assert_eq!(rows(&odds(25, |_| 0), None), [0, 24]);
    }
}
