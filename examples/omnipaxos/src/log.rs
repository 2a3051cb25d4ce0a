//! Where a replica keeps its log: in memory, for the length of a run.
//!
//! The crate asks for a store; the ready-made one pulls in its serialising half, which nothing here needs. This one
//! never compacts, since nothing here snapshots, trims or reconfigures: those calls are refused, not faked.

use std::error::Error;

use omnipaxos::ballot_leader_election::Ballot;
use omnipaxos::storage::{NoSnapshot, StopSign, Storage, StorageOp, StorageResult};

use crate::wire::Proposal;

/// A log that starts empty, forgets nothing and never fails.
#[derive(Clone, Debug, Default)]
pub struct MemoryLog {
    entries: Vec<Proposal>,
    promised: Option<Ballot>,
    accepted: Option<Ballot>,
    decided: usize,
}

impl Storage<Proposal> for MemoryLog {
    fn write_atomically(&mut self, ops: Vec<StorageOp<Proposal>>) -> StorageResult<()> {
        ops.into_iter().try_for_each(|op| match op {
            StorageOp::AppendEntry(entry) => self.append_entry(entry),
            StorageOp::AppendEntries(entries) => self.append_entries(entries),
            StorageOp::AppendOnPrefix(from, entries) => self.append_on_prefix(from, entries),
            StorageOp::SetPromise(ballot) => self.set_promise(ballot),
            StorageOp::SetDecidedIndex(index) => self.set_decided_idx(index),
            StorageOp::SetAcceptedRound(ballot) => self.set_accepted_round(ballot),
            StorageOp::SetCompactedIdx(index) => self.set_compacted_idx(index),
            StorageOp::Trim(index) => self.trim(index),
            StorageOp::SetStopsign(sign) => self.set_stopsign(sign),
            StorageOp::SetSnapshot(snapshot) => self.set_snapshot(snapshot),
        })
    }

    fn append_entry(&mut self, entry: Proposal) -> StorageResult<()> {
        self.entries.push(entry);
        Ok(())
    }

    fn append_entries(&mut self, entries: Vec<Proposal>) -> StorageResult<()> {
        self.entries.extend(entries);
        Ok(())
    }

    fn append_on_prefix(&mut self, from: usize, entries: Vec<Proposal>) -> StorageResult<()> {
        self.entries.truncate(from);
        self.append_entries(entries)
    }

    fn set_promise(&mut self, ballot: Ballot) -> StorageResult<()> {
        self.promised = Some(ballot);
        Ok(())
    }

    fn set_decided_idx(&mut self, index: usize) -> StorageResult<()> {
        self.decided = index;
        Ok(())
    }

    fn get_decided_idx(&self) -> StorageResult<usize> {
        Ok(self.decided)
    }

    fn set_accepted_round(&mut self, ballot: Ballot) -> StorageResult<()> {
        self.accepted = Some(ballot);
        Ok(())
    }

    fn get_accepted_round(&self) -> StorageResult<Option<Ballot>> {
        Ok(self.accepted)
    }

    fn get_entries(&self, from: usize, to: usize) -> StorageResult<Vec<Proposal>> {
        Ok(self.entries.get(from..to).unwrap_or_default().to_vec())
    }

    fn get_log_len(&self) -> StorageResult<usize> {
        Ok(self.entries.len())
    }

    fn get_suffix(&self, from: usize) -> StorageResult<Vec<Proposal>> {
        Ok(self.entries.get(from..).unwrap_or_default().to_vec())
    }

    fn get_promise(&self) -> StorageResult<Option<Ballot>> {
        Ok(self.promised)
    }

    fn set_stopsign(&mut self, sign: Option<StopSign>) -> StorageResult<()> {
        sign.map_or(Ok(()), |_| refuse("reconfiguration"))
    }

    fn get_stopsign(&self) -> StorageResult<Option<StopSign>> {
        Ok(None)
    }

    fn trim(&mut self, _: usize) -> StorageResult<()> {
        refuse("trimming")
    }

    fn set_compacted_idx(&mut self, _: usize) -> StorageResult<()> {
        refuse("compaction")
    }

    fn get_compacted_idx(&self) -> StorageResult<usize> {
        Ok(0)
    }

    fn set_snapshot(&mut self, snapshot: Option<NoSnapshot>) -> StorageResult<()> {
        snapshot.map_or(Ok(()), |_| refuse("a snapshot"))
    }

    fn get_snapshot(&self) -> StorageResult<Option<NoSnapshot>> {
        Ok(None)
    }
}

fn refuse(what: &str) -> StorageResult<()> {
    Err(Box::<dyn Error>::from(format!("{what} is not supported by the log in memory")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(entries: &[u32]) -> MemoryLog {
        let mut log = MemoryLog::default();
        log.append_entries(entries.iter().copied().map(Proposal).collect()).expect("takes entries");
        log
    }

    #[test]
    fn a_prefix_is_kept_and_the_rest_replaced() {
        let mut log = log(&[1, 2, 3]);
        log.append_on_prefix(1, vec![Proposal(9)]).expect("writes");
        assert_eq!(log.get_suffix(0).expect("reads"), [Proposal(1), Proposal(9)]);
        assert_eq!(log.get_entries(1, 2).expect("reads"), [Proposal(9)]);
    }

    #[test]
    fn an_interval_that_is_not_all_there_reads_as_nothing() {
        let log = log(&[1, 2]);
        assert_eq!(log.get_entries(1, 3).expect("reads"), []);
        assert_eq!(log.get_suffix(3).expect("reads"), []);
    }

    #[test]
    fn what_is_not_kept_is_refused() {
        assert!(log(&[1]).trim(1).is_err());
        assert!(log(&[1]).write_atomically(vec![StorageOp::SetCompactedIdx(1)]).is_err());
    }
}
