//! The first pass over the inputs, which finds what must be known before a record is stored. The second one reads the
//! records.

use std::collections::BTreeMap;

use portolan::{Error, FieldType, Result};

use super::csv::ColumnTypes;
use super::file::{Format, Input};
use super::fingerprint::{Fingerprint, Hashed};
use super::npy::Pairs;
use super::rows::{Glimpse, Row};
use super::source::buffered;
use crate::failure::Failure;

/// How many rows of each file are looked at for its first record.
const ROWS_TRIED: usize = 1000;

/// What is looked for, beside the types of columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// The dimension of the data, also where that is not read in order.
    pub(crate) dimension: bool,
    /// The fingerprint of each file.
    pub(crate) fingerprints: bool,
}

/// What is known after the first pass. Each input was opened, so that what is wrong with one as a whole is told before
/// anything is stored.
#[derive(Debug)]
pub(crate) struct Survey {
    /// One type for all values of a column.
    pub(crate) types: ColumnTypes,
    /// Those of the files, in order; none where they were not wanted.
    pub(crate) fingerprints: Vec<Fingerprint>,
    /// What the columns of each file were taken for, where there was something to choose.
    pub(crate) told: Vec<String>,
    head: Head,
    wanted: Wanted,
}

/// The dimension of the first valid record, and what is wrong with the rows before it.
#[derive(Debug, Default)]
struct Head {
    dimension: Option<usize>,
    problem: Option<String>,
}

impl Survey {
    /// Reads each file once at most, and what can be read only once not at all.
    pub(crate) fn of(
        inputs: &[Input],
        declared: &BTreeMap<String, FieldType>,
        wanted: Wanted,
    ) -> Result<Self, Failure> {
        let types = ColumnTypes::new(declared);
        let mut survey =
            Self { types, fingerprints: Vec::new(), told: Vec::new(), head: Head::default(), wanted };
        inputs.iter().filter(|i| !i.source.is_read_once()).try_for_each(|input| survey.read(input))?;
        Ok(survey)
    }

    /// The dimension of the first valid record.
    pub(crate) fn dimension(&self) -> Result<usize> {
        self.head.dimension.ok_or_else(|| {
            let why = self.head.problem.as_deref().unwrap_or_default();
            Error::invalid(format!("there is no valid record to take the dimension from{why}"))
        })
    }

    fn read(&mut self, input: &Input) -> Result<(), Failure> {
        input.check_packing()?;
        let mut file = Hashed::open(&input.source)?;
        let mut metadata = None;
        let told = match input.format {
            Format::Jsonl | Format::Json => {
                let mut rows = input.objects(buffered(&mut file), &self.types)?;
                self.head.look(input, rows.by_ref().map(glimpse)).map_err(Failure::failed)?;
                rows.told()
            }
            Format::Csv | Format::Tsv => {
                let declared = ColumnTypes::new(self.types.declared());
                let csv = input.table(buffered(&mut file), &declared)?;
                let mut rows = csv.widening(&mut self.types);
                self.head.look(input, rows.by_ref().map(glimpse)).map_err(Failure::failed)?;
                let told = rows.tell();
                rows.finish().map_err(Failure::failed)?;
                Some(told)
            }
            Format::Npy => {
                let source = input.metadata_of_matrix()?;
                let lines = metadata.insert(Hashed::open(source)?);
                let objects = input.objects_beside_vectors(&self.types);
                let mut pairs = Pairs::new(input.source.path(), &mut file, source.path(), lines, objects)?;
                self.head.look(input, pairs.by_ref()).map_err(Failure::failed)?;
                pairs.finish()?;
                None
            }
            // Not read in order, so that its head is read once more.
            _ => {
                let mut rows = input.open(&ColumnTypes::new(self.types.declared()))?;
                if self.wanted.dimension {
                    self.head.look(input, rows.by_ref().map(glimpse)).map_err(Failure::failed)?;
                }
                rows.told()
            }
        };
        self.told.extend(told.filter(|told| !told.is_usual).map(|told| input.told(&told)));
        if self.wanted.fingerprints {
            for (file, source) in std::iter::once(file).chain(metadata).zip(input.sources()) {
                self.fingerprints.push(file.fingerprint(source.path())?);
            }
        }
        Ok(())
    }
}

impl Head {
    /// Looks at rows up to the first record.
    fn look(&mut self, input: &Input, rows: impl Iterator<Item = Result<Glimpse>>) -> Result<()> {
        for row in rows.take(ROWS_TRIED) {
            let Glimpse { line, dimension } = row?;
            match dimension {
                Ok(dimension) => {
                    self.dimension.get_or_insert(dimension);
                    return Ok(());
                }
                Err(e) => {
                    let problem = || format!("; {}, {} {line}: {}", input.name(), input.unit(), e.message());
                    self.problem.get_or_insert_with(problem);
                }
            }
        }
        Ok(())
    }
}

fn glimpse(row: Result<Row>) -> Result<Glimpse> {
    row.map(Glimpse::from)
}
