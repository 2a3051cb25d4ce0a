//! What can be wrong with a trace file, in words that say where and what to do.

use std::io;

use raddle_core::{NameError, SetError};

use super::{LINE_MAX, VERSION};

/// A file that is not a trace, or not a whole one. Lines count from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file could not be read.
    #[error("line {line} could not be read")]
    Io {
        /// Which line.
        line: usize,
        /// Why.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("the file is empty: a trace begins with a line {{\"type\":\"trace\",\"v\":{VERSION},…}}")]
    Empty,
    /// A line is too long.
    #[error("line {line} has more than {LINE_MAX} bytes: it is not a line of a trace")]
    TooLong {
        /// Which line.
        line: usize,
    },
    /// A line is no JSON object.
    #[error(
        "line {line}, column {column}: {reason}: a trace has one JSON object a line; if this is the last line, the \
         file was cut off"
    )]
    Json {
        /// Which line.
        line: usize,
        /// Which byte of it, from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A line stands where another kind of line belongs.
    #[error("line {line} has the type {found}, but {expected} is expected here")]
    Kind {
        /// Which line.
        line: usize,
        /// Its type.
        found: String,
        /// What belongs here.
        expected: &'static str,
    },
    /// The file is newer than this program.
    #[error("line 1: the trace has version {found}, and this program reads versions up to {VERSION}: use a newer one")]
    Version {
        /// Its version.
        found: u64,
    },
    /// Names that cannot be used.
    #[error("line {line}: {why}")]
    Names {
        /// Which line.
        line: usize,
        /// Why.
        why: NameError,
    },
    /// A policy that there is not, or that does not take its value.
    #[error("line {line}: {why}")]
    Policy {
        /// Which line.
        line: usize,
        /// Why.
        why: SetError,
    },
    /// A field is not there.
    #[error("line {line}: {of} has no `{field}`")]
    Missing {
        /// Which line.
        line: usize,
        /// What the line holds.
        of: &'static str,
        /// What should be there.
        field: &'static str,
    },
    /// A field is there that should not be.
    #[error(
        "line {line}: {of} has a field `{field}`, which version {VERSION} does not know there: remove it, or use a \
         newer program"
    )]
    Unknown {
        /// Which line.
        line: usize,
        /// What the line holds.
        of: &'static str,
        /// The field.
        field: String,
    },
    /// A field has a value that does not fit.
    #[error("line {line}: `{field}` is {value}, expected {expected}")]
    Value {
        /// Which line.
        line: usize,
        /// The field.
        field: String,
        /// Its value, as JSON, cut if it is long.
        value: String,
        /// What would do.
        expected: String,
    },
    /// There is no last line.
    #[error("the file ends after line {line} without a line {{\"type\":\"end\",…}}: it was cut off; write it again")]
    CutOff {
        /// The last line there is.
        line: usize,
    },
    /// Something follows the last line.
    #[error("line {line} follows the end of the trace: one file holds one trace")]
    AfterEnd {
        /// Which line.
        line: usize,
    },
    /// Events are missing, or too many.
    #[error(
        "line {line} says that there are {said} events, but there are {found}: lines were lost or added; write the \
         file again"
    )]
    Count {
        /// The last line.
        line: usize,
        /// What it says.
        said: u64,
        /// What there is.
        found: usize,
    },
    /// The events are not those that were written.
    #[error(
        "line {line} says that the digest is {said}, but it is {found}: the file was changed; to read it all the \
         same, put the new digest there"
    )]
    Digest {
        /// The last line.
        line: usize,
        /// What it says.
        said: String,
        /// What it is.
        found: String,
    },
}
