//! Panics of handlers, caught with their text and place.
//!
//! A handler's panic is an event of the run, not the end of the program. Its text is only known to the panic hook,
//! so this file sets one, once: it keeps the text of panics inside [`catch`] and leaves all others as they were.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    static TEXT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `handler`; gives the text and place of its panic if it panics.
///
/// # Errors
/// The panic, as `'text', file:line:column`.
#[inline(always)]
pub fn catch<R>(handler: impl FnOnce() -> R) -> Result<R, String> {
    let before = CATCHING.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(handler));
    CATCHING.set(before);
    result.map_err(|_| text())
}

#[cold]
fn text() -> String {
    TEXT.take()
}

/// Sets the hook. A driver calls it before its first run; any number of times is fine.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if CATCHING.get() {
                TEXT.set(describe(info));
            } else {
                previous(info);
            }
        }));
    });
}

/// The text and the place of a panic that [`catch`] has described.
#[must_use]
pub fn split(described: &str) -> (&str, Option<&str>) {
    match described.rsplit_once("', ") {
        Some((text, place)) => (text.trim_start_matches('\''), Some(place)),
        None => (described.trim_matches('\''), None),
    }
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("a panic without text");
    match info.location() {
        Some(place) => format!("'{text}', {}:{}:{}", place.file(), place.line(), place.column()),
        None => format!("'{text}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_place_are_kept() {
        install();
        let text = catch(|| panic!("no {}", "money")).expect_err("panics");
        assert!(text.starts_with("'no money', ") && text.contains("panics.rs:"), "{text}");
        assert_eq!(split(&text).0, "no money");
        assert_eq!(catch(|| 7), Ok(7));
    }
}
