//! The form of a body in which equal requests are equal.

use bytes::Bytes;
use serde_json::Value;

use super::protobuf;

/// What a body is, by its content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Protobuf,
    Bytes,
}

impl Form {
    pub(super) fn of(content_type: &str) -> Self {
        if content_type.starts_with("application/grpc") {
            Self::Protobuf
        } else if content_type.contains("json") {
            Self::Json
        } else {
            Self::Bytes
        }
    }
}

/// A time as the port writes it, and as it is compared: any.
const TIME: &[u8; 24] = b"0000-00-00T00:00:00.000Z";

/// The canonical form of a body. What cannot be parsed as it says stays as it is.
pub(super) fn canonical(form: Form, body: &Bytes) -> Bytes {
    let body = &timeless(body);
    match form {
        Form::Json => {
            serde_json::from_slice(body).map_or_else(|_| body.clone(), |v| sorted(v).to_string().into())
        }
        Form::Protobuf => match unframed(body) {
            Some(message) => protobuf::canonical(message).into(),
            None => body.clone(),
        },
        Form::Bytes => body.clone(),
    }
}

/// The body with the same time everywhere, as no two runs are at one time; of the same length.
fn timeless(body: &Bytes) -> Bytes {
    let alike = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    let is_time = |at: &usize| body[*at..].iter().zip(TIME).all(alike);
    let times: Vec<usize> = (0..(body.len() + 1).saturating_sub(TIME.len())).filter(is_time).collect();
    if times.is_empty() {
        return body.clone();
    }
    let mut body = body.to_vec();
    for at in times {
        body[at..at + TIME.len()].copy_from_slice(TIME);
    }
    body.into()
}

/// The message of a unary call: one frame, not compressed.
fn unframed(body: &[u8]) -> Option<&[u8]> {
    let (head, message) = body.split_at_checked(5)?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    (head[0] == 0 && usize::try_from(length).ok() == Some(message.len())).then_some(message)
}

/// The same value with the keys of every object in order, whatever order maps keep.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        scalar => scalar,
    }
}

/// A body for people: JSON over lines, protobuf as a tree of field numbers.
pub(super) fn shown(form: Form, canonical: &[u8]) -> String {
    match form {
        Form::Json => match serde_json::from_slice::<Value>(canonical) {
            Ok(value) => format!("{value:#}\n"),
            Err(_) => text(canonical),
        },
        Form::Protobuf => protobuf::shown(canonical),
        Form::Bytes => text(canonical),
    }
}

fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok("") => String::new(),
        Ok(text) => format!("{text}\n"),
        Err(_) => format!("{}\n", bytes.escape_ascii()),
    }
}
