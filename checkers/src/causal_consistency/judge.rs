//! The bad patterns of a history (Bouajjani, Enea, Guerraoui and Hamza, POPL'17), found in one pass over it.
//!
//! The causal order of a history with unique values is the order of each session and the order from each write to the reads
//! of its value, and what follows from both. Operations are visited in a linear extension of it; the past of an operation
//! is a clock: how many operations of each session it has. A read is judged by the last write of its key in its past that
//! each session has, as any earlier write of that session that breaks something is broken by that one too. So the cost is
//! one step for each operation and session (AWDIT, PLDI'25), and less where few sessions write a key: of each key's
//! writers the last one is looked for near where it was found last.
//!
//! A clock is kept for each write after which its session learns something, not for each operation.

use super::Level;
use super::graph::Graph;
use super::history::{History, Kind, NOBODY, Op, WrittenTwice};
use super::writes::WritesByKey;

/// Most numbers in all clocks together, 4 bytes each: beyond, a history is too large to be judged.
const CLOCKS_MAX: usize = 1 << 28;

/// What is wrong with a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) pattern: Pattern,
    /// The operations that prove it. Of a cycle: in its order. Otherwise the last is the read.
    pub(super) ops: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// A value was read that nobody wrote.
    ThinAirRead,
    /// Operations are in their own past.
    CyclicCo,
    /// Nothing was read of a key though a write of it was in the past.
    WriteCoInitRead,
    /// What was read had been overwritten in the past.
    WriteCoRead,
    /// No order of all writes agrees with what everybody read.
    CyclicCf,
}

/// Why there is no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    WrittenTwice(WrittenTwice),
    TooLarge { sessions: usize },
}

/// Judges a history; gives the first thing that is wrong with it.
///
/// # Errors
/// When it cannot be told.
pub(super) fn judge(history: &History, level: Level) -> Result<Option<Wrong>, Unknown> {
    if let Some(twice) = history.twice() {
        return Err(Unknown::WrittenTwice(twice));
    }
    let mut sources = Vec::with_capacity(history.ops.len());
    for (op, read) in history.ops.iter().zip(0..) {
        match history.source(op) {
            Ok(source) => sources.push(source),
            Err(()) => return Ok(Some(Wrong { pattern: Pattern::ThinAirRead, ops: vec![read] })),
        }
    }
    let graph = Graph { history, sources: &sources };
    let order = match graph.order(&[]) {
        Ok(order) => order,
        Err(left) => return Ok(Some(Wrong { pattern: Pattern::CyclicCo, ops: graph.shortest_cycle(&left, &[]) })),
    };
    let mut pass = Pass::new(&graph, order.is_none(), level)?;
    let visit = |op| pass.visit(&graph, op);
    let wrong = match &order {
        Some(order) => order.iter().copied().find_map(visit),
        None => (0..graph.len()).find_map(visit),
    };
    if wrong.is_some() || level == Level::Causal {
        return Ok(wrong);
    }
    let conflicts = std::mem::take(&mut pass.conflicts);
    let cycle = graph.order(&conflicts).err().map(|left| graph.shortest_cycle(&left, &conflicts));
    Ok(cycle.map(|ops| Wrong { pattern: Pattern::CyclicCf, ops }))
}

/// The pass over all operations.
struct Pass {
    width: usize,
    /// By session, `width` numbers: how many operations of each session are in its past.
    now: Vec<u32>,
    /// By session: where its clock of now is kept, if it has not learnt anything since.
    kept: Vec<Option<u32>>,
    /// Clocks that are kept for writes, `width` numbers each.
    clocks: Vec<u32>,
    /// By operation: of a write, which clock.
    clock_of: Vec<u32>,
    writes: WritesByKey,
    /// Whether operations are visited in the order of the trace.
    in_order: bool,
    level: Level,
    /// For the level above: write before write, because somebody read the second and knew of the first.
    conflicts: Vec<(u32, u32)>,
}

