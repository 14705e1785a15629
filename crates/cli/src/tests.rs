//! How often a command calls the store.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use clap::Parser;
use portolan::layer::{Around, Call, Layer, Op, Part, Reply};
use portolan::{
    FieldType, IndexSpec, Outcome, Record, Result, UpsertRequest, VectorStorage, VectorStorageExt,
};
use tempfile::TempDir;

use crate::args::Cli;
use crate::context::Context;
use crate::failure::Failure;

/// Counts calls by their names, and the items of writes.
#[derive(Debug, Clone, Default)]
struct Counting(Arc<Mutex<BTreeMap<&'static str, Vec<usize>>>>);

impl Counting {
    /// How many items each call of this name had.
    fn calls(&self, name: &str) -> Vec<usize> {
        self.0.lock().unwrap().get(name).cloned().unwrap_or_default()
    }
}

impl Around for Counting {
    async fn around<T: Reply>(&self, op: Op<'_>, next: &dyn Call<T>) -> Result<T> {
        self.0.lock().unwrap().entry(op.name()).or_default().push(op.items());
        next.call(Part::All).await
    }
}

/// Stores nothing, and says that it did.
#[derive(Debug, Clone)]
struct Yes;

impl Around for Yes {
    async fn around<T: Reply>(&self, op: Op<'_>, next: &dyn Call<T>) -> Result<T> {
        match T::all_items(op.items(), Outcome::Stored) {
            Some(stored) => Ok(stored),
            None => next.call(Part::All).await,
        }
    }
}

/// An index `colours` with three records.
async fn colours() -> Arc<dyn VectorStorage> {
    let storage = portolan::open("memory:").await.unwrap();
    storage.ensure_index(&IndexSpec::new("colours", 2).field("hue", FieldType::Integer)).await.unwrap();
    let records = ["red", "green", "blue"].map(|id| Record::new(id, vec![1.0, id.len() as f32]));
    storage.upsert(&UpsertRequest::new("colours", &records[..])).await.unwrap().into_result().unwrap();
    storage
}

/// Runs a command on a store; `{dir}` in it is a directory.
async fn run(line: &str, dir: &Path, storage: Arc<dyn VectorStorage>) -> std::result::Result<(), Failure> {
    let words = line.split(' ').map(|word| word.replace("{dir}", dir.to_str().unwrap()));
    let cli = Cli::try_parse_from(std::iter::once("portolan".to_owned()).chain(words)).unwrap();
    cli.command.run(&Context::over(storage, cli.global)).await
}

/// The rows of a file of colours, one a line.
fn file_of(rows: impl IntoIterator<Item = String>) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let text: Vec<String> = rows.into_iter().collect();
    std::fs::write(dir.path().join("rows.jsonl"), text.join("\n")).unwrap();
    dir
}

fn row(id: usize, vector: &str) -> String {
    format!(r#"{{"id":"c{id}","vector":{vector}}}"#)
}

#[tokio::test]
async fn a_command_describes_its_index_once() {
    let dir = file_of([row(1, "[1,2]")]);
    for (line, described) in [
        ("search colours --id red --where hue>1", 1),
        ("scan colours --where hue>1", 1),
        ("explain colours --where hue>1", 1),
        ("count colours --where hue>1", 1),
        ("get colours red", 1),
        ("export colours {dir}/out.jsonl --where hue>1", 1),
        ("import colours {dir}/rows.jsonl", 1),
        // It is asked for once, and is not there.
        ("import shades {dir}/rows.jsonl --create", 1),
        ("delete colours red --yes", 1),
        ("delete colours --where hue>1 --yes", 1),
        ("clear colours --yes", 1),
        ("index show colours", 1),
        ("index create shades --dimension 2", 0),
        ("index create colours --dimension 2 --field hue:integer --if-not-exists", 1),
        ("index delete colours --yes", 1),
    ] {
        let counting = Counting::default();
        run(line, dir.path(), counting.layer(colours().await)).await.unwrap();
        assert_eq!(counting.calls("describe_index").len(), described, "{line}");
    }
}

#[tokio::test]
async fn records_are_checked_by_the_store_alone() {
    let dir = file_of([row(1, "[1,2]"), row(2, "[1,2,3]")]);
    // A store that accepts everything gets everything.
    run("import colours {dir}/rows.jsonl", dir.path(), Yes.layer(colours().await)).await.unwrap();
}

#[tokio::test]
async fn a_batch_is_sent_once_and_once_more_without_its_bad_rows() {
    for (bad, sent) in [(0, vec![1000, 500]), (1, vec![1000, 999, 500]), (400, vec![1000, 600, 500])] {
        let dir =
            file_of((0..1500).map(|n| row(n, if n % 2 == 1 && n < bad * 2 { "[0,0]" } else { "[1,2]" })));
        let counting = Counting::default();
        let layered = counting.layer(colours().await);
        let ended = run("import colours {dir}/rows.jsonl --on-error skip --quiet", dir.path(), layered).await;
        assert_eq!((ended.is_ok(), counting.calls("upsert")), (bad == 0, sent), "{bad} bad rows");
    }
}
