//! The workload of a run: the messages of a system, round and round.

use crate::header::Envelope;
use crate::ids::SourceId;
use crate::machine::StateMachine;
use crate::plan::{External, Plan};

impl<T: Clone> External<T> {
    /// The same message under another number.
    pub(crate) fn numbered(&self, number: u32) -> Self {
        Self { number, message: self.message.clone(), ..*self }
    }
}

/// The first `messages` of a workload that begins anew when it is through, each with its number. Numbers go on from round
/// to round; a source that has used them up is through.
pub(crate) fn in_rounds<T>(externals: &[External<T>], messages: u64) -> impl Iterator<Item = (&External<T>, u32)> {
    let mut numbers: Vec<u64> = Vec::new();
    for external in externals {
        let at = external.source.index();
        numbers.resize(numbers.len().max(at + 1), 0);
        numbers[at] = numbers[at].max(u64::from(external.number) + 1);
    }
    let rounds = if externals.is_empty() { 0 } else { messages.div_ceil(externals.len() as u64) };
    let len = externals.len() as u64;
    (0..rounds).flat_map(move |round| {
        let numbers = numbers.clone();
        externals.iter().enumerate().filter_map(move |(place, external)| {
            let number = number(numbers[external.source.index()], external.number, round)?;
            ((round * len).saturating_add(place as u64) < messages).then_some((external, number))
        })
    })
}

fn number(numbers: u64, number: u32, round: u64) -> Option<u32> {
    u32::try_from(round.checked_mul(numbers)?.checked_add(number.into())?).ok()
}

impl<M: StateMachine> Plan<M> {
    /// What one source sends of the first `messages` of the workload, which begins anew when it is through.
    ///
    /// Numbers go on from round to round. A source that has used up all numbers is through.
    pub fn workload(&self, source: SourceId, messages: u64) -> impl Iterator<Item = Envelope<M>> + '_ {
        let all = self.externals();
        let mine = move || all.iter().enumerate().filter(move |(_, external)| external.source == source);
        let numbers = mine().map(|(_, external)| u64::from(external.number) + 1).max().unwrap_or(0);
        let rounds = 0..if numbers == 0 { 0 } else { messages.div_ceil(all.len() as u64) };
        let places = rounds.flat_map(move |round| mine().map(move |(place, external)| (round, place as u64, external)));
        places.map_while(move |(round, place, external)| {
            let place = round.checked_mul(all.len() as u64)?.checked_add(place)?;
            let number = number(numbers, external.number, round).filter(|_| place < messages)?;
            Some(Envelope { header: self.external_header(&external.numbered(number)), input: external.input() })
        })
    }

    /// How many messages the workload must have, round and round, so that each source has sent as many as are told here, in
    /// the order of sources. More than there can be are as many as there can be.
    #[must_use]
    pub fn messages_for(&self, taken: &[u64]) -> u64 {
        let len = self.externals().len() as u64;
        let needed = |(source, taken): (usize, &u64)| {
            let places: Vec<u64> = (0..)
                .zip(self.externals())
                .filter(|(_, external)| external.source.index() == source)
                .map(|(place, _)| place)
                .collect();
            let last = taken.checked_sub(1)?;
            let round = last.checked_div(places.len() as u64)?;
            let place = places[(last % places.len() as u64) as usize];
            Some(round.saturating_mul(len).saturating_add(place).saturating_add(1))
        };
        taken.iter().enumerate().filter_map(needed).max().unwrap_or(0)
    }
}
