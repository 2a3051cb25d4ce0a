//! What every subcommand is given: the systems, the environment, and where to print.

use std::io::{self, ErrorKind, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use raddle_core::Policies;
use raddle_runtime::RunError;
use raddle_sim::Settings;

use super::exit::{Exit, Trouble, refuse};
use super::options::Variant;
use crate::any::{AnySystem, RealRunError};
use crate::catalog::{Args, Entry};
use crate::environment::Environment;
use crate::look::{BAD, Look};
use crate::words;

/// What every subcommand is given.
pub(crate) struct Context {
    pub(crate) entries: Vec<Entry>,
    pub(crate) environment: Environment,
    pub(crate) look: Look,
    /// What this command is called, for lines to paste.
    pub(crate) program: String,
    /// Set by Ctrl-C.
    pub(crate) stop: Arc<AtomicBool>,
}

/// A system as it was asked for.
pub(crate) struct Built {
    pub(crate) args: Args,
    pub(crate) system: Box<dyn AnySystem>,
    /// Its parameters, and its policies with the parameters that were asked for, unless told otherwise.
    pub(crate) own: (Args, Policies),
    /// How the simulator runs it unless told otherwise.
    pub(crate) settings: Settings,
}

impl Context {
    pub(crate) fn new(entries: Vec<Entry>, program: String) -> Result<Self, Trouble> {
        for (at, entry) in entries.iter().enumerate() {
            if entries[..at].iter().any(|other| other.name() == entry.name()) {
                refuse!("two systems are called `{}`: give one of them another name", entry.name());
            }
        }
        let environment = Environment::read()?;
        let look = Look::plain(environment.utf8).coloured();
        Ok(Self { entries, environment, look, program, stop: Arc::default() })
    }

    /// The system of this name.
    pub(crate) fn entry(&self, name: &str) -> Result<&Entry, Trouble> {
        let known = || words::unknown("system", name, self.entries.iter().map(Entry::name));
        self.entries.iter().find(|entry| entry.name() == name).ok_or_else(|| Trouble(known()))
    }

    /// A system with its parameters, planted bug and policies.
    pub(crate) fn build(&self, name: &str, variant: &Variant) -> Result<Built, Trouble> {
        let entry = self.entry(name)?;
        let (params, policies) = variant.split(entry)?;
        let mut args = entry.args(params)?;
        if let Some(bug) = &variant.bug {
            args = entry.plant(args, bug).map_err(|_| Trouble(no_bug(entry, bug)))?;
        }
        let mut system = entry.build(&args)?;
        let own = (entry.args([])?, system.policies().clone());
        for (key, value) in policies {
            system.set(key, value)?;
        }
        Ok(Built { args, system, own, settings: entry.default_settings().clone() })
    }

    /// From now on Ctrl-C asks to stop; a second one does not ask.
    pub(crate) fn stop_on_ctrl_c(&self) {
        let stop = Arc::clone(&self.stop);
        // Where there is no handler, Ctrl-C ends the process, which is all right too.
        let _ = ctrlc::set_handler(move || {
            if stop.swap(true, Ordering::Relaxed) {
                std::process::exit(i32::from(Exit::Interrupted as u8));
            }
        });
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// How the command ends where a real run has not begun: the system is at fault where it cannot be run like this at all;
    /// otherwise nothing ran, which is told.
    pub(crate) fn not_begun(&self, error: &RealRunError) -> Result<Exit, Trouble> {
        match error {
            RealRunError::Start(RunError::NotOnProcesses { .. } | RunError::Record(_))
            | RealRunError::System(_)
            | RealRunError::Law(_) => refuse!("{error}"),
            RealRunError::Start(error) => {
                self.complain(&error.to_string());
                Ok(Exit::NothingRan)
            }
        }
    }

    /// Prints a result. Whoever reads it may go away when he has seen enough.
    pub(crate) fn print(&self, text: &str) -> Result<(), Trouble> {
        let mut out = anstream::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => refuse!("cannot print the result: {error}"),
            _ => Ok(()),
        }
    }

    /// Says something on the side.
    #[expect(clippy::unused_self, reason = "it is the context that speaks")]
    pub(crate) fn remark(&self, text: &str) {
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    /// Says on the side what is wrong.
    pub(crate) fn complain(&self, text: &str) {
        complain(self.look, text);
    }
}

/// Says on the side what is wrong.
pub(crate) fn complain(look: Look, text: &str) {
    let _ = writeln!(anstream::stderr(), "{} {text}", look.paint(BAD, "error:"));
}

/// Writes a file, or to stdout.
pub(crate) fn write_or_print(context: &Context, file: Option<&Path>, text: &str) -> Result<(), Trouble> {
    let Some(path) = file else { return context.print(text) };
    let failed = |error: io::Error| Trouble(format!("cannot write `{}`: {error}", path.display()));
    std::fs::write(path, text).map_err(failed)
}

fn no_bug(entry: &Entry, bug: &str) -> String {
    let what = format!("planted bug of `{}`", entry.name());
    words::unknown(&what, bug, entry.bugs().iter().map(|bug| bug.name.as_str()))
}
