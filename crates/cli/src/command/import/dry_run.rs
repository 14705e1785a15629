//! `portolan import --dry-run`: what would be read.

use portolan::Record;
use serde_json::{Value as Json, json};

use crate::context::Context;
use crate::failure::Failure;
use crate::input::{Declared, Input, Survey, Told, Wanted};
use crate::output;

/// How many components of a vector are shown.
const SHOWN: usize = 4;

/// Shows of each input what its columns are taken for, and its first record; no store is opened.
pub(super) fn run(inputs: &[Input], declared: &Declared, context: &Context) -> Result<(), Failure> {
    let survey = Survey::of(inputs, declared, Wanted { dimension: false, fingerprints: false })?;
    let mut files = Vec::with_capacity(inputs.len());
    for input in inputs {
        let mut rows = input.open(&survey.types)?;
        let first = match rows.next().transpose().map_err(Failure::failed)? {
            None => None,
            Some(row) => Some(row.record.map_err(|e| Failure::failed(input.row_error(row.line, &e)))?),
        };
        files.push((input.name(), rows.told(), first));
    }
    let summary = json!({ "files": files.iter().map(to_json).collect::<Vec<Json>>() });
    output::print_one(context.format(), &summary, || {
        let texts: Vec<String> = files.iter().map(sentence).collect();
        format!("{}\nNothing was stored.", texts.join("\n"))
    })
}

type Shown = (String, Option<Told>, Option<Record>);

fn to_json((file, told, first): &Shown) -> Json {
    json!({ "file": file, "columns": told.as_ref().map(|told| &told.text), "first": first })
}

fn sentence((file, told, first): &Shown) -> String {
    let told = told.as_ref().map_or_else(String::new, |told| format!("{}.", told.text));
    let Some(first) = first else { return format!("{file}: it has no records.") };
    let vector = first.vector.as_deref().unwrap_or_default();
    let shown: Vec<String> = vector.iter().take(SHOWN).map(|x| format!("{x:?}")).collect();
    let more = if vector.len() > SHOWN { format!(", … {} numbers", vector.len()) } else { String::new() };
    format!(
        "{file}: {told}\n  first id        {}\n  first vector    [{}{more}]\n  first metadata  {}",
        on_a_line(&first.id),
        shown.join(", "),
        on_a_line(&first.metadata.to_string()),
    )
}

/// A text that does not steer the terminal.
fn on_a_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
