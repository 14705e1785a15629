//! The validation that every storage does before anything is sent.

use crate::capability::{Capability, Limits, Support};
use crate::error::{Error, ErrorKind, Result};
use crate::index::{FieldType, IndexSpec, Metric};
use crate::metadata::{Metadata, MetadataPatch, Scalar, Value};
use crate::name;
use crate::number::exact_f64;
use crate::record::Record;
use crate::search::SearchRequest;

pub use crate::metadata::{RESERVED_PREFIX, check_key as key};

/// Checks what an index is to be created with.
///
/// # Errors
/// `InvalidArgument` for name, dimension, fields or parameters; `Unsupported` for a metric.
pub fn spec(spec: &IndexSpec, capability: &Capability) -> Result<()> {
    name::check(&spec.name)?;
    let most = capability.limits.dimension;
    if spec.dimension == 0 || spec.dimension > most {
        return Err(Error::out_of_range("dimension", spec.dimension, 1, most));
    }
    if capability.metric(spec.metric) == Support::Unsupported {
        return Err(Error::unsupported(format!("the metric {} is not supported here", spec.metric)));
    }
    spec.fields.keys().try_for_each(|k| key(k))?;
    let engine = &spec.engine;
    for (field, value, low, high) in [
        ("m", engine.m, 2, 256),
        ("ef_construction", engine.ef_construction, 1, 10_000),
        ("nlist", engine.nlist, 1, 1_000_000),
    ] {
        if value.is_some_and(|v| !(low..=high).contains(&v)) {
            return Err(Error::out_of_range(field, value.unwrap_or_default(), low, high));
        }
    }
    Ok(())
}

/// Checks that a spec's provider options are among those known.
///
/// # Errors
/// `InvalidArgument` naming the key and those there are.
pub fn options(spec: &IndexSpec, known: &[&str]) -> Result<()> {
    match spec.options.keys().find(|k| !known.contains(&k.as_str())) {
        None => Ok(()),
        Some(key) if known.is_empty() => {
            Err(Error::invalid(format!("unknown index option {key:?}: this provider has none")))
        }
        Some(key) => {
            let hint = crate::suggest::suggest(key, known.iter().copied());
            let hint = hint.map(|h| format!("; did you mean {h}?")).unwrap_or_default();
            Err(Error::invalid(format!("unknown index option {key:?}: one of {}{hint}", known.join(", "))))
        }
    }
}

/// Checks an id.
///
/// # Errors
/// `InvalidArgument` where it is empty, too long or holds a control character.
pub fn id(id: &str, limits: &Limits) -> Result<()> {
    if id.is_empty() || id.len() > limits.id_bytes {
        let shown: String = id.chars().take(40).collect();
        let what = format!("an id has {} bytes, and must have 1 to {}", id.len(), limits.id_bytes);
        return Err(Error::invalid(if id.is_empty() { what } else { format!("{what}: {shown:?}…") }));
    }
    if id.chars().any(char::is_control) {
        return Err(Error::invalid(format!("the id {id:?} holds a control character")));
    }
    Ok(())
}

/// Checks a stored or query vector against an index.
///
/// # Errors
/// `DimensionMismatch` for another length; `InvalidArgument` for NaN, infinity, a norm outside 0 or 1e-15 to 1e15, and
/// under cosine a zero vector.
pub fn vector(vector: &[f32], dimension: usize, metric: Metric) -> Result<()> {
    if vector.len() != dimension {
        return Err(Error::new(
            ErrorKind::DimensionMismatch,
            format!("the vector has {} components, and the index's dimension is {dimension}", vector.len()),
        ));
    }
    if let Some(at) = vector.iter().position(|x| !x.is_finite()) {
        return Err(Error::invalid(format!(
            "component {at} of the vector is {}, and must be finite",
            vector[at]
        )));
    }
    let norm = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    if norm == 0.0 {
        if metric == Metric::Cosine {
            return Err(Error::invalid(
                "the vector is zero, which has no direction: cosine cannot compare it",
            ));
        }
    } else if !(1e-15..=1e15).contains(&norm) {
        return Err(Error::invalid(format!("the vector's norm is {norm:e}, and must be 0 or 1e-15 to 1e15")));
    }
    Ok(())
}

/// Metadata in the form in which it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidMetadata {
    /// The metadata.
    pub metadata: Metadata,
    /// The length of its JSON text; counted where the store has a limit of bytes.
    pub json_len: Option<usize>,
}

