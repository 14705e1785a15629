//! What a run found.

use std::fmt::{self, Display, Formatter};

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The statement holds.
    Passed,
    /// The store declares that it cannot do this, and the refusal was checked.
    Unsupported(String),
    /// The statement does not hold.
    Failed(String),
}

/// What a run found. Its `Display` is the closing line.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The store's name.
    pub name: String,
    /// The server's version, where there is one.
    pub server: Option<String>,
    /// The cases that ran, and how each ended.
    pub cases: Vec<(&'static str, Status)>,
    /// How many random filters were compared with the oracle.
    pub random_filters: usize,
    /// How many random sequences of operations were compared with the oracle.
    pub random_sequences: usize,
}

impl Report {
    /// The number of cases that passed.
    pub fn passed(&self) -> usize {
        self.count(|s| *s == Status::Passed)
    }

    /// The number of cases that the store declares unsupported.
    pub fn unsupported(&self) -> usize {
        self.count(|s| matches!(s, Status::Unsupported(_)))
    }

    /// The number of cases that failed.
    pub fn failed(&self) -> usize {
        self.failures().count()
    }

    /// The cases that failed, and why.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.cases.iter().filter_map(|(name, status)| match status {
            Status::Failed(why) => Some((*name, why.as_str())),
            _ => None,
        })
    }

    fn count(&self, is: impl Fn(&Status) -> bool) -> usize {
        self.cases.iter().filter(|(_, s)| is(s)).count()
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "conformance {}", self.name)?;
        if let Some(server) = &self.server {
            write!(f, " ({server})")?;
        }
        let (passed, unsupported, failed) = (self.passed(), self.unsupported(), self.failed());
        write!(f, ": {passed} passed, {unsupported} unsupported, {failed} failed")
    }
}
