//! Health of a store.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It answers.
    Healthy,
    /// It answers, and something is wrong.
    Degraded,
    /// It does not answer.
    Unavailable,
}

/// The answer to a health check: also given when the server is down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// How the store is.
    pub status: Status,
    /// How long it took to answer, in milliseconds.
    pub latency_ms: f64,
    /// The provider.
    pub provider: String,
    /// The version of the server or format, where known.
    pub version: Option<String>,
    /// The number of indexes, where known.
    pub indexes: Option<u64>,
    /// The number of records in all indexes, where known.
    pub vectors: Option<u64>,
    /// How long the server or this handle has been up, in seconds, where known.
    pub uptime_seconds: Option<f64>,
    /// What is wrong, where something is.
    pub message: Option<String>,
}

impl Health {
    /// A status of which nothing further is known.
    pub fn new(provider: impl Into<String>, status: Status) -> Self {
        Self {
            status,
            latency_ms: 0.0,
            provider: provider.into(),
            version: None,
            indexes: None,
            vectors: None,
            uptime_seconds: None,
            message: None,
        }
    }

    /// Sets how long the store took to answer.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency_ms = latency.as_secs_f64() * 1e3;
        self
    }
}
