//! What sessions have sent, at the inbox of one worker: it waits there until the worker has seen what they have.
//!
//! Who may be served is decided by the [`Lobby`]; here it comes in, is let out, or is dropped.

use super::ghosts::Ghosts;
use super::{Desk, Inbox};
use crate::bounded::Bounded;
use crate::event::{DropReason, What};
use crate::ids::{Incarnation, LinkNumber, MessageId, Party, Time, WorkerId};
use crate::lobby::{Lobby, Standing};
use crate::readiness::Readiness;

impl<T> Inbox<T> {
    /// Takes what a session has sent: into the external queue, if its worker has seen what the session has.
    ///
    /// # Errors
    /// Gives it back while the queue is full: the session waits.
    pub fn receive_op(&mut self, item: T, now: Time, desk: &mut impl Desk<T>) -> Result<(), T> {
        if !self.has_external_room() {
            return Err(item);
        }
        desk.report(What::Arrive, &item);
        match self.standing_queued(&item, desk) {
            Standing::Ready => self.push_external(item),
            standing => self.turn_away(item, standing, now, desk),
        }
        Ok(())
    }

    /// Takes what a session has sent, as it arrives; gives it back if it is to be handled now.
    pub fn land_op(&mut self, item: T, now: Time, desk: &mut impl Desk<T>) -> Option<T> {
        desk.report(What::Arrive, &item);
        let standing = standing(&self.lobby, &self.readiness, self.lives.current(), &item, desk);
        if standing == Standing::Ready {
            self.lobby.see(desk.header(&item));
            return Some(item);
        }
        self.turn_away(item, standing, now, desk);
        None
    }

    /// It is too late for what a session has sent under this id: it is dropped, if it still waits. Whether it did.
    pub fn expire(&mut self, id: &MessageId, desk: &mut impl Desk<T>) -> bool {
        let Some(item) = self.lobby.take(|_, item| desk.header(item).id == *id) else { return false };
        self.drop(item, DropReason::Stale, desk);
        true
    }

    /// What sessions have sent and what waits here until their worker has seen what they have: the item, for whose update
    /// it waits, and its number.
    pub fn parked_ops(&self) -> impl Iterator<Item = (&T, WorkerId, LinkNumber)> {
        self.lobby.parked()
    }

    /// The same, and until when each waits: [`Inbox::expire`] it then.
    pub fn op_deadlines(&self) -> impl Iterator<Item = (&T, Time)> {
        self.lobby.deadlines()
    }

    /// By sender: the number up to which everything is handled or known to be gone, where inputs go through queues. It is
    /// this that may be published where there are sessions, for a queue is no place that those see.
    ///
    /// `origin` says of an update its sender and number.
    pub fn settled<'a>(
        &'a self,
        origin: impl Fn(&T) -> (Party, LinkNumber) + 'a,
    ) -> impl Iterator<Item = (WorkerId, LinkNumber)> + 'a {
        let resolved = self.readiness.resolved().iter();
        resolved.map(move |(from, number)| {
            let settled = settled_of(&self.updates, *from, *number, &origin);
            (*from, self.ghosts.settled_of(*from, settled))
        })
    }

    /// The next of what sessions have sent that waits no longer and is to be handled now.
    pub(super) fn release_op(&mut self, desk: &mut impl Desk<T>) -> Option<T> {
        let Self { lobby, readiness, lives, .. } = self;
        let item = lobby.leave(|lobby, item| standing(lobby, readiness, lives.current(), item, desk))?;
        let header = desk.report(What::Release, &item);
        lobby.see(header);
        Some(item)
    }

    /// Drops what sessions have sent and what the life that begins cannot serve.
    pub(super) fn drop_stale(&mut self, desk: &mut impl Desk<T>) {
        let life = self.lives.current();
        while let Some(item) = self.lobby.take(|lobby, item| lobby.is_stale(desk.header(item), life)) {
            self.drop(item, DropReason::Stale, desk);
        }
    }

    /// Queues all that sessions have sent and that waits no longer, as far as there is room.
    #[inline(always)]
    pub(super) fn settle_ops(&mut self, desk: &mut impl Desk<T>) {
        if !self.lobby.is_empty() {
            self.queue_ops(desk);
        }
    }

    fn queue_ops(&mut self, desk: &mut impl Desk<T>) {
        while self.has_external_room() {
            let Self { lobby, updates, readiness, ghosts, lives, .. } = self;
            let left = lobby
                .leave(|lobby, item| standing_queued(lobby, updates, readiness, ghosts, lives.current(), item, desk));
            let Some(item) = left else { return };
            desk.report(What::Release, &item);
            self.push_external(item);
        }
    }

    fn standing_queued(&self, item: &T, desk: &impl Desk<T>) -> Standing {
        let Self { lobby, updates, readiness, ghosts, lives, .. } = self;
        standing_queued(lobby, updates, readiness, ghosts, lives.current(), item, desk)
    }

    /// Takes what a session has sent and cannot be served now.
    fn turn_away(&mut self, item: T, standing: Standing, now: Time, desk: &mut impl Desk<T>) {
        let Standing::Early(of, needs) = standing else {
            self.drop(item, DropReason::Stale, desk);
            return;
        };
        match self.lobby.enter(item, of, needs, now) {
            Ok(item) => _ = desk.report(What::Park { of, needs }, item),
            Err(item) => _ = self.drop(item, DropReason::Parking, desk),
        }
    }
}

/// How what a session has sent stands to its worker, where the queue is what is in flight.
fn standing<T>(
    lobby: &Lobby<T>,
    readiness: &Readiness<T>,
    life: Incarnation,
    item: &T,
    desk: &impl Desk<T>,
) -> Standing {
    lobby.standing(desk.header(item), life, |from| readiness.resolved_of(from))
}

