//! How tables are laid out: as text for a terminal, or as Markdown for the README.

use anyhow::{Context, Result, ensure};
use comfy_table::presets::{ASCII_MARKDOWN, NOTHING};
use comfy_table::{CellAlignment, Table};

/// Where a table is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In a terminal.
    Text,
    /// In a file of Markdown.
    Markdown,
}

impl Form {
    /// A table with these columns, of which the first few hold words.
    pub(crate) fn table(self, header: impl IntoIterator<Item = impl Into<String>>) -> Table {
        let mut table = Table::new();
        table.load_preset(match self {
            Form::Text => NOTHING,
            Form::Markdown => ASCII_MARKDOWN,
        });
        table.set_header(header.into_iter().map(Into::into).collect::<Vec<String>>());
        table
    }

    /// The table as it is printed, without a newline at its end, with numbers in all columns but the first few.
    pub(crate) fn print(self, table: &mut Table, words: usize) -> String {
        for column in table.column_iter_mut().skip(words) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.trim_fmt()
    }

    /// Between what is said of a table and the table.
    pub(crate) const fn gap(self) -> &'static str {
        match self {
            Form::Text => "\n",
            Form::Markdown => "\n\n",
        }
    }
}

/// The text with this between the marks of that name.
///
/// # Errors
/// When the marks are not there, once each.
pub fn fill(text: &str, name: &str, with: &str) -> Result<String> {
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    for mark in [&open, &close] {
        ensure!(text.matches(mark.as_str()).count() == 1, "failed to find the mark `{}` once", mark.trim_end());
    }
    let (before, rest) = text.split_once(&open).context("the mark is there")?;
    let (_, after) =
        rest.split_once(&close).with_context(|| format!("failed to find the end of `{name}` behind it"))?;
    Ok(format!("{before}{open}\n{with}\n\n{close}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_the_marks_is_replaced() {
        let text = "a\n<!-- speed -->\nold\n<!-- end of speed -->\nb\n";
        let filled = fill(text, "speed", "| new |").expect("the marks are there");
        assert_eq!(filled, "a\n<!-- speed -->\n\n| new |\n\n<!-- end of speed -->\nb\n");
        assert_eq!(fill(&filled, "speed", "| new |").expect("they still are"), filled);
        assert!(fill(text, "size", "").is_err());
        assert!(fill("<!-- end of speed -->\n<!-- speed -->\n", "speed", "").is_err());
    }

    #[test]
    fn a_table_of_markdown_is_one() {
        let mut table = Form::Markdown.table(["who", "how fast"]);
        table.add_row(["raddle", "1"]);
        let lines: Vec<_> = Form::Markdown.print(&mut table, 1).lines().map(str::to_owned).collect();
        assert_eq!(lines, ["| who    | how fast |", "|--------|----------|", "| raddle |        1 |"]);
    }
}
