//! JSON lines.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use portolan::{Error, Result};

use super::json::Objects;
use super::lines::Lines;
use super::roles::Told;
use super::rows::{Row, Rows};
use crate::failure::file_error;

/// A record a line.
pub(super) struct Jsonl<R> {
    lines: Lines<R>,
    path: PathBuf,
    objects: Objects,
}

impl<R: BufRead> Jsonl<R> {
    pub(super) fn new(reader: R, path: &Path, objects: Objects) -> Self {
        Self { lines: Lines::new(reader), path: path.to_owned(), objects }
    }
}

impl<R: BufRead> Iterator for Jsonl<R> {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        match self.lines.next() {
            Ok(None) => None,
            Ok(Some(line)) => {
                let record = line.text.map_err(Error::invalid).and_then(|text| {
                    self.objects.record(text).map_err(|wrong| wrong.located(text, line.number, 1).1)
                });
                Some(Ok(Row { line: line.number, record }))
            }
            Err(e) => Some(Err(file_error(&self.path, "read", &e))),
        }
    }
}

impl<R: BufRead + Send> Rows for Jsonl<R> {
    fn pass_over(&mut self, rows: u64) -> Result<u64> {
        for passed in 0..rows {
            if self.lines.next().map_err(|e| file_error(&self.path, "read", &e))?.is_none() {
                return Ok(passed);
            }
        }
        Ok(rows)
    }

    fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    fn told(&self) -> Option<Told> {
        self.objects.told()
    }
}
