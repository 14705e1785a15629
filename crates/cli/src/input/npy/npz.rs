//! NumPy's `.npz` archives: an array for each column.

use std::path::PathBuf;

use portolan::{Error, Record, Result};
use serde_json::Value as Json;

use super::archive::{Section, names, sections};
use super::array::Array;
use crate::failure::file_error;
use crate::input::parts::{Declared, Parts};
use crate::input::roles::{Choice, Role, Roles, Told, shown};
use crate::input::rows::{Row, Rows};
use crate::input::source::Source;

/// A record a row of the arrays.
pub(in crate::input) struct Npz {
    path: PathBuf,
    roles: Roles,
    declared: Declared,
    columns: Vec<Column>,
    rows: u64,
    at: u64,
    dimension: Option<usize>,
}

/// An array, and what it holds.
struct Column {
    name: String,
    role: Role,
    array: Array<Section>,
}

impl Npz {
    /// Finds the arrays by their names, and checks that all can be read and have as many rows.
    pub(in crate::input) fn new(source: &Source, choice: &Choice, declared: &Declared) -> Result<Self> {
        let path = source.path();
        let in_file = |e: Error| Error::invalid(format!("{}: {}", path.display(), e.message()));
        let names = names(source)?;
        let roles =
            Roles::of(choice, &names.iter().map(String::as_str).collect::<Vec<_>>()).map_err(in_file)?;
        let read: Vec<usize> = (0..names.len()).filter(|at| roles.role(*at) != Role::Ignored).collect();
        let mut columns = Vec::with_capacity(read.len());
        for (at, section) in read.iter().zip(sections(source, &read)?) {
            let name = names[*at].clone();
            columns.push(Column::new(name, roles.role(*at), section).map_err(in_file)?);
        }
        // The components of a vector are taken in the order of their numbers.
        columns.sort_by_key(|column| if let Role::VectorPart(number) = column.role { number } else { 0 });
        let rows = rows(&columns).map_err(in_file)?;
        Ok(Self {
            path: path.to_owned(),
            roles,
            declared: declared.clone(),
            columns,
            rows,
            at: 0,
            dimension: None,
        })
    }

    /// The record of the next row, of which all arrays are read also where one of its values is refused.
    fn record(&mut self) -> Result<Result<Record>> {
        let mut vector = Vec::new();
        let mut cells = Vec::with_capacity(self.columns.len());
        for column in &mut self.columns {
            let failed = |e| file_error(&self.path, "read", &e);
            match column.role {
                Role::Vector | Role::VectorPart(_) => vector.extend(column.array.vector().map_err(failed)?),
                _ => cells.push((column.role, column.cell().map_err(failed)?)),
            }
        }
        let names = self.columns.iter().filter(|c| !matches!(c.role, Role::Vector | Role::VectorPart(_)));
        let cells = names.map(|column| column.name.as_str()).zip(cells);
        Ok(record(cells, vector, &self.declared))
    }
}

/// Puts the cells of a row together.
fn record<'c>(
    cells: impl Iterator<Item = (&'c str, (Role, Result<Json>))>,
    vector: Vec<f32>,
    declared: &Declared,
) -> Result<Record> {
    let mut parts = Parts::new(declared);
    parts.vector(vector);
    for (name, (role, cell)) in cells {
        match role {
            Role::Id => parts.id_cell(cell?)?,
            Role::Metadata => parts.metadata(name, cell?)?,
            _ => parts.field(name, cell?)?,
        }
    }
    parts.finish()
}

impl Iterator for Npz {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        if self.at == self.rows {
            return None;
        }
        self.at += 1;
        let record = self.record();
        if let Ok(Ok(record)) = &record {
            self.dimension = record.vector.as_ref().map(|vector| vector.len());
        }
        Some(record.map(|record| Row { line: self.at, record }))
    }
}

impl Rows for Npz {
    fn pass_over(&mut self, rows: u64) -> Result<u64> {
        let rows = rows.min(self.rows - self.at);
        self.at += rows;
        for column in &mut self.columns {
            column.array.seek(self.at).map_err(|e| file_error(&self.path, "read", &e))?;
        }
        Ok(rows)
    }

    fn bytes_read(&self) -> u64 {
        self.columns.iter().map(|column| column.array.bytes_read()).sum()
    }

    fn told(&self) -> Option<Told> {
        Some(self.roles.tell(self.dimension))
    }
}

impl Column {
    fn new(name: String, role: Role, section: std::io::BufReader<Section>) -> Result<Self> {
        let length = section.get_ref().length();
        let called = format!("the array {}", shown(&name));
        let leave_out = |e: Error| match role {
            Role::Field | Role::Metadata => {
                Error::invalid(format!("{}; leave it out with --ignore-column {name}", e.message()))
            }
            _ => e,
        };
        let array = Array::new(section, &called).map_err(leave_out)?;
        let header = array.header();
        let missing = array.missing(length);
        if missing > 0 {
            return Err(Error::invalid(format!("{called} is truncated: {missing} bytes are missing")));
        }
        match role {
            Role::Vector => header.matrix(&called).map(drop)?,
            Role::Id if header.shape().len() != 1 => {
                return Err(shape(&called, header.shape(), "an id for each row"));
            }
            Role::VectorPart(_) if header.shape().len() != 1 || !header.item().is_number() => {
                return Err(shape(&called, header.shape(), "a number for each row"));
            }
            _ if !matches!(header.shape().len(), 1 | 2) => {
                return Err(leave_out(shape(
                    &called,
                    header.shape(),
                    "a value or a list of values for each row",
                )));
            }
            _ => {}
        }
        Ok(Self { name, role, array })
    }

    /// The value of the next row, or the list of its values.
    fn cell(&mut self) -> std::io::Result<Result<Json>> {
        let (item, is_list) = (self.array.header().item(), self.array.header().shape().len() > 1);
        let bytes = self.array.next()?;
        let cell = if is_list {
            bytes
                .chunks_exact(item.size())
                .map(|bytes| item.json(bytes))
                .collect::<Result<_>>()
                .map(Json::Array)
        } else {
            item.json(bytes)
        };
        let name = &self.name;
        Ok(cell.map_err(|e| {
            Error::invalid(format!(
                "the array {}: {}; --ignore-column {name} leaves it out",
                shown(name),
                e.message()
            ))
        }))
    }
}

/// How many rows all have.
fn rows(columns: &[Column]) -> Result<u64> {
    let rows = |column: &Column| column.array.header().rows().unwrap_or_default();
    let Some(first) = columns.first() else { return Ok(0) };
    match columns.iter().find(|column| rows(column) != rows(first)) {
        None => Ok(rows(first)),
        Some(other) => Err(Error::invalid(format!(
            "the array {} has {} rows and {} has {}: each vector needs one row of every array; leave one out with \
             --ignore-column NAME",
            shown(&first.name),
            rows(first),
            shown(&other.name),
            rows(other)
        ))),
    }
}

fn shape(called: &str, shape: &[u64], wanted: &str) -> Error {
    Error::invalid(format!("{called} has the shape {shape:?}, and must hold {wanted}"))
}
