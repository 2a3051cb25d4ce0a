//! All chosen laws over one run, while it goes on.
//!
//! This stands in the innermost loop of a search, so it is built for that: a plain struct with a place for each law,
//! one `match` on what happened, no allocation once it is warm. The core reports each kind of event from a place of
//! its own, where `what` is a constant: inlined there, the match folds to the few laws that care. Text is made only
//! when a law is broken. An event is passed by value, and what is hot is always inlined: an event whose address is taken
//! must be written to memory first, which costs more than most laws.

use raddle_core::{
    Cause, Conditions, End, EventRef, FaultKind, Input, Lane, Moment, Party, Sink, StateMachine, What, copy_list,
};

use crate::bounded_depth::{self, BoundedDepth};
use crate::bounded_headers::{self, BoundedHeaders};
use crate::bounded_queues::{self, BoundedQueues};
use crate::causal_consistency::{self, CausalConsistency};
use crate::causal_order::{self, CausalOrder};
use crate::consistent_cut::{self, ConsistentCut};
use crate::dead::{Dead, worker_of};
use crate::determinism;
use crate::fairness::{self, Fairness};
use crate::fifo::{self, Fifo};
use crate::incarnation::{self, Incarnations};
use crate::knowledge::Knowledge;
use crate::laws::{LAWS, UnknownLaw, resolve};
use crate::liveness;
use crate::losses::Losses;
use crate::no_deadlock;
use crate::no_duplicates::{self, NoDuplicates};
use crate::no_panic;
use crate::no_silent_loss::{self, NoSilentLoss};
use crate::session_guarantees::{self, SessionGuarantees};
use crate::violation::{Verdict, Violation};

/// The chosen laws over one run.
///
/// A driver hands it to the core as its [`Sink`], asks [`Bank::has_failed`] when it likes, tells it how the run ended,
/// and resets it for the next. Each law reports its first breach only.
///
/// ```
/// use std::sync::Arc;
/// use raddle_checkers::{Bank, default_laws};
/// use raddle_core::{Cause, Conditions, Counting, End, Names, Order, Policies, WorkerId};
///
/// let conditions = Conditions {
///     names: Arc::new(Names::new("demo", ["ann", "bob"], ["bank"])?),
///     policies: Policies::default(),
///     counting: Counting::InFlight,
///     promised: Order::Fifo,
///     barriers: false,
/// };
/// let mut bank = Bank::new(conditions.clone(), &default_laws(&conditions))?;
/// let (ann, bob) = (WorkerId::new(0), WorkerId::new(1));
/// bank.finish(&End { waiting: vec![(ann, bob, "receipt".to_owned())], ..End::default() });
/// assert!(bank.has_failed());
/// assert_eq!(bank.violations()[0].signature(&conditions.names), "no-deadlock/starved@ann");
///
/// bank.reset();
/// assert!(!bank.has_failed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bank {
    /// What is known of what: kept if a law below asks.
    knowledge: Option<Knowledge>,
    causal_order: Option<CausalOrder>,
    incarnation: Option<Incarnations>,
    session_guarantees: Option<SessionGuarantees>,
    causal_consistency: Option<CausalConsistency>,
    consistent_cut: Option<ConsistentCut>,
    fifo: Option<Fifo>,
    no_deadlock: bool,
    liveness: bool,
    bounded_depth: Option<BoundedDepth>,
    bounded_headers: BoundedHeaders,
    bounded_queues: Option<BoundedQueues>,
    fairness: Option<Fairness>,
    no_silent_loss: Option<NoSilentLoss>,
    no_duplicates: Option<NoDuplicates>,
    no_panic: bool,
    losses: Losses,
    dead: Dead,
    /// Whether any law follows the queues: one question instead of several at each event.
    follows_queues: bool,
    /// When something was handled last: the moment of what shows only at the end.
    moment: Moment,
    broken: Broken,
    ended: bool,
    /// Whether a handler said what it read, wrote, or saw of a cut.
    has_history: bool,
    /// What a law cannot tell of this run, and why.
    unknown: Vec<(&'static str, String)>,
    conditions: Conditions,
    chosen: Vec<&'static str>,
}

/// The first breach of each law, in the order in which they showed.
#[derive(Clone, Debug, Default)]
struct Broken(Vec<Violation>);

impl Broken {
    #[cold]
    fn add(&mut self, law: &'static str, violation: impl FnOnce() -> Violation) {
        if self.of(law).is_none() {
            self.0.push(violation());
        }
    }

