//! A system: workers, policies, laws and workload in one value, which every driver takes.
//!
//! [`System`] is the builder that users write; [`Plan`] is what it says after checking, shared by all runs.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ask::{Ask, Manner};
use crate::codec::Codec;
use crate::fault::FaultKind;
use crate::fnv;
use crate::header::{Header, Input};
use crate::ids::WorkerId;
use crate::machine::{Seat, StateMachine};
use crate::names::{NameError, Names};
use crate::plan::{
    Assign, Commuting, External, FaultWhen, Fork, InputHash, Maker, MessageKind, Plan, StateHash, StateKind,
};
use crate::policy::{Cycles, Policies, Recovery, SetError};
use crate::property::{Property, Snapshot, When};
use crate::rules::{Edges, Rules};
use crate::subscriptions::{SubscriptionError, Subscriptions};
use crate::workload::in_rounds;

/// A system under construction. Nothing is checked until [`System::plan`].
///
/// ```
/// use raddle_core::{Outbox, StateMachine, System};
///
/// #[derive(Default)]
/// struct Relay { heard: u32 }
/// impl StateMachine for Relay {
///     type Message = u32;
///     type Update = u32;
///     fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) { out.notify("right", n); }
///     fn on_update(&mut self, n: u32, _: &mut Outbox<u32>) { self.heard += n; }
/// }
///
/// let system = System::new("pair")
///     .workers(["left", "right"], |_| Relay::default())
///     .messages("client", [("left", 1), ("left", 2)])
///     .at_end("all-heard", |run| run.machine("right").is_some_and(|right| right.heard == 3));
/// assert_eq!(system.plan()?.names().worker_count(), 2);
/// # Ok::<(), raddle_core::SystemError>(())
/// ```
pub struct System<M: StateMachine> {
    name: String,
    workers: Vec<(String, Maker<M>)>,
    workload: Vec<Sent<M::Message>>,
    /// How many messages come in all, if not each of the workload once.
    in_all: Option<u64>,
    policies: Policies,
    laws: Option<Vec<String>>,
    properties: Vec<Property<M>>,
    /// Who is to converge: must exist.
    converging: Vec<String>,
    marks: Vec<&'static str>,
    edges: Option<Vec<(String, String)>>,
    subscriptions: Option<String>,
    state_hash: Option<StateHash<M>>,
    input_hash: Option<InputHash<M>>,
    fork: Option<Fork<M>>,
    assign: Option<Assign<M>>,
    state_kind: Option<StateKind<M>>,
    message_kind: Option<MessageKind<M>>,
    commuting: Option<Commuting<M>>,
    fault_when: Vec<(FaultKind, FaultWhen<M>)>,
    codec: Option<Codec<M>>,
}

/// A message of the workload, by names.
#[derive(Clone)]
struct Sent<T> {
    source: String,
    /// None: the one after its predecessor's.
    number: Option<u32>,
    to: String,
    /// None: of a source that is no session.
    manner: Option<Manner>,
    message: T,
}

impl<M: StateMachine> Clone for System<M> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            workers: self.workers.clone(),
            workload: self.workload.clone(),
            in_all: self.in_all,
            policies: self.policies.clone(),
            laws: self.laws.clone(),
            properties: self.properties.clone(),
            converging: self.converging.clone(),
            marks: self.marks.clone(),
            edges: self.edges.clone(),
            subscriptions: self.subscriptions.clone(),
            state_hash: self.state_hash.clone(),
            input_hash: self.input_hash.clone(),
            fork: self.fork.clone(),
            assign: self.assign.clone(),
            state_kind: self.state_kind.clone(),
            message_kind: self.message_kind.clone(),
            commuting: self.commuting.clone(),
            fault_when: self.fault_when.clone(),
            codec: self.codec,
        }
    }
}

impl<M: StateMachine> System<M> {
    /// A system without workers.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            workers: Vec::new(),
            workload: Vec::new(),
            in_all: None,
            policies: Policies::default(),
            laws: None,
            properties: Vec::new(),
            converging: Vec::new(),
            marks: Vec::new(),
            edges: None,
            subscriptions: None,
            state_hash: None,
            input_hash: None,
            fork: None,
            assign: None,
            state_kind: None,
            message_kind: None,
            commuting: None,
            fault_when: Vec::new(),
            codec: None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds workers; `make` makes the machine of each, for every run anew. May be called several times.
    #[must_use]
    pub fn workers<N: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = N>,
        make: impl Fn(Seat<'_>) -> M + Send + Sync + 'static,
    ) -> Self {
        let make: Maker<M> = Arc::new(make);
        self.workers.extend(names.into_iter().map(|name| (name.into(), Arc::clone(&make))));
        self
    }

