//! The floor for threads: an inbox of a mutex, a queue and a bell, and nothing else. No clock, no order, no bound, no trace.
//!
//! Whoever finds an inbox empty gives up its turn a few times, in case somebody is about to speak, and then sleeps until
//! it is woken. Loads go straight to their targets, or by way of a thread that does nothing but carry them.

use std::collections::VecDeque;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::Result;

use super::load::Load;
use super::part::{Ended, Part};

/// How often one who finds nothing gives up its turn before it sleeps.
const YIELDS: u32 = 50;

/// Loads go straight into the inbox of their target.
///
/// # Errors
/// When those who take part do not come to their end.
pub fn direct(parts: Vec<Part>) -> Result<Ended> {
    play(parts, false)
}

/// Loads go by way of a coordinator's thread.
///
/// # Errors
/// When those who take part do not come to their end.
pub fn routed(parts: Vec<Part>) -> Result<Ended> {
    play(parts, true)
}

fn play(parts: Vec<Part>, by_way: bool) -> Result<Ended> {
    let inboxes: Vec<Inbox> = parts.iter().map(|_| Inbox::default()).collect();
    let coordinator = Inbox::default();
    let first_hop = |load: Load| if by_way { &coordinator } else { &inboxes[load.to as usize] };
    let say = |load| first_hop(load).put(load);
    let ends = Part::count_ends(&parts);
    let (done, said) = channel();
    let start = Instant::now();
    thread::scope(|scope| {
        for (part, inbox) in parts.into_iter().zip(&inboxes) {
            let done = done.clone();
            scope.spawn(move || take_part(part, inbox, say, &done));
        }
        if by_way {
            scope.spawn(|| {
                while let Some(load) = coordinator.take() {
                    inboxes[load.to as usize].put(load);
                }
            });
        }
        let ended = Ended::wait_for(ends, start, &said);
        inboxes.iter().chain([&coordinator]).for_each(Inbox::close);
        ended
    })
}

/// Loads a second that one thread takes from another, if of each it makes so many for two others in turn; and all that is
/// taken a second.
///
/// # Errors
/// Never.
pub fn fan(messages: u64, updates: u64) -> Result<Vec<f64>> {
    let [front, left, right] = [0; 3].map(|_| Inbox::default());
    let backs = [&left, &right];
    let start = Instant::now();
    thread::scope(|scope| {
        for (nth, back) in (0..).zip(backs) {
            let told = (messages * updates).saturating_sub(nth).div_ceil(2);
            scope.spawn(move || (0..told).for_each(|_| _ = back.take()));
        }
        scope.spawn(|| (0..messages).for_each(|number| front.put(Load::new(0, 0, number))));
        scope.spawn(|| {
            for number in 0..messages {
                let load = front.take().expect("nobody closes it");
                (number * updates..(number + 1) * updates).for_each(|told| backs[told as usize % 2].put(load));
            }
        });
    });
    let seconds = start.elapsed().as_secs_f64();
    Ok(vec![messages as f64 / seconds, (messages * (1 + updates)) as f64 / seconds])
}

fn take_part(mut part: Part, inbox: &Inbox, say: impl Fn(Load), done: &Sender<Part>) {
    part.speak(&say);
    while let Some(load) = inbox.take() {
        if part.hear(load, &say) {
            part.speak(&say);
        }
        if part.is_done() {
            let _ = done.send(std::mem::take(&mut part));
        }
    }
}

/// One lock over a queue, and a bell for whoever owns it.
#[derive(Debug, Default)]
struct Inbox {
    held: Mutex<Held>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Held {
    queue: VecDeque<Load>,
    owner_sleeps: bool,
    closed: bool,
}

impl Inbox {
    fn put(&self, load: Load) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.queue.push_back(load);
        let wake = std::mem::take(&mut held.owner_sleeps);
        drop(held);
        if wake {
            self.bell.notify_one();
        }
    }

    /// The next load; none once it is closed.
    fn take(&self) -> Option<Load> {
        let mut turns_left = YIELDS;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if held.closed {
                return None;
            }
            if let Some(load) = held.queue.pop_front() {
                return Some(load);
            }
            if turns_left > 0 {
                turns_left -= 1;
                drop(held);
                thread::yield_now();
                held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            } else {
                held.owner_sleeps = true;
                while held.owner_sleeps {
                    held = self.bell.wait(held).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    fn close(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        (held.closed, held.owner_sleeps) = (true, false);
        self.bell.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::super::part::{crowd, pair};
    use super::*;

    #[test]
    fn both_plays_come_to_their_end_by_either_way() {
        for way in [direct, routed] {
            assert_eq!(way(pair(20)).and_then(Ended::trip).expect("played").len(), 2);
            assert_eq!(way(crowd(20)).and_then(Ended::rate).expect("played").len(), 1);
        }
    }
}
