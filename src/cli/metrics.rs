//! The file of `run --metrics`: what a run has come to, line by line, as it goes on.
//!
//! One run writes it at a time. What stands in it from a run before is gone with the first line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use raddle_runtime::{Metrics, takes_what_comes};

use super::exit::{Trouble, refuse};

/// A file that metrics are written to. What cannot be written does not end the run.
pub(crate) struct MetricsFile {
    path: PathBuf,
    system: String,
    state: Mutex<State>,
}

struct State {
    file: Box<dyn Target>,
    is_begun: bool,
    error: Option<io::Error>,
}

/// A line of metrics.
#[derive(serde::Serialize)]
struct Line<'a> {
    r#type: &'static str,
    v: u32,
    system: &'a str,
    #[serde(flatten)]
    metrics: &'a Metrics,
}

impl MetricsFile {
    /// Makes the file if it is not there, and keeps other runs from it.
    pub(crate) fn open(system: &str, path: &Path) -> Result<Arc<Self>, Trouble> {
        // Opening a pipe waits for whoever is to read it.
        if fs::metadata(path).is_ok_and(|found| !takes_what_comes(found.file_type())) {
            refuse!(
                "cannot write metrics to `{}`: it is no file, and what is no file may never take what it is given; write them \
                 to a file",
                path.display()
            );
        }
        // What stands in it is kept until there is something to write.
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = match file.and_then(hold) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                refuse!("another run writes its metrics to `{}`: give each run a file of its own", path.display())
            }
            Err(error) => refuse!("cannot write metrics to `{}`: {error}", path.display()),
        };
        let state = Mutex::new(State { file, is_begun: false, error: None });
        Ok(Arc::new(Self { path: path.to_owned(), system: system.to_owned(), state }))
    }

    /// Writes a line. After the first that cannot be written there are no more.
    pub(crate) fn write(&self, metrics: &Metrics) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.error.is_none() {
            let line = Line { r#type: "metrics", v: 1, system: &self.system, metrics };
            state.error = state.write(&line).err();
        }
    }

    /// Why not all is written, if it is not.
    pub(crate) fn error(&self) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let error = state.error.as_ref()?;
        Some(format!("cannot write metrics to `{}`: {error}; the run itself went on", self.path.display()))
    }
}

impl State {
    fn write(&mut self, line: &Line<'_>) -> io::Result<()> {
        if !self.is_begun {
            self.file.clear()?;
            self.is_begun = true;
        }
        let text = serde_json::to_string(line)? + "\n";
        self.file.write_all(text.as_bytes())
    }
}

/// What lines are written to.
trait Target: Write + Send {
    /// What stands there goes.
    fn clear(&mut self) -> io::Result<()>;
}

/// What is no file, such as a terminal, takes the lines of any number of runs.
impl Target for File {
    fn clear(&mut self) -> io::Result<()> {
        if self.metadata()?.is_file() { self.set_len(0) } else { Ok(()) }
    }
}

/// Keeps other runs from a file, for as long as it is open.
#[cfg(unix)]
fn hold(file: File) -> io::Result<Box<dyn Target>> {
    use nix::fcntl::{Flock, FlockArg};

    struct Held(Flock<File>);

    impl Write for Held {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }

    impl Target for Held {
        fn clear(&mut self) -> io::Result<()> {
            self.0.clear()
        }
    }

    if !file.metadata()?.is_file() {
        return Ok(Box::new(file));
    }
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(held) => Ok(Box::new(Held(held))),
        Err((_, error)) => Err(error.into()),
    }
}

/// Here nobody can keep other runs from a file.
#[cfg(not(unix))]
fn hold(file: File) -> io::Result<Box<dyn Target>> {
    Ok(Box::new(file))
}
