//! The core of raddle: everything that decides, for every driver.
//!
//! Workers with state machines, inboxes, the coordinator, clocks, depth, order and events; no thread, clock, socket
//! or file. A driver (the simulator in `raddle-sim`, real threads in `raddle-runtime`) moves values between these
//! parts and tells the time; it decides nothing.
//!
//! Where to start: [`System`] is what users build, [`Worker::handle`] is where their code runs, [`Inbox`] is where
//! updates wait, [`What`] is everything that can be observed.
#![forbid(unsafe_code)]

mod ask;
mod away;
mod barrier;
mod bounded;
mod clock;
mod codec;
mod commit;
mod coordinator;
mod digest;
mod event;
mod fault;
mod few;
pub mod fnv;
mod header;
mod hooks;
mod ids;
mod inbox;
mod keyed;
mod lists;
mod lives;
mod lobby;
mod machine;
mod names;
mod outbox;
pub mod panics;
mod pick;
mod plan;
mod policy;
mod property;
pub mod random;
mod readiness;
pub mod recording;
mod rules;
mod sabotage;
mod sending;
mod session;
mod shard;
mod state_hash;
mod subscriptions;
mod system;
mod text;
mod tombstones;
mod trace;
mod voice;
mod worker;
mod workload;

pub use ask::{Ask, Manner};
pub use away::{Answer, Away, Errand, Said};
pub use barrier::{Barrier, Barriers, Watermark};
pub use bounded::{Bounded, Offered};
pub use clock::{Causality, VectorClock};
pub use codec::{Codec, CodecError};
pub use coordinator::{Coordinator, Hop, jump_hash};
pub use digest::{Digest, Digester};
pub use event::{Cause, DropReason, EventRef, Lane, Moment, Sink, What};
pub use fault::FaultKind;
pub use header::{Envelope, Header, Input, InputKind, Outlet, Outputs};
pub use hooks::{Assign, Commuting, Fork};
pub use ids::{
    COPIES_MAX, Depth, Incarnation, LinkNumber, MessageId, OUTPUTS_MAX, ParseIdError, Party, Root, SourceId, Time,
    WorkerId,
};
pub use inbox::{Desk, Inbox};
pub use keyed::{ByKey, Keyed};
pub use lists::copy_list;
pub use machine::{Seat, StateMachine, TimerTag};
pub use names::{NameError, Names, WORKERS_MAX, is_name};
pub use outbox::{Beyond, Choices, Outbox, Targets};
pub use pick::{Picker, Queue};
pub use plan::{External, Plan};
pub use policy::{Cycles, OnFull, Order, Pick, Placement, Policies, Recovery, Restart, SetError};
pub use property::{Predicate, Property, Snapshot, When, Why};
pub use readiness::{Readiness, Turn};
pub use rules::{Edges, Rules};
pub use sabotage::Sabotage;
pub use session::Token;
pub use shard::{Shard, ShardTask};
pub use subscriptions::{SubscriptionError, Subscriptions};
pub use system::{System, SystemError};
pub use text::{MessageText, TextError};
pub use trace::{Conditions, Counting, End, EndReason, Event, Parked, Recorder, Trace};
pub use worker::{Handled, Timer, Worker};