/// Checks metadata against an index and gives it in the form in which it is stored: integers in float fields are
/// floats, -0.0 is 0.0, a hand-made list of mixed types is opaque, a null is gone.
///
/// # Errors
/// `InvalidArgument` for a key or a value; `PayloadTooLarge` past the limit.
pub fn metadata(metadata: &Metadata, spec: &IndexSpec, limits: &Limits) -> Result<ValidMetadata> {
    let mut changed = None;
    for (k, v) in metadata.iter() {
        key(k)?;
        match value(k, v, spec.fields.get(k).copied())? {
            Stored::Same => {}
            Stored::Other(v) => drop(changed.get_or_insert_with(|| metadata.clone()).insert(k, v)),
            Stored::Nothing => drop(changed.get_or_insert_with(|| metadata.clone()).remove(k)),
        }
    }
    let metadata = changed.unwrap_or_else(|| metadata.clone());
    let json_len = metadata_size(&metadata, limits)?;
    Ok(ValidMetadata { metadata, json_len })
}

/// Checks that metadata is within the limit of its JSON size, which is counted where there is a limit of bytes.
///
/// # Errors
/// `PayloadTooLarge`.
pub fn metadata_size(metadata: &Metadata, limits: &Limits) -> Result<Option<usize>> {
    if limits.metadata_bytes.is_none() && limits.batch_bytes.is_none() {
        return Ok(None);
    }
    let size = metadata.json_len();
    match limits.metadata_bytes {
        Some(most) if size > most => Err(Error::new(
            ErrorKind::PayloadTooLarge,
            format!(
                "the metadata has {size} bytes as JSON, and may have {most}: store less, or keep large values elsewhere"
            ),
        )),
        _ => Ok(Some(size)),
    }
}

/// Checks a patch like [`metadata`].
///
/// # Errors
/// `InvalidArgument` for a key or a value.
pub fn patch(patch: &MetadataPatch, spec: &IndexSpec) -> Result<MetadataPatch> {
    let mut stored = MetadataPatch::new();
    for (k, v) in patch.iter() {
        key(k)?;
        let kept = match v {
            None => None,
            Some(v) => match value(k, v, spec.fields.get(k).copied())? {
                Stored::Same => Some(v.clone()),
                Stored::Other(v) => Some(v),
                Stored::Nothing => None,
            },
        };
        stored = match kept {
            Some(v) => stored.set(k, v),
            None => stored.remove(k),
        };
    }
    Ok(stored)
}

/// Checks a record to be stored, and gives its metadata in stored form.
///
/// # Errors
/// Those of [`id`], [`vector`](fn@vector) and [`metadata`](fn@metadata).
pub fn record(record: &Record, spec: &IndexSpec, limits: &Limits) -> Result<ValidMetadata> {
    id(&record.id, limits)?;
    let place = |e: Error| e.with_context("id", record.id.clone());
    match &record.vector {
        Some(v) => vector(v, spec.dimension, spec.metric).map_err(place)?,
        None => return Err(place(Error::invalid("the record has no vector"))),
    }
    metadata(&record.metadata, spec, limits).map_err(place)
}

/// Checks a search against an index and the limits of a store.
///
/// # Errors
/// `InvalidArgument`, `DimensionMismatch`, `Unsupported`.
pub fn search(request: &SearchRequest, spec: &IndexSpec, capability: &Capability) -> Result<()> {
    request.validate()?;
    if request.top_k > capability.limits.top_k {
        return Err(Error::out_of_range("top_k", request.top_k, 1, capability.limits.top_k));
    }
    if let Some(v) = &request.vector {
        vector(v, spec.dimension, spec.metric)?;
    }
    if request.exact && capability.exact == Support::Unsupported {
        return Err(Error::unsupported("an exact search is not supported here"));
    }
    match capability.limits.window {
        Some(window) if request.offset.saturating_add(request.top_k) > window => {
            Err(Error::unsupported(format!(
                "offset + top_k is {}, and the window is {window}: page less deep, or scan",
                request.offset.saturating_add(request.top_k)
            )))
        }
        _ => Ok(()),
    }
}

/// Refuses a number that must be at least 1.
pub(crate) fn at_least_one(field: &str, value: usize) -> Result<()> {
    if value == 0 { Err(Error::invalid(format!("{field} is 0, and must be at least 1"))) } else { Ok(()) }
}

