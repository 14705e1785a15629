//! Imports go downwards: between files of core only to the rooms below, and nowhere in a circle.

mod circles;
mod rooms;

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::files::folders;
use crate::modules::{Import, Modules};
use rooms::Rooms;

/// The crate whose files stand in the order of its rooms, and the list of them.
const ORDERED: &str = "crates/core";
const ROOMS: &str = "rooms.txt";

/// Fails, naming file and line, where a file of core imports from a room above its own, or where files of a crate
/// import each other in a circle; the testkit and this crate are not looked at.
pub(crate) fn check(root: &Path) -> Outcome {
    let mut wrong = Vec::new();
    for folder in crates(root) {
        let sources = folder.join("src");
        let modules = Modules::read(&sources)?;
        let shown = sources.strip_prefix(root).unwrap_or(&sources);
        let found = match folder.ends_with(ORDERED) {
            true => violations(&modules, Some(&read_rooms(&folder)?)),
            false => violations(&modules, None),
        };
        wrong.extend(found.into_iter().map(|what| format!("{}/{what}", shown.display())));
    }
    match wrong.as_slice() {
        [] => Ok(()),
        wrong => Err(format!("{} imports are not in order:\n{}", wrong.len(), wrong.join("\n"))),
    }
}

fn crates(root: &Path) -> Vec<PathBuf> {
    let shared = ["core", "net", "store", "layers", "portolan", "cli"].map(|name| format!("crates/{name}"));
    let shared = shared.into_iter().map(|folder| root.join(folder)).filter(|folder| folder.is_dir());
    shared.chain(folders(&root.join("adapters"))).collect()
}

fn read_rooms(folder: &Path) -> Result<Rooms, String> {
    let path = folder.join(ROOMS);
    let text = fs::read_to_string(&path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
    Ok(Rooms::parse(&text))
}

/// What is not in order, a sentence each.
fn violations(modules: &Modules, rooms: Option<&Rooms>) -> Vec<String> {
    let imports = modules.imports();
    let mut wrong = Vec::new();
    if let Some(rooms) = rooms {
        wrong.extend(rooms.missing(&modules.files()));
        wrong.extend(imports.iter().filter(|import| rooms.is_upward(import)).map(upward));
    }
    wrong.extend(circles::find(&imports));
    wrong
}

fn upward(import: &Import) -> String {
    let Import { from, line, path, to } = import;
    format!("{}:{line}: {path} is of {}, a room above", from.display(), to.display())
}

#[cfg(test)]
mod tests;
