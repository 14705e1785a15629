//! A store of the first format opens, and answers as it did then.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portolan_core::{
    CallOptions, CountRequest, DeleteRequest, DeleteWhereRequest, FieldType, Filter, GetRequest, IndexSpec,
    Location, Metadata, MetadataPatch, MetadataUpdate, Metric, Record, Scalar, ScanRequest, SearchRequest,
    UpdateRequest, UpsertRequest, Value, VectorStorage,
};
use serde_json::{Value as Json, json};

const COMPANIES: &str = "companies";
const PLACES: &str = "places";
const EDGES: &str = "edges";
const FILE: &str = "portolan.redb";

const FILTERS: [&str; 14] = [
    "TRUE",
    "industry = \"fintech\"",
    "industry STARTS WITH \"long é\" AND NOT industry ENDS WITH \"3\"",
    "founding_year BETWEEN 1990 AND 1999.5",
    "founding_year IN (1980, 2005.0)",
    "revenue > 1.5 OR revenue <= -2",
    "revenue = 9007199254740993",
    "public = TRUE AND NOT employees EXISTS",
    "tags CONTAINS \"b\"",
    "tags != \"a\"",
    "employees >= 12 AND industry NOT IN (\"fintech\", \"health\")",
    "note CONTAINS \"7\" OR id IN (\"c-003\", \"c-005\", \"none\")",
    "mixed EXISTS AND NOT mixed = 2",
    "nested EXISTS OR founding_year < -9007199254740992",
];

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

async fn open(directory: &Path) -> Arc<dyn VectorStorage> {
    portolan_embedded::open(Location::new("embedded").with_path(directory.display().to_string()))
        .await
        .unwrap()
}

fn specs() -> [IndexSpec; 3] {
    [
        IndexSpec::new(COMPANIES, 8)
            .field("industry", FieldType::String)
            .field("founding_year", FieldType::Integer)
            .field("revenue", FieldType::Float)
            .field("public", FieldType::Bool)
            .field("tags", FieldType::String),
        IndexSpec::new(PLACES, 3).metric(Metric::Euclidean),
        IndexSpec::new(EDGES, 4).metric(Metric::DotProduct),
    ]
}

/// Components that every way of summing adds up exactly.
fn vector(n: usize, dimension: usize) -> Vec<f32> {
    (0..dimension).map(|i| ((n * 7 + i * 13) % 17) as f32 * 0.25 - 2.0).collect()
}

fn company(n: usize) -> Record {
    let industry = match n % 5 {
        0 => "fintech".to_owned(),
        1 => "health".to_owned(),
        2 => format!("long {}{}", "é".repeat(140), n % 4),
        3 => String::new(),
        _ => "a\0b💥".to_owned(),
    };
    let mut metadata = Metadata::new()
        .with("industry", industry)
        .with("public", n.is_multiple_of(3))
        .with("note", format!("note {n}"));
    let year = if n == 40 { i64::MIN } else { 1975 + (n % 40) as i64 };
    metadata.insert("founding_year", year);
    let revenue = [-2.5, 0.0, 5e-324, 1.75, 9_007_199_254_740_992.0, -0.125];
    if n % 7 != 6 {
        metadata.insert("revenue", revenue[n % revenue.len()]);
    }
    if n % 4 != 3 {
        metadata.insert("employees", (n % 23) as i64);
    }
    let tags = ["a", "b", "c"].into_iter().take(n % 4).map(|tag| Scalar::from(tag.to_owned()));
    metadata.insert("tags", Value::List(tags.collect()));
    match n % 6 {
        0 => drop(metadata.insert("mixed", 2)),
        1 => drop(metadata.insert("mixed", 2.0)),
        2 => drop(metadata.insert("mixed", true)),
        3 => drop(metadata.insert("mixed", vec![1, 2])),
        4 => {
            let nested = Value::from_json(json!({"a": [1, 2.5, null, {"b": "x"}]})).unwrap().unwrap();
            metadata.insert("nested", nested);
        }
        _ => {}
    }
    Record::new(format!("c-{n:03}"), vector(n, 8)).metadata(metadata)
}

fn place(n: usize) -> Record {
    Record::new(format!("ort/ö{n}"), vector(n, 3)).metadata(Metadata::new().with("employees", n as i64))
}

fn edges() -> Vec<Record> {
    let vectors = [
        [0.0, -0.0, 0.0, 0.0],
        [1e-15, 0.0, 0.0, 0.0],
        [1e15, 0.0, 0.0, 0.0],
        [f32::from_bits(1), 1.0, f32::EPSILON, -1.000_000_1],
    ];
    (0..).zip(vectors).map(|(n, vector)| Record::new(format!("edge {n}"), vector)).collect()
}

