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

mod canonical;
mod diff;
mod exchange;
mod file;
mod player;
mod protobuf;
mod recorder;

pub use player::Player;
pub use recorder::Recorder;

pub use crate::tape::{Header, Tape};

#[cfg(test)]
mod tests;
