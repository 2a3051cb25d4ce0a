//! Real runs: raddle's drivers on threads and processes beside bare loops, actor frameworks, and the design in Python that
//! raddle replaces.
//!
//! [`load`] is what is sent, [`part`] what is done with it: the two plays that all contenders have in common. [`ours`] are
//! raddle's drivers, [`inbox`] and [`pipe`] the floors, below which nobody gets; the peers are in [`crate::peers`].
//! [`contest`] is how a question is put, and the questions are here; [`report`] is what is said of them. [`burden`] is a
//! question of another kind. [`others`] is what to look at before a figure is believed.
//!
//! Nowhere here is causal order given up: raddle keeps clocks and `order = causal`. The frameworks and the floors keep neither,
//! and the design in Python keeps clocks.

pub mod burden;
pub mod contest;
pub mod inbox;
pub mod load;
pub mod others;
pub mod ours;
pub mod part;
pub mod pipe;
pub mod report;

use anyhow::Result;
use raddle_core::Placement;
use serde::Serialize;

use self::contest::{Asked, Comparison, Contender, Figure, Kind, Measured, Question, Sizes};
use self::others::{Others, Watch};
use self::part::{Ended, Part, crowd, pair};
use crate::form::Form;
use crate::peers;

/// How long an update is under way.
const LATENCY: Question = Question {
    title: "An update from A by way of the coordinator to B, and back",
    figures: &[Figure { name: "p50 µs", kind: Kind::Time }, Figure { name: "p99 µs", kind: Kind::Time }],
    contenders: &[
        Contender { name: INLINE, run: |sizes| figures(ours::pair_on_threads(sizes.trips, Placement::Inline)) },
        Contender { name: SHARDED, run: |sizes| figures(ours::pair_on_threads(sizes.trips, Placement::Sharded(1))) },
        Contender { name: STRAIGHT, run: |sizes| trip(inbox::direct, sizes) },
        Contender { name: BY_WAY, run: |sizes| trip(inbox::routed, sizes) },
        Contender { name: KAMEO, run: |sizes| trip(peers::kameo::play, sizes) },
        Contender { name: ACTIX, run: |sizes| trip(peers::actix::play, sizes) },
        Contender { name: PROCESSES, run: |sizes| figures(ours::pair_on_processes(sizes.trips)) },
        Contender { name: PIPES, run: |sizes| figures(pipe::trips(sizes.trips)) },
        Contender { name: PYTHON, run: |sizes| if_any(peers::design::pair(sizes.trips_in_python)) },
    ],
    comparisons: &[
        versus(INLINE, STRAIGHT, Asked::Cost(2.0)),
        versus(SHARDED, BY_WAY, Asked::Cost(2.0)),
        versus(INLINE, BY_WAY, Asked::Cost(2.0)),
        versus(INLINE, KAMEO, Asked::Better(5.0)),
        versus(SHARDED, KAMEO, Asked::Better(5.0)),
        versus(INLINE, ACTIX, Asked::Better(5.0)),
        versus(SHARDED, ACTIX, Asked::Better(5.0)),
        versus(INLINE, PYTHON, Asked::Better(25.0)),
        versus(SHARDED, PYTHON, Asked::Better(25.0)),
        versus(PROCESSES, PIPES, Asked::Cost(2.0)),
        versus(PROCESSES, PYTHON, Asked::Better(3.0)),
    ],
};

/// How many updates get through where all send to all.
const CROWD: Question = Question {
    title: "Four workers, each of which sends to all others by way of the coordinator",
    figures: &[Figure { name: "1,000 updates/s", kind: Kind::Rate }],
    contenders: &[
        Contender { name: INLINE, run: |sizes| figures(ours::crowd_on_threads(sizes.rounds, Placement::Inline, 1)) },
        Contender {
            name: INLINE_MANY,
            run: |sizes| figures(ours::crowd_on_threads(sizes.rounds, Placement::Inline, WINDOW)),
        },
        Contender {
            name: SHARDED,
            run: |sizes| figures(ours::crowd_on_threads(sizes.rounds, Placement::Sharded(1), 1)),
        },
        Contender { name: STRAIGHT, run: |sizes| rate(inbox::direct, sizes) },
        Contender { name: BY_WAY, run: |sizes| rate(inbox::routed, sizes) },
        Contender { name: KAMEO, run: |sizes| rate(peers::kameo::play, sizes) },
        Contender { name: ACTIX, run: |sizes| rate(peers::actix::play, sizes) },
        Contender { name: PROCESSES, run: |sizes| figures(ours::crowd_on_processes(sizes.rounds_on_processes, 1)) },
        Contender {
            name: PROCESSES_MANY,
            run: |sizes| figures(ours::crowd_on_processes(sizes.rounds_on_processes, WINDOW)),
        },
        Contender { name: PYTHON, run: |sizes| if_any(peers::design::crowd(sizes.rounds_in_python)) },
    ],
    comparisons: &[
        versus(INLINE, STRAIGHT, Asked::Nothing),
        versus(SHARDED, BY_WAY, Asked::Nothing),
        versus(INLINE, KAMEO, Asked::Better(2.0)),
        versus(SHARDED, KAMEO, Asked::Better(2.0)),
        versus(INLINE, ACTIX, Asked::Better(2.0)),
        versus(INLINE_MANY, ACTIX, Asked::Better(2.0)),
        versus(SHARDED, ACTIX, Asked::Better(2.0)),
        versus(PROCESSES, PYTHON, Asked::Better(40.0)),
        versus(PROCESSES_MANY, PYTHON, Asked::Better(40.0)),
    ],
};

