//! Scouts: what is near the first run is looked at first.
//!
//! A depth-first search changes what happens late before what happens early, so how soon it comes to a bug is luck: behind
//! an early race there may be millions of late ones. So before `dpor` begins, some runs are made that are one race away
//! from the default run, then those that are two away, and so on, breadth first. They are judged, and what they find is
//! found; they are not counted, as the search comes to all of them again.

use std::collections::VecDeque;

use raddle_core::{EndReason, StateMachine};
use rustc_hash::FxHashSet;

use super::control::Control;
use super::event::Event;
use super::refusal::Refusal;
use super::relation::Relation;
use super::stage::{Pick, Stage};
use super::tally::Tally;
use super::trunk::Trunk;

/// How many scouts go out at most: so few that nobody waits for them.
const SCOUTS_MAX: u64 = 2_000;

/// Nor more than one for so many executions that there seem to be, save the nearest: a small search comes to all soon.
const EXECUTIONS_PER_SCOUT: f64 = 512.0;

/// So many are worth it for any search.
const NEAREST: u64 = 64;

/// How many scouts are to go out before a search of about so many executions.
pub(crate) fn scouts_for(about: Option<f64>) -> u64 {
    about.map_or(SCOUTS_MAX, |about| ((about / EXECUTIONS_PER_SCOUT) as u64).clamp(NEAREST, SCOUTS_MAX))
}

/// How many events the routes of all that wait have together, at most.
const WAITING_MAX: usize = 1 << 20;

/// Sends scouts out.
pub(crate) fn scout<M: StateMachine>(
    relation: &mut Relation<M>,
    scouts: u64,
    workers: usize,
    stage: &mut Stage<M>,
    tally: &mut Tally,
    control: &Control,
) -> Result<(), Refusal> {
    let mut trunk = Trunk::new(workers);
    let (mut queue, mut seen) = (VecDeque::from([Vec::new()]), FxHashSet::default());
    let (mut beside, mut waiting) = (Vec::new(), 0);
    while let Some(route) = queue.pop_front() {
        if tally.scouts == scouts || !control.goes_on(tally, || 0.0) {
            return Ok(());
        }
        waiting -= route.len();
        let Some(reason) = follow(&route, &mut trunk, relation, stage)? else { continue };
        relation.learned.learn(&trunk, stage)?;
        let is_new = seen.insert(stage.world().fingerprint());
        tally.scouted(stage, reason, |stage| trunk.steps(stage));
        if !is_new {
            continue;
        }
        for race in &trunk.races {
            if queue.len() as u64 + tally.scouts >= scouts || waiting >= WAITING_MAX {
                break;
            }
            let before = trunk.events[..race.first as usize].iter().map(|taken| taken.event.clone());
            let mut route: Vec<Event<M>> = before.collect();
            let between = trunk.beside(race.first, race.second, &mut beside);
            route.extend(beside.drain(..).take(between));
            route.push(race.event.clone());
            waiting += route.len();
            queue.push_back(route);
        }
    }
    Ok(())
}

/// Runs along a route, then in the default order. None if the route leads nowhere.
fn follow<M: StateMachine>(
    route: &[Event<M>],
    trunk: &mut Trunk<M>,
    relation: &Relation<M>,
    stage: &mut Stage<M>,
) -> Result<Option<EndReason>, Refusal> {
    stage.begin();
    trunk.cut(0);
    trunk.begin(stage.world().transit.next_age);
    loop {
        stage.refuse_timers(super::dpor::NAME)?;
        let actions = stage.actions();
        if actions.is_empty() {
            return Ok(Some(stage.rest()));
        }
        if actions.are_to_heal() {
            return Ok(Some(EndReason::Steps));
        }
        let wanted = route.get(trunk.len());
        let Some(pick) = wanted.map_or(Some(Pick::Place(0)), |event| stage.pick_of(event)) else { return Ok(None) };
        if trunk.len() as u64 >= stage.steps_max() {
            return Ok(Some(EndReason::Steps));
        }
        trunk.take(stage, pick, wanted.map_or(&[], Event::values), relation);
    }
}
