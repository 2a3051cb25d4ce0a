//! Work that several threads do at once, with results that are the same on any number of them.

use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Ends the work of all when one panics.
struct EndOnPanic<'a>(&'a AtomicUsize, usize);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(self.1, Ordering::Relaxed);
        }
    }
}

/// Does each piece of work with one of these tools, each tool on a thread of its own. The results stand in the order of the
/// work. If one panics, so does this, with the same.
pub(crate) fn at_once<T: Send, W: Sync, R: Send>(
    tools: &mut [T],
    work: &[W],
    with: impl Fn(&mut T, &W) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(work.len()));
    let take_turns = |tool: &mut T| {
        let _end = EndOnPanic(&next, work.len());
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(piece) = work.get(at) else { return };
            let result = with(tool, piece);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
        }
    };
    thread::scope(|scope| {
        // Boxed, as in `watch.rs`.
        let turns = |tool| -> Box<dyn FnOnce() + Send> { Box::new(|| take_turns(tool)) };
        let threads: Vec<_> = tools.iter_mut().map(|tool| scope.spawn(turns(tool))).collect();
        let ends: Vec<_> = threads.into_iter().map(thread::ScopedJoinHandle::join).collect();
        ends.into_iter().for_each(|end| end.unwrap_or_else(|panic| panic::resume_unwind(panic)));
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_work() {
        let work: Vec<u64> = (0..1_000).collect();
        for tools in 1..4 {
            let squares = at_once(&mut vec![(); tools], &work, |(), n| n * n);
            assert!(squares.iter().zip(&work).all(|(square, n)| *square == n * n) && squares.len() == work.len());
        }
    }

    #[test]
    fn a_panic_keeps_what_it_says() {
        let work: Vec<u64> = (0..1_000).collect();
        let all = || at_once(&mut [(); 3], &work, |(), n| assert_ne!(*n, 300, "not this one"));
        let said = panic::catch_unwind(AssertUnwindSafe(all)).expect_err("it panics");
        assert!(said.downcast_ref::<String>().is_some_and(|said| said.contains("not this one")));
    }
}
