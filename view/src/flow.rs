//! The flow of updates, summed up over a run, for Graphviz: who notifies whom, how often, and how much of it is
//! lost, and why.
//!
//! One arrow for each link that was used. An update that was not sent (too deep, undeclared, to nobody) counts as
//! lost on the link that it would have taken. The thicker an arrow, the more goes along it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use raddle_core::{Event, FaultKind, InputKind, Names, Party, SourceId, Trace, What, WorkerId};

use crate::graphviz::Graph;
use crate::rows::column;
use crate::who;

/// The flow of updates through a run, in DOT: `dot -Tsvg` draws it.
///
/// ```
/// use raddle_view::{flow, jsonl};
///
/// let file = std::fs::File::open("tests/triangle.jsonl")?;
/// let trace = jsonl::read(std::io::BufReader::new(file))?;
/// assert!(flow(&trace).contains("w0 -> w2 [label=\"1\", penwidth=1.0];"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn flow(trace: &Trace) -> String {
    let names = &trace.conditions.names;
    let sum = Sum::of(trace);
    let mut graph = Graph::new(names.system(), "rankdir=LR, nodesep=0.5, ");
    graph.comment("sources");
    for (source, name) in names.sources().filter(|(source, _)| sum.takes_part(End::Source(*source))) {
        graph.node(&End::Source(source).node(), name, "shape=plain");
    }
    graph.comment("workers that take part");
    for (worker, name) in names.workers() {
        let count = sum.workers.get(&worker).copied().unwrap_or_default();
        if count.handled == 0 && !sum.takes_part(End::Worker(worker)) {
            continue;
        }
        let paint = if count.crashes > 0 { ", color=red" } else { "" };
        let style = format!("shape=box, style=\"filled,rounded\", fillcolor=grey92{paint}");
        graph.node(&End::Worker(worker).node(), &count.label(name), &style);
    }
    for (at, name) in sum.nobodies.iter().enumerate() {
        graph.node(&End::Nobody(at).node(), &format!("{name}\nno such worker"), "shape=box, style=dashed, color=red");
    }
    graph.comment("messages");
    for ((from, to), link) in &sum.links {
        graph.edge(&from.node(), &to.node(), &link.label(), &link.style());
    }
    graph.finish()
}

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Source(SourceId),
    Worker(WorkerId),
    /// A worker that does not exist, by its place in [`Sum::nobodies`].
    Nobody(usize),
}

impl End {
    fn node(self) -> String {
        match self {
            Self::Source(source) => format!("s{}", source.index()),
            Self::Worker(worker) => format!("w{}", worker.index()),
            Self::Nobody(at) => format!("nobody{at}"),
        }
    }
}

/// What went along a link.
#[derive(Debug, Default)]
struct Link {
    sent: u64,
    in_flight: u64,
    copied: u64,
    lost: BTreeMap<&'static str, u64>,
}

impl Link {
    fn label(&self) -> String {
        let mut label = self.sent.to_string();
        if self.in_flight > 0 {
            label += &format!("\n{} in flight", self.in_flight);
        }
        if self.copied > 0 {
            label += &format!("\n{} copied", self.copied);
        }
        for (why, count) in &self.lost {
            label += &format!("\n{count} {why}");
        }
        label
    }

    /// Half a point thicker each time that twice as much goes along it.
    fn style(&self) -> String {
        let halves = self.sent.checked_ilog2().unwrap_or(0);
        let paint = if self.lost.is_empty() { "" } else { ", color=red, fontcolor=red" };
        format!("penwidth={}.{}{paint}", 1 + halves / 2, halves % 2 * 5)
    }
}

/// What a worker did.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    handled: u64,
    timers: u64,
    crashes: u64,
    restarts: u64,
}

impl Count {
    fn label(self, name: &str) -> String {
        let mut label = format!("{name}\n{} handled", self.handled);
        if self.timers > 0 {
            label += &format!("\n{} of them timers", self.timers);
        }
        match self.crashes {
            0 => {}
            1 => label += "\ncrashed",
            times => label += &format!("\ncrashed {times} times"),
        }
        match self.restarts {
            0 => {}
            1 => label += "\nrestarted",
            times => label += &format!("\nrestarted {times} times"),
        }
        label
    }
}

/// A whole run, summed up.
#[derive(Debug, Default)]
struct Sum {
    workers: BTreeMap<WorkerId, Count>,
    links: BTreeMap<(End, End), Link>,
    ends: BTreeSet<End>,
    nobodies: Vec<String>,
}

impl Sum {
    fn of(trace: &Trace) -> Self {
        let mut sum = Self::default();
        let in_flight: HashSet<_> = trace.end.in_flight.iter().collect();
        for event in &trace.events {
            match (event.what, event.header.kind()) {
                (What::Emit, _) => {
                    let link = sum.link(event, &trace.conditions.names);
                    link.sent += 1;
                    link.in_flight += u64::from(in_flight.contains(&event.header.id));
                }
                (What::Arrive, InputKind::External) => sum.link(event, &trace.conditions.names).sent += 1,
                (What::Drop(_) | What::DepthRefused | What::CycleBroken, InputKind::Update | InputKind::External) => {
                    *sum.link(event, &trace.conditions.names).lost.entry(event.what.word()).or_default() += 1;
                }
                (What::Handle, kind) => {
                    let count = sum.count(event);
                    count.handled += 1;
                    count.timers += u64::from(kind == InputKind::Timer);
                }
                (What::Crash(_), _) => sum.count(event).crashes += 1,
                (What::Restart, _) => sum.count(event).restarts += 1,
                (What::Fault(FaultKind::Duplication), _) => {
                    let link = sum.link(event, &trace.conditions.names);
                    link.copied += 1;
                    link.in_flight += u64::from(in_flight.contains(&event.header.id));
                }
                _ => {}
            }
        }
        sum
    }

