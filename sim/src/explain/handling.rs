//! To which handling each step of a run belongs.
//!
//! Where a step delivers a message it is a handling. Where workers have queues, a pick is one, and a push, an arrival or a
//! routing belongs to the handling that sent the update. Other steps belong to none.

use std::collections::VecDeque;

use raddle_core::{EventRef, Input, Lane, MessageId, Sink, StateMachine, What, WorkerId};
use rustc_hash::FxHashMap;

use crate::actions::{Actions, Decision};
use crate::shrink::{Deed, Keys, Trials};
use crate::strategy::{Observed, Strategy};

/// A call of a handler, and what a step has to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handling {
    /// Whose handler.
    pub at: WorkerId,
    /// What it handles.
    pub input: MessageId,
    /// The update that it sent and the step takes on its way; none if the step is the handling itself.
    pub sent: Option<MessageId>,
}

/// A step.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) key: u64,
    pub(super) deed: Deed,
    pub(super) handling: Option<Handling>,
    /// By value that is chosen at it: whose handler chooses, and what it handles.
    pub(super) choices: Vec<(WorkerId, MessageId)>,
}

/// What a run does at each step, and of which handling.
pub(super) fn of<M: StateMachine>(
    trials: &mut Trials<'_, M>,
    strategy: &mut dyn Strategy,
    left_out: &[bool],
) -> Vec<Done> {
    let (mut heard, mut keys, mut deeds) = (Heard::default(), Keys::default(), Vec::new());
    let look = |actions: &Actions<'_>, at: usize| {
        let action = actions.get(at);
        deeds.push((keys.take(action), Deed::of(action)));
    };
    let steps = trials.show(left_out, &mut Observed { inner: strategy, look }, &mut heard);
    let mut known = Known::default();
    let done = (1..=steps).zip(deeds).map(|(step, (key, deed))| {
        let (from, to) = (heard.before(step), heard.before(step + 1));
        let events = &heard.0[from..to];
        let handling = known.take(&deed, events);
        let choices = events.iter().filter_map(Said::chooser).collect();
        Done { key, deed, handling, choices }
    });
    done.collect()
}

/// An event, as far as it matters here.
struct Said {
    step: u64,
    lane: Lane,
    what: What,
    id: MessageId,
}

impl Said {
    fn is_at(&self, worker: WorkerId, what: What) -> bool {
        self.lane == Lane::Worker(worker) && self.what == what
    }

    /// Whose handler chooses here, and what it handles.
    fn chooser(&self) -> Option<(WorkerId, MessageId)> {
        match (self.what, self.lane) {
            (What::Choose { .. }, Lane::Worker(worker)) => Some((worker, self.id.clone())),
            _ => None,
        }
    }
}

/// Writes down what happens.
#[derive(Default)]
struct Heard(Vec<Said>);

impl Heard {
    /// How much happened before a step.
    fn before(&self, step: u64) -> usize {
        self.0.partition_point(|said| said.step < step)
    }
}

impl<M: StateMachine> Sink<M> for Heard {
    fn event(&mut self, event: EventRef<'_>, _: Option<&Input<M>>) {
        if matches!(event.what, What::Handle | What::Emit | What::Choose { .. } | What::Route) {
            let (step, lane, what, id) = (event.moment.step, event.lane, event.what, event.header.id.clone());
            self.0.push(Said { step, lane, what, id });
        }
    }
}

/// What was sent by whom, and is where.
#[derive(Default)]
struct Known {
    /// By worker: what it handled last.
    handled: FxHashMap<WorkerId, MessageId>,
    /// By update: the worker that sent it, and what it handled then.
    senders: FxHashMap<MessageId, (WorkerId, MessageId)>,
    /// By worker: what it has sent and not pushed, which goes in the order in which it was sent.
    outbound: FxHashMap<WorkerId, VecDeque<MessageId>>,
    /// By shard: what it took last.
    in_hand: FxHashMap<u32, MessageId>,
}

impl Known {
    /// The handling to which a step belongs, with its events.
    fn take(&mut self, deed: &Deed, events: &[Said]) -> Option<Handling> {
        let pushed = match &deed.decision {
            Decision::Push(worker) => self.outbound.get_mut(worker).and_then(VecDeque::pop_front),
            _ => None,
        };
        events.iter().for_each(|event| self.note(event));
        let handled = |at: WorkerId, id: Option<&MessageId>| {
            let fits = |event: &&Said| event.is_at(at, What::Handle) && id.is_none_or(|id| event.id == *id);
            let input = events.iter().find(fits)?.id.clone();
            Some(Handling { at, input, sent: None })
        };
        let of_update = |id: &MessageId| {
            let (at, input) = self.senders.get(id)?.clone();
            Some(Handling { at, input, sent: Some(id.clone()) })
        };
        match &deed.decision {
            Decision::Deliver(id) => deed.at.and_then(|at| handled(at, Some(id))).or_else(|| of_update(id)),
            Decision::Pick(worker) => handled(*worker, None),
            Decision::Push(_) => of_update(&pushed?),
            Decision::Route(shard) | Decision::Hand(shard) => of_update(self.in_hand.get(shard)?),
            _ => None,
        }
    }

