//! The door by which a process of a run comes in again: how the program knows that it is to be a worker.
//!
//! A run starts the program once more, with the same arguments, and says in one variable of the environment for which
//! system and by which process it was started. The program goes the same way as before, to the same run; there it
//! becomes a worker instead ([`Processes::run`](super::Processes::run)).
//!
//! This is the one place of this crate that reads the environment: nobody but who starts processes can know what they
//! were told. A program that finds the variable and was not started by a run refuses to run at all, so that a worker
//! whose parent has just died never becomes a run of its own.

use raddle_core::{Plan, Policies, StateMachine, fnv};

/// The variable by which a worker's process knows what it is. Nobody else sets it.
pub const WORKER_VARIABLE: &str = "RADDLE_WORKER";

/// What this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A program like any other.
    Run,
    /// Started by a run of the system with this fingerprint.
    Worker(u64),
    /// It says that it was started by a run, and was not; or that is gone.
    Stray,
}

/// What this process is.
pub(crate) fn role() -> Role {
    match std::env::var(WORKER_VARIABLE) {
        Err(std::env::VarError::NotPresent) => Role::Run,
        Err(std::env::VarError::NotUnicode(_)) => Role::Stray,
        Ok(text) => read(&text, std::os::unix::process::parent_id()),
    }
}

fn read(text: &str, parent: u32) -> Role {
    let Some((system, by)) = text.split_once('-') else { return Role::Stray };
    match (u64::from_str_radix(system, 16), by.parse::<u32>()) {
        (Ok(system), Ok(by)) if by == parent => Role::Worker(system),
        _ => Role::Stray,
    }
}

/// What a run tells the processes that it starts.
pub(crate) fn badge(system: u64) -> String {
    format!("{system:016x}-{}", std::process::id())
}

/// Tells systems apart by who takes part and by which policies.
pub(crate) fn fingerprint<M: StateMachine>(plan: &Plan<M>) -> u64 {
    let names = plan.names();
    let parties = names.workers().map(|(_, name)| name).chain(names.sources().map(|(_, name)| name));
    let policies = Policies::KEYS.iter().map(|(key, ..)| plan.policies().get(key).unwrap_or_default());
    let words = [names.system(), env!("CARGO_PKG_VERSION")].into_iter().chain(parties).map(str::to_owned);
    words.chain(policies).fold(fnv::OFFSET, |hash, word| fnv::extend(fnv::extend(hash, word.as_bytes()), b"\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_child_of_the_run_is_a_worker() {
        let badge = badge(0x2a);
        let me = std::process::id();
        assert_eq!(read(&badge, me), Role::Worker(0x2a));
        assert_eq!(read(&badge, me + 1), Role::Stray);
        for stray in ["", "1", "x-1", "1-x", "-1", "000000000000002a-"] {
            assert_eq!(read(stray, 1), Role::Stray, "{stray}");
        }
    }
}