    /// Whether anything went from or to here.
    fn takes_part(&self, end: End) -> bool {
        self.ends.contains(&end)
    }

    fn link(&mut self, event: &Event, names: &Names) -> &mut Link {
        let from = match event.header.from {
            Party::Worker(worker) => self.end(worker, "", names),
            Party::Source(source) => End::Source(source),
        };
        let to = self.end(event.header.to, &event.text, names);
        self.ends.extend([from, to]);
        self.links.entry((from, to)).or_default()
    }

    /// A worker; where there is none, the name by which it was called.
    fn end(&mut self, worker: WorkerId, called: &str, names: &Names) -> End {
        if worker.index() < names.worker_count() {
            return End::Worker(worker);
        }
        let name = if called.is_empty() { who::worker(worker, names) } else { called.to_owned() };
        let known = self.nobodies.iter().position(|nobody| *nobody == name);
        End::Nobody(known.unwrap_or_else(|| {
            self.nobodies.push(name);
            self.nobodies.len() - 1
        }))
    }

    fn count(&mut self, event: &Event) -> &mut Count {
        self.workers.entry(column(event)).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{self, Said, Stage};

    /// The graph without the lines that are the same in all.
    fn body(trace: &Trace) -> String {
        flow(trace).lines().skip(5).map(|line| line.trim_start().to_owned() + "\n").collect()
    }

    #[test]
    fn links_say_how_much_and_what_is_lost() {
        insta::assert_snapshot!(body(&stage::fan_out()), @r#"
        // sources
        s0 [label="bank", shape=plain];

        // workers that take part
        w0 [label="hub\n3 handled", shape=box, style="filled,rounded", fillcolor=grey92];
        w1 [label="n1\n0 handled", shape=box, style="filled,rounded", fillcolor=grey92];
        w2 [label="n2\n1 handled", shape=box, style="filled,rounded", fillcolor=grey92];
        w3 [label="n3\n0 handled", shape=box, style="filled,rounded", fillcolor=grey92];
        w4 [label="n4\n1 handled\ncrashed", shape=box, style="filled,rounded", fillcolor=grey92, color=red];
        w5 [label="n5\n0 handled", shape=box, style="filled,rounded", fillcolor=grey92];

        // messages
        s0 -> w0 [label="1", penwidth=1.0];
        w0 -> w0 [label="1", penwidth=1.0];
        w0 -> w1 [label="1\n1 in flight", penwidth=1.0];
        w0 -> w2 [label="1", penwidth=1.0];
        w0 -> w3 [label="1\n1 drop(full)", penwidth=1.0, color=red, fontcolor=red];
        w0 -> w4 [label="1", penwidth=1.0];
        w0 -> w5 [label="1\n1 in flight", penwidth=1.0];
        w2 -> w0 [label="1", penwidth=1.0];
        }
        "#);
    }

    #[test]
    fn what_is_never_sent_is_lost_too() {
        let mut stage = Stage::new("nobody", ["ann", "idle"], [("bank", "ann", "Go")], |_, _, out| {
            out.notify(["zed", "\"quoted\"", "zed"], Said("hi"));
        });
        stage.external(0);
        insta::assert_snapshot!(body(&stage.finish()), @r#"
        // sources
        s0 [label="bank", shape=plain];

        // workers that take part
        w0 [label="ann\n1 handled", shape=box, style="filled,rounded", fillcolor=grey92];
        nobody0 [label="zed\nno such worker", shape=box, style=dashed, color=red];
        nobody1 [label="\"quoted\"\nno such worker", shape=box, style=dashed, color=red];

        // messages
        s0 -> w0 [label="1", penwidth=1.0];
        w0 -> nobody0 [label="0\n2 drop(unknown-worker)", penwidth=1.0, color=red, fontcolor=red];
        w0 -> nobody1 [label="0\n1 drop(unknown-worker)", penwidth=1.0, color=red, fontcolor=red];
        }
        "#);
    }

    #[test]
    fn arrows_grow_with_what_goes_along() {
        let link = |sent| Link { sent, ..Link::default() }.style();
        assert_eq!(
            [0, 1, 2, 4, 1_000].map(link).map(|style| style.replace("penwidth=", "")),
            ["1.0", "1.0", "1.5", "2.0", "5.5"]
        );
    }

    #[test]
    fn lives_copies_and_losses_are_counted() {
        insta::assert_snapshot!(body(&stage::faulted()), @r#"
        // sources
        s0 [label="bank", shape=plain];

        // workers that take part
        w0 [label="ann\n1 handled\ncrashed", shape=box, style="filled,rounded", fillcolor=grey92, color=red];
        w1 [label="bob\n2 handled\ncrashed\nrestarted", shape=box, style="filled,rounded", fillcolor=grey92, color=red];

        // messages
        s0 -> w0 [label="1", penwidth=1.0];
        w0 -> w1 [label="3\n1 in flight\n1 copied\n1 drop(crash)", penwidth=1.5, color=red, fontcolor=red];
        w1 -> w0 [label="2\n1 in flight\n1 drop(crash)", penwidth=1.5, color=red, fontcolor=red];
        }
        "#);
    }
}
