//! Where a store is: a URI, or the same as a table.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display, Formatter};
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::metadata::Scalar;
use crate::suggest::suggest;

/// Where a store is and how it is opened: `memory:`, `embedded:./data`, `qdrant://host:6334?api_key=env:KEY`.
///
/// As TOML or JSON it is such a string, or a table: `{ provider = "qdrant", host = "…", port = 6334, api_key = "env:KEY" }`.
/// A value `env:NAME` is read from the environment where it is used. `Debug` and `Display` show no secret.
///
/// ```
/// use portolan_core::Location;
///
/// let mut location: Location = "embedded:./data?durability=commit".parse()?;
/// assert_eq!(location.provider(), "embedded");
/// assert_eq!(location.path(), "./data");
/// assert_eq!(location.take("durability")?.as_deref(), Some("commit"));
/// location.finish()?;
/// # Ok::<(), portolan_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    provider: String,
    user: Option<String>,
    password: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    path: String,
    options: BTreeMap<String, String>,
    asked: Vec<&'static str>,
}

impl Location {
    /// A location of a provider, of which nothing further is said.
    pub fn new(provider: impl Into<String>) -> Self {
        Self {
            provider: provider.into(),
            user: None,
            password: None,
            host: None,
            port: None,
            path: String::new(),
            options: BTreeMap::new(),
            asked: Vec::new(),
        }
    }

    /// Sets the path.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets an option.
    #[must_use]
    pub fn with_option(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.insert(key.into(), value.into());
        self
    }

    /// The provider: the URI's scheme.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The user name.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password, read from the environment where it says so.
    ///
    /// # Errors
    /// `InvalidArgument` where the variable is not set.
    pub fn password(&self) -> Result<Option<String>> {
        self.password.as_deref().map(|p| resolve("password", p)).transpose()
    }

    /// The host.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The port.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The path, decoded; with a host it starts with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Takes an option out, read from the environment where it says so.
    ///
    /// # Errors
    /// `InvalidArgument` where the variable is not set.
    pub fn take(&mut self, key: &'static str) -> Result<Option<String>> {
        self.asked.push(key);
        self.options.remove(key).map(|value| resolve(key, &value)).transpose()
    }

    /// Takes an option out and parses it.
    ///
    /// # Errors
    /// `InvalidArgument` naming option, value and what was expected.
    pub fn take_parsed<T: FromStr>(&mut self, key: &'static str, expected: &str) -> Result<Option<T>> {
        let Some(value) = self.take(key)? else { return Ok(None) };
        value
            .parse()
            .map(Some)
            .map_err(|_| Error::invalid(format!("{key} is {value:?}, and must be {expected}")))
    }

    /// Ends the reading: an option that nobody took is unknown.
    ///
    /// # Errors
    /// `InvalidArgument` naming it, those there are, and the one that was probably meant.
    pub fn finish(&self) -> Result<()> {
        let Some(key) = self.options.keys().next() else { return Ok(()) };
        if self.asked.is_empty() {
            return Err(Error::invalid(format!("unknown option {key:?}: {} takes none", self.provider)));
        }
        let hint = suggest(key, self.asked.iter().copied())
            .map(|s| format!("; did you mean {s}?"))
            .unwrap_or_default();
        Err(Error::invalid(format!(
            "unknown option {key:?} of {}: one of {}{hint}",
            self.provider,
            self.asked.join(", ")
        )))
    }

    fn from_table(table: BTreeMap<String, Scalar>) -> Result<Self> {
        let mut location = Self::new("");
        for (key, value) in table {
            let text = value.to_string();
            match key.as_str() {
                "provider" => location.provider = text,
                "user" => location.user = Some(text),
                "password" => location.password = Some(text),
                "host" => location.host = Some(text),
                "port" => {
                    let port = text.parse().map_err(|_| Error::out_of_range("port", &text, 1, 65_535))?;
                    location.port = Some(port);
                }
                "path" => location.path = text,
                _ => drop(location.options.insert(key, text)),
            }
        }
        if location.provider.is_empty() {
            return Err(Error::invalid("a store's table names no provider; say provider = \"embedded\""));
        }
        Ok(location)
    }
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(uri: &str) -> Result<Self> {
        let url = url::Url::parse(uri).map_err(|e| unreadable(uri, e))?;
        if ends_early(&url) {
            return Err(Error::invalid(format!(
                "the store's URI has an @ in its path, and no user before its host; {ESCAPES}"
            )));
        }
        if url.fragment().is_some() {
            let advice = if uri.contains('@') { ESCAPES } else { "write it as %23" };
            return Err(Error::invalid(format!("the store's URI holds a #, which ends it; {advice}")));
        }
        let decode = |text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .map(|t| t.into_owned())
                .map_err(|_| Error::invalid(format!("the URI's part {text:?} is not UTF-8 after decoding")))
        };
        let mut options = BTreeMap::new();
        for (key, value) in url.query_pairs() {
            if options.insert(key.to_string(), value.to_string()).is_some() {
                return Err(Error::invalid(format!("the URI gives the option {key:?} twice")));
            }
        }
        Ok(Self {
            provider: url.scheme().to_owned(),
            user: if url.username().is_empty() { None } else { Some(decode(url.username())?) },
            password: url.password().map(decode).transpose()?,
            host: url.host_str().filter(|h| !h.is_empty()).map(str::to_owned),
            port: url.port(),
            path: decode(url.path())?,
            options,
            asked: Vec::new(),
        })
    }
}

