//! Views of a trace: pictures and files made of what happened.
//!
//! A view reads a [`Trace`](raddle_core::Trace) and never a running system; it judges nothing. Which one:
//!
//! - [`figure()`]: a few events as a picture in text, with notes where something went wrong. For failure reports.
//! - [`snapshot()`]: a whole run as text that diffs well. For snapshot tests.
//! - [`dot()`]: a space-time diagram for Graphviz. [`flow()`]: who notifies whom and how much is lost, summed up.
//! - [`jsonl`]: everything, for programs, to be read back exactly.
//! - [`ron()`]: everything, for people, through serde.
#![forbid(unsafe_code)]

#[cfg(test)]
mod arbitrary;
mod charset;
mod columns;
mod data;
mod dot;
mod elide;
mod figure;
mod flow;
mod graphviz;
pub mod jsonl;
mod labels;
mod line;
mod notes;
mod phrase;
mod ron;
mod rows;
mod shown;
mod snapshot;
#[cfg(test)]
mod stage;
mod who;

pub use charset::Charset;
pub use dot::dot;
pub use figure::{Figure, figure};
pub use flow::flow;
pub use labels::Labels;
pub use ron::ron;
pub use shown::{Mark, Shown, Spot};
pub use snapshot::snapshot;
