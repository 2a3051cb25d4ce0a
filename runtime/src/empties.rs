//! Boxes of messages that were handled, for messages to come.
//!
//! Whoever handles more than it sends has boxes left over, and whoever sends more than it handles needs some. If the ones
//! freed theirs and the others had new ones made, all of them would meet at the lock of the allocator: of one thread that
//! sends five for each that it handles, and two that only handle, it took more time than all that they have to do. So boxes
//! go back by lots, over a shelf of the run.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use raddle_core::{Envelope, StateMachine};

use crate::log::Parcel;

/// How many boxes change hands at once: so many that the lock is taken seldom.
const LOT: usize = 64;
/// What may lie on the shelf of a run, not counting the lists that a header keeps on the heap.
const BYTES_MAX: usize = 4 << 20;
/// Nor are there more boxes.
const BOXES_MAX: usize = 4 << 10;

/// The shelf of a run.
pub(crate) struct Empties<M: StateMachine> {
    shelf: Mutex<Vec<Parcel<M>>>,
    /// How many lie there, for those who need not know exactly.
    about: AtomicUsize,
}

impl<M: StateMachine> Default for Empties<M> {
    fn default() -> Self {
        Self { shelf: Mutex::default(), about: AtomicUsize::new(0) }
    }
}

impl<M: StateMachine> Empties<M> {
    /// Most that lie there: no more than a few queues hold, as what a header keeps on the heap is not known.
    const MOST: usize = {
        let fit = BYTES_MAX / size_of::<Envelope<M>>();
        if fit < BOXES_MAX { fit } else { BOXES_MAX }
    };

    /// Evens out what a thread has: it leaves what is too much, and takes what it will soon need, if there is any.
    pub(crate) fn even_out(&self, own: &mut Vec<Parcel<M>>) {
        let about = self.about.load(Ordering::Relaxed);
        if own.len() >= 2 * LOT && about < Self::MOST {
            let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = own.len().saturating_sub(Self::MOST.saturating_sub(shelf.len())).max(LOT);
            shelf.extend(own.drain(kept..));
            self.about.store(shelf.len(), Ordering::Relaxed);
        } else if own.len() < LOT / 2 && about > 0 {
            let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
            let left = shelf.len().saturating_sub(LOT);
            own.extend(shelf.drain(left..));
            self.about.store(left, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use raddle_core::{Header, Input, Outbox};

    use super::*;

    struct Mute;

    impl StateMachine for Mute {
        type Message = ();
        type Update = ();

        fn on_message(&mut self, (): (), _: &mut Outbox<()>) {}
        fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
    }

    fn boxes(many: usize) -> Vec<Parcel<Mute>> {
        (0..many).map(|_| Box::new(Envelope { header: Header::blank(), input: Input::Start })).collect()
    }

    #[test]
    fn what_one_has_too_much_another_gets() {
        let empties = Empties::default();
        let (mut rich, mut poor) = (boxes(3 * LOT), Vec::new());
        empties.even_out(&mut poor);
        assert!(poor.is_empty(), "nobody has left any yet");
        empties.even_out(&mut rich);
        for expected in [LOT, 2 * LOT] {
            empties.even_out(&mut poor);
            assert_eq!((rich.len(), poor.len()), (LOT, LOT));
            assert_eq!(empties.about.load(Ordering::Relaxed), 2 * LOT - expected);
            poor.clear();
        }
        empties.even_out(&mut poor);
        assert!(poor.is_empty(), "all are taken");
    }

    #[test]
    fn whoever_has_enough_does_nothing() {
        let empties = Empties::default();
        empties.even_out(&mut boxes(2 * LOT));
        for many in [LOT / 2, LOT, 2 * LOT - 1] {
            let mut own = boxes(many);
            empties.even_out(&mut own);
            assert_eq!(own.len(), many);
        }
    }

    #[test]
    fn a_full_shelf_takes_no_more() {
        let empties = Empties::default();
        let most = Empties::<Mute>::MOST;
        let mut rich = boxes(most + 3 * LOT);
        empties.even_out(&mut rich);
        assert_eq!((rich.len(), empties.about.load(Ordering::Relaxed)), (3 * LOT, most));
        empties.even_out(&mut rich);
        assert_eq!((rich.len(), empties.about.load(Ordering::Relaxed)), (3 * LOT, most));
    }
}
