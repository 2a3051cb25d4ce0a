//! The space-time diagram of a run, for Graphviz: what the figure shows, for larger runs and for paper.
//!
//! A column of points for each worker, solid lines for the order of its doings, dashed arrows for messages. What is
//! dropped ends in a red cross, what is marked is red. The text depends on nothing but the trace.

use std::collections::{HashMap, HashSet};

use raddle_core::{FaultKind, Lane, MessageId, Trace, What, WorkerId};

use crate::charset::{Charset, plain};
use crate::columns::taking_part;
use crate::graphviz::Graph;
use crate::phrase::{self, Phrases};
use crate::rows::{self, Form, Row, State};
use crate::shown::Shown;
use crate::who;

/// Payloads on arrows are cut to this many characters.
const PAYLOAD_MAX: usize = 32;
/// How an arrow looks whose message is dropped.
const LOST: &str = "style=dashed, color=red, fontcolor=red";

/// A trace as a space-time diagram in DOT: `dot -Tsvg` draws it.
///
/// ```
/// use raddle_view::{Shown, dot, jsonl};
///
/// let file = std::fs::File::open("tests/triangle.jsonl")?;
/// let trace = jsonl::read(std::io::BufReader::new(file))?;
/// let text = dot(&trace, &Shown::all());
/// assert!(text.starts_with("digraph \"triangle\" {"));
/// assert!(text.contains("e1 -> e5 [label=\"bank#0.1\\nSecond\", style=dashed"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn dot(trace: &Trace, shown: &Shown) -> String {
    let rows = rows::rows(trace, &shown.places(trace));
    let label = |id: &MessageId| id.display(&trace.conditions.names).to_string();
    let mut drawing = Drawing {
        trace,
        phrases: Phrases::new(trace, &label),
        graph: Graph::new(trace.conditions.names.system(), "ranksep=0.3, nodesep=0.7, "),
        workers: taking_part(trace, &rows),
    };
    let nodes = nodes(trace, shown, &rows);
    drawing.columns();
    drawing.points(&nodes);
    drawing.program_order(&nodes);
    drawing.messages(&nodes);
    drawing.graph.finish()
}

/// A point of the diagram: a row with its branches.
struct Node<'a> {
    row: &'a Row,
    branches: &'a [Row],
    notes: Vec<&'a str>,
}

impl Node<'_> {
    /// Its name in the graph, from the event it stands for.
    fn name(&self) -> String {
        format!("e{}", self.row.events.last().expect("a row tells at least one event"))
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        std::iter::once(self.row).chain(self.branches)
    }
}

fn nodes<'a>(trace: &Trace, shown: &'a Shown, rows: &'a [Row]) -> Vec<Node<'a>> {
    let mut notes: HashMap<usize, Vec<&str>> = HashMap::new();
    for mark in &shown.marks {
        if let Some(place) = mark.spot.place(trace) {
            notes.entry(place).or_default().push(&mark.note);
        }
    }
    let groups = rows.chunk_by(|_, next| next.is_branch());
    let node = |group: &'a [Row]| {
        let places = group.iter().flat_map(|row| &row.events);
        let notes = places.filter_map(|place| notes.get(place)).flatten().copied().collect();
        Node { row: &group[0], branches: &group[1..], notes }
    };
    groups.map(node).collect()
}

struct Drawing<'a> {
    trace: &'a Trace,
    phrases: Phrases<'a>,
    graph: Graph,
    workers: Vec<WorkerId>,
}

