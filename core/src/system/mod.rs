//! A system: workers, policies, laws and workload in one value, which every driver takes.
//!
//! [`System`] is the builder that users write; [`Plan`](crate::Plan) is what it says after checking, shared by all runs.
//! What its machines and messages can do stands in `abilities.rs`, the checks in `planning.rs`.

mod abilities;
mod planning;

use std::fmt::Debug;
use std::sync::Arc;

use crate::ask::{Ask, Manner};
use crate::fault::FaultKind;
use crate::header::{Header, Input};
use crate::hooks::Hooks;
use crate::machine::{Seat, StateMachine};
use crate::plan::Maker;
use crate::policy::{Policies, SetError};
use crate::property::{Property, Snapshot, When};

pub use planning::SystemError;

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
    hooks: Hooks<M>,
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
            hooks: self.hooks.clone(),
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
            hooks: Hooks::default(),
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

    /// The same system without its workload: before it is given another.
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
        self.properties.push(Property::convergence(workers, view));
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
        self.hooks.commuting = Some(Arc::new(commute));
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
        self.hooks.fault_when.push((kind, Arc::new(may)));
        self
    }

    /// Declares marks that handlers may reach; reports say which none did.
    #[must_use]
    pub fn marks(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.marks.extend(names);
        self
    }

    /// Declares who may notify whom. Anything else is dropped as undeclared; with
    /// [`Cycles::Forbid`](crate::Cycles::Forbid) the edges must form no cycle.
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
}
