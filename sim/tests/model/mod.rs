//! Random programs whose messages depend on what was handled before, and a model of all their runs that shares no code
//! with the simulator: the judge of exhaustive search.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test takes what it needs")]

use std::collections::BTreeSet;

use raddle_core::{Input, Order, Outbox, StateMachine, System, WorkerId};
use raddle_sim::Network;

/// A message. Its name says where it comes from, as its id does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Msg {
    pub name: u64,
    pub hops: u8,
}

/// What a worker handled: names, and what it chose at each.
pub type Log = Vec<(u64, Vec<u32>)>;

/// What a program is like.
#[derive(Clone, Debug)]
pub struct Program {
    pub workers: u32,
    /// (source, target, message), in the order of sending.
    pub externals: Vec<(u32, u32, Msg)>,
    pub salt: u64,
    /// Whether handlers choose.
    pub chooses: bool,
    /// Whether some messages are reads: they change nothing.
    pub reads: bool,
    /// Whether workers speak when they start.
    pub starts: bool,
    /// Whether handlers panic now and then.
    pub panics: bool,
    /// Whether machines can be copied.
    pub forks: bool,
}

pub fn mix(a: u64, b: u64) -> u64 {
    let x = (a ^ b.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (x ^ (x >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

impl Program {
    pub fn random(seed: u64) -> Self {
        let mut state = mix(seed, 0x5eed);
        let mut draw = |n: u64| {
            state = mix(state, 1);
            (state >> 33) % n
        };
        let workers = 2 + draw(3) as u32;
        let externals = (0..1 + draw(4))
            .map(|i| {
                (draw(3) as u32, draw(u64::from(workers)) as u32, Msg { name: mix(i + 1, 77), hops: draw(3) as u8 })
            })
            .collect();
        Self {
            workers,
            externals,
            salt: draw(1 << 20),
            chooses: false,
            reads: false,
            starts: false,
            panics: false,
            forks: seed.is_multiple_of(2),
        }
    }

    pub fn is_read(&self, msg: Msg) -> bool {
        self.reads && !msg.name.is_multiple_of(3)
    }

    /// What a worker in this state does: its next state, and what it sends. `choose` is asked for each choice.
    fn react(&self, me: u32, value: u64, msg: Msg, mut choose: impl FnMut(u32) -> u32) -> (u64, Vec<(u32, Msg)>) {
        let mut hash = mix(mix(value, msg.name), u64::from(me) + self.salt);
        let next = if self.is_read(msg) { value } else { hash };
        if self.chooses && (hash >> 20).is_multiple_of(3) {
            hash = mix(hash, u64::from(choose(2 + (hash >> 40) as u32 % 2)));
            if (hash >> 24).is_multiple_of(4) {
                hash = mix(hash, u64::from(choose(2)));
            }
        }
        let count = if msg.hops == 0 { 0 } else { (hash >> 8) % 3 };
        let send = |i: u64| {
            let hash = mix(hash, i + 100);
            let name = mix(msg.name, i + 10);
            ((hash >> 16) as u32 % self.workers, Msg { name, hops: msg.hops - 1 })
        };
        // A choice that was made changes what is remembered, but not by a read.
        let next = if self.is_read(msg) { next } else { hash };
        (next, (0..count).map(send).collect())
    }

    fn start(&self, me: u32) -> Option<Msg> {
        (self.starts && (self.salt >> me).is_multiple_of(2)).then_some(Msg { name: mix(u64::from(me), 9), hops: 1 })
    }

    /// The program as a system.
    pub fn system(&self, order: Order) -> System<Player> {
        let name = |worker: u32| format!("w{worker}");
        let program = self.clone();
        let make = move |seat: raddle_core::Seat<'_>| Player {
            program: program.clone(),
            me: seat.id().index() as u32,
            value: 0,
            log: Vec::new(),
        };
        let system = System::new("random").workers((0..self.workers).map(name), make);
        let system = system.with(|policies| policies.order = order);
        let system = if self.forks { system.forkable() } else { system };
        let system = self
            .externals
            .iter()
            .fold(system, |system, (source, to, msg)| system.messages(format!("s{source}"), [(name(*to), *msg)]));
        if !self.reads {
            return system;
        }
        let program = self.clone();
        let read = move |input: &Input<Player>| match input {
            Input::Message(msg) | Input::Update(msg) => program.is_read(*msg),
            _ => false,
        };
        system.commuting(move |a, b| read(a) && read(b))
    }

    /// Neighbouring reads in the order of their names.
    pub fn canonical(&self, mut logs: Vec<Log>) -> Vec<Log> {
        for log in &mut logs {
            let read = |entry: &(u64, Vec<u32>)| self.is_read(Msg { name: entry.0, hops: 0 });
            log.chunk_by_mut(|a, b| read(a) && read(b)).for_each(<[_]>::sort);
        }
        logs
    }
}

/// A worker of a random program.
#[derive(Clone, Debug)]
pub struct Player {
    program: Program,
    me: u32,
    value: u64,
    pub log: Log,
}

impl Player {
    fn play(&mut self, msg: Msg, out: &mut Outbox<Msg>) {
        let mut values = Vec::new();
        let choose = |options| {
            values.push(out.choose(options));
            values[values.len() - 1]
        };
        let (value, sends) = self.program.react(self.me, self.value, msg, choose);
        // No start, or a worker would die for ever.
        let panics = self.program.panics && msg.hops != 1 && (value >> 13).is_multiple_of(4);
        assert!(!panics, "as it was told");
        self.value = value;
        self.log.push((msg.name, values));
        for (to, msg) in sends {
            out.notify(WorkerId::new(to), msg);
        }
    }
}

impl StateMachine for Player {
    type Message = Msg;
    type Update = Msg;

    fn on_start(&mut self, out: &mut Outbox<Msg>) {
        if let Some(msg) = self.program.start(self.me) {
            self.play(msg, out);
        }
    }

    fn on_message(&mut self, msg: Msg, out: &mut Outbox<Msg>) {
        self.play(msg, out);
    }

    fn on_update(&mut self, msg: Msg, out: &mut Outbox<Msg>) {
        self.play(msg, out);
    }
}

/// Every run of a program, by a model of its own.
pub struct Model<'a> {
    program: &'a Program,
    network: Network,
    /// What each worker may have handled in the end.
    pub outcomes: BTreeSet<Vec<Log>>,
    pub schedules: usize,
    limit: usize,
}

#[derive(Clone)]
struct Sent {
    from: Option<u32>,
    source: u32,
    to: u32,
    msg: Msg,
    is_start: bool,
    /// The place of this message among all sends, and the sends its sender knew of.
    place: u32,
    knows: u64,
}

#[derive(Clone)]
struct State {
    values: Vec<u64>,
    logs: Vec<Log>,
    knows: Vec<u64>,
    /// In the order of sending.
    pending: Vec<Sent>,
    sends: u32,
}

impl<'a> Model<'a> {
    /// None if there are more schedules than `limit`.
    pub fn run(program: &'a Program, network: Network, limit: usize) -> Option<Self> {
        let n = program.workers as usize;
        let mut model = Self { program, network, outcomes: BTreeSet::new(), schedules: 0, limit };
        let mut state =
            State { values: vec![0; n], logs: vec![Vec::new(); n], knows: vec![0; n], pending: Vec::new(), sends: 0 };
        for me in 0..program.workers {
            if let Some(msg) = program.start(me) {
                let sent = Sent { from: Some(me), source: 0, to: me, msg, is_start: true, place: 0, knows: 0 };
                state.pending.push(sent);
            }
        }
        for (source, to, msg) in &program.externals {
            let sent = Sent { from: None, source: *source, to: *to, msg: *msg, is_start: false, place: 0, knows: 0 };
            state.pending.push(sent);
        }
        model.explore(&state);
        (model.schedules <= limit).then_some(model)
    }

    fn may(&self, state: &State, at: usize) -> bool {
        let it = &state.pending[at];
        let before = |(place, other): (usize, &Sent)| {
            if place == at || other.to != it.to {
                return false;
            }
            if other.is_start || it.is_start {
                return other.is_start;
            }
            match (other.from, it.from) {
                (None, None) => place < at && other.source == it.source,
                (Some(a), Some(b)) => match self.network {
                    Network::Bag => false,
                    Network::Fifo => place < at && a == b,
                    Network::Causal => it.knows >> other.place & 1 == 1,
                    Network::Mailbox => place < at,
                },
                _ => false,
            }
        };
        !state.pending.iter().enumerate().any(before)
    }

    fn explore(&mut self, state: &State) {
        if self.schedules > self.limit {
            return;
        }
        if state.pending.is_empty() {
            self.schedules += 1;
            self.outcomes.insert(self.program.canonical(state.logs.clone()));
            return;
        }
        for at in 0..state.pending.len() {
            if self.may(state, at) {
                self.deliver(state, at, Vec::new());
            }
        }
    }

    /// Delivers with these values of the first choices; every value of the next is tried in turn.
    fn deliver(&mut self, state: &State, at: usize, script: Vec<u32>) {
        let mut state = state.clone();
        let before = state.clone();
        let sent = state.pending.remove(at);
        let me = sent.to as usize;
        let (mut taken, mut missing) = (Vec::new(), None);
        let choose = |options| {
            let value = script.get(taken.len()).copied().unwrap_or_else(|| {
                missing.get_or_insert(options);
                0
            });
            taken.push(value);
            value
        };
        let (value, sends) = self.program.react(sent.to, state.values[me], sent.msg, choose);
        if let Some(options) = missing {
            for value in 0..options {
                let script = script.iter().copied().chain([value]).collect();
                self.deliver(&before, at, script);
            }
            return;
        }
        state.values[me] = value;
        state.logs[me].push((sent.msg.name, taken));
        if sent.from.is_some() && !sent.is_start {
            state.knows[me] |= sent.knows | 1 << sent.place;
        }
        for (to, msg) in sends {
            let place = state.sends;
            state.sends += 1;
            let knows = state.knows[me];
            state.knows[me] |= 1 << place;
            state.pending.push(Sent { from: Some(sent.to), source: 0, to, msg, is_start: false, place, knows });
        }
        self.explore(&state);
    }
}
