//! `raddle explore`: search the runs of a system for one that breaks a law.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use raddle_sim::{CHECKPOINT_EVERY, Report, SEEDS_DEFAULT, Settings, StrategyKind};

use super::context::{Built, Context};
use super::exit::{Exit, Trouble, refuse};
use super::options::{How, Shrinking, Variant, duration};
use super::progress::Bar;
use super::report;
use super::shard::{Shard, ShardLine};
use crate::any::Search;
use crate::corpus;
use crate::words;

/// Search the runs of a system for one that breaks a law
#[derive(Debug, clap::Args)]
pub(crate) struct Explore {
    /// The system
    system: String,
    #[command(flatten)]
    variant: Variant,
    #[command(flatten)]
    how: How,
    /// Try so many seeds, or those of a range [default: 10000]
    #[arg(long, value_name = "N|A..B", value_parser = seeds)]
    seeds: Option<Range<u64>>,
    /// Do only part I of N of the seeds, from 1/N to N/N, on each machine of a fleet; `merge` joins the reports
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// End the search after this long; without --seeds, try seeds until then
    #[arg(long, value_name = "TIME", value_parser = duration)]
    time: Option<Duration>,
    /// Do so many runs at once; the result does not depend on it [default: one a processor]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Let an exhaustive search that is ended early, or killed, go on from this file: read if it is there, written while it
    /// goes on and when it is ended, gone when it is complete
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Write the checkpoint this often while the search goes on, or less often if it is large [default: 1m]
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "checkpoint")]
    checkpoint_every: Option<Duration>,
    /// Count a search as unknown if it never reached what some run should reach
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    shrinking: Shrinking,
    /// Save what is found below this folder [default: seeds, unless CI is set]
    #[arg(long, value_name = "DIR", conflicts_with = "no_save")]
    save: Option<PathBuf>,
    /// Save nothing
    #[arg(long)]
    no_save: bool,
    /// How to print: for people, one JSON object a line (the last is the report), or with GitHub annotations
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
    Github,
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    words::seeds(text).map_err(|expected| format!("expected {expected}"))
}

impl Explore {
    pub(crate) fn perform(&self, context: &Context) -> Result<Exit, Trouble> {
        let built = context.build(&self.system, &self.variant)?;
        let asked = self.seeds.clone().or(context.environment.seeds());
        let is_exhaustive = matches!(self.how.strategy(context), StrategyKind::Exhaustive(_));
        if self.checkpoint.is_some() && !is_exhaustive {
            refuse!("--checkpoint is for exhaustive search: add `--strategy dpor`");
        }
        if self.shard.is_some() && is_exhaustive {
            refuse!("an exhaustive search has no shards, as it has no seeds: leave out --shard, or sample");
        }
        let mut search = self.search(asked.clone(), &built.settings, context);
        search.variant = built.args.values().clone();
        search.variant.extend(built.args.bug().map(|bug| ("bug".to_owned(), bug.to_owned())));
        let whole = search.seeds.clone();
        if let Some(shard) = self.shard {
            search.seeds = shard.part(&whole);
        }
        if whole.is_empty() {
            context.complain("nothing ran: there is no seed to try; `--seeds 1000` tries a thousand");
            return Ok(Exit::NothingRan);
        }
        context.stop_on_ctrl_c();
        let bar = Bar::new(&self.system, search.time.filter(|_| asked.is_none() && !is_exhaustive));
        let shown = bar.clone();
        let search = Search { progress: Some(Arc::new(move |so_far| shown.show(so_far))), ..search };
        let result = built.system.explore(&search);
        bar.clear();
        let mut report = result?;
        let exit = report::verdict(&report, asked.is_some(), self.strict);
        let saved = self.save(&built, &mut report, context);
        let shard = self.shard.map(|shard| ShardLine::of(shard, whole, asked.is_some(), &report));
        self.print(&built, &report, exit, &saved, shard, context)?;
        match saved {
            // Everything is printed; what was asked for could not be done all the same.
            Saved::Failed(text) if self.save.is_some() => refuse!("{text}"),
            Saved::Failed(text) => context.complain(&text),
            _ => {}
        }
        Ok(exit)
    }

