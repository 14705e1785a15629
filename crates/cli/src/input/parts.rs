//! The parts of a record, put together in the same way whatever the format.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan::{Error, FieldType, Metadata, Record, Result, Scalar, Value};
use serde_json::Value as Json;

use super::json_text::object_text;
use super::roles::shown;

/// The declared types of fields.
pub(crate) type Declared = BTreeMap<String, FieldType>;

/// A record that is being put together.
#[derive(Debug)]
pub(super) struct Parts<'d> {
    declared: &'d Declared,
    id: Option<String>,
    vector: Option<Arc<[f32]>>,
    metadata: Metadata,
}

impl<'d> Parts<'d> {
    pub(super) fn new(declared: &'d Declared) -> Self {
        Self { declared, id: None, vector: None, metadata: Metadata::new() }
    }

    /// Takes the id: text, or an integer as its text.
    pub(super) fn id(&mut self, id: impl Into<String>) {
        self.id = Some(id.into());
    }

    /// Takes the cell of the id column.
    pub(super) fn id_cell(&mut self, cell: Json) -> Result<()> {
        match cell {
            Json::String(id) => self.id(id),
            Json::Number(id) if !id.is_f64() => self.id(id.to_string()),
            Json::Null => {}
            _ => return Err(Error::invalid("the id must be a string or an integer")),
        }
        Ok(())
    }

    /// Takes the vector.
    pub(super) fn vector(&mut self, vector: impl Into<Arc<[f32]>>) {
        self.vector = Some(vector.into());
    }

    /// Takes the cell of the metadata column: an object, also as JSON text, has the fields; anything else is itself
    /// the field of that name.
    pub(super) fn metadata(&mut self, column: &str, cell: Json) -> Result<()> {
        let cell = match cell {
            Json::String(text) if text.is_empty() => return Ok(()),
            Json::String(text) if self.is_object_text(column, &text) => object_text(column, &text)?,
            cell => cell,
        };
        match cell {
            Json::Object(fields) => {
                let fields = Metadata::from_json(Json::Object(fields))
                    .map_err(|e| Error::invalid(format!("in the metadata: {}", e.message())))?;
                if self.metadata.is_empty() {
                    self.metadata = fields;
                    return Ok(());
                }
                fields.iter().try_for_each(|(key, value)| self.value(key, value.clone()))
            }
            cell => self.field(column, cell),
        }
    }

    /// Whether a text in the metadata column is read as an object: it is meant as one, and not declared as text.
    pub(super) fn is_object_text(&self, column: &str, text: &str) -> bool {
        text.trim_start().starts_with('{') && self.declared.get(column) != Some(&FieldType::String)
    }

    /// Takes the cell of one field; null is none.
    pub(super) fn field(&mut self, column: &str, cell: Json) -> Result<()> {
        let value = Value::from_json(cell)
            .map_err(|e| Error::invalid(format!("{}: {}", shown(column), e.message())))?;
        value.map_or(Ok(()), |value| self.value(column, value))
    }

    /// Takes the value of one field.
    pub(super) fn value(&mut self, key: &str, value: impl Into<Value>) -> Result<()> {
        if self.metadata.insert(key, value).is_some() {
            return Err(Error::invalid(format!("{} is both a column and a key of the metadata", shown(key))));
        }
        Ok(())
    }

    /// The record, its fields of their declared types.
    pub(super) fn finish(self) -> Result<Record> {
        let missing = |what: &str| Error::invalid(format!("the {what} is missing"));
        let declared = self.declared;
        let vector = self.vector.ok_or_else(|| missing("vector"))?;
        let id = self.id.ok_or_else(|| missing("id"))?;
        Ok(Record::new(id, vector).metadata(bound(self.metadata, declared)?))
    }

    /// Id and metadata of a record whose vector is in another file.
    pub(super) fn without_vector(self) -> Result<(String, Metadata)> {
        let id = self.id.ok_or_else(|| Error::invalid("the id is missing"))?;
        Ok((id, bound(self.metadata, self.declared)?))
    }
}

/// The metadata with its declared fields bound to their types: an integer in a float field is that float.
fn bound(mut metadata: Metadata, declared: &Declared) -> Result<Metadata> {
    for (key, of) in declared {
        let Some(value) = metadata.get(key) else { continue };
        let other = match value {
            Value::Scalar(scalar) => bound_scalar(key, scalar, *of)?.map(Value::Scalar),
            Value::List(items) => {
                let items = items.iter().map(|item| bound_scalar(key, item, *of));
                let bound: Vec<Option<Scalar>> = items.collect::<Result<_>>()?;
                bound.into_iter().collect::<Option<Vec<Scalar>>>().map(Value::List)
            }
            // A list of integers and floats, which the store binds.
            _ => None,
        };
        if let Some(other) = other {
            metadata.insert(key, other);
        }
    }
    Ok(metadata)
}

/// The float that an integer in a float field is; none where the value is of the type already.
fn bound_scalar(key: &str, scalar: &Scalar, of: FieldType) -> Result<Option<Scalar>> {
    match (scalar, of) {
        (Scalar::Integer(integer), FieldType::Float) => {
            exact_float(*integer).map(|float| Some(Scalar::Float(float))).ok_or_else(|| {
                Error::invalid(format!(
                    "{}: the integer {integer} has no equal float, and the field is declared float",
                    shown(key)
                ))
            })
        }
        (scalar, of) if scalar.type_name() == of.as_str() => Ok(None),
        (scalar, of) => Err(Error::invalid(format!(
            "{} is {scalar}, of the type {}, and must be of the type {of}",
            shown(key),
            scalar.type_name()
        ))),
    }
}

fn exact_float(integer: i64) -> Option<f64> {
    let float = integer as f64;
    (float as i128 == i128::from(integer)).then_some(float)
}
