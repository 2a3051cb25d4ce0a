//! A trace as JSON lines: everything about a run, for programs, to be read back exactly.
//!
//! The first line says under which conditions the run came about, the last how it ended, and between them stands
//! one event a line:
//!
//! ```text
//! {"type":"trace","v":1,"system":"triangle","workers":["A","B","C"],"sources":["bank"],"policies":{…},…}
//! {"type":"event","step":1,"time_ns":0,"lane":"inbox A","life":0,"what":"arrive","id":"bank#0",…}
//! {"type":"end","reason":"quiescent","in_flight":[],…,"events":12,"digest":"…"}
//! ```
//!
//! Workers, sources and messages go by name. A worker that does not exist is `?` and its index. An event has what
//! its word needs besides: `of` and `needs` for `park`, `tag` and `deadline_ns` for `set-timer`, `tag` for
//! `cancel-timer`, `options` and `value` for `choose`, `on` for `wait`.
//!
//! [`read()`] takes files of strangers: it never panics, and it refuses what is not a whole trace, with the line, the
//! field, its value and what would do. Start at [`write()`].

mod error;
mod fields;
mod read;
mod write;

pub use error::ReadError;
pub use read::read;
pub use write::write;

/// The version of the format that is written, and the newest that is read.
pub const VERSION: u64 = 1;

