//! Findings: failing runs as files that replay them, today and after the code has changed.
//!
//! A finding holds every setting as it was resolved, never a default, and the schedule by stable names. Committed
//! under `seeds/SYSTEM/LAW-DIGEST.ron`, it is a test from then on.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use raddle_core::{Digest, MessageId, Names, Policies, StateMachine, System};
use serde::{Deserialize, Serialize};

use crate::actions::Decision;
use crate::explore::Found;
use crate::faults::{FaultPlan, ParseFaultsError};
use crate::pilot::Figures;
use crate::settings::Settings;
use crate::shrink::Shrunk;
use crate::workload::SavedMessage;

/// The version of the format that this program writes, and the newest that it reads.
pub const VERSION: u32 = 1;
/// A finding larger than this is not read: no schedule is that long.
const BYTES_MAX: u64 = 64 << 20;

/// A saved run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The version of the format.
    pub version: u32,
    /// The name of the system.
    pub system: String,
    /// The planted bug that was switched on, if any.
    pub bug: Option<String>,
    /// The parameters the system was built with.
    pub params: IndexMap<String, String>,
    /// How many messages come from outside, of a workload that begins anew when it is through; if not given, each of it once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// What comes from outside, if it was generated; if not given, the workload of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<Vec<SavedMessage>>,
    /// Every policy.
    pub policies: IndexMap<String, String>,
    /// Every setting.
    pub settings: IndexMap<String, String>,
    /// How choices were made when it was found.
    pub strategy: String,
    /// The estimates that the strategy went by, if it takes any: those of the pilot of this system and these settings,
    /// so that whoever runs the seed again makes the same. A replay by schedule does not need them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pilot: Option<Figures>,
    /// The seed it was found with; draws of handlers come from it.
    pub seed: u64,
    /// The laws by which it was judged.
    pub laws: Vec<String>,
    /// The law it broke.
    pub law: String,
    /// What it broke, without what differs from run to run.
    pub signature: String,
    /// How it broke it, in a sentence.
    pub reason: String,
    /// The digest of its events.
    pub digest: Digest,
    /// What a replay is expected to come to.
    pub expectation: Expectation,
    /// What shrinking did to it, if it was shrunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shrunk: Option<Shrunk>,
    /// The ids of the messages from outside that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// Its choices by stable names.
    pub schedule: Vec<String>,
}

/// What a replay is expected to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expectation {
    /// The same violation: the bug is still there, or planted.
    Violation,
    /// No violation: the bug is fixed.
    Pass,
}

/// A finding that cannot be read, used or written.
#[derive(Debug, thiserror::Error)]
pub enum FindingError {
    /// The file system says no.
    #[error("cannot {what} `{path}`: {source}", path = path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What it says.
        source: std::io::Error,
    },
    /// Not a finding, or not all of one.
    #[error("`{path}` is not a whole finding: {why}; restore it from version control, or delete it and explore again", path = path.display())]
    Syntax {
        /// Where.
        path: PathBuf,
        /// Where in it, and what is wrong.
        why: String,
    },
    /// Written by a newer program.
    #[error("`{path}` has version {found} of the format, and this program reads up to {VERSION}: update raddle", path = path.display())]
    Version {
        /// Where.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// Its workload is not the system's own, and the system does not say how to write down or read it.
    #[error(
        "the run has messages of its own, and `{system}` does not say how they are written down: derive `Serialize` and \
         `Deserialize` for its messages and add `.savable()` to it"
    )]
    NoText {
        /// The system.
        system: String,
    },
    /// Something in it fits no longer.
    #[error("the finding does not fit `{system}`: {why}")]
    Misfit {
        /// The system.
        system: String,
        /// What does not fit.
        why: String,
    },
}

