//! No deadlock: a run that comes to rest leaves nobody waiting.
//!
//! Judged at the end, and only when nothing is left to do: a run that was stopped has not come to rest, so nothing
//! in it has to wait for ever. Three verdicts, the cause before its effects:
//!
//! - `full-queue-cycle`: senders wait for room in each other's inboxes, in a ring;
//! - `held`: an update waits for an earlier one that nothing under way can bring, or a sender waits for room at a
//!   worker that takes nothing in any more;
//! - `starved`: a worker said that it needs something of another, and nobody can send it any more.
//!
//! What a dead worker itself needs does not count: it waits for nothing. Others may well wait for it; and one that was
//! restarted may wait anew.
//!
//! Sound under `dpor`: it reads how a run ends.

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;
use raddle_core::{DropReason, End, EndReason, Event, Lane, Moment, Names, Parked, Trace, What, WorkerId};

use crate::dead::Dead;
use crate::violation::Violation;
use crate::words;

pub(crate) const NAME: &str = "no-deadlock";

#[inline]
pub(crate) fn finish(end: &End, dead: &Dead, moment: Moment, names: &Names) -> Option<Violation> {
    let still = end.parked.is_empty() && end.stalled.is_empty() && end.waiting.is_empty();
    if still || end.reason != EndReason::Quiescent {
        return None;
    }
    let told = Told { dead, moment, names };
    told.full_queue_cycle(end)
        .or_else(|| told.stalled_for_ever(end))
        .or_else(|| told.held(end))
        .or_else(|| told.starved(end))
}

/// What the verdicts are told with.
#[derive(Clone, Copy)]
struct Told<'a> {
    dead: &'a Dead,
    moment: Moment,
    names: &'a Names,
}

impl Told<'_> {
    fn full_queue_cycle(self, end: &End) -> Option<Violation> {
        let cycle = find_cycle(&end.stalled)?;
        let waits = cycle.windows(2).map(|pair| {
            let [from, at] = [pair[0], pair[1]].map(|worker| self.names.worker(worker));
            format!("{from} waits for room at {at}")
        });
        let waits: Vec<String> = waits.collect();
        let reason = format!("{}: the cycle {}", words::list(&waits), words::path(&cycle, self.names));
        Some(self.violation("full-queue-cycle", cycle[0], reason))
    }

    fn stalled_for_ever(self, end: &End) -> Option<Violation> {
        let (from, at) = *end.stalled.iter().min()?;
        let why = if self.dead.has(at) { "which is dead" } else { "which takes nothing in any more" };
        let reason = format!("{} waits for room at {}, {why}", self.names.worker(from), self.names.worker(at));
        Some(self.violation("held", from, reason))
    }

    fn held(self, end: &End) -> Option<Violation> {
        let first = first_parked(end)?;
        let mut reason = format!(
            "{} keeps {} waiting for number {} of {}, and nothing under way can bring that",
            self.names.worker(first.at),
            words::id(&first.id, self.names),
            first.needs.0,
            self.names.worker(first.of),
        );
        if end.parked.len() > 1 {
            reason += &format!(" ({} in all)", words::count(end.parked.len() as u64, "update"));
        }
        let mut violation = self.violation("held", first.at, reason);
        violation.depth = first.id.depth();
        violation.message = Some(first.id.clone());
        Some(violation)
    }

    fn starved(self, end: &End) -> Option<Violation> {
        let mut waiting: Vec<&(WorkerId, WorkerId, String)> =
            end.waiting.iter().filter(|wait| !self.dead.has(wait.0)).collect();
        waiting.sort_unstable();
        waiting.dedup();
        let (first, _, _) = **waiting.first()?;
        let told: Vec<String> = waiting
            .iter()
            .map(|(worker, on, what)| {
                let on =
                    if on.index() < self.names.worker_count() { self.names.worker(*on) } else { "nobody that exists" };
                format!("{} waits for \"{what}\" of {on}", self.names.worker(*worker))
            })
            .collect();
        let edges: Vec<(WorkerId, WorkerId)> = waiting.iter().map(|wait| (wait.0, wait.1)).collect();
        let mut reason = format!("{}, and nobody has anything left to do", words::list(&told));
        if let Some(cycle) = find_cycle(&edges) {
            reason += &format!(": the cycle {}", words::path(&cycle, self.names));
        }
        Some(self.violation("starved", first, reason))
    }

    fn violation(self, code: &'static str, worker: WorkerId, reason: String) -> Violation {
        Violation { worker: Some(worker), ..Violation::at_end(NAME, code, self.moment, reason) }
    }
}

