//! Visited-state search: every state once, however it is reached.
//!
//! A state is all that the future depends on: the machines and which life each is in, and the messages in flight by what they
//! say, whence, whither, to which life and how deep they are, in the order that the network keeps. Clocks, ids and numbers are no part of it, so what reads
//! them is refused or unknown: draws of handlers are keyed by ids, `causal` orders by clocks. States are told apart by 64
//! bits of hash, as explicit-state model checkers do.
//!
//! [`super::breadth`] goes from one to the next.

use raddle_core::{
    DropReason, EventRef, Header, Input, InputKind, Order, Party, Plan, Sink, StateMachine, What, WorkerId, fnv,
};

use super::refusal::Refusal;
use super::stage::Stage;
use crate::settings::Network;
use crate::world::World;

/// How the search calls itself.
pub(crate) const NAME: &str = "states";

/// Tells states apart.
#[derive(Default)]
pub(crate) struct Eye {
    /// Scratch: each message in flight by its chain, its age and what it is.
    flight: Vec<(u64, u32, u64)>,
}

/// Where a queue was full.
struct Overflow<'a>(&'a mut Option<WorkerId>);

impl<M: StateMachine> Sink<M> for Overflow<'_> {
    fn event(&mut self, event: EventRef<'_>, _: Option<&Input<M>>) {
        let full = DropReason::Full;
        if matches!(event.what, What::Hold | What::Stall | What::Nack) || event.what == What::Drop(full) {
            *self.0 = Some(event.header.to);
        }
    }
}

/// Whether the states of a system are all that its future depends on.
pub(crate) fn check<M: StateMachine>(plan: &Plan<M>, network: Network) -> Result<(), Refusal> {
    let policies = plan.policies();
    let why = if network == Network::Causal {
        "network `causal` goes by clocks, which are no part of a state; use another network"
    } else if policies.order != Order::Arrival && policies.order > network.promises() {
        "what waits for its turn goes by numbers, which are no part of a state; use `--set order=arrival`"
    } else if policies.sabotage.is_some() {
        "a sabotaged core goes by numbers, which are no part of a state"
    } else {
        return Ok(());
    };
    Err(Refusal::States { why })
}

/// Takes a step, unless it shows that states are not all that the future depends on.
pub(crate) fn step<M: StateMachine>(stage: &mut Stage<M>, choice: usize, values: &[u32]) -> Result<(), Refusal> {
    let mut full = None;
    stage.step(choice, values, Some(&mut Overflow(&mut full)));
    if let Some(worker) = full {
        let worker = stage.names().worker(worker).to_owned();
        let capacity = stage.runner.conditions().policies.capacity;
        return Err(Refusal::FullQueue { search: NAME, why: "", worker, updates: capacity as u32 + 1, capacity });
    }
    if stage.world().outbox().has_drawn() {
        let why = "a handler draws from `rng()`, by the id of its input, which is no part of a state; use `choose(n)`";
        return Err(Refusal::States { why });
    }
    Ok(())
}

impl Eye {
    /// The state of a world as a number.
    pub(crate) fn hash<M: StateMachine>(&mut self, world: &World<M>) -> Result<u64, Refusal> {
        let mut hash = world.state_hash().ok_or(Refusal::NotHashed)?;
        for worker in &world.workers {
            let waits = worker.waits().iter().map(|(on, what)| fnv::hash(what.as_bytes()) ^ on.index() as u64);
            let life = u64::from(worker.life().0) << 1 | u64::from(worker.is_crashed());
            // What is written down is the state that is hashed already, if anything is.
            let written = u64::from(worker.has_written()) << 40;
            hash = waits.fold(fnv::spread(hash ^ life ^ written), |hash, wait| fnv::spread(hash ^ wait));
        }
        self.flight.clear();
        let kept = world.transit.slab.cards.iter().zip(&world.transit.slab.inputs);
        for (card, input) in kept.filter_map(|(card, input)| Some((card, input.as_ref()?))) {
            let said = world.plan.input_hash(input).ok_or(Refusal::NotHashed)?;
            let (chain, content) = place(&card.header, said, world.settings.network);
            self.flight.push((chain, card.link.age, content));
        }
        // Of one chain in the order of sending; the chains themselves are a set.
        self.flight.sort_unstable();
        let chains = self.flight.chunk_by(|a, b| a.0 == b.0);
        let of_chain = |chain: &[(u64, u32, u64)]| {
            chain.iter().fold(chain[0].0, |hash, (_, _, content)| fnv::spread(hash.rotate_left(7) ^ content))
        };
        Ok(fnv::spread(chains.fold(hash, |sum, chain| sum.wrapping_add(of_chain(chain)))))
    }
}

/// The chain in which a message keeps its order, and what it is.
fn place(header: &Header, said: u64, network: Network) -> (u64, u64) {
    let to = header.to.index() as u64;
    let from = match header.from {
        Party::Worker(worker) => worker.index() as u64,
        Party::Source(source) => source.index() as u64,
    };
    let route = fnv::spread(fnv::spread(to + 1) ^ from);
    let visited = header.visited.iter().fold(0, |hash, worker| fnv::spread(hash ^ (worker.index() as u64 + 1)));
    let way = u64::from(header.to_life.0) << 32 | u64::from(header.depth.0);
    let content = fnv::spread(said ^ fnv::spread(route ^ fnv::spread(way ^ visited)));
    let chain = match (header.kind(), network) {
        (InputKind::External, _) => fnv::spread(route ^ 1),
        (InputKind::Update, Network::Fifo) => fnv::spread(route ^ 2),
        (InputKind::Update, Network::Mailbox) => fnv::spread(to + 3),
        // A set: equal ones of a set are one chain.
        _ => content,
    };
    (chain, content)
}
