//! Lists that shrink: first values are cut, as many at once as will do, then those left are simplified. What is left keeps
//! its place, so that a message keeps its number.

use ::proptest::collection::SizeRange;
use ::proptest::strategy::{Strategy, ValueTree};
use ::proptest::test_runner::{Reason, TestRunner};

/// Values of which some are cut.
#[derive(Clone, Debug)]
pub(super) struct ListTree<V> {
    values: Vec<V>,
    kept: Vec<bool>,
    /// How many must be left.
    least: usize,
    /// How many are cut at once, and where next.
    chunk: usize,
    at: usize,
    /// Which is simplified next.
    simplified: usize,
    last: Last,
}

/// What was done last.
#[derive(Clone, Debug)]
enum Last {
    Nothing,
    /// Before it, these were kept.
    Cut(Vec<bool>),
    Simplify(usize),
}

impl<V: ValueTree> ListTree<V> {
    /// So many values of a strategy as a size says.
    pub(super) fn new<S: Strategy<Tree = V>>(
        value: &S,
        size: &SizeRange,
        runner: &mut TestRunner,
    ) -> Result<Self, Reason> {
        let length = (size.start()..=size.end_incl()).new_tree(runner)?.current();
        let values = (0..length).map(|_| value.new_tree(runner)).collect::<Result<_, _>>()?;
        Ok(Self::of(values, vec![true; length], size.start()))
    }

    /// These values, of which those are kept.
    pub(super) const fn of(values: Vec<V>, kept: Vec<bool>, least: usize) -> Self {
        let chunk = kept.len();
        Self { values, kept, least, chunk, at: 0, simplified: 0, last: Last::Nothing }
    }

    /// What is left, each with its place.
    pub(super) fn current(&self) -> impl Iterator<Item = (usize, V::Value)> + '_ {
        let kept = self.values.iter().enumerate().filter(|(at, _)| self.kept[*at]);
        kept.map(|(at, value)| (at, value.current()))
    }

    /// What is left.
    pub(super) fn values(&self) -> Vec<V::Value> {
        self.current().map(|(_, value)| value).collect()
    }
}

/// What can be shrunk by itself.
pub(super) trait Part {
    /// Cuts something; false if all was tried, and the next call begins anew.
    fn cut(&mut self) -> bool;

    /// Simplifies something that is left; false if nothing can be simpler.
    fn simplify(&mut self) -> bool;

    /// Takes back some of what was done last; false if there is nothing.
    fn complicate(&mut self) -> bool;
}

impl<V: ValueTree> Part for ListTree<V> {
    fn cut(&mut self) -> bool {
        while self.chunk > 0 {
            let chunk = self.at..self.kept.len().min(self.at + self.chunk);
            self.at += self.chunk;
            if self.at >= self.kept.len() {
                (self.at, self.chunk) = (0, self.chunk / 2);
            }
            let kept = |kept: &[bool]| kept.iter().filter(|kept| **kept).count();
            let cut = kept(&self.kept[chunk.clone()]);
            if cut > 0 && kept(&self.kept) >= self.least + cut {
                self.last = Last::Cut(self.kept.clone());
                self.kept[chunk].fill(false);
                return true;
            }
        }
        (self.at, self.chunk) = (0, self.kept.len());
        false
    }

    fn simplify(&mut self) -> bool {
        while self.simplified < self.values.len() {
            if self.kept[self.simplified] && self.values[self.simplified].simplify() {
                self.last = Last::Simplify(self.simplified);
                return true;
            }
            self.simplified += 1;
        }
        false
    }

    fn complicate(&mut self) -> bool {
        match std::mem::replace(&mut self.last, Last::Nothing) {
            Last::Nothing => false,
            Last::Cut(kept) => {
                self.kept = kept;
                true
            }
            Last::Simplify(at) => {
                let is_more = self.values[at].complicate();
                if is_more {
                    self.last = Last::Simplify(at);
                }
                is_more
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left when it shrinks as far as this fails.
    fn shrunk(mut tree: ListTree<impl ValueTree<Value = u32>>, fails: impl Fn(&[u32]) -> bool) -> Vec<u32> {
        assert!(fails(&tree.values()));
        let mut goes_on = tree.cut() || tree.simplify();
        while goes_on {
            goes_on = if fails(&tree.values()) { tree.cut() || tree.simplify() } else { tree.complicate() };
        }
        tree.values()
    }

    fn list(size: impl Into<SizeRange>) -> ListTree<impl ValueTree<Value = u32>> {
        ListTree::new(&(0..100_u32), &size.into(), &mut TestRunner::deterministic()).expect("makes any")
    }

    #[test]
    fn what_fails_is_left_and_nothing_else() {
        assert!(shrunk(list(0..40), |_| true).is_empty());
        assert_eq!(shrunk(list(7..=7), |_| true), [0; 7]);
        let two = |values: &[u32]| values.iter().filter(|value| **value >= 30).count() > 1;
        assert_eq!(shrunk(list(0..40), two), [30, 30]);
    }

    #[test]
    fn no_more_is_cut_than_may_be_and_places_stay() {
        let mut tree = list(3..9);
        let before: Vec<_> = tree.current().collect();
        while tree.cut() {
            let left: Vec<_> = tree.current().collect();
            assert!(left.len() >= 3 && left.iter().all(|one| before.contains(one)), "{left:?}");
            assert!(tree.complicate() && !tree.complicate());
            assert_eq!(tree.current().collect::<Vec<_>>(), before);
        }
    }
}
