//! What the clients of one replica still wait for.
//!
//! A log such as this promises nothing for an entry that is only accepted: when the leader is replaced before enough
//! others have stored it, the entry is overwritten. Whoever proposed it must ask again. A replica does this for its
//! clients, at the moment when it has taken over the log of another leader than the one it asked: then it knows that
//! its proposal is either in that log, on its way there, or gone. No timer is needed, so nothing hangs on how many
//! ticks are left; the price is that a proposal may be decided twice.

use omnipaxos::ballot_leader_election::Ballot;

use crate::wire::Proposal;

/// Proposals that were made and not seen decided, with the ballot of the leader that each was last made to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pending {
    asked: Vec<(Proposal, Ballot)>,
}

impl Pending {
    /// A proposal was made to the leader of this ballot.
    pub(crate) fn ask(&mut self, proposal: Proposal, ballot: Ballot) {
        self.asked.push((proposal, ballot));
    }

    /// A proposal was decided, here or elsewhere.
    pub(crate) fn decided(&mut self, proposal: Proposal) {
        self.asked.retain(|(asked, _)| *asked != proposal);
    }

    /// The next one that was made to another leader than that of this ballot; it counts as made to this one now.
    /// What was made when there was no leader yet need not be made again: the node has kept it and passes it on.
    pub(crate) fn next_for(&mut self, ballot: Ballot) -> Option<Proposal> {
        let mut others = self.asked.iter_mut().filter(|(_, asked)| *asked != ballot);
        others.find_map(|(proposal, asked)| {
            let before = std::mem::replace(asked, ballot);
            (before != Ballot::default()).then_some(*proposal)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_asked_once_of_each_leader_until_it_is_decided() {
        let [first, second] = [1, 2].map(|n| Ballot::with(1, n, 0, 3));
        let mut pending = Pending::default();
        pending.ask(Proposal(7), first);
        pending.ask(Proposal(8), first);
        assert_eq!(pending.next_for(first), None);
        pending.decided(Proposal(7));
        assert_eq!([pending.next_for(second), pending.next_for(second)], [Some(Proposal(8)), None]);
        pending.decided(Proposal(8));
        assert_eq!(pending.next_for(first), None);
    }

    #[test]
    fn what_waits_for_the_first_leader_is_not_asked_again() {
        let [first, second] = [1, 2].map(|n| Ballot::with(1, n, 0, 3));
        let mut pending = Pending::default();
        pending.ask(Proposal(7), Ballot::default());
        assert_eq!(pending.next_for(first), None);
        assert_eq!(pending.next_for(second), Some(Proposal(7)));
    }
}
