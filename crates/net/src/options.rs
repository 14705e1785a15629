//! The reading of a location.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use portolan_core::{Error, Location, Result};

use crate::secret::Secret;
use crate::server::Server;

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads what a location says: what the stores of all servers have, then what one of them has. Values `env:NAME` come
/// from the environment; an error names the option as it was written, and never a secret.
#[derive(Debug)]
pub struct Options {
    location: Location,
    server: &'static Server,
    tls: Option<(&'static str, bool)>,
}

impl Options {
    /// Reads a location of a server.
    pub fn new(location: Location, server: &'static Server) -> Self {
        Self { location, server, tls: None }
    }

    /// Says that another option has decided on TLS, as `sslmode` does: `tls` beside it is refused.
    pub fn decide_tls(&mut self, option: &'static str, tls: bool) {
        self.tls = Some((option, tls));
    }

    /// The parts of the path, as far as they are given: `["database"]` of `/sales` is `[Some("sales")]`.
    ///
    /// # Errors
    /// `InvalidArgument` for more parts than names.
    pub fn path<const N: usize>(&self, names: [&str; N]) -> Result<[Option<String>; N]> {
        let path = self.location.path();
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        if parts.len() > N {
            let known: String = names.iter().map(|name| format!("/{}", name.to_uppercase())).collect();
            let known = if N == 0 { "none".to_owned() } else { format!("at most {known}") };
            let n = parts.len();
            let message = format!("the path {path:?} has {n} part(s), and {} has {known}", self.server.name);
            return Err(Error::invalid(message));
        }
        let mut parts = parts.into_iter().map(str::to_owned);
        Ok(names.map(|_| parts.next()))
    }

    /// An option as it stands.
    ///
    /// # Errors
    /// `InvalidArgument` where it is given under two names, or is a variable that is not set.
    pub fn text(&mut self, key: &'static str) -> Result<Option<String>> {
        Ok(self.named(key)?.map(|(_, value)| value))
    }

    /// An option that must not be shown.
    ///
    /// # Errors
    /// As those of [`text`](Self::text).
    pub fn secret(&mut self, key: &'static str) -> Result<Option<Secret>> {
        Ok(self.text(key)?.map(Secret::from))
    }

    /// An option of a type; `expected` says what it must be: `true or false`.
    ///
    /// # Errors
    /// Those of [`text`](Self::text); `InvalidArgument` with option, value and what was expected.
    pub fn parsed<T: FromStr>(&mut self, key: &'static str, expected: &str) -> Result<Option<T>> {
        let Some((name, value)) = self.named(key)? else { return Ok(None) };
        value.parse().map(Some).map_err(|_| not_understood(name, &value, expected))
    }

    /// An option that is a number within a range.
    ///
    /// # Errors
    /// Those of [`parsed`](Self::parsed).
    pub fn number<T>(&mut self, key: &'static str, range: RangeInclusive<T>) -> Result<Option<T>>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some((name, value)) = self.named(key)? else { return Ok(None) };
        match value.parse().ok().filter(|n| range.contains(n)) {
            Some(n) => Ok(Some(n)),
            None => Err(not_understood(
                name,
                &value,
                &format!("a number from {} to {}", range.start(), range.end()),
            )),
        }
    }

    /// An option that is a time, from 1 ms to a day: `2.5` seconds, `500ms`, `10s`, `2m`, `1h`.
    ///
    /// # Errors
    /// Those of [`parsed`](Self::parsed).
    pub fn duration(&mut self, key: &'static str) -> Result<Option<Duration>> {
        let Some((name, value)) = self.named(key)? else { return Ok(None) };
        match duration(&value).filter(|time| (SHORTEST..=LONGEST).contains(time)) {
            Some(time) => Ok(Some(time)),
            None => {
                Err(not_understood(name, &value, "a time from 1ms to 24h: seconds, or as 500ms, 10s, 2m, 1h"))
            }
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// `InvalidArgument` for an option that was not asked for, with the one that was probably meant.
    pub fn finish(self) -> Result<()> {
        self.location.finish()
    }

    /// What is read.
    pub fn location(&self) -> &Location {
        &self.location
    }

    pub(crate) fn server(&self) -> &'static Server {
        self.server
    }

    /// The host, or an option that stands for it.
    pub(crate) fn host(&mut self) -> Result<Option<String>> {
        let host = self.location.host().map(|host| ("the URI's host", host.to_owned()));
        Ok(self.first(host, "host")?.map(|(_, host)| host))
    }

    /// Whether the connection is encrypted, where something says so.
    pub(crate) fn tls(&mut self) -> Result<Option<bool>> {
        let tls = self.parsed("tls", "true or false")?;
        match (tls, self.tls) {
            (Some(_), Some((option, _))) => {
                Err(Error::invalid(format!("the URI has both tls and {option}: give one of them")))
            }
            (tls, decided) => Ok(tls.or(decided.map(|(_, tls)| tls))),
        }
    }

    /// The name under which an option is given, and its value.
    pub(crate) fn named(&mut self, key: &'static str) -> Result<Option<(&'static str, String)>> {
        let value = self.location.take(key)?.map(|value| (key, value));
        self.first(value, key)
    }

    /// What is given, be it under an alias of `key`.
    fn first(
        &mut self,
        mut given: Option<(&'static str, String)>,
        key: &'static str,
    ) -> Result<Option<(&'static str, String)>> {
        for (_, alias) in self.server.aliases.iter().filter(|(of, _)| *of == key) {
            match (&given, self.location.take(alias)?) {
                (_, None) => {}
                (None, Some(value)) => given = Some((alias, value)),
                (Some((name, _)), Some(_)) => {
                    return Err(Error::invalid(format!(
                        "{name} and {alias} mean the same: give one of them"
                    )));
                }
            }
        }
        Ok(given)
    }
}

fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    text.parse::<SignedDuration>().ok()?.try_into().ok()
}

fn not_understood(name: &str, value: &str, expected: &str) -> Error {
    Error::invalid(format!("{name} is {value:?}, and must be {expected}"))
}

#[cfg(test)]
mod tests;
