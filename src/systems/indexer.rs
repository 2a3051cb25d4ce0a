//! `indexer`: n threads insert into one hash table.
//!
//! ```text
//!   t ─ insert w ─▷ cell (7 w) mod 128      a compare-and-swap with empty
//!   cell ─ done ──▷ t                       the next w
//!   cell ─ taken ─▷ t                       the same w at the next cell: linear probing
//! ```
//!
//! `indexer` of Flanagan and Godefroid ("Dynamic Partial-Order Reduction for Model Checking Software", POPL'05), as
//! Concuerror counts it (POPL'14): a table of 128, here one worker per cell; thread t inserts w = 11 i + t for i = 1..4,
//! one after the other. Up to 11 threads nobody meets; from then on thread t + 11 inserts three values that thread t
//! inserts too, and each meeting has two orders. Figure: 8^(n - 11) traces in every network, thus 1, 8, 64 and 4,096 for n = 11, 12, 13
//! and 15. No inputs are declared commuting: two insertions at one cell never commute.

use raddle_core::{FaultKind, Input, Outbox, StateMachine, System, WorkerId};
use raddle_sim::FaultPlan;
use serde::{Deserialize, Serialize};

use super::{litmus, numbered_from};
use crate::catalog::Entry;

/// Cells of the table.
const CELLS: u32 = 128;
/// What one thread inserts.
const EACH: u32 = 4;
/// Values of a thread lie so far apart.
const STRIDE: u32 = 11;
/// Most threads: thread t and thread t + 22 would meet too, and the figure would be another one.
const THREADS_MAX: u32 = 22;
/// More updates than a chain has: a request and its reply for each insertion, and for each probe.
const DEPTH: u32 = 64;

/// What threads ask of cells, and what those answer.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
enum Say {
    Insert(u32),
    Done,
    Taken,
}

/// A cell or a thread.
#[derive(Clone, Hash, Serialize, Deserialize)]
enum Role {
    Cell {
        value: Option<u32>,
        /// The planted bug.
        blind: bool,
    },
    Thread {
        t: u32,
        /// Inserted so far.
        inserted: u32,
        /// The cell that is being tried.
        cell: u32,
    },
}

impl Role {
    /// Goes on with the next value, if there is one.
    fn insert_next(&mut self, out: &mut Outbox<Say>) {
        if let Self::Thread { t, inserted: inserted @ 0..EACH, cell } = self {
            let value = value(*t, *inserted + 1);
            *cell = home(value);
            out.notify(WorkerId::new(*cell), Say::Insert(value));
        }
    }

    /// For coverage.
    const fn state(&self) -> &'static str {
        match *self {
            Self::Cell { value: None, .. } => "free",
            Self::Cell { value: Some(_), .. } => "filled",
            Self::Thread { inserted: EACH, .. } => "done",
            Self::Thread { inserted: 0, cell: 0, .. } => "fresh",
            Self::Thread { t, inserted, cell } if cell == home(value(t, inserted + 1)) => "inserts",
            Self::Thread { .. } => "probes",
        }
    }

    /// For coverage.
    const fn kind(input: &Input<Self>) -> &'static str {
        match input {
            Input::Update(Say::Insert(_)) => "insert",
            Input::Update(Say::Done) => "done",
            Input::Update(Say::Taken) => "taken",
            other => other.kind().word(),
        }
    }

    /// How much a thread was told to have inserted.
    fn inserted(&self) -> u32 {
        if let Self::Thread { inserted, .. } = self { *inserted } else { 0 }
    }

    fn is_filled(&self) -> bool {
        matches!(self, Self::Cell { value: Some(_), .. })
    }
}

/// Where a value is tried first.
const fn home(value: u32) -> u32 {
    7 * value % CELLS
}

/// The i-th value of a thread, from 1.
const fn value(t: u32, i: u32) -> u32 {
    STRIDE * i + t
}

impl StateMachine for Role {
    type Message = ();
    type Update = Say;

    fn on_message(&mut self, (): (), out: &mut Outbox<Say>) {
        self.insert_next(out);
    }

    fn on_update(&mut self, said: Say, out: &mut Outbox<Say>) {
        match (&mut *self, said) {
            (Self::Cell { value, blind }, Say::Insert(new)) => {
                let free = value.is_none() || *blind;
                if free {
                    *value = Some(new);
                }
                let thread = out.sender_worker().expect("updates come from workers");
                out.notify(thread, if free { Say::Done } else { Say::Taken });
            }
            (Self::Thread { inserted, .. }, Say::Done) => {
                *inserted += 1;
                self.insert_next(out);
            }
            (Self::Thread { t, inserted, cell }, Say::Taken) => {
                out.mark("probed");
                *cell = (*cell + 1) % CELLS;
                out.notify(WorkerId::new(*cell), Say::Insert(value(*t, *inserted + 1)));
            }
            _ => {}
        }
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("indexer", "n threads insert into one hash table: 8^(n - 11) traces", |args| {
        Ok(system(args.number("n", 1, THREADS_MAX)?, args.has_bug("blind-write")))
    })
    .param("n", "12", "threads, at most 22; from 12 on they meet")
    // A thread goes on when it is answered, and once for each answer; nobody repeats a request.
    .tolerates(
        FaultPlan::all()
            .with(FaultKind::Loss, 0)
            .with(FaultKind::Duplication, 0)
            .with(FaultKind::Crash, 0)
            .with(FaultKind::Full, 0),
    )
    .bug("blind-write", "all-inserted", "a cell takes what it is given without looking whether it is free")
}

fn system(n: u32, blind: bool) -> System<Role> {
    let threads = || numbered_from("t", 0, n);
    // Cells come first, so that the number of a cell is that of its worker.
    let system = litmus("indexer")
        .workers(numbered_from("c", 0, CELLS), move |_| Role::Cell { value: None, blind })
        .workers(threads(), |seat| Role::Thread { t: seat.id().index() as u32 - CELLS, inserted: 0, cell: 0 });
    threads()
        .zip(numbered_from("u", 0, n))
        .fold(system, |system, (thread, user)| system.messages(user, [(thread, ())]))
        .with(|policies| policies.max_depth = DEPTH)
        .at_end("all-inserted", |run| {
            let filled = run.machines().filter(|role| role.is_filled()).count();
            filled == run.machines().map(Role::inserted).sum::<u32>() as usize
        })
        .marks(["probed"])
        .state_kind(Role::state)
        .message_kind(Role::kind)
        .hashed()
        .on_processes()
}
