//! One process at a time writes: the lock of a store's directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use portolan_core::{Error, ErrorKind, Result};

use crate::error::io;

const FILE: &str = "LOCK";

/// The lock, held until it is dropped; the operating system drops it for a process that dies.
#[derive(Debug)]
pub(crate) struct StoreLock {
    _file: File,
}

impl StoreLock {
    /// Takes the lock of a directory, and writes the id of this process into it.
    ///
    /// # Errors
    /// `NotReady`, naming the process that holds it; `PermissionDenied` where this user may not write there.
    pub(crate) fn take(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE);
        let failed = |e| io(&path, &e);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(directory)),
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
        file.write_all(std::process::id().to_string().as_bytes()).map_err(failed)?;
        Ok(Self { _file: file })
    }

    /// Takes the lock of a directory in which there is this file; makes nothing.
    ///
    /// # Errors
    /// `NotFound`; those of [`take`](Self::take).
    pub(crate) fn take_existing(directory: &Path, file: &Path) -> Result<Self> {
        match file.try_exists() {
            Ok(true) => Self::take(directory),
            Ok(false) => Err(Error::new(
                ErrorKind::NotFound,
                format!("there is no store at {}", directory.display()),
            )),
            Err(e) => Err(io(file, &e)),
        }
    }

    /// Keeps writers away without writing anything; `None` where no writer ever was.
    ///
    /// # Errors
    /// `NotReady`, naming the process that writes.
    pub(crate) fn share(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join(FILE);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(io(&path, &e)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Err(held(directory)),
            Err(TryLockError::Error(e)) => Err(io(&path, &e)),
        }
    }
}

/// Another process keeps the file for itself.
pub(crate) fn kept(directory: &Path) -> Error {
    let (holder, _) = holder(directory);
    Error::new(
        ErrorKind::NotReady,
        format!(
            "the store at {} is held by {holder}, which lets no other read: it writes with durability=none, or is of an \
             earlier version; wait until it ends, or run it with durability=commit",
            directory.display()
        ),
    )
}

/// Other processes read, and the file is to be this one's alone.
pub(crate) fn read_by_others(directory: &Path) -> Error {
    Error::new(
        ErrorKind::NotReady,
        format!(
            "another process reads the store at {}, and durability=none lets none beside it: wait until it ends, or use \
             durability=commit",
            directory.display()
        ),
    )
}

fn held(directory: &Path) -> Error {
    let (holder, advice) = holder(directory);
    Error::new(
        ErrorKind::NotReady,
        format!(
            "the store at {} is held by {holder}, and one process at a time can write to it: {advice}",
            directory.display()
        ),
    )
}

/// Who holds the lock, and what to do.
fn holder(directory: &Path) -> (String, &'static str) {
    let mut text = String::new();
    let read = File::open(directory.join(FILE)).and_then(|mut file| file.read_to_string(&mut text));
    let pid = read.ok().and_then(|_| text.trim().parse::<u32>().ok());
    match pid {
        Some(pid) if pid == std::process::id() => {
            (format!("this process ({pid})"), "share the storage that it opened, or close it first")
        }
        Some(pid) => (format!("process {pid}"), "wait until it ends, or stop it"),
        None => ("another process".to_owned(), "wait until it ends, or stop it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_and_told_the_first() {
        let directory = tempfile::tempdir().unwrap();
        assert!(StoreLock::share(directory.path()).unwrap().is_none());
        let first = StoreLock::take(directory.path()).unwrap();
        for e in [
            StoreLock::take(directory.path()).unwrap_err(),
            StoreLock::share(directory.path()).unwrap_err(),
        ] {
            assert_eq!(e.kind(), ErrorKind::NotReady);
            assert!(e.message().contains(&format!("this process ({})", std::process::id())), "{e}");
        }
        drop(first);
        let shared = StoreLock::share(directory.path()).unwrap();
        assert!(shared.is_some() && StoreLock::share(directory.path()).unwrap().is_some());
        assert_eq!(StoreLock::take(directory.path()).unwrap_err().kind(), ErrorKind::NotReady);
        drop(shared);
        StoreLock::take(directory.path()).unwrap();
    }
}