    fn of(&self, law: &str) -> Option<&Violation> {
        self.0.iter().find(|violation| violation.law == law)
    }
}

/// Whether a law is judged when a run is over: of a beginning nobody can tell that it keeps it. The others judge each event as
/// it comes.
#[must_use]
pub fn needs_end(law: &str) -> bool {
    [
        no_deadlock::NAME,
        liveness::NAME,
        no_silent_loss::NAME,
        bounded_queues::NAME,
        session_guarantees::NAME,
        causal_consistency::NAME,
    ]
    .contains(&law)
}

impl Bank {
    /// The laws of these names over runs under these conditions. A name that stands twice counts once.
    ///
    /// `determinism` may be among them, and is left to the driver, who can run twice.
    ///
    /// # Errors
    /// When a name is not the name of a law; the error says which look like it.
    pub fn new(conditions: Conditions, laws: &[&str]) -> Result<Self, UnknownLaw> {
        let laws = resolve(laws)?;
        let workers = conditions.names.worker_count();
        let on = |name: &str| laws.contains(&name);
        let knowing = [causal_order::NAME, incarnation::NAME, session_guarantees::NAME, consistent_cut::NAME];
        Ok(Self {
            knowledge: knowing.into_iter().any(on).then(|| Knowledge::new(workers)),
            causal_order: on(causal_order::NAME).then(|| CausalOrder::new(&conditions)),
            incarnation: on(incarnation::NAME).then(|| Incarnations::new(workers)),
            session_guarantees: on(session_guarantees::NAME).then(|| SessionGuarantees::new(&conditions)),
            causal_consistency: on(causal_consistency::NAME).then(|| CausalConsistency::new(&conditions)),
            consistent_cut: on(consistent_cut::NAME).then(ConsistentCut::default),
            fifo: on(fifo::NAME).then(|| Fifo::new(&conditions)),
            no_deadlock: on(no_deadlock::NAME),
            liveness: on(liveness::NAME),
            bounded_depth: on(bounded_depth::NAME).then(|| BoundedDepth::new(conditions.policies.max_depth)),
            bounded_headers: match on(bounded_headers::NAME) {
                true => BoundedHeaders::new(conditions.policies.barriers_max),
                false => BoundedHeaders::new(usize::MAX),
            },
            bounded_queues: on(bounded_queues::NAME).then(|| BoundedQueues::new(&conditions)),
            fairness: on(fairness::NAME).then(|| Fairness::new(&conditions)),
            no_silent_loss: on(no_silent_loss::NAME).then(|| NoSilentLoss::new(conditions.counting)),
            no_duplicates: on(no_duplicates::NAME).then(|| NoDuplicates::new(&conditions)),
            no_panic: on(no_panic::NAME),
            losses: Losses::default(),
            dead: Dead::default(),
            follows_queues: on(bounded_queues::NAME) || on(fairness::NAME),
            moment: Moment::default(),
            broken: Broken::default(),
            ended: false,
            has_history: false,
            unknown: Vec::new(),
            chosen: LAWS.iter().map(|law| law.name).filter(|name| on(name)).collect(),
            conditions,
        })
    }

    /// Makes ready for another run under the same conditions, keeping its memory. Costs the same for any number of
    /// workers.
    pub fn reset(&mut self) {
        self.knowledge.iter_mut().for_each(Knowledge::reset);
        self.causal_order.iter_mut().for_each(CausalOrder::reset);
        self.incarnation.iter_mut().for_each(Incarnations::reset);
        self.session_guarantees.iter_mut().for_each(SessionGuarantees::reset);
        self.causal_consistency.iter_mut().for_each(CausalConsistency::reset);
        self.consistent_cut.iter_mut().for_each(ConsistentCut::reset);
        self.fifo.iter_mut().for_each(Fifo::reset);
        self.losses.reset();
        self.dead.reset();
        self.bounded_queues.iter_mut().for_each(BoundedQueues::reset);
        self.fairness.iter_mut().for_each(Fairness::reset);
        self.no_silent_loss.iter_mut().for_each(NoSilentLoss::reset);
        self.no_duplicates.iter_mut().for_each(NoDuplicates::reset);
        self.moment = Moment::default();
        self.broken.0.clear();
        (self.ended, self.has_history) = (false, false);
        self.unknown.clear();
    }

