//! `raddle completions`: what a shell should know of the command line.

use clap_complete::Shell;

use super::context::Context;
use super::exit::{Exit, Trouble};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn perform(&self, context: &Context, mut line: clap::Command) -> Result<Exit, Trouble> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut line, &context.program, &mut text);
        context.print(&String::from_utf8_lossy(&text))?;
        Ok(Exit::Clean)
    }
}