/// The same where inputs go through queues.
fn standing_queued<T>(
    lobby: &Lobby<T>,
    updates: &Bounded<T>,
    readiness: &Readiness<T>,
    ghosts: &Ghosts,
    life: Incarnation,
    item: &T,
    desk: &impl Desk<T>,
) -> Standing {
    let origin = |item: &T| {
        let header = desk.header(item);
        (header.from, header.number)
    };
    let settled = |from| settled_of(updates, from, readiness.resolved_of(from), &origin);
    lobby.standing(desk.header(item), life, |from| ghosts.settled_of(from, settled(from)))
}

/// Up to which number of a sender, of which so many are resolved, nothing is in the queue or beside it.
fn settled_of<T>(
    updates: &Bounded<T>,
    from: WorkerId,
    resolved: LinkNumber,
    origin: &impl Fn(&T) -> (Party, LinkNumber),
) -> LinkNumber {
    let queued = updates.iter().map(origin).filter(|(party, _)| *party == Party::Worker(from));
    queued.map(|(_, number)| LinkNumber(number.0.saturating_sub(1))).fold(resolved, LinkNumber::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::barrier::Barriers;
    use crate::header::Header;
    use crate::ids::SourceId;
    use crate::policy::{Order, Policies};

    const ANN: WorkerId = WorkerId::new(0);
    const BOB: WorkerId = WorkerId::new(1);
    const ME: WorkerId = WorkerId::new(9);

    /// Items are places in a list of headers.
    struct Headers(Vec<Header>, Vec<(&'static str, usize)>);

    impl Desk<usize> for Headers {
        fn header<'a>(&'a self, item: &'a usize) -> &'a Header {
            &self.0[*item]
        }

        fn report<'a>(&'a mut self, what: What, item: &'a usize) -> &'a Header {
            self.1.push((what.word(), *item));
            &self.0[*item]
        }

        fn discard(&mut self, _: usize) {}

        fn nack(&mut self, _: WorkerId) {}
    }

    /// To me, behind these updates.
    fn header(from: Party, number: u32, behind: &[(WorkerId, u32)]) -> Header {
        let mut barriers = Barriers::default();
        for (of, needs) in behind {
            let mut one = Barriers::default();
            one.sent(*of, ME, LinkNumber(*needs));
            barriers.learn(&one, ANN);
        }
        Header { from, to: ME, number: LinkNumber(number), barriers, ..Header::blank() }
    }

    /// Where no order is kept, nothing has a turn: what is dropped there leaves nothing behind, however much it is.
    #[test]
    fn what_is_dropped_leaves_nothing_where_no_order_is_kept() {
        for (order, leaves) in [(Order::Arrival, false), (Order::Causal, true)] {
            let mut inbox = Inbox::new(&Policies { order, capacity: 1, ..Policies::default() }, Order::Arrival);
            let mut desk = Headers((1..=9).map(|n| header(Party::Worker(ANN), n, &[])).collect(), Vec::new());
            (0..9).for_each(|item| inbox.receive(item, &mut desk));
            assert_eq!(!inbox.ghosts.are_none(), leaves);
            while inbox.pick(&mut desk).is_some() {}
            assert!(inbox.ghosts.are_none());
        }
    }

    /// Bob's update is queued. Ann's, which comes after it, is dropped. A session that knows of ann's knows of bob's through
    /// it alone.
    #[test]
    fn who_knows_of_what_was_dropped_waits_for_what_came_before_it() {
        let policies = Policies { order: Order::Causal, capacity: 1, ..Policies::default() };
        let mut inbox = Inbox::new(&policies, Order::Arrival);
        let headers = vec![
            header(Party::Worker(BOB), 1, &[]),
            header(Party::Worker(ANN), 1, &[(BOB, 1)]),
            header(Party::Source(SourceId::new(0)), 0, &[(ANN, 1)]),
        ];
        let mut desk = Headers(headers, Vec::new());
        inbox.receive(0, &mut desk);
        inbox.receive(1, &mut desk);
        assert_eq!(desk.1.last(), Some(&("drop(full)", 1)));
        let origin = |item: &usize| (desk.0[*item].from, desk.0[*item].number);
        let settled: Vec<_> = inbox.settled(origin).collect();
        assert_eq!(settled, [(ANN, LinkNumber(0)), (BOB, LinkNumber(0))]);
        inbox.receive_op(2, Time(0), &mut desk).expect("there is room");
        assert_eq!(inbox.external_high_water(), 0, "it waits beside the queue");
        assert_eq!(inbox.parked_ops().collect::<Vec<_>>(), [(&2, ANN, LinkNumber(1))]);
        assert_eq!([inbox.pick(&mut desk), inbox.pick(&mut desk), inbox.pick(&mut desk)], [Some(0), Some(2), None]);
        assert_eq!(inbox.external_high_water(), 1);
    }

    #[test]
    fn how_long_the_external_queue_was_is_known() {
        let policies = Policies { external_capacity: 2, ..Policies::default() };
        let mut inbox = Inbox::new(&policies, Order::Arrival);
        let mut desk = Headers(vec![header(Party::Source(SourceId::new(0)), 0, &[])], Vec::new());
        let offered = [0; 3].map(|item| inbox.receive_external(item, &mut desk).is_ok());
        assert_eq!((offered, inbox.external_high_water()), ([true, true, false], 2));
        while inbox.pick(&mut desk).is_some() {}
        let mut copy = Inbox::new(&policies, Order::Arrival);
        copy.copy_from(&inbox);
        assert_eq!((copy.external_high_water(), copy.high_water()), (2, 0));
        copy.reset(&policies);
        assert_eq!((copy.external_high_water(), inbox.external_high_water()), (0, 2));
    }
}
