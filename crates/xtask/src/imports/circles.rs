//! Files that import each other in a circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use crate::modules::Import;

/// A file's imports, one for each file that it imports from.
type Edges<'a> = BTreeMap<&'a Path, BTreeMap<&'a Path, &'a Import>>;

/// The circles, as the imports that make them, the shortest first; of two that share an import the first only.
pub(super) fn find(imports: &BTreeSet<Import>) -> Vec<String> {
    let mut edges = Edges::new();
    for import in imports {
        edges.entry(&import.from).or_default().entry(&import.to).or_insert(import);
    }
    let mut circles: Vec<_> = edges.keys().filter_map(|file| shortest(&edges, file)).collect();
    circles.sort_by_key(Vec::len);
    let mut named = BTreeSet::new();
    circles.retain(|circle| {
        let new = circle.iter().all(|import| !named.contains(import));
        named.extend(circle.iter().copied());
        new
    });
    circles.into_iter().map(shown).collect()
}

/// The shortest way from a file back to itself.
fn shortest<'a>(edges: &Edges<'a>, start: &'a Path) -> Option<Vec<&'a Import>> {
    let mut came_by: BTreeMap<&Path, &'a Import> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for (&to, &import) in edges.get(file).into_iter().flatten() {
            if to == start {
                let back = std::iter::successors(Some(import), |i| came_by.get(i.from.as_path()).copied());
                let mut circle: Vec<_> = back.collect();
                circle.reverse();
                return Some(circle);
            }
            if !came_by.contains_key(to) {
                came_by.insert(to, import);
                queue.push_back(to);
            }
        }
    }
    None
}

fn shown(circle: Vec<&Import>) -> String {
    let steps = circle.iter().map(|i| format!("{}:{} ({})", i.from.display(), i.line, i.path));
    format!("{}: a circle", steps.collect::<Vec<_>>().join(" -> "))
}
