//! The modules of a crate, and what each of their files imports from which other: a scan of text that follows
//! re-exports to the file that defines a name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::files::rust_files;
use crate::items::{attribute_end, close, test_files, without_tests};
use crate::tokens::{Token, tokens};

/// A module's path from the crate's root, which is empty.
type Name = Vec<String>;

/// A crate without its tests.
#[derive(Debug, Default)]
pub(crate) struct Modules(BTreeMap<Name, Module>);

#[derive(Debug, Default)]
struct Module {
    /// The file that it stands in, seen from the folder of the sources.
    file: PathBuf,
    /// What `use` and `pub use` call something, and the path that it is.
    names: BTreeMap<String, Name>,
    /// Paths that it names: in `use`, save re-exports, and in code.
    paths: Vec<(Name, usize)>,
}

/// A file that uses what another one defines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: PathBuf,
    pub(crate) line: usize,
    pub(crate) path: String,
    pub(crate) to: PathBuf,
}

impl Modules {
    /// Reads all files in a folder of sources.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let files = rust_files(folder)?;
        let files =
            files.iter().map(|(path, text)| (path.strip_prefix(folder).unwrap_or(path), text.as_str()));
        Ok(Self::of(files))
    }

    /// The modules of these files, each with its path from the folder of the sources and its text.
    pub(crate) fn of<'a>(files: impl IntoIterator<Item = (&'a Path, &'a str)>) -> Self {
        let mut modules = Self::default();
        let mut of_tests = BTreeSet::new();
        for (path, text) in files {
            let (name, tokens) = (module_name(path), tokens(text));
            of_tests.extend(test_files(&tokens).into_iter().map(|test| child(&name, test)));
            modules.parse(&without_tests(&tokens), name, path);
        }
        modules.0.retain(|name, _| !of_tests.iter().any(|test| name.starts_with(test)));
        modules
    }

    /// All files, sorted.
    pub(crate) fn files(&self) -> BTreeSet<&Path> {
        self.0.values().map(|module| module.file.as_path()).collect()
    }

    /// Who imports what from whom, sorted.
    pub(crate) fn imports(&self) -> BTreeSet<Import> {
        let mut imports = BTreeSet::new();
        for (name, module) in &self.0 {
            for (path, line) in &module.paths {
                let Some(to) = self.definer(name, path).filter(|to| **to != module.file) else { continue };
                let from = module.file.clone();
                imports.insert(Import { from, line: *line, path: path.join("::"), to: to.clone() });
            }
        }
        imports
    }

    /// The file that defines what a path names, where it is a file of this crate.
    fn definer(&self, module: &[String], path: &[String]) -> Option<&PathBuf> {
        match self.locate(module, path, 0)? {
            // A module is used by what is named through it.
            Place::Module(_) => None,
            Place::Item(module) => Some(&self.0.get(&module)?.file),
        }
    }

    fn locate(&self, module: &[String], path: &[String], depth: usize) -> Option<Place> {
        // Names that lead to each other are no Rust; this only ends the search.
        const DEEPEST: usize = 32;
        let (first, rest) = path.split_first().filter(|_| depth < DEEPEST)?;
        match first.as_str() {
            "crate" => self.descend(Vec::new(), rest, depth),
            "self" => self.descend(module.to_vec(), rest, depth),
            "super" => {
                let parent = &module[..module.len().checked_sub(1)?];
                match rest.first().is_some_and(|next| next == "super") {
                    true => self.locate(parent, rest, depth + 1),
                    false => self.descend(parent.to_vec(), rest, depth),
                }
            }
            _ if self.0.contains_key(&child(module, first)) => {
                self.descend(child(module, first), rest, depth)
            }
            _ => {
                let place = self.locate(module, self.0.get(module)?.names.get(first)?, depth + 1)?;
                self.go_on(place, rest, depth)
            }
        }
    }

    /// What a path names that is read from a module on.
    fn descend(&self, module: Name, path: &[String], depth: usize) -> Option<Place> {
        let here = self.0.get(&module)?;
        let Some((first, rest)) = path.split_first() else { return Some(Place::Module(module)) };
        let inner = child(&module, first);
        // What the root re-exports is for users: a file of the crate that takes it from there imports the root.
        let renamed = here.names.get(first).filter(|_| !module.is_empty());
        match (self.0.contains_key(&inner), renamed) {
            (true, Some(path)) if rest.is_empty() => self.locate(&module, path, depth + 1),
            (true, _) => self.descend(inner, rest, depth),
            (false, Some(path)) => {
                let place = self.locate(&module, path, depth + 1)?;
                self.go_on(place, rest, depth)
            }
            (false, None) => Some(Place::Item(module)),
        }
    }

    fn go_on(&self, place: Place, rest: &[String], depth: usize) -> Option<Place> {
        match place {
            Place::Module(module) => self.descend(module, rest, depth),
            item => Some(item),
        }
    }

    /// Notes what a file, or a module inside one, declares and names.
    fn parse(&mut self, tokens: &[Token<'_>], name: Name, file: &Path) {
        let mut module = Module { file: file.to_owned(), ..Module::default() };
        let mut at = 0;
        while at < tokens.len() {
            let text = |offset: usize| tokens.get(at + offset).map_or("", |t| t.text);
            if let Some(past) = attribute_end(tokens, at) {
                at = past;
            } else if text(0) == "mod" && text(2) == "{" {
                let past = close(tokens, at + 2);
                self.parse(&tokens[at + 3..past - 1], child(&name, text(1)), file);
                at = past;
            } else if text(0) == "use" {
                let length = tokens[at..].iter().position(|t| t.text == ";").unwrap_or(tokens.len() - at);
                let tree = &tokens[at + 1..at + length];
                module.take_use(tree, is_public(&tokens[..at]));
                at += length;
            } else if let Some(length) = path_length(&tokens[at..]) {
                let path = &tokens[at..at + length];
                if at == 0 || !matches!(tokens[at - 1].text, "." | "::") {
                    module.paths.push((words(path), path[0].line));
                }
                at += length;
            } else {
                at += 1;
            }
        }
        self.0.insert(name, module);
    }
}

