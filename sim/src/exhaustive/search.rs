//! One exhaustive search from its beginning to its end.

use std::sync::Arc;

use indexmap::IndexMap;
use raddle_core::{FaultKind, Order, Plan, StateMachine};

use super::breadth::{Breadth, STAGES_MAX};
use super::checkpoint::{CheckpointError, CheckpointFile, Left, OTHERWISE, SavedPart, SavedTally};
use super::control::Control;
use super::dfs::{Dfs, Level};
use super::dpor::{self, Dpor, Went};
use super::kind::Exhaustive;
use super::linearize::CRASHES_MAX;
use super::refusal::Refusal;
use super::relation::Relation;
use super::scout::scout;
use super::stage::Stage;
use super::states;
use super::tally::Tally;
use crate::run::{RunError, Runner};
use crate::settings::{Granularity, Network, Settings};

/// What is searched, and how.
pub(crate) struct Task<M: StateMachine> {
    pub(crate) plan: Arc<Plan<M>>,
    pub(crate) settings: Settings,
    pub(crate) laws: Option<Vec<String>>,
    pub(crate) kind: Exhaustive,
    /// Where handlers draw, they draw from this.
    pub(crate) seed: u64,
    /// How many scouts go out first.
    pub(crate) scouts: u64,
    /// What the system was built with, where that is known: a checkpoint of another is of no use.
    pub(crate) variant: IndexMap<String, String>,
}

/// More ways to distribute crashes among workers than this are not searched.
const WAYS_MAX: u64 = 10_000;

/// How many parts a search is cut into, so that several jobs find work.
const PARTS: usize = 64;

/// A part of a search.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// The schedules that begin so.
    Below(Vec<Level>),
    /// The runs in which the workers crash so many times.
    Crashing(Vec<u32>),
    /// What a checkpoint says.
    Saved(Box<SavedPart>),
}

/// What a search came to.
#[derive(Default)]
pub(crate) struct Searched {
    pub(crate) tally: Tally,
    /// Whether nothing is left.
    pub(crate) is_over: bool,
    /// How much of it is done, between 0 and 1.
    pub(crate) done: f64,
    pub(crate) states: Option<u64>,
    pub(crate) left: Left,
}

impl Searched {
    /// What all these parts came to together, in their order.
    pub(crate) fn of_all(parts: Vec<Self>) -> Self {
        let count = parts.len() as f64;
        let mut all = Self { is_over: true, ..Self::default() };
        for part in parts {
            all.is_over &= part.is_over;
            all.done += part.done / count;
            all.states = all.states.or(part.states);
            all.tally.join(part.tally);
        }
        all
    }

    /// For a checkpoint.
    pub(crate) fn saved(&self) -> SavedPart {
        SavedPart { left: self.left.clone(), tally: SavedTally::of(&self.tally) }
    }
}

/// Sees each run when it has ended; those with which a search begins anew, more than once.
pub(crate) type Visit<'a, M> = &'a mut dyn FnMut(&Runner<M>);

