//! How long the longest source file is.

use std::path::{Path, PathBuf};
use std::{fs, io};

const FOLDERS: [&str; 3] = ["crates", "adapters", "benches"];

/// Says which source file is the longest.
pub(crate) fn report(root: &Path) -> Result<(), String> {
    let mut longest = (0, PathBuf::new());
    for folder in FOLDERS {
        visit(&root.join(folder), &mut longest).map_err(|e| format!("{folder} could not be read: {e}"))?;
    }
    let (lines, path) = longest;
    let path = path.strip_prefix(root).unwrap_or(&path);
    eprintln!("xtask: the longest source file is {} with {lines} lines", path.display());
    Ok(())
}

fn visit(folder: &Path, longest: &mut (usize, PathBuf)) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            visit(&path, longest)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            let lines = fs::read_to_string(&path)?.lines().count();
            if lines > longest.0 {
                *longest = (lines, path);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_file_is_found_at_any_depth() {
        let mut longest = (0, PathBuf::new());
        visit(Path::new(env!("CARGO_MANIFEST_DIR")), &mut longest).unwrap();
        assert_eq!(longest.1, Path::new(env!("CARGO_MANIFEST_DIR")).join("src/servers.rs"));
    }
}
