//! Which life each worker is in, as those see it who send to it.
//!
//! Each worker looks whenever it takes something, and hardly ever has anything changed. So it only reads how many lives have
//! ended: if that is what it was, all else is what it was. Nobody writes there but who dies, so that each processor has a copy
//! of its own.
//!
//! Whoever looks sees all of it as it was at one moment, and that moment fits to all that came before it and after it: a look
//! sees no fewer ends than any that came before it by way of locks, as it is one number that all of them read.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use raddle_core::{Incarnation, WorkerId};

/// Which life each worker is in.
#[derive(Debug)]
pub(crate) struct Census {
    /// How many have ended. Changed with the lock held, behind what it counts.
    ended: AtomicU32,
    current: Mutex<Vec<Incarnation>>,
}

/// What one party has seen of it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    ended: u32,
    current: Arc<[AtomicU32]>,
}

impl Census {
    pub(crate) fn new(workers: usize) -> Self {
        Self { ended: AtomicU32::new(0), current: Mutex::new(vec![Incarnation(0); workers]) }
    }

    /// Sees which life each worker is in now.
    #[inline]
    pub(crate) fn look(&self, seen: &mut Seen) {
        if self.ended.load(Ordering::Acquire) != seen.ended {
            self.look_again(seen);
        }
    }

    #[cold]
    fn look_again(&self, seen: &mut Seen) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        for (seen, life) in seen.current.iter().zip(&*current) {
            seen.store(life.0, Ordering::Relaxed);
        }
        seen.ended = self.ended.load(Ordering::Relaxed);
    }

    /// A life of a worker ends, by what `end` does, which gives the next if there is to be one: that, and how many have ended
    /// now.
    pub(crate) fn end(
        &self,
        worker: WorkerId,
        end: impl FnOnce() -> Option<Incarnation>,
    ) -> (Option<Incarnation>, u32) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let next = end();
        if let Some(life) = next {
            current[worker.index()] = life;
        }
        let ended = self.ended.load(Ordering::Relaxed).saturating_add(1);
        self.ended.store(ended, Ordering::Release);
        (next, ended)
    }
}

impl Seen {
    /// All are in their first life.
    pub(crate) fn new(workers: usize) -> Self {
        Self { ended: 0, current: (0..workers).map(|_| AtomicU32::new(0)).collect() }
    }

    /// How many had ended.
    pub(crate) const fn ended(&self) -> u32 {
        self.ended
    }

    /// Says in which life a worker was, when this was looked at last.
    pub(crate) fn life_of(&self) -> impl Fn(WorkerId) -> Incarnation + Send + 'static {
        let current = Arc::clone(&self.current);
        move |worker| Incarnation(current.get(worker.index()).map_or(0, |life| life.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two die again and again, and each look shows as many lives as have ended.
    #[test]
    fn a_look_sees_all_of_it_at_one_moment() {
        let (census, deaths) = (Census::new(2), 20_000);
        std::thread::scope(|scope| {
            for worker in [0, 1].map(WorkerId::new) {
                let census = &census;
                scope.spawn(move || {
                    for life in 1..=deaths {
                        assert_eq!(census.end(worker, || Some(Incarnation(life))).0, Some(Incarnation(life)));
                    }
                });
            }
            let mut seen = Seen::new(2);
            let life_of = seen.life_of();
            while seen.ended() < 2 * deaths {
                let before = seen.ended();
                census.look(&mut seen);
                assert!(seen.ended() >= before, "it never goes back");
                let sum: u32 = [0, 1].map(|worker| life_of(WorkerId::new(worker)).0).iter().sum();
                assert_eq!(sum, seen.ended());
            }
        });
    }
}
