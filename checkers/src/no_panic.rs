//! No panic: no handler panics.
//!
//! The core catches a panic and reports it as an event with text and place. File and text tell bugs apart, with numbers
//! blotted out: a line number moves when code is edited, and numbers in the text are data of the run.
//!
//! Sound under `dpor`: it reads what each worker handled.

use raddle_core::{EventRef, Names, panics};

use crate::violation::Violation;
use crate::words;

pub(crate) const NAME: &str = "no-panic";

#[cold]
pub(crate) fn crashed(event: EventRef<'_>, names: &Names) -> Violation {
    let worker = event.header.to;
    let handled = words::message(event.header, names);
    let reason = format!("{} panicked while it handled {handled}: {}", names.worker(worker), event.text);
    Violation::at(NAME, code(event.text), Some(worker), event, reason)
}

/// The most characters of a panic's text that tell it from others.
const TEXT_MAX: usize = 60;

/// File and text of a panic, the same on every machine and after edits elsewhere in the file.
fn code(described: &str) -> String {
    let (text, place) = panics::split(described);
    let mut blotted = String::new();
    for letter in text.chars().take(TEXT_MAX) {
        match (letter.is_ascii_digit(), blotted.ends_with('#')) {
            (true, true) => {}
            (true, false) => blotted.push('#'),
            (false, _) => blotted.push(if letter.is_whitespace() { ' ' } else { letter }),
        }
    }
    match place {
        Some(place) => format!("{} {blotted}", file(place)),
        None => blotted,
    }
}

/// The file of `file:line:column`, from the last `src` folder on if its path is absolute.
fn file(place: &str) -> String {
    let file = place.rsplitn(3, ':').last().unwrap_or(place).replace('\\', "/");
    let absolute = file.starts_with('/') || file.get(1..3) == Some(":/");
    match (absolute, file.rfind("/src/"), file.rfind('/')) {
        (true, Some(at), _) | (true, None, Some(at)) => file[at + 1..].to_owned(),
        _ => file,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(code(text), expected);
    }

    #[test]
    fn file_and_text_without_machine_line_and_data() {
        check("'no money', bank/src/ann.rs:3:9", "bank/src/ann.rs no money");
        check("'it's', then', ', tests/ann.rs:3:9", "tests/ann.rs it's', then', ");
        check("'balance -17 of 40', /home/me/.cargo/registry/src/x/src/lib.rs:7:1", "src/lib.rs balance -# of #");
        check("'gone', /tmp/main.rs:7:1", "main.rs gone");
        check("'gone', C:\\ledger\\src\\lib.rs:7:1", "src/lib.rs gone");
        check("'a panic without place'", "a panic without place");
    }
}