impl Drawing<'_> {
    /// The heads of the columns, kept in the order of declaration.
    fn columns(&mut self) {
        self.graph.comment("workers");
        for worker in &self.workers {
            let name = who::worker(*worker, &self.trace.conditions.names);
            let style = format!("shape=box, style=\"filled,rounded\", fillcolor=grey92, group={}", column(*worker));
            self.graph.node(&column(*worker), &name, &style);
        }
        let columns: Vec<String> = self.workers.iter().map(|worker| column(*worker)).collect();
        if columns.len() > 1 {
            self.graph.raw(&format!("{{ rank=same; {} [style=invis]; }}", columns.join(" -> ")));
        }
    }

    fn points(&mut self, nodes: &[Node<'_>]) {
        self.graph.comment("what happens");
        for node in nodes {
            let crashes = node.rows().any(|row| row.form == Form::Crash);
            let mut label = match node.row.form {
                Form::Point(_) => vec![self.phrases.text(node.row)],
                _ => Vec::new(),
            };
            let said = |row: &&Row| !matches!(row.form, Form::Send(_) | Form::Point(_));
            label.extend(node.rows().filter(said).map(|row| self.phrases.text(row)));
            label.extend(node.notes.iter().map(|note| format!("✗ {note}")));
            let (paint, fill) = match node.row.form {
                _ if !node.notes.is_empty() => ("color=red, fontcolor=red, penwidth=2", "mistyrose"),
                _ if crashes => ("color=red", "mistyrose"),
                Form::Fault => ("color=red", "white"),
                Form::Point(State::Gone) => ("color=red, fontcolor=red", "white"),
                Form::Point(State::Waiting) => ("color=orange", "white"),
                Form::Point(State::There | State::Passing) => ("color=grey", "white"),
                _ => ("color=black", "white"),
            };
            let shape = if label.is_empty() { "shape=point" } else { "shape=box, style=\"filled,rounded\"" };
            let style = format!("{shape}, fillcolor={fill}, {paint}, group={}", column(node.row.at));
            self.graph.node(&node.name(), &label.join("\n"), &style);
        }
    }

    fn program_order(&mut self, nodes: &[Node<'_>]) {
        self.graph.comment("the order at each worker");
        for worker in &self.workers {
            let mut last = column(*worker);
            for node in nodes.iter().filter(|node| node.row.at == *worker) {
                self.graph.edge(&last, &node.name(), "", "weight=20, arrowhead=none");
                last = node.name();
            }
        }
    }

    fn messages(&mut self, nodes: &[Node<'_>]) {
        self.graph.comment("messages");
        let arrivals = arrivals(self.trace, nodes);
        for node in nodes {
            for row in node.rows() {
                let sent = row.first(self.trace);
                let (state, label) = match (row.form, sent.what) {
                    (Form::Send(state), _) => (state, self.label(row)),
                    (_, What::Fault(FaultKind::Duplication)) => (State::Flying, String::new()),
                    _ => continue,
                };
                let arrived = arrivals.get(&sent.header.id).map_or(&[][..], Vec::as_slice);
                for (to, lost) in arrived {
                    let style = if *lost { LOST } else { "style=dashed" };
                    self.graph.edge(&node.name(), to, &label, style);
                }
                if arrived.is_empty() {
                    self.loose_end(node, row, state, &label);
                }
            }
        }
    }

    /// What stands on an arrow: the id, and below it the begin of the payload.
    fn label(&self, row: &Row) -> String {
        let mut label = self.phrases.text(row);
        let payload = row.payload(self.trace);
        if phrase::says_something(payload) {
            label.push('\n');
            label.extend(plain(payload, Charset::Unicode).chars().take(PAYLOAD_MAX));
            if payload.chars().nth(PAYLOAD_MAX).is_some() {
                label.push('…');
            }
        }
        label
    }

    /// An arrow to no point: the message is dropped at once, or waits, or is on its way to the end.
    fn loose_end(&mut self, node: &Node<'_>, row: &Row, state: State, label: &str) {
        let place = row.events[0];
        let fate = self.phrases.fate(row);
        let group = column(row.first(self.trace).header.to);
        let (end, text, paint, style) = if state == State::Gone {
            (format!("lost{place}"), format!("✗ {}", fate.unwrap_or_default()), "fontcolor=red", LOST)
        } else {
            let text = fate.unwrap_or_else(|| "on its way".to_owned());
            (format!("open{place}"), text, "fontcolor=grey40", "style=dotted, color=grey40")
        };
        self.graph.node(&end, &text, &format!("shape=plain, {paint}, group={group}"));
        self.graph.edge(&node.name(), &end, label, style);
    }
}

/// Where each message arrives: the name of the point, and whether it is lost there. More than once for a duplicate.
fn arrivals<'a>(trace: &'a Trace, nodes: &[Node<'_>]) -> HashMap<&'a MessageId, Vec<(String, bool)>> {
    let mut arrivals: HashMap<&MessageId, Vec<(String, bool)>> = HashMap::new();
    let mut at_inbox = HashSet::new();
    for node in nodes {
        let Form::Point(state) = node.row.form else { continue };
        let id = &node.row.first(trace).header.id;
        let lands = node.row.events.iter().map(|place| &trace.events[*place]);
        let lands = lands.into_iter().any(|e| e.what == What::Arrive && matches!(e.lane, Lane::Inbox(_)));
        let again = lands && !at_inbox.insert(id);
        let known = arrivals.entry(id).or_default();
        if known.is_empty() || again {
            known.push((node.name(), state == State::Gone));
        }
    }
    arrivals
}

fn column(worker: WorkerId) -> String {
    format!("w{}", worker.index())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary;
    use crate::shown::Spot;
    use crate::stage;
    use proptest::prelude::*;

    #[test]
    fn a_broken_triangle() {
        let trace = stage::broken_triangle();
        let shown = Shown::all().mark(Spot::Event(8), "bank#0.0 is still on its way");
        insta::assert_snapshot!(dot(&trace, &shown), @r#"
        digraph "triangle" {
          graph [ranksep=0.3, nodesep=0.7, fontname="Helvetica"];
          node [fontname="Helvetica", fontsize=11];
          edge [fontname="Helvetica", fontsize=10];

          // workers
          w0 [label="A", shape=box, style="filled,rounded", fillcolor=grey92, group=w0];
          w1 [label="B", shape=box, style="filled,rounded", fillcolor=grey92, group=w1];
          w2 [label="C", shape=box, style="filled,rounded", fillcolor=grey92, group=w2];
          { rank=same; w0 -> w1 -> w2 [style=invis]; }

          // what happens
          e1 [label="bank#0", shape=box, style="filled,rounded", fillcolor=white, color=black, group=w0];
          e5 [label="bank#0.1", shape=box, style="filled,rounded", fillcolor=white, color=black, group=w1];
          e8 [label="bank#0.1.0\n✗ bank#0.0 is still on its way", shape=box, style="filled,rounded", fillcolor=mistyrose, color=red, fontcolor=red, penwidth=2, group=w2];

          // the order at each worker
          w0 -> e1 [weight=20, arrowhead=none];
          w1 -> e5 [weight=20, arrowhead=none];
          w2 -> e8 [weight=20, arrowhead=none];

          // messages
          open2 [label="on its way", shape=plain, fontcolor=grey40, group=w2];
          e1 -> open2 [label="bank#0.0\nFirst", style=dotted, color=grey40];
          e1 -> e5 [label="bank#0.1\nSecond", style=dashed];
          e5 -> e8 [label="bank#0.1.0\nThird", style=dashed];
        }
        "#);
    }

    /// The lines that have all of these parts.
    #[track_caller]
    fn check(trace: &Trace, parts: &[&str], expected: &str) {
        let text = dot(trace, &Shown::all());
        let found: Vec<&str> = text.lines().filter(|line| parts.iter().all(|part| line.contains(part))).collect();
        assert_eq!(found.iter().map(|line| line.trim()).collect::<Vec<_>>(), [expected], "{text}");
    }

    #[test]
    fn drops_are_red() {
        let trace = stage::fan_out();
        check(&trace, &["lost", "shape"], "lost4 [label=\"✗ drop(full)\", shape=plain, fontcolor=red, group=w3];");
        check(&trace, &["-> lost"], "e1 -> lost4 [label=\"bank#0.2\\nPing\", style=dashed, color=red, fontcolor=red];");
    }

    #[test]
    fn crashes_are_red_and_parking_is_orange() {
        let crash = "e13 [label=\"bank#0.3\\ncrash(panic): 'no more ink'\", shape=box, style=\"filled,rounded\", \
                     fillcolor=mistyrose, color=red, group=w4];";
        check(&stage::fan_out(), &["crash"], crash);
        let parked = "e7 [label=\"bank#0.1 parked until bank#0.0\", shape=box, style=\"filled,rounded\", \
                      fillcolor=white, color=orange, group=w1];";
        check(&stage::parked(), &["parked until"], parked);
    }

    #[test]
    fn payloads_mean_only_themselves() {
        let mut trace = stage::triangle();
        trace.events[2].payload = "Say(\"hi\\n\")".into();
        check(&trace, &["bank#0.0", "style=dashed"], r#"e1 -> e10 [label="bank#0.0\nSay(\"hi\\n\")", style=dashed];"#);
    }

    proptest! {
        /// Outside quotes, braces and brackets pair up; every quoted text ends on its line.
        #[test]
        fn any_trace_gives_a_well_formed_graph(trace in arbitrary::trace(), note in any::<String>()) {
            let text = dot(&trace, &Shown::all().mark(Spot::Event(0), note));
            let mut open = Vec::new();
            for line in text.lines() {
                let (mut quoted, mut escaped) = (false, false);
                for c in line.chars() {
                    match c {
                        _ if escaped => escaped = false,
                        '\\' if quoted => escaped = true,
                        '"' => quoted = !quoted,
                        '{' | '[' if !quoted => open.push(c),
                        '}' if !quoted => prop_assert_eq!(open.pop(), Some('{')),
                        ']' if !quoted => prop_assert_eq!(open.pop(), Some('[')),
                        _ => {}
                    }
                }
                prop_assert!(!quoted, "{}", line);
            }
            prop_assert!(open.is_empty());
        }
    }

    #[test]
    fn faults_are_points_and_copies_come_from_them() {
        let text = dot(&stage::faulted(), &Shown::all());
        let told = ["copy", "crash", "bank#0.0", "-> e23"];
        let lines: String = text
            .lines()
            .filter(|line| told.iter().any(|what| line.contains(what)))
            .map(|line| line.trim().to_owned() + "\n")
            .collect();
        insta::assert_snapshot!(lines, @r#"
        e5 [label="fault(duplication): bank#0.0~1 is a copy of bank#0.0", shape=box, style="filled,rounded", fillcolor=white, color=red, group=w1];
        e8 [label="bank#0.0", shape=box, style="filled,rounded", fillcolor=white, color=black, group=w1];
        e13 [label="crash(fault), life 1 begins", shape=box, style="filled,rounded", fillcolor=mistyrose, color=red, group=w1];
        e12 [label="bank#0.2 drop(crash)", shape=box, style="filled,rounded", fillcolor=white, color=red, fontcolor=red, group=w1];
        e23 [label="bank#0.0~1", shape=box, style="filled,rounded", fillcolor=white, color=black, group=w1];
        e25 [label="crash(fault)", shape=box, style="filled,rounded", fillcolor=mistyrose, color=red, group=w0];
        e26 [label="bank#0.0~1.0 drop(crash)", shape=box, style="filled,rounded", fillcolor=white, color=red, fontcolor=red, group=w0];
        e20 -> e23 [weight=20, arrowhead=none];
        e1 -> e8 [label="bank#0.0\nPing", style=dashed];
        e5 -> e23 [style=dashed];
        e8 -> open9 [label="bank#0.0.0\nPong", style=dotted, color=grey40];
        e23 -> e26 [label="bank#0.0~1.0\nPong", style=dashed, color=red, fontcolor=red];
        "#);
    }
}
