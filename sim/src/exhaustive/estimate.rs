//! How many executions an exhaustive search will come to, before it begins.
//!
//! Knuth, "Estimating the Efficiency of Backtrack Programs" (Mathematics of Computation 29, 1975): of a random path down a
//! search tree, the product of the widths that it passed estimates the number of leaves, without bias. For `dfs` and
//! `delay(N)` that is the tree of all schedules. For `dpor` it is the tree of a search with sleep sets (Godefroid,
//! "Partial-Order Methods", 1996, chapter 5), of which one leaf of each trace is no dead end: a path that ends at a dead end
//! counts 0. Where the paths go is drawn so that few do, and weighed against that. The mean of a few paths says how large a
//! search is, not how large exactly: in a crooked tree most of the leaves are where few paths come.

use raddle_core::{StateMachine, WorkerId, random};

use super::event::{Event, Outcome};
use super::kind::Exhaustive;
use super::relation::Relation;
use super::search::Task;
use super::stage::Stage;
use crate::actions::{Act, Actions};
use crate::faults::Fault;
use crate::strategy::{Random, Strategy};

/// So many paths are taken, or fewer if they are long.
const PATHS_MAX: u64 = 64;
/// No path begins after so many steps in all.
const STEPS_MAX: u64 = 100_000;

/// The mean over some paths; none for `states`, of which nobody knows how often they meet.
pub(crate) fn estimate<M: StateMachine>(task: &Task<M>, stage: &mut Stage<M>) -> Option<f64> {
    let relation = Relation::new(&task.settings, &task.plan);
    let (mut sum, mut paths, mut steps, mut far_once_in) = (0.0, 0, 0, 2);
    let mut spare = Vec::new();
    while paths < PATHS_MAX && steps < STEPS_MAX {
        let (sleep, open) = (Vec::new(), std::mem::take(&mut spare));
        let mut path = Path { task, relation: &relation, sleep, open, delays: 0, weight: 1.0, far_once_in };
        let walked = path.walk(task.seed.wrapping_add(paths), stage)?;
        far_once_in = far_once_in.max(u32::try_from(2 * walked).unwrap_or(u32::MAX));
        steps += 1 + walked;
        sum += path.weight;
        spare = path.open;
        paths += 1;
    }
    Some(sum / paths as f64)
}

struct Path<'a, M: StateMachine> {
    task: &'a Task<M>,
    relation: &'a Relation<M>,
    /// What begins only what is counted elsewhere (`dpor`).
    sleep: Vec<Event<M>>,
    /// What may be done at this step.
    open: Vec<usize>,
    /// How many were overtaken (`delay`).
    delays: u32,
    weight: f64,
    far_once_in: u32,
}

impl<M: StateMachine> Path<'_, M> {
    /// Goes down to a leaf; gives the number of steps.
    fn walk(&mut self, seed: u64, stage: &mut Stage<M>) -> Option<u64> {
        let mut rng = random::substream(seed, "estimate", 0);
        // Handlers choose at random too.
        let mut at_random = Random::default();
        stage.begin_with(seed, &mut at_random as &mut dyn Strategy);
        for step in 0..stage.steps_max() {
            let actions = stage.actions();
            if actions.is_empty() || actions.are_to_heal() {
                return Some(step);
            }
            let mut open = std::mem::take(&mut self.open);
            open.clear();
            match self.task.kind {
                Exhaustive::Dfs => open.extend(0..actions.len()),
                Exhaustive::Delay(most) => {
                    let may_pass = |at: &usize| *at >= actions.usual() || self.delays + *at as u32 <= most;
                    open.extend((0..actions.len()).filter(may_pass));
                }
                Exhaustive::Dpor => {
                    let is_asleep = |at: &usize| self.sleep.iter().any(|event| actions.is_event(*at, event));
                    open.extend((0..actions.len()).filter(|at| !is_asleep(at)));
                }
                Exhaustive::States => return None,
            }
            let Some(oldest) = open.first() else {
                self.weight = 0.0;
                return Some(step);
            };
            // Whoever goes on elsewhere leaves all that races with the oldest asleep until something comes to its worker: mostly
            // a dead end.
            let mut near = open.len();
            if self.task.kind == Exhaustive::Dpor {
                let at_oldest = event_of::<M>(&actions, *oldest)?.at;
                let is_near = |at: &usize| event_of::<M>(&actions, *at).is_some_and(|event| event.at == at_oldest);
                open.sort_by_key(|at| !is_near(at));
                near = open.partition_point(is_near);
            }
            let far = open.len() - near;
            let goes_far = far > 0 && random::below(&mut rng, self.far_once_in) == 0;
            let taken = match goes_far {
                true => near + random::below(&mut rng, far as u32) as usize,
                false => random::below(&mut rng, near as u32) as usize,
            };
            let once_in = f64::from(self.far_once_in);
            self.weight *= match (goes_far, far) {
                (true, _) => far as f64 * once_in,
                (false, 0) => near as f64,
                (false, _) => near as f64 * once_in / (once_in - 1.0),
            };
            let choice = open[taken];
            if self.task.kind == Exhaustive::Dpor {
                let event = event_of(&actions, choice)?;
                self.sleep.extend(open[..taken].iter().filter_map(|at| event_of(&actions, *at)));
                self.sleep.retain(|asleep| !self.relation.depend(asleep, &event));
            } else if choice < actions.usual() {
                self.delays += choice as u32;
            }
            self.open = open;
            stage.step_freely(choice);
            self.weight *= stage.world().options().iter().map(|options| f64::from(*options)).product::<f64>();
        }
        Some(stage.steps_max())
    }
}

