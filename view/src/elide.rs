//! Which rows of a long picture are kept.
//!
//! What is marked always is, with the handling it comes of. The rest of the room goes to what led up to the last
//! mark, for three quarters, and to how it all began. A handling stays whole as long as it fits.

use std::ops::Range;

use crate::rows::Row;

/// Whether each row is kept, so that at most `max` lines result, a line for each gap included; more only if marks
/// need more.
pub(crate) fn kept(rows: &[Row], marked: &[bool], max: usize) -> Vec<bool> {
    if rows.len() <= max {
        return vec![true; rows.len()];
    }
    let groups = groups(rows);
    let mut kept = Kept { rows: vec![false; rows.len()], lines: 1 };
    for group in &groups {
        for at in group.clone().filter(|at| marked[*at]) {
            kept.set(group.start, true);
            kept.set(at, true);
        }
    }
    let focus = marked.iter().rposition(|marked| *marked).unwrap_or(rows.len() - 1);
    let (before, after) = groups.split_at(groups.partition_point(|group| group.start <= focus));
    kept.fill(before.iter().rev(), max - max / 4);
    kept.fill(before.iter(), max);
    kept.fill(before.iter().rev(), max);
    kept.fill(after.iter(), max);
    kept.rows
}

/// Which rows are kept, and how many lines that makes with a line for each gap.
struct Kept {
    rows: Vec<bool>,
    lines: usize,
}

impl Kept {
    /// A row in the place of a gap needs no line more than the gap did; each gap left beside it is a line more.
    fn set(&mut self, at: usize, kept: bool) {
        if self.rows[at] == kept {
            return;
        }
        self.rows[at] = kept;
        let gaps = usize::from(at > 0 && !self.rows[at - 1]) + usize::from(self.rows.get(at + 1) == Some(&false));
        self.lines = if kept { self.lines + gaps } else { self.lines - gaps };
    }

    /// Keeps groups in this order until there are `max` lines, the first that does not fit in part.
    fn fill<'a>(&mut self, groups: impl Iterator<Item = &'a Range<usize>>, max: usize) {
        for group in groups {
            let new: Vec<usize> = group.clone().filter(|at| !self.rows[*at]).collect();
            new.iter().for_each(|at| self.set(*at, true));
            if self.lines <= max {
                continue;
            }
            new.iter().for_each(|at| self.set(*at, false));
            for at in new {
                self.set(at, true);
                if self.lines > max {
                    return self.set(at, false);
                }
            }
        }
    }
}

/// Each handling with its branches; all other rows are alone.
fn groups(rows: &[Row]) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if row.is_branch() => group.end = at + 1,
            _ => groups.push(at..at + 1),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{Form, State, Tie};
    use raddle_core::WorkerId;

    /// `*` begins a group, `-` is a branch, capitals are marked: `X` a marked head, `B` a marked branch.
    #[track_caller]
    fn check(shape: &str, max: usize, expected: &str) {
        let row = |(at, c): (usize, char)| Row {
            events: vec![at],
            at: WorkerId::new(0),
            form: Form::Point(State::There),
            tie: if matches!(c, '-' | 'B') { Tie::Branch { last: false } } else { Tie::Head },
        };
        let rows: Vec<Row> = shape.chars().enumerate().map(row).collect();
        let marked: Vec<bool> = shape.chars().map(|c| c.is_ascii_uppercase()).collect();
        let kept = kept(&rows, &marked, max);
        let shown: String = shape.chars().zip(&kept).map(|(c, kept)| if *kept { c } else { '.' }).collect();
        assert_eq!(shown, expected);
        let lines = (0..kept.len()).filter(|at| kept[*at] || *at == 0 || kept[*at - 1]).count();
        let must = marked.iter().filter(|marked| **marked).count() * 4 + 1;
        assert!(lines <= max.max(must), "{shown}");
    }

    #[test]
    fn short_pictures_are_whole() {
        check("*--*-X", 6, "*--*-X");
    }

    #[test]
    fn begin_and_what_leads_to_the_mark_stay() {
        check("*-*-*-*-*-*-*-X*-*-", 10, "*-*.......*-*-X....");
        check("********************", 8, "**.............*****");
    }

    #[test]
    fn a_mark_is_kept_with_its_handling() {
        check("*----------B--------", 5, "*-.........B........");
        check("X********B*********X", 3, "X.......*B.........X");
    }

    #[test]
    fn a_group_too_large_is_cut() {
        check("*-------------------", 9, "*-------............");
    }
}
