//! How a file is recognized as the one that an earlier run has read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use blake3::Hasher;
use portolan::Result;
use serde::{Deserialize, Serialize};

use super::source::Source;
use crate::failure::file_error;

/// Path, size and hash of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    pub(crate) path: PathBuf,
    size: u64,
    blake3: String,
}

/// A file that is hashed while it is read in order, so that its fingerprint takes no second pass.
pub(super) struct Hashed {
    file: File,
    hasher: Hasher,
    read: u64,
}

impl Hashed {
    pub(super) fn open(source: &Source) -> Result<Self> {
        Ok(Self { file: source.open()?, hasher: Hasher::new(), read: 0 })
    }

    /// How many bytes have been read.
    pub(super) fn bytes_read(&self) -> u64 {
        self.read
    }

    /// The size of the file.
    pub(super) fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Reads the rest, and gives the file's fingerprint.
    pub(super) fn fingerprint(mut self, path: &Path) -> Result<Fingerprint> {
        let failed = |e: io::Error| file_error(path, "read", &e);
        self.hasher.update_reader(&self.file).map_err(failed)?;
        Ok(Fingerprint {
            path: fs::canonicalize(path).map_err(failed)?,
            size: self.size().map_err(failed)?,
            blake3: self.hasher.finalize().to_hex().to_string(),
        })
    }
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.read += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_matter_how_much_was_read_before() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), vec![b'x'; 300_000]).unwrap();
        let of = |bytes: u64| {
            let mut hashed = Hashed::open(&Source::named(file.path()).unwrap()).unwrap();
            io::copy(&mut hashed.by_ref().take(bytes), &mut io::sink()).unwrap();
            assert_eq!(hashed.bytes_read(), bytes);
            hashed.fingerprint(file.path()).unwrap()
        };
        let unread = of(0);
        assert_eq!(unread.blake3, blake3::hash(&vec![b'x'; 300_000]).to_hex().to_string());
        for bytes in [1, 299_999, 300_000] {
            assert_eq!(of(bytes), unread);
        }
    }
}
