//! The `raddle` command with the built-in systems.

use std::process::ExitCode;

fn main() -> ExitCode {
    raddle::cli::main(raddle::systems::all())
}