impl Finding {
    /// A run that was found, with everything it depends on.
    #[must_use]
    pub fn new<M: StateMachine>(
        found: &Found,
        system: &System<M>,
        settings: &Settings,
        strategy: &str,
        laws: &[&str],
        names: &Names,
    ) -> Self {
        let policies = system.current_policies();
        let policy = |key: &str| (key.to_owned(), policies.get(key).expect("all keys have values"));
        Self {
            version: VERSION,
            system: names.system().to_owned(),
            bug: None,
            params: IndexMap::new(),
            messages: None,
            workload: None,
            policies: Policies::KEYS.iter().map(|(key, _, _)| policy(key)).collect(),
            settings: settings.to_table(),
            strategy: strategy.to_owned(),
            pilot: found.pilot,
            seed: found.seed,
            laws: laws.iter().map(|law| (*law).to_owned()).collect(),
            law: found.violation.law.to_string(),
            signature: found.signature.clone(),
            reason: found.violation.reason.clone(),
            digest: found.digest,
            expectation: Expectation::Violation,
            shrunk: found.shrunk.clone(),
            without: found.without.iter().map(|id| id.display(names).to_string()).collect(),
            schedule: found.schedule.iter().map(|decision| decision.display(names).to_string()).collect(),
        }
    }

    /// The same finding with a simpler run.
    ///
    /// `externals` are the messages from outside that it began with: those behind the last that is needed are cut off.
    pub(crate) fn shrunk_to(&self, found: &Found, externals: &[MessageId], names: &Names) -> Self {
        let (messages, without) = match self.messages {
            None => (None, found.without.as_slice()),
            Some(_) => {
                // Those that are left out stand in the same order.
                let from_behind = externals.iter().rev().zip(found.without.iter().rev());
                let cut = from_behind.take_while(|(id, without)| id == without).count();
                (Some((externals.len() - cut) as u64), &found.without[..found.without.len() - cut])
            }
        };
        Self {
            messages,
            reason: found.violation.reason.clone(),
            digest: found.digest,
            shrunk: found.shrunk.clone(),
            without: without.iter().map(|id| id.display(names).to_string()).collect(),
            schedule: found.schedule.iter().map(|decision| decision.display(names).to_string()).collect(),
            ..self.clone()
        }
    }

    /// Reads a finding.
    ///
    /// # Errors
    /// When the file cannot be read, is not a whole finding, or is of a newer version.
    pub fn read(path: &Path) -> Result<Self, FindingError> {
        let io = |source| FindingError::Io { what: "read", path: path.to_owned(), source };
        let size = fs::metadata(path).map_err(io)?.len();
        if size > BYTES_MAX {
            let why = format!("it has {size} bytes, more than any schedule needs");
            return Err(FindingError::Syntax { path: path.to_owned(), why });
        }
        let text = fs::read(path).map_err(io)?;
        let text = String::from_utf8(text)
            .map_err(|_| FindingError::Syntax { path: path.to_owned(), why: "it is not text".to_owned() })?;
        Self::parse(&text, path)
    }

