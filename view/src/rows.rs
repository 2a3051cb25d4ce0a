//! Rows: what a trace says, one line each, before anybody decides how a line looks.
//!
//! Several events often tell one thing: a message arrives and is handled in the same step; an update is sent and
//! dropped at a full queue at once; a worker dies and lives again. Such events become one [`Row`]. Rows that come of one handling follow its row as
//! branches. Snapshot, figure and DOT all draw these rows, so that they never tell different stories.

use std::cmp::Ordering;
use std::collections::HashMap;

use raddle_core::{Cause, DropReason, Event, Lane, MessageId, Trace, What, WorkerId};

/// One line of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The places in the trace of the events it tells, in order; at least one.
    pub(crate) events: Vec<usize>,
    /// In whose column it begins.
    pub(crate) at: WorkerId,
    /// What is drawn.
    pub(crate) form: Form,
    /// How it hangs together with the row above.
    pub(crate) tie: Tie,
}

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Something happens to a message at a worker.
    Point(State),
    /// A worker sends; how far it comes at once.
    Send(State),
    /// A worker does not send what its handler wanted to send.
    Refused,
    /// A handler says something that is no message.
    Aside,
    /// A life of a worker ends; of a handler that panics, it is a branch.
    Crash,
    /// A fault begins, at the worker that it befalls or that does not hear of its message.
    Fault,
    /// Such a fault is over.
    FaultOver,
}

/// Where a message is after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Handled.
    Handled,
    /// At an inbox.
    There,
    /// Waiting for another message, or for room.
    Waiting,
    /// At a shard.
    Passing,
    /// On its way.
    Flying,
    /// Dropped.
    Gone,
}

/// How a row hangs together with the row above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tie {
    /// It stands for itself.
    Head,
    /// It comes of the handling above.
    Branch {
        /// No other branch follows.
        last: bool,
    },
    /// It comes of a handling that is not right above.
    Loose,
}

/// The rows of the events at these places of a trace.
pub(crate) fn rows(trace: &Trace, places: &[usize]) -> Vec<Row> {
    let mut builder = Builder { trace, rows: Vec::new(), step: 0, open: HashMap::new(), head: None };
    for place in places {
        builder.add(*place);
    }
    builder.rows
}

impl Row {
    /// The event that says what became of it all.
    pub(crate) fn last<'a>(&self, trace: &'a Trace) -> &'a Event {
        &trace.events[*self.events.last().expect("a row tells at least one event")]
    }

    /// The event that it began with.
    pub(crate) fn first<'a>(&self, trace: &'a Trace) -> &'a Event {
        &trace.events[self.events[0]]
    }

    /// Whether it tells an event of this word.
    pub(crate) fn tells(&self, trace: &Trace, what: &What) -> bool {
        self.events.iter().any(|place| trace.events[*place].what == *what)
    }

    /// The message as text, from whichever event knows it; empty if none does.
    pub(crate) fn payload<'a>(&self, trace: &'a Trace) -> &'a str {
        self.events.iter().map(|place| &*trace.events[*place].payload).find(|text| !text.is_empty()).unwrap_or("")
    }

    /// Whether it comes of the handling of the row above, or of the row that one comes of.
    pub(crate) const fn is_branch(&self) -> bool {
        matches!(self.tie, Tie::Branch { .. })
    }
}

struct Builder<'a> {
    trace: &'a Trace,
    rows: Vec<Row>,
    step: u64,
    /// The last row of each message in this step, if something may carry it on.
    open: HashMap<&'a MessageId, usize>,
    /// The handling that new branches may belong to: nothing but its branches follows it yet.
    head: Option<usize>,
}

impl<'a> Builder<'a> {
    fn add(&mut self, place: usize) {
        let event = &self.trace.events[place];
        if event.moment.step != self.step {
            self.step = event.moment.step;
            self.open.clear();
        }
        if let Some(row) = self.continues(event) {
            return self.carry_on(row, place, event);
        }
        let (at, form) = (column(event), form(event));
        if let Some(row) = self.crash_before(at, event) {
            return self.rows[row].events.push(place);
        }
        let tie = match (form, event.what) {
            (Form::Point(_) | Form::Fault | Form::FaultOver, _) => Tie::Head,
            (_, What::Crash(Cause::Fault | Cause::Killed)) => Tie::Head,
            _ => self.tie(at, event),
        };
        match tie {
            Tie::Head => self.head = (event.what == What::Handle).then_some(self.rows.len()),
            Tie::Loose => self.head = None,
            Tie::Branch { .. } => {}
        }
        if let Form::Send(_) | Form::Point(_) = form {
            self.open.insert(&event.header.id, self.rows.len());
        }
        self.rows.push(Row { events: vec![place], at, form, tie });
    }

