//! What a system says of its machines and their inputs beside their handlers: how they are hashed, copied, named, written
//! down, how long they may take, and what of them commutes or may fail. All of it is optional, and a plan has it as the system was given it.

use std::sync::Arc;
use std::time::Duration;

use crate::codec::Codec;
use crate::fault::FaultKind;
use crate::header::{Header, Input};
use crate::machine::StateMachine;
use crate::text::MessageText;

/// All of it.
pub(crate) struct Hooks<M: StateMachine> {
    pub(crate) state_hash: Option<StateHash<M>>,
    pub(crate) input_hash: Option<InputHash<M>>,
    pub(crate) fork: Option<Fork<M>>,
    pub(crate) assign: Option<Assign<M>>,
    pub(crate) state_kind: Option<StateKind<M>>,
    pub(crate) message_kind: Option<MessageKind<M>>,
    pub(crate) commuting: Option<Commuting<M>>,
    pub(crate) fault_when: Vec<(FaultKind, FaultWhen<M>)>,
    pub(crate) codec: Option<Codec<M>>,
    pub(crate) message_text: Option<MessageText<M::Message>>,
    pub(crate) step_limit: Duration,
}

pub(crate) type StateHash<M> = Arc<dyn Fn(&M) -> u64 + Send + Sync>;
/// How to copy a machine.
pub type Fork<M> = Arc<dyn Fn(&M) -> M + Send + Sync>;
/// How to make a machine equal to another, keeping its memory.
pub type Assign<M> = Arc<dyn Fn(&mut M, &M) + Send + Sync>;
pub(crate) type StateKind<M> = Arc<dyn Fn(&M) -> &'static str + Send + Sync>;
/// Whether a fault may befall a message: [`System::fault_when`](crate::System::fault_when).
pub(crate) type FaultWhen<M> = Arc<dyn Fn(&Header, &Input<M>) -> bool + Send + Sync>;
pub(crate) type MessageKind<M> = Arc<dyn Fn(&Input<M>) -> &'static str + Send + Sync>;
pub(crate) type InputHash<M> = Arc<dyn Fn(&Input<M>) -> u64 + Send + Sync>;
/// Whether two inputs of one worker may be handled in either order: [`System::commuting`](crate::System::commuting).
pub type Commuting<M> = Arc<dyn Fn(&Input<M>, &Input<M>) -> bool + Send + Sync>;

impl<M: StateMachine> Default for Hooks<M> {
    fn default() -> Self {
        Self {
            state_hash: None,
            input_hash: None,
            fork: None,
            assign: None,
            state_kind: None,
            message_kind: None,
            commuting: None,
            fault_when: Vec::new(),
            codec: None,
            message_text: None,
            step_limit: Duration::from_secs(10),
        }
    }
}

impl<M: StateMachine> Clone for Hooks<M> {
    fn clone(&self) -> Self {
        Self {
            state_hash: self.state_hash.clone(),
            input_hash: self.input_hash.clone(),
            fork: self.fork.clone(),
            assign: self.assign.clone(),
            state_kind: self.state_kind.clone(),
            message_kind: self.message_kind.clone(),
            commuting: self.commuting.clone(),
            fault_when: self.fault_when.clone(),
            codec: self.codec,
            message_text: self.message_text,
            step_limit: self.step_limit,
        }
    }
}
