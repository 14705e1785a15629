//! Metadata values to JSON and back, integers and floats apart.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value as Json};

use super::value::{Scalar, Value};
use crate::error::{Error, Result};

/// Parses JSON text, integers as integers: `serde_json` alone would turn one beyond i64, which is refused, and `-0` into
/// floats.
///
/// # Errors
/// `InvalidArgument`, with line and column.
pub fn parse_json(text: &str) -> Result<Json> {
    let json = parse(text)?;
    match check_integers(text)? {
        zeros if zeros.is_empty() => Ok(json),
        zeros => parse(&without_signs(text, &zeros)),
    }
}

/// Refuses valid JSON text that holds an integer beyond i64; gives the places of all integers `-0`.
pub(crate) fn check_integers(text: &str) -> Result<Vec<usize>> {
    let mut zeros = Vec::new();
    for (at, token) in integers(text) {
        if token == "-0" {
            zeros.push(at);
        } else if token.len() > 18 && token.parse::<i64>().is_err() {
            return Err(beyond_i64(token));
        }
    }
    Ok(zeros)
}

impl Value {
    /// The value that a JSON value stands for; `None` for null, which is not a value.
    ///
    /// # Errors
    /// `InvalidArgument` for an integer beyond i64. An integer beyond u64 has already become a float when `serde_json`
    /// parsed it: use [`parse_json`] on text to have that refused as well.
    pub fn from_json(json: Json) -> Result<Option<Self>> {
        match json {
            Json::Null => Ok(None),
            Json::Array(items) => list_from_json(items).map(Some),
            Json::Object(_) => opaque(json).map(Some),
            single => scalar_from_json(single).map(|s| s.map(Self::Scalar)),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        Self::from_json(json)
            .map_err(serde::de::Error::custom)?
            .ok_or_else(|| serde::de::Error::custom("null is not a metadata value"))
    }
}

/// What a JSON value is, for an error message.
pub(super) fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a bool",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

fn scalar_from_json(json: Json) -> Result<Option<Scalar>> {
    Ok(match json {
        Json::Bool(b) => Some(Scalar::Bool(b)),
        Json::String(s) => Some(Scalar::String(s)),
        Json::Number(n) => Some(number(&n)?),
        _ => None,
    })
}

fn number(n: &Number) -> Result<Scalar> {
    if let Some(i) = n.as_i64() {
        return Ok(Scalar::Integer(i));
    }
    match n.as_f64() {
        Some(x) if n.is_f64() => Ok(Scalar::Float(x + 0.0)),
        _ => Err(beyond_i64(&n.to_string())),
    }
}

fn list_from_json(items: Vec<Json>) -> Result<Value> {
    let scalars: Option<Vec<Scalar>> =
        items.iter().cloned().map(scalar_from_json).collect::<Result<Vec<_>>>()?.into_iter().collect();
    match scalars {
        Some(scalars) if scalars.windows(2).all(|w| w[0].same_type(&w[1])) => Ok(Value::List(scalars)),
        _ => opaque(Json::Array(items)),
    }
}

fn opaque(mut json: Json) -> Result<Value> {
    normalize(&mut json)?;
    Ok(Value::Opaque(Arc::new(json)))
}

/// The rules of single numbers, all the way down: nothing beyond i64, no negative zero.
pub(super) fn normalize(json: &mut Json) -> Result<()> {
    match json {
        Json::Number(n) => {
            if let Scalar::Float(x) = number(n)? {
                *json = Scalar::Float(x).to_json();
            }
            Ok(())
        }
        Json::Array(items) => items.iter_mut().try_for_each(normalize),
        Json::Object(map) => map.values_mut().try_for_each(normalize),
        _ => Ok(()),
    }
}

fn beyond_i64(token: &str) -> Error {
    let token: String = token.chars().take(40).collect();
    Error::invalid(format!(
        "the integer {token} is beyond 64 bits; write it as a float (with a point or an exponent) or as a string"
    ))
}

fn parse(text: &str) -> Result<Json> {
    serde_json::from_str(text).map_err(|e| Error::invalid(format!("not valid JSON: {e}")))
}

/// The text without the signs at these positions.
fn without_signs(text: &str, positions: &[usize]) -> String {
    let mut fixed = text.to_owned();
    for &at in positions.iter().rev() {
        fixed.remove(at);
    }
    fixed
}

/// The number tokens of valid JSON that have neither point nor exponent, and where they stand.
fn integers(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            match bytes[at] {
                b'"' => at = string_end(bytes, at + 1),
                b'-' | b'0'..=b'9' => {
                    let start = at;
                    at = number_end(bytes, at);
                    let token = &text[start..at];
                    if !token.contains(['.', 'e', 'E']) {
                        return Some((start, token));
                    }
                }
                _ => at += 1,
            }
        }
        None
    })
}

fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

fn number_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes[at..].iter().take_while(|b| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'));
    at + rest.count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Metadata;

    #[test]
    fn integers_and_floats_stay_apart() {
        let text = r#"{"big":1746714878034235396,"f":2.0,"i":2,"l":[1,2],"m":[1,2.5],"n":null,"s":"9999999999999999999"}"#;
        let metadata = Metadata::from_json_str(text).unwrap();
        assert_eq!(metadata.get("big"), Some(&Value::from(1_746_714_878_034_235_396_i64)));
        assert_eq!(metadata.get("f"), Some(&Value::from(2.0)));
        assert_eq!(metadata.get("i"), Some(&Value::from(2)));
        assert_eq!(metadata.get("l"), Some(&Value::list([1, 2])));
        assert!(matches!(metadata.get("m"), Some(Value::Opaque(_))));
        assert!(!metadata.contains_key("n"));
        let again = Metadata::from_json_str(&metadata.to_json().to_string()).unwrap();
        assert_eq!(again, metadata);
    }

    #[test]
    fn an_integer_beyond_64_bits_is_refused_wherever_it_stands() {
        for text in
            ["9223372036854775808", "[1,[99999999999999999999999]]", r#"{"a":{"b":-9223372036854775809}}"#]
        {
            let e = parse_json(text).and_then(|j| Value::from_json(j).map(|_| ())).unwrap_err();
            assert!(e.message().contains("beyond 64 bits"), "{text}: {e}");
        }
        for text in
            ["9223372036854775807", "-9223372036854775808", "1e300", "99999999999999999999.0", r#""-9e""#]
        {
            parse_json(text).unwrap();
        }
    }

    #[test]
    fn minus_zero_without_a_point_is_an_integer() {
        let metadata = Metadata::from_json_str(r#"{"a": -0, "b": [-0, 1], "c": -0.0, "s": "-0"}"#).unwrap();
        assert_eq!(metadata.to_json().to_string(), r#"{"a":0,"b":[0,1],"c":0.0,"s":"-0"}"#);
    }

    #[test]
    fn negative_zero_becomes_zero() {
        let Some(Value::Scalar(Scalar::Float(x))) = Value::from_json(parse_json("-0.0").unwrap()).unwrap()
        else {
            panic!("a float was expected");
        };
        assert!(x.is_sign_positive());
    }
}
