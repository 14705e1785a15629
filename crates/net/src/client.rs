//! What the clients of HTTP and of gRPC have in common.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use portolan_core::{Error, ErrorKind, Result};

use crate::kinds::Kinds;
use crate::secret::{Headers, Secret};

pub(crate) const USER_AGENT: &str = concat!("portolan/", env!("CARGO_PKG_VERSION"));

/// After so long without a word on a connection the server is asked whether it lives.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// What a status and words mean.
pub(crate) fn kind_of<S: PartialEq>(
    status: &S,
    words: &str,
    special: Kinds<S>,
    general: Kinds<S>,
) -> Option<ErrorKind> {
    let fits = |(of, part, _): &&(S, &str, ErrorKind)| of == status && words.contains(part);
    special.iter().chain(general).find(fits).map(|(_, _, kind)| *kind)
}

/// The headers as they are sent.
pub(crate) fn header_map(headers: &Headers) -> Result<HeaderMap> {
    headers
        .iter()
        .map(|(name, value)| Ok((HeaderName::from_static(name), header_value(name, value)?)))
        .collect()
}

fn header_value(name: &str, value: &Secret) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(value.expose())
        .map_err(|_| Error::invalid(format!("{name} holds a character that no header can carry")))?;
    value.set_sensitive(true);
    Ok(value)
}
