//! The lobby of an inbox: what sessions sent, which waits here until its worker has seen what they have.
//!
//! It is no queue: who waits here takes no slot of one and stands in nobody's way. It is bounded (policy `parking`), and
//! nobody waits for ever (policy `stale_after`). What a session must see stands in its header ([`crate::session`]):
//!
//! 1. Its worker is in a later life than one that the session relies on, and has forgotten what that one knew: it can
//!    never be served here.
//! 2. An update to this worker that the session knows of is neither handled nor known to be gone: it waits. An update that
//!    is in order but still in a queue is not handled. Only updates go through that queue, so what a session sent could
//!    overtake it.
//! 3. Otherwise it is served.

use std::time::Duration;

use crate::clock::VectorClock;
use crate::header::Header;
use crate::ids::{Incarnation, LinkNumber, Time, WorkerId};
use crate::lists::copy_list;
use crate::policy::{Policies, Recovery};
use crate::sabotage::Sabotage;
use crate::session;

/// Those that wait at one inbox, and by which rule.
#[derive(Clone, Debug)]
pub(crate) struct Lobby<T> {
    rule: Rule,
    /// Whether a life knows nothing of what the one before it knew.
    forgets: bool,
    room: usize,
    stale_after: Duration,
    waiting: Vec<Waiting<T>>,
    /// What the clock of the worker counts of others' sends; kept for [`Rule::Clocks`] only.
    clock: VectorClock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// As above.
    Token,
    /// All are served ([`Sabotage::IgnoreToken`]).
    Anyhow,
    /// The worker's clock must dominate the session's ([`Sabotage::ClockToken`]).
    Clocks,
}

#[derive(Clone, Debug)]
struct Waiting<T> {
    item: T,
    /// For whose update, and which.
    of: WorkerId,
    needs: LinkNumber,
    deadline: Time,
}

/// How what a session sent stands to its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It may be served.
    Ready,
    /// It waits for this number of this sender.
    Early(WorkerId, LinkNumber),
    /// What it must see is forgotten.
    Stale,
}

impl<T: Clone> Lobby<T> {
    /// Becomes equal to `other`, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { rule, forgets, room, stale_after, waiting, clock } = self;
        (*rule, *forgets, *room, *stale_after) = (other.rule, other.forgets, other.room, other.stale_after);
        copy_list(waiting, &other.waiting);
        clock.copy_from(&other.clock);
    }
}

impl<T> Lobby<T> {
    pub(crate) fn new(policies: &Policies) -> Self {
        let rule = match policies.sabotage {
            Some(Sabotage::IgnoreToken) => Rule::Anyhow,
            _ if session::goes_by_clocks(policies) => Rule::Clocks,
            _ => Rule::Token,
        };
        Self {
            rule,
            forgets: policies.recovery == Recovery::Amnesia,
            room: policies.parking,
            stale_after: policies.stale_after,
            waiting: Vec::new(),
            clock: VectorClock::new(),
        }
    }

    /// How what has this header stands to its worker, which is in this life. `settled` says of each sender up to which
    /// number all is handled or known to be gone.
    pub(crate) fn standing(
        &self,
        header: &Header,
        life: Incarnation,
        settled: impl Fn(WorkerId) -> LinkNumber,
    ) -> Standing {
        if self.is_stale(header, life) {
            return Standing::Stale;
        }
        let missing = match self.rule {
            Rule::Anyhow => None,
            Rule::Token => {
                let toward = header.barriers.toward(header.to).iter().map(|barrier| (barrier.from, barrier.number));
                toward.into_iter().find(|(from, number)| settled(*from) < *number)
            }
            Rule::Clocks => {
                let others = header.clock.iter().filter(|(worker, _)| *worker != header.to);
                let mut behind = others.filter(|(worker, count)| self.clock.get(*worker) < *count);
                behind.next().map(|(worker, count)| (worker, LinkNumber(count)))
            }
        };
        missing.map_or(Standing::Ready, |(of, needs)| Standing::Early(of, needs))
    }

    /// Whether what has this header relies on what its worker, which is in this life, has forgotten.
    pub(crate) fn is_stale(&self, header: &Header, life: Incarnation) -> bool {
        let relies = || header.barriers.relies_on(header.to);
        self.rule != Rule::Anyhow && self.forgets && relies().is_some_and(|relied| relied < life)
    }

    /// Lets one wait from now on, or gives it back if there is no room.
    pub(crate) fn enter(&mut self, item: T, of: WorkerId, needs: LinkNumber, now: Time) -> Result<&T, T> {
        if self.waiting.len() >= self.room {
            return Err(item);
        }
        self.waiting.push(Waiting { item, of, needs, deadline: now.after(self.stale_after) });
        Ok(&self.waiting[self.waiting.len() - 1].item)
    }

