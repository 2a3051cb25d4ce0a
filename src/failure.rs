//! What is printed of a broken law: which, by whom, when, as a picture, and how to see it again.
//!
//! The same text in the command, in tests and in proptest. It is made of values only: nothing here reads a clock, the
//! environment or a file.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use raddle_checkers::Violation;
use raddle_core::{Cause, Digest, Trace, What};
use raddle_sim::{Decided, Found, Pair, Recording, Shrunk};
use raddle_view::{Charset, Figure, Labels, Shown, Spot, figure};

use crate::explain;
use crate::look::{BAD, FAINT, Look, STRONG};
use crate::words;

/// More lines than these are not read; what is left out is counted.
const FIGURE_LINES: usize = 40;
/// A trace of more events is cut down to what led to the violation before it is drawn.
const WHOLE_EVENTS: usize = 120;

/// A broken law, ready to be told.
#[derive(Clone, Debug)]
pub struct Failure<'a> {
    /// The headline's first word.
    pub title: &'a str,
    /// What was broken.
    pub violation: &'a Violation,
    /// The run; none if it never ended.
    pub trace: Option<&'a Trace>,
    /// Its steps.
    pub steps: u64,
    /// Its seed, and how its choices were made; may be empty.
    pub origin: String,
    /// What shrinking did to it, if it was shrunk.
    pub shrunk: Option<&'a Shrunk>,
    /// Where it was decided, if that is known.
    pub decided: Option<&'a Decided>,
    /// The two things whose order decides, or the value that does, if they are known.
    pub pair: Option<&'a Pair>,
    /// Whether only what led to the violation is drawn.
    pub only_past: bool,
    /// Its digest; none if it never ended.
    pub digest: Option<Digest>,
    /// What stands below the picture, each under a word: how to see it again, where it is saved.
    pub notes: Vec<(&'static str, String)>,
}

impl<'a> Failure<'a> {
    /// What a search found.
    #[must_use]
    pub fn of_found(found: &'a Found, strategy: &str) -> Self {
        Self {
            trace: found.trace.as_ref(),
            steps: found.steps,
            origin: format!("seed {}, {strategy}", found.seed),
            shrunk: found.shrunk.as_ref(),
            decided: found.decided.as_ref(),
            pair: found.pair.as_ref(),
            digest: found.trace.is_some().then_some(found.digest),
            ..Self::without_trace(&found.violation)
        }
    }

    /// What one run broke; none if it broke nothing.
    #[must_use]
    pub fn of_recording(recording: &'a Recording, origin: String) -> Option<Self> {
        let violation = recording.run.violation.as_ref()?;
        Some(Self { origin, steps: recording.run.steps, ..Self::of_trace(violation, &recording.trace) })
    }

    /// What was found in a trace.
    #[must_use]
    pub fn of_trace(violation: &'a Violation, trace: &'a Trace) -> Self {
        let steps = trace.events.last().map_or(0, |event| event.moment.step);
        Self { trace: Some(trace), steps, digest: Some(trace.digest()), ..Self::without_trace(violation) }
    }

    /// What was broken in a run of which no event was kept.
    #[must_use]
    pub fn without_trace(violation: &'a Violation) -> Self {
        Self {
            title: "violation",
            violation,
            trace: None,
            steps: 0,
            origin: String::new(),
            shrunk: None,
            decided: None,
            pair: None,
            only_past: false,
            digest: None,
            notes: Vec::new(),
        }
    }

    /// The same, with a note below: a word and what it says.
    #[must_use]
    pub fn note(mut self, word: &'static str, says: impl Into<String>) -> Self {
        self.notes.push((word, says.into()));
        self
    }

    /// The same, with where it is saved and what to do with that.
    #[must_use]
    pub fn saved(self, path: &Path) -> Self {
        self.note("saved", format!("{}   (commit it: it runs in every test from now on)", path.display()))
    }

    /// A text with ids as the picture has them.
    #[must_use]
    pub fn rewrite(&self, text: &str) -> String {
        self.trace.map_or_else(|| text.to_owned(), |trace| Labels::of(trace, &self.shown(trace)).rewrite(text))
    }

    /// The whole text.
    #[must_use]
    pub fn render(&self, look: Look) -> String {
        let shown = self.trace.map(|trace| self.shown(trace));
        let reason = match (self.trace, &shown) {
            (Some(trace), Some(shown)) => Labels::of(trace, shown).rewrite(&self.violation.reason),
            _ => self.violation.reason.clone(),
        };
        let mut out =
            format!("{} {}\n", look.paint(BAD, &format!("{}:", self.title)), look.paint(STRONG, &self.violation.law));
        for line in words::wrap(&ascii_if(look, &reason), look.width - 2) {
            let _ = writeln!(out, "  {line}");
        }
        let _ = write!(out, "\n  {}\n", self.place());
        if let (Some(trace), Some(shown)) = (self.trace, &shown) {
            let labels = Labels::of(trace, shown);
            let size = self.shrunk.map(|shrunk| self.size(shrunk));
            let pair = self.pair.map(|pair| explain::in_words(pair, &self.violation.law, trace));
            let decided = self.decided.map(|decided| explain::briefly(decided, &trace.conditions.names));
            let decided = decided.map(|decided| format!("decided: {decided}"));
            for text in [size, decided, pair.map(|pair| format!("critical: {pair}"))].into_iter().flatten() {
                for line in words::wrap(&ascii_if(look, &labels.rewrite(&text)), look.width - 2) {
                    let _ = writeln!(out, "  {line}");
                }
            }
        }
        if let (Some(trace), Some(shown)) = (self.trace, shown) {
            let options = Figure {
                shown,
                charset: look.charset,
                colour: look.colour,
                max_width: look.width - 2,
                max_lines: FIGURE_LINES,
                legend: true,
            };
            out.push('\n');
            for line in figure(trace, &options).lines() {
                let _ = writeln!(out, "{}", format!("  {line}").trim_end());
            }
        }
        out.push_str(&notes(&self.notes, look));
        out
    }