impl<M: StateMachine> Task<M> {
    /// Whether this can be searched at all, as far as it shows beforehand.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let search = match self.kind {
            Exhaustive::Dpor => dpor::NAME,
            Exhaustive::Dfs | Exhaustive::Delay(_) => return Ok(()),
            Exhaustive::States => states::NAME,
        };
        let knows = |fault: &FaultKind| {
            self.kind == Exhaustive::Dpor
                && matches!(fault, FaultKind::Loss | FaultKind::Duplication | FaultKind::Crash)
        };
        if let Some(fault) = self.settings.faults.kinds().find(|fault| !knows(fault)) {
            let known = match self.kind {
                Exhaustive::Dpor => "`loss`, `duplication` and `crash`",
                _ => "runs without faults",
            };
            return Err(Refusal::Fault { search, fault: fault.name(), known });
        }
        self.check_crashes()?;
        if self.settings.granularity != Granularity::Delivery {
            return Err(Refusal::Queues { search });
        }
        if self.plan.names().has_sessions() {
            return Err(Refusal::Sessions { search });
        }
        if self.kind == Exhaustive::States {
            return states::check(&self.plan, self.settings.network);
        }
        if self.plan.commuting().is_some() {
            let network = self.settings.network;
            if !matches!(network, Network::Bag | Network::Fifo) {
                return Err(Refusal::CommutingNetwork { network });
            }
            if self.parks() {
                return Err(Refusal::CommutingOrder);
            }
        }
        Ok(())
    }

    /// Whether there are few enough crashes to put them in order, and few enough ways to distribute them.
    fn check_crashes(&self) -> Result<(), Refusal> {
        let most = self.settings.faults.most(FaultKind::Crash);
        if most > 0 && self.plan.chooses(FaultKind::Crash) {
            return Err(Refusal::CrashWhen);
        }
        let too_many = |what, count, max| Err(Refusal::Crashes { what, count, max });
        if most > CRASHES_MAX {
            return too_many("crashes in a run", u64::from(most), u64::from(CRASHES_MAX));
        }
        // One more each time: all ways to put so many crashes on so many workers, or on none.
        let more = |ways: u64, nth| ways.saturating_mul(self.workers() as u64 + nth) / nth;
        let ways = (1..=u64::from(most)).fold(1, more);
        if ways > WAYS_MAX { too_many("ways to distribute the crashes", ways, WAYS_MAX) } else { Ok(()) }
    }

    /// Whether an update may have to wait for another at its worker, as the network does not keep the order.
    fn parks(&self) -> bool {
        let order = self.plan.policies().order;
        order > self.settings.network.promises() && order != Order::Arrival
    }

    /// A stage for its runs.
    pub(crate) fn stage(&self) -> Result<Stage<M>, RunError> {
        let runner = Runner::new(Arc::clone(&self.plan), self.settings.clone(), self.laws.as_deref())?;
        Ok(Stage::new(runner, self.seed))
    }

    /// A tally for its runs. Traces must be told apart where several executions may be one.
    pub(crate) fn tally(&self) -> Tally {
        Tally::new(self.kind != Exhaustive::Dpor || self.is_redundant())
    }

    /// Whether several executions of `dpor` may be one trace, as far as it shows beforehand.
    fn is_redundant(&self) -> bool {
        let sabotaged = self.plan.policies().sabotage.is_some();
        self.parks() || sabotaged || self.plan.commuting().is_some() || !self.settings.faults.is_empty()
    }

    /// The parts of this search: from the beginning, or from where the checkpoint in this file left it.
    pub(crate) fn begin(&self, stage: &mut Stage<M>, file: Option<&CheckpointFile>) -> Result<Vec<Part>, Refusal> {
        let saved = file.map(CheckpointFile::read).transpose()?.flatten();
        Ok(match saved {
            Some(parts) => parts.into_iter().map(|part| Part::Saved(Box::new(part))).collect(),
            None => self.parts(stage),
        })
    }

    /// A part that nobody has begun with, for a checkpoint.
    pub(crate) fn not_begun(&self, part: &Part) -> SavedPart {
        let left = match part {
            Part::Saved(saved) => return SavedPart::clone(saved),
            Part::Whole => Left::States { done: 0, queue: Vec::new() },
            Part::Below(levels) => Left::Schedules { base: levels.len(), levels: levels.clone() },
            Part::Crashing(crashes) => Dpor::new(self.relation(), crashes.clone()).left(),
        };
        SavedPart { left, tally: SavedTally::of(&self.tally()) }
    }

    fn relation(&self) -> Relation<M> {
        Relation::new(&self.settings, &self.plan)
    }

    /// Cuts the search into parts that can be searched at once, and counted in their order.
    pub(crate) fn parts(&self, stage: &mut Stage<M>) -> Vec<Part> {
        match self.kind {
            Exhaustive::Dfs => Dfs::split(None, PARTS, stage).into_iter().map(Part::Below).collect(),
            Exhaustive::Delay(max) => Dfs::split(Some(max), PARTS, stage).into_iter().map(Part::Below).collect(),
            Exhaustive::Dpor => self.crashes().into_iter().map(Part::Crashing).collect(),
            Exhaustive::States => vec![Part::Whole],
        }
    }

    /// All ways to distribute the crashes of a run among the workers, by worker: fewer first.
    fn crashes(&self) -> Vec<Vec<u32>> {
        let mut all = vec![vec![0; self.workers()]];
        let mut begin = 0;
        for _ in 0..self.settings.faults.most(FaultKind::Crash) {
            let end = all.len();
            for at in begin..end {
                let last = all[at].iter().rposition(|crashes| *crashes > 0).unwrap_or(0);
                for worker in last..self.workers() {
                    let mut more = all[at].clone();
                    more[worker] += 1;
                    if self.plan.policies().restart.deaths_max().is_none_or(|most| more[worker] <= most) {
                        all.push(more);
                    }
                }
            }
            begin = end;
        }
        all
    }

    /// How many stages a part is searched on, where there may be so many.
    pub(crate) const fn stages(&self, jobs: usize) -> usize {
        match self.kind {
            Exhaustive::States if jobs < STAGES_MAX => jobs,
            Exhaustive::States => STAGES_MAX,
            _ => 1,
        }
    }

    /// Searches all of it on this stage, or until it is told to stop.
    pub(crate) fn search_here(
        &self,
        stage: &mut Stage<M>,
        control: &Control,
        visit: Visit<'_, M>,
    ) -> Result<Searched, Refusal> {
        let parts = match self.kind {
            Exhaustive::Dpor => self.parts(stage),
            _ => vec![Part::Whole],
        };
        let count = parts.len();
        let mut searched = Vec::new();
        for part in parts {
            if control.is_stopped() {
                break;
            }
            searched.push(self.search(part, std::slice::from_mut(stage), control, &mut *visit)?);
        }
        let is_all = searched.len() == count;
        let all = Searched::of_all(searched);
        Ok(Searched { is_over: all.is_over && is_all, ..all })
    }

    /// Searches a part, or until it is told to stop. It takes one stage; states are searched on any number at once, and the
    /// counts are the same.
    pub(crate) fn search(
        &self,
        part: Part,
        stages: &mut [Stage<M>],
        control: &Control,
        visit: Visit<'_, M>,
    ) -> Result<Searched, Refusal> {
        let stage = &mut stages[0];
        let delays_max = match self.kind {
            Exhaustive::Delay(max) => Some(max),
            _ => None,
        };
        let mut crashes = Vec::new();
        let (left, tally) = match part {
            Part::Whole => (None, self.tally()),
            Part::Crashing(which) => {
                crashes = which;
                (None, self.tally())
            }
            Part::Below(base) => (Some(Left::Schedules { base: base.len(), levels: base }), self.tally()),
            Part::Saved(saved) => {
                let tally = saved.tally.tally(stage);
                (Some(saved.left), Tally { resumed: true, ..tally })
            }
        };
        match (self.kind, left) {
            (_, Some(left)) if control.is_stopped() => {
                let is_over = matches!(left, Left::Nothing);
                Ok(Searched { tally, left, is_over, ..Searched::default() })
            }
            (_, Some(Left::Nothing)) => Ok(Searched { tally, is_over: true, done: 1.0, ..Searched::default() }),
            (Exhaustive::States, left) => {
                stage.rests();
                let breadth = match left {
                    Some(Left::States { done, queue }) => Breadth::resume(done, queue),
                    Some(_) => None,
                    None => Some(Breadth::new()),
                };
                let why = CheckpointError::Useless("it holds no queue of states");
                self.states(breadth.ok_or(why)?, tally, stages, control, visit)
            }
            (Exhaustive::Dpor, left) => {
                let relation = self.relation();
                let dpor = match left {
                    Some(Left::Wakeup(saved)) => {
                        if saved.crashes.len() != self.workers() {
                            return Err(CheckpointError::Useless(OTHERWISE).into());
                        }
                        let mut dpor = Dpor::new(relation, saved.crashes.clone());
                        if !dpor.resume(saved, stage) {
                            return Err(CheckpointError::Useless(OTHERWISE).into());
                        }
                        dpor
                    }
                    _ => Dpor::new(relation, crashes),
                };
                self.dpor(dpor, tally, stage, control, visit)
            }
            (_, Some(Left::Schedules { base, levels })) => {
                let dfs = Dfs::resume(base, levels, delays_max);
                Ok(self.dfs(dfs, tally, stage, control, visit))
            }
            _ => Ok(self.dfs(Dfs::new(Vec::new(), delays_max), tally, stage, control, visit)),
        }
    }

    fn workers(&self) -> usize {
        self.plan.names().worker_count()
    }

    fn dfs(
        &self,
        mut dfs: Dfs,
        mut tally: Tally,
        stage: &mut Stage<M>,
        control: &Control,
        visit: Visit<'_, M>,
    ) -> Searched {
        loop {
            let steps = |dfs: &Dfs| dfs.levels.iter().map(|level| (level.choice, level.values.clone())).collect();
            match dfs.run(stage) {
                Went::Through(reason) => {
                    visit(&stage.runner);
                    tally.count(stage, reason, |_| steps(&dfs));
                }
                Went::Blocked | Went::Astray => tally.stray(stage, steps(&dfs)),
            }
            let is_over = !dfs.advance();
            if is_over || !control.goes_on(&tally, || dfs.part_done()) {
                let done = if is_over { 1.0 } else { dfs.part_done() };
                let left = if is_over { Left::Nothing } else { dfs.left() };
                return Searched { tally, is_over, done, states: None, left };
            }
            control.hand_over(&tally, || {
                stage.rests();
                dfs.left()
            });
        }
    }

    fn states(
        &self,
        mut breadth: Breadth,
        mut tally: Tally,
        stages: &mut [Stage<M>],
        control: &Control,
        visit: Visit<'_, M>,
    ) -> Result<Searched, Refusal> {
        breadth.search(&mut tally, stages, control, visit)?;
        let is_over = breadth.is_over() && !tally.is_at_odds();
        let (done, states) = (breadth.part_done(), Some(breadth.count()));
        Ok(Searched { tally, is_over, done, states, left: breadth.left() })
    }

    fn dpor(
        &self,
        mut dpor: Dpor<M>,
        mut tally: Tally,
        stage: &mut Stage<M>,
        control: &Control,
        visit: Visit<'_, M>,
    ) -> Result<Searched, Refusal> {
        // Scouts learn what a search that has begun may not know yet: they go out before, or not at all.
        if self.scouts > 0 && tally.scouts == 0 && tally.executions == 0 && dpor.is_calm() {
            scout(&mut dpor.relation, self.scouts, self.workers(), stage, &mut tally, control)?;
            if dpor.relation.learned.is_anything() {
                tally.begin_anew();
            }
        }
        loop {
            match dpor.run(stage)? {
                Went::Through(reason) => {
                    if dpor.relation.learned.learn(&dpor.trunk, stage)? {
                        if dpor.is_one() {
                            tally.scouted(stage, reason, |stage| dpor.trunk.steps(stage));
                        }
                        dpor.begin_anew();
                        tally.begin_anew();
                        continue;
                    }
                    if dpor.is_one() {
                        visit(&stage.runner);
                        tally.count(stage, reason, |stage| dpor.trunk.steps(stage));
                    } else {
                        dpor.refuse_dead(stage)?;
                        tally.discarded += 1;
                    }
                    dpor.plan(stage);
                }
                Went::Blocked => tally.blocked += 1,
                Went::Astray => {
                    let steps = dpor.trunk.steps(stage);
                    tally.stray(stage, steps);
                }
            }
            let is_over = !dpor.back();
            if is_over || !control.goes_on(&tally, || dpor.part_done()) {
                let done = if is_over { 1.0 } else { dpor.part_done() };
                let left = if is_over { Left::Nothing } else { dpor.left() };
                return Ok(Searched { tally, is_over, done, states: None, left });
            }
            control.hand_over(&tally, || {
                stage.rests();
                dpor.left()
            });
        }
    }
}
