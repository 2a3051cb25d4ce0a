//! The signs of the text views, for terminals that show Unicode and for those that do not.
//!
//! Every sign is one column wide, so that a picture is the same shape in both. Text from a run (payloads, panics,
//! notes) passes through [`plain`], so that it can neither break a line nor command a terminal.

use std::borrow::Cow;

/// Which characters a figure may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// Box drawing and geometric shapes. If unsure, this.
    #[default]
    Unicode,
    /// Nothing beyond ASCII.
    Ascii,
}

/// One sign for each thing that can be drawn.
#[derive(Debug)]
pub(crate) struct Signs {
    /// A worker handles a message.
    pub(crate) handled: &'static str,
    /// A message is at an inbox.
    pub(crate) there: &'static str,
    /// A message waits for another, or for room.
    pub(crate) waiting: &'static str,
    /// A message is at a shard.
    pub(crate) passing: &'static str,
    /// A message is dropped.
    pub(crate) gone: &'static str,
    /// A worker crashed.
    pub(crate) crashed: &'static str,
    /// A fault begins, and is over.
    pub(crate) fault: &'static str,
    pub(crate) over: &'static str,
    /// What a mark says follows.
    pub(crate) violation: &'static str,
    /// A message to oneself.
    pub(crate) itself: &'static str,
    pub(crate) line: &'static str,
    pub(crate) side: &'static str,
    /// A line over a side.
    pub(crate) crossing: &'static str,
    pub(crate) head_right: &'static str,
    pub(crate) head_left: &'static str,
    /// A branch to the right: with more below it, the last one, and one whose stem is not shown.
    pub(crate) right: [&'static str; 3],
    /// The same to the left.
    pub(crate) left: [&'static str; 3],
    /// Events that are left out.
    pub(crate) more: &'static str,
    /// The middle of a name that is left out.
    pub(crate) cut: &'static str,
}

const UNICODE: Signs = Signs {
    handled: "●",
    there: "○",
    waiting: "◌",
    passing: "◇",
    gone: "×",
    crashed: "■",
    fault: "▲",
    over: "△",
    violation: "✗",
    itself: "↺",
    line: "─",
    side: "│",
    crossing: "┼",
    head_right: "▷",
    head_left: "◁",
    right: ["├", "└", "╶"],
    left: ["┤", "┘", "╴"],
    more: "…",
    cut: "…",
};

const ASCII: Signs = Signs {
    handled: "*",
    there: "o",
    waiting: "~",
    passing: "%",
    gone: "!",
    crashed: "#",
    fault: "^",
    over: "v",
    violation: "x",
    itself: "@",
    line: "-",
    side: "|",
    crossing: "+",
    head_right: ">",
    head_left: "<",
    right: ["+", "+", "-"],
    left: ["+", "+", "-"],
    more: "...",
    cut: "~",
};

impl Charset {
    pub(crate) const fn signs(self) -> &'static Signs {
        match self {
            Self::Unicode => &UNICODE,
            Self::Ascii => &ASCII,
        }
    }
}

/// The text with all that a terminal might obey, or that this charset has not, written as escapes.
pub(crate) fn plain(text: &str, charset: Charset) -> Cow<'_, str> {
    let harmless = |c: char| match charset {
        Charset::Unicode => !c.is_control() && !is_invisible(c),
        Charset::Ascii => c.is_ascii() && !c.is_ascii_control(),
    };
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            _ if harmless(c) => safe.push(c),
            '\n' => safe.push_str("\\n"),
            '\t' => safe.push_str("\\t"),
            '\r' => safe.push_str("\\r"),
            _ => safe.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(safe)
}

/// Characters that reorder or hide their neighbours: direction marks, zero widths, line separators.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_signs_of_a_picture_are_one_column_wide() {
        for signs in [&UNICODE, &ASCII] {
            let one = [
                signs.handled,
                signs.there,
                signs.waiting,
                signs.passing,
                signs.gone,
                signs.crashed,
                signs.fault,
                signs.over,
                signs.violation,
                signs.itself,
                signs.line,
                signs.side,
                signs.head_right,
                signs.head_left,
                signs.cut,
            ];
            assert!(one.iter().chain(&signs.right).chain(&signs.left).all(|sign| sign.chars().count() == 1));
        }
    }

    #[test]
    fn text_cannot_command_a_terminal() {
        assert_eq!(plain("a\x1b[2Jb\nc\u{202e}d", Charset::Unicode), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(plain("5 µs → ok", Charset::Unicode), "5 µs → ok");
        assert_eq!(plain("5 µs", Charset::Ascii), "5 \\u{b5}s");
    }
}
