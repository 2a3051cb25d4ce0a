//! What came out when a real run was done again, and should not have.

use raddle_core::recording::{Act, Saying, Tail};
use raddle_core::{Codec, Digest, Header, Names, StateMachine};

/// The first thing at which a run is another than the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A handler said something else.
    Said {
        /// Who handled.
        worker: String,
        /// What it handled.
        input: String,
        /// What it said when it was recorded; nothing more, if none.
        recorded: Option<String>,
        /// What it said now; nothing more, if none.
        came: Option<String>,
    },
    /// What was recorded next is not possible.
    Impossible {
        /// Where.
        place: String,
        /// What was recorded.
        recorded: String,
    },
    /// All that was recorded came, and the events are others all the same.
    Digest {
        /// The digest of the real run.
        recorded: Digest,
        /// That of this one.
        came: Digest,
    },
    /// All events are the same, and the states are others.
    States {
        /// The hash of the real run's.
        recorded: u64,
        /// That of this one's.
        came: u64,
    },
}

impl Difference {
    /// The first of what a handler said, if it said another thing.
    pub(super) fn said<M: StateMachine>(
        header: &Header,
        recorded: &[u8],
        came: &[u8],
        names: &Names,
        codec: Option<&Codec<M>>,
    ) -> Option<Self> {
        if recorded == came {
            return None;
        }
        let (was, is) = (Saying::read(recorded, codec), Saying::read(came, codec));
        let same = was.iter().zip(&is).take_while(|(was, is)| was == is).count();
        let text = |saying: Option<&Saying>| saying.map(|saying| saying.display(names).to_string());
        Some(Self::Said {
            worker: names.worker(header.to).to_owned(),
            input: header.id.display(names).to_string(),
            recorded: text(was.get(same)),
            came: text(is.get(same)),
        })
    }

    /// What is not as it was at the end.
    pub(super) fn at_the_end(tail: &Tail, digest: Digest, state: Option<u64>) -> Option<Self> {
        match (tail.digest, tail.state, state) {
            (Some(recorded), _, _) if recorded != digest => Some(Self::Digest { recorded, came: digest }),
            (_, Some(recorded), Some(came)) if recorded != came => Some(Self::States { recorded, came }),
            _ => None,
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let or_nothing = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing more".to_owned());
        match self {
            Self::Said { worker, input, recorded, came } => write!(
                f,
                "{worker} handled {input} and said {} when it was recorded, and says {} now: its handler looks at something \
                 beside its input, such as a real clock or the environment",
                or_nothing(recorded),
                or_nothing(came)
            ),
            Self::Impossible { place, recorded } => write!(
                f,
                "at {place} {recorded} when it was recorded, and that is not possible now: the code is not the one that was \
                 recorded, or the file is not what was written"
            ),
            Self::Digest { recorded, came } => write!(
                f,
                "every handler says what it said, and the events are others: their digest was {recorded} and is {came}; the \
                 rules of raddle are not the ones that were recorded"
            ),
            Self::States { recorded, came } => write!(
                f,
                "every event is the same, and the final states are others (their hash was {recorded:016x} and is {came:016x}): \
                 some handler keeps what it does not say, such as the time of a real clock"
            ),
        }
    }
}

/// An act in words, as it was.
pub(super) fn act_in_words(act: Act<'_>, names: &Names) -> String {
    let worker = |id| names.worker(id);
    match act {
        Act::Take { source } => format!("a message of {} came in", names.source(source)),
        Act::Ask { session, .. } => format!("an operation of {} came in", names.source(session)),
        Act::Push { by } => format!("{} pushed an update", worker(by)),
        Act::Stall { by } => format!("{} waited for room", worker(by)),
        Act::Deliver => "the shard delivered an update".to_owned(),
        Act::Lose { many } => format!("the shard told of {many} dropped updates"),
        Act::Expire { session, .. } => format!("an operation of {} had waited too long", names.source(session)),
        Act::Pick => "an input was picked".to_owned(),
        Act::PickAlong => "an input was picked along with the one before".to_owned(),
        Act::Idle => "a pick took nothing".to_owned(),
        Act::Nacked => "the news of a nack came".to_owned(),
        Act::EndLife { .. } => "a life was over".to_owned(),
        Act::Route => "an update was taken in hand".to_owned(),
        Act::Handle(_) => "an input was handled".to_owned(),
        Act::Start(_) => "its start was handled".to_owned(),
        Act::Fire { nth, .. } => format!("its timer {nth} was handled"),
        Act::Kill { .. } => "its process died".to_owned(),
    }
}