/// What an action is, as far as it is known before it is taken.
fn event_of<M: StateMachine>(actions: &Actions<'_>, at: usize) -> Option<Event<M>> {
    let (ready, outcome) = match actions.act(at) {
        Act::Deliver(ready) => (ready, Outcome::Arrived),
        Act::Fault(Fault::Lose(ready)) => (ready, Outcome::Lost),
        Act::Fault(Fault::Duplicate(ready)) => (ready, Outcome::Copied),
        Act::Fault(Fault::Crash(worker)) => return Some(Event::crash(WorkerId::index(worker) as u32, 0)),
        _ => return None,
    };
    let header = &actions.card(actions.ready[ready].slot()).header;
    Some(Event { key: header.id.hash64(), at: header.to.index() as u32, outcome, extra: None })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use indexmap::IndexMap;
    use raddle_core::{Order, Outbox, System};

    use super::super::control::Control;
    use super::*;
    use crate::settings::{Network, Settings};

    /// Passes on what it hears, once more at each.
    #[derive(Clone)]
    struct Hop(u32);

    impl StateMachine for Hop {
        type Message = u32;
        type Update = u32;

        fn on_message(&mut self, hops: u32, out: &mut Outbox<u32>) {
            self.on_update(hops, out);
        }

        fn on_update(&mut self, hops: u32, out: &mut Outbox<u32>) {
            if hops > 0 {
                out.notify(WorkerId::new((self.0 + hops) % 3), hops - 1);
            }
        }
    }

    /// Passes everything on to the last.
    struct Last(bool);

    impl StateMachine for Last {
        type Message = ();
        type Update = ();

        fn on_message(&mut self, (): (), out: &mut Outbox<()>) {
            if !self.0 {
                out.notify("z", ());
            }
        }

        fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
    }

    /// What was estimated, and how many executions it took.
    fn estimate_and_count<M: StateMachine>(system: &System<M>, kind: Exhaustive, is_small: bool) -> (f64, f64) {
        let (laws, variant) = (Some(Vec::new()), IndexMap::new());
        let settings = Settings { network: Network::Bag, ..Settings::default() };
        let plan = system.plan().expect("good");
        let task = Task { plan: Arc::clone(&plan), settings, laws, kind, seed: 0, scouts: 0, variant };
        let mut stage = task.stage().expect("good");
        let about = estimate(&task, &mut stage).expect("it can be estimated");
        if !is_small {
            return (about, 0.0);
        }
        let searched = task.search_here(&mut stage, &Control::default(), &mut |_| {}).expect("it can be searched");
        (about, searched.tally.executions as f64)
    }

    fn fanin(n: u32) -> System<Last> {
        let names = (0..n).map(|i| format!("s{i}")).chain(["z".to_owned()]);
        let system = System::new("fanin").workers(names, |seat| Last(seat.name() == "z"));
        (0..n).fold(system, |system, i| system.messages(format!("c{i}"), [(format!("s{i}"), ())]))
    }

    #[test]
    fn it_is_near_where_all_races_are_alike() {
        let (about, count) = estimate_and_count(&fanin(6), Exhaustive::Dpor, true);
        assert!(count == 720.0 && (about - count).abs() < 144.0, "{about}");
        let (about, _) = estimate_and_count(&fanin(64), Exhaustive::Dpor, false);
        assert!((1.26e88..1.26e90).contains(&about), "64! is 1.27e89, and this is {about}");
    }

    /// Where what is sent later may come before what is there already, it says how large the search is and no more.
    #[test]
    fn it_is_of_the_size_where_they_are_not() {
        for (k, hops) in [(1, 5), (2, 4), (3, 3)] {
            let names = ["a", "b", "c"];
            let system = System::new("hops").workers(names, |seat| Hop(seat.id().index() as u32));
            let system = system.with(|policies| policies.order = Order::Arrival);
            let send = |system: System<Hop>, i: usize| system.messages(format!("s{i}"), [(names[i], hops)]);
            let system = (0..k).fold(system, send);
            for (kind, times) in [(Exhaustive::Dpor, 3.0), (Exhaustive::Dfs, 1.5), (Exhaustive::Delay(2), 1.5)] {
                let (about, count) = estimate_and_count(&system, kind, true);
                assert!((count / times..=count * times).contains(&about), "{k} {hops} {kind}: {about} of {count}");
            }
        }
    }
}