    /// Reads a finding from text; `path` is for messages.
    ///
    /// # Errors
    /// When the text is not a whole finding, or is of a newer version.
    pub fn parse(text: &str, path: &Path) -> Result<Self, FindingError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        if let Ok(Versioned { version }) = ron::from_str(text)
            && version > VERSION
        {
            return Err(FindingError::Version { path: path.to_owned(), found: version });
        }
        ron::from_str(text).map_err(|e| FindingError::Syntax { path: path.to_owned(), why: e.to_string() })
    }

    /// The text of the file, with a comment that says what it is for.
    #[must_use]
    pub fn to_text(&self) -> String {
        let style = ron::ser::PrettyConfig::new().indentor("  ".to_owned()).new_line("\n".to_owned());
        let body = ron::ser::to_string_pretty(self, style).expect("a finding is plain data");
        format!(
            "// A run of `{}` that breaks `{}`. Commit this file: it is replayed by every test from now on.\n\
             // Once the bug is fixed, set `expectation` to `pass`.\n{body}\n",
            self.system, self.law
        )
    }

    /// Where a finding is saved below a folder: `SYSTEM/LAW-DIGEST.ron`.
    #[must_use]
    pub fn path_in(&self, folder: &Path) -> PathBuf {
        let digest = self.digest.to_string();
        folder.join(&self.system).join(format!("{}-{}.ron", self.law, &digest[..8]))
    }

    /// Saves below a folder, whole or not at all. Saving the same run again changes nothing.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn save(&self, folder: &Path) -> Result<PathBuf, FindingError> {
        let path = self.path_in(folder);
        self.save_as(&path)?;
        Ok(path)
    }

    /// Saves at a path, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_as(&self, path: &Path) -> Result<(), FindingError> {
        let io = |source| FindingError::Io { what: "write", path: path.to_owned(), source };
        write_whole(path, &self.to_text()).map_err(io)
    }

    /// The system as it was when this run was found: with all its policies.
    ///
    /// # Errors
    /// When a policy is not known, not given, or does not take its value.
    pub fn apply_policies<M: StateMachine>(&self, mut system: System<M>) -> Result<System<M>, FindingError> {
        system.set_written(&self.policies).map_err(|e| self.misfit(e.to_string()))?;
        Ok(system)
    }

    /// The settings of this run.
    ///
    /// # Errors
    /// When a setting is not known, not given, or does not take its value.
    pub fn to_settings(&self) -> Result<Settings, FindingError> {
        Settings::from_table(&self.settings).map_err(|why| self.misfit(why))
    }

    /// The choices of this run.
    ///
    /// # Errors
    /// When one of them names nothing of the system.
    pub fn decisions(&self, names: &Names) -> Result<Vec<Decision>, FindingError> {
        let parse = |(at, text): (usize, &String)| {
            Decision::parse(text, names).map_err(|e| self.misfit(format!("entry {} of the schedule: {e}", at + 1)))
        };
        self.schedule.iter().enumerate().map(parse).collect()
    }

    /// The messages from outside that are left out of this run. One that the system no longer has needs no leaving out.
    ///
    /// # Errors
    /// When one of them is no id of a message.
    pub fn left_out(&self, names: &Names) -> Result<Vec<MessageId>, FindingError> {
        let parse = |text: &String| {
            MessageId::parse(text, names).map_err(|e| self.misfit(format!("a message that is left out: {e}")))
        };
        self.without.iter().map(parse).collect()
    }

    pub(crate) fn misfit(&self, why: String) -> FindingError {
        FindingError::Misfit { system: self.system.clone(), why }
    }
}

/// Writes a file, whole or not at all.
pub(crate) fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".raddle").tempfile_in(folder)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The same of a file that is written again and again, by one alone: by way of one other file, so that whoever is killed
/// meanwhile leaves no more than that.
pub(crate) fn write_over(path: &Path, text: &str) -> std::io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.new"));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = fs::File::create(&new)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all())?;
    fs::rename(&new, path)
}

