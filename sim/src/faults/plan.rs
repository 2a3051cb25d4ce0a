//! Which kinds of fault a search may use, and how many of each in one run.

use std::fmt;
use std::str::FromStr;

use raddle_core::FaultKind;

/// How many faults of each kind a run may suffer; none by default.
///
/// ```
/// use raddle_sim::FaultPlan;
/// use raddle_core::FaultKind;
///
/// let plan: FaultPlan = "loss(2),crash".parse()?;
/// assert_eq!((plan.most(FaultKind::Loss), plan.most(FaultKind::Crash)), (2, FaultPlan::DEFAULT_MOST));
/// assert_eq!(plan.to_string(), "loss(2),crash(3)");
/// assert_eq!("none".parse(), Ok(FaultPlan::default()));
/// # Ok::<(), raddle_sim::ParseFaultsError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    most: [u32; FaultKind::ALL.len()],
}

/// A text that is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no fault to inject: expected `none`, `all`, or a list of {kinds}, each with its most in a run if you \
     like, such as loss(2),crash(1)",
    kinds = FaultKind::ALL.map(FaultKind::name).join(", ")
)]
pub struct ParseFaultsError {
    text: String,
}

impl FaultPlan {
    /// How many there may be of a kind that is named without a number.
    pub const DEFAULT_MOST: u32 = 3;

    /// Some of every kind.
    #[must_use]
    pub const fn all() -> Self {
        Self { most: [Self::DEFAULT_MOST; FaultKind::ALL.len()] }
    }

    /// The same, with so many of one kind at the most.
    #[must_use]
    pub const fn with(mut self, kind: FaultKind, most: u32) -> Self {
        self.most[kind as usize] = most;
        self
    }

    /// How many there may be of a kind.
    #[must_use]
    pub const fn most(&self, kind: FaultKind) -> u32 {
        self.most[kind as usize]
    }

    /// Whether there may be none at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The kinds of which there may be any.
    pub fn kinds(&self) -> impl Iterator<Item = FaultKind> + '_ {
        FaultKind::ALL.into_iter().filter(|kind| self.most(*kind) > 0)
    }
}

/// As many of each kind as there are here.
impl FromIterator<FaultKind> for FaultPlan {
    fn from_iter<I: IntoIterator<Item = FaultKind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::default(), |plan, kind| plan.with(kind, plan.most(kind).saturating_add(1)))
    }
}

impl fmt::Display for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (at, kind) in self.kinds().enumerate() {
            write!(f, "{}{}({})", if at == 0 { "" } else { "," }, kind.name(), self.most(kind))?;
        }
        Ok(())
    }
}

impl FromStr for FaultPlan {
    type Err = ParseFaultsError;

    fn from_str(text: &str) -> Result<Self, ParseFaultsError> {
        match text.trim() {
            "none" => return Ok(Self::default()),
            "all" => return Ok(Self::all()),
            _ => {}
        }
        let mut plan = Self::default();
        let mut depth = 0;
        // A comma inside parentheses separates nothing; there is none in a plan that is right.
        let parts = text.split(|c: char| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            c == ',' && depth == 0
        });
        for part in parts.map(str::trim) {
            let bad = || ParseFaultsError { text: part.to_owned() };
            let (name, most) = match part.split_once('(') {
                None => (part, Self::DEFAULT_MOST),
                Some((name, rest)) => {
                    let most = rest.strip_suffix(')').and_then(|most| most.parse().ok());
                    (name, most.filter(|most| *most > 0).ok_or_else(bad)?)
                }
            };
            plan = plan.with(FaultKind::from_name(name).ok_or_else(bad)?, most);
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_round_trip() {
        for text in ["none", "loss(1)", "loss(2),crash(1)", "duplication(3),skew(9)"] {
            assert_eq!(text.parse::<FaultPlan>().map(|plan| plan.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(FaultPlan::all().to_string().parse(), Ok(FaultPlan::all()));
        assert_eq!(
            " crash , loss(1) ".parse::<FaultPlan>().map(|plan| plan.to_string()),
            Ok("loss(1),crash(3)".to_owned())
        );
    }

    #[test]
    fn nonsense_is_named() {
        for (text, named) in
            [("los", "`los`"), ("loss(0)", "`loss(0)`"), ("loss,", "``"), ("loss(1", "`loss(1`"), ("", "``")]
        {
            let error = text.parse::<FaultPlan>().expect_err(text).to_string();
            assert!(error.contains(named) && error.contains("duplication"), "{error}");
        }
    }
}
