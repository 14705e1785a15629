//! What a metadata key must be.

use crate::error::{Error, Result};

/// The prefix of keys that are Portolan's own.
pub const RESERVED_PREFIX: &str = "_portolan";

/// Checks a metadata key.
///
/// # Errors
/// `InvalidArgument` for an empty, long or reserved key, or one with a control character.
pub fn check_key(key: &str) -> Result<()> {
    let shown: String = key.chars().take(40).collect();
    if key.is_empty() || key.len() > 128 {
        return Err(Error::invalid(format!(
            "a metadata key has {} bytes, and must have 1 to 128: {shown:?}",
            key.len()
        )));
    }
    if key.starts_with(RESERVED_PREFIX) || key.starts_with('$') {
        return Err(Error::invalid(format!(
            "the metadata key {shown:?} starts with {RESERVED_PREFIX} or $, which are reserved"
        )));
    }
    if key.chars().any(char::is_control) {
        return Err(Error::invalid(format!("the metadata key {shown:?} holds a control character")));
    }
    Ok(())
}