impl Settings {
    /// Every setting as text.
    #[must_use]
    pub fn to_table(&self) -> IndexMap<String, String> {
        let horizon = self.horizon.map_or("none".to_owned(), |h| format!("{}ns", h.as_nanos()));
        [
            ("granularity", self.granularity.to_string()),
            ("network", self.network.to_string()),
            ("steps_max", self.steps_max.to_string()),
            ("horizon", horizon),
            ("faults", self.faults.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }

    /// Reads what [`Settings::to_table`] gives.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn from_table(table: &IndexMap<String, String>) -> Result<Self, String> {
        let known = ["granularity", "network", "steps_max", "horizon", "faults"];
        if let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!("there is no setting `{key}`"));
        }
        let get = |key: &str| table.get(key).ok_or_else(|| format!("the setting `{key}` is not given"));
        let steps = get("steps_max")?;
        let horizon = get("horizon")?;
        let to_text = |error: ParseFaultsError| error.to_string();
        let nanos = |text: &str| text.strip_suffix("ns").and_then(|n| n.parse().ok()).map(Duration::from_nanos);
        Ok(Self {
            granularity: get("granularity")?.parse()?,
            network: get("network")?.parse()?,
            steps_max: steps.parse().map_err(|_| format!("`steps_max` cannot be `{steps}`: expected a number"))?,
            // A file without it was written before there were any.
            faults: table.get("faults").map_or(Ok(FaultPlan::default()), |plan| plan.parse()).map_err(to_text)?,
            horizon: match horizon.as_str() {
                "none" => None,
                text => {
                    let bad = || format!("`horizon` cannot be `{text}`: expected `none` or nanoseconds, as `5000ns`");
                    Some(nanos(text).ok_or_else(bad)?)
                }
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shrink::Size;

    fn finding() -> Finding {
        Finding {
            version: VERSION,
            system: "triangle".to_owned(),
            bug: None,
            params: IndexMap::new(),
            messages: None,
            workload: None,
            policies: IndexMap::new(),
            settings: Settings::default().to_table(),
            strategy: "portfolio/pct(2)".to_owned(),
            pilot: Some(Figures { runs: 16, events: 30, choices: 4, messages: 30, lineages: 5, chains: 3 }),
            seed: 42,
            laws: vec!["causal-order".to_owned()],
            law: "causal-order".to_owned(),
            signature: "causal-order/overtaken@C".to_owned(),
            reason: "C handled one before the other".to_owned(),
            digest: Digest(0x9f3a_41c0_7be2_d6c1),
            expectation: Expectation::Violation,
            shrunk: None,
            without: Vec::new(),
            schedule: vec!["bank#0".to_owned(), "bank#0.1".to_owned()],
        }
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = Finding::parse(text, Path::new("x.ron")).expect_err("nonsense").to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn round_trip_and_where_it_is_saved() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = finding().save(folder.path()).expect("saves");
        assert!(path.ends_with("triangle/causal-order-9f3a41c0.ron"), "{path:?}");
        assert_eq!(Finding::read(&path).expect("reads"), finding());
        assert_eq!(finding().save(folder.path()).expect("saves again"), path);
        let older = Finding { pilot: None, ..finding() };
        assert!(!older.to_text().contains("pilot"), "what is not there is not written");
        assert_eq!(Finding::parse(&older.to_text(), &path).expect("reads without"), older);
        let without = |text: String| text.replace("    lineages: 5,\n    chains: 3,\n", "");
        let pilot = Finding::parse(&without(finding().to_text()), &path).expect("reads an older pilot").pilot;
        assert_eq!(pilot, finding().pilot.map(|pilot| Figures { lineages: 0, chains: 0, ..pilot }));
        assert_eq!(fs::read_dir(path.parent().expect("has one")).expect("lists").count(), 1);
    }

    #[test]
    fn what_shrinking_did_is_kept_and_may_be_missing() {
        let old = finding().to_text();
        assert!(!old.contains("shrunk") && !old.contains("without"), "{old}");
        for size in [Size::Minimal, Size::OneMinimal, Size::CutShort] {
            let shrunk = Shrunk { from_steps: 61, from_messages: 4, messages: 1, size, needs: "little".to_owned() };
            let finding = Finding { shrunk: Some(shrunk), without: vec!["bank#2".to_owned()], ..finding() };
            let text = finding.to_text();
            assert!(text.contains(&format!("size: \"{size}\"")), "{text}");
            assert_eq!(Finding::parse(&text, Path::new("x.ron")).expect("reads"), finding);
            refused(&text.replace(&size.to_string(), "tiny"), "expected minimal, 1-minimal or cut short");
        }
    }

    #[test]
    fn nonsense_is_named() {
        let text = finding().to_text();
        refused(&text[..text.len() / 2], "not a whole finding");
        refused(&text.replace("version: 1", "version: 2"), "update raddle");
        refused(&text.replace("seed: 42", "seed: 42, colour: 7"), "colour");
        refused(&text.replace("9f3a41c07be2d6c1", "xyz"), "16 hex digits");
        refused("", "not a whole finding");
        let folder = tempfile::tempdir().expect("a folder");
        let error = Finding::read(&folder.path().join("none.ron")).expect_err("none").to_string();
        assert!(error.contains("cannot read") && error.contains("none.ron"), "{error}");
    }

    #[test]
    fn settings_are_whole_or_refused() {
        let mut table = Settings { horizon: Some(Duration::from_millis(5)), ..Settings::default() }.to_table();
        assert_eq!(Settings::from_table(&table).expect("its own").horizon, Some(Duration::from_millis(5)));
        table.insert("horizon".to_owned(), "soon".to_owned());
        assert!(Settings::from_table(&table).expect_err("soon").contains("5000ns"));
        table.shift_remove("horizon");
        assert!(Settings::from_table(&table).expect_err("missing").contains("`horizon` is not given"));
        table.insert("colour".to_owned(), "red".to_owned());
        assert!(Settings::from_table(&table).expect_err("colour").contains("no setting `colour`"));
    }
}
