//! One run under choices that somebody else made, judged and told: what the doors of proptest and of fuzzers share.

use std::panic::Location;
use std::path::PathBuf;

use raddle_core::{EndReason, StateMachine, System};
use raddle_sim::{Finding, Found, Outcome, Runner, Settings, Strategy, replay};

use crate::assert::crate_folder;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::look::Look;
use crate::saved::{self, Writer};

/// How the choices of such a run were made, in a word.
const CHOICES: &str = "given choices";

/// A run that is to be judged.
pub(crate) struct Given<'a, M: StateMachine> {
    pub(crate) system: &'a System<M>,
    pub(crate) settings: Settings,
    pub(crate) seed: u64,
    pub(crate) kept: Kept,
}

/// What is kept of it if it breaks a law.
#[derive(Clone, Copy)]
pub(crate) enum Kept {
    /// A finding with its workload, which was generated. It takes the place of the one before it from this line, as what is
    /// checked there shrinks.
    #[cfg_attr(not(feature = "proptest"), allow(dead_code, reason = "nobody else shrinks"))]
    Last(&'static Location<'static>),
    /// A finding, if the environment names a folder: whoever gave the choices keeps them anyway.
    IfAsked,
}

impl<M: StateMachine> Given<'_, M> {
    /// Does it; the text of its failure.
    pub(crate) fn judge(&self, choices: &mut dyn Strategy) -> Result<(), String> {
        let name = self.system.name();
        let cannot = |error: &dyn std::fmt::Display| format!("cannot run `{name}`: {error}");
        let plan = self.system.plan().map_err(|error| cannot(&error))?;
        let mut runner = Runner::new(plan, self.settings.clone(), None).map_err(|error| cannot(&error))?;
        let run = runner.run(self.seed, choices);
        if run.violation.is_some() {
            let recording = runner.record(self.seed, choices);
            let text = Found::of_recording(recording, self.seed).map_or_else(
                || "two runs that should be the same are not: a handler is not deterministic".to_owned(),
                |found| self.tell(&found, runner.laws()),
            );
            return Err(format!("`{name}` breaks a law\n\n{text}"));
        }
        match run.end {
            EndReason::Steps => {
                Err(format!("unknown: the run of `{name}` did not end within {} steps", self.settings.steps_max))
            }
            _ => Ok(()),
        }
    }

    /// All that is known of a failure, which is saved on the way.
    fn tell(&self, found: &Found, laws: &[&str]) -> String {
        let environment = Environment::read();
        let utf8 = environment.as_ref().is_ok_and(|environment| environment.utf8);
        let failure = Failure::of_found(found, CHOICES);
        let failure = match environment.map_err(|error| error.to_string()).and_then(|it| self.save(found, laws, &it)) {
            Ok(None) => failure,
            Ok(Some(path)) => failure.saved(path.strip_prefix(crate_folder()).unwrap_or(&path)),
            Err(why) => failure.note("not saved", why),
        };
        failure.render(Look::plain(utf8))
    }

    /// Saves it, where it is to be saved.
    fn save(&self, found: &Found, laws: &[&str], environment: &Environment) -> Result<Option<PathBuf>, String> {
        let folder = match self.kept {
            Kept::Last(_) => environment.folder(crate_folder().join("seeds")),
            Kept::IfAsked => environment.save.clone(),
        };
        let Some(folder) = folder else { return Ok(None) };
        let plan = self.system.plan().map_err(|error| error.to_string())?;
        let mut finding = Finding::new(found, self.system, &self.settings, CHOICES, laws, plan.names());
        if let Kept::Last(_) = self.kept {
            finding = finding.with_workload(self.system).map_err(|error| error.to_string())?;
        }
        // That messages are read as they were written is up to those who implement it.
        let replayed = replay(self.system, &finding).map_err(|error| error.to_string())?;
        if replayed.outcome != Outcome::Same {
            let why = "the run is another one when it is done again: its messages are not read as they were written, or a \
                       handler is not deterministic";
            return Err(why.to_owned());
        }
        let writer = match self.kept {
            Kept::Last(line) => Some(Writer::new(line, &finding)),
            Kept::IfAsked => None,
        };
        saved::save(&finding, &folder, writer).map(Some).map_err(|error| error.to_string())
    }
}