impl Module {
    fn take_use(&mut self, tree: &[Token<'_>], public: bool) {
        let mut leaves = Vec::new();
        expand(tree, &[], &mut leaves);
        for Leaf { path, alias, line } in leaves {
            if !public {
                self.paths.push((path.clone(), line));
            }
            if alias != "*" && alias != "_" {
                self.names.insert(alias, path);
            }
        }
    }
}

enum Place {
    Module(Name),
    /// Something that is defined in this module.
    Item(Name),
}

/// One name of a `use`.
struct Leaf {
    path: Name,
    alias: String,
    line: usize,
}

/// The names of `a::{b, c::{self, d as e}}`.
fn expand(tree: &[Token<'_>], before: &[String], leaves: &mut Vec<Leaf>) {
    let group = tree.iter().position(|t| t.text == "{");
    let Some(open) = group else {
        leaves.extend(leaf(tree, before));
        return;
    };
    let before = [before, &words(&tree[..open])].concat();
    let inside = &tree[open + 1..close(tree, open) - 1];
    let mut depth = 0_usize;
    for part in inside.split(|t| {
        match t.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        t.text == "," && depth == 0
    }) {
        expand(part, &before, leaves);
    }
}

fn leaf(tree: &[Token<'_>], before: &[String]) -> Option<Leaf> {
    let line = tree.first()?.line;
    let renamed = tree.iter().position(|t| t.text == "as");
    let mut path = [before, &words(&tree[..renamed.unwrap_or(tree.len())])].concat();
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let alias = match renamed {
        Some(at) => tree.get(at + 1)?.text.to_owned(),
        None => path.last()?.clone(),
    };
    Some(Leaf { path, alias, line })
}

/// The segments of a path.
fn words(path: &[Token<'_>]) -> Name {
    path.iter().filter(|t| t.is_word() || t.text == "*").map(|t| t.text.to_owned()).collect()
}

/// How many tokens the path has that stands first, where one of two segments or more does.
fn path_length(tokens: &[Token<'_>]) -> Option<usize> {
    tokens.first().filter(|t| t.is_word())?;
    let further =
        tokens[1..].chunks_exact(2).take_while(|pair| pair[0].text == "::" && pair[1].is_word()).count();
    (further > 0).then_some(1 + 2 * further)
}

/// Whether the tokens end in `pub` or `pub(…)`.
fn is_public(before: &[Token<'_>]) -> bool {
    let texts: Vec<&str> = before.iter().rev().take(5).map(|t| t.text).collect();
    match texts.as_slice() {
        ["pub", ..] => true,
        [")", rest @ ..] => rest.iter().skip_while(|t| **t != "(").nth(1) == Some(&"pub"),
        _ => false,
    }
}

fn child(module: &[String], name: &str) -> Name {
    [module, &[name.to_owned()]].concat()
}

/// The module that a file is: `a/b.rs` and `a/b/mod.rs` are `a::b`, `lib.rs` and `main.rs` the root.
fn module_name(file: &Path) -> Name {
    let mut name: Name = file.with_extension("").iter().map(|s| s.to_string_lossy().into_owned()).collect();
    if name.last().is_some_and(|last| last == "mod") || matches!(name.as_slice(), [one] if is_root(one)) {
        name.pop();
    }
    name
}

fn is_root(stem: &str) -> bool {
    matches!(stem, "lib" | "main")
}

#[cfg(test)]
mod tests;
