//! Which column is what, and the record that a row makes.

use std::path::Path;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};
use portolan::{Error, Record, Result};
use serde_json::Value as Json;

use super::cell::{is_readable, json, type_name};
use super::vector::{Vectors, inner, is_number, is_vector};
use crate::input::parts::{Declared, Parts};
use crate::input::roles::{Choice, Role, Roles, Told, shown};

/// The roles of a file's columns, and where the vector is in its own.
#[derive(Debug)]
pub(in crate::input) struct Columns {
    roles: Roles,
    declared: Declared,
    /// The columns that are read, in the order of the file.
    read: Vec<usize>,
    /// The fields of structs that lead to the vector.
    path: Vec<String>,
}

impl Columns {
    /// Finds the columns by their names, and checks that all can be read.
    pub(in crate::input) fn new(
        schema: &Schema,
        choice: &Choice,
        declared: &Declared,
        file: &Path,
    ) -> Result<Self> {
        let in_file = |e: Error| Error::invalid(format!("{}: {}", file.display(), e.message()));
        Self::find(schema, choice, declared).map_err(in_file)
    }

    /// The columns that are read, in the order of the file.
    pub(in crate::input) fn read(&self) -> Vec<usize> {
        self.read.clone()
    }

    /// What the columns were taken for.
    pub(super) fn tell(&self, dimension: Option<usize>) -> Told {
        self.roles.tell(dimension)
    }

    fn find(schema: &Schema, choice: &Choice, declared: &Declared) -> Result<Self> {
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let roles = Roles::of(choice, &names)?;
        let read: Vec<usize> = (0..names.len()).filter(|at| roles.role(*at) != Role::Ignored).collect();
        let chosen = choice.vector.as_deref().filter(|name| !names.contains(name));
        let path = chosen.and_then(|name| name.split_once('.')).map_or("", |(_, path)| path);
        let path = path.split('.').filter(|_| roles.vector().is_some() && !path.is_empty());
        let path = path.map(str::to_owned).collect();
        let this = Self { declared: declared.clone(), path, roles, read };
        this.read.iter().try_for_each(|at| this.check(*at, schema.field(*at)))?;
        Ok(this)
    }

    /// Checks that the cells of a column can be what its role demands.
    fn check(&self, at: usize, field: &Field) -> Result<()> {
        let (is_right, wanted) = match self.roles.role(at) {
            Role::Vector => (is_vector(inner(field, &self.path)?), "which are no lists of numbers"),
            Role::VectorPart(_) => (is_number(field.data_type()), "which are no numbers"),
            _ => (is_readable(field), "which metadata has not"),
        };
        if is_right {
            return Ok(());
        }
        let leave_out = match self.roles.role(at) {
            Role::Metadata | Role::Field => format!("; leave it out with --ignore-column {}", field.name()),
            _ => String::new(),
        };
        let name = shown(field.name());
        Err(Error::invalid(format!(
            "the column {name} holds values of the type {}, {wanted}{leave_out}",
            type_name(field)
        )))
    }
}

/// A batch of rows.
pub(super) struct Batch {
    id: Column,
    vectors: Vectors,
    metadata: Option<Column>,
    fields: Vec<Column>,
    rows: usize,
}

struct Column {
    field: Field,
    array: ArrayRef,
}

impl Batch {
    /// The columns of a batch, which holds those that [`Columns::read`] tells.
    pub(super) fn new(batch: &RecordBatch, columns: &Columns) -> Result<Self> {
        let roles = &columns.roles;
        let column = |at: usize| {
            let held = columns.read.binary_search(&at).ok().filter(|held| *held < batch.num_columns());
            let held = held.ok_or_else(|| Error::invalid("the file changed while it was read"))?;
            Ok(Column { field: batch.schema().field(held).clone(), array: batch.column(held).clone() })
        };
        let id = roles.id().ok_or_else(|| Error::invalid("there is no id"))?;
        let vectors = match roles.vector() {
            Some(at) => {
                column(at).and_then(|Column { field, array }| Vectors::new(&array, &field, &columns.path))?
            }
            None => {
                let parts = roles.vector_parts().into_iter().map(column).map(|column| Ok(column?.array));
                Vectors::of_parts(&parts.collect::<Result<Vec<_>>>()?)?
            }
        };
        let fields = columns.read.iter().filter(|at| roles.role(**at) == Role::Field);
        Ok(Self {
            id: column(id)?,
            vectors,
            metadata: roles.metadata().map(column).transpose()?,
            fields: fields.map(|at| column(*at)).collect::<Result<_>>()?,
            rows: batch.num_rows(),
        })
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The record of a row.
    pub(super) fn record(&self, row: usize, columns: &Columns) -> Result<Record> {
        let mut parts = Parts::new(&columns.declared);
        parts.id_cell(self.id.json(row)?)?;
        parts.vector(self.vectors.of(row)?);
        if let Some(column) = &self.metadata {
            parts.metadata(column.field.name(), column.json(row)?)?;
        }
        for column in &self.fields {
            parts.field(column.field.name(), column.json(row)?)?;
        }
        parts.finish()
    }
}

impl Column {
    fn json(&self, row: usize) -> Result<Json> {
        json(&self.array, &self.field, row).map_err(|e| {
            let name = self.field.name();
            Error::invalid(format!(
                "the column {}: {}; --ignore-column {name} leaves it out",
                shown(name),
                e.message()
            ))
        })
    }
}