    /// The row that this event only carries on.
    fn continues(&self, event: &Event) -> Option<usize> {
        let at = *self.open.get(&event.header.id)?;
        let row = &self.rows[at];
        let fits = match row.form {
            Form::Send(_) => is_fate(event),
            _ => row.at == column(event) && follows(row.last(self.trace), event),
        };
        fits.then_some(at)
    }

    /// The end of the life after which this one begins at once.
    fn crash_before(&self, at: WorkerId, event: &Event) -> Option<usize> {
        let in_this_step = |row: &&Row| row.last(self.trace).moment.step == self.step;
        let rows = self.rows.iter().rev().take_while(in_this_step).filter(|_| event.what == What::Restart);
        let dead = rows.enumerate().find(|(_, row)| row.at == at && row.form == Form::Crash && row.events.len() == 1);
        dead.map(|(back, _)| self.rows.len() - 1 - back)
    }

    /// Lets a row tell one more event. A point moves to where the event is: what came between (others were admitted
    /// for its room) came before, and branches follow right below.
    fn carry_on(&mut self, at: usize, place: usize, event: &Event) {
        let row = &mut self.rows[at];
        row.events.push(place);
        if let Form::Send(state) = &mut row.form {
            *state = state_after(event);
            return;
        }
        row.form = Form::Point(state_after(event));
        let end = self.rows.len() - 1;
        self.rows[at..].rotate_left(1);
        for row in self.open.values_mut() {
            match (*row).cmp(&at) {
                Ordering::Less => {}
                Ordering::Equal => *row = end,
                Ordering::Greater => *row -= 1,
            }
        }
        self.head = (event.what == What::Handle).then_some(end);
    }

    /// How a row that comes of a handling hangs together with what is there.
    fn tie(&mut self, at: WorkerId, event: &Event) -> Tie {
        let Some(head) = self.head else { return Tie::Loose };
        let cause = &self.rows[head].last(self.trace).header.id;
        if self.rows[head].at != at || !comes_of(event, cause) {
            return Tie::Loose;
        }
        if let Some(Row { tie: Tie::Branch { last }, .. }) = self.rows.last_mut() {
            *last = false;
        }
        Tie::Branch { last: true }
    }
}

/// In whose column an event is drawn: that of its worker, and at a shard that of the worker it is for.
pub(crate) fn column(event: &Event) -> WorkerId {
    match event.lane {
        Lane::Worker(worker) | Lane::Inbox(worker) => worker,
        Lane::Shard(_) | Lane::Network => event.header.to,
    }
}

fn form(event: &Event) -> Form {
    match (event.lane, event.what) {
        (_, What::Emit) => Form::Send(State::Flying),
        (_, What::DepthRefused | What::CycleBroken) | (Lane::Worker(_), What::Drop(_)) => Form::Refused,
        (_, What::Crash(_)) => Form::Crash,
        (_, What::Fault(_)) => Form::Fault,
        (_, What::FaultOver(_)) => Form::FaultOver,
        _ if is_said(&event.what) => Form::Aside,
        _ => Form::Point(state_after(event)),
    }
}

/// What a handler says beside messages.
const fn is_said(what: &What) -> bool {
    matches!(
        what,
        What::SetTimer { .. }
            | What::CancelTimer { .. }
            | What::Choose { .. }
            | What::Wait { .. }
            | What::Waited
            | What::Mark
    )
}

const fn state_after(event: &Event) -> State {
    match (event.lane, event.what) {
        (_, What::Handle) => State::Handled,
        (_, What::Drop(_) | What::Nack) => State::Gone,
        (_, What::Park { .. } | What::Hold | What::Stall) => State::Waiting,
        (Lane::Shard(_) | Lane::Network, _) => State::Passing,
        (_, What::Emit) => State::Flying,
        _ => State::There,
    }
}

/// What can become of an update in the step of its send, at the inbox or shard that it goes to.
const fn is_fate(event: &Event) -> bool {
    let at_target = matches!(event.lane, Lane::Inbox(_) | Lane::Shard(_));
    at_target && matches!(event.what, What::Hold | What::Stall | What::Nack | What::Drop(_))
}

/// Whether the second event only carries on the first, of the same message in the same step.
const fn follows(before: &Event, event: &Event) -> bool {
    match before.what {
        What::Route => matches!(event.what, What::Arrive),
        What::Nack => matches!(event.what, What::Drop(DropReason::Nack)),
        What::Arrive | What::Release => matches!(
            event.what,
            What::Handle | What::Park { .. } | What::Hold | What::Stall | What::Nack | What::Drop(_)
        ),
        _ => false,
    }
}

