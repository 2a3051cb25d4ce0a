//! `raddle view`: a finding, a recording or a trace as text, picture or data.

use std::path::PathBuf;

use raddle_core::Trace;
use raddle_view::{Charset, Figure, Shown, dot, figure, flow, jsonl, snapshot};

use super::context::{Context, write_or_print};
use super::exit::{Exit, Trouble};
use super::load::{self, Traced};
use crate::look::Look;

/// Show a finding, the recording of a real run, or a trace
#[derive(Debug, clap::Args)]
pub(crate) struct View {
    /// A finding, a recording from `run --record`, or a trace as JSON lines
    #[arg(value_name = "FINDING|RECORDING|TRACE")]
    file: PathBuf,
    /// As what
    #[arg(long = "as", value_name = "WHAT", value_enum, default_value_t)]
    form: Form,
    /// Of a recording, show no more than its first events [default: 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "all")]
    events: Option<u64>,
    /// Of a recording, show all events
    #[arg(long)]
    all: bool,
    /// Write to this file
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Form {
    /// Text: a line an event, a column a worker
    #[default]
    Lanes,
    /// A space-time diagram for Graphviz
    Dot,
    /// Who notifies whom, summed up, for Graphviz
    Flow,
    /// Everything, for programs, one object a line
    Jsonl,
    /// Everything, for people
    Ron,
}

/// More of a recording than so many events nobody reads.
const EVENTS_MAX: u64 = 10_000;

impl View {
    pub(crate) fn perform(&self, context: &Context) -> Result<Exit, Trouble> {
        let most = if self.all { u64::MAX } else { self.events.unwrap_or(EVENTS_MAX) };
        let Traced { trace, cut, .. } = match load::trace(context, &self.file, most)? {
            Ok(traced) => traced,
            Err(exit) => return Ok(exit),
        };
        let text = match self.form {
            Form::Lanes if self.output.is_none() => lanes(&trace, context.look),
            Form::Lanes => snapshot(&trace),
            Form::Dot => dot(&trace, &Shown::all()),
            Form::Flow => flow(&trace),
            Form::Jsonl => {
                let mut text = Vec::new();
                jsonl::write(&trace, &mut text)?;
                String::from_utf8(text)?
            }
            Form::Ron => ron::ser::to_string_pretty(&raddle_view::ron(&trace), ron::ser::PrettyConfig::new())? + "\n",
        };
        write_or_print(context, self.output.as_deref(), &text)?;
        if let Some(cut) = cut {
            let more = if trace.events.len() as u64 >= most { ": `--events N` shows more, `--all` all" } else { "" };
            context.remark(&format!("this is the beginning of the run; {cut}{more}"));
        }
        Ok(Exit::Clean)
    }
}

/// A whole trace as lanes; where the reader has only ASCII, as a picture that has no more.
pub(crate) fn lanes(trace: &Trace, look: Look) -> String {
    if look.charset == Charset::Unicode {
        return snapshot(trace);
    }
    figure(trace, &Figure { charset: look.charset, max_lines: usize::MAX, max_width: look.width, ..Figure::default() })
}
