//! Index names: portable ones, and what databases call them.

use crate::error::{Error, Result};

/// Which names a database allows, and so how portable names map to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NameRule {
    /// Which separators the database's names may hold.
    pub separators: Separators,
    /// Whether a name starts with a capital letter.
    pub capitalized: bool,
}

/// The separators of a database's index names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Separators {
    /// `-` and `_`.
    #[default]
    Both,
    /// `-` only; `_` becomes `--`.
    Hyphen,
    /// `_` only; `-` becomes `__`.
    Underscore,
}

/// Checks a portable name.
///
/// # Errors
/// `InvalidArgument`, saying the rule that it breaks.
pub fn check(name: &str) -> Result<()> {
    let why = if !(3..=40).contains(&name.len()) {
        "it has 3 to 40 characters"
    } else if name.len() + name.matches('_').count() > 45 {
        "it has at most 45 characters, counting each _ twice"
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        "it starts with a lower-case letter"
    } else if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || is_separator(b)) {
        "it holds only lower-case letters, digits, - and _"
    } else if name.as_bytes().windows(2).any(|w| is_separator(w[0]) && is_separator(w[1])) {
        "no two separators stand together"
    } else if name.ends_with(['-', '_']) {
        "it ends with a letter or digit"
    } else {
        return Ok(());
    };
    let shown: String = name.chars().take(60).collect();
    Err(Error::invalid(format!("{shown:?} is no portable index name: {why} (such as company-embeddings)")))
}

fn is_separator(b: u8) -> bool {
    b == b'-' || b == b'_'
}

impl NameRule {
    /// The database's name for a portable or native name.
    ///
    /// # Errors
    /// `InvalidArgument` for a native name that stands for a portable one: that one is to be used.
    pub fn to_native(self, name: &str) -> Result<String> {
        if check(name).is_ok() {
            return Ok(self.image(name));
        }
        match self.portable_of(name) {
            Some(portable) => Err(Error::invalid(format!(
                "{name:?} is the native name of the index {portable:?}; use that name"
            ))),
            None => Ok(name.to_owned()),
        }
    }

    /// The name the port shows for a database's name: the portable one where it is the image of one.
    pub fn to_port(self, native: &str) -> String {
        self.portable_of(native).unwrap_or_else(|| native.to_owned())
    }

    fn portable_of(self, native: &str) -> Option<String> {
        let mut name = match self.separators {
            Separators::Both => native.to_owned(),
            Separators::Hyphen => native.replace("--", "_"),
            Separators::Underscore => native.replace("__", "-"),
        };
        if self.capitalized && name.starts_with(|c: char| c.is_ascii_uppercase()) {
            name[..1].make_ascii_lowercase();
        }
        (check(&name).is_ok() && self.image(&name) == native).then_some(name)
    }

    fn image(self, portable: &str) -> String {
        let mut name = match self.separators {
            Separators::Both => portable.to_owned(),
            Separators::Hyphen => portable.replace('_', "--"),
            Separators::Underscore => portable.replace('-', "__"),
        };
        if self.capitalized && name.is_char_boundary(1) {
            name[..1].make_ascii_uppercase();
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["abc", "company-embeddings", "a_b-c9", &"a".repeat(40)] {
            check(good).unwrap();
        }
        let many = format!("a{}", "_b".repeat(19));
        for bad in ["", "ab", "Abc", "9ab", "a--b", "a_-b", "abc-", "ab c", "naïve", &"a".repeat(41), &many]
        {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn mapping_is_injective_and_reversible() {
        let rules = [Separators::Both, Separators::Hyphen, Separators::Underscore]
            .into_iter()
            .flat_map(|separators| [false, true].map(|capitalized| NameRule { separators, capitalized }));
        for rule in rules {
            let names = ["a-b", "a_b", "a-b_c", "a_b-c", "abc"];
            let natives: std::collections::BTreeSet<_> =
                names.iter().map(|n| rule.to_native(n).unwrap()).collect();
            assert_eq!(natives.len(), names.len());
            for name in names {
                let native = rule.to_native(name).unwrap();
                assert_eq!(rule.to_port(&native), name);
                if native != name {
                    assert!(rule.to_native(&native).is_ok() == (check(&native).is_ok()), "{native}");
                }
            }
            assert_eq!(rule.to_native("Some.Native Name").unwrap(), "Some.Native Name");
        }
    }
}
