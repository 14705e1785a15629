//! The contract, the suite and the saboteurs agree on the numbers of the sentences; `docs/contract-coverage.md` is the table
//! of all three. Where `PORTOLAN_WRITE_COVERAGE` is set, the table is written.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use portolan_testkit::saboteur::Saboteur;
use portolan_testkit::{Case, cases};

const WRITE: &str = "PORTOLAN_WRITE_COVERAGE";

const HEAD: &str = "\
# What checks the contract

Made by `cargo xtask contract` from [contract.md](contract.md), the suite and the saboteurs; do not edit. A case is one of
`portolan-testkit`, `module::name`, and runs on every store. A saboteur is a right storage that breaks the sentence; the
case behind it must fail on it.
";

/// Sentences that the suite cannot check over the port, and what checks them.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (&["N15", "N24"], "each adapter's own tests, which read the database past the port"),
    (&["N20"], "core: tests of `metadata`"),
    (&["N27"], "core: tests of the overflow in `driver`"),
    (&["N28", "N29", "N30", "N31", "N32"], "each adapter's `traps` and `foreign`, which write past the port"),
    (&["F14", "F15", "F26"], "core: tests of `filter`"),
    (
        &["F16", "F17", "F18", "F19", "F20", "F21"],
        "core: tests of `filter::text`; the rows of the suite are written so",
    ),
    (&["F23", "F24", "F25"], "core: tests of `filter::json`"),
    (&["S14", "S15", "S16"], "embedded: the same bits as memory, with every kernel"),
    (&["R9"], "nothing to check: an order is promised nowhere"),
    (&["W21"], "core: tests of `driver`; the fault driver of the testkit"),
    (&["I6"], "tests of each layer"),
    (&["I17", "I18", "I22"], "each adapter's wire faults"),
    (&["I23"], "the fault driver of the testkit"),
    (&["E4"], "each adapter's wire faults and tests of its configuration"),
];

/// Sentences that have cases and no saboteur, and why no storage breaks them.
const UNBREAKABLE: &[(&str, &str)] =
    &[("S13", "none: it allows, and a storage that never uses it is right too")];

/// A sentence of the contract: its number, and the heading above it.
struct Sentence {
    section: String,
    number: String,
}

fn docs(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file)
}

fn sentences() -> Vec<Sentence> {
    let mut section = String::new();
    let mut sentences = Vec::new();
    for line in fs::read_to_string(docs("contract.md")).unwrap().lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut section);
        } else if let Some((number, _)) = line.strip_prefix("- **").and_then(|rest| rest.split_once("** ")) {
            sentences.push(Sentence { section: section.clone(), number: number.to_owned() });
        }
    }
    sentences
}

fn elsewhere(number: &str) -> Option<&'static str> {
    ELSEWHERE.iter().find(|(numbers, _)| numbers.contains(&number)).map(|(_, what)| *what)
}

fn checking(number: &str) -> Vec<&'static Case> {
    cases().filter(|case| case.checks().contains(&number)).collect()
}

/// A table of each section.
fn table(sentences: &[Sentence]) -> String {
    let mut text = HEAD.to_owned();
    let mut section = "";
    for sentence in sentences {
        if sentence.section != section {
            section = &sentence.section;
            write!(text, "\n## {section}\n\n| sentence | cases | saboteurs |\n| --- | --- | --- |\n")
                .unwrap();
        }
        let number = &sentence.number;
        let checked =
            elsewhere(number).map_or_else(|| by_module(&checking(number)), |what| format!("*{what}*"));
        writeln!(text, "| {number} | {checked} | {} |", saboteurs(number)).unwrap();
    }
    text
}

/// Cases, each module named once.
fn by_module(cases: &[&Case]) -> String {
    let mut modules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (module, name) in cases.iter().filter_map(|case| case.name().split_once("::")) {
        modules.entry(module).or_default().push(name);
    }
    let each = modules.into_iter().map(|(module, names)| format!("**{module}** {}", names.join(", ")));
    each.collect::<Vec<_>>().join("; ")
}

fn saboteurs(number: &str) -> String {
    if let Some((_, why)) = UNBREAKABLE.iter().find(|(of, _)| *of == number) {
        return format!("*{why}*");
    }
    let of = Saboteur::all().filter(|s| s.breaks == number).map(|s| format!("{} → {}", s.name, s.caught_by));
    of.collect::<Vec<_>>().join("; ")
}

#[test]
fn numbers_are_unique_and_stand_in_their_section() {
    let mut sections: BTreeMap<String, BTreeSet<char>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for Sentence { section, number } in sentences() {
        assert!(number[1..].parse::<u32>().is_ok() && seen.insert(number.clone()), "{number}");
        sections.entry(section).or_default().extend(number.chars().next());
    }
    assert!(sections.values().all(|letters| letters.len() == 1), "{sections:?}");
}

#[test]
fn cases_and_saboteurs_name_sentences_that_there_are() {
    let numbers: BTreeSet<String> = sentences().into_iter().map(|s| s.number).collect();
    for case in cases() {
        assert!(!case.checks().is_empty(), "{} checks no sentence", case.name());
        for number in case.checks() {
            assert!(numbers.contains(*number), "{} checks {number}, which is no sentence", case.name());
        }
    }
    for Saboteur { name, breaks, caught_by, .. } in Saboteur::all() {
        let case = cases().find(|case| case.name() == *caught_by);
        let case = case.unwrap_or_else(|| panic!("{name:?} is caught by {caught_by}, which is no case"));
        assert!(case.checks().contains(breaks), "{caught_by} does not check {breaks}, which {name:?} breaks");
    }
}

#[test]
fn every_sentence_is_checked() {
    for Sentence { number, .. } in sentences() {
        assert_eq!(
            checking(&number).is_empty(),
            elsewhere(&number).is_some(),
            "{number} is checked here or elsewhere"
        );
    }
}

#[test]
fn every_sentence_with_cases_is_broken_by_a_saboteur() {
    for Sentence { number, .. } in sentences() {
        let broken = Saboteur::all().any(|s| s.breaks == number);
        let unbreakable = UNBREAKABLE.iter().any(|(of, _)| *of == number);
        let none_is_due = elsewhere(&number).is_some() || unbreakable;
        assert_ne!(broken, none_is_due, "{number} has a saboteur, or it is said why it has none");
    }
}

#[test]
fn the_table_is_up_to_date() {
    let (path, table) = (docs("contract-coverage.md"), table(&sentences()));
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &table).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == table, "{} is stale: run `cargo xtask contract` and commit it", path.display());
}
