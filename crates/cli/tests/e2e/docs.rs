//! The commands of `docs/cli.md`, which give what stands there.

use std::process::Command;

use crate::run::{Ended, Place};

const DOCS: &str = include_str!("../../../../docs/cli.md");

/// Runs every `console` block in order, in one place; `…` in what is expected stands for anything.
#[test]
fn the_examples_of_the_documentation_give_what_stands_there() {
    let place = Place::new();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/companies.jsonl");
    std::os::unix::fs::symlink(data, place.path("companies.jsonl")).unwrap();
    let mut commands = 0;
    for (command, expected) in examples() {
        let shown = run(&place, &command);
        assert!(is_like(&shown, &expected), "$ {command}\n--- expected:\n{expected}\n--- shown:\n{shown}");
        commands += 1;
    }
    assert!(commands >= 20, "{commands} commands");
}

#[test]
fn every_verb_has_an_example() {
    let commands: Vec<String> = examples().into_iter().map(|(command, _)| command).collect();
    for verb in [
        "demo",
        "providers",
        "index create",
        "index list",
        "index show",
        "index stats",
        "index delete",
        "import",
        "export",
        "upsert",
        "get",
        "delete",
        "clear",
        "count",
        "scan",
        "update",
        "search",
        "explain",
        "health",
        "check",
        "completions",
        "man",
    ] {
        assert!(commands.iter().any(|c| c.contains(&format!("portolan {verb}"))), "{verb}");
    }
}

/// The commands, each with what is expected of it.
fn examples() -> Vec<(String, String)> {
    let mut examples: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in DOCS.lines() {
        match line.strip_prefix("$ ") {
            _ if line.starts_with("```") => inside = line == "```console",
            Some(command) if inside => examples.push((command.to_owned(), String::new())),
            _ if inside => {
                let (_, expected) = examples.last_mut().unwrap();
                expected.push_str(line);
                expected.push('\n');
            }
            _ => {}
        }
    }
    examples
}

/// What a command shows, on both streams.
fn run(place: &Place, line: &str) -> String {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_portolan")).parent().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{{ {line}\n}} 2>&1")]).current_dir(place.root()).env_clear();
    command.env("HOME", place.root()).env("PATH", format!("{}:/usr/bin:/bin", program.display()));
    command.env("PORTOLAN_STORE", "embedded:./store");
    Ended::of(command).stdout
}

fn is_like(shown: &str, expected: &str) -> bool {
    let (mut shown, mut expected) = (shown.lines().map(str::trim_end), expected.lines().map(str::trim_end));
    loop {
        match (shown.next(), expected.next()) {
            (None, None) => return true,
            // A line of the mark alone stands for all that follows.
            (_, Some("…")) => return true,
            (Some(shown), Some(expected)) if line_is_like(shown, expected) => {}
            _ => return false,
        }
    }
}

fn line_is_like(shown: &str, expected: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = shown.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = "";
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = part;
    }
    rest.is_empty() || (expected.contains('…') && last.is_empty()) || expected.ends_with('…')
}

#[test]
fn an_example_is_compared_line_by_line() {
    for (shown, expected, like) in [
        ("a b c", "a b c", true),
        ("a b c", "a b", false),
        ("in 0.3 s.", "in … s.", true),
        ("in 0.3 s, slowly.", "in … s.", false),
        ("a\nb\nc", "a\n…", true),
        ("a\nb", "a", false),
    ] {
        assert_eq!(is_like(shown, expected), like, "{shown} / {expected}");
    }
}
