//! How text looks where it is read: with colour or without, in Unicode or in ASCII, how wide.

use anstyle::{AnsiColor, Style};
use raddle_view::Charset;

/// How text looks where it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Which characters pictures may use.
    pub charset: Charset,
    /// Whether to colour with ANSI codes.
    pub colour: bool,
    /// Most characters of a line.
    pub width: usize,
}

/// A terminal of unknown width is taken for one of this.
const WIDTH: usize = 100;

pub(crate) const STRONG: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
#[cfg(feature = "cli")]
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
#[cfg(feature = "cli")]
pub(crate) const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();

impl Look {
    /// Without colour; ASCII unless the reader knows UTF-8.
    #[must_use]
    pub const fn plain(utf8: bool) -> Self {
        Self { charset: if utf8 { Charset::Unicode } else { Charset::Ascii }, colour: false, width: WIDTH }
    }

    /// The same, with colour.
    #[must_use]
    pub const fn coloured(self) -> Self {
        Self { colour: true, ..self }
    }

    /// A text in a style, if there is colour.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}
