//! Columns: where each worker stands in a text picture.
//!
//! Only workers that take part get a column, in the order of declaration, all equally wide, so that a longer text
//! moves nothing and a picture changes shape only when somebody joins or leaves.

use std::collections::BTreeSet;

use raddle_core::{Trace, WorkerId};

use crate::charset::Signs;
use crate::rows::{Form, Row};
use crate::who;

/// Equally wide columns, one for each worker that takes part.
#[derive(Debug)]
pub(crate) struct Columns {
    workers: Vec<WorkerId>,
    /// From one column to the next.
    pub(crate) pitch: usize,
}

impl Columns {
    pub(crate) const fn new(workers: Vec<WorkerId>, pitch: usize) -> Self {
        Self { workers, pitch }
    }

    /// Where a worker's column begins; none if it has no column.
    pub(crate) fn x(&self, worker: WorkerId) -> Option<usize> {
        Some(self.workers.binary_search(&worker).ok()? * self.pitch)
    }

    /// Which column a worker has.
    pub(crate) fn index(&self, worker: WorkerId) -> Option<usize> {
        self.workers.binary_search(&worker).ok()
    }

    /// The workers with a column, from left to right.
    pub(crate) fn workers(&self) -> &[WorkerId] {
        &self.workers
    }
}

/// The workers that do something in these rows, or to whom something is sent.
pub(crate) fn taking_part(trace: &Trace, rows: &[Row]) -> Vec<WorkerId> {
    let mut workers = BTreeSet::new();
    for row in rows {
        workers.insert(row.at);
        if let Form::Send(_) = row.form {
            workers.insert(row.first(trace).header.to);
        }
    }
    workers.into_iter().collect()
}

/// The longest name of some workers.
pub(crate) fn longest_name(trace: &Trace, workers: &[WorkerId]) -> usize {
    workers.iter().map(|worker| who::worker(*worker, &trace.conditions.names).len()).max().unwrap_or(0)
}

/// A name in at most `max` columns. Begin and end stay: numbered names differ at their end.
pub(crate) fn shorten(name: &str, max: usize, signs: &Signs) -> String {
    if name.len() <= max {
        return name.to_owned();
    }
    let kept = max.saturating_sub(1);
    let tail = kept / 2;
    format!("{}{}{}", &name[..kept - tail], signs.cut, &name[name.len() - tail..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charset::Charset;
    use crate::rows::rows;
    use crate::stage;

    #[test]
    fn long_names_keep_begin_and_end() {
        let signs = Charset::Unicode.signs();
        assert_eq!(shorten("account-17", 10, signs), "account-17");
        assert_eq!(shorten("account-17", 8, signs), "acco…-17");
        assert_eq!(shorten("account-17", 1, signs), "…");
    }

    #[test]
    fn whoever_is_sent_something_takes_part() {
        let trace = stage::triangle();
        let first_send = rows(&trace, &[2]);
        assert_eq!(taking_part(&trace, &first_send), [WorkerId::new(0), WorkerId::new(2)]);
        let columns = Columns::new(taking_part(&trace, &first_send), 10);
        assert_eq!((columns.x(WorkerId::new(2)), columns.x(WorkerId::new(1))), (Some(10), None));
    }
}
