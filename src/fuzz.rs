//! The door of fuzzers: bytes as the choices of a run.
//!
//! Every input is a run, so no input is wasted: a byte is the place of the next action among those possible, wrapped
//! around, and after the last byte the default order goes on.
//!
//! Fuzzers keep the bytes of a run that breaks a law, and try many more that break it too, so nothing is saved by itself. Give
//! the bytes to the target once more with `RADDLE_SAVE=seeds`, and there is a finding of them, to be committed, shrunk and
//! explained.

use raddle_core::{StateMachine, System};
use raddle_sim::Settings;
use raddle_sim::strategy::Indices;

use crate::given::{Given, Kept};

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
    let given = Given { system, settings: Settings::default(), seed: SEED, kept: Kept::IfAsked };
    if let Err(text) = given.judge(&mut Indices::from_bytes(bytes)) {
        panic!("{text}");
    }
}
