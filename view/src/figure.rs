//! The figure: a few events of a run as a picture in text, for people who must understand a failure.
//!
//! Workers are columns, steps are rows, a handling is a point with the updates it sends as branches; an arrow ends
//! before the column of its target, and a cross says that it ends there for good. What a mark says stands beside its
//! event. Where there are too many workers for columns, the same rows stand in one column, each with its worker.

use raddle_core::{MessageId, Trace, WorkerId};

use crate::charset::{Charset, Signs, plain};
use crate::columns::{Columns, longest_name, shorten, taking_part};
use crate::elide;
use crate::labels::Labels;
use crate::line::{Line, Paint};
use crate::notes::{Notes, wrap};
use crate::phrase::{self, Phrases};
use crate::rows::{self, Form, Row, State, Tie};
use crate::shown::Shown;
use crate::who;

/// How a figure is drawn. The default suits a terminal of unknown colours.
///
/// ```
/// use raddle_view::{Charset, Figure};
///
/// let options = Figure { charset: Charset::Ascii, max_width: 80, ..Figure::default() };
/// assert!(!options.colour);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Which events, and what is said about them.
    pub shown: Shown,
    /// Which characters.
    pub charset: Charset,
    /// Whether to colour with ANSI codes.
    pub colour: bool,
    /// Most characters of a line.
    pub max_width: usize,
    /// Most lines of events. What is left out is counted; what is marked is never left out.
    pub max_lines: usize,
    /// Whether to say below what the messages contain, if any of them contains something.
    pub legend: bool,
}

impl Default for Figure {
    fn default() -> Self {
        Self {
            shown: Shown::all(),
            charset: Charset::Unicode,
            colour: false,
            max_width: 100,
            max_lines: 60,
            legend: true,
        }
    }
}

/// Columns are as wide as this if there is room: an arrow to a neighbour is then long enough to be seen.
const PITCH: usize = 17;
/// Columns are never wider than this.
const PITCH_MAX: usize = 26;
/// Room for what stands in the last column.
const LAST_COLUMN: usize = 24;
/// An arrow to a neighbour needs this much beside its label.
const ARROW: usize = 7;
/// Between the step and the first column.
const GAP: usize = 3;
/// Names in front of rows are cut to this.
const LISTED_NAME_MAX: usize = 20;
/// Notes below their row have at least this much room.
const NOTE_MIN: usize = 30;

/// A trace as a figure.
///
/// ```
/// use raddle_view::{Charset, Figure, Shown, Spot, figure, jsonl};
///
/// let file = std::fs::File::open("tests/triangle.jsonl")?;
/// let trace = jsonl::read(std::io::BufReader::new(file))?;
/// let shown = Shown::all().only(0..9).mark(Spot::Event(8), "bank#0.0 is still on its way");
/// let options = Figure { shown, charset: Charset::Ascii, legend: false, ..Figure::default() };
/// assert_eq!(figure(&trace, &options), "\
/// step   A                B                C
///    1   * bank#0
///        +- m1 -------------------------->
///        +- m2 --------->
///    2                    * m2
///                         +- m3 --------->
///    3                                     * m3   x m1 is still on its way
/// ");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn figure(trace: &Trace, options: &Figure) -> String {
    let rows = rows::rows(trace, &options.shown.places(trace));
    let labels = Labels::of(trace, &options.shown);
    let label = |id: &MessageId| labels.label(id);
    let say = |note: &str| labels.rewrite(&plain(note, options.charset));
    let notes = Notes::new(trace, &rows, &options.shown.marks, say);
    let marked: Vec<bool> = (0..rows.len()).map(|at| !notes.of(at).is_empty()).collect();
    let kept = elide::kept(&rows, &marked, options.max_lines);
    let drawing = Drawing {
        trace,
        options,
        signs: options.charset.signs(),
        labels: &labels,
        phrases: Phrases::new(trace, &label),
        layout: Layout::new(trace, &rows, &labels, options),
    };
    drawing.whole(&rows, &kept, &notes)
}

/// Where things stand.
struct Layout {
    /// The columns; without, rows stand below each other, each with its worker.
    columns: Option<Columns>,
    step_width: usize,
    /// Where the first column, or the list of workers, begins.
    left: usize,
    /// How wide the list of workers is.
    name_width: usize,
}

