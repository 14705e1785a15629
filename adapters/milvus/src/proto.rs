//! The messages of the wire, and what most of them are made of. The tests that play or ask a server have them too.

#[allow(warnings, clippy::all, rustdoc::all)]
mod generated {
    tonic::include_proto!("milvus");
}

pub(crate) use generated::milvus::proto::{common, milvus, schema};

use common::KeyValuePair;
use schema::{DataType, FieldData, ScalarField, field_data::Field, scalar_field::Data};

/// Key and value pairs, as requests carry them.
pub(crate) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> Vec<KeyValuePair> {
    pairs.into_iter().map(|(key, value)| KeyValuePair { key: key.to_owned(), value }).collect()
}

/// The value of a key among such pairs.
pub(crate) fn param<'a>(params: &'a [KeyValuePair], key: &str) -> Option<&'a str> {
    params.iter().find(|pair| pair.key == key).map(|pair| pair.value.as_str())
}

/// A field's values, one for each row.
pub(crate) fn column(name: &str, of: DataType, data: Data) -> FieldData {
    FieldData {
        r#type: of.into(),
        field_name: name.to_owned(),
        field: Some(Field::Scalars(ScalarField { data: Some(data) })),
        ..FieldData::default()
    }
}

/// The values of a field that holds scalars.
pub(crate) fn scalars(field: &FieldData) -> Option<&Data> {
    match &field.field {
        Some(Field::Scalars(scalars)) => scalars.data.as_ref(),
        _ => None,
    }
}
