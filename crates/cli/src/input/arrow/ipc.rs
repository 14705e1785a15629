//! Arrow's own files: IPC with or without a footer, which Feather is as well.

use std::fs::File;
use std::io::{BufReader, Seek};

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};
use portolan::{Error, Result};

use super::columns::Columns;
use super::rows::{BatchRows, Batches};
use crate::input::guard::guarded;
use crate::input::parts::Declared;
use crate::input::roles::Choice;
use crate::input::rows::Rows;
use crate::input::source::{Source, buffered};

/// What a file with a footer begins with, and the older Feather.
const FILE_MAGIC: &[u8] = b"ARROW1";
const FEATHER_1_MAGIC: &[u8] = b"FEA1";

/// Opens the rows of a file, with a footer or without.
pub(in crate::input) fn open_ipc(
    source: &Source,
    choice: &Choice,
    declared: &Declared,
) -> Result<Box<dyn Rows>> {
    let path = source.path();
    let wrong =
        |what: &str| Error::invalid(format!("{} is no Arrow file, or is truncated: {what}", path.display()));
    let head = source.head()?;
    if head.starts_with(FEATHER_1_MAGIC) {
        return Err(Error::invalid(format!(
            "{} is Feather of version 1, which is not read; write it again with version=2",
            path.display()
        )));
    }
    let has_footer = head.starts_with(FILE_MAGIC);
    let open = |read: Option<Vec<usize>>| {
        let file = source.open()?;
        let opened = guarded(|| Reader::new(file, has_footer, read));
        opened.ok_or_else(|| wrong("it is damaged"))?.map_err(|e| wrong(&e.to_string()))
    };
    let columns = Columns::new(&open(None)?.schema(), choice, declared, path)?;
    let reader = open(Some(columns.read()))?;
    Ok(Box::new(BatchRows::new(path, columns, reader)))
}

/// Boxed, since one is much larger than the other.
enum Reader {
    File(Box<FileReader<BufReader<File>>>),
    Stream(Box<StreamReader<BufReader<File>>>),
}

impl Reader {
    fn new(file: File, has_footer: bool, read: Option<Vec<usize>>) -> Result<Self, ArrowError> {
        let file = buffered(file);
        if has_footer {
            FileReader::try_new(file, read).map(|reader| Self::File(Box::new(reader)))
        } else {
            StreamReader::try_new(file, read).map(|reader| Self::Stream(Box::new(reader)))
        }
    }

    fn schema(&self) -> SchemaRef {
        match self {
            Self::File(reader) => reader.schema(),
            Self::Stream(reader) => reader.schema(),
        }
    }
}

impl Batches for Reader {
    fn next(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
        match self {
            Self::File(reader) => reader.next(),
            Self::Stream(reader) => reader.next(),
        }
    }

    fn bytes_read(&self, _: u64) -> u64 {
        let mut file = match self {
            Self::File(reader) => reader.get_ref().get_ref(),
            Self::Stream(reader) => reader.get_ref().get_ref(),
        };
        // It only tells how far the import is.
        file.stream_position().unwrap_or_default()
    }
}