impl Layout {
    fn new(trace: &Trace, rows: &[Row], labels: &Labels, options: &Figure) -> Self {
        let steps = rows.iter().map(|row| row.last(trace).moment.step.to_string().len()).max().unwrap_or(0);
        let step_width = steps.max("step".len());
        let left = step_width + GAP;
        let workers = taking_part(trace, rows);
        let names = longest_name(trace, &workers);
        let label = labels.iter().map(|(label, _)| label.len()).max().unwrap_or(2);
        let least = label + ARROW;
        let most = (names + 2).clamp(PITCH, PITCH_MAX).max(least);
        let room = options.max_width.saturating_sub(left + LAST_COLUMN);
        let pitch = most.min(room / workers.len().saturating_sub(1).max(1));
        let columns = (pitch >= least || workers.len() == 1).then(|| Columns::new(workers, pitch));
        Self { columns, step_width, left, name_width: names.min(LISTED_NAME_MAX).max("worker".len()) }
    }

    /// Where the sign of a worker's row stands.
    fn x(&self, worker: WorkerId) -> usize {
        match &self.columns {
            Some(columns) => self.left + columns.x(worker).expect("whoever has a row has a column"),
            None => self.left + self.name_width + GAP,
        }
    }
}

struct Drawing<'a> {
    trace: &'a Trace,
    options: &'a Figure,
    signs: &'static Signs,
    labels: &'a Labels,
    phrases: Phrases<'a>,
    layout: Layout,
}