    /// Takes out the first that need not wait any longer.
    pub(crate) fn leave(&mut self, standing: impl Fn(&Self, &T) -> Standing) -> Option<T> {
        for at in 0..self.waiting.len() {
            match standing(self, &self.waiting[at].item) {
                Standing::Early(of, needs) => (self.waiting[at].of, self.waiting[at].needs) = (of, needs),
                Standing::Ready | Standing::Stale => return Some(self.waiting.remove(at).item),
            }
        }
        None
    }

    /// Takes out the first of which this is true.
    pub(crate) fn take(&mut self, is_it: impl Fn(&Self, &T) -> bool) -> Option<T> {
        let at = self.waiting.iter().position(|waiting| is_it(self, &waiting.item))?;
        Some(self.waiting.remove(at).item)
    }

    /// The worker is about to handle what has this header.
    #[inline(always)]
    pub(crate) fn see(&mut self, header: &Header) {
        if self.rule == Rule::Clocks {
            self.clock.merge(&header.clock);
        }
    }

    #[inline(always)]
    pub(crate) const fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Those that wait: for whose update, and which number.
    pub(crate) fn parked(&self) -> impl Iterator<Item = (&T, WorkerId, LinkNumber)> {
        self.waiting.iter().map(|waiting| (&waiting.item, waiting.of, waiting.needs))
    }

    /// Those that wait, and until when.
    pub(crate) fn deadlines(&self) -> impl Iterator<Item = (&T, Time)> {
        self.waiting.iter().map(|waiting| (&waiting.item, waiting.deadline))
    }

    /// Forgets everything, keeping its memory.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.clock.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::barrier::Barriers;

    const ANN: WorkerId = WorkerId::new(0);
    const ME: WorkerId = WorkerId::new(9);

    fn lobby(sabotage: Option<Sabotage>, recovery: Recovery) -> Lobby<&'static str> {
        Lobby::new(&Policies { sabotage, recovery, parking: 1, ..Policies::default() })
    }

    /// Of a session that knows of ann's second update to me, sent to this life of mine.
    fn header(life: u32) -> Header {
        let mut barriers = Barriers::default();
        barriers.sent(ANN, ME, LinkNumber(2));
        barriers.rely(ME, Incarnation(life));
        let clock = [(ANN, 5), (ME, 3)].into_iter().collect();
        Header { to: ME, barriers, clock, ..Header::blank() }
    }

    #[test]
    fn what_the_session_knows_of_is_waited_for() {
        let standing = |settled: u32, sabotage| {
            lobby(sabotage, Recovery::Amnesia).standing(&header(0), Incarnation(0), |_| LinkNumber(settled))
        };
        assert_eq!(standing(1, None), Standing::Early(ANN, LinkNumber(2)));
        assert_eq!(standing(2, None), Standing::Ready);
        assert_eq!(standing(0, Some(Sabotage::IgnoreToken)), Standing::Ready);
        assert_eq!(standing(2, Some(Sabotage::ClockToken)), Standing::Early(ANN, LinkNumber(5)));
    }

    #[test]
    fn a_life_that_has_forgotten_cannot_serve_who_relies_on_an_earlier_one() {
        let standing = |relied, life, recovery| {
            lobby(None, recovery).standing(&header(relied), Incarnation(life), |_| LinkNumber(2))
        };
        assert_eq!(standing(0, 1, Recovery::Amnesia), Standing::Stale);
        assert_eq!(standing(1, 1, Recovery::Amnesia), Standing::Ready);
        assert_eq!(standing(0, 1, Recovery::Durable), Standing::Ready);
    }

    #[test]
    fn it_is_bounded_and_left_in_order() {
        let mut lobby = lobby(None, Recovery::Amnesia);
        assert_eq!(lobby.enter("first", ANN, LinkNumber(2), Time(0)), Ok(&"first"));
        assert_eq!(lobby.enter("second", ANN, LinkNumber(2), Time(0)), Err("second"));
        assert_eq!(lobby.deadlines().collect::<Vec<_>>(), [(&"first", Time(1_000_000_000))]);
        assert_eq!(lobby.leave(|_, _| Standing::Early(ANN, LinkNumber(3))), None);
        assert_eq!(lobby.parked().collect::<Vec<_>>(), [(&"first", ANN, LinkNumber(3))]);
        assert_eq!(lobby.leave(|_, _| Standing::Ready), Some("first"));
        assert!(lobby.is_empty());
    }
}
