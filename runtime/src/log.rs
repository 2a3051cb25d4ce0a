//! What one lane keeps of a run: its counts always, its events when they are asked for, its acts on tape when there is a
//! recording.
//!
//! A lane is written by one thread at a time: a worker's by its own thread, that of an inbox or a shard under the
//! lock that guards the queue. So recording adds no contention, and the order within a lane is the real one. Beside
//! the events stand the acts that they belong to, with what each must come after; `merge.rs` puts the lanes together
//! from that and never looks at a clock.

use raddle_core::recording::{self, Handling};
use raddle_core::{
    Codec, Desk, Envelope, Event, EventRef, Header, Input, InputKind, Lane, Moment, Party, Recorder, Sink, SourceId,
    StateMachine, Time, What, WorkerId,
};

use crate::tape::Tape;

/// The log of one lane.
///
/// That of a queue goes from core to core with its lock. What is written of whatever is pushed or picked, if it is written at all,
/// lies in its first cache line.
#[repr(C, align(64))]
pub(crate) struct Log<M: StateMachine> {
    tape: Option<Tape>,
    /// How often each event happened but arrivals, which are most of what a queue says: those its owner counts.
    counts: Counts,
    recording: Option<Recording<M>>,
    codec: Option<Codec<M>>,
}

const _: () = assert!(size_of::<Option<Tape>>() <= 64, "one line");

struct Recording<M: StateMachine> {
    recorder: Recorder<M>,
    acts: Vec<(Act, usize)>,
    counted: usize,
}

/// How often each event happened, by its word.
pub(crate) type Counts = Vec<(&'static str, u64)>;

/// Counts one more. A lane knows a handful of words, and mostly says each from the same place in memory.
fn count(counts: &mut Counts, word: &'static str) {
    let known = counts.iter().position(|count| std::ptr::eq(count.0, word));
    match known.or_else(|| counts.iter().position(|count| count.0 == word)) {
        Some(at) => counts[at].1 += 1,
        None => counts.push((word, 1)),
    }
}

/// Something that happened at once, with all its events, and what it must come after. All acts come after the one
/// before in their lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Nothing else, and it follows from what is on tape. (At an inbox or shard.)
    Free,
    /// Nothing else: a source's message was taken in, a pick took nothing out (on tape at the owner too, whose acts must be in
    /// their places among its picks), a life was seen to, updates dropped on their way were, an operation waited too long, the
    /// owner heard of a nack. (At an inbox.)
    Take {
        source: SourceId,
    },
    Idle,
    EndLife {
        nth: u32,
    },
    Lose {
        many: u32,
    },
    Expire {
        session: SourceId,
        now: Time,
    },
    Nacked,
    /// A session asked for the `nth` time, from 0: after so many of what it had sent before were handled or dropped. (At an
    /// inbox.)
    Ask {
        session: SourceId,
        nth: u64,
        now: Time,
    },
    /// Worker `by` pushed the update that it sent as its `serial`-th: after that was sent, and after all before it
    /// were pushed. (At an inbox or shard.)
    Push {
        by: WorkerId,
        serial: u32,
    },
    /// Worker `by` wanted to push that update, and must wait.
    Attempt {
        by: WorkerId,
        serial: u32,
    },
    /// A shard pushed the update that it has in hand. (At an inbox.)
    Deliver {
        shard: u32,
    },
    /// A shard took an update in hand: after it has delivered the one before. (At a shard.)
    Route {
        to: WorkerId,
    },
    /// The owner took an input out and handled it in that moment: after it has pushed all that it sent before, unless it takes
    /// this along with the one before. (At an inbox.)
    Pick {
        along: bool,
    },
    /// What came of that. (At a worker.)
    Handle {
        now: Time,
        deaths: u32,
    },
    /// The worker handled an input of its own, its start or the `nth` timer of this life: after it has pushed all that it
    /// sent before.
    Start {
        now: Time,
        deaths: u32,
    },
    Fire {
        nth: u32,
        now: Time,
        deaths: u32,
    },
    /// The process of the worker died between two inputs: after the same.
    Kill {
        now: Time,
    },
    /// A new life of the worker began, which follows from what is on tape: after the same.
    Restart,
}

impl Act {
    /// Whether it is nothing at all if nothing was seen of it.
    const fn is_free(self) -> bool {
        use Act::{EndLife, Expire, Free, Idle, Lose, Nacked, Take};
        matches!(self, Free | Take { .. } | Idle | EndLife { .. } | Lose { .. } | Expire { .. } | Nacked)
    }