impl Display for Location {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.provider)?;
        if let Some(host) = &self.host {
            f.write_str("//")?;
            if let Some(user) = &self.user {
                write!(f, "{user}{}@", if self.password.is_some() { ":***" } else { "" })?;
            }
            f.write_str(host)?;
            if let Some(port) = self.port {
                write!(f, ":{port}")?;
            }
        }
        f.write_str(&self.path)?;
        for (n, (key, value)) in self.options.iter().enumerate() {
            let value = if is_secret(key) && !value.starts_with("env:") { "***" } else { value };
            write!(f, "{}{key}={value}", if n == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl Debug for Location {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

/// Serializes as its `Display`: secrets given in the clear are lost.
impl Serialize for Location {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Location {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Uri(String),
            Table(BTreeMap<String, Scalar>),
        }
        match Form::deserialize(deserializer)? {
            Form::Uri(uri) => uri.parse(),
            Form::Table(table) => Self::from_table(table),
        }
        .map_err(D::Error::custom)
    }
}

/// How a password with marks of its own is written.
const ESCAPES: &str = "write user and password percent-encoded (@ as %40, : as %3A, / as %2F, # as %23, ? as %3F, % as %25), or \
                       the password as env:NAME, which is read from the environment: scheme://user:env:NAME@host";

/// The error of a URI that is none, without its text, which may hold a password.
fn unreadable(uri: &str, error: url::ParseError) -> Error {
    let advice = if uri.contains('@') {
        ESCAPES
    } else {
        "it looks like embedded:./data or qdrant://host:6334?api_key=env:KEY"
    };
    Error::invalid(format!("the store's URI cannot be read ({error}); {advice}"))
}

/// Whether a password may have ended with a slash of its own, so that the rest was taken for the path.
fn ends_early(url: &url::Url) -> bool {
    url.port().is_some() && url.username().is_empty() && url.path().contains('@')
}

fn is_secret(key: &str) -> bool {
    ["key", "token", "password", "secret"].iter().any(|s| key.contains(s))
}

fn resolve(key: &str, value: &str) -> Result<String> {
    let Some(variable) = value.strip_prefix("env:") else { return Ok(value.to_owned()) };
    std::env::var(variable).map_err(|_| {
        Error::invalid(format!(
            "{key} is to be read from the environment variable {variable}, which is not set"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_read_in_all_its_parts() {
        let mut l: Location =
            "qdrant://me:s3cret@db.example:6334/path%20x?api_key=k%26y&tls=true".parse().unwrap();
        assert_eq!(
            (l.provider(), l.user(), l.host(), l.port()),
            ("qdrant", Some("me"), Some("db.example"), Some(6334))
        );
        assert_eq!(l.path(), "/path x");
        assert_eq!(l.password().unwrap().as_deref(), Some("s3cret"));
        assert_eq!(l.take("api_key").unwrap().as_deref(), Some("k&y"));
        assert_eq!(l.take_parsed::<bool>("tls", "true or false").unwrap(), Some(true));
        l.finish().unwrap();
    }

    #[test]
    fn secrets_are_not_shown() {
        let l: Location = "qdrant://me:s3cret@host?api_key=hidden&auth_token=env:TOKEN".parse().unwrap();
        for shown in [format!("{l}"), format!("{l:?}"), serde_json::to_string(&l).unwrap()] {
            assert!(!shown.contains("s3cret") && !shown.contains("hidden"), "{shown}");
            assert!(shown.contains("env:TOKEN"), "{shown}");
        }
    }

    #[test]
    fn a_password_with_marks_of_its_own_is_told_how_to_be_written() {
        for uri in [
            "pgvector://app:p@ss:w/o rd%#@127.0.0.1:5432/postgres",
            "pgvector://app:p/w@host/db",
            "pgvector://app:12/w@host/db",
            "pgvector://app:p#w@host/db",
            "pgvector://app:12#w@host/db",
            "pgvector://app:p?w@host/db",
            "pgvector://app:p:w@host:port/db",
        ] {
            let e = uri.parse::<Location>().unwrap_err().to_string();
            assert!(
                e.contains("percent-encoded") && e.contains("env:NAME") && !e.contains("p:w"),
                "{uri}: {e}"
            );
        }
        let encoded: Location = "pgvector://app:p%40ss%3Aw%2Fo%20rd%25%23@h/db".parse().unwrap();
        assert_eq!(encoded.password().unwrap().as_deref(), Some("p@ss:w/o rd%#"));
        let raw: Location = "pgvector://app:p@ss@h/db".parse().unwrap();
        assert_eq!((raw.password().unwrap().as_deref(), raw.host()), (Some("p@ss"), Some("h")));
        for uri in ["qdrant://h:6334?api_key=a@b", "pgvector://h:5432/my%40db", "pgvector://h/my@db"] {
            uri.parse::<Location>().unwrap();
        }
    }

    #[test]
    fn a_mark_that_would_cut_a_path_is_refused() {
        let e = "embedded:./data#2".parse::<Location>().unwrap_err().to_string();
        assert!(e.ends_with("write it as %23"), "{e}");
        assert_eq!("embedded:./data%232".parse::<Location>().unwrap().path(), "./data#2");
    }

    #[test]
    fn an_unknown_option_is_named_with_the_nearest() {
        let mut l: Location = "embedded:./data?durabilty=commit".parse().unwrap();
        assert_eq!(l.take("durability").unwrap(), None);
        let e = l.finish().unwrap_err().to_string();
        assert!(e.contains("durabilty") && e.contains("did you mean durability?"), "{e}");
    }

    #[test]
    fn a_table_says_the_same_as_a_uri() {
        let table = r#"{"provider":"qdrant","host":"h","port":6334,"tls":true}"#;
        let from_table: Location = serde_json::from_str(table).unwrap();
        assert_eq!(from_table, "qdrant://h:6334?tls=true".parse().unwrap());
    }
}
