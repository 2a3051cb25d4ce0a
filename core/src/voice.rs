//! How a worker reports what happens at it: every event of one handling stands in its lane, its life and its moment.

use crate::event::{EventRef, Lane, Moment, Sink, What};
use crate::header::{Header, Input};
use crate::ids::{Incarnation, WorkerId};
use crate::machine::StateMachine;
use crate::worker::Worker;

/// Reports what happens at one worker at one moment.
pub(crate) struct Voice<'a, S> {
    worker: WorkerId,
    life: Incarnation,
    pub(crate) moment: Moment,
    sink: &'a mut S,
}

impl<'a, S> Voice<'a, S> {
    #[inline(always)]
    pub(crate) fn new<M>(worker: &Worker<M>, moment: Moment, sink: &'a mut S) -> Self {
        Self { worker: worker.id, life: worker.life, moment, sink }
    }

    #[inline(always)]
    fn event<'e>(&self, lane: Lane, what: What, header: &'e Header, text: &'e str) -> EventRef<'e> {
        EventRef { moment: self.moment, lane, life: self.life, what, header, text }
    }

    #[inline(always)]
    pub(crate) fn say<M: StateMachine>(&mut self, what: What, header: &Header, text: &str)
    where
        S: Sink<M>,
    {
        let event = self.event(Lane::Worker(self.worker), what, header, text);
        self.sink.event(event, None);
    }

    pub(crate) fn say_at<M: StateMachine>(&mut self, lane: Lane, what: What, header: &Header)
    where
        S: Sink<M>,
    {
        self.sink.event(self.event(lane, what, header, ""), None);
    }

    #[inline(always)]
    pub(crate) fn emit<M: StateMachine>(&mut self, what: What, header: &Header, text: &str, input: &Input<M>)
    where
        S: Sink<M>,
    {
        let event = self.event(Lane::Worker(self.worker), what, header, text);
        self.sink.event(event, Some(input));
    }
}
