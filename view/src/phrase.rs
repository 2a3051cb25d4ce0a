//! The words of a row: what is written beside its signs, the same in snapshots, figures and DOT.
//!
//! The words are those of [`What::word`] and of the drop reasons, bent where a sentence needs it, so that what one
//! reads can be searched for.

use std::collections::HashMap;
use std::time::Duration;

use raddle_core::{
    Event, FaultKind, Incarnation, InputKind, Lane, LinkNumber, MessageId, Names, Root, Time, TimerTag, Trace, What,
    WorkerId,
};

use crate::labels::copied;
use crate::rows::{Form, Row};
use crate::who;

/// Finds the words for the rows of one trace.
pub(crate) struct Phrases<'a> {
    trace: &'a Trace,
    label: &'a dyn Fn(&MessageId) -> String,
    /// Which update has which number on which link.
    numbered: HashMap<(WorkerId, WorkerId, LinkNumber), &'a MessageId>,
    /// The tags of the timers that each life of a worker set, in order.
    tags: HashMap<(WorkerId, Incarnation), Vec<TimerTag>>,
}

impl<'a> Phrases<'a> {
    pub(crate) fn new(trace: &'a Trace, label: &'a dyn Fn(&MessageId) -> String) -> Self {
        let mut numbered = HashMap::new();
        let mut tags: HashMap<_, Vec<TimerTag>> = HashMap::new();
        for event in &trace.events {
            match (event.what, event.lane) {
                (What::Emit, Lane::Worker(from)) => {
                    numbered.entry((from, event.header.to, event.header.number)).or_insert(&event.header.id);
                }
                (What::SetTimer { tag, .. }, Lane::Worker(at)) => tags.entry((at, event.life)).or_default().push(tag),
                _ => {}
            }
        }
        Self { trace, label, numbered, tags }
    }

    /// What a row says. For a send, its label only: see [`Phrases::fate`].
    pub(crate) fn text(&self, row: &Row) -> String {
        let event = row.last(self.trace);
        let label = (self.label)(&event.header.id);
        match row.form {
            Form::Point(_) => self.point(row, event, label),
            Form::Send(_) => label,
            Form::Refused => format!("{label} {}", self.refusal(event)),
            Form::Aside => self.aside(event),
            Form::Crash if event.what == What::Restart => {
                format!("{}, {}", self.aside(row.first(self.trace)), in_past(event))
            }
            Form::Crash => self.aside(event),
            Form::Fault | Form::FaultOver => format!("{}: {}", event.what.word(), self.fault(event, label)),
        }
    }

    /// What became of a send at once; none if it is on its way.
    pub(crate) fn fate(&self, row: &Row) -> Option<String> {
        match row.last(self.trace) {
            Event { what: What::Emit, .. } => None,
            event => Some(in_past(event)),
        }
    }

    /// Why an update was not sent, and to whom.
    pub(crate) fn refusal(&self, event: &Event) -> String {
        let to = match event.what {
            What::Drop(_) if !event.text.is_empty() => event.text.to_string(),
            _ => who::worker(event.header.to, self.names()),
        };
        format!("{}, to {to}", event.what.word())
    }

    /// What happens to a message at a worker.
    fn point(&self, row: &Row, event: &Event, label: String) -> String {
        match event.what {
            What::Handle => {
                let timer = self.timer(event).unwrap_or_default();
                let released = if row.tells(self.trace, &What::Release) { " released" } else { "" };
                label + &timer + released
            }
            What::Park { of, needs } => {
                let needed = match self.numbered.get(&(of, event.header.to, needs)) {
                    Some(id) => (self.label)(id),
                    None => format!("number {} of {}", needs.0, who::worker(of, self.names())),
                };
                format!("{label} parked until {needed}")
            }
            What::Restart => in_past(event),
            _ => format!("{label} {}", in_past(event)),
        }
    }

    /// Whom a fault befalls or leaves, and how; its worker is named by its column.
    fn fault(&self, event: &Event, label: String) -> String {
        let from = || match event.header.from.worker() {
            Some(worker) => who::worker(worker, self.names()),
            None => who::party(event.header.from, self.names()),
        };
        match event.what {
            What::Fault(FaultKind::Duplication) => match copied(&event.header.id, self.names()) {
                Some(original) => format!("{label} is a copy of {}", (self.label)(&original)),
                None => label,
            },
            What::Fault(FaultKind::Delay) => format!("{label} is held up"),
            What::FaultOver(FaultKind::Delay) => format!("{label} may go on"),
            What::Fault(FaultKind::Partition) => format!("nothing from {} arrives", from()),
            What::FaultOver(FaultKind::Partition) => format!("what {} sends arrives again", from()),
            What::Fault(FaultKind::Stall) => "handles nothing".to_owned(),
            What::FaultOver(FaultKind::Stall) => "goes on".to_owned(),
            What::Fault(FaultKind::Full) => "its queue takes nothing".to_owned(),
            What::FaultOver(FaultKind::Full) => "its queue takes what there is room for".to_owned(),
            What::Fault(FaultKind::Skew) => format!("its clock is off by {}", event.text),
            What::FaultOver(FaultKind::Skew) => "its clock is right".to_owned(),
            _ => label,
        }
    }

