//! The door of fuzzers: bytes as the choices of a run.
//!
//! Every input is a run, so no input is wasted: a byte is the place of the next action among those possible, wrapped
//! around, and after the last byte the default order goes on.

use raddle_core::{EndReason, StateMachine, System};
use raddle_sim::strategy::Indices;
use raddle_sim::{Runner, Settings};

use crate::environment::Environment;
use crate::failure::Failure;
use crate::look::Look;

/// The seed of what handlers draw: only the schedule is fuzzed.
const SEED: u64 = 0;

/// Runs the system under a schedule made of these bytes and judges the run: the body of a fuzz target.
///
/// ```
/// use raddle::prelude::*;
///
/// struct Echo;
/// impl StateMachine for Echo {
///     type Message = u32;
///     type Update = u32;
///     fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) { out.notify("right", n); }
///     fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
/// }
///
/// fn echo() -> System<Echo> {
///     System::new("echo").workers(["left", "right"], |_| Echo).messages("client", [("left", 1), ("left", 2)])
/// }
///
/// // fuzz_target!(|bytes: &[u8]| raddle::fuzz::check(&echo(), bytes));
/// raddle::fuzz::check(&echo(), b"any bytes will do");
/// raddle::fuzz::check(&echo(), &[]);
/// ```
///
/// # Panics
/// When a law is broken, with all that is known of it; when the run does not end, or cannot be run.
#[track_caller]
pub fn check<M: StateMachine>(system: &System<M>, bytes: &[u8]) {
    if let Err(text) = judge(system, Settings::default(), SEED, Indices::from_bytes(bytes)) {
        panic!("{text}");
    }
}

/// One run under given choices; the text of its failure.
pub(crate) fn judge<M: StateMachine>(
    system: &System<M>,
    settings: Settings,
    seed: u64,
    mut choices: Indices,
) -> Result<(), String> {
    let cannot = |error: &dyn std::fmt::Display| format!("cannot run `{}`: {error}", system.name());
    let plan = system.plan().map_err(|error| cannot(&error))?;
    let steps = settings.steps_max;
    let mut runner = Runner::new(plan, settings, None).map_err(|error| cannot(&error))?;
    let run = runner.run(seed, &mut choices);
    if run.violation.is_some() {
        let recording = runner.record(seed, &mut choices);
        let failure = Failure::of_recording(&recording, format!("seed {seed}, given choices"));
        let utf8 = Environment::read().is_ok_and(|environment| environment.utf8);
        let text = failure.map_or_else(
            || "a law was broken in one of two runs that should be the same: a handler is not deterministic".to_owned(),
            |failure| failure.render(Look::plain(utf8)),
        );
        return Err(format!("`{}` breaks a law\n\n{text}", system.name()));
    }
    match run.end {
        EndReason::Steps => Err(format!("unknown: the run of `{}` did not end within {steps} steps", system.name())),
        _ => Ok(()),
    }
}
