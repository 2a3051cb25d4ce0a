//! Writing DOT: quoting, and attributes in one place, so that no text of a run can break a graph.

use std::fmt::Write as _;

use crate::charset::{Charset, plain};

/// A graph under construction.
pub(crate) struct Graph {
    text: String,
}

impl Graph {
    /// A directed graph with the defaults of all our graphs.
    pub(crate) fn new(name: &str, settings: &str) -> Self {
        let mut text = String::new();
        let _ = writeln!(text, "digraph {} {{", quote(name));
        let _ = writeln!(text, "  graph [{settings}fontname=\"Helvetica\"];");
        text.push_str("  node [fontname=\"Helvetica\", fontsize=11];\n  edge [fontname=\"Helvetica\", fontsize=10];\n");
        Self { text }
    }

    pub(crate) fn comment(&mut self, comment: &str) {
        let _ = writeln!(self.text, "\n  // {}", plain(comment, Charset::Unicode));
    }

    /// A line as it is: for what no text of a run goes into.
    pub(crate) fn raw(&mut self, line: &str) {
        let _ = writeln!(self.text, "  {line}");
    }

    pub(crate) fn node(&mut self, id: &str, label: &str, style: &str) {
        let _ = writeln!(self.text, "  {id} [label={}{}{style}];", quote(label), comma(style));
    }

    pub(crate) fn edge(&mut self, from: &str, to: &str, label: &str, style: &str) {
        let label = if label.is_empty() { String::new() } else { format!("label={}{}", quote(label), comma(style)) };
        let _ = writeln!(self.text, "  {from} -> {to} [{label}{style}];");
    }

    pub(crate) fn finish(mut self) -> String {
        self.text.push_str("}\n");
        self.text
    }
}

const fn comma(style: &str) -> &'static str {
    if style.is_empty() { "" } else { ", " }
}

/// A text as a quoted string of DOT: line breaks stay line breaks, everything else means only itself.
fn quote(text: &str) -> String {
    let lines: Vec<String> =
        text.split('\n').map(|line| plain(line, Charset::Unicode).replace('\\', "\\\\").replace('"', "\\\"")).collect();
    format!("\"{}\"", lines.join("\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_means_only_itself() {
        assert_eq!(quote("plain"), r#""plain""#);
        assert_eq!(quote(r#"a "b" \N \"#), r#""a \"b\" \\N \\""#);
        assert_eq!(quote("two\nlines\r\0"), r#""two\nlines\\r\\u{0}""#);
    }
}
