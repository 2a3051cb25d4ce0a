//! The catalog entry: how the command names the system, its parameters and its bugs.

use raddle::prelude::{ArgError, Args, Entry};

use crate::bug::Bug;
use crate::params::Params;
use crate::system::system;

/// The system for the `raddle` command.
///
/// ```
/// let entry = raddle_omnipaxos::entry();
/// let args = entry.args([("replicas", "5")])?;
/// assert!(entry.build(&entry.plant(args, "early-ack")?).is_ok());
/// assert!(entry.build(&entry.args([("replicas", "2")])?).is_err());
/// # Ok::<(), raddle::catalog::ArgError>(())
/// ```
#[must_use]
pub fn entry() -> Entry {
    let default = Params::default();
    let about = "replicas of the omnipaxos crate: decided logs agree, and nothing decided is lost";
    let entry = Entry::new("omnipaxos", about, |args| Ok(system(&params(args)?)))
        .param("replicas", &default.replicas.to_string(), "replicas of the log")
        .param("clients", &default.clients.to_string(), "clients that propose")
        .param("proposals", &default.proposals.to_string(), "proposals, dealt to clients and replicas in turn")
        .param("ticks", &default.ticks.to_string(), "ticks of each replica; a run comes to rest after them")
        .param("election-ticks", &default.election_ticks.to_string(), "ticks between two looks at who is alive")
        .param("resend-ticks", &default.resend_ticks.to_string(), "ticks until a message counts as lost and is resent");
    Bug::ALL.into_iter().fold(entry, |entry, bug| entry.bug(bug.name(), bug.law(), bug.about()))
}

fn params(args: &Args) -> Result<Params, ArgError> {
    let election_ticks = args.number("election-ticks", 1, 100)?;
    Ok(Params {
        replicas: args.number("replicas", 3, 9)?,
        clients: args.number("clients", 1, 1_000)?,
        proposals: args.number("proposals", 1, 10_000)?,
        // Without one election there is no leader, and nothing can be decided.
        ticks: args.number("ticks", election_ticks, 10_000)?,
        election_ticks,
        resend_ticks: args.number("resend-ticks", 1, 10_000)?,
        bug: args.bug().and_then(Bug::from_name),
    })
}
