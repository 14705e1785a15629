//! How much source there is: lines per crate without tests and generated code, the longest function, the longest file.

use std::fs;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::files::{folders, rust_files};
use crate::items::{close, test_items};
use crate::modules::Modules;
use crate::tokens::{Token, tokens};

/// A part of a crate that is counted apart as well.
const DRIVER: &str = "crates/core/src/driver";

/// Prints the table.
pub(crate) fn print(root: &Path) -> Outcome {
    let mut seam = Count::default();
    println!("{:<32} {:>7} {:>9}", "lines without tests, generated", "source", "foreign");
    for parent in ["adapters", "crates"] {
        let mut total = Count::default();
        for folder in folders(&root.join(parent)) {
            let count = Count::of(&folder.join("src"))?;
            print_row(&shown(root, &folder), count);
            total += count;
            if is_of_the_seam(root, &folder) {
                seam += count;
            }
        }
        print_row(&format!("all of {parent}"), total);
    }
    let driver = Count::of_part(root, DRIVER)?;
    print_row(DRIVER, driver);
    seam += driver;
    print_row("adapters, driver, net and store", seam);
    println!("{}", longest(root)?);
    Ok(())
}

/// The longest function that is no test, and the longest file, in a sentence.
pub(crate) fn longest(root: &Path) -> Result<String, String> {
    let (mut function, mut file) = (Longest::default(), Longest::default());
    for parent in ["adapters", "crates"] {
        for folder in folders(&root.join(parent)) {
            for (path, text) in sources(&folder.join("src"))? {
                functions(&shown(root, &path), &text).into_iter().for_each(|f| function.offer(f));
            }
        }
    }
    for folder in ["adapters", "crates", "benches"] {
        for (path, text) in rust_files(&root.join(folder))? {
            if !is_generated(&text) {
                file.offer((text.lines().count(), shown(root, &path)));
            }
        }
    }
    let Longest((lines, name)) = function;
    let Longest((file_lines, file)) = file;
    Ok(format!(
        "the longest function is {name} with {lines} lines, the longest file {file} with {file_lines}"
    ))
}

/// Lines of source, and how many of them read what other programs made.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Count {
    source: usize,
    foreign: usize,
}

impl Count {
    fn of(folder: &Path) -> Result<Self, String> {
        let mut count = Self::default();
        for (path, text) in sources(folder)? {
            let lines = source_lines(&text);
            count.source += lines;
            if is_foreign(path.strip_prefix(folder).unwrap_or(&path)) {
                count.foreign += lines;
            }
        }
        Ok(count)
    }

    /// The count of a folder inside a crate's sources.
    fn of_part(root: &Path, part: &str) -> Result<Self, String> {
        let (crate_folder, _) = part.split_once("/src").unwrap_or((part, ""));
        let files = sources(&root.join(crate_folder).join("src"))?;
        let part = root.join(part);
        let source = files
            .iter()
            .filter(|(path, _)| path.starts_with(&part))
            .map(|(_, text)| source_lines(text))
            .sum();
        Ok(Self { source, foreign: 0 })
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.source += other.source;
        self.foreign += other.foreign;
    }
}

/// The most lines so far, and what has them.
#[derive(Debug, Default)]
struct Longest((usize, String));

impl Longest {
    fn offer(&mut self, other: (usize, String)) {
        if other.0 > self.0.0 {
            self.0 = other;
        }
    }
}

fn print_row(name: &str, count: Count) {
    let foreign = if count.foreign > 0 { count.foreign.to_string() } else { String::new() };
    println!("{name:<32} {:>7} {foreign:>9}", count.source);
}

fn is_of_the_seam(root: &Path, folder: &Path) -> bool {
    let folder = shown(root, folder);
    folder.starts_with("adapters/") || folder == "crates/net" || folder == "crates/store"
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// The files of a folder of sources that are neither tests nor generated.
fn sources(folder: &Path) -> Result<Vec<(PathBuf, String)>, String> {
    let modules = Modules::read(folder)?;
    let mut sources = Vec::new();
    for file in modules.files() {
        let path = folder.join(file);
        let text =
            fs::read_to_string(&path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
        if !is_generated(&text) {
            sources.push((path, text));
        }
    }
    Ok(sources)
}

fn is_generated(text: &str) -> bool {
    text.lines().take(3).any(|line| line.starts_with("//") && line.contains("@generated"))
}

fn is_foreign(path: &Path) -> bool {
    path.with_extension("").iter().any(|part| part == "foreign")
}

/// The lines of a file without the items under `#[cfg(test)]`.
fn source_lines(text: &str) -> usize {
    let tokens = tokens(text);
    let tests = test_items(&tokens);
    let of_tests = tests.iter().map(|item| tokens[item.end - 1].line - tokens[item.start].line + 1);
    text.lines().count() - of_tests.sum::<usize>()
}

/// The functions of a file that are no tests: how many lines each has, and its file and name.
fn functions(file: &str, text: &str) -> Vec<(usize, String)> {
    let tokens = crate::items::without_tests(&tokens(text));
    let named = |at: usize| tokens[at].text == "fn" && tokens.get(at + 1).is_some_and(Token::is_word);
    let functions = (0..tokens.len()).filter(|at| named(*at)).filter_map(|at| {
        let body = body(&tokens, at)?;
        let lines = tokens[close(&tokens, body) - 1].line - tokens[at].line + 1;
        Some((lines, format!("{} ({file}:{})", tokens[at + 1].text, tokens[at].line)))
    });
    functions.collect()
}

/// Where the body of a function opens that starts at `at`; none where it is only declared.
fn body(tokens: &[Token<'_>], mut at: usize) -> Option<usize> {
    loop {
        match tokens.get(at)?.text {
            "(" | "[" => at = close(tokens, at),
            "{" => return Some(at),
            ";" => return None,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_not_counted() {
        assert_eq!(source_lines("//! About.\n\nfn f() {}\n"), 3);
        assert_eq!(source_lines("fn f() {}\n\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n"), 2);
        assert_eq!(source_lines("fn f() {}\n#[cfg(test)]\nmod tests;\n"), 1);
    }

    #[test]
    fn functions_have_the_lines_from_name_to_brace() {
        let text = "trait T { fn a(&self); }\nfn b<F: Fn(u8)>(f: F)\nwhere\n    F: X,\n{\n    f(fn_c)\n}\nconst D: fn(u8) = e;";
        assert_eq!(functions("x.rs", text), [(6, "b (x.rs:2)".to_owned())]);
    }

    #[test]
    fn what_other_programs_made_is_read_in_a_module_of_its_own() {
        for (path, expected) in [("foreign.rs", true), ("foreign/columns.rs", true), ("filter.rs", false)] {
            assert_eq!(is_foreign(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn this_crate_is_counted_without_its_tests() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let all: usize = rust_files(&folder).unwrap().iter().map(|(_, text)| text.lines().count()).sum();
        let count = Count::of(&folder).unwrap();
        assert!(count.source > 500 && count.source < all - 200, "{count:?} of {all}");
    }
}
