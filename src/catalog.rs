//! The catalog: systems that the command can name, each with its parameters and planted bugs.
//!
//! An [`Entry`] says how a system is built from [`Args`]; the command, the corpus and the tests need nothing else.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use indexmap::IndexMap;
use raddle_core::{StateMachine, System};
use raddle_sim::{FaultPlan, Settings};

use crate::any::AnySystem;

/// A system that can be asked for by name.
///
/// ```
/// use raddle::prelude::*;
///
/// #[derive(Default)]
/// struct Echo;
/// impl StateMachine for Echo {
///     type Message = u32;
///     type Update = u32;
///     fn on_message(&mut self, n: u32, out: &mut Outbox<u32>) { out.notify(out.me(), n); }
///     fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
/// }
///
/// let entry = Entry::new("echo", "one worker that talks to itself", |args| {
///     let messages: u32 = args.get("messages")?;
///     Ok(System::new("echo").workers(["w"], |_| Echo).messages("client", (0..messages).map(|n| ("w", n))))
/// })
/// .param("messages", "4", "messages from outside");
/// assert!(entry.args([("messages", "7")]).is_ok());
/// assert!(entry.args([("colour", "red")]).is_err());
/// ```
#[derive(Clone)]
pub struct Entry {
    name: String,
    about: String,
    params: Vec<Param>,
    bugs: Vec<Bug>,
    settings: Settings,
    tolerated: FaultPlan,
    build: Build,
}

type Build = Arc<dyn Fn(&Args) -> Result<Box<dyn AnySystem>, ArgError> + Send + Sync>;

/// A parameter of a system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name, for `--set NAME=VALUE`.
    pub name: String,
    /// Its value unless set.
    pub default: String,
    /// What it is.
    pub about: String,
}

/// A bug planted in a system, to see it caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bug {
    /// Its name, for `--bug NAME`.
    pub name: String,
    /// The law or property that catches it.
    pub law: String,
    /// What is wrong.
    pub about: String,
}

impl Entry {
    /// A system with this name, in a line, and how it is built.
    #[must_use]
    pub fn new<M: StateMachine>(
        name: impl Into<String>,
        about: impl Into<String>,
        build: impl Fn(&Args) -> Result<System<M>, ArgError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            about: about.into(),
            params: Vec::new(),
            bugs: Vec::new(),
            settings: Settings::default(),
            tolerated: FaultPlan::all(),
            build: Arc::new(move |args| Ok(Box::new(build(args)?))),
        }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn param(mut self, name: &str, default: &str, about: &str) -> Self {
        self.params.push(Param { name: name.into(), default: default.into(), about: about.into() });
        self
    }

    /// Adds a planted bug and the law or property that catches it.
    #[must_use]
    pub fn bug(mut self, name: &str, law: &str, about: &str) -> Self {
        self.bugs.push(Bug { name: name.into(), law: law.into(), about: about.into() });
        self
    }

    /// Changes how the simulator runs it unless told otherwise, for a system that shows what it is for only so.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Says which faults its properties survive, and how many of each: some of every kind, unless told otherwise. The laws of the core hold under every
    /// fault; what a system promises beside them may need that nothing is lost, or that nobody forgets.
    ///
    /// ```
    /// # use raddle::prelude::*;
    /// # #[derive(Default)]
    /// # struct Clerk { handled: u32 }
    /// # impl StateMachine for Clerk {
    /// #     type Message = u32;
    /// #     type Update = u32;
    /// #     fn on_message(&mut self, _: u32, _: &mut Outbox<u32>) { self.handled += 1; }
    /// #     fn on_update(&mut self, _: u32, _: &mut Outbox<u32>) {}
    /// # }
    /// use raddle::FaultKind;
    /// use raddle::sim::FaultPlan;
    ///
    /// let entry = Entry::new("counter", "one worker that counts", |_| {
    ///     Ok(System::new("counter")
    ///         .workers(["w"], |_| Clerk::default())
    ///         .messages("client", [("w", 1), ("w", 2)])
    ///         .at_end("all-counted", |run| run.machine("w").is_some_and(|clerk| clerk.handled == 2)))
    /// })
    /// .tolerates(FaultPlan::all().with(FaultKind::Crash, 0));
    /// assert_eq!(entry.tolerated().most(FaultKind::Crash), 0);
    /// ```
    #[must_use]
    pub const fn tolerates(mut self, faults: FaultPlan) -> Self {
        self.tolerated = faults;
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is, in a line.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Its parameters.
    #[must_use]
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// Its planted bugs.
    #[must_use]
    pub fn bugs(&self) -> &[Bug] {
        &self.bugs
    }

    /// The settings under which the simulator runs it where neither flag nor environment says otherwise.
    #[must_use]
    pub const fn default_settings(&self) -> &Settings {
        &self.settings
    }

    /// The faults that its properties survive.
    #[must_use]
    pub const fn tolerated(&self) -> &FaultPlan {
        &self.tolerated
    }

    /// Arguments for it: its defaults, with some set.
    ///
    /// # Errors
    /// When it has no such parameter.
    pub fn args<'a>(&self, set: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Args, ArgError> {
        let default = |param: &Param| (param.name.clone(), param.default.clone());
        let mut args = Args { values: self.params.iter().map(default).collect(), bug: None };
        for (name, value) in set {
            match args.values.get_mut(name) {
                Some(slot) => value.clone_into(slot),
                None => return Err(ArgError::UnknownParam(name.to_owned())),
            }
        }
        Ok(args)
    }

