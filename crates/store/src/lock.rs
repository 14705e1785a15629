//! One process at a time: the lock of a store's directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use portolan_core::{Error, ErrorKind, Result};

use crate::error::io;

/// The lock, held until it is dropped; the operating system drops it for a process that dies.
#[derive(Debug)]
pub(crate) struct StoreLock {
    _file: File,
}

impl StoreLock {
    /// Takes the lock of a directory, and writes the id of this process into it.
    ///
    /// # Errors
    /// `NotReady`, naming the process that holds it.
    pub(crate) fn take(directory: &Path) -> Result<Self> {
        let path = directory.join("LOCK");
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
            Err(TryLockError::WouldBlock) => return Err(held(directory, &mut file)),
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
        file.write_all(std::process::id().to_string().as_bytes()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn held(directory: &Path, file: &mut File) -> Error {
    let mut text = String::new();
    let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse::<u32>().ok());
    let (holder, advice) = match pid {
        Some(pid) if pid == std::process::id() => {
            (format!("this process ({pid})"), "share the storage that it opened, or close it first")
        }
        Some(pid) => (format!("process {pid}"), "wait until it ends, or stop it"),
        None => ("another process".to_owned(), "wait until it ends, or stop it"),
    };
    Error::new(
        ErrorKind::NotReady,
        format!(
            "the store at {} is held by {holder}, and one process at a time can open it: {advice}",
            directory.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_and_told_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let first = StoreLock::take(directory.path()).unwrap();
        let e = StoreLock::take(directory.path()).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::NotReady);
        assert!(e.message().contains(&format!("this process ({})", std::process::id())), "{e}");
        drop(first);
        StoreLock::take(directory.path()).unwrap();
    }
}
