//! The first pass over the inputs, which finds what must be known before a record is stored. The second one reads the
//! records.

use std::collections::BTreeMap;

use portolan::{Error, FieldType, Result};

use super::csv::{ColumnTypes, Csv};
use super::file::{Format, Input};
use super::fingerprint::{Fingerprint, Hashed};
use super::jsonl::Jsonl;
use super::npy::Pairs;
use super::rows::{Glimpse, Row};
use super::source::buffered;

/// How many rows of each file are looked at for the dimension.
const ROWS_TRIED: usize = 1000;

/// What is looked for, beside the types of columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// The dimension of the data.
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
    ) -> Result<Self> {
        let types = ColumnTypes::new(declared);
        let mut survey = Self { types, fingerprints: Vec::new(), head: Head::default(), wanted };
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

    fn read(&mut self, input: &Input) -> Result<()> {
        let mut file = Hashed::open(&input.source)?;
        let path = input.source.path();
        let mut metadata = None;
        let tried = if self.wanted.dimension { ROWS_TRIED } else { 0 };
        match input.format {
            Format::Jsonl => {
                let rows = Jsonl::new(buffered(&mut file), path);
                self.head.look(input, rows.map(glimpse).take(tried))?;
            }
            Format::Csv | Format::Tsv => {
                let declared = self.types.declared();
                let csv = Csv::new(buffered(&mut file), path, input.is_tabbed(), &declared)?;
                let mut rows = csv.widening(&mut self.types);
                self.head.look(input, rows.by_ref().map(glimpse).take(tried))?;
                rows.finish()?;
            }
            Format::Npy => {
                let source = input.metadata_of_matrix()?;
                let lines = metadata.insert(Hashed::open(source)?);
                let mut pairs = Pairs::new(path, &mut file, source.path(), lines)?;
                self.head.look(input, pairs.by_ref().take(tried))?;
                pairs.finish()?;
            }
            // Not read in order, so that its head is read once more.
            Format::Parquet => self.head.look(input, input.open_parquet()?.map(glimpse).take(tried))?,
        }
        if self.wanted.fingerprints {
            for (file, source) in std::iter::once(file).chain(metadata).zip(input.sources()) {
                self.fingerprints.push(file.fingerprint(source.path())?);
            }
        }
        Ok(())
    }
}

impl Head {
    /// Looks at rows until the dimension is known.
    fn look(&mut self, input: &Input, mut rows: impl Iterator<Item = Result<Glimpse>>) -> Result<()> {
        while self.dimension.is_none()
            && let Some(Glimpse { line, dimension }) = rows.next().transpose()?
        {
            match dimension {
                Ok(dimension) => self.dimension = Some(dimension),
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
