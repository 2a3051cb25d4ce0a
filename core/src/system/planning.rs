//! From a system to its plan: every check that there is before a run, and what is wrong with a system that fails one.

use std::collections::BTreeSet;
use std::sync::Arc;

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use super::{Sent, System};
use crate::ids::WorkerId;
use crate::machine::StateMachine;
use crate::names::{NameError, Names};
use crate::plan::{External, Plan};
use crate::policy::{Cycles, Recovery};
use crate::rules::{Edges, Rules};
use crate::subscriptions::{SubscriptionError, Subscriptions};
use crate::workload::in_rounds;

/// A system that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SystemError {
    /// A name that cannot be used, or stands for nobody.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A subscription table that cannot be used.
    #[error(transparent)]
    Subscription(#[from] SubscriptionError),
    /// Two messages of a source that could not be told apart.
    #[error("message {number} of source `{source_name}` stands after a later one: numbers of a source must rise")]
    Number {
        /// The source.
        source_name: String,
        /// The number that does not rise.
        number: u32,
    },
    /// A session sends one thing after the other, and other sources do not.
    #[error("`{0}` is a session and sends messages beside it: give the messages to a source of another name")]
    Session(String),
    /// Nobody to do anything.
    #[error("the system `{0}` has no workers: add some with `.workers(names, make)`")]
    NoWorkers(String),
    /// `cycles = forbid` speaks about declared edges.
    #[error("`cycles = forbid` needs declared edges: add them with `.edges([(from, to), ..])`")]
    NoEdges,
    /// `recovery = durable` copies machines.
    #[error("`recovery = durable` needs machines that can be copied: derive `Clone` and add `.forkable()`")]
    NotForkable,
    /// The declared edges form a cycle.
    #[error("`cycles = forbid`, but the declared edges form the cycle {0}")]
    Cycle(String),
}

impl<M: StateMachine> System<M> {
    /// Checks everything.
    ///
    /// # Errors
    /// Whatever cannot be run: names that are not usable or unknown, a table that does not read, declared edges that
    /// form a cycle though cycles are forbidden.
    pub fn plan(&self) -> Result<Arc<Plan<M>>, SystemError> {
        if self.workers.is_empty() {
            return Err(SystemError::NoWorkers(self.name.clone()));
        }
        let names = self.find_sessions(self.find_names()?)?;
        let externals = self.find_externals(&names)?;
        let edges = self.find_edges(&names)?;
        if self.policies.recovery == Recovery::Durable && self.hooks.fork.is_none() {
            return Err(SystemError::NotForkable);
        }
        let subscriptions = match &self.subscriptions {
            Some(table) => Subscriptions::from_ron(table, &names)?,
            None => Subscriptions::default(),
        };
        self.check_properties(&names)?;
        let mut plan = Plan {
            rules: Rules {
                names: Arc::new(names),
                policies: self.policies.clone(),
                edges,
                barriers: false,
                commits: false,
                lives: false,
            },
            makers: self.workers.iter().map(|(_, make)| Arc::clone(make)).collect(),
            externals,
            laws: self.laws.clone(),
            properties: self.properties.clone(),
            marks: self.marks.clone(),
            subscriptions: Arc::new(subscriptions),
            starts: Vec::new(),
            hooks: self.hooks.clone(),
        };
        plan.starts = plan.find_starts();
        Ok(Arc::new(plan))
    }

    /// Who there is: the workers as they were added, and the sources as they first come up in the workload.
    fn find_names(&self) -> Result<Names, NameError> {
        let mut sources: Vec<&str> = Vec::new();
        for Sent { source, .. } in &self.workload {
            if !sources.contains(&source.as_str()) {
                sources.push(source);
            }
        }
        let workers = self.workers.iter().map(|(name, _)| name.as_str());
        Names::new(&self.name, workers, sources)
    }

