//! Sources on threads: their messages, in order, as fast as their targets take them, or at a pace.

use std::collections::VecDeque;

use raddle_core::{Envelope, SourceId, StateMachine, Time, WorkerId};

use crate::log::{Act, News, Parcel};
use crate::pace::Pace;
use crate::seat::Waker;
use crate::transport::Transport;

/// How many messages to one worker are brought at once, if they follow on each other and nobody said when they are due.
const BUNDLE: usize = 32;

/// The thread of one source.
pub(crate) fn feed<M: StateMachine>(transport: &Transport<'_, M>, source: SourceId, messages: u64, pace: Pace) {
    let waker = Waker::alone();
    let mut workload = (0..).zip(transport.plan.workload(source, messages));
    let (mut next, mut bundle, mut empties) = (workload.next(), VecDeque::with_capacity(BUNDLE), Vec::new());
    while let Some((nth, message)) = next {
        pace.wait_for(nth, transport);
        let (to, now) = (message.header.to, transport.now());
        transport.empties.even_out(&mut empties);
        bundle.push_back(parcel(message, now, &mut empties));
        let most = if pace.is_given() { 1 } else { BUNDLE };
        next = workload.next();
        while let Some((_, message)) = next.take_if(|(_, message)| message.header.to == to && bundle.len() < most) {
            bundle.push_back(parcel(message, now, &mut empties));
            next = workload.next();
        }
        if !transport.feed(&mut bundle, to, source, &waker) {
            break;
        }
    }
    transport.activity.leave();
}

fn parcel<M: StateMachine>(mut message: Envelope<M>, now: Time, empties: &mut Vec<Parcel<M>>) -> Parcel<M> {
    message.header.sent_at = now;
    match empties.pop() {
        None => Box::new(message),
        Some(mut empty) => {
            *empty = message;
            empty
        }
    }
}

impl<M: StateMachine> Transport<'_, M> {
    /// Pushes messages of a source to one worker; waits while its queue is full. Whether the source may go on.
    fn feed(&self, bundle: &mut VecDeque<Parcel<M>>, to: WorkerId, source: SourceId, waker: &Waker) -> bool {
        while !bundle.is_empty() {
            let Some(mut post) = self.reception(to, waker) else { return false };
            let many = bundle.len();
            while post.queue.has_external_room()
                && let Some(message) = bundle.pop_front()
            {
                let taken =
                    post.with(self, &mut News::default(), |inbox, clerk| inbox.receive_external(message, clerk));
                assert!(taken.is_ok(), "there was room, and the lock is held");
                post.log.close(Act::Take { source });
            }
            self.count_fed(many - bundle.len());
            post.wake_owner(&self.activity);
            self.pass_on(&mut post);
        }
        true
    }
}
