//! Properties of a user's own: predicates over the states of all machines.
//!
//! They are judged where states can be seen: after each step in the simulator, at shutdown in a real run.

use std::fmt::Debug;
use std::sync::Arc;

use crate::ids::WorkerId;
use crate::machine::StateMachine;
use crate::names::Names;
use crate::worker::Worker;

/// When a property must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum When {
    /// After every step.
    Always,
    /// After no step.
    Never,
    /// After at least one step of every run that comes to rest.
    Eventually,
    /// After at least one step of at least one run; never reached is reported, not a violation.
    Sometimes,
    /// When a run has come to rest.
    AtEnd,
}

/// A named predicate over the states of all machines.
pub struct Property<M> {
    /// Its name: in reports it stands where a law's name stands.
    pub name: String,
    /// When it must hold.
    pub when: When,
    /// Whether it holds now.
    pub holds: Predicate<M>,
    /// Why it does not, where it can tell: asked only when it does not.
    pub why: Option<Why<M>>,
    /// The only worker whose state it reads; none if it may read several.
    pub worker: Option<String>,
}

/// A predicate over the states of all machines.
pub type Predicate<M> = Arc<dyn Fn(&Snapshot<'_, M>) -> bool + Send + Sync>;

/// What is wrong with the states of all machines, in words.
pub type Why<M> = Arc<dyn Fn(&Snapshot<'_, M>) -> Option<String> + Send + Sync>;

impl<M> Clone for Property<M> {
    fn clone(&self) -> Self {
        let (name, worker) = (self.name.clone(), self.worker.clone());
        Self { name, when: self.when, holds: Arc::clone(&self.holds), why: self.why.clone(), worker }
    }
}

impl<M: StateMachine> Property<M> {
    /// That all these workers which are alive at the end are in the same state, as far as `view` shows it.
    pub(crate) fn convergence<V: PartialEq + Debug>(
        workers: Arc<[String]>,
        view: impl Fn(&M) -> V + Send + Sync + 'static,
    ) -> Self {
        let difference = Arc::new(move |states: &Snapshot<'_, M>| first_difference(states, &workers, &view));
        let differs = Arc::clone(&difference);
        Self {
            name: "convergence".to_owned(),
            when: When::AtEnd,
            holds: Arc::new(move |states| differs(states).is_none()),
            why: Some(difference),
            worker: None,
        }
    }
}

/// The states of all machines between two steps.
#[derive(Clone, Copy)]
pub struct Snapshot<'a, M> {
    workers: &'a [Worker<M>],
    names: &'a Names,
}

impl<'a, M> Snapshot<'a, M> {
    /// The states of these workers, which stand in the order of declaration.
    #[must_use]
    pub const fn new(workers: &'a [Worker<M>], names: &'a Names) -> Self {
        Self { workers, names }
    }

    /// All machines, in the order of declaration.
    pub fn machines(&self) -> impl ExactSizeIterator<Item = &'a M> + use<'a, M> {
        self.workers.iter().map(Worker::machine)
    }

    /// The machine of the worker of this name.
    #[must_use]
    pub fn machine(&self, name: &str) -> Option<&'a M> {
        self.names.worker_id(name).map(|id| self.machine_of(id))
    }

    /// The worker of this name.
    fn worker(&self, name: &str) -> Option<&'a Worker<M>> {
        self.names.worker_id(name).map(|id| &self.workers[id.index()])
    }

    /// The machine of a worker.
    #[must_use]
    pub fn machine_of(&self, worker: WorkerId) -> &'a M {
        self.workers[worker.index()].machine()
    }

    /// All workers, in the order of declaration.
    #[must_use]
    pub const fn workers(&self) -> &'a [Worker<M>] {
        self.workers
    }
}

/// The first of these workers that is alive, and the first after it whose view is another, in words.
fn first_difference<M: StateMachine, V: PartialEq + Debug>(
    states: &Snapshot<'_, M>,
    workers: &[String],
    view: impl Fn(&M) -> V,
) -> Option<String> {
    let is_alive = |name: &&String| states.worker(name).is_some_and(|worker| !worker.is_crashed());
    let mut views = workers.iter().filter(is_alive).filter_map(|name| Some((name, view(states.machine(name)?))));
    let (first, one) = views.next()?;
    let (second, other) = views.find(|(_, other)| *other != one)?;
    Some(format!("{first} has {one:?}, {second} has {other:?}"))
}
