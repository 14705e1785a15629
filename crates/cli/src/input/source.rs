//! Where the bytes of inputs come from: files, stdin, and whatever else has a path.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portolan::{Error, Result};

use super::rows::MAX_ROW_BYTES;
use crate::failure::{Failure, file_error};

/// How much is read at once.
const BUFFER: usize = 1 << 18;

/// How much of a copy is looked at to know what it is.
const HEAD: u64 = 4096;

/// An input by its name, and how often it can be read.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    path: PathBuf,
    bytes: Bytes,
}

#[derive(Debug, Clone)]
enum Bytes {
    /// A regular file, which is found again by its path.
    File,
    /// Standard input.
    Stdin,
    /// Anything else, such as a pipe or a device: it is opened and read once.
    Stream,
    /// A file without a name, such as the copy of what can be read once.
    Nameless(Arc<File>),
}

impl Source {
    /// What a path names; `-` and `/dev/stdin` are stdin.
    pub(crate) fn named(path: &Path) -> Result<Self> {
        if is_dash(path) {
            return Ok(Self { path: "stdin".into(), bytes: Bytes::Stdin });
        }
        let kind = fs::metadata(path).map_err(|e| file_error(path, "open", &e))?;
        if kind.is_dir() {
            return Err(Error::invalid(format!("{} is a directory", path.display())));
        }
        if !kind.is_file() {
            let is_stdin =
                ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].iter().any(|p| path == Path::new(p));
            let stream = || Ok(Self { path: path.to_owned(), bytes: Bytes::Stream });
            return if is_stdin { Self::named(Path::new("-")) } else { stream() };
        }
        if !path.starts_with("/dev") && !path.starts_with("/proc") {
            return Ok(Self { path: path.to_owned(), bytes: Bytes::File });
        }
        // A descriptor of a file, which is known by its own name if it still has one.
        if let Ok(path) = fs::canonicalize(path) {
            return Ok(Self { path, bytes: Bytes::File });
        }
        let file = File::open(path).map_err(|e| file_error(path, "open", &e))?;
        Ok(Self { path: path.to_owned(), bytes: Bytes::Nameless(Arc::new(file)) })
    }

    /// Its name, as messages have it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is a regular file, which a later run may find again.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self.bytes, Bytes::File)
    }

    /// Whether it is standard input.
    pub(crate) fn is_stdin(&self) -> bool {
        matches!(self.bytes, Bytes::Stdin)
    }

    /// Whether it can be read only once.
    pub(crate) fn is_read_once(&self) -> bool {
        matches!(self.bytes, Bytes::Stdin | Bytes::Stream)
    }

    /// How many bytes there are, where that is known.
    pub(crate) fn size(&self) -> Option<u64> {
        if self.is_read_once() { None } else { Some(self.open().ok()?.metadata().ok()?.len()) }
    }

    /// The same, to be read more than once: what is no file is copied into one, which ends with the program,
    /// however that ends, because it has no name.
    pub(crate) fn kept(self) -> Result<Self> {
        if !self.is_read_once() {
            return Ok(self);
        }
        let failed = |e: io::Error| file_error(&self.path, "keep a temporary copy of", &e);
        let mut copy = tempfile::tempfile().map_err(failed)?;
        io::copy(&mut self.reader()?, &mut copy).map_err(failed)?;
        Ok(Self { path: self.path, bytes: Bytes::Nameless(Arc::new(copy)) })
    }

    /// The first bytes, which stay to be read; of a stream there are none before it is kept.
    pub(crate) fn head(&self) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        let read = match self.bytes {
            Bytes::Stream => Ok(()),
            Bytes::Stdin => io::stdin().lock().fill_buf().map(|bytes| head.extend_from_slice(bytes)),
            _ => self.open()?.take(HEAD).read_to_end(&mut head).map(drop),
        };
        read.map(|()| head).map_err(|e| file_error(&self.path, "read", &e))
    }

    /// Opens it, and a file at its beginning.
    pub(super) fn open(&self) -> Result<File> {
        let opened = match &self.bytes {
            Bytes::Nameless(file) => file.try_clone(),
            _ => File::open(&self.path),
        };
        let mut file = opened.map_err(|e| file_error(&self.path, "open", &e))?;
        if !self.is_read_once() {
            file.rewind().map_err(|e| file_error(&self.path, "read", &e))?;
        }
        Ok(file)
    }

    /// The bytes in order, buffered.
    pub(super) fn reader(&self) -> Result<Box<dyn BufRead + Send>> {
        if self.is_stdin() {
            return Ok(Box::new(BufReader::new(io::stdin())));
        }
        Ok(Box::new(buffered(self.open()?)))
    }
}

/// Whether a path means stdin, or stdout where something is written.
pub(crate) fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The text itself, or what stdin holds where it is `-`.
pub(crate) fn text_of(text: &str) -> Result<String, Failure> {
    if text == "-" { text_of_file(Path::new("-")) } else { Ok(text.to_owned()) }
}

/// The text of a file.
pub(crate) fn text_of_file(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = Source::named(path)?.reader()?.take(MAX_ROW_BYTES + 1).read_to_string(&mut text);
    read.map_err(|e| Failure::file(path, "read", &e))?;
    if text.len() as u64 > MAX_ROW_BYTES {
        return Err(Failure::usage(format!("{} is longer than 64 MiB, which no record is", path.display())));
    }
    Ok(text)
}

/// A buffer before a reader of many bytes.
pub(super) fn buffered<R: Read>(reader: R) -> BufReader<R> {
    BufReader::with_capacity(BUFFER, reader)
}
