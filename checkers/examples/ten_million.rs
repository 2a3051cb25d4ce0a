//! How fast laws judge a long trace: ten million events, on one core.
//!
//! `cargo run --release -p raddle-checkers --example ten_million [EVENTS]`. Measured are the laws alone: each event is fed as
//! [`check`](raddle_checkers::check) feeds those of a trace, and made beforehand as far as memory allows.
//!
//! - *histories*: reads and writes of a store with last-write-wins copies, judged by `causal-consistency`. Sessions read at the
//!   copy of a worker; copies learn from each other. So most reads have something to be judged by, and all is well.
//! - *traffic*: updates between workers, judged by `causal-order` and by all laws that apply.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "it measures; no run can see it")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use raddle_checkers::{Bank, default_laws};
use raddle_core::random::{below, substream};
use raddle_core::{
    Conditions, Counting, End, EventRef, Header, Incarnation, Lane, LinkNumber, MessageId, Moment, Names, Order, Party,
    Policies, Root, SourceId, Time, VectorClock, What, WorkerId,
};

/// Events made and judged at a time.
const BATCH: usize = 1 << 16;

fn main() {
    let events = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(10_000_000);
    for (sessions, keys) in [(8, 1_000), (8, 1_000_000), (64, 1_000)] {
        histories(events, sessions, keys);
    }
    for workers in [8, 64] {
        traffic(events, workers, &["causal-order"]);
        traffic(events, workers, &[]);
    }
}

fn conditions(workers: u32) -> Conditions {
    let names = (0..workers).map(|n| format!("w{n}"));
    Conditions {
        names: Arc::new(Names::new("measured", names, ["bank"]).expect("good names")),
        policies: Policies { order: Order::Arrival, capacity: usize::MAX, ..Policies::default() },
        counting: Counting::InFlight,
        promised: Order::Causal,
        barriers: false,
    }
}

fn tell(what: &str, events: usize, bank: &mut Bank, end: &End, fed: Duration) {
    let begin = Instant::now();
    bank.finish(end);
    let all = fed + begin.elapsed();
    let broken: Vec<&str> = bank.violations().iter().map(|violation| violation.code.as_str()).collect();
    let rate = events as f64 / all.as_secs_f64() / 1e6;
    println!("{what}: {events} events in {:.2} s ({rate:.1} million/s), broken: {broken:?}", all.as_secs_f64());
}

/// By key, the last value and when it was written, as far as one copy knows.
#[derive(Clone)]
struct Copy(Vec<(u32, u32)>);

fn histories(events: usize, sessions: u32, keys: u32) {
    let mut rng = substream(1, "measure", 0);
    let mut bank = Bank::new(conditions(sessions), &["causal-consistency"]).expect("a law");
    let mut copies = vec![Copy(vec![(0, 0); keys as usize]); sessions as usize];
    let mut logs: Vec<VecDeque<(u32, (u32, u32))>> = vec![VecDeque::new(); sessions as usize];
    let (mut fed, mut value, mut made) = (Duration::ZERO, 0, 0);
    let mut batch: Vec<(WorkerId, What, String)> = Vec::with_capacity(BATCH);
    let root = MessageId::root(Root::External(SourceId::new(0), 0), &conditions(1).names);
    let header = Header::of_root(root, Party::Source(SourceId::new(0)), WorkerId::new(0), Incarnation(0), Time(0));
    while made < events {
        batch.clear();
        while batch.len() < BATCH.min(events - made) {
            let at = below(&mut rng, sessions) as usize;
            // All writes go to all copies in one order, so any prefix of them is a causal past.
            for _ in 0..below(&mut rng, 2 * sessions) {
                let Some((key, new)) = logs[at].pop_front() else { break };
                let old = &mut copies[at].0[key as usize];
                *old = (*old).max(new);
            }
            let key = below(&mut rng, keys);
            if below(&mut rng, 2) == 0 {
                // A session that writes has read all that it will ever be told before.
                while let Some((key, new)) = logs[at].pop_front() {
                    let old = &mut copies[at].0[key as usize];
                    *old = (*old).max(new);
                }
                value += 1;
                copies[at].0[key as usize] = (value, value);
                for (other, log) in logs.iter_mut().enumerate() {
                    if other != at {
                        log.push_back((key, (value, value)));
                    }
                }
                batch.push((WorkerId::at(at), What::Wrote, format!("key{key}={value}")));
            } else {
                let text = match copies[at].0[key as usize] {
                    (0, _) => format!("key{key}"),
                    (value, _) => format!("key{key}={value}"),
                };
                batch.push((WorkerId::at(at), What::Read, text));
            }
        }
        made += batch.len();
        let begin = Instant::now();
        for (worker, what, text) in &batch {
            let lane = Lane::Worker(*worker);
            let (moment, life) = (Moment::default(), Incarnation(0));
            bank.observe(EventRef { moment, lane, life, what: *what, header: &header, text });
        }
        fed += begin.elapsed();
    }
    tell(&format!("histories, {sessions} sessions, {keys} keys"), events, &mut bank, &End::default(), fed);
}

fn traffic(events: usize, workers: u32, laws: &[&str]) {
    let mut rng = substream(2, "measure", 0);
    let conditions = conditions(workers);
    let all = default_laws(&conditions);
    let laws = if laws.is_empty() { &all[..] } else { laws };
    let mut bank = Bank::new(conditions.clone(), laws).expect("laws of our own");
    let mut clocks = vec![VectorClock::new(); workers as usize];
    let mut numbers = vec![0; (workers * workers) as usize];
    let mut flying: VecDeque<Header> = VecDeque::new();
    let (mut fed, mut made, mut roots) = (Duration::ZERO, 0, 0);
    let mut batch: Vec<(WorkerId, What, Header)> = Vec::with_capacity(BATCH);
    while made < events {
        batch.clear();
        while batch.len() < BATCH.min(events - made) {
            if flying.len() < 64 || below(&mut rng, 3) == 0 {
                let (from, to) = (below(&mut rng, workers), below(&mut rng, workers));
                let (sender, target) = (WorkerId::new(from), WorkerId::new(to));
                let root = MessageId::root(Root::External(SourceId::new(0), roots), &conditions.names);
                roots += 1;
                let mut header =
                    Header::of_root(root.output(0), Party::Worker(sender), target, Incarnation(0), Time(0));
                let number = &mut numbers[(from * workers + to) as usize];
                *number += 1;
                header.number = LinkNumber(*number);
                clocks[from as usize].tick(sender);
                header.clock.copy_from(&clocks[from as usize]);
                batch.push((sender, What::Emit, header.clone()));
                flying.push_back(header);
            } else if let Some(header) = flying.pop_front() {
                clocks[header.to.index()].merge(&header.clock);
                batch.push((header.to, What::Arrive, header.clone()));
                batch.push((header.to, What::Handle, header));
            }
        }
        made += batch.len();
        let begin = Instant::now();
        for (worker, what, header) in &batch {
            let lane = if *what == What::Arrive { Lane::Inbox(*worker) } else { Lane::Worker(*worker) };
            let (moment, life) = (Moment::default(), Incarnation(0));
            bank.observe(EventRef { moment, lane, life, what: *what, header, text: "" });
        }
        fed += begin.elapsed();
    }
    let what = if laws.len() == 1 { laws[0].to_owned() } else { format!("{} laws", laws.len()) };
    let end = End { in_flight: flying.into_iter().map(|header| header.id).collect(), ..End::default() };
    tell(&format!("traffic, {workers} workers, {what}"), made, &mut bank, &end, fed);
}