    fn aside(&self, event: &Event) -> String {
        match event.what {
            What::SetTimer { tag, deadline } => format!("set-timer {} due at {}", tag.0, time(deadline)),
            What::CancelTimer { tag } => format!("cancel-timer {}", tag.0),
            What::Choose { options, value } => format!("choose {value} of {options}"),
            What::Wait { on } => format!("wait for {}: {}", who::worker(on, self.names()), event.text),
            What::Waited => format!("waited: {}", event.text),
            What::Crash(_) if !event.text.is_empty() => format!("{}: {}", event.what.word(), event.text),
            _ if event.text.is_empty() => event.what.word().to_owned(),
            _ => format!("{} {}", event.what.word(), event.text),
        }
    }

    /// Which timer fired, and when.
    fn timer(&self, event: &Event) -> Option<String> {
        if event.header.kind() != InputKind::Timer {
            return None;
        }
        let Root::Timer(at, life, nth) = event.header.id.chain() else { return None };
        let tag = self.tags.get(&(at, life)).and_then(|tags| tags.get(nth as usize));
        let tag = tag.map_or(String::new(), |tag| format!(" tag {}", tag.0));
        Some(format!("{tag} at {}", time(event.moment.time)))
    }

    fn names(&self) -> &Names {
        &self.trace.conditions.names
    }
}

/// What happened to a message, as one says of it afterwards.
fn in_past(event: &Event) -> String {
    let word = match event.what {
        What::Arrive => "arrived",
        What::Park { .. } => "parked",
        What::Release => "released",
        What::Hold => "held",
        What::Admit => "admitted",
        What::Stall => "stalled",
        What::Resume => "resumed",
        What::Route => "routed",
        What::Restart => return format!("life {} begins", event.life.0),
        _ => event.what.word(),
    };
    match event.lane {
        Lane::Shard(shard) => format!("{word} at shard {shard}"),
        _ => word.to_owned(),
    }
}

/// A point in time, with as few digits as say it, in ASCII.
pub(crate) fn time(time: Time) -> String {
    let since: Duration = time.since_start();
    format!("{since:?}").replace('µ', "u")
}

/// Whether a payload says anything: `()` does not.
pub(crate) fn says_something(payload: &str) -> bool {
    !payload.is_empty() && payload != "()"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::rows;
    use crate::stage::{Said, Stage};
    use raddle_core::DropReason;

    /// What a whole trace says, a row a line, with the fates of sends.
    #[track_caller]
    fn check(trace: &Trace, expected: &[&str]) {
        let label = |id: &MessageId| id.display(&trace.conditions.names).to_string();
        let phrases = Phrases::new(trace, &label);
        let places: Vec<usize> = (0..trace.events.len()).collect();
        let say = |row: &Row| match phrases.fate(row).filter(|_| matches!(row.form, Form::Send(_))) {
            Some(fate) => format!("{} {fate}", phrases.text(row)),
            None => phrases.text(row),
        };
        assert_eq!(rows(trace, &places).iter().map(say).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn timers_say_which_and_when() {
        let mut stage = Stage::new("clock", ["a"], [("bank", "a", "go")], |_, heard, out| match heard {
            "go" => {
                out.set_timer(TimerTag(7), Duration::from_micros(1_500));
                out.set_timer(TimerTag(8), Duration::from_secs(2));
                out.cancel_timer(TimerTag(8));
            }
            _ => out.mark("rang"),
        });
        stage.external(0);
        stage.fire("a/0@timer#0");
        check(
            &stage.finish(),
            &[
                "bank#0",
                "set-timer 7 due at 1.5ms",
                "set-timer 8 due at 2s",
                "cancel-timer 8",
                "a/0@timer#0 tag 7 at 1.5ms",
                "mark rang",
            ],
        );
    }

    #[test]
    fn waiting_says_for_what() {
        let mut stage = Stage::new("order", ["a", "b"], [("bank", "a", "go")], |me, _, out| {
            if me == "a" {
                out.notify(["b", "b", "zed"], Said("hi"));
                out.wait("b", "answer");
                out.waited("answer");
            }
        });
        stage.external(0);
        stage.park("bank#0.1", 1);
        stage.deliver("bank#0.0");
        stage.release("bank#0.1");
        check(
            &stage.finish(),
            &[
                "bank#0",
                "bank#0.0",
                "bank#0.1",
                "bank#0.2 drop(unknown-worker), to zed",
                "wait for b: answer",
                "waited: answer",
                "bank#0.1 parked until bank#0.0",
                "bank#0.0",
                "bank#0.1 released",
            ],
        );
    }

    #[test]
    fn a_send_says_what_became_of_it_at_once() {
        let mut stage = Stage::new("full", ["a", "b"], [("bank", "a", "go")], |me, _, out| {
            if me == "a" {
                out.notify(["b", "b", "b"], Said("hi"));
            }
        });
        stage.external(0);
        stage.lose("bank#0.0", DropReason::Full);
        stage.say("bank#0.1", What::Hold);
        check(&stage.finish(), &["bank#0", "bank#0.0 drop(full)", "bank#0.1 held", "bank#0.2"]);
    }
}
