//! Native ids that are more than text.

use std::fmt::Display;
use std::str::FromStr;

use uuid::Uuid;

/// Whether an id is a UUID as databases write it: hyphenated, in lower case.
pub fn is_uuid(id: &str) -> bool {
    Uuid::try_parse(id).is_ok_and(|uuid| uuid.hyphenated().to_string() == id)
}

/// The integer whose text an id is. `042` and `+42` are the text of none.
///
/// ```
/// use portolan_core::driver::kit::integer_id;
///
/// assert_eq!(integer_id("-42"), Some(-42_i64));
/// assert_eq!(integer_id::<u64>("-42"), None);
/// assert_eq!(integer_id::<i64>("042"), None);
/// ```
pub fn integer_id<T: FromStr + Display>(id: &str) -> Option<T> {
    id.parse().ok().filter(|n: &T| n.to_string() == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_one_text() {
        let uuid = "018f4c1e-7b5a-4d3c-8a2b-1c2d3e4f5a6b";
        assert!(is_uuid(uuid));
        for other in ["", &uuid.to_uppercase(), &uuid.replace('-', ""), &format!("{{{uuid}}}")] {
            assert!(!is_uuid(other), "{other}");
        }
    }
}
