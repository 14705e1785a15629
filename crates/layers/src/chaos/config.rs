//! What trouble to simulate.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use portolan_core::layer::Op;
use portolan_core::suggest::did_you_mean;
use portolan_core::{Error, Location, Result};
use serde::{Deserialize, Serialize};

/// When a simulated failure happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Before the effect: nothing is sent.
    #[default]
    Before,
    /// After the effect: it happened, and the caller does not learn so.
    After,
}

impl Display for When {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::After => "after",
        })
    }
}

impl FromStr for When {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "before" => Ok(Self::Before),
            "after" => Ok(Self::After),
            _ => Err(Error::invalid(format!("when is {name:?}, and must be before or after"))),
        }
    }
}

/// What trouble to simulate. The default is none.
///
/// Durations are written as `5ms`, `1.5s`, `1m`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ChaosConfig {
    /// Where chance starts from.
    pub seed: u64,
    /// How much longer every call takes: up to 60 s.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub latency: Duration,
    /// How likely a call fails, 0 to 1; `close` is spared.
    pub error_rate: f64,
    /// The operations that always fail, such as `upsert`.
    pub fail: Vec<String>,
    /// How likely each item of a write fails, 0 to 1.
    pub partial: f64,
    /// Whether failures happen before the effect or after it.
    pub when: When,
}

impl ChaosConfig {
    /// Sets where chance starts from.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how much longer every call takes.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Sets how likely a call fails.
    #[must_use]
    pub fn error_rate(mut self, rate: f64) -> Self {
        self.error_rate = rate;
        self
    }

    /// Sets the operations that always fail.
    #[must_use]
    pub fn fail<S: Into<String>>(mut self, operations: impl IntoIterator<Item = S>) -> Self {
        self.fail = operations.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how likely each item of a write fails.
    #[must_use]
    pub fn partial(mut self, rate: f64) -> Self {
        self.partial = rate;
        self
    }

    /// Sets whether failures happen before the effect or after it.
    #[must_use]
    pub fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    /// Takes the options `seed`, `latency`, `error_rate`, `fail` (comma-separated), `partial` and `when` out of a
    /// location; `None` where none of them is there.
    ///
    /// # Errors
    /// `InvalidArgument` naming the option, its value and what was expected.
    pub fn take_from(location: &mut Location) -> Result<Option<Self>> {
        let fraction = "a number from 0 to 1";
        let seed = location.take_parsed("seed", "a whole number from 0 on")?;
        let latency = location.take("latency")?.map(|text| duration(&text)).transpose()?;
        let error_rate = location.take_parsed("error_rate", fraction)?;
        let fail = location.take("fail")?;
        let partial = location.take_parsed("partial", fraction)?;
        let when = location.take_parsed("when", "before or after")?;
        if seed.is_none()
            && latency.is_none()
            && error_rate.is_none()
            && fail.is_none()
            && partial.is_none()
            && when.is_none()
        {
            return Ok(None);
        }
        Ok(Some(Self {
            seed: seed.unwrap_or_default(),
            latency: latency.unwrap_or_default(),
            error_rate: error_rate.unwrap_or_default(),
            fail: fail.iter().flat_map(|names| names.split(',')).map(|name| name.trim().to_owned()).collect(),
            partial: partial.unwrap_or_default(),
            when: when.unwrap_or_default(),
        }))
    }

    /// Checks the ranges and the names of operations.
    pub(super) fn check(&self) -> Result<()> {
        for (field, value) in [("error_rate", self.error_rate), ("partial", self.partial)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::out_of_range(field, value, 0, 1));
            }
        }
        if self.latency > Duration::from_secs(60) {
            return Err(Error::out_of_range("latency", format!("{:?}", self.latency), 0, "60 s"));
        }
        match self.fail.iter().find(|name| !Op::NAMES.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(Error::invalid(format!(
                "fail names the operation {name:?}, and must name some of {}{}",
                Op::NAMES.join(", "),
                did_you_mean(name, Op::NAMES)
            ))),
        }
    }
}

fn duration(text: &str) -> Result<Duration> {
    let parsed = text.parse::<SignedDuration>().ok().and_then(|d| Duration::try_from(d).ok());
    parsed.ok_or_else(|| {
        Error::invalid(format!("latency is {text:?}, and must be a duration such as 5ms or 1.5s"))
    })
}
