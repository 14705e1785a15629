//! Whether JSON is a record a line or one document, told by its beginning.

use std::io::Cursor;

use super::scan::Scanner;

/// The most bytes that are looked at.
pub(in crate::input) const MOST_PROBED: usize = 1 << 16;

/// How JSON is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::input) enum Form {
    /// A record a line.
    Lines,
    /// A list of records, an object that holds one, or records over several lines.
    Document,
}

/// The keys of objects that hold a list of records.
pub(super) const ENVELOPES: &[&str] = &[
    "result", "results", "points", "rows", "data", "vectors", "objects", "records", "items", "matches",
    "entities",
];

/// Keys that a record has, and what holds one has not.
const ID_KEYS: &[&str] = &["id", "_id", "uuid"];

/// Keys of columns with ids.
const ID_COLUMNS: &[&str] = &["ids", "id", "_id", "uuid"];

/// Whether so much tells the form: the first line, and the first letter of a list's first item.
pub(in crate::input) fn is_telling(head: &[u8]) -> bool {
    let text = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head).trim_ascii_start();
    match text.first() {
        None => false,
        Some(b'[') => !text[1..].trim_ascii_start().is_empty(),
        Some(_) => text.contains(&b'\n'),
    }
}

/// The form of JSON that begins so; `usual` where that does not tell.
pub(in crate::input) fn form_of(head: &[u8], usual: Form) -> Form {
    let mut scanner = Scanner::new(Cursor::new(head));
    match scanner.peek() {
        Ok(Some(b'[')) => match scanner.take().and_then(|()| scanner.peek()) {
            Ok(Some(b'{')) => Form::Document,
            _ => usual,
        },
        Ok(Some(b'{')) => form_of_object(scanner, usual),
        _ => usual,
    }
}

fn form_of_object(mut scanner: Scanner<Cursor<&[u8]>>, usual: Form) -> Form {
    let mut text = Vec::new();
    if scanner.value(&mut text).is_err() {
        return usual;
    }
    let first_line = text.split(|b| *b == b'\n').next().unwrap_or_default();
    if first_line.len() == text.len() {
        return if holds_records(&text) { Form::Document } else { usual };
    }
    // A record that was broken off is followed by the next one; one over several lines is laid out.
    let is_laid_out = matches!(first_line.trim_ascii_end().last(), Some(b'{' | b'[' | b',' | b':'));
    if is_laid_out { Form::Document } else { usual }
}

/// Whether an object, or the beginning of one, holds a list of records or columns of them.
pub(super) fn holds_records(text: &[u8]) -> bool {
    let mut scanner = Scanner::new(Cursor::new(text));
    has_list(&mut scanner, 0).unwrap_or(false)
}

/// Whether the object that follows has a list of objects, or a column of ids.
fn has_list(scanner: &mut Scanner<Cursor<&[u8]>>, depth: usize) -> std::io::Result<bool> {
    scanner.take()?;
    while scanner.peek()? == Some(b'"') {
        let key = key(scanner)?;
        if scanner.peek()? != Some(b':') {
            return Ok(false);
        }
        scanner.take()?;
        let is_envelope = depth > 0 || ENVELOPES.contains(&key.as_str());
        match scanner.peek()? {
            Some(b'[') => {
                scanner.take()?;
                match scanner.peek()? {
                    Some(b'{' | b']') if is_envelope => return Ok(true),
                    _ if depth == 0 && ID_COLUMNS.contains(&key.as_str()) => return Ok(true),
                    _ => drop(scanner.rest(&mut Vec::new(), u64::MAX)?),
                }
            }
            Some(b'{') if is_envelope && depth < 3 => {
                if has_list(scanner, depth + 1)? {
                    return Ok(true);
                }
            }
            Some(b'{') if depth == 0 && ID_COLUMNS.contains(&key.as_str()) => {
                let mut value = Vec::new();
                scanner.value(&mut value)?;
                return Ok(!value.windows(6).any(|w| w == b"\"$oid\""));
            }
            _ if depth == 0 && ID_KEYS.contains(&key.as_str()) => return Ok(false),
            _ => drop(scanner.value(&mut Vec::new())?),
        }
        if scanner.peek()? == Some(b',') {
            scanner.take()?;
        }
    }
    scanner.take()?;
    Ok(false)
}

fn key(scanner: &mut Scanner<Cursor<&[u8]>>) -> std::io::Result<String> {
    let mut text = Vec::new();
    scanner.value(&mut text)?;
    Ok(serde_json::from_slice(&text).unwrap_or_default())
}