impl Pass {
    fn new(graph: &Graph<'_>, in_order: bool, level: Level) -> Result<Self, Unknown> {
        let width = graph.history.lengths.len();
        if width.saturating_mul(width) > CLOCKS_MAX {
            return Err(Unknown::TooLarge { sessions: width });
        }
        let learns =
            |(op, source): (&Op, &u32)| *source != NOBODY && graph.history.ops[*source as usize].session != op.session;
        let lessons = graph.history.ops.iter().zip(graph.sources).filter(|pair| learns(*pair)).count();
        if (lessons + width).saturating_mul(width) > CLOCKS_MAX {
            return Err(Unknown::TooLarge { sessions: width });
        }
        Ok(Self {
            width,
            now: vec![0; width * width],
            kept: vec![None; width],
            clocks: Vec::new(),
            clock_of: vec![NOBODY; graph.sources.len()],
            writes: WritesByKey::new(graph.history),
            in_order,
            level,
            conflicts: Vec::new(),
        })
    }

    /// Takes the next operation; gives what it breaks.
    fn visit(&mut self, graph: &Graph<'_>, op: u32) -> Option<Wrong> {
        let it = graph.history.ops[op as usize];
        let source = graph.sources[op as usize];
        match it.kind {
            Kind::Write => {
                self.keep(op, it.session as usize);
                None
            }
            Kind::Read => {
                self.learn(graph, it.session as usize, source);
                self.judge_read(graph, op, source)
            }
            Kind::ReadInitial => self.judge_initial(graph, op),
        }
    }

    /// Keeps the clock of a write.
    fn keep(&mut self, op: u32, session: usize) {
        let place = match self.kept[session] {
            Some(place) => place,
            None => {
                let place = (self.clocks.len() / self.width) as u32;
                self.clocks.extend_from_slice(&self.now[session * self.width..][..self.width]);
                self.kept[session] = Some(place);
                place
            }
        };
        self.clock_of[op as usize] = place;
    }

    /// A session learns what was known where the value was written that it reads.
    fn learn(&mut self, graph: &Graph<'_>, session: usize, source: u32) {
        let from = graph.history.ops[source as usize];
        let now = &mut self.now[session * self.width..][..self.width];
        if from.session as usize == session || now[from.session as usize] >= from.at {
            return;
        }
        let theirs = &self.clocks[self.clock_of[source as usize] as usize * self.width..][..self.width];
        for (mine, theirs) in now.iter_mut().zip(theirs) {
            *mine = (*mine).max(*theirs);
        }
        now[from.session as usize] = from.at;
        self.kept[session] = None;
    }

    /// How many operations of another session, or of its own, are in the past of an operation of this session.
    fn past(&self, it: &Op, of: u32) -> u32 {
        if of == it.session { it.at - 1 } else { self.now[it.session as usize * self.width + of as usize] }
    }

    fn judge_initial(&self, graph: &Graph<'_>, read: u32) -> Option<Wrong> {
        let it = graph.history.ops[read as usize];
        let first = self.writes.of(it.key).find_map(|writer| {
            let (first, at) = self.writes.first(writer);
            (at <= self.past(&it, self.writes.session(writer))).then_some(first)
        })?;
        Some(Wrong { pattern: Pattern::WriteCoInitRead, ops: vec![first, read] })
    }

    fn judge_read(&mut self, graph: &Graph<'_>, read: u32, source: u32) -> Option<Wrong> {
        let ops = &graph.history.ops;
        let (it, from) = (ops[read as usize], ops[source as usize]);
        for writer in self.writes.of(it.key) {
            let session = self.writes.session(writer);
            let Some((last, at)) = self.writes.last_up_to(writer, self.past(&it, session)) else { continue };
            if last == source {
                continue;
            }
            let overwritten = if session == from.session {
                at > from.at
            } else {
                // In the order of the trace, if that is an order of causes, nothing is known to who came before.
                let may_know = !self.in_order || last > source;
                may_know
                    && self.clocks[self.clock_of[last as usize] as usize * self.width + from.session as usize]
                        >= from.at
            };
            if overwritten {
                return Some(Wrong { pattern: Pattern::WriteCoRead, ops: vec![source, last, read] });
            }
            if self.level == Level::Convergent {
                self.conflicts.push((last, source));
            }
        }
        None
    }
}
