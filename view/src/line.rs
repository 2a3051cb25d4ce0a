//! A line under construction: text at positions, each piece with its paint.
//!
//! Positions count characters. Signs and names are one column wide each; free text stands at the end of lines, where
//! a wide character can move nothing.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::charset::Signs;

/// What a piece of text is, from which its colour follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// What one reads.
    Plain,
    /// What only guides the eye.
    Faint,
    /// Headings.
    Strong,
    /// Something waits.
    Waiting,
    /// Something is lost.
    Lost,
    /// Something is wrong.
    Wrong,
}

/// A line under construction, from left to right.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pieces: Vec<(Paint, String)>,
    width: usize,
}

impl Line {
    /// Moves to a position, at least as far as the line is.
    pub(crate) fn to(&mut self, x: usize) -> &mut Self {
        let gap = x.saturating_sub(self.width);
        if gap > 0 {
            self.put(Paint::Plain, &" ".repeat(gap));
        }
        self
    }

    /// Goes on with some text.
    pub(crate) fn put(&mut self, paint: Paint, text: &str) -> &mut Self {
        self.width += text.chars().count();
        match self.pieces.last_mut() {
            Some((same, piece)) if *same == paint => piece.push_str(text),
            _ => self.pieces.push((paint, text.to_owned())),
        }
        self
    }

    /// Goes on with a sign until a position, not included.
    pub(crate) fn fill(&mut self, paint: Paint, sign: &str, x: usize) -> &mut Self {
        let gap = x.saturating_sub(self.width);
        self.put(paint, &sign.repeat(gap))
    }

    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    /// Writes the line, without blanks at its end, in at most `max` columns.
    pub(crate) fn print(mut self, colour: bool, max: usize, signs: &Signs, out: &mut String) {
        if self.width > max {
            self.clip(max, signs);
        }
        while let Some((_, piece)) = self.pieces.last_mut() {
            piece.truncate(piece.trim_end().len());
            if !piece.is_empty() {
                break;
            }
            self.pieces.pop();
        }
        for (paint, piece) in &self.pieces {
            let style = if colour { paint.style() } else { Style::new() };
            write!(out, "{style}{piece}{style:#}").expect("strings take everything");
        }
        out.push('\n');
    }

    fn clip(&mut self, max: usize, signs: &Signs) {
        let mut left = max.saturating_sub(signs.more.chars().count());
        for (_, piece) in &mut self.pieces {
            let end = piece.char_indices().nth(left).map_or(piece.len(), |(at, _)| at);
            left -= piece[..end].chars().count();
            piece.truncate(end);
        }
        self.pieces.push((Paint::Faint, signs.more.chars().take(max).collect()));
    }
}

impl Paint {
    const fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Faint => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
            Self::Waiting => AnsiColor::Yellow.on_default(),
            Self::Lost => AnsiColor::Red.on_default(),
            Self::Wrong => AnsiColor::Red.on_default().bold(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charset::Charset;

    fn print(line: Line, colour: bool, max: usize) -> String {
        let mut out = String::new();
        line.print(colour, max, Charset::Unicode.signs(), &mut out);
        out
    }

    fn sample() -> Line {
        let mut line = Line::default();
        line.put(Paint::Faint, "├─").put(Paint::Plain, " m1 ").fill(Paint::Faint, "─", 10).put(Paint::Lost, "×").to(16);
        line
    }

    #[test]
    fn positions_count_characters() {
        assert_eq!(sample().width(), 16);
        assert_eq!(print(sample(), false, 80), "├─ m1 ────×\n");
    }

    #[test]
    fn colour_is_only_there_if_asked_for() {
        assert_eq!(print(sample(), true, 80), "\x1b[2m├─\x1b[0m m1 \x1b[2m────\x1b[0m\x1b[31m×\x1b[0m\n");
    }

    #[test]
    fn what_is_too_long_says_so() {
        assert_eq!(print(sample(), false, 5), "├─ m…\n");
        assert_eq!(print(sample(), false, 0), "\n");
    }
}
