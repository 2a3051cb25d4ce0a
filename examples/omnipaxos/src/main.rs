//! The `raddle` command with one system: replicas of the omnipaxos crate.

raddle::main!(raddle_omnipaxos::entry());
