//! Tables of separated values.

mod cells;
mod header;
mod types;

use std::io::BufRead;
use std::path::{Path, PathBuf};

use portolan::{Error, Record, Result};
use serde_json::Value as Json;

use self::cells::{Broken, Cells};
use self::header::{Header, header, name_of};
use super::parts::Parts;
use super::reread::Reread;
use super::roles::{Choice, Role, Roles, Told, shown};
use super::rows::{Row, Rows};
use super::vector_text::vector_of;
use crate::failure::file_error;

pub(super) use self::header::Delimiter;
pub(crate) use self::header::delimiter;
pub(crate) use self::types::ColumnTypes;
#[cfg(test)]
pub(super) use self::types::Kind;

/// Rows with an id, a vector, and metadata; an empty cell is a missing field.
pub(super) struct Csv<R> {
    cells: Cells<Reread<R>>,
    roles: Roles,
    path: PathBuf,
    types: ColumnTypes,
    /// What was found to separate the cells, where it is not the usual.
    found: Option<u8>,
    dimension: Option<usize>,
}

impl<R: BufRead> Csv<R> {
    pub(super) fn new(
        reader: R,
        path: &Path,
        delimiter: Delimiter,
        choice: &Choice,
        types: &ColumnTypes,
    ) -> Result<Self> {
        let Header { cells, roles, found } = header(reader, delimiter, choice)
            .map_err(|e| Error::invalid(format!("{}: {}", path.display(), e.message())))?;
        Ok(Self { cells, roles, path: path.to_owned(), types: types.clone(), found, dimension: None })
    }

    /// The same rows, which widen `types` by the values of columns without a declared one.
    pub(super) fn widening(self, types: &mut ColumnTypes) -> Widening<'_, R> {
        let is_open = |at: &usize| {
            let is_field = matches!(self.roles.role(*at), Role::Field | Role::Metadata);
            is_field && !types.declared().contains_key(self.roles.name(*at))
        };
        let open = (0..self.roles.iter().count()).filter(is_open).collect();
        Widening { csv: self, open, types }
    }

    /// What the columns were taken for.
    pub(super) fn tell(&self) -> Told {
        let Told { text, is_usual } = self.roles.tell(self.dimension);
        match self.found {
            Some(delimiter) => {
                Told { text: format!("separated by {}: {text}", name_of(delimiter)), is_usual: false }
            }
            None => Told { text, is_usual },
        }
    }

    /// The next row as it stands; its line.
    fn read(&mut self) -> Result<Option<u64>> {
        self.cells.read().map_err(|broken| match broken {
            Broken::File(e) => file_error(&self.path, "read", &e),
            Broken::Text { line, what } => {
                Error::invalid(format!("{}, line {line}: {what}", self.path.display()))
            }
        })
    }

    /// The row that was read.
    fn row(&mut self, line: u64) -> Row {
        let record = self.record();
        if let Ok(record) = &record {
            self.dimension = record.vector.as_ref().map(|v| v.len());
        }
        Row { line, record }
    }

    fn record(&self) -> Result<Record> {
        let expected = self.roles.iter().count();
        if self.cells.len() != expected {
            return Err(Error::invalid(format!(
                "the row has {} cells, and the header has {expected}",
                self.cells.len()
            )));
        }
        let cells = self.cells.cells().ok_or_else(|| Error::invalid("the row is not UTF-8 text"))?;
        let mut parts = Parts::new(self.types.declared());
        let mut numbered = Vec::new();
        for (cell, (name, role)) in
            cells.into_iter().zip(self.roles.iter()).filter(|(cell, _)| !cell.is_empty())
        {
            match role {
                Role::Id => parts.id(cell),
                Role::Vector => parts.vector(
                    vector_of(cell)
                        .map_err(|e| Error::invalid(format!("{} is not a vector: {e}", shown(name))))?,
                ),
                Role::VectorPart(number) => numbered.push((number, component(name, cell)?)),
                Role::Metadata if parts.is_object_text(name, cell) => {
                    parts.metadata(name, Json::from(cell))?;
                }
                Role::Metadata | Role::Field => parts.value(name, self.types.value(name, cell)?)?,
                Role::Ignored => {}
            }
        }
        self.take_numbered(&mut parts, numbered)?;
        parts.finish()
    }

    /// Makes the vector of the components in numbered columns, which are all needed.
    fn take_numbered(&self, parts: &mut Parts<'_>, mut numbered: Vec<(usize, f32)>) -> Result<()> {
        let columns = self.roles.vector_parts();
        if columns.is_empty() {
            return Ok(());
        }
        numbered.sort_unstable_by_key(|(number, _)| *number);
        if let Some(missing) =
            (0..columns.len()).find(|n| numbered.get(*n).is_none_or(|(number, _)| number != n))
        {
            return Err(Error::invalid(format!(
                "the column {} is empty, and must be a number",
                shown(self.roles.name(columns[missing]))
            )));
        }
        parts.vector(numbered.into_iter().map(|(_, x)| x).collect::<Vec<_>>());
        Ok(())
    }
}

impl<R: BufRead> Iterator for Csv<R> {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        self.read().map(|line| line.map(|line| self.row(line))).transpose()
    }
}

impl<R: BufRead + Send> Rows for Csv<R> {
    fn pass_over(&mut self, rows: u64) -> Result<u64> {
        for passed in 0..rows {
            if self.read()?.is_none() {
                return Ok(passed);
            }
        }
        Ok(rows)
    }

    fn bytes_read(&self) -> u64 {
        self.cells.bytes_read()
    }

    fn told(&self) -> Option<Told> {
        Some(self.tell())
    }
}

/// Rows that widen the types of their columns while they are read.
pub(super) struct Widening<'t, R> {
    csv: Csv<R>,
    open: Vec<usize>,
    types: &'t mut ColumnTypes,
}

impl<R: BufRead> Widening<'_, R> {
    /// Reads the rows that are left, which are not parsed as records.
    pub(super) fn finish(mut self) -> Result<()> {
        while self.read()?.is_some() {}
        Ok(())
    }

    /// What the columns were taken for.
    pub(super) fn tell(&self) -> Told {
        self.csv.tell()
    }

    fn read(&mut self) -> Result<Option<u64>> {
        let line = self.csv.read()?;
        // A row that is none says nothing of the columns.
        if line.is_some()
            && let Some(cells) = self.csv.cells.cells()
            && cells.len() == self.csv.roles.iter().count()
        {
            let metadata = self.csv.roles.metadata();
            for &at in &self.open {
                let cell = cells.get(at).copied().unwrap_or_default();
                // An object has its own fields.
                if metadata != Some(at) || !cell.trim_start().starts_with('{') {
                    self.types.widen(self.csv.roles.name(at), cell);
                }
            }
        }
        Ok(line)
    }
}

impl<R: BufRead> Iterator for Widening<'_, R> {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        self.read().map(|line| line.map(|line| self.csv.row(line))).transpose()
    }
}

fn component(column: &str, cell: &str) -> Result<f32> {
    let wrong = || Error::invalid(format!("the column {} is {cell:?}, and must be a number", shown(column)));
    match vector_of(cell).ok().as_deref() {
        Some([x]) if !cell.trim_start().starts_with(['[', '{', '(']) => Ok(*x),
        _ => Err(wrong()),
    }
}
