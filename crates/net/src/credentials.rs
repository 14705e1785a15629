//! Who the client is.

use portolan_core::{Error, Result};

use crate::options::Options;
use crate::secret::{Secret, pair};

/// Who the client is, as a URI says it. `Debug` shows no secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Credentials {
    /// Nobody in particular.
    #[default]
    Anonymous,
    /// A user who has no password, or none in the URI.
    User(String),
    /// A user and their password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token or API key: an option, or a password without a user.
    Token(Secret),
}

impl Credentials {
    /// `user:password` or the token in base64; absent where there is no secret.
    pub fn base64(&self) -> Option<Secret> {
        match self {
            Self::Anonymous | Self::User(_) => None,
            Self::Password { user, password } => Some(pair(user, password).base64()),
            Self::Token(token) => Some(token.base64()),
        }
    }
}

impl Options {
    /// Who the client is: user and password of the URI, or one of the options of these names, such as `token`.
    ///
    /// # Errors
    /// `InvalidArgument` for two that contradict each other, or a variable that is not set.
    pub fn credentials(&mut self, tokens: &[&'static str]) -> Result<Credentials> {
        let user = self.location().user().map(str::to_owned);
        let password = self.location().password()?.map(Secret::from);
        let mut given = Vec::new();
        for name in tokens {
            given.extend(self.secret(name)?.map(|token| (*name, token)));
        }
        match (user, password, given.as_slice()) {
            (None, None, []) => Ok(Credentials::Anonymous),
            (Some(user), None, []) => Ok(Credentials::User(user)),
            (Some(user), Some(password), []) => Ok(Credentials::Password { user, password }),
            (None, Some(token), []) => Ok(Credentials::Token(token)),
            (None, None, [(_, token)]) => Ok(Credentials::Token(token.clone())),
            (Some(_), _, [(name, _), ..]) => Err(Error::invalid(format!(
                "the URI has both a user and the option {name}: give one of them"
            ))),
            (None, Some(_), [(name, _), ..]) => Err(Error::invalid(format!(
                "the URI has both a password and the option {name}: give one of them"
            ))),
            (None, None, [(one, _), (other, _), ..]) => {
                Err(Error::invalid(format!("the URI has both {one} and {other}: give one of them")))
            }
        }
    }
}
