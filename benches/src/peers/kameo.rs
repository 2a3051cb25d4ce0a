//! Real runs under kameo: an actor for each part, and one more that carries loads to their targets.
//!
//! Actors of kameo are tasks. Each here has a thread of its own, with a runtime for nothing but this actor, since that is
//! what raddle's workers have. In kameo's favour mailboxes have no bound, so that nobody ever waits for room, and there are
//! no drivers for files and timers in the runtimes, so that threads sleep on nothing but their mailbox.

use std::convert::Infallible;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result};
use kameo::Actor;
use kameo::actor::{ActorRef, PreparedActor, Spawn};
use kameo::mailbox;
use kameo::message::{Context, Message};

use crate::real::load::Load;
use crate::real::part::{Ended, Part};

/// Plays to the end.
///
/// # Errors
/// When a thread cannot be started, or those who take part do not come to their end.
pub fn play(parts: Vec<Part>) -> Result<Ended> {
    let ends = Part::count_ends(&parts);
    let (done, said) = channel();
    let coordinator = Coordinator::prepare_with_mailbox(mailbox::unbounded());
    let taker = |part| {
        let (coordinator, done) = (coordinator.actor_ref().clone(), done.clone());
        (Taker::prepare_with_mailbox(mailbox::unbounded()), Taker { part, coordinator, says: Vec::new(), done })
    };
    let takers: Vec<_> = parts.into_iter().map(taker).collect();
    let to: Vec<_> = takers.iter().map(|(prepared, _)| prepared.actor_ref().clone()).collect();
    let by_way = coordinator.actor_ref().clone();
    thread::scope(|scope| {
        let carrier = Coordinator { to: to.clone() };
        scope.spawn(move || run(coordinator, carrier));
        for (prepared, taker) in takers {
            scope.spawn(move || run(prepared, taker));
        }
        let start = Instant::now();
        let told = to.iter().try_for_each(|taker| taker.tell(Begin).blocking_send());
        let ended = Ended::wait_for(ends, start, &said);
        to.iter().for_each(ActorRef::kill);
        by_way.kill();
        told.ok().context("failed to tell an actor of kameo to begin")?;
        ended
    })
}

/// The thread of one actor.
fn run<A: Actor<Args = A>>(prepared: PreparedActor<A>, actor: A) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("it has no drivers that could fail");
    let _ = runtime.block_on(prepared.run(actor));
}

/// Tells an actor to begin.
struct Begin;

/// A part, as an actor.
struct Taker {
    part: Part,
    coordinator: ActorRef<Coordinator>,
    /// What it says, until it is sent.
    says: Vec<Load>,
    done: Sender<Part>,
}

impl Taker {
    async fn send(&mut self) {
        for load in self.says.drain(..) {
            let _ = self.coordinator.tell(load).send().await;
        }
        if self.part.is_done() {
            let _ = self.done.send(std::mem::take(&mut self.part));
        }
    }
}

impl Actor for Taker {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(actor: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(actor)
    }
}

impl Message<Begin> for Taker {
    type Reply = ();

    async fn handle(&mut self, _: Begin, _: &mut Context<Self, ()>) {
        self.part.speak(|load| self.says.push(load));
        self.send().await;
    }
}

impl Message<Load> for Taker {
    type Reply = ();

    async fn handle(&mut self, load: Load, _: &mut Context<Self, ()>) {
        if self.part.hear(load, |load| self.says.push(load)) {
            self.part.speak(|load| self.says.push(load));
        }
        self.send().await;
    }
}

/// Carries loads to their targets.
struct Coordinator {
    to: Vec<ActorRef<Taker>>,
}

impl Actor for Coordinator {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(actor: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(actor)
    }
}

impl Message<Load> for Coordinator {
    type Reply = ();

    async fn handle(&mut self, load: Load, _: &mut Context<Self, ()>) {
        let _ = self.to[load.to as usize].tell(load).send().await;
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
