//! The pilot: a few runs made before any seed is tried, from which strategies take their estimates.
//!
//! How many events a run has and how much each message causes cannot be known beforehand, and must not be learnt from
//! other seeds: a seed's run would depend on them. So the estimates come from random walks with seeds of their own,
//! which are the same for every search of one system under the same settings. Nothing is judged in them; a run that is
//! cut or crashes is as good as another.

use std::sync::Arc;

use raddle_core::{Plan, StateMachine, random};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::actions::{Act, Actions};
use crate::faults::FaultPlan;
use crate::run::{Pulse, Runner};
use crate::settings::Settings;
use crate::slab::{Card, NONE};
use crate::strategy::{Order, Priorities, inherited, lane};

/// How many runs a pilot has, at most.
const RUNS: u64 = 16;
/// A pilot ends after this many steps, in the middle of a run if need be.
const STEPS_MAX: u64 = 20_000;
/// The seeds of the pilot go up to the greatest.
const FIRST_SEED: u64 = u64::MAX - RUNS + 1;
/// Means are kept in parts of this.
const PARTS: u64 = 16;
/// No weight is greater, so that sums of them stay far below 2^64.
const WEIGHT_MAX: u64 = 1 << 31;

/// What a pilot says of a system under some settings.
#[derive(Clone, Debug, Default)]
pub struct Pilot {
    figures: Figures,
    /// By the hash of its id: how many messages there are in the subtree of a message, in parts.
    sizes: FxHashMap<u64, u32>,
    /// The mean of these by depth, for messages that the pilot did not see.
    by_depth: Vec<u32>,
    /// How often each lane acts in a run, in parts.
    turns: Vec<u32>,
    /// Which faults are to come; the pilot has none.
    faults: FaultPlan,
}

/// The numbers of a pilot that findings keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// How many runs it had.
    pub runs: u64,
    /// The steps of the longest of them: n of PCTCP, k of PCT.
    pub events: u64,
    /// The most choices that a step had.
    pub choices: u64,
    /// How many different messages were seen.
    pub messages: u64,
    /// The most chains that PCT gave a priority to: lineages of messages, and what workers do again and again. 0 is not
    /// measured, as in findings from before it was.
    #[serde(default)]
    pub lineages: u64,
    /// The same for PCTCP: chains of messages that the network keeps in order, and what workers do again and again.
    #[serde(default)]
    pub chains: u64,
}

/// A message of the run at hand.
#[derive(Clone, Copy)]
struct Node {
    hash: u64,
    creator: u32,
    depth: u32,
}

const UNSEEN: Node = Node { hash: 0, creator: NONE, depth: NONE };

/// What is counted while the pilot runs.
#[derive(Default)]
struct Count {
    figures: Figures,
    /// By age.
    nodes: Vec<Node>,
    /// By the hash of its id: the sum of the sizes of its subtrees, and in how many runs it was seen.
    sizes: FxHashMap<u64, (u64, u64)>,
    by_depth: Vec<(u64, u64)>,
    turns: Vec<u64>,
    /// Of the run at hand: the chains of messages by the reckoning of PCT, and of PCTCP.
    lineages: u64,
    chains: u64,
    order: Order,
}

impl Pilot {
    /// Makes the runs; each step is told to `pulse`, for a watchdog.
    pub(crate) fn of<M: StateMachine>(plan: &Arc<Plan<M>>, settings: &Settings, pulse: &Pulse) -> Self {
        // No laws are judged, and no faults come; what cannot be run, the search will say.
        let settings = Settings { faults: FaultPlan::default(), ..settings.clone() };
        let Ok(mut runner) = Runner::new(Arc::clone(plan), settings.clone(), Some(&[])) else { return Self::default() };
        let (mut count, mut seen, mut total) = (Count::default(), Priorities::default(), 0);
        for seed in FIRST_SEED..=u64::MAX {
            let mut rng = random::substream(seed, "pilot", 0);
            pulse.begin(seed);
            runner.world.reset(seed);
            seen.clear();
            count.begin_run();
            let mut steps = 0;
            while steps < settings.steps_max && total < STEPS_MAX {
                let actions = runner.world.actions();
                if actions.is_empty() {
                    break;
                }
                seen.look(&actions, |known, card| count.see(known, card));
                let choice = random::below(&mut rng, actions.len() as u32) as usize;
                count.choose(&actions, choice);
                (steps, total) = (steps + 1, total + 1);
                pulse.step(steps);
                runner.step_heard(choice, None);
            }
            count.end_run(steps, seen.lanes() as u64);
            if total == STEPS_MAX || count.figures.choices <= 1 {
                break;
            }
        }
        count.into_pilot()
    }

