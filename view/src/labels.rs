//! What a figure calls messages: `m1`, `m2`, … in the order in which they first appear.
//!
//! Ids say everything and grow with every hop; a figure wants something that fits on an arrow. Inputs that begin a
//! chain keep their ids, which are short; a copy that the network made of `m1` is `m1~1`. Snapshots use ids throughout: an
//! alias shifts when an update is added.

use std::collections::HashMap;
use std::sync::Arc;

use raddle_core::{MessageId, Names, Trace};

use crate::shown::Shown;

/// The labels of one figure, so that the words around it speak of the same `m1`.
///
/// ```
/// use raddle_view::{Labels, Shown, jsonl};
///
/// let file = std::fs::File::open("tests/triangle.jsonl")?;
/// let trace = jsonl::read(std::io::BufReader::new(file))?;
/// let labels = Labels::of(&trace, &Shown::all());
/// assert_eq!(labels.rewrite("C handled bank#0.1.0 before bank#0.0."), "C handled m3 before m1.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Labels {
    names: Arc<Names>,
    aliases: HashMap<MessageId, String>,
    order: Vec<MessageId>,
}

impl Labels {
    /// The labels of what is shown of a trace.
    #[must_use]
    pub fn of(trace: &Trace, shown: &Shown) -> Self {
        let names = &trace.conditions.names;
        let mut aliases: HashMap<MessageId, String> = HashMap::new();
        let (mut order, mut numbered) = (Vec::new(), 0);
        for place in shown.places(trace) {
            let id = &trace.events[place].header.id;
            if id.is_root() || aliases.contains_key(id) {
                continue;
            }
            let alias = match copied(id, names).and_then(|original| aliases.get(&original)) {
                Some(alias) => format!("{alias}~{}", id.nth_copy()),
                None => {
                    numbered += 1;
                    format!("m{numbered}")
                }
            };
            order.push(id.clone());
            aliases.insert(id.clone(), alias);
        }
        Self { names: Arc::clone(names), aliases, order }
    }

    /// What a message is called: its alias, or its id if it has none.
    #[must_use]
    pub fn label(&self, id: &MessageId) -> String {
        self.alias(id).unwrap_or_else(|| id.display(&self.names).to_string())
    }

    /// The messages with an alias, in the order in which they appear.
    pub fn iter(&self) -> impl Iterator<Item = (String, &MessageId)> {
        self.order.iter().map(|id| (self.label(id), id))
    }

    /// A text with every id in it replaced by its alias, so that what a law says of ids fits the figure.
    #[must_use]
    pub fn rewrite(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|c| !is_id_char(c)).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end);
            let core = word.trim_end_matches(['.', '-', '/', '!']);
            match MessageId::parse(core, &self.names).ok().and_then(|id| self.alias(&id)) {
                Some(alias) => {
                    out.push_str(&alias);
                    out.push_str(&word[core.len()..]);
                }
                None => out.push_str(word),
            }
            let between = tail.find(is_id_char).unwrap_or(tail.len());
            out.push_str(&tail[..between]);
            rest = &tail[between..];
        }
        out
    }

    fn alias(&self, id: &MessageId) -> Option<String> {
        self.aliases.get(id).cloned()
    }
}

/// The message of which this one is a copy that the network made, if it is one.
pub(crate) fn copied(id: &MessageId, names: &Names) -> Option<MessageId> {
    let last = id.path().last().filter(|_| id.nth_copy() != 0)?;
    Some(id.parent(names)?.output(*last))
}

fn is_id_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '#' | '.' | '/' | '!' | '@' | '~')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let labels = Labels::of(&stage::triangle(), &Shown::all());
        assert_eq!(labels.rewrite(text), expected);
    }

    #[test]
    fn ids_become_aliases_and_nothing_else_changes() {
        check("bank#0.1.0 overtook bank#0.0", "m3 overtook m1");
        check("(bank#0.0): `bank#0.1`, bank#0.1.0.", "(m1): `m2`, m3.");
        check("C's bank#0.0's, not bank#0.7 or bank#0", "C's m1's, not bank#0.7 or bank#0");
        check("… bank#0.0…", "… m1…");
        check("", "");
        check("....", "....");
    }

    #[test]
    fn aliases_follow_what_is_shown() {
        let trace = stage::triangle();
        let last = trace.events.iter().rposition(|event| event.what.word() == "emit").expect("m3 is sent");
        let labels = Labels::of(&trace, &Shown::all().only([last]));
        assert_eq!(labels.label(&trace.events[last].header.id), "m1");
        assert_eq!(labels.iter().count(), 1);
    }

    #[test]
    fn a_copy_is_called_after_its_message() {
        let trace = stage::faulted();
        let labels = Labels::of(&trace, &Shown::all());
        let text = "bank#0.0~1 is a copy of bank#0.0; it led to bank#0.0~1.0.";
        assert_eq!(labels.rewrite(text), "m1~1 is a copy of m1; it led to m5.");
        let numbers: Vec<_> = labels.iter().map(|(label, _)| label).collect();
        assert_eq!(numbers, ["m1", "m2", "m3", "m1~1", "m4", "m5"]);
    }
}
