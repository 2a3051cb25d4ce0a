//! The workload of a finding, where it is not the system's own: messages that were generated, written down one by one.

use raddle_core::{StateMachine, System};
use ron::value::RawValue;
use serde::{Deserialize, Serialize};

use crate::finding::{Finding, FindingError};

/// A message from outside, in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedMessage {
    /// Who sends it.
    pub source: String,
    /// Its number at its source.
    pub number: u32,
    /// Whom it is for.
    pub to: String,
    /// What it says: RON within RON.
    message: Box<RawValue>,
}

impl SavedMessage {
    /// What it says, as the system [writes](System::savable) its messages.
    #[must_use]
    pub fn message(&self) -> &str {
        self.message.get_ron()
    }
}

impl Finding {
    /// The same finding with the workload of this system, as it was in the run: for a workload that was generated, and is none
    /// that the system will have when the run is done again.
    ///
    /// # Errors
    /// When the system is not [savable](System::savable), cannot be run, or has sessions, whose operations cannot be saved.
    pub fn with_workload<M: StateMachine>(self, system: &System<M>) -> Result<Self, FindingError> {
        let text = system.message_text().ok_or_else(|| self.no_text())?;
        let plan = system.plan().map_err(|error| self.misfit(error.to_string()))?;
        let names = plan.names();
        if names.has_sessions() {
            return Err(self.misfit("what sessions ask cannot be saved along with a run".to_owned()));
        }
        let saved = plan.externals().iter().map(|external| {
            let (source, to) = (names.source(external.source).to_owned(), names.worker(external.to).to_owned());
            let number = external.number;
            let misfit = |error: String| self.misfit(format!("{source}#{number} cannot be written down: {error}"));
            let written = text.write(&external.message).map_err(|error| misfit(error.to_string()))?;
            let message = RawValue::from_boxed_ron(written.into()).map_err(|error| misfit(error.to_string()))?;
            Ok(SavedMessage { source, number, to, message })
        });
        let workload = saved.collect::<Result<_, FindingError>>()?;
        Ok(Self { workload: Some(workload), ..self })
    }

    /// The system with the workload of this run, if that is another than its own.
    ///
    /// # Errors
    /// When the system is not [savable](System::savable), or a message is none of its messages.
    pub fn apply_workload<M: StateMachine>(&self, system: System<M>) -> Result<System<M>, FindingError> {
        let Some(workload) = &self.workload else { return Ok(system) };
        let text = system.message_text().ok_or_else(|| self.no_text())?;
        let system = system.without_messages().messages_in_all(workload.len() as u64);
        workload.iter().try_fold(system, |system, SavedMessage { source, number, to, message }| {
            let misfit = |error| self.misfit(format!("{source}#{number} of its workload cannot be read: {error}"));
            let message = text.read(message.get_ron()).map_err(misfit)?;
            Ok(system.numbered_messages(source, [(*number, to, message)]))
        })
    }

    fn no_text(&self) -> FindingError {
        FindingError::NoText { system: self.system.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use raddle_core::{Ask, Outbox};

    use super::*;
    use crate::explore::Found;
    use crate::replay::{Outcome, ReplayError, replay};
    use crate::run::Runner;
    use crate::settings::Settings;
    use crate::strategy::DefaultOrder;

    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Bid {
        by: String,
        amount: u32,
    }

    #[derive(Default)]
    struct Bidder {
        highest: u32,
    }

    impl StateMachine for Bidder {
        type Message = Bid;
        type Update = ();

        fn on_message(&mut self, bid: Bid, _: &mut Outbox<()>) {
            self.highest = self.highest.max(bid.amount);
        }

        fn on_update(&mut self, (): (), _: &mut Outbox<()>) {}
    }

    fn bid(amount: u32) -> Bid {
        Bid { by: "a \"b\"".to_owned(), amount }
    }

    fn auction() -> System<Bidder> {
        let system = System::new("auction").workers(["ann"], |_| Bidder::default());
        system.messages("bank", [("ann", bid(1))]).always("low", |run| run.machines().all(|it| it.highest < 50))
    }

    fn finding(system: &System<Bidder>) -> Finding {
        let plan = system.plan().expect("good");
        let mut runner = Runner::new(plan.clone(), Settings::default(), None).expect("good settings");
        let found = Found::of_recording(runner.record(0, &mut DefaultOrder), 0).expect("50 is too high");
        Finding::new(&found, system, &Settings::default(), "default-order", runner.laws(), plan.names())
    }

    fn generated() -> System<Bidder> {
        auction().savable().without_messages().numbered_messages("client", [(3, "ann", bid(7)), (5, "ann", bid(50))])
    }

    #[test]
    fn a_run_is_replayed_with_the_messages_that_it_had() {
        let finding = finding(&generated()).with_workload(&generated()).expect("it is savable");
        let text = finding.to_text();
        assert!(text.contains(r#"      message: (by:"a \"b\"",amount:50),"#), "{text}");
        let read = Finding::parse(&text, Path::new("x.ron")).expect("its own text");
        assert_eq!(read, finding);
        let own_workload = auction().savable().messages_in_all(9);
        assert_eq!(replay(&own_workload, &read).expect("replays").outcome, Outcome::Same);
        // None at all is a workload, too.
        let silent = Finding { workload: Some(Vec::new()), schedule: Vec::new(), ..read };
        assert_eq!(replay(&own_workload, &silent).expect("replays").outcome, Outcome::Clean);
    }

    #[test]
    fn what_cannot_be_written_or_read_is_named() {
        let whole = finding(&generated());
        let unsavable = auction().without_messages().messages("client", [("ann", bid(50))]);
        let refused = whole.clone().with_workload(&unsavable).expect_err("nobody said how").to_string();
        assert!(refused.contains("add `.savable()`"), "{refused}");
        let session = auction().savable().session("eve", [Ask::tell("ann", bid(50))]);
        let refused = whole.clone().with_workload(&session).expect_err("a session").to_string();
        assert!(refused.contains("sessions"), "{refused}");
        let saved = whole.with_workload(&generated()).expect("it is savable");
        let replayed = |system: &System<Bidder>, text: &str| -> Result<Outcome, ReplayError> {
            let finding = Finding::parse(text, Path::new("x.ron"))?;
            Ok(replay(system, &finding)?.outcome)
        };
        let check = |system: &System<Bidder>, text: &str, expected: &str| {
            let error = replayed(system, text).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        };
        let text = saved.to_text();
        check(&auction(), &text, "add `.savable()`");
        check(&auction().savable(), &text.replace("amount:50", "total:50"), "client#5 of its workload cannot be read");
        check(&auction().savable(), &text.replace("number: 5", "number: 3"), "numbers of a source must rise");
        check(&auction().savable(), &text.replace("to: \"ann\"", "to: \"bob\""), "bob");
    }
}
