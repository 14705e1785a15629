//! What a provider reads of a spec: its options and the parameters of the vector index, checked.

use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::error::{Error, Result};
use crate::index::IndexSpec;
use crate::metadata::Scalar;

/// Checks a parameter of the vector index against the range of one provider.
///
/// # Errors
/// `InvalidArgument` naming parameter, value and range.
pub fn in_range<T: PartialOrd + Display>(
    parameter: &str,
    value: Option<T>,
    range: RangeInclusive<T>,
) -> Result<()> {
    match value.filter(|value| !range.contains(value)) {
        Some(value) => Err(Error::out_of_range(parameter, value, range.start(), range.end())),
        None => Ok(()),
    }
}

/// Readers of [`IndexSpec::options`]: `None` where the option is not given.
///
/// # Errors
/// `InvalidArgument` naming the option, its value and what it must be.
impl IndexSpec {
    /// An option that is an integer in a range.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn option_integer<T>(&self, key: &str, range: RangeInclusive<T>) -> Result<Option<T>>
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        let expected = || format!("an integer from {} to {}", range.start(), range.end());
        self.read_option(key, expected, |value| match value {
            Scalar::Integer(i) => T::try_from(*i).ok().filter(|n| range.contains(n)),
            _ => None,
        })
    }

    /// An option that is a number in a range.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn option_float(&self, key: &str, range: RangeInclusive<f64>) -> Result<Option<f64>> {
        let expected = || format!("a number from {} to {}", range.start(), range.end());
        self.read_option(key, expected, |value| value.as_float().filter(|x| range.contains(x)))
    }

    /// An option that is true or false.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn option_bool(&self, key: &str) -> Result<Option<bool>> {
        self.read_option(
            key,
            || "true or false".to_owned(),
            |value| match value {
                Scalar::Bool(b) => Some(*b),
                _ => None,
            },
        )
    }

    /// An option that is a text, and not the empty one.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn option_text(&self, key: &str) -> Result<Option<&str>> {
        let expected = || "a text that is not empty".to_owned();
        self.read_option(key, expected, |value| value.as_str().filter(|text| !text.is_empty()))
    }

    /// An option that names one of a few things.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn option_choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Result<Option<T>> {
        let expected = || {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            format!("one of {}", names.join(", "))
        };
        self.read_option(key, expected, |value| {
            choices.iter().find(|(name, _)| value.as_str() == Some(name)).map(|(_, choice)| *choice)
        })
    }

    fn read_option<'a, T>(
        &'a self,
        key: &str,
        expected: impl FnOnce() -> String,
        read: impl FnOnce(&'a Scalar) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.options.get(key) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| {
            let given = value.as_str().map_or_else(|| value.to_string(), |text| format!("{text:?}"));
            Error::invalid(format!("the option {key} is {given}, and must be {}", expected()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const CODES: [(&str, u8); 2] = [("scalar", 1), ("binary", 2)];

    fn spec() -> IndexSpec {
        IndexSpec::new("any", 3)
            .option("shards", 2)
            .option("factor", 1.5)
            .option("on_disk", true)
            .option("vector", "text")
            .option("codes", "binary")
    }

    #[test]
    fn options_are_read_by_their_types() {
        let spec = spec();
        assert_eq!(spec.option_integer("shards", 1..=16_i32).unwrap(), Some(2));
        assert_eq!(spec.option_float("factor", 1.0..=10.0).unwrap(), Some(1.5));
        assert_eq!(spec.option_float("shards", 1.0..=10.0).unwrap(), Some(2.0));
        assert_eq!(spec.option_bool("on_disk").unwrap(), Some(true));
        assert_eq!(spec.option_text("vector").unwrap(), Some("text"));
        assert_eq!(spec.option_choice("codes", &CODES).unwrap(), Some(2));
        assert_eq!(spec.option_integer("other", 1..=16_u32).unwrap(), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let spec = spec().option("empty", "").option("huge", i64::MAX);
        for (refused, message) in [
            (
                spec.option_integer("shards", 3..=9_u32).map(drop),
                "the option shards is 2, and must be an integer from 3 to 9",
            ),
            (
                spec.option_integer("huge", 1..=9_i32).map(drop),
                "the option huge is 9223372036854775807, and must be an integer from 1 to 9",
            ),
            (
                spec.option_float("factor", 2.0..=10.0).map(drop),
                "the option factor is 1.5, and must be a number from 2 to 10",
            ),
            (
                spec.option_bool("vector").map(drop),
                "the option vector is \"text\", and must be true or false",
            ),
            (
                spec.option_text("empty").map(drop),
                "the option empty is \"\", and must be a text that is not empty",
            ),
            (
                spec.option_choice("vector", &CODES).map(drop),
                "the option vector is \"text\", and must be one of scalar, binary",
            ),
            (in_range("m", Some(101), 2..=100), "m is 101, and must be 2 to 100"),
        ] {
            let e = refused.unwrap_err();
            assert_eq!((e.kind(), e.message()), (ErrorKind::InvalidArgument, message));
        }
        in_range("m", Some(100), 2..=100).unwrap();
        in_range("m", None, 2..=100).unwrap();
    }
}