    /// Step, depth, seed, strategy and digest.
    fn place(&self) -> String {
        let step = match (self.violation.moment.step, self.steps) {
            (0, 0) => "before the first step".to_owned(),
            (0, steps) => format!("at the end, after {}", words::counted(steps, "step")),
            (step, steps) => format!("step {} of {}", words::count(step), words::count(steps.max(step))),
        };
        let depth = self.violation.message.as_ref().map(|_| format!(", depth {}", self.violation.depth.0));
        let digest = self.digest.map(|digest| format!("digest {digest}"));
        let parts = [Some(step + &depth.unwrap_or_default()), Some(self.origin.clone()), digest];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("    ")
    }

    /// What was left of it, and what it takes to break the law.
    fn size(&self, shrunk: &Shrunk) -> String {
        let Shrunk { from_steps, from_messages, messages, size, needs } = shrunk;
        // Fewer deviations may take more steps.
        let how = if self.steps > *from_steps { "simplified" } else { "shrunk" };
        let mut text = match (self.steps != *from_steps, messages < from_messages) {
            (false, false) => format!("as short as it was found ({size})"),
            (true, false) => format!("{how} from {} to {} ({size})", steps(*from_steps), words::count(self.steps)),
            (_, true) => format!(
                "{how} from {} and {} to {} and {} ({size})",
                steps(*from_steps),
                words::counted(*from_messages, "message"),
                words::count(self.steps),
                words::count(*messages),
            ),
        };
        let _ = write!(text, ": needs {needs}");
        text
    }

    /// What to draw of a trace, with the broken place marked.
    fn shown(&self, trace: &Trace) -> Shown {
        let spot = self.spot(trace);
        let mut shown = match spot {
            // A breach at the end is one of everything that was done.
            Some(spot) if self.only_past && self.violation.message.is_some() => Shown::causal_past(trace, spot),
            _ if trace.events.len() > WHOLE_EVENTS => self.concerned(trace, spot),
            _ => Shown::all(),
        };
        // Without a place the note stands below the picture.
        shown = shown.mark(Spot::Event(spot.unwrap_or(usize::MAX)), self.remark(trace));
        shown
    }

    /// The event with which the law was broken.
    fn spot(&self, trace: &Trace) -> Option<usize> {
        let violation = self.violation;
        let Some(id) = &violation.message else {
            let step = violation.moment.step;
            let last =
                |what: fn(What) -> bool| trace.events.iter().rposition(|e| what(e.what) && e.moment.step <= step);
            return last(|what| what == What::Handle).or_else(|| last(|_| true));
        };
        let of_message = |event: &raddle_core::Event| event.header.id == *id;
        let at_moment = |word: Option<What>| {
            let fits = |event: &raddle_core::Event| word.is_none_or(|word| event.what == word);
            trace.events.iter().rposition(|e| of_message(e) && e.moment == violation.moment && fits(e))
        };
        at_moment(Some(What::Crash(Cause::Panic)))
            .or_else(|| at_moment(Some(What::Handle)))
            .or_else(|| at_moment(None))
            .or_else(|| trace.events.iter().rposition(of_message))
    }

    /// What the mark says, in a few words: the sentence above the picture says the rest.
    fn remark(&self, trace: &Trace) -> String {
        let overtook = self.violation.witness.last().filter(|_| self.violation.code == "overtaken");
        match overtook {
            Some(id) => format!("too late: {} was handled before", id.display(&trace.conditions.names)),
            None => self.violation.law.clone(),
        }
    }

    /// Of a long trace: the messages that the law speaks of, with all that led to them; without any, the last events.
    fn concerned(&self, trace: &Trace, spot: Option<usize>) -> Shown {
        let ids: BTreeSet<_> = self.violation.message.iter().chain(&self.violation.witness).collect();
        if ids.is_empty() {
            return Shown::all();
        }
        let shown = Shown::chains(trace, ids);
        match spot {
            Some(spot) => {
                Shown { only: shown.only.map(|only| only.into_iter().filter(|at| *at <= spot).collect()), ..shown }
            }
            None => shown,
        }
    }
}

fn steps(count: u64) -> String {
    words::counted(count, "step")
}

/// Lines of a word and what it says, with what they say in one column.
pub(crate) fn notes(notes: &[(&'static str, String)], look: Look) -> String {
    let width = notes.iter().map(|(word, _)| word.len()).max().unwrap_or(0) + 1;
    let mut out = String::new();
    for (at, (word, says)) in notes.iter().enumerate() {
        let gap = if at == 0 { "\n" } else { "" };
        let left = 2 + width + 2;
        // What is to be pasted stays on its line.
        let lines = match *word {
            "replay" | "saved" => vec![says.clone()],
            _ => words::wrap(says, look.width - left),
        };
        let word = look.paint(FAINT, &format!("{:<width$}", format!("{word}:")));
        let _ = writeln!(out, "{gap}  {word}  {}", lines.join(&format!("\n{:left$}", "")));
    }
    out
}

/// What a law says may hold a name or payload that the terminal has not.
pub(crate) fn ascii_if(look: Look, text: &str) -> String {
    match look.charset {
        Charset::Unicode => text.to_owned(),
        Charset::Ascii => {
            text.chars().flat_map(|c| if c.is_ascii() { vec![c] } else { c.escape_unicode().collect() }).collect()
        }
    }
}
