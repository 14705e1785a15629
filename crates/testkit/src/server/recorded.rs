//! A server that is recorded, or replaced by what was recorded.

use std::path::Path;
use std::{env, io};

use portolan_core::{Error, Location, Result};

use super::{RECORD, Server, required};
use crate::tape::Tape;
use crate::wire::tape::{Player, Recorder};

impl Server {
    /// The tape from which the suite is answered where there is no server, and on which a run against one is recorded
    /// where [`RECORD`] names the store. The server must speak HTTP without TLS.
    #[must_use]
    pub fn tape(mut self, path: impl AsRef<Path>) -> Self {
        self.tape = tape(self.name, self.uri.as_deref(), path.as_ref());
        self
    }
}

/// Starts what records or plays, where something is to be.
fn tape(name: &str, uri: Option<&str>, path: &Path) -> Result<Option<Box<dyn Tape>>> {
    let failed = |e: io::Error| Error::invalid(e.to_string());
    match uri {
        Some(uri) if env::var(RECORD).is_ok_and(|recorded| recorded == name) => {
            let recorder = Recorder::start(path, authority(&uri.parse()?)?).map_err(failed)?;
            Ok(Some(Box::new(recorder)))
        }
        None if !required(name) && path.exists() => Ok(Some(Box::new(Player::open(path).map_err(failed)?))),
        _ => Ok(None),
    }
}

/// Where the server is that is recorded. Anything else that a URI says would be missing where the tape is played.
fn authority(location: &Location) -> Result<(String, u16)> {
    match (location.host(), location.port()) {
        (Some(host), Some(port)) if *location == plain(location.provider(), host, port)? => {
            Ok((host.to_owned(), port))
        }
        _ => Err(Error::invalid(format!(
            "{location} cannot be recorded: only a URI of the form scheme://host:port is"
        ))),
    }
}

fn plain(scheme: &str, host: &str, port: u16) -> Result<Location> {
    format!("{scheme}://{host}:{port}").parse()
}