/// What updates cost those who send messages.
const BURDEN: Question = Question {
    title: "Messages from outside to one worker, and the updates that each makes, on raddle's threads and over bare inboxes",
    figures: &[
        Figure { name: "1,000 messages/s", kind: Kind::Rate },
        Figure { name: "1,000 deliveries/s", kind: Kind::Rate },
    ],
    contenders: &[
        Contender { name: "none", run: |sizes| figures(burden::of_each(sizes.messages, 0)) },
        Contender { name: "one of each", run: |sizes| figures(burden::of_each(sizes.messages, 1)) },
        Contender { name: "five of each", run: |sizes| figures(burden::of_each(sizes.messages, 5)) },
        Contender { name: "none, bare", run: |sizes| figures(inbox::fan(sizes.messages, 0)) },
        Contender { name: "one of each, bare", run: |sizes| figures(inbox::fan(sizes.messages, 1)) },
        Contender { name: "five of each, bare", run: |sizes| figures(inbox::fan(sizes.messages, 5)) },
    ],
    comparisons: &[],
};

/// What it costs that a run can be done again.
const RECORDING: Question = Question {
    title: "The four workers on raddle's threads, recorded to a file and not",
    figures: &[Figure { name: "ms", kind: Kind::LongTime }],
    contenders: &[
        Contender { name: "inline, recorded", run: |sizes| recorded(sizes, Placement::Inline, true) },
        Contender { name: INLINE, run: |sizes| recorded(sizes, Placement::Inline, false) },
        Contender { name: "sharded(1), recorded", run: |sizes| recorded(sizes, Placement::Sharded(1), true) },
        Contender { name: SHARDED, run: |sizes| recorded(sizes, Placement::Sharded(1), false) },
    ],
    comparisons: &[
        versus("inline, recorded", INLINE, Asked::Cost(1.15)),
        versus("sharded(1), recorded", SHARDED, Asked::Cost(1.15)),
    ],
};

const INLINE: &str = "raddle threads, inline";
const INLINE_MANY: &str = "raddle threads, inline, window=256";
const SHARDED: &str = "raddle threads, sharded(1)";
const PROCESSES: &str = "raddle processes";
const PROCESSES_MANY: &str = "raddle processes, window=256";
/// Most inputs that a worker takes at once, where it takes many.
const WINDOW: u32 = 256;
const STRAIGHT: &str = "bare inbox, straight";
const BY_WAY: &str = "bare inbox, by way of a thread";
const PIPES: &str = "bare pipes";
const KAMEO: &str = "kameo";
const ACTIX: &str = "actix";
const PYTHON: &str = "the design in Python";

/// All that was measured, in the form in which it is written as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    r#type: &'static str,
    v: u32,
    workload: &'static str,
    answers: Vec<report::Answer>,
    burden: burden::Answer,
    /// Who else used the machine, question by question.
    others: Vec<Others>,
}

impl Report {
    /// Puts all questions.
    ///
    /// # Errors
    /// When a contender fails.
    pub fn measure(rounds: usize, sizes: &Sizes, mut progress: impl FnMut(&str)) -> Result<Report> {
        let mut others = Vec::new();
        let mut ask = |question: &Question| {
            progress(question.title);
            let watch = Watch::start();
            let all = question.ask(rounds, sizes);
            others.push(watch.others());
            all
        };
        let mut answer = |question| Ok::<_, anyhow::Error>(report::Answer::new(question, &ask(question)?));
        let answers = vec![answer(&LATENCY)?, answer(&CROWD)?, answer(&RECORDING)?];
        let burden = burden::Answer::new(&BURDEN, &ask(&BURDEN)?);
        Ok(Report { r#type: "bench", v: 1, workload: "real", answers, burden, others })
    }

    /// All tables, without a newline at the end.
    pub fn table(&self, form: Form) -> String {
        let tables = self.answers.iter().map(|answer| answer.table(form)).chain([self.burden.table(form)]);
        let told = tables.zip(&self.others);
        let told = told.map(|(table, others)| format!("{table}{}{}", form.gap(), others.sentence()));
        told.collect::<Vec<_>>().join("\n\n")
    }
}

const fn versus(ours: &'static str, theirs: &'static str, asked: Asked) -> Comparison {
    Comparison { ours, theirs, asked }
}

fn figures(figures: Result<Vec<f64>>) -> Result<Measured> {
    figures.map(Measured::Figures)
}

fn if_any(figures: Result<Option<Vec<f64>>>) -> Result<Measured> {
    Ok(figures?.map_or(Measured::Not("no python3"), Measured::Figures))
}

fn trip(play: fn(Vec<Part>) -> Result<Ended>, sizes: &Sizes) -> Result<Measured> {
    figures(play(pair(sizes.trips)).and_then(Ended::trip))
}

fn rate(play: fn(Vec<Part>) -> Result<Ended>, sizes: &Sizes) -> Result<Measured> {
    figures(play(crowd(sizes.rounds)).and_then(Ended::rate))
}

fn recorded(sizes: &Sizes, placement: Placement, record: bool) -> Result<Measured> {
    figures(ours::recorded_crowd(sizes.rounds, placement, record))
}
