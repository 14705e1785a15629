//! The keys of a record in the field index.

use std::collections::BTreeSet;

use portolan_core::{IndexSpec, Metadata, Value};

use super::key::{self, EXISTS, LIST};

/// The keys under which a row with this metadata stands.
pub(super) fn keys(spec: &IndexSpec, metadata: &Metadata) -> BTreeSet<(u16, Vec<u8>)> {
    let mut keys = BTreeSet::new();
    for (field, name) in (0..).zip(spec.fields.keys()) {
        let Some(value) = metadata.get(name) else { continue };
        keys.insert((field, vec![EXISTS]));
        match value {
            Value::Scalar(scalar) => drop(keys.insert((field, key::encode(scalar)))),
            Value::List(items) => {
                keys.insert((field, vec![LIST]));
                keys.extend(items.iter().map(|item| (field, key::encode(item))));
            }
            Value::Opaque(_) => {}
        }
    }
    keys
}
