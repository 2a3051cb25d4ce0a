//! A trace as RON: everything about a run in a form that people read, through any serializer of serde.

use raddle_core::Trace;
use serde::Serialize;

use crate::data::TraceData;

/// A trace for RON, such as in `insta::assert_ron_snapshot!(raddle_view::ron(&trace))`.
///
/// It has names, words and ids instead of indices and variants; what is zero or empty is left out. To keep a trace
/// and read it back, use [`jsonl`](crate::jsonl).
///
/// ```
/// use raddle_view::jsonl;
///
/// let file = std::fs::File::open("tests/triangle.jsonl")?;
/// let trace = jsonl::read(std::io::BufReader::new(file))?;
/// let text = ron::to_string(&raddle_view::ron(&trace))?;
/// assert!(text.contains(r#"what:"emit",id:"bank#0.0",from:"worker A",to:"C",number:1,depth:0"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn ron(trace: &Trace) -> impl Serialize {
    TraceData::new(trace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage;

    #[test]
    fn what_says_nothing_is_left_out() {
        let mut trace = stage::parked();
        trace.events = trace.events.drain(6..9).collect();
        let pretty = ::ron::ser::PrettyConfig::new().struct_names(true).new_line("\n").indentor("  ");
        let text = ::ron::ser::to_string_pretty(&ron(&trace), pretty).expect("RON takes everything");
        insta::assert_snapshot!(text, @r#"
        Trace(
          conditions: Conditions(
            system: "parked",
            workers: [
              "ann",
              "bob",
            ],
            sources: [
              "bank",
            ],
            policies: {
              "order": "fifo",
              "pick": "alternate",
              "starvation_bound": "16",
              "on_full": "drop-newest",
              "capacity": "1024",
              "external_capacity": "1024",
              "window": "1",
              "overflow": "1024",
              "parking": "1024",
              "stale_after": "1000",
              "watermark": "200",
              "barriers_max": "64",
              "placement": "inline",
              "ingress": "1024",
              "max_depth": "10",
              "cycles": "bound",
              "restart": "at-most(5,1000)",
              "recovery": "amnesia",
              "sabotage": "none",
            },
            counting: "in-flight",
            promised: "fifo",
          ),
          events: [
            Event(
              step: 2,
              lane: "inbox bob",
              what: "arrive",
              id: "bank#0.1",
              from: "worker ann",
              to: "bob",
              number: 2,
              depth: 0,
              clock: {
                "ann": 2,
              },
            ),
            Event(
              step: 2,
              lane: "inbox bob",
              what: "park",
              of: "ann",
              needs: 1,
              id: "bank#0.1",
              from: "worker ann",
              to: "bob",
              number: 2,
              depth: 0,
              clock: {
                "ann": 2,
              },
            ),
            Event(
              step: 3,
              time_ns: 5000000,
              lane: "worker ann",
              what: "handle",
              id: "ann/0@timer#0",
              from: "worker ann",
              to: "ann",
              depth: 0,
              sent_ns: 5000000,
            ),
          ],
          end: End(
            reason: "quiescent",
            in_flight: [
              "ann/0@timer#0.0",
              "bank#0.1.0",
            ],
            parked: [],
            stalled: [],
            waiting: [],
          ),
        )
        "#);
    }
}
