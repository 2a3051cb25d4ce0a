//! Wakeup trees: what is still to be explored from each point of the current run (Abdulla et al., POPL'14, section 4.2).
//!
//! A node stands for a sequence of events, the path to it. The trees of all points of a run live in one arena; a tree
//! is known by its first branch, and its nodes are used again when they are done with.

use raddle_core::StateMachine;

use super::event::Event;
use super::relation::{Initial, Relation};

/// A list of branches: the first of them, or [`NO_BRANCH`].
pub(crate) type Branch = u32;
/// No branch: nothing is to be explored.
pub(crate) const NO_BRANCH: Branch = u32::MAX;

/// The nodes of all wakeup trees of a search.
pub(crate) struct Wakeup<M: StateMachine> {
    nodes: Vec<Node<M>>,
    free: Vec<Branch>,
}

struct Node<M: StateMachine> {
    event: Event<M>,
    /// Its first branch.
    first: Branch,
    /// The branch after it.
    next: Branch,
}

impl<M: StateMachine> Wakeup<M> {
    pub(crate) const fn new() -> Self {
        Self { nodes: Vec::new(), free: Vec::new() }
    }

    /// Takes the first branch off a list: its event, and what is to be explored behind it.
    pub(crate) fn take(&mut self, list: &mut Branch) -> Option<(Event<M>, Branch)> {
        if *list == NO_BRANCH {
            return None;
        }
        let at = *list;
        let node = &mut self.nodes[at as usize];
        *list = node.next;
        let first = node.first;
        let Event { key, at: worker, outcome, extra } = &mut node.event;
        let event = Event { key: *key, at: *worker, outcome: *outcome, extra: extra.take() };
        self.free.push(at);
        Some((event, first))
    }

    /// Adds a sequence, unless one that is there already leads to all that it leads to. `sequence` is used up. Gives
    /// whether all events on the way are of the sequence.
    pub(crate) fn insert(&mut self, list: &mut Branch, sequence: &mut Vec<Event<M>>, relation: &Relation<M>) -> bool {
        let mut is_own = true;
        // The branch whose branches are looked at; at the root, none.
        let mut parent = NO_BRANCH;
        let mut branch = *list;
        let mut last = NO_BRANCH;
        while branch != NO_BRANCH {
            match relation.initial(&self.nodes[branch as usize].event, sequence) {
                Initial::No => {
                    last = branch;
                    branch = self.nodes[branch as usize].next;
                    continue;
                }
                Initial::Among(at) => _ = sequence.remove(at),
                // Behind a mishap its message fares otherwise, and there is room for one less.
                Initial::Beside if self.nodes[branch as usize].event.is_mishap() => {
                    last = branch;
                    branch = self.nodes[branch as usize].next;
                    continue;
                }
                Initial::Beside => is_own = false,
            }
            // Under a leaf everything is explored anyway.
            if self.nodes[branch as usize].first == NO_BRANCH || sequence.is_empty() {
                sequence.clear();
                return is_own;
            }
            (parent, last) = (branch, NO_BRANCH);
            branch = self.nodes[branch as usize].first;
        }
        let head = self.chain(sequence);
        match (last, parent) {
            (NO_BRANCH, NO_BRANCH) => *list = head,
            (NO_BRANCH, parent) => self.nodes[parent as usize].first = head,
            (last, _) => self.nodes[last as usize].next = head,
        }
        is_own
    }

    /// A branch that is this sequence.
    fn chain(&mut self, sequence: &mut Vec<Event<M>>) -> Branch {
        let mut behind = NO_BRANCH;
        while let Some(event) = sequence.pop() {
            behind = self.add(event, behind);
        }
        behind
    }

    fn add(&mut self, event: Event<M>, first: Branch) -> Branch {
        let node = Node { event, first, next: NO_BRANCH };
        if let Some(at) = self.free.pop() {
            self.nodes[at as usize] = node;
            return at;
        }
        self.nodes.push(node);
        (self.nodes.len() - 1) as Branch
    }

    /// How many branches a list has.
    pub(crate) fn width(&self, list: Branch) -> u32 {
        let next = |branch: &Branch| Some(self.nodes[*branch as usize].next).filter(|next| *next != NO_BRANCH);
        std::iter::successors(Some(list).filter(|list| *list != NO_BRANCH), next).count() as u32
    }

    /// Shows a tree: each event with how deep it stands, parents first, branches in their order.
    pub(crate) fn walk(&self, list: Branch, show: &mut impl FnMut(usize, &Event<M>)) {
        let mut stack = Vec::new();
        let (mut branch, mut depth) = (list, 0);
        loop {
            if branch == NO_BRANCH {
                let Some(next) = stack.pop() else { return };
                (branch, depth) = next;
                continue;
            }
            let node = &self.nodes[branch as usize];
            show(depth, &node.event);
            stack.push((node.next, depth));
            (branch, depth) = (node.first, depth + 1);
        }
    }

    /// Builds a tree from what [`Wakeup::walk`] has shown.
    pub(crate) fn build(&mut self, shown: impl IntoIterator<Item = (usize, Event<M>)>) -> Option<Branch> {
        let mut list = NO_BRANCH;
        // The last branch at each depth on the way.
        let mut last: Vec<Branch> = Vec::new();
        for (depth, event) in shown {
            if depth > last.len() {
                return None;
            }
            let before = last.get(depth).copied();
            last.truncate(depth);
            let branch = self.add(event, NO_BRANCH);
            match (before, last.last()) {
                (Some(before), _) => self.nodes[before as usize].next = branch,
                (None, Some(parent)) => self.nodes[*parent as usize].first = branch,
                (None, None) => list = branch,
            }
            last.push(branch);
        }
        Some(list)
    }
}
