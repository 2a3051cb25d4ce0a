//! Incarnations: nothing crosses from one life of a worker into another.
//!
//! - `lives`: the lives of a worker follow each other, one by one, each after the one before is over;
//! - `dead`: between two lives a worker handles nothing and sends nothing;
//! - `wrong-life`: what it handles and sends, it does in the life that it is in;
//! - `old-life`: an update is handled by the life that it was sent to, a start or a timer by the life that it is of;
//! - `reset`: what a worker counts goes on over its lives: its entry in its own clock, and its number on each link. If
//!   either began again, what it sends now would pass for what it sent before.
//!
//! Messages from outside are for whichever life there is.
//!
//! Sound under `dpor`: it reads what each worker does in its order.

use raddle_core::{EventRef, Header, Incarnation, InputKind, Names, VectorClock, What, WorkerId};

use crate::dead::worker_of;
use crate::per_worker::{Forget, PerWorker};
use crate::violation::Violation;
use crate::words;

pub(crate) const NAME: &str = "incarnation";

#[derive(Clone, Debug)]
pub(crate) struct Incarnations {
    seats: PerWorker<Seat>,
    /// Until then all are in their first life.
    somebody_died: bool,
}

#[derive(Clone, Debug, Default)]
struct Seat {
    life: Incarnation,
    is_dead: bool,
    /// The number of the last update to each worker: a table of the same kind as a clock.
    links: VectorClock,
}

impl Forget for Seat {
    #[inline]
    fn forget(&mut self) {
        self.life = Incarnation::default();
        self.is_dead = false;
        self.links.clear();
    }

    #[inline]
    fn copy_from(&mut self, other: &Self) {
        let Self { life, is_dead, links } = self;
        (*life, *is_dead) = (other.life, other.is_dead);
        links.copy_from(&other.links);
    }
}

/// What is wrong, as far as it is not in the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Lives { last: Incarnation, is_over: bool },
    Dead { last: Incarnation },
    Life { now: Incarnation },
    OldLife,
    Count { next: u32 },
    Number { next: u32 },
}

impl Incarnations {
    pub(crate) fn new(workers: usize) -> Self {
        Self { seats: PerWorker::new(workers), somebody_died: false }
    }

    pub(crate) fn reset(&mut self) {
        self.seats.reset();
        self.somebody_died = false;
    }

    /// Becomes equal to `other`, the same law over another run, keeping its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        let Self { seats, somebody_died } = self;
        seats.copy_from(&other.seats);
        *somebody_died = other.somebody_died;
    }

    /// Judges an update that is sent as the `count`th of its sender.
    #[inline(always)]
    pub(crate) fn emit(&mut self, event: EventRef<'_>, from: WorkerId, count: u32) -> Option<Wrong> {
        let header = event.header;
        let seat = self.seats.at(from);
        let next = seat.links.tick(header.to);
        let counts = header.number.0 == next && header.clock.get(from) == count;
        if counts && !self.somebody_died && event.life.0 | header.life.0 == 0 {
            return None;
        }
        seat.emit(event, from, count, next)
    }

    /// Judges a handling.
    #[inline(always)]
    pub(crate) fn handle(&mut self, event: EventRef<'_>) -> Option<Wrong> {
        if !self.somebody_died && event.life.0 | event.header.to_life.0 == 0 {
            return None;
        }
        self.seats.at(worker_of(event)).handle(event)
    }

    pub(crate) fn crash(&mut self, event: EventRef<'_>) {
        self.somebody_died = true;
        self.seats.at(worker_of(event)).is_dead = true;
    }

    pub(crate) fn restart(&mut self, event: EventRef<'_>) -> Option<Wrong> {
        self.somebody_died = true;
        let seat = self.seats.at(worker_of(event));
        let (last, is_over) = (seat.life, seat.is_dead);
        seat.life = event.life;
        seat.is_dead = false;
        (event.life.0 != last.0.wrapping_add(1) || !is_over).then_some(Wrong::Lives { last, is_over })
    }

    #[cold]
    pub(crate) fn broken(wrong: Wrong, event: EventRef<'_>, names: &Names) -> Violation {
        let header = event.header;
        let is_send = event.what == What::Emit;
        let worker = if is_send { header.from.worker().unwrap_or_default() } else { worker_of(event) };
        let name = names.worker(worker);
        let id = words::id(&header.id, names);
        let did = if is_send { format!("sent {id}") } else { format!("handled {}", words::message(header, names)) };
        let (code, reason) = match wrong {
            Wrong::Lives { last, is_over: false } => {
                ("lives", format!("{name} began life {} while its life {} was not over", event.life.0, last.0))
            }
            Wrong::Lives { last, .. } => {
                ("lives", format!("{name} began life {}, though its last was life {}", event.life.0, last.0))
            }
            Wrong::Dead { last } => ("dead", format!("{name} {did} after its life {} was over", last.0)),
            Wrong::Life { now } => {
                let claimed = if event.life == now { header.life } else { event.life };
                ("wrong-life", format!("{name} {did} as if in life {}, though it is in life {}", claimed.0, now.0))
            }
            Wrong::OldLife => {
                let lives = (event.life.0, header.to_life.0);
                ("old-life", format!("{name} {did} in life {}, though that is for life {}", lives.0, lives.1))
            }
            Wrong::Count { next } => {
                let count = header.clock.get(worker);
                ("reset", format!("{name} {did} as number {count} of all that it sent, though number {next} was next"))
            }
            Wrong::Number { next } => {
                let (number, to) = (header.number.0, names.worker(header.to));
                (
                    "reset",
                    format!("{name} {did} as number {number} of what it sent {to}, though number {next} was next"),
                )
            }
        };
        Violation::at(NAME, code, Some(worker), event, reason)
    }
}

impl Seat {
    #[cold]
    fn emit(&self, event: EventRef<'_>, from: WorkerId, count: u32, next: u32) -> Option<Wrong> {
        let header = event.header;
        if self.is_dead {
            Some(Wrong::Dead { last: self.life })
        } else if event.life != self.life || header.life != self.life {
            Some(Wrong::Life { now: self.life })
        } else if header.clock.get(from) != count {
            Some(Wrong::Count { next: count })
        } else {
            (header.number.0 != next).then_some(Wrong::Number { next })
        }
    }

    #[cold]
    fn handle(&self, event: EventRef<'_>) -> Option<Wrong> {
        if self.is_dead {
            Some(Wrong::Dead { last: self.life })
        } else if event.life != self.life {
            Some(Wrong::Life { now: self.life })
        } else {
            (is_for_one_life(event.header) && event.header.to_life != event.life).then_some(Wrong::OldLife)
        }
    }
}

fn is_for_one_life(header: &Header) -> bool {
    header.kind() != InputKind::External
}
