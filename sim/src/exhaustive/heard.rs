//! What a step is heard to do beyond its worker.

use std::sync::Arc;

use raddle_core::{DropReason, EventRef, FaultKind, Input, Sink, StateMachine, What};

use super::event::Extra;

/// What one step did.
#[derive(Default)]
pub(crate) struct Heard {
    /// To whom handlers sent, and whom the network sent a copy, whatever became of it.
    pub(crate) targets: Vec<u32>,
    /// What was on its way and had to make room, by the hash of its id, and the worker that it was for.
    pub(crate) evicted: Vec<(u64, u32)>,
    /// Whether a worker died.
    pub(crate) dies: bool,
    /// Whether it lives again.
    pub(crate) begins_life: bool,
}

impl Heard {
    pub(crate) fn clear(&mut self) {
        let Self { targets, evicted, dies, begins_life } = self;
        targets.clear();
        evicted.clear();
        (*dies, *begins_life) = (false, false);
    }

    /// What is to be known of an event that did this, chose these values, and is a crash or not; none if there is nothing.
    pub(crate) fn extra<M: StateMachine>(
        &mut self,
        is_crash: bool,
        values: &[u32],
        input: Option<Input<M>>,
    ) -> Option<Arc<Extra<M>>> {
        let (dies, begins_life) = (is_crash || self.dies, is_crash || self.begins_life);
        if values.is_empty() && self.targets.is_empty() && !dies && input.is_none() {
            return None;
        }
        self.targets.sort_unstable();
        self.targets.dedup();
        Some(Arc::new(Extra { values: values.to_vec(), targets: self.targets.clone(), dies, begins_life, input }))
    }
}

impl<M: StateMachine> Sink<M> for Heard {
    fn event(&mut self, event: EventRef<'_>, _: Option<&Input<M>>) {
        let to = event.header.to.index() as u32;
        match event.what {
            What::Emit | What::Fault(FaultKind::Duplication) => self.targets.push(to),
            What::Drop(DropReason::Full) => self.evicted.push((event.header.id.hash64(), to)),
            What::Crash(_) => self.dies = true,
            What::Restart => self.begins_life = true,
            _ => {}
        }
    }
}
