//! What goes wrong below, and what the user is told of it.

use std::io::ErrorKind as Io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind};

/// What went wrong within a read or an edit. The [`Store`](crate::Store) makes an error of the port from it, which names its
/// path; an error of the port becomes one with `?`.
#[derive(Debug)]
pub struct StoreError(Cause);

#[derive(Debug)]
enum Cause {
    /// Of the port already.
    Port(Error),
    /// Of the database; what was being written surely was not.
    Database(redb::Error),
    /// A panic of the database, before anything was committed.
    Panicked,
    /// A store that a later version of this program made.
    Newer {
        /// Its format.
        found: u64,
        /// The newest format that this program reads.
        known: u64,
    },
    /// Of an index in a store that is not there.
    Absent(String),
    /// Of the database while it committed, and it could not be opened again to look.
    InDoubt(redb::Error),
}

impl StoreError {
    /// The error of a write to a store at this path.
    pub(crate) fn of_write(self, path: &Path) -> WriteError {
        let in_doubt = matches!(self.0, Cause::InDoubt(_));
        WriteError::new(self.with_path(path), in_doubt)
    }

    /// The error of the port, for a store at this path.
    pub(crate) fn with_path(self, path: &Path) -> Error {
        match self.0 {
            Cause::Port(error) => error,
            Cause::Panicked => panicked(path),
            Cause::Absent(index) => Error::new(
                ErrorKind::NotFound,
                format!(
                    "there is no index {index:?}, as there is no store at {}: the first index that is created makes it",
                    path.display()
                ),
            )
            .with_index(index),
            Cause::Newer { found, known } => Error::new(
                ErrorKind::Corrupt,
                format!(
                    "the store at {} has format {found}, and this program reads up to {known}: open it with a newer Portolan",
                    path.display()
                ),
            ),
            Cause::Database(error) | Cause::InDoubt(error) => database(path, error),
        }
    }

    /// The kind of the error of the port.
    pub(crate) fn kind(&self) -> ErrorKind {
        match &self.0 {
            Cause::Port(error) => error.kind(),
            Cause::Panicked | Cause::Newer { .. } => ErrorKind::Corrupt,
            Cause::Absent(_) => ErrorKind::NotFound,
            Cause::Database(error) | Cause::InDoubt(error) => database_kind(error).0,
        }
    }

    /// Stored bytes that cannot be read back.
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        redb::Error::Corrupted(what.into()).into()
    }

    /// A panic of the database, before anything was committed.
    pub(crate) fn panic() -> Self {
        Self(Cause::Panicked)
    }

    /// A store that a later version of this program made, in the format `found`.
    pub(crate) fn newer(found: u64, known: u64) -> Self {
        Self(Cause::Newer { found, known })
    }

    /// An index is asked for in a store that is not there.
    pub(crate) fn absent(index: &str) -> Self {
        Self(Cause::Absent(index.to_owned()))
    }

    /// The database failed while it committed, and could not be opened again to look.
    pub(crate) fn doubt(error: redb::Error) -> Self {
        Self(Cause::InDoubt(error))
    }

    /// Whether stored bytes cannot be read.
    pub fn is_damage(&self) -> bool {
        self.kind() == ErrorKind::Corrupt
    }

    /// What is wrong, without what to do.
    pub(crate) fn what(&self) -> String {
        match &self.0 {
            Cause::Port(error) => error.message().to_owned(),
            Cause::Panicked => "a check of the database failed".to_owned(),
            Cause::Newer { found, .. } => format!("the format is {found}"),
            Cause::Absent(index) => format!("there is no index {index:?}"),
            Cause::Database(redb::Error::Corrupted(what)) => what.clone(),
            Cause::Database(error) | Cause::InDoubt(error) => error.to_string(),
        }
    }

    /// Whether the database answers nothing more until it is opened again.
    pub(crate) fn is_lasting(&self) -> bool {
        use redb::Error as E;
        match &self.0 {
            Cause::Panicked => true,
            Cause::Database(e) => {
                matches!(e, E::Io(_) | E::Backend(_) | E::PreviousIo | E::LockPoisoned(_) | E::DatabaseClosed)
            }
            _ => false,
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self(Cause::Port(error))
    }
}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        Self(Cause::Database(error))
    }
}

macro_rules! database_errors {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for StoreError {
            fn from(error: redb::$error) -> Self {
                redb::Error::from(error).into()
            }
        }
    )*};
}
database_errors!(
    StorageError,
    TableError,
    TransactionError,
    CommitError,
    DatabaseError,
    CompactionError,
    SetDurabilityError
);