    fn search(&self, asked: Option<Range<u64>>, default_settings: &Settings, context: &Context) -> Search {
        let environment = &context.environment;
        let time = self.time.or(environment.time);
        let default = if time.is_some() { 0..u64::MAX } else { 0..SEEDS_DEFAULT };
        let (strategy, mut seeds) = (self.how.strategy(context), asked.unwrap_or(default));
        if strategy.ignores_seed() {
            // One run is all there is, also for a fleet.
            seeds.end = seeds.end.min(seeds.start.saturating_add(1));
        }
        Search {
            settings: self.how.settings(default_settings, context),
            strategy,
            seeds,
            laws: self.how.laws.clone(),
            jobs: self.jobs.or(environment.jobs).unwrap_or(0),
            time,
            shrink: self.shrinking.budget(),
            stop: Arc::clone(&context.stop),
            progress: None,
            checkpoint: self.checkpoint.clone(),
            checkpoint_every: self.checkpoint_every.unwrap_or(CHECKPOINT_EVERY),
            variant: IndexMap::new(),
        }
    }

    /// Saves what was found.
    fn save(&self, built: &Built, report: &mut Report, context: &Context) -> Saved {
        let Some(found) = &report.found else { return Saved::Nothing };
        if found.violation.law == "determinism" {
            return Saved::Useless;
        }
        let folder = self.save.clone().or_else(|| context.environment.folder(PathBuf::from("seeds")));
        let Some(folder) = folder.filter(|_| !self.no_save) else { return Saved::Unwanted };
        let mut first = None;
        let also = report.exhausted.as_ref().map_or(0, |exhausted| exhausted.also.len());
        for at in 0..=also {
            let found = report::all_found(report).nth(at).expect("there are so many");
            let Ok(mut finding) = built.system.finding(report, found) else { return Saved::Useless };
            finding.bug = built.args.bug().map(str::to_owned);
            finding.params = built.args.values().clone();
            let path = match corpus::save(&finding, &folder) {
                Ok(path) => path,
                Err(error) => {
                    return Saved::Failed(format!("{error}; the run is not saved, its `replay:` line does it again"));
                }
            };
            let others = report.exhausted.iter_mut().flat_map(|exhausted| &mut exhausted.also);
            if let Some(found) = report.found.iter_mut().chain(others).nth(at) {
                found.saved = Some(path.clone());
            }
            first.get_or_insert(path);
        }
        first.map_or(Saved::Nothing, Saved::At)
    }

    fn print(
        &self,
        built: &Built,
        report: &Report,
        exit: Exit,
        saved: &Saved,
        shard: Option<ShardLine>,
        context: &Context,
    ) -> Result<(), Trouble> {
        let resolved = report::resolved(built, report);
        let Some(found) = &report.found else {
            return context.print(&match self.format {
                Format::Json => report::json(report, exit, resolved, shard, None)?,
                Format::Text | Format::Github => report::text(report, &resolved, exit, context.look),
            });
        };
        let whole = report::replay_line(context, built, report, found.seed);
        let failure = report::failure(report, found);
        let others = report.exhausted.iter().flat_map(|exhausted| &exhausted.also);
        let others = others.map(|found| {
            let failure = report::failure(report, found);
            "\n".to_owned()
                + &found.saved.iter().fold(failure, |failure, path| failure.saved(path)).render(context.look)
        });
        let failure = match saved {
            Saved::At(path) => {
                failure.note("replay", format!("{} replay {}", context.program, path.display())).saved(path)
            }
            Saved::Useless => {
                failure.note("replay", &whole).note("saved", "no: a run that differs from itself is no test")
            }
            _ => failure.note("replay", &whole),
        };
        context.print(&match self.format {
            Format::Text => failure.render(context.look) + &others.collect::<String>(),
            Format::Json => report::json(report, exit, resolved, shard, Some(&whole))?,
            Format::Github => failure.render(context.look) + "\n" + &report::github(report, found, &whole),
        })
    }
}

/// What became of a finding.
enum Saved {
    Nothing,
    Unwanted,
    /// It would not do the run again.
    Useless,
    At(PathBuf),
    Failed(String),
}
