//! Where metadata is: in one JSON field, and of other programs' collections in fields of one type.

use portolan_core::driver::Row;
use portolan_core::{Error, Metadata, Result};

use crate::foreign::column::Column;
use crate::proto::column;
use crate::proto::schema::{DataType, FieldData, JsonArray, scalar_field::Data};

/// The JSON field of the port's collections.
pub(crate) const METADATA: &str = "metadata";
/// The JSON field of other programs' collections, the dynamic field.
pub(crate) const DYNAMIC: &str = "$meta";

/// The fields of a collection that are metadata.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Columns {
    /// Those of one type.
    pub(crate) typed: Vec<Column>,
    /// The JSON field, if there is one, in which all other metadata is.
    pub(crate) object: Option<&'static str>,
}

impl Columns {
    /// The field of one type that holds a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Column> {
        self.typed.iter().find(|column| column.name == key)
    }

    /// The names of all fields.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.typed.iter().map(|column| column.name.clone()).chain(self.object.map(str::to_owned))
    }

    /// Checks metadata that is written; `taken` are the names of other fields, which no key of the dynamic field can have.
    pub(crate) fn admit(&self, metadata: &Metadata, taken: [&str; 2]) -> Result<()> {
        self.typed.iter().try_for_each(|column| column.admit(metadata.get(&column.name)))?;
        let has_room = |key: &str| {
            self.get(key).is_some()
                || self.object.is_some_and(|object| object == METADATA || !taken.contains(&key))
        };
        match metadata.iter().find(|(key, _)| !has_room(key)) {
            Some((key, _)) => {
                Err(Error::invalid(format!("the collection has no room for the field {key:?}")))
            }
            None => Ok(()),
        }
    }

    /// The metadata of rows that are admitted.
    pub(crate) fn write(&self, rows: &[Row]) -> Vec<FieldData> {
        let object = self.object.map(|name| {
            let data = rows.iter().map(|row| self.rest(&row.metadata).into_bytes()).collect();
            let field = column(name, DataType::Json, Data::JsonData(JsonArray { data }));
            FieldData { is_dynamic: name == DYNAMIC, ..field }
        });
        self.typed.iter().filter_map(|column| column.write(rows)).chain(object).collect()
    }

    /// What is in the JSON field.
    fn rest(&self, metadata: &Metadata) -> String {
        if self.typed.is_empty() {
            return metadata.to_string();
        }
        let rest = metadata.iter().filter(|(key, _)| self.get(key).is_none());
        rest.map(|(key, value)| (key, value.clone())).collect::<Metadata>().to_string()
    }
}
