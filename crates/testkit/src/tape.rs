//! A run of the suite that is recorded, or answered from a recording.

use std::io;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::harness::Settings;

/// The only form of the file so far.
pub(crate) const FORMAT: u32 = 1;

/// What stands between an adapter and its server while the suite runs: `wire::tape::Recorder` or `wire::tape::Player`.
pub trait Tape: Send + Sync {
    /// Where the adapter finds its server.
    fn address(&self) -> SocketAddr;

    /// What the tape says of itself, where it is played.
    fn header(&self) -> Option<&Header>;

    /// Whether a part was recorded with requests in it, where the tape is played.
    fn holds(&self, part: &str) -> bool;

    /// A part begins.
    fn begin(&self, part: &str);

    /// The part has ended.
    ///
    /// # Errors
    /// What was not as on the tape, or could not be recorded.
    fn end(&self) -> Result<(), String>;

    /// The run has ended well: what was recorded becomes a tape.
    ///
    /// # Errors
    /// Where the file cannot be written.
    fn finish(&self, header: Header) -> io::Result<()>;
}

/// What a tape says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The form of the file.
    pub format: u32,
    /// The store.
    pub name: String,
    /// The version of the server.
    pub server: String,
    /// When it was recorded.
    pub date: String,
    /// What the names of the indexes begin with.
    pub nonce: u32,
    /// The seed of the random cases.
    pub seed: u64,
    /// How many random filters there are.
    pub random_filters: usize,
    /// How many random sequences of operations there are.
    pub random_sequences: usize,
    /// How many rows a large case writes.
    pub rows: usize,
    /// How many exchanges follow.
    pub exchanges: usize,
}

impl Header {
    /// The header of a tape that is recorded now; what records it counts the exchanges.
    pub fn new(name: &str, server: &str) -> Self {
        let now = portolan_core::time::now();
        Self {
            format: FORMAT,
            name: name.to_owned(),
            server: server.to_owned(),
            date: now.split('T').next().unwrap_or_default().to_owned(),
            nonce: 0,
            seed: 0,
            random_filters: 0,
            random_sequences: 0,
            rows: 0,
            exchanges: 0,
        }
    }

    /// The settings of the recording.
    pub(crate) fn settings(&self, given: Settings) -> Settings {
        Settings {
            seed: self.seed,
            random_filters: self.random_filters,
            random_sequences: self.random_sequences,
            ..given
        }
    }
}
