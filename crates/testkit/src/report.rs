//! What a run found.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

use portolan_core::{Capability, Error, Result};
use serde_json::json;

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The statement holds.
    Passed,
    /// The store declares that it cannot do this, and the refusal was checked.
    Unsupported(String),
    /// A check failed: the statement does not hold.
    Failed(String),
    /// The case did not come to its end: an error in its way, a panic, no end in time.
    Broken(String),
    /// The case was not run, as no tape can hold it: on a tape each run asks the same.
    LeftOut(String),
}

/// What a run found. Its `Display` is the closing line.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The store's name.
    pub name: String,
    /// The server's version, where there is one.
    pub server: Option<String>,
    /// Whether the answers came from a tape instead of the server.
    pub replayed: bool,
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

    /// The number of cases that failed or broke.
    pub fn failed(&self) -> usize {
        self.failures().count()
    }

    /// The number of cases that were left out of a tape.
    pub fn left_out(&self) -> usize {
        self.count(|s| matches!(s, Status::LeftOut(_)))
    }

    /// The cases that failed or broke, and why.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.cases.iter().filter_map(|(name, status)| match status {
            Status::Failed(why) | Status::Broken(why) => Some((*name, why.as_str())),
            _ => None,
        })
    }

    /// Why cases are unsupported, and how many for each reason.
    pub fn reasons(&self) -> BTreeMap<&str, usize> {
        self.tally(|s| if let Status::Unsupported(why) = s { Some(why) } else { None })
    }

    /// Why cases were left out of a tape, and how many for each reason.
    pub fn left_out_reasons(&self) -> BTreeMap<&str, usize> {
        self.tally(|s| if let Status::LeftOut(why) = s { Some(why) } else { None })
    }

    /// Writes `NAME.json` into a folder, with what the store declares: what a table of all stores is made from.
    ///
    /// # Errors
    /// Where the folder or the file cannot be written.
    pub fn write(&self, folder: &Path, capability: &Capability) -> Result<()> {
        let report = json!({
            "name": self.name,
            "server": self.server,
            "replayed": self.replayed,
            "passed": self.passed(),
            "unsupported": self.reasons(),
            "failed": self.failed(),
            "left_out": self.left_out_reasons(),
            "random_filters": self.random_filters,
            "random_sequences": self.random_sequences,
            "features": capability.features().into_iter().collect::<BTreeMap<_, _>>(),
            "capability": capability,
        });
        let path = folder.join(format!("{}.json", self.name));
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, format!("{report:#}\n")))
            .map_err(|e| Error::invalid(format!("{} cannot be written: {e}", path.display())))
    }

    fn tally(&self, why: impl Fn(&Status) -> Option<&String>) -> BTreeMap<&str, usize> {
        let mut reasons = BTreeMap::new();
        for why in self.cases.iter().filter_map(|(_, status)| why(status)) {
            *reasons.entry(why.as_str()).or_default() += 1;
        }
        reasons
    }

    fn count(&self, is: impl Fn(&Status) -> bool) -> usize {
        self.cases.iter().filter(|(_, s)| is(s)).count()
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "conformance {}", self.name)?;
        if let Some(server) = &self.server {
            write!(f, " ({server}{})", if self.replayed { ", replayed" } else { "" })?;
        }
        let (passed, unsupported, failed) = (self.passed(), self.unsupported(), self.failed());
        write!(f, ": {passed} passed, {unsupported} unsupported, {failed} failed")?;
        match self.left_out() {
            0 => Ok(()),
            n => write!(f, ", {n} left out"),
        }
    }
}
