//! Recorded exchanges: what an adapter and its server said to each other, to be replayed where there is no server.
//!
//! A [`Recorder`] stands before a real server and writes each exchange to a tape; a [`Player`] answers from it. Both
//! take JSON over HTTP/1 and unary gRPC over HTTP/2 with prior knowledge, on a free loopback port.
//!
//! A request is found again by its method, its path with the query, and the canonical form of its body: JSON with its
//! keys in order; a message of protobuf with the entries of each map in order; all times as the port writes them
//! (`2026-11-22T08:30:00.123Z`) alike. Headers do not count, and those of requests are not stored, so no key or
//! password is. Equal requests get their answers in the order of recording. A tape is divided into parts, one per
//! case, and a part is played to its end: a request that is not on it, that comes more often than it was recorded, or
//! that does not come is told by [`Player::end`], with a diff to the nearest request of the same path.
//!
//! The file is zstd throughout: a line of JSON, the [`Header`], and for each exchange a line of JSON and the two
//! bodies, of which it tells the lengths.

use std::io;
use std::net::SocketAddr;

use crate::harness::Settings;

mod canonical;
mod diff;
mod exchange;
mod file;
mod player;
mod protobuf;
mod recorder;

pub use file::Header;
pub use player::Player;
pub use recorder::Recorder;

/// A tape while the suite runs over it.
#[derive(Debug)]
pub enum Tape {
    /// The suite runs against a server, and is recorded.
    Recording(Recorder),
    /// The suite is answered from the tape.
    Playing(Player),
}

impl Tape {
    /// Where the adapter finds its server.
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Recording(recorder) => recorder.address(),
            Self::Playing(player) => player.address(),
        }
    }

    /// The header, where the tape is played.
    pub fn header(&self) -> Option<&Header> {
        match self {
            Self::Recording(_) => None,
            Self::Playing(player) => Some(player.header()),
        }
    }

    /// The settings of the run: those of the recording, where the tape is played.
    pub(crate) fn settings(&self, given: Settings) -> Settings {
        match self.header() {
            None => given,
            Some(header) => Settings {
                seed: header.seed,
                random_filters: header.random_filters,
                random_sequences: header.random_sequences,
                ..given
            },
        }
    }

    /// A part begins.
    pub(crate) fn begin(&self, part: &str) {
        match self {
            Self::Recording(recorder) => recorder.begin(part),
            Self::Playing(player) => player.begin(part),
        }
    }

    /// The part has ended; an error tells what was not as on the tape.
    pub(crate) fn end(&self) -> Result<(), String> {
        match self {
            Self::Recording(recorder) => recorder.end(),
            Self::Playing(player) => player.end(),
        }
    }

    /// The run has ended well: what was recorded becomes a tape.
    pub(crate) fn finish(&self, header: Header) -> io::Result<()> {
        match self {
            Self::Recording(recorder) => recorder.finish(header),
            Self::Playing(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
