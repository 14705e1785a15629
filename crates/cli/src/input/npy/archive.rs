//! The arrays of a `.npz` file, each a section of a file that can be read anywhere.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use portolan::{Error, Result};
use zip::{CompressionMethod, ZipArchive};

use crate::input::source::{Source, buffered};

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
        // The file may be read elsewhere in between.
        self.file.seek(SeekFrom::Start(self.start + self.at))?;
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
        Ok(self.at)
    }
}

/// The names of the arrays, in the order of the file.
pub(super) fn names(source: &Source) -> Result<Vec<String>> {
    let archive = open(source)?;
    let names = archive.file_names().map(|name| name.map(|name| name.trim_end_matches(".npy").to_owned()));
    names.collect::<zip::result::ZipResult<_>>().map_err(|e| unreadable(source, &e.to_string()))
}

/// Opens arrays by their positions; those that are compressed are unpacked into temporary files.
pub(super) fn sections(source: &Source, which: &[usize]) -> Result<Vec<BufReader<Section>>> {
    let mut archive = open(source)?;
    which.iter().map(|at| section(&mut archive, *at, source).map(buffered)).collect()
}

fn section(archive: &mut ZipArchive<BufReader<File>>, at: usize, source: &Source) -> Result<Section> {
    let mut packed = archive.by_index(at).map_err(|e| unreadable(source, &e.to_string()))?;
    let length = packed.size();
    let (file, start) = match (packed.compression(), packed.data_start()) {
        (CompressionMethod::Stored, Some(start)) => (source.open()?, start),
        _ => (unpacked(&mut packed).map_err(|e| unreadable(source, &e.to_string()))?, 0),
    };
    Ok(Section { file, start, length, at: 0 })
}

/// A file without a name, which is gone when it is closed.
fn unpacked(packed: &mut impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(packed, &mut file)?;
    Ok(file)
}

fn open(source: &Source) -> Result<ZipArchive<BufReader<File>>> {
    let archive = ZipArchive::new(buffered(source.open()?));
    archive.map_err(|e| {
        Error::invalid(format!("{} is not a .npz file, or is truncated: {e}", source.path().display()))
    })
}

fn unreadable(source: &Source, why: &str) -> Error {
    Error::invalid(format!("{} cannot be read: {why}", source.path().display()))
}