    /// Becomes equal to `other`, keeping its own memory. One of the two follows a run, and the other was made as its copy and is
    /// used only to be copied: what has not changed in between is not copied.
    pub fn copy_from(&mut self, other: &Self) {
        let Self {
            knowledge,
            causal_order,
            incarnation,
            session_guarantees,
            causal_consistency,
            consistent_cut,
            fifo,
            no_deadlock: _,
            liveness: _,
            bounded_depth: _,
            bounded_headers: _,
            bounded_queues,
            fairness,
            no_silent_loss,
            no_duplicates,
            no_panic: _,
            losses,
            dead,
            follows_queues: _,
            moment,
            broken,
            ended,
            has_history,
            unknown,
            conditions: _,
            chosen: _,
        } = self;
        copy_law(knowledge, &other.knowledge, Knowledge::copy_from);
        causal_order.clone_from(&other.causal_order);
        losses.copy_from(&other.losses);
        copy_law(incarnation, &other.incarnation, Incarnations::copy_from);
        copy_law(session_guarantees, &other.session_guarantees, SessionGuarantees::copy_from);
        copy_law(causal_consistency, &other.causal_consistency, CausalConsistency::copy_from);
        copy_law(consistent_cut, &other.consistent_cut, ConsistentCut::copy_from);
        copy_law(fifo, &other.fifo, Fifo::copy_from);
        copy_law(bounded_queues, &other.bounded_queues, BoundedQueues::copy_from);
        copy_law(fairness, &other.fairness, Fairness::copy_from);
        no_silent_loss.clone_from(&other.no_silent_loss);
        copy_law(no_duplicates, &other.no_duplicates, NoDuplicates::copy_from);
        dead.copy_from(&other.dead);
        (*moment, *ended, *has_history) = (other.moment, other.ended, other.has_history);
        copy_list(&mut broken.0, &other.broken.0);
        copy_list(unknown, &other.unknown);
    }

    /// Whether any law is broken.
    #[must_use]
    #[inline]
    pub const fn has_failed(&self) -> bool {
        !self.broken.0.is_empty()
    }

    /// What this run has lost so far, whether or not a law minds.
    #[must_use]
    pub const fn losses(&self) -> &Losses {
        &self.losses
    }

    /// Whether a handler said what it read or wrote, or its part of a cut: if none did, the laws over those have nothing to
    /// judge.
    #[must_use]
    pub const fn has_history(&self) -> bool {
        self.has_history
    }