    /// The same, for a search with these faults.
    pub(crate) fn with_faults(self, faults: FaultPlan) -> Self {
        Self { faults, ..self }
    }

    /// Which faults are to come.
    pub(crate) const fn faults(&self) -> FaultPlan {
        self.faults
    }

    /// The numbers that findings keep.
    #[must_use]
    pub const fn figures(&self) -> &Figures {
        &self.figures
    }

    /// How many messages there are in the subtree of this one, in parts: exact if that depends on no schedule.
    pub(crate) fn size(&self, card: &Card) -> u32 {
        let by_depth = || self.by_depth.get(card.header.id.path().len()).copied();
        self.sizes.get(&card.header.id.hash64()).copied().or_else(by_depth).unwrap_or(PARTS as u32)
    }

    /// How often a lane acts in a run, in parts.
    pub(crate) fn turns(&self, lane: usize) -> u32 {
        self.turns.get(lane).copied().unwrap_or(0)
    }

    /// One turn of a lane, in parts.
    pub(crate) const TURN: u32 = PARTS as u32;
}

impl Count {
    fn begin_run(&mut self) {
        self.nodes.clear();
        self.order.clear();
        (self.lineages, self.chains) = (0, 0);
    }

    fn see(&mut self, known: &mut [u32], card: &Card) {
        self.lineages += u64::from(inherited(known, card).is_none());
        // Chains are numbered as they begin.
        self.chains = self.chains.max(u64::from(self.order.place(card)) + 1);
        let age = card.link.age as usize;
        if age >= self.nodes.len() {
            self.nodes.resize(age + 1, UNSEEN);
        }
        let id = &card.header.id;
        self.nodes[age] = Node { hash: id.hash64(), creator: card.link.creator, depth: id.path().len() as u32 };
    }

    fn choose(&mut self, actions: &Actions<'_>, choice: usize) {
        self.figures.choices = self.figures.choices.max(actions.len() as u64);
        let act = actions.act(choice);
        if !matches!(act, Act::Deliver(_)) {
            let lane = lane(actions, act);
            if lane >= self.turns.len() {
                self.turns.resize(lane + 1, 0);
            }
            self.turns[lane] += 1;
        }
    }

    fn end_run(&mut self, steps: u64, lanes: u64) {
        let figures = &mut self.figures;
        figures.runs += 1;
        figures.events = figures.events.max(steps);
        figures.lineages = figures.lineages.max(self.lineages + lanes);
        figures.chains = figures.chains.max(self.chains + lanes);
        let mut sizes = vec![1_u64; self.nodes.len()];
        // Creators are older.
        for (age, node) in self.nodes.iter().enumerate().rev() {
            if node.depth == NONE {
                continue;
            }
            let size = sizes[age];
            if let Some(creator) = sizes.get_mut(node.creator as usize) {
                *creator += size;
            }
            let depth = node.depth as usize;
            if depth >= self.by_depth.len() {
                self.by_depth.resize(depth + 1, (0, 0));
            }
            for mean in [self.sizes.entry(node.hash).or_default(), &mut self.by_depth[depth]] {
                *mean = (mean.0 + size, mean.1 + 1);
            }
        }
    }

    fn into_pilot(self) -> Pilot {
        let parts = |(sum, of): (u64, u64)| (sum * PARTS).checked_div(of).unwrap_or(PARTS).min(WEIGHT_MAX) as u32;
        let runs = self.figures.runs;
        Pilot {
            figures: Figures { messages: self.sizes.len() as u64, ..self.figures },
            sizes: self.sizes.into_iter().map(|(hash, mean)| (hash, parts(mean))).collect(),
            by_depth: self.by_depth.into_iter().map(parts).collect(),
            turns: self.turns.into_iter().map(|turns| parts((turns, runs))).collect(),
            faults: FaultPlan::default(),
        }
    }
}
