//! The arrays of a `.npz` file, each a section of a file that can be read anywhere.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use portolan::{Error, Result};
use zip::{CompressionMethod, ZipArchive};

use crate::failure::file_error;
use crate::input::source::{buffered, open_file};

/// The bytes of an array within a file.
#[derive(Debug)]
pub(super) struct Section {
    file: File,
    start: u64,
    length: u64,
    at: u64,
}

impl Section {
    pub(super) fn length(&self) -> u64 {
        self.length
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.at);
        let read = (&self.file).take(left).read(buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Section {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        self.file.seek(SeekFrom::Start(self.start + self.at))?;
        Ok(self.at)
    }
}

/// The names of the arrays, in the order of the file.
pub(super) fn names(path: &Path) -> Result<Vec<String>> {
    let archive = open(path)?;
    let names = archive.file_names().map(|name| name.map(|name| name.trim_end_matches(".npy").to_owned()));
    names.collect::<zip::result::ZipResult<_>>().map_err(|e| unreadable(path, &e.to_string()))
}

/// Opens arrays by their positions; those that are compressed are unpacked into temporary files.
pub(super) fn sections(path: &Path, which: &[usize]) -> Result<Vec<BufReader<Section>>> {
    let mut archive = open(path)?;
    which.iter().map(|at| section(&mut archive, *at, path).map(buffered)).collect()
}

fn section(archive: &mut ZipArchive<BufReader<File>>, at: usize, path: &Path) -> Result<Section> {
    let mut packed = archive.by_index(at).map_err(|e| unreadable(path, &e.to_string()))?;
    let length = packed.size();
    let (file, start) = match (packed.compression(), packed.data_start()) {
        (CompressionMethod::Stored, Some(start)) => (open_file(path)?, start),
        _ => (unpacked(&mut packed).map_err(|e| unreadable(path, &e.to_string()))?, 0),
    };
    let mut section = Section { file, start, length, at: 0 };
    section.rewind().map_err(|e| file_error(path, "read", &e))?;
    Ok(section)
}

/// A file without a name, which is gone when it is closed.
fn unpacked(packed: &mut impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(packed, &mut file)?;
    Ok(file)
}

fn open(path: &Path) -> Result<ZipArchive<BufReader<File>>> {
    let archive = ZipArchive::new(buffered(open_file(path)?));
    archive.map_err(|e| Error::invalid(format!("{} is not a .npz file, or is truncated: {e}", path.display())))
}

fn unreadable(path: &Path, why: &str) -> Error {
    Error::invalid(format!("{} cannot be read: {why}", path.display()))
}
