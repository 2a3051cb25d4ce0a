//! How the command ends: one code for each way, the same for every subcommand.

use std::process::ExitCode;

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Exit {
    /// All is well.
    Clean = 0,
    /// A law is broken.
    Violation = 1,
    /// What was asked for, or a file, cannot be used.
    Usage = 2,
    /// A replay diverged, or a run is not deterministic.
    Diverged = 3,
    /// There was nothing to run.
    NothingRan = 4,
    /// Nobody can tell, or the budget ended before the goal.
    Unknown = 5,
    /// A bug in raddle.
    Bug = 70,
    /// Ctrl-C.
    Interrupted = 130,
}

/// The codes, as help says them.
pub(crate) const HELP: &str = "\
Exit codes:
  0  clean                           4  nothing ran
  1  a law is broken                 5  unknown, or the budget ended before the goal
  2  usage or bad input             70  a bug in raddle
  3  replay diverged, or a run     130  interrupted; the report so far is printed
     is not deterministic";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a subcommand could not do what it was asked for: a sentence for the person who asked. Exit code 2.
#[derive(Debug)]
pub(crate) struct Trouble(pub(crate) String);

/// A typed error becomes its text. (Our own type is no `Error`, so that this does not meet itself.)
impl<E: std::error::Error> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Ends a subcommand with a sentence.
macro_rules! refuse {
    ($($text:tt)*) => {
        return Err($crate::cli::exit::Trouble(format!($($text)*)))
    };
}
pub(crate) use refuse;