    /// Adds messages that `source` sends, in this order, each to a worker. May be called several times, also for
    /// one source.
    #[must_use]
    pub fn messages<T: Into<String>>(
        mut self,
        source: impl Into<String>,
        messages: impl IntoIterator<Item = (T, M::Message)>,
    ) -> Self {
        let source = source.into();
        let sent =
            |(to, message): (T, _)| Sent { source: source.clone(), number: None, to: to.into(), manner: None, message };
        self.workload.extend(messages.into_iter().map(sent));
        self
    }

    /// Adds messages of a source under numbers of their own, which must rise: for a workload out of which some were
    /// cut, so that those left are the messages they were.
    #[must_use]
    pub fn numbered_messages<T: Into<String>>(
        mut self,
        source: impl Into<String>,
        messages: impl IntoIterator<Item = (u32, T, M::Message)>,
    ) -> Self {
        let source = source.into();
        let sent = |(number, to, message): (_, T, _)| Sent {
            source: source.clone(),
            number: Some(number),
            to: to.into(),
            manner: None,
            message,
        };
        self.workload.extend(messages.into_iter().map(sent));
        self
    }

    /// Adds a session: a source that sends each of its operations, to any worker, when the one before was handled or
    /// dropped. May be called several times for one session, which then does all in turn.
    ///
    /// Wherever it goes, a session finds what it has seen: it reads its own writes, its reads do not go back, and what it
    /// writes comes after what it has read. An operation that comes to a worker too early waits there, and is dropped as
    /// stale ([`DropReason::Stale`](crate::DropReason::Stale)) if what it waits for does not come in time (policy
    /// `stale_after`), or was known to an earlier life of the worker that has forgotten it. This needs `order = causal`,
    /// which is the default; under a weaker order a session is served at once.
    ///
    /// ```
    /// use raddle_core::{Ask, Outbox, StateMachine, System};
    ///
    /// /// A number on two replicas.
    /// #[derive(Default)]
    /// struct Replica { value: u32 }
    /// impl StateMachine for Replica {
    ///     type Message = u32;
    ///     type Update = u32;
    ///     fn on_message(&mut self, value: u32, out: &mut Outbox<u32>) {
    ///         self.value = value;
    ///         out.notify(if out.my_name() == "a" { "b" } else { "a" }, value);
    ///     }
    ///     fn on_update(&mut self, value: u32, _: &mut Outbox<u32>) { self.value = value; }
    ///     fn on_query(&self, _: u32, out: &mut Outbox<u32>) { out.reply(self.value); }
    /// }
    ///
    /// // Written at the one and read at the other: it reads 7, however late the replication is.
    /// let system = System::new("pair")
    ///     .workers(["a", "b"], |_| Replica::default())
    ///     .session("ann", [Ask::tell("a", 7), Ask::query("b", 0)]);
    /// let plan = system.plan()?;
    /// assert!(plan.names().has_sessions());
    /// # Ok::<(), raddle_core::SystemError>(())
    /// ```
    #[must_use]
    pub fn session(mut self, name: impl Into<String>, ops: impl IntoIterator<Item = Ask<M::Message>>) -> Self {
        let source = name.into();
        let sent = |Ask { to, manner, message }| Sent {
            source: source.clone(),
            number: None,
            to,
            manner: Some(manner),
            message,
        };
        self.workload.extend(ops.into_iter().map(sent));
        self
    }