    /// The first breach of each law that is broken, in the order in which they showed.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.broken.0
    }

    /// Tells how the run ended. Some laws can be judged only now.
    #[inline]
    pub fn finish(&mut self, end: &End) {
        self.ended = true;
        let names = &self.conditions.names;
        if let Some(law) = &mut self.bounded_queues
            && let Some(violation) = law.finish(names)
        {
            self.broken.add(bounded_queues::NAME, move || violation);
        }
        if let Some(law) = &mut self.session_guarantees
            && let Some(violation) = law.finish(names)
        {
            self.broken.add(session_guarantees::NAME, move || violation);
        }
        if let Some(law) = &mut self.no_silent_loss {
            let verdict = law.finish(end, &self.dead, self.moment);
            self.settle(no_silent_loss::NAME, verdict);
        }
        if let Some(law) = &mut self.causal_consistency {
            let verdict = law.finish(self.moment);
            self.settle(causal_consistency::NAME, verdict);
        }
        if self.liveness
            && let Some(violation) = liveness::finish(end, self.moment, &self.conditions.names)
        {
            self.broken.add(liveness::NAME, move || violation);
        }
        if self.no_deadlock
            && let Some(violation) = no_deadlock::finish(end, &self.dead, self.moment, &self.conditions.names)
        {
            self.broken.add(no_deadlock::NAME, move || violation);
        }
    }

    /// Keeps what a law says at the end.
    #[inline]
    fn settle(&mut self, law: &'static str, verdict: Verdict) {
        match verdict {
            Verdict::Ok => {}
            Verdict::Violation(violation) => self.broken.add(law, move || violation),
            Verdict::Unknown(why) => self.unknown.push((law, why)),
        }
    }

    /// What each chosen law says, in the order of [`LAWS`]; `determinism` is left to the driver.
    #[must_use]
    pub fn verdicts(&self) -> Vec<(&'static str, Verdict)> {
        let judged = self.chosen.iter().filter(|name| **name != determinism::NAME);
        judged.map(|name| (*name, self.verdict(name))).collect()
    }

    fn verdict(&self, law: &str) -> Verdict {
        if let Some(violation) = self.broken.of(law) {
            return Verdict::Violation(violation.clone());
        }
        let unknown = self.unknown.iter().find(|(name, _)| *name == law);
        match (law, unknown, &self.fairness) {
            _ if needs_end(law) && !self.ended => Verdict::Unknown("the run is not over".to_owned()),
            (_, Some((_, why)), _) => Verdict::Unknown(why.clone()),
            (fairness::NAME, _, Some(law)) => law.verdict(),
            _ => Verdict::Ok,
        }
    }

    /// Takes one event. Always inlined: at most call sites `what` is a constant, and most of this folds away.
    #[inline(always)]
    pub fn observe(&mut self, event: EventRef<'_>) {
        match event.what {
            What::Emit => self.emit(event),
            What::Handle => self.handle(event),
            What::Arrive => {
                if let Some(law) = &mut self.no_silent_loss {
                    law.arrive(event.header);
                }
                self.queues(event);
            }
            What::Park { .. } | What::Release | What::Hold | What::Admit => self.queues(event),
            What::Drop(_) => {
                self.losses.add(event, &self.conditions.names);
                self.dropped(event);
            }
            What::DepthRefused => self.losses.add(event, &self.conditions.names),
            What::Stall | What::Resume => {
                if let Some(law) = &mut self.bounded_queues {
                    law.stall(event);
                }
            }
            What::Read | What::Wrote | What::Reply => self.history(event),
            What::Cut => self.cut(event),
            What::Crash(cause) => self.crash(event, cause),
            What::Restart => self.restart(event),
            What::Fault(FaultKind::Duplication) => self.copied(event),
            _ => {}
        }
    }

    /// Kept out of the places where things are sent, and so made once for all systems.
    #[inline(never)]
    fn emit(&mut self, event: EventRef<'_>) {
        let names = &self.conditions.names;
        if let Some(knowledge) = &mut self.knowledge
            && let Some(from) = event.header.from.worker()
        {
            let known = knowledge.sends(from);
            // A life that counts anew has a wrong clock too; why it is wrong comes first.
            if let Some(law) = &mut self.incarnation
                && let Some(wrong) = law.emit(event, from, known.get(from))
            {
                self.broken.add(incarnation::NAME, move || Incarnations::broken(wrong, event, names));
            }
            if let Some(law) = &mut self.causal_order
                && !law.emit(event.header, known)
            {
                self.broken.add(causal_order::NAME, || CausalOrder::wrong_clock(event, known, names));
            }
            if let Some(law) = &mut self.session_guarantees {
                law.emit(event.header, from, known);
            }
        }
        if let Some(law) = &self.bounded_depth
            && !law.allows(event.header)
        {
            self.broken.add(bounded_depth::NAME, move || law.broken(event, names));
        }
        let law = &self.bounded_headers;
        if !law.allows(event.header) {
            self.broken.add(bounded_headers::NAME, move || law.broken(event, names));
        }
        if let Some(law) = &mut self.bounded_queues {
            law.emit(event);
        }
        if let Some(law) = &mut self.no_silent_loss {
            law.emit(event.header);
        }
    }

    /// As [`Self::emit`].
    #[inline(never)]
    fn handle(&mut self, event: EventRef<'_>) {
        self.moment = event.moment;
        let names = &self.conditions.names;
        if let Some(law) = &mut self.no_duplicates
            && !law.handle(event.header, event.life, names)
        {
            self.broken.add(no_duplicates::NAME, move || NoDuplicates::handled_twice(event, names));
        }
        if let Some(knowledge) = &mut self.knowledge {
            let known = knowledge.of(event.header.to);
            if let Some(law) = &mut self.causal_order
                && !law.handle(event.header, known)
            {
                self.broken.add(causal_order::NAME, move || CausalOrder::overtaken(event, names));
            }
            Knowledge::learn(known, event.header);
            if let Some(law) = &mut self.session_guarantees
                && let Some(violation) = law.handle(event, known, names)
            {
                self.broken.add(session_guarantees::NAME, move || violation);
            }
        }
        if let Some(law) = &mut self.incarnation
            && let Some(wrong) = law.handle(event)
        {
            self.broken.add(incarnation::NAME, move || Incarnations::broken(wrong, event, names));
        }
        if let Some(law) = &mut self.fifo
            && !law.handle(event.header)
        {
            self.broken.add(fifo::NAME, move || law.overtaken(event, names));
        }
        if let Some(law) = &self.bounded_depth
            && !law.allows(event.header)
        {
            self.broken.add(bounded_depth::NAME, move || law.broken(event, names));
        }
        if let Some(law) = &mut self.no_silent_loss {
            law.done(event.header);
        }
        self.queues(event);
    }

    /// What happens to the queues of one inbox. A shard has an ingress of its own, which is not judged here.
    #[inline(always)]
    fn queues(&mut self, event: EventRef<'_>) {
        if self.follows_queues && !matches!(event.lane, Lane::Shard(_) | Lane::Network) {
            self.follow_queues(event);
        }
    }

    #[inline(never)]
    fn follow_queues(&mut self, event: EventRef<'_>) {
        let names = &self.conditions.names;
        if let Some(law) = &mut self.bounded_queues
            && let Some(breach) = law.follow(event)
        {
            self.broken.add(bounded_queues::NAME, move || law.broken(breach, event, names));
        }
        if let Some(law) = &mut self.fairness
            && !law.follow(event)
        {
            self.broken.add(fairness::NAME, move || law.passed_over(event, names));
        }
    }

    #[inline(never)]
    fn dropped(&mut self, event: EventRef<'_>) {
        if !no_silent_loss::ends_a_way(event.lane) {
            return;
        }
        if let Some(law) = &mut self.no_silent_loss {
            law.done(event.header);
        }
        if let Some(law) = &mut self.session_guarantees {
            law.dropped(event.header);
        }
        self.queues(event);
    }

    /// What a handler says of what it saw, wrote and answered.
    #[inline(never)]
    fn history(&mut self, event: EventRef<'_>) {
        self.has_history |= event.what != What::Reply;
        let is_heard =
            || matches!(event.header.from, Party::Source(source) if self.conditions.names.is_session(source));
        if event.what == What::Reply && !is_heard() {
            self.losses.add_reply(event, &self.conditions.names);
        }
        if let Some(law) = &mut self.session_guarantees {
            law.said(event);
        }
        if let Some(law) = &mut self.causal_consistency {
            law.said(event);
        }
    }

    #[inline(never)]
    fn cut(&mut self, event: EventRef<'_>) {
        self.has_history = true;
        let names = &self.conditions.names;
        if let (Some(law), Some(knowledge)) = (&mut self.consistent_cut, &mut self.knowledge)
            && let Some(wrong) = law.part(event, knowledge.of(worker_of(event)))
        {
            self.broken.add(consistent_cut::NAME, move || ConsistentCut::broken(wrong, event, names));
        }
    }

    /// The network made a copy of an update.
    #[inline(never)]
    fn copied(&mut self, event: EventRef<'_>) {
        if let Some(law) = &mut self.no_silent_loss {
            law.copy(event.header);
        }
        if let Some(law) = &mut self.bounded_queues {
            law.copy(event);
        }
    }

    #[cold]
    fn restart(&mut self, event: EventRef<'_>) {
        self.dead.follow(event);
        let names = &self.conditions.names;
        if let Some(law) = &mut self.incarnation
            && let Some(wrong) = law.restart(event)
        {
            self.broken.add(incarnation::NAME, move || Incarnations::broken(wrong, event, names));
        }
    }

    #[cold]
    fn crash(&mut self, event: EventRef<'_>, cause: Cause) {
        self.dead.follow(event);
        if let Some(law) = &mut self.fairness {
            law.crash(worker_of(event));
        }
        if let Some(law) = &mut self.incarnation {
            law.crash(event);
        }
        if let Some(law) = &mut self.session_guarantees
            && let Some(violation) = law.over(worker_of(event), &self.conditions.names)
        {
            self.broken.add(session_guarantees::NAME, move || violation);
        }
        if self.no_panic && cause == Cause::Panic {
            self.broken.add(no_panic::NAME, || no_panic::crashed(event, &self.conditions.names));
        }
    }
}

/// Of a law that both have or neither has.
#[inline]
fn copy_law<L>(mine: &mut Option<L>, theirs: &Option<L>, copy: impl FnOnce(&mut L, &L)) {
    if let (Some(mine), Some(theirs)) = (mine, theirs) {
        copy(mine, theirs);
    }
}

impl<M: StateMachine> Sink<M> for Bank {
    #[inline(always)]
    fn event(&mut self, event: EventRef<'_>, _: Option<&Input<M>>) {
        self.observe(event);
    }
}