    /// Says of the sources which are sessions.
    fn find_sessions(&self, names: Names) -> Result<Names, SystemError> {
        let mut sessions = BTreeSet::new();
        for sent in self.workload.iter().filter(|sent| sent.manner.is_some()) {
            sessions.extend(names.source_id(&sent.source));
        }
        let both = |sent: &&Sent<M::Message>| {
            sent.manner.is_none() && names.source_id(&sent.source).is_some_and(|source| sessions.contains(&source))
        };
        match self.workload.iter().find(both) {
            Some(sent) => Err(SystemError::Session(sent.source.clone())),
            None => Ok(names.with_sessions(sessions)),
        }
    }

    /// The workload, by ids.
    fn find_externals(&self, names: &Names) -> Result<Vec<External<M::Message>>, SystemError> {
        let mut next = vec![0; names.source_count()];
        let mut externals = Vec::with_capacity(self.workload.len());
        for Sent { source: name, number, to, manner, message } in &self.workload {
            let source = names.source_id(name).expect("all sources were collected");
            let next: &mut u64 = &mut next[source.index()];
            let number = number.unwrap_or_else(|| u32::try_from(*next).expect("memory holds fewer than 2^32 messages"));
            if u64::from(number) < *next {
                return Err(SystemError::Number { source_name: name.clone(), number });
            }
            let (to, manner) = (find(names, to)?, manner.unwrap_or_default());
            externals.push(External { source, number, to, manner, message: message.clone() });
            *next = u64::from(number) + 1;
        }
        if let Some(messages) = self.in_all {
            externals = in_rounds(&externals, messages).map(|(place, number)| place.numbered(number)).collect();
        }
        Ok(externals)
    }

    /// The declared edges, by ids.
    fn find_edges(&self, names: &Names) -> Result<Option<Edges>, SystemError> {
        let edges = match &self.edges {
            None if self.policies.cycles == Cycles::Forbid => return Err(SystemError::NoEdges),
            None => None,
            Some(edges) => Some(
                edges
                    .iter()
                    .map(|(from, to)| Ok((find(names, from)?, find(names, to)?)))
                    .collect::<Result<Edges, NameError>>()?,
            ),
        };
        if let (Cycles::Forbid, Some(edges)) = (self.policies.cycles, &edges) {
            check_acyclic(edges, names)?;
        }
        Ok(edges)
    }

    /// That every property has a name of its own, and that the workers exist of which properties speak.
    fn check_properties(&self, names: &Names) -> Result<(), NameError> {
        for (at, property) in self.properties.iter().enumerate() {
            if !crate::names::is_name(&property.name) {
                return Err(NameError::Form(property.name.clone()));
            }
            if self.properties[..at].iter().any(|other| other.name == property.name) {
                return Err(NameError::Twice(property.name.clone()));
            }
            if let Some(worker) = &property.worker {
                find(names, worker)?;
            }
        }
        self.converging.iter().try_for_each(|worker| find(names, worker).map(drop))
    }
}

/// The worker of this name.
fn find(names: &Names, name: &str) -> Result<WorkerId, NameError> {
    names.worker_id(name).ok_or_else(|| NameError::Unknown(name.to_owned()))
}

fn check_acyclic(edges: &BTreeSet<(WorkerId, WorkerId)>, names: &Names) -> Result<(), SystemError> {
    let graph: DiGraphMap<WorkerId, ()> = DiGraphMap::from_edges(edges);
    let cyclic = |part: &Vec<WorkerId>| part.len() > 1 || graph.contains_edge(part[0], part[0]);
    let Some(mut part) = tarjan_scc(&graph).into_iter().find(cyclic) else { return Ok(()) };
    part.sort_unstable();
    let mut path = vec![part[0]];
    loop {
        let here = path[path.len() - 1];
        let next = graph.neighbors(here).filter(|n| part.contains(n)).min().expect("a component is connected");
        if let Some(at) = path.iter().position(|seen| *seen == next) {
            path.push(next);
            let cycle: Vec<&str> = path[at..].iter().map(|worker| names.worker(*worker)).collect();
            return Err(SystemError::Cycle(cycle.join(" -> ")));
        }
        path.push(next);
    }
}
