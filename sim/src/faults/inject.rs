//! How sampling strategies meet faults: another strategy chooses what happens by itself, this one what goes wrong.
//!
//! For each seed a subset of the kinds is drawn and a rate (swarm testing: runs with a few kinds of fault go further than
//! runs with a little of everything), from a substream of their own: the strategy inside draws what it would draw
//! without faults.
//!
//! Once everything is healed, the network is as good as any: messages arrive, in random order, before any timer fires. That
//! is what liveness may count on (partial synchrony: Dwork, Lynch and Stockmeyer, "Consensus in the Presence of Partial
//! Synchrony", JACM 1988). Otherwise whoever repeats what is not answered in time could be kept at it for ever by a
//! clock that runs ahead of all messages.

use raddle_core::{Beyond, FaultKind, Time, random};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng as _;

use super::fault::Fault;
use super::plan::FaultPlan;
use crate::actions::{Act, Actions};
use crate::strategy::Strategy;

/// Lets faults come between the choices of another strategy.
pub(crate) struct Inject {
    inner: Box<dyn Strategy>,
    plan: FaultPlan,
    rng: ChaCha8Rng,
    on: [bool; FaultKind::ALL.len()],
    /// One step in so many has a fault.
    one_in: u32,
    healed: bool,
}

/// The rates, of which each seed draws one.
const ONE_IN: [u32; 4] = [2, 4, 8, 32];

impl Inject {
    pub(crate) fn new(inner: Box<dyn Strategy>, plan: FaultPlan) -> Self {
        let rng = random::substream(0, "faults", 0);
        Self { inner, plan, rng, on: [false; FaultKind::ALL.len()], one_in: 1, healed: false }
    }

    /// Draws a kind, then one of that kind: there are many more messages than workers.
    fn draw(&mut self, actions: &Actions<'_>) -> Option<usize> {
        let mut counts = [0_u32; FaultKind::ALL.len()];
        let kind_at = |at: usize| match actions.act(at) {
            Act::Fault(fault) => fault.kind(),
            _ => None,
        };
        for kind in (actions.usual()..actions.len()).filter_map(kind_at).filter(|kind| self.on[*kind as usize]) {
            counts[kind as usize] += 1;
        }
        let kinds = counts.iter().filter(|count| **count > 0).count() as u32;
        if kinds == 0 {
            return None;
        }
        let nth = random::below(&mut self.rng, kinds) as usize;
        let kind = FaultKind::ALL.into_iter().filter(|kind| counts[*kind as usize] > 0).nth(nth)?;
        let nth = random::below(&mut self.rng, counts[kind as usize]) as usize;
        actions.faults_of(kind).nth(nth)
    }
}

impl Strategy for Inject {
    fn begin(&mut self, seed: u64) {
        self.inner.begin(seed);
        self.rng = random::substream(seed, "faults", 0);
        let drawn = self.rng.next_u32();
        for kind in FaultKind::ALL {
            self.on[kind as usize] = self.plan.most(kind) > 0 && drawn >> kind as u32 & 1 == 1;
        }
        // None at all is a run without faults, of which there are searches enough.
        if !self.on.contains(&true) {
            self.on = FaultKind::ALL.map(|kind| self.plan.most(kind) > 0);
        }
        self.healed = false;
        self.one_in = ONE_IN[random::below(&mut self.rng, ONE_IN.len() as u32) as usize];
    }

    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        if actions.usual() < actions.len()
            && random::below(&mut self.rng, self.one_in) == 0
            && let Some(at) = self.draw(actions)
        {
            return at;
        }
        if actions.act(0) == Act::Fault(Fault::Heal) {
            self.healed = true;
            return 0;
        }
        match self.healed {
            true => random::below(&mut self.rng, actions.in_good_time().len() as u32) as usize,
            false => self.inner.choose(&actions.without_faults()),
        }
    }

    fn is_scripted(&self) -> bool {
        self.inner.is_scripted()
    }

    fn script(&mut self, values: &mut Vec<u32>) {
        self.inner.script(values);
    }

    fn now(&mut self) -> Option<Time> {
        self.inner.now()
    }

    fn beyond(&self) -> Beyond {
        self.inner.beyond()
    }
}
