//! Packages from PyPI, each in a folder of its own that bears its version.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::finish;

/// The folder of a package; it is installed where it is not there yet.
pub(crate) fn package(
    cache: &Path,
    name: &str,
    version: &str,
    requirements: &[&str],
) -> Result<PathBuf, String> {
    let label: String = format!("{name}-{version}").replace([' ', ','], "-");
    let folder = cache.join("packages").join(label);
    if folder.exists() {
        return Ok(folder);
    }
    println!("{name:<12} installing {}", requirements.join(" "));
    // A half installed package never bears the name.
    let partial = folder.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial).map_err(|e| format!("{} cannot be made: {e}", partial.display()))?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]).arg(&partial);
    pip.args(requirements);
    finish(&mut pip).map_err(|e| format!("{e}. Python 3 with pip is needed, and PyPI within reach"))?;
    fs::rename(&partial, &folder).map_err(|e| format!("{} cannot be renamed: {e}", partial.display()))?;
    Ok(folder)
}