/// Names the update that a held one waits for, and what became of it.
pub(crate) fn explain(violation: &mut Violation, trace: &Trace) {
    let Some(parked) = first_parked(&trace.end).filter(|parked| Some(&parked.id) == violation.message.as_ref()) else {
        return;
    };
    let names = &trace.conditions.names;
    let is_missing = |e: &&Event| {
        e.what == What::Emit
            && e.header.from.worker() == Some(parked.of)
            && e.header.to == parked.at
            && e.header.number == parked.needs
    };
    let Some(missing) = trace.events.iter().find(is_missing) else { return };
    let id = words::id(&missing.header.id, names);
    let of_it = |e: &&Event| e.header.id == missing.header.id && matches!(e.lane, Lane::Inbox(_));
    let fate = match trace.events.iter().rfind(of_it).map(|e| (e.what, e.moment.step)) {
        Some((What::Drop(reason), step)) => format!("was dropped at step {step} ({})", short(reason)),
        Some((What::Park { .. }, _)) => "waits there as well".to_owned(),
        Some((What::Hold | What::Stall, _)) => "waits for room".to_owned(),
        Some((What::Arrive | What::Release | What::Admit, step)) => format!("was there at step {step}"),
        _ => "never arrived".to_owned(),
    };
    violation.reason = format!(
        "{} keeps {}'s {} waiting for {id} (number {} of {}), which {fate}; nothing under way can bring it",
        names.worker(parked.at),
        parked_from(parked, trace),
        words::id(&parked.id, names),
        parked.needs.0,
        names.worker(parked.of),
    );
    violation.witness = vec![missing.header.id.clone()];
}

fn first_parked(end: &End) -> Option<&Parked> {
    end.parked.iter().min_by_key(|parked| (parked.at, parked.of, parked.needs, &parked.id))
}

fn parked_from<'t>(parked: &Parked, trace: &'t Trace) -> &'t str {
    let sent = trace.events.iter().find(|e| e.what == What::Emit && e.header.id == parked.id);
    let from = sent.and_then(|e| e.header.from.worker());
    trace.conditions.names.worker(from.unwrap_or(parked.of))
}

fn short(reason: DropReason) -> &'static str {
    let word = reason.word();
    word.strip_prefix("drop(").and_then(|word| word.strip_suffix(')')).unwrap_or(word)
}

/// A cycle among these edges, its smallest worker first and again at the end; the same for any order of the edges.
fn find_cycle(edges: &[(WorkerId, WorkerId)]) -> Option<Vec<WorkerId>> {
    let graph: DiGraphMap<WorkerId, ()> = DiGraphMap::from_edges(edges);
    let cyclic = |part: &Vec<WorkerId>| part.len() > 1 || graph.contains_edge(part[0], part[0]);
    let part = tarjan_scc(&graph).into_iter().filter(cyclic).min_by_key(|part| part.iter().min().copied())?;
    let mut path = vec![*part.iter().min()?];
    loop {
        let here = path[path.len() - 1];
        let next = graph.neighbors(here).filter(|n| part.contains(n)).min().expect("a component is connected");
        if let Some(at) = path.iter().position(|seen| *seen == next) {
            let mut cycle = path.split_off(at);
            let smallest = (0..cycle.len()).min_by_key(|at| cycle[*at]).unwrap_or(0);
            cycle.rotate_left(smallest);
            cycle.push(cycle[0]);
            return Some(cycle);
        }
        path.push(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(edges: &[(u32, u32)], cycle: Option<&[u32]>) {
        let mut edges: Vec<_> = edges.iter().map(|(a, b)| (WorkerId::new(*a), WorkerId::new(*b))).collect();
        let expected = cycle.map(|cycle| cycle.iter().map(|w| WorkerId::new(*w)).collect::<Vec<_>>());
        assert_eq!(find_cycle(&edges), expected);
        edges.reverse();
        assert_eq!(find_cycle(&edges), expected, "the other way round");
    }

    #[test]
    fn cycles_are_found_and_start_at_their_smallest() {
        check(&[], None);
        check(&[(0, 1), (1, 2), (0, 2)], None);
        check(&[(4, 4)], Some(&[4, 4]));
        check(&[(3, 1), (1, 2), (2, 3), (0, 3)], Some(&[1, 2, 3, 1]));
        check(&[(5, 6), (6, 5), (2, 3), (3, 2)], Some(&[2, 3, 2]));
        check(&[(0, 2), (2, 1), (1, 2), (2, 0)], Some(&[0, 2, 0]));
    }
}
