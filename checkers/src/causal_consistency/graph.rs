//! The causal order as a graph: from each operation to the next of its session, and from each write to what read it.
//!
//! A trace mostly stands in an order that agrees with it, and then no graph is built. Otherwise operations are sorted, and
//! where that cannot be done they stand on a cycle.

use std::collections::VecDeque;

use super::history::{History, NOBODY};

/// The operations and what leads from one to another.
#[derive(Clone, Copy)]
pub(super) struct Graph<'h> {
    pub(super) history: &'h History,
    /// By operation: the write that it read from.
    pub(super) sources: &'h [u32],
}

impl Graph<'_> {
    pub(super) fn len(&self) -> u32 {
        self.sources.len() as u32
    }

    /// A linear extension of the causal order and `more`; none where the order of the trace is one.
    ///
    /// # Errors
    /// With the operations that stand on cycles or behind them, if there are any.
    pub(super) fn order(&self, more: &[(u32, u32)]) -> Result<Option<Vec<u32>>, Vec<bool>> {
        let forward = |(read, source): (u32, &u32)| *source == NOBODY || *source < read;
        if more.is_empty() && (0..).zip(self.sources).all(forward) {
            return Ok(None);
        }
        let edges = Edges::new(self, more);
        let mut waits = vec![0_u32; self.sources.len()];
        for op in 0..self.len() {
            edges.each(op, |next, _| waits[next as usize] += 1);
        }
        let mut ready: VecDeque<u32> = (0..self.len()).filter(|op| waits[*op as usize] == 0).collect();
        let mut order = Vec::with_capacity(self.sources.len());
        while let Some(op) = ready.pop_front() {
            order.push(op);
            edges.each(op, |next, _| {
                waits[next as usize] -= 1;
                if waits[next as usize] == 0 {
                    ready.push_back(next);
                }
            });
        }
        if order.len() == self.sources.len() {
            return Ok(Some(order));
        }
        Err(waits.iter().map(|waits| *waits > 0).collect())
    }

    /// A cycle among operations that are `left`, with as few steps between sessions as there are, each operation of
    /// which begins or ends one, the first of the trace first. Of very many, one of those found first.
    pub(super) fn shortest_cycle(&self, left: &[bool], more: &[(u32, u32)]) -> Vec<u32> {
        /// Operations looked at for it, in all.
        const LOOKED_AT: usize = 1 << 24;
        let tried = (LOOKED_AT / left.len()).clamp(1, 256);
        let edges = Edges::new(self, more);
        let steps = (0..self.len()).filter(|op| left[*op as usize]).flat_map(|op| {
            let mut out = Vec::new();
            edges.each(op, |next, leaves| {
                if leaves && left[next as usize] {
                    out.push((op, next));
                }
            });
            out
        });
        let cycles = steps.filter_map(|(from, to)| edges.path(to, from, |op| left[op as usize])).take(tried);
        let mut cycle = cycles.min_by_key(Vec::len).unwrap_or_default();
        let first = (0..cycle.len()).min_by_key(|at| cycle[*at]).unwrap_or(0);
        cycle.rotate_left(first);
        cycle
    }
}

/// A path in the causal order from one operation to another, with as few steps between sessions as there are; each of its
/// operations begins or ends one.
pub(super) fn path(history: &History, from: u32, to: u32) -> Vec<u32> {
    let sources: Vec<u32> = history.ops.iter().map(|op| history.source(op).unwrap_or(NOBODY)).collect();
    let graph = Graph { history, sources: &sources };
    Edges::new(&graph, &[]).path(from, to, |_| true).unwrap_or_else(|| vec![from, to])
}

/// The way on from each operation.
struct Edges {
    /// By operation: the next of its session.
    next: Vec<u32>,
    /// By operation, from its place in `starts`: what it leads to in other sessions.
    starts: Vec<u32>,
    leads_to: Vec<u32>,
}

impl Edges {
    fn new(graph: &Graph<'_>, more: &[(u32, u32)]) -> Self {
        let len = graph.sources.len();
        let mut next = vec![NOBODY; len];
        let mut last = vec![NOBODY; graph.history.lengths.len()];
        for (op, at) in graph.history.ops.iter().zip(0..) {
            let last = &mut last[op.session as usize];
            if *last != NOBODY {
                next[*last as usize] = at;
            }
            *last = at;
        }
        let reads = || (0..).zip(graph.sources).filter(|(_, source)| **source != NOBODY).map(|(read, s)| (*s, read));
        let mut starts = vec![0; len + 1];
        for (from, _) in reads().chain(more.iter().copied()) {
            starts[from as usize + 1] += 1;
        }
        for at in 0..len {
            starts[at + 1] += starts[at];
        }
        let mut free = starts.clone();
        let mut leads_to = vec![NOBODY; starts[len] as usize];
        for (from, to) in reads().chain(more.iter().copied()) {
            let free = &mut free[from as usize];
            leads_to[*free as usize] = to;
            *free += 1;
        }
        Self { next, starts, leads_to }
    }

    /// Calls `found` with all that an operation leads to, and whether by more than the order of its session.
    fn each(&self, op: u32, mut found: impl FnMut(u32, bool)) {
        let op = op as usize;
        if self.next[op] != NOBODY {
            found(self.next[op], false);
        }
        self.leads_to[self.starts[op] as usize..self.starts[op + 1] as usize].iter().for_each(|to| found(*to, true));
    }

    /// A path with as few steps between sessions as there are, without the operations between them.
    fn path(&self, from: u32, to: u32, allowed: impl Fn(u32) -> bool) -> Option<Vec<u32>> {
        const FAR: u32 = u32::MAX;
        let mut distance = vec![FAR; self.next.len()];
        let mut before = vec![(NOBODY, false); self.next.len()];
        let mut open = VecDeque::from([from]);
        distance[from as usize] = 0;
        while let Some(op) = open.pop_front() {
            if op == to {
                break;
            }
            let here = distance[op as usize];
            self.each(op, |next, leaves| {
                let there = here + u32::from(leaves);
                if allowed(next) && there < distance[next as usize] {
                    distance[next as usize] = there;
                    before[next as usize] = (op, leaves);
                    if leaves { open.push_back(next) } else { open.push_front(next) }
                }
            });
        }
        if distance[to as usize] == FAR {
            return None;
        }
        let mut path = vec![to];
        let (mut op, mut was_step) = (to, true);
        while op != from {
            let (earlier, leaves) = before[op as usize];
            if (leaves || was_step) && path.last() != Some(&op) {
                path.push(op);
            }
            (op, was_step) = (earlier, leaves);
        }
        if path.last() != Some(&from) {
            path.push(from);
        }
        path.reverse();
        Some(path)
    }
}
