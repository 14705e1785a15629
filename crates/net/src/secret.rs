//! What must not be shown.

use std::fmt::{self, Debug, Formatter};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// What goes with every request: names of headers or metadata in lower case, and values, which are never shown.
pub type Headers = Vec<(&'static str, Secret)>;

/// A password, a token, or what is made of one. `Debug` shows `***`; there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself, to be sent and not to be shown.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `Basic`, user and password, for an `authorization` header.
    pub fn basic(user: &str, password: &Self) -> Self {
        Self(format!("Basic {}", pair(user, password).base64().0))
    }

    /// `Bearer` and the secret, for an `authorization` header.
    #[must_use]
    pub fn bearer(&self) -> Self {
        Self(format!("Bearer {}", self.0))
    }

    /// The secret in base64.
    #[must_use]
    pub fn base64(&self) -> Self {
        Self(BASE64_STANDARD.encode(&self.0))
    }
}

/// `user:password`.
pub(crate) fn pair(user: &str, password: &Secret) -> Secret {
    Secret(format!("{user}:{}", password.0))
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self(secret)
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self(secret.to_owned())
    }
}

impl Debug for Secret {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_sent_and_not_shown() {
        let secret = Secret::from("me:pw");
        assert_eq!(secret.bearer().expose(), "Bearer me:pw");
        assert_eq!(secret.base64().expose(), "bWU6cHc=");
        assert_eq!(Secret::basic("me", &"pw".into()).expose(), "Basic bWU6cHc=");
        let shown = format!("{secret:?} {:?} {:?}", secret.bearer(), secret.base64());
        assert_eq!(shown, "*** *** ***");
    }
}