    /// Sends so many messages in all, taken from the workload in its order, round and round. Numbers go on from round to
    /// round; a source that has used up all numbers is through.
    ///
    /// ```
    /// # use raddle_core::{Outbox, StateMachine, System};
    /// # struct Mute;
    /// # impl StateMachine for Mute {
    /// #     type Message = u32;
    /// #     type Update = u32;
    /// #     fn on_message(&mut self, _: u32, _: &mut Outbox<u32>) {}
    /// #     fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
    /// # }
    /// let system = System::new("two").workers(["w"], |_| Mute).messages("client", [("w", 7), ("w", 8)]);
    /// let plan = system.messages_in_all(5).plan()?;
    /// let sent: Vec<_> = plan.externals().iter().map(|external| (external.number, external.message)).collect();
    /// assert_eq!(sent, [(0, 7), (1, 8), (2, 7), (3, 8), (4, 7)]);
    /// # Ok::<(), raddle_core::SystemError>(())
    /// ```
    #[must_use]
    pub const fn messages_in_all(mut self, messages: u64) -> Self {
        self.in_all = Some(messages);
        self
    }

    /// The same system with another workload.
    #[must_use]
    pub fn without_messages(mut self) -> Self {
        self.workload.clear();
        self
    }

    /// Replaces all policies.
    #[must_use]
    pub fn policies(mut self, policies: Policies) -> Self {
        self.policies = policies;
        self
    }

