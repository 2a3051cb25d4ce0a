//! What a step is heard to do beyond its worker.

use raddle_core::{DropReason, EventRef, Input, Sink, StateMachine, What};

/// What one step did.
#[derive(Default)]
pub(crate) struct Heard {
    /// To whom handlers sent, whatever became of it.
    pub(crate) targets: Vec<u32>,
    /// What waited beside a full queue and is on its way now, by the hash of its id.
    pub(crate) admitted: Vec<u64>,
    /// What was on its way and had to make room, by the hash of its id, and the worker that it was for.
    pub(crate) evicted: Vec<(u64, u32)>,
    /// Whether a worker lives again.
    pub(crate) begins_life: bool,
}

impl Heard {
    pub(crate) fn clear(&mut self) {
        let Self { targets, admitted, evicted, begins_life } = self;
        targets.clear();
        admitted.clear();
        evicted.clear();
        *begins_life = false;
    }

    /// The targets, sorted.
    pub(crate) fn take_targets(&mut self) -> Vec<u32> {
        self.targets.sort_unstable();
        self.targets.dedup();
        self.targets.clone()
    }
}

impl<M: StateMachine> Sink<M> for Heard {
    fn event(&mut self, event: EventRef<'_>, _: Option<&Input<M>>) {
        let (key, to) = (|| event.header.id.hash64(), event.header.to.index() as u32);
        match event.what {
            What::Emit => self.targets.push(to),
            What::Admit => self.admitted.push(key()),
            What::Drop(DropReason::Full) => self.evicted.push((key(), to)),
            What::Restart => self.begins_life = true,
            _ => {}
        }
    }
}
