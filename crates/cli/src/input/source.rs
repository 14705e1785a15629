//! The bytes of files and of stdin.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::Path;

use portolan::{Error, Result};
use tempfile::NamedTempFile;

use super::rows::MAX_ROW_BYTES;
use crate::failure::{Failure, file_error};

/// How much is read at once.
const BUFFER: usize = 1 << 18;

/// Copies stdin into a temporary file, so that it can be read twice; the file lives as long as what is returned.
pub(crate) fn spool_stdin() -> Result<NamedTempFile, Failure> {
    let mut file = NamedTempFile::new()?;
    io::copy(&mut io::stdin().lock(), &mut file)?;
    file.flush()?;
    Ok(file)
}

/// Whether a path means stdin.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The text itself, or what stdin holds where it is `-`.
pub(crate) fn text_of(text: &str) -> Result<String, Failure> {
    if text == "-" { text_of_file(Path::new("-")) } else { Ok(text.to_owned()) }
}

/// The text of a file.
pub(crate) fn text_of_file(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = reader(path)?.take(MAX_ROW_BYTES + 1).read_to_string(&mut text);
    read.map_err(|e| Failure::file(path, "read", &e))?;
    if text.len() as u64 > MAX_ROW_BYTES {
        return Err(Failure::usage(format!("{} is longer than 64 MiB, which no record is", path.display())));
    }
    Ok(text)
}

/// A file or stdin, buffered.
pub(super) fn reader(path: &Path) -> Result<Box<dyn BufRead + Send>> {
    if is_stdin(path) {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    Ok(Box::new(buffered(open_file(path)?)))
}

/// A buffer before a reader of many bytes.
pub(super) fn buffered<R: Read>(reader: R) -> BufReader<R> {
    BufReader::with_capacity(BUFFER, reader)
}

/// Opens a file at its beginning.
pub(super) fn open_file(path: &Path) -> Result<File> {
    let mut file = File::open(path).map_err(|e| file_error(path, "open", &e))?;
    // A directory opens, and fails only when it is read.
    match file.metadata() {
        Ok(m) if m.is_dir() => Err(Error::invalid(format!("{} is a directory", path.display()))),
        Ok(m) if m.is_file() => file.rewind().map(|()| file).map_err(|e| file_error(path, "read", &e)),
        _ => Ok(file),
    }
}
