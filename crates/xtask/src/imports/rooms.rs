//! The order in which the files of a crate stand on each other.

use std::collections::BTreeSet;
use std::path::Path;

use crate::modules::Import;

/// Files and folders of a crate's sources, the lowest first. A folder's own line stands for what is in it and has no
/// line.
#[derive(Debug)]
pub(super) struct Rooms(Vec<String>);

impl Rooms {
    /// Reads a list: a room a line, `#` before a remark.
    pub(super) fn parse(list: &str) -> Self {
        let rooms = list.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        Self(rooms.filter(|room| !room.is_empty()).map(str::to_owned).collect())
    }

    /// Files without a room, and rooms without a file.
    pub(super) fn missing(&self, files: &BTreeSet<&Path>) -> Vec<String> {
        let homeless = files.iter().filter(|file| self.height(file).is_none());
        let homeless = homeless.map(|file| format!("{}: the list of rooms does not have it", file.display()));
        let lived_in: BTreeSet<usize> = files.iter().filter_map(|file| self.height(file)).collect();
        let empty = self.0.iter().enumerate().filter(|(height, _)| !lived_in.contains(height));
        homeless
            .chain(empty.map(|(_, room)| format!("{room}: the list of rooms has it, and it is not there")))
            .collect()
    }

    /// Whether a file imports from a room above its own.
    pub(super) fn is_upward(&self, import: &Import) -> bool {
        self.height(&import.from) < self.height(&import.to)
    }

    /// The height of the narrowest room that a file is in.
    fn height(&self, file: &Path) -> Option<usize> {
        let file = file.with_extension("");
        let rooms = self.0.iter().enumerate().filter(|(_, room)| file.starts_with(room));
        rooms.max_by_key(|(_, room)| room.len()).map(|(height, _)| height)
    }
}
