//! Notes: what marks say, beside the rows that they are about.
//!
//! A note is never cut and never lost: one that is too long for its line is wrapped, one whose event is not in the
//! trace stands below the picture.

use std::collections::HashMap;

use raddle_core::Trace;

use crate::rows::Row;
use crate::shown::Mark;

/// What marks say, by row.
pub(crate) struct Notes {
    by_row: HashMap<usize, Vec<String>>,
    /// About events that are not in the trace.
    pub(crate) astray: Vec<String>,
}

impl Notes {
    /// Gives each mark to the row that tells its event; `say` puts it into the words of the figure.
    pub(crate) fn new(trace: &Trace, rows: &[Row], marks: &[Mark], say: impl Fn(&str) -> String) -> Self {
        let mut notes = Self { by_row: HashMap::new(), astray: Vec::new() };
        for mark in marks {
            let note = say(&mark.note);
            let place = mark.spot.place(trace);
            let row = place.and_then(|place| rows.iter().position(|row| row.events.contains(&place)));
            match row {
                Some(row) => notes.by_row.entry(row).or_default().push(note),
                None => notes.astray.push(note),
            }
        }
        notes
    }

    /// What is said about a row.
    pub(crate) fn of(&self, row: usize) -> &[String] {
        self.by_row.get(&row).map_or(&[], Vec::as_slice)
    }
}

/// Breaks a text between words; a word longer than a line is cut.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        while !word.is_empty() {
            let line = lines.last_mut().expect("there is always a line");
            let used = line.chars().count();
            if used > 0 && used + 1 + word.len() > width {
                lines.push(String::new());
                continue;
            }
            if used > 0 {
                line.push(' ');
            }
            line.extend(word.drain(..word.len().min(width)));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_words_only_where_they_must() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("a verylongword b", 4), ["a", "very", "long", "word", "b"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("ab", 1), ["a", "b"]);
    }
}
