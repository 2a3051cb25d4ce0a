//! Real runs under actix: an actor for each part, and one more that carries loads to their targets.
//!
//! Each actor has an arbiter of its own, which is a thread. In actix's favour loads are sent by `do_send`, which never
//! waits for room.

use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use actix::{Actor, Addr, Arbiter, Context, Handler, Message, System};
use anyhow::{Context as _, Result};

use crate::real::load::Load;
use crate::real::part::{Ended, Part};

/// Plays to the end.
///
/// # Errors
/// When those who take part do not come to their end.
pub fn play(parts: Vec<Part>) -> Result<Ended> {
    // Arbiters belong to a system; that itself has nothing to do here.
    let _system = System::new();
    let ends = Part::count_ends(&parts);
    let (done, said) = channel();
    let arbiters: Vec<Arbiter> = (0..=parts.len()).map(|_| Arbiter::new()).collect();
    let coordinator = Coordinator::start_in_arbiter(&arbiters[parts.len()].handle(), |_| Coordinator::default());
    let start_taker = |(part, arbiter): (Part, &Arbiter)| {
        let (coordinator, done) = (coordinator.clone(), done.clone());
        Taker::start_in_arbiter(&arbiter.handle(), |_| Taker { part, coordinator, done })
    };
    let to: Vec<_> = parts.into_iter().zip(&arbiters).map(start_taker).collect();
    coordinator.do_send(Meet(to.clone()));
    let start = Instant::now();
    to.iter().for_each(|taker| taker.do_send(Begin));
    let ended = Ended::wait_for(ends, start, &said);
    for arbiter in arbiters {
        arbiter.stop();
        arbiter.join().ok().context("failed to end an arbiter of actix")?;
    }
    ended
}

impl Message for Load {
    type Result = ();
}

/// Tells an actor to begin.
struct Begin;

impl Message for Begin {
    type Result = ();
}

/// Tells the coordinator who there is.
struct Meet(Vec<Addr<Taker>>);

impl Message for Meet {
    type Result = ();
}

/// A part, as an actor.
struct Taker {
    part: Part,
    coordinator: Addr<Coordinator>,
    done: Sender<Part>,
}

impl Actor for Taker {
    type Context = Context<Self>;
}

impl Handler<Begin> for Taker {
    type Result = ();

    fn handle(&mut self, _: Begin, _: &mut Context<Self>) {
        self.part.speak(|load| self.coordinator.do_send(load));
    }
}

impl Handler<Load> for Taker {
    type Result = ();

    fn handle(&mut self, load: Load, _: &mut Context<Self>) {
        let say = |load| self.coordinator.do_send(load);
        if self.part.hear(load, say) {
            self.part.speak(say);
        }
        if self.part.is_done() {
            let _ = self.done.send(std::mem::take(&mut self.part));
        }
    }
}

/// Carries loads to their targets.
#[derive(Default)]
struct Coordinator {
    to: Vec<Addr<Taker>>,
}

impl Actor for Coordinator {
    type Context = Context<Self>;
}

impl Handler<Meet> for Coordinator {
    type Result = ();

    fn handle(&mut self, Meet(to): Meet, _: &mut Context<Self>) {
        self.to = to;
    }
}

impl Handler<Load> for Coordinator {
    type Result = ();

    fn handle(&mut self, load: Load, _: &mut Context<Self>) {
        self.to[load.to as usize].do_send(load);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::real::part::{crowd, pair};

    #[test]
    fn both_plays_come_to_their_end() {
        assert_eq!(play(pair(20)).and_then(Ended::trip).expect("played").len(), 2);
        assert_eq!(play(crowd(20)).and_then(Ended::rate).expect("played").len(), 1);
    }
}
