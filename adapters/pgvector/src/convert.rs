//! Values to what the database stores, and back.

use std::io::{self, Write};

use portolan_core::driver::kit;
use portolan_core::number::TWO_53;
use portolan_core::{Error, ErrorKind, Metadata, Result, Value};
use serde::Serialize;
use serde_json::Value as Json;
use serde_json::ser::{Formatter, Serializer};

const TEXT: &str = "metadata is a text, and must be a JSON object: it was encoded twice, or has an escape that jsonb cannot hold";

/// Metadata as JSON text for `jsonb`, which keeps decimal numbers as they are written.
pub(crate) fn metadata_to_text(metadata: &Metadata) -> Result<String> {
    let mut text = Vec::new();
    metadata.serialize(&mut Serializer::with_formatter(&mut text, Decimals)).map_err(|e| {
        Error::new(ErrorKind::Unexpected, "metadata could not be written as JSON").with_source(e)
    })?;
    String::from_utf8(text)
        .map_err(|e| Error::new(ErrorKind::Unexpected, "metadata is no UTF-8").with_source(e))
}

/// Metadata from the text of a `jsonb` object, or of null; else why it cannot be read.
pub(crate) fn metadata_from_text(text: &str) -> Result<Metadata, String> {
    let metadata = match serde_json::from_str(text).map_err(|e| format!("metadata: {e}"))? {
        Json::Null => Ok(Metadata::new()),
        Json::Object(fields) => kit::foreign_metadata(fields),
        Json::String(_) => return Err(TEXT.to_owned()),
        other => Metadata::from_json(other),
    };
    metadata.map_err(|e| e.message().to_owned())
}

/// A float as a decimal number that has a point, by which it is known when it is read back, and that compares as the
/// float does.
pub(crate) fn decimal(x: f64) -> String {
    if x.abs() < TWO_53 { format!("{x:?}") } else { format!("{x:.1}") }
}

/// Whether text can hold every string in a value: PostgreSQL's text has no U+0000.
pub(crate) fn fits(value: &Value) -> bool {
    // Without doubled backslashes, this is an escape and no text.
    serde_json::to_string(value).is_ok_and(|json| !json.replace(r"\\", "").contains(r"\u0000"))
}

/// Compact JSON whose floats are [`decimal`] numbers.
struct Decimals;

impl Formatter for Decimals {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(decimal(value).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan_core::metadata::parse_json;

    #[test]
    fn floats_are_written_with_a_point_or_an_exponent_and_read_back_bit_for_bit() {
        for x in [0.0, 2.0, -2.5, 0.1, 1e-7, 5e-324, 1e16, 1e23, 9_007_199_254_740_993.0, f64::MAX, f64::MIN]
        {
            let text = decimal(x);
            assert!(text.contains(['.', 'e']), "{text}");
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), x.to_bits(), "{text}");
        }
        assert_eq!(decimal(1e23), "99999999999999991611392.0");
    }

    #[test]
    fn metadata_is_written_in_order_and_read_back() {
        let metadata =
            Metadata::new().with("f", 1e16).with("i", 1_746_714_878_034_235_396_i64).with("l", [1.0, 2.5]);
        let text = metadata_to_text(&metadata).unwrap();
        assert_eq!(text, r#"{"f":10000000000000000.0,"i":1746714878034235396,"l":[1.0,2.5]}"#);
        assert_eq!(metadata_from_text(&text).unwrap(), metadata);
    }

    #[test]
    fn foreign_numbers_beyond_64_bits_are_floats() {
        let metadata =
            metadata_from_text(r#"{"a":18446744073709551615,"b":[1,{"c":9223372036854775808}],"n":null}"#);
        let metadata = metadata.unwrap();
        assert_eq!(metadata.get("a"), Some(&Value::from(18_446_744_073_709_551_615.0)));
        assert!(!metadata.contains_key("n"));
        assert!(metadata.contains_key("b"));
    }

    #[test]
    fn what_is_no_object_is_said() {
        for (text, why) in [
            ("[1,2]", "metadata is a list"),
            (r#""{\"a\":1}""#, "encoded twice"),
            (r#"{"a":1e400}"#, "number out of range"),
        ] {
            let told = metadata_from_text(text).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }

    #[test]
    fn only_a_zero_character_does_not_fit() {
        assert!(fits(&Value::from("a\u{1}b\u{10ffff}")));
        assert!(!fits(&Value::from("a\0")));
        assert!(!fits(&Value::list(["a", "\0"])));
        assert!(!fits(&Value::from_json(parse_json(r#"{"a":[{"\u0000":1}]}"#).unwrap()).unwrap().unwrap()));
    }
}