/// The result of reading what may be damaged. The database checks what it reads, and some of those checks panic.
pub(crate) fn guarded<T>(read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(StoreError::panic()))
}

/// An I/O error about a path.
pub(crate) fn io(path: &Path, error: &std::io::Error) -> Error {
    let (kind, advice) = io_kind(error.kind());
    Error::new(kind, format!("{}: {error}; {advice}", path.display()))
}

/// What a panic below becomes. The database checks what it reads and panics on some damage.
pub(crate) fn panicked(path: &Path) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!(
            "the store at {} failed a check of its own, so its file is probably damaged; {RESTORE}",
            path.display()
        ),
    )
}

/// What to do about damage.
pub(crate) const RESTORE: &str = "`portolan check` names what is damaged, and with --repair saves the rest; or restore a backup";
const REOPEN: &str = "check the disk, then open the store again";
const SPACE: &str = "free some space and try again; what was stored before is safe";

fn database(path: &Path, error: redb::Error) -> Error {
    let (kind, advice) = database_kind(&error);
    Error::new(kind, format!("the store at {}: {error}; {advice}", path.display())).with_source(error)
}

fn database_kind(error: &redb::Error) -> (ErrorKind, &'static str) {
    use redb::Error as E;
    match error {
        E::Io(e) => io_kind(e.kind()),
        E::Backend(_) | E::PreviousIo | E::DatabaseClosed => (ErrorKind::Unavailable, REOPEN),
        E::Corrupted(_)
        | E::UpgradeRequired(_)
        | E::RepairAborted
        | E::TableTypeMismatch { .. }
        | E::TypeDefinitionChanged { .. }
        | E::TableIsMultimap(_)
        | E::TableIsNotMultimap(_)
        | E::TableDoesNotExist(_)
        | E::LockPoisoned(_) => (ErrorKind::Corrupt, RESTORE),
        E::DatabaseAlreadyOpen | E::LockProtocolMismatch => {
            (ErrorKind::NotReady, "another program has the file open; wait until it ends, or stop it")
        }
        E::ValueTooLarge(_) => (ErrorKind::PayloadTooLarge, "store less in one record"),
        _ => (ErrorKind::Unexpected, "please report this"),
    }
}

fn io_kind(kind: Io) -> (ErrorKind, &'static str) {
    match kind {
        Io::InvalidData | Io::UnexpectedEof => (ErrorKind::Corrupt, RESTORE),
        Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => (ErrorKind::QuotaExceeded, SPACE),
        Io::PermissionDenied | Io::ReadOnlyFilesystem => {
            (ErrorKind::PermissionDenied, "let this user write to the directory, or choose another")
        }
        Io::NotADirectory | Io::AlreadyExists => {
            (ErrorKind::InvalidArgument, "name a directory, or a path at which one can be made")
        }
        _ => (ErrorKind::Unavailable, REOPEN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_native_error_has_its_kind() {
        use redb::Error as E;
        let io = |kind: Io| E::Io(kind.into());
        for (error, kind) in [
            (E::Corrupted("page".into()), ErrorKind::Corrupt),
            (E::UpgradeRequired(1), ErrorKind::Corrupt),
            (E::TableDoesNotExist("1/ids".into()), ErrorKind::Corrupt),
            (io(Io::InvalidData), ErrorKind::Corrupt),
            (io(Io::UnexpectedEof), ErrorKind::Corrupt),
            (io(Io::StorageFull), ErrorKind::QuotaExceeded),
            (io(Io::QuotaExceeded), ErrorKind::QuotaExceeded),
            (io(Io::PermissionDenied), ErrorKind::PermissionDenied),
            (io(Io::TimedOut), ErrorKind::Unavailable),
            (E::PreviousIo, ErrorKind::Unavailable),
            (E::DatabaseAlreadyOpen, ErrorKind::NotReady),
            (E::ValueTooLarge(1 << 33), ErrorKind::PayloadTooLarge),
            (E::TransactionPoisoned, ErrorKind::Unexpected),
        ] {
            let shown = error.to_string();
            let error = StoreError::from(error).with_path(Path::new("./data"));
            assert_eq!(error.kind(), kind, "{shown}");
            assert!(error.message().contains("./data") && error.message().contains(&shown), "{error}");
        }
    }
}
