//! What the machines and messages of a system can do, or say of themselves, beside what all can: each a hook that one bound
//! makes possible.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::System;
use crate::codec::Codec;
use crate::header::Input;
use crate::machine::StateMachine;
use crate::state_hash::state_hash;
use crate::text::MessageText;

impl<M: StateMachine> System<M> {
    /// Lets final states be compared and visited states be told apart. Messages in flight are part of a state, so they
    /// must be hashable too.
    #[must_use]
    pub fn hashed(mut self) -> Self
    where
        M: Clone + Hash,
        M::Message: Hash,
        M::Update: Hash,
    {
        self.hooks.state_hash = Some(Arc::new(|machine: &M| state_hash(machine)));
        self.hooks.input_hash = Some(Arc::new(|input: &Input<M>| match input {
            Input::Start => state_hash(&0_u8),
            Input::Message(message) => state_hash(&(1_u8, message)),
            Input::Update(update) => state_hash(&(2_u8, update)),
            Input::Timer(tag) => state_hash(&(3_u8, tag)),
            Input::Query(query) => state_hash(&(4_u8, query)),
        }));
        self.forkable()
    }

    /// Lets a run be forked in the middle.
    #[must_use]
    pub fn forkable(mut self) -> Self
    where
        M: Clone,
    {
        self.hooks.fork = Some(Arc::new(M::clone));
        self.hooks.assign = Some(Arc::new(M::clone_from));
        self
    }

    /// Lets a run be saved along with its messages, where these were generated and are not those of this system: the
    /// findings of [`raddle::proptest`](https://docs.rs/raddle). They are written down as RON.
    ///
    /// ```
    /// use raddle_core::{Outbox, StateMachine, System};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Clone, Debug, Serialize, Deserialize)]
    /// struct Bid { lot: u32, amount: u32 }
    /// struct Bidder;
    /// impl StateMachine for Bidder {
    ///     type Message = Bid;
    ///     type Update = u32;
    ///     fn on_message(&mut self, _: Bid, _: &mut Outbox<u32>) {}
    ///     fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
    /// }
    ///
    /// let auction = System::new("auction").workers(["ann", "bob"], |_| Bidder).savable();
    /// let text = auction.message_text().expect("it is savable");
    /// assert_eq!(text.write(&Bid { lot: 1, amount: 30 })?, "(lot:1,amount:30)");
    /// # Ok::<(), raddle_core::TextError>(())
    /// ```
    #[must_use]
    pub fn savable(mut self) -> Self
    where
        M::Message: Serialize + DeserializeOwned,
    {
        self.hooks.message_text = Some(MessageText::new());
        self
    }

    /// How its messages become text, if it said so.
    #[must_use]
    pub const fn message_text(&self) -> Option<MessageText<M::Message>> {
        self.hooks.message_text
    }

    /// Lets every worker be an operating system process. Inputs, updates and states then go between processes, so all of
    /// them must be serializable. Such a system is [savable](Self::savable) too.
    ///
    /// ```
    /// use raddle_core::{Outbox, StateMachine, System};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Till { cash: i64 }
    /// impl StateMachine for Till {
    ///     type Message = i64;
    ///     type Update = i64;
    ///     fn on_message(&mut self, amount: i64, _: &mut Outbox<i64>) { self.cash += amount; }
    ///     fn on_update(&mut self, amount: i64, _: &mut Outbox<i64>) { self.cash += amount; }
    /// }
    ///
    /// let system = System::new("shop").workers(["till"], |_| Till { cash: 0 }).on_processes();
    /// assert!(system.plan()?.codec().is_some());
    /// # Ok::<(), raddle_core::SystemError>(())
    /// ```
    #[must_use]
    pub fn on_processes(mut self) -> Self
    where
        M: Serialize + DeserializeOwned,
        M::Message: Serialize + DeserializeOwned,
        M::Update: Serialize + DeserializeOwned,
    {
        self.hooks.codec = Some(Codec::new());
        self.savable()
    }

    /// How long one step of a simulated run may take before its handler counts as one that never returns: 10 s unless told
    /// otherwise. More where handlers are slow, or are stopped in a debugger.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use raddle_core::{Outbox, StateMachine, System};
    ///
    /// struct Solver;
    /// impl StateMachine for Solver {
    ///     type Message = u32;
    ///     type Update = u32;
    ///     fn on_message(&mut self, _: u32, _: &mut Outbox<u32>) {}
    ///     fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
    /// }
    ///
    /// let system = System::new("slow").workers(["solver"], |_| Solver).step_limit(Duration::from_secs(60));
    /// assert_eq!(system.plan()?.step_limit(), Duration::from_secs(60));
    /// # Ok::<(), raddle_core::SystemError>(())
    /// ```
    #[must_use]
    pub const fn step_limit(mut self, limit: Duration) -> Self {
        self.hooks.step_limit = limit;
        self
    }

    /// Says in which kind of state a machine is, in a word (`leader`, `waiting`). Searches then count which worker
    /// handled which kind of input in which kind of state: the coverage of their reports.
    #[must_use]
    pub fn state_kind(mut self, kind: impl Fn(&M) -> &'static str + Send + Sync + 'static) -> Self {
        self.hooks.state_kind = Some(Arc::new(kind));
        self
    }

    /// Says of which kind an input is, in a word, for the coverage of searches; without it, one of
    /// [`InputKind::word`](crate::InputKind::word).
    #[must_use]
    pub fn message_kind(mut self, kind: impl Fn(&Input<M>) -> &'static str + Send + Sync + 'static) -> Self {
        self.hooks.message_kind = Some(Arc::new(kind));
        self
    }
}
