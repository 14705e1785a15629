//! What an import reads: the files that were named, with folders and pipes among them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use portolan::{Error, Result};

use super::args::Args;
use crate::failure::{Failure, file_error};
use crate::input::{Format, Input, Source, is_dash};

/// An input that was named; its format, unless only its content can tell that.
pub(super) type Named = (Source, Option<Format>);

/// The inputs in order, which are there; a folder is its files.
pub(super) fn named(args: &Args) -> Result<Vec<Named>, Failure> {
    let mut all = Vec::with_capacity(args.files.len());
    for path in &args.files {
        for path in files(path)? {
            let source = Source::named(&path)?;
            let by_name = args.format.map_or_else(|| Format::of(source.path()), Ok);
            let is_plain = source.is_file() && source.path() == path;
            let format = if is_plain { Some(by_name?) } else { by_name.ok() };
            all.push((source, format));
        }
    }
    Ok(all)
}

/// The inputs as they are read: what can be read only once is copied, where it is read more often than that.
pub(super) fn ready(named: Vec<Named>, args: &Args, creates: bool) -> Result<Vec<Input>, Failure> {
    let lines: Vec<Source> = args.metadata.iter().map(|path| Source::named(path)).collect::<Result<_>>()?;
    no_stream_twice(named.iter().map(|(source, _)| source).chain(&lines))?;
    let mut lines = lines.into_iter();
    let mut inputs = Vec::with_capacity(named.len());
    for (source, format) in named {
        let (source, format) = known(source, format)?;
        let source = if creates || format != Format::Jsonl { source.kept()? } else { source };
        let metadata = if format == Format::Npy { lines.next().map(Source::kept).transpose()? } else { None };
        inputs.push(Input { source, format, metadata });
    }
    if lines.next().is_some() {
        return Err(Failure::usage("--metadata is given more often than there are .npy files"));
    }
    Ok(inputs)
}

/// The format by the content, where it is not known yet.
fn known(source: Source, format: Option<Format>) -> Result<(Source, Format)> {
    if let Some(format) = format {
        return Ok((source, format));
    }
    // The first bytes of stdin can be looked at and stay there; those of a pipe cannot.
    let source = if source.is_stdin() { source } else { source.kept()? };
    let format = Format::of_head(&source.head()?);
    Ok((source, format))
}

/// The path itself, or the files of a folder by their names; what other tools hide or leave beside the data is passed
/// over.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if is_dash(path) || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |e: io::Error| file_error(path, "read the directory", &e);
    let entries = fs::read_dir(path).map_err(failed)?.collect::<io::Result<Vec<_>>>().map_err(failed)?;
    let is_data = |name: &str| !name.starts_with(['.', '_']);
    let mut files: Vec<PathBuf> = entries
        .iter()
        .filter(|entry| is_data(&entry.file_name().to_string_lossy()))
        .map(fs::DirEntry::path)
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Error::invalid(format!("the directory {} holds no files", path.display())));
    }
    let is_other = |file: &Path| file.is_dir() || file.extension().is_some() && Format::of(file).is_err();
    match files.iter().find(|file| is_other(file)) {
        Some(other) => Err(Error::invalid(format!(
            "the directory {} holds {}, which is no file of a known format: name the files or directories that are meant",
            path.display(),
            other.display()
        ))),
        None => Ok(files),
    }
}

fn no_stream_twice<'a>(sources: impl Iterator<Item = &'a Source>) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    let mut streams = sources.filter(|source| source.is_read_once());
    match streams.find(|source| !seen.insert(source.path())) {
        Some(source) => Err(Failure::usage(format!(
            "{} is named twice, and can be read only once",
            source.path().display()
        ))),
        None => Ok(()),
    }
}
