//! The snapshot: a whole run as text for files under version control, one event a line.
//!
//! Made so that a small change of a run is a small change of the text: lines name messages by their stable ids, never
//! by counters or steps; what a line says stands behind the columns, so that it moves nothing; the columns change
//! only when a worker joins or leaves, or the longest name does.

use std::fmt::Write as _;

use raddle_core::{MessageId, Trace, What, WorkerId};

use crate::charset::{Charset, Signs, plain};
use crate::columns::{Columns, longest_name, shorten, taking_part};
use crate::phrase::{self, Phrases};
use crate::rows::{self, Form, Row, State};
use crate::who;

/// Columns for at most so many workers; beyond, each line begins with the name of its worker.
const COLUMNS_MAX: usize = 16;
/// Columns are at least this wide.
const PITCH_MIN: usize = 6;
/// Names over columns are cut to this.
const NAME_MAX: usize = 10;
/// Names in front of lines are cut to this.
const LISTED_NAME_MAX: usize = 24;
/// Between the last column and what a line says.
const GAP: usize = 3;

/// A whole trace as text that diffs well.
///
/// ```
/// use raddle_view::{jsonl, snapshot};
///
/// let file = std::fs::File::open("tests/triangle.jsonl")?;
/// let trace = jsonl::read(std::io::BufReader::new(file))?;
/// assert_eq!(snapshot(&trace), "\
/// A     B     C
/// ●     │     │   bank#0  Go
/// ├─────┼────▷│   bank#0.0  First
/// ├────▷│     │   bank#0.1  Second
/// │     ●     │   bank#0.1
/// │     ├────▷│   bank#0.1.0  Third
/// │     │     ●   bank#0.1.0
/// │     │     ●   bank#0.0
/// end: quiescent
/// ");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn snapshot(trace: &Trace) -> String {
    let places: Vec<usize> = (0..trace.events.len()).collect();
    let rows = rows::rows(trace, &places);
    let workers = taking_part(trace, &rows);
    let label = |id: &MessageId| id.display(&trace.conditions.names).to_string();
    let phrases = Phrases::new(trace, &label);
    let mut out = String::new();
    if workers.len() <= COLUMNS_MAX {
        in_columns(trace, &rows, &phrases, workers, &mut out);
    } else {
        in_list(trace, &rows, &phrases, &workers, &mut out);
    }
    end(trace, &label, &mut out);
    out
}

fn in_columns(trace: &Trace, rows: &[Row], phrases: &Phrases<'_>, workers: Vec<WorkerId>, out: &mut String) {
    let signs = Charset::Unicode.signs();
    let names = longest_name(trace, &workers).min(NAME_MAX);
    let columns = Columns::new(workers, (names + 2).max(PITCH_MIN));
    let name = |worker: &WorkerId| {
        let name = who::worker(*worker, &trace.conditions.names);
        format!("{:<1$}", shorten(&name, NAME_MAX, signs), columns.pitch)
    };
    let heading: String = columns.workers().iter().map(name).collect();
    if !rows.is_empty() {
        line(heading.trim_end(), "", out);
    }
    let mut alive = vec![true; columns.workers().len()];
    for row in rows {
        let index = columns.index(row.at).expect("whoever has a row has a column");
        if row.form == Form::Point(State::Handled) {
            alive[index] = true;
        }
        let picture = picture(trace, row, &columns, &alive, signs);
        if row.form == Form::Crash || row.tells(trace, &What::Restart) {
            alive[index] = row.tells(trace, &What::Restart);
        }
        line(&picture, &says(trace, row, phrases), out);
    }
}

fn in_list(trace: &Trace, rows: &[Row], phrases: &Phrases<'_>, workers: &[WorkerId], out: &mut String) {
    let signs = Charset::Unicode.signs();
    let width = longest_name(trace, workers).min(LISTED_NAME_MAX);
    for row in rows {
        let name = shorten(&who::worker(row.at, &trace.conditions.names), width, signs);
        let says = says(trace, row, phrases);
        let picture = match row.form {
            Form::Send(state) => {
                let head = if state == State::Flying { signs.head_right } else { sign(row.form, signs) };
                let to = who::worker(row.first(trace).header.to, &trace.conditions.names);
                format!("{}{}{head} {to}", signs.right[0], signs.line)
            }
            Form::Refused => format!("{}{}{}", signs.right[0], signs.line, signs.gone),
            form => sign(form, signs).to_owned(),
        };
        line(&format!("{name:<width$}   {picture}"), &says, out);
    }
}

