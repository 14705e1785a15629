//! Times as text: RFC 3339 in UTC, as many digits as the unit has, so that those of a column sort as text.

use jiff::SignedDuration;
use jiff::civil::DateTime;
use portolan::{Error, Result};

const NANOSECONDS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// What a number counts: so many to a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    per_second: i64,
    digits: usize,
}

impl Unit {
    pub(super) const SECOND: Self = Self { per_second: 1, digits: 0 };
    pub(super) const MILLISECOND: Self = Self { per_second: 1_000, digits: 3 };
    pub(super) const MICROSECOND: Self = Self { per_second: 1_000_000, digits: 6 };
    pub(super) const NANOSECOND: Self = Self { per_second: NANOSECONDS, digits: 9 };

    /// Seconds, and the nanoseconds after them.
    fn split(self, count: i64) -> (i64, i32) {
        let part = count.rem_euclid(self.per_second) * (NANOSECONDS / self.per_second);
        (count.div_euclid(self.per_second), part as i32)
    }
}

/// A time since 1970, such as `2026-11-22T08:30:00.123Z`; one without a zone is taken as UTC.
pub(super) fn timestamp(count: i64, unit: Unit) -> Result<String> {
    let (seconds, nanoseconds) = unit.split(count);
    let time =
        DateTime::constant(1970, 1, 1, 0, 0, 0, 0).checked_add(SignedDuration::new(seconds, nanoseconds));
    let text = time.ok().map(|time| format!("{time:.0$}Z", unit.digits));
    text.filter(|text| !text.starts_with('-'))
        .ok_or_else(|| Error::invalid("a time is not between the years 0 and 9999"))
}

/// A day since 1970, such as `2026-11-22`.
pub(super) fn date(days: i64) -> Result<String> {
    let mut text = timestamp(days.saturating_mul(DAY), Unit::SECOND)?;
    text.truncate("2026-11-22".len());
    Ok(text)
}

/// A time of the day, such as `08:30:00.123`.
#[cfg(feature = "formats")]
pub(super) fn time_of_day(count: i64, unit: Unit) -> Result<String> {
    if !(0..DAY * unit.per_second).contains(&count) {
        return Err(Error::invalid("a time of the day is not between 0 and 24 hours"));
    }
    let text = timestamp(count, unit)?;
    Ok(text.trim_start_matches("1970-01-01T").trim_end_matches('Z').to_owned())
}

/// A span of time as ISO 8601 has it, such as `PT1H30M`.
pub(super) fn duration(count: i64, unit: Unit) -> String {
    let (seconds, nanoseconds) = unit.split(count);
    SignedDuration::new(seconds, nanoseconds).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_the_digits_of_its_unit() {
        for (count, unit, text) in [
            (0, Unit::SECOND, "1970-01-01T00:00:00Z"),
            (-1, Unit::MILLISECOND, "1969-12-31T23:59:59.999Z"),
            (1_700_000_000_000_000, Unit::MICROSECOND, "2023-11-14T22:13:20.000000Z"),
            (-62_167_219_200, Unit::SECOND, "0000-01-01T00:00:00Z"),
            (253_402_300_799_999, Unit::MILLISECOND, "9999-12-31T23:59:59.999Z"),
            (i64::MAX, Unit::NANOSECOND, "2262-04-11T23:47:16.854775807Z"),
        ] {
            assert_eq!(timestamp(count, unit).unwrap(), text);
        }
        assert!(
            timestamp(i64::MAX, Unit::SECOND).is_err() && timestamp(-99_999_999_999, Unit::SECOND).is_err()
        );
    }

    #[cfg(feature = "formats")]
    #[test]
    fn a_time_of_the_day_is_within_a_day() {
        assert_eq!(time_of_day(86_399_999, Unit::MILLISECOND).unwrap(), "23:59:59.999");
        assert!(time_of_day(86_400, Unit::SECOND).is_err() && time_of_day(-1, Unit::SECOND).is_err());
    }

    #[test]
    fn days_and_spans_are_text() {
        assert_eq!(date(-1).unwrap(), "1969-12-31");
        assert!(date(i64::MAX).is_err());
        assert_eq!(duration(5_400, Unit::SECOND), "PT1H30M");
        assert_eq!(duration(-1_500, Unit::MILLISECOND), "-PT1.5S");
    }
}