    /// The same arguments, with a planted bug.
    ///
    /// # Errors
    /// When it has no such bug.
    pub fn plant(&self, mut args: Args, bug: &str) -> Result<Args, ArgError> {
        if !self.bugs.iter().any(|known| known.name == bug) {
            return Err(ArgError::UnknownBug(bug.to_owned()));
        }
        args.bug = Some(bug.to_owned());
        Ok(args)
    }

    /// Builds it.
    ///
    /// # Errors
    /// When an argument does not fit.
    pub fn build(&self, args: &Args) -> Result<Box<dyn AnySystem>, ArgError> {
        (self.build)(args)
    }
}

/// A system as it stands, without parameters and planted bugs.
impl<M: StateMachine> From<System<M>> for Entry {
    fn from(system: System<M>) -> Self {
        Self::new(system.name().to_owned(), "", move |_| Ok(system.clone()))
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a system is built from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args {
    values: IndexMap<String, String>,
    bug: Option<String>,
}

impl Args {
    /// The value of a parameter.
    ///
    /// # Errors
    /// When the text does not read as a `T`.
    pub fn get<T: FromStr>(&self, name: &str) -> Result<T, ArgError> {
        let text = self.values.get(name).ok_or_else(|| ArgError::UnknownParam(name.to_owned()))?;
        text.parse().map_err(|_| ArgError::BadValue {
            name: name.to_owned(),
            value: text.clone(),
            expected: "a value of its kind".to_owned(),
        })
    }

    /// A number that must lie between two others, inclusive.
    ///
    /// # Errors
    /// When it is none, or lies outside.
    pub fn number(&self, name: &str, from: u32, to: u32) -> Result<u32, ArgError> {
        let text: String = self.get(name)?;
        text.parse().ok().filter(|n| (from..=to).contains(n)).ok_or_else(|| ArgError::BadValue {
            name: name.to_owned(),
            value: text,
            expected: format!("a number from {from} to {to}"),
        })
    }

    /// The planted bug, if one is asked for.
    #[must_use]
    pub fn bug(&self) -> Option<&str> {
        self.bug.as_deref()
    }

    /// Whether this planted bug is asked for.
    #[must_use]
    pub fn has_bug(&self, name: &str) -> bool {
        self.bug.as_deref() == Some(name)
    }

    /// All values, by parameter.
    #[must_use]
    pub const fn values(&self) -> &IndexMap<String, String> {
        &self.values
    }
}

/// An argument that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgError {
    /// No such parameter.
    #[error("there is no parameter `{0}`")]
    UnknownParam(String),
    /// No such planted bug.
    #[error("there is no planted bug `{0}`")]
    UnknownBug(String),
    /// Not a value of its kind.
    #[error("`{name}` cannot be `{value}`: expected {expected}")]
    BadValue {
        /// The parameter.
        name: String,
        /// What was given.
        value: String,
        /// What would do.
        expected: String,
    },
}
