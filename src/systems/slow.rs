//! `slow`: two producers make jobs faster than one worker does them.
//!
//! ```text
//!   left  ─ job ─▷ slow ─ line, line ─▷ log
//!   right ─ job ─▷
//! ```
//!
//! For each job the slow worker writes several lines, each a push of its own at granularity `queues`; so it takes in
//! less than it is sent, and its short queue is full before long. What then happens is up to `on_full`. Messages from
//! outside ask it how far it is: they share its time with the jobs.

use raddle_core::{OnFull, Outbox, Party, Pick, StateMachine, System};
use raddle_sim::Granularity;
use serde::{Deserialize, Serialize};

use super::{messages, sabotage};
use crate::catalog::Entry;

/// Who gets the messages, in turn.
const TARGETS: [&str; 4] = ["left", "right", "slow", "left"];
/// How many updates wait at a worker at most.
const CAPACITY: usize = 2;
/// Most jobs of a message, and most lines of a job.
const EACH_MAX: u32 = 16;
/// How often in a row the slow worker may pass over a question.
const STARVATION_BOUND: u32 = 2;

/// What workers tell each other.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
enum Say {
    /// To the slow worker: the n-th job of this producer, from 0.
    Job(u32),
    /// To the log.
    Line,
    /// To a producer: its job is done.
    Done,
}

/// One machine for every role.
#[derive(Clone, Hash, Serialize, Deserialize)]
enum Machine {
    Producer { batch: u32, made: u32 },
    Slow { lines: u32, next: [u32; 2], done: u32, answers: bool },
    Log { lines: u32 },
}

impl Machine {
    fn made(&self) -> u32 {
        if let Self::Producer { made, .. } = self { *made } else { 0 }
    }

    fn done(&self) -> u32 {
        if let Self::Slow { done, .. } = self { *done } else { 0 }
    }
}

impl StateMachine for Machine {
    type Message = ();
    type Update = Say;

    fn on_message(&mut self, (): (), out: &mut Outbox<Say>) {
        match self {
            Self::Producer { batch, made } => {
                for number in *made..*made + *batch {
                    out.notify("slow", Say::Job(number));
                }
                *made += *batch;
            }
            Self::Slow { .. } => out.mark("asked"),
            Self::Log { .. } => {}
        }
    }

    fn on_update(&mut self, said: Say, out: &mut Outbox<Say>) {
        match (self, said, out.sender()) {
            (Self::Slow { lines, next, done, answers }, Say::Job(number), Party::Worker(producer)) => {
                *done += 1;
                for _ in 0..*lines {
                    out.notify("log", Say::Line);
                }
                if *answers {
                    out.notify(producer, Say::Done);
                }
                if number != next[producer.index()] {
                    out.mark("job-missing");
                }
                next[producer.index()] = number + 1;
            }
            (Self::Log { lines }, Say::Line, _) => *lines += 1,
            _ => {}
        }
    }
}

pub(super) fn entry() -> Entry {
    Entry::new("slow", "two producers, and one worker that is slower than they are", |args| {
        let messages = messages(args)?;
        let (batch, lines) = (args.number("batch", 1, EACH_MAX)?, args.number("lines", 0, EACH_MAX)?);
        let answers = args.has_bug("stall-cycle");
        Ok(System::new("slow")
            .workers(["left", "right"], move |_| Machine::Producer { batch, made: 0 })
            .workers(["slow"], move |_| Machine::Slow { lines, next: [0; 2], done: 0, answers })
            .workers(["log"], |_| Machine::Log { lines: 0 })
            .messages("client", TARGETS.into_iter().cycle().take(messages as usize).map(|target| (target, ())))
            .with(|policies| {
                policies.capacity = CAPACITY;
                policies.pick = Pick::UpdatesFirst;
                policies.starvation_bound = STARVATION_BOUND;
                policies.sabotage = sabotage(args);
                if answers {
                    policies.on_full = OnFull::Stall;
                }
            })
            .sometimes("far-behind", |run| {
                let (made, done) = (run.machines().map(Machine::made), run.machines().map(Machine::done));
                made.sum::<u32>() > done.sum::<u32>() + CAPACITY as u32
            })
            .marks(["asked", "job-missing"])
            .hashed()
            .on_processes())
    })
    .settings(|settings| settings.granularity = Granularity::Queues)
    .param("messages", "4", "messages: to left, right, slow and left in turn")
    .param("batch", "2", "jobs that a producer makes of a message, at most 16")
    .param("lines", "2", "lines that the slow worker writes for a job, at most 16")
    .bug("ignore-capacity", "bounded-queues", "a full queue takes one more, and one more")
    .bug("ignore-starvation", "fairness", "the slow worker picks jobs as long as there are any")
    .bug(
        "stall-cycle",
        "no-deadlock",
        "full queues stall their senders, and the slow worker answers the producers",
    )
}
