//! Panics of handlers, caught with their text and place.
//!
//! A handler's panic is an event of the run, not the end of the program. Its text is only known to the panic hook,
//! so this file sets one, once: it keeps the text of panics inside [`catch`] and leaves all others as they were.

use std::any::Any;
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
    result.map_err(|payload| described(&*payload))
}

/// The last panic that the hook saw here is this one, if it has its text: not if somebody set a hook of their own, or went
/// on with a panic that was caught.
#[cold]
fn described(payload: &(dyn Any + Send)) -> String {
    let (seen, text) = (TEXT.take(), text_of(payload));
    if split(&seen).0 == text { seen } else { format!("'{text}'") }
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
    let text = text_of(info.payload());
    match info.location() {
        Some(place) => format!("'{text}', {}:{}:{}", place.file(), place.line(), place.column()),
        None => format!("'{text}'"),
    }
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without text")
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

    #[test]
    fn a_panic_that_was_caught_before_is_not_taken_for_this_one() {
        install();
        let text = catch(|| {
            let _ = panic::catch_unwind(|| panic!("the first"));
            panic::resume_unwind(Box::new("the second"));
        });
        assert_eq!(text.expect_err("panics"), "'the second'");
    }
}