    /// The act as it goes on tape, with what the handler said, if anybody did.
    #[inline(always)]
    fn on_tape(self, said: Option<&[u8]>) -> Option<recording::Act<'_>> {
        use recording::Act as On;
        Some(match self {
            Self::Free | Self::Restart => return None,
            Self::Take { source } => On::Take { source },
            Self::Idle => On::Idle,
            Self::EndLife { nth } => On::EndLife { nth },
            Self::Lose { many } => On::Lose { many },
            Self::Expire { session, now } => On::Expire { session, now },
            Self::Nacked => On::Nacked,
            Self::Ask { session, now, .. } => On::Ask { session, now },
            Self::Push { by, .. } => On::Push { by },
            Self::Attempt { by, .. } => On::Stall { by },
            Self::Deliver { .. } => On::Deliver,
            Self::Route { .. } => On::Route,
            Self::Pick { along: false } => On::Pick,
            Self::Pick { along: true } => On::PickAlong,
            Self::Kill { now } => On::Kill { now },
            Self::Handle { now, deaths } => On::Handle(Handling { now, deaths, said }),
            Self::Start { now, deaths } => On::Start(Handling { now, deaths, said }),
            Self::Fire { nth, now, deaths } => On::Fire { nth, handling: Handling { now, deaths, said } },
        })
    }
}

impl<M: StateMachine> Log<M> {
    pub(crate) fn new(recording: bool, tape: Option<Tape>, codec: Option<Codec<M>>) -> Self {
        let new = || Recording { recorder: Recorder::default(), acts: Vec::new(), counted: 0 };
        Self { tape, counts: Counts::new(), recording: recording.then(new), codec }
    }

    /// The events since the last act are this act. One that is free is none if nothing happened.
    ///
    /// (Inlined, as most callers know which act it is, and hold a lock.)
    #[inline(always)]
    pub(crate) fn close(&mut self, act: Act) {
        if let Some(tape) = &mut self.tape {
            tape.write(|said| act.on_tape(said));
        }
        if let Some(recording) = &mut self.recording {
            recording.close(act);
        }
    }

    /// Nothing more may come for a while: what is on tape is handed over.
    pub(crate) fn pause(&mut self) {
        self.tape.iter_mut().for_each(Tape::hand_over);
    }

    /// How often each event happened so far, but arrivals.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counts.iter().copied()
    }

    pub(crate) const fn is_recording(&self) -> bool {
        self.recording.is_some()
    }

    /// The acts, with their events.
    pub(crate) fn into_acts(self) -> (Vec<(Act, usize)>, Vec<Event>) {
        match self.recording {
            None => (Vec::new(), Vec::new()),
            Some(mut recording) => (recording.acts, recording.recorder.take_events()),
        }
    }
}

impl<M: StateMachine> Recording<M> {
    #[inline(never)]
    fn close(&mut self, act: Act) {
        let len = self.recorder.len();
        if act.is_free() && len == self.counted {
            return;
        }
        self.acts.push((act, len - self.counted));
        self.counted = len;
    }
}

impl<M: StateMachine> Sink<M> for Log<M> {
    #[inline]
    fn event(&mut self, event: EventRef<'_>, input: Option<&Input<M>>) {
        match event.what {
            What::Arrive => {}
            what => count(&mut self.counts, what.word()),
        }
        if let Some(tape) = &mut self.tape
            && matches!(event.lane, Lane::Worker(_))
        {
            tape.hear(event, input, self.codec.as_ref());
        }
        if let Some(recording) = &mut self.recording {
            recording.recorder.event(event, input);
        }
    }
}

/// A message on its way. It changes hands often, so it stays where it is.
pub(crate) type Parcel<M> = Box<Envelope<M>>;

/// What the driver lends the core while a lock is held.
pub(crate) struct Clerk<'a, M: StateMachine> {
    /// How often something arrived.
    pub(crate) arrivals: &'a mut u64,
    /// Where to write.
    pub(crate) log: &'a mut Log<M>,
    /// Whose log it is.
    pub(crate) lane: Lane,
    /// When.
    pub(crate) moment: Moment,
    /// What others are to be told when the lock is free.
    pub(crate) news: &'a mut News,
}

/// What is to be told when no lock is held.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Senders whose update was dropped, where they are to know.
    pub(crate) nacks: Vec<WorkerId>,
    /// Sessions whose operation was dropped.
    pub(crate) dropped_ops: Vec<SourceId>,
}

impl News {
    pub(crate) const fn is_empty(&self) -> bool {
        self.nacks.is_empty() && self.dropped_ops.is_empty()
    }
}

impl<M: StateMachine> Desk<Parcel<M>> for Clerk<'_, M> {
    fn header<'a>(&'a self, item: &'a Parcel<M>) -> &'a Header {
        &item.header
    }

    fn report<'a>(&'a mut self, what: What, item: &'a Parcel<M>) -> &'a Header {
        *self.arrivals += u64::from(what == What::Arrive);
        let from_outside = what == What::Arrive && item.header.kind() == InputKind::External;
        let (lane, moment, header) = (self.lane, self.moment, &item.header);
        let event = EventRef { moment, lane, life: header.to_life, what, header, text: "" };
        self.log.event(event, from_outside.then_some(&item.input));
        header
    }

    fn discard(&mut self, item: Parcel<M>) {
        if let (Party::Source(source), InputKind::External) = (item.header.from, item.header.kind()) {
            self.news.dropped_ops.push(source);
        }
    }

    fn nack(&mut self, sender: WorkerId) {
        self.news.nacks.push(sender);
    }
}