/// All that there is to do with a store, in many commits.
async fn fill(storage: &dyn VectorStorage) {
    for spec in specs() {
        storage.create_index(&spec, CallOptions::new()).await.unwrap();
    }
    let upsert = async |index: &str, records: &[Record]| {
        storage.upsert(&UpsertRequest::new(index, records)).await.unwrap().into_result().unwrap();
    };
    let companies: Vec<Record> = (0..150).map(company).collect();
    for batch in companies.chunks(40) {
        upsert(COMPANIES, batch).await;
    }
    upsert(PLACES, &(0..40).map(place).collect::<Vec<_>>()).await;
    upsert(EDGES, &edges()).await;
    let gone: Vec<String> = (0..150).step_by(11).map(|n| format!("c-{n:03}")).collect();
    storage.delete(&DeleteRequest::new(COMPANIES, &gone)).await.unwrap().into_result().unwrap();
    let filter = Filter::parse("employees < 5").unwrap();
    storage.delete_where(&DeleteWhereRequest::new(PLACES, &filter)).await.unwrap();
    let patch = MetadataPatch::new().set("founding_year", 2005).set("mixed", "text").remove("industry");
    let patches: Vec<MetadataUpdate> =
        (1..150).step_by(13).map(|n| MetadataUpdate::new(format!("c-{n:03}"), patch.clone())).collect();
    let updated = storage.update_metadata(&UpdateRequest::new(COMPANIES, &patches)).await.unwrap();
    assert_eq!(updated.failed(), 1, "one of them was deleted");
    let replaced: Vec<Record> =
        (2..150).step_by(17).map(|n| Record { vector: company(n + 1).vector, ..company(n) }).collect();
    upsert(COMPANIES, &replaced).await;
    upsert(COMPANIES, &(150..156).map(company).collect::<Vec<_>>()).await;
}

/// What the store answers, question by question.
async fn answers(storage: &dyn VectorStorage) -> Vec<Json> {
    let mut answers = Vec::new();
    let mut note = |question: String, answer: Json| answers.push(json!([question, answer]));
    for index in storage.list_indexes(CallOptions::new()).await.unwrap() {
        let spec = storage.describe_index(&index, CallOptions::new()).await.unwrap().spec;
        let stats = storage.stats(&index, true, CallOptions::new()).await.unwrap();
        note(format!("describe {index}"), json!(spec));
        note(format!("stats {index}"), json!([stats.vectors, stats.fields]));
        let page = storage.scan(&ScanRequest::new(&index).page_size(1_000)).await.unwrap();
        note(format!("scan {index}"), json!(page.records));
        for text in FILTERS {
            let filter = Filter::parse(text).unwrap();
            let of = |what: &str| format!("{what} {index} where {text}");
            let count = storage.count(&CountRequest::new(&index).filter(Some(&filter))).await.unwrap();
            note(of("count"), json!(count));
            if index != EDGES {
                let request = SearchRequest::new(&index, vector(4, spec.dimension)).top_k(7).filter(filter);
                let matches = storage.search(&request.include_metadata(false)).await.unwrap().matches;
                let found: Vec<Json> = matches.iter().map(|m| json!([m.id, m.score, m.distance])).collect();
                note(of("search"), json!(found));
            }
        }
    }
    let ids = ["c-001", "c-011", "none", "c-155", "c-001"].map(str::to_owned);
    note("get".to_owned(), json!(storage.get(&GetRequest::new(COMPANIES, &ids)).await.unwrap()));
    answers
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Compared as text, where -0.0 is not 0.0, and question by question, so that a failure is short.
fn assert_equal(found: &[Json]) {
    let expected = fs::read_to_string(fixture("format-1.jsonl")).unwrap();
    for (found, expected) in found.iter().zip(expected.lines()) {
        assert_eq!(found.to_string(), expected);
    }
    assert_eq!(found.len(), expected.lines().count());
}

#[test]
fn a_store_of_the_first_format_answers_as_it_did_and_takes_writes() {
    let directory = tempfile::tempdir().unwrap();
    let packed = fs::read(fixture("format-1.redb.zst")).unwrap();
    fs::write(directory.path().join(FILE), zstd::decode_all(&packed[..]).unwrap()).unwrap();
    run(async {
        let storage = open(directory.path()).await;
        assert_equal(&answers(&*storage).await);
        let info = storage.describe_index(COMPANIES, CallOptions::new()).await.unwrap();
        assert!(info.created_at.is_some_and(|time| time.starts_with("2026-")));
        let filter = Filter::parse("industry = \"fintech\"").unwrap();
        let count = || CountRequest::new(COMPANIES).filter(Some(&filter));
        let before = storage.count(&count()).await.unwrap();
        let new = [company(1_000)];
        storage.upsert(&UpsertRequest::new(COMPANIES, &new[..])).await.unwrap().into_result().unwrap();
        assert_eq!(storage.count(&count()).await.unwrap(), before + 1);
        let deleted = storage.delete_where(&DeleteWhereRequest::new(COMPANIES, &filter)).await.unwrap();
        assert_eq!(deleted.deleted, Some(before + 1));
    });
}

#[test]
fn the_same_calls_still_make_a_store_that_answers_so() {
    let directory = tempfile::tempdir().unwrap();
    run(async {
        let storage = open(directory.path()).await;
        fill(&*storage).await;
        assert_equal(&answers(&*storage).await);
    });
}

#[test]
#[ignore = "makes the fixture: to be run once for each version of the format, by the code that writes it first"]
fn make_the_fixture() {
    let directory = tempfile::tempdir().unwrap();
    let answers = run(async {
        let storage = open(directory.path()).await;
        fill(&*storage).await;
        let answers = answers(&*storage).await;
        storage.close().await.unwrap();
        answers
    });
    let lines: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
    fs::write(fixture("format-1.jsonl"), lines).unwrap();
    let file = fs::read(directory.path().join(FILE)).unwrap();
    fs::write(fixture("format-1.redb.zst"), zstd::encode_all(&file[..], 19).unwrap()).unwrap();
}
