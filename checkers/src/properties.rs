//! Properties of a user's own, judged over the states of all machines.
//!
//! A driver shows the states after each step and once more at the end; each property is evaluated no oftener than its
//! kind needs. A real run, whose states nobody can see between steps, shows them only at the end.

use raddle_core::{EndReason, Moment, Property, Snapshot, When};

use crate::violation::{Verdict, Violation};

/// The properties of a system during one run.
///
/// ```
/// use raddle_checkers::Properties;
/// use raddle_core::{Moment, Outbox, Snapshot, StateMachine, System, Time};
///
/// struct Till { cash: i64 }
/// impl StateMachine for Till {
///     type Message = i64;
///     type Update = i64;
///     fn on_message(&mut self, amount: i64, _: &mut Outbox<i64>) { self.cash += amount; }
///     fn on_update(&mut self, amount: i64, _: &mut Outbox<i64>) { self.cash += amount; }
/// }
///
/// let plan = System::new("shop")
///     .workers(["till"], |_| Till { cash: -1 })
///     .always("solvent", |run| run.machines().all(|till| till.cash >= 0))
///     .plan()?;
/// let mut properties = Properties::new(plan.properties());
/// let workers = plan.workers();
/// properties.after_step(&Snapshot::new(&workers, plan.names()), Moment { step: 1, time: Time(0) });
/// let violation = properties.violation().expect("the till starts in debt");
/// assert_eq!(violation.signature(plan.names()), "solvent/always");
/// assert_eq!(violation.reason, "`solvent` must hold after every step, and does not after step 1");
/// # Ok::<(), raddle_core::SystemError>(())
/// ```
pub struct Properties<M> {
    properties: Vec<Property<M>>,
    /// By property: whether an `eventually` or `sometimes` has held.
    reached: Vec<bool>,
    violation: Option<Violation>,
    ended: Option<EndReason>,
    saw_steps: bool,
    watches_steps: bool,
}

impl<M> Properties<M> {
    /// The properties of a system, before a run.
    #[must_use]
    pub fn new(properties: &[Property<M>]) -> Self {
        Self {
            reached: vec![false; properties.len()],
            properties: properties.to_vec(),
            violation: None,
            ended: None,
            saw_steps: false,
            watches_steps: properties.iter().any(|property| property.when != When::AtEnd),
        }
    }

    /// Makes ready for another run, keeping its memory.
    pub fn reset(&mut self) {
        self.reached.fill(false);
        self.violation = None;
        self.ended = None;
        self.saw_steps = false;
    }

    /// Becomes equal to `other`, the same properties over another run, keeping its own memory.
    pub fn copy_from(&mut self, other: &Self) {
        let Self { properties: _, reached, violation, ended, saw_steps, watches_steps: _ } = self;
        reached.clone_from(&other.reached);
        violation.clone_from(&other.violation);
        (*ended, *saw_steps) = (other.ended, other.saw_steps);
    }

    /// Whether any property must be judged after each step. If not, a driver need not show the states then.
    #[must_use]
    #[inline]
    pub const fn watch_steps(&self) -> bool {
        self.watches_steps
    }

    /// Whether any of them is a goal: something that must be reached, and may be missed for want of a message.
    #[must_use]
    pub fn have_goals(&self) -> bool {
        self.properties.iter().any(|property| matches!(property.when, When::AtEnd | When::Eventually))
    }

    /// Judges the states after the step of this moment.
    #[inline]
    pub fn after_step(&mut self, states: &Snapshot<'_, M>, moment: Moment) {
        self.saw_steps = true;
        self.judge_step(states, moment);
    }

    /// Judges the states when the run is over. What must hold at rest is judged only if the run has come to rest.
    ///
    /// If no step was shown, what must hold after each step is judged by these states alone.
    pub fn at_end(&mut self, states: &Snapshot<'_, M>, ended: EndReason, moment: Moment) {
        self.ended = Some(ended);
        if !self.saw_steps {
            self.judge_step(states, moment);
        }
        if !ended.is_rest() {
            return;
        }
        for (property, reached) in self.properties.iter().zip(&self.reached) {
            let (code, reason) = match property.when {
                When::AtEnd if !(property.holds)(states) => {
                    ("at-end", "must hold when the run has come to rest, and does not")
                }
                When::Eventually if !reached && self.saw_steps => {
                    ("eventually", "must hold after some step of every run that comes to rest, and never did")
                }
                _ => continue,
            };
            let cut = if ended == EndReason::Horizon { CUT } else { "" };
            let breach = || broken(property, code, states, moment, format!("`{}` {reason}{cut}", property.name));
            self.violation.get_or_insert_with(breach);
        }
    }

    /// The first breach of this run.
    #[must_use]
    #[inline]
    pub const fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// The names of all `sometimes` and `eventually` that have held in this run, in the order of declaration.
    pub fn reached(&self) -> impl Iterator<Item = &str> {
        self.properties.iter().zip(&self.reached).filter(|(_, reached)| **reached).map(|(p, _)| p.name.as_str())
    }

    /// What can be said of each property, by name, in the order of declaration.
    ///
    /// A `sometimes` is never broken by one run. An `eventually` that does not hold at the end of a run whose steps
    /// nobody saw is unknown.
    #[must_use]
    pub fn verdicts(&self) -> Vec<(&str, Verdict)> {
        let of = |(property, reached): (&Property<M>, &bool)| match (&self.violation, property.when, self.ended) {
            (Some(violation), _, _) if violation.law == property.name => Verdict::Violation(violation.clone()),
            (_, When::Eventually, _) if *reached => Verdict::Ok,
            (_, When::Eventually | When::AtEnd, None) => Verdict::Unknown("the run is not over".to_owned()),
            (_, When::Eventually | When::AtEnd, Some(reason)) if !reason.is_rest() => {
                Verdict::Unknown(format!("the run has not come to rest ({})", reason.word()))
            }
            (_, When::Eventually, _) if !self.saw_steps => {
                Verdict::Unknown("the states between the steps were not seen".to_owned())
            }
            (Some(violation), _, _) => Verdict::Unknown(format!("`{}` was broken first", violation.law)),
            _ => Verdict::Ok,
        };
        let verdicts = self.properties.iter().zip(&self.reached);
        verdicts.map(|pair| (pair.0.name.as_str(), of(pair))).collect()
    }

    fn judge_step(&mut self, states: &Snapshot<'_, M>, moment: Moment) {
        for (property, reached) in self.properties.iter().zip(&mut self.reached) {
            let (code, must) = match property.when {
                When::Always if !(property.holds)(states) => ("always", "must hold after every step, and does not"),
                When::Never if (property.holds)(states) => ("never", "must hold after no step, and does"),
                When::Eventually | When::Sometimes => {
                    *reached = *reached || (property.holds)(states);
                    continue;
                }
                _ => continue,
            };
            let breach = || {
                let reason = format!("`{}` {must} after step {}", property.name, moment.step);
                broken(property, code, states, moment, reason)
            };
            self.violation.get_or_insert_with(breach);
        }
    }
}

/// What a goal may be missed for where timers are left.
const CUT: &str = " (the horizon ended the run while timers were set: a later one may let it)";

fn broken<M>(
    property: &Property<M>,
    code: &'static str,
    states: &Snapshot<'_, M>,
    moment: Moment,
    mut reason: String,
) -> Violation {
    if let Some(why) = property.why.as_ref().and_then(|why| why(states)) {
        reason += &format!(": {why}");
    }
    Violation::at_end(&property.name, code, moment, reason)
}