/// What a row says behind the columns: its message and what becomes of it, then the payload.
fn says(trace: &Trace, row: &Row, phrases: &Phrases<'_>) -> String {
    let mut says = phrases.text(row);
    if let (Form::Send(_), Some(fate)) = (row.form, phrases.fate(row)) {
        let _ = write!(says, " {fate}");
    }
    let payload = row.payload(trace);
    if phrase::says_something(payload) {
        let _ = write!(says, "  {payload}");
    }
    plain(&says, Charset::Unicode).into_owned()
}

/// The columns of one row: a line for each living worker, and what happens drawn over them.
fn picture(trace: &Trace, row: &Row, columns: &Columns, alive: &[bool], signs: &'static Signs) -> String {
    let mut cells: Vec<&str> = vec![" "; (alive.len() - 1) * columns.pitch + 1];
    for (index, _) in alive.iter().enumerate().filter(|(_, alive)| **alive) {
        cells[index * columns.pitch] = signs.side;
    }
    let x = columns.x(row.at).expect("whoever has a row has a column");
    cells[x] = sign(row.form, signs);
    match row.form {
        Form::Send(state) => arrow(&mut cells, x, columns.x(row.first(trace).header.to), state, signs),
        Form::Refused => put_after(&mut cells, x, signs.gone),
        _ => {}
    }
    cells.concat()
}

fn arrow(cells: &mut Vec<&str>, from: usize, to: Option<usize>, state: State, signs: &'static Signs) {
    let to = to.unwrap_or(from);
    let head = match state {
        State::Flying if to > from => signs.head_right,
        State::Flying if to < from => signs.head_left,
        State::Flying => signs.itself,
        _ => sign(Form::Point(state), signs),
    };
    let mut stroke = |between: std::ops::Range<usize>| {
        for cell in &mut cells[between] {
            *cell = if *cell == signs.side { signs.crossing } else { signs.line };
        }
    };
    if to > from {
        stroke(from + 1..to - 1);
        cells[to - 1] = head;
        cells[from] = signs.right[0];
    } else if to < from {
        stroke(to + 2..from);
        cells[to + 1] = head;
        cells[from] = signs.left[0];
    } else {
        cells[from] = signs.right[0];
        put_after(cells, from, head);
    }
}

fn put_after<'a>(cells: &mut Vec<&'a str>, x: usize, sign: &'a str) {
    if x + 1 == cells.len() {
        cells.push(sign);
    } else {
        cells[x + 1] = sign;
    }
}

const fn sign(form: Form, signs: &Signs) -> &'static str {
    match form {
        Form::Point(state) | Form::Send(state) => match state {
            State::Handled => signs.handled,
            State::There => signs.there,
            State::Waiting => signs.waiting,
            State::Passing => signs.passing,
            State::Flying => signs.head_right,
            State::Gone => signs.gone,
        },
        Form::Refused | Form::Aside => signs.right[0],
        Form::Crash => signs.crashed,
        Form::Fault => signs.fault,
        Form::FaultOver => signs.over,
    }
}

/// How the run ended, and what it left behind, one thing a line.
fn end(trace: &Trace, label: &dyn Fn(&MessageId) -> String, out: &mut String) {
    let (end, names) = (&trace.end, &trace.conditions.names);
    let _ = writeln!(out, "end: {}", end.reason.word());
    let name = |worker: WorkerId| who::worker(worker, names);
    for id in &end.in_flight {
        let _ = writeln!(out, "in flight: {}", label(id));
    }
    for parked in &end.parked {
        let (id, at, of) = (label(&parked.id), name(parked.at), name(parked.of));
        let _ = writeln!(out, "parked: {id} at {at}, until number {} of {of}", parked.needs.0);
    }
    for (worker, at) in &end.stalled {
        let _ = writeln!(out, "stalled: {} at {}", name(*worker), name(*at));
    }
    for (worker, on, what) in &end.waiting {
        let _ = writeln!(out, "waiting: {} for {}: {}", name(*worker), name(*on), plain(what, Charset::Unicode));
    }
}

