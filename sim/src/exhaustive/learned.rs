//! What a search learns of a system on the way, as nobody says it beforehand: which queues can be full, and whether workers
//! live again.
//!
//! Both make more events depend on each other, and most systems know neither. So a search begins as if there were neither.
//! Where a run shows that there is, all that was explored is thrown away, and the search begins anew with what it knows now.
//! That happens at most once for each worker, and once for lives.
//!
//! That it notices in time: take a run that fills a queue nobody knew of, or lets a worker live again, up to the event that
//! does so, and no shorter one. Before that event nothing happened that was not known, so what was explored includes a run that
//! begins like it, as far as that matters, and this event can happen there. So it happened in a run that was explored.

use raddle_core::{FaultKind, OnFull, StateMachine, WorkerId};
use serde::{Deserialize, Serialize};

use super::dpor::NAME;
use super::event::Event;
use super::refusal::Refusal;
use super::stage::Stage;
use super::trunk::Trunk;
use crate::settings::Settings;

/// What is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Learned {
    /// The workers whose queue can be full, sorted.
    pub(crate) full: Vec<u32>,
    /// Whether workers live again.
    pub(crate) lives: bool,
}

impl Learned {
    /// What is known beforehand.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { full: Vec::new(), lives: settings.faults.most(FaultKind::Crash) > 0 }
    }

    /// Whether it is anything.
    #[inline]
    pub(crate) fn is_anything(&self) -> bool {
        self.lives || !self.full.is_empty()
    }

    /// Whether two events at different workers depend on each other for one of these reasons.
    pub(crate) fn depend<M: StateMachine>(&self, a: &Event<M>, b: &Event<M>) -> bool {
        let touches = |event: &Event<M>, worker: u32| event.at == worker || event.sent_to(worker);
        self.full.iter().any(|worker| touches(a, *worker) && touches(b, *worker))
            || (self.lives && (a.begins_life() && b.sent_to(a.at) || b.begins_life() && a.sent_to(b.at)))
    }

    /// Whether two events at one worker, of inputs that commute, depend on each other for one of these reasons.
    pub(crate) fn separate<M: StateMachine>(&self, a: &Event<M>, b: &Event<M>) -> bool {
        let meet = |worker: &u32| a.at == *worker || (a.sent_to(*worker) && b.sent_to(*worker));
        a.dies() || b.dies() || self.full.iter().any(meet)
    }

    /// Learns from a run that has ended; whether there was anything to learn.
    pub(crate) fn learn<M: StateMachine>(&mut self, trunk: &Trunk<M>, stage: &Stage<M>) -> Result<bool, Refusal> {
        let before = self.full.len();
        let policies = stage.runner.world.plan.policies();
        if trunk.len() >= policies.capacity {
            self.learn_full(trunk, stage)?;
        }
        let dies = !self.lives && stage.who_died().is_some();
        self.lives |= dies;
        Ok(dies || self.full.len() > before)
    }

    /// All updates that a worker took might be in flight to it at once in some run of this trace, and one more that was
    /// dropped.
    fn learn_full<M: StateMachine>(&mut self, trunk: &Trunk<M>, stage: &Stage<M>) -> Result<(), Refusal> {
        let world = &stage.runner.world;
        let policies = world.plan.policies();
        let capacity = policies.capacity;
        for at in 0..world.workers.len() {
            let place = self.full.binary_search(&(at as u32));
            let Err(place) = place else { continue };
            let took = trunk.took(at as u32);
            let inbox = &world.transit.places[at].inbox;
            let dropped = world.aside.dropped != 0 && inbox.high_water() >= capacity;
            if took + usize::from(dropped) <= capacity {
                continue;
            }
            let knows = |kind| world.settings.faults.most(kind) > 0;
            let refused = match policies.on_full {
                OnFull::Stall => Some(" and make its senders wait"),
                // There may be more or less room for what it says, if something is lost or copied before.
                _ if (knows(FaultKind::Loss) || knows(FaultKind::Duplication))
                    && world.plan.starts_again(WorkerId::at(at)) =>
                {
                    Some(" where messages are lost or copied, if its worker speaks when it starts")
                }
                _ => None,
            };
            if let Some(why) = refused {
                let worker = world.plan.names().worker(WorkerId::at(at)).to_owned();
                let updates = took as u32 + u32::from(dropped);
                return Err(Refusal::FullQueue { search: NAME, why, worker, updates, capacity });
            }
            self.full.insert(place, at as u32);
        }
        Ok(())
    }
}
