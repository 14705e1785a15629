//! Random records.

use portolan_core::{FieldType, IndexSpec, Metadata, Record, Scalar, Value, Vector};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;

use super::{FLOATS, INTEGERS, KEYS, STRINGS, one_of, scalar};
use crate::data::opaque;

/// The spec with its first four keys declared.
pub(crate) fn declared(spec: IndexSpec) -> IndexSpec {
    FieldType::ALL.iter().zip(KEYS).fold(spec, |spec, (of, key)| spec.field(key, *of))
}

/// A record of one of `ids` ids. Under a key that may be declared, values are of its type.
pub(crate) fn record(rng: &mut StdRng, ids: usize, dimension: usize) -> Record {
    Record::new(id(rng, ids), vector(rng, dimension)).metadata(metadata(rng))
}

/// One of so many ids.
pub(super) fn id(rng: &mut StdRng, ids: usize) -> String {
    format!("id {}", rng.random_range(0..ids))
}

/// Small integers, not all of them 0: distances are exact, and some are equal.
pub(crate) fn vector(rng: &mut StdRng, dimension: usize) -> Vector {
    let mut vector: Vec<f32> = (0..dimension).map(|_| rng.random_range(-4..=4) as f32).collect();
    if vector.iter().all(|x| *x == 0.0) {
        vector[0] = 1.0;
    }
    vector.into()
}

/// Metadata in which each key is missing now and then.
fn metadata(rng: &mut StdRng) -> Metadata {
    let mut metadata = Metadata::new();
    for key in KEYS {
        if rng.random_bool(0.7) {
            metadata.insert(key, value(rng, key));
        }
    }
    metadata
}

/// A value that the key takes, whether it is declared or not.
pub(super) fn value(rng: &mut StdRng, key: &str) -> Value {
    let of = FieldType::ALL.iter().zip(KEYS).find(|(_, k)| *k == key).map(|(of, _)| *of);
    match (of, rng.random_range(0..10)) {
        (Some(of), 0..=7) => typed(rng, of).into(),
        (None, 0..=5) => scalar(rng).into(),
        (None, 6) => opaque(json!({"deep": [1, null, {"x": 2.5}]})),
        (Some(of), _) => Value::List((0..rng.random_range(0..4)).map(|_| typed(rng, of)).collect()),
        (None, _) => {
            let of = one_of(rng, &FieldType::ALL);
            Value::List((0..rng.random_range(0..4)).map(|_| typed(rng, of)).collect())
        }
    }
}

fn typed(rng: &mut StdRng, of: FieldType) -> Scalar {
    match of {
        FieldType::Bool => Scalar::Bool(rng.random()),
        FieldType::Integer => Scalar::Integer(one_of(rng, &INTEGERS)),
        FieldType::Float => Scalar::Float(one_of(rng, &FLOATS)),
        FieldType::String => Scalar::String(one_of(rng, &STRINGS).to_owned()),
    }
}