enum Stored {
    Same,
    Other(Value),
    Nothing,
}

fn value(key: &str, value: &Value, declared: Option<FieldType>) -> Result<Stored> {
    let canonical =
        canonical(value).map_err(|e| Error::invalid(format!("metadata {key:?}: {}", e.message())))?;
    let bound = match (&canonical, declared) {
        (Stored::Nothing, _) | (_, None) => return Ok(canonical),
        (Stored::Other(v), Some(of)) => bind(key, v, of)?,
        (Stored::Same, Some(of)) => bind(key, value, of)?,
    };
    Ok(bound.map_or(canonical, Stored::Other))
}

/// The form in which an undeclared field would be stored.
fn canonical(value: &Value) -> Result<Stored> {
    match value {
        Value::Scalar(s) => {
            Ok(canonical_scalar(s)?.map_or(Stored::Same, |s| Stored::Other(Value::Scalar(s))))
        }
        Value::List(items) => {
            let fixed: Vec<Option<Scalar>> = items.iter().map(canonical_scalar).collect::<Result<_>>()?;
            let one_type = items.windows(2).all(|w| w[0].same_type(&w[1]));
            if one_type && fixed.iter().all(Option::is_none) {
                return Ok(Stored::Same);
            }
            Ok(Stored::Other(Value::list(
                items.iter().zip(fixed).map(|(s, f)| f.unwrap_or_else(|| s.clone())),
            )))
        }
        Value::Opaque(json) => Ok(match Value::from_json(serde_json::Value::clone(json))? {
            None => Stored::Nothing,
            Some(v) if v == *value => Stored::Same,
            Some(v) => Stored::Other(v),
        }),
    }
}

fn canonical_scalar(scalar: &Scalar) -> Result<Option<Scalar>> {
    match scalar {
        Scalar::Float(x) if !x.is_finite() => Err(Error::invalid(format!("{x} is not finite"))),
        Scalar::Float(x) if *x == 0.0 && x.is_sign_negative() => Ok(Some(Scalar::Float(0.0))),
        _ => Ok(None),
    }
}

/// A value in a declared field: `Some` where an integer became a float.
fn bind(key: &str, value: &Value, of: FieldType) -> Result<Option<Value>> {
    match value {
        Value::Scalar(s) => Ok(bind_scalar(key, s, of)?.map(Value::Scalar)),
        Value::List(items) => bind_list(key, items, of),
        Value::Opaque(json) => match (of, numbers(json)) {
            (FieldType::Float, Some(numbers)) => {
                bind_list(key, &numbers, of).map(|v| Some(v.unwrap_or(Value::List(numbers))))
            }
            _ => Err(mismatch(key, "JSON that is no scalar or list of one type", of)),
        },
    }
}

fn bind_list(key: &str, items: &[Scalar], of: FieldType) -> Result<Option<Value>> {
    let bound: Vec<Option<Scalar>> = items.iter().map(|s| bind_scalar(key, s, of)).collect::<Result<_>>()?;
    if bound.iter().all(Option::is_none) {
        return Ok(None);
    }
    Ok(Some(Value::List(items.iter().zip(bound).map(|(s, b)| b.unwrap_or_else(|| s.clone())).collect())))
}

fn bind_scalar(key: &str, scalar: &Scalar, of: FieldType) -> Result<Option<Scalar>> {
    match (scalar, of) {
        (s, of) if of.holds(s) => Ok(None),
        (Scalar::Integer(i), FieldType::Float) => match exact_f64(*i) {
            Some(float) => Ok(Some(Scalar::Float(float))),
            None => Err(Error::invalid(format!(
                "metadata {key:?}: the integer {i} has no equal float, and the field is declared float"
            ))),
        },
        (s, of) => Err(mismatch(key, s.type_name(), of)),
    }
}

/// The numbers of a mixed list of numbers.
fn numbers(json: &serde_json::Value) -> Option<Vec<Scalar>> {
    let items = json.as_array()?;
    items.iter().map(|n| n.as_i64().map(Scalar::Integer).or_else(|| n.as_f64().map(Scalar::Float))).collect()
}

fn mismatch(key: &str, found: &str, declared: FieldType) -> Error {
    Error::invalid(format!("metadata {key:?} is {found}, and the index declares it {declared}"))
}
