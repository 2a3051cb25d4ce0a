//! Work that several threads do at once, with results that are the same on any number of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does each piece of work with one of these tools, each tool on a thread of its own. The results stand in the order of the
/// work.
pub(crate) fn at_once<T: Send, W: Sync, R: Send>(
    tools: &mut [T],
    work: &[W],
    with: impl Fn(&mut T, &W) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(work.len()));
    thread::scope(|scope| {
        for tool in tools {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(piece) = work.get(at) else { return };
                    let result = with(tool, piece);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
