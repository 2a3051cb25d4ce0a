//! An external subscription table: who is notified is data, not code.
//!
//! RON, topic to targets: `{"prices": ["ann", "bob"], "audit": ["eve"]}`. Read once when the system is built.

use indexmap::IndexMap;

use crate::ids::WorkerId;
use crate::names::Names;

/// Topics and the workers that hear of them, in the order of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscriptions {
    topics: IndexMap<String, Vec<WorkerId>>,
}

/// A table that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionError {
    /// Not a table.
    #[error("the subscription table does not read as RON (topic to list of workers): {0}")]
    Syntax(String),
    /// A worker that does not exist.
    #[error("the subscription table sends `{topic}` to `{worker}`, and there is no such worker")]
    Unknown {
        /// The topic.
        topic: String,
        /// The name it lists.
        worker: String,
    },
}

impl Subscriptions {
    /// Reads a table.
    ///
    /// # Errors
    /// When it is not RON of this form, or names a worker that does not exist.
    pub fn from_ron(text: &str, names: &Names) -> Result<Self, SubscriptionError> {
        let table: IndexMap<String, Vec<String>> =
            ron::from_str(text).map_err(|e| SubscriptionError::Syntax(e.to_string()))?;
        let resolve = |topic: &String, worker: String| match names.worker_id(&worker) {
            Some(id) => Ok(id),
            None => Err(SubscriptionError::Unknown { topic: topic.clone(), worker }),
        };
        let topics = table
            .into_iter()
            .map(|(topic, workers)| {
                let ids = workers.into_iter().map(|w| resolve(&topic, w)).collect::<Result<_, _>>()?;
                Ok((topic, ids))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { topics })
    }

    /// Who hears of `topic`; nobody for a topic that is not in the table.
    #[must_use]
    pub fn targets(&self, topic: &str) -> &[WorkerId] {
        self.topics.get(topic).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_table_and_names_what_is_wrong() {
        let names = Names::new("test", ["ann", "bob"], ["bank"]).expect("good names");
        let table = Subscriptions::from_ron(r#"{"prices": ["bob", "ann"]}"#, &names).expect("reads");
        assert_eq!(table.targets("prices"), [WorkerId::new(1), WorkerId::new(0)]);
        assert_eq!(table.targets("weather"), []);
        let error = Subscriptions::from_ron(r#"{"prices": ["eve"]}"#, &names).expect_err("no eve");
        assert_eq!(error.to_string(), "the subscription table sends `prices` to `eve`, and there is no such worker");
        assert!(matches!(Subscriptions::from_ron("prices: 1", &names), Err(SubscriptionError::Syntax(_))));
    }
}