    fn note(&mut self, event: &Said) {
        match (event.what, event.lane) {
            (What::Handle, Lane::Worker(worker)) => _ = self.handled.insert(worker, event.id.clone()),
            (What::Emit, Lane::Worker(worker)) => {
                if let Some(input) = self.handled.get(&worker) {
                    self.senders.insert(event.id.clone(), (worker, input.clone()));
                }
                self.outbound.entry(worker).or_default().push_back(event.id.clone());
            }
            (What::Route, Lane::Shard(shard)) => _ = self.in_hand.insert(shard, event.id.clone()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use raddle_checkers::Violation;
    use raddle_core::{OnFull, Outbox, Placement, System};

    use super::*;
    use crate::run::Runner;
    use crate::settings::{Granularity, Settings};
    use crate::strategy::Random;

    /// Tells both others, so many times in all.
    #[derive(Clone, Default)]
    struct Gossip;

    impl StateMachine for Gossip {
        type Message = u8;
        type Update = u8;

        fn on_message(&mut self, left: u8, out: &mut Outbox<u8>) {
            self.on_update(left, out);
        }

        fn on_update(&mut self, left: u8, out: &mut Outbox<u8>) {
            if left > 0 {
                ["a", "b", "c"].into_iter().for_each(|to| out.notify(to, left - 1));
            }
        }
    }

    /// By step: the handling to which it belongs is the one that the ids of the messages of its events name.
    #[track_caller]
    fn check(granularity: Granularity, placement: Placement) {
        let system = System::new("gossip").workers(["a", "b", "c"], |_| Gossip);
        let system = system.messages("s", [("a", 2), ("b", 1), ("c", 2)]).with(|policies| {
            policies.placement = placement;
            policies.capacity = 2;
            policies.on_full = OnFull::Stall;
        });
        let settings = Settings { granularity, ..Settings::default() };
        let mut runner = Runner::new(system.plan().expect("a good system"), settings, None).expect("good settings");
        let mut told = 0;
        for seed in 0..50 {
            let recording = runner.record(seed, &mut Random::default());
            let names = &recording.trace.conditions.names;
            let violation = Violation::stuck(None, String::new());
            let left_out = vec![false; runner.externals().len()];
            let mut trials = Trials::new(&mut runner, seed, &violation, &|| true);
            let done = of(&mut trials, &mut Random::default(), &left_out);
            assert_eq!(done.len() as u64, recording.run.steps);
            for (step, Done { deed, handling, .. }) in (1..).zip(done) {
                let here = |what: What| {
                    let events = recording.trace.events.iter().filter(move |e| e.moment.step == step && e.what == what);
                    events.map(|event| event.header.id.clone()).collect::<Vec<_>>()
                };
                match (&deed.decision, handling) {
                    (Decision::Pick(at), handling) => {
                        let handling = handling.expect("a pick is a handling");
                        assert_eq!((handling.at, [handling.input]), (*at, here(What::Handle).try_into().expect("one")));
                    }
                    (Decision::Push(_) | Decision::Route(_) | Decision::Hand(_), handling) => {
                        let Handling { at, input, sent } = handling.expect("somebody sent it");
                        let sent = sent.expect("it is on its way");
                        assert_eq!(sent.parent(names), Some(input), "step {step}, {deed:?}");
                        let emitted = |e: &&raddle_core::Event| e.what == What::Emit && e.header.id == sent;
                        let lane = recording.trace.events.iter().find(emitted).map(|event| event.lane);
                        assert_eq!(lane, Some(Lane::Worker(at)));
                        assert!([What::Arrive, What::Route].into_iter().all(|what| {
                            let ids = here(what);
                            ids.is_empty() || ids.contains(&sent)
                        }));
                        told += 1;
                    }
                    _ => {}
                }
            }
        }
        assert!(told > 200, "too few are told: {told}");
    }

    #[test]
    fn steps_belong_to_the_handling_that_the_ids_name() {
        for granularity in [Granularity::Queues, Granularity::Threads] {
            check(granularity, Placement::Inline);
            check(granularity, Placement::Sharded(2));
        }
    }
}