impl Drawing<'_> {
    fn whole(&self, rows: &[Row], kept: &[bool], notes: &Notes) -> String {
        let mut out = String::new();
        self.print(self.heading(rows.is_empty()), &mut out);
        let (mut step, mut at) = (None, 0);
        while at < rows.len() {
            if !kept[at] {
                let gap = kept[at..].iter().take_while(|kept| !**kept).count();
                self.print(self.gap(&rows[at..at + gap]), &mut out);
                (step, at) = (None, at + gap);
                continue;
            }
            let row = &rows[at];
            let now = row.last(self.trace).moment.step;
            let mut line = self.begin((step != Some(now)).then_some(now), row);
            step = Some(now);
            self.row(row, &mut line);
            let stem = rows.get(at + 1).is_some_and(|next| next.is_branch() && kept[at + 1]);
            self.noted(line, row, stem, notes.of(at), &mut out);
            at += 1;
        }
        for note in &notes.astray {
            let mut line = Line::default();
            line.to(self.layout.left).put(Paint::Wrong, &format!("{} {note}", self.signs.violation));
            self.print(line, &mut out);
        }
        if self.options.legend {
            self.legend(rows, kept, &mut out);
        }
        out
    }

    fn print(&self, line: Line, out: &mut String) {
        line.print(self.options.colour, self.options.max_width, self.signs, out);
    }

    fn heading(&self, empty: bool) -> Line {
        let mut line = Line::default();
        line.put(Paint::Faint, &format!("{:>1$}", "step", self.layout.step_width));
        let Some(columns) = self.layout.columns.as_ref().filter(|_| !empty) else {
            let heading = if empty { "no events" } else { "worker" };
            line.to(self.layout.left).put(Paint::Faint, heading);
            return line;
        };
        for worker in columns.workers() {
            let last = Some(worker) == columns.workers().last();
            let room = if last { usize::MAX } else { columns.pitch - 2 };
            let name = shorten(&self.name(*worker), room, self.signs);
            line.to(self.layout.x(*worker)).put(Paint::Strong, &name);
        }
        line
    }

    /// A line for rows that are left out.
    fn gap(&self, rows: &[Row]) -> Line {
        let events: usize = rows.iter().map(|row| row.events.len()).sum();
        let mut line = Line::default();
        line.put(Paint::Faint, &format!("{:>1$}", self.signs.more, self.layout.step_width));
        let noun = if events == 1 { "event" } else { "events" };
        line.to(self.layout.left).put(Paint::Faint, &format!("{events} more {noun}"));
        line
    }

    /// A row up to its sign: the step, where it is a new one, and in a list the worker.
    fn begin(&self, step: Option<u64>, row: &Row) -> Line {
        let mut line = Line::default();
        if let Some(step) = step {
            line.put(Paint::Faint, &format!("{step:>0$}", self.layout.step_width));
        }
        if self.layout.columns.is_none() && (step.is_some() || !row.is_branch()) {
            let name = shorten(&self.name(row.at), self.layout.name_width, self.signs);
            line.to(self.layout.left).put(Paint::Strong, &name);
        }
        line
    }

    fn row(&self, row: &Row, line: &mut Line) {
        let x = self.layout.x(row.at);
        if let Form::Send(state) = row.form {
            return self.send(row, state, x, line);
        }
        line.to(x);
        let text = self.phrases.text(row);
        let text = plain(&text, self.options.charset);
        match (row.form, row.tie) {
            (Form::Point(state), _) => {
                let (paint, sign) = self.sign(state);
                line.put(paint, &format!("{sign} "));
                line.put(if state == State::Handled { Paint::Plain } else { paint }, &text);
                return;
            }
            (Form::Crash, Tie::Head) => {
                line.put(Paint::Wrong, &format!("{} {text}", self.signs.crashed));
                return;
            }
            (Form::Fault, _) => {
                line.put(Paint::Wrong, &format!("{} ", self.signs.fault)).put(Paint::Plain, &text);
                return;
            }
            (Form::FaultOver, _) => {
                line.put(Paint::Plain, &format!("{} {text}", self.signs.over));
                return;
            }
            _ => {}
        }
        line.put(Paint::Faint, &format!("{}{} ", self.stem(row, &self.signs.right), self.signs.line));
        match row.form {
            Form::Refused => {
                let event = row.last(self.trace);
                line.put(Paint::Plain, &self.labels.label(&event.header.id));
                let why = self.phrases.refusal(event);
                let why = plain(&why, self.options.charset);
                line.put(Paint::Lost, &format!(" {}{} {why}", self.signs.line, self.signs.gone))
            }
            Form::Crash => line.put(Paint::Wrong, &format!("{} {text}", self.signs.crashed)),
            _ => line.put(Paint::Plain, &text),
        };
    }

    /// An arrow from column to column, or in a list to a name.
    fn send(&self, row: &Row, state: State, x: usize, line: &mut Line) {
        let to = row.first(self.trace).header.to;
        let label = self.phrases.text(row);
        let (paint, sign) = self.sign(state);
        let target = self.layout.columns.as_ref().and_then(|columns| columns.x(to)).map(|to| to + self.layout.left);
        match target {
            Some(target) if target < x => {
                let tail = format!(" {label} ");
                let sign = if state == State::Flying { self.signs.head_left } else { sign };
                line.to(target + 2).put(paint, sign);
                line.fill(Paint::Faint, self.signs.line, x - 1 - tail.chars().count());
                line.put(Paint::Plain, &tail);
                line.put(Paint::Faint, &format!("{}{}", self.signs.line, self.stem(row, &self.signs.left)));
            }
            _ => {
                line.to(x).put(Paint::Faint, &format!("{}{} ", self.stem(row, &self.signs.right), self.signs.line));
                line.put(Paint::Plain, &format!("{label} "));
                match target {
                    Some(target) if target == x && state == State::Flying => line.put(paint, self.signs.itself),
                    Some(target) if target > x => line.fill(Paint::Faint, self.signs.line, target - 2).put(paint, sign),
                    _ => line.put(Paint::Faint, self.signs.line).put(paint, sign),
                };
                if target.is_none() || (target == Some(x) && state != State::Flying) {
                    line.put(Paint::Plain, &format!(" {}", self.name(to)));
                }
            }
        }
        if let Some(fate) = self.phrases.fate(row) {
            line.put(paint, &format!(" {fate}"));
        }
    }

    fn sign(&self, state: State) -> (Paint, &'static str) {
        match state {
            State::Handled => (Paint::Strong, self.signs.handled),
            State::There => (Paint::Plain, self.signs.there),
            State::Waiting => (Paint::Waiting, self.signs.waiting),
            State::Passing => (Paint::Plain, self.signs.passing),
            State::Flying => (Paint::Faint, self.signs.head_right),
            State::Gone => (Paint::Lost, self.signs.gone),
        }
    }

    /// Where a branch leaves its stem: with more below it, the last one, or without a stem.
    const fn stem(&self, row: &Row, signs: &[&'static str; 3]) -> &'static str {
        match row.tie {
            Tie::Branch { last: false } => signs[0],
            Tie::Branch { last: true } => signs[1],
            Tie::Head | Tie::Loose => signs[2],
        }
    }

    /// A row with what is said about it: beside it if that fits, otherwise below.
    fn noted(&self, mut line: Line, row: &Row, stem: bool, notes: &[String], out: &mut String) {
        let x = self.layout.x(row.at);
        let mut notes = notes.iter();
        let beside = |note: &&String| line.width() + GAP + 2 + note.chars().count() <= self.options.max_width;
        let first = notes.clone().next().filter(beside);
        if let Some(note) = first {
            notes.next();
            line.put(Paint::Plain, &" ".repeat(GAP));
            line.put(Paint::Wrong, &format!("{} {note}", self.signs.violation));
        }
        self.print(line, out);
        let from = (x + 2).min(self.options.max_width.saturating_sub(NOTE_MIN)).max(self.layout.left);
        for note in notes {
            let mut sign = self.signs.violation;
            for part in wrap(note, self.options.max_width.saturating_sub(from + 2).max(1)) {
                let mut line = Line::default();
                if stem && x < from {
                    line.to(x).put(Paint::Faint, self.signs.side);
                }
                line.to(from).put(Paint::Wrong, &format!("{sign} {part}"));
                sign = " ";
                self.print(line, out);
            }
        }
    }

    /// What the kept messages contain.
    fn legend(&self, rows: &[Row], kept: &[bool], out: &mut String) {
        let charset = self.options.charset;
        let mut entries: Vec<(String, String, &str)> = Vec::new();
        for row in rows.iter().zip(kept).filter(|(_, kept)| **kept).map(|(row, _)| row) {
            let payload = row.payload(self.trace);
            if !phrase::says_something(payload) {
                continue;
            }
            let id = &row.first(self.trace).header.id;
            let (label, text) = (self.labels.label(id), id.display(&self.trace.conditions.names).to_string());
            if entries.iter().all(|entry| entry.0 != label) {
                entries.push((label, text, payload));
            }
        }
        if entries.is_empty() {
            return;
        }
        let label_width = entries.iter().map(|entry| entry.0.len()).max().unwrap_or(0);
        let aliased = entries.iter().filter(|entry| entry.0 != entry.1);
        let id_width = aliased.map(|entry| entry.1.len()).max().unwrap_or(0).min(self.options.max_width / 3);
        out.push('\n');
        for (label, id, payload) in entries {
            let mut line = Line::default();
            line.to(self.layout.left).put(Paint::Plain, &format!("{label:<label_width$}"));
            line.put(Paint::Faint, " = ");
            if label != id {
                line.put(Paint::Faint, &format!("{id:<id_width$}  "));
            }
            line.put(Paint::Plain, &plain(payload, charset));
            self.print(line, out);
        }
    }

    fn name(&self, worker: WorkerId) -> String {
        who::worker(worker, &self.trace.conditions.names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary;
    use crate::shown::Spot;
    use crate::stage;
    use proptest::prelude::*;

    /// A figure of everything, without a legend, with a note at the last event.
    fn draw(trace: &Trace, note: &str, change: impl FnOnce(&mut Figure)) -> String {
        let shown = Shown::all().mark(Spot::Event(trace.events.len() - 1), note);
        let mut options = Figure { shown, legend: false, ..Figure::default() };
        change(&mut options);
        figure(trace, &options)
    }

    #[test]
    fn a_broken_triangle() {
        let trace = stage::broken_triangle();
        let text = draw(&trace, "bank#0.0 is still on its way", |options| options.legend = true);
        insta::assert_snapshot!(text, @"
        step   A                B                C
           1   ● bank#0
               ├─ m1 ──────────────────────────▷
               └─ m2 ─────────▷
           2                    ● m2
                                └─ m3 ─────────▷
           3                                     ● m3   ✗ m1 is still on its way

               bank#0 = Go
               m1     = bank#0.0    First
               m2     = bank#0.1    Second
               m3     = bank#0.1.0  Third
        ");
    }

    #[test]
    fn in_ascii_it_has_the_same_shape() {
        let trace = stage::broken_triangle();
        let text = draw(&trace, "bank#0.0 is still on its way", |options| options.charset = Charset::Ascii);
        insta::assert_snapshot!(text, @"
        step   A                B                C
           1   * bank#0
               +- m1 -------------------------->
               +- m2 --------->
           2                    * m2
                                +- m3 --------->
           3                                     * m3   x m1 is still on its way
        ");
    }

    #[test]
    fn arrows_go_left_too() {
        insta::assert_snapshot!(draw(&stage::ring(), "too deep", |_| ()), @"
        step   ann              bob              eve
           1   ● bank#0
               └─ m1 ─────────▷
           2                    ● m1
                                └─ m2 ─────────▷
           3                                     ● m2
                 ◁────────────────────────── m3 ─┘
           4   ● m3
               └─ m4 ─────────▷
           5                    ● m4
                                └─ m5 ─× depth-refused, to eve   ✗ too deep
        ");
    }

    #[test]
    fn drops_crashes_and_sends_to_oneself() {
        insta::assert_snapshot!(draw(&stage::fan_out(), "n4 is dead", |_| ()), @"
        step   hub          n1           n2           n3           n4           n5
           1   ● bank#0
               ├─ m1 ─────▷
               ├─ m2 ──────────────────▷
               ├─ m3 ───────────────────────────────× drop(full)
               ├─ m4 ────────────────────────────────────────────▷
               ├─ m5 ─────────────────────────────────────────────────────────▷
               └─ m6 ↺
           2                             ● m2
                 ◁────────────────── m7 ─┘
           3                                                       ● m4
                                                                   └─ ■ crash(panic): 'no more ink'
           4   ● m7
           5   ● m6   ✗ n4 is dead
        ");
    }

    #[test]
    fn parking_and_timers() {
        insta::assert_snapshot!(draw(&stage::parked(), "late", |_| ()), @"
        step   ann              bob
           1   ● bank#0
               ├─ m1 ─────────▷
               ├─ m2 ─────────▷
               ├─ set-timer 7 due at 5ms
               └─ wait for bob: answer
           2                    ◌ m2 parked until m1
           3   ● ann/0@timer#0 tag 7 at 5ms
               ├─ choose 0 of 3
               ├─ m3 ─────────▷
               └─ mark retried
           4                    ● m1
                 ◁───────── m4 ─┘
                                ● m2 released
                 ◁───────── m5 ─┘
           5   ● m4
               └─ waited: answer   ✗ late
        ");
    }

    #[test]
    fn queues_and_shards() {
        insta::assert_snapshot!(draw(&stage::queued(), "first", |_| ()), @"
        step   ann              bob
           1   ● bank#0
               ├─ m1 ─────────▷
               └─ m2 ─────────▷
           2                    ◇ m1 arrived at shard 0
           3                    ○ m1 arrived
           4                    × m2 drop(nack)
           5                    ● m1   ✗ first
        ");
    }

    #[test]
    fn where_columns_do_not_fit_rows_stand_below_each_other() {
        let text =
            draw(&stage::fan_out(), "n4 has been dead since it handled bank#0.3", |options| options.max_width = 50);
        insta::assert_snapshot!(text, @"
        step   worker
           1   hub      ● bank#0
                        ├─ m1 ─▷ n1
                        ├─ m2 ─▷ n2
                        ├─ m3 ─× n3 drop(full)
                        ├─ m4 ─▷ n4
                        ├─ m5 ─▷ n5
                        └─ m6 ─▷ hub
           2   n2       ● m2
                        └─ m7 ─▷ hub
           3   n4       ● m4
                        └─ ■ crash(panic): 'no more ink'
           4   hub      ● m7
           5   hub      ● m6
                          ✗ n4 has been dead since it
                            handled m4
        ");
    }

    #[test]
    fn a_long_note_stands_below() {
        let note =
            "bank#0.0 was sent first, and B knew of it when it sent bank#0.1.0, so that C must not handle it yet";
        insta::assert_snapshot!(draw(&stage::broken_triangle(), note, |options| options.max_width = 80), @"
        step   A                B                C
           1   ● bank#0
               ├─ m1 ──────────────────────────▷
               └─ m2 ─────────▷
           2                    ● m2
                                └─ m3 ─────────▷
           3                                     ● m3
                                                   ✗ m1 was sent first, and B knew of it
                                                     when it sent m3, so that C must not
                                                     handle it yet
        ");
    }

    #[test]
    fn a_note_below_leaves_the_tree_whole() {
        let trace = stage::triangle();
        let note = "sent before m2, and nothing else is said here but that this line is rather long";
        let shown = Shown::all().only(0..7).mark(Spot::Event(2), note).mark(Spot::Event(2), "twice");
        insta::assert_snapshot!(figure(&trace, &Figure { shown, legend: false, max_width: 72, ..Figure::default() }), @"
        step   A                B                C
           1   ● bank#0
               ├─ m1 ──────────────────────────▷
               │ ✗ sent before m2, and nothing else is said here but that this
               │   line is rather long
               │ ✗ twice
               └─ m2 ─────────▷
           2                    ● m2
                                └─ m3 ─────────▷
        ");
    }

    #[test]
    fn branches_without_their_stem() {
        let trace = stage::parked();
        let shown = Shown::all().only([2, 3, 14]);
        insta::assert_snapshot!(figure(&trace, &Figure { shown, legend: false, ..Figure::default() }), @"
        step   ann              bob
           1   ╶─ m1 ─────────▷
               ╶─ m2 ─────────▷
           4     ◁───────── m3 ─╴
        ");
    }

    #[test]
    fn what_is_left_out_is_counted() {
        insta::assert_snapshot!(draw(&stage::ring(), "too deep", |options| options.max_lines = 6), @"
        step   ann              bob              eve
           1   ● bank#0
           …   7 more events
           4   ● m3
               └─ m4 ─────────▷
           5                    ● m4
                                └─ m5 ─× depth-refused, to eve   ✗ too deep
        ");
    }

    #[test]
    fn a_note_without_its_event_is_not_lost() {
        let trace = stage::triangle();
        let shown = Shown::all().only([]).mark(Spot::Event(99), "somewhere else");
        insta::assert_snapshot!(figure(&trace, &Figure { shown, ..Figure::default() }), @"
        step   no events
               ✗ somewhere else
        ");
    }

    #[test]
    fn colours_change_no_character() {
        let trace = stage::fan_out();
        let coloured = draw(&trace, "dead", |options| options.colour = true);
        let mut plain = String::new();
        for (at, part) in coloured.split('\x1b').enumerate() {
            plain += if at == 0 { part } else { part.split_once('m').expect("codes end").1 };
        }
        assert_eq!(plain, draw(&trace, "dead", |_| ()));
        assert!(coloured.contains("\x1b[1m\x1b[31m✗ dead\x1b[0m"), "{coloured:?}");
    }

    proptest! {
        #[test]
        fn any_trace_can_be_drawn(
            trace in arbitrary::trace(),
            marks in proptest::collection::vec((0..50_usize, ".{0,60}"), 0..4),
            max_width in 0..140_usize,
            max_lines in 0..30_usize,
        ) {
            let mut shown = Shown::all();
            for (place, note) in marks {
                shown = shown.mark(Spot::Event(place), note);
            }
            let options = Figure { shown, charset: Charset::Ascii, max_width, max_lines, ..Figure::default() };
            let ascii = figure(&trace, &options);
            prop_assert!(ascii.bytes().all(|b| b == b'\n' || (b.is_ascii() && !b.is_ascii_control())));
            prop_assert!(ascii.lines().all(|line| line.len() <= max_width && !line.ends_with(' ')), "{}", ascii);
            let unicode = figure(&trace, &Figure { charset: Charset::Unicode, ..options });
            prop_assert!(!unicode.contains('\x1b'));
        }
    }

    #[test]
    fn faults_say_whom_they_befall() {
        insta::assert_snapshot!(draw(&stage::faulted(), "gone for good", |_| {}), @"
        step   ann              bob
           1   ● bank#0
               ├─ m1 ─────────▷
               ├─ m2 ─────────▷
               └─ m3 ─────────▷
           2                    ▲ fault(duplication): m1~1 is a copy of m1
           3                    ▲ fault(delay): m2 is held up
           4                    ● m1
                 ◁───────── m4 ─┘
           5   ▲ fault(partition): nothing from bob arrives
           6                    ■ crash(fault), life 1 begins
                                × m3 drop(crash)
           7                    ▲ fault(skew): its clock is off by +10ms
           8                    ▲ fault(stall): handles nothing
           9   ▲ fault(full): its queue takes nothing
          10   △ over(partition): what bob sends arrives again
          11                    △ over(delay): m2 may go on
          12                    △ over(stall): goes on
          13                    △ over(skew): its clock is right
          14   △ over(full): its queue takes what there is room for
          15                    ● m1~1
                 ◁───────── m5 ─┘
          16   ■ crash(fault)
               × m5 drop(crash)   ✗ gone for good
        ");
        let in_ascii = draw(&stage::faulted(), "gone for good", |options| options.charset = Charset::Ascii);
        assert!(in_ascii.is_ascii() && in_ascii.contains("# crash(fault), life 1 begins"), "{in_ascii}");
    }
}