/// Whether an event comes of the handling of `cause`.
fn comes_of(event: &Event, cause: &MessageId) -> bool {
    let id = &event.header.id;
    match form(event) {
        Form::Send(_) | Form::Refused => {
            id.chain() == cause.chain() && id.path().split_last().is_some_and(|(_, path)| path == cause.path())
        }
        _ => id == cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{self, Stage};

    #[track_caller]
    fn check(trace: &Trace, expected: &[(&[&str], Form, Tie)]) {
        let places: Vec<usize> = (0..trace.events.len()).collect();
        let rows = rows(trace, &places);
        let words = |row: &Row| row.events.iter().map(|place| trace.events[*place].what.word()).collect::<Vec<_>>();
        let found: Vec<_> = rows.iter().map(|row| (words(row), row.form, row.tie)).collect();
        let expected: Vec<_> = expected.iter().map(|(words, form, tie)| (words.to_vec(), *form, *tie)).collect();
        assert_eq!(found, expected);
    }

    const HANDLED: Form = Form::Point(State::Handled);
    const FLYING: Form = Form::Send(State::Flying);
    const MORE: Tie = Tie::Branch { last: false };
    const LAST: Tie = Tie::Branch { last: true };

    #[test]
    fn arriving_and_handling_is_one_row_and_sends_are_its_branches() {
        check(
            &stage::triangle(),
            &[
                (&["arrive", "handle"], HANDLED, Tie::Head),
                (&["emit"], FLYING, MORE),
                (&["emit"], FLYING, LAST),
                (&["arrive", "handle"], HANDLED, Tie::Head),
                (&["emit"], FLYING, LAST),
                (&["arrive", "handle"], HANDLED, Tie::Head),
                (&["arrive", "handle"], HANDLED, Tie::Head),
            ],
        );
    }

    #[test]
    fn a_send_that_is_dropped_at_once_is_one_row() {
        let mut stage = Stage::new("full", ["a", "b"], [("bank", "a", "go")], |me, _, out| {
            if me == "a" {
                out.notify(["b", "b"], stage::Said("hi"));
            }
        });
        stage.external(0);
        stage.lose("bank#0.0", DropReason::Full);
        check(
            &stage.finish(),
            &[
                (&["arrive", "handle"], HANDLED, Tie::Head),
                (&["emit", "drop(full)"], Form::Send(State::Gone), MORE),
                (&["emit"], FLYING, LAST),
            ],
        );
    }

    #[test]
    fn what_comes_between_arriving_and_handling_stands_before() {
        let mut stage = Stage::new("held", ["a", "b"], [("bank", "a", "go")], |me, _, out| match me {
            "a" => out.notify(["b", "b"], stage::Said("hi")),
            _ => out.mark("heard"),
        });
        stage.external(0);
        stage.say("bank#0.1", What::Hold);
        stage.arrive("bank#0.0");
        stage.say("bank#0.1", What::Admit);
        stage.handle_now("bank#0.0");
        check(
            &stage.finish(),
            &[
                (&["arrive", "handle"], HANDLED, Tie::Head),
                (&["emit"], FLYING, MORE),
                (&["emit", "hold"], Form::Send(State::Waiting), LAST),
                (&["admit"], Form::Point(State::There), Tie::Head),
                (&["arrive", "handle"], HANDLED, Tie::Head),
                (&["mark"], Form::Aside, LAST),
            ],
        );
    }

    #[test]
    fn what_happens_in_another_step_is_another_row() {
        let mut trace = stage::triangle();
        for (step, event) in trace.events.iter_mut().enumerate() {
            event.moment.step = step as u64 + 1;
        }
        let places: Vec<usize> = (0..trace.events.len()).collect();
        assert_eq!(rows(&trace, &places).len(), trace.events.len());
    }

    #[test]
    fn a_branch_without_its_stem_is_loose() {
        let trace = stage::triangle();
        let emit = trace.events.iter().position(|event| event.what == What::Emit).expect("m1 is sent");
        assert_eq!(rows(&trace, &[emit])[0].tie, Tie::Loose);
    }

    #[test]
    fn a_crash_and_the_life_after_it_are_one_row() {
        let trace = stage::faulted();
        let places: Vec<usize> = (0..trace.events.len()).collect();
        let rows = rows(&trace, &places);
        let crashes: Vec<_> =
            rows.iter().filter(|row| row.form == Form::Crash).map(|row| (row.events.len(), row.tie)).collect();
        assert_eq!(crashes, [(2, Tie::Head), (1, Tie::Head)]);
        let restart = trace.events.iter().position(|event| event.what == What::Restart).expect("bob lives again");
        assert_eq!(super::rows(&trace, &[restart])[0].form, Form::Point(State::There));
    }
}
