//! How laws speak: messages, clocks and lists of workers in sentences.

use raddle_core::{Event, Header, Lane, MessageId, Names, Party, VectorClock, What, WorkerId};

/// `A's bank#0.1` for an update, `bank#0` for anything else.
pub(crate) fn message(header: &Header, names: &Names) -> String {
    match header.from {
        Party::Worker(from) if !header.id.is_root() => format!("{}'s {}", names.worker(from), id(&header.id, names)),
        _ => id(&header.id, names),
    }
}

pub(crate) fn id(id: &MessageId, names: &Names) -> String {
    id.display(names).to_string()
}

/// `{A: 2, B: 1}`.
pub(crate) fn clock(clock: &VectorClock, names: &Names) -> String {
    let entries: Vec<String> = clock.iter().map(|(worker, n)| format!("{}: {n}", names.worker(worker))).collect();
    format!("{{{}}}", entries.join(", "))
}

/// `A -> B -> A`.
pub(crate) fn path(workers: &[WorkerId], names: &Names) -> String {
    let workers: Vec<&str> = workers.iter().map(|worker| names.worker(*worker)).collect();
    workers.join(" -> ")
}

/// `a, b and c`; of a long list the first few, and how many more.
pub(crate) fn list(items: &[String]) -> String {
    const SHOWN: usize = 4;
    match items {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [most @ .., last] if items.len() <= SHOWN => format!("{} and {last}", most.join(", ")),
        _ => format!("{} and {} more", items[..SHOWN - 1].join(", "), items.len() - (SHOWN - 1)),
    }
}

/// `1 update`, `2 updates`.
pub(crate) fn count(n: impl TryInto<u64>, noun: &str) -> String {
    let n = n.try_into().unwrap_or(u64::MAX);
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// Where an event happened: `A`, `the inbox of A`.
pub(crate) fn place(lane: Lane, names: &Names) -> String {
    match lane {
        Lane::Worker(worker) => names.worker(worker).to_owned(),
        Lane::Inbox(worker) => format!("the inbox of {}", names.worker(worker)),
        Lane::Shard(shard) => format!("shard {shard}"),
        Lane::Network => "the network".to_owned(),
    }
}

/// What happened with which message, as one word and an id: `handle bank#0`.
pub(crate) fn event(event: &Event, names: &Names) -> String {
    let text = match event.what {
        What::Mark | What::Wait { .. } | What::Waited | What::Read | What::Wrote | What::Cut => {
            format!(" \"{}\"", event.text)
        }
        _ => String::new(),
    };
    format!("{}{text} {}", event.what.word(), id(&event.header.id, names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_sentences() {
        let items = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
        assert_eq!(list(&items(1)), "0");
        assert_eq!(list(&items(2)), "0 and 1");
        assert_eq!(list(&items(4)), "0, 1, 2 and 3");
        assert_eq!(list(&items(9)), "0, 1, 2 and 6 more");
        assert_eq!((count(1, "update"), count(2, "update")), ("1 update".to_owned(), "2 updates".to_owned()));
    }
}
