//! Running a command as a person would, in a folder of its own.

#![allow(dead_code, reason = "each file of tests uses a part of it")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Done {
    /// Its exit code.
    pub(crate) code: Option<i32>,
    /// What it printed.
    pub(crate) out: String,
    /// What it said on the side.
    pub(crate) err: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Done {
    /// The same, having ended with this code.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// The same, having printed this.
    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Self {
        assert!(self.out.contains(text), "no `{text}` in stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// The same, having complained of this.
    #[track_caller]
    pub(crate) fn complains(self, text: &str) -> Self {
        assert!(self.err.contains(text), "no `{text}` in stderr:\n{}\nstdout:\n{}", self.err, self.out);
        self
    }

    /// What stands behind `word:` in what it printed.
    #[track_caller]
    pub(crate) fn says(&self, word: &str) -> String {
        let start = format!("{word}:");
        let line = self.out.lines().find_map(|line| line.trim_start().strip_prefix(&start));
        line.unwrap_or_else(|| panic!("no `{start}` in\n{}", self.out)).trim().to_owned()
    }
}

/// A folder in which commands run.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Place {
    /// A new folder for this command.
    pub(crate) fn new(program: impl Into<PathBuf>) -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), program: program.into() }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The command, with nothing of the surroundings of the tests.
    pub(crate) fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(self.path());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("RADDLE_") || ["CI", "LANG", "LC_CTYPE", "NO_COLOR"].contains(&name.as_str()) {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C.UTF-8");
        command
    }

    /// Runs it with these words.
    pub(crate) fn run(&self, line: &str) -> Done {
        self.run_with(line, &[])
    }

    /// Runs it with these words and variables.
    pub(crate) fn run_with(&self, line: &str, variables: &[(&str, &str)]) -> Done {
        let mut command = self.command(line.split_whitespace());
        command.envs(variables.iter().copied()).output().expect("it runs").into()
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        std::fs::write(path, text).expect("writes");
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect("reads")
    }
}
