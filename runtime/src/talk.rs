//! Sessions on threads: one operation after the other, each sent when the one before is over.
//!
//! What a session must see and how an operation fares is the core's; this file waits. A session's thread sleeps at a
//! station of its own until whoever handles or drops its operation says so there, once the lock of the inbox is free. While
//! the operation waits for what the session has seen, the thread only naps: it is the one that says when it is too late.

use raddle_core::{MessageId, SourceId, StateMachine, Time, Token, Worker, WorkerId};

use crate::log::{Act, News, Parcel};
use crate::pace::Pace;
use crate::station::{Phase, Station};
use crate::transport::Transport;

/// Where a session and those who serve it meet.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    token: Token,
    /// Whether what the session sent last was handled or dropped.
    is_over: bool,
}

/// How an operation was received.
enum Received {
    /// It is queued or gone, or waits until this time.
    Taken(Option<Time>),
    /// The run takes no more.
    Refused,
}

/// The thread of one session.
pub(crate) fn converse<M: StateMachine>(transport: &Transport<'_, M>, session: SourceId, messages: u64, pace: Pace) {
    for (nth, mut envelope) in (0..).zip(transport.plan.workload(session, messages)) {
        pace.wait_for(nth, transport);
        let (to, id) = (envelope.header.to, envelope.header.id.clone());
        let mut news = News::default();
        transport.talk(session).open().token.stamp(&mut envelope.header, transport.now());
        let Received::Taken(deadline) = transport.receive(Box::new(envelope), session, nth, &mut news) else { break };
        transport.tell(&mut news);
        if !transport.wait_for_end(session, to, &id, deadline) {
            break;
        }
    }
    transport.activity.leave();
}

impl<M: StateMachine> Transport<'_, M> {
    fn talk(&self, session: SourceId) -> &Station<Talk> {
        self.talks[session.index()].as_ref().expect("only sessions ask")
    }

    /// Brings an operation to its inbox; waits while the queue there is full.
    fn receive(&self, envelope: Parcel<M>, session: SourceId, nth: u64, news: &mut News) -> Received {
        let Some(mut post) = self.reception(envelope.header.to, self.talk(session).owner()) else {
            return Received::Refused;
        };
        let (id, now) = (envelope.header.id.clone(), self.now());
        let taken = post.with(self, news, |inbox, clerk| inbox.receive_op(envelope, now, clerk).is_ok());
        assert!(taken, "there was room, and the lock is held");
        self.count_fed(1);
        post.log.close(Act::Ask { session, nth, now });
        if post.queue.has_work() {
            post.wake_owner(&self.activity);
        } else {
            post.log.pause();
        }
        self.pass_on(&mut post);
        let mut waiting = post.queue.op_deadlines();
        Received::Taken(waiting.find(|(op, _)| op.header.id == id).map(|(_, deadline)| deadline))
    }

    /// Sleeps until an operation is over; whether it is. Where it waits, that is ended when it is time.
    fn wait_for_end(&self, session: SourceId, to: WorkerId, id: &MessageId, mut deadline: Option<Time>) -> bool {
        loop {
            let station = self.talk(session);
            let mut post = station.open();
            if std::mem::take(&mut post.is_over) {
                return true;
            }
            if post.phase() == Phase::Halted {
                return false;
            }
            let Some(until) = deadline.and_then(|deadline| self.instant(deadline)) else {
                station.sleep(post, &self.activity);
                continue;
            };
            station.nap(post, until);
            if deadline.is_some_and(|deadline| deadline <= self.now()) {
                // If it waits no longer, it is queued, and will be handled or dropped.
                deadline = None;
                self.expire(session, to, id);
            }
        }
    }

    fn expire(&self, session: SourceId, to: WorkerId, id: &MessageId) {
        let mut news = News::default();
        let mut post = self.inbox(to);
        if post.with(self, &mut news, |inbox, clerk| inbox.expire(id, clerk)) {
            post.log.close(Act::Expire { session, now: self.now() });
            post.log.pause();
        }
        drop(post);
        self.tell(&mut news);
    }

    /// What a session sent was handled by this worker, or by nobody, and is over.
    pub(crate) fn end_op(&self, session: SourceId, by: Option<&Worker<M>>) {
        let Some(station) = &self.talks[session.index()] else { return };
        let mut post = station.open();
        if let Some(worker) = by {
            post.token.learn(worker, &self.rules);
        }
        post.is_over = true;
        post.wake_owner(&self.activity);
    }
}