fn line(picture: &str, says: &str, out: &mut String) {
    let gap = if says.is_empty() { 0 } else { GAP };
    let _ = writeln!(out, "{picture}{:gap$}{says}", "");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary;
    use crate::stage::{self, Said, Stage};
    use proptest::prelude::*;

    #[test]
    fn drops_crashes_and_sends_to_oneself() {
        insta::assert_snapshot!(snapshot(&stage::fan_out()), @"
        hub   n1    n2    n3    n4    n5
        ●     │     │     │     │     │   bank#0  Go
        ├────▷│     │     │     │     │   bank#0.0  Ping
        ├─────┼────▷│     │     │     │   bank#0.1  Ping
        ├─────┼─────┼────×│     │     │   bank#0.2 drop(full)  Ping
        ├─────┼─────┼─────┼────▷│     │   bank#0.3  Ping
        ├─────┼─────┼─────┼─────┼────▷│   bank#0.4  Ping
        ├↺    │     │     │     │     │   bank#0.5  Ping
        │     │     ●     │     │     │   bank#0.1
        │◁────┼─────┤     │     │     │   bank#0.1.0  Pong
        │     │     │     │     ●     │   bank#0.3
        │     │     │     │     ■     │   crash(panic): 'no more ink'
        ●     │     │     │           │   bank#0.1.0
        ●     │     │     │           │   bank#0.5
        end: quiescent
        in flight: bank#0.0
        in flight: bank#0.4
        ");
    }

    #[test]
    fn parking_and_timers() {
        insta::assert_snapshot!(snapshot(&stage::parked()), @"
        ann   bob
        ●     │   bank#0  Go
        ├────▷│   bank#0.0  Credit { amount: 5 }
        ├────▷│   bank#0.1  Credit { amount: 5 }
        ├     │   set-timer 7 due at 5ms
        ├     │   wait for bob: answer
        │     ◌   bank#0.1 parked until bank#0.0
        ●     │   ann/0@timer#0 tag 7 at 5ms
        ├     │   choose 0 of 3
        ├────▷│   ann/0@timer#0.0  Retry(0)
        ├     │   mark retried
        │     ●   bank#0.0
        │◁────┤   bank#0.0.0  Done
        │     ●   bank#0.1 released
        │◁────┤   bank#0.1.0  Done
        ●     │   bank#0.0.0
        ├     │   waited: answer
        end: quiescent
        in flight: ann/0@timer#0.0
        in flight: bank#0.1.0
        ");
    }

    #[test]
    fn queues_and_shards() {
        insta::assert_snapshot!(snapshot(&stage::queued()), @"
        ann   bob
        ●     │   bank#0  Go
        ├────▷│   bank#0.0  Ping
        ├────▷│   bank#0.1  Ping
        │     ◇   bank#0.0 arrived at shard 0
        │     ○   bank#0.0 arrived
        │     ×   bank#0.1 drop(nack)
        │     ●   bank#0.0
        end: quiescent
        ");
    }

    #[test]
    fn refusals() {
        insta::assert_snapshot!(snapshot(&stage::ring()), @"
        ann   bob   eve
        ●     │     │   bank#0  Token
        ├────▷│     │   bank#0.0  Token
        │     ●     │   bank#0.0
        │     ├────▷│   bank#0.0.0  Token
        │     │     ●   bank#0.0.0
        │◁────┼─────┤   bank#0.0.0.0  Token
        ●     │     │   bank#0.0.0.0
        ├────▷│     │   bank#0.0.0.0.0  Token
        │     ●     │   bank#0.0.0.0.0
        │     ├×    │   bank#0.0.0.0.0.0 depth-refused, to eve  Token
        end: quiescent
        ");
    }

    #[test]
    fn many_workers_are_a_list() {
        let workers: Vec<String> = (0..20).map(|n| format!("w{n:02}")).collect();
        let mut names: [&str; 20] = [""; 20];
        names.iter_mut().zip(&workers).for_each(|(name, worker)| *name = worker);
        let mut stage = Stage::new("wide", names, [("bank", "w00", "Go")], |me, _, out| match me {
            "w00" => (1..20).for_each(|n| out.notify(format!("w{n:02}"), Said("Ping"))),
            _ => out.notify("w00", Said("Pong")),
        });
        stage.external(0);
        stage.deliver("bank#0.18");
        let text: String =
            snapshot(&stage.finish()).split_inclusive('\n').filter(|l| !l.contains("bank#0.1")).collect();
        insta::assert_snapshot!(text, @"
        w00   ●   bank#0  Go
        w00   ├─▷ w01   bank#0.0  Ping
        w00   ├─▷ w03   bank#0.2  Ping
        w00   ├─▷ w04   bank#0.3  Ping
        w00   ├─▷ w05   bank#0.4  Ping
        w00   ├─▷ w06   bank#0.5  Ping
        w00   ├─▷ w07   bank#0.6  Ping
        w00   ├─▷ w08   bank#0.7  Ping
        w00   ├─▷ w09   bank#0.8  Ping
        w00   ├─▷ w10   bank#0.9  Ping
        end: quiescent
        in flight: bank#0.0
        in flight: bank#0.2
        in flight: bank#0.3
        in flight: bank#0.4
        in flight: bank#0.5
        in flight: bank#0.6
        in flight: bank#0.7
        in flight: bank#0.8
        in flight: bank#0.9
        ");
    }

    #[test]
    fn nothing_happened() {
        let mut trace = stage::triangle();
        trace.events.clear();
        assert_eq!(snapshot(&trace), "end: quiescent\n");
    }

    #[test]
    fn few_take_part_in_a_wide_system() {
        let mut trace = stage::triangle();
        trace.events.truncate(2);
        insta::assert_snapshot!(snapshot(&trace), @"
        A
        ●   bank#0  Go
        end: quiescent
        ");
    }

    #[test]
    fn a_change_of_one_event_changes_one_line() {
        let before = stage::parked();
        let mut after = before.clone();
        let mark = after.events.iter().position(|event| event.what.word() == "mark").expect("there is a mark");
        after.events.remove(mark);
        after.events.iter_mut().skip(mark).for_each(|event| event.moment.step += 1);
        let (before, after) = (snapshot(&before), snapshot(&after));
        let after: Vec<&str> = after.lines().collect();
        let gone: Vec<&str> = before.lines().filter(|line| !after.contains(line)).collect();
        assert_eq!((gone, before.lines().count()), (vec!["├     │   mark retried"], after.len() + 1));
    }

    proptest! {
        #[test]
        fn any_trace_can_be_drawn(trace in arbitrary::trace()) {
            let text = snapshot(&trace);
            prop_assert!(text.lines().all(|line| !line.chars().any(char::is_control)));
            prop_assert!(text.lines().count() <= trace.events.len() + 20);
        }
    }

    #[test]
    fn faults_and_lives() {
        insta::assert_snapshot!(snapshot(&stage::faulted()), @"
        ann   bob
        ●     │   bank#0  Go
        ├────▷│   bank#0.0  Ping
        ├────▷│   bank#0.1  Ping
        ├────▷│   bank#0.2  Ping
        │     ▲   fault(duplication): bank#0.0~1 is a copy of bank#0.0
        │     ▲   fault(delay): bank#0.1 is held up
        │     ●   bank#0.0
        │◁────┤   bank#0.0.0  Pong
        ▲     │   fault(partition): nothing from bob arrives
        │     ■   crash(fault), life 1 begins
        │     ×   bank#0.2 drop(crash)
        │     ▲   fault(skew): its clock is off by +10ms
        │     ▲   fault(stall): handles nothing
        ▲     │   fault(full): its queue takes nothing
        △     │   over(partition): what bob sends arrives again
        │     △   over(delay): bank#0.1 may go on
        │     △   over(stall): goes on
        │     △   over(skew): its clock is right
        △     │   over(full): its queue takes what there is room for
        │     ●   bank#0.0~1
        │◁────┤   bank#0.0~1.0  Pong
        ■     │   crash(fault)
        ×     │   bank#0.0~1.0 drop(crash)
        end: quiescent
        in flight: bank#0.0.0
        in flight: bank#0.1
        ");
    }
}