    /// Changes policies in place.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Policies)) -> Self {
        change(&mut self.policies);
        self
    }

    /// Sets one policy from text, as `--set` does.
    ///
    /// # Errors
    /// When there is no such policy, or it does not take this value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SetError> {
        self.policies.set(key, value)
    }

    /// Sets all policies as a file has them: [`Policies::set_written`].
    ///
    /// # Errors
    /// When a policy is not known, not given, or does not take its value.
    pub fn set_written<'a>(
        &mut self,
        written: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Result<(), SetError> {
        self.policies.set_written(written)
    }

    /// The policies as they stand.
    #[must_use]
    pub const fn current_policies(&self) -> &Policies {
        &self.policies
    }

    /// Judges runs by these laws only, by name; without it, by all that apply.
    #[must_use]
    pub fn laws<N: Into<String>>(mut self, laws: impl IntoIterator<Item = N>) -> Self {
        self.laws = Some(laws.into_iter().map(Into::into).collect());
        self
    }

    /// Adds a property that must hold after every step.
    #[must_use]
    pub fn always(self, name: &str, holds: impl Fn(&Snapshot<'_, M>) -> bool + Send + Sync + 'static) -> Self {
        self.property(name, When::Always, holds)
    }

    /// Adds a property that must hold after no step.
    #[must_use]
    pub fn never(self, name: &str, holds: impl Fn(&Snapshot<'_, M>) -> bool + Send + Sync + 'static) -> Self {
        self.property(name, When::Never, holds)
    }

    /// Adds a property that must hold at some moment of every run that comes to rest.
    #[must_use]
    pub fn eventually(self, name: &str, holds: impl Fn(&Snapshot<'_, M>) -> bool + Send + Sync + 'static) -> Self {
        self.property(name, When::Eventually, holds)
    }

    /// Adds a property that some run should reach; reports say if none did.
    #[must_use]
    pub fn sometimes(self, name: &str, holds: impl Fn(&Snapshot<'_, M>) -> bool + Send + Sync + 'static) -> Self {
        self.property(name, When::Sometimes, holds)
    }

    /// Adds a property that must hold when a run has come to rest.
    #[must_use]
    pub fn at_end(self, name: &str, holds: impl Fn(&Snapshot<'_, M>) -> bool + Send + Sync + 'static) -> Self {
        self.property(name, When::AtEnd, holds)
    }

    /// Adds a property of one worker alone. What reads one worker's states can be judged where a search leaves out
    /// runs that differ only in the order between workers (strategy `dpor`); what reads the states of several cannot,
    /// but at the end of a run.
    ///
    /// ```
    /// use raddle_core::{Outbox, StateMachine, System, When};
    ///
    /// struct Till { cash: i64 }
    /// impl StateMachine for Till {
    ///     type Message = i64;
    ///     type Update = i64;
    ///     fn on_message(&mut self, amount: i64, _: &mut Outbox<i64>) { self.cash += amount; }
    ///     fn on_update(&mut self, amount: i64, _: &mut Outbox<i64>) { self.cash += amount; }
    /// }
    ///
    /// let system = System::new("shop")
    ///     .workers(["till"], |_| Till { cash: 0 })
    ///     .local("till", When::Always, "solvent", |till| till.cash >= 0);
    /// assert!(system.plan()?.properties()[0].worker.is_some());
    /// # Ok::<(), raddle_core::SystemError>(())
    /// ```
    #[must_use]
    pub fn local(
        mut self,
        worker: impl Into<String>,
        when: When,
        name: &str,
        holds: impl Fn(&M) -> bool + Send + Sync + 'static,
    ) -> Self {
        let worker = worker.into();
        let at = worker.clone();
        let holds = move |states: &Snapshot<'_, M>| states.machine(&at).is_none_or(&holds);
        let holds = Arc::new(holds);
        self.properties.push(Property { name: name.to_owned(), when, holds, why: None, worker: Some(worker) });
        self
    }

    /// Adds the property `convergence`: when a run has come to rest, all these workers are in the same state, as far as
    /// `view` shows it. For copies of one thing. A worker that is dead then has no say.
    ///
    /// A breach names two workers that differ, and what each of them has.
    ///
    /// ```
    /// use raddle_core::{Outbox, StateMachine, System};
    ///
    /// #[derive(Default)]
    /// struct Copy { value: u32 }
    /// impl StateMachine for Copy {
    ///     type Message = u32;
    ///     type Update = u32;
    ///     fn on_message(&mut self, value: u32, out: &mut Outbox<u32>) {
    ///         self.value = value;
    ///         out.notify("right", value);
    ///     }
    ///     fn on_update(&mut self, value: u32, _: &mut Outbox<u32>) { self.value = value; }
    /// }
    ///
    /// let system = System::new("pair")
    ///     .workers(["left", "right"], |_| Copy::default())
    ///     .messages("client", [("left", 1)])
    ///     .converging(["left", "right"], |copy| copy.value);
    /// assert_eq!(system.plan()?.properties()[0].name, "convergence");
    /// # Ok::<(), raddle_core::SystemError>(())
    /// ```
    #[must_use]
    pub fn converging<N: Into<String>, V: PartialEq + Debug>(
        mut self,
        workers: impl IntoIterator<Item = N>,
        view: impl Fn(&M) -> V + Send + Sync + 'static,
    ) -> Self {
        let workers: Arc<[String]> = workers.into_iter().map(Into::into).collect();
        self.converging.extend(workers.iter().cloned());
        let difference = Arc::new(move |states: &Snapshot<'_, M>| first_difference(states, &workers, &view));
        let differs = Arc::clone(&difference);
        self.properties.push(Property {
            name: "convergence".to_owned(),
            when: When::AtEnd,
            holds: Arc::new(move |states| differs(states).is_none()),
            why: Some(difference),
            worker: None,
        });
        self
    }

    fn property(
        mut self,
        name: &str,
        when: When,
        holds: impl Fn(&Snapshot<'_, M>) -> bool + Send + Sync + 'static,
    ) -> Self {
        let holds = Arc::new(holds);
        self.properties.push(Property { name: name.to_owned(), when, holds, why: None, worker: None });
        self
    }

    /// Declares which inputs of one worker commute: handled one after the other in either order they leave the machine
    /// in the same state, and the handler of each sends and chooses the same. Two reads do, mostly.
    ///
    /// The strategy `dpor` then explores one order of them, and runs that differ only in it count as one trace.
    #[must_use]
    pub fn commuting(mut self, commute: impl Fn(&Input<M>, &Input<M>) -> bool + Send + Sync + 'static) -> Self {
        self.commuting = Some(Arc::new(commute));
        self
    }

    /// Says which messages a kind of fault may befall, where a search injects faults: those of which all that is said here
    /// is true. A fault that befalls a worker (crash, stall, full, skew) may then come when such a message is about to
    /// reach it, and a link is cut while one is on its way.
    ///
    /// ```
    /// use raddle_core::{FaultKind, Input, Outbox, StateMachine, System};
    ///
    /// #[derive(Clone, Debug)]
    /// enum Step { Prepare, Commit }
    /// struct Replica;
    /// impl StateMachine for Replica {
    ///     type Message = ();
    ///     type Update = Step;
    ///     fn on_message(&mut self, (): (), out: &mut Outbox<Step>) { out.notify("b", Step::Prepare); }
    ///     fn on_update(&mut self, _: Step, _: &mut Outbox<Step>) {}
    /// }
    ///
    /// // Commits are sent on a channel that loses nothing.
    /// let system = System::new("pair")
    ///     .workers(["a", "b"], |_| Replica)
    ///     .fault_when(FaultKind::Loss, |_, input| matches!(input, Input::Update(Step::Prepare)));
    /// assert!(system.plan()?.chooses(FaultKind::Loss));
    /// # Ok::<(), raddle_core::SystemError>(())
    /// ```
    #[must_use]
    pub fn fault_when(
        mut self,
        kind: FaultKind,
        may: impl Fn(&Header, &Input<M>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.fault_when.push((kind, Arc::new(may)));
        self
    }

    /// Declares marks that handlers may reach; reports say which none did.
    #[must_use]
    pub fn marks(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.marks.extend(names);
        self
    }

    /// Declares who may notify whom. Anything else is dropped as undeclared; with [`Cycles::Forbid`] the edges must
    /// form no cycle.
    #[must_use]
    pub fn edges<N: Into<String>>(mut self, edges: impl IntoIterator<Item = (N, N)>) -> Self {
        let edges = edges.into_iter().map(|(from, to)| (from.into(), to.into()));
        self.edges.get_or_insert_default().extend(edges);
        self
    }

    /// Gives the subscription table that [`Outbox::publish`](crate::Outbox::publish) reads: RON, topic to list of workers.
    #[must_use]
    pub fn subscriptions(mut self, ron: impl Into<String>) -> Self {
        self.subscriptions = Some(ron.into());
        self
    }

    /// Lets final states be compared and visited states be told apart. Messages in flight are part of a state, so they
    /// must be hashable too.
    #[must_use]
    pub fn hashed(mut self) -> Self
    where
        M: Clone + Hash,
        M::Message: Hash,
        M::Update: Hash,
    {
        self.state_hash = Some(Arc::new(|machine: &M| state_hash(machine)));
        self.input_hash = Some(Arc::new(|input: &Input<M>| match input {
            Input::Start => state_hash(&0_u8),
            Input::Message(message) => state_hash(&(1_u8, message)),
            Input::Update(update) => state_hash(&(2_u8, update)),
            Input::Timer(tag) => state_hash(&(3_u8, tag)),
            Input::Query(query) => state_hash(&(4_u8, query)),
        }));
        self.forkable()
    }

    /// Lets a run be forked in the middle.
    #[must_use]
    pub fn forkable(mut self) -> Self
    where
        M: Clone,
    {
        self.fork = Some(Arc::new(M::clone));
        self.assign = Some(Arc::new(M::clone_from));
        self
    }

    /// Lets every worker be an operating system process. Inputs, updates and states then go between processes, so all of
    /// them must be serializable.
    ///
    /// ```
    /// use raddle_core::{Outbox, StateMachine, System};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Till { cash: i64 }
    /// impl StateMachine for Till {
    ///     type Message = i64;
    ///     type Update = i64;
    ///     fn on_message(&mut self, amount: i64, _: &mut Outbox<i64>) { self.cash += amount; }
    ///     fn on_update(&mut self, amount: i64, _: &mut Outbox<i64>) { self.cash += amount; }
    /// }
    ///
    /// let system = System::new("shop").workers(["till"], |_| Till { cash: 0 }).on_processes();
    /// assert!(system.plan()?.codec().is_some());
    /// # Ok::<(), raddle_core::SystemError>(())
    /// ```
    #[must_use]
    pub fn on_processes(mut self) -> Self
    where
        M: Serialize + DeserializeOwned,
        M::Message: Serialize + DeserializeOwned,
        M::Update: Serialize + DeserializeOwned,
    {
        self.codec = Some(Codec::new());
        self
    }

    /// Says in which kind of state a machine is, in a word (`leader`, `waiting`). Searches then count which worker
    /// handled which kind of input in which kind of state: the coverage of their reports.
    #[must_use]
    pub fn state_kind(mut self, kind: impl Fn(&M) -> &'static str + Send + Sync + 'static) -> Self {
        self.state_kind = Some(Arc::new(kind));
        self
    }

    /// Says of which kind an input is, in a word, for the coverage of searches; without it, one of
    /// [`InputKind::word`](crate::InputKind::word).
    #[must_use]
    pub fn message_kind(mut self, kind: impl Fn(&Input<M>) -> &'static str + Send + Sync + 'static) -> Self {
        self.message_kind = Some(Arc::new(kind));
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    /// Whatever cannot be run: names that are not usable or unknown, a table that does not read, declared edges that
    /// form a cycle though cycles are forbidden.
    pub fn plan(&self) -> Result<Arc<Plan<M>>, SystemError> {
        if self.workers.is_empty() {
            return Err(SystemError::NoWorkers(self.name.clone()));
        }
        let mut sources: Vec<&str> = Vec::new();
        for Sent { source, .. } in &self.workload {
            if !sources.contains(&source.as_str()) {
                sources.push(source);
            }
        }
        let workers = self.workers.iter().map(|(name, _)| name.as_str());
        let names = Names::new(&self.name, workers, sources)?;
        let names = self.find_sessions(names)?;
        let find = |name: &str| names.worker_id(name).ok_or_else(|| NameError::Unknown(name.to_owned()));
        let mut next = vec![0; names.source_count()];
        let mut externals = Vec::with_capacity(self.workload.len());
        for Sent { source: name, number, to, manner, message } in &self.workload {
            let source = names.source_id(name).expect("all sources were collected");
            let next: &mut u64 = &mut next[source.index()];
            let number = number.unwrap_or_else(|| u32::try_from(*next).expect("memory holds fewer than 2^32 messages"));
            if u64::from(number) < *next {
                return Err(SystemError::Number { source_name: name.clone(), number });
            }
            let (to, manner) = (find(to)?, manner.unwrap_or_default());
            externals.push(External { source, number, to, manner, message: message.clone() });
            *next = u64::from(number) + 1;
        }
        if let Some(messages) = self.in_all {
            externals = in_rounds(&externals, messages).map(|(place, number)| place.numbered(number)).collect();
        }
        let edges = match &self.edges {
            None if self.policies.cycles == Cycles::Forbid => return Err(SystemError::NoEdges),
            None => None,
            Some(edges) => Some(
                edges.iter().map(|(from, to)| Ok((find(from)?, find(to)?))).collect::<Result<Edges, NameError>>()?,
            ),
        };
        if let (Cycles::Forbid, Some(edges)) = (self.policies.cycles, &edges) {
            check_acyclic(edges, &names)?;
        }
        if self.policies.recovery == Recovery::Durable && self.fork.is_none() {
            return Err(SystemError::NotForkable);
        }
        let subscriptions = match &self.subscriptions {
            Some(table) => Subscriptions::from_ron(table, &names)?,
            None => Subscriptions::default(),
        };
        for (at, property) in self.properties.iter().enumerate() {
            if !crate::names::is_name(&property.name) {
                return Err(NameError::Form(property.name.clone()).into());
            }
            if self.properties[..at].iter().any(|other| other.name == property.name) {
                return Err(NameError::Twice(property.name.clone()).into());
            }
            if let Some(worker) = &property.worker {
                find(worker)?;
            }
        }
        self.converging.iter().try_for_each(|worker| find(worker).map(drop))?;
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
            state_hash: self.state_hash.clone(),
            input_hash: self.input_hash.clone(),
            fork: self.fork.clone(),
            assign: self.assign.clone(),
            state_kind: self.state_kind.clone(),
            message_kind: self.message_kind.clone(),
            commuting: self.commuting.clone(),
            fault_when: self.fault_when.clone(),
            codec: self.codec,
        };
        plan.starts = plan.find_starts();
        Ok(Arc::new(plan))
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
}

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

fn state_hash(value: &impl Hash) -> u64 {
    let mut hasher = StateHasher(fnv::OFFSET);
    value.hash(&mut hasher);
    hasher.finish()
}

/// Hashes states with FNV-1a, and numbers as little-endian bytes of a fixed width, so that two machines agree.
struct StateHasher(u64);

impl Hasher for StateHasher {
    fn finish(&self) -> u64 {
        fnv::spread(self.0)
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = fnv::extend(self.0, bytes);
    }

    fn write_u16(&mut self, it: u16) {
        self.write(&it.to_le_bytes());
    }

    fn write_u32(&mut self, it: u32) {
        self.write(&it.to_le_bytes());
    }

    fn write_u64(&mut self, it: u64) {
        self.write(&it.to_le_bytes());
    }

    fn write_u128(&mut self, it: u128) {
        self.write(&it.to_le_bytes());
    }

    fn write_usize(&mut self, it: usize) {
        self.write_u64(it as u64);
    }
}
