//! The Rust files of a folder.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// All Rust files in a folder and those inside it, with their text, sorted by path.
pub(crate) fn rust_files(folder: &Path) -> Result<Vec<(PathBuf, String)>, String> {
    let mut files = Vec::new();
    visit(folder, &mut files).map_err(|e| format!("{} cannot be read: {e}", folder.display()))?;
    files.sort();
    Ok(files)
}

/// The folders in a folder, sorted; none where there is no such folder.
pub(crate) fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn visit(folder: &Path, files: &mut Vec<(PathBuf, String)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            visit(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path)?;
            files.push((path, text));
        }
    }
    Ok(())
}
