//! What the poor driver takes. A breach is a defect of whoever calls the driver.

use std::collections::HashSet;
use std::convert::Infallible;

use portolan_core::driver::{NativeId, Nearest, Row};
use portolan_core::{Error, ErrorKind, FieldType, IndexSpec, Result, Scalar, Value};

use super::PoorDriver;
use crate::collection::is_overflow;

/// The most bytes of a write, more or less.
pub(super) const BATCH_BYTES: usize = 262_144;

/// The most bytes of a string.
const STRING_BYTES: usize = 1_024;

pub(super) fn check(holds: bool, breach: impl FnOnce() -> String) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unexpected, format!("the engine broke the driver's rules: {}", breach())))
}

/// Names hold letters, digits and single or double underscores, and start with a capital.
pub(super) fn name(name: &str) -> Result<()> {
    let holds = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    check(holds, || format!("the index name {name:?}"))
}

pub(super) fn rows(spec: &IndexSpec, rows: &[Row]) -> Result<()> {
    distinct(rows.iter().map(|r| &r.id), PoorDriver::BATCH)?;
    let mut bytes = 0;
    for row in rows {
        let vector = row.vector.as_deref().unwrap_or_default();
        let whole = vector.len() == spec.dimension && vector.iter().all(|x| x.is_finite());
        check(whole || row.vector.is_none(), || {
            format!("the vector of {} has {} components", row.id, vector.len())
        })?;
        for (key, value) in row.metadata.iter() {
            check(represents(spec, key, value), || format!("{key:?} = {value}"))?;
            check(!row.removed.iter().any(|k| k == key), || format!("{key:?} is set and removed"))?;
        }
        bytes += 4 * vector.len() + row.metadata.to_string().len();
    }
    check(bytes <= BATCH_BYTES, || format!("{bytes} bytes at once"))
}

/// Only of a row that is stored can a write leave out the vector.
pub(super) fn vectors(rows: &[Row], stored: impl Fn(&NativeId) -> bool) -> Result<()> {
    let without = rows.iter().find(|row| row.vector.is_none() && !stored(&row.id));
    check(without.is_none(), || format!("no vector of a new row: {without:?}"))
}

pub(super) fn ids(ids: &[NativeId], most: usize) -> Result<()> {
    distinct(ids.iter(), most)
}

fn distinct<'a>(ids: impl ExactSizeIterator<Item = &'a NativeId>, most: usize) -> Result<()> {
    let count = ids.len();
    check((1..=most).contains(&count), || format!("{count} rows at once"))?;
    let mut seen = HashSet::new();
    for id in ids {
        check(is_uuid(id), || format!("the id {id}"))?;
        check(seen.insert(id), || format!("the id {id} twice"))?;
    }
    Ok(())
}

fn is_uuid(id: &str) -> bool {
    id.len() == 36
        && id.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
        })
}

pub(super) fn query(spec: &IndexSpec, query: &Nearest<'_, Infallible>) -> Result<()> {
    check((1..=PoorDriver::WINDOW).contains(&query.k), || format!("k = {}", query.k))?;
    check(query.filter.is_none(), || "a filter".to_owned())?;
    check(query.vector.len() == spec.dimension, || format!("a query of {}", query.vector.len()))
}

pub(super) fn page(filtered: bool, limit: usize) -> Result<()> {
    check(!filtered, || "a filter".to_owned())?;
    check((1..=PoorDriver::PAGE).contains(&limit), || format!("a page of {limit}"))
}

/// The cursor of a shifting page: how many rows to pass over.
pub(super) fn offset(cursor: Option<&str>) -> Result<usize> {
    let Some(cursor) = cursor else { return Ok(0) };
    cursor.parse().or_else(|_| check(false, || format!("the cursor {cursor:?}")).map(|()| 0))
}

/// Keys are plain and begin small, for the first letter is folded; numbers are floats of 15 digits; the empty string is
/// null; there are no bools, lists or objects.
pub(super) fn represents(spec: &IndexSpec, key: &str, value: &Value) -> bool {
    let Value::Scalar(scalar) = value else { return false };
    if is_overflow(key) {
        return matches!(scalar, Scalar::String(s) if !s.contains('\0'));
    }
    let plain = key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.len() <= 64
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    plain
        && match scalar {
            Scalar::Bool(_) => false,
            Scalar::Integer(i) => i.unsigned_abs() < 1_000_000_000_000_000,
            // Unless the field says otherwise, 2.0 would read back as the integer 2.
            Scalar::Float(x) => {
                survives(*x) && (x.fract() != 0.0 || spec.fields.get(key) == Some(&FieldType::Float))
            }
            Scalar::String(s) => !s.is_empty() && s.len() <= STRING_BYTES && !s.contains('\0'),
        }
}

/// Whether 15 digits are enough.
fn survives(x: f64) -> bool {
    format!("{x:.14e}").parse::<f64>().is_ok_and(|y| y.to_bits() == x.to_bits())
}
