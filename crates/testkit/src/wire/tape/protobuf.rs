//! Messages of protobuf without their schema.

use std::fmt::Write;

/// How deep messages are looked into.
const DEPTH: usize = 64;

struct Field<'a> {
    number: u64,
    /// The field as it was sent, the tag included.
    raw: &'a [u8],
    value: Value<'a>,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Varint(u64),
    Eight([u8; 8]),
    Four([u8; 4]),
    Bytes(&'a [u8]),
}

/// The same message with the entries of each map in order, at every depth; of the same length.
///
/// Entries are known by their shape: several messages under one field number, each with a scalar or a text as field
/// 1, something as field 2, and nothing else. All else keeps its place, so that nothing that differs becomes equal.
pub(super) fn canonical(message: &[u8]) -> Vec<u8> {
    ordered(message, DEPTH).unwrap_or_else(|| message.to_vec())
}

fn ordered(message: &[u8], depth: usize) -> Option<Vec<u8>> {
    let fields = fields(message).filter(|_| depth > 0)?;
    let mut parts: Vec<Vec<u8>> = fields.iter().map(|field| inner(field, depth)).collect();
    let mut numbers: Vec<u64> = fields.iter().map(|field| field.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        let places: Vec<usize> = (0..fields.len()).filter(|at| fields[*at].number == number).collect();
        if places.len() > 1 && places.iter().all(|at| is_entry(&fields[*at])) {
            let mut entries: Vec<Vec<u8>> = places.iter().map(|at| std::mem::take(&mut parts[*at])).collect();
            entries.sort_unstable();
            places.into_iter().zip(entries).for_each(|(at, entry)| parts[at] = entry);
        }
    }
    Some(parts.concat())
}

fn inner(field: &Field<'_>, depth: usize) -> Vec<u8> {
    let Value::Bytes(payload) = field.value else { return field.raw.to_vec() };
    let head = &field.raw[..field.raw.len() - payload.len()];
    match ordered(payload, depth - 1) {
        Some(payload) => [head, &payload].concat(),
        None => field.raw.to_vec(),
    }
}

fn is_entry(field: &Field<'_>) -> bool {
    let Value::Bytes(payload) = field.value else { return false };
    let Some(fields) = fields(payload) else { return false };
    // A key or a value that is zero or empty is not sent.
    matches!(fields.iter().map(|f| f.number).collect::<Vec<_>>()[..], [1, 2] | [1] | [2])
}

/// The fields of a message, or `None` where the bytes are none.
fn fields(mut bytes: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let start = bytes;
        let tag = varint(&mut bytes)?;
        let number = tag >> 3;
        if number == 0 || number >= 1 << 29 {
            return None;
        }
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut bytes)?),
            1 => Value::Eight(take(&mut bytes, 8)?.try_into().ok()?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                Value::Bytes(take(&mut bytes, length)?)
            }
            5 => Value::Four(take(&mut bytes, 4)?.try_into().ok()?),
            _ => return None,
        };
        fields.push(Field { number, raw: &start[..start.len() - bytes.len()], value });
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(n)?;
    *bytes = rest;
    Some(taken)
}

/// A message as a tree of field numbers, a line per field.
pub(super) fn shown(message: &[u8]) -> String {
    let mut tree = String::new();
    match fields(message) {
        Some(fields) => show(&fields, 0, &mut tree),
        None => line(&mut tree, 0, &format!("0x{}", hex(message))),
    }
    tree
}

fn show(all: &[Field<'_>], depth: usize, tree: &mut String) {
    for field in all {
        let number = field.number;
        let scalar = match field.value {
            Value::Varint(n) => n.to_string(),
            Value::Eight(bytes) => format!("{:?} (0x{})", f64::from_le_bytes(bytes), hex(&bytes)),
            Value::Four(bytes) => format!("{:?} (0x{})", f32::from_le_bytes(bytes), hex(&bytes)),
            Value::Bytes(payload) => match (printable(payload), fields(payload)) {
                (Some(text), _) => format!("{text:?}"),
                (None, Some(inner)) if depth < DEPTH => {
                    line(tree, depth, &format!("{number} {{"));
                    show(&inner, depth + 1, tree);
                    line(tree, depth, "}");
                    continue;
                }
                _ => bytes(payload),
            },
        };
        line(tree, depth, &format!("{number}: {scalar}"));
    }
}

fn line(tree: &mut String, depth: usize, text: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(tree, "{:indent$}{text}", "", indent = depth * 2);
}

fn printable(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty() && !text.contains(char::is_control))
}

/// Text with control characters, numbers packed as vectors are, or what else it may be.
fn bytes(payload: &[u8]) -> String {
    let floats: Vec<f32> =
        payload.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let sensible = |x: &f32| *x == 0.0 || (1e-9..1e12).contains(&x.abs());
    match std::str::from_utf8(payload) {
        Ok(text) if !text.contains('\0') => format!("{text:?}"),
        _ if payload.len().is_multiple_of(4) && floats.iter().all(sensible) => format!("{floats:?}"),
        _ => format!("0x{}", hex(payload)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
