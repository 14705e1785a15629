//! The README's table of stores, made from what the last run of the conformance suite wrote.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Outcome, ROOT};

const START: &str = "<!-- made by `cargo xtask matrix`; do not edit -->";
const END: &str = "<!-- end of the matrix -->";

/// The stores in the order of the columns.
const STORES: [&str; 7] = ["memory", "embedded", "chroma", "pgvector", "milvus", "milvus-lite", "qdrant"];

/// The folder of the reports.
pub(crate) fn reports() -> PathBuf {
    Path::new(ROOT).join("target/conformance")
}

/// Forgets earlier runs.
pub(crate) fn forget() {
    // There may have been none.
    let _ = fs::remove_dir_all(reports());
}

/// Writes the table into the README.
pub(crate) fn update() -> Outcome {
    let readme = Path::new(ROOT).join("README.md");
    let text = read(&readme)?;
    let made = inserted(&text, &table(&load()?))?;
    fs::write(&readme, made).map_err(|e| format!("{} cannot be written: {e}", readme.display()))
}

/// Fails where the README's table is not the one that the last run gives.
pub(crate) fn check() -> Outcome {
    let reports = load()?;
    let missing: Vec<&str> =
        STORES.into_iter().filter(|name| !reports.iter().any(|r| r["name"] == *name)).collect();
    if !missing.is_empty() {
        println!("xtask: the README's matrix was not checked: no run of the suite on {}", missing.join(", "));
        return Ok(());
    }
    let text = read(&Path::new(ROOT).join("README.md"))?;
    if inserted(&text, &table(&reports))? == text {
        return Ok(());
    }
    Err("the README's matrix is stale: run `cargo xtask matrix` and commit it".to_owned())
}

fn load() -> Result<Vec<Value>, String> {
    let mut reports = Vec::new();
    for name in STORES {
        let path = reports_of(name);
        if let Ok(text) = fs::read_to_string(&path) {
            reports.push(serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?);
        }
    }
    if reports.is_empty() {
        return Err("no run of the suite has left a report: run `cargo xtask test`".to_owned());
    }
    Ok(reports)
}

fn reports_of(name: &str) -> PathBuf {
    reports().join(format!("{name}.json"))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))
}

fn inserted(text: &str, table: &str) -> Result<String, String> {
    let lost = || format!("the README has no place for the matrix: {START}");
    let (before, rest) = text.split_once(START).ok_or_else(lost)?;
    let (_, after) = rest.split_once(END).ok_or_else(lost)?;
    Ok(format!("{before}{START}\n\n{table}\n{END}{after}"))
}

/// A row for each feature, a column for each store.
fn table(reports: &[Value]) -> String {
    let mut lines = vec![
        line("", reports, |r| text(&r["name"])),
        format!("| --- |{}\n", " --- |".repeat(reports.len())),
        line("tested against", reports, |r| text(&r["server"])),
    ];
    let features = reports[0]["features"].as_object().into_iter().flatten();
    lines.extend(features.map(|(name, _)| line(&words(name), reports, |r| support(&r["features"][name]))));
    let declared = ["vectors", "batch", "update_isolated", "durable"];
    lines.extend(declared.map(|name| line(&words(name), reports, |r| text(&r["capability"][name]))));
    lines.push(line("suite: passed", reports, |r| text(&r["passed"])));
    lines.push(line("suite: declared unsupported, refusal checked", reports, |r| {
        r["unsupported"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, n)| n.as_u64())
            .sum::<u64>()
            .to_string()
    }));
    lines.push(line("suite: failed", reports, |r| text(&r["failed"])));
    lines.push(line("random filters equal to the oracle", reports, |r| text(&r["random_filters"])));
    lines.concat()
}

fn line(name: &str, reports: &[Value], cell: impl Fn(&Value) -> String) -> String {
    let cells: Vec<String> = reports.iter().map(cell).collect();
    format!("| {name} | {} |\n", cells.join(" | "))
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// What is native is the rule; the rest stands out.
fn support(value: &Value) -> String {
    match value.as_str() {
        Some("native") => "native".to_owned(),
        Some("unsupported") => "–".to_owned(),
        _ => format!("*{}*", text(value)),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => words(text),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(name: &str, cosine: &str) -> Value {
        json!({
            "name": name, "server": null, "passed": 3, "failed": 0, "unsupported": {"reopening": 2, "optimize": 1},
            "random_filters": 10, "features": {"cosine": cosine},
            "capability": {"vectors": "exact", "batch": "item", "update_isolated": false, "durable": true},
        })
    }

    #[test]
    fn a_column_per_store_and_a_row_per_feature() {
        let table = table(&[report("memory", "native"), report("chroma", "emulated")]);
        assert!(table.starts_with("|  | memory | chroma |\n| --- | --- | --- |\n"), "{table}");
        assert!(table.contains("| cosine | native | *emulated* |"), "{table}");
        assert!(table.contains("| suite: declared unsupported, refusal checked | 3 | 3 |"), "{table}");
    }

    #[test]
    fn only_the_place_between_the_marks_changes() {
        let made = inserted(&format!("a\n{START}\nold\n{END}\nb"), "new\n").unwrap();
        assert_eq!(made, format!("a\n{START}\n\nnew\n\n{END}\nb"));
        assert!(inserted("no marks", "new").is_err());
    }
}