/// Most bytes of a line: beyond this a file is refused before it fills the memory.
pub const LINE_MAX: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary;
    use crate::stage;
    use proptest::prelude::*;
    use raddle_core::Trace;

    const GOLDEN: &str = include_str!("../../tests/triangle.jsonl");

    fn text(trace: &Trace) -> String {
        let mut out = Vec::new();
        write(trace, &mut out).expect("memory takes everything");
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    /// What is said of the golden file with one part replaced by another.
    #[track_caller]
    fn check(part: &str, by: &str, expected: &str) {
        assert!(GOLDEN.contains(part), "{part}");
        let error = read(GOLDEN.replacen(part, by, 1).as_bytes()).expect_err("the file is wrong");
        assert_eq!(error.to_string(), expected);
    }

    /// Files of version 1 must be readable for ever: never change this one, add another. What follows the first line
    /// is also written for ever; the first line grows with the policies.
    #[test]
    fn the_golden_file_is_read_for_ever() {
        let trace = read(GOLDEN.as_bytes()).expect("it is a trace");
        assert_eq!(trace, stage::triangle());
        assert!(text(&trace).lines().skip(1).eq(GOLDEN.lines().skip(1)));
    }

    #[test]
    fn each_scene_comes_back() {
        for trace in [stage::ring(), stage::fan_out(), stage::parked(), stage::queued(), stage::broken_triangle()] {
            assert_eq!(read(text(&trace).as_bytes()).expect("it was written just now"), trace);
        }
    }

    #[test]
    fn a_file_cut_off_says_so() {
        assert_eq!(
            read("".as_bytes()).expect_err("nothing").to_string(),
            r#"the file is empty: a trace begins with a line {"type":"trace","v":1,…}"#
        );
        let lines: Vec<&str> = GOLDEN.split_inclusive('\n').collect();
        assert_eq!(
            read(lines[..5].concat().as_bytes()).expect_err("cut between lines").to_string(),
            r#"the file ends after line 5 without a line {"type":"end",…}: it was cut off; write it again"#
        );
        assert_eq!(
            read(&GOLDEN.as_bytes()[..GOLDEN.len() - 7]).expect_err("cut in a line").to_string(),
            "line 13, column 122: EOF while parsing a string: a trace has one JSON object a line; if this is the last \
             line, the file was cut off"
        );
        let missing: String = lines.iter().enumerate().filter(|(at, _)| *at != 3).map(|(_, line)| *line).collect();
        assert_eq!(
            read(missing.as_bytes()).expect_err("a line is missing").to_string(),
            "line 12 says that there are 11 events, but there are 10: lines were lost or added; write the file again"
        );
    }

    #[test]
    fn a_wrong_value_is_named_with_line_field_and_what_would_do() {
        check(r#""v":1"#, r#""v":0"#, "line 1: `v` is 0, expected a version from 1");
        check(r#""step":1"#, r#""step":-1"#, "line 2: `step` is -1, expected a whole number from 0");
        check(
            r#""depth":0"#,
            r#""depth":4294967296"#,
            "line 2: `depth` is 4294967296, expected a whole number from 0 to 4294967295",
        );
        check(
            r#""lane":"inbox A""#,
            r#""lane":"inbox Z""#,
            r#"line 2: `lane` is "inbox Z", expected `worker NAME`, `inbox NAME`, `shard N` or `network`"#,
        );
        check(
            r#""what":"arrive""#,
            r#""what":"depart""#,
            r#"line 2: `what` is "depart", expected the word of an event, such as `handle`"#,
        );
        check(
            r#""id":"bank#0""#,
            r#""id":"bank#00""#,
            r#"line 2: `id` is "bank#00", expected the id of a message of this system, such as `SOURCE#N.OUTPUT`"#,
        );
        check(r#"{"A":1}"#, r#"{"A":0}"#, "line 4: `A` is 0, expected a count from 1");
        check(r#"{"A":1}"#, r#"{"Z":1}"#, r#"line 4: `clock` is "Z", expected a worker of line 1"#);
        check(
            r#""max_depth":"10""#,
            r#""max_depth":"0""#,
            "line 1: `max_depth` cannot be `0`: expected a number from 1",
        );
        check(r#""max_depth":"10""#, r#""max_deep":"10""#, "line 1: there is no policy `max_deep`");
        check(r#""A","B""#, r#""A","A""#, "line 1: the name `A` is declared twice");
        check(
            r#""reason":"quiescent""#,
            r#""reason":"boredom""#,
            r#"line 13: `reason` is "boredom", expected why a run ends, such as `quiescent`"#,
        );
    }

    #[test]
    fn fields_are_neither_missing_nor_made_up() {
        check(r#""step":1,"#, "", "line 2: the event has no `step`");
        check(r#""what":"arrive""#, r#""what":"park""#, "line 2: the event has no `of`");
        check(
            r#""what":"arrive""#,
            r#""what":"arrive","colour":"red""#,
            "line 2: the event has a field `colour`, which version 1 does not know there: remove it, or use a newer program",
        );
        check(
            r#""type":"event""#,
            r#""type":"evnt""#,
            "line 2 has the type `evnt`, but `event` or `end` is expected here",
        );
        check(r#""type":"trace""#, r#""type":"report""#, "line 1 has the type `report`, but `trace` is expected here");
        check(
            "{\"type\":\"event\"",
            "[]\n{\"type\":\"event\"",
            "line 2, column 1: this is JSON, but no object: a trace has one JSON object a line; if this is the last line, the file was cut off",
        );
    }

    #[test]
    fn a_changed_file_is_not_taken_for_the_run() {
        check(
            "First",
            "Worst",
            "line 13 says that the digest is d6ed8a70e8871066, but it is f5d963b6b9ed684b: the file was changed; to read it \
             all the same, put the new digest there",
        );
        let twice = GOLDEN.repeat(2);
        assert_eq!(
            read(twice.as_bytes()).expect_err("two traces").to_string(),
            "line 14 follows the end of the trace: one file holds one trace"
        );
    }

    #[test]
    fn what_nobody_could_read_is_not_written() {
        let mut trace = stage::triangle();
        trace.conditions.names = std::sync::Arc::new(raddle_core::Names::new("none", ["A"], [""; 0]).expect("good"));
        let error = write(&trace, Vec::new()).expect_err("the source is unknown");
        assert_eq!(error.to_string(), "the message `?#0` was begun by a party that the trace has no name for");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(trace in arbitrary::trace()) {
            let again = read(text(&trace).as_bytes()).expect("it was written just now");
            prop_assert_eq!(again.digest(), trace.digest());
            prop_assert_eq!(again, trace);
        }

        #[test]
        fn bytes_of_strangers_do_no_harm(
            cuts in proptest::collection::vec((0..GOLDEN.len(), 0..40_usize, any::<Vec<u8>>()), 1..4),
        ) {
            let mut bytes = GOLDEN.as_bytes().to_vec();
            for (at, cut, put) in cuts {
                let at = at.min(bytes.len());
                let end = (at + cut).min(bytes.len());
                bytes.splice(at..end, put);
            }
            let _ = read(bytes.as_slice());
        }

        #[test]
        fn values_of_strangers_do_no_harm(field in 0..17_usize, value in "(null|-?[0-9]{1,20}|\"[?A-C#.0-9/ ]{0,9}\"|\\[\\]|\\{\\}|\\[\\[\\]\\]|true)") {
            let line = GOLDEN.lines().nth(3).expect("an event");
            let parts: Vec<&str> = line.split(",\"").collect();
            let part = parts[1 + field % (parts.len() - 1)];
            let name = part.split('"').next().expect("a name");
            let changed = line.replacen(part, &format!("{name}\":{value}"), 1);
            let _ = read(GOLDEN.replacen(line, &changed, 1).as_bytes());
        }
    }
}
