//! Who and where, as text that can be read back: workers, parties, lanes, ids.
//!
//! A trace may speak of a worker that does not exist (a handler notified it, a hostile peer claimed it). Such a one
//! is written as `?` and its index; no name has a `?`, so nothing is ever mistaken for it.

use raddle_core::{Lane, MessageId, Names, Party, Root, SourceId, WorkerId};

/// The name of a worker.
pub(crate) fn worker(id: WorkerId, names: &Names) -> String {
    if id.index() < names.worker_count() { names.worker(id).to_owned() } else { format!("?{}", id.index()) }
}

pub(crate) fn read_worker(text: &str, names: &Names) -> Option<WorkerId> {
    names.worker_id(text).or_else(|| Some(WorkerId::new(index(text)?)).filter(|id| id.index() >= names.worker_count()))
}

/// `worker ann` or `source bank`.
pub(crate) fn party(party: Party, names: &Names) -> String {
    match party {
        Party::Worker(id) => format!("worker {}", worker(id, names)),
        Party::Source(id) if id.index() < names.source_count() => format!("source {}", names.source(id)),
        Party::Source(id) => format!("source ?{}", id.index()),
    }
}

pub(crate) fn read_party(text: &str, names: &Names) -> Option<Party> {
    match text.split_once(' ')? {
        ("worker", name) => read_worker(name, names).map(Party::Worker),
        ("source", name) => {
            let unknown = || Some(SourceId::new(index(name)?)).filter(|id| id.index() >= names.source_count());
            names.source_id(name).or_else(unknown).map(Party::Source)
        }
        _ => None,
    }
}

/// `worker ann`, `inbox ann`, `shard 0` or `network`.
pub(crate) fn lane(lane: Lane, names: &Names) -> String {
    match lane {
        Lane::Worker(id) => format!("worker {}", worker(id, names)),
        Lane::Inbox(id) => format!("inbox {}", worker(id, names)),
        Lane::Shard(shard) => format!("shard {shard}"),
        Lane::Network => "network".to_owned(),
    }
}

pub(crate) fn read_lane(text: &str, names: &Names) -> Option<Lane> {
    if text == "network" {
        return Some(Lane::Network);
    }
    match text.split_once(' ')? {
        ("worker", name) => read_worker(name, names).map(Lane::Worker),
        ("inbox", name) => read_worker(name, names).map(Lane::Inbox),
        ("shard", shard) => number(shard).map(Lane::Shard),
        _ => None,
    }
}

/// The text of an id.
pub(crate) fn id(id: &MessageId, names: &Names) -> String {
    id.display(names).to_string()
}

/// Whether the text of an id says who began its chain, so that it can be read back.
pub(crate) fn is_known(id: &MessageId, names: &Names) -> bool {
    match id.chain() {
        Root::External(source, _) => source.index() < names.source_count(),
        Root::Start(worker, _) | Root::Timer(worker, ..) => worker.index() < names.worker_count(),
    }
}

fn index(text: &str) -> Option<u32> {
    number(text.strip_prefix('?')?)
}

/// A number in its only spelling.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number: &u32| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new("test", ["ann", "7"], ["ann"]).expect("good names")
    }

    #[test]
    fn everybody_can_be_read_back() {
        let names = names();
        for at in [0, 1, 2, u32::MAX] {
            let (id, source) = (WorkerId::new(at), SourceId::new(at));
            assert_eq!(read_worker(&worker(id, &names), &names), Some(id));
            for one in [Party::Worker(id), Party::Source(source)] {
                assert_eq!(read_party(&party(one, &names), &names), Some(one));
            }
            for one in [Lane::Worker(id), Lane::Inbox(id), Lane::Shard(at), Lane::Network] {
                assert_eq!(read_lane(&lane(one, &names), &names), Some(one));
            }
        }
    }

    #[test]
    fn nonsense_is_nobody() {
        for text in ["", "eve", "?", "?0", "?01", "?+2", "?4294967296"] {
            assert_eq!(read_worker(text, &names()), None, "{text}");
        }
        for text in ["ann", "shard ann", "shard 01", "inbox", "desk ann"] {
            assert_eq!(read_lane(text, &names()), None, "{text}");
        }
    }
}
