//! A checked system: what all runs of it share, and every driver reads.

use std::sync::Arc;
use std::time::Duration;

use crate::ask::Manner;
use crate::codec::Codec;
use crate::fault::FaultKind;
use crate::header::{Envelope, Header, Input};
use crate::hooks::{Assign, Commuting, Hooks};
use crate::ids::{Incarnation, MessageId, Party, Root, SourceId, Time, WorkerId};
use crate::machine::{Seat, StateMachine};
use crate::names::Names;
use crate::outbox::Outbox;
use crate::panics;
use crate::policy::{Order, Policies, Recovery};
use crate::property::Property;
use crate::rules::Rules;
use crate::subscriptions::Subscriptions;
use crate::worker::{Worker, start_header};

pub(crate) type Maker<M> = Arc<dyn Fn(Seat<'_>) -> M + Send + Sync>;

/// A message of the workload.
#[derive(Clone, Debug)]
pub struct External<T> {
    /// Who sends it.
    pub source: SourceId,
    /// Its number at its source, from 0; never renumbered when a workload is cut.
    pub number: u32,
    /// Whom it is for.
    pub to: WorkerId,
    /// Whether it tells or asks.
    pub manner: Manner,
    /// What it says.
    pub message: T,
}

impl<T: Clone> External<T> {
    /// It as an input.
    #[must_use]
    pub fn input<M: StateMachine<Message = T>>(&self) -> Input<M> {
        match self.manner {
            Manner::Tell => Input::Message(self.message.clone()),
            Manner::Query => Input::Query(self.message.clone()),
        }
    }
}

/// A checked system: what all runs of it share.
pub struct Plan<M: StateMachine> {
    pub(crate) rules: Rules,
    pub(crate) makers: Vec<Maker<M>>,
    pub(crate) externals: Vec<External<M::Message>>,
    pub(crate) laws: Option<Vec<String>>,
    pub(crate) properties: Vec<Property<M>>,
    pub(crate) marks: Vec<&'static str>,
    pub(crate) subscriptions: Arc<Subscriptions>,
    pub(crate) starts: Vec<bool>,
    pub(crate) hooks: Hooks<M>,
}

impl<M: StateMachine> Plan<M> {
    /// Who takes part.
    #[must_use]
    pub const fn names(&self) -> &Arc<Names> {
        &self.rules.names
    }

    /// The policies.
    #[must_use]
    pub const fn policies(&self) -> &Policies {
        &self.rules.policies
    }

    /// What every worker goes by, over a transport that keeps the order `promised` by itself.
    #[must_use]
    pub fn rules(&self, promised: Order) -> Rules {
        let policies = &self.rules.policies;
        let barriers = policies.needs_barriers(self.transport(promised));
        let commits = barriers && self.names().has_sessions();
        let lives = commits && policies.recovery == Recovery::Amnesia;
        Rules { barriers, commits, lives, ..self.rules.clone() }
    }

    /// The strongest order that a transport which promises this much keeps by itself in this system. Sessions go from
    /// worker to worker without it, so where there are any it keeps causal order of nothing but links.
    #[must_use]
    pub fn transport(&self, promised: Order) -> Order {
        if self.names().has_sessions() { promised.min(Order::Fifo) } else { promised }
    }

    /// The workload, in the order of declaration.
    #[must_use]
    pub fn externals(&self) -> &[External<M::Message>] {
        &self.externals
    }

    /// The laws by which runs are judged, if the system names them.
    #[must_use]
    pub fn laws(&self) -> Option<&[String]> {
        self.laws.as_deref()
    }

    /// The properties by which runs are judged.
    #[must_use]
    pub fn properties(&self) -> &[Property<M>] {
        &self.properties
    }

    /// The declared marks.
    #[must_use]
    pub fn marks(&self) -> &[&'static str] {
        &self.marks
    }

    /// A new machine for a worker.
    #[must_use]
    pub fn machine(&self, worker: WorkerId) -> M {
        self.makers[worker.index()](Seat::new(worker, &self.rules.names))
    }

    /// All workers, before their start.
    #[must_use]
    pub fn workers(&self) -> Vec<Worker<M>> {
        let durable = || self.hooks.fork.clone().filter(|_| self.policies().recovery == Recovery::Durable);
        self.rules.names.workers().map(|(id, _)| Worker::new(id, self.machine(id), durable())).collect()
    }

    /// An outbox for the workers of one driver.
    #[must_use]
    pub fn outbox(&self, seed: u64) -> Outbox<M::Update> {
        Outbox::new(Arc::clone(&self.rules.names), Arc::clone(&self.subscriptions), seed)
    }

    /// Whether the start of a worker is an input of its own: whether it says anything. A start that says nothing
    /// happens when the worker is made ([`Worker::start_silently`]).
    #[must_use]
    pub fn starts(&self, worker: WorkerId) -> bool {
        self.starts[worker.index()]
    }

    /// Whether the start of a later life is: a machine that remembers may say what a new one does not.
    #[must_use]
    pub fn starts_again(&self, worker: WorkerId) -> bool {
        self.starts(worker) || self.policies().recovery == Recovery::Durable
    }

    /// The start of a life of a worker.
    #[must_use]
    pub fn start(&self, worker: WorkerId, life: Incarnation) -> Envelope<M> {
        Envelope { header: start_header(worker, life, &self.rules.names), input: Input::Start }
    }

    /// The header of a message of the workload.
    #[must_use]
    pub fn external_header(&self, external: &External<M::Message>) -> Header {
        let id = MessageId::root(Root::External(external.source, external.number), &self.rules.names);
        let from = Party::Source(external.source);
        Header::of_root(id, from, external.to, Incarnation(0), Time::default())
    }

    /// The hash of a state, if the system is [`System::hashed`](crate::System::hashed).
    #[must_use]
    pub fn state_hash(&self, machine: &M) -> Option<u64> {
        self.hooks.state_hash.as_ref().map(|hash| hash(machine))
    }

    /// The hash of what a message says, if the system is [`System::hashed`](crate::System::hashed).
    #[must_use]
    pub fn input_hash(&self, input: &Input<M>) -> Option<u64> {
        self.hooks.input_hash.as_ref().map(|hash| hash(input))
    }

    /// Which inputs commute, if any are declared to.
    #[must_use]
    pub const fn commuting(&self) -> Option<&Commuting<M>> {
        self.hooks.commuting.as_ref()
    }

    /// Whether the system says which messages a kind of fault may befall.
    #[must_use]
    pub fn chooses(&self, kind: FaultKind) -> bool {
        self.hooks.fault_when.iter().any(|row| row.0 == kind)
    }

    /// Whether a kind of fault may befall this message.
    #[must_use]
    pub fn may_befall(&self, kind: FaultKind, header: &Header, input: &Input<M>) -> bool {
        self.hooks.fault_when.iter().filter(|row| row.0 == kind).all(|row| row.1(header, input))
    }

    /// A copy of a machine, if the system is [`System::forkable`](crate::System::forkable).
    #[must_use]
    pub fn fork(&self, machine: &M) -> Option<M> {
        self.hooks.fork.as_ref().map(|fork| fork(machine))
    }

    /// How to make one machine equal to another, if the system is [`System::forkable`](crate::System::forkable).
    #[must_use]
    pub const fn assign(&self) -> Option<&Assign<M>> {
        self.hooks.assign.as_ref()
    }

    /// How long one step of a simulated run may take: [`System::step_limit`](crate::System::step_limit).
    #[must_use]
    pub const fn step_limit(&self) -> Duration {
        self.hooks.step_limit
    }

    /// How its values become bytes, if the system may run [on processes](crate::System::on_processes).
    #[must_use]
    pub const fn codec(&self) -> Option<&Codec<M>> {
        self.hooks.codec.as_ref()
    }

    /// Whether the system says of what kind its states or its inputs are.
    #[must_use]
    pub fn has_kinds(&self) -> bool {
        self.hooks.state_kind.is_some() || self.hooks.message_kind.is_some()
    }

    /// The kind of a state; `any` where the system does not say.
    #[must_use]
    pub fn state_kind(&self, machine: &M) -> &'static str {
        self.hooks.state_kind.as_ref().map_or("any", |kind| kind(machine))
    }

    /// The kind of an input.
    #[must_use]
    pub fn message_kind(&self, input: &Input<M>) -> &'static str {
        match (&self.hooks.message_kind, input) {
            (Some(kind), _) => kind(input),
            (None, Input::Query(_)) => "query",
            (None, _) => input.kind().word(),
        }
    }

    /// Tries the start of each worker: whether it says anything. Handlers are deterministic, so one try tells.
    pub(crate) fn find_starts(&self) -> Vec<bool> {
        panics::install();
        let mut out = self.outbox(0);
        let speaks = |(worker, _)| {
            let mut machine = self.machine(worker);
            out.begin(&self.start(worker, Incarnation(0)).header, Time::default());
            let calm = panics::catch(|| machine.on_start(&mut out)).is_ok();
            let silent = calm && out.is_silent();
            out.clear();
            !silent
        };
        self.rules.names.workers().map(speaks).collect()
    }
}
