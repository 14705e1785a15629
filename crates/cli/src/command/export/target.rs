//! What an export writes to, and how that comes to its new content.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::input::is_dash;

/// How many links are followed to a file.
const MOST_LINKS: usize = 40;

/// What a path names, after links.
#[derive(Debug)]
pub(super) enum Target {
    /// Standard output.
    Stdout,
    /// A pipe, a device, or a descriptor that was passed on: it is written as the records come, and never replaced.
    Stream { path: PathBuf, is_descriptor: bool, is_disk: bool },
    /// A regular file, or none yet: it has its new content when all records are in it.
    File { path: PathBuf, old: Option<Metadata> },
}

impl Target {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        if is_dash(path) {
            return Ok(Self::Stdout);
        }
        let (path, descriptor) = resolved(path)?;
        let old = match fs::metadata(&path) {
            Ok(old) => Some(old),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        match old {
            _ if descriptor == Some(1) => Ok(Self::Stdout),
            Some(old) if old.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Some(old) if descriptor.is_some() || !old.is_file() => {
                Ok(Self::Stream { path, is_descriptor: descriptor.is_some(), is_disk: is_disk(&old) })
            }
            old => Ok(Self::File { path, old }),
        }
    }

    pub(super) fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File { .. })
    }

    /// Whether something is there that the export destroys.
    pub(super) fn is_destroyed(&self) -> bool {
        matches!(self, Self::File { old: Some(_), .. } | Self::Stream { is_disk: true, .. })
    }

    /// Opens what the records are written to, and the draft of a file that it is.
    pub(super) fn open(self) -> io::Result<(Box<dyn Write + Send>, Option<Draft>)> {
        match self {
            Self::Stdout => Ok((Box::new(io::stdout()), None)),
            Self::Stream { path, is_descriptor, .. } => {
                let file = OpenOptions::new().write(true).append(is_descriptor).open(path)?;
                Ok((Box::new(file), None))
            }
            Self::File { path, old } => {
                let draft = Draft::new(path, old.as_ref())?;
                Ok((Box::new(draft.file().try_clone()?), Some(draft)))
            }
        }
    }
}

/// The new content of a file, until all of it is there.
#[derive(Debug)]
pub(super) enum Draft {
    /// A file beside the target, which takes its name in the end, and is removed where that does not come.
    Beside { file: NamedTempFile, target: PathBuf, mode: Option<Permissions> },
    /// A file without a name, which is copied in the end into a target that must stay the file that it is.
    Apart { file: File, target: File },
}

impl Draft {
    fn new(path: PathBuf, old: Option<&Metadata>) -> io::Result<Self> {
        let dir = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let Some(old) = old else {
            let file = beside(dir, None)?;
            return Ok(Self::Beside { file, target: path, mode: None });
        };
        // Whoever may not write a file may not replace it either.
        let target = OpenOptions::new().write(true).open(&path)?;
        match beside(dir, Some(old)) {
            Ok(file) if is_replaceable(old, &file.as_file().metadata()?) => {
                Ok(Self::Beside { file, target: path, mode: Some(old.permissions()) })
            }
            _ => {
                let file = tempfile::tempfile_in(dir).or_else(|_| tempfile::tempfile()).map_err(plain)?;
                Ok(Self::Apart { file, target })
            }
        }
    }

    /// Makes it the content of the file.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Beside { file, target, mode } => {
                mode.map_or(Ok(()), |mode| file.as_file().set_permissions(mode))?;
                file.as_file().sync_all()?;
                file.persist(target)?;
                Ok(())
            }
            Self::Apart { mut file, mut target } => {
                file.rewind()?;
                let size = io::copy(&mut file, &mut target)?;
                target.set_len(size)?;
                target.sync_all()
            }
        }
    }

    fn file(&self) -> &File {
        match self {
            Self::Beside { file, .. } => file.as_file(),
            Self::Apart { file, .. } => file,
        }
    }
}

/// A path after all links, also where nothing is at their end; and the descriptor of this process that it is, if it is
/// one.
fn resolved(path: &Path) -> io::Result<(PathBuf, Option<u32>)> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Some(number) = descriptor(&path) {
            return Ok((path, Some(number)));
        }
        let Ok(next) = fs::read_link(&path) else { return Ok((path, None)) };
        path = path.parent().unwrap_or(Path::new("")).join(next);
    }
    Err(io::Error::other("too many links"))
}

fn descriptor(path: &Path) -> Option<u32> {
    let number = path.file_name()?.to_str()?.parse().ok()?;
    let is_own = fs::canonicalize(path.parent()?).ok()? == fs::canonicalize("/dev/fd").ok()?;
    is_own.then_some(number)
}

/// A file beside another, which no more people can read than that one; without one, whom the user's mask lets.
fn beside(dir: &Path, old: Option<&Metadata>) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = old.map_or(0o666, |old| old.permissions().mode() & 0o777);
        builder.permissions(Permissions::from_mode(mode));
    }
    builder.tempfile_in(dir).map_err(plain)
}

/// Whether a new file in its name is the same to everybody: it has the same owner, and no other name.
#[cfg(unix)]
fn is_replaceable(old: &Metadata, new: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (old.uid(), old.gid(), old.nlink()) == (new.uid(), new.gid(), 1)
}

#[cfg(not(unix))]
fn is_replaceable(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(unix)]
fn is_disk(file: &Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_block_device(&file.file_type())
}

#[cfg(not(unix))]
fn is_disk(_: &Metadata) -> bool {
    false
}

/// What the system said, without the name of the temporary file.
fn plain(error: io::Error) -> io::Error {
    let text = error.to_string();
    let said = text.split(" at path ").next().unwrap_or_default();
    io::Error::new(error.kind(), said.to_owned())
}
