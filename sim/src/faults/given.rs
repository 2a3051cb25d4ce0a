//! Faults that are given one by one, as proptest shrinks them: another strategy chooses what happens by itself.
//!
//! A fault waits until its time has come and one of its kind is possible, so every list of them is a run, and the empty list
//! is a run without faults. They are counted apart from the choices of the strategy inside, which are the same with a
//! fault and without it: a list that loses one is a run nearby.
//!
//! Once everything is healed, messages are faster than timers, as where faults are drawn ([`Inject`](super::Inject)).

use raddle_core::{Beyond, FaultKind, Time};

use super::fault::Fault;
use crate::actions::{Act, Actions};
use crate::strategy::Strategy;

/// A fault that is to come.
///
/// What a run may suffer is its plan: all of them together, by kind.
///
/// ```
/// use raddle_core::FaultKind;
/// use raddle_sim::{FaultPlan, GivenFault};
///
/// let loss = GivenFault { kind: FaultKind::Loss, after: 3, nth: 0 };
/// let plan: FaultPlan = [loss, loss].iter().map(|fault| fault.kind).collect();
/// assert_eq!(plan.to_string(), "loss(2)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenFault {
    /// Of which kind it is. Of a kind whose faults last, it may as well be the end of one.
    pub kind: FaultKind,
    /// How many things have happened by themselves before it: it comes as soon as it can from then on.
    pub after: u32,
    /// Which of those that are possible then, wrapped around.
    pub nth: u32,
}

/// Lets given faults come between the choices of another strategy.
///
/// ```
/// use raddle_core::{FaultKind, Outbox, StateMachine, System};
/// use raddle_sim::{GivenFault, GivenFaults, Runner, Settings, strategy::DefaultOrder};
///
/// #[derive(Default)]
/// struct Echo { heard: u32 }
/// impl StateMachine for Echo {
///     type Message = u32;
///     type Update = u32;
///     fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) { out.notify("right", n); }
///     fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) { self.heard += 1; }
/// }
///
/// let echo = System::new("echo").workers(["left", "right"], |_| Echo::default()).messages("client", [("left", 1)]);
/// let copy = GivenFault { kind: FaultKind::Duplication, after: 0, nth: 0 };
/// let settings = Settings { faults: [copy.kind].into_iter().collect(), ..Settings::default() };
/// let mut runner = Runner::new(echo.plan()?, settings, None)?;
/// let run = runner.run(0, &mut GivenFaults::new(DefaultOrder, [copy]));
/// // It waited until there was an update to copy.
/// assert_eq!((run.faults[FaultKind::Duplication as usize], run.violation), (1, None));
/// # Ok::<(), raddle_sim::RunError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GivenFaults<S> {
    inner: S,
    faults: Vec<GivenFault>,
    /// Which of them have come.
    came: Vec<bool>,
    /// How much has happened by itself.
    usual: u32,
    healed: bool,
}

impl<S: Strategy> GivenFaults<S> {
    /// These faults, between the choices of this strategy. Of several that are possible the first of the list comes first.
    pub fn new(inner: S, faults: impl IntoIterator<Item = GivenFault>) -> Self {
        let faults: Vec<_> = faults.into_iter().collect();
        Self { inner, came: vec![false; faults.len()], faults, usual: 0, healed: false }
    }

    /// The place of the fault that comes now, if one does.
    fn due(&mut self, actions: &Actions<'_>) -> Option<usize> {
        for (fault, came) in self.faults.iter().zip(&mut self.came) {
            if *came || fault.after > self.usual {
                continue;
            }
            let possible = actions.faults_of(fault.kind).count();
            if possible > 0 {
                *came = true;
                return actions.faults_of(fault.kind).nth(fault.nth as usize % possible);
            }
        }
        None
    }
}

impl<S: Strategy> Strategy for GivenFaults<S> {
    fn begin(&mut self, seed: u64) {
        self.inner.begin(seed);
        self.came.fill(false);
        (self.usual, self.healed) = (0, false);
    }

    fn choose(&mut self, actions: &Actions<'_>) -> usize {
        if let Some(at) = self.due(actions) {
            return at;
        }
        if actions.act(0) == Act::Fault(Fault::Heal) {
            self.healed = true;
            return 0;
        }
        self.usual = self.usual.saturating_add(1);
        match self.healed {
            true => self.inner.choose(&actions.in_good_time()),
            false => self.inner.choose(&actions.without_faults()),
        }
    }

    fn is_scripted(&self) -> bool {
        self.inner.is_scripted()
    }

    fn script(&mut self, values: &mut Vec<u32>) {
        self.inner.script(values);
    }

    fn now(&mut self) -> Option<Time> {
        self.inner.now()
    }

    fn beyond(&self) -> Beyond {
        self.inner.beyond()
    }
}
